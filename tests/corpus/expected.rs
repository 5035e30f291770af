//! What a file has to say after a change, worked out on what Go sops read from it before.

use sops_core::format::Format;
use sops_core::tree::{Entry, Item, Leaf, Mapping, Node, Pair, Tree, Value};

use crate::case::{MARKED, MARKER};
use crate::data;
use crate::tool::Finding;

/// What a file says, as plain text in its format.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// Binary files have no values.
    Bytes(Vec<u8>),
    Values(Tree),
}

impl Said {
    pub(crate) fn of(format: Format, text: &[u8]) -> Result<Self, Finding> {
        match format {
            Format::Binary => Ok(Self::Bytes(text.to_owned())),
            // A new line gets a carriage return from ours where the others have one, and none from
            // the reference.
            Format::Dotenv => {
                let text: Vec<u8> = text.iter().copied().filter(|&b| b != b'\r').collect();
                data::read(format, &text).map(Self::Values)
            }
            _ => data::read(format, text).map(Self::Values),
        }
    }

    /// The marker was replaced in an editor.
    pub(crate) fn edit(&mut self) {
        match self {
            Self::Bytes(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                // Other bytes than those of a text stay as they are.
                let at = bytes.windows(MARKER.len()).position(|part| part == MARKER.as_bytes());
                let at = at.unwrap_or_else(|| panic!("no marker in {text}"));
                bytes.splice(at..at + MARKER.len(), MARKED.bytes());
            }
            Self::Values(tree) => tree.documents.iter_mut().for_each(edit_mapping),
        }
    }

    /// A key of the first document, or of a section of it, was given a text.
    pub(crate) fn set(&mut self, section: Option<&str>, key: &str, text: &str) {
        let value = || Node::Leaf(Leaf::new(Value::text(text)));
        let Some(mapping) = self.mapping(section) else { return };
        let found = mapping.entries.iter_mut().find_map(|entry| match entry {
            Entry::Pair(pair) if pair.key == key => Some(pair),
            _ => None,
        });
        match found {
            Some(pair) => pair.value = value(),
            None => {
                let pair = Pair { key: key.to_owned(), value: value() };
                mapping.entries.push(Entry::Pair(pair));
            }
        }
    }

    /// A key was taken out.
    pub(crate) fn unset(&mut self, section: Option<&str>, key: &str) {
        let Some(mapping) = self.mapping(section) else { return };
        let is = |entry: &Entry| matches!(entry, Entry::Pair(pair) if pair.key == key);
        assert!(mapping.entries.iter().any(is), "there is no {key} to take out");
        mapping.entries.retain(|entry| !is(entry));
    }

    fn mapping(&mut self, section: Option<&str>) -> Option<&mut Mapping> {
        let Self::Values(tree) = self else { return None };
        let first = tree.documents.first_mut()?;
        let Some(section) = section else { return Some(first) };
        let found = first.entries.iter_mut().find_map(|entry| match entry {
            Entry::Pair(Pair { key, value: Node::Map(map) }) if key == section => Some(map),
            _ => None,
        });
        Some(found.expect("the section is there"))
    }

    /// Nothing when both say the same, in the same order; comments of the other one are there.
    pub(crate) fn same(&self, other: &Self, comments: bool) -> Result<(), Finding> {
        let (one, other) = match (self, other) {
            (Self::Bytes(one), Self::Bytes(other)) if one == other => return Ok(()),
            (Self::Values(one), Self::Values(other)) => (one, other),
            _ => return Err("other bytes".to_owned()),
        };
        data::same_trees(one, other)?;
        let (have, want) = (comments_of(one), comments_of(other));
        match want.iter().find(|comment| !have.contains(comment)) {
            Some(lost) if comments => Err(format!("no comment {lost:?}")),
            _ => Ok(()),
        }
    }
}

fn edit_mapping(mapping: &mut Mapping) {
    for entry in &mut mapping.entries {
        if let Entry::Pair(pair) = entry {
            edit_node(&mut pair.value);
        }
    }
}

fn edit_node(node: &mut Node) {
    match node {
        Node::Map(map) => edit_mapping(map),
        Node::List(list) => {
            for item in &mut list.items {
                if let Item::Value(value) = item {
                    edit_node(value);
                }
            }
        }
        Node::Leaf(leaf) => {
            if leaf.value == Value::text(MARKER) {
                leaf.value = Value::text(MARKED);
            }
        }
    }
}

fn comments_of(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    tree.documents.iter().for_each(|document| comments_of_mapping(document, &mut found));
    found
}

fn comments_of_mapping(mapping: &Mapping, found: &mut Vec<String>) {
    for entry in &mapping.entries {
        match entry {
            Entry::Comment(comment) => found.push(words(comment.text.expose())),
            Entry::Pair(pair) => comments_of_node(&pair.value, found),
        }
    }
}

fn comments_of_node(node: &Node, found: &mut Vec<String>) {
    match node {
        Node::Map(map) => comments_of_mapping(map, found),
        Node::List(list) => {
            for item in &list.items {
                match item {
                    Item::Comment(comment) => found.push(words(comment.text.expose())),
                    Item::Value(value) => comments_of_node(value, found),
                }
            }
        }
        Node::Leaf(_) => {}
    }
}

fn words(text: &[u8]) -> String {
    String::from_utf8_lossy(text).trim().to_owned()
}
