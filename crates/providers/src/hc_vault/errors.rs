//! What a server answered, as one of our refusals, with the words that the client of Vault prints.

use reqwest::Url;
use serde::Deserialize;
use sops_core::crypto::SecretBytes;
use sops_core::keys::{MasterKey, ProviderError, Refusal};

use crate::http::Answer;
use crate::words::one_line;

/// What was asked.
pub(super) struct Asked<'a> {
    pub(super) method: &'static str,
    pub(super) address: &'a Url,
    pub(super) namespace: Option<&'a str>,
    pub(super) with_token: bool,
}

#[derive(Deserialize)]
struct Refused {
    errors: Vec<String>,
}

/// Host and port of an address, for messages.
pub(crate) fn place(address: &Url) -> String {
    let host = address.host_str().unwrap_or_default();
    address.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether an answer is one of Vault's without a reason in it, which is what it says about a key
/// that is not there.
pub(crate) fn says_nothing_more(body: &SecretBytes) -> bool {
    errors(body).is_some_and(|errors| errors.iter().all(|error| error.trim().is_empty()))
}

/// What an answer of Vault says went wrong; `None` if it is none of Vault's.
pub(crate) fn errors(body: &SecretBytes) -> Option<Vec<String>> {
    serde_json::from_slice::<Refused>(body.expose()).ok().map(|refused| refused.errors)
}

/// Describes an answer whose status says no.
pub(super) fn describe(key: &MasterKey, asked: &Asked<'_>, answer: &Answer) -> ProviderError {
    let errors = errors(&answer.body);
    let said = match &errors {
        Some(errors) => {
            errors.iter().map(|error| one_line(&format!("* {error}"))).collect::<Vec<_>>().join(" ")
        }
        None => "the answer is not one of the service's".to_owned(),
    };
    let mut shown = asked.address.clone();
    // They are part of the address in a file, and no part of a message.
    let _ = (shown.set_username(""), shown.set_password(None));
    let namespace = asked.namespace.map(|name| format!("Namespace: {name} ")).unwrap_or_default();
    let text = format!(
        "Error making API request. {namespace}URL: {} {shown} Code: {}. Errors: {said}",
        asked.method, answer.status
    );
    let refusal = refusal(answer.status, errors.as_deref(), asked.with_token);
    let mut error = ProviderError::new(refusal, key, one_line(&text));
    error.http_status = Some(answer.status);
    error
}

/// Statuses say little: most of what can be wrong with a key is 400. The texts are those of Vault
/// and OpenBao, which have not changed for years.
pub(crate) fn refusal(status: u16, errors: Option<&[String]>, with_token: bool) -> Refusal {
    let said = |words: &str| errors.unwrap_or_default().iter().any(|error| error.contains(words));
    match status {
        _ if said("missing client token") => Refusal::NoCredentials,
        401 | 403 if !with_token => Refusal::NoCredentials,
        _ if said("invalid token") || said("bad token") => Refusal::BadCredentials,
        401 | 403 => Refusal::Denied,
        // A server behind this address that knows nothing of the path is one more place where the
        // key is not.
        404 => Refusal::NoSuchKey,
        400 if said("encryption key not found") => Refusal::NoSuchKey,
        400 if said("disallowed by policy") => Refusal::NotUsable,
        400 if said("key derivation") || said("not supported for key type") => Refusal::WrongUsage,
        400 if said("message authentication failed")
            || said("invalid ciphertext")
            || said("decryption error") =>
        {
            Refusal::WrongCiphertext
        }
        429 => Refusal::Throttled,
        // 412: a standby that has not heard of the token yet.
        412 | 500.. => Refusal::Unavailable,
        _ if errors.is_none() => Refusal::Unreachable,
        _ => Refusal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_decide_where_statuses_do_not() {
        for (status, text, expected) in [
            (403, "1 error occurred:\n\t* permission denied\n\n", Refusal::Denied),
            (
                403,
                "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
                Refusal::BadCredentials,
            ),
            (400, "encryption key not found", Refusal::NoSuchKey),
            (
                404,
                "no handler for route \"x/decrypt/k\". route entry not found.",
                Refusal::NoSuchKey,
            ),
            (
                400,
                "ciphertext or signature version is disallowed by policy (too old)",
                Refusal::NotUsable,
            ),
            (400, "cipher: message authentication failed", Refusal::WrongCiphertext),
            (400, "invalid ciphertext: no prefix", Refusal::WrongCiphertext),
            (400, "missing 'context' for key derivation; the key was created", Refusal::WrongUsage),
            (400, "message encryption not supported for key type ed25519", Refusal::WrongUsage),
            (503, "Vault is sealed", Refusal::Unavailable),
            (429, "", Refusal::Throttled),
            (400, "something new", Refusal::Other),
        ] {
            let errors = [text.to_owned()];
            assert_eq!(refusal(status, Some(&errors), true), expected, "{status} {text}");
        }
        assert_eq!(
            refusal(403, Some(&["permission denied".into()]), false),
            Refusal::NoCredentials
        );
        assert_eq!(refusal(502, None, true), Refusal::Unavailable);
        assert_eq!(refusal(302, None, true), Refusal::Unreachable);
    }
}
