//! Edited leaves and the metadata back into the text they came from.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::{
    super::{Edit, EmitError, Output, Rewrite, splice},
    YamlLayout,
    amend::value_start,
    block::next_line,
    emit::{self, Emitter},
    model::{Chomp, Container, Frame, Shape, Site, Slot, ValueSite},
    render::{self, Room},
};
use crate::{
    crypto::SecretBytes,
    tree::{Comment, CommentForm, Entry, Item, Leaf, List, Mapping, Mark, Node, Tree, Value},
};

pub(super) fn rewrite(
    layout: &YamlLayout,
    tree: &Tree,
    how: Rewrite<'_>,
) -> Result<Output, EmitError> {
    refuse_reserved(tree, matches!(how, Rewrite::Sealed { .. }))?;
    let sealed = matches!(how, Rewrite::Sealed { .. });
    let cut = |frame: &Frame| metadata_range(layout, frame).map(|range| range.start);
    let cuts = layout.site.documents.iter().filter_map(cut).collect();
    let mut pass = Pass { layout, sealed, cuts, edits: Vec::new(), places: None };
    for document in &tree.documents {
        pass.mapping(document)?;
    }
    let mut edits = pass.edits;
    for frame in &layout.site.documents {
        match how {
            Rewrite::Plain => edits.extend(metadata_range(layout, frame).map(|r| Edit::new(r, ""))),
            Rewrite::Sealed { metadata, indent } => {
                edits.push(metadata_edit(layout, frame, metadata, indent));
            }
        }
    }
    Ok(splice(layout.source.as_bytes(), edits))
}

/// A key `sops` at the top would be taken for the metadata (format §3.1).
pub(super) fn refuse_reserved(tree: &Tree, sealed: bool) -> Result<(), EmitError> {
    let reserved = |document: &Mapping| sealed && document.get("sops").is_some();
    match tree.documents.iter().position(reserved) {
        Some(number) => Err(EmitError::Reserved { key: "sops".to_owned(), document: number + 1 }),
        None => Ok(()),
    }
}

struct Pass<'a> {
    layout: &'a YamlLayout,
    sealed: bool,
    /// Where the metadata begins that goes, with the line break before it if that goes too.
    cuts: HashSet<usize>,
    edits: Vec<Edit<'a>>,
    /// List and position of each item, once that is asked for.
    places: Option<HashMap<usize, (usize, usize)>>,
}

impl<'a> Pass<'a> {
    fn mapping(&mut self, mapping: &'a Mapping) -> Result<(), EmitError> {
        mapping.entries.iter().try_for_each(|entry| match entry {
            Entry::Comment(comment) => self.comment(comment),
            Entry::Pair(pair) => self.node(&pair.value),
        })
    }

    fn node(&mut self, node: &'a Node) -> Result<(), EmitError> {
        match node {
            Node::Map(mapping) => self.mapping(mapping),
            Node::List(list) => {
                self.brackets_of_nothing(list);
                list.items.iter().try_for_each(|item| match item {
                    Item::Comment(comment) => self.comment(comment),
                    Item::Value(node) => self.node(node),
                })
            }
            Node::Leaf(leaf) if leaf.edited => self.leaf(leaf),
            Node::Leaf(_) => Ok(()),
        }
    }

    /// A list that had nothing but sealed comments as its items (format §9a, W5) would be null
    /// once they are comments again.
    fn brackets_of_nothing(&mut self, list: &List) {
        let Some(Item::Comment(first)) = list.items.first() else { return };
        let opened = first.edited && first.form == CommentForm::Element && !self.sealed;
        if !opened || list.values().next().is_some() {
            return;
        }
        let Some((container, 0)) = self.place_of(first.mark).filter(|(own, _)| !own.flow) else {
            return;
        };
        let Some((parent, index)) = container.parent else { return };
        let parent = &self.layout.site.containers[parent as usize];
        let entry = &parent.entries[index as usize];
        if let Some(at) = value_start(self.layout.text(), parent, entry) {
            self.edits.push(Edit::new(at..at, " []"));
        }
    }

    /// The list that an item stands in, and its position there.
    fn place_of(&mut self, mark: Mark) -> Option<(&'a Container, usize)> {
        let containers = &self.layout.site.containers;
        let places = self.places.get_or_insert_with(|| {
            let lists = containers.iter().enumerate().filter(|(_, container)| container.list);
            let items = lists.flat_map(|(id, list)| {
                list.entries.iter().enumerate().filter_map(move |(at, entry)| match entry.value {
                    ValueSite::Leaf(slot) => Some((slot as usize, (id, at))),
                    _ => None,
                })
            });
            items.collect()
        });
        let (id, at) = *places.get(&mark.number()?)?;
        Some((&containers[id], at))
    }

