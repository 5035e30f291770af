//! The data key of a document and the parts of it that master keys wrap: drawn, exposed on
//! request, wiped.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key that encrypts one document's values (format §1.1).
///
/// Its bytes live in one place on the heap that is wiped on drop, and leave it only through
/// [`DataKey::expose`].
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey(Box<[u8; Self::LEN]>);

/// Bytes of another length than a data key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a data key has {} bytes, not {found}", DataKey::LEN)]
pub struct DataKeyLength {
    /// The length that was found.
    pub found: usize,
}

impl DataKey {
    /// Length in bytes. Other lengths would silently turn the cipher into another one, so they
    /// are refused (format §1.1).
    pub const LEN: usize = 32;

    /// Draws a fresh key, straight into the place it will be wiped from.
    pub fn random(rng: &mut dyn rand_core::CryptoRng) -> Self {
        let mut key = Self(Box::new([0; Self::LEN]));
        rng.fill_bytes(key.0.as_mut());
        key
    }

    /// Copies a key out of bytes that the caller wipes.
    ///
    /// # Errors
    /// If it is not [`DataKey::LEN`] bytes long.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, DataKeyLength> {
        if bytes.len() != Self::LEN {
            return Err(DataKeyLength { found: bytes.len() });
        }
        let mut key = Self(Box::new([0; Self::LEN]));
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    /// Hands out the raw bytes; every call site is a place to audit.
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The whole key as the one part that every master key of a single group wraps.
    pub fn as_part(&self) -> KeyPart {
        KeyPart::from_slice(self.0.as_slice())
    }
}

impl PartialEq for DataKey {
    fn eq(&self, other: &Self) -> bool {
        same_bytes(self.0.as_slice(), other.0.as_slice())
    }
}

impl Eq for DataKey {}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

/// What one master key wraps: the data key, or the share of it that belongs to one key group
/// (format §4, §5).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct KeyPart(Vec<u8>);

impl KeyPart {
    /// Takes over bytes that were secret already.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Copies bytes that the caller wipes.
    pub fn from_slice(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Hands out the raw bytes; every call site is a place to audit.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for KeyPart {
    fn eq(&self, other: &Self) -> bool {
        same_bytes(&self.0, &other.0)
    }
}

impl Eq for KeyPart {}

impl fmt::Debug for KeyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[part of {} bytes]", self.0.len())
    }
}

/// Compares without stopping at the first difference, so that the time taken says nothing about
/// where it is.
fn same_bytes(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_content() {
        let key = DataKey::from_slice(&[0x41; 32]).unwrap();
        assert_eq!(format!("{key:?} {:?}", key.as_part()), "DataKey [part of 32 bytes]");
    }

    #[test]
    fn only_32_bytes_are_a_data_key() {
        for found in [0, 16, 24, 31, 33] {
            assert_eq!(DataKey::from_slice(&vec![1; found]), Err(DataKeyLength { found }));
        }
    }
}
