//! One value sealed or opened: AES-256-GCM with a 32-byte nonce and additional data (format
//! §1.1), and the spelling notes beside it.

use aes_gcm::{
    AesGcm,
    aead::{
        Aead as _, AeadInOut, KeyInit,
        consts::{U8, U12, U16, U24, U32, U64},
    },
    aes::Aes256,
};
use aes_gcm_siv::Aes256GcmSiv;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Envelope, SecretBytes};
use crate::tree::Kind;

/// A nonce as we write them: 32 random bytes.
pub type Nonce = [u8; 32];

/// Seals and opens the values of one document. Keeps its key schedule for all of them.
pub struct ValueCipher {
    gcm: AesGcm<Aes256, U32>,
    key: Zeroizing<[u8; 32]>,
    notes: Aes256GcmSiv,
}

/// Why a sealed value did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Key, additional data, nonce, tag or ciphertext is not what it was sealed with.
    #[error("the value does not belong here or was changed: it fails its authentication")]
    Unauthentic,
    /// A nonce of a length that no version is known to have written.
    #[error("the value carries a nonce of {0} bytes, and none of that length is known")]
    NonceLength(usize),
}

impl ValueCipher {
    /// Sets up the key of one document.
    pub fn new(data_key: &[u8; 32]) -> Self {
        let mut note_key = Zeroizing::new([0u8; 32]);
        // The output is exactly one hash long, which HKDF can always give.
        let expanded =
            Hkdf::<Sha256>::new(None, data_key).expand(b"sops-rs spelling v1", note_key.as_mut());
        debug_assert!(expanded.is_ok());
        Self {
            gcm: AesGcm::new(data_key.into()),
            key: Zeroizing::new(*data_key),
            notes: Aes256GcmSiv::new((&*note_key).into()),
        }
    }

    /// Seals `plaintext`. A nonce must not come back with another plaintext or other additional
    /// data under the same key.
    pub fn seal(&self, plaintext: &[u8], kind: Kind, nonce: &Nonce, aad: &[u8]) -> Envelope {
        let mut data = plaintext.to_vec();
        let tag = self
            .gcm
            .encrypt_inout_detached(nonce.into(), aad, data.as_mut_slice().into())
            // Only a text beyond 64 GiB is refused; input is limited far below.
            .map(|tag| tag.to_vec())
            .unwrap_or_default();
        Envelope { data, nonce: nonce.to_vec(), tag, kind, note: None }
    }

    /// Opens a sealed value.
    ///
    /// # Errors
    /// If it does not authenticate.
    pub fn open(&self, token: &Envelope, aad: &[u8]) -> Result<SecretBytes, OpenError> {
        let mut data = SecretBytes::from(token.data.as_slice());
        let tag: &[u8; 16] = token.tag.as_slice().try_into().map_err(|_| OpenError::Unauthentic)?;
        macro_rules! open_with {
            ($($length:literal => $size:ty),*) => {
                match token.nonce.len() {
                    32 => {
                        let nonce: &Nonce = token.nonce.as_slice().try_into().map_err(|_| OpenError::Unauthentic)?;
                        self.gcm.decrypt_inout_detached(
                            nonce.into(), aad, data.expose_mut().as_mut_slice().into(), tag.into())
                    }
                    $($length => {
                        let nonce: &[u8; $length] = token.nonce.as_slice().try_into().map_err(|_| OpenError::Unauthentic)?;
                        AesGcm::<Aes256, $size>::new((&*self.key).into()).decrypt_inout_detached(
                            nonce.into(), aad, data.expose_mut().as_mut_slice().into(), tag.into())
                    })*
                    other => return Err(OpenError::NonceLength(other)),
                }
            };
        }
        open_with!(8 => U8, 12 => U12, 16 => U16, 24 => U24, 64 => U64)
            .map_err(|_| OpenError::Unauthentic)?;
        Ok(data)
    }

