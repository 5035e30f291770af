//! Requests to services that have no library of their own.
//!
//! Rules of this module:
//!
//! - A client is put together when the first request is made, and the trust store is read only for
//!   `https`.
//! - Variables of proxies are not looked at: who wants one says so.
//! - An answer is read up to a limit, into memory that is wiped.
//! - Texts of errors hold no address: it may have a password in it.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::RETRY_AFTER;
use reqwest::redirect;
use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, RequestBuilder};
use sops_core::crypto::SecretBytes;
use sops_core::keys::{MasterKey, ProviderError, Refusal};
use zeroize::Zeroizing;

use crate::call::{CallPolicy, Failed, retry_after};
use crate::proxy::Proxy;
use crate::words::causes_behind;

/// Longest answer. Those of key services are a few kilobytes.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// How often an answer may name another place.
const MOST_REDIRECTS: usize = 3;

/// How a service is reached.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// The proxy for `https`.
    pub proxy: Option<Proxy>,
    /// The proxy for plain `http`.
    pub plain_proxy: Option<Proxy>,
    /// Certificates of authorities to trust instead of those of the system, as PEM.
    pub authorities: Option<Vec<u8>>,
    /// The certificate of the caller and its private key, as PEM one after the other.
    pub identity: Option<SecretBytes>,
    /// Whoever answers is taken for the service, whatever certificate comes. For tests only.
    pub any_certificate: bool,
    /// Whether an answer that names another place is followed; never from `https` to `http`.
    pub redirects: bool,
}

/// The clients of one service, put together when they are needed.
#[derive(Debug, Default)]
pub(crate) struct Http {
    settings: HttpSettings,
    /// What addresses begin with to which an answer may lead; any, if there is no list.
    within: Option<Vec<String>>,
    plain: OnceLock<Result<Client, String>>,
    secure: OnceLock<Result<Client, String>>,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// How long the service wants to be left alone.
    pub(crate) wait: Option<Duration>,
    /// Its body.
    pub(crate) body: SecretBytes,
}

impl Http {
    pub(crate) fn new(settings: HttpSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// The same, and answers lead nowhere but to addresses that begin with one of these.
    #[cfg(feature = "vault")]
    pub(crate) fn within(self, prefixes: Option<Vec<String>>) -> Self {
        Self { within: prefixes, ..self }
    }

    /// The client for addresses of a scheme, `http` or `https`.
    ///
    /// # Errors
    /// If a setting makes no sense: one line without anything secret.
    pub(crate) fn client(&self, scheme: &str, policy: CallPolicy) -> Result<&Client, String> {
        let (cell, secure) = match scheme {
            "https" => (&self.secure, true),
            _ => (&self.plain, false),
        };
        let client = cell.get_or_init(|| self.build(secure, policy));
        client.as_ref().map_err(Clone::clone)
    }

    fn build(&self, secure: bool, policy: CallPolicy) -> Result<Client, String> {
        let settings = &self.settings;
        let mut builder = Client::builder()
            .no_proxy()
            .connect_timeout(policy.connect())
            .redirect(redirects(settings.redirects, self.within.clone()));
        if let Some(proxy) = &settings.proxy {
            builder = builder.proxy(through(proxy, reqwest::Proxy::https)?);
        }
        if let Some(proxy) = &settings.plain_proxy {
            builder = builder.proxy(through(proxy, reqwest::Proxy::http)?);
        }
        if secure {
            builder = trust(builder, settings)?;
        } else {
            // A place without certificates of its own has no use for them by plain `http`.
            builder = builder.tls_certs_only([]);
        }
        builder.build().map_err(|error| causes_behind(&error, |_| false))
    }
}

fn trust(mut builder: ClientBuilder, settings: &HttpSettings) -> Result<ClientBuilder, String> {
    if let Some(pem) = &settings.authorities {
        let certificates = Certificate::from_pem_bundle(pem)
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or("there is no certificate in PEM among those to trust")?;
        builder = builder.tls_certs_only(certificates);
    }
    if let Some(pem) = &settings.identity {
        // What is wrong with it is not repeated: there is a private key in it.
        let identity = Identity::from_pem(pem.expose())
            .map_err(|_| "the certificate of the caller and its key are no usable PEM")?;
        builder = builder.identity(identity);
    }
    Ok(builder.tls_danger_accept_invalid_certs(settings.any_certificate))
}

fn through(
    proxy: &Proxy,
    kind: impl FnOnce(String) -> reqwest::Result<reqwest::Proxy>,
) -> Result<reqwest::Proxy, String> {
    let made = kind(proxy.url()).map_err(|_| "the address of the proxy makes no sense")?;
    Ok(made.no_proxy(proxy.except.as_deref().and_then(NoProxy::from_string)))
}

fn redirects(follow: bool, within: Option<Vec<String>>) -> redirect::Policy {
    if !follow {
        return redirect::Policy::none();
    }
    redirect::Policy::custom(move |attempt| {
        let allowed = |prefix: &String| attempt.url().as_str().starts_with(prefix);
        let is_allowed = within.as_ref().is_none_or(|prefixes| prefixes.iter().any(allowed));
        let was_secure = attempt.previous().iter().any(|url| url.scheme() == "https");
        // The next place gets what the first one got: token, headers, body.
        if !is_allowed {
            attempt.error("the answer leads to an address that is not allowed")
        } else if was_secure && attempt.url().scheme() != "https" {
            attempt.error("the answer leads from https to http")
        } else if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("the answers lead from one place to the next")
        } else {
            attempt.follow()
        }
    })
}

