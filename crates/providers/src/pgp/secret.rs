//! Secret keys, and session keys out of what was encrypted for them.

use std::sync::{Arc, OnceLock};

use pgp::composed::PlainSessionKey;
use pgp::crypto::ecdh;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::PublicSubkey;
use pgp::ser::Serialize as _;
use pgp::types::{
    EcdhPublicParams, EncryptedSecretParams, EskType, KeyDetails as _, KeyVersion, Password,
    PkeskBytes, PlainSecretParams, PublicParams, SecretParams, Tag,
};
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, Pkcs1v15Encrypt, RsaPrivateKey};
use sops_core::crypto::SecretBytes;
use zeroize::Zeroizing;

use super::agent_key::{self, AgentSecret, Numbers};
use super::elgamal;
use super::packets::{put_mpi, take_mpi, trimmed};

/// A secret key and the public one it belongs to.
pub(crate) struct SecretKey {
    pub(crate) public: PublicSubkey,
    state: State,
}

enum State {
    Open(Box<Opener>),
    /// Behind a passphrase. It is tried once in the life of a provider, since it takes a while.
    Locked(Lock, OnceLock<Option<Box<Opener>>>),
    OnCard,
    Unusable(&'static str),
}

enum Lock {
    Agent(Arc<agent_key::Locked>),
    Packet(EncryptedSecretParams),
}

/// What opens messages.
enum Opener {
    Rsa(RsaPrivateKey),
    Elgamal(elgamal::Secret),
    Other(PlainSecretParams),
}

/// Why a key opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It has a passphrase, and none was given.
    NoPassphrase,
    /// It has a passphrase, and it is none of those that were given.
    WrongPassphrase,
    /// It is on a smartcard.
    OnCard,
    /// It is of a kind that this program cannot use.
    Unusable(&'static str),
}

/// A key for the data of one message.
pub(crate) struct SessionKey {
    pub(crate) algorithm: SymmetricKeyAlgorithm,
    pub(crate) key: Zeroizing<Vec<u8>>,
}

const NO_KEY: &str = "the numbers in it make no key";
pub(crate) const KIND: &str = "keys of its kind (algorithm or curve) are not supported here";
const PROTECTION: &str = "it is protected in a way that is not supported here; \
     `gpg --passwd` writes it anew";

impl SecretKey {
    /// From a file of gpg-agent, with the public key of the same keygrip.
    pub(crate) fn of_agent(public: PublicSubkey, secret: &AgentSecret) -> Self {
        let state = match secret {
            AgentSecret::Open(numbers) => State::of(Opener::of_numbers(&public, numbers)),
            AgentSecret::Locked(locked) => {
                State::Locked(Lock::Agent(locked.clone()), OnceLock::new())
            }
            AgentSecret::OnCard => State::OnCard,
            AgentSecret::Foreign => State::Unusable(PROTECTION),
        };
        Self { public, state }
    }

    /// From a packet. `None` for the stub that stands where a secret key was taken away.
    pub(crate) fn of_packet(public: PublicSubkey, secret: &SecretParams) -> Option<Self> {
        let state = match secret {
            SecretParams::Plain(plain) => State::of(Opener::of_plain(&public, plain)),
            SecretParams::Encrypted(locked) => {
                use pgp::types::{S2kParams, StringToKey};
                match locked.string_to_key_params() {
                    // GnuPG's extension 101: no secret key, or one on a smartcard.
                    S2kParams::Cfb { s2k: StringToKey::Private { .. }, .. }
                    | S2kParams::MalleableCfb { s2k: StringToKey::Private { .. }, .. } => {
                        return None;
                    }
                    _ => State::Locked(Lock::Packet(locked.clone()), OnceLock::new()),
                }
            }
        };
        Some(Self { public, state })
    }

    /// Which of two copies is taken: the lower one.
    pub(crate) fn rank(&self) -> u8 {
        match self.state {
            State::Open(_) => 0,
            State::Locked(..) => 1,
            State::OnCard => 2,
            State::Unusable(_) => 3,
        }
    }

    /// The key id, by which messages name it.
    pub(crate) fn id(&self) -> [u8; 8] {
        let mut id = [0; 8];
        id.copy_from_slice(self.public.legacy_key_id().as_ref());
        id
    }

    /// Whether keys of this algorithm open anything at all.
    pub(crate) fn can_open(public: &PublicSubkey) -> bool {
        use PublicKeyAlgorithm as A;
        matches!(
            public.algorithm(),
            A::RSA | A::RSAEncrypt | A::Elgamal | A::ElgamalEncrypt | A::ECDH | A::X25519 | A::X448
        )
    }

