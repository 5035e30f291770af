//! `age1pq1…`: recipients and identities of ML-KEM-768 with X25519, which the age crate does not
//! have yet.
//!
//! The key exchange is X-Wing, used as KEM 0x647a of HPKE (RFC 9180, base mode) with HKDF-SHA256
//! and ChaCha20-Poly1305; the stanza is `mlkem768x25519 ENC` with the sealed file key as body.
//! Neither the libraries for ML-KEM nor this composition have been audited.

use std::collections::HashSet;

use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::secrecy::ExposeSecret as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use ml_kem::array::Array;
use ml_kem::kem::{Decapsulate as _, DecapsulationKey, EncapsulationKey};
use ml_kem::{Ciphertext, EncapsulateDeterministic as _, Encoded, EncodedSizeUser as _};
use ml_kem::{KemCore as _, MlKem768, MlKem768Params};
use rand::RngCore as _;
use rand::rngs::OsRng;
use sha2::Sha256;
use sha3::digest::{ExtendableOutput as _, Update as _, XofReader as _};
use sha3::{Digest as _, Sha3_256, Shake256};
use sops_core::keys::{bech32_decode, bech32_encode};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

const RECIPIENT_NAME: &str = "age1pq";
const IDENTITY_NAME: &str = "age-secret-key-pq-";
const STANZA: &str = "mlkem768x25519";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
/// KEM X-Wing, KDF HKDF-SHA256, AEAD ChaCha20-Poly1305.
const SUITE: &[u8] = b"HPKE\x64\x7a\x00\x01\x00\x03";
const X_WING_LABEL: &[u8] = br"\.//^\";

const KEM_PUBLIC: usize = 1184;
const KEM_CIPHERTEXT: usize = 1088;
const X25519: usize = 32;
const SEALED_FILE_KEY: usize = FILE_KEY_BYTES + 16;

/// A recipient.
pub(crate) struct Recipient {
    kem: EncapsulationKey<MlKem768Params>,
    x25519: PublicKey,
}

/// An identity: the seed that both private keys come from.
pub(crate) struct Identity(Zeroizing<[u8; 32]>);

impl Recipient {
    /// Reads `age1pq1…`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, bytes) = bech32_decode(text).ok()?;
        let (kem, x25519) = bytes.split_at_checked(KEM_PUBLIC)?;
        let x25519: [u8; X25519] = x25519.try_into().ok()?;
        let encoded = Encoded::<EncapsulationKey<MlKem768Params>>::try_from(kem).ok()?;
        let kem = EncapsulationKey::from_bytes(&encoded);
        // Numbers beyond the modulus are reduced on reading; such a key is not one (FIPS 203,
        // 7.2: the modulus check).
        let canonical = kem.as_bytes() == encoded;
        (name == RECIPIENT_NAME && canonical).then_some(Self { kem, x25519: x25519.into() })
    }

    /// Makes a shared secret, and what the other side needs to make it too.
    fn encapsulate(&self) -> Option<(Zeroizing<[u8; 32]>, Vec<u8>)> {
        let mut random = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(random.as_mut());
        let message = Zeroizing::new(*random);
        let (ciphertext, kem_secret) =
            self.kem.encapsulate_deterministic(&Array::from(*message)).ok()?;
        OsRng.fill_bytes(random.as_mut());
        let ephemeral = StaticSecret::from(*random);
        let point = PublicKey::from(&ephemeral);
        let shared = ephemeral.diffie_hellman(&self.x25519);
        if !shared.was_contributory() {
            return None;
        }
        let kem_secret = Zeroizing::new(<[u8; 32]>::from(kem_secret));
        let secret = combine(&kem_secret, shared.as_bytes(), &point, &self.x25519);
        Some((secret, [ciphertext.as_slice(), point.as_bytes()].concat()))
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(
        &self,
        file_key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let refused =
            || EncryptError::Io(std::io::Error::other("the recipient is not a valid key"));
        let (secret, enc) = self.encapsulate().ok_or_else(refused)?;
        let (aead, nonce) = schedule(&secret);
        let body =
            aead.encrypt(&nonce, file_key.expose_secret().as_slice()).map_err(|_| refused())?;
        let stanza = Stanza { tag: STANZA.into(), args: vec![STANDARD_NO_PAD.encode(enc)], body };
        Ok((vec![stanza], HashSet::from(["postquantum".to_owned()])))
    }
}

