//! The tree, put together out of the containers once all comments have found theirs.

use std::collections::{HashMap, HashSet};

use super::{
    super::{ParseError, Problem},
    model::{ContainerId, Site, SlotId, ValueSite},
    parse::error_at,
};
use crate::tree::{
    Comment, Entry, Item, Leaf, List, MAX_DEPTH, Mapping, Mark, Node, Pair, Tree, Value,
};

/// Nodes that aliases may expand to beyond ten times the values written out.
const ALIAS_ALLOWANCE: usize = 10_000;

/// What a container holds until the tree is put together.
pub(super) enum RawValue {
    Leaf(Value, SlotId),
    Container(ContainerId),
    Alias(u32),
}

/// An entry until the tree is put together.
pub(super) struct RawEntry {
    pub(super) key: Option<String>,
    pub(super) value: RawValue,
}

/// The documents. `raw` holds the entries of each container, `attached` its comments, each with
/// the number of the entry it stands before; `leaves` is how many values are written out.
pub(super) fn assemble(
    text: &str,
    site: &Site,
    raw: Vec<Vec<RawEntry>>,
    attached: Vec<Vec<(usize, Comment)>>,
    leaves: usize,
) -> Result<Tree, ParseError> {
    let mut assembly = Assembly {
        text,
        site,
        raw,
        attached,
        budget: leaves.saturating_mul(10).saturating_add(ALIAS_ALLOWANCE),
        copied: 0,
        depth: 0,
        wanted: site.aliases.iter().map(|alias| alias.target).collect(),
        copies: HashMap::new(),
    };
    let documents = site.documents.iter().map(|frame| assembly.mapping(frame.root));
    Ok(Tree { documents: documents.collect::<Result<_, _>>()? })
}

struct Assembly<'a> {
    text: &'a str,
    site: &'a Site,
    raw: Vec<Vec<RawEntry>>,
    attached: Vec<Vec<(usize, Comment)>>,
    /// Nodes that aliases may expand to.
    budget: usize,
    copied: usize,
    depth: usize,
    /// Nodes that aliases stand for, and their copies once put together.
    wanted: HashSet<ValueSite>,
    copies: HashMap<ValueSite, Node>,
}

impl Assembly<'_> {
    fn mapping(&mut self, id: ContainerId) -> Result<Mapping, ParseError> {
        let raw = std::mem::take(&mut self.raw[id as usize]);
        let mut comments = std::mem::take(&mut self.attached[id as usize]).into_iter().peekable();
        let mut entries = Vec::with_capacity(raw.len());
        for (index, entry) in raw.into_iter().enumerate() {
            while let Some((_, comment)) = comments.next_if(|(at, _)| *at <= index) {
                entries.push(Entry::Comment(comment));
            }
            let value = self.node(entry.value)?;
            entries.push(Entry::Pair(Pair { key: entry.key.unwrap_or_default(), value }));
        }
        entries.extend(comments.map(|(_, comment)| Entry::Comment(comment)));
        Ok(Mapping { entries })
    }

    fn list(&mut self, id: ContainerId) -> Result<List, ParseError> {
        let raw = std::mem::take(&mut self.raw[id as usize]);
        let mut comments = std::mem::take(&mut self.attached[id as usize]).into_iter().peekable();
        let mut items = Vec::with_capacity(raw.len());
        for (index, entry) in raw.into_iter().enumerate() {
            while let Some((_, comment)) = comments.next_if(|(at, _)| *at <= index) {
                items.push(Item::Comment(comment));
            }
            items.push(Item::Value(self.node(entry.value)?));
        }
        items.extend(comments.map(|(_, comment)| Item::Comment(comment)));
        Ok(List { items })
    }

    fn node(&mut self, raw: RawValue) -> Result<Node, ParseError> {
        let (site, node) = match raw {
            RawValue::Leaf(value, slot) => {
                let leaf = Leaf::at(Mark::new(slot as usize), value);
                (ValueSite::Leaf(slot), Node::Leaf(leaf))
            }
            RawValue::Container(id) => {
                self.depth += 1;
                let node = if self.site.containers[id as usize].list {
                    Node::List(self.list(id)?)
                } else {
                    Node::Map(self.mapping(id)?)
                };
                self.depth -= 1;
                (ValueSite::Container(id), node)
            }
            RawValue::Alias(alias) => return self.copy(alias),
        };
        if self.wanted.contains(&site) {
            self.copies.insert(site, node.clone());
        }
        Ok(node)
    }

    /// A copy of what an alias stands for; each of its leaves carries the alias's own mark.
    fn copy(&mut self, alias: u32) -> Result<Node, ParseError> {
        let site = &self.site.aliases[alias as usize];
        let start = self.site.slots[site.slot as usize].start as usize;
        let mark = Mark::new(site.slot as usize);
        let Some(mut node) = self.copies.get(&site.target).cloned() else {
            let problem = "this alias stands before its anchor".to_owned();
            return Err(error_at(self.text, start, Problem::Syntax(problem)));
        };
        let (nodes, depth) = mark_copy(&mut node, mark);
        self.copied += nodes;
        if self.copied > self.budget {
            return Err(error_at(self.text, start, Problem::AliasBomb { limit: self.budget }));
        }
        if self.depth + depth > MAX_DEPTH {
            return Err(error_at(self.text, start, Problem::TooDeep { limit: MAX_DEPTH }));
        }
        Ok(node)
    }
}

/// Marks each leaf of a copy and drops its comments, which stand in the text once only. Gives
/// the number of nodes and the depth.
fn mark_copy(node: &mut Node, mark: Mark) -> (usize, usize) {
    let below = match node {
        Node::Leaf(leaf) => {
            leaf.mark = mark;
            return (1, 0);
        }
        Node::Map(mapping) => {
            mapping.entries.retain(|entry| matches!(entry, Entry::Pair(_)));
            mapping.entries.iter_mut().fold((0, 0), |total, entry| match entry {
                Entry::Pair(pair) => sum(total, mark_copy(&mut pair.value, mark)),
                Entry::Comment(_) => total,
            })
        }
        Node::List(list) => {
            list.items.retain(|item| matches!(item, Item::Value(_)));
            list.items.iter_mut().fold((0, 0), |total, item| match item {
                Item::Value(node) => sum(total, mark_copy(node, mark)),
                Item::Comment(_) => total,
            })
        }
    };
    (below.0 + 1, below.1 + 1)
}

fn sum(a: (usize, usize), b: (usize, usize)) -> (usize, usize) {
    (a.0 + b.0, a.1.max(b.1))
}
