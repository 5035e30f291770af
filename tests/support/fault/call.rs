//! What the proxy knows about one call.

use std::time::Duration;

use serde_json::Value;

use crate::http::Message;

/// One call, as it came in.
#[derive(Clone, Debug)]
pub struct Call {
    /// `Decrypt`, `AssumeRole`; for what is neither KMS nor STS the method and path.
    pub operation: String,
    /// The region the request was signed for; empty when it was not signed.
    pub region: String,
    /// The access key id it was signed with; empty when it was not signed.
    pub access_key: String,
    /// The `KeyId` of a KMS call.
    pub key: Option<String>,
    /// The body, as text.
    pub body: String,
    /// On which connection it came, counted from 1.
    pub connection: usize,
    /// When it came, counted from the start of the proxy.
    pub at: Duration,
    /// The status that was answered; `None` while, or when, none was.
    pub status: Option<u16>,
}

impl Call {
    /// Reads the operation, region and key out of a request.
    pub(super) fn of(request: &Message, connection: usize, at: Duration) -> Self {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let (access_key, region) = credential(request).unwrap_or_default();
        let json: Option<Value> = serde_json::from_str(&body).ok();
        let key = json.and_then(|body| Some(body.get("KeyId")?.as_str()?.to_owned()));
        Self {
            operation: operation(request, &body),
            region,
            access_key,
            key,
            body,
            connection,
            at,
            status: None,
        }
    }
}

/// Two protocols name the operation in two places: JSON in a header, Query in a form field.
fn operation(request: &Message, body: &str) -> String {
    if let Some((_, name)) = request.header("x-amz-target").and_then(|name| name.rsplit_once('.')) {
        return name.to_owned();
    }
    let field = body.split('&').find_map(|field| field.strip_prefix("Action="));
    field.map_or_else(|| request.start.trim_end_matches(" HTTP/1.1").to_owned(), str::to_owned)
}

/// Access key id and region: the first and third part of the scope a request is signed for,
/// `Credential=ID/DATE/REGION/SERVICE/aws4_request`.
fn credential(request: &Message) -> Option<(String, String)> {
    let (_, scope) = request.header("authorization")?.split_once("Credential=")?;
    let mut parts = scope.split([',', ' ']).next()?.split('/');
    Some((parts.next()?.to_owned(), parts.nth(1)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(headers: &[(&str, &str)], body: &str) -> Call {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let request = Message {
            start: "POST /path HTTP/1.1".into(),
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
        };
        Call::of(&request, 1, Duration::ZERO)
    }

    #[test]
    fn a_kms_call_tells_operation_region_and_key() {
        let scope = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/kms/aws4_request, \
                     SignedHeaders=host, Signature=0";
        let headers = [("X-Amz-Target", "TrentService.Decrypt"), ("authorization", scope)];
        let call = call(&headers, r#"{"KeyId":"arn:x","CiphertextBlob":"AA=="}"#);
        assert_eq!((call.operation.as_str(), call.region.as_str()), ("Decrypt", "eu-west-1"));
        assert_eq!((call.access_key.as_str(), call.key.as_deref()), ("AKIA", Some("arn:x")));
    }

    #[test]
    fn an_sts_call_and_any_other_have_an_operation_too() {
        assert_eq!(call(&[], "Action=AssumeRole&Version=2011-06-15").operation, "AssumeRole");
        assert_eq!(call(&[], "").operation, "POST /path");
    }
}
