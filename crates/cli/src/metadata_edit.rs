//! `edit --show-master-keys`: the metadata in the editor, below the values in clear.
//!
//! Both count: values are sealed as they are, keys and rule are taken over. What is computed
//! (`mac`, `lastmodified`, what keys have wrapped) is computed again, whatever was typed there. A
//! key is added by writing an entry without `enc`.

use sops_core::{
    crypto::{DataKey, SecretBytes},
    document::{Document, PlainDocument},
    format::{self, Format, Rewrite, Section},
    keys::{KeyGroup, KeyKind, MasterKey},
    metadata::Metadata,
    tree::{Entry, Item, Mapping, Node},
};

use crate::{
    failure::{Failure, reading, sentence},
    key_services::{KeyServices, Purpose},
};

/// Stands in the place of `enc` for a key that has wrapped nothing yet.
const NEW: &str = "new";

/// The text in clear, with its metadata.
pub(crate) fn show(
    text: &SecretBytes,
    metadata: &Metadata,
    format: Format,
) -> Result<SecretBytes, Failure> {
    let plain = match Document::read(format, text.clone()) {
        Ok(Document::Plain(plain)) => plain,
        Ok(Document::Sealed(_)) => return Err(reading::already_encrypted()),
        Err(error) => return Err(reading::plain(&error, format)),
    };
    let section = metadata.to_mapping();
    let how = Rewrite::Sealed { metadata: &section, indent: None };
    plain.layout.rewrite(&plain.tree, how).map_err(|error| reading::emit(&error))
}

/// Values and metadata out of an edited text.
pub(crate) fn read(
    text: &SecretBytes,
    format: Format,
    before: &Metadata,
) -> Result<(PlainDocument, Metadata), Failure> {
    let parsed = format::parse(format, text.clone())
        .map_err(|error| Failure::generic(format!("Error unmarshalling file: {error}")))?;
    let invalid = |why: &str| Failure::generic(format!("SOPS metadata is invalid: {why}"));
    let mut section = match parsed.metadata {
        Section::Found(section) => section,
        Section::Absent => return Err(invalid("it is missing")),
        Section::Malformed(error) => return Err(invalid(&error.to_string())),
    };
    mark_new_keys(&mut section);
    let mut metadata = Metadata::read(&section).map_err(|error| invalid(&sentence(&error)))?;
    metadata.mac.clone_from(&before.mac);
    let plain = PlainDocument { format, tree: parsed.tree, layout: parsed.layout };
    Ok((plain, metadata))
}

/// Wraps the data key for the keys that were typed, if they are not those that were there.
pub(crate) fn settle(
    mut edited: Metadata,
    before: &Metadata,
    data_key: &DataKey,
    services: &KeyServices,
) -> Result<Metadata, Failure> {
    if same_keys(&edited.groups, &before.groups)
        && edited.shamir_threshold == before.shamir_threshold
    {
        edited.groups.clone_from(&before.groups);
        return Ok(edited);
    }
    let wanted: Vec<Vec<MasterKey>> = edited.groups.iter().map(KeyGroup::master_keys).collect();
    let distributed = services.rewrap(
        data_key,
        &wanted,
        &before.groups,
        edited.shamir_threshold,
        Purpose::OTHER_KEYS,
    )?;
    edited.groups = distributed.groups;
    edited.shamir_threshold = u32::try_from(distributed.threshold).unwrap_or(u32::MAX);
    Ok(edited)
}

fn same_keys(a: &[KeyGroup], b: &[KeyGroup]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.0.len() == b.0.len() && a.0.iter().zip(&b.0).all(|(a, b)| a.key.is_same(&b.key))
        })
}

/// An entry without `enc` would be taken for a placeholder of an old version and dropped.
fn mark_new_keys(section: &mut Mapping) {
    for entry in &mut section.entries {
        let Entry::Pair(pair) = entry else { continue };
        let Node::List(list) = &mut pair.value else { continue };
        for item in &mut list.items {
            let Item::Value(Node::Map(inner)) = item else { continue };
            if pair.key == "key_groups" {
                mark_new_keys(inner);
            } else if KeyKind::from_name(&pair.key).is_some() {
                mark(inner);
            }
        }
    }
}

fn mark(entry: &mut Mapping) {
    let is_empty = |node: &Node| match node {
        Node::Leaf(leaf) => leaf.value.canonical().expose().trim_ascii().is_empty(),
        _ => false,
    };
    match entry.get("enc") {
        Some(node) if !is_empty(node) => {}
        _ => {
            entry.entries.retain(|entry| !matches!(entry, Entry::Pair(pair) if pair.key == "enc"));
            entry.push("enc", NEW);
        }
    }
}
