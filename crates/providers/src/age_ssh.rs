//! SSH keys as identities of age.
//!
//! A key with a passphrase is asked for it only when the wrapped text was made for it: the
//! public half stands readable in the file, and the stanza names the first bytes of its hash.

use std::sync::{Arc, OnceLock};

use age::ssh::Identity;
use age_core::format::Stanza;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::age::Questions;
use crate::age_identities::Usable;
use crate::age_passphrase::{NotOpened, Refused, ask, cache_id};

/// An SSH private key as it came from its source.
pub(crate) enum SshIdentity {
    /// Usable at once.
    Open(Usable),
    /// Behind a passphrase.
    Locked(Box<LockedKey>),
}

/// An SSH private key behind a passphrase.
pub(crate) struct LockedKey {
    key: Identity,
    tag: String,
    cache_id: String,
    opened: OnceLock<Result<Usable, NotOpened>>,
}

impl SshIdentity {
    /// Reads a private key in PEM form.
    ///
    /// # Errors
    /// A sentence without any part of the key.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let unusable = || "it holds no usable SSH private key".to_owned();
        let key = Identity::from_buffer(text.as_bytes(), None).map_err(|_| unusable())?;
        match key {
            key @ Identity::Unencrypted(_) => Ok(Self::Open(Arc::new(key))),
            Identity::Unsupported(_) => {
                Err("its type of SSH key cannot be used; ed25519 and rsa can".into())
            }
            key @ Identity::Encrypted(_) => {
                let tag = public_tag(text).ok_or_else(unusable)?;
                let cache_id = cache_id(text.as_bytes());
                Ok(Self::Locked(Box::new(LockedKey {
                    key,
                    tag,
                    cache_id,
                    opened: OnceLock::new(),
                })))
            }
        }
    }
}

impl LockedKey {
    /// Whether one of these stanzas was made for this key.
    pub(crate) fn is_for(&self, stanza: &Stanza) -> bool {
        stanza.tag.starts_with("ssh-") && stanza.args.first() == Some(&self.tag)
    }

    /// The key without its passphrase, which is asked for once.
    pub(crate) fn unlock(
        &self,
        name: &str,
        questions: &dyn Questions,
    ) -> Result<Usable, NotOpened> {
        let opened = self.opened.get_or_init(|| {
            let Identity::Encrypted(key) = &self.key else { return Err(NotOpened::Wrong) };
            let what = format!("passphrase of the SSH key {name}");
            ask(questions, &what, &self.cache_id, |passphrase| {
                key.decrypt(age::secrecy::SecretString::from(passphrase))
                    .map(|key| Arc::new(Identity::from(key)) as Usable)
                    .map_err(|_| Refused::Wrong)
            })
        });
        opened.clone()
    }
}

/// The tag of stanzas for the public key inside of an OpenSSH private key file.
fn public_tag(text: &str) -> Option<String> {
    let body: String =
        text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let bytes = STANDARD.decode(body).ok()?;
    let mut rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    // Cipher, key derivation and its options; then a number of keys, and the first public one.
    for _ in 0..3 {
        (_, rest) = take_string(rest)?;
    }
    let (public, _) = take_string(rest.get(4..)?)?;
    Some(STANDARD_NO_PAD.encode(&Sha256::digest(public)[..4]))
}

fn take_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}
