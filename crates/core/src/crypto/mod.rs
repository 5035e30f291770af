//! Bytes in, bytes out; knows nothing about documents.

mod cipher;
mod digest;
mod envelope;
mod secret;

pub use cipher::{Nonce, OpenError, ValueCipher};
pub use digest::{Digest, MacScope};
pub use envelope::{Envelope, EnvelopeError};
pub use secret::SecretBytes;
