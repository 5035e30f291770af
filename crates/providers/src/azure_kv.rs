//! Azure Key Vault by the official library (format §4.5).
//!
//! Rules of this module:
//!
//! - Nothing is loaded before a key has to be asked: no credentials, no trust roots, no connection.
//! - One call wraps, one call opens, with RSA-OAEP-256 and one version of the key. A key without a
//!   version is completed first, since what one version wrapped no other opens.
//! - Names go into addresses, and may come from a file: what cannot be a name is refused.
//! - The library tries nothing again by itself; how often is the policy of all services.
//! - A vault is sent a token only if the audience that it names is its own domain.

mod credentials;
mod errors;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, HttpClient, RequestContent, RetryOptions, Transport};
use azure_security_keyvault_keys::models::{
    EncryptionAlgorithm, KeyClientEncryptOptions, KeyOperationParameters,
};
use azure_security_keyvault_keys::{KeyClient, KeyClientOptions, ResourceExt as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sops_core::crypto::KeyPart;
use sops_core::keys::{Attempt, AzureKvKey, KeyProvider, MasterKey, ProviderError, Reach, Refusal};

use crate::call::CallPolicy;
use credentials::Chain;
pub use credentials::{AzureCredential, AzureCredentials};

/// Wraps and opens with keys of Azure Key Vault.
pub struct AzureKv {
    read: Box<dyn Fn() -> Result<AzureSettings, String> + Send + Sync>,
    ready: OnceLock<Result<Ready, String>>,
    /// One client for each vault: it remembers which token that wants.
    clients: Mutex<HashMap<String, Arc<KeyClient>>>,
}

/// What every call needs.
struct Ready {
    policy: CallPolicy,
    http: Arc<dyn HttpClient>,
    credential: Arc<Chain>,
}

/// What the caller decides. The default is who this machine is, or who has signed in on it.
#[derive(Clone, Debug, Default)]
pub struct AzureSettings {
    /// How often and how long one call may be tried.
    pub policy: CallPolicy,
    /// Where credentials come from.
    pub credentials: AzureCredentials,
}

impl AzureKv {
    /// A provider that has done nothing yet.
    pub fn new(settings: AzureSettings) -> Self {
        Self::reading(move || Ok(settings.clone()))
    }

    /// The same, with settings that are read when a key is asked for the first time. Their error,
    /// one line, is that of the key then.
    pub fn reading(
        settings: impl Fn() -> Result<AzureSettings, String> + Send + Sync + 'static,
    ) -> Self {
        Self { read: Box::new(settings), ready: OnceLock::new(), clients: Mutex::default() }
    }

    fn ready(&self, key: &MasterKey) -> Result<&Ready, ProviderError> {
        let ready = self.ready.get_or_init(|| {
            let settings = (self.read)()?;
            let http = client_of_http(settings.policy)?;
            let credential = Arc::new(Chain::new(settings.credentials, http.clone()));
            Ok(Ready { policy: settings.policy, http, credential })
        });
        ready.as_ref().map_err(|text| ProviderError::new(Refusal::BadSetting, key, text))
    }

    fn client(
        &self,
        key: &MasterKey,
        ready: &Ready,
        vault: &str,
    ) -> Result<Arc<KeyClient>, ProviderError> {
        // Nothing in here can panic half way, so a poisoned map is whole.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(vault) {
            return Ok(client.clone());
        }
        let options = KeyClientOptions {
            client_options: options(&ready.http),
            verify_challenge_resource: Some(true),
            ..KeyClientOptions::default()
        };
        let credential: Arc<dyn TokenCredential> = ready.credential.clone();
        let client = KeyClient::new(vault, credential, Some(options)).map_err(|error| {
            ProviderError::new(Refusal::Malformed, key, crate::words::causes(&error))
        })?;
        Ok(clients.entry(vault.to_owned()).or_insert(Arc::new(client)).clone())
    }

    /// The newest version of a key.
    async fn newest(&self, key: &MasterKey, place: &Place<'_>) -> Result<String, ProviderError> {
        let ready = self.ready(key)?;
        let client = self.client(key, ready, place.vault)?;
        let attempt = || async {
            let answer = client.get_key(place.name, None).await;
            let answer = answer.and_then(|answer| answer.into_model());
            let found = answer.map_err(|error| errors::failed(key, &ready.credential, &error))?;
            let version = found.resource_id().ok().and_then(|id| id.version);
            let version = version.filter(|version| is_word(version));
            version.ok_or_else(|| {
                let text = "the answer does not say which version the key has";
                ProviderError::new(Refusal::Malformed, key, text).into()
            })
        };
        ready.policy.call(key, place.vault, attempt).await
    }

    async fn encrypt(
        &self,
        key: &MasterKey,
        azure: &AzureKvKey,
        part: &KeyPart,
    ) -> Result<String, ProviderError> {
        let place = Place::of(key, azure)?;
        let version = place.version.ok_or_else(|| {
            let text = "the version of the key is not known; write it behind its URL";
            ProviderError::new(Refusal::Malformed, key, text)
        })?;
        let ready = self.ready(key)?;
        let client = self.client(key, ready, place.vault)?;
        let attempt = || async {
            let options = KeyClientEncryptOptions {
                key_version: Some(version.to_owned()),
                ..KeyClientEncryptOptions::default()
            };
            let body = parameters(part.expose())
                .map_err(|error| errors::failed(key, &ready.credential, &error))?;
            let answer = client.encrypt(place.name, body, Some(options)).await;
            let answer = answer.and_then(|answer| answer.into_model());
            let answer = answer.map_err(|error| errors::failed(key, &ready.credential, &error))?;
            let blob = answer.result.filter(|blob| blob.len() > part.len());
            let blob = blob.ok_or_else(|| {
                let text = "the answer holds no wrapped key";
                ProviderError::new(Refusal::Malformed, key, text)
            })?;
            Ok(URL_SAFE_NO_PAD.encode(blob))
        };
        ready.policy.call(key, place.vault, attempt).await
    }

    async fn decrypt(
        &self,
        key: &MasterKey,
        azure: &AzureKvKey,
        enc: &str,
    ) -> Result<KeyPart, ProviderError> {
        let place = Place::of(key, azure)?;
        let compact: String = enc.split_ascii_whitespace().collect();
        let blob = URL_SAFE_NO_PAD.decode(compact.trim_end_matches('='));
        let blob = blob.ok().filter(|blob| !blob.is_empty()).ok_or_else(|| {
            let text = "the wrapped data key is not base64 for URLs";
            ProviderError::new(Refusal::Malformed, key, text)
        })?;
        // In a file that names none, it can only be the newest.
        let version = match place.version {
            Some(version) => version.to_owned(),
            None => self.newest(key, &place).await?,
        };
        let ready = self.ready(key)?;
        let client = self.client(key, ready, place.vault)?;
        let attempt = || async {
            let body = parameters(&blob)
                .map_err(|error| errors::failed(key, &ready.credential, &error))?;
            let answer = client.decrypt(place.name, &version, body, None).await;
            let answer = answer.and_then(|answer| answer.into_model());
            let answer = answer.map_err(|error| errors::failed(key, &ready.credential, &error))?;
            let plain = answer.result.ok_or_else(|| {
                let text = "the answer holds no data key";
                ProviderError::new(Refusal::Malformed, key, text)
            })?;
            Ok(KeyPart::new(plain))
        };
        ready.policy.call(key, place.vault, attempt).await
    }
}

