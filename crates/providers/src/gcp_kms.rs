//! Google Cloud KMS by the official library (format §4.4).
//!
//! Rules of this module:
//!
//! - Nothing is loaded before a key has to be asked: no credentials, no trust roots, no connection.
//! - One call wraps, one call opens. Each carries a checksum (CRC32C) of what is sent, and that of
//!   the answer is checked: a data key that was damaged on its way would lose the file.
//! - The library tries nothing again by itself; how often is the policy of all services.
//! - It speaks REST. The library has no gRPC for this service.

pub(crate) mod crc32c;
pub(crate) mod credentials;
mod errors;

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_kms_v1::client::KeyManagementService;
use sops_core::crypto::KeyPart;
use sops_core::keys::{Attempt, GcpKmsKey, KeyProvider, MasterKey, ProviderError, Reach, Refusal};
use tokio::sync::OnceCell;

use crate::call::CallPolicy;
use crc32c::crc32c;
pub use credentials::GcpCredentials;

/// Wraps and opens with keys of Google Cloud KMS.
pub struct GcpKms {
    read: Box<dyn Fn() -> Result<GcpSettings, String> + Send + Sync>,
    settings: OnceLock<Result<GcpSettings, String>>,
    client: OnceCell<KeyManagementService>,
}

/// What the caller decides. The default is what the library finds by itself.
#[derive(Clone, Debug, Default)]
pub struct GcpSettings {
    /// How often and how long one call may be tried.
    pub policy: CallPolicy,
    /// Where credentials come from.
    pub credentials: GcpCredentials,
    /// The address of the service, instead of its own.
    pub endpoint: Option<String>,
    /// The universe whose service is asked, instead of `googleapis.com`; an address counts more.
    pub universe_domain: Option<String>,
}

impl GcpKms {
    /// A provider that has done nothing yet.
    pub fn new(settings: GcpSettings) -> Self {
        Self::reading(move || Ok(settings.clone()))
    }

    /// The same, with settings that are read when a key is asked for the first time. Their error,
    /// one line, is that of the key then.
    pub fn reading(
        settings: impl Fn() -> Result<GcpSettings, String> + Send + Sync + 'static,
    ) -> Self {
        Self { read: Box::new(settings), settings: OnceLock::new(), client: OnceCell::new() }
    }

    fn settings(&self, key: &MasterKey) -> Result<&GcpSettings, ProviderError> {
        let settings = self.settings.get_or_init(|| (self.read)()).as_ref();
        settings.map_err(|text| ProviderError::new(Refusal::BadSetting, key, text))
    }

    async fn client(
        &self,
        key: &MasterKey,
        settings: &GcpSettings,
    ) -> Result<&KeyManagementService, ProviderError> {
        self.client.get_or_try_init(|| connect(key, settings)).await
    }

    async fn encrypt(
        &self,
        key: &MasterKey,
        name: &str,
        part: &KeyPart,
    ) -> Result<String, ProviderError> {
        let settings = self.settings(key)?;
        let attempt = || async {
            let call = self
                .client(key, settings)
                .await?
                .encrypt()
                .set_name(name)
                .set_plaintext(part.expose().to_vec())
                .set_plaintext_crc32c(i64::from(crc32c(part.expose())));
            let answer = call
                .send()
                .await
                .map_err(|error| errors::failed(key, &settings.credentials, &error))?;
            if !answer.verified_plaintext_crc32c {
                return Err(errors::damaged(key, "what was sent").into());
            }
            if answer.ciphertext_crc32c != Some(i64::from(crc32c(&answer.ciphertext))) {
                return Err(errors::damaged(key, "the answer").into());
            }
            Ok(STANDARD.encode(&answer.ciphertext))
        };
        settings.policy.call(key, settings.place(), attempt).await
    }

