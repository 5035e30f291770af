//! Where credentials come from: which place gave them, and why the others did not.
//!
//! Rules of this module:
//!
//! - The places and their order are those of the SDK's default chain. They are asked one by one
//!   here so that a message can name each of them.
//! - A profile that somebody named and nobody defined ends the search: what the next place gives
//!   is somebody else's.
//! - What was found is kept until it is about to expire, so several regions and roles cost one
//!   search.

use std::error::Error as _;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{
    ProvideCredentials, Result as CredentialsResult, SharedCredentialsProvider, future,
};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

use super::errors::causes;

/// A search through all places.
#[derive(Clone)]
pub(crate) struct Search(Arc<Inner>);

struct Inner {
    places: Vec<Place>,
    kept: tokio::sync::Mutex<Option<Credentials>>,
    notes: Mutex<Notes>,
}

struct Place {
    /// In words: `the environment`.
    name: String,
    provider: SharedCredentialsProvider,
    /// What it means that there is nothing, where the SDK's own words are none for people.
    nothing: Option<String>,
}

#[derive(Default)]
struct Notes {
    asking: Option<String>,
    found: Option<String>,
}

/// Why a search gave nothing. It stands among the causes of the SDK's own error.
#[derive(Debug, thiserror::Error)]
pub(super) enum SearchError {
    /// There is nothing anywhere; each place and why.
    #[error("looked in {}", list(.0))]
    Nowhere(Vec<(String, String)>),
    /// This place should have had credentials.
    #[error("{place}")]
    Failed {
        /// The place, in words.
        place: String,
        /// What came of it.
        source: CredentialsError,
    },
}

/// A profile that was named and is not defined.
#[derive(Debug, thiserror::Error)]
#[error("there is no profile {name} in {files}")]
pub(super) struct UnknownProfile {
    /// Its name.
    pub(super) name: String,
    /// The files that profiles stand in.
    pub(super) files: String,
}

fn list(places: &[(String, String)]) -> String {
    let places: Vec<_> = places.iter().map(|(name, why)| format!("{name} ({why})")).collect();
    places.join(", ")
}

/// What profiles are looked for, and where, for messages.
#[derive(Clone, Debug)]
pub(super) struct Profiles {
    /// The one that was named for this key, or by the environment.
    pub(super) named: Option<String>,
    /// The files, in words.
    pub(super) files: String,
}

impl Search {
    /// Credentials that are given.
    pub(super) fn given(credentials: Credentials) -> Self {
        let provider = SharedCredentialsProvider::new(credentials);
        Self::new(vec![Place { name: "the given credentials".into(), provider, nothing: None }])
    }

    /// One profile and nothing else: a profile that a key names comes before variables, as in Go
    /// sops.
    pub(super) fn of_profile(config: &ProviderConfig, profiles: Profiles) -> Self {
        Self::new(vec![profile(config, profiles)])
    }

    /// The default chain.
    pub(super) fn everywhere(config: &ProviderConfig, profiles: Profiles) -> Self {
        let place = |name: &str, provider, nothing: &str| Place {
            name: name.into(),
            provider,
            nothing: Some(nothing.to_owned()).filter(|text| !text.is_empty()),
        };
        Self::new(vec![
            place(
                "the environment",
                SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()),
                "AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not set",
            ),
            profile(config, profiles),
            place(
                "the web identity token of AWS_WEB_IDENTITY_TOKEN_FILE",
                SharedCredentialsProvider::new(
                    WebIdentityTokenCredentialsProvider::builder().configure(config).build(),
                ),
                "AWS_WEB_IDENTITY_TOKEN_FILE or AWS_ROLE_ARN is not set",
            ),
            place(
                "the container's credentials",
                SharedCredentialsProvider::new(
                    EcsCredentialsProvider::builder().configure(config).build(),
                ),
                "AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_CREDENTIALS_RELATIVE_URI are \
                 not set",
            ),
            place(
                "the instance's role",
                SharedCredentialsProvider::new(
                    ImdsCredentialsProvider::builder().configure(config).build(),
                ),
                "",
            ),
        ])
    }

    fn new(places: Vec<Place>) -> Self {
        Self(Arc::new(Inner { places, kept: Default::default(), notes: Mutex::default() }))
    }

    /// The source of the credentials and the id of the access key, which is not secret.
    pub(crate) fn found(&self) -> Option<String> {
        self.note(|notes| notes.found.clone())
    }

    /// The place that is being asked.
    pub(crate) fn asking(&self) -> Option<String> {
        self.note(|notes| notes.asking.clone())
    }

    fn note<T>(&self, with: impl FnOnce(&mut Notes) -> T) -> T {
        with(&mut self.0.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn search(&self) -> CredentialsResult {
        let mut kept = self.0.kept.lock().await;
        if let Some(credentials) = kept.as_ref().filter(|kept| lasts(kept)) {
            return Ok(credentials.clone());
        }
        let mut reasons = Vec::new();
        for place in &self.0.places {
            // It stays where it is when the call is given up while this place is asked.
            self.note(|notes| notes.asking = Some(place.name.clone()));
            let answer = place.provider.provide_credentials().await;
            self.note(|notes| notes.asking = None);
            match answer {
                Ok(credentials) => {
                    let name = describe(&credentials, &place.name);
                    self.note(|notes| notes.found = Some(name));
                    *kept = Some(credentials.clone());
                    return Ok(credentials);
                }
                Err(error @ CredentialsError::CredentialsNotLoaded(_)) => {
                    let why = place.nothing.clone().unwrap_or_else(|| causes(&error));
                    reasons.push((place.name.clone(), why));
                }
                Err(source) => {
                    let place = place.name.clone();
                    let failed = SearchError::Failed { place, source };
                    return Err(CredentialsError::provider_error(failed));
                }
            }
        }
        Err(CredentialsError::not_loaded(SearchError::Nowhere(reasons)))
    }
}

impl ProvideCredentials for Search {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.search())
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.places.iter().map(|place| &place.name);
        f.debug_list().entries(names).finish()
    }
}

