//! Google Cloud: `GOOGLE_CREDENTIALS`, `GOOGLE_OAUTH_ACCESS_TOKEN`, and what the library finds by
//! itself, in this order (format §4.4). Nothing is read before a key of this kind is asked.

use std::{path::Path, sync::Arc};

use sops_core::{crypto::SecretBytes, keys::KeyProvider};
use sops_providers::{CallPolicy, GcpCredentials, GcpKms, GcpSettings};

use super::calls;
use crate::{env_vars, failure, files::input};

/// A provider that has done nothing yet.
pub(crate) fn provider() -> Arc<dyn KeyProvider> {
    Arc::new(GcpKms::reading(settings))
}

/// The way to Cloud Storage, with the same credentials.
#[cfg(feature = "publish")]
pub(crate) fn storage() -> sops_providers::publishing::Gcs {
    use sops_providers::{HttpSettings, publishing};
    publishing::Gcs::reading(|| {
        Ok(publishing::GcsSettings {
            policy: CallPolicy::within(calls::deadline()?),
            credentials: credentials()?,
            emulator: env_vars::STORAGE_EMULATOR_HOST.non_empty(),
            http: HttpSettings { proxy: calls::proxy(), ..HttpSettings::default() },
        })
    })
}

fn settings() -> Result<GcpSettings, String> {
    let kind = env_vars::SOPS_GCP_KMS_CLIENT_TYPE.text();
    if kind.is_some_and(|kind| kind.trim() != "rest") {
        failure::detail("Google Cloud KMS: asked by REST; the library has no gRPC for it");
    }
    Ok(GcpSettings {
        policy: CallPolicy::within(calls::deadline()?),
        credentials: credentials()?,
        endpoint: env_vars::SOPS_GCP_KMS_ENDPOINT.non_empty().map(|address| with_scheme(&address)),
        universe_domain: env_vars::SOPS_GCP_KMS_UNIVERSE_DOMAIN.non_empty(),
    })
}

/// As the clients of Google do, an address without a scheme is `https`.
fn with_scheme(address: &str) -> String {
    match address.contains("://") {
        true => address.to_owned(),
        false => format!("https://{address}"),
    }
}

fn credentials() -> Result<GcpCredentials, String> {
    let variable = env_vars::GOOGLE_CREDENTIALS;
    if let Some(given) = variable.non_empty() {
        let path = Path::new(&given);
        // A file if there is one of that name, else the text itself.
        if !path.is_file() {
            return Ok(GcpCredentials::Json {
                text: SecretBytes::from(given.as_str()),
                from: variable.name.to_owned(),
            });
        }
        let text = input::whole(path)
            .map_err(|failure| format!("{}: {}", variable.name, failure.message()))?;
        return Ok(GcpCredentials::Json { text, from: path.display().to_string() });
    }
    Ok(match env_vars::GOOGLE_OAUTH_ACCESS_TOKEN.non_empty() {
        Some(token) => GcpCredentials::Token(SecretBytes::from(token.as_str())),
        None => GcpCredentials::Chain,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_scheme_is_https() {
        assert_eq!(with_scheme("kms.example.com:443"), "https://kms.example.com:443");
        assert_eq!(with_scheme("http://127.0.0.1:9"), "http://127.0.0.1:9");
    }
}
