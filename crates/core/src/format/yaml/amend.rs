//! An entry put in or taken out by changing as few bytes as possible, in the style of its
//! neighbours; and aliases expanded into copies.
//!
//! These work on plaintext: sealed documents are opened before and sealed after.

use std::{collections::HashMap, ops::Range};

use super::{
    super::{Edit, EmitError, Expanded, Output, layout::Lines, splice},
    YamlLayout,
    block::next_line,
    emit::{self, Emitter},
    model::{Container, ContainerId, EntrySite, Shape, SlotId, ValueSite},
    render::{self, Room},
    rewrite,
};
use crate::tree::{Entry, Item, List, Mapping, Mark, Node, Path, Step, Tree};

pub(super) fn put(
    layout: &YamlLayout,
    tree: &Tree,
    path: &Path,
    value: &Node,
) -> Result<Output, EmitError> {
    let Some(frame) = layout.site.documents.first() else {
        let wrapped = wrap(&path.0, value.clone());
        let Node::Map(mapping) = &wrapped else {
            return Err(refused(path, "a list at its top"));
        };
        let mut emitter = Emitter::new(4, layout.site.line_break);
        emitter.mapping(mapping, 0);
        return Ok(emitter.out.into());
    };
    let found = find(layout, tree, path, frame.root)?;
    let edit = match found.place {
        Place::Entry(container, index) => {
            let rest = &path.0[found.depth..];
            replace(layout, container, index, &wrap(rest, value.clone()), path)?
        }
        Place::Missing(container) => {
            let rest = &path.0[found.depth..];
            let (step, below) = rest.split_first().ok_or_else(|| refused(path, "a new root"))?;
            add(layout, container, step, &wrap(below, value.clone()), path)?
        }
    };
    Ok(splice(layout.source.as_bytes(), vec![edit]))
}

pub(super) fn remove(layout: &YamlLayout, tree: &Tree, path: &Path) -> Result<Output, EmitError> {
    let text = layout.text();
    let frame = layout.site.documents.first().ok_or_else(|| refused(path, "what is not there"))?;
    let found = find(layout, tree, path, frame.root)?;
    let Place::Entry(id, index) = found.place else {
        return Err(refused(path, "what is not there"));
    };
    let container = &layout.site.containers[id as usize];
    let entries = &container.entries;
    let entry = entries[index];
    let next = entries.get(index + 1);
    let before = index.checked_sub(1).map(|index| &entries[index]);
    if container.flow {
        let range = match (before, next) {
            (_, Some(next)) => entry.start..next.start,
            (Some(before), None) => before.end..entry.end,
            (None, None) => entry.start..entry.end,
        };
        return Ok(splice(layout.source.as_bytes(), vec![Edit::new(range, "")]));
    }
    let edit = match (entries.len(), container.parent) {
        (1, Some((parent, at))) => {
            let empty = match container.list {
                true => Node::List(List::default()),
                false => Node::Map(Mapping::default()),
            };
            replace(layout, parent, at as usize, &empty, path)?
        }
        (1, None) => Edit::new(lines_of(text, &entry), format!("{{}}{}", layout.site.line_break)),
        _ if begins_its_line(text, entry.start) => Edit::new(lines_of(text, &entry), ""),
        // The first key behind a dash: the next one takes its place.
        _ => Edit::new(entry.start..next.map_or(entry.end, |next| next.start), ""),
    };
    Ok(splice(layout.source.as_bytes(), vec![edit]))
}

/// Where a path leads.
struct Found {
    place: Place,
    /// How many steps were taken to get there.
    depth: usize,
}

enum Place {
    /// This entry; with steps left over, it is a scalar in the way.
    Entry(ContainerId, usize),
    /// A container without the entry that the next step names.
    Missing(ContainerId),
}

fn find(
    layout: &YamlLayout,
    tree: &Tree,
    path: &Path,
    root: ContainerId,
) -> Result<Found, EmitError> {
    let mut id = root;
    let root_node = tree.documents.first().map(|mapping| Node::Map(mapping.clone()));
    let mut node = root_node.as_ref();
    for (depth, step) in path.0.iter().enumerate() {
        let index = match (step, node) {
            (Step::Key(key), Some(Node::Map(mapping))) => {
                mapping.pairs().position(|pair| pair.key == *key)
            }
            (Step::Index(at), Some(Node::List(list))) => {
                Some(*at).filter(|at| *at < list.values().count())
            }
            (Step::Key(_), Some(Node::List(_))) => return Err(refused(path, "a key in a list")),
            (Step::Index(_), Some(Node::Map(_))) => {
                return Err(refused(path, "a position in a mapping"));
            }
            (_, Some(Node::Leaf(_)) | None) => return Err(refused(path, "what is not there")),
        };
        let Some(index) = index else {
            return Ok(Found { place: Place::Missing(id), depth });
        };
        node = match (step, node) {
            (Step::Key(_), Some(Node::Map(mapping))) => {
                mapping.pairs().nth(index).map(|pair| &pair.value)
            }
            (_, Some(Node::List(list))) => list.values().nth(index),
            _ => None,
        };
        let last = depth + 1 == path.0.len();
        match layout.site.containers[id as usize].entries[index].value {
            ValueSite::Container(child) if !last => id = child,
            ValueSite::Alias(_) if !last => return Err(refused(path, "a change behind an alias")),
            _ => return Ok(Found { place: Place::Entry(id, index), depth: depth + 1 }),
        }
    }
    Err(refused(path, "a new root"))
}

fn refused(path: &Path, what: &'static str) -> EmitError {
    EmitError::CannotHold { path: path.to_string(), format: "yaml", what }
}

