//! What differs between two versions of a document, by key path and without any value.
//!
//! Rules of this module:
//!
//! - A change says where and what kind of thing, never what it holds. Values in clear are treated
//!   like sealed ones: who may read the list of changes need not be able to read the file.
//! - Equal ciphertext is an equal value: nonces are not used twice for different ones. Different
//!   ciphertext says nothing by itself; the opened trees, if the caller has them, do.
//! - Items of lists are matched by content first, so that one item put in front is one change.

mod align;
mod metadata;

pub use metadata::{GroupChange, MetadataChange, metadata};

use crate::{
    crypto::Envelope,
    tree::{Entry, Item, Leaf, List, Mapping, Node, Path, Step, Tree, Value},
};
use align::{Pairing, align};

/// One version of a document.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The tree as it stands in the file.
    pub tree: &'a Tree,
    /// Whether tokens in it are sealed values; in a plain file they are text.
    pub sealed: bool,
    /// The same tree with its values open, if the caller had a key.
    pub open: Option<&'a Tree>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The document, from 0.
    pub document: usize,
    /// The path in the newer version; of what was removed, in the older one.
    pub path: Path,
    /// What happened there.
    pub kind: ChangeKind,
}

/// What happened at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added(What),
    /// It is gone.
    Removed(What),
    /// It holds something else.
    Changed(What, What),
    /// It holds the same, sealed anew.
    Resealed(What),
    /// It holds the same, and is sealed now or is in clear now.
    SameValue(What, What),
    /// Its ciphertext is another one; without a key nobody can tell whether its value is.
    Unknown(What, What),
    /// Comments in this mapping or list came or went.
    Comments {
        /// How many came.
        added: usize,
        /// How many went.
        removed: usize,
        /// Whether that is certain. If not, some of them are sealed, and may be the same as others
        /// that are sealed otherwise or in clear.
        certain: bool,
    },
}

/// What kind of thing stands somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A scalar.
    Leaf {
        /// Its type, as tokens name it; `null` for nothing.
        kind: &'static str,
        /// Whether it is sealed.
        sealed: bool,
    },
    /// A mapping.
    Mapping {
        /// How many values are in it, at any depth.
        values: usize,
    },
    /// A list.
    List {
        /// How many values are in it, at any depth.
        values: usize,
    },
}

/// What differs between two versions, in the order of the newer one.
pub fn changes(old: Side<'_>, new: Side<'_>) -> Vec<Change> {
    let count = old.tree.documents.len().max(new.tree.documents.len());
    let empty = Mapping::default();
    let mut found = Vec::new();
    for document in 0..count {
        let mut compare = Compare { old, new, document, path: Path::default(), found: &mut found };
        let before = View {
            node: old.tree.documents.get(document).unwrap_or(&empty),
            open: old.open.and_then(|tree| tree.documents.get(document)),
        };
        let after = View {
            node: new.tree.documents.get(document).unwrap_or(&empty),
            open: new.open.and_then(|tree| tree.documents.get(document)),
        };
        compare.mappings(before, after);
    }
    found
}

/// A part of a tree, and the same part with its values open.
#[derive(Debug)]
struct View<'a, T> {
    node: &'a T,
    open: Option<&'a T>,
}

impl<T> Clone for View<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for View<'_, T> {}

struct Compare<'a, 'f> {
    old: Side<'a>,
    new: Side<'a>,
    document: usize,
    path: Path,
    found: &'f mut Vec<Change>,
}

