//! Huawei Cloud KMS (format §4.7).
//!
//! Rules of this module:
//!
//! - One request wraps, one opens; the first one of a region may have to ask for the project first,
//!   where none is configured.
//! - Requests are signed with the access key (`signature.rs`), which is never sent itself.
//! - A region that nobody knows is an error, and no guess at an address.

mod account;
mod errors;
mod regions;
mod signature;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Url};
use serde::Deserialize;
use sops_core::crypto::{KeyPart, SecretBytes};
use sops_core::keys::{
    Attempt, HuaweiKmsKey, KeyProvider, MasterKey, ProviderError, Reach, Refusal,
};
use zeroize::Zeroizing;

use crate::call::{CallPolicy, Failed};
use crate::http::{self, Http, HttpSettings};
use signature::Signed;

/// Wraps and opens with keys of Huawei Cloud KMS.
pub struct HuaweiKms {
    ready: LazyLock<Result<Ready, String>, Read>,
    /// Projects that were asked for, by region.
    projects: Mutex<HashMap<String, String>>,
    /// What the metadata of the instance gave.
    instance: Mutex<Option<HuaweiCredentials>>,
}

/// Reads settings, when they are needed.
type Read = Box<dyn FnOnce() -> Result<Ready, String> + Send>;

/// What the caller decides.
#[derive(Clone, Debug, Default)]
pub struct HuaweiSettings {
    /// How often and how long a call is tried.
    pub policy: CallPolicy,
    /// Who asks. Without, the text says where credentials were looked for.
    pub credentials: Option<HuaweiCredentials>,
    /// Where credentials were looked for, for the message that there are none.
    pub looked: String,
    /// The address of the metadata of this machine, which is asked for credentials if there are none
    /// else: `http://169.254.169.254`.
    pub metadata: Option<String>,
    /// Addresses of KMS by region, instead of the public ones, and of regions that are new.
    pub addresses: HashMap<String, String>,
    /// The address of the identity service, which knows the project, instead of that of the
    /// region.
    pub identity: Option<String>,
    /// How services are reached.
    pub http: HttpSettings,
}

/// An access key.
#[derive(Clone, Debug)]
pub struct HuaweiCredentials {
    /// Its id, which is not secret.
    pub access_key: String,
    /// The key.
    pub secret_key: SecretBytes,
    /// The token of a session.
    pub security_token: Option<SecretBytes>,
    /// The project whose keys are used; else the identity service is asked.
    pub project: Option<String>,
    /// Where it was found, in words for messages.
    pub source: String,
}

struct Ready {
    settings: HuaweiSettings,
    http: Http,
}

#[derive(Deserialize)]
struct Reply<'a> {
    cipher_text: Option<&'a str>,
    plain_text: Option<&'a str>,
}

/// One of the two things that KMS is asked for.
#[derive(Clone, Copy)]
enum Operation {
    Encrypt,
    Decrypt,
}

impl Operation {
    fn path(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt-data",
            Self::Decrypt => "decrypt-data",
        }
    }

    /// The words of Go sops in front of a reason.
    fn frame(self) -> &'static str {
        match self {
            Self::Encrypt => "failed to encrypt sops data key with HuaweiCloud KMS",
            Self::Decrypt => "failed to decrypt sops data key with HuaweiCloud KMS",
        }
    }
}

/// Everything about a key that a request needs.
struct Target<'a> {
    ready: &'a Ready,
    credentials: Cow<'a, HuaweiCredentials>,
    region: &'a str,
    id: &'a str,
    address: Url,
}

impl HuaweiKms {
    /// A provider that has done nothing yet.
    pub fn new(settings: HuaweiSettings) -> Self {
        Self::reading(|| Ok(settings))
    }

