//! The key-value stores of HashiCorp Vault and OpenBao: version 1, and version 2 with versions.
//!
//! With version 2 the number of the version that was looked at goes along (check-and-set), so that
//! what somebody else wrote in between is not overwritten, and mounts that demand it take it.

use std::sync::{Arc, LazyLock};

use reqwest::{Method, Url};
use sops_core::crypto::SecretBytes;
use sops_core::format::json::Object;
use sops_core::keys::Refusal;

use super::{Held, LONGEST_ANSWER, Target, TargetError, body_of};
use crate::call::Failed;
use crate::hc_vault::errors;
use crate::hc_vault::{Ready, VaultSettings};
use crate::http::{self, Answer};
use crate::words::one_line;

/// A way to servers of Vault that has done nothing yet.
pub struct VaultKv {
    ready: LazyLock<Result<Ready, String>, Read>,
}

/// Reads settings, when they are needed.
type Read = Box<dyn FnOnce() -> Result<Ready, String> + Send>;

/// A secret in a store of Vault.
pub struct VaultSecret {
    /// The way to the server.
    pub server: Arc<VaultKv>,
    /// Its address.
    pub address: String,
    /// The mount, ended by a slash.
    pub mount: String,
    /// Path and name of the secret below the mount.
    pub path: String,
    /// Whether the store has versions.
    pub versioned: bool,
}

impl VaultKv {
    /// Settings are read when a server is asked; their error, one line, is that of the call then.
    pub fn reading(read: impl FnOnce() -> Result<VaultSettings, String> + Send + 'static) -> Self {
        Self { ready: LazyLock::new(Box::new(move || read().and_then(Ready::new))) }
    }

    fn ready(&self) -> Result<&Ready, TargetError> {
        self.ready.as_ref().map_err(|text| TargetError::new(Refusal::BadSetting, text))
    }
}

impl VaultSecret {
    /// The path of requests: `secret/data/PATH`, or `kv/PATH`.
    pub fn request_path(&self) -> String {
        let data = if self.versioned { "data/" } else { "" };
        format!("{}{data}{}", self.mount, self.path)
    }

    fn url(&self, ready: &Ready) -> Result<Url, TargetError> {
        let base = ready.settings.agent.as_ref().unwrap_or(&self.address);
        let mut url = Url::parse(base)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .filter(|url| url.query().is_none() && url.fragment().is_none())
            .ok_or_else(|| {
                let text = format!("{base:?} is no http or https address of Vault");
                TargetError::new(Refusal::BadSetting, text)
            })?;
        let path = self.request_path();
        // They would lead out of the store, to where the token may do something else.
        let leads_away = |step: &str| matches!(step, "" | "." | "..") || step.contains('\\');
        if path.split('/').any(leads_away) {
            let text = format!("{path:?} is no path of a secret");
            return Err(TargetError::new(Refusal::Malformed, text)
                .advise("correct vault_path and vault_kv_mount_name of the rule"));
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path.split('/'));
        }
        Ok(url)
    }

    async fn send(
        &self,
        ready: &Ready,
        method: Method,
        body: Option<bytes::Bytes>,
    ) -> Result<Answer, TargetError> {
        let url = self.url(ready)?;
        let mut shown = url.clone();
        // They are part of an address, and no part of a message.
        let _ = (shown.set_username(""), shown.set_password(None));
        let word = if method == Method::GET { "Get" } else { "Put" };
        let asked = format!("{word} \"{shown}\"");
        let attempt = || async {
            let request = ready
                .ask(method.clone(), &url)
                .map_err(|text| TargetError::new(Refusal::BadSetting, text))?;
            let request = match &body {
                None => request,
                Some(body) => request.header("Content-Type", "application/json").body(body.clone()),
            };
            let answer = http::fetch(request, LONGEST_ANSWER).await.map_err(|broken| {
                let for_good = broken.for_good;
                let failed = Failed::from(TargetError::broken(&asked, broken));
                if for_good { failed.for_good() } else { failed }
            })?;
            match answer.status {
                200..300 => Ok(answer),
                404 if method == Method::GET && is_absent(&answer) => Ok(answer),
                _ => Err(self.refused(ready, &method, &shown, &answer)),
            }
        };
        let policy = ready.settings.policy;
        policy.run(attempt, |before| TargetError::late(&asked, policy, before)).await
    }

    fn refused(
        &self,
        ready: &Ready,
        method: &Method,
        shown: &Url,
        answer: &Answer,
    ) -> Failed<TargetError> {
        let settings = &ready.settings;
        let errors = errors::errors(&answer.body);
        let said = match &errors {
            Some(errors) => {
                let lines = errors.iter().map(|error| format!("\n* {}", one_line(error)));
                format!("Errors:\n{}", lines.collect::<String>())
            }
            None => "The answer is not one of the service's.".to_owned(),
        };
        let namespace = settings.namespace.as_ref();
        let namespace = namespace.map(|name| format!("Namespace: {name}\n")).unwrap_or_default();
        let text = format!(
            "Error making API request.\n\n{namespace}URL: {method} {shown}\nCode: {}. {said}",
            answer.status
        );
        let token = settings.token.as_ref();
        let refusal = errors::refusal(answer.status, errors.as_deref(), token.is_some());
        let caller = token.map(|token| format!("the token of {}", token.source));
        let mut error = TargetError::new(refusal, text).by(caller);
        error = match refusal {
            Refusal::NoCredentials => error.advise(
                "set VAULT_TOKEN, or sign in with `vault login`, which writes ~/.vault-token",
            ),
            Refusal::BadCredentials => {
                error.advise("sign in again (`vault login`), or renew the token in VAULT_TOKEN")
            }
            Refusal::NoSuchKey => error.advise(
                "check vault_kv_mount_name and vault_kv_version of the rule: there is no such \
                 store on this server, or in this namespace",
            ),
            Refusal::Other if answer.status == 400 && self.versioned => error.advise(
                "if it is about check-and-set, somebody else has written the secret meanwhile: \
                 look at it, and publish again",
            ),
            _ => error,
        };
        let rights = format!("create, update and read on {}", self.request_path());
        Failed::from(error.needs(rights)).with_status(answer.status).not_before(answer.wait)
    }
}

