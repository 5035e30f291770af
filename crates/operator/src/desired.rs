//! Opened templates → the Secrets that should be.
//!
//! Rules of this module (operator spec §4.2):
//!
//! - `data` wins over `stringData`, unlike in the core API.
//! - Numbers and booleans become their text.
//! - A value that still looks encrypted is never written.
//! - A template that is wrong stops itself and no other one.

use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use sops_core::crypto::{Envelope, SecretBytes};
use sops_core::tree::{List, Mapping, Node, Value};

use crate::status::TemplateReason;

/// A Secret as a template wants it.
#[derive(Clone)]
pub(crate) struct Desired {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) data: BTreeMap<String, SecretBytes>,
}

impl Desired {
    /// The data as the API takes it. A copy that is not wiped: it goes into a request.
    pub(crate) fn bytes(&self) -> BTreeMap<String, ByteString> {
        let copy = |(key, value): (&String, &SecretBytes)| {
            (key.clone(), ByteString(value.expose().to_vec()))
        };
        self.data.iter().map(copy).collect()
    }
}

impl std::fmt::Debug for Desired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Desired({}, {} keys)", self.name, self.data.len())
    }
}

/// A template that is no Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Its name; empty where it has none.
    pub(crate) name: String,
    pub(crate) reason: TemplateReason,
    /// Names keys, never values.
    pub(crate) detail: String,
}

/// What each template wants, in their order.
pub(crate) fn desired(templates: &List) -> Vec<Result<Desired, Wrong>> {
    let mut names = HashSet::new();
    let mut all: Vec<Result<Desired, Wrong>> = templates.values().map(secret).collect();
    for template in &mut all {
        if let Ok(desired) = template
            && !names.insert(desired.name.clone())
        {
            let detail = "an earlier template has this name, and is the one that counts".to_owned();
            let name = std::mem::take(&mut desired.name);
            *template = Err(Wrong { name, reason: TemplateReason::DuplicateName, detail });
        }
    }
    all
}

fn secret(template: &Node) -> Result<Desired, Wrong> {
    let empty = Mapping::default();
    let template = match template {
        Node::Map(template) => template,
        Node::List(_) | Node::Leaf(_) => &empty,
    };
    let name = text(template.get("name")).unwrap_or_default();
    let wrong = |reason, detail: String| Wrong { name: name.clone(), reason, detail };
    if name.is_empty() {
        return Err(wrong(TemplateReason::NoName, "the template has no name".to_owned()));
    }
    if looks_encrypted(name.as_bytes()) {
        let detail = "the name is still encrypted: is it below the rule of the file?".to_owned();
        return Err(Wrong { name: String::new(), reason: TemplateReason::StillEncrypted, detail });
    }
    let still = |path: String| {
        let detail = format!("{path} is still encrypted: does the rule of the file cover it?");
        wrong(TemplateReason::StillEncrypted, detail)
    };
    let plain = |field: &str| {
        let mut map = BTreeMap::new();
        for (key, value) in values(template.get(field)) {
            if looks_encrypted(value.expose()) {
                return Err(still(format!("{field}.{key}")));
            }
            map.insert(key, String::from_utf8_lossy(value.expose()).into_owned());
        }
        Ok(map)
    };
    let kind = text(template.get("type")).unwrap_or_default();
    if looks_encrypted(kind.as_bytes()) {
        return Err(still("type".to_owned()));
    }
    let (labels, annotations) = (plain("labels")?, plain("annotations")?);
    let mut data = BTreeMap::new();
    for (key, value) in values(template.get("stringData")) {
        if looks_encrypted(value.expose()) {
            return Err(still(format!("stringData.{key}")));
        }
        data.insert(key, value);
    }
    for (key, value) in values(template.get("data")) {
        if looks_encrypted(value.expose()) {
            return Err(still(format!("data.{key}")));
        }
        let Some(bytes) = decode(value.expose()) else {
            let detail = format!("data.{key} is not base64; plain text belongs into stringData");
            return Err(wrong(TemplateReason::NotBase64, detail));
        };
        if looks_encrypted(bytes.expose()) {
            return Err(still(format!("data.{key}")));
        }
        data.insert(key, bytes);
    }
    let kind = if kind.is_empty() { "Opaque".to_owned() } else { kind };
    Ok(Desired { name, kind, labels, annotations, data })
}

/// Whether a value is what SOPS writes in the place of one.
fn looks_encrypted(value: &[u8]) -> bool {
    Envelope::matches(value)
}

/// Standard alphabet, padding required; line breaks are left out (operator spec §4.2).
fn decode(text: &[u8]) -> Option<SecretBytes> {
    let breaks = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let clean = SecretBytes::new(text.iter().copied().filter(|byte| !breaks(byte)).collect());
    STANDARD.decode(clean.expose()).ok().map(SecretBytes::new)
}

