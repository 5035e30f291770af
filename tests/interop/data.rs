//! Whether two texts of one format say the same: values in order, without layout and comments.

use sops_core::format::{self, Format};
use sops_core::tree::{Mapping, Node, Tree, Value};

use crate::tool::Finding;

/// What a text says.
pub(crate) fn read(format: Format, text: &[u8]) -> Result<Tree, Finding> {
    match format::parse(format, text.into()) {
        Ok(parsed) => Ok(parsed.tree),
        Err(error) => Err(format!("{error}\n--- text\n{}", String::from_utf8_lossy(text))),
    }
}

/// Compares two texts; the finding names the first difference.
pub(crate) fn same(format: Format, a: &[u8], b: &[u8]) -> Result<(), Finding> {
    same_trees(&read(format, a)?, &read(format, b)?).map_err(|difference| {
        let (a, b) = (String::from_utf8_lossy(a), String::from_utf8_lossy(b));
        format!("{difference}\n--- one\n{a}\n--- other\n{b}")
    })
}

/// Compares two trees.
pub(crate) fn same_trees(a: &Tree, b: &Tree) -> Result<(), Finding> {
    if a.documents.len() != b.documents.len() {
        return Err(format!("{} and {} documents", a.documents.len(), b.documents.len()));
    }
    a.documents.iter().zip(&b.documents).try_for_each(|(a, b)| mappings("", a, b))
}

fn mappings(path: &str, a: &Mapping, b: &Mapping) -> Result<(), Finding> {
    let keys = |mapping: &Mapping| mapping.pairs().map(|pair| pair.key.clone()).collect::<Vec<_>>();
    if keys(a) != keys(b) {
        return Err(format!("{path}: keys {:?} and {:?}", keys(a), keys(b)));
    }
    a.pairs()
        .zip(b.pairs())
        .try_for_each(|(a, b)| nodes(&format!("{path}.{}", a.key), &a.value, &b.value))
}

fn nodes(path: &str, a: &Node, b: &Node) -> Result<(), Finding> {
    match (a, b) {
        (Node::Map(a), Node::Map(b)) => mappings(path, a, b),
        (Node::List(a), Node::List(b)) if a.values().count() == b.values().count() => a
            .values()
            .zip(b.values())
            .enumerate()
            .try_for_each(|(at, (a, b))| nodes(&format!("{path}[{at}]"), a, b)),
        (Node::Leaf(a), Node::Leaf(b)) if same_values(&a.value, &b.value) => Ok(()),
        (a, b) => Err(format!("{path}: {} and {}", shown(a), shown(b))),
    }
}

/// The reference writes the float 1.0 as `1` (format §9a, W8); as numbers they are the same.
fn same_values(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(int), Value::Float(float)) | (Value::Float(float), Value::Int(int)) => {
            #[allow(clippy::cast_precision_loss, reason = "the other one has no more precision")]
            let int = *int as f64;
            int == *float
        }
        (Value::Float(a), Value::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
        _ => a == b,
    }
}

fn shown(node: &Node) -> String {
    match node {
        Node::Map(_) => "a mapping".to_owned(),
        Node::List(list) => format!("a list of {}", list.values().count()),
        Node::Leaf(leaf) => match &leaf.value {
            Value::Text(text) => format!("text {:?}", String::from_utf8_lossy(text.expose())),
            Value::Int(int) => format!("int {int}"),
            Value::Float(float) => format!("float {float:?}"),
            Value::Bool(bool) => format!("bool {bool}"),
            Value::Null => "null".to_owned(),
            Value::Time(time) => format!("time {time}"),
        },
    }
}