/// Whether an answer says that there is nothing, rather than that there is no such store.
fn is_absent(answer: &Answer) -> bool {
    errors::says_nothing_more(&answer.body)
        || Object::read(&answer.body).is_some_and(|body| body.below(&["data"]).is_some())
}

#[async_trait::async_trait]
impl Target for VaultSecret {
    async fn read(&self) -> Result<Held, TargetError> {
        let ready = self.server.ready()?;
        let answer = match self.send(ready, Method::GET, None).await {
            Ok(answer) => answer,
            Err(error) if error.refusal == Refusal::Denied => {
                return Ok(Held::Unknown(Some(error)));
            }
            Err(error) => return Err(error),
        };
        let body = Object::read(&answer.body);
        let below = |keys: &[&str]| body.as_ref().and_then(|body| body.below(keys));
        let (content, version) = match self.versioned {
            true => {
                let version = body.as_ref().and_then(|body| {
                    body.int_below(&["data", "metadata", "version"])?.try_into().ok()
                });
                (below(&["data", "data"]), version)
            }
            false => (below(&["data"]), None),
        };
        match content {
            Some(content) if answer.status != 404 => {
                Ok(Held::Content { content: content.text(), version })
            }
            _ if answer.status == 404 => Ok(Held::Nothing { version: version.or(Some(0)) }),
            _ => {
                let text = format!("what {} holds cannot be read", self.request_path());
                Ok(Held::Unknown(Some(TargetError::new(Refusal::Malformed, text))))
            }
        }
    }

    async fn write(
        &self,
        content: &SecretBytes,
        held: &Held,
    ) -> Result<Option<String>, TargetError> {
        let ready = self.server.ready()?;
        let body = match self.versioned {
            false => content.clone(),
            true => {
                let version = match held {
                    Held::Nothing { version } | Held::Content { version, .. } => *version,
                    Held::Unknown(_) => None,
                };
                let check = version.map(|version| format!(",\"options\":{{\"cas\":{version}}}"));
                let check = check.unwrap_or_default();
                let mut body = SecretBytes::new(Vec::with_capacity(content.len() + 64));
                body.expose_mut().extend_from_slice(b"{\"data\":");
                body.expose_mut().extend_from_slice(content.expose());
                body.expose_mut().extend_from_slice(check.as_bytes());
                body.expose_mut().push(b'}');
                body
            }
        };
        let answer = self.send(ready, Method::PUT, Some(body_of(body))).await?;
        let body = Object::read(&answer.body);
        let version = body.and_then(|body| body.int_below(&["data", "version"]));
        Ok(version.map(|version| version.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(address: &str, path: &str) -> VaultSecret {
        VaultSecret {
            server: Arc::new(VaultKv::reading(|| Ok(VaultSettings::default()))),
            address: address.into(),
            mount: "secret/".into(),
            path: path.into(),
            versioned: true,
        }
    }

    #[test]
    fn addresses_lead_to_the_secret_and_nowhere_else() {
        let url = |address: &str, path: &str| {
            let secret = secret(address, path);
            secret.url(secret.server.ready().unwrap()).map(String::from)
        };
        for (address, path, expected) in [
            (
                "https://v.example:8200",
                "app/s.yaml",
                "https://v.example:8200/v1/secret/data/app/s.yaml",
            ),
            (
                "http://v.example/below/",
                "a b?#",
                "http://v.example/below/v1/secret/data/a%20b%3F%23",
            ),
        ] {
            assert_eq!(url(address, path).unwrap(), expected);
        }
        for (address, path) in [
            ("https://v.example", "../../sys/seal"),
            ("https://v.example", "a//b"),
            ("https://v.example", "a\\b"),
            ("v.example", "a"),
            ("file:///etc", "a"),
        ] {
            assert!(url(address, path).is_err(), "{address} {path}");
        }
    }
}
