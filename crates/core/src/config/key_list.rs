//! The several ways in which a rule may write its keys (format §6.4).

use std::collections::BTreeMap;

use super::{
    creation::RuleError,
    source::{Kind, Node},
};
use crate::keys::{AwsKmsKey, AzureKvKey, KeyKind, MasterKey};

/// The lists directly in a rule, in the order in which their keys come.
pub(super) const FLAT: [(&str, KeyKind); 7] = [
    ("age", KeyKind::Age),
    ("pgp", KeyKind::Pgp),
    ("kms", KeyKind::AwsKms),
    ("gcp_kms", KeyKind::GcpKms),
    ("hckms", KeyKind::HuaweiKms),
    ("azure_keyvault", KeyKind::AzureKv),
    ("hc_vault_transit_uri", KeyKind::HcVault),
];

/// The keys that stand directly in a rule: one group, without de-duplication.
pub(super) fn flat(rule: &Node, place: &str) -> Result<Vec<MasterKey>, RuleError> {
    let profile = rule.get("aws_profile").and_then(Node::text).filter(|text| !text.is_empty());
    let mut keys = Vec::new();
    for (name, kind) in FLAT {
        let Some(node) = rule.get(name) else { continue };
        for mut key in list(node, kind, &format!("{place}.{name}"))? {
            if let MasterKey::AwsKms(key) = &mut key {
                key.profile = profile.map(str::to_owned);
            }
            keys.push(key);
        }
    }
    Ok(keys)
}

/// A group: the groups it merges first, then its own keys; the first of equal keys is kept.
pub(super) fn group(node: &Node, place: &str) -> Result<Vec<MasterKey>, RuleError> {
    let mut keys: Vec<MasterKey> = Vec::new();
    collect(node, place, &mut |key| {
        if !keys.iter().any(|known| known.is_same(&key)) {
            keys.push(key);
        }
    })?;
    Ok(keys)
}

fn collect(node: &Node, place: &str, add: &mut dyn FnMut(MasterKey)) -> Result<(), RuleError> {
    let items = |name: &'static str| {
        let items = node.get(name).into_iter().flat_map(Node::items);
        items.map(move |(index, item)| (format!("{place}.{name}[{index}]"), item))
    };
    for (place, merged) in items("merge") {
        collect(merged, &place, add)?;
    }
    for (place, item) in items("age") {
        texts(item, KeyKind::Age, &place)?.into_iter().for_each(&mut *add);
    }
    for (place, item) in items("pgp") {
        texts(item, KeyKind::Pgp, &place)?.into_iter().for_each(&mut *add);
    }
    for (place, item) in items("kms") {
        add(aws(item, &place)?);
    }
    for (place, item) in items("gcp_kms") {
        add(one(item, "resource_id", KeyKind::GcpKms, &place)?);
    }
    for (place, item) in items("hckms") {
        add(one(item, "key_id", KeyKind::HuaweiKms, &place)?);
    }
    for (_, item) in items("azure_keyvault") {
        // An empty version is looked up in the vault when the key is first used (format §4.5).
        add(MasterKey::AzureKv(AzureKvKey {
            vault_url: field(item, "vaultUrl").to_owned(),
            name: field(item, "key").to_owned(),
            version: field(item, "version").to_owned(),
        }));
    }
    for (place, item) in items("hc_vault") {
        texts(item, KeyKind::HcVault, &place)?.into_iter().for_each(&mut *add);
    }
    Ok(())
}

/// Text with commas, or a list of texts.
fn list(node: &Node, kind: KeyKind, place: &str) -> Result<Vec<MasterKey>, RuleError> {
    let shape = |node: &Node, expected| RuleError::Shape {
        place: place.to_owned(),
        line: node.line,
        expected,
        found: node.what(),
    };
    match &node.kind {
        Kind::List(items) => {
            let mut keys = Vec::new();
            for item in items {
                if item.string().is_none() {
                    return Err(shape(item, "text in the list"));
                }
                keys.extend(texts(item, kind, place)?);
            }
            Ok(keys)
        }
        // The one list for which the reference takes nothing else.
        _ if kind == KeyKind::HuaweiKms => Err(shape(node, "a list of texts")),
        _ if node.string().is_some() => texts(node, kind, place),
        _ => Err(shape(node, "text or a list of texts")),
    }
}

fn texts(node: &Node, kind: KeyKind, place: &str) -> Result<Vec<MasterKey>, RuleError> {
    MasterKey::parse_list(kind, node.text().unwrap_or_default()).map_err(|source| RuleError::Key {
        place: place.to_owned(),
        line: node.line,
        source,
    })
}

fn one(node: &Node, name: &str, kind: KeyKind, place: &str) -> Result<MasterKey, RuleError> {
    MasterKey::parse(kind, field(node, name)).map_err(|source| RuleError::Key {
        place: place.to_owned(),
        line: node.line,
        source,
    })
}

fn aws(node: &Node, place: &str) -> Result<MasterKey, RuleError> {
    let mut key = AwsKmsKey::parse(field(node, "arn")).map_err(|source| RuleError::Key {
        place: place.to_owned(),
        line: node.line,
        source,
    })?;
    let given = |name| Some(field(node, name).to_owned()).filter(|text: &String| !text.is_empty());
    key.role = given("role").or(key.role);
    key.profile = given("aws_profile");
    key.context = match node.get("context").map(|context| &context.kind) {
        // Null means "no such pair" to the reference (format §4.1).
        Some(Kind::Map(pairs)) => pairs
            .iter()
            .filter(|(_, value)| !value.is_null())
            .filter_map(|(name, value)| Some((name.text.clone(), value.text()?.to_owned())))
            .collect(),
        _ => BTreeMap::new(),
    };
    Ok(MasterKey::AwsKms(key))
}

fn field<'n>(node: &'n Node, name: &str) -> &'n str {
    node.get(name).and_then(Node::text).unwrap_or_default()
}
