//! AWS KMS by the official SDK (format §4.1).
//!
//! Rules of this module:
//!
//! - Nothing is loaded before a key has to be asked: no configuration, no trust roots, no
//!   connection.
//! - One call wraps, one call opens. Data keys are drawn by us, never by KMS.
//! - One client per region, profile and role, over one pool of connections, for the life of the
//!   provider.
//! - A call ends within its deadline, retries and the credential chain included. Throttling,
//!   server errors and broken connections are tried again, refusals are not.

mod credentials;
mod errors;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::SharedHttpClient;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_kms::primitives::Blob;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_http_client::tls;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sops_core::crypto::{KeyPart, SecretBytes};
use sops_core::keys::{Attempt, AwsKmsKey, KeyProvider, MasterKey, ProviderError, Reach, Refusal};
use tokio::sync::OnceCell;

use credentials::{Caller, Noting};

/// Wraps and opens with keys of AWS KMS.
pub struct AwsKms {
    settings: AwsSettings,
    http: OnceCell<SharedHttpClient>,
    bases: Cells<Option<String>, Base>,
    clients: Cells<Account, Connection>,
}

/// What the caller decides. The default is what the AWS SDK finds by itself.
#[derive(Clone, Debug)]
pub struct AwsSettings {
    /// How long one call may take in all. Ten seconds.
    pub deadline: Duration,
    /// Where credentials come from.
    pub credentials: AwsCredentials,
    /// The profile for keys that name none.
    pub profile: Option<String>,
    /// The name of this machine, which becomes part of the session name of assumed roles.
    pub host: Option<String>,
    /// The address of KMS, instead of what the SDK finds (`AWS_ENDPOINT_URL_KMS`, profiles, the
    /// region's own).
    pub kms_endpoint: Option<String>,
    /// The same for the service that gives out roles.
    pub sts_endpoint: Option<String>,
}

impl Default for AwsSettings {
    fn default() -> Self {
        Self {
            deadline: Self::DEADLINE,
            credentials: AwsCredentials::default(),
            profile: None,
            host: None,
            kms_endpoint: None,
            sts_endpoint: None,
        }
    }
}

impl AwsSettings {
    /// The usual deadline of a call.
    pub const DEADLINE: Duration = Duration::from_secs(10);
}

/// Where credentials come from.
#[derive(Clone, Debug, Default)]
pub enum AwsCredentials {
    /// The chain of the AWS SDK: environment, profile, SSO, `credential_process`, web identity,
    /// container, instance metadata. The SDK reads its variables and files by itself.
    #[default]
    Chain,
    /// An access key. Nothing is read from environment or files then.
    Fixed {
        /// The id of the access key; not secret.
        access_key_id: String,
        /// The access key.
        secret_access_key: SecretBytes,
        /// The token of a session.
        session_token: Option<SecretBytes>,
    },
}

type Cells<K, V> = Mutex<HashMap<K, Arc<OnceCell<V>>>>;

/// What a client depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Account {
    region: String,
    profile: Option<String>,
    role: Option<String>,
}

/// Configuration and credentials of one profile, before any role.
#[derive(Clone)]
struct Base {
    config: aws_config::SdkConfig,
    credentials: Noting,
}

#[derive(Clone)]
struct Connection {
    client: Client,
    caller: Caller,
}

impl AwsKms {
    /// A provider that has done nothing yet.
    pub fn new(settings: AwsSettings) -> Self {
        Self { settings, http: OnceCell::new(), bases: Mutex::default(), clients: Mutex::default() }
    }

    async fn connection(&self, key: &AwsKmsKey) -> Result<Connection, String> {
        let region = key.region().map_err(|error| error.to_string())?;
        let account = Account {
            region: region.to_owned(),
            profile: key.profile.clone().or_else(|| self.settings.profile.clone()),
            role: key.role.clone(),
        };
        let cell = cell(&self.clients, &account);
        Ok(cell.get_or_init(|| self.connect(&account)).await.clone())
    }

