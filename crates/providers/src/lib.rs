//! Clients of key services: credentials in, wrapped and opened data keys out.
//!
//! Rules of this crate:
//!
//! - Constructors take credentials, texts and endpoints as values. Nothing here reads a variable
//!   or a file on its own, except what the libraries of AWS, Google and Azure do for their
//!   credential chains.
//! - Nothing is loaded or connected before a key has to be asked.
//! - Records of the audit log are no key service; where they go is told in the same way, and no key
//!   service knows of it.
//! - Each service is a feature. A build without it still reads and writes documents with its
//!   keys; [`missing_feature`] says what would make them usable.
//!
//! A program that wants to decrypt a file and nothing else begins with `decrypt` (feature
//! `tokio-timer`), whose documentation has the ten lines it takes. Whoever encrypts takes the
//! operations of `sops_core::pipeline`, with the [`Keyring`] for their providers.

#![forbid(unsafe_code)]

#[cfg(feature = "age")]
pub mod age;
#[cfg(feature = "age")]
mod age_file;
#[cfg(feature = "age")]
mod age_identities;
#[cfg(feature = "age")]
mod age_passphrase;
#[cfg(feature = "age-plugin")]
mod age_plugin;
#[cfg(feature = "age")]
mod age_pq;
#[cfg(feature = "age-ssh")]
mod age_ssh;
#[cfg(feature = "audit")]
pub mod audit;
#[cfg(feature = "aws")]
pub mod aws_kms;
#[cfg(feature = "azure")]
pub mod azure_kv;
#[cfg(feature = "calls")]
mod call;
#[cfg(feature = "tokio-timer")]
mod decrypt;
#[cfg(feature = "gcp")]
pub mod gcp_kms;
#[cfg(feature = "gpg")]
pub mod gpg;
#[cfg(feature = "vault")]
pub mod hc_vault;
#[cfg(feature = "http")]
#[cfg_attr(
    not(all(feature = "huawei", feature = "vault")),
    allow(dead_code, reason = "which services use it depends on the features")
)]
mod http;
#[cfg(feature = "huawei")]
pub mod huawei_kms;
mod keyring;
#[cfg(feature = "keyservice")]
pub mod keyservice;
#[cfg(feature = "pgp")]
pub mod pgp;
#[cfg(feature = "calls")]
mod proxy;
#[cfg(feature = "publish")]
pub mod publishing;
#[cfg(any(
    feature = "age",
    feature = "aws",
    feature = "azure",
    feature = "gcp",
    feature = "gpg",
    feature = "http",
    feature = "keyservice"
))]
mod words;

#[cfg(feature = "age")]
pub use age::AgeProvider;
#[cfg(feature = "aws")]
pub use aws_kms::{AwsCredentials, AwsKms, AwsSettings};
#[cfg(feature = "azure")]
pub use azure_kv::{AzureCredentials, AzureKv, AzureSettings};
#[cfg(feature = "calls")]
pub use call::CallPolicy;
#[cfg(feature = "tokio-timer")]
pub use decrypt::{DecryptError, decrypt};
#[cfg(feature = "gcp")]
pub use gcp_kms::{GcpCredentials, GcpKms, GcpSettings};
#[cfg(feature = "gpg")]
pub use gpg::{GpgFound, GpgOutput, GpgProgram, GpgProvider, GpgWork};
#[cfg(feature = "vault")]
pub use hc_vault::{HcVault, VaultAllowlist, VaultSettings, VaultToken};
#[cfg(feature = "http")]
pub use http::HttpSettings;
#[cfg(feature = "huawei")]
pub use huawei_kms::{HuaweiCredentials, HuaweiKms, HuaweiSettings};
#[cfg(feature = "tokio-timer")]
pub use keyring::TokioTimer;
pub use keyring::{Keyring, missing_feature};
#[cfg(feature = "keyservice")]
pub use keyservice::{RemoteKeyService, RemoteSettings};
#[cfg(feature = "pgp")]
pub use pgp::{PgpHome, PgpProvider};
#[cfg(feature = "calls")]
pub use proxy::Proxy;