impl<'a> Compare<'a, '_> {
    fn mappings(&mut self, old: View<'a, Mapping>, new: View<'a, Mapping>) {
        self.comments(old, new, comments_of_mapping);
        let (before, after) = (pairs(old), pairs(new));
        let names = |pairs: &[(&str, View<'a, Node>)]| -> Vec<(String, usize)> {
            // Keys may repeat: the second of a name is matched with the second.
            let mut seen = std::collections::HashMap::<&str, usize>::new();
            pairs
                .iter()
                .map(|(key, _)| {
                    let number = seen.entry(key).or_default();
                    *number += 1;
                    ((*key).to_owned(), *number)
                })
                .collect()
        };
        let (names_before, names_after) = (names(&before), names(&after));
        let place: std::collections::HashMap<_, _> =
            names_before.iter().enumerate().map(|(at, name)| (name, at)).collect();
        let mut left = vec![true; before.len()];
        for (name, (key, node)) in names_after.iter().zip(&after) {
            let known = place.get(name).copied();
            if let Some(at) = known {
                left[at] = false;
            }
            self.path.0.push(Step::Key((*key).to_owned()));
            self.nodes(known.map(|at| before[at].1), Some(*node));
            self.path.0.pop();
        }
        for ((key, node), _) in before.iter().zip(left).filter(|(_, left)| *left) {
            self.path.0.push(Step::Key((*key).to_owned()));
            self.nodes(Some(*node), None);
            self.path.0.pop();
        }
    }

    fn lists(&mut self, old: View<'a, List>, new: View<'a, List>) {
        self.comments(old, new, comments_of_list);
        let (before, after) = (values(old), values(new));
        let same = |a: usize, b: usize| {
            equal(before[a].node, after[b].node)
                || matches!((before[a].open, after[b].open), (Some(a), Some(b)) if equal(a, b))
        };
        for pairing in align(before.len(), after.len(), same) {
            let (at, a, b) = match pairing {
                Pairing::Both(a, b) => (b, Some(before[a]), Some(after[b])),
                Pairing::Old(a) => (a, Some(before[a]), None),
                Pairing::New(b) => (b, None, Some(after[b])),
            };
            self.path.0.push(Step::Index(at));
            self.nodes(a, b);
            self.path.0.pop();
        }
    }

    fn nodes(&mut self, old: Option<View<'a, Node>>, new: Option<View<'a, Node>>) {
        match (old, new) {
            (None, None) => {}
            (Some(old), None) => self.push(ChangeKind::Removed(what(old.node, self.old.sealed))),
            (None, Some(new)) => self.push(ChangeKind::Added(what(new.node, self.new.sealed))),
            (Some(old), Some(new)) => match (old.node, new.node) {
                (Node::Map(a), Node::Map(b)) => {
                    let open = |view: View<'a, Node>| match view.open {
                        Some(Node::Map(mapping)) => Some(mapping),
                        _ => None,
                    };
                    self.mappings(
                        View { node: a, open: open(old) },
                        View { node: b, open: open(new) },
                    );
                }
                (Node::List(a), Node::List(b)) => {
                    let open = |view: View<'a, Node>| match view.open {
                        Some(Node::List(list)) => Some(list),
                        _ => None,
                    };
                    self.lists(
                        View { node: a, open: open(old) },
                        View { node: b, open: open(new) },
                    );
                }
                (Node::Leaf(a), Node::Leaf(b)) => {
                    let open = |view: View<'a, Node>| match view.open {
                        Some(Node::Leaf(leaf)) => Some(leaf),
                        _ => None,
                    };
                    self.leaves(a, b, open(old), open(new));
                }
                (a, b) => {
                    let (a, b) = (what(a, self.old.sealed), what(b, self.new.sealed));
                    self.push(ChangeKind::Changed(a, b));
                }
            },
        }
    }

    fn leaves(&mut self, old: &Leaf, new: &Leaf, old_open: Option<&Leaf>, new_open: Option<&Leaf>) {
        let (a, b) = (leaf(old, self.old.sealed), leaf(new, self.new.sealed));
        let sealed = |what: What| matches!(what, What::Leaf { sealed: true, .. });
        if old.value == new.value && sealed(a) == sealed(b) {
            return;
        }
        // What each side holds, as far as it can be known.
        let value = |leaf: &'_ Leaf, open: Option<&Leaf>, sealed: bool| match (open, sealed) {
            (Some(open), _) => Some(open.value.clone()),
            (None, false) => Some(leaf.value.clone()),
            (None, true) => None,
        };
        let values = (value(old, old_open, sealed(a)), value(new, new_open, sealed(b)));
        let same_kind =
            matches!((a, b), (What::Leaf { kind: a, .. }, What::Leaf { kind: b, .. }) if a == b);
        let kind = match values {
            (Some(x), Some(y)) if x == y && sealed(a) && sealed(b) => ChangeKind::Resealed(b),
            (Some(x), Some(y)) if x == y => ChangeKind::SameValue(a, b),
            (Some(_), Some(_)) => ChangeKind::Changed(a, b),
            // Another type is another value, whatever it is.
            _ if !same_kind => ChangeKind::Changed(a, b),
            _ => ChangeKind::Unknown(a, b),
        };
        self.push(kind);
    }

    fn comments<T>(&mut self, old: View<'a, T>, new: View<'a, T>, of: fn(&'a T) -> Vec<&'a [u8]>) {
        // Texts in clear if both sides have them; tokens of the same comment differ otherwise.
        let (before, after, open) = match (old.open, new.open) {
            (Some(old), Some(new)) => (of(old), of(new), true),
            _ => (of(old.node), of(new.node), false),
        };
        let missing = |from: &[&'a [u8]], of: &[&[u8]]| -> Vec<&'a [u8]> {
            let mut of = of.to_vec();
            let unknown = |text: &&&[u8]| match of.iter().position(|other| other == *text) {
                Some(at) => {
                    of.swap_remove(at);
                    false
                }
                None => true,
            };
            from.iter().filter(unknown).copied().collect()
        };
        let (came, went) = (missing(&after, &before), missing(&before, &after));
        let (added, removed) = (came.len(), went.len());
        // A comment that went and one that came may be the same, sealed anew or unsealed.
        let certain = open
            || added == 0
            || removed == 0
            || !came.iter().chain(&went).any(|text| Envelope::is_comment(text));
        if added + removed > 0 {
            self.push(ChangeKind::Comments { added, removed, certain });
        }
    }

    fn push(&mut self, kind: ChangeKind) {
        self.found.push(Change { document: self.document, path: self.path.clone(), kind });
    }
}

fn pairs<'a>(view: View<'a, Mapping>) -> Vec<(&'a str, View<'a, Node>)> {
    let mut open = view.open.map(Mapping::pairs);
    view.node
        .pairs()
        .map(|pair| {
            let open = open.as_mut().and_then(Iterator::next).map(|pair| &pair.value);
            (pair.key.as_str(), View { node: &pair.value, open })
        })
        .collect()
}

