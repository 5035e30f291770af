//! Bytes in, bytes out; knows nothing about documents.

mod cipher;
mod data_key;
mod digest;
mod envelope;
mod secret;
mod shamir;

pub use cipher::{Nonce, OpenError, ValueCipher};
pub use data_key::{DataKey, DataKeyLength, KeyPart};
pub use digest::{Digest, MacScope};
pub use envelope::{Envelope, EnvelopeError};
pub use secret::SecretBytes;
pub use shamir::{SHARE_LEN, ShamirError, combine, split};