    /// What is cut out of brackets where an item turns out to be a comment: the item and its
    /// comma. Written there, the comment's text would be an item.
    fn cut_from_brackets(&mut self, mark: Mark) -> Option<Range<usize>> {
        let (container, at) = self.place_of(mark).filter(|(own, _)| own.flow)?;
        let entry = container.entries.get(at)?;
        let text = self.layout.text();
        let rest = &text[entry.end..];
        let blanks = rest.len() - rest.trim_start().len();
        match rest.as_bytes().get(blanks)? {
            b',' => Some(entry.start..entry.end + blanks + 1),
            b']' => Some(entry.start..entry.end),
            _ => None,
        }
    }

    /// The dash of an item that turns out to be a comment: from it on, the comment takes the place
    /// of all, if nothing but a tag or the header of a block scalar stands in between; or of the
    /// value alone, if comments do.
    fn dash(&mut self, mark: Mark, value: usize) -> Option<(usize, bool)> {
        let (container, at) = self.place_of(mark).filter(|(own, _)| !own.flow)?;
        let entry = container.entries.get(at)?;
        let between = self.layout.text().get(entry.after_indicator..value)?;
        let tag = |word: &str| word.starts_with(['!', '|', '>']);
        if between.split_whitespace().all(tag) {
            return Some((entry.start, true));
        }
        let (lines, blanks) = between.rsplit_once('\n')?;
        let comments =
            lines.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'));
        (comments && blanks.trim().is_empty()).then_some((entry.start, false))
    }

    fn leaf(&mut self, leaf: &'a Leaf) -> Result<(), EmitError> {
        let Some(slot) = self.layout.slot(leaf.mark) else { return Ok(()) };
        let site = &self.layout.site;
        let text = self.layout.text();
        if matches!(slot.shape, Shape::Alias(_)) {
            // Aliases that touch sealed values were expanded before.
            return Err(EmitError::CannotHold {
                path: format!(
                    "line {}",
                    super::line_and_column(text.as_bytes(), slot.start as usize).0
                ),
                format: "yaml",
                what: "an encrypted value behind an alias",
            });
        }
        if self.sealed {
            let token = token_text(&leaf.value);
            if slot.shape == Shape::Plain && !slot.flow && slot.tag == slot.start {
                let range = slot.start as usize..slot.end as usize;
                self.edits.push(Edit::standing(range, token.as_bytes()));
                return Ok(());
            }
            let (range, token) = sealed_edit(text, site, slot, token);
            if slot.tag < slot.start {
                let tag = tag_range(text, slot);
                if tag.end < range.start {
                    self.edits.push(Edit::new(tag, ""));
                }
            }
            self.edits.push(Edit::new(range, token));
        } else {
            let range = slot.start as usize..slot.end as usize;
            let (range, new) = match &leaf.spelling {
                Some(spelling) => (range, (**spelling).clone()),
                None => {
                    let last = self.cuts.contains(&range.end);
                    plain_edit(text, site, slot, &leaf.value, last)
                }
            };
            // The author's tags went into notes; one that stands here would make the value another.
            if slot.tag < slot.start {
                let tag = tag_range(text, slot);
                if tag.end <= range.start {
                    self.edits.push(Edit::new(tag, ""));
                }
            }
            self.edits.push(Edit::new(range, new));
        }
        Ok(())
    }

    fn comment(&mut self, comment: &'a Comment) -> Result<(), EmitError> {
        let Some(slot) = self.layout.slot(comment.mark).filter(|_| comment.edited) else {
            return Ok(());
        };
        let text = self.layout.text();
        let mut range = slot.start as usize..slot.end as usize;
        let mut new = SecretBytes::from(comment.text.expose());
        if comment.form == CommentForm::Element && !self.sealed {
            if let Some(cut) = self.cut_from_brackets(comment.mark) {
                (range, new) = (cut, SecretBytes::default());
            } else if let Some((dash, all)) = self.dash(comment.mark, range.start) {
                if all {
                    range.start = dash;
                } else {
                    self.edits.push(Edit::new(dash..dash + 1, " "));
                }
                range.end = text[..range.end].trim_end_matches(['\n', '\r']).len();
                new = SecretBytes::new([b"#", comment.text.expose()].concat());
            } else {
                // No place for a comment, and neither its text nor its token may become an item.
                return Err(EmitError::CannotHold {
                    path: format!(
                        "line {}",
                        super::line_and_column(text.as_bytes(), range.start).0
                    ),
                    format: "yaml",
                    what: "an encrypted comment in the place of an item with an anchor",
                });
            }
        }
        self.edits.push(Edit::new(range, new));
        Ok(())
    }
}

