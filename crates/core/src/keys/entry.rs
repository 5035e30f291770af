//! One key entry as it stands in the `sops` section: which fields, in which order, and what is
//! tolerated on reading (format §3.3, §3.6).

use std::collections::BTreeMap;

use super::{
    AgeKey, AwsKmsKey, AzureKvKey, GcpKmsKey, HcVaultKey, HuaweiKmsKey, KeyKind, MasterKey, PgpKey,
    WrappedKey,
};
use crate::tree::{Mapping, Node, Time, Value};

/// Why a key entry could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadKeyError {
    /// A field holds a mapping or list where text belongs, or the reverse.
    #[error("field {field} is not {expected}")]
    Shape {
        /// The field.
        field: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// The field is there to say when, and does not.
    #[error("field created_at is not a time such as 2024-05-06T07:08:09Z")]
    CreatedAt,
}

impl WrappedKey {
    /// Reads an entry of the list that belongs to `kind`. An entry without `enc` is no key:
    /// versions 1.x wrote such placeholders (format §9, Q3).
    ///
    /// Identities are not judged here; a key that makes no sense is reported when it is used.
    ///
    /// # Errors
    /// If a field does not hold what belongs there.
    pub fn from_entry(kind: KeyKind, entry: &Mapping) -> Result<Option<Self>, ReadKeyError> {
        let mut fields = Fields::of(entry);
        let enc = fields.text("enc")?;
        if enc.trim().is_empty() {
            return Ok(None);
        }
        let created_at = match kind {
            // Age entries have none; one that stands there all the same is kept as unknown.
            KeyKind::Age => None,
            _ => fields.time("created_at")?,
        };
        let key = match kind {
            KeyKind::AwsKms => MasterKey::AwsKms(AwsKmsKey {
                arn: fields.text("arn")?,
                role: Some(fields.text("role")?).filter(|text| !text.is_empty()),
                profile: Some(fields.text("aws_profile")?).filter(|text| !text.is_empty()),
                context: fields.texts("context")?,
            }),
            KeyKind::GcpKms => {
                MasterKey::GcpKms(GcpKmsKey { resource_id: fields.text("resource_id")? })
            }
            KeyKind::HuaweiKms => {
                MasterKey::HuaweiKms(HuaweiKmsKey { key_id: fields.text("key_id")? })
            }
            KeyKind::AzureKv => MasterKey::AzureKv(AzureKvKey {
                vault_url: fields.text("vault_url")?,
                name: fields.text("name")?,
                version: fields.text("version")?,
            }),
            KeyKind::HcVault => MasterKey::HcVault(HcVaultKey {
                vault_address: fields.text("vault_address")?,
                engine_path: fields.text("engine_path")?,
                key_name: fields.text("key_name")?,
            }),
            KeyKind::Pgp => MasterKey::Pgp(PgpKey { fingerprint: fields.text("fp")? }),
            KeyKind::Age => MasterKey::Age(AgeKey { recipient: fields.text("recipient")? }),
        };
        Ok(Some(Self { key, enc, created_at, unknown: fields.rest() }))
    }

    /// The entry as 3.13 writes it: fields in alphabetical order, unknown ones among them.
    ///
    /// A kind that needs `created_at` gets the one it has; whoever makes an entry sets it.
    pub fn to_entry(&self) -> Mapping {
        let mut fields: BTreeMap<String, Node> = self.unknown.iter().cloned().collect();
        let mut put = |name: &str, text: &str| fields.insert(name.to_owned(), Node::from(text));
        put("enc", &self.enc);
        if let Some(time) = self.created_at {
            put("created_at", &time.to_string());
        }
        match &self.key {
            MasterKey::AwsKms(key) => {
                put("arn", &key.arn);
                // Always written, also when empty.
                put("aws_profile", key.profile.as_deref().unwrap_or_default());
                if let Some(role) = &key.role {
                    put("role", role);
                }
                if !key.context.is_empty() {
                    let mut context = Mapping::default();
                    for (name, value) in &key.context {
                        context.push(name.clone(), value.as_str());
                    }
                    fields.insert("context".to_owned(), context.into());
                }
            }
            MasterKey::GcpKms(key) => _ = put("resource_id", &key.resource_id),
            MasterKey::HuaweiKms(key) => _ = put("key_id", &key.key_id),
            MasterKey::AzureKv(key) => {
                put("vault_url", &key.vault_url);
                put("name", &key.name);
                put("version", &key.version);
            }
            MasterKey::HcVault(key) => {
                put("vault_address", &key.vault_address);
                put("engine_path", &key.engine_path);
                put("key_name", &key.key_name);
            }
            MasterKey::Pgp(key) => _ = put("fp", &key.fingerprint),
            MasterKey::Age(key) => _ = put("recipient", &key.recipient),
        }
        let mut entry = Mapping::default();
        for (name, node) in fields {
            entry.push(name, node);
        }
        entry
    }
}

