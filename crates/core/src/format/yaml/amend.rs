//! An entry put in or taken out by changing as few bytes as possible, in the style of its
//! neighbours.
//!
//! These work on plaintext: sealed documents are opened before and sealed after.

use std::ops::Range;

use super::{
    super::{Edit, EmitError, Output, splice},
    YamlLayout,
    block::next_line,
    build::explicit_key_mark,
    emit::{self, Emitter},
    model::{Container, ContainerId, EntrySite, Shape, Site, ValueSite},
    render::{self, Room},
    rewrite,
};
use crate::tree::{Comment, List, Mapping, Node, Path, Step, Tree, Value};

pub(super) fn put(
    layout: &YamlLayout,
    tree: &Tree,
    document: usize,
    path: &Path,
    value: &Node,
) -> Result<Output, EmitError> {
    let Some(frame) = layout.site.documents.get(document) else {
        let wrapped = wrap(&path.0, value.clone());
        let Node::Map(mapping) = &wrapped else {
            return Err(refused(path, "a list at its top"));
        };
        let mut emitter = Emitter::new(4, layout.site.line_break);
        emitter.mapping(mapping, 0);
        return Ok(emitter.out.into());
    };
    let found = find(layout, tree.documents.get(document), path, frame.root)?;
    let edits = match found.place {
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
    Ok(splice(layout.source.as_bytes(), edits))
}

pub(super) fn remove(
    layout: &YamlLayout,
    tree: &Tree,
    document: usize,
    path: &Path,
) -> Result<Output, EmitError> {
    let text = layout.text();
    let frame = layout.site.documents.get(document);
    let frame = frame.ok_or_else(|| refused(path, "what is not there"))?;
    let found = find(layout, tree.documents.get(document), path, frame.root)?;
    let Place::Entry(id, index) = found.place else {
        return Err(refused(path, "what is not there"));
    };
    let container = &layout.site.containers[id as usize];
    let entries = &container.entries;
    let begun = |mut entry: EntrySite| {
        let mark = explicit_key_mark(text, entry.start).filter(|_| !container.list);
        entry.start = mark.unwrap_or(entry.start);
        entry
    };
    let entry = begun(entries[index]);
    let next = entries.get(index + 1).copied().map(begun);
    if container.flow {
        let edits = without_flow_entry(text, container, index);
        return Ok(splice(layout.source.as_bytes(), edits));
    }
    let edits = match (entries.len(), container.parent) {
        (1, Some((parent, at))) => {
            let empty = match container.list {
                true => Node::List(List::default()),
                false => Node::Map(Mapping::default()),
            };
            replace(layout, parent, at as usize, &empty, path)?
        }
        (1, None) => {
            vec![Edit::new(lines_of(text, &entry), format!("{{}}{}", layout.site.line_break))]
        }
        _ if begins_its_line(text, entry.start) => vec![Edit::new(lines_of(text, &entry), "")],
        // The first key behind a dash: the next one takes its place.
        _ => vec![Edit::new(entry.start..next.map_or(entry.end, |next| next.start), "")],
    };
    Ok(splice(layout.source.as_bytes(), edits))
}

/// An entry taken out of `[…]` or `{…}`, with one comma.
fn without_flow_entry(text: &str, container: &Container, index: usize) -> Vec<Edit<'static>> {
    let entry = container.entries[index];
    if !has_brackets(text, container) {
        return vec![Edit::new(container.start..container.end, "{}")];
    }
    let behind = &text[entry.end..container.end];
    let blanks = behind.len() - behind.trim_start().len();
    let comma = behind[blanks..].starts_with(',');
    let with_comma = if comma { entry.end + blanks + 1 } else { entry.end };
    match (index.checked_sub(1), container.entries.get(index + 1)) {
        (_, Some(next)) => vec![Edit::new(entry.start..next.start, "")],
        (None, None) => vec![Edit::new(entry.start..with_comma, "")],
        (Some(before), None) => {
            let before = container.entries[before].end;
            // A comment there is the other entry's, and its comma may stay.
            let start = if text[before..entry.start].contains('#') { entry.start } else { before };
            let end = if start == entry.start { with_comma } else { entry.end };
            vec![Edit::new(start..end, "")]
        }
    }
}