    /// A provider that reads its settings when the first key is used. If they make no sense, the
    /// text says so for each key, in one line without anything secret.
    pub fn reading(read: impl FnOnce() -> Result<HuaweiSettings, String> + Send + 'static) -> Self {
        let ready = move || -> Result<Ready, String> {
            let settings = read()?;
            Ok(Ready { http: Http::new(settings.http.clone()), settings })
        };
        Self {
            ready: LazyLock::new(Box::new(ready)),
            projects: Mutex::default(),
            instance: Mutex::default(),
        }
    }

    async fn target<'a>(
        &'a self,
        key: &MasterKey,
        huawei: &'a HuaweiKmsKey,
    ) -> Result<Target<'a>, ProviderError> {
        let failed = |refusal, text: String| ProviderError::new(refusal, key, text);
        let ready = self.ready.as_ref();
        let ready = ready.map_err(|text| failed(Refusal::BadSetting, text.clone()))?;
        let parts = huawei.parts().filter(|(region, id)| is_word(region) && is_word(id));
        let (region, id) = parts.ok_or_else(|| {
            failed(Refusal::Malformed, format!("{:?} is no REGION:KEY-ID", huawei.key_id))
        })?;
        let address = match ready.settings.addresses.get(region) {
            Some(address) => address.clone(),
            None => regions::kms(region).ok_or_else(|| {
                let known = regions::known().collect::<Vec<_>>().join(", ");
                let text = format!(
                    "failed to create HuaweiCloud KMS client: invalid region {region:?}: it is not \
                     in the following supported regions of service 'KMS': [{known}]"
                );
                failed(Refusal::NoRegion, text)
            })?,
        };
        let address = Url::parse(&address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                let text = format!("the address of KMS in {region} is no http or https address");
                failed(Refusal::BadSetting, text)
            })?;
        let credentials = match &ready.settings.credentials {
            Some(given) => Cow::Borrowed(given),
            None => Cow::Owned(self.of_instance(key, ready).await?),
        };
        Ok(Target { ready, credentials, region, id, address })
    }

    async fn encrypt(
        &self,
        key: &MasterKey,
        huawei: &HuaweiKmsKey,
        part: &KeyPart,
    ) -> Result<String, ProviderError> {
        let target = self.target(key, huawei).await?;
        let mut body = Zeroizing::new(Vec::with_capacity(256));
        body.extend_from_slice(
            format!("{{\"key_id\":\"{}\",\"plain_text\":\"", target.id).as_bytes(),
        );
        let text = Zeroizing::new(STANDARD.encode(part.expose()));
        body.extend_from_slice(text.as_bytes());
        body.extend_from_slice(b"\",\"encryption_algorithm\":\"SYMMETRIC_DEFAULT\"}");
        let answer = self.operate(key, &target, Operation::Encrypt, body).await?;
        let text = read(&answer).and_then(|reply| reply.cipher_text);
        text.filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(|| {
            ProviderError::new(Refusal::Malformed, key, "encryption response missing ciphertext")
        })
    }

    async fn decrypt(
        &self,
        key: &MasterKey,
        huawei: &HuaweiKmsKey,
        enc: &str,
    ) -> Result<KeyPart, ProviderError> {
        let malformed = |text: &str| ProviderError::new(Refusal::Malformed, key, text);
        let enc = enc.trim();
        if enc.is_empty() {
            return Err(malformed("there is no wrapped data key"));
        }
        let target = self.target(key, huawei).await?;
        let body = serde_json::json!({
            "cipher_text": enc,
            "encryption_algorithm": "SYMMETRIC_DEFAULT",
            "key_id": target.id,
        });
        let body = Zeroizing::new(body.to_string().into_bytes());
        let answer = self.operate(key, &target, Operation::Decrypt, body).await?;
        let missing = || malformed("decryption response missing plaintext");
        let text = read(&answer).and_then(|reply| reply.plain_text).ok_or_else(missing)?;
        let part = STANDARD.decode(text).ok().filter(|part| !part.is_empty());
        part.map(KeyPart::new).ok_or_else(missing)
    }

    /// Makes one request, as often as the policy says.
    async fn operate(
        &self,
        key: &MasterKey,
        target: &Target<'_>,
        operation: Operation,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<SecretBytes, ProviderError> {
        let project = self.project(key, target).await?;
        let path = format!("/v1.0/{project}/kms/{}", operation.path());
        let address = with_path(&target.address, &path);
        let request = Request {
            method: Method::POST,
            address,
            query: "",
            project: Some(&project),
            body: &body,
        };
        self.ask(key, target, operation.frame(), &request).await
    }

    async fn ask(
        &self,
        key: &MasterKey,
        target: &Target<'_>,
        frame: &str,
        request: &Request<'_>,
    ) -> Result<SecretBytes, ProviderError> {
        let settings = &target.ready.settings;
        let mut url = request.address.clone();
        url.set_query((!request.query.is_empty()).then_some(request.query));
        let place = format!("region {}", target.region);
        let attempt = || async {
            let client = target
                .ready
                .http
                .client(url.scheme(), settings.policy)
                .map_err(|text| ProviderError::new(Refusal::BadSetting, key, text))?;
            let signed = Signed {
                method: request.method.as_str(),
                path: url.path(),
                query: request.query,
                project: request.project,
                body: request.body,
                time: now(),
            };
            let headers = signed.headers(&target.credentials).ok_or_else(|| {
                let text = format!(
                    "the access key of {} has characters in it that cannot stand in a header of \
                     HTTP",
                    target.credentials.source
                );
                ProviderError::new(Refusal::BadSetting, key, text)
            })?;
            let mut sent = client.request(request.method.clone(), url.clone()).headers(headers);
            if !request.body.is_empty() {
                sent = sent
                    .header("Content-Type", "application/json;charset=UTF-8")
                    .body(http::secret_body(Zeroizing::new(request.body.to_vec())));
            }
            let answer = http::send(key, sent).await?;
            match answer.status {
                200..300 => Ok(answer.body),
                _ => {
                    let failed = Failed::from(errors::describe(key, &answer));
                    Err(failed.with_status(answer.status).not_before(answer.wait))
                }
            }
        };
        let result = settings.policy.call(key, &place, attempt).await;
        result.map_err(|mut error| {
            error.text = format!("{frame}: {}", error.text);
            let HuaweiCredentials { access_key, source, .. } = &*target.credentials;
            error.caller = Some(format!("access key {access_key} from {source}"));
            error
        })
    }
}

