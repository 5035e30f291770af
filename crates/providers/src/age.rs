//! age: data keys wrapped for recipients, opened with identities (format §4.3).
//!
//! Rules of this module:
//!
//! - Identities come from sources that the caller gives; a source is read when the first age key
//!   is opened, and once.
//! - All sources count together. A source that cannot be read matters only when no other one
//!   opens the key.
//! - What needs nobody's help is tried first. Passphrases and plugins come after it, and an
//!   identity is unlocked once in the life of a provider, whatever came of it.

use std::sync::Arc;

use age::{DecryptError, Recipient};
use sops_core::crypto::{KeyPart, SecretBytes};
use sops_core::keys::{
    AgeKey, AgeRecipientKind, Attempt, KeyProvider, MasterKey, ProviderError, Reach, Refusal,
};
use zeroize::Zeroizing;

use crate::age_file::{
    Peek, decrypt, decryptor, encrypt, encrypt_refusal, failure, one_line, refusal,
};
use crate::age_identities::{Held, Keychain, Unlock};

/// Wraps for age recipients and opens with age identities.
pub struct AgeProvider {
    keychain: Keychain,
    questions: Arc<dyn Questions>,
}

/// Where identities come from. Implemented by the caller, who knows about files, variables and
/// commands.
pub trait IdentitySource: Send + Sync {
    /// What to call it in messages: a variable, a path.
    fn name(&self) -> String;

    /// Reads it. `None` when there is nothing there and need not be.
    ///
    /// The text is a list of identities, an SSH private key, or an identity file behind a
    /// passphrase (§4.3).
    ///
    /// # Errors
    /// One line that says why it could not be read, without anything secret.
    fn load(&self, recipient: &str) -> Result<Option<SecretBytes>, String>;

    /// Whether what it gives depends on the recipient, so that it has to be read again for
    /// another one.
    fn depends_on_recipient(&self) -> bool {
        false
    }
}

/// Identities that were read already.
#[derive(Debug)]
pub struct IdentityText {
    name: String,
    text: SecretBytes,
}

impl IdentityText {
    /// The text of a source with this name.
    pub fn new(name: impl Into<String>, text: impl Into<SecretBytes>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

impl IdentitySource for IdentityText {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn load(&self, _: &str) -> Result<Option<SecretBytes>, String> {
        Ok(Some(self.text.clone()))
    }
}

/// A question for a passphrase.
#[derive(Clone, Copy, Debug)]
pub struct PassphraseFor<'a> {
    /// What it opens, in lower case without a colon: `passphrase of the SSH key ~/.ssh/id_rsa`.
    pub what: &'a str,
    /// The name under which an agent may keep it, which changes when the protected bytes do
    /// (§4.3); `None` for what no agent should keep.
    pub cache_id: Option<&'a str>,
    /// How many answers to this question were wrong so far.
    pub wrong: usize,
}

/// What may be asked of a person. The default answers are those of nobody.
pub trait Questions: Send + Sync {
    /// A passphrase. `None` when there is nobody, or nobody wants to answer (again).
    fn passphrase(&self, asked: &PassphraseFor<'_>) -> Option<Zeroizing<String>> {
        let _ = asked;
        None
    }

    /// The last passphrase for this was wrong, and it is not asked for again: whoever keeps
    /// passphrases must not keep that one.
    fn forget(&self, asked: &PassphraseFor<'_>) {
        let _ = asked;
    }

    /// Shows a message, such as "touch your key".
    fn message(&self, text: &str) {
        let _ = text;
    }

    /// Asks for a decision between two answers.
    fn confirm(&self, text: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let _ = (text, yes, no);
        None
    }

    /// Asks for something that is not secret.
    fn input(&self, text: &str) -> Option<String> {
        let _ = text;
        None
    }
}

/// Nobody is there to be asked.
#[derive(Clone, Copy, Debug)]
pub struct NoQuestions;

impl Questions for NoQuestions {}

impl AgeProvider {
    /// A provider with these sources, tried in this order, and nobody to ask.
    pub fn new(sources: Vec<Box<dyn IdentitySource>>) -> Self {
        Self { keychain: Keychain::new(sources), questions: Arc::new(NoQuestions) }
    }

    /// Somebody to ask for passphrases and on behalf of plugins.
    #[must_use]
    pub fn with_questions(mut self, questions: Arc<dyn Questions>) -> Self {
        self.questions = questions;
        self
    }

