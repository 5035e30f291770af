//! Objects of Google Cloud Storage, by its JSON interface, with the credentials that keys of Google
//! Cloud KMS are used with.
//!
//! An upload is one request with a checksum (CRC32C) that the service checks, and that of the
//! answer is checked here: what is told as published is there as it was sent.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use http::{Extensions, HeaderMap};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};
use sops_core::crypto::SecretBytes;
use sops_core::keys::Refusal;
use tokio::sync::OnceCell;

use super::{Held, LONGEST_ANSWER, LONGEST_OBJECT, Target, TargetError};
use crate::call::{CallPolicy, Failed};
use crate::gcp_kms::GcpCredentials;
use crate::gcp_kms::crc32c::crc32c;
use crate::http::{self as requests, Answer, Http, HttpSettings};
use crate::words::causes;
use crate::words::one_line;

const ADDRESS: &str = "https://storage.googleapis.com";

/// The way to Cloud Storage that has done nothing yet.
pub struct Gcs {
    read: Box<dyn Fn() -> Result<GcsSettings, String> + Send + Sync>,
    ready: OnceLock<Result<Ready, String>>,
    credentials: OnceCell<Credentials>,
}

/// What the caller decides.
#[derive(Clone, Debug, Default)]
pub struct GcsSettings {
    /// How often and how long one call may be tried.
    pub policy: CallPolicy,
    /// Where credentials come from. They are not shown to an emulator.
    pub credentials: GcpCredentials,
    /// The address of an emulator, which is asked instead of the service.
    pub emulator: Option<String>,
    /// How the service is reached.
    pub http: HttpSettings,
}

struct Ready {
    settings: GcsSettings,
    http: Http,
    address: String,
}

/// An object in a bucket.
pub struct GcsObject {
    /// The way to the service.
    pub service: Arc<Gcs>,
    /// The bucket.
    pub bucket: String,
    /// Its name in there.
    pub name: String,
}

impl Gcs {
    /// Settings are read when an object is asked; their error, one line, is that of the call then.
    pub fn reading(read: impl Fn() -> Result<GcsSettings, String> + Send + Sync + 'static) -> Self {
        Self { read: Box::new(read), ready: OnceLock::new(), credentials: OnceCell::new() }
    }

    fn ready(&self) -> Result<&Ready, TargetError> {
        let make = || {
            let settings = (self.read)()?;
            let address = match &settings.emulator {
                None => ADDRESS.to_owned(),
                Some(host) if host.contains("://") => host.trim_end_matches('/').to_owned(),
                Some(host) => format!("http://{}", host.trim_end_matches('/')),
            };
            let http = Http::new(settings.http.clone());
            Ok(Ready { settings, http, address })
        };
        let ready = self.ready.get_or_init(make).as_ref();
        ready.map_err(|text| TargetError::new(Refusal::BadSetting, text))
    }

    /// The headers that say who asks.
    async fn who(&self, ready: &Ready) -> Result<HeaderMap, TargetError> {
        if ready.settings.emulator.is_some() {
            return Ok(HeaderMap::new());
        }
        let given = &ready.settings.credentials;
        let advice = "sign in with `gcloud auth application-default login`, or name a file in \
                      GOOGLE_APPLICATION_CREDENTIALS";
        let failed = |refusal, text: String| {
            TargetError::new(refusal, format!("credentials for Google Cloud: {text}"))
                .by(Some(given.name()))
                .advise(advice)
        };
        let credentials = self.credentials.get_or_try_init(|| async {
            // The library would end the program where there is no certificate to trust.
            reqwest::Client::builder()
                .build()
                .map_err(|error| failed(Refusal::BadSetting, causes(&error)))?;
            given.build(None).map_err(|error| failed(Refusal::NoCredentials, causes(&error)))
        });
        let headers = credentials.await?.headers(Extensions::new()).await;
        match headers {
            Ok(CacheableResource::New { data, .. }) => Ok(data),
            Ok(CacheableResource::NotModified) => Ok(HeaderMap::new()),
            Err(error) if error.is_transient() => Err(failed(Refusal::Unreachable, causes(&error))),
            Err(error) => Err(failed(Refusal::CredentialsFailed, causes(&error))),
        }
    }
}

impl GcsObject {
    /// Asks until there is an answer. `request` adds what it is about, `check` looks at the answer.
    async fn send<T>(
        &self,
        right: &str,
        (method, url): (Method, Url),
        longest: usize,
        carries: usize,
        request: impl Fn(RequestBuilder) -> RequestBuilder,
        check: impl Fn(Answer) -> Result<T, TargetError>,
    ) -> Result<T, TargetError> {
        let ready = self.service.ready()?;
        let word = if method == Method::GET { "Get" } else { "Post" };
        let asked = format!("{word} \"{url}\"");
        let attempt = || async {
            let headers = self.service.who(ready).await?;
            let client = ready
                .http
                .client(url.scheme(), ready.settings.policy)
                .map_err(|text| TargetError::new(Refusal::BadSetting, text))?;
            let request = request(client.request(method.clone(), url.clone()).headers(headers));
            let answer = requests::fetch(request, longest).await.map_err(|broken| {
                let for_good = broken.for_good;
                let failed = Failed::from(TargetError::broken(&asked, broken));
                if for_good { failed.for_good() } else { failed }
            })?;
            match answer.status {
                200..300 => Ok(check(answer)?),
                _ => Err(self.refused(ready, right, &answer)),
            }
        };
        let policy = ready.settings.policy.carrying(carries);
        policy.run(attempt, |before| TargetError::late(&asked, policy, before)).await
    }

