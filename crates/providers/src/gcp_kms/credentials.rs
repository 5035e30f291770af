//! Where credentials come from.

use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{
    Builder, CacheableResource, Credentials, CredentialsProvider, EntityTag, external_account,
    impersonated, service_account, user_account,
};
use google_cloud_auth::errors::CredentialsError;
use http::{Extensions, HeaderMap, HeaderValue, header};
use serde_json::Value;
use sops_core::crypto::SecretBytes;

/// Where credentials come from.
#[derive(Clone, Debug, Default)]
pub enum GcpCredentials {
    /// The application default credentials: `GOOGLE_APPLICATION_CREDENTIALS`, the file of gcloud,
    /// the metadata server. The library reads its variables and files by itself.
    #[default]
    Chain,
    /// An access token.
    Token(SecretBytes),
    /// The JSON text of a service account, a user, an external account, or one that is
    /// impersonated.
    Json {
        /// The text.
        text: SecretBytes,
        /// Where it comes from, for messages.
        from: String,
    },
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsFault {
    /// The text is none that the library understands.
    #[error("{0} holds no credentials: it is not JSON")]
    NotJson(String),
    /// It is of no kind that the library knows.
    #[error("{0} holds no credentials of a kind that is known")]
    UnknownKind(String),
    /// The token is nothing that can be sent.
    #[error("the access token has characters that no token has")]
    Token,
    /// The library refuses them.
    #[error("the credentials cannot be used")]
    Refused(#[source] BuildError),
}

impl GcpCredentials {
    /// Credentials for the service of this universe.
    pub(crate) fn build(&self, universe: Option<&str>) -> Result<Credentials, CredentialsFault> {
        match self {
            Self::Chain => {
                let builder = Builder::default();
                let builder = match universe {
                    Some(universe) => builder.with_universe_domain(universe),
                    None => builder,
                };
                builder.build().map_err(CredentialsFault::Refused)
            }
            Self::Token(token) => Ok(Credentials::from(Bearer::new(token, universe)?)),
            Self::Json { text, from } => {
                let value: Value = serde_json::from_slice(text.expose())
                    .map_err(|_| CredentialsFault::NotJson(from.clone()))?;
                of_json(value, from)
            }
        }
    }

    /// Who these are, for messages; no secret.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Chain => "the application default credentials".to_owned(),
            Self::Token(_) => "the access token that was given".to_owned(),
            Self::Json { text, from } => {
                let value: Option<Value> = serde_json::from_slice(text.expose()).ok();
                let email = value.as_ref().and_then(|value| value["client_email"].as_str());
                email.map_or_else(|| format!("the credentials of {from}"), str::to_owned)
            }
        }
    }
}

fn of_json(value: Value, from: &str) -> Result<Credentials, CredentialsFault> {
    let built = match value["type"].as_str() {
        Some("service_account") => service_account::Builder::new(value).build(),
        Some("authorized_user") => user_account::Builder::new(value).build(),
        Some("external_account") => external_account::Builder::new(value).build(),
        Some("impersonated_service_account") => impersonated::Builder::new(value).build(),
        _ => return Err(CredentialsFault::UnknownKind(from.to_owned())),
    };
    built.map_err(CredentialsFault::Refused)
}

/// A token that somebody else got.
struct Bearer {
    headers: HeaderMap,
    universe: Option<String>,
    tag: EntityTag,
}

impl Bearer {
    fn new(token: &SecretBytes, universe: Option<&str>) -> Result<Self, CredentialsFault> {
        let text = token.expose_str().map(str::trim).ok_or(CredentialsFault::Token)?;
        let value = HeaderValue::try_from(format!("Bearer {text}"));
        let mut value = value.map_err(|_| CredentialsFault::Token)?;
        value.set_sensitive(true);
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
        Ok(Self { headers, universe: universe.map(str::to_owned), tag: EntityTag::new() })
    }
}

impl CredentialsProvider for Bearer {
    async fn headers(
        &self,
        extensions: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        Ok(match extensions.get::<EntityTag>() {
            Some(tag) if *tag == self.tag => CacheableResource::NotModified,
            _ => {
                CacheableResource::New { entity_tag: self.tag.clone(), data: self.headers.clone() }
            }
        })
    }

    async fn universe_domain(&self) -> Option<String> {
        self.universe.clone()
    }
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer")
    }
}