/// How clients of the library behave: they try once, and the policy of all services decides.
fn options(http: &Arc<dyn HttpClient>) -> ClientOptions {
    ClientOptions {
        retry: RetryOptions::none(),
        transport: Some(Transport::new(http.clone())),
        ..ClientOptions::default()
    }
}

/// The one pool of connections. The library would end the program where there is no certificate to
/// trust.
fn client_of_http(policy: CallPolicy) -> Result<Arc<dyn HttpClient>, String> {
    let client = reqwest::Client::builder()
        .connect_timeout(policy.connect())
        .redirect(reqwest::redirect::Policy::none())
        .build();
    let client = client.map_err(|error| crate::words::causes(&error))?;
    Ok(Arc::new(client))
}

fn parameters(value: &[u8]) -> azure_core::Result<RequestContent<KeyOperationParameters>> {
    KeyOperationParameters {
        algorithm: Some(EncryptionAlgorithm::RsaOaep256),
        value: Some(value.to_vec()),
        ..KeyOperationParameters::default()
    }
    .try_into()
}

/// A key as it becomes part of an address.
struct Place<'a> {
    vault: &'a str,
    name: &'a str,
    version: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(key: &MasterKey, azure: &'a AzureKvKey) -> Result<Self, ProviderError> {
        let vault = azure.vault_url.trim_end_matches('/');
        let host = vault.strip_prefix("https://").unwrap_or_default();
        // No path, no user, no query: the address is that of a host, and the host is asked.
        let is_host = !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
        let version = Some(azure.version.as_str()).filter(|version| !version.is_empty());
        if is_host && is_word(&azure.name) && version.is_none_or(is_word) {
            return Ok(Self { vault, name: &azure.name, version });
        }
        let text = format!(
            "could not parse {:?} into a valid Azure Key Vault MasterKey",
            azure.identity()
        );
        Err(ProviderError::new(Refusal::Malformed, key, text))
    }
}

