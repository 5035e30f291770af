//! What a service answered, as one of our refusals, with the words that the vendor's client prints.
//!
//! The codes are those of the public list. Which one the service picks was seen at a double only.

use serde::Deserialize;
use sops_core::keys::{MasterKey, ProviderError, Refusal};

use crate::http::Answer;
use crate::words::one_line;

/// What services say: a gateway flat, KMS in a field.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    error_code: String,
    error_msg: String,
    request_id: String,
    error: Option<Box<Said>>,
}

/// Describes an answer whose status says no.
pub(super) fn describe(key: &MasterKey, answer: &Answer) -> ProviderError {
    let said = serde_json::from_slice::<Said>(answer.body.expose()).unwrap_or_default();
    let said = said.error.map_or_else(|| Said { error: None, ..said }, |inner| *inner);
    let (code, text) = if said.error_code.is_empty() {
        (None, "the answer is not one of the service's".to_owned())
    } else {
        let text = serde_json::json!({
            "status_code": answer.status,
            "request_id": said.request_id,
            "error_code": said.error_code,
            "error_message": said.error_msg,
        });
        (Some(said.error_code), one_line(&text.to_string()))
    };
    let mut error = ProviderError::new(refusal(answer.status, code.as_deref()), key, text);
    error.http_status = Some(answer.status);
    error.code = code;
    error
}

/// The code decides; where there is none, the HTTP status.
fn refusal(status: u16, code: Option<&str>) -> Refusal {
    match (code.unwrap_or_default(), status) {
        ("KMS.0205", _) => Refusal::NoSuchKey,
        ("KMS.0209", _) => Refusal::Disabled,
        ("KMS.0210", _) => Refusal::PendingDeletion,
        ("KMS.0415", _) => Refusal::WrongCiphertext,
        ("KMS.0303", _) => Refusal::Denied,
        ("APIGW.0308", _) => Refusal::Throttled,
        ("APIGW.0301" | "APIGW.0307", _) => Refusal::BadCredentials,
        (_, 401) => Refusal::BadCredentials,
        (_, 403) => Refusal::Denied,
        (_, 429) => Refusal::Throttled,
        (_, 500..) => Refusal::Unavailable,
        ("", _) => Refusal::Unreachable,
        _ => Refusal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_and_statuses_fill_the_gaps() {
        for (status, code, expected) in [
            (400, Some("KMS.0205"), Refusal::NoSuchKey),
            (400, Some("KMS.0209"), Refusal::Disabled),
            (401, Some("APIGW.0301"), Refusal::BadCredentials),
            (403, Some("KMS.9999"), Refusal::Denied),
            (429, Some("APIGW.0308"), Refusal::Throttled),
            (503, None, Refusal::Unavailable),
            (302, None, Refusal::Unreachable),
            (400, Some("KMS.9999"), Refusal::Other),
        ] {
            assert_eq!(refusal(status, code), expected, "{status} {code:?}");
        }
    }
}
