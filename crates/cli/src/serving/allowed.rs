//! Which keys a key service may use.

use sops_core::keys::{KeyKind, MasterKey};

/// The allow-list. Empty lists allow everything.
#[derive(Debug)]
pub(crate) struct Allowed {
    kinds: Vec<KeyKind>,
    keys: Vec<String>,
}

impl Allowed {
    /// Keys of these kinds, and these keys.
    pub(crate) fn new(kinds: &[KeyKind], keys: &[String]) -> Self {
        let keys = keys.iter().map(|key| key.trim().to_owned()).collect();
        Self { kinds: kinds.to_vec(), keys }
    }

    /// Whether a key may be used.
    pub(crate) fn allows(&self, key: &MasterKey) -> bool {
        if self.kinds.is_empty() && self.keys.is_empty() {
            return true;
        }
        let names = names(key);
        self.kinds.contains(&key.kind())
            || self.keys.iter().any(|allowed| names.iter().any(|name| is_same(key, name, allowed)))
    }
}

/// By which names a key can be allowed: its identity (format §4), and what of it leaves open what
/// may be left open.
fn names(key: &MasterKey) -> Vec<String> {
    let mut names = vec![key.identity()];
    match key {
        // Any context, since the key itself demands the one it wrapped with; but no other role and
        // no other profile than those that are allowed: they stand for other rights here.
        MasterKey::AwsKms(aws) if aws.profile.is_none() => {
            let mut bare = aws.clone();
            bare.context.clear();
            names.push(bare.identity());
        }
        // Any version.
        MasterKey::AzureKv(azure) => {
            names.push(format!("{}/keys/{}", azure.vault_url.trim_end_matches('/'), azure.name));
        }
        _ => {}
    }
    names
}

fn is_same(key: &MasterKey, name: &str, allowed: &str) -> bool {
    match key.kind() {
        // Hexadecimal digits, in either case.
        KeyKind::Pgp => name.eq_ignore_ascii_case(allowed),
        _ => name == allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:us-east-1:111122223333:alias/a";
    const ROLE: &str = "arn:aws:iam::111122223333:role/r";

    fn key(kind: KeyKind, text: &str) -> MasterKey {
        MasterKey::parse(kind, text).unwrap()
    }

    fn only(key: &str) -> Allowed {
        Allowed::new(&[], &[key.to_owned()])
    }

    #[test]
    fn without_lists_everything_is_allowed_and_with_one_nothing_else() {
        let aws = key(KeyKind::AwsKms, ARN);
        assert!(Allowed::new(&[], &[]).allows(&aws));
        assert!(Allowed::new(&[KeyKind::AwsKms], &[]).allows(&aws));
        assert!(!Allowed::new(&[KeyKind::Age], &[]).allows(&aws));
        assert!(!only("age1xyz").allows(&aws));
        assert!(Allowed::new(&[KeyKind::Age], &[ARN.to_owned()]).allows(&aws));
    }

    #[test]
    fn a_role_or_a_profile_is_another_right() {
        let with = |role: Option<&str>, profile: Option<&str>, context: &str| {
            let MasterKey::AwsKms(mut aws) = key(KeyKind::AwsKms, ARN) else { unreachable!() };
            aws.role = role.map(str::to_owned);
            aws.profile = profile.map(str::to_owned);
            aws.context = sops_core::keys::parse_encryption_context(context).unwrap();
            MasterKey::AwsKms(aws)
        };
        let list = only(ARN);
        assert!(list.allows(&with(None, None, "a:b")));
        assert!(!list.allows(&with(Some(ROLE), None, "")));
        assert!(!list.allows(&with(None, Some("admin"), "")));
        assert!(!list.allows(&with(None, Some("admin"), "a:b")));
        assert!(only(&format!("{ARN}+{ROLE}")).allows(&with(Some(ROLE), None, "a:b")));
        assert!(only(&format!("{ARN}||admin")).allows(&with(None, Some("admin"), "")));
    }

    #[test]
    fn any_version_and_either_case() {
        let url = "https://v.vault.azure.net/keys/k";
        assert!(only(url).allows(&key(KeyKind::AzureKv, &format!("{url}/1"))));
        assert!(!only(url).allows(&key(KeyKind::AzureKv, &format!("{url}2/1"))));
        let fingerprint = "85D77543B3D624B63CEA9E6DBC17301B491B3F21";
        assert!(only(&fingerprint.to_lowercase()).allows(&key(KeyKind::Pgp, fingerprint)));
    }
}