/// The scalars of a mapping, as text.
fn values(node: Option<&Node>) -> Vec<(String, SecretBytes)> {
    let Some(Node::Map(map)) = node else { return Vec::new() };
    let pairs = map.pairs().filter_map(|pair| Some((pair.key.clone(), bytes(&pair.value)?)));
    pairs.collect()
}

fn text(node: Option<&Node>) -> Option<String> {
    let bytes = bytes(node?)?;
    Some(String::from_utf8_lossy(bytes.expose()).into_owned())
}

/// A scalar as a field of text has it. `null` is nothing: the API server drops it.
fn bytes(node: &Node) -> Option<SecretBytes> {
    let Node::Leaf(leaf) = node else { return None };
    match &leaf.value {
        Value::Null => None,
        // In SOPS `True`, in everybody's YAML and JSON `true`.
        Value::Bool(value) => Some(SecretBytes::from(value.to_string())),
        Value::Text(text) => Some(text.clone()),
        other => Some(other.canonical().into()),
    }
}

#[cfg(test)]
mod tests {
    use sops_core::format::{self, Format};

    use super::*;

    fn of(templates: &str) -> Vec<Result<Desired, Wrong>> {
        let text = format!(r#"{{"t":{templates}}}"#);
        let parsed = format::parse(Format::Json, text.into()).expect("JSON");
        match parsed.tree.documents[0].get("t") {
            Some(Node::List(list)) => desired(list),
            other => panic!("{other:?}"),
        }
    }

    fn one(template: &str) -> Result<Desired, Wrong> {
        of(&format!("[{template}]")).remove(0)
    }

    fn value(secret: &Desired, key: &str) -> Option<Vec<u8>> {
        secret.data.get(key).map(|value| value.expose().to_vec())
    }

    #[test]
    fn data_wins_over_string_data_and_may_be_binary() {
        let text = r#"{"name":"a","data":{"dsn":"ZnJvbSBk\r\nYXRh","seed":"AAECAwT/"},
            "stringData":{"dsn":"from string","pool":"16"}}"#;
        let secret = one(text).expect("a secret");
        assert_eq!(value(&secret, "dsn").as_deref(), Some(&b"from data"[..]));
        assert_eq!(value(&secret, "seed").as_deref(), Some(&[0, 1, 2, 3, 4, 255][..]));
        assert_eq!(value(&secret, "pool").as_deref(), Some(&b"16"[..]));
        assert_eq!(secret.kind, "Opaque");
    }

    #[test]
    fn numbers_and_booleans_become_their_text() {
        let text = r#"{"name":"a","stringData":{"port":5432,"on":true,"off":false,"rate":1.5,"no":null,"empty":""}}"#;
        let secret = one(text).expect("a secret");
        let expected =
            [("port", "5432"), ("on", "true"), ("off", "false"), ("rate", "1.5"), ("empty", "")];
        for (key, text) in expected {
            assert_eq!(value(&secret, key).as_deref(), Some(text.as_bytes()), "{key}");
        }
        assert_eq!(secret.data.len(), expected.len());
    }

    #[test]
    fn a_wrong_template_stops_itself_only() {
        let all =
            of(r#"[{"stringData":{"a":"x"}},{"name":"b","data":{"k":"not base64"}},{"name":"c"},
            {"name":"c","stringData":{"k":"second"}},{"name":"d","data":{"k":"YQ"}}]"#);
        let reasons: Vec<_> = all.iter().map(|one| one.as_ref().err().map(|w| w.reason)).collect();
        use TemplateReason::{DuplicateName, NoName, NotBase64};
        assert_eq!(
            reasons,
            [Some(NoName), Some(NotBase64), None, Some(DuplicateName), Some(NotBase64)]
        );
    }

    #[test]
    fn what_is_still_encrypted_is_refused_wherever_it_stands() {
        let token = "ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]";
        let coded = STANDARD.encode(token);
        for template in [
            format!(r#"{{"name":"{token}"}}"#),
            format!(r#"{{"name":"a","type":"{token}"}}"#),
            format!(r#"{{"name":"a","labels":{{"k":"{token}"}}}}"#),
            format!(r#"{{"name":"a","annotations":{{"k":"{token}"}}}}"#),
            format!(r#"{{"name":"a","stringData":{{"k":"{token}"}}}}"#),
            format!(r#"{{"name":"a","data":{{"k":"{token}"}}}}"#),
            format!(r#"{{"name":"a","data":{{"k":"{coded}"}}}}"#),
        ] {
            let wrong = one(&template).expect_err("it is encrypted");
            assert_eq!(wrong.reason, TemplateReason::StillEncrypted, "{template}");
            assert!(!wrong.detail.contains("AAAA"), "{}", wrong.detail);
        }
    }
}