    fn refused(&self, ready: &Ready, right: &str, answer: &Answer) -> Failed<TargetError> {
        let said: Value = serde_json::from_slice(answer.body.expose()).unwrap_or_default();
        let status = answer.status;
        let message = said["error"]["message"].as_str().map(one_line).unwrap_or_default();
        let reason = said["error"]["errors"][0]["reason"].as_str().map(one_line);
        let reason = reason.map(|reason| format!(", {reason}")).unwrap_or_default();
        let refusal = match status {
            401 => Refusal::BadCredentials,
            403 => Refusal::Denied,
            404 => Refusal::NoSuchKey,
            408 | 429 => Refusal::Throttled,
            500.. => Refusal::Unavailable,
            _ => Refusal::Other,
        };
        let caller = ready.settings.emulator.is_none().then(|| ready.settings.credentials.name());
        let error =
            TargetError::new(refusal, format!("googleapi: Error {status}: {message}{reason}"))
                .by(caller)
                .needs(format_args!("{right} on the bucket {}", self.bucket));
        Failed::from(error).with_status(status).not_before(answer.wait)
    }

    /// `ADDRESS/storage/v1/b/BUCKET/o`, with steps after and before it.
    fn url(&self, before: &[&str], after: &[&str]) -> Result<Url, TargetError> {
        let ready = self.service.ready()?;
        let malformed = |text: String| TargetError::new(Refusal::Malformed, text);
        for (what, step) in [("bucket", &self.bucket), ("name of an object", &self.name)] {
            if step.is_empty() || matches!(step.as_str(), "." | "..") {
                return Err(malformed(format!("{step:?} is no {what}")));
            }
        }
        let mut url = Url::parse(&ready.address).map_err(|error| {
            let text = format!("the address of Cloud Storage makes no sense: {error}");
            TargetError::new(Refusal::BadSetting, text)
        })?;
        url.path_segments_mut()
            .map_err(|()| malformed("the address of Cloud Storage takes no path".into()))?
            .pop_if_empty()
            .extend(before)
            .extend(["storage", "v1", "b", &self.bucket, "o"])
            .extend(after);
        Ok(url)
    }
}

/// Says what comes, then what it is: `multipart/related` (RFC 2387).
fn body(name: &str, content: &SecretBytes, boundary: &str) -> Bytes {
    let about = json!({
        "name": name,
        "contentType": "application/octet-stream",
        "crc32c": checksum(content),
    });
    let mut body = Vec::with_capacity(content.len() + 512);
    let head = format!(
        "--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{about}\r\n\
         --{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(content.expose());
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Bytes::from(body)
}

/// The checksum as the service writes it: base64 of four bytes, the highest first.
fn checksum(content: &SecretBytes) -> String {
    STANDARD.encode(crc32c(content.expose()).to_be_bytes())
}

#[async_trait::async_trait]
impl Target for GcsObject {
    async fn read(&self) -> Result<Held, TargetError> {
        let mut url = self.url(&[], &[&self.name])?;
        url.set_query(Some("alt=media"));
        let right = "storage.objects.get (roles/storage.objectViewer)";
        let found = self
            .send(
                right,
                (Method::GET, url),
                LONGEST_OBJECT,
                0,
                |request| request,
                |answer| Ok(answer.body),
            )
            .await;
        match found {
            Ok(content) => Ok(Held::Content { content, version: None }),
            Err(error) if error.refusal == Refusal::Denied => Ok(Held::Unknown(Some(error))),
            Err(error) if error.refusal == Refusal::NoSuchKey && !error.text.contains("bucket") => {
                Ok(Held::Nothing { version: None })
            }
            Err(error) => Err(error),
        }
    }

    async fn write(&self, content: &SecretBytes, _: &Held) -> Result<Option<String>, TargetError> {
        let mut url = self.url(&["upload"], &[])?;
        url.query_pairs_mut()
            .append_pair("uploadType", "multipart")
            .append_pair("name", &self.name);
        let boundary = format!("{:032x}", fastrand::u128(..));
        let (body, sum) = (body(&self.name, content, &boundary), checksum(content));
        let size = body.len();
        let kind = format!("multipart/related; boundary={boundary}");
        let right = "storage.objects.create and storage.objects.delete (roles/storage.objectUser)";
        let add =
            |request: RequestBuilder| request.header("Content-Type", &kind).body(body.clone());
        let check = |answer: Answer| {
            let said: Value = serde_json::from_slice(answer.body.expose()).unwrap_or_default();
            if said["crc32c"].as_str() != Some(&sum) {
                let text = format!(
                    "gs://{}/{} is not what was sent: the checksum (CRC32C) of the answer does not \
                     match",
                    self.bucket, self.name
                );
                return Err(TargetError::new(Refusal::Unavailable, text));
            }
            Ok(said["generation"].as_str().map(str::to_owned))
        };
        self.send(right, (Method::POST, url), LONGEST_ANSWER, size, add, check).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_written_as_the_service_does() {
        // The documentation of Cloud Storage gives no example; of RFC 3720 "123456789" is e3069283.
        assert_eq!(checksum(&"123456789".into()), "4waSgw==");
    }

    #[test]
    fn names_are_one_step_of_an_address() {
        let service = Arc::new(Gcs::reading(|| Ok(GcsSettings::default())));
        let object = |bucket: &str, name: &str| GcsObject {
            service: service.clone(),
            bucket: bucket.into(),
            name: name.into(),
        };
        let url = object("b", "pre/a b?.yaml").url(&[], &["pre/a b?.yaml"]).unwrap();
        assert_eq!(
            url.as_str(),
            "https://storage.googleapis.com/storage/v1/b/b/o/pre%2Fa%20b%3F.yaml"
        );
        assert!(object("..", "x").url(&[], &[]).is_err());
        assert!(object("b", "").url(&[], &[]).is_err());
    }
}
