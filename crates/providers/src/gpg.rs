//! OpenPGP by the program gpg (format §4.2): with its agent, its cards and its settings.
//!
//! Rules of this module:
//!
//! - gpg is called as Go sops calls it, so that scripts which stand in for it go on working.
//! - Data keys go through pipes: never into arguments, variables or files.
//! - Wrapping asks nobody. Opening may ask a person for a passphrase or a card, so it happens while
//!   nothing else is under way, and takes as long as the person takes. Where there is nobody to ask,
//!   it ends at a deadline, as a call of any service does.
//! - What gpg said is part of the error. Its words are read to choose the advice, and for nothing
//!   else: they are of the language of the person.
//! - Where gpg is not there, another provider does the work, if there is one; it is also asked when
//!   gpg could not open something. One that was named and cannot be started is an error.

use std::io;
use std::sync::{Arc, LazyLock};

use sops_core::crypto::{KeyPart, SecretBytes};
use sops_core::keys::{Attempt, KeyProvider, MasterKey, PgpKey, ProviderError, Reach, Refusal};

use crate::words::one_line;

/// Wraps and opens with keys of OpenPGP by gpg.
pub struct GpgProvider {
    found: LazyLock<GpgFound, Box<dyn FnOnce() -> GpgFound + Send>>,
    native: Option<Arc<dyn KeyProvider>>,
}

/// What came of looking for gpg.
pub enum GpgFound {
    /// It is there.
    At(Box<dyn GpgProgram>),
    /// There is none, and none was named.
    Nowhere,
    /// One was named that cannot be used: why, in one line.
    Unusable(String),
}

/// The program, started by whoever may start programs.
pub trait GpgProgram: Send + Sync {
    /// Its name for messages.
    fn name(&self) -> String;

    /// Runs it to its end with these arguments, and with `input` on its standard input.
    ///
    /// # Errors
    /// If it cannot be started. [`io::ErrorKind::TimedOut`] if it did not end in time and was ended,
    /// which whoever runs it does where nobody is asked; the error says how long that was.
    fn run(&self, work: GpgWork, arguments: &[&str], input: &[u8]) -> io::Result<GpgOutput>;
}

/// What it did.
#[derive(Debug)]
pub struct GpgOutput {
    /// How it ended, if not well: `exit status: 2`.
    pub failure: Option<String>,
    /// What it printed; a data key, if it went well.
    pub printed: SecretBytes,
    /// What it said on standard error.
    pub said: String,
}

/// What gpg is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GpgWork {
    /// To wrap a data key, which asks nobody.
    Encrypt,
    /// To open one, which may ask a person.
    Decrypt,
}

impl GpgWork {
    /// The words of Go sops in front of a reason.
    fn frame(self) -> &'static str {
        match self {
            Self::Encrypt => {
                "could not encrypt data key with PGP key: GnuPG binary error: failed to encrypt \
                 sops data key with pgp"
            }
            Self::Decrypt => {
                "could not decrypt data key with PGP key: GnuPG binary error: failed to decrypt \
                 sops data key with pgp"
            }
        }
    }
}

impl GpgProvider {
    /// A provider that looks for gpg when the first key is used.
    pub fn reading(find: impl FnOnce() -> GpgFound + Send + 'static) -> Self {
        Self { found: LazyLock::new(Box::new(find)), native: None }
    }

    /// Who does the work where there is no gpg, and opens what gpg cannot.
    #[must_use]
    pub fn or_else(self, native: Arc<dyn KeyProvider>) -> Self {
        Self { native: Some(native), ..self }
    }

    /// The same in two steps: one that wraps, and one that opens, which takes a person
    /// ([`Reach::Assisted`]).
    pub fn in_steps(self) -> [Arc<dyn KeyProvider>; 2] {
        let all = Arc::new(self);
        [Arc::new(Wraps(all.clone())), Arc::new(Opens(all))]
    }

