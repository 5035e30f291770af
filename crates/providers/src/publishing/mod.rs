//! Where `publish` puts files and secrets (CLI §3.9): one file per kind of destination.
//!
//! Rules of this module:
//!
//! - Nothing is read or connected before the first call.
//! - What is there can be looked at first, so that equal content is not written again. A caller who
//!   may write and not read is served as well.
//! - How often and how long a service is asked is the policy of all services.
//! - Errors name places and what the service said, never what was to be published. Where the
//!   reference has words for them, they are those.

#![cfg_attr(
    not(any(feature = "aws", feature = "gcp", feature = "vault")),
    allow(dead_code, reason = "which destinations there are depends on the features")
)]

#[cfg(feature = "aws")]
mod aws;
mod error;
#[cfg(feature = "gcp")]
mod gcs;
#[cfg(feature = "aws")]
mod parameter_store;
#[cfg(feature = "aws")]
mod s3;
#[cfg(feature = "aws")]
mod secrets_manager;
#[cfg(feature = "vault")]
mod vault_kv;

use sops_core::crypto::SecretBytes;

#[cfg(feature = "aws")]
pub use aws::AwsStores;
pub use error::TargetError;
#[cfg(feature = "gcp")]
pub use gcs::{Gcs, GcsObject, GcsSettings};
#[cfg(feature = "aws")]
pub use parameter_store::Parameter;
#[cfg(feature = "aws")]
pub use s3::S3Object;
#[cfg(feature = "aws")]
pub use secrets_manager::Secret;
#[cfg(feature = "vault")]
pub use vault_kv::{VaultKv, VaultSecret};

/// One place that takes one content.
#[async_trait::async_trait]
pub trait Target: Send + Sync {
    /// What is there now.
    ///
    /// # Errors
    /// If the service does not say.
    async fn read(&self) -> Result<Held, TargetError>;

    /// Puts `content` there. `held` is what [`Target::read`] found, so that nobody's change in
    /// between is lost where the service can tell; [`Held::Unknown`] if it was not asked.
    ///
    /// Gives the version that was made, where there are versions.
    ///
    /// # Errors
    /// If the service does not take it.
    async fn write(
        &self,
        content: &SecretBytes,
        held: &Held,
    ) -> Result<Option<String>, TargetError>;
}

/// What a target holds.
#[derive(Debug)]
pub enum Held {
    /// Nothing.
    Nothing {
        /// The version that was there last, where that is known.
        version: Option<u64>,
    },
    /// This.
    Content {
        /// The content. Of key-value stores it is the text of a JSON object.
        content: SecretBytes,
        /// Its version, where that is known and is a number.
        version: Option<u64>,
    },
    /// The caller may not look, or did not; why, if somebody said no.
    Unknown(Option<TargetError>),
}

/// Longest file that is read back to be compared.
#[cfg(any(feature = "aws", feature = "gcp"))]
const LONGEST_OBJECT: usize = 64 * 1024 * 1024;
/// Longest answer of all else: a secret of AWS has at most 64 KB, one of Vault a megabyte.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// A body that can be sent again, and is wiped with the last request.
#[cfg(any(feature = "aws", feature = "vault"))]
fn body_of(content: SecretBytes) -> bytes::Bytes {
    struct Owner(SecretBytes);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            self.0.expose()
        }
    }
    bytes::Bytes::from_owner(Owner(content))
}
