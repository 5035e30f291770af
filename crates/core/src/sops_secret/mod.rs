//! What is particular about a `SopsSecret`, the custom resource whose templates an operator turns
//! into `Secret`s in a Kubernetes cluster.
//!
//! The API server returns an object as JSON with sorted keys and with fields of its own. The MAC
//! of SOPS is a hash over values in the author's order, so most files cannot be verified once they
//! are in a cluster. Those in **canonical form** can (operator spec §3.2):
//!
//! - `mac_only_encrypted: true`, and the rule encrypts nothing outside of `spec.secretTemplates`;
//! - all keys below `spec.secretTemplates` stand in the order of their bytes;
//! - every encrypted value is text, since type tags are not authenticated.
//!
//! Rules of this module: it judges objects and arranges them, and never wraps or opens a key.

mod arrange;
mod canonical;
mod manifests;
mod names;
mod problems;
mod stored;

pub use arrange::{ArrangeError, arrange};
pub use canonical::{Departure, departure, selection};
pub use manifests::{Manifest, build, read_manifests};
pub use names::is_name;
pub use problems::{ManifestError, ManifestProblem, Place, Remark};
pub use stored::{Doubt, Integrity, OpenedTemplates, StoredError, StoredObject};

use crate::tree::{List, Mapping, Node, Path, Step, Value};

/// The API group.
pub const GROUP: &str = "isindir.github.com";
/// The kind.
pub const KIND: &str = "SopsSecret";
/// The one version that is stored and read (operator spec §1.4).
pub const VERSION: &str = "v1alpha3";
/// The annotation whose value `"true"` claims the canonical form: an object that says so and does
/// not verify was tampered with, or was changed by something that does not know the form.
pub const CANONICAL_ANNOTATION: &str = "sops-operator/canonical";

const SPEC: &str = "spec";
const TEMPLATES: &str = "secretTemplates";

/// The version of a `SopsSecret`, such as `v1alpha3`; `None` when the document is something else.
pub fn version(document: &Mapping) -> Option<&str> {
    let (group, version) = text(document, "apiVersion")?.split_once('/')?;
    (group == GROUP && text(document, "kind")? == KIND).then_some(version)
}

/// The path of the annotation that claims the canonical form.
pub fn claim_path() -> Path {
    let keys = ["metadata", "annotations", CANONICAL_ANNOTATION];
    Path(keys.map(|key| Step::Key(key.to_owned())).into())
}

/// The templates of a `SopsSecret`.
pub fn templates(document: &Mapping) -> Option<&List> {
    match document.get(SPEC)? {
        Node::Map(spec) => match spec.get(TEMPLATES)? {
            Node::List(list) => Some(list),
            Node::Map(_) | Node::Leaf(_) => None,
        },
        Node::List(_) | Node::Leaf(_) => None,
    }
}

/// The path of the templates.
pub fn templates_path() -> Path {
    Path(vec![Step::Key(SPEC.to_owned()), Step::Key(TEMPLATES.to_owned())])
}

/// Whether an object claims the canonical form by its annotation.
pub fn claims_canonical(document: &Mapping) -> bool {
    let annotations = match document.get("metadata") {
        Some(Node::Map(metadata)) => metadata.get("annotations"),
        _ => None,
    };
    matches!(annotations, Some(Node::Map(map)) if text(map, CANONICAL_ANNOTATION) == Some("true"))
}

fn text<'m>(mapping: &'m Mapping, key: &str) -> Option<&'m str> {
    match mapping.get(key)? {
        Node::Leaf(leaf) => match &leaf.value {
            Value::Text(text) => text.expose_str(),
            _ => None,
        },
        Node::Map(_) | Node::List(_) => None,
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod arrange_tests;
