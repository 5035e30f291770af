//! Ordinary `Secret` manifests, read strictly, become the templates of a `SopsSecret`.
//!
//! "Strictly": a field that no Secret has is an error here as it is for the API server. A
//! mistyped `stringdata` must not be left out in silence.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    CANONICAL_ANNOTATION, GROUP, KIND, VERSION,
    names::{is_data_key, is_label_value, is_name},
    problems::{ManifestError, ManifestProblem, Place, Remark},
};
use crate::{
    crypto::SecretBytes,
    document::PlainDocument,
    tree::{List, Mapping, Node, Path, Step, Value},
};

/// What `kubectl apply` leaves behind: a copy of the object in clear.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Fields of `metadata` that the API server sets, or that tie an object to one cluster.
const SERVER_FIELDS: [&str; 9] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// A Secret, as a template.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Its namespace, if it says one.
    pub namespace: Option<String>,
    /// What the author may want to know.
    pub remarks: Vec<Remark>,
    /// Where it stands.
    pub place: Place,
    /// Bytes of all values once they are in a cluster.
    pub size: usize,
    template: Mapping,
}

/// Reads all Secrets of a document. Documents without content are passed over.
///
/// # Errors
/// For the first that is none, or that no API server would take.
pub fn read_manifests(document: &PlainDocument) -> Result<Vec<Manifest>, ManifestError> {
    let mut found = Vec::new();
    for (number, root) in document.tree.documents.iter().enumerate() {
        if root.pairs().next().is_none() {
            continue;
        }
        let place = Place { document: number + 1, path: Path::default() };
        let reader = Reader { document, place };
        reader.object(root, &mut found)?;
    }
    let mut names: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    for manifest in &found {
        let key = (manifest.name.as_str(), manifest.namespace.as_deref());
        if let Some(first) = names.insert(key, manifest.place.document) {
            let path = below(&manifest.place.path, &["metadata", "name"]);
            let (place, problem) = (manifest.place.clone(), ManifestProblem::SameName(first));
            return Err(ManifestError { place, path, line: None, problem });
        }
    }
    Ok(found)
}

/// The `SopsSecret`, in canonical order and claiming that form.
pub fn build(manifests: &[Manifest], name: &str, namespace: Option<&str>) -> Mapping {
    let mut annotations = Mapping::default();
    annotations.push(CANONICAL_ANNOTATION, "true");
    let mut metadata = Mapping::default();
    metadata.push("annotations", annotations);
    metadata.push("name", name);
    if let Some(namespace) = namespace {
        metadata.push("namespace", namespace);
    }
    let mut templates = List::default();
    manifests.iter().for_each(|manifest| templates.push(manifest.template.clone()));
    let mut spec = Mapping::default();
    spec.push(super::TEMPLATES, templates);
    let mut object = Mapping::default();
    object.push("apiVersion", format!("{GROUP}/{VERSION}"));
    object.push("kind", KIND);
    object.push("metadata", metadata);
    object.push(super::SPEC, spec);
    object
}

fn below(path: &Path, keys: &[&str]) -> Path {
    let steps = keys.iter().map(|key| Step::Key((*key).to_owned()));
    Path(path.0.iter().cloned().chain(steps).collect())
}

struct Reader<'d> {
    document: &'d PlainDocument,
    place: Place,
}

/// Keys and texts, sorted.
type Texts = BTreeMap<String, SecretBytes>;

