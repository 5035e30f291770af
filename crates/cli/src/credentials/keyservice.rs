//! Key services elsewhere: their addresses are flags; what is added here is how long they may take
//! and the certificates for those that speak TLS.

use std::path::PathBuf;

use sops_core::crypto::SecretBytes;
use sops_providers::{
    CallPolicy, RemoteKeyService,
    keyservice::{RemoteSettings, RemoteTls},
};

use super::calls;
use crate::{
    env_vars::{self, Variable},
    files::input,
};

/// The addresses of key services, from flags or else the environment. What is no address at all is
/// left out, as SOPS does; it is told by `warn`.
pub(crate) fn addresses(flags: &[String], mut warn: impl FnMut(String)) -> Vec<String> {
    let given: Vec<String> = match flags {
        [] => {
            let text = env_vars::SOPS_KEYSERVICE.non_empty().unwrap_or_default();
            text.split(',').map(|part| part.trim().to_owned()).collect()
        }
        flags => flags.iter().map(|flag| flag.trim().to_owned()).collect(),
    };
    let (good, bad): (Vec<_>, Vec<_>) =
        given.into_iter().filter(|text| !text.is_empty()).partition(|text| has_scheme(text));
    for text in bad {
        warn(format!("Error parsing URI for keyservice, skipping: {text:?}"));
    }
    good
}

fn has_scheme(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    let mut letters = scheme.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !text.contains(char::is_control)
}

/// Clients of these key services, in their order. Nothing is read or connected before a key is
/// asked.
pub(crate) fn providers(addresses: Vec<String>) -> impl Iterator<Item = RemoteKeyService> {
    addresses.into_iter().map(|address| {
        let tls = address.starts_with("tls:");
        RemoteKeyService::reading(address, move || settings(tls))
    })
}

fn settings(tls: bool) -> Result<RemoteSettings, String> {
    let mut settings = RemoteSettings::default();
    // Unless it is set, the longer one of these services counts.
    if env_vars::SOPS_KEY_TIMEOUT.non_empty().is_some() {
        settings.policy = CallPolicy::within(calls::deadline()?);
    }
    if tls {
        settings.tls = certificates()?;
    }
    Ok(settings)
}

fn certificates() -> Result<RemoteTls, String> {
    use env_vars::{SOPS_KEYSERVICE_CA, SOPS_KEYSERVICE_CERT, SOPS_KEYSERVICE_KEY};
    let identity = match (read(SOPS_KEYSERVICE_CERT)?, read(SOPS_KEYSERVICE_KEY)?) {
        (Some(certificate), Some(key)) => Some((certificate.expose().to_vec(), key)),
        (None, None) => None,
        (given, _) => {
            let (has, lacks) = match given {
                Some(_) => (SOPS_KEYSERVICE_CERT, SOPS_KEYSERVICE_KEY),
                None => (SOPS_KEYSERVICE_KEY, SOPS_KEYSERVICE_CERT),
            };
            return Err(format!("{} is set and {} is not", has.name, lacks.name));
        }
    };
    let authorities = read(SOPS_KEYSERVICE_CA)?.map(|pem| pem.expose().to_vec());
    Ok(RemoteTls { authorities, identity })
}

/// The content of the file that a variable names.
fn read(variable: Variable) -> Result<Option<SecretBytes>, String> {
    let Some(path) = variable.os().filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    let read = input::whole(&path).map(Some);
    read.map_err(|failure| format!("{}: {}", variable.name, failure.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_left_out_and_told() {
        let given = ["tcp://127.0.0.1:1", "::bad", "", "unix:///a", "http://x", "1:2"];
        let mut told = Vec::new();
        let kept = addresses(&given.map(str::to_owned), |text| told.push(text));
        assert_eq!(kept, ["tcp://127.0.0.1:1", "unix:///a", "http://x"]);
        assert_eq!(told.len(), 2);
        // Transcript 10.
        assert_eq!(told[0], "Error parsing URI for keyservice, skipping: \"::bad\"");
    }
}
