//! From a destination rule to the places that take a file, with credentials that are looked for
//! when the first of them is asked.

#[cfg(any(feature = "aws", feature = "gcp", feature = "vault"))]
use std::{cell::OnceCell, sync::Arc};

use sops_core::config::{Destination, VaultVersion};
use sops_providers::publishing::Target;

#[cfg(any(feature = "aws", feature = "gcp", feature = "vault"))]
use crate::credentials;
use crate::failure::Failure;

/// What takes the content of files, for the life of a run.
#[derive(Default)]
pub(crate) struct Places {
    #[cfg(feature = "aws")]
    aws: OnceCell<Arc<sops_providers::publishing::AwsStores>>,
    #[cfg(feature = "gcp")]
    gcs: OnceCell<Arc<sops_providers::publishing::Gcs>>,
    #[cfg(feature = "vault")]
    vault: OnceCell<Arc<sops_providers::publishing::VaultKv>>,
}

/// What is sent to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The encrypted file.
    File,
    /// The values as one JSON object.
    Object,
    /// Each value for itself.
    Values,
}

impl Kind {
    /// What `destination` takes.
    pub(crate) fn of(destination: &Destination) -> Self {
        match destination {
            Destination::S3 { .. } | Destination::Gcs { .. } => Self::File,
            Destination::Vault { .. } | Destination::SecretsManager { .. } => Self::Object,
            Destination::ParameterStore { per_key: false, .. } => Self::Object,
            Destination::ParameterStore { per_key: true, .. } => Self::Values,
        }
    }
}

/// Where a file of this name goes, as messages show it.
pub(crate) fn address(destination: &Destination, name: &str) -> String {
    match destination {
        Destination::S3 { bucket, prefix } => format!("s3://{bucket}/{prefix}{name}"),
        Destination::Gcs { bucket, prefix } => format!("gcs://{bucket}/{prefix}{name}"),
        Destination::Vault { address, path, mount, version } => {
            let server = vault_address(address);
            let server = server.trim_end_matches('/');
            let data = if *version == VaultVersion::V2 { "data/" } else { "" };
            format!("{server}/v1/{mount}{data}{path}{name}")
        }
        Destination::SecretsManager { prefix, .. } => {
            format!("aws-secrets-manager://{prefix}{name}")
        }
        Destination::ParameterStore { path, .. } => format!("aws-parameter-store:/{path}{name}"),
    }
}

/// The server of a rule, or that of the environment, or the one that clients of Vault ask.
fn vault_address(of_rule: &str) -> String {
    const USUAL: &str = "https://127.0.0.1:8200";
    match of_rule {
        "" => crate::env_vars::VAULT_ADDR.non_empty().unwrap_or_else(|| USUAL.to_owned()),
        address => address.to_owned(),
    }
}

/// What to say of a server that nobody named, when it fails.
pub(super) fn guessed(destination: &Destination) -> Option<&'static str> {
    match destination {
        Destination::Vault { address, .. }
            if address.is_empty() && crate::env_vars::VAULT_ADDR.non_empty().is_none() =>
        {
            Some("the rule has no vault_address, and VAULT_ADDR is not set")
        }
        _ => None,
    }
}

impl Places {
    /// The place of a file, or of the value below it that `key` names.
    ///
    /// # Errors
    /// If this build has no client for the destination.
    pub(crate) fn target(
        &self,
        destination: &Destination,
        name: &str,
        key: Option<&str>,
    ) -> Result<Box<dyn Target>, Failure> {
        let name = key.map_or_else(|| name.to_owned(), |key| format!("{name}/{key}"));
        match destination {
            #[cfg(feature = "aws")]
            Destination::S3 { bucket, prefix } => {
                Ok(Box::new(sops_providers::publishing::S3Object {
                    stores: self.aws(),
                    bucket: bucket.clone(),
                    key: format!("{prefix}{name}"),
                }))
            }
            #[cfg(feature = "aws")]
            Destination::SecretsManager { prefix, region, kms_key } => {
                Ok(Box::new(sops_providers::publishing::Secret {
                    stores: self.aws(),
                    name: format!("{prefix}{name}"),
                    region: region.clone(),
                    kms_key: kms_key.clone(),
                }))
            }
            #[cfg(feature = "aws")]
            Destination::ParameterStore { path, region, kms_key, .. } => {
                Ok(Box::new(sops_providers::publishing::Parameter {
                    stores: self.aws(),
                    name: format!("{path}{name}"),
                    region: region.clone(),
                    kms_key: kms_key.clone(),
                }))
            }
            #[cfg(feature = "gcp")]
            Destination::Gcs { bucket, prefix } => {
                Ok(Box::new(sops_providers::publishing::GcsObject {
                    service: self.gcs.get_or_init(|| Arc::new(credentials::gcp::storage())).clone(),
                    bucket: bucket.clone(),
                    name: format!("{prefix}{name}"),
                }))
            }
            #[cfg(feature = "vault")]
            Destination::Vault { address, path, mount, version } => {
                let server = self.vault.get_or_init(|| Arc::new(credentials::vault::stores()));
                Ok(Box::new(sops_providers::publishing::VaultSecret {
                    server: server.clone(),
                    address: vault_address(address),
                    mount: mount.clone(),
                    path: format!("{path}{name}"),
                    versioned: *version == VaultVersion::V2,
                }))
            }
            #[allow(unreachable_patterns, reason = "which services are there depends on features")]
            _ => Err(Failure::generic(format!(
                "this build cannot publish to {}",
                self::address(destination, &name)
            ))
            .hint("use a build with all services")),
        }
    }

    #[cfg(feature = "aws")]
    fn aws(&self) -> Arc<sops_providers::publishing::AwsStores> {
        self.aws.get_or_init(|| Arc::new(credentials::aws::stores())).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_sops_shows() {
        let vault = |version| Destination::Vault {
            address: "https://v.example:8200/".into(),
            path: "app/".into(),
            mount: "secret/".into(),
            version,
        };
        for (destination, expected) in [
            (Destination::S3 { bucket: "b".into(), prefix: "pre-".into() }, "s3://b/pre-s.yaml"),
            (Destination::Gcs { bucket: "b".into(), prefix: "p/".into() }, "gcs://b/p/s.yaml"),
            (vault(VaultVersion::V2), "https://v.example:8200/v1/secret/data/app/s.yaml"),
            (vault(VaultVersion::V1), "https://v.example:8200/v1/secret/app/s.yaml"),
            (
                Destination::ParameterStore {
                    path: "/team/".into(),
                    region: None,
                    kms_key: None,
                    per_key: false,
                },
                "aws-parameter-store://team/s.yaml",
            ),
        ] {
            assert_eq!(address(&destination, "s.yaml"), expected);
        }
    }
}
