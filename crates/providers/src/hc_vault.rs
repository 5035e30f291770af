//! HashiCorp Vault and OpenBao: keys of a transit engine (format §4.6).
//!
//! Rules of this module:
//!
//! - One request opens. One request wraps, after another one that sees whether the key is there:
//!   a server makes a key that is not there when somebody with enough rights encrypts with it, so a
//!   slip in its name would go unnoticed, and the file would depend on a key that nobody knows of.
//!   Who may not look at keys may not make any either, in a policy that was made with care; then
//!   the request that wraps is the only one that counts.
//! - Names out of files are part of an address. Those that would lead elsewhere are refused.
//! - An address that the list of allowed ones leaves out is not asked, not when an answer leads
//!   there either.

pub(crate) mod errors;
mod settings;

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use serde::Deserialize;
use sops_core::crypto::{KeyPart, SecretBytes};
use sops_core::keys::{Attempt, HcVaultKey, KeyProvider, MasterKey, ProviderError, Reach, Refusal};
use zeroize::Zeroizing;

use crate::call::Failed;
use crate::http::{self, Answer, Http};
pub use settings::{VaultAllowlist, VaultSettings, VaultToken};

/// Wraps and opens with keys of transit engines.
pub struct HcVault {
    ready: LazyLock<Result<Ready, String>, Read>,
    /// Identities of keys that were seen.
    known: Mutex<HashSet<String>>,
}

/// Reads settings, when they are needed.
type Read = Box<dyn FnOnce() -> Result<Ready, String> + Send>;

/// Settings, and what follows from them.
pub(crate) struct Ready {
    pub(crate) settings: VaultSettings,
    headers: HeaderMap,
    http: Http,
}

impl Ready {
    pub(crate) fn new(settings: VaultSettings) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &[u8], what: &str| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok();
            let value = HeaderValue::from_bytes(value).ok();
            let (name, mut value) = name.zip(value).ok_or_else(|| {
                format!("{what} has characters in it that cannot stand in a header of HTTP")
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
            Ok::<_, String>(())
        };
        // Agents refuse requests without it: a page in a browser cannot add it.
        add("X-Vault-Request", b"true", "")?;
        if let Some(token) = &settings.token {
            let what = format!("the token of {}", token.source);
            add("X-Vault-Token", token.secret.expose(), &what)?;
        }
        if let Some(namespace) = &settings.namespace {
            add("X-Vault-Namespace", namespace.as_bytes(), "the namespace")?;
        }
        for (name, value) in &settings.headers {
            add(name, value.expose(), &format!("the further header {name:?}"))?;
        }
        let within = match &settings.allowed {
            VaultAllowlist::All => None,
            VaultAllowlist::Prefixes(prefixes) => Some(prefixes.clone()),
        };
        let http = Http::new(settings.http.clone()).within(within);
        Ok(Self { settings, headers, http })
    }

    fn request(
        &self,
        key: &MasterKey,
        method: Method,
        address: &Url,
    ) -> Result<RequestBuilder, ProviderError> {
        self.ask(method, address).map_err(|text| ProviderError::new(Refusal::BadSetting, key, text))
    }

    /// A request with token, namespace and all other headers.
    ///
    /// # Errors
    /// If a setting makes no sense: one line without anything secret.
    pub(crate) fn ask(&self, method: Method, address: &Url) -> Result<RequestBuilder, String> {
        let client = self.http.client(address.scheme(), self.settings.policy)?;
        Ok(client.request(method, address.clone()).headers(self.headers.clone()))
    }
}

/// The answers that matter.
#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    ciphertext: Option<&'a str>,
    plaintext: Option<&'a str>,
}

/// One of the two things that a transit engine is asked for.
#[derive(Clone, Copy)]
enum Operation {
    Encrypt,
    Decrypt,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
        }
    }
}

impl HcVault {
    /// A provider that has done nothing yet.
    pub fn new(settings: VaultSettings) -> Self {
        Self::reading(|| Ok(settings))
    }