/// What is replaced to seal a scalar, and by what.
fn sealed_edit(text: &str, site: &Site, slot: &Slot, token: &str) -> (Range<usize>, SecretBytes) {
    let range = slot.start as usize..slot.end as usize;
    if let Shape::Block(block) = slot.shape {
        let block = &site.blocks[block as usize];
        if slot.tag < slot.start {
            // A tag would be read together with the token, so the header goes with it.
            let body_end = text[..range.end].trim_end_matches(['\n', '\r']).len();
            return (slot.tag as usize..body_end.max(range.start), token.into());
        }
        // Blank lines that were content go on standing there: where comments belong depends on
        // them.
        let blank = match block.chomp {
            Chomp::Keep => text[range.clone()].trim_end_matches([' ', '\n', '\r']).len(),
            Chomp::Clip | Chomp::Strip => range.len(),
        };
        let blank = next_line(text, range.start + blank).min(range.end);
        let blank = &text[blank..range.end];
        let end = if block.open_ended && blank.is_empty() { "" } else { site.line_break };
        let line = format!("{}{token}{end}{blank}", " ".repeat(block.indent.max(1)));
        return (range, line.into());
    }
    let start = match tag_joined(text, slot) {
        true => slot.tag as usize,
        false => range.start,
    };
    (start..range.end, render::sealed(slot, token).into())
}

/// The tag, with what stands between it and the value if that is blanks, line breaks and an
/// anchor. Nothing points to an anchor whose value is sealed: aliases to it were expanded.
fn tag_range(text: &str, slot: &Slot) -> Range<usize> {
    let start = slot.tag as usize;
    let mut words = text[start..slot.start as usize].split_whitespace().skip(1);
    if words.all(|word| word.starts_with('&')) {
        return start..slot.start as usize;
    }
    let tag_end = text[start..].find([' ', '\t', '\n', '\r']).map_or(text.len(), |at| start + at);
    let blanks = text[tag_end..].len() - text[tag_end..].trim_start_matches([' ', '\t']).len();
    start..tag_end + blanks
}

/// Whether the tag goes together with the value.
fn tag_joined(text: &str, slot: &Slot) -> bool {
    slot.tag < slot.start && tag_range(text, slot).end == slot.start as usize
}

/// What is replaced to write a value, and by what. `last`: the line break behind it goes.
pub(super) fn plain_edit(
    text: &str,
    site: &Site,
    slot: &Slot,
    value: &Value,
    last: bool,
) -> (Range<usize>, SecretBytes) {
    let range = slot.start as usize..slot.end as usize;
    let room = Room::at(site, slot);
    if let Shape::Block(number) = slot.shape {
        let block = &site.blocks[number as usize];
        if let Value::Text(bytes) = value
            && let Some(content) = bytes
                .expose_str()
                .and_then(|text| render::block_content(block, text, site.line_break))
        {
            return (range, content.into());
        }
        // The header cannot carry this text: it goes, and quotes come.
        let mut text = render::plain(Shape::Double, room, value);
        if !block.open_ended {
            text.push_str(site.line_break);
        }
        return (block.header.start..range.end, text.into());
    }
    // A text of several lines cannot become a block when something follows on the line, blanks
    // too: they would be part of it. Nor without a line break behind it, which would be missed.
    let lines = matches!(value, Value::Text(text) if text.expose().contains(&b'\n'));
    // Nor with blank lines behind it, if the block has to keep those of its own.
    let keeps = matches!(value, Value::Text(text) if text.expose().ends_with(b"\n\n"));
    let followed = || {
        let next = next_line(text, range.end);
        let blank = text[next..].lines().next().is_some_and(|line| line.trim().is_empty());
        last || !matches!(&text[range.end..next], "\n" | "\r\n") || keeps && blank
    };
    let shape = if lines && !slot.flow && followed() { Shape::Double } else { slot.shape };
    (range, render::plain(shape, room, value).into())
}

/// The author's spelling of a value whose canonical form, in the shape that stays behind in the
/// sealed text, would read otherwise.
pub(super) fn spelling(layout: &YamlLayout, mark: Mark, value: &Value) -> Option<SecretBytes> {
    let slot = layout.slot(mark)?;
    let text = layout.text();
    let raw = &text[slot.start as usize..slot.end as usize];
    if let Shape::Block(number) = slot.shape {
        let block = &layout.site.blocks[number as usize];
        if slot.tag < slot.start {
            let whole = &text[slot.tag as usize..slot.end as usize];
            return Some(whole.trim_end_matches(['\n', '\r']).into());
        }
        let Value::Text(bytes) = value else { return None };
        let canonical = bytes
            .expose_str()
            .and_then(|text| render::block_content(block, text, layout.site.line_break));
        return (canonical.as_deref() != Some(raw)).then(|| raw.into());
    }
    if slot.tag < slot.start {
        let tag = &text[tag_range(text, slot)];
        return Some(format!("{tag}{raw}").into());
    }
    let shape = render::sealed_shape(slot);
    (render::plain(shape, Room::at(&layout.site, slot), value) != raw).then(|| raw.into())
}