impl Reader<'_> {
    fn object(self, object: &Mapping, found: &mut Vec<Manifest>) -> Result<(), ManifestError> {
        let api_version = super::text(object, "apiVersion").unwrap_or_default();
        let kind = super::text(object, "kind").unwrap_or_default();
        match (api_version, kind) {
            ("v1", "Secret") => found.push(self.secret(object)?),
            ("v1", "List" | "SecretList") => self.list(object, found)?,
            _ if super::version(object).is_some() => {
                return Err(self.wrong(&["kind"], object.get("kind"), ManifestProblem::SopsSecret));
            }
            _ => {
                let what = match (api_version, kind) {
                    (_, "") => "no object of Kubernetes".to_owned(),
                    ("", kind) => format!("a {kind} without apiVersion"),
                    (version, kind) => format!("{version} {kind}"),
                };
                let problem = ManifestProblem::OtherKind(what);
                return Err(self.wrong(&["kind"], object.get("kind"), problem));
            }
        }
        Ok(())
    }

    fn list(self, object: &Mapping, found: &mut Vec<Manifest>) -> Result<(), ManifestError> {
        let items = match object.get("items") {
            Some(Node::List(list)) => list,
            other => return Err(self.wrong(&["items"], other, ManifestProblem::NotA("a list"))),
        };
        for (number, item) in items.values().enumerate() {
            let mut path = below(&self.place.path, &["items"]);
            path.0.push(Step::Index(number));
            let place = Place { document: self.place.document, path };
            let reader = Reader { document: self.document, place };
            match item {
                Node::Map(object) => reader.object(object, found)?,
                other => {
                    let problem = ManifestProblem::NotA("a mapping");
                    return Err(reader.wrong(&[], Some(other), problem));
                }
            }
        }
        Ok(())
    }

    fn secret(&self, object: &Mapping) -> Result<Manifest, ManifestError> {
        const KNOWN: [&str; 7] =
            ["apiVersion", "data", "immutable", "kind", "metadata", "stringData", "type"];
        self.known_fields(object, &[], &|key| KNOWN.contains(&key))?;
        let mut remarks = Vec::new();
        let metadata = match object.get("metadata") {
            Some(Node::Map(metadata)) => metadata,
            None => return Err(self.wrong(&["metadata", "name"], None, ManifestProblem::NoName)),
            other => {
                return Err(self.wrong(&["metadata"], other, ManifestProblem::NotA("a mapping")));
            }
        };
        let known = ["annotations", "finalizers", "generateName", "labels", "name", "namespace"];
        self.known_fields(metadata, &["metadata"], &|key| {
            known.contains(&key) || SERVER_FIELDS.contains(&key)
        })?;
        let name = self.name(metadata)?;
        let namespace = self.optional(metadata, &["metadata", "namespace"])?;
        let mut annotations = self.texts(metadata, &["metadata", "annotations"])?;
        annotations.remove(LAST_APPLIED);
        let labels = self.texts(metadata, &["metadata", "labels"])?;
        for (key, value) in &labels {
            if !value.expose_str().is_some_and(is_label_value) {
                let path = ["metadata", "labels", key];
                return Err(self.wrong(&path, None, ManifestProblem::LabelValue));
            }
        }
        if metadata.get("finalizers").is_some_and(|node| !is_null(node)) {
            remarks.push(Remark::Finalizers);
        }
        if !matches!(object.get("immutable"), None | Some(Node::Leaf(_))) {
            let problem = ManifestProblem::NotA("true or false");
            return Err(self.wrong(&["immutable"], object.get("immutable"), problem));
        }
        if matches!(object.get("immutable"), Some(Node::Leaf(leaf)) if leaf.value == Value::Bool(true))
        {
            remarks.push(Remark::Immutable);
        }
        let (data, string_data, size) = self.content(object, &mut remarks)?;
        let secret_type = self.optional(object, &["type"])?;
        let mut template = Mapping::default();
        // The order of the canonical form.
        put(&mut template, "annotations", annotations);
        put(&mut template, "data", data);
        put(&mut template, "labels", labels);
        template.push("name", name.as_str());
        put(&mut template, "stringData", string_data);
        if let Some(secret_type) = secret_type.filter(|text| !text.is_empty()) {
            template.push("type", secret_type);
        }
        let place = self.place.clone();
        Ok(Manifest { name, namespace, remarks, place, size, template })
    }

    fn name(&self, metadata: &Mapping) -> Result<String, ManifestError> {
        let path = ["metadata", "name"];
        let name = self.optional(metadata, &path)?.unwrap_or_default();
        let problem = match name.as_str() {
            "" if metadata.get("generateName").is_some() => ManifestProblem::GenerateName,
            "" => ManifestProblem::NoName,
            name if !is_name(name) => ManifestProblem::Name,
            _ => return Ok(name),
        };
        Err(self.wrong(&path, metadata.get("name"), problem))
    }

    /// `data` and `stringData`. In a Secret the second wins, in a `SopsSecret` the first does
    /// (operator spec §4.2), so a key may stand in one of them only.
    fn content(
        &self,
        object: &Mapping,
        remarks: &mut Vec<Remark>,
    ) -> Result<(Texts, Texts, usize), ManifestError> {
        let mut data = self.texts(object, &["data"])?;
        let string_data = self.texts(object, &["stringData"])?;
        let mut size = 0;
        for (key, value) in &mut data {
            // Kubernetes passes over line breaks, and nothing else.
            value.expose_mut().retain(|byte| !b"\r\n".contains(byte));
            match STANDARD.decode(value.expose()).map(SecretBytes::new) {
                Ok(bytes) => size += bytes.len(),
                Err(_) => {
                    let node = inner(object, "data", key);
                    return Err(self.wrong(&["data", key], node, ManifestProblem::NotBase64));
                }
            }
        }
        for (field, texts) in [("data", &data), ("stringData", &string_data)] {
            if let Some(key) = texts.keys().find(|key| !is_data_key(key)) {
                let node = inner(object, field, key);
                return Err(self.wrong(&[field, key], node, ManifestProblem::DataKey));
            }
        }
        for (key, value) in &string_data {
            size += value.len();
            if data.remove(key).is_some() {
                remarks.push(Remark::Twice(key.clone()));
            }
        }
        Ok((data, string_data, size))
    }

    /// A mapping of texts, empty when it is not there or null.
    fn texts(&self, parent: &Mapping, path: &[&str]) -> Result<Texts, ManifestError> {
        let key = path.last().copied().unwrap_or_default();
        let mapping = match parent.get(key) {
            None => return Ok(Texts::new()),
            Some(node) if is_null(node) => return Ok(Texts::new()),
            Some(Node::Map(mapping)) => mapping,
            other => return Err(self.wrong(path, other, ManifestProblem::NotA("a mapping"))),
        };
        self.known_fields(mapping, path, &|_| true)?;
        let mut texts = Texts::new();
        for pair in mapping.pairs() {
            let path: Vec<&str> = path.iter().copied().chain([pair.key.as_str()]).collect();
            texts.insert(pair.key.clone(), self.text(&pair.value, &path)?);
        }
        Ok(texts)
    }

    fn optional(&self, parent: &Mapping, path: &[&str]) -> Result<Option<String>, ManifestError> {
        match parent.get(path.last().copied().unwrap_or_default()) {
            None => Ok(None),
            Some(node) if is_null(node) => Ok(None),
            Some(node) => {
                let text = self.text(node, path)?;
                Ok(text.expose_str().map(str::to_owned))
            }
        }
    }

    fn text(&self, node: &Node, path: &[&str]) -> Result<SecretBytes, ManifestError> {
        let problem = match node {
            Node::Leaf(leaf) => match &leaf.value {
                Value::Text(text) if text.expose_str().is_some() => return Ok(text.clone()),
                Value::Text(_) => ManifestProblem::NotUtf8,
                Value::Null => ManifestProblem::Null,
                Value::Bool(_) => ManifestProblem::NotText("a boolean"),
                Value::Int(_) | Value::Float(_) => ManifestProblem::NotText("a number"),
                Value::Time(_) => ManifestProblem::NotText("a date"),
            },
            Node::Map(_) | Node::List(_) => ManifestProblem::NotA("text"),
        };
        Err(self.wrong(path, Some(node), problem))
    }

    fn known_fields(
        &self,
        mapping: &Mapping,
        path: &[&str],
        known: &dyn Fn(&str) -> bool,
    ) -> Result<(), ManifestError> {
        let mut before = Vec::new();
        for pair in mapping.pairs() {
            let key = pair.key.as_str();
            let problem = if key == "<<" {
                ManifestProblem::MergeKey
            } else if before.contains(&key) {
                ManifestProblem::Repeated
            } else if !known(key) {
                ManifestProblem::UnknownField
            } else {
                before.push(key);
                continue;
            };
            let path: Vec<&str> = path.iter().copied().chain([key]).collect();
            return Err(self.wrong(&path, Some(&pair.value), problem));
        }
        Ok(())
    }

    fn wrong(&self, keys: &[&str], node: Option<&Node>, problem: ManifestProblem) -> ManifestError {
        let line = node.and_then(first_mark).and_then(|mark| self.document.layout.line(mark));
        let path = below(&self.place.path, keys);
        ManifestError { place: self.place.clone(), path, line, problem }
    }
}

fn first_mark(node: &Node) -> Option<crate::tree::Mark> {
    match node {
        Node::Leaf(leaf) => Some(leaf.mark),
        Node::Map(mapping) => mapping.pairs().find_map(|pair| first_mark(&pair.value)),
        Node::List(list) => list.values().find_map(first_mark),
    }
}

fn is_null(node: &Node) -> bool {
    matches!(node, Node::Leaf(leaf) if leaf.value == Value::Null)
}

fn inner<'n>(object: &'n Mapping, field: &str, key: &str) -> Option<&'n Node> {
    match object.get(field)? {
        Node::Map(mapping) => mapping.get(key),
        Node::Leaf(_) | Node::List(_) => None,
    }
}

fn put(template: &mut Mapping, key: &str, texts: Texts) {
    if texts.is_empty() {
        return;
    }
    let mut mapping = Mapping::default();
    texts.into_iter().for_each(|(key, text)| mapping.push(key, Value::Text(text)));
    template.push(key, mapping);
}
