//! Where credentials came from, for messages: noted while they pass, so that it costs no call.

use std::sync::{Arc, Mutex, PoisonError};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{
    ProvideCredentials, Result as CredentialsResult, SharedCredentialsProvider, future,
};
use aws_sdk_kms::config::{Region, SharedHttpClient};

/// Passes credentials through and notes their source.
#[derive(Clone, Debug)]
pub(super) struct Noting {
    inner: SharedCredentialsProvider,
    profile: Option<String>,
    seen: Seen,
}

/// What was noted.
pub(super) type Seen = Arc<Mutex<Option<String>>>;

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) base: Seen,
    pub(super) profile: Option<String>,
    pub(super) role: Option<String>,
}

impl Caller {
    /// The role, or the source of the credentials as far as it is known.
    pub(super) fn name(&self) -> Option<String> {
        self.role.clone().or_else(|| self.base_name())
    }

    /// The source of the credentials, without a role.
    pub(super) fn base_name(&self) -> Option<String> {
        self.base.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Noting {
    pub(super) fn new(inner: SharedCredentialsProvider, profile: Option<String>) -> Self {
        Self { inner, profile, seen: Arc::default() }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.clone()
    }

    async fn pass(&self) -> CredentialsResult {
        let credentials = self.inner.provide_credentials().await?;
        let name = describe(&credentials, self.profile.as_deref());
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
        Ok(credentials)
    }
}

impl ProvideCredentials for Noting {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.pass())
    }
}

/// The source in words, and the id of the access key, which is not secret.
fn describe(credentials: &Credentials, profile: Option<&str>) -> String {
    // The SDK's own names for its sources.
    let source = match format!("{credentials:?}") {
        text if text.contains("EnvironmentVariable") => "the environment".to_owned(),
        text if text.contains("Fixed") => "the given credentials".to_owned(),
        text if text.contains("WebIdentity") => "a web identity token".to_owned(),
        text if text.contains("Ecs") => "the container's credentials".to_owned(),
        text if text.contains("IMDS") || text.contains("Imds") => "the instance's role".to_owned(),
        text if text.contains("SSO") || text.contains("Sso") => "single sign-on".to_owned(),
        text if text.contains("CredentialProcess") => "credential_process".to_owned(),
        text if text.contains("AssumeRole") => "a role of the profile".to_owned(),
        text if text.contains("Profile") => "the shared credentials file".to_owned(),
        _ => "the credential chain".to_owned(),
    };
    let profile = profile.map(|profile| format!(", profile {profile}")).unwrap_or_default();
    format!("access key {} from {source}{profile}", credentials.access_key_id())
}

/// The credentials of one profile and of nothing else: a profile that a key names comes before
/// variables, as in the reference.
pub(super) fn of_profile(
    profile: &str,
    region: Region,
    http: SharedHttpClient,
) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region().with_region(Some(region)).with_http_client(http);
    let provider =
        ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build();
    SharedCredentialsProvider::new(provider)
}

/// Credentials that are not there.
pub(super) fn nothing() -> impl ProvideCredentials + 'static {
    #[derive(Debug)]
    struct Nothing;
    impl ProvideCredentials for Nothing {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::not_loaded_no_source()))
        }
    }
    Nothing
}