/// Whether a container in flow style is more than a pair `[a: 1]` stands for.
fn has_brackets(text: &str, container: &Container) -> bool {
    matches!(text.as_bytes().get(container.start), Some(b'{' | b'['))
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
    document: Option<&Mapping>,
    path: &Path,
    root: ContainerId,
) -> Result<Found, EmitError> {
    let mut id = root;
    let root_node = document.map(|mapping| Node::Map(mapping.clone()));
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
pub(super) fn replace(
    layout: &YamlLayout,
    id: ContainerId,
    index: usize,
    node: &Node,
    path: &Path,
) -> Result<Vec<Edit<'static>>, EmitError> {
    let text = layout.text();
    let site = &layout.site;
    let container = &site.containers[id as usize];
    let entry = container.entries[index];
    let slot = match entry.value {
        ValueSite::Leaf(slot) => Some(site.slots[slot as usize]),
        _ => None,
    };
    if let (Node::Leaf(leaf), Some(slot)) = (node, slot)
        && slot.shape != Shape::Absent
        && slot.tag == slot.start
    {
        return Ok(rewrite::plain_edits(text, site, &slot, &leaf.value, false));
    }
    let value_start = value_start(text, container, &entry)
        .ok_or_else(|| refused(path, "a value for a key of this style"))?;
    let mut end = entry.end.max(value_start);
    if slot.is_some_and(|slot| slot.shape == Shape::Absent) {
        end = behind_properties(text, value_start).max(end);
    }
    if container.flow {
        let blank = if text[..value_start].ends_with(':') { " " } else { "" };
        return Ok(vec![Edit::new(value_start..end, format!("{blank}{}", emit::flow(node)))]);
    }
    // A comment in the line of the key stays there; one in the last line of what is replaced goes.
    let head = match slot.map(|slot| slot.shape) {
        Some(Shape::Block(block)) => site.blocks[block as usize].header.end,
        Some(_) => end,
        None => value_start,
    };
    let comment = comment_behind(text, head);
    let inline: Vec<_> =
        comment.iter().map(|range| Comment::line(&text[range.start + 1..range.end])).collect();
    let open = text[..end].ends_with('\n') && end > value_start;
    if !open {
        // Blanks behind a value would become part of a block that takes its place.
        let line = rewrite::line_end(text, end);
        let blank = if text[end..line].trim().is_empty() { line } else { end };
        end = comment_behind(text, end).map_or(blank, |range| range.end);
    }
    let mut emitter = Emitter::new(step(layout), site.line_break);
    let inline: Vec<_> = inline.iter().collect();
    emitter.value(node, container.column, container.list, &inline);
    let mut new = emitter.out;
    let break_needed = end == text.len() && ends_with_break(node);
    if !open && !break_needed {
        new.truncate(new.strip_suffix(site.line_break).map_or(new.len(), str::len));
    }
    Ok(vec![Edit::new(value_start..end, new)])
}

/// The comment that follows `at` in its line, with its mark.
fn comment_behind(text: &str, at: usize) -> Option<Range<usize>> {
    let line = text[at..next_line(text, at)].trim_end_matches(['\n', '\r']);
    let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
    (blanks > 0 && line[blanks..].starts_with('#')).then(|| at + blanks..at + line.len())
}

/// The offset behind the tag and the anchor of a value that is not there.
fn behind_properties(text: &str, value_start: usize) -> usize {
    let line = &text[value_start..next_line(text, value_start)];
    let mut end = 0;
    for word in line.split(|c: char| c.is_ascii_whitespace() || ",]}".contains(c)) {
        if word.is_empty() {
            continue;
        }
        let at = word.as_ptr() as usize - line.as_ptr() as usize;
        if !word.starts_with(['!', '&']) {
            break;
        }
        end = at + word.len();
    }
    value_start + end
}

/// Whether the last text of a node ends with a line break, so that a text may not end without
/// one behind it.
fn ends_with_break(node: &Node) -> bool {
    match node {
        Node::Leaf(leaf) => match &leaf.value {
            Value::Text(text) => text.expose().ends_with(b"\n"),
            _ => false,
        },
        Node::Map(mapping) => mapping.pairs().last().is_some_and(|p| ends_with_break(&p.value)),
        Node::List(list) => list.values().last().is_some_and(ends_with_break),
    }
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
) -> Result<Vec<Edit<'static>>, EmitError> {
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
        let value = emit::flow(node);
        let new = match key {
            Some(key) => format!("{}: {value}", flow_key(text, container, key)),
            None => value,
        };
        if !has_brackets(text, container) {
            let (start, end) = (container.start, container.end);
            return Ok(vec![
                Edit::new(start..start, "{"),
                Edit::new(end..end, format!(", {new}}}")),
            ]);
        }
        return Ok(vec![match container.entries.last() {
            Some(last) => Edit::new(last.end..last.end, format!(", {new}")),
            None => Edit::new(container.start + 1..container.start + 1, new),
        }]);
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
    let mut edits = Vec::new();
    if at > 0 && !text[..at].ends_with('\n') {
        if !(at == text.len() && ends_with_break(node)) {
            new.truncate(new.strip_suffix(site.line_break).map_or(new.len(), str::len));
        }
        new.insert_str(0, site.line_break);
        edits.extend(closed_block(text, site, at));
    }
    edits.push(Edit::new(at..at, new));
    Ok(edits)
}

/// A block scalar at the end of a text without a line break has none in its value either. With
/// a line behind it, its header has to say so.
fn closed_block(text: &str, site: &Site, end: usize) -> Option<Edit<'static>> {
    let block = site.slots.iter().find_map(|slot| match slot.shape {
        Shape::Block(block) if slot.end as usize == end => Some(&site.blocks[block as usize]),
        _ => None,
    })?;
    if !block.open_ended {
        return None;
    }
    let header = text[block.header.clone()].replace(['+', '-'], "");
    Some(Edit::new(block.header.clone(), format!("{header}-")))
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

pub(super) fn begins_its_line(text: &str, at: usize) -> bool {
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
