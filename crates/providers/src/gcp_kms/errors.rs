//! What Google Cloud answered, as one of our refusals.

use google_cloud_gax::client_builder::Error as BuilderError;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Code;
use sops_core::keys::{MasterKey, ProviderError, Refusal};

use super::credentials::{CredentialsFault, GcpCredentials};
use crate::call::Failed;
use crate::words::{causes, one_line};

/// A call failed.
pub(super) fn failed(key: &MasterKey, credentials: &GcpCredentials, error: &Error) -> Failed {
    let mut described = match error.status() {
        Some(status) => {
            let refusal = refusal(status.code, &status.message, error.http_status_code());
            let mut described = ProviderError::new(refusal, key, one_line(&status.message));
            described.code = Some(status.code.name().to_owned());
            described
        }
        None if error.is_authentication() => {
            return no_token(key, credentials, error).into();
        }
        None => {
            let refusal = match error.http_status_code() {
                Some(status) => of_status(status),
                None if error.is_timeout() => Refusal::TimedOut,
                None if error.is_io() || error.is_connect() || error.is_transport() => {
                    Refusal::Unreachable
                }
                None => Refusal::Other,
            };
            ProviderError::new(refusal, key, causes(error))
        }
    };
    described.http_status = error.http_status_code();
    described.caller = Some(credentials.name());
    let wait = error.http_headers().and_then(|headers| headers.get("retry-after"));
    let wait = wait.and_then(|value| crate::call::retry_after(value.to_str().ok()?));
    Failed::from(described).not_before(wait)
}

/// There is nobody to call as.
pub(super) fn no_credentials(
    key: &MasterKey,
    credentials: &GcpCredentials,
    fault: &CredentialsFault,
) -> ProviderError {
    let refusal = match credentials {
        GcpCredentials::Chain => Refusal::CredentialsFailed,
        _ => Refusal::BadCredentials,
    };
    ProviderError::new(refusal, key, causes(fault))
}

/// The client could not be put together.
pub(super) fn not_built(
    key: &MasterKey,
    credentials: &GcpCredentials,
    error: &BuilderError,
) -> ProviderError {
    let refusal = match error.is_default_credentials() {
        true => Refusal::NoCredentials,
        false => Refusal::BadSetting,
    };
    let mut described = ProviderError::new(refusal, key, causes(error));
    described.caller = Some(credentials.name());
    described
}

/// What was sent, or the answer, is not what it was.
pub(super) fn damaged(key: &MasterKey, what: &str) -> ProviderError {
    let text = format!("{what} was damaged on its way: the checksum (CRC32C) does not match");
    ProviderError::new(Refusal::Unavailable, key, text)
}

/// Credentials gave no token.
fn no_token(key: &MasterKey, credentials: &GcpCredentials, error: &Error) -> ProviderError {
    let text = causes(error);
    match credentials {
        // The end of the chain is the metadata server. Where there is none, there are none.
        GcpCredentials::Chain if text.contains("metadata") || text.contains("169.254.169.254") => {
            let text = format!(
                "could not find default credentials. See https://cloud.google.com/docs/\
                 authentication/external/set-up-adc for more information ({text})"
            );
            ProviderError::new(Refusal::NoCredentials, key, text)
        }
        _ => {
            let mut described = ProviderError::new(Refusal::CredentialsFailed, key, text);
            described.caller = Some(credentials.name());
            described
        }
    }
}

/// The codes of the interface (google.rpc.Code); where one is for several things, its text.
fn refusal(code: Code, text: &str, status: Option<u16>) -> Refusal {
    match code {
        Code::PermissionDenied => Refusal::Denied,
        Code::Unauthenticated => Refusal::BadCredentials,
        Code::NotFound => Refusal::NoSuchKey,
        Code::FailedPrecondition if text.contains("DISABLED") => Refusal::Disabled,
        Code::FailedPrecondition if text.contains("DESTROY_SCHEDULED") => Refusal::PendingDeletion,
        Code::FailedPrecondition => Refusal::NotUsable,
        Code::InvalidArgument if text.starts_with("Decryption failed") => Refusal::WrongCiphertext,
        Code::InvalidArgument => Refusal::Malformed,
        Code::ResourceExhausted => Refusal::Throttled,
        Code::Unavailable | Code::Internal | Code::Aborted => Refusal::Unavailable,
        Code::DeadlineExceeded => Refusal::TimedOut,
        _ => status.map_or(Refusal::Other, of_status),
    }
}

fn of_status(status: u16) -> Refusal {
    match status {
        401 => Refusal::BadCredentials,
        403 => Refusal::Denied,
        404 => Refusal::NoSuchKey,
        429 => Refusal::Throttled,
        500.. => Refusal::Unavailable,
        _ => Refusal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_and_texts_tell_what_one_code_says_of_several_things() {
        let version = "projects/p/…/cryptoKeyVersions/1 is not enabled, current state is:";
        for (code, text, expected) in [
            (Code::PermissionDenied, "", Refusal::Denied),
            (Code::FailedPrecondition, "DISABLED", Refusal::Disabled),
            (Code::FailedPrecondition, "DESTROY_SCHEDULED", Refusal::PendingDeletion),
            (Code::FailedPrecondition, "PENDING_IMPORT", Refusal::NotUsable),
            (Code::InvalidArgument, "", Refusal::Malformed),
            (Code::Unavailable, "", Refusal::Unavailable),
            (Code::Unknown, "", Refusal::Throttled),
        ] {
            let text = format!("{version} {text}.");
            assert_eq!(refusal(code, &text, Some(429)), expected, "{code:?} {text}");
        }
        let text = "Decryption failed: verify that 'name' refers to the correct CryptoKey.";
        assert_eq!(refusal(Code::InvalidArgument, text, None), Refusal::WrongCiphertext);
    }
}
