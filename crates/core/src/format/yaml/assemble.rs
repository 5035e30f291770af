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
        budget: (leaves + site.aliases.len() + text.len() / WEIGHT)
            .saturating_mul(10)
            .saturating_add(ALIAS_ALLOWANCE),
        copied: 0,
        depth: 0,
        wanted: site.aliases.iter().map(|alias| alias.target).collect(),
        copies: HashMap::new(),
    };
    let documents = site.documents.iter().map(|frame| assembly.mapping(frame.root));
    Ok(Tree { documents: documents.collect::<Result<_, _>>()? })
}

/// Bytes of text that count as one value more, so that a few aliases of a long text are as limited
/// as many of a short one.
const WEIGHT: usize = 1024;

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
            // Anchors inside of anchors: what is innermost is kept once for each.
            let start = match site {
                ValueSite::Leaf(slot) => self.site.slots[slot as usize].start as usize,
                _ => 0,
            };
            self.spend(weight(&node), start)?;
            self.copies.insert(site, node.clone());
        }
        Ok(node)
    }

    /// Counts copies; `start` is the place to blame.
    fn spend(&mut self, weight: usize, start: usize) -> Result<(), ParseError> {
        self.copied = self.copied.saturating_add(weight);
        if self.copied > self.budget {
            return Err(error_at(self.text, start, Problem::AliasBomb { limit: self.budget }));
        }
        Ok(())
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
        let depth = mark_copy(&mut node, mark);
        self.spend(weight(&node), start)?;
        if self.depth + depth > MAX_DEPTH {
            return Err(error_at(self.text, start, Problem::TooDeep { limit: MAX_DEPTH }));
        }
        Ok(node)
    }
}

/// Marks each leaf of a copy and drops its comments, which stand in the text once only. Gives
/// the depth.
fn mark_copy(node: &mut Node, mark: Mark) -> usize {
    match node {
        Node::Leaf(leaf) => {
            leaf.mark = mark;
            0
        }
        Node::Map(mapping) => {
            mapping.entries.retain(|entry| matches!(entry, Entry::Pair(_)));
            let below = mapping.entries.iter_mut().map(|entry| match entry {
                Entry::Pair(pair) => mark_copy(&mut pair.value, mark),
                Entry::Comment(_) => 0,
            });
            1 + below.max().unwrap_or(0)
        }
        Node::List(list) => {
            list.items.retain(|item| matches!(item, Item::Value(_)));
            let below = list.items.iter_mut().map(|item| match item {
                Item::Value(node) => mark_copy(node, mark),
                Item::Comment(_) => 0,
            });
            1 + below.max().unwrap_or(0)
        }
    }
}

/// What a copy takes: its nodes, and its text by [`WEIGHT`].
fn weight(node: &Node) -> usize {
    1 + match node {
        Node::Leaf(leaf) => match &leaf.value {
            Value::Text(text) => text.len() / WEIGHT,
            _ => 0,
        },
        Node::Map(mapping) => {
            mapping.pairs().map(|pair| pair.key.len() / WEIGHT + weight(&pair.value)).sum()
        }
        Node::List(list) => list.values().map(weight).sum(),
    }
}

#[cfg(test)]
mod tests {
    use crate::format::{Format, Problem, parse};

    fn is_bomb(text: &str) -> bool {
        match parse(Format::Yaml, text.into()) {
            Ok(_) => false,
            Err(error) => {
                assert!(matches!(error.problem, Problem::AliasBomb { .. }), "{error}");
                true
            }
        }
    }

    #[test]
    fn many_aliases_of_one_word_multiply_nothing() {
        assert!(!is_bomb(&format!("x: &a v\nl:\n{}", "- *a\n".repeat(12_000))));
    }

    /// Two megabytes of source, and 400 of values.
    #[test]
    fn aliases_of_a_long_text_are_a_bomb() {
        let long = "y".repeat(1 << 20);
        let copies = |count| format!("x: &a {long}\nl: [{}]\n", "*a, ".repeat(count));
        assert!(!is_bomb(&copies(5)));
        assert!(is_bomb(&copies(400)));
    }

    /// Each anchor has a copy of all that is inside of it, ready for its aliases.
    #[test]
    fn anchors_inside_of_anchors_are_a_bomb() {
        let long = "y".repeat(1 << 20);
        let nest = |depth: usize| {
            let open: String = (0..depth).map(|at| format!("&a{at} [")).collect();
            let aliases: String = (0..depth).map(|at| format!("*a{at}, ")).collect();
            format!("x: {open}{long}{}\nl: [{aliases}]\n", "]".repeat(depth))
        };
        assert!(!is_bomb(&nest(3)));
        assert!(is_bomb(&nest(300)));
    }
}
