//! Where credentials come from: several places, asked in their order until one gives a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::HttpClient;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential,
    AzureDeveloperCliCredentialOptions, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use sops_core::crypto::SecretBytes;

use super::options;

/// One place where a token may come from.
#[derive(Clone, Debug)]
pub enum AzureCredential {
    /// An application with its secret.
    ClientSecret {
        /// The tenant's id.
        tenant: String,
        /// The application's id.
        client: String,
        /// The secret.
        secret: SecretBytes,
    },
    /// A token of a Kubernetes service account, which the library reads from its file.
    WorkloadIdentity {
        /// The tenant's id.
        tenant: String,
        /// The application's id.
        client: String,
        /// The file.
        token_file: std::path::PathBuf,
    },
    /// The identity of this machine. Where it is asked for is in variables that the library reads.
    ManagedIdentity {
        /// Which one, if there are several.
        client: Option<String>,
        /// For how long it is waited, where nothing says that there is one.
        patience: Option<Duration>,
    },
    /// Whoever has signed in by the program `az`.
    AzureCli,
    /// Whoever has signed in by the program `azd`.
    AzureDeveloperCli,
    /// A place that was named and cannot be used, with the reason.
    Unusable {
        /// Its name.
        name: &'static str,
        /// Why not.
        reason: String,
    },
}

impl AzureCredential {
    /// The name that the SDKs of all languages have for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "EnvironmentCredential",
            Self::WorkloadIdentity { .. } => "WorkloadIdentityCredential",
            Self::ManagedIdentity { .. } => "ManagedIdentityCredential",
            Self::AzureCli => "AzureCLICredential",
            Self::AzureDeveloperCli => "AzureDeveloperCLICredential",
            Self::Unusable { name, .. } => name,
        }
    }

    fn build(&self, http: &Arc<dyn HttpClient>) -> azure_core::Result<Arc<dyn TokenCredential>> {
        Ok(match self {
            Self::ClientSecret { tenant, client, secret } => {
                let secret = secret.expose_str().unwrap_or_default().to_owned();
                let options = ClientSecretCredentialOptions { client_options: options(http) };
                let secret = Secret::new(secret);
                ClientSecretCredential::new(tenant, client.clone(), secret, Some(options))?
            }
            Self::WorkloadIdentity { tenant, client, token_file } => {
                let credential_options =
                    ClientAssertionCredentialOptions { client_options: options(http) };
                WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                    credential_options,
                    client_id: Some(client.clone()),
                    tenant_id: Some(tenant.clone()),
                    token_file_path: Some(token_file.clone()),
                }))?
            }
            Self::ManagedIdentity { client, .. } => {
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: client.clone().map(UserAssignedId::ClientId),
                    client_options: options(http),
                }))?
            }
            Self::AzureCli => AzureCliCredential::new(Some(AzureCliCredentialOptions::default()))?,
            Self::AzureDeveloperCli => {
                let options = AzureDeveloperCliCredentialOptions::default();
                AzureDeveloperCliCredential::new(Some(options))?
            }
            Self::Unusable { reason, .. } => {
                return Err(Error::with_message(ErrorKind::Credential, reason.clone()));
            }
        })
    }

    fn patience(&self) -> Option<Duration> {
        match self {
            Self::ManagedIdentity { patience, .. } => *patience,
            _ => None,
        }
    }
}

/// The places, in the order in which they are asked.
#[derive(Clone, Debug)]
pub struct AzureCredentials(pub Vec<AzureCredential>);

impl Default for AzureCredentials {
    /// The identity of this machine, then whoever has signed in.
    fn default() -> Self {
        let patience = Some(Self::PATIENCE);
        Self(vec![
            AzureCredential::ManagedIdentity { client: None, patience },
            AzureCredential::AzureCli,
            AzureCredential::AzureDeveloperCli,
        ])
    }
}

impl AzureCredentials {
    /// How long the service for identities of machines is waited for where nothing says that there
    /// is one. It answers in milliseconds, from next door.
    pub const PATIENCE: Duration = Duration::from_secs(1);
}

/// Asks them, and stays with the one that gave a token.
#[derive(Debug)]
pub(super) struct Chain {
    places: AzureCredentials,
    http: Arc<dyn HttpClient>,
    made: tokio::sync::OnceCell<Vec<Result<Arc<dyn TokenCredential>, String>>>,
    /// Which one gave a token; more than there are, if none has.
    found: AtomicUsize,
}

impl Chain {
    pub(super) fn new(places: AzureCredentials, http: Arc<dyn HttpClient>) -> Self {
        let (made, found) = (tokio::sync::OnceCell::new(), AtomicUsize::new(usize::MAX));
        Self { places, http, made, found }
    }

    /// The name of the place that gave a token, or of the only one that is asked.
    pub(super) fn name(&self) -> Option<&'static str> {
        match &self.places.0[..] {
            [only] => Some(only.name()),
            all => all.get(self.found.load(Ordering::Relaxed)).map(AzureCredential::name),
        }
    }

    async fn made(&self) -> &[Result<Arc<dyn TokenCredential>, String>] {
        let build = |place: &AzureCredential| {
            place.build(&self.http).map_err(|error| crate::words::causes(&error))
        };
        self.made.get_or_init(|| async { self.places.0.iter().map(build).collect() }).await
    }
}

#[async_trait::async_trait]
impl TokenCredential for Chain {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let made = self.made().await;
        let found = self.found.load(Ordering::Relaxed);
        let mut reasons = Vec::new();
        for (at, (place, credential)) in self.places.0.iter().zip(made).enumerate() {
            if found < made.len() && at != found {
                continue;
            }
            let reason = match credential {
                Err(reason) => reason.clone(),
                Ok(credential) => {
                    let asked = credential.get_token(scopes, options.clone());
                    let result = match place.patience() {
                        Some(patience) => tokio::time::timeout(patience, asked).await.ok(),
                        None => Some(asked.await),
                    };
                    match result {
                        Some(Ok(token)) => {
                            self.found.store(at, Ordering::Relaxed);
                            return Ok(token);
                        }
                        Some(Err(error)) if self.places.0.len() == 1 => return Err(error),
                        Some(Err(error)) => crate::words::causes(&error),
                        None => "nobody answers".to_owned(),
                    }
                }
            };
            reasons.push(format!("{}: {reason}", place.name()));
        }
        let text = match reasons.is_empty() {
            true => "no place is left that could give a token".to_owned(),
            false => reasons.join("; "),
        };
        let text = format!("failed to acquire a token. Attempted credentials: {text}");
        Err(Error::with_message(ErrorKind::Credential, text))
    }
}
