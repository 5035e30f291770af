//! What AWS answered, as one of our refusals.

use std::error::Error;
use std::time::Duration;

use aws_config::imds::client::error::ImdsError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use sops_core::keys::{MasterKey, ProviderError, Refusal};

use super::credentials::{Caller, SearchError, UnknownProfile};
use crate::words::{causes_behind, one_line};

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
    let mut described = answer(key, error, None);
    // AWS names who was refused; that is better than what we know.
    described.caller = arn_in(&described.text).or_else(|| caller.name());
    described
}

/// Describes that a call was given up: KMS did not answer, or who was asked for credentials first.
pub(super) fn timed_out(
    key: &MasterKey,
    caller: &Caller,
    region: &str,
    deadline: Duration,
) -> ProviderError {
    let seconds = deadline.as_secs_f32();
    let text = match caller.asking() {
        Some(place) => format!("nothing within {seconds} s from {place}, asked for credentials"),
        None => format!("nothing within {seconds} s from region {region}"),
    };
    let mut described = ProviderError::new(Refusal::TimedOut, key, text);
    described.caller = caller.name();
    described
}

/// No place gave credentials, or the role could not be assumed.
pub(super) fn no_credentials(
    key: &MasterKey,
    caller: &Caller,
    error: &CredentialsError,
) -> ProviderError {
    let place = match find::<SearchError>(error) {
        Some(SearchError::Nowhere(_)) => None,
        Some(SearchError::Failed { place, .. }) => Some(place.as_str()),
        None => caller.role(),
    };
    let by_role = find::<SdkError<AssumeRoleError, HttpResponse>>(error);
    let by_token = find::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>(error);
    let mut described = if let Some(unknown) = find::<UnknownProfile>(error) {
        ProviderError::new(Refusal::NoCredentials, key, unknown.to_string())
    } else if let Some(error) = by_role {
        role_refused(key, error, place)
    } else if let Some(error) = by_token {
        role_refused(key, error, place)
    } else if let Some(nowhere @ SearchError::Nowhere(_)) = find(error) {
        ProviderError::new(Refusal::NoCredentials, key, nowhere.to_string())
    } else {
        let text = causes(error);
        let refusal = match error {
            CredentialsError::ProviderTimedOut(_) => Refusal::TimedOut,
            // It has not begun, or has ended; the SDK has no type of error for that.
            _ if text.contains("SSO token") => Refusal::BadCredentials,
            _ => Refusal::CredentialsFailed,
        };
        let mut described = ProviderError::new(refusal, key, text);
        described.http_status = find::<ImdsError>(error).and_then(|error| match error {
            ImdsError::ErrorResponse(answer) => Some(answer.response().status().as_u16()),
            _ => None,
        });
        described
    };
    described.caller = arn_in(&described.text).or_else(|| caller.base.found());
    described
}

/// STS gave no credentials for a role. What would be the same for any role keeps its kind.
fn role_refused<E>(
    key: &MasterKey,
    error: &SdkError<E, HttpResponse>,
    place: Option<&str>,
) -> ProviderError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut described = answer(key, error, place);
    let same = [Refusal::BadCredentials, Refusal::TimedOut];
    if !described.is_temporary() && !same.contains(&described.refusal) {
        described.refusal = Refusal::RoleRefused;
    }
    described
}

/// What a service answered, with who it was asked for in front.
fn answer<E>(
    key: &MasterKey,
    error: &SdkError<E, HttpResponse>,
    place: Option<&str>,
) -> ProviderError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (refusal, code, text) = kind(error);
    let text = match place {
        Some(place) => format!("STS, for {place}: {text}"),
        None => text,
    };
    let mut described = ProviderError::new(refusal, key, text);
    described.http_status = status(error);
    described.code = code;
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
            let refusal = match refusal(None, "", status(error)) {
                // Half an answer, or that of a proxy on the way: the service said nothing.
                Refusal::Other => Refusal::Unreachable,
                refusal => refusal,
            };
            (refusal, None, "the answer is not one of the service's".to_owned())
        }
        SdkError::TimeoutError(_) => (Refusal::TimedOut, None, causes(error)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            (Refusal::Unreachable, None, causes(error))
        }
        SdkError::DispatchFailure(failure) if failure.is_io() => {
            (Refusal::Unreachable, None, causes(error))
        }
        _ => (Refusal::Other, None, causes(error)),
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

/// The chain of causes, without the SDK's words for "credentials": that they are about those is said
/// before.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    causes_behind(error, |error| error.is::<CredentialsError>() && error.source().is_some())
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
