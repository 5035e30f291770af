//! The whole way from an encrypted text to its values, for programs that want no more than that.

use sops_core::crypto::SecretBytes;
use sops_core::document::{Document, ReadError};
use sops_core::format::Format;
use sops_core::keys::{self, DecryptionOrder, Hedge, RecoverError};
use sops_core::pipeline::{self, LeafError, MacVerdict, OpenDocument};

use crate::{Keyring, TokioTimer};

/// Why a text did not open. No message holds a value.
#[derive(Debug, thiserror::Error)]
pub enum DecryptError {
    /// The text breaks its format, or its metadata cannot be understood.
    #[error("the text cannot be read")]
    Read(#[from] ReadError),
    /// It has no metadata: it is not encrypted.
    #[error("the text has no SOPS metadata")]
    NotEncrypted,
    /// No key opens it. The error has what each key answered.
    #[error("no master key opens the text")]
    NoKey(#[from] RecoverError),
    /// A value does not open.
    #[error("a value does not decrypt")]
    Value(#[from] LeafError),
    /// The MAC does not match: values were changed, moved, added or removed without the key.
    #[error("the MAC does not match")]
    Mac(MacVerdict),
}

/// Decrypts a text: reads it, asks the keys of the ring for its data key, in the usual order (age
/// and OpenPGP first), opens every value, and checks the MAC. It waits for remote keys on the
/// runtime of tokio that it is called on.
///
/// # Errors
/// If the text is not encrypted or breaks its format, if no key opens it, or if a value or the MAC
/// is not what was encrypted.
///
/// ```
/// use sops_core::{crypto::SecretBytes, format::Format};
/// use sops_providers::{AgeProvider, Keyring, age::IdentityText, decrypt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let identities = std::fs::read_to_string("../../examples/quickstart/age-key.txt")?;
/// let age = AgeProvider::new(vec![Box::new(IdentityText::new("age-key.txt", identities))]);
/// let keyring = Keyring::default().with(age);
///
/// let text = SecretBytes::new(std::fs::read("../../examples/quickstart/secret.enc.yaml")?);
/// let document = decrypt(Format::Yaml, text, &keyring).await?;
///
/// // As a text, with its comments and layout:
/// let clear = document.text()?;
/// # assert_eq!(clear.expose(), std::fs::read("../../examples/quickstart/secret.yaml")?);
/// // Or value by value:
/// let root = &document.tree.documents[0];
/// assert!(root.get("stringData").is_some());
/// # Ok(())
/// # }
/// ```
pub async fn decrypt(
    format: Format,
    text: SecretBytes,
    keyring: &Keyring,
) -> Result<OpenDocument, DecryptError> {
    let Document::Sealed(document) = Document::read(format, text)? else {
        return Err(DecryptError::NotEncrypted);
    };
    let metadata = &document.metadata;
    let (threshold, order) = (metadata.shamir_threshold as usize, DecryptionOrder::default());
    let hedge = Hedge::new(&TokioTimer);
    let recovered =
        keys::recover(&metadata.groups, threshold, &order, keyring.providers(), hedge).await?;
    pipeline::open(*document, &recovered.data_key, false)?.verified().map_err(DecryptError::Mac)
}