fn token_text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text.expose_str().unwrap_or_default(),
        _ => "",
    }
}

/// The lines of the metadata, or the part of a flow mapping.
fn metadata_range(layout: &YamlLayout, frame: &Frame) -> Option<Range<usize>> {
    let text = layout.text();
    let root = &layout.site.containers[frame.root as usize];
    let index = frame.metadata? as usize;
    let entry = root.entries.get(index)?;
    if root.flow {
        let before = index.checked_sub(1).and_then(|index| root.entries.get(index));
        return Some(match (before, root.entries.get(index + 1)) {
            (Some(before), _) => before.end..entry.end,
            (None, Some(next)) => entry.start..next.start,
            (None, None) => entry.start..entry.end,
        });
    }
    let line_start = text[..entry.start].rfind('\n').map_or(0, |at| at + 1);
    let start = if text[line_start..entry.start].bytes().all(|b| b == b' ') {
        line_start
    } else {
        entry.start
    };
    let end = match text[..entry.end].ends_with('\n') {
        true => entry.end,
        false => next_line(text, entry.end),
    };
    if text[..end].ends_with('\n') {
        return Some(start..end);
    }
    // The text ends without a line break: the one before the metadata was put in with it.
    let before = text[..start]
        .strip_suffix('\n')
        .map_or(start, |rest| rest.strip_suffix('\r').map_or(rest.len(), str::len));
    Some(before..end)
}

fn metadata_edit(
    layout: &YamlLayout,
    frame: &Frame,
    metadata: &Mapping,
    indent: Option<u8>,
) -> Edit<'static> {
    let text = layout.text();
    let site = &layout.site;
    let root = &site.containers[frame.root as usize];
    let mut holder = Mapping::default();
    holder.push("sops", metadata.clone());
    let old = metadata_range(layout, frame);
    if root.flow && !frame.empty {
        let node = emit::flow(&Node::Map(metadata.clone()));
        let pair = format!("\"sops\": {node}");
        let last = root.entries.last();
        return match (old, last) {
            (Some(range), _)
                if root.entries.first().is_some_and(|first| first.start < range.start) =>
            {
                Edit::new(range, format!(", {pair}"))
            }
            (Some(range), _) if root.entries.len() > 1 => Edit::new(range, format!("{pair}, ")),
            (Some(range), _) => Edit::new(range, pair),
            (None, Some(last)) => Edit::new(last.end..last.end, format!(", {pair}")),
            (None, None) => Edit::new(root.start + 1..root.start + 1, pair),
        };
    }
    let column = if frame.empty { 0 } else { root.column };
    let step = indent.map(|step| super::step_of(Some(step)));
    let step = step.or_else(|| metadata_step(site, frame)).or(site.step).unwrap_or(4).clamp(2, 9);
    let mut emitter = Emitter::new(step, site.line_break);
    emitter.mapping(&holder, column);
    let mut block = emitter.out;
    if let Some(range) = old {
        if !text[..range.end].ends_with('\n') {
            block.truncate(block.trim_end_matches(['\n', '\r']).len());
            if range.start > 0 {
                block.insert_str(0, site.line_break);
            }
        }
        return Edit::new(range, block);
    }
    if ends_open(site, frame) {
        // A line break behind the last value would become part of it, so the metadata goes first.
        let start = text[..root.start].rfind('\n').map_or(0, |at| at + 1);
        return Edit::new(start..start, block);
    }
    let at = frame.end;
    if at > 0 && !text[..at].ends_with('\n') && text[frame.start..at] != *"\u{FEFF}" {
        block.truncate(block.trim_end_matches(['\n', '\r']).len());
        block.insert_str(0, site.line_break);
    }
    Edit::new(at..at, block)
}

/// Whether the document ends inside a block scalar, without a line break.
fn ends_open(site: &Site, frame: &Frame) -> bool {
    let is_open = |slot: &Slot| match slot.shape {
        Shape::Block(number) => site.blocks[number as usize].open_ended,
        _ => false,
    };
    !frame.empty && site.slots.iter().any(|slot| is_open(slot) && slot.end as usize == frame.end)
}

/// Blanks per level in the metadata that stands there.
fn metadata_step(site: &Site, frame: &Frame) -> Option<usize> {
    let root = &site.containers[frame.root as usize];
    let entry = root.entries.get(frame.metadata? as usize)?;
    match entry.value {
        ValueSite::Container(id) if !site.containers[id as usize].flow => {
            site.containers[id as usize].column.checked_sub(root.column)
        }
        _ => None,
    }
}