/// The fields of an entry, each taken out once.
struct Fields<'a>(Vec<Option<(&'a str, &'a Node)>>);

impl<'a> Fields<'a> {
    fn of(entry: &'a Mapping) -> Self {
        Self(entry.pairs().map(|pair| Some((pair.key.as_str(), &pair.value))).collect())
    }

    /// Names are matched exactly first, else without regard to case (format §3.6).
    fn take(&mut self, name: &str) -> Option<&'a Node> {
        let find = |same: &dyn Fn(&str) -> bool| {
            self.0.iter().position(|field| field.is_some_and(|(key, _)| same(key)))
        };
        let at =
            find(&|key| key == name).or_else(|| find(&|key| key.eq_ignore_ascii_case(name)))?;
        self.0[at].take().map(|(_, node)| node)
    }

    fn text(&mut self, name: &str) -> Result<String, ReadKeyError> {
        self.take(name).map_or(Ok(String::new()), |node| text_of(name, node))
    }

    fn time(&mut self, name: &str) -> Result<Option<Time>, ReadKeyError> {
        match self.take(name) {
            None => Ok(None),
            // Unquoted in YAML (rops writes it so).
            Some(Node::Leaf(leaf)) if matches!(leaf.value, Value::Time(_)) => match leaf.value {
                Value::Time(time) => Ok(Some(time)),
                _ => Ok(None),
            },
            Some(node) => match text_of(name, node)?.trim() {
                "" => Ok(None),
                text => Time::parse_rfc3339(text).map(Some).ok_or(ReadKeyError::CreatedAt),
            },
        }
    }

    fn texts(&mut self, name: &str) -> Result<BTreeMap<String, String>, ReadKeyError> {
        let shape = || ReadKeyError::Shape { field: name.into(), expected: "a mapping of text" };
        match self.take(name) {
            None => Ok(BTreeMap::new()),
            Some(Node::Map(map)) => map
                .pairs()
                // Null entries are not sent to the service (format §4.1).
                .filter(|pair| !is_null(&pair.value))
                .map(|pair| Ok((pair.key.clone(), text_of(name, &pair.value)?)))
                .collect(),
            Some(node) if is_null(node) => Ok(BTreeMap::new()),
            Some(_) => Err(shape()),
        }
    }

    /// What nobody asked for.
    fn rest(self) -> Vec<(String, Node)> {
        self.0.into_iter().flatten().map(|(key, node)| (key.to_owned(), node.clone())).collect()
    }
}

fn is_null(node: &Node) -> bool {
    matches!(node, Node::Leaf(leaf) if leaf.value == Value::Null)
}