impl Identity {
    /// Reads `AGE-SECRET-KEY-PQ-1…`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, bytes) = bech32_decode(text).ok()?;
        if name != IDENTITY_NAME {
            return None;
        }
        Self::from_seed(&bytes)
    }

    /// Takes the 32 bytes that such a text holds.
    pub(crate) fn from_seed(seed: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(seed.try_into().ok()?)))
    }

    /// The identity as text, in the form of an identity file.
    #[cfg(test)]
    fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(bech32_encode(IDENTITY_NAME, self.0.as_ref()).to_ascii_uppercase())
    }

    /// The recipient that belongs to it.
    pub(crate) fn to_recipient(&self) -> Zeroizing<String> {
        let (_, kem, x25519) = self.expand();
        let public = [kem.as_bytes().as_slice(), PublicKey::from(&x25519).as_bytes()].concat();
        bech32_encode(RECIPIENT_NAME, &public)
    }

    fn expand(
        &self,
    ) -> (DecapsulationKey<MlKem768Params>, EncapsulationKey<MlKem768Params>, StaticSecret) {
        let mut hash = Shake256::default();
        hash.update(self.0.as_ref());
        let mut output = hash.finalize_xof();
        let mut part = || {
            let mut bytes = Zeroizing::new([0; 32]);
            output.read(bytes.as_mut());
            bytes
        };
        let (d, z, x25519) = (part(), part(), part());
        let (private, public) =
            MlKem768::generate_deterministic(&Array::from(*d), &Array::from(*z));
        (private, public, StaticSecret::from(*x25519))
    }

    fn open(&self, enc: &[u8], body: &[u8]) -> Option<FileKey> {
        let (ciphertext, point) = enc.split_at_checked(KEM_CIPHERTEXT)?;
        let point: [u8; X25519] = point.try_into().ok()?;
        let (private, _, x25519) = self.expand();
        let ciphertext = Ciphertext::<MlKem768>::try_from(ciphertext).ok()?;
        let kem_secret = Zeroizing::new(<[u8; 32]>::from(private.decapsulate(&ciphertext).ok()?));
        let point = PublicKey::from(point);
        let shared = x25519.diffie_hellman(&point);
        if !shared.was_contributory() {
            return None;
        }
        let own = PublicKey::from(&x25519);
        let secret = combine(&kem_secret, shared.as_bytes(), &point, &own);
        let (aead, nonce) = schedule(&secret);
        let file_key = Zeroizing::new(aead.decrypt(&nonce, body).ok()?);
        FileKey::try_init_with_mut(|key| {
            if key.len() != file_key.len() {
                return Err(());
            }
            key.copy_from_slice(&file_key);
            Ok(())
        })
        .ok()
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != STANZA {
            return None;
        }
        let [enc] = stanza.args.as_slice() else { return Some(Err(DecryptError::InvalidHeader)) };
        let enc = STANDARD_NO_PAD.decode(enc).ok().filter(|enc| {
            enc.len() == KEM_CIPHERTEXT + X25519 && stanza.body.len() == SEALED_FILE_KEY
        });
        match enc {
            None => Some(Err(DecryptError::InvalidHeader)),
            // Recipients are not named in the stanza, so another one's looks like a broken one.
            Some(enc) => self.open(&enc, &stanza.body).map(Ok),
        }
    }
}