    /// A provider that reads its settings when the first key is used. If they make no sense, the
    /// text says so for each key, in one line without anything secret.
    pub fn reading(read: impl FnOnce() -> Result<VaultSettings, String> + Send + 'static) -> Self {
        Self {
            ready: LazyLock::new(Box::new(move || read().and_then(Ready::new))),
            known: Mutex::default(),
        }
    }

    fn ready(&self, key: &MasterKey, vault: &HcVaultKey) -> Result<&Ready, ProviderError> {
        let ready = self
            .ready
            .as_ref()
            .map_err(|text| ProviderError::new(Refusal::BadSetting, key, text))?;
        if ready.settings.allowed.allows(&vault.vault_address) {
            return Ok(ready);
        }
        let address = &vault.vault_address;
        let text = format!("Allowlist does not allow {address} (SOPS_HC_VAULT_ALLOWLIST)");
        Err(ProviderError::new(Refusal::NotAllowed, key, text))
    }

    async fn encrypt(
        &self,
        key: &MasterKey,
        vault: &HcVaultKey,
        part: &KeyPart,
    ) -> Result<String, ProviderError> {
        let ready = self.ready(key, vault)?;
        self.see(ready, key, vault).await?;
        let body = || {
            let mut body = Zeroizing::new(Vec::with_capacity(128));
            body.extend_from_slice(b"{\"plaintext\":\"");
            let text = Zeroizing::new(STANDARD.encode(part.expose()));
            body.extend_from_slice(text.as_bytes());
            body.extend_from_slice(b"\"}");
            http::secret_body(body)
        };
        let answer = self.operate(ready, key, vault, Operation::Encrypt, body).await?;
        let text = read(&answer).and_then(|data| data.ciphertext);
        text.map(str::to_owned).ok_or_else(|| {
            ProviderError::new(Refusal::Malformed, key, "the answer holds no wrapped key")
        })
    }

    async fn decrypt(
        &self,
        key: &MasterKey,
        vault: &HcVaultKey,
        enc: &str,
    ) -> Result<KeyPart, ProviderError> {
        let malformed = |text: &str| ProviderError::new(Refusal::Malformed, key, text);
        let enc = enc.trim();
        if enc.is_empty() {
            return Err(malformed("there is no wrapped data key"));
        }
        let ready = self.ready(key, vault)?;
        let body = serde_json::json!({ "ciphertext": enc }).to_string();
        let body = bytes::Bytes::from(body);
        let body = || body.clone();
        let answer = self.operate(ready, key, vault, Operation::Decrypt, body).await?;
        let missing = || malformed("the answer holds no data key");
        let text = read(&answer).and_then(|data| data.plaintext).ok_or_else(missing)?;
        // A transit engine that is given nothing gives nothing back.
        let part = STANDARD.decode(text).ok().filter(|part| !part.is_empty());
        part.map(KeyPart::new).ok_or_else(missing)
    }

