//! The section as a mapping, in the layout of 3.13 (format §3.2, §3.3).

use std::collections::BTreeMap;

use super::Metadata;
use crate::{
    crypto::MacScope,
    keys::{KeyGroup, KeyKind},
    tree::{List, Mapping, Node, Value},
};

impl Metadata {
    /// The section, fields in alphabetical order, unknown ones among them.
    pub fn to_mapping(&self) -> Mapping {
        let mut fields: BTreeMap<String, Node> = self.unknown.iter().cloned().collect();
        match self.groups.as_slice() {
            [group] => write_group(group, &[], &mut fields),
            groups => {
                let unknown = |index: usize| {
                    let same = self.unknown_in_groups.len() == groups.len();
                    if same { self.unknown_in_groups[index].as_slice() } else { &[] }
                };
                let mut list = List::default();
                for (index, group) in groups.iter().enumerate() {
                    let mut fields = unknown(index).iter().cloned().collect();
                    write_group(group, &[KeyKind::Age, KeyKind::HcVault], &mut fields);
                    list.push(mapping(fields));
                }
                fields.insert("key_groups".to_owned(), list.into());
            }
        }
        let mut put = |name: &str, node: Node| fields.insert(name.to_owned(), node);
        if let Some((field, text)) = self.selection.field() {
            put(field.name(), text.into());
        }
        put("lastmodified", self.last_modified.to_string().into());
        put("mac", self.mac.as_str().into());
        if self.mac_scope == MacScope::SealedOnly {
            put("mac_only_encrypted", Value::Bool(true).into());
        }
        if self.shamir_threshold != 0 {
            put("shamir_threshold", Value::Int(self.shamir_threshold.into()).into());
        }
        put("version", self.version.as_str().into());
        mapping(fields)
    }
}

/// One list per kind; `always` names the kinds whose list is written even when it is empty.
fn write_group(group: &KeyGroup, always: &[KeyKind], fields: &mut BTreeMap<String, Node>) {
    for kind in KeyKind::ALL {
        let mut list = List::default();
        for key in group.0.iter().filter(|wrapped| wrapped.key.kind() == kind) {
            list.push(key.to_entry());
        }
        if !list.items.is_empty() || always.contains(&kind) {
            fields.insert(kind.name().to_owned(), list.into());
        }
    }
}

fn mapping(fields: BTreeMap<String, Node>) -> Mapping {
    let mut mapping = Mapping::default();
    for (name, node) in fields {
        mapping.push(name, node);
    }
    mapping
}
