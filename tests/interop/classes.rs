//! Documents that the reference cannot read back once it has written them (format §9a). Which
//! class a document is in follows from its text and its rule, never from what a program says of
//! it; and each class says what ours has to do all the same.

use sops_core::format::Format;
use sops_core::tree::{Mapping, Node, Value};

use crate::case::Case;
use crate::data;

/// Why the reference's own file is no measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// W1: a text of several lines that begins with a tab comes out as `null`.
    TabFirst,
    /// W2: a text of several lines that begins with a blank or an empty line, in a list, comes
    /// out with a wrong indentation indicator.
    BlankFirstInList,
}

/// The classes of a document; none for nearly all.
pub(crate) fn of(case: &Case) -> Vec<Class> {
    let mut found = Vec::new();
    if case.format == Format::Yaml
        && let Ok(tree) = data::read(case.format, &case.text.bytes)
    {
        for document in &tree.documents {
            mapping(document, false, &mut found);
        }
    }
    found.sort();
    found.dedup();
    found
}

fn mapping(mapping: &Mapping, in_list: bool, found: &mut Vec<Class>) {
    for pair in mapping.pairs() {
        node(&pair.value, in_list, found);
    }
}

fn node(value: &Node, in_list: bool, found: &mut Vec<Class>) {
    match value {
        Node::Map(map) => mapping(map, in_list, found),
        Node::List(list) => list.values().for_each(|item| node(item, true, found)),
        Node::Leaf(leaf) => {
            if let Value::Text(text) = &leaf.value
                && text.expose().contains(&b'\n')
            {
                match text.expose() {
                    [b'\t', ..] => found.push(Class::TabFirst),
                    [b' ' | b'\n', ..] if in_list => found.push(Class::BlankFirstInList),
                    _ => {}
                }
            }
        }
    }
}