fn values<'a>(view: View<'a, List>) -> Vec<View<'a, Node>> {
    let mut open = view.open.map(List::values);
    view.node
        .values()
        .map(|node| View { node, open: open.as_mut().and_then(Iterator::next) })
        .collect()
}

fn comments_of_mapping(mapping: &Mapping) -> Vec<&[u8]> {
    let entries = mapping.entries.iter();
    entries
        .filter_map(|entry| match entry {
            Entry::Comment(comment) => Some(comment.text.expose()),
            Entry::Pair(_) => None,
        })
        .collect()
}

fn comments_of_list(list: &List) -> Vec<&[u8]> {
    let items = list.items.iter();
    items
        .filter_map(|item| match item {
            Item::Comment(comment) => Some(comment.text.expose()),
            Item::Value(_) => None,
        })
        .collect()
}

/// Whether two nodes say the same, comments included.
fn equal(a: &Node, b: &Node) -> bool {
    a == b
}

/// The kind of a node.
fn what(node: &Node, sealed: bool) -> What {
    match node {
        Node::Map(_) => What::Mapping { values: count(node) },
        Node::List(_) => What::List { values: count(node) },
        Node::Leaf(found) => leaf(found, sealed),
    }
}

fn leaf(leaf: &Leaf, sealed: bool) -> What {
    if sealed
        && let Value::Text(text) = &leaf.value
        && let Ok(token) = Envelope::parse(text.expose())
    {
        return What::Leaf { kind: token.kind.name(), sealed: true };
    }
    let kind = leaf.value.kind().map_or("null", |kind| kind.name());
    What::Leaf { kind, sealed: false }
}

fn count(node: &Node) -> usize {
    match node {
        Node::Leaf(_) => 1,
        Node::Map(mapping) => mapping.pairs().map(|pair| count(&pair.value)).sum(),
        Node::List(list) => list.values().map(count).sum(),
    }
}

#[cfg(test)]
mod tests;