struct Request<'a> {
    method: Method,
    address: Url,
    /// Escaped already.
    query: &'a str,
    project: Option<&'a str>,
    body: &'a [u8],
}

fn read(answer: &SecretBytes) -> Option<Reply<'_>> {
    serde_json::from_slice(answer.expose()).ok()
}

/// The address with a path behind its own.
fn with_path(address: &Url, path: &str) -> Url {
    let mut address = address.clone();
    let path = format!("{}{path}", address.path().trim_end_matches('/'));
    address.set_path(&path);
    address.set_query(None);
    address
}

/// Whether a text out of a file can be part of a path and of JSON as it is.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[async_trait::async_trait]
impl KeyProvider for HuaweiKms {
    fn reach(&self, key: &MasterKey) -> Reach {
        match key {
            MasterKey::HuaweiKms(_) => Reach::Remote,
            _ => Reach::Never,
        }
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        match key {
            MasterKey::HuaweiKms(huawei) => self.encrypt(key, huawei, part).await,
            _ => {
                Err(ProviderError::new(Refusal::Unsupported, key, "not a key of Huawei Cloud KMS"))
            }
        }
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        let MasterKey::HuaweiKms(huawei) = key else { return Attempt::NotMine };
        match self.decrypt(key, huawei, enc).await {
            Ok(part) => Attempt::Opened(part),
            Err(error) => Attempt::Failed(error),
        }
    }
}

impl std::fmt::Debug for HuaweiKms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HuaweiKms").finish_non_exhaustive()
    }
}