/// A node with the containers that lead to it.
fn wrap(steps: &[Step], node: Node) -> Node {
    steps.iter().rev().fold(node, |inner, step| match step {
        Step::Key(key) => {
            let mut mapping = Mapping::default();
            mapping.push(key.as_str(), inner);
            Node::Map(mapping)
        }
        Step::Index(_) => {
            let mut list = List::default();
            list.push(inner);
            Node::List(list)
        }
    })
}

/// Another value for an entry.
fn replace(
    layout: &YamlLayout,
    id: ContainerId,
    index: usize,
    node: &Node,
    path: &Path,
) -> Result<Edit<'static>, EmitError> {
    let text = layout.text();
    let site = &layout.site;
    let container = &site.containers[id as usize];
    let entry = container.entries[index];
    if let (Node::Leaf(leaf), ValueSite::Leaf(slot)) = (node, entry.value) {
        let slot = site.slots[slot as usize];
        if slot.shape != Shape::Absent && slot.tag == slot.start {
            let (range, new) = rewrite::plain_edit(text, site, &slot, &leaf.value, false);
            return Ok(Edit::new(range, new));
        }
    }
    let value_start = value_start(text, container, &entry)
        .ok_or_else(|| refused(path, "a value for a key of this style"))?;
    if container.flow {
        let blank = if text[..value_start].ends_with(':') { " " } else { "" };
        return Ok(Edit::new(value_start..entry.end, format!("{blank}{}", emit::flow(node))));
    }
    let mut emitter = Emitter::new(step(layout), site.line_break);
    emitter.value(node, container.column, container.list, &[]);
    let mut new = emitter.out;
    if !text[..entry.end].ends_with('\n') || entry.end <= value_start {
        new.truncate(new.strip_suffix(site.line_break).map_or(new.len(), str::len));
    }
    Ok(Edit::new(value_start..entry.end.max(value_start), new))
}

/// The offset behind the colon or the dash; in a flow list, of the value.
pub(super) fn value_start(text: &str, container: &Container, entry: &EntrySite) -> Option<usize> {
    if container.list {
        return Some(entry.after_indicator);
    }
    let rest = &text[entry.after_indicator..];
    let blanks = rest.len() - rest.trim_start().len();
    rest[blanks..].starts_with(':').then_some(entry.after_indicator + blanks + 1)
}

/// One more entry at the end of a container.
fn add(
    layout: &YamlLayout,
    id: ContainerId,
    step_to: &Step,
    node: &Node,
    path: &Path,
) -> Result<Edit<'static>, EmitError> {
    let text = layout.text();
    let site = &layout.site;
    let container = &site.containers[id as usize];
    let frame = &site.documents[container.document as usize];
    let key = match (step_to, container.list) {
        (Step::Key(key), false) => Some(key),
        (Step::Index(_), true) => None,
        _ => return Err(refused(path, "this step here")),
    };
    let room = Room { flow: container.flow, indent: 0, line_break: site.line_break };
    if container.flow {
        let open = text.as_bytes().get(container.start);
        if !matches!(open, Some(b'{' | b'[')) {
            return Err(refused(path, "one more pair without braces"));
        }
        let value = emit::flow(node);
        let new = match key {
            Some(key) => format!("{}: {value}", flow_key(text, container, key)),
            None => value,
        };
        return Ok(match container.entries.last() {
            Some(last) => Edit::new(last.end..last.end, format!(", {new}")),
            None => Edit::new(container.start + 1..container.start + 1, new),
        });
    }
    let column = if frame.empty && id == frame.root { 0 } else { container.column };
    let mut emitter = Emitter::new(step(layout), site.line_break);
    emitter.out.push_str(&" ".repeat(column));
    match key {
        Some(key) => {
            emitter.out.push_str(&emit::key(key, room));
            emitter.out.push(':');
        }
        None => emitter.out.push('-'),
    }
    emitter.value(node, column, container.list, &[]);
    let mut new = emitter.out;
    let at = match container.entries.last() {
        Some(last) if text[..last.end].ends_with('\n') => last.end,
        Some(last) => next_line(text, last.end),
        None => frame.end,
    };
    if at > 0 && !text[..at].ends_with('\n') {
        new.truncate(new.strip_suffix(site.line_break).map_or(new.len(), str::len));
        new.insert_str(0, site.line_break);
    }
    Ok(Edit::new(at..at, new))
}

/// A key in flow style, quoted when its neighbours are.
fn flow_key(text: &str, container: &Container, key: &str) -> String {
    let quoted =
        container.entries.first().is_some_and(|entry| text[entry.start..].starts_with('"'));
    let room = Room { flow: true, indent: 0, line_break: "\n" };
    if quoted { render::double(key) } else { emit::key(key, room) }
}

fn step(layout: &YamlLayout) -> usize {
    layout.site.step.unwrap_or(4).clamp(2, 9)
}

fn begins_its_line(text: &str, at: usize) -> bool {
    let line_start = text[..at].rfind('\n').map_or(0, |found| found + 1);
    text[line_start..at].trim_start_matches('\u{FEFF}').bytes().all(|b| b == b' ')
}

/// The lines of an entry that begins its line.
fn lines_of(text: &str, entry: &EntrySite) -> Range<usize> {
    let start = text[..entry.start].rfind('\n').map_or(0, |found| found + 1);
    let end = match text[..entry.end].ends_with('\n') {
        true => entry.end,
        false => next_line(text, entry.end),
    };
    // A mark for the byte order stays.
    let start = if text[start..].starts_with('\u{FEFF}') { start + 3 } else { start };
    start..end
}

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
        let Some((container, index, node)) = copies.get(&slot) else { continue };
        let at = site.slots[slot as usize].start as usize;
        lines.push(line_starts.of(layout.source.as_bytes(), at));
        edits.extend(replace(layout, *container, *index, node, &Path::default()).ok());
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