    /// What reading the sources came to, for the report when no key could be opened. Reads
    /// nothing that was not read yet.
    pub fn looked_at(&self) -> Vec<LookedAt> {
        self.keychain.looked_at()
    }

    /// The same provider in two steps: what needs nobody's help, and what does. Identities are
    /// read once for both.
    ///
    /// So every key of a file is tried without help before anybody is asked for the first.
    pub fn in_steps(self: &Arc<Self>) -> [Arc<dyn KeyProvider>; 2] {
        [Arc::new(Alone(self.clone())), Arc::new(Assisted(self.clone()))]
    }

    /// Tries what needs nobody's help.
    fn open_alone(&self, key: &MasterKey, age: &AgeKey, enc: &str) -> Attempt {
        if let Err(error) = decryptor(enc) {
            return Attempt::Failed(failure(key, &error));
        }
        let sources = self.keychain.load(&age.recipient);
        let open: Vec<_> = sources
            .iter()
            .flat_map(|source| &source.identities)
            .filter_map(|held| held.usable().map(|identity| (held, identity)))
            .collect();
        match decrypt(enc, open.iter().map(|(_, identity)| *identity)) {
            Ok(part) => return Attempt::Opened(part),
            Err(DecryptError::NoMatchingKeys) => {}
            Err(error) => return Attempt::Failed(failure(key, &error)),
        }
        if open.iter().any(|(held, _)| held.is_recipient(&age.recipient)) {
            let text = "the identity of this recipient is there, but the text was not made for it";
            return Attempt::Failed(ProviderError::new(Refusal::WrongCiphertext, key, text));
        }
        Attempt::NotMine
    }

    /// Tries what needs somebody's help. Whatever was wrong with a source is told here.
    fn open_assisted(&self, key: &MasterKey, age: &AgeKey, enc: &str) -> Attempt {
        if decryptor(enc).is_err() {
            return Attempt::NotMine;
        }
        let mut problems = Vec::new();
        let sources = self.keychain.load(&age.recipient);
        for source in &sources {
            for held in source.identities.iter().filter(|held| held.usable().is_none()) {
                match self.open_locked(&source.name, held, age, enc) {
                    Ok(Some(part)) => return Attempt::Opened(part),
                    Ok(None) => {}
                    Err(problem) => problems.push(problem),
                }
            }
        }
        for source in &sources {
            problems.extend(source.problems.iter().map(|problem| {
                let text = format!("unable to use {}: {problem}", source.name);
                (Refusal::NoCredentials, text)
            }));
        }
        // The first of them is the likeliest: it is about a key that seemed to fit.
        let Some((refusal, _)) = problems.first() else { return Attempt::NotMine };
        let texts: Vec<_> = problems.iter().map(|(_, text)| text.as_str()).collect();
        Attempt::Failed(ProviderError::new(*refusal, key, texts.join("; ")))
    }

    /// Tries an identity that needs somebody's help first.
    fn open_locked(
        &self,
        source: &str,
        held: &Held,
        age: &AgeKey,
        enc: &str,
    ) -> Result<Option<KeyPart>, (Refusal, String)> {
        let stanzas = Peek::stanzas(enc);
        let identities = match held.unlock(source, age, &stanzas, &self.questions) {
            Unlock::NotFor => return Ok(None),
            Unlock::NotAsked => {
                let text = format!(
                    "{source} needs a passphrase, and nobody could be asked: there is no terminal, \
                     and no gpg-agent that has it or asks for it"
                );
                return Err((Refusal::NotUnlocked, text));
            }
            Unlock::Wrong => {
                let text = format!("that is not the passphrase of {source}");
                return Err((Refusal::NotUnlocked, text));
            }
            Unlock::Failed(refusal, text) => return Err((refusal, text)),
            Unlock::Open(identities) => identities,
        };
        match decrypt(enc, identities.iter().map(|identity| &**identity)) {
            Ok(part) => Ok(Some(part)),
            Err(DecryptError::NoMatchingKeys) => Ok(None),
            Err(error) => {
                let place = held.place(source);
                Err((refusal(&error), format!("{place}: {}", one_line(&error))))
            }
        }
    }
}

/// What reading one source came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedAt {
    /// The name of the source.
    pub source: String,
    /// How many identities there were; `None` if there was nothing to read, or nothing has been
    /// read yet.
    pub identities: Option<usize>,
    /// What could not be used, and why.
    pub problems: Vec<String>,
}

