//! What a service of AWS said, and what kind of refusal that is.

use sops_core::crypto::SecretBytes;
use sops_core::format::json::Object;
use sops_core::keys::Refusal;

use crate::words::one_line;

/// What a service said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) request_id: String,
    pub(super) host_id: String,
}

impl Said {
    /// S3 speaks XML, the others JSON.
    pub(super) fn read(body: &SecretBytes) -> Self {
        if let Some(object) = Object::read(body) {
            let text = |key: &str| {
                let text = object.text_below(&[key])?;
                text.expose_str().map(one_line)
            };
            let code = text("__type").unwrap_or_else(|| "UnknownError".to_owned());
            return Self {
                code: code.rsplit('#').next().unwrap_or_default().to_owned(),
                message: without_values(
                    &text("message").or_else(|| text("Message")).unwrap_or_default(),
                ),
                ..Self::default()
            };
        }
        let text = body.expose_str().unwrap_or_default();
        let tag = |name: &str| {
            let rest = text.split_once(&format!("<{name}>"))?.1;
            Some(one_line(rest.split_once(&format!("</{name}>"))?.0))
        };
        let Some(code) = tag("Code") else {
            return Self {
                code: "UnknownError".to_owned(),
                message: "the answer is not one of the service's".to_owned(),
                ..Self::default()
            };
        };
        Self {
            code,
            message: tag("Message").unwrap_or_default(),
            request_id: tag("RequestId").unwrap_or_default(),
            host_id: tag("HostId").unwrap_or_default(),
        }
    }
}

/// Complaints about a field repeat what was in it: `Value '…' at 'value' failed`.
fn without_values(message: &str) -> String {
    const BEFORE: &str = "Value '";
    let (Some(start), Some(end)) = (message.find(BEFORE), message.rfind("' at '")) else {
        return message.to_owned();
    };
    let start = start + BEFORE.len();
    match message.get(start..end) {
        Some(_) => format!("{}…{}", &message[..start], &message[end..]),
        None => message.to_owned(),
    }
}

/// What kind of refusal that is.
pub(super) fn refusal(code: &str, status: u16) -> Refusal {
    let is = |codes: &[&str]| codes.contains(&code);
    match status {
        _ if is(&["AccessDenied", "AccessDeniedException", "AllAccessDisabled"]) => Refusal::Denied,
        _ if is(&[
            "NoSuchBucket",
            "NoSuchKey",
            "ParameterNotFound",
            "ResourceNotFoundException",
        ]) =>
        {
            Refusal::NoSuchKey
        }
        _ if is(&[
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "InvalidToken",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ]) =>
        {
            Refusal::BadCredentials
        }
        _ if is(&["AuthorizationHeaderMalformed", "PermanentRedirect"]) => Refusal::NoRegion,
        _ if is(&["SlowDown", "TooManyUpdates"]) || code.contains("Throttl") => Refusal::Throttled,
        429 => Refusal::Throttled,
        301 | 307 => Refusal::NoRegion,
        401 | 403 => Refusal::Denied,
        500.. => Refusal::Unavailable,
        _ => Refusal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_does_not_repeat_the_value() {
        let body = r#"{"__type":"com.amazon.coral#ValidationException","message":"1 validation error detected: Value 'hunter2' at 'value' failed to satisfy constraint"}"#;
        let said = Said::read(&body.into());
        assert_eq!(said.code, "ValidationException");
        assert!(!said.message.contains("hunter2") && said.message.contains("at 'value' failed"));
        assert_eq!(without_values("nothing quoted"), "nothing quoted");
    }

    #[test]
    fn errors_of_s3_are_xml() {
        let body = "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message><RequestId>r</RequestId><HostId>h</HostId></Error>";
        let said = Said::read(&body.into());
        assert_eq!((said.code.as_str(), said.host_id.as_str()), ("NoSuchBucket", "h"));
        assert_eq!(refusal(&said.code, 404), Refusal::NoSuchKey);
        assert_eq!(Said::read(&"<html>".into()).code, "UnknownError");
    }
}