/// Text fields take scalars of other types too (format §3.6).
fn text_of(name: &str, node: &Node) -> Result<String, ReadKeyError> {
    let shape = || ReadKeyError::Shape { field: name.into(), expected: "text" };
    let Node::Leaf(leaf) = node else { return Err(shape()) };
    match &leaf.value {
        Value::Bool(truth) => Ok(if *truth { "1" } else { "0" }.to_owned()),
        value => value.canonical().expose_str().map(str::to_owned).ok_or_else(shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(fields: &[(&str, Node)]) -> Mapping {
        let mut entry = Mapping::default();
        for (name, node) in fields {
            entry.push(*name, node.clone());
        }
        entry
    }

    fn names(entry: &Mapping) -> Vec<&str> {
        entry.pairs().map(|pair| pair.key.as_str()).collect()
    }

    #[test]
    fn an_entry_keeps_its_fields_and_those_it_does_not_know() {
        let given = entry(&[
            ("zone", "x".into()),
            ("arn", "arn:aws:kms:us-east-1:111122223333:key/k".into()),
            ("Context", entry(&[("env", "prod".into()), ("no", Value::Null.into())]).into()),
            ("role", "arn:aws:iam::1:role/r".into()),
            ("created_at", "2024-05-06T07:08:09Z".into()),
            ("enc", "AQID".into()),
            ("aws_profile", "".into()),
        ]);
        let wrapped = WrappedKey::from_entry(KeyKind::AwsKms, &given).unwrap().unwrap();
        let MasterKey::AwsKms(key) = &wrapped.key else { panic!() };
        assert_eq!((key.context.len(), key.profile.as_deref()), (1, None));
        assert_eq!(
            names(&wrapped.to_entry()),
            ["arn", "aws_profile", "context", "created_at", "enc", "role", "zone"]
        );
        let again = WrappedKey::from_entry(KeyKind::AwsKms, &wrapped.to_entry()).unwrap().unwrap();
        assert_eq!(again, wrapped);
    }

    #[test]
    fn placeholders_of_old_versions_are_no_keys() {
        // format §9, Q3
        let placeholder = entry(&[("arn", "".into())]);
        assert_eq!(WrappedKey::from_entry(KeyKind::AwsKms, &placeholder), Ok(None));
    }

    #[test]
    fn times_are_read_quoted_or_not_and_must_be_times() {
        let time = Time::parse_rfc3339("2024-05-06T07:08:09Z").unwrap();
        let with = |node: Node| {
            let fields = [("enc", "x".into()), ("fp", "AB".into()), ("created_at", node)];
            WrappedKey::from_entry(KeyKind::Pgp, &entry(&fields))
        };
        let read = with(Value::Time(time).into()).unwrap().unwrap();
        assert_eq!(read.created_at, Some(time));
        assert_eq!(with("2024-05-06T07:08:09Z".into()).unwrap().unwrap(), read);
        assert_eq!(with("yesterday".into()), Err(ReadKeyError::CreatedAt));
    }

    #[test]
    fn every_kind_writes_the_fields_of_the_format() {
        // format §3.3
        let time = Time::from_unix(0);
        for (kind, text, fields) in [
            (KeyKind::Age, "age1x", &["enc", "recipient"][..]),
            (KeyKind::Pgp, "AB", &["created_at", "enc", "fp"]),
            (KeyKind::AwsKms, "arn", &["arn", "aws_profile", "created_at", "enc"]),
            (KeyKind::GcpKms, "p", &["created_at", "enc", "resource_id"]),
            (KeyKind::HuaweiKms, "r:i", &["created_at", "enc", "key_id"]),
            (KeyKind::AzureKv, "u", &["created_at", "enc", "name", "vault_url", "version"]),
            (
                KeyKind::HcVault,
                "v",
                &["created_at", "enc", "engine_path", "key_name", "vault_address"],
            ),
        ] {
            let text = text.to_owned();
            let key = match kind {
                KeyKind::Age => MasterKey::Age(AgeKey { recipient: text }),
                KeyKind::Pgp => MasterKey::Pgp(PgpKey { fingerprint: text }),
                KeyKind::AwsKms => MasterKey::AwsKms(AwsKmsKey {
                    arn: text,
                    role: None,
                    context: BTreeMap::new(),
                    profile: None,
                }),
                KeyKind::GcpKms => MasterKey::GcpKms(GcpKmsKey { resource_id: text }),
                KeyKind::HuaweiKms => MasterKey::HuaweiKms(HuaweiKmsKey { key_id: text }),
                KeyKind::AzureKv => MasterKey::AzureKv(AzureKvKey {
                    vault_url: text,
                    name: String::new(),
                    version: String::new(),
                }),
                KeyKind::HcVault => MasterKey::HcVault(HcVaultKey {
                    vault_address: text,
                    engine_path: String::new(),
                    key_name: String::new(),
                }),
            };
            let created_at = if kind == KeyKind::Age { None } else { time };
            let wrapped = WrappedKey { key, enc: "e".into(), created_at, unknown: Vec::new() };
            assert_eq!(names(&wrapped.to_entry()), fields);
            let again = WrappedKey::from_entry(kind, &wrapped.to_entry()).unwrap().unwrap();
            assert_eq!(again, wrapped);
        }
    }
}
