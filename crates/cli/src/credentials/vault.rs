//! Vault and OpenBao: what their own client takes from the environment, as far as it is about
//! reaching a server (format §4.6). The address is that of the key; `VAULT_ADDR` is not looked at.
//!
//! Nothing is read before a key of this kind is asked. A setting that cannot be used is an error
//! for these keys, and for no others.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sops_core::{crypto::SecretBytes, keys::KeyProvider};
use sops_providers::{
    CallPolicy, HcVault, HttpSettings, Proxy, VaultAllowlist, VaultSettings, VaultToken,
};

use super::calls;
use crate::{
    env_vars::{self, Variable, parse_bool},
    failure::os_words,
};

/// The file in which `vault login` puts the token.
const TOKEN_FILE: &str = ".vault-token";

/// A provider that has done nothing yet.
pub(crate) fn provider() -> Arc<dyn KeyProvider> {
    Arc::new(HcVault::reading(settings))
}

/// The way to key-value stores. The list of allowed servers is about addresses out of encrypted
/// files; those of destinations stand in the configuration.
#[cfg(feature = "publish")]
pub(crate) fn stores() -> sops_providers::publishing::VaultKv {
    sops_providers::publishing::VaultKv::reading(|| {
        Ok(VaultSettings { allowed: VaultAllowlist::All, ..settings()? })
    })
}

fn settings() -> Result<VaultSettings, String> {
    if env_vars::VAULT_TLS_SERVER_NAME.non_empty().is_some() {
        return Err(
            "VAULT_TLS_SERVER_NAME is set: certificates for another name than that of the \
                    address are not served by this version"
                .to_owned(),
        );
    }
    let allowed = env_vars::SOPS_HC_VAULT_ALLOWLIST;
    let allowed = VaultAllowlist::parse(&allowed.text().unwrap_or_default())
        .map_err(|entry| format!("{}'s entry {entry} is empty", allowed.name))?;
    Ok(VaultSettings {
        policy: policy()?,
        token: token()?,
        namespace: env_vars::VAULT_NAMESPACE.non_empty(),
        headers: headers()?,
        agent: env_vars::VAULT_AGENT_ADDR.non_empty(),
        allowed,
        http: http()?,
    })
}

/// The policy of all services, unless it is set for Vault alone.
fn policy() -> Result<CallPolicy, String> {
    let mut policy = CallPolicy::within(calls::deadline()?);
    let timeout = env_vars::VAULT_CLIENT_TIMEOUT;
    if env_vars::SOPS_KEY_TIMEOUT.non_empty().is_none()
        && let Some(text) = timeout.non_empty()
    {
        let takes = || format!("{} is {text:?}; it takes seconds, or such as 1m30s", timeout.name);
        policy.deadline = duration(&text).filter(|time| !time.is_zero()).ok_or_else(takes)?;
    }
    let retries = env_vars::VAULT_MAX_RETRIES;
    if let Some(text) = retries.non_empty() {
        let number: u32 = text
            .parse()
            .map_err(|_| format!("{} is {text:?}; it takes a whole number", retries.name))?;
        policy.attempts = number.saturating_add(1);
    }
    Ok(policy)
}

/// Seconds, or numbers with units as Go writes them: `90`, `1m30s`, `500ms`.
fn duration(text: &str) -> Option<Duration> {
    let seconds = |number: &str, unit: f64| {
        let number: f64 = number.parse().ok().filter(|number| *number >= 0.0)?;
        Duration::try_from_secs_f64(number * unit).ok()
    };
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    if text.chars().all(digits) {
        return seconds(text, 1.0);
    }
    let (mut rest, mut all) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !digits(c))?);
        let (unit, after) = after.split_at(after.find(digits).unwrap_or(after.len()));
        let unit = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        all = all.checked_add(seconds(number, unit)?)?;
        rest = after;
    }
    Some(all)
}

fn token() -> Result<Option<VaultToken>, String> {
    let variable = env_vars::VAULT_TOKEN;
    if let Some(text) = variable.non_empty() {
        let source = variable.name.to_owned();
        return Ok(Some(VaultToken { secret: SecretBytes::from(text), source }));
    }
    let Some(home) = super::home() else { return Ok(None) };
    let source = format!("~/{TOKEN_FILE}");
    match fs::read(home.join(TOKEN_FILE)).map(SecretBytes::new) {
        Ok(text) => {
            let secret = SecretBytes::from(text.expose().trim_ascii());
            Ok((!secret.is_empty()).then_some(VaultToken { secret, source }))
        }
        Err(error) if super::is_absent(&error) => Ok(None),
        Err(error) => Err(format!("open {source}: {}", os_words(&error))),
    }
}

