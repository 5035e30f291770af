//! Requests to S3, Secrets Manager and Parameter Store: signed by the official signer, with the
//! credentials that keys of AWS KMS are used with, over the client of all services that have no
//! library here. The three need seven requests; their libraries are several megabytes.

mod said;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_kms::config::{Region, SharedHttpClient};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_types::service_config::ServiceConfigKey;
use bytes::Bytes;
use reqwest::{Method, Url};
use sops_core::crypto::SecretBytes;
use sops_core::format::json::Object;
use sops_core::keys::Refusal;
use tokio::sync::OnceCell;

use super::TargetError;
use crate::aws_kms::{AwsSettings, Base, no_credentials};
use crate::call::{CallPolicy, Failed};
use crate::http::{self, Answer, Http, HttpSettings};
use said::{Said, refusal};

/// The way to stores of AWS that has done nothing yet.
pub struct AwsStores {
    read: Box<dyn Fn() -> Result<AwsSettings, String> + Send + Sync>,
    ready: OnceLock<Result<Ready, String>>,
    sessions: Mutex<HashMap<Option<String>, Arc<OnceCell<Base>>>>,
}

struct Ready {
    settings: AwsSettings,
    policy: CallPolicy,
    /// For what is asked here.
    http: Http,
    /// For the search for credentials.
    sdk: SharedHttpClient,
}

/// A service of AWS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// Its name in signatures and host names.
    pub(super) name: &'static str,
    /// Its name in messages and settings.
    pub(super) id: &'static str,
}

/// One request.
#[derive(Debug)]
pub(super) struct Request {
    /// Its name in messages.
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    /// Longest answer.
    pub(super) longest: usize,
}

/// A region with its credentials and settings.
pub(super) struct Session<'a> {
    ready: &'a Ready,
    base: Base,
    region: String,
}

impl AwsStores {
    /// Settings are read when a store is asked; their error, one line, is that of the call then.
    pub fn reading(read: impl Fn() -> Result<AwsSettings, String> + Send + Sync + 'static) -> Self {
        Self { read: Box::new(read), ready: OnceLock::new(), sessions: Mutex::default() }
    }

    fn ready(&self) -> Result<&Ready, TargetError> {
        let make = || {
            let settings = (self.read)()?;
            let policy = CallPolicy::within(settings.deadline);
            let http = Http::new(HttpSettings {
                proxy: settings.proxy.clone(),
                ..HttpSettings::default()
            });
            let sdk = crate::aws_kms::http::client(settings.proxy.as_ref())?;
            Ok(Ready { settings, policy, http, sdk })
        };
        let ready = self.ready.get_or_init(make).as_ref();
        ready.map_err(|text| TargetError::new(Refusal::BadSetting, text))
    }

    /// Settings and credentials for a region; without one it is that of the environment.
    pub(super) async fn session(
        &self,
        service: Service,
        region: Option<&str>,
    ) -> Result<Session<'_>, TargetError> {
        let ready = self.ready()?;
        let cell = {
            // Nothing in here can panic half way, so a poisoned map is whole.
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.entry(region.map(str::to_owned)).or_default().clone()
        };
        let wanted = region.map(|region| Region::new(region.to_owned()));
        let base =
            cell.get_or_init(|| ready.settings.base(None, wanted, ready.sdk.clone())).await.clone();
        let region = base.config.region().map(|region| region.as_ref().to_owned());
        let region = region.filter(|region| is_host_label(region)).ok_or_else(|| {
            let text = format!("operation error {}: no region is known", service.id);
            TargetError::new(Refusal::NoRegion, text)
                .advise("set AWS_REGION, or name the region in the profile")
        })?;
        Ok(Session { ready, base, region })
    }
}