/// Whether credentials outlive the call they are for.
fn lasts(credentials: &Credentials) -> bool {
    const MARGIN: Duration = Duration::from_secs(60);
    credentials.expiry().is_none_or(|expiry| expiry > SystemTime::now() + MARGIN)
}

/// The source in words, and the id of the access key.
fn describe(credentials: &Credentials, place: &str) -> String {
    // A profile has several ways to credentials; these are the SDK's own names for them.
    let way = match format!("{credentials:?}") {
        _ if !place.starts_with("profile ") => "",
        text if text.contains("SSO") || text.contains("Sso") => " by single sign-on",
        text if text.contains("CredentialProcess") => " by its credential_process",
        text if text.contains("WebIdentity") => " by its web identity token",
        text if text.contains("AssumeRole") => " by its role",
        _ => "",
    };
    format!("access key {} from {place}{way}", credentials.access_key_id())
}

/// The named profile, else the default one. It is always given by its name: the SDK takes an
/// `AWS_PROFILE` that is set to nothing for the name of a profile.
fn profile(config: &ProviderConfig, profiles: Profiles) -> Place {
    let name = profiles.named.clone().unwrap_or_else(|| "default".into());
    let builder = ProfileFileCredentialsProvider::builder().configure(config).profile_name(&name);
    Place {
        nothing: Some(format!("no credentials in {}", profiles.files)),
        name: format!("profile {name}"),
        provider: SharedCredentialsProvider::new(KnownProfile { profiles, inner: builder.build() }),
    }
}

/// A profile, if it is defined.
#[derive(Debug)]
struct KnownProfile {
    profiles: Profiles,
    inner: ProfileFileCredentialsProvider,
}

impl KnownProfile {
    async fn pass(&self) -> CredentialsResult {
        if let Some(name) = &self.profiles.named
            && !is_defined(name).await
        {
            let (name, files) = (name.clone(), self.profiles.files.clone());
            return Err(CredentialsError::invalid_configuration(UnknownProfile { name, files }));
        }
        match self.inner.provide_credentials().await {
            // A profile without credentials leaves it to the next place. One that names another
            // profile which is not there does not.
            Err(error @ CredentialsError::CredentialsNotLoaded(_)) => match error.source() {
                Some(cause) => Err(CredentialsError::invalid_configuration(cause.to_string())),
                None => Err(error),
            },
            answer => answer,
        }
    }
}

impl ProvideCredentials for KnownProfile {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.pass())
    }
}

/// Whether one of the SDK's files has this profile. Of files that cannot be read the SDK itself
/// says why.
async fn is_defined(profile: &str) -> bool {
    let files = EnvConfigFiles::default();
    let loaded = aws_config::profile::load(&Fs::real(), &Env::real(), &files, None).await;
    loaded.map_or(true, |found| found.get_profile(profile).is_some())
}

/// The credentials of a role that stands beside a key.
#[derive(Clone, Debug)]
pub(super) struct RoleOfKey<P> {
    inner: P,
    asking: Arc<AtomicBool>,
}

impl<P: ProvideCredentials> RoleOfKey<P> {
    pub(super) fn new(inner: P) -> Self {
        Self { inner, asking: Arc::default() }
    }

    pub(super) fn asking(&self) -> Arc<AtomicBool> {
        self.asking.clone()
    }

    async fn pass(&self) -> CredentialsResult {
        self.asking.store(true, Ordering::Relaxed);
        let answer = self.inner.provide_credentials().await;
        self.asking.store(false, Ordering::Relaxed);
        answer
    }
}

impl<P: ProvideCredentials> ProvideCredentials for RoleOfKey<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.pass())
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) base: Search,
    pub(super) role: Option<(String, Arc<AtomicBool>)>,
}

impl Caller {
    /// The role, or the source of the credentials as far as it is known.
    pub(super) fn name(&self) -> Option<String> {
        self.role().map(str::to_owned).or_else(|| self.base.found())
    }

    /// The role beside the key.
    pub(super) fn role(&self) -> Option<&str> {
        self.role.as_ref().map(|(role, _)| role.as_str())
    }

    /// Who is being asked for credentials, if somebody is.
    pub(super) fn asking(&self) -> Option<String> {
        let role = self.role.as_ref().filter(|(_, asking)| asking.load(Ordering::Relaxed));
        self.base.asking().or_else(|| role.map(|(role, _)| format!("STS, for the role {role}")))
    }
}
