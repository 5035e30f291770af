//! OpenPGP: data keys wrapped for public keys, opened with secret ones (format §4.2), in this
//! process and without gpg.
//!
//! Rules of this module:
//!
//! - Keys come as bytes, in the forms in which GnuPG keeps or exports them. They are read when
//!   the first key is used, and once; who wants others makes another provider.
//! - What opens is what gpg would open: any message for a secret key that is here, whatever
//!   fingerprint stands beside it.
//! - No text of the library is passed on: some of them show numbers of keys.
//! - Nothing tells in which step a message failed to open.
//!
//! About time: ElGamal and ECDH are computed in constant time. RSA is not (RUSTSEC-2023-0071):
//! its powers are blinded, and what a wrong padding gives is a random session key, but who can
//! measure many thousand openings of chosen messages to the microsecond may learn something.

mod agent_key;
mod armor;
mod certificate;
mod elgamal;
mod home;
mod keybox;
mod keychain;
mod keygrip;
mod message;
mod packets;
mod recipient;
mod secret;
mod sexp;

use std::fmt;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use pgp::packet::{PublicKeyEncryptedSessionKey, PublicSubkey};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails as _, PublicParams};
use rand::rngs::OsRng;
use sops_core::crypto::KeyPart;
use sops_core::keys::{Attempt, KeyProvider, MasterKey, PgpKey, ProviderError, Reach, Refusal};
use sops_core::tree::Time;

pub use home::PgpHome;

use certificate::Certificate;
use keychain::Keychain;
use message::{Message, Recipient};
use packets::put_mpi;
use recipient::Unfit;
use secret::{Closed, SecretKey, SessionKey};

/// Wraps for public keys and opens with secret keys of OpenPGP.
pub struct PgpProvider {
    keychain: LazyLock<Keychain, Box<dyn FnOnce() -> Keychain + Send>>,
}

impl PgpProvider {
    /// A provider with the keys of a home.
    pub fn new(home: PgpHome) -> Self {
        Self::reading(move || home)
    }

    /// A provider that reads a home when the first key is used.
    pub fn reading(read: impl FnOnce() -> PgpHome + Send + 'static) -> Self {
        Self { keychain: LazyLock::new(Box::new(|| Keychain::read(read()))) }
    }

    /// What reading the keys came to, for reports. Reads them if nothing did before.
    pub fn looked_at(&self) -> LookedAt {
        let keychain = &*self.keychain;
        LookedAt {
            public: keychain.certificates.len(),
            secret: keychain.secrets.len(),
            problems: keychain.problems.iter().chain(&keychain.remarks).cloned().collect(),
        }
    }

    fn open_message(&self, key: &MasterKey, pgp: &PgpKey, enc: &str) -> Attempt {
        let failed =
            |refusal, text: String| Attempt::Failed(ProviderError::new(refusal, key, text));
        let message = match Message::parse(enc) {
            Ok(message) => message,
            Err((refusal, text)) => return failed(refusal, text.to_owned()),
        };
        let keychain = &*self.keychain;
        let (mut tried, mut closed) = (false, None);
        for (recipient, secret) in pairs(&message, keychain) {
            match secret.session_key(&recipient.values, &keychain.passphrases) {
                Ok(session) => {
                    tried = true;
                    if let Some(part) = message.open(&session) {
                        return Attempt::Opened(part);
                    }
                }
                // Only about a key that the message names: any other need not be meant.
                Err(why) if !is_hidden(recipient) => closed = closed.or(Some((why, secret))),
                Err(_) => {}
            }
        }
        if let Some((why, secret)) = closed {
            return failed(why.refusal(), why.text(&secret.public));
        }
        if let Some(foreign) = message.recipients.iter().find_map(|one| keychain.foreign(&one.id)) {
            let text = format!("the secret key {foreign} cannot be used: {}", secret::KIND);
            return failed(Refusal::Unsupported, text);
        }
        let is_own = || keychain.secrets.iter().any(|secret| keychain.is_of(pgp, secret));
        if tried && !message.recipients.iter().all(is_hidden) {
            return failed(
                Refusal::WrongCiphertext,
                "the message does not open with the secret key it names".into(),
            );
        }
        if is_own() {
            let text =
                "a secret key of this fingerprint is there, but the message was not made for it";
            return failed(Refusal::WrongCiphertext, text.into());
        }
        match keychain.problems.is_empty() {
            true => Attempt::NotMine,
            false => failed(Refusal::NoCredentials, keychain.problems.join("; ")),
        }
    }

