//! The keys of mappings put into the order of their bytes, by moving lines.
//!
//! An entry moves with its lines and with the comments that stand right above it. Whoever calls
//! this reads the result again and compares: what is laid out so that lines cannot be moved gives
//! another document, or none.

use std::{borrow::Cow, ops::Range};

use zeroize::Zeroizing;

use super::{
    super::{Edit, Output, splice},
    YamlLayout, amend,
    block::next_line,
    build::explicit_key_mark,
    model::{Container, ContainerId, EntrySite, ValueSite},
};
use crate::tree::{Item, Mapping, Node, Path, Step, Tree};

/// The text in which all mappings at and below `path` of the first document have their keys in
/// order; `None` when something is laid out in a way that lines cannot follow.
pub(super) fn sort_keys(layout: &YamlLayout, tree: &Tree, path: &Path) -> Option<Output> {
    let mut value = ValueSite::Container(layout.site.documents.first()?.root);
    let mut node = Cow::Owned(Node::Map(tree.documents.first()?.clone()));
    for step in &path.0 {
        let ValueSite::Container(id) = value else { return None };
        let (index, inner) = match (step, &*node) {
            (Step::Key(key), Node::Map(mapping)) => {
                (mapping.pairs().position(|pair| pair.key == *key)?, mapping.get(key)?.clone())
            }
            (Step::Index(at), Node::List(list)) => (*at, list.values().nth(*at)?.clone()),
            _ => return None,
        };
        value = entry_of(layout, id, index)?.value;
        node = Cow::Owned(inner);
    }
    let edits = edits_of(layout, value, &node)?;
    Some(splice(layout.source.as_bytes(), edits))
}

/// An entry by its number in the tree, which does not count the metadata.
fn entry_of(layout: &YamlLayout, id: ContainerId, index: usize) -> Option<EntrySite> {
    layout.site.containers[id as usize].entries.get(index).copied()
}

fn edits_of<'t>(layout: &YamlLayout, value: ValueSite, node: &Node) -> Option<Vec<Edit<'t>>> {
    let ValueSite::Container(id) = value else { return Some(Vec::new()) };
    let container = &layout.site.containers[id as usize];
    match node {
        Node::Leaf(_) => None,
        Node::Map(mapping) => mapping_edits(layout, container, mapping),
        Node::List(list) => {
            let mut edits = Vec::new();
            let values = list.items.iter().filter_map(|item| match item {
                Item::Value(node) => Some(node),
                Item::Comment(_) => None,
            });
            for (entry, node) in container.entries.iter().zip(values) {
                edits.extend(edits_of(layout, entry.value, node)?);
            }
            Some(edits)
        }
    }
}

fn mapping_edits<'t>(
    layout: &YamlLayout,
    container: &Container,
    mapping: &Mapping,
) -> Option<Vec<Edit<'t>>> {
    let text = layout.text();
    let pairs: Vec<_> = mapping.pairs().collect();
    if pairs.len() != container.entries.len() {
        return None;
    }
    let mut inner = Vec::new();
    for (entry, pair) in container.entries.iter().zip(&pairs) {
        inner.push(edits_of(layout, entry.value, &pair.value)?);
    }
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by(|a, b| pairs[*a].key.cmp(&pairs[*b].key));
    if order.iter().enumerate().all(|(at, number)| at == *number) {
        return Some(inner.into_iter().flatten().collect());
    }
    if container.entries.iter().any(|entry| explicit_key_mark(text, entry.start).is_some()) {
        return None;
    }
    let chunks: Vec<Range<usize>> = match container.flow {
        true => container.entries.iter().map(|entry| entry.start..entry.end).collect(),
        false => chunks(text, container)?,
    };
    let mut moved: Vec<Zeroizing<String>> = Vec::new();
    for (chunk, edits) in chunks.iter().zip(inner) {
        moved.push(within(text, chunk, edits)?);
    }
    if container.flow {
        let edits = chunks.iter().zip(&order);
        return Some(
            edits.map(|(to, from)| Edit::new(to.clone(), moved[*from].as_str())).collect(),
        );
    }
    let whole = chunks.first()?.start..chunks.last()?.end;
    let mut out = String::with_capacity(whole.len());
    let blanks = " ".repeat(container.column);
    let behind_a_dash = !amend::begins_its_line(text, chunks[0].start);
    for (at, from) in order.iter().enumerate() {
        let mut chunk = moved[*from].as_str();
        match (behind_a_dash, at, *from) {
            (true, 0, 0) | (false, _, _) => {}
            // It takes the place behind the dash.
            (true, 0, _) => chunk = chunk.trim_start_matches(' '),
            (true, _, 0) => out.push_str(&blanks),
            (true, _, _) => {}
        }
        out.push_str(chunk);
        if !out.ends_with('\n') {
            out.push_str(layout.site.line_break);
        }
    }
    if !text[..whole.end].ends_with('\n') {
        out.truncate(out.strip_suffix(layout.site.line_break).map_or(out.len(), str::len));
    }
    Some(vec![Edit::new(whole, out)])
}

/// The lines of each entry, one behind the other without gaps. The first begins at its key when
/// that stands behind a dash.
fn chunks(text: &str, container: &Container) -> Option<Vec<Range<usize>>> {
    let mut starts = Vec::new();
    let mut ends = 0;
    for (number, entry) in container.entries.iter().enumerate() {
        if amend::begins_its_line(text, entry.start) {
            let floor = if number == 0 { 0 } else { ends };
            starts.push(above(text, entry.start, container.column, floor));
        } else if number == 0 {
            starts.push(entry.start);
        } else {
            return None;
        }
        ends = match text[..entry.end].ends_with('\n') && entry.end > entry.start {
            true => entry.end,
            false => next_line(text, entry.end),
        };
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([ends]).collect();
    let chunks: Vec<_> = starts.into_iter().zip(ends).map(|(start, end)| start..end).collect();
    chunks.iter().all(|chunk| chunk.start < chunk.end).then_some(chunks)
}

/// Where the comments begin that stand right above the line of `at`, in its column.
fn above(text: &str, at: usize, column: usize, floor: usize) -> usize {
    let mut start = text[..at].rfind('\n').map_or(0, |found| found + 1);
    while start > floor {
        let before = text[..start - 1].rfind('\n').map_or(0, |found| found + 1);
        let line = &text[before..start];
        let comment = line.trim_start_matches(' ');
        let belongs = comment.starts_with('#') && line.len() - comment.len() == column;
        if before < floor || !belongs {
            break;
        }
        start = before;
    }
    start
}

/// A piece of the text with the changes inside it.
fn within(text: &str, chunk: &Range<usize>, edits: Vec<Edit<'_>>) -> Option<Zeroizing<String>> {
    let edits = edits.into_iter().map(|edit| edit.shifted(chunk.start)).collect::<Option<_>>()?;
    let out = splice(&text.as_bytes()[chunk.clone()], edits);
    out.expose_str().map(|text| Zeroizing::new(text.to_owned()))
}
