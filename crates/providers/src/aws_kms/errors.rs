//! What AWS answered, as one of our refusals.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use sops_core::keys::{MasterKey, ProviderError, Refusal};

use super::credentials::Caller;

/// Describes why a call to KMS failed.
pub(super) fn describe<E>(
    key: &MasterKey,
    caller: &Caller,
    error: &SdkError<E, HttpResponse>,
) -> ProviderError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(source) = find::<CredentialsError>(error) {
        return no_credentials(key, caller, source);
    }
    let (refusal, code, text) = kind(error);
    let mut described = ProviderError::new(refusal, key, text);
    described.http_status = status(error);
    described.code = code;
    // AWS names who was refused; that is better than what we know.
    described.caller = arn_in(&described.text).or_else(|| caller.name());
    described
}

/// The credential chain gave nothing, or the role could not be assumed.
fn no_credentials(key: &MasterKey, caller: &Caller, error: &CredentialsError) -> ProviderError {
    let assume = find::<SdkError<AssumeRoleError, HttpResponse>>(error);
    let mut described = match (assume, error) {
        (Some(assume), _) => {
            let (_, code, text) = kind(assume);
            let text = match &caller.role {
                Some(role) => format!("{role}: {text}"),
                None => text,
            };
            let mut described = ProviderError::new(Refusal::RoleRefused, key, text);
            described.http_status = status(assume);
            described.code = code;
            described
        }
        (None, CredentialsError::ProviderTimedOut(_)) => {
            ProviderError::new(Refusal::TimedOut, key, chain(error))
        }
        (None, CredentialsError::CredentialsNotLoaded(_)) if caller.profile.is_some() => {
            let profile = caller.profile.as_deref().unwrap_or_default();
            let text = format!("profile {profile}: {}", chain(error));
            ProviderError::new(Refusal::NoCredentials, key, text)
        }
        (None, CredentialsError::CredentialsNotLoaded(_)) => {
            // The causes are those of the last source of the chain, which is seldom the one meant.
            let text = "looked in environment, profile, single sign-on, web identity, container \
                        and instance metadata";
            ProviderError::new(Refusal::NoCredentials, key, text)
        }
        (None, CredentialsError::InvalidConfiguration(_)) => {
            ProviderError::new(Refusal::NoCredentials, key, chain(error))
        }
        (None, _) => ProviderError::new(Refusal::BadCredentials, key, chain(error)),
    };
    described.caller = arn_in(&described.text).or_else(|| caller.base_name());
    described
}

/// The kind of refusal, the service's name for it, and what the service said.
fn kind<E>(error: &SdkError<E, HttpResponse>) -> (Refusal, Option<String>, String)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let meta = context.err().meta();
            let code = meta.code().map(|code| code.rsplit('#').next().unwrap_or(code).to_owned());
            let text = one_line(meta.message().unwrap_or_default());
            let refusal = refusal(code.as_deref(), &text, status(error));
            (refusal, code, text)
        }
        SdkError::ResponseError(_) => {
            let refusal = refusal(None, "", status(error));
            (refusal, None, "the answer is not one of the service's".to_owned())
        }
        SdkError::TimeoutError(_) => (Refusal::TimedOut, None, chain(error)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            (Refusal::Unreachable, None, chain(error))
        }
        SdkError::DispatchFailure(failure) if failure.is_io() => {
            (Refusal::Unreachable, None, chain(error))
        }
        _ => (Refusal::Other, None, chain(error)),
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// The codes of the KMS and STS interfaces; where none helps, the HTTP status.
fn refusal(code: Option<&str>, text: &str, status: Option<u16>) -> Refusal {
    match (code.unwrap_or_default(), status) {
        ("AccessDeniedException" | "AccessDenied" | "InvalidGrantTokenException", _) => {
            Refusal::Denied
        }
        ("DisabledException", _) => Refusal::Disabled,
        ("KMSInvalidStateException", _) if text.contains("pending deletion") => {
            Refusal::PendingDeletion
        }
        ("KMSInvalidStateException", _) => Refusal::NotUsable,
        ("NotFoundException", _) => Refusal::NoSuchKey,
        ("InvalidKeyUsageException", _) => Refusal::WrongUsage,
        ("IncorrectKeyException", _) => Refusal::WrongKey,
        ("InvalidCiphertextException", _) => Refusal::WrongCiphertext,
        ("InvalidArnException" | "ValidationException", _) => Refusal::Malformed,
        (
            "ThrottlingException"
            | "Throttling"
            | "LimitExceededException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "RequestThrottled",
            _,
        ) => Refusal::Throttled,
        (
            "ExpiredTokenException"
            | "ExpiredToken"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "RequestExpired"
            | "InvalidAccessKeyId"
            | "AuthFailure",
            _,
        ) => Refusal::BadCredentials,
        (
            "KMSInternalException"
            | "DependencyTimeoutException"
            | "KeyUnavailableException"
            | "InternalFailure"
            | "ServiceUnavailable"
            | "ServiceUnavailableException",
            _,
        ) => Refusal::Unavailable,
        (_, Some(401 | 403)) => Refusal::Denied,
        (_, Some(429)) => Refusal::Throttled,
        (_, Some(500..)) => Refusal::Unavailable,
        _ => Refusal::Other,
    }
}

/// The caller in `User: arn:aws:… is not authorized …`.
fn arn_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("User: ")?;
    rest.split_ascii_whitespace().next().filter(|word| word.starts_with("arn:")).map(str::to_owned)
}

/// The first error of this type in the chain of causes.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// The chain of causes, without those that only repeat the next.
fn chain(error: &dyn Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = one_line(&error.to_string());
        if parts.last().is_none_or(|last| !last.contains(&text)) && !text.is_empty() {
            parts.push(text);
        }
        cause = error.source();
    }
    if parts.is_empty() { one_line(&error.to_string()) } else { parts.join(": ") }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_and_statuses_fill_the_gaps() {
        for (code, text, status, expected) in [
            (Some("AccessDeniedException"), "", 400, Refusal::Denied),
            (
                Some("KMSInvalidStateException"),
                "arn is pending deletion.",
                400,
                Refusal::PendingDeletion,
            ),
            (Some("KMSInvalidStateException"), "arn is pending import.", 400, Refusal::NotUsable),
            (Some("ExpiredTokenException"), "", 400, Refusal::BadCredentials),
            (None, "", 503, Refusal::Unavailable),
            (None, "", 403, Refusal::Denied),
            (Some("NewException"), "", 400, Refusal::Other),
        ] {
            assert_eq!(refusal(code, text, Some(status)), expected, "{code:?} {status}");
        }
    }

    #[test]
    fn the_refused_caller_is_found_in_the_text() {
        let text =
            "User: arn:aws:iam::111122223333:user/x is not authorized to perform: kms:Decrypt";
        assert_eq!(arn_in(text).as_deref(), Some("arn:aws:iam::111122223333:user/x"));
        assert_eq!(arn_in("User: nobody"), None);
    }
}
