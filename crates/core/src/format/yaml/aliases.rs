//! Aliases expanded into copies of what they stand for.

use std::collections::HashMap;

use super::{
    super::{Expanded, layout::Lines, splice},
    YamlLayout,
    amend::replace,
    model::{ContainerId, SlotId, ValueSite},
};
use crate::tree::{Entry, Item, Mapping, Mark, Node, Path, Step, Tree};

pub(super) fn expand_aliases(
    layout: &YamlLayout,
    tree: &Tree,
    sealed: &dyn Fn(Mark) -> bool,
) -> Option<Expanded> {
    let site = &layout.site;
    let touched: Vec<SlotId> = site
        .aliases
        .iter()
        .filter(|alias| {
            sealed(Mark::new(alias.slot as usize))
                || alias.slots.clone().any(|slot| sealed(Mark::new(slot as usize)))
        })
        .map(|alias| alias.slot)
        .collect();
    expand(layout, tree, &touched)
}

/// The text in which the aliases that a change at `path` would change with it, or that lead to
/// it, are copies of what they stand for; `None` when there are none. SOPS knows no aliases: each
/// of them is a value of its own (format §7.1).
pub(super) fn expand_for_change(
    layout: &YamlLayout,
    tree: &Tree,
    document: usize,
    path: &Path,
) -> Option<Expanded> {
    let site = &layout.site;
    if site.aliases.is_empty() {
        return None;
    }
    let mut id = site.documents.get(document)?.root;
    let mut node = Node::Map(tree.documents.get(document)?.clone());
    let mut changed = vec![ValueSite::Container(id)];
    let mut replaced = 0..0;
    for (depth, step) in path.0.iter().enumerate() {
        let (index, inner) = match (step, &node) {
            (Step::Key(key), Node::Map(mapping)) => {
                let index = mapping.pairs().position(|pair| pair.key == *key);
                (index, mapping.get(key).cloned())
            }
            (Step::Index(at), Node::List(list)) => (Some(*at), list.values().nth(*at).cloned()),
            _ => (None, None),
        };
        let (Some(index), Some(inner)) = (index, inner) else { break };
        node = inner;
        let entry = site.containers[id as usize].entries.get(index)?;
        changed.push(entry.value);
        match entry.value {
            ValueSite::Alias(slot) if depth + 1 < path.0.len() => {
                return expand(layout, tree, &[slot]);
            }
            ValueSite::Container(child) if depth + 1 < path.0.len() => id = child,
            _ => {
                replaced = entry.start..entry.end;
                break;
            }
        }
    }
    // Anchors within what is replaced go as well.
    let within = |target: ValueSite| {
        let at = match target {
            ValueSite::Container(id) => site.containers[id as usize].start,
            ValueSite::Leaf(slot) | ValueSite::Alias(slot) => {
                site.slots[slot as usize].start as usize
            }
        };
        replaced.contains(&at)
    };
    let touched: Vec<SlotId> = site
        .aliases
        .iter()
        .filter(|alias| !replaced.contains(&(site.slots[alias.slot as usize].start as usize)))
        .filter(|alias| changed.contains(&alias.target) || within(alias.target))
        .map(|alias| alias.slot)
        .collect();
    expand(layout, tree, &touched)
}

fn expand(layout: &YamlLayout, tree: &Tree, touched: &[SlotId]) -> Option<Expanded> {
    let site = &layout.site;
    if touched.is_empty() {
        return None;
    }
    let mut copies = HashMap::new();
    for (frame, document) in site.documents.iter().zip(&tree.documents) {
        copies_in_mapping(layout, frame.root, document, &mut copies);
    }
    let mut edits = Vec::new();
    let mut lines = Vec::new();
    let line_starts = Lines::default();
    for slot in touched {
        let Some((container, index, node)) = copies.get(slot) else { continue };
        let at = site.slots[*slot as usize].start as usize;
        lines.push(line_starts.of(layout.source.as_bytes(), at));
        let copy = replace(layout, *container, *index, node, &Path::default());
        edits.extend(copy.into_iter().flatten());
    }
    Some(Expanded { text: splice(layout.source.as_bytes(), edits), lines })
}

type Copies<'t> = HashMap<SlotId, (ContainerId, usize, &'t Node)>;

fn copies_in_mapping<'t>(
    layout: &YamlLayout,
    id: ContainerId,
    mapping: &'t Mapping,
    copies: &mut Copies<'t>,
) {
    let mut pairs = mapping.entries.iter().filter_map(|entry| match entry {
        Entry::Pair(pair) => Some(&pair.value),
        Entry::Comment(_) => None,
    });
    copies_in(layout, id, &mut pairs, copies);
}

fn copies_in<'t>(
    layout: &YamlLayout,
    id: ContainerId,
    values: &mut dyn Iterator<Item = &'t Node>,
    copies: &mut Copies<'t>,
) {
    let entries = &layout.site.containers[id as usize].entries;
    for (index, (entry, node)) in entries.iter().zip(values).enumerate() {
        match (entry.value, node) {
            (ValueSite::Alias(slot), node) => {
                copies.insert(slot, (id, index, node));
            }
            (ValueSite::Container(child), Node::Map(mapping)) => {
                copies_in_mapping(layout, child, mapping, copies);
            }
            (ValueSite::Container(child), Node::List(list)) => {
                let mut values = list.items.iter().filter_map(|item| match item {
                    Item::Value(node) => Some(node),
                    Item::Comment(_) => None,
                });
                copies_in(layout, child, &mut values, copies);
            }
            _ => {}
        }
    }
}
