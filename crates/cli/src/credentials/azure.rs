//! Azure: the places of its `DefaultAzureCredential`, in their order: an application with a secret,
//! a workload identity, the identity of this machine, whoever has signed in by `az` or `azd`
//! (format §4.5). `AZURE_TOKEN_CREDENTIALS` leaves some of them out. Nothing is read before a key
//! of this kind is asked.

use std::{path::PathBuf, sync::Arc};

use sops_core::{crypto::SecretBytes, keys::KeyProvider};
use sops_providers::{
    AzureCredentials, AzureKv, AzureSettings, CallPolicy, azure_kv::AzureCredential,
};

use super::calls;
use crate::env_vars;

/// A provider that has done nothing yet.
pub(crate) fn provider() -> Arc<dyn KeyProvider> {
    Arc::new(AzureKv::reading(settings))
}

fn settings() -> Result<AzureSettings, String> {
    let variable = env_vars::AZURE_TOKEN_CREDENTIALS;
    let chosen = variable.non_empty().unwrap_or_default();
    let names = Names::of(chosen.trim())
        .ok_or_else(|| format!("invalid {} value {chosen:?}; it takes {TAKES}", variable.name))?;
    let given = Given::of_environment();
    Ok(AzureSettings {
        policy: CallPolicy::within(calls::deadline()?),
        credentials: AzureCredentials(given.places(names)),
    })
}

const TAKES: &str = "dev, prod, or one of EnvironmentCredential, WorkloadIdentityCredential, \
                     ManagedIdentityCredential, AzureCLICredential and AzureDeveloperCLICredential";

/// The names of all places, in their order.
const ALL: [&str; 5] = [
    "EnvironmentCredential",
    "WorkloadIdentityCredential",
    "ManagedIdentityCredential",
    "AzureCLICredential",
    "AzureDeveloperCLICredential",
];

/// Which places are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    All,
    /// Those of machines.
    Production,
    /// Those of persons.
    Development,
    One(&'static str),
}

impl Names {
    fn of(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "" => Some(Self::All),
            "prod" => Some(Self::Production),
            "dev" => Some(Self::Development),
            _ => ALL.into_iter().find(|name| name.eq_ignore_ascii_case(text)).map(Self::One),
        }
    }

    fn names(self) -> Vec<&'static str> {
        match self {
            Self::All => ALL.to_vec(),
            Self::Production => ALL[..3].to_vec(),
            Self::Development => ALL[3..].to_vec(),
            Self::One(name) => vec![name],
        }
    }
}

/// What the environment says.
#[derive(Debug, Default)]
struct Given {
    tenant: Option<String>,
    client: Option<String>,
    secret: Option<SecretBytes>,
    certificate: bool,
    token_file: Option<PathBuf>,
    /// Whether something says that this machine has an identity.
    identity: bool,
}

impl Given {
    fn of_environment() -> Self {
        let secret = env_vars::AZURE_CLIENT_SECRET.non_empty();
        let file = env_vars::AZURE_FEDERATED_TOKEN_FILE.os().filter(|path| !path.is_empty());
        Self {
            tenant: env_vars::AZURE_TENANT_ID.non_empty(),
            client: env_vars::AZURE_CLIENT_ID.non_empty(),
            secret: secret.map(|secret| SecretBytes::from(secret.as_str())),
            certificate: env_vars::AZURE_CLIENT_CERTIFICATE_PATH.non_empty().is_some(),
            token_file: file.map(PathBuf::from),
            identity: env_vars::IDENTITY_ENDPOINT.non_empty().is_some()
                || env_vars::MSI_ENDPOINT.non_empty().is_some(),
        }
    }

    fn places(&self, names: Names) -> Vec<AzureCredential> {
        let place = |name| self.place(name, names == Names::One(name));
        names.names().into_iter().filter_map(place).collect()
    }

    /// A place; none if the environment does not have what it takes, unless it is `named`.
    fn place(&self, name: &'static str, named: bool) -> Option<AzureCredential> {
        let lacks = |variables: &str| {
            let reason = format!("{variables} have to be set");
            named.then_some(AzureCredential::Unusable { name, reason })
        };
        match name {
            "EnvironmentCredential" => match (&self.tenant, &self.client, &self.secret) {
                (Some(tenant), Some(client), Some(secret)) => Some(AzureCredential::ClientSecret {
                    tenant: tenant.clone(),
                    client: client.clone(),
                    secret: secret.clone(),
                }),
                // It was meant to be used, so it is told why it is not.
                _ if self.certificate => Some(AzureCredential::Unusable {
                    name,
                    reason: "AZURE_CLIENT_CERTIFICATE_PATH is set; certificates are not served by \
                             this program"
                        .to_owned(),
                }),
                _ => lacks("AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"),
            },
            "WorkloadIdentityCredential" => match (&self.tenant, &self.client, &self.token_file) {
                (Some(tenant), Some(client), Some(file)) => {
                    Some(AzureCredential::WorkloadIdentity {
                        tenant: tenant.clone(),
                        client: client.clone(),
                        token_file: file.clone(),
                    })
                }
                _ => lacks("AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE"),
            },
            "ManagedIdentityCredential" => Some(AzureCredential::ManagedIdentity {
                client: self.client.clone(),
                patience: (!named && !self.identity).then_some(AzureCredentials::PATIENCE),
            }),
            "AzureCLICredential" => Some(AzureCredential::AzureCli),
            _ => Some(AzureCredential::AzureDeveloperCli),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(given: &Given, chosen: &str) -> Vec<&'static str> {
        let places = given.places(Names::of(chosen).unwrap());
        places.iter().map(AzureCredential::name).collect()
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn places_are_asked_in_the_order_of_the_original() {
        let nothing = Given::default();
        assert_eq!(names(&nothing, ""), ALL[2..]);
        assert_eq!(names(&nothing, "prod"), ALL[2..3]);
        assert_eq!(names(&nothing, "DEV"), ALL[3..]);
        assert_eq!(names(&nothing, "azureclicredential"), ["AzureCLICredential"]);
        let all = Given {
            tenant: text("t"),
            client: text("c"),
            secret: Some("s".into()),
            token_file: Some("f".into()),
            ..Given::default()
        };
        assert_eq!(names(&all, ""), ALL);
        assert_eq!(Names::of("else"), None);
    }

    #[test]
    fn one_that_was_named_says_what_it_lacks() {
        let places = Given::default().places(Names::One("EnvironmentCredential"));
        let [AzureCredential::Unusable { reason, .. }] = &places[..] else { panic!("{places:?}") };
        assert!(reason.contains("AZURE_CLIENT_SECRET"), "{reason}");
        let certificate = Given { certificate: true, ..Given::default() };
        assert_eq!(names(&certificate, "")[0], "EnvironmentCredential");
    }

    #[test]
    fn a_machine_that_says_it_has_an_identity_is_waited_for() {
        let patience = |given: &Given, names| match &given.places(names)[0] {
            AzureCredential::ManagedIdentity { patience, .. } => *patience,
            other => panic!("{other:?}"),
        };
        let patient = Some(AzureCredentials::PATIENCE);
        assert_eq!(patience(&Given::default(), Names::All), patient);
        assert_eq!(patience(&Given { identity: true, ..Given::default() }, Names::All), None);
        assert_eq!(patience(&Given::default(), Names::One("ManagedIdentityCredential")), None);
    }
}