    async fn decrypt(
        &self,
        key: &MasterKey,
        name: &str,
        enc: &str,
    ) -> Result<KeyPart, ProviderError> {
        let compact: String = enc.split_ascii_whitespace().collect();
        let blob =
            STANDARD.decode(&compact).ok().filter(|blob| !blob.is_empty()).ok_or_else(|| {
                ProviderError::new(Refusal::Malformed, key, "the wrapped data key is not base64")
            })?;
        let settings = self.settings(key)?;
        let attempt = || async {
            let call = self
                .client(key, settings)
                .await?
                .decrypt()
                .set_name(name)
                .set_ciphertext(blob.clone())
                .set_ciphertext_crc32c(i64::from(crc32c(&blob)));
            let answer = call
                .send()
                .await
                .map_err(|error| errors::failed(key, &settings.credentials, &error))?;
            let part = KeyPart::new(answer.plaintext.to_vec());
            if answer.plaintext_crc32c != Some(i64::from(crc32c(part.expose()))) {
                return Err(errors::damaged(key, "the answer").into());
            }
            Ok(part)
        };
        settings.policy.call(key, settings.place(), attempt).await
    }
}

/// Puts a client together. Of the network it asks at most who this machine is.
async fn connect(
    key: &MasterKey,
    settings: &GcpSettings,
) -> Result<KeyManagementService, ProviderError> {
    // The library would end the program where there is no certificate to trust.
    if let Err(error) = reqwest::Client::builder().build() {
        return Err(ProviderError::new(Refusal::BadSetting, key, crate::words::causes(&error)));
    }
    let universe = settings.universe_domain.as_deref().filter(|_| settings.endpoint.is_none());
    let credentials = settings.credentials.build(universe);
    let credentials =
        credentials.map_err(|error| errors::no_credentials(key, &settings.credentials, &error))?;
    let mut builder =
        KeyManagementService::builder().with_credentials(credentials).with_retry_policy(NeverRetry);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(universe) = universe {
        builder = builder.with_universe_domain(universe);
    }
    let built = builder.build().await;
    built.map_err(|error| errors::not_built(key, &settings.credentials, &error))
}

impl GcpSettings {
    /// Whom a call asks, for messages.
    fn place(&self) -> &str {
        self.endpoint.as_deref().unwrap_or("Google Cloud KMS")
    }
}

/// The name of a key, which may come from a file, as it becomes part of an address.
fn name_of<'a>(key: &MasterKey, gcp: &'a GcpKmsKey) -> Result<&'a str, ProviderError> {
    match GcpKmsKey::parse(&gcp.resource_id) {
        Ok(parsed) if parsed == *gcp => Ok(&gcp.resource_id),
        _ => {
            let text = format!(
                "cannot create GCP KMS service: no valid resource ID found in {:?}",
                gcp.resource_id
            );
            Err(ProviderError::new(Refusal::Malformed, key, text))
        }
    }
}

#[async_trait::async_trait]
impl KeyProvider for GcpKms {
    fn reach(&self, key: &MasterKey) -> Reach {
        match key {
            MasterKey::GcpKms(_) => Reach::Remote,
            _ => Reach::Never,
        }
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        match key {
            MasterKey::GcpKms(gcp) => self.encrypt(key, name_of(key, gcp)?, part).await,
            _ => {
                let text = "not a key of Google Cloud KMS";
                Err(ProviderError::new(Refusal::Unsupported, key, text))
            }
        }
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        let MasterKey::GcpKms(gcp) = key else { return Attempt::NotMine };
        let name = match name_of(key, gcp) {
            Ok(name) => name,
            Err(error) => return Attempt::Failed(error),
        };
        match self.decrypt(key, name, enc).await {
            Ok(part) => Attempt::Opened(part),
            Err(error) => Attempt::Failed(error),
        }
    }
}

impl std::fmt::Debug for GcpKms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GcpKms").field("settings", &self.settings.get()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_show_no_secret() {
        let settings = GcpSettings {
            credentials: GcpCredentials::Token("hunter2".into()),
            ..GcpSettings::default()
        };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for name in ["projects/foo", "projects/p/locations/l/keyRings/r/cryptoKeys/k/../x", ""] {
            let gcp = GcpKmsKey { resource_id: name.into() };
            let key = MasterKey::GcpKms(gcp.clone());
            let error = name_of(&key, &gcp).unwrap_err();
            assert!(error.text.contains(&format!("no valid resource ID found in {name:?}")));
        }
    }
}