/// A body that is wiped when it was sent.
pub(crate) fn secret_body(content: Zeroizing<Vec<u8>>) -> Bytes {
    Bytes::from_owner(content)
}

/// Why there was no answer, or not a whole one.
#[derive(Debug)]
pub(crate) struct Broken {
    /// What kind of refusal that is.
    pub(crate) refusal: Refusal,
    /// The causes in one line, without any address.
    pub(crate) text: String,
    /// Whether it would be the same the next time, whatever kind it is.
    pub(crate) for_good: bool,
}

/// Sends a request about a key and reads the answer.
///
/// # Errors
/// If there was none, or not a whole one.
pub(crate) async fn send(key: &MasterKey, request: RequestBuilder) -> Result<Answer, Failed> {
    fetch(request, LONGEST_ANSWER).await.map_err(|broken| {
        let failed = Failed::from(ProviderError::new(broken.refusal, key, broken.text));
        if broken.for_good { failed.for_good() } else { failed }
    })
}

/// Sends a request and reads the answer, of at most that many bytes.
///
/// # Errors
/// If there was none, or not a whole one.
pub(crate) async fn fetch(request: RequestBuilder, longest: usize) -> Result<Answer, Broken> {
    let mut response = request.send().await.map_err(broken)?;
    let header = response.headers().get(RETRY_AFTER);
    let wait = header.and_then(|value| value.to_str().ok()).and_then(retry_after);
    let status = response.status().as_u16();
    // One that grows by itself would leave parts behind; this one is wiped when it is too small.
    let mut body = SecretBytes::new(Vec::with_capacity(64 * 1024));
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        let length = body.len() + chunk.len();
        if length > longest {
            let text = "the answer is longer than any of the service's".to_owned();
            return Err(Broken { refusal: Refusal::Malformed, text, for_good: true });
        }
        if length > body.expose_mut().capacity() {
            let mut larger = SecretBytes::new(Vec::with_capacity((2 * length).min(longest)));
            larger.expose_mut().extend_from_slice(body.expose());
            body = larger;
        }
        body.expose_mut().extend_from_slice(&chunk);
    }
    Ok(Answer { status, wait, body })
}

/// No answer came.
fn broken(error: reqwest::Error) -> Broken {
    let error = error.without_url();
    let text = causes_behind(&error, |_| false);
    let refusal = match () {
        () if error.is_builder() => Refusal::BadSetting,
        () if error.is_redirect() => Refusal::Other,
        () if error.is_timeout() && !error.is_connect() => Refusal::TimedOut,
        () => Refusal::Unreachable,
    };
    // Whoever answers there is not who was asked, and will not be in a moment.
    let for_good = text.contains("certificate");
    Broken { refusal, text, for_good }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_sense_are_told_without_what_is_in_them() {
        let policy = CallPolicy::default();
        let proxy = |address: &str| Some(Proxy { address: address.into(), except: None });
        for (settings, words) in [
            (
                HttpSettings { authorities: Some(b"hunter2".to_vec()), ..HttpSettings::default() },
                "no certificate",
            ),
            (
                HttpSettings { identity: Some("hunter2".into()), ..HttpSettings::default() },
                "no usable PEM",
            ),
            (
                HttpSettings { proxy: proxy("http://hunter2@:x"), ..HttpSettings::default() },
                "proxy",
            ),
        ] {
            assert!(!format!("{settings:?}").contains("hunter2") || settings.authorities.is_some());
            let error = Http::new(settings).client("https", policy).unwrap_err();
            assert!(error.contains(words) && !error.contains("hunter2"), "{error}");
        }
        // None of them matters where there is no TLS.
        let settings = HttpSettings { identity: Some("x".into()), ..HttpSettings::default() };
        Http::new(settings).client("http", policy).unwrap();
    }
}
