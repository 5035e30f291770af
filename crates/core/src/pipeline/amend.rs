//! One value put into a document or taken out of it, as a change to its plaintext.

use super::open::OpenDocument;
use crate::{
    document::PlainDocument,
    format::{self, EmitError, Format, Layout, ParseError},
    tree::{Entry, Item, List, Mapping, Node, Pair, Path, Step, Tree, Value},
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

/// A changed document.
#[derive(Debug)]
pub struct Amended {
    /// What it has become.
    pub document: PlainDocument,
    /// The lines, from 1, of aliases that were replaced by copies, because the change would have
    /// changed what they stand for.
    pub expanded_aliases: Vec<usize>,
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
) -> Result<Amended, AmendError> {
    if path.0.is_empty() {
        return Err(AmendError::WholeDocument);
    }
    let format = document.format;
    let plain = reread(document)?;
    // A text without any document gets its first one.
    if number > 0 && number >= plain.tree.documents.len() {
        return Err(AmendError::NoDocument(number + 1));
    }
    let (plain, expanded_aliases) = without_aliases_of(plain, number, path)?;
    let value = &as_held(format, value.clone());
    let text = plain.layout.put_in(&plain.tree, number, path, value)?;
    let parsed = format::parse(format, text)?;
    let landed = landing(&plain.tree, number, path);
    if get(&parsed.tree, number, &landed).is_none_or(|found| !arrived(format, found, value)) {
        return Err(AmendError::Layout(path.clone()));
    }
    let mut expected = plain.tree;
    if expected.documents.is_empty() {
        expected.documents.push(Mapping::default());
    }
    let root = expected.documents.get_mut(number);
    if let (Some(found), Some(root)) = (get(&parsed.tree, number, &landed), root) {
        insert(root, &path.0, found.clone());
    }
    if !same_documents(&parsed.tree, &expected) {
        return Err(AmendError::Layout(path.clone()));
    }
    let document = PlainDocument { format, tree: parsed.tree, layout: parsed.layout };
    Ok(Amended { document, expanded_aliases })
}

/// The text without what stands at `path` in one of its documents.
///
/// # Errors
/// If nothing stands there.
pub fn remove(document: &OpenDocument, number: usize, path: &Path) -> Result<Amended, AmendError> {
    if path.0.is_empty() {
        return Err(AmendError::WholeDocument);
    }
    let format = document.format;
    let plain = reread(document)?;
    match get(&plain.tree, number, path) {
        None => return Err(AmendError::NotFound(path.clone())),
        // Every INI file has a section DEFAULT, written or not (format §7.5).
        Some(Node::Map(section))
            if is_default(format, path) && section.pairs().next().is_none() =>
        {
            return Err(AmendError::NotFound(path.clone()));
        }
        Some(_) => {}
    }
    let (plain, expanded_aliases) = without_aliases_of(plain, number, path)?;
    let text = plain.layout.remove_from(&plain.tree, number, path)?;
    let parsed = format::parse(format, text)?;
    let mut expected = plain.tree;
    if let Some(root) = expected.documents.get_mut(number) {
        take_out(root, &path.0);
        if is_default(format, path) {
            let section = Pair { key: DEFAULT.to_owned(), value: Node::Map(Mapping::default()) };
            root.entries.insert(0, Entry::Pair(section));
        }
    }
    if !same_documents(&parsed.tree, &expected) {
        return Err(AmendError::Layout(path.clone()));
    }
    let document = PlainDocument { format, tree: parsed.tree, layout: parsed.layout };
    Ok(Amended { document, expanded_aliases })
}

/// The section of keys that stand before any other (format §7.5).
const DEFAULT: &str = "DEFAULT";

fn is_default(format: Format, path: &Path) -> bool {
    format == Format::Ini && matches!(path.0.as_slice(), [Step::Key(key)] if key == DEFAULT)
}

/// Replaces the aliases by copies that a change at `path` would change as well, or that lead to
/// it: in SOPS each of them is a value of its own.
fn without_aliases_of(
    mut plain: PlainDocument,
    number: usize,
    path: &Path,
) -> Result<(PlainDocument, Vec<usize>), AmendError> {
    let mut lines = Vec::new();
    while let Some(expanded) = plain.layout.expand_for_change(&plain.tree, number, path) {
        if lines.is_empty() {
            lines = expanded.lines;
        }
        let format = plain.format;
        let parsed = format::parse(format, expanded.text)?;
        if !same_documents(&parsed.tree, &plain.tree) {
            return Err(AmendError::Layout(path.clone()));
        }
        plain = PlainDocument { format, tree: parsed.tree, layout: parsed.layout };
    }
    Ok((plain, lines))
}

/// A value as the format holds it: dotenv and INI have texts only.
fn as_held(format: Format, mut value: Node) -> Node {
    fn to_text(node: &mut Node) {
        match node {
            Node::Leaf(leaf) => leaf.value = Value::Text(format::text_of(&leaf.value)),
            Node::Map(mapping) => mapping.entries.iter_mut().for_each(|entry| {
                if let Entry::Pair(pair) = entry {
                    to_text(&mut pair.value);
                }
            }),
            Node::List(_) => {}
        }
    }
    if matches!(format, Format::Dotenv | Format::Ini) {
        to_text(&mut value);
    }
    value
}

/// Puts a value into a tree as [`put`] says it, to compare with what came of the text.
fn insert(mapping: &mut Mapping, steps: &[Step], value: Node) {
    let Some((Step::Key(key), rest)) = steps.split_first() else { return };
    match mapping.entries.iter_mut().find_map(|entry| match entry {
        Entry::Pair(pair) if pair.key == *key => Some(&mut pair.value),
        _ => None,
    }) {
        Some(node) => insert_in(node, rest, value),
        None => {
            let mut node = Node::Map(Mapping::default());
            insert_in(&mut node, rest, value);
            mapping.push(key.as_str(), node);
        }
    }
}

fn insert_in(node: &mut Node, steps: &[Step], value: Node) {
    match steps.first() {
        None => *node = value,
        Some(Step::Key(_)) => {
            if !matches!(node, Node::Map(_)) {
                *node = Node::Map(Mapping::default());
            }
            if let Node::Map(mapping) = node {
                insert(mapping, steps, value);
            }
        }
        Some(Step::Index(at)) => {
            if !matches!(node, Node::List(_)) {
                *node = Node::List(List::default());
            }
            let Node::List(list) = node else { return };
            let found = list.items.iter_mut().filter_map(|item| match item {
                Item::Value(node) => Some(node),
                Item::Comment(_) => None,
            });
            match found.into_iter().nth(*at) {
                Some(node) => insert_in(node, &steps[1..], value),
                None => {
                    let mut node = Node::Map(Mapping::default());
                    insert_in(&mut node, &steps[1..], value);
                    list.push(node);
                }
            }
        }
    }
}

/// Takes a value out of a tree, to compare with what came of the text.
fn take_out(mapping: &mut Mapping, steps: &[Step]) {
    let Some((Step::Key(key), rest)) = steps.split_first() else { return };
    let found = mapping.entries.iter().position(|entry| match entry {
        Entry::Pair(pair) => pair.key == *key,
        Entry::Comment(_) => false,
    });
    let Some(found) = found else { return };
    match (&mut mapping.entries[found], rest) {
        (_, []) => drop(mapping.entries.remove(found)),
        (Entry::Pair(pair), rest) => take_out_of(&mut pair.value, rest),
        (Entry::Comment(_), _) => {}
    }
}

fn take_out_of(node: &mut Node, steps: &[Step]) {
    match (node, steps) {
        (Node::Map(mapping), steps) => take_out(mapping, steps),
        (Node::List(list), [Step::Index(at), rest @ ..]) => {
            let mut values =
                list.items.iter().enumerate().filter_map(|(number, item)| match item {
                    Item::Value(_) => Some(number),
                    Item::Comment(_) => None,
                });
            let Some(found) = values.nth(*at) else { return };
            match (&mut list.items[found], rest) {
                (_, []) => drop(list.items.remove(found)),
                (Item::Value(node), rest) => take_out_of(node, rest),
                (Item::Comment(_), _) => {}
            }
        }
        _ => {}
    }
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
        (Node::Map(a), Node::Map(b)) => same_mappings(a, b),
        (Node::List(a), Node::List(b)) => {
            a.values().count() == b.values().count()
                && a.values().zip(b.values()).all(|(a, b)| same(a, b))
        }
        _ => false,
    }
}

fn same_mappings(a: &Mapping, b: &Mapping) -> bool {
    a.pairs().count() == b.pairs().count()
        && a.pairs().zip(b.pairs()).all(|(a, b)| a.key == b.key && same(&a.value, &b.value))
}

/// Whether two trees hold the same values; comments do not matter.
pub(crate) fn same_documents(a: &Tree, b: &Tree) -> bool {
    a.documents.len() == b.documents.len()
        && a.documents.iter().zip(&b.documents).all(|(a, b)| same_mappings(a, b))
}