/// Names and versions have letters, digits and dashes.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[async_trait::async_trait]
impl KeyProvider for AzureKv {
    fn reach(&self, key: &MasterKey) -> Reach {
        match key {
            MasterKey::AzureKv(_) => Reach::Remote,
            _ => Reach::Never,
        }
    }

    async fn complete(&self, key: &MasterKey) -> Result<Option<MasterKey>, ProviderError> {
        let MasterKey::AzureKv(azure) = key else { return Ok(None) };
        let place = Place::of(key, azure)?;
        if place.version.is_some() {
            return Ok(None);
        }
        let version = self.newest(key, &place).await?;
        Ok(Some(MasterKey::AzureKv(AzureKvKey { version, ..azure.clone() })))
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        match key {
            MasterKey::AzureKv(azure) => self.encrypt(key, azure, part).await,
            _ => {
                let text = "not a key of Azure Key Vault";
                Err(ProviderError::new(Refusal::Unsupported, key, text))
            }
        }
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        let MasterKey::AzureKv(azure) = key else { return Attempt::NotMine };
        match self.decrypt(key, azure, enc).await {
            Ok(part) => Attempt::Opened(part),
            Err(error) => Attempt::Failed(error),
        }
    }
}

impl std::fmt::Debug for AzureKv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AzureKv").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_show_no_secret() {
        let credential = AzureCredential::ClientSecret {
            tenant: "t".into(),
            client: "c".into(),
            secret: "hunter2".into(),
        };
        let settings = AzureSettings {
            credentials: AzureCredentials(vec![credential]),
            ..AzureSettings::default()
        };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for (vault, name, version, good) in [
            ("https://v.vault.azure.net", "k", "1", true),
            ("https://v.vault.azure.net/", "k-2", "", true),
            ("https://127.0.0.1:8443", "k", "", true),
            ("http://v.vault.azure.net", "k", "1", false),
            ("https://v.vault.azure.net/x", "k", "1", false),
            ("https://u@v.vault.azure.net", "k", "1", false),
            ("https://v.vault.azure.net", "../secrets/s", "1", false),
            ("https://v.vault.azure.net", "k", "1/../../x", false),
            ("https://v.vault.azure.net", "k?x", "1", false),
            ("https://", "k", "1", false),
        ] {
            let azure =
                AzureKvKey { vault_url: vault.into(), name: name.into(), version: version.into() };
            let place = Place::of(&MasterKey::AzureKv(azure.clone()), &azure);
            assert_eq!(place.is_ok(), good, "{vault} {name} {version}");
        }
    }
}