    fn wrap_part(
        &self,
        key: &MasterKey,
        pgp: &PgpKey,
        part: &KeyPart,
    ) -> Result<String, ProviderError> {
        let failed = |refusal, text: String| ProviderError::new(refusal, key, text);
        let wanted = Wanted::of(pgp);
        let keychain = &*self.keychain;
        let mut found: Vec<&Certificate> = Vec::new();
        for certificate in &keychain.certificates {
            let same = |other: &&Certificate| {
                other.primary.signer.fingerprint() == certificate.primary.signer.fingerprint()
            };
            if certificate.components().any(|component| wanted.is(&component.fingerprint()))
                && !found.iter().any(same)
            {
                found.push(certificate);
            }
        }
        let certificate = match found[..] {
            [certificate] => certificate,
            [] => {
                let mut text = "its public key is in no keyring that was read".to_owned();
                for problem in &keychain.problems {
                    text.push_str("; ");
                    text.push_str(problem);
                }
                return Err(failed(Refusal::NoSuchKey, text));
            }
            _ => {
                let text = "several keys have this id: write the whole fingerprint";
                return Err(failed(Refusal::BadSetting, text.into()));
            }
        };
        let exact = certificate.components().map(certificate::Component::fingerprint);
        let exact = exact.filter(|_| wanted.exact).find(|fingerprint| wanted.is(fingerprint));
        let public = recipient::choose(certificate, exact.as_deref(), now())
            .map_err(|unfit| failed(unfit.refusal(), unfit.text()))?;
        message::seal(part, |session| session_packet(public, session)).ok_or_else(|| {
            let text =
                "data keys cannot be wrapped for a key of this kind (algorithm, curve or size)";
            failed(Refusal::Unsupported, text.into())
        })
    }
}

/// What reading keys came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedAt {
    /// How many certificates there are.
    pub public: usize,
    /// How many secret keys there are that could open messages.
    pub secret: usize,
    /// What could not be used, and why.
    pub problems: Vec<String>,
}

#[async_trait::async_trait]
impl KeyProvider for PgpProvider {
    fn reach(&self, key: &MasterKey) -> Reach {
        match key {
            MasterKey::Pgp(_) => Reach::Local,
            _ => Reach::Never,
        }
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        match key {
            MasterKey::Pgp(pgp) => self.wrap_part(key, pgp, part),
            _ => Err(ProviderError::new(Refusal::Unsupported, key, "not a key of OpenPGP")),
        }
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        match key {
            MasterKey::Pgp(pgp) => self.open_message(key, pgp, enc),
            _ => Attempt::NotMine,
        }
    }
}

/// The recipients of a message with the secret keys that may be meant; first those it names.
fn pairs<'a>(
    message: &'a Message,
    keychain: &'a Keychain,
) -> impl Iterator<Item = (&'a Recipient, &'a SecretKey)> {
    let all = message.recipients.iter();
    let (named, hidden): (Vec<_>, Vec<_>) = all.partition(|recipient| !is_hidden(recipient));
    let named = named.into_iter().flat_map(|recipient| {
        let own = keychain.secrets.iter();
        own.filter(|secret| secret.id() == recipient.id).map(move |secret| (recipient, secret))
    });
    let hidden = hidden
        .into_iter()
        .flat_map(|recipient| keychain.secrets.iter().map(move |secret| (recipient, secret)));
    named.chain(hidden)
}

