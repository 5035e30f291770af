//! HashiCorp Vault or OpenBao transit: an address, an engine and a key (format §4.6).

use super::{KeyFault, KeyKind, ParseKeyError};

/// A transit key of Vault.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HcVaultKey {
    /// `SCHEME://HOST[:PORT]`
    pub vault_address: String,
    /// Where the transit engine is mounted; may have slashes inside.
    pub engine_path: String,
    /// Name of the key.
    pub key_name: String,
}

impl HcVaultKey {
    /// Reads `SCHEME://HOST[:PORT]/v1/ENGINE/keys/KEY`.
    ///
    /// # Errors
    /// If the text does not have that form.
    pub fn parse(text: &str) -> Result<Self, ParseKeyError> {
        let text = text.trim();
        let read = || {
            let (scheme, rest) = text.split_once("://")?;
            let (host, path) = rest.split_once('/')?;
            let mut steps: Vec<_> = path.trim_end_matches('/').split('/').collect();
            let version = steps.first()?.strip_prefix('v')?;
            // Normally `keys`. The reference drops it unread, and configurations rely on no less.
            let (key, _) = (steps.pop()?, steps.pop()?);
            let fits = matches!(scheme, "http" | "https")
                && !host.is_empty()
                && !version.is_empty()
                && version.bytes().all(|b| b.is_ascii_digit())
                && !key.is_empty()
                && steps.len() >= 2
                && steps.iter().all(|step| !step.is_empty());
            fits.then(|| Self {
                vault_address: format!("{scheme}://{host}"),
                engine_path: steps[1..].join("/"),
                key_name: key.to_owned(),
            })
        };
        let fault = KeyFault::Form("https://HOST/v1/ENGINE/keys/KEY");
        read().ok_or_else(|| ParseKeyError::new(KeyKind::HcVault, text, fault))
    }

    /// `address/v1/engine/keys/key`
    pub fn identity(&self) -> String {
        format!("{}/v1/{}/keys/{}", self.vault_address, self.engine_path, self.key_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let text = "https://vault.example.com:8200/v1/team/transit/keys/sops";
        let key = HcVaultKey::parse(text).unwrap();
        assert_eq!(key.vault_address, "https://vault.example.com:8200");
        assert_eq!((key.engine_path.as_str(), key.key_name.as_str()), ("team/transit", "sops"));
        assert_eq!(key.identity(), text);
        for text in [
            "",
            "vault.example.com/v1/transit/keys/k",
            "https://vault.example.com/prefix/v1/transit/keys/k",
            "https://vault.example.com/v1/keys/k",
            "https://vault.example.com/v1//keys/k",
            "https://vault.example.com/transit/keys/k",
        ] {
            assert!(HcVaultKey::parse(text).is_err(), "{text}");
        }
    }
}
