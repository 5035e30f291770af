//! One value put into a document or taken out of it, as a change to its plaintext.

use super::open::OpenDocument;
use crate::{
    document::PlainDocument,
    format::{self, EmitError, Format, Layout, ParseError},
    tree::{Node, Path, Step, Tree, Value},
};

/// Why a value was not put in or taken out.
#[derive(Debug, thiserror::Error)]
pub enum AmendError {
    /// There is nothing at the path.
    #[error("there is nothing at {0}")]
    NotFound(Path),
    /// There are not so many documents.
    #[error("there is no document {0}")]
    NoDocument(usize),
    /// The path is empty: it names the whole document.
    #[error("the path is empty, and names the whole document")]
    WholeDocument,
    /// The document cannot hold the value there.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The text after the change does not read.
    #[error("the change would leave a text that does not read")]
    Parse(#[from] ParseError),
    /// The text after the change says something else than it should.
    #[error("{0}: the layout around this place does not allow the change; use `edit`")]
    Layout(Path),
}

/// The text with `value` at `path` in one of its documents, containers made where they are
/// missing (CLI §3.4). `number` counts from 0; formats other than YAML have one document.
///
/// # Errors
/// If there is no such document, or it cannot hold the value.
pub fn put(
    document: &OpenDocument,
    number: usize,
    path: &Path,
    value: &Node,
) -> Result<PlainDocument, AmendError> {
    if path.0.is_empty() {
        return Err(AmendError::WholeDocument);
    }
    let plain = reread(document)?;
    // A text without any document gets its first one.
    if number > 0 && number >= plain.tree.documents.len() {
        return Err(AmendError::NoDocument(number + 1));
    }
    let text = plain.layout.put_in(&plain.tree, number, path, value)?;
    let parsed = format::parse(document.format, text)?;
    let landed = landing(&plain.tree, number, path);
    let format = document.format;
    if get(&parsed.tree, number, &landed).is_none_or(|found| !arrived(format, found, value)) {
        return Err(AmendError::Layout(path.clone()));
    }
    Ok(PlainDocument { format: document.format, tree: parsed.tree, layout: parsed.layout })
}

/// The text without what stands at `path` in one of its documents.
///
/// # Errors
/// If nothing stands there.
pub fn remove(
    document: &OpenDocument,
    number: usize,
    path: &Path,
) -> Result<PlainDocument, AmendError> {
    if path.0.is_empty() {
        return Err(AmendError::WholeDocument);
    }
    let plain = reread(document)?;
    if get(&plain.tree, number, path).is_none() {
        return Err(AmendError::NotFound(path.clone()));
    }
    let text = plain.layout.remove_from(&plain.tree, number, path)?;
    let parsed = format::parse(document.format, text)?;
    if count(&parsed.tree) >= count(&plain.tree) {
        return Err(AmendError::Layout(path.clone()));
    }
    Ok(PlainDocument { format: document.format, tree: parsed.tree, layout: parsed.layout })
}

/// The value at a path of a document; comments do not count as positions.
pub fn get<'t>(tree: &'t Tree, number: usize, path: &Path) -> Option<&'t Node> {
    let mut steps = path.0.iter();
    let root = tree.documents.get(number)?;
    let Some(Step::Key(first)) = steps.next() else { return None };
    steps.try_fold(root.get(first)?, |node, step| match (step, node) {
        (Step::Key(key), Node::Map(mapping)) => mapping.get(key),
        (Step::Index(at), Node::List(list)) => list.values().nth(*at),
        _ => None,
    })
}

fn reread(document: &OpenDocument) -> Result<PlainDocument, AmendError> {
    let parsed = format::parse(document.format, document.text()?)?;
    let layout: Box<dyn Layout> = parsed.layout;
    Ok(PlainDocument { format: document.format, tree: parsed.tree, layout })
}

/// Where a path leads once positions beyond a list's end mean its end.
fn landing(tree: &Tree, number: usize, path: &Path) -> Path {
    let mut landed = Path::default();
    for step in &path.0 {
        let step = match step {
            Step::Key(_) => step.clone(),
            Step::Index(at) => {
                let length = match get(tree, number, &landed) {
                    Some(Node::List(list)) => list.values().count(),
                    _ => 0,
                };
                Step::Index((*at).min(length))
            }
        };
        landed.0.push(step);
    }
    landed
}

/// Whether a value reads as it was put. In a dotenv file whose lines end with a carriage return,
/// that is part of every value (format §7.4), so also of a new one.
fn arrived(format: Format, found: &Node, value: &Node) -> bool {
    if same(found, value) {
        return true;
    }
    match (found, value) {
        (Node::Leaf(found), Node::Leaf(value)) if format == Format::Dotenv => {
            matches!((&found.value, &value.value), (Value::Text(found), Value::Text(value))
                if found.expose().strip_suffix(b"\r") == Some(value.expose()))
        }
        _ => false,
    }
}

/// Whether two nodes hold the same values; comments do not matter.
fn same(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::Leaf(a), Node::Leaf(b)) => a.value == b.value,
        (Node::Map(a), Node::Map(b)) => {
            a.pairs().count() == b.pairs().count()
                && a.pairs().zip(b.pairs()).all(|(a, b)| a.key == b.key && same(&a.value, &b.value))
        }
        (Node::List(a), Node::List(b)) => {
            a.values().count() == b.values().count()
                && a.values().zip(b.values()).all(|(a, b)| same(a, b))
        }
        _ => false,
    }
}

fn count(tree: &Tree) -> usize {
    fn nodes(node: &Node) -> usize {
        1 + match node {
            Node::Leaf(_) => 0,
            Node::Map(mapping) => mapping.pairs().map(|pair| nodes(&pair.value)).sum(),
            Node::List(list) => list.values().map(nodes).sum(),
        }
    }
    tree.documents.iter().flat_map(|document| document.pairs()).map(|pair| nodes(&pair.value)).sum()
}