    /// Encrypts how the author spelled a value whose token has this nonce.
    ///
    /// AES-256-GCM-SIV (RFC 8452) under a key of its own: the same note for the same token gives
    /// the same text, so that an untouched line stays untouched, and two notes that meet the same
    /// nonce give nothing away but that they differ. It is padded to a multiple of 32 bytes, so
    /// that its length does not tell a date from a time.
    pub fn seal_note(&self, spelling: &[u8], nonce: &Nonce, aad: &[u8]) -> Vec<u8> {
        let mut padded = SecretBytes::new(Vec::with_capacity(spelling.len() + NOTE_BLOCK));
        padded.expose_mut().extend_from_slice(spelling);
        padded.expose_mut().push(NOTE_END);
        let length = padded.len().next_multiple_of(NOTE_BLOCK);
        padded.expose_mut().resize(length, 0);
        let payload = aes_gcm_siv::aead::Payload { msg: padded.expose(), aad };
        // Only a text beyond 64 GiB is refused; input is limited far below.
        self.notes.encrypt((&note_nonce(nonce)).into(), payload).unwrap_or_default()
    }

    /// Decrypts a spelling note; `None` when it was not made for this token.
    pub fn open_note(&self, token: &Envelope, aad: &[u8]) -> Option<SecretBytes> {
        let nonce: &Nonce = token.nonce.as_slice().try_into().ok()?;
        let payload = aes_gcm_siv::aead::Payload { msg: token.note.as_deref()?, aad };
        let opened = self.notes.decrypt((&note_nonce(nonce)).into(), payload).ok()?;
        let mut spelling = SecretBytes::new(opened);
        let end = spelling.expose().iter().rposition(|byte| *byte != 0)?;
        (spelling.expose()[end] == NOTE_END).then(|| {
            spelling.expose_mut().truncate(end);
            spelling
        })
    }
}

/// Notes are as long as a multiple of this many bytes.
const NOTE_BLOCK: usize = 32;

/// What ends a spelling and begins its padding with zeros: a byte that no UTF-8 text has.
const NOTE_END: u8 = 0xFF;

fn note_nonce(nonce: &Nonce) -> [u8; 12] {
    let mut short = [0; 12];
    short.copy_from_slice(&nonce[..12]);
    short
}

impl std::fmt::Debug for ValueCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ValueCipher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_under_the_same_path_only() {
        let cipher = ValueCipher::new(&[7; 32]);
        let token = cipher.seal(b"hunter2", Kind::Text, &[9; 32], b"a:");
        assert_eq!(cipher.open(&token, b"a:").unwrap().expose(), b"hunter2");
        assert_eq!(cipher.open(&token, b"b:"), Err(OpenError::Unauthentic));
        assert_eq!(ValueCipher::new(&[8; 32]).open(&token, b"a:"), Err(OpenError::Unauthentic));
    }

    #[test]
    fn notes_are_stable_and_bound_to_their_token() {
        let cipher = ValueCipher::new(&[7; 32]);
        let mut token = cipher.seal(b"31", Kind::Int, &[9; 32], b"a:");
        token.note = Some(cipher.seal_note(b"0x1F", &[9; 32], b"a:"));
        assert_eq!(cipher.open_note(&token, b"a:").unwrap().expose(), b"0x1F");
        assert_eq!(cipher.open_note(&token, b"b:"), None);
        assert_eq!(token.note, Some(cipher.seal_note(b"0x1F", &[9; 32], b"a:")));
    }

    #[test]
    fn notes_do_not_tell_how_long_a_spelling_is() {
        let cipher = ValueCipher::new(&[7; 32]);
        let length = |spelling: &[u8]| cipher.seal_note(spelling, &[9; 32], b"a:").len();
        assert_eq!(length(b"2024-01-02"), length(b"2024-01-02t03:04:05.0+00:00"));
        let mut token = cipher.seal(b"x", Kind::Text, &[9; 32], b"a:");
        for spelling in [&b""[..], b"\0", b"0x1F\0\0", &[b'a'; 31], &[b'a'; 32], &[b'a'; 33]] {
            token.note = Some(cipher.seal_note(spelling, &[9; 32], b"a:"));
            assert_eq!(cipher.open_note(&token, b"a:").unwrap().expose(), spelling);
        }
    }
}
