//! The hash behind the MAC (format §2): SHA-512 over the values in order, in upper-case hex.

use sha2::{Digest as _, Sha512};

use super::SecretBytes;

/// Which values the MAC covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MacScope {
    /// All values, sealed or clear.
    #[default]
    Everything,
    /// Sealed values only (`mac_only_encrypted`).
    SealedOnly,
}

/// SHA-256 of the ASCII text `sops`, which sets the two scopes apart (format §2, step 2).
const SEALED_ONLY_PREFIX: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// The running hash.
#[derive(Clone)]
pub struct Digest {
    hash: Sha512,
    scope: MacScope,
}

impl Digest {
    /// Begins.
    pub fn new(scope: MacScope) -> Self {
        let mut hash = Sha512::new();
        if scope == MacScope::SealedOnly {
            hash.update(SEALED_ONLY_PREFIX);
        }
        Self { hash, scope }
    }

    /// Adds the canonical bytes of the next value; comments are never added.
    pub fn add(&mut self, selected: bool, canonical: &[u8]) {
        if selected || self.scope == MacScope::Everything {
            self.hash.update(canonical);
        }
    }

    /// The text that is sealed as the MAC: 128 hexadecimal digits. It is a hash of plaintext, and
    /// handled as such.
    pub fn finish(self) -> SecretBytes {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let hash = self.hash.finalize();
        SecretBytes::new(
            hash.iter()
                .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
                .collect(),
        )
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}