    /// Puts a client together. Sends nothing; credentials are looked for at the first call.
    async fn connect(&self, account: &Account) -> Connection {
        let region = Region::new(account.region.clone());
        let base = cell(&self.bases, &account.profile)
            .get_or_init(|| self.base(account.profile.clone(), region.clone()))
            .await
            .clone();
        let caller = Caller {
            base: base.credentials.seen(),
            profile: account.profile.clone(),
            role: account.role.clone(),
        };
        let mut builder = aws_sdk_kms::config::Builder::from(&base.config).region(region.clone());
        builder = match &account.role {
            None => builder.credentials_provider(base.credentials.clone()),
            Some(role) => {
                let mut config = base.config.to_builder();
                config.set_endpoint_url(
                    self.settings
                        .sts_endpoint
                        .clone()
                        .or(base.config.endpoint_url().map(Into::into)),
                );
                let assumed = AssumeRoleProvider::builder(role)
                    .configure(&config.build())
                    .region(region)
                    .session_name(session_name(self.settings.host.as_deref()))
                    .build_from_provider(base.credentials.clone())
                    .await;
                builder.credentials_provider(SharedCredentialsProvider::new(assumed))
            }
        };
        if let Some(address) = &self.settings.kms_endpoint {
            builder = builder.endpoint_url(address);
        }
        Connection { client: Client::from_conf(builder.build()), caller }
    }

    async fn base(&self, profile: Option<String>, region: Region) -> Base {
        let http = self.http.get_or_init(|| async { http_client() }).await.clone();
        // The deadline around each call is ours, so that it covers the credential chain too; the
        // SDK only gives up early on addresses that take no connection.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.settings.deadline.min(Duration::from_millis(3100)))
            .build();
        let (config, provider) = match &self.settings.credentials {
            AwsCredentials::Fixed { access_key_id, secret_access_key, session_token } => {
                let fixed = Credentials::new(
                    access_key_id,
                    secret_access_key.expose_str().unwrap_or_default(),
                    session_token.as_ref().and_then(|token| token.expose_str()).map(Into::into),
                    None,
                    "Fixed",
                );
                let config = aws_config::SdkConfig::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .http_client(http)
                    .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
                    .time_source(SharedTimeSource::new(SystemTimeSource::new()))
                    .region(region)
                    .retry_config(retries())
                    .timeout_config(timeouts)
                    .build();
                (config, SharedCredentialsProvider::new(fixed))
            }
            AwsCredentials::Chain => {
                let mut loader = aws_config::defaults(BehaviorVersion::latest())
                    .http_client(http.clone())
                    .region(region.clone())
                    .retry_config(retries())
                    .timeout_config(timeouts);
                if let Some(profile) = &profile {
                    loader = loader
                        .profile_name(profile)
                        .credentials_provider(credentials::of_profile(profile, region, http));
                }
                let config = loader.load().await;
                let provider = config
                    .credentials_provider()
                    .unwrap_or_else(|| SharedCredentialsProvider::new(credentials::nothing()));
                (config, provider)
            }
        };
        Base { config, credentials: Noting::new(provider, profile) }
    }

    async fn within_deadline<T>(
        &self,
        key: &MasterKey,
        aws: &AwsKmsKey,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        match tokio::time::timeout(self.settings.deadline, call).await {
            Ok(result) => result,
            Err(_) => {
                let seconds = self.settings.deadline.as_secs_f32();
                let region = aws.region().unwrap_or_default();
                let text = format!("nothing within {seconds} s from region {region}");
                Err(ProviderError::new(Refusal::TimedOut, key, text))
            }
        }
    }

    async fn decrypt(
        &self,
        key: &MasterKey,
        aws: &AwsKmsKey,
        enc: &str,
    ) -> Result<KeyPart, ProviderError> {
        let malformed = |text: &str| ProviderError::new(Refusal::Malformed, key, text);
        let compact: String = enc.split_ascii_whitespace().collect();
        let blob = STANDARD
            .decode(&compact)
            .ok()
            .filter(|blob| !blob.is_empty())
            .ok_or_else(|| malformed("the wrapped data key is not base64"))?;
        let connection = self.connection(aws).await.map_err(|text| malformed(&text))?;
        let call = connection
            .client
            .decrypt()
            .key_id(&aws.arn)
            .ciphertext_blob(Blob::new(blob))
            .set_encryption_context(Some(context(aws)));
        let answer = call.send().await;
        let answer = answer.map_err(|error| errors::describe(key, &connection.caller, &error))?;
        let plaintext =
            answer.plaintext.ok_or_else(|| malformed("the answer holds no data key"))?;
        Ok(KeyPart::new(plaintext.into_inner()))
    }

