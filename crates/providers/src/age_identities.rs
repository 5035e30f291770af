//! From the text of a source to identities of age: which kinds there are, and which of them need
//! somebody's help.

use std::io::Read as _;
use std::sync::{Arc, Mutex, OnceLock};

use age::Identity;
use age_core::format::Stanza;
use sops_core::crypto::SecretBytes;
use sops_core::keys::{AgeKey, Refusal, bech32_decode};

use crate::age::{IdentitySource, LookedAt, Questions};
use crate::age_file::{decrypt_identities, one_line};
use crate::age_passphrase::{NotOpened, Refused, ask, cache_id};
use crate::age_pq;
#[cfg(feature = "age-ssh")]
use crate::age_ssh::SshIdentity;

/// Longest identity file: 16 MiB (§4.3).
pub(crate) const MAX_LEN: usize = 16 << 20;

/// An identity that can be used at once.
pub(crate) type Usable = Arc<dyn Identity + Send + Sync>;

/// The recipient of an identity, for messages only: working it out takes as long as opening a key.
pub(crate) type RecipientOf = Box<dyn Fn() -> String + Send + Sync>;

/// The identities of one source.
pub(crate) struct Loaded {
    /// The name of the source.
    pub(crate) name: String,
    /// Those that could be read.
    pub(crate) identities: Vec<Held>,
    /// What could not be used, and why.
    pub(crate) problems: Vec<String>,
    found: bool,
}

/// An identity, or what one can be made of with somebody's help.
pub(crate) enum Held {
    /// Usable as it is, and its recipient where that can be told.
    Plain(Usable, Option<RecipientOf>),
    /// An identity file behind a passphrase.
    File(ProtectedFile),
    /// An SSH key behind a passphrase.
    #[cfg(feature = "age-ssh")]
    Ssh(Box<crate::age_ssh::LockedKey>),
    /// Belongs to a program.
    #[cfg(feature = "age-plugin")]
    Plugin(crate::age_plugin::PluginIdentity),
}

/// An identity file behind a passphrase, and what came out of it.
pub(crate) struct ProtectedFile {
    bytes: SecretBytes,
    opened: OnceLock<Result<Vec<Usable>, NotOpened>>,
}

/// What came of asking for help.
pub(crate) enum Unlock {
    /// These can be tried now.
    Open(Vec<Usable>),
    /// It is plain from outside that it does not fit.
    NotFor,
    /// There was nobody to ask.
    NotAsked,
    /// The passphrase is another one.
    Wrong,
    /// Something else went wrong.
    Failed(Refusal, String),
}

impl Held {
    /// The identity, if nobody has to be asked for it.
    pub(crate) fn usable(&self) -> Option<&(dyn Identity + Send + Sync)> {
        match self {
            Self::Plain(identity, _) => Some(&**identity),
            _ => None,
        }
    }

    /// Whether it is known to be the identity of this recipient.
    pub(crate) fn is_recipient(&self, recipient: &str) -> bool {
        matches!(self, Self::Plain(_, Some(own)) if own() == recipient.trim())
    }

    /// Its source in words, and the program that it belongs to.
    pub(crate) fn place(&self, source: &str) -> String {
        match self {
            #[cfg(feature = "age-plugin")]
            Self::Plugin(plugin) => format!("{source}, {}", plugin.program()),
            _ => source.to_owned(),
        }
    }

    /// Makes usable identities out of it.
    pub(crate) fn unlock(
        &self,
        source: &str,
        age: &AgeKey,
        stanzas: &[Stanza],
        questions: &Arc<dyn Questions>,
    ) -> Unlock {
        // Which of these are used depends on the features of the build.
        let _ = (age, stanzas);
        match self {
            Self::Plain(..) => Unlock::NotFor,
            Self::File(file) => file.unlock(source, &**questions),
            #[cfg(feature = "age-ssh")]
            Self::Ssh(key) => {
                if !stanzas.iter().any(|stanza| key.is_for(stanza)) {
                    return Unlock::NotFor;
                }
                key.unlock(source, &**questions).map_or_else(
                    |error| Unlock::from_error(source, error),
                    |key| Unlock::Open(vec![key]),
                )
            }
            #[cfg(feature = "age-plugin")]
            Self::Plugin(plugin) => plugin.unlock(age, questions),
        }
    }
}

