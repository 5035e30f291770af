//! What a key service answered, or why it did not, as one of our refusals. The texts are those
//! that Go programs print, since people and scripts know them.

use std::error::Error;
use std::io;

use sops_core::keys::{MasterKey, ProviderError, Refusal};
use tonic::{Code, Status};

use super::address::Address;
use crate::words::{causes, one_line};

/// The service answered with an error, or the connection broke.
pub(super) fn answered(key: &MasterKey, service: &str, status: &Status) -> ProviderError {
    let (refusal, text) = match status.source() {
        // Nothing that the service said: the library itself made this up.
        Some(source) => {
            (broken(status.code()), format!("{}: {}", status.message(), causes(source)))
        }
        None => (refusal(status.code()), status.message().to_owned()),
    };
    told(key, service, refusal, &rpc(status.code(), &text))
}

/// There is no connection.
pub(super) fn not_connected(
    key: &MasterKey,
    service: &str,
    address: &Address,
    error: &(dyn Error + 'static),
) -> ProviderError {
    let Address { network, place, .. } = address;
    let (refusal, why) = match find_io(error) {
        Some(error) if error.raw_os_error().is_some() => {
            let dial = format!("Error while dialing: dial {network} {place}: connect");
            (Refusal::Unreachable, format!("{dial}: {}", words(error)))
        }
        Some(error) if address.tls && error.kind() == io::ErrorKind::InvalidData => {
            (Refusal::BadCredentials, format!("authentication handshake failed: {error}"))
        }
        _ => {
            let dial = format!("Error while dialing: dial {network} {place}");
            (Refusal::Unreachable, format!("{dial}: {}", causes(error)))
        }
    };
    let text = format!("connection error: desc = \"transport: {why}\"");
    told(key, service, refusal, &rpc(Code::Unavailable, &text))
}

/// A refusal by, or because of, a key service.
pub(super) fn told(key: &MasterKey, service: &str, refusal: Refusal, text: &str) -> ProviderError {
    let mut error = ProviderError::new(refusal, key, one_line(text));
    error.via = Some(service.into());
    error
}

fn rpc(code: Code, text: &str) -> String {
    format!("rpc error: code = {} desc = {text}", name(code))
}

/// The name of a code, as Go prints it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}

/// Everything that went wrong with a key is `Unknown` with a text (CLI §3.10).
fn refusal(code: Code) -> Refusal {
    match code {
        Code::PermissionDenied => Refusal::Denied,
        Code::Unauthenticated => Refusal::BadCredentials,
        // It knows no such key, or no such method.
        Code::NotFound | Code::Unimplemented => Refusal::Unsupported,
        Code::DeadlineExceeded => Refusal::TimedOut,
        Code::ResourceExhausted => Refusal::Throttled,
        Code::Unavailable => Refusal::Unavailable,
        _ => Refusal::Other,
    }
}

fn broken(code: Code) -> Refusal {
    match code {
        Code::Unknown | Code::Unavailable | Code::Cancelled | Code::Internal => {
            Refusal::Unreachable
        }
        other => refusal(other),
    }
}

fn find_io<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    let mut found = None;
    while let Some(error) = cause {
        found = error.downcast_ref().or(found);
        cause = error.source();
    }
    found
}

/// An error of the system, as Go words it.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use sops_core::keys::KeyKind;

    use super::*;

    fn key() -> MasterKey {
        MasterKey::parse(KeyKind::Pgp, "85D77543B3D624B63CEA9E6DBC17301B491B3F21").unwrap()
    }

    #[test]
    fn an_answer_is_told_as_go_tells_it() {
        let status = Status::permission_denied("Request rejected\n by \u{1b}[31muser");
        let error = answered(&key(), "tcp://h:1", &status);
        assert_eq!(error.refusal, Refusal::Denied);
        assert_eq!(
            error.to_string(),
            "PGP by tcp://h:1: access denied: rpc error: code = PermissionDenied desc = Request \
             rejected by [31muser"
        );
        assert!(error.next_step().contains("whoever runs the key service at tcp://h:1"));
    }

    #[test]
    fn a_refused_connection_is_told_as_go_tells_it() {
        let address = Address::parse("tcp://127.0.0.1:9").unwrap();
        let cause = io::Error::from_raw_os_error(111);
        let error = not_connected(&key(), "tcp://127.0.0.1:9", &address, &cause);
        // Transcript 10.
        assert_eq!(
            error.text,
            "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error \
             while dialing: dial tcp 127.0.0.1:9: connect: connection refused\""
        );
        assert!(error.is_temporary());
    }
}
