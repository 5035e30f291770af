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
pub(crate) mod http;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::SharedHttpClient;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::{
    BehaviorVersion, Credentials, IdentityCache, Region, SharedCredentialsProvider,
    SharedIdentityCache,
};
use aws_sdk_kms::primitives::Blob;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sops_core::crypto::{KeyPart, SecretBytes};
use sops_core::keys::{Attempt, AwsKmsKey, KeyProvider, MasterKey, ProviderError, Reach, Refusal};
use tokio::sync::OnceCell;

use crate::call::CallPolicy;
pub use crate::proxy::Proxy;
use credentials::{Caller, Profiles, RoleOfKey, Search};

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
    /// The proxy for `https`.
    pub proxy: Option<Proxy>,
    /// The profile that the environment names (`AWS_PROFILE`), which the chain takes for the
    /// default one. It ends there when this names one that is not defined.
    pub profile_in_environment: Option<String>,
    /// The files of profiles in words, for messages.
    pub profile_files: String,
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
            proxy: None,
            profile_in_environment: None,
            profile_files: "the files of the AWS SDK".into(),
        }
    }
}

impl AwsSettings {
    /// The usual deadline of a call.
    pub const DEADLINE: Duration = CallPolicy::DEADLINE;
}

impl AwsSettings {
    /// Configuration and credentials. Without a region it is that of the environment or the profile,
    /// if there is one.
    pub(crate) async fn base(
        &self,
        profile: Option<String>,
        region: Option<Region>,
        http: SharedHttpClient,
    ) -> Base {
        // The deadline around each call is ours, so that it covers the search for credentials too;
        // the SDK only gives up early on addresses that take no connection.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CallPolicy::within(self.deadline).connect())
            .build();
        match &self.credentials {
            AwsCredentials::Fixed { access_key_id, secret_access_key, session_token } => {
                let credentials = Credentials::new(
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
                Base { config, credentials: Search::given(credentials) }
            }
            AwsCredentials::Chain => {
                // The search for credentials is ours, with what else the SDK found out.
                let mut loader = aws_config::defaults(BehaviorVersion::latest())
                    .http_client(http.clone())
                    .retry_config(retries())
                    .timeout_config(timeouts.clone())
                    .no_credentials();
                loader = match region {
                    Some(region) => loader.region(region),
                    // Not the machine's own, for which the SDK would ask its metadata service.
                    None => loader.region(
                        RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
                            .or_else(ProfileFileRegionProvider::new()),
                    ),
                };
                if let Some(profile) = &profile {
                    loader = loader.profile_name(profile);
                }
                let config = loader.load().await;
                let search = ProviderConfig::without_region()
                    .with_region(config.region().cloned())
                    .with_use_fips(config.use_fips())
                    .with_use_dual_stack(config.use_dual_stack())
                    .with_http_client(http)
                    .with_retry_config(retries())
                    .with_timeout_config(timeouts);
                let named = self.profile_in_environment.clone();
                let profiles = Profiles {
                    named: profile.clone().or(named),
                    files: self.profile_files.clone(),
                };
                let credentials = match &profile {
                    Some(_) => Search::of_profile(&search, profiles),
                    None => Search::everywhere(&search, profiles),
                };
                Base { config, credentials }
            }
        }
    }
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
pub(crate) struct Base {
    pub(crate) config: aws_config::SdkConfig,
    pub(crate) credentials: Search,
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

    async fn connection(
        &self,
        key: &MasterKey,
        aws: &AwsKmsKey,
    ) -> Result<Connection, ProviderError> {
        let region = aws
            .region()
            .map_err(|error| ProviderError::new(Refusal::Malformed, key, error.to_string()))?;
        let account = Account {
            region: region.to_owned(),
            profile: aws.profile.clone().or_else(|| self.settings.profile.clone()),
            role: aws.role.clone(),
        };
        let http =
            self.http.get_or_try_init(|| async { http::client(self.settings.proxy.as_ref()) });
        let http = http.await.map_err(|text| ProviderError::new(Refusal::BadSetting, key, text))?;
        let cell = cell(&self.clients, &account);
        Ok(cell.get_or_init(|| self.connect(&account, http)).await.clone())
    }

    /// Puts a client together. Sends nothing; credentials are looked for at the first call.
    async fn connect(&self, account: &Account, http: &SharedHttpClient) -> Connection {
        let region = Region::new(account.region.clone());
        let base = cell(&self.bases, &account.profile)
            .get_or_init(|| {
                let region = Some(region.clone());
                self.settings.base(account.profile.clone(), region, http.clone())
            })
            .await
            .clone();
        let mut builder = aws_sdk_kms::config::Builder::from(&base.config)
            .region(region.clone())
            .identity_cache(self.patience());
        let role = match &account.role {
            None => {
                builder = builder.credentials_provider(base.credentials.clone());
                None
            }
            Some(role) => {
                let assumed = self.assume(role, &base, region).await;
                let asking = assumed.asking();
                builder = builder.credentials_provider(SharedCredentialsProvider::new(assumed));
                Some((role.clone(), asking))
            }
        };
        if let Some(address) = &self.settings.kms_endpoint {
            builder = builder.endpoint_url(address);
        }
        let caller = Caller { base: base.credentials, role };
        Connection { client: Client::from_conf(builder.build()), caller }
    }

    /// The SDK gives up a search for credentials by a limit of its own; that of the call comes
    /// first, since it knows who was asked.
    fn patience(&self) -> SharedIdentityCache {
        IdentityCache::lazy().load_timeout(self.settings.deadline.saturating_mul(2)).build()
    }

    async fn assume(
        &self,
        role: &str,
        base: &Base,
        region: Region,
    ) -> RoleOfKey<AssumeRoleProvider> {
        let mut config = base.config.to_builder().identity_cache(self.patience());
        let address = self.settings.sts_endpoint.clone();
        config.set_endpoint_url(address.or(base.config.endpoint_url().map(Into::into)));
        let assumed = AssumeRoleProvider::builder(role)
            .configure(&config.build())
            .region(region)
            .session_name(session_name(self.settings.host.as_deref()))
            .build_from_provider(base.credentials.clone());
        RoleOfKey::new(assumed.await)
    }

    /// Makes one call, within the deadline.
    async fn call<T, C>(
        &self,
        key: &MasterKey,
        aws: &AwsKmsKey,
        call: impl FnOnce(Connection) -> C,
    ) -> Result<T, ProviderError>
    where
        C: Future<Output = Result<T, ProviderError>>,
    {
        let connection = self.connection(key, aws).await?;
        let (caller, deadline) = (connection.caller.clone(), self.settings.deadline);
        match tokio::time::timeout(deadline, call(connection)).await {
            Ok(result) => result,
            Err(_) => {
                Err(errors::timed_out(key, &caller, aws.region().unwrap_or_default(), deadline))
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
        let call = |connection: Connection| async move {
            let call = connection
                .client
                .decrypt()
                .key_id(&aws.arn)
                .ciphertext_blob(Blob::new(blob))
                .set_encryption_context(Some(context(aws)));
            let answer = call.send().await;
            answer.map_err(|error| errors::describe(key, &connection.caller, &error))
        };
        let answer = self.call(key, aws, call).await?;
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
        let call = |connection: Connection| async move {
            let call = connection
                .client
                .encrypt()
                .key_id(&aws.arn)
                .plaintext(Blob::new(part.expose()))
                .set_encryption_context(Some(context(aws)));
            let answer = call.send().await;
            answer.map_err(|error| errors::describe(key, &connection.caller, &error))
        };
        let answer = self.call(key, aws, call).await?;
        let missing =
            || ProviderError::new(Refusal::Malformed, key, "the answer holds no wrapped key");
        Ok(STANDARD.encode(answer.ciphertext_blob.ok_or_else(missing)?))
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
            MasterKey::AwsKms(aws) => self.encrypt(key, aws, part).await,
            _ => Err(ProviderError::new(Refusal::Unsupported, key, "not a key of AWS KMS")),
        }
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        let MasterKey::AwsKms(aws) = key else { return Attempt::NotMine };
        match self.decrypt(key, aws, enc).await {
            Ok(part) => Attempt::Opened(part),
            Err(error) => Attempt::Failed(error),
        }
    }
}

/// Why there are no credentials: the kind, and the words.
#[cfg(feature = "publish")]
pub(crate) fn no_credentials(
    search: &Search,
    error: &aws_credential_types::provider::error::CredentialsError,
) -> (Refusal, String) {
    // Errors of providers are about a key; of this one only what is not about it is used.
    let key = MasterKey::AwsKms(AwsKmsKey {
        arn: String::new(),
        role: None,
        context: Default::default(),
        profile: None,
    });
    let caller = Caller { base: search.clone(), role: None };
    let described = errors::no_credentials(&key, &caller, error);
    (described.refusal, described.text)
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

/// The policy of all services, by the means of the SDK: it tries again what is temporary, which is
/// throttling, 5xx, broken connections.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(CallPolicy::ATTEMPTS)
        .with_initial_backoff(CallPolicy::FIRST_PAUSE)
        .with_max_backoff(CallPolicy::LONGEST_PAUSE)
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