/// The combiner of X-Wing.
fn combine(
    kem_secret: &[u8; 32],
    x25519_secret: &[u8; 32],
    point: &PublicKey,
    recipient: &PublicKey,
) -> Zeroizing<[u8; 32]> {
    let hash = Sha3_256::new()
        .chain_update(kem_secret)
        .chain_update(x25519_secret)
        .chain_update(point.as_bytes())
        .chain_update(recipient.as_bytes())
        .chain_update(X_WING_LABEL);
    Zeroizing::new(hash.finalize().into())
}

/// The key schedule of HPKE in base mode: no pre-shared key, no additional data, one message.
fn schedule(secret: &[u8; 32]) -> (ChaCha20Poly1305, Nonce) {
    let no_psk = extract(None, b"psk_id_hash", &[]).0;
    let info = extract(None, b"info_hash", INFO).0;
    let context = [&[0], no_psk.as_slice(), info.as_slice()].concat();
    let (_, expander) = extract(Some(secret), b"secret", &[]);
    let mut key = Zeroizing::new([0; 32]);
    let mut nonce = [0; 12];
    expand(&expander, b"key", &context, key.as_mut());
    expand(&expander, b"base_nonce", &context, &mut nonce);
    (ChaCha20Poly1305::new(Key::from_slice(key.as_ref())), nonce.into())
}

fn extract(salt: Option<&[u8; 32]>, label: &[u8], input: &[u8]) -> (Vec<u8>, Hkdf<Sha256>) {
    let labelled = [b"HPKE-v1", SUITE, label, input].concat();
    let (hash, expander) = Hkdf::extract(salt.map(|salt| salt.as_slice()), &labelled);
    (hash.to_vec(), expander)
}

fn expand(expander: &Hkdf<Sha256>, label: &[u8], context: &[u8], output: &mut [u8]) {
    let length = (output.len() as u16).to_be_bytes();
    let labelled = [&length[..], b"HPKE-v1", SUITE, label, context].concat();
    // HKDF refuses only outputs beyond 8160 bytes.
    let expanded = expander.expand(&labelled, output);
    debug_assert!(expanded.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;
    use age::{Identity as _, Recipient as _};

    fn file_key() -> FileKey {
        FileKey::new(Box::new([9; 16]))
    }

    #[test]
    fn a_recipient_seals_for_its_identity_alone() {
        let identity = Identity::from_seed(&[7; 32]).unwrap();
        let recipient = Recipient::parse(&identity.to_recipient()).unwrap();
        let (stanzas, labels) = recipient.wrap_file_key(&file_key()).unwrap();
        assert_eq!((stanzas.len(), labels.len()), (1, 1));
        let opened = identity.unwrap_stanza(&stanzas[0]).unwrap().ok().unwrap();
        assert_eq!(opened.expose_secret(), file_key().expose_secret());
        let other = Identity::from_seed(&[8; 32]).unwrap();
        assert!(other.unwrap_stanza(&stanzas[0]).is_none());
    }

    #[test]
    fn identities_are_read_as_they_are_written() {
        let identity = Identity::from_seed(&[7; 32]).unwrap();
        let text = identity.to_text();
        assert!(text.starts_with("AGE-SECRET-KEY-PQ-1"));
        assert_eq!(Identity::parse(&text).unwrap().to_recipient(), identity.to_recipient());
        assert_eq!(identity.to_recipient().len(), 1959);
        assert!(Identity::from_seed(&[7; 31]).is_none());
    }

    #[test]
    fn stanzas_that_are_not_well_formed_are_errors() {
        let identity = Identity::from_seed(&[7; 32]).unwrap();
        let recipient = Recipient::parse(&identity.to_recipient()).unwrap();
        let (mut stanzas, _) = recipient.wrap_file_key(&file_key()).unwrap();
        stanzas[0].body.pop();
        assert!(matches!(
            identity.unwrap_stanza(&stanzas[0]),
            Some(Err(DecryptError::InvalidHeader))
        ));
        stanzas[0].args.clear();
        assert!(matches!(
            identity.unwrap_stanza(&stanzas[0]),
            Some(Err(DecryptError::InvalidHeader))
        ));
    }
}