    async fn wrap_part(
        &self,
        key: &MasterKey,
        pgp: &PgpKey,
        part: &KeyPart,
    ) -> Result<String, ProviderError> {
        if let (GpgFound::Nowhere, Some(native)) = (&*self.found, &self.native) {
            return native.wrap(key, part).await;
        }
        // Out of a file it can be anything, and gpg would look for a name that has it in it.
        let fingerprint = PgpKey::parse(&pgp.fingerprint)
            .map_err(|error| ProviderError::new(Refusal::Malformed, key, error.to_string()))?
            .fingerprint;
        // What is behind `--trusted-key` has to be a long key id.
        let start = fingerprint.trim_end_matches('!').len().saturating_sub(16);
        let arguments = [
            "--no-default-recipient",
            "--yes",
            "--encrypt",
            "-a",
            "-r",
            &fingerprint,
            "--trusted-key",
            &fingerprint[start..],
            "--no-encrypt-to",
        ];
        let message = self.run(key, GpgWork::Encrypt, &arguments, part.expose())?;
        let text = message.expose_str().map(str::trim).filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| {
            let text = format!("{}: zero bytes returned", GpgWork::Encrypt.frame());
            ProviderError::new(Refusal::HelperFailed, key, text)
        })
    }

    async fn open_message(&self, key: &MasterKey, enc: &str) -> Attempt {
        // gpg takes no blanks before the armor.
        let enc = enc.trim();
        let error = match &*self.found {
            GpgFound::Nowhere if self.native.is_some() => None,
            _ => match self.run(key, GpgWork::Decrypt, &["-d"], enc.as_bytes()) {
                Ok(part) => return Attempt::Opened(KeyPart::from_slice(part.expose())),
                Err(error) => Some(error),
            },
        };
        let named = matches!(&*self.found, GpgFound::Unusable(_));
        match (&self.native, error) {
            (Some(native), None) => native.open(key, enc).await,
            (Some(native), Some(error)) if !named => match native.open(key, enc).await {
                Attempt::Opened(part) => Attempt::Opened(part),
                // gpg knows more than the other one.
                _ => Attempt::Failed(error),
            },
            (_, Some(error)) => Attempt::Failed(error),
            (None, None) => Attempt::NotMine,
        }
    }

    /// Runs gpg and gives what it printed.
    fn run(
        &self,
        key: &MasterKey,
        work: GpgWork,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<SecretBytes, ProviderError> {
        let failed = |refusal, reason: &str| {
            ProviderError::new(refusal, key, format!("{}: {reason}", work.frame()))
        };
        let program = match &*self.found {
            GpgFound::At(program) => program,
            GpgFound::Nowhere => {
                return Err(failed(Refusal::HelperMissing, "there is no gpg in a folder of PATH"));
            }
            GpgFound::Unusable(why) => return Err(failed(Refusal::BadSetting, why)),
        };
        let output = program.run(work, arguments, input).map_err(|error| {
            let name = program.name();
            match error.kind() {
                io::ErrorKind::TimedOut => failed(Refusal::TimedOut, &format!("{name}: {error}")),
                _ => failed(Refusal::HelperMissing, &format!("{name} cannot be run: {error}")),
            }
        })?;
        let said = one_line(&output.said);
        match output.failure {
            None if output.printed.is_empty() => {
                Err(failed(Refusal::HelperFailed, &format!("zero bytes returned {said}")))
            }
            None => Ok(output.printed),
            Some(_) if !said.is_empty() => Err(failed(refusal(&said), &said)),
            Some(ended) => {
                let ended = format!("{} ended with {ended}, without a word", program.name());
                Err(failed(Refusal::HelperFailed, &ended))
            }
        }
    }
}

/// What the words of gpg mean, as far as they are English.
fn refusal(said: &str) -> Refusal {
    let any = |words: &[&str]| words.iter().any(|word| said.contains(word));
    match () {
        () if any(&["No public key", "valid long keyID", "Not found"]) => Refusal::NoSuchKey,
        () if any(&["Unusable public key", "has expired"]) => Refusal::NotUsable,
        () if any(&[
            "Inappropriate ioctl",
            "No pinentry",
            "Bad passphrase",
            "Operation cancelled",
            "No passphrase",
            "Timeout",
            "cannot open '/dev/tty'",
        ]) =>
        {
            Refusal::NotUnlocked
        }
        () if any(&["No secret key"]) => Refusal::NoCredentials,
        () if any(&[
            "no valid OpenPGP data",
            "manipulated",
            "Bad session key",
            "Checksum error",
            "CRC error",
            "malformed",
            "Invalid packet",
            "quoted printable",
        ]) =>
        {
            Refusal::WrongCiphertext
        }
        () => Refusal::HelperFailed,
    }
}

#[async_trait::async_trait]
impl KeyProvider for GpgProvider {
    fn reach(&self, key: &MasterKey) -> Reach {
        match key {
            MasterKey::Pgp(_) => Reach::Local,
            _ => Reach::Never,
        }
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        match key {
            MasterKey::Pgp(pgp) => self.wrap_part(key, pgp, part).await,
            _ => Err(ProviderError::new(Refusal::Unsupported, key, "not a key of OpenPGP")),
        }
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        match key {
            MasterKey::Pgp(_) => self.open_message(key, enc).await,
            _ => Attempt::NotMine,
        }
    }
}

/// The step that wraps.
struct Wraps(Arc<GpgProvider>);

#[async_trait::async_trait]
impl KeyProvider for Wraps {
    fn reach(&self, key: &MasterKey) -> Reach {
        self.0.reach(key)
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        self.0.wrap(key, part).await
    }

    async fn open(&self, _: &MasterKey, _: &str) -> Attempt {
        Attempt::NotMine
    }
}

/// The step that opens.
struct Opens(Arc<GpgProvider>);

#[async_trait::async_trait]
impl KeyProvider for Opens {
    fn reach(&self, key: &MasterKey) -> Reach {
        match self.0.reach(key) {
            Reach::Never => Reach::Never,
            _ => Reach::Assisted,
        }
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        self.0.wrap(key, part).await
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        self.0.open(key, enc).await
    }
}

impl std::fmt::Debug for GpgProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpgProvider").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_gpg_choose_the_advice() {
        for (said, expected) in [
            ("gpg: decryption failed: No secret key", Refusal::NoCredentials),
            (
                "gpg: AB: skipped: No public key gpg: [stdin]: encryption failed: No public key",
                Refusal::NoSuchKey,
            ),
            ("gpg: AB: skipped: Unusable public key", Refusal::NotUsable),
            ("gpg: 'a@b' is not a valid long keyID", Refusal::NoSuchKey),
            (
                "gpg: public key decryption failed: Inappropriate ioctl for device gpg: decryption \
                 failed: No secret key",
                Refusal::NotUnlocked,
            ),
            ("gpg: no valid OpenPGP data found.", Refusal::WrongCiphertext),
            ("gpg: Entschlüsselung fehlgeschlagen: Kein geheimer Schlüssel", Refusal::HelperFailed),
        ] {
            assert_eq!(refusal(said), expected, "{said}");
        }
    }
}
