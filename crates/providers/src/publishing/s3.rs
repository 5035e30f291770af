//! Objects of Amazon S3.
//!
//! The content is part of the signature, so what is stored is what was sent.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::{Method, Url};
use sops_core::crypto::SecretBytes;
use sops_core::keys::Refusal;

use super::aws::{AwsStores, Request, Service, Session};
use super::{Held, LONGEST_OBJECT, Target, TargetError, body_of};

const SERVICE: Service = Service { name: "s3", id: "S3" };

/// An object in a bucket.
pub struct S3Object {
    /// The way to AWS.
    pub stores: Arc<AwsStores>,
    /// The bucket.
    pub bucket: String,
    /// Its name in there.
    pub key: String,
}

impl S3Object {
    async fn session(&self) -> Result<Session<'_>, TargetError> {
        self.stores.session(SERVICE, None).await
    }

    async fn send(
        &self,
        session: &Session<'_>,
        operation: &'static str,
        method: Method,
        body: Bytes,
    ) -> Result<SecretBytes, TargetError> {
        let mut headers = Vec::new();
        if method == Method::PUT {
            headers.push(("content-type", "application/octet-stream".to_owned()));
        }
        let host = session.host(SERVICE);
        let url = url(session.endpoint(SERVICE)?, &host, &self.bucket, &self.key)?;
        let request = Request { operation, method, url, headers, body, longest: LONGEST_OBJECT };
        session.send(SERVICE, &request).await.map(|answer| answer.body).map_err(|error| {
            let rights = match operation {
                "GetObject" => "s3:GetObject",
                _ => "s3:PutObject",
            };
            error.needs(format_args!("{rights} on arn:aws:s3:::{}/{}", self.bucket, self.key))
        })
    }
}

/// The address of an object. As the library of Go has it, the bucket is part of the path where it
/// cannot be part of the host: at an IP address, and where its name has dots. At `localhost`, too,
/// where emulators listen.
fn url(endpoint: Option<Url>, host: &str, bucket: &str, key: &str) -> Result<Url, TargetError> {
    let malformed = |text: String| TargetError::new(Refusal::Malformed, text);
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    let named =
        bucket.len() >= 3 && bucket.chars().all(|c| fits(c) || c.is_ascii_uppercase() || c == '_');
    if !named || bucket.contains("..") {
        return Err(malformed(format!("{bucket:?} is no name of a bucket"))
            .advise("correct s3_bucket of the rule"));
    }
    let given = endpoint.is_some();
    let mut url = match endpoint {
        Some(url) => url,
        None => Url::parse(&format!("https://{host}/"))
            .map_err(|error| malformed(format!("no address of S3: {error}")))?,
    };
    let by_name = url.domain().filter(|name| *name != "localhost").map(str::to_owned);
    let hosted = bucket.chars().all(|c| fits(c) && c != '.') && !bucket.starts_with('-');
    let hosted = by_name.filter(|_| hosted);
    if let Some(host) = &hosted {
        url.set_host(Some(&format!("{bucket}.{host}")))
            .map_err(|error| malformed(format!("{bucket:?} cannot be part of a host: {error}")))?;
    }
    // A name is a name here, not a path: what looks like a step to another folder is none.
    let mut path = if given { url.path().trim_end_matches('/').to_owned() } else { String::new() };
    if hosted.is_none() {
        path.push('/');
        path.push_str(&escaped(bucket));
    }
    path.push('/');
    path.push_str(&escaped(key));
    if key.is_empty() || key.split('/').any(|step| matches!(step, "." | "..")) {
        return Err(malformed(format!("{key:?} is no name of an object"))
            .advise("correct s3_prefix of the rule"));
    }
    url.set_path(&path);
    Ok(url)
}

/// A name as part of an address, as signatures of AWS have it; slashes stay.
pub(super) fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[async_trait::async_trait]
impl Target for S3Object {
    async fn read(&self) -> Result<Held, TargetError> {
        let session = self.session().await?;
        match self.send(&session, "GetObject", Method::GET, Bytes::new()).await {
            Ok(content) => Ok(Held::Content { content, version: None }),
            Err(error) if error.refusal == Refusal::Denied => Ok(Held::Unknown(Some(error))),
            Err(error) if error.text.contains("api error NoSuchKey") => {
                Ok(Held::Nothing { version: None })
            }
            Err(error) => Err(error),
        }
    }

    async fn write(&self, content: &SecretBytes, _: &Held) -> Result<Option<String>, TargetError> {
        let session = self.session().await?;
        let body = body_of(content.clone());
        self.send(&session, "PutObject", Method::PUT, body).await.map(|_| None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(endpoint: Option<&str>, bucket: &str, key: &str) -> Result<String, TargetError> {
        let endpoint = endpoint.map(|address| Url::parse(address).unwrap());
        url(endpoint, "s3.eu-west-1.amazonaws.com", bucket, key).map(String::from)
    }

    #[test]
    fn buckets_are_hosts_where_they_can_be() {
        for (endpoint, bucket, key, expected) in [
            (None, "pub", "pre/s.yaml", "https://pub.s3.eu-west-1.amazonaws.com/pre/s.yaml"),
            (None, "a.b", "s.yaml", "https://s3.eu-west-1.amazonaws.com/a.b/s.yaml"),
            (Some("http://127.0.0.1:9"), "pub", "s", "http://127.0.0.1:9/pub/s"),
            (Some("http://[::1]:9/"), "pub", "s", "http://[::1]:9/pub/s"),
            (Some("http://localhost:9"), "pub", "s", "http://localhost:9/pub/s"),
            (Some("https://minio.example/x/"), "pub", "s", "https://pub.minio.example/x/s"),
            (
                None,
                "pub",
                "a b+c?d#é",
                "https://pub.s3.eu-west-1.amazonaws.com/a%20b%2Bc%3Fd%23%C3%A9",
            ),
        ] {
            assert_eq!(made(endpoint, bucket, key).unwrap(), expected);
        }
    }

    #[test]
    fn names_lead_to_no_other_place() {
        for (bucket, key) in
            [("evil.example/x", "s"), ("a@b", "s"), ("", "s"), ("pub", "../x"), ("pub", "")]
        {
            assert!(made(None, bucket, key).is_err(), "{bucket} {key}");
        }
    }
}
