//! What differs in the metadata: who can read the file, and what of it is sealed.

use crate::{crypto::MacScope, metadata::Metadata};

/// What differs in the metadata of two versions. Time and MAC are left out: they change with
/// every save.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataChange {
    /// Keys that came or went, by group; only groups with a difference.
    pub groups: Vec<GroupChange>,
    /// How many groups are needed to open it, before and after.
    pub groups_needed: Option<(usize, usize)>,
    /// The rule of what is sealed, before and after, as it is written.
    pub rule: Option<(String, String)>,
    /// Whether the MAC covers sealed values only, before and after.
    pub mac_only_encrypted: Option<(bool, bool)>,
    /// The version of the format, before and after.
    pub version: Option<(String, String)>,
}

/// Keys that came or went in one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// The group, from 1.
    pub group: usize,
    /// Identities of keys that came.
    pub added: Vec<String>,
    /// Identities of keys that went.
    pub removed: Vec<String>,
}

impl MetadataChange {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares the metadata of two versions; a version without metadata has no keys and no rule.
pub fn metadata(old: Option<&Metadata>, new: Option<&Metadata>) -> MetadataChange {
    let count = |side: Option<&Metadata>| side.map_or(0, |found| found.groups.len());
    let groups = (0..count(old).max(count(new))).filter_map(|at| {
        let (before, after) = (identities(old, at), identities(new, at));
        let without = |from: &[String], of: &[String]| -> Vec<String> {
            from.iter().filter(|key| !of.contains(key)).cloned().collect()
        };
        let (added, removed) = (without(&after, &before), without(&before, &after));
        let differs = !added.is_empty() || !removed.is_empty();
        differs.then_some(GroupChange { group: at + 1, added, removed })
    });
    let mut change = MetadataChange { groups: groups.collect(), ..MetadataChange::default() };
    // A file that was sealed, or unsealed, between the two has all of these on one side only;
    // the keys that came or went say so.
    let (Some(old), Some(new)) = (old, new) else { return change };
    change.groups_needed = pair(old.groups_needed(), new.groups_needed());
    change.rule = pair(rule(old), rule(new));
    let only = |found: &Metadata| found.mac_scope == MacScope::SealedOnly;
    change.mac_only_encrypted = pair(only(old), only(new));
    change.version = pair(old.version.clone(), new.version.clone());
    change
}

fn pair<T: PartialEq>(old: T, new: T) -> Option<(T, T)> {
    (old != new).then_some((old, new))
}

fn identities(side: Option<&Metadata>, at: usize) -> Vec<String> {
    let group = side.and_then(|found| found.groups.get(at));
    group.map_or_else(Vec::new, |group| {
        group.0.iter().map(|wrapped| wrapped.key.identity()).collect()
    })
}

fn rule(found: &Metadata) -> String {
    match found.selection.field() {
        Some((field, text)) => format!("{field}: {text}"),
        None => "everything".to_owned(),
    }
}