    async fn encrypt(
        &self,
        key: &MasterKey,
        aws: &AwsKmsKey,
        part: &KeyPart,
    ) -> Result<String, ProviderError> {
        let malformed = |text: &str| ProviderError::new(Refusal::Malformed, key, text);
        let connection = self.connection(aws).await.map_err(|text| malformed(&text))?;
        let call = connection
            .client
            .encrypt()
            .key_id(&aws.arn)
            .plaintext(Blob::new(part.expose()))
            .set_encryption_context(Some(context(aws)));
        let answer = call.send().await;
        let answer = answer.map_err(|error| errors::describe(key, &connection.caller, &error))?;
        let blob =
            answer.ciphertext_blob.ok_or_else(|| malformed("the answer holds no wrapped key"))?;
        Ok(STANDARD.encode(blob))
    }
}

#[async_trait::async_trait]
impl KeyProvider for AwsKms {
    fn reach(&self, key: &MasterKey) -> Reach {
        match key {
            MasterKey::AwsKms(_) => Reach::Remote,
            _ => Reach::Never,
        }
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        match key {
            MasterKey::AwsKms(aws) => {
                self.within_deadline(key, aws, self.encrypt(key, aws, part)).await
            }
            _ => Err(ProviderError::new(Refusal::Unsupported, key, "not a key of AWS KMS")),
        }
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        let MasterKey::AwsKms(aws) = key else { return Attempt::NotMine };
        match self.within_deadline(key, aws, self.decrypt(key, aws, enc)).await {
            Ok(part) => Attempt::Opened(part),
            Err(error) => Attempt::Failed(error),
        }
    }
}

impl std::fmt::Debug for AwsKms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsKms").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The place of a value that is made once, by whoever needs it first.
fn cell<K: Clone + Eq + std::hash::Hash, V>(cells: &Cells<K, V>, key: &K) -> Arc<OnceCell<V>> {
    // Nothing in here can panic half way, so a poisoned map is whole.
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    cells.entry(key.clone()).or_default().clone()
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .build_https()
}

/// Three attempts that fit into a deadline of seconds. The SDK tries again what is temporary:
/// throttling, 5xx, broken connections.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(2))
}

fn context(key: &AwsKmsKey) -> HashMap<String, String> {
    key.context.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// `sops@HOST` with what a session name cannot hold left out, at most 64 characters (format §4.1;
/// the range from `@` to `_` there includes a few characters that STS refuses, so only those that
/// it takes are kept).
fn session_name(host: Option<&str>) -> String {
    let host = host.unwrap_or_default().chars();
    let allowed = host.filter(|c| c.is_ascii_alphanumeric() || "=,.@-_".contains(*c));
    "sops@".chars().chain(allowed).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_names_are_what_sts_takes() {
        assert_eq!(session_name(Some("build-7.example.com")), "sops@build-7.example.com");
        assert_eq!(session_name(Some("a b/c^d")), "sops@abcd");
        assert_eq!(session_name(None), "sops@");
        assert_eq!(session_name(Some(&"x".repeat(100))).len(), 64);
    }

    #[test]
    fn settings_show_no_secret() {
        let settings = AwsSettings {
            credentials: AwsCredentials::Fixed {
                access_key_id: "AKIAEXAMPLE".into(),
                secret_access_key: "hunter2".into(),
                session_token: None,
            },
            ..AwsSettings::default()
        };
        let shown = format!("{:?}", AwsKms::new(settings));
        assert!(shown.contains("AKIAEXAMPLE") && !shown.contains("hunter2"), "{shown}");
    }
}