fn is_hidden(recipient: &Recipient) -> bool {
    recipient.id == [0; 8]
}

impl Keychain {
    /// Whether a secret key belongs to the certificate with this fingerprint.
    fn is_of(&self, pgp: &PgpKey, secret: &SecretKey) -> bool {
        let wanted = Wanted::of(pgp);
        let fingerprint = secret.public.fingerprint();
        self.certificates.iter().any(|certificate| {
            certificate.components().any(|one| one.public.fingerprint() == fingerprint)
                && certificate.components().any(|one| wanted.is(&one.fingerprint()))
        })
    }
}

/// A fingerprint or long key id, as it was written.
struct Wanted {
    digits: String,
    exact: bool,
}

impl Wanted {
    fn of(pgp: &PgpKey) -> Self {
        let text = pgp.fingerprint.to_ascii_uppercase();
        let digits = text.strip_suffix('!').unwrap_or(&text);
        let exact = digits.len() < text.len();
        Self { digits: digits.strip_prefix("0X").unwrap_or(digits).to_owned(), exact }
    }

    /// Whether a key with this fingerprint is meant.
    fn is(&self, fingerprint: &str) -> bool {
        match self.digits.len() {
            // A long key id.
            16 => fingerprint.len() == 40 && fingerprint.ends_with(&self.digits),
            _ => fingerprint == self.digits,
        }
    }
}

/// The body of the packet with a session key for a public key.
fn session_packet(public: &PublicSubkey, session: &SessionKey) -> Option<Vec<u8>> {
    if let PublicParams::Elgamal(params) = public.public_params() {
        let mut bytes = Vec::new();
        params.to_writer(&mut bytes).ok()?;
        let key = secret::elgamal_public(&bytes)?;
        let (first, second) = key.encrypt(&mut OsRng, &session.encode())?;
        let mut body = vec![3];
        body.extend_from_slice(public.legacy_key_id().as_ref());
        body.push(public.algorithm().into());
        put_mpi(&mut body, &first);
        put_mpi(&mut body, &second);
        return Some(body);
    }
    let key = session.key[..].into();
    let packet =
        PublicKeyEncryptedSessionKey::from_session_key_v3(OsRng, &key, session.algorithm, public);
    let mut body = Vec::new();
    packet.ok()?.to_writer(&mut body).ok()?;
    Some(body)
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

impl Closed {
    fn refusal(self) -> Refusal {
        match self {
            Self::NoPassphrase | Self::WrongPassphrase => Refusal::NotUnlocked,
            Self::OnCard | Self::Unusable(_) => Refusal::Unsupported,
        }
    }

    fn text(self, public: &PublicSubkey) -> String {
        let key = format!("the secret key {:X}", public.fingerprint());
        match self {
            Self::NoPassphrase => format!(
                "{key} has a passphrase, and none was given; `gpg --passwd` can take it away from \
                 a copy"
            ),
            Self::WrongPassphrase => format!("{key} has another passphrase than the one given"),
            Self::OnCard => format!("{key} is on a smartcard, which only gpg can use"),
            Self::Unusable(why) => format!("{key} cannot be used: {why}"),
        }
    }
}

impl Unfit {
    fn refusal(&self) -> Refusal {
        match self {
            Self::NotForEncryption => Refusal::WrongUsage,
            _ => Refusal::NotUsable,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Revoked => "it is revoked".into(),
            Self::Expired(time) => format!("it expired on {}", date(*time)),
            Self::NotYet => "it was made in the future: is the clock right?".into(),
            Self::Unbound => "no signature that makes it valid could be verified".into(),
            Self::NotForEncryption => "it has no key for encryption".into(),
        }
    }
}

/// Seconds since 1970 as `2026-11-25`.
fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(Time::from_unix);
    time.map_or_else(|| format!("second {seconds} of 1970"), |time| time.to_string())
}

impl fmt::Debug for PgpProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgpProvider").finish_non_exhaustive()
    }
}