    /// Opens the session key of a message for this key.
    ///
    /// A text that this key did not make gives a random session key, as if it had been made by
    /// it: that the key is wrong shows when the message does not open, and not here. Otherwise
    /// whoever can ask often enough finds out about a session key by RSA (Bleichenbacher).
    pub(crate) fn session_key(
        &self,
        values: &PkeskBytes,
        passphrases: &[SecretBytes],
    ) -> Result<SessionKey, Closed> {
        let opener = match &self.state {
            State::Open(opener) => opener,
            State::OnCard => return Err(Closed::OnCard),
            State::Unusable(why) => return Err(Closed::Unusable(why)),
            State::Locked(..) if passphrases.is_empty() => return Err(Closed::NoPassphrase),
            State::Locked(lock, opened) => {
                let opened = opened.get_or_init(|| {
                    passphrases.iter().find_map(|word| lock.open(&self.public, word)).map(Box::new)
                });
                opened.as_ref().ok_or(Closed::WrongPassphrase)?
            }
        };
        Ok(opener.open(&self.public, values).unwrap_or_else(SessionKey::random))
    }
}

impl State {
    fn of(opener: Result<Opener, &'static str>) -> Self {
        match opener {
            Ok(opener) => Self::Open(Box::new(opener)),
            Err(why) => Self::Unusable(why),
        }
    }
}

impl Lock {
    fn open(&self, public: &PublicSubkey, passphrase: &SecretBytes) -> Option<Opener> {
        match self {
            Self::Agent(locked) => Opener::of_numbers(public, &locked.unlock(passphrase)?).ok(),
            Self::Packet(locked) => {
                let word = Password::from(passphrase.expose());
                // The tag counts in the newest protection only, and only as what it was. A primary
                // key that opens messages and has that one is not opened.
                let plain = locked.unlock(&word, public, Some(Tag::SecretSubkey)).ok()?;
                Opener::of_plain(public, &plain).ok()
            }
        }
    }
}

impl Opener {
    /// Numbers from gpg-agent are those of the packet.
    fn of_numbers(public: &PublicSubkey, numbers: &Numbers) -> Result<Self, &'static str> {
        use PublicKeyAlgorithm as A;
        let names: &[&str] = match public.algorithm() {
            A::RSA | A::RSAEncrypt => &["d", "p", "q", "u"],
            A::Elgamal | A::ElgamalEncrypt => &["x"],
            A::ECDH => {
                let d = numbers.get("d").ok_or(NO_KEY)?;
                return Self::of_plain(public, &ecdh_secret(public, d)?);
            }
            _ => return Err(KIND),
        };
        let mut packet = Zeroizing::new(Vec::with_capacity(8192));
        for name in names {
            put_mpi(&mut packet, numbers.get(name).ok_or(NO_KEY)?);
        }
        let plain = PlainSecretParams::try_from_reader_no_checksum(
            &packet[..],
            KeyVersion::V4,
            public.algorithm(),
            public.public_params(),
        );
        Self::of_plain(public, &plain.map_err(|_| NO_KEY)?)
    }