#[async_trait::async_trait]
impl KeyProvider for AgeProvider {
    fn reach(&self, key: &MasterKey) -> Reach {
        match key {
            MasterKey::Age(_) => Reach::Local,
            _ => Reach::Never,
        }
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        let MasterKey::Age(age) = key else {
            return Err(ProviderError::new(Refusal::Unsupported, key, "not an age recipient"));
        };
        let recipient = recipient(key, age, &self.questions)?;
        encrypt(&*recipient, part)
            .map_err(|error| ProviderError::new(encrypt_refusal(&error), key, one_line(&error)))
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        let MasterKey::Age(age) = key else { return Attempt::NotMine };
        match self.open_alone(key, age, enc) {
            Attempt::NotMine => self.open_assisted(key, age, enc),
            attempt => attempt,
        }
    }
}

/// The step that needs nobody's help.
struct Alone(Arc<AgeProvider>);

#[async_trait::async_trait]
impl KeyProvider for Alone {
    fn reach(&self, key: &MasterKey) -> Reach {
        self.0.reach(key)
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        self.0.wrap(key, part).await
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        match key {
            MasterKey::Age(age) => self.0.open_alone(key, age, enc),
            _ => Attempt::NotMine,
        }
    }
}

/// The step that needs somebody's help.
struct Assisted(Arc<AgeProvider>);

#[async_trait::async_trait]
impl KeyProvider for Assisted {
    fn reach(&self, key: &MasterKey) -> Reach {
        match key {
            MasterKey::Age(_) => Reach::Assisted,
            _ => Reach::Never,
        }
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        self.0.wrap(key, part).await
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        match key {
            MasterKey::Age(age) => self.0.open_assisted(key, age, enc),
            _ => Attempt::NotMine,
        }
    }
}

impl std::fmt::Debug for AgeProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgeProvider").field("looked_at", &self.looked_at()).finish()
    }
}

type BoxedRecipient = Box<dyn Recipient + Send>;

/// The recipient as something that can wrap.
fn recipient(
    key: &MasterKey,
    age: &AgeKey,
    questions: &Arc<dyn Questions>,
) -> Result<BoxedRecipient, ProviderError> {
    let text = age.recipient.trim();
    let malformed = |text: &str| ProviderError::new(Refusal::Malformed, key, text);
    match age.recipient_kind().ok_or_else(|| malformed("unknown type of recipient"))? {
        AgeRecipientKind::X25519 => {
            let recipient: age::x25519::Recipient = text.parse().map_err(malformed)?;
            Ok(Box::new(recipient))
        }
        AgeRecipientKind::PostQuantum => match crate::age_pq::Recipient::parse(text) {
            Some(recipient) => Ok(Box::new(recipient)),
            None => Err(malformed("not a valid post-quantum recipient")),
        },
        AgeRecipientKind::SshEd25519 | AgeRecipientKind::SshRsa => ssh_recipient(key, text),
        AgeRecipientKind::Plugin => plugin_recipient(key, age, questions),
    }
}

#[cfg(feature = "age-ssh")]
fn ssh_recipient(key: &MasterKey, text: &str) -> Result<BoxedRecipient, ProviderError> {
    let recipient: age::ssh::Recipient = text.parse().map_err(|_| {
        ProviderError::new(Refusal::Malformed, key, "not an SSH public key that age can use")
    })?;
    Ok(Box::new(recipient))
}

#[cfg(not(feature = "age-ssh"))]
fn ssh_recipient(key: &MasterKey, _: &str) -> Result<BoxedRecipient, ProviderError> {
    Err(ProviderError::new(Refusal::Unsupported, key, "this build has no SSH keys (age-ssh)"))
}

#[cfg(feature = "age-plugin")]
fn plugin_recipient(
    key: &MasterKey,
    age: &AgeKey,
    questions: &Arc<dyn Questions>,
) -> Result<BoxedRecipient, ProviderError> {
    crate::age_plugin::recipient(age, questions)
        .map_err(|(refusal, text)| ProviderError::new(refusal, key, text))
}

#[cfg(not(feature = "age-plugin"))]
fn plugin_recipient(
    key: &MasterKey,
    _: &AgeKey,
    _: &Arc<dyn Questions>,
) -> Result<BoxedRecipient, ProviderError> {
    Err(ProviderError::new(Refusal::Unsupported, key, "this build has no plugins (age-plugin)"))
}
