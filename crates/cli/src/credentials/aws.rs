//! AWS: the credential chain of the SDK finds everything by itself. What is added here is how long
//! a call may take, the name of this machine for the sessions of assumed roles, the proxy, and the
//! words for places where the SDK looks.

use std::sync::Arc;

use sops_core::{
    crypto::KeyPart,
    keys::{Attempt, KeyProvider, MasterKey, ProviderError, Reach, Refusal},
};
use sops_providers::aws_kms::{AwsKms, AwsSettings};

use super::calls;
use crate::env_vars;

/// Addresses that the SDK takes from the environment.
const ADDRESSES: [env_vars::Variable; 4] = [
    env_vars::AWS_ENDPOINT_URL,
    env_vars::AWS_ENDPOINT_URL_KMS,
    env_vars::AWS_ENDPOINT_URL_STS,
    env_vars::AWS_ENDPOINT_URL_SSO,
];

/// A provider that has done nothing yet: nothing is read or connected before a key is asked.
pub(crate) fn provider() -> Arc<dyn KeyProvider> {
    match settings() {
        Ok(settings) => Arc::new(AwsKms::new(settings)),
        Err(problem) => Arc::new(Unusable(problem)),
    }
}

/// The way to S3, Secrets Manager and Parameter Store, with the same credentials.
#[cfg(feature = "publish")]
pub(crate) fn stores() -> sops_providers::publishing::AwsStores {
    sops_providers::publishing::AwsStores::reading(settings)
}

fn settings() -> Result<AwsSettings, String> {
    // The SDK ends the program at an address that is set to nothing.
    if let Some(empty) =
        ADDRESSES.iter().find(|variable| variable.text().is_some_and(|text| text.is_empty()))
    {
        return Err(format!("{} is set to nothing; give it an address, or unset it", empty.name));
    }
    Ok(AwsSettings {
        deadline: calls::deadline()?,
        host: host(),
        // Only for `https`, which is what AWS speaks: credentials of a container or instance come by
        // plain `http` from next door, and do not pass through somebody else.
        proxy: calls::proxy(),
        profile_in_environment: env_vars::AWS_PROFILE.non_empty(),
        profile_files: profile_files(),
        ..AwsSettings::default()
    })
}

fn host() -> Option<String> {
    #[cfg(unix)]
    {
        Some(rustix::system::uname().nodename().to_string_lossy().into_owned())
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// The files of profiles, for messages.
fn profile_files() -> String {
    let name = |variable: env_vars::Variable, usual: &str| {
        variable.non_empty().unwrap_or_else(|| usual.to_owned())
    };
    let config = name(env_vars::AWS_CONFIG_FILE, "~/.aws/config");
    let credentials = name(env_vars::AWS_SHARED_CREDENTIALS_FILE, "~/.aws/credentials");
    format!("{config} and {credentials}")
}

/// Refuses whoever asks a key of AWS, and nobody else.
struct Unusable(String);

impl Unusable {
    fn refusal(&self, key: &MasterKey) -> ProviderError {
        ProviderError::new(Refusal::BadSetting, key, &self.0)
    }
}

#[async_trait::async_trait]
impl KeyProvider for Unusable {
    fn reach(&self, key: &MasterKey) -> Reach {
        match key {
            MasterKey::AwsKms(_) => Reach::Remote,
            _ => Reach::Never,
        }
    }

    async fn wrap(&self, key: &MasterKey, _: &KeyPart) -> Result<String, ProviderError> {
        Err(self.refusal(key))
    }

    async fn open(&self, key: &MasterKey, _: &str) -> Attempt {
        Attempt::Failed(self.refusal(key))
    }
}