/// `{"NAME": "VALUE"}`
fn headers() -> Result<Vec<(String, SecretBytes)>, String> {
    let variable = env_vars::VAULT_HEADERS;
    let Some(text) = variable.non_empty() else { return Ok(Vec::new()) };
    let takes = || format!("{} is no JSON object of texts", variable.name);
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).map_err(|_| takes())?;
    let mut headers = Vec::new();
    for (name, value) in fields {
        let serde_json::Value::String(value) = value else { return Err(takes()) };
        if name.to_ascii_lowercase().starts_with("x-vault-") {
            return Err(format!("{} cannot set {name}", variable.name));
        }
        headers.push((name, SecretBytes::from(value)));
    }
    Ok(headers)
}

fn http() -> Result<HttpSettings, String> {
    let own =
        env_vars::VAULT_PROXY_ADDR.non_empty().or_else(|| env_vars::VAULT_HTTP_PROXY.non_empty());
    let own = own.map(|address| Proxy { address, except: None });
    Ok(HttpSettings {
        proxy: own.clone().or_else(calls::proxy_beyond_this_machine),
        plain_proxy: own,
        authorities: authorities()?,
        identity: identity()?,
        any_certificate: boolean(env_vars::VAULT_SKIP_VERIFY)?,
        redirects: !boolean(env_vars::VAULT_DISABLE_REDIRECTS)?,
    })
}

fn boolean(variable: Variable) -> Result<bool, String> {
    let Some(text) = variable.non_empty() else { return Ok(false) };
    let takes = || format!("could not parse {}: it takes true or false", variable.name);
    parse_bool(&text).ok_or_else(takes)
}

/// Certificates to trust: of the first of three variables that is set.
fn authorities() -> Result<Option<Vec<u8>>, String> {
    if let Some(path) = path(env_vars::VAULT_CACERT) {
        return read(env_vars::VAULT_CACERT, &path).map(Some);
    }
    if let Some(text) = env_vars::VAULT_CACERT_BYTES.non_empty() {
        return Ok(Some(text.into_bytes()));
    }
    let Some(folder) = path(env_vars::VAULT_CAPATH) else { return Ok(None) };
    let mut all = Vec::new();
    read_folder(&folder, &mut all)?;
    Ok(Some(all))
}

/// All files of a folder, one after the other.
fn read_folder(folder: &Path, all: &mut Vec<u8>) -> Result<(), String> {
    let variable = env_vars::VAULT_CAPATH;
    let failed =
        |error| format!("{}: open {}: {}", variable.name, folder.display(), os_words(&error));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort_unstable();
    for path in paths {
        if path.is_file() {
            all.extend(read(variable, &path)?);
            all.push(b'\n');
        } else if path.is_dir() && !path.is_symlink() {
            read_folder(&path, all)?;
        }
    }
    Ok(())
}

/// Certificate and key, which have to come together.
fn identity() -> Result<Option<SecretBytes>, String> {
    let (certificate, key) = (env_vars::VAULT_CLIENT_CERT, env_vars::VAULT_CLIENT_KEY);
    match (path(certificate), path(key)) {
        (None, None) => Ok(None),
        (Some(of_certificate), Some(of_key)) => {
            let public = read(certificate, &of_certificate)?;
            let private = SecretBytes::new(read(key, &of_key)?);
            let mut both = SecretBytes::new(Vec::with_capacity(public.len() + private.len() + 1));
            both.expose_mut().extend_from_slice(private.expose());
            both.expose_mut().push(b'\n');
            both.expose_mut().extend_from_slice(&public);
            Ok(Some(both))
        }
        _ => Err(format!("both {} and {} must be set", certificate.name, key.name)),
    }
}

fn path(variable: Variable) -> Option<PathBuf> {
    variable.os().filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn read(variable: Variable, path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| {
        format!("{}: open {}: {}", variable.name, path.display(), os_words(&error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, millis) in
            [("60", 60_000), ("1.5", 1500), ("1m30s", 90_000), ("500ms", 500), ("2h", 7_200_000)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["1x", "s", "-1", "1s2", "m1"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
