//! Which keys `rotate` adds and removes.

use sops_core::keys::{KeyGroup, KeyKind, MasterKey};

use super::creation;
use crate::{
    args::keys::ChangeKeyFlags,
    failure::{self, Failure, deciding},
};

/// Keys to add to the first group, and keys to take out of all groups.
#[derive(Debug, Default)]
pub(crate) struct KeyChange {
    add: Vec<MasterKey>,
    remove: Vec<MasterKey>,
}

impl KeyChange {
    /// Reads the flags.
    pub(crate) fn read(flags: &ChangeKeyFlags) -> Result<Self, Failure> {
        let context = match creation::context(flags.encryption_context.as_deref()) {
            Ok(context) => context,
            Err(failure) if flags.add_kms.is_some() || flags.rm_kms.is_some() => {
                return Err(failure);
            }
            Err(_) => {
                failure::warn(
                    "Encryption context contains a non-string value, context will not be used",
                );
                Default::default()
            }
        };
        let read = |kind, list: &Option<String>| -> Result<Vec<MasterKey>, Failure> {
            let list = list.as_deref().unwrap_or_default();
            let mut keys =
                MasterKey::parse_list(kind, list).map_err(|error| deciding::key(&error))?;
            for key in &mut keys {
                if let MasterKey::AwsKms(key) = key {
                    key.context.clone_from(&context);
                }
            }
            Ok(keys)
        };
        let mut change = Self::default();
        for (kind, add, remove) in [
            (KeyKind::AwsKms, &flags.add_kms, &flags.rm_kms),
            (KeyKind::Pgp, &flags.add_pgp, &flags.rm_pgp),
            (KeyKind::GcpKms, &flags.add_gcp_kms, &flags.rm_gcp_kms),
            (KeyKind::HuaweiKms, &flags.add_hckms, &flags.rm_hckms),
            (KeyKind::AzureKv, &flags.add_azure_kv, &flags.rm_azure_kv),
            (KeyKind::HcVault, &flags.add_hc_vault_transit, &flags.rm_hc_vault_transit),
            (KeyKind::Age, &flags.add_age, &flags.rm_age),
        ] {
            change.add.extend(read(kind, add)?);
            change.remove.extend(read(kind, remove)?);
        }
        Ok(change)
    }

    /// Whether nothing is to change.
    pub(crate) fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// The groups as they shall be. Every copy of a removed key goes; a key that is there is not
    /// added again.
    pub(crate) fn apply(&self, groups: &[KeyGroup]) -> Vec<Vec<MasterKey>> {
        let mut wanted: Vec<Vec<MasterKey>> = groups.iter().map(KeyGroup::master_keys).collect();
        if wanted.is_empty() {
            wanted.push(Vec::new());
        }
        for key in &self.add {
            if !wanted[0].iter().any(|known| known.is_same(key)) {
                wanted[0].push(key.clone());
            }
        }
        for group in &mut wanted {
            group.retain(|key| !self.remove.iter().any(|removed| means(removed, key)));
        }
        wanted
    }
}

/// Whether a key that shall be removed is this one. Without a version, it is each version of it.
fn means(removed: &MasterKey, key: &MasterKey) -> bool {
    match (removed, key) {
        (MasterKey::AzureKv(removed), MasterKey::AzureKv(key)) if removed.version.is_empty() => {
            let vault = |url: &str| url.trim_end_matches('/').to_owned();
            removed.name == key.name && vault(&removed.vault_url) == vault(&key.vault_url)
        }
        _ => removed.is_same(key),
    }
}

#[cfg(test)]
mod tests {
    use sops_core::keys::WrappedKey;

    use super::*;

    fn key(number: u8) -> MasterKey {
        MasterKey::parse(KeyKind::Pgp, &format!("{number:040}")).unwrap()
    }

    fn group(numbers: &[u8]) -> KeyGroup {
        let wrapped = |number: &u8| WrappedKey {
            key: key(*number),
            enc: "x".into(),
            created_at: None,
            unknown: Vec::new(),
        };
        KeyGroup(numbers.iter().map(wrapped).collect())
    }

    #[test]
    fn without_a_version_every_version_goes() {
        let azure = |text: &str| MasterKey::parse(KeyKind::AzureKv, text).unwrap();
        let url = "https://v.vault.azure.net/keys/k";
        assert!(means(&azure(url), &azure(&format!("{url}/1"))));
        assert!(!means(&azure(&format!("{url}/2")), &azure(&format!("{url}/1"))));
        assert!(!means(&azure(&format!("{url}2")), &azure(&format!("{url}/1"))));
    }

    #[test]
    fn every_copy_goes_and_none_comes_twice() {
        let change = KeyChange { add: vec![key(1), key(3)], remove: vec![key(2)] };
        assert_eq!(change.apply(&[group(&[1, 2, 2])]), [vec![key(1), key(3)]]);
        assert_eq!(change.apply(&[group(&[1]), group(&[2])])[1], []);
    }
}