impl Unlock {
    fn from_error(source: &str, error: NotOpened) -> Self {
        match error {
            NotOpened::NotAsked => Self::NotAsked,
            NotOpened::Wrong => Self::Wrong,
            NotOpened::Broken(text) => {
                Self::Failed(Refusal::Malformed, format!("{source}: {text}"))
            }
        }
    }
}

impl ProtectedFile {
    /// Armor is told from its text, so editors may leave blanks behind it. The last byte of the
    /// other form may look like one.
    fn new(text: &[u8]) -> Self {
        let armored = text.starts_with(b"-----BEGIN");
        let bytes = if armored { text.trim_ascii_end() } else { text };
        Self { bytes: SecretBytes::from(bytes), opened: OnceLock::new() }
    }

    fn unlock(&self, source: &str, questions: &dyn Questions) -> Unlock {
        let opened = self.opened.get_or_init(|| {
            let id = cache_id(&unarmored(self.bytes.expose()));
            let what = format!("passphrase of the identities in {source}");
            ask(questions, &what, &id, |passphrase| self.open(passphrase))
        });
        match opened {
            Ok(identities) => Unlock::Open(identities.clone()),
            Err(error) => Unlock::from_error(source, error.clone()),
        }
    }

    fn open(&self, passphrase: &str) -> Result<Vec<Usable>, Refused> {
        let text = decrypt_identities(self.bytes.expose(), passphrase).map_err(|error| {
            use age::DecryptError::{DecryptionFailed, KeyDecryptionFailed, NoMatchingKeys};
            match error {
                KeyDecryptionFailed | DecryptionFailed | NoMatchingKeys => Refused::Wrong,
                other => Refused::Broken(one_line(&other)),
            }
        })?;
        let (held, problems) = parse(&text);
        if let Some(problem) = problems.into_iter().next() {
            return Err(Refused::Broken(problem));
        }
        let usable = held.into_iter().filter_map(|held| match held {
            Held::Plain(identity, _) => Some(identity),
            // What asks for help again, inside of what needed help, is not followed.
            _ => None,
        });
        Ok(usable.collect())
    }
}

/// The age file inside of an armor; what has none, or a broken one, stays as it is.
fn unarmored(file: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(file.len());
    match age::armor::ArmoredReader::new(file).read_to_end(&mut bytes) {
        Ok(_) => bytes,
        Err(_) => file.to_vec(),
    }
}

/// Reads the text of a source.
fn parse(text: &[u8]) -> (Vec<Held>, Vec<String>) {
    let one = |held| (vec![held], Vec::new());
    let problem = |text: &str| (Vec::new(), vec![text.to_owned()]);
    if text.len() > MAX_LEN {
        return problem("it is longer than 16 MiB");
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let trimmed = text.trim_ascii_start();
    if trimmed.starts_with(b"age-encryption") || trimmed.starts_with(b"-----BEGIN AGE") {
        return one(Held::File(ProtectedFile::new(trimmed)));
    }
    let Ok(text) = std::str::from_utf8(trimmed) else {
        return problem("it is neither text nor an age file");
    };
    if text.starts_with("-----BEGIN") {
        return match ssh(text) {
            Ok(held) => one(held),
            Err(text) => (Vec::new(), vec![text]),
        };
    }
    let (mut identities, mut problems) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        // The reference takes several on a line in SOPS_AGE_KEY only; here they may stand in any
        // source (§4.3).
        for word in line.split_ascii_whitespace() {
            match identity(word) {
                Ok(held) => identities.push(held),
                // The line itself is not repeated: it may be a private key with a typing error.
                Err(text) => problems.push(format!("line {}: {text}", at + 1)),
            }
        }
    }
    (identities, problems)
}

fn identity(word: &str) -> Result<Held, String> {
    let upper = zeroize::Zeroizing::new(word.to_ascii_uppercase());
    if upper.starts_with("AGE-SECRET-KEY-PQ-1") {
        return match age_pq::Identity::parse(word) {
            Some(identity) => Ok(post_quantum(identity)),
            None => Err("the post-quantum identity is not complete or misspelled".into()),
        };
    }
    if upper.starts_with("AGE-SECRET-KEY-1") {
        let identity: age::x25519::Identity =
            upper.parse().map_err(|_| "the identity is not complete or misspelled".to_owned())?;
        let identity = Arc::new(identity);
        let held = identity.clone();
        return Ok(Held::Plain(identity, Some(Box::new(move || held.to_public().to_string()))));
    }
    if upper.starts_with("AGE-PLUGIN-") {
        return plugin(word);
    }
    Err("this is no identity; they begin with AGE-SECRET-KEY- or AGE-PLUGIN-".into())
}