impl Session<'_> {
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// The address that settings give a service instead of its own.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn endpoint(&self, service: Service) -> Result<Option<Url>, TargetError> {
        let key = ServiceConfigKey::builder()
            .service_id(service.id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok();
        let config = &self.base.config;
        let own = key.and_then(|key| config.service_config()?.load_config(key));
        let address = own.or_else(|| config.endpoint_url().map(str::to_owned));
        let Some(address) = address.filter(|address| !address.is_empty()) else { return Ok(None) };
        let url = Url::parse(&address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        url.map(Some).ok_or_else(|| {
            let text = format!(
                "the address of {} in the settings is no http or https address",
                service.id
            );
            TargetError::new(Refusal::BadSetting, text)
        })
    }

    /// The host of a service in this region.
    pub(super) fn host(&self, service: Service) -> String {
        host(service, &self.region, &self.base.config)
    }

    /// Signs and sends a request, as often as the policy says.
    ///
    /// # Errors
    /// If the answer is no, or there is none.
    pub(super) async fn send(
        &self,
        service: Service,
        request: &Request,
    ) -> Result<Answer, TargetError> {
        let asked = format!("operation error {}: {}", service.id, request.operation);
        let attempt = || self.attempt(service, request, &asked);
        let policy = self.ready.policy.carrying(request.body.len());
        let late = |before| {
            let late = TargetError::late(&asked, policy, before);
            match self.base.credentials.asking() {
                Some(place) => {
                    let text = format!("{}; {place} was asked for credentials", late.text);
                    TargetError { text, ..late }
                }
                None => late,
            }
        };
        policy.run(attempt, late).await
    }

    async fn attempt(
        &self,
        service: Service,
        request: &Request,
        asked: &str,
    ) -> Result<Answer, Failed<TargetError>> {
        let bad = |text: String| TargetError::new(Refusal::BadSetting, text);
        let headers = self.signature(service, request, asked).await?;
        let client =
            self.ready.http.client(request.url.scheme(), self.ready.policy).map_err(bad)?;
        let mut builder = client.request(request.method.clone(), request.url.clone());
        for (name, value) in request.headers.iter().map(|(name, value)| (*name, value)) {
            builder = builder.header(name, value);
        }
        for (name, value) in &headers {
            builder = builder.header(name, value);
        }
        if request.method != Method::GET {
            builder = builder.body(request.body.clone());
        }
        let answer = http::fetch(builder, request.longest).await.map_err(|broken| {
            let for_good = broken.for_good;
            let (word, url) = (capitalized(&request.method), &request.url);
            let asked = format!("{asked}, request send failed, {word} \"{url}\"");
            let failed = Failed::from(TargetError::broken(&asked, broken));
            if for_good { failed.for_good() } else { failed }
        })?;
        match answer.status {
            200..300 => Ok(answer),
            _ => Err(self.refused(service, &answer, asked)),
        }
    }

    /// The headers that a signature takes.
    async fn signature(
        &self,
        service: Service,
        request: &Request,
        asked: &str,
    ) -> Result<Vec<(String, String)>, TargetError> {
        let search = &self.base.credentials;
        let credentials = search.provide_credentials().await.map_err(|error| {
            let (refusal, text) = no_credentials(search, &error);
            let text = format!("{asked}, get identity: get credentials: {text}");
            TargetError::new(refusal, text).by(search.found()).advise(
                "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with \
                 `aws sso login`",
            )
        })?;
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        if service.name == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let unsigned = |_| TargetError::new(Refusal::Other, format!("{asked}: unable to sign"));
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service.name)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| TargetError::new(Refusal::Other, format!("{asked}: {error}")))?
            .into();
        let headers = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable = SignableRequest::new(
            request.method.as_str(),
            request.url.as_str(),
            headers,
            SignableBody::Bytes(&request.body),
        );
        let signable = signable.map_err(unsigned)?;
        let (instructions, _) = sign(signable, &parameters).map_err(unsigned)?.into_parts();
        let headers = instructions.headers();
        Ok(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn refused(&self, service: Service, answer: &Answer, asked: &str) -> Failed<TargetError> {
        let said = Said::read(&answer.body);
        let status = answer.status;
        let mut text = format!(
            "{asked}, https response error StatusCode: {status}, RequestID: {}",
            said.request_id
        );
        if service.name == "s3" {
            text.push_str(&format!(", HostID: {}", said.host_id));
        }
        text.push_str(&format!(", api error {}: {}", said.code, said.message));
        let mut words = said.message.split_whitespace();
        let named = words.find(|word| word.starts_with("arn:")).map(str::to_owned);
        let refusal = refusal(&said.code, status);
        let mut error =
            TargetError::new(refusal, text).by(named.or_else(|| self.base.credentials.found()));
        error = match refusal {
            Refusal::BadCredentials => error.advise(
                "sign in again (`aws sso login`), or renew the access key; `aws sts \
                 get-caller-identity` shows whether it works",
            ),
            Refusal::NoRegion => error.advise(format!(
                "the bucket is in another region than {}: set AWS_REGION to that of the bucket",
                self.region
            )),
            _ => error,
        };
        // Throttling is 400 there, and is tried again.
        let failed = Failed::from(error);
        match refusal {
            Refusal::Throttled => failed,
            _ => failed.with_status(status),
        }
        .not_before(answer.wait)
    }
}