    /// Makes sure that the key is there, as far as this caller may know.
    async fn see(
        &self,
        ready: &Ready,
        key: &MasterKey,
        vault: &HcVaultKey,
    ) -> Result<(), ProviderError> {
        let identity = vault.identity();
        if self.known().contains(&identity) {
            return Ok(());
        }
        let address = address(&ready.settings, key, vault, "keys")?;
        let place = errors::place(&address);
        let look = || async {
            let answer = http::send(key, ready.request(key, Method::GET, &address)?).await?;
            match answer.status {
                404 if errors::says_nothing_more(&answer.body) => {
                    Err(Failed::from(no_such_key(key, vault)))
                }
                429 | 500.. => Err(refused(ready, key, "GET", &address, &answer)),
                // Whatever else it is: the request that counts comes next.
                _ => Ok(()),
            }
        };
        ready.settings.policy.call(key, &place, look).await?;
        self.known().insert(identity);
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        // Nothing in here can panic half way, so a poisoned set is whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one request, as often as the policy says.
    async fn operate(
        &self,
        ready: &Ready,
        key: &MasterKey,
        vault: &HcVaultKey,
        operation: Operation,
        body: impl Fn() -> bytes::Bytes,
    ) -> Result<SecretBytes, ProviderError> {
        let address = address(&ready.settings, key, vault, operation.name())?;
        let place = errors::place(&address);
        let attempt = || async {
            let request = ready.request(key, Method::PUT, &address)?;
            let request = request.header("Content-Type", "application/json").body(body());
            let answer = http::send(key, request).await?;
            match answer.status {
                200..300 => Ok(answer.body),
                _ => Err(refused(ready, key, "PUT", &address, &answer)),
            }
        };
        let result = ready.settings.policy.call(key, &place, attempt).await;
        result.map_err(|mut error| {
            let backend = format!("{}/{}/{}", vault.engine_path, operation.name(), vault.key_name);
            let frame = match operation {
                Operation::Encrypt => {
                    format!("failed to encrypt sops data key to Vault transit backend '{backend}'")
                }
                Operation::Decrypt => {
                    format!(
                        "failed to decrypt sops data key from Vault transit backend '{backend}'"
                    )
                }
            };
            error.text = format!("{frame}: {}", error.text);
            error
        })
    }
}

/// What an answer that is a refusal means.
fn refused(
    ready: &Ready,
    key: &MasterKey,
    method: &'static str,
    address: &Url,
    answer: &Answer,
) -> Failed {
    let settings = &ready.settings;
    let namespace = settings.namespace.as_deref();
    let with_token = settings.token.is_some();
    let asked = errors::Asked { method, address, namespace, with_token };
    let mut error = errors::describe(key, &asked, answer);
    error.caller = settings.token.as_ref().map(|token| format!("the token of {}", token.source));
    Failed::from(error).with_status(answer.status).not_before(answer.wait)
}

/// The body of a good answer.
fn read(answer: &SecretBytes) -> Option<Data<'_>> {
    serde_json::from_slice::<Reply<'_>>(answer.expose()).ok()?.data
}

fn no_such_key(key: &MasterKey, vault: &HcVaultKey) -> ProviderError {
    let text = format!(
        "the transit engine {} has no key {}; it is not made by encrypting with it, since its name \
         may be a slip",
        vault.engine_path, vault.key_name
    );
    let mut error = ProviderError::new(Refusal::NoSuchKey, key, text);
    error.http_status = Some(404);
    error
}

/// `ADDRESS/v1/ENGINE/OPERATION/KEY`, with what cannot stand in an address escaped.
fn address(
    settings: &VaultSettings,
    key: &MasterKey,
    vault: &HcVaultKey,
    operation: &str,
) -> Result<Url, ProviderError> {
    let malformed = |text: String| ProviderError::new(Refusal::Malformed, key, text);
    let (base, refusal) = match &settings.agent {
        Some(agent) => (agent, Refusal::BadSetting),
        None => (&vault.vault_address, Refusal::Malformed),
    };
    let mut url = Url::parse(base)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .filter(|url| url.has_host() && url.query().is_none() && url.fragment().is_none())
        .ok_or_else(|| {
            let text = format!("{base:?} is no http or https address");
            ProviderError::new(refusal, key, text)
        })?;
    let steps = vault.engine_path.trim_matches('/').split('/');
    let steps = ["v1"].into_iter().chain(steps).chain([operation, &vault.key_name]);
    {
        let mut path = url
            .path_segments_mut()
            .map_err(|()| malformed("the address of the server takes no path".into()))?;
        path.pop_if_empty();
        for step in steps {
            // They would lead out of the engine, to where the token may do something else.
            if matches!(step, "" | "." | "..") || step.contains(['/', '\\']) {
                let name = format!("{}/{operation}/{}", vault.engine_path, vault.key_name);
                return Err(malformed(format!("{name:?} is no path of a transit key")));
            }
            path.push(step);
        }
    }
    Ok(url)
}