fn post_quantum(identity: age_pq::Identity) -> Held {
    let identity = Arc::new(identity);
    let held = identity.clone();
    Held::Plain(identity, Some(Box::new(move || held.to_recipient().to_string())))
}

fn plugin(word: &str) -> Result<Held, String> {
    let (name, bytes) = bech32_decode(word).map_err(|error| error.to_string())?;
    // The plugin of that name brings post-quantum keys to versions of age without them, and its
    // identities hold nothing but the seed. So it need not be installed.
    if name == "age-plugin-pq-"
        && let Some(identity) = age_pq::Identity::from_seed(&bytes)
    {
        return Ok(post_quantum(identity));
    }
    #[cfg(feature = "age-plugin")]
    return crate::age_plugin::PluginIdentity::parse(word).map(Held::Plugin);
    #[cfg(not(feature = "age-plugin"))]
    Err("it belongs to a plugin, and this build has none (age-plugin)".into())
}

#[cfg(feature = "age-ssh")]
fn ssh(text: &str) -> Result<Held, String> {
    Ok(match SshIdentity::parse(text)? {
        SshIdentity::Open(identity) => Held::Plain(identity, None),
        SshIdentity::Locked(key) => Held::Ssh(key),
    })
}

#[cfg(not(feature = "age-ssh"))]
fn ssh(_: &str) -> Result<Held, String> {
    Err("it is an SSH key, and this build cannot use them (age-ssh)".into())
}

/// The sources, and what was read of them.
pub(crate) struct Keychain(Vec<Slot>);

struct Slot {
    source: Box<dyn IdentitySource>,
    /// What was read last, and for which recipient where that matters.
    read: Mutex<Option<(Option<String>, Arc<Loaded>)>>,
}

impl Keychain {
    pub(crate) fn new(sources: Vec<Box<dyn IdentitySource>>) -> Self {
        Self(sources.into_iter().map(|source| Slot { source, read: Mutex::default() }).collect())
    }

    /// All sources, read at most once.
    pub(crate) fn load(&self, recipient: &str) -> Vec<Arc<Loaded>> {
        self.0.iter().map(|slot| slot.load(recipient)).collect()
    }

    pub(crate) fn looked_at(&self) -> Vec<LookedAt> {
        let look = |slot: &Slot| {
            let read = slot.read.lock().ok().and_then(|read| read.clone());
            let loaded = read.map(|(_, loaded)| loaded);
            LookedAt {
                source: slot.source.name(),
                identities: loaded
                    .as_ref()
                    .filter(|loaded| loaded.found)
                    .map(|loaded| loaded.identities.len()),
                problems: loaded.map(|loaded| loaded.problems.clone()).unwrap_or_default(),
            }
        };
        self.0.iter().map(look).collect()
    }
}

impl Slot {
    fn load(&self, recipient: &str) -> Arc<Loaded> {
        let scope = self.source.depends_on_recipient().then(|| recipient.to_owned());
        // A panic of another thread while it read a source leaves nothing half done here.
        let mut read = self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((known, loaded)) = &*read
            && *known == scope
        {
            return loaded.clone();
        }
        let (found, (identities, problems)) = match self.source.load(recipient) {
            Ok(Some(text)) => (true, parse(text.expose())),
            Ok(None) => (false, (Vec::new(), Vec::new())),
            Err(problem) => (false, (Vec::new(), vec![problem])),
        };
        let loaded = Arc::new(Loaded { name: self.source.name(), identities, problems, found });
        *read = Some((scope, loaded.clone()));
        loaded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

    #[test]
    fn identities_are_found_among_blanks_and_comments() {
        let text = format!("# created: today\n\n  {ONE}\r\n\t{ONE} {ONE}\n#{ONE}\n");
        let (identities, problems) = parse(text.as_bytes());
        assert_eq!((identities.len(), problems.len()), (3, 0));
    }

    #[test]
    fn problems_name_the_line_and_not_its_text() {
        let text = format!("{ONE}\nhunter2\n{}\n", ONE.replace("GQ9", "GQ8"));
        let (identities, problems) = parse(text.as_bytes());
        assert_eq!(identities.len(), 1);
        assert!(problems[0].starts_with("line 2: this is no identity"), "{problems:?}");
        assert!(problems[1].starts_with("line 3: the identity is not complete"), "{problems:?}");
        assert!(!problems.join("").contains("hunter2"));
    }
}
