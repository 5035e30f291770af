//! Bytes in, bytes out; knows nothing about documents.

mod secret;

pub use secret::SecretBytes;