    fn of_plain(public: &PublicSubkey, plain: &PlainSecretParams) -> Result<Self, &'static str> {
        match (plain, public.public_params()) {
            (PlainSecretParams::RSA(secret), PublicParams::RSA(public)) => {
                let (d, p, q, _) = secret.to_bytes();
                let (d, p, q) = (Zeroizing::new(d), Zeroizing::new(p), Zeroizing::new(q));
                let number = |bytes: &[u8]| BigUint::from_bytes_be(bytes);
                let (n, e) = (public.key.n().clone(), public.key.e().clone());
                let primes = vec![number(&p), number(&q)];
                let key = RsaPrivateKey::from_components(n, e, number(&d), primes);
                let key = key.map_err(|_| NO_KEY)?;
                key.validate().map_err(|_| NO_KEY)?;
                Ok(Self::Rsa(key))
            }
            (PlainSecretParams::Elgamal(secret), PublicParams::Elgamal(params)) => {
                let mut bytes = Vec::new();
                params.to_writer(&mut bytes).map_err(|_| NO_KEY)?;
                let public = elgamal_public(&bytes).ok_or(NO_KEY)?;
                elgamal::Secret::new(public, secret.as_bytes()).map(Self::Elgamal).ok_or(NO_KEY)
            }
            (PlainSecretParams::ECDH(ecdh::SecretKey::Unsupported { .. }), _) => Err(KIND),
            (PlainSecretParams::ECDH(secret), PublicParams::ECDH(params)) => {
                if is_half_of(secret, params) {
                    Ok(Self::Other(plain.clone()))
                } else {
                    Err(NO_KEY)
                }
            }
            (PlainSecretParams::X25519(_) | PlainSecretParams::X448(_), _) => {
                Ok(Self::Other(plain.clone()))
            }
            _ => Err(KIND),
        }
    }

    fn open(&self, public: &PublicSubkey, values: &PkeskBytes) -> Option<SessionKey> {
        match (self, values) {
            (Self::Rsa(key), PkeskBytes::Rsa { mpi }) => {
                let opened =
                    key.decrypt_blinded(&mut rand::rngs::OsRng, Pkcs1v15Encrypt, mpi.as_ref());
                SessionKey::parse(&Zeroizing::new(opened.ok()?))
            }
            (Self::Elgamal(key), PkeskBytes::Elgamal { first, second }) => {
                SessionKey::parse(&key.decrypt(first.as_ref(), second.as_ref())?)
            }
            (Self::Other(key), values) => {
                let params = public.public_params();
                match &key.decrypt(params, values, EskType::V3_4, public).ok()? {
                    PlainSessionKey::V3_4 { sym_alg, key } => {
                        let key = Zeroizing::new(key.as_ref().to_vec());
                        Some(SessionKey { algorithm: *sym_alg, key })
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// The number of an ECDH key, in the library's form.
fn ecdh_secret(public: &PublicSubkey, d: &[u8]) -> Result<PlainSecretParams, &'static str> {
    let d = trimmed(d);
    if let PublicParams::ECDH(EcdhPublicParams::Curve25519Legacy { .. }) = public.public_params() {
        // Written backwards; the library would fill up a short one on the wrong side.
        let mut whole = Zeroizing::new([0; 32]);
        let start = whole.len().checked_sub(d.len()).ok_or(NO_KEY)?;
        whole[start..].copy_from_slice(d);
        let secret = ecdh::Curve25519Legacy::try_from_bytes_rev(&whole[..]).map_err(|_| NO_KEY)?;
        return Ok(PlainSecretParams::ECDH(ecdh::SecretKey::Curve25519Legacy(secret)));
    }
    let mut packet = Zeroizing::new(Vec::with_capacity(d.len() + 2));
    put_mpi(&mut packet, d);
    PlainSecretParams::try_from_reader_no_checksum(
        &packet[..],
        KeyVersion::V4,
        public.algorithm(),
        public.public_params(),
    )
    .map_err(|_| NO_KEY)
}

/// Whether the point of the public key is that of the secret one.
fn is_half_of(secret: &ecdh::SecretKey, public: &EcdhPublicParams) -> bool {
    use EcdhPublicParams as P;
    let Ok(own) = P::try_from(secret) else { return false };
    match (&own, public) {
        (P::Curve25519Legacy { p: own, .. }, P::Curve25519Legacy { p, .. }) => own == p,
        (P::P256 { p: own, .. }, P::P256 { p, .. }) => own == p,
        (P::P384 { p: own, .. }, P::P384 { p, .. }) => own == p,
        (P::P521 { p: own, .. }, P::P521 { p, .. }) => own == p,
        _ => false,
    }
}

/// Reads the public half of ElGamal, as it stands in a packet.
pub(crate) fn elgamal_public(mut params: &[u8]) -> Option<elgamal::Public> {
    let mut number = || take_mpi(&mut params);
    let (p, g, y) = (number()?, number()?, number()?);
    elgamal::Public::new(p, g, y)
}

impl SessionKey {
    pub(crate) fn random() -> Self {
        use rand::RngCore as _;
        let mut key = Zeroizing::new(vec![0; 32]);
        rand::rngs::OsRng.fill_bytes(&mut key);
        Self { algorithm: SymmetricKeyAlgorithm::AES256, key }
    }

    /// As it is encrypted: its algorithm, the key, and a sum of its bytes (RFC 9580 §5.1).
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.key.len() + 3));
        bytes.push(self.algorithm.into());
        bytes.extend_from_slice(&self.key);
        bytes.extend_from_slice(&sum(&self.key).to_be_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (algorithm, rest) = bytes.split_first()?;
        let (key, end) = rest.split_at_checked(rest.len().checked_sub(2)?)?;
        let algorithm = SymmetricKeyAlgorithm::from(*algorithm);
        let fits = algorithm.key_size() == key.len() && !key.is_empty();
        (fits && end == sum(key).to_be_bytes())
            .then(|| Self { algorithm, key: Zeroizing::new(key.to_vec()) })
    }
}

fn sum(key: &[u8]) -> u16 {
    key.iter().fold(0, |sum: u16, byte| sum.wrapping_add(u16::from(*byte)))
}
