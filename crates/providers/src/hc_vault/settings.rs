//! What a caller decides about servers of Vault.

use sops_core::crypto::SecretBytes;

use crate::call::CallPolicy;
use crate::http::HttpSettings;

/// What the caller decides.
#[derive(Clone, Debug)]
pub struct VaultSettings {
    /// How often and how long a call is tried.
    pub policy: CallPolicy,
    /// The token. Without one requests go out as they are: an agent on the way may add its own.
    pub token: Option<VaultToken>,
    /// The namespace of all requests.
    pub namespace: Option<String>,
    /// Further headers of all requests.
    pub headers: Vec<(String, SecretBytes)>,
    /// The address of an agent that is asked instead of the server of a key.
    pub agent: Option<String>,
    /// Which servers may be asked at all.
    pub allowed: VaultAllowlist,
    /// How servers are reached.
    pub http: HttpSettings,
}

impl Default for VaultSettings {
    /// Without a token, for all servers.
    fn default() -> Self {
        Self {
            policy: CallPolicy::default(),
            token: None,
            namespace: None,
            headers: Vec::new(),
            agent: None,
            allowed: VaultAllowlist::All,
            http: HttpSettings { redirects: true, ..HttpSettings::default() },
        }
    }
}

/// A token, and where it was found.
#[derive(Clone, Debug)]
pub struct VaultToken {
    /// The token.
    pub secret: SecretBytes,
    /// Where it comes from, in words for messages: `VAULT_TOKEN`.
    pub source: String,
}

/// Which servers may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultAllowlist {
    /// All of them.
    All,
    /// Those whose address begins with one of these. None, if there are none.
    Prefixes(Vec<String>),
}

impl VaultAllowlist {
    /// Reads `all`, `none`, or beginnings of addresses separated by commas. One without a slash at
    /// its end gets it, so that `https://vault.example.com` does not allow
    /// `https://vault.example.com.evil.example`.
    ///
    /// # Errors
    /// If an entry is empty; its number, counted from 1.
    pub fn parse(text: &str) -> Result<Self, usize> {
        match text {
            "" | "all" => return Ok(Self::All),
            "none" => return Ok(Self::Prefixes(Vec::new())),
            _ => {}
        }
        let entries = text.split(',').enumerate().map(|(at, entry)| match entry.trim() {
            "" => Err(at + 1),
            entry => Ok(with_slash(entry)),
        });
        entries.collect::<Result<_, _>>().map(Self::Prefixes)
    }

    pub(super) fn allows(&self, address: &str) -> bool {
        match self {
            Self::All => true,
            Self::Prefixes(prefixes) => {
                let address = with_slash(address);
                prefixes.iter().any(|prefix| address.starts_with(prefix))
            }
        }
    }
}

fn with_slash(address: &str) -> String {
    format!("{}/", address.strip_suffix('/').unwrap_or(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_allowed_servers_is_one_of_beginnings() {
        let list = VaultAllowlist::parse("https://a.example, http://b.example:8200/").unwrap();
        for (address, allowed) in [
            ("https://a.example", true),
            ("https://a.example/below", true),
            ("https://a.example.evil.example", false),
            ("https://a.example:8200", false),
            ("http://a.example", false),
            ("http://b.example:8200", true),
        ] {
            assert_eq!(list.allows(address), allowed, "{address}");
        }
        assert_eq!(VaultAllowlist::parse("all"), Ok(VaultAllowlist::All));
        assert!(!VaultAllowlist::parse("none").unwrap().allows("https://a.example"));
        assert_eq!(VaultAllowlist::parse("https://a,,b"), Err(2));
    }
}