#[async_trait::async_trait]
impl KeyProvider for HcVault {
    fn reach(&self, key: &MasterKey) -> Reach {
        match key {
            MasterKey::HcVault(_) => Reach::Remote,
            _ => Reach::Never,
        }
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        match key {
            MasterKey::HcVault(vault) => self.encrypt(key, vault, part).await,
            _ => Err(ProviderError::new(Refusal::Unsupported, key, "not a key of Vault")),
        }
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        let MasterKey::HcVault(vault) = key else { return Attempt::NotMine };
        match self.decrypt(key, vault, enc).await {
            Ok(part) => Attempt::Opened(part),
            Err(error) => Attempt::Failed(error),
        }
    }
}

impl std::fmt::Debug for HcVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HcVault").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(address: &str, engine: &str, name: &str) -> (MasterKey, HcVaultKey) {
        let vault = HcVaultKey {
            vault_address: address.into(),
            engine_path: engine.into(),
            key_name: name.into(),
        };
        (MasterKey::HcVault(vault.clone()), vault)
    }

    #[test]
    fn addresses_lead_to_the_key_and_nowhere_else() {
        let settings = VaultSettings::default();
        let made = |base: &str, engine: &str, name: &str| {
            let (master, vault) = key(base, engine, name);
            address(&settings, &master, &vault, "decrypt").map(String::from)
        };
        let base = "https://vault.example.com:8200";
        for (base, engine, name, expected) in [
            (base, "transit", "k", "https://vault.example.com:8200/v1/transit/decrypt/k"),
            (base, "team/transit", "k", "https://vault.example.com:8200/v1/team/transit/decrypt/k"),
            ("http://h/", "/t/", "k", "http://h/v1/t/decrypt/k"),
            ("http://h/below", "t", "a?b#c%2f", "http://h/below/v1/t/decrypt/a%3Fb%23c%252f"),
        ] {
            assert_eq!(made(base, engine, name).unwrap(), expected);
        }
        for (base, engine, name) in [
            (base, "transit", "../../sys/seal"),
            (base, "transit", ".."),
            (base, "transit/../sys", "k"),
            (base, "transit//x", "k"),
            (base, "", "k"),
            (base, "transit", ""),
            (base, "transit", "a\\b"),
            ("file:///etc", "transit", "k"),
            ("https://vault.example.com/?x=", "transit", "k"),
            ("vault.example.com", "transit", "k"),
        ] {
            let error = made(base, engine, name).unwrap_err();
            assert_eq!(error.refusal, Refusal::Malformed, "{base} {engine} {name}");
        }
    }

    #[test]
    fn an_agent_stands_in_for_the_server() {
        let agent = Some("http://127.0.0.1:8100".to_owned());
        let settings = VaultSettings { agent, ..VaultSettings::default() };
        let (master, vault) = key("https://vault.example.com", "transit", "k");
        let made = address(&settings, &master, &vault, "encrypt").unwrap();
        assert_eq!(made.as_str(), "http://127.0.0.1:8100/v1/transit/encrypt/k");
    }

    #[test]
    fn nothing_secret_is_shown() {
        let token = Some(VaultToken { secret: "hunter2".into(), source: "VAULT_TOKEN".into() });
        let headers = vec![("X-Auth".into(), "hunter3".into())];
        let settings = VaultSettings { token, headers, ..VaultSettings::default() };
        let shown = format!("{settings:?}");
        assert!(shown.contains("VAULT_TOKEN") && !shown.contains("hunter"), "{shown}");
        let broken = VaultToken { secret: "hunter2\n".into(), source: "VAULT_TOKEN".into() };
        let Err(text) = Ready::new(VaultSettings { token: Some(broken), ..settings }) else {
            panic!("a line end cannot stand in a header")
        };
        assert!(text.contains("VAULT_TOKEN") && !text.contains("hunter"), "{text}");
    }
}