/// Where a service is in a region.
fn host(service: Service, region: &str, config: &SdkConfig) -> String {
    let suffix = match region {
        _ if region.starts_with("cn-") => "amazonaws.com.cn",
        _ if region.starts_with("us-iso-") => "c2s.ic.gov",
        _ if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ if region.starts_with("eu-isoe-") => "cloud.adc-e.uk",
        _ if region.starts_with("us-isof-") => "csp.hci.ic.gov",
        _ if region.starts_with("eusc-") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    let name = service.name;
    let fips = if config.use_fips().unwrap_or_default() { "-fips" } else { "" };
    match (config.use_dual_stack().unwrap_or_default(), name) {
        (true, "s3") => format!("{name}{fips}.dualstack.{region}.{suffix}"),
        (true, _) => format!("{name}{fips}.{region}.api.aws"),
        (false, _) => format!("{name}{fips}.{region}.{suffix}"),
    }
}

/// Whether a region can be part of a host name, so that none leads to another host.
fn is_host_label(region: &str) -> bool {
    !region.is_empty() && region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn capitalized(method: &Method) -> &'static str {
    match *method {
        Method::GET => "Get",
        Method::POST => "Post",
        _ => "Put",
    }
}

/// A call in the protocol of Secrets Manager and Parameter Store.
pub(super) async fn call(
    session: &Session<'_>,
    service: Service,
    target: &'static str,
    operation: &'static str,
    body: Bytes,
) -> Result<Object, TargetError> {
    let url = match session.endpoint(service)? {
        Some(url) => url,
        None => Url::parse(&format!("https://{}/", session.host(service))).map_err(|error| {
            TargetError::new(Refusal::BadSetting, format!("no address of {}: {error}", service.id))
        })?,
    };
    let request = Request {
        operation,
        method: Method::POST,
        url,
        headers: vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("{target}.{operation}")),
        ],
        body,
        longest: super::LONGEST_ANSWER,
    };
    let answer = session.send(service, &request).await?;
    Object::read(&answer.body).ok_or_else(|| {
        let text =
            format!("operation error {}: {operation}: the answer is no JSON object", service.id);
        TargetError::new(Refusal::Malformed, text)
    })
}

/// What stands behind a key of a request.
#[derive(Clone, Copy)]
pub(super) enum Field<'a> {
    Text(&'a str),
    Flag(bool),
}

/// The JSON object of a request. Some of its texts are secret, so it is wiped.
pub(super) fn fields(fields: &[(&str, Field<'_>)]) -> Bytes {
    let length = |field: &Field<'_>| match field {
        Field::Text(text) => text.len(),
        Field::Flag(_) => 5,
    };
    let length: usize = fields.iter().map(|(name, field)| name.len() + length(field) + 8).sum();
    // Texts grow by what has to be escaped in them; this is enough for any but the strangest.
    let mut text = SecretBytes::new(Vec::with_capacity(2 * length + 64));
    let out = text.expose_mut();
    for (number, (name, field)) in fields.iter().enumerate() {
        out.push(if number == 0 { b'{' } else { b',' });
        string(out, name);
        out.push(b':');
        match field {
            Field::Text(text) => string(out, text),
            Field::Flag(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        }
    }
    out.push(b'}');
    super::body_of(text)
}

fn string(out: &mut Vec<u8>, text: &str) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    const S3: Service = Service { name: "s3", id: "S3" };
    const SECRETS: Service = Service { name: "secretsmanager", id: "Secrets Manager" };

    #[test]
    fn hosts_are_those_of_the_region() {
        let plain = SdkConfig::builder().build();
        for (service, region, expected) in [
            (S3, "eu-west-1", "s3.eu-west-1.amazonaws.com"),
            (SECRETS, "us-gov-west-1", "secretsmanager.us-gov-west-1.amazonaws.com"),
            (SECRETS, "cn-north-1", "secretsmanager.cn-north-1.amazonaws.com.cn"),
        ] {
            assert_eq!(host(service, region, &plain), expected);
        }
        let special = SdkConfig::builder().use_fips(true).use_dual_stack(true).build();
        let found = host(S3, "us-east-1", &special);
        assert_eq!(found, "s3-fips.dualstack.us-east-1.amazonaws.com");
        assert!(is_host_label("eu-west-1") && !is_host_label("evil.example/"));
    }

    #[test]
    fn requests_are_objects_of_json() {
        let body = fields(&[("Name", Field::Text("a\"b")), ("Overwrite", Field::Flag(true))]);
        assert_eq!(&body[..], br#"{"Name":"a\"b","Overwrite":true}"#);
    }
}
