//! What Key Vault answered, as one of our refusals.

use std::error::Error as StdError;

use azure_core::error::{Error, ErrorKind};
use azure_core::http::RawResponse;
use azure_core::http::headers::HeaderName;
use sops_core::keys::{MasterKey, ProviderError, Refusal};

use super::credentials::Chain;
use crate::call::Failed;
use crate::words::{causes, one_line};

const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");

/// A call failed.
pub(super) fn failed(key: &MasterKey, credential: &Chain, error: &Error) -> Failed {
    let mut wait = None;
    let mut described = match error.kind() {
        ErrorKind::HttpResponse { status, error_code, raw_response } => {
            let status = u16::from(*status);
            let raw = raw_response.as_deref();
            let (code, inner, text) = raw.map(said).unwrap_or_default();
            let code = code.or_else(|| error_code.clone());
            let refusal = refusal(status, code.as_deref(), inner.as_deref(), &text);
            let mut described = ProviderError::new(refusal, key, text);
            described.http_status = Some(status);
            described.code = inner.or(code);
            wait = raw.and_then(|raw| {
                crate::call::retry_after(raw.headers().get_optional_str(&RETRY_AFTER)?)
            });
            described
        }
        kind => ProviderError::new(of_kind(kind, error), key, causes(error)),
    };
    described.caller = credential.name().map(str::to_owned);
    // Whoever shows that certificate is not the vault, and will not be in a moment.
    let stranger = described.text.contains("certificate");
    let failed = Failed::from(described).not_before(wait);
    if stranger { failed.for_good() } else { failed }
}

fn of_kind(kind: &ErrorKind, error: &Error) -> Refusal {
    match kind {
        ErrorKind::Connection | ErrorKind::Io => Refusal::Unreachable,
        ErrorKind::Credential => {
            // An answer of who gives out tokens stands further down the chain.
            let answered = find_status(error);
            match answered {
                Some(400 | 401 | 403) => Refusal::BadCredentials,
                Some(429) => Refusal::Throttled,
                Some(500..) => Refusal::Unavailable,
                Some(_) => Refusal::CredentialsFailed,
                None => Refusal::NoCredentials,
            }
        }
        ErrorKind::DataConversion => Refusal::Malformed,
        _ => Refusal::Other,
    }
}

fn find_status(error: &Error) -> Option<u16> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(ErrorKind::HttpResponse { status, .. }) =
            error.downcast_ref::<Error>().map(Error::kind)
        {
            return Some(u16::from(*status));
        }
        cause = error.source();
    }
    None
}

/// The code, the code within and the message of an answer.
fn said(raw: &RawResponse) -> (Option<String>, Option<String>, String) {
    #[derive(serde::Deserialize)]
    struct Answer {
        error: Problem,
    }
    #[derive(serde::Deserialize)]
    struct Problem {
        code: Option<String>,
        message: Option<String>,
        innererror: Option<Inner>,
    }
    #[derive(serde::Deserialize)]
    struct Inner {
        code: Option<String>,
    }
    match raw.body().json::<Answer>() {
        Ok(Answer { error }) => {
            let inner = error.innererror.and_then(|inner| inner.code);
            (error.code, inner, one_line(&error.message.unwrap_or_default()))
        }
        Err(_) => (None, None, "the answer is not one of the service's".to_owned()),
    }
}

/// The codes of the interface; where none helps, the HTTP status.
fn refusal(status: u16, code: Option<&str>, inner: Option<&str>, text: &str) -> Refusal {
    match (status, code.unwrap_or_default(), inner.unwrap_or_default()) {
        (_, _, "KeyDisabled") => Refusal::Disabled,
        (_, _, "KeyNotYetValidOrExpired") => Refusal::NotUsable,
        (400, "BadParameter", _) if text.contains("not supported") => Refusal::WrongUsage,
        (400, "BadParameter", _) => Refusal::WrongCiphertext,
        (401, ..) => Refusal::BadCredentials,
        (403, ..) => Refusal::Denied,
        (404, ..) => Refusal::NoSuchKey,
        (429, ..) => Refusal::Throttled,
        (408 | 500.., ..) => Refusal::Unavailable,
        _ => Refusal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_and_statuses_fill_the_gaps() {
        for (status, code, inner, text, expected) in [
            (403, Some("Forbidden"), Some("ForbiddenByRbac"), "", Refusal::Denied),
            (403, Some("Forbidden"), Some("KeyDisabled"), "", Refusal::Disabled),
            (403, Some("Forbidden"), Some("KeyNotYetValidOrExpired"), "", Refusal::NotUsable),
            (
                400,
                Some("BadParameter"),
                None,
                "The parameter is incorrect.",
                Refusal::WrongCiphertext,
            ),
            (404, Some("KeyNotFound"), None, "", Refusal::NoSuchKey),
            (429, Some("Throttled"), None, "", Refusal::Throttled),
            (503, None, None, "", Refusal::Unavailable),
            (418, None, None, "", Refusal::Other),
        ] {
            assert_eq!(refusal(status, code, inner, text), expected, "{status} {code:?} {inner:?}");
        }
    }
}
