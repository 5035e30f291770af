//! Azure Key Vault: a vault, a key and its version (format §4.5).

use super::{KeyFault, KeyKind, ParseKeyError};

/// A key of Azure Key Vault.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AzureKvKey {
    /// `https://NAME.vault.azure.net`, without a slash behind it when it was given as one URL.
    pub vault_url: String,
    /// Name of the key.
    pub name: String,
    /// Version of the key; empty until it was looked up.
    pub version: String,
}

impl AzureKvKey {
    /// Reads `https://VAULT/keys/NAME[/VERSION]`.
    ///
    /// # Errors
    /// If the text does not have that form.
    pub fn parse(text: &str) -> Result<Self, ParseKeyError> {
        let text = text.trim();
        let read = || {
            let (host, rest) = text.strip_prefix("https://")?.split_once("/keys/")?;
            let (name, version) = rest.split_once('/').unwrap_or((rest, ""));
            let fits = !host.is_empty() && !host.contains('/') && !name.is_empty();
            (fits && !version.contains('/')).then(|| Self {
                vault_url: format!("https://{host}"),
                name: name.to_owned(),
                version: version.to_owned(),
            })
        };
        let fault = KeyFault::Form("https://VAULT/keys/NAME, and perhaps /VERSION behind it");
        read().ok_or_else(|| ParseKeyError::new(KeyKind::AzureKv, text, fault))
    }

    /// `vault_url/keys/name/version`
    pub fn identity(&self) -> String {
        format!("{}/keys/{}/{}", self.vault_url, self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_optional() {
        let key = AzureKvKey::parse("https://v.vault.azure.net/keys/k/1234").unwrap();
        assert_eq!(key.identity(), "https://v.vault.azure.net/keys/k/1234");
        let key = AzureKvKey::parse("https://v.vault.azure.net/keys/k").unwrap();
        assert_eq!((key.name.as_str(), key.version.as_str()), ("k", ""));
        for text in
            ["", "http://v/keys/k", "https://v/k", "https://v/a/keys/k", "https://v/keys/k/1/2"]
        {
            assert!(AzureKvKey::parse(text).is_err(), "{text}");
        }
    }
}
