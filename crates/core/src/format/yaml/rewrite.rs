//! Edited leaves and the metadata back into the text they came from.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::{
    super::{Edit, EmitError, Output, Rewrite, splice},
    YamlLayout,
    amend::value_start,
    block::{self, next_line},
    emit::{self, Emitter},
    model::{BlockScalar, Chomp, Container, Frame, Shape, Site, Slot, ValueSite},
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
            if let Value::Text(token) = &leaf.value
                && slot.shape == Shape::Plain
                && !slot.flow
                && slot.tag == slot.start
            {
                let range = slot.start as usize..slot.end as usize;
                self.edits.push(Edit::standing(range, token.expose()));
                return Ok(());
            }
            self.edits.extend(sealed_edits(text, site, slot, token_text(&leaf.value)));
        } else {
            let range = slot.start as usize..slot.end as usize;
            let edits = match &leaf.spelling {
                Some(spelling) => spelled_edits(text, range, spelling),
                None => {
                    let last = self.cuts.contains(&range.end);
                    plain_edits(text, site, slot, &leaf.value, last)
                }
            };
            // The author's tags went into notes; one that stands here would make the value another.
            self.edits.extend(tag_range(text, site, slot).map(|tag| Edit::new(tag, "")));
            self.edits.extend(edits);
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
fn sealed_edits(text: &str, site: &Site, slot: &Slot, token: &str) -> Vec<Edit<'static>> {
    let range = slot.start as usize..slot.end as usize;
    if let Some(block) = block_with_header(site, slot) {
        let (head, body) = header_and_body(text, site, slot, block);
        let tag = tag_apart(text, site, slot).map(|tag| Edit::new(tag, ""));
        return tag.into_iter().chain([Edit::new(head, token), Edit::new(body, "")]).collect();
    }
    if let Shape::Block(block) = slot.shape {
        let block = &site.blocks[block as usize];
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
        return vec![Edit::new(range, line)];
    }
    let tag = tag_apart(text, site, slot).map(|tag| Edit::new(tag, ""));
    let whole = tag_joined(text, site, slot).unwrap_or(range.start)..range.end;
    tag.into_iter().chain([Edit::new(whole, render::sealed(slot, token))]).collect()
}

/// The block scalar whose header goes with the text and comes back with the note: a tag would be
/// read together with the token, and a number tells that the text begins with blanks.
fn block_with_header<'s>(site: &'s Site, slot: &Slot) -> Option<&'s BlockScalar> {
    let Shape::Block(block) = slot.shape else { return None };
    let block = &site.blocks[block as usize];
    (block.explicit || slot.tag < slot.start).then_some(block)
}

/// Tag and header of a block scalar, and its lines with the line break before the first of them.
/// A comment behind the header stands between the two, and stays.
fn header_and_body(
    text: &str,
    site: &Site,
    slot: &Slot,
    block: &BlockScalar,
) -> (Range<usize>, Range<usize>) {
    let start = tag_joined(text, site, slot).unwrap_or(block.header.start);
    let line = line_end(text, block.header.end);
    let body_end = text[..slot.end as usize].trim_end_matches(['\n', '\r']).len();
    (start..block.header.end, line..body_end.max(line))
}

/// The end of the line around `at`, before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let line = &text[at..next_line(text, at)];
    at + line.trim_end_matches(['\n', '\r']).len()
}

/// Where the value itself begins, behind its tag.
fn value_begin(site: &Site, slot: &Slot) -> usize {
    match slot.shape {
        Shape::Block(block) => site.blocks[block as usize].header.start,
        _ => slot.start as usize,
    }
}

/// The tag, with what stands between it and the value if that is blanks, line breaks and an
/// anchor. Nothing points to an anchor whose value is sealed: aliases to it were expanded.
fn tag_range(text: &str, site: &Site, slot: &Slot) -> Option<Range<usize>> {
    let (start, value) = (slot.tag as usize, value_begin(site, slot));
    if slot.tag >= slot.start || start >= value {
        return None;
    }
    let mut words = text[start..value].split_whitespace().skip(1);
    if words.all(|word| word.starts_with('&')) {
        return Some(start..value);
    }
    let tag_end = text[start..].find([' ', '\t', '\n', '\r']).map_or(text.len(), |at| start + at);
    let blanks = text[tag_end..].len() - text[tag_end..].trim_start_matches([' ', '\t']).len();
    Some(start..tag_end + blanks)
}

/// Where a tag begins that goes together with the value.
fn tag_joined(text: &str, site: &Site, slot: &Slot) -> Option<usize> {
    tag_range(text, site, slot)
        .filter(|tag| tag.end == value_begin(site, slot))
        .map(|tag| tag.start)
}

/// A tag that goes by itself, because a comment stands between it and the value.
fn tag_apart(text: &str, site: &Site, slot: &Slot) -> Option<Range<usize>> {
    tag_range(text, site, slot).filter(|tag| tag.end != value_begin(site, slot))
}

/// What is replaced to write a value as its author spelled it. The lines of a block scalar come
/// behind what else stands in the line of its header, which is a comment if anything.
fn spelled_edits(text: &str, range: Range<usize>, spelling: &SecretBytes) -> Vec<Edit<'static>> {
    let spelled = spelling.expose();
    let end = spelled.iter().position(|byte| *byte == b'\n').unwrap_or(spelled.len());
    let end = end - usize::from(spelled[..end].ends_with(b"\r"));
    let first = std::str::from_utf8(&spelled[..end]).unwrap_or_default();
    let line = line_end(text, range.end);
    if end == spelled.len() || line == range.end || !block::is_header(first) {
        return vec![Edit::new(range, spelling.clone())];
    }
    let lines = SecretBytes::from(&spelled[end..]);
    vec![Edit::new(range, first), Edit::new(line..line, lines)]
}

/// What is replaced to write a value, and by what. `last`: the line break behind it goes.
pub(super) fn plain_edits(
    text: &str,
    site: &Site,
    slot: &Slot,
    value: &Value,
    last: bool,
) -> Vec<Edit<'static>> {
    let range = slot.start as usize..slot.end as usize;
    let room = Room::at(site, slot);
    if let Shape::Block(number) = slot.shape {
        let block = &site.blocks[number as usize];
        if let Value::Text(bytes) = value
            && text[..range.start].ends_with('\n')
            && let Some(content) = bytes
                .expose_str()
                .and_then(|text| render::block_content(block, text, site.line_break))
        {
            return vec![Edit::new(range, content)];
        }
        // The header cannot carry this text: it goes, and quotes come. What else stands in its
        // line stays.
        let new = render::plain(Shape::Double, room, value);
        let start = if block.open_ended { line_end(text, block.header.end) } else { range.start };
        return vec![Edit::new(block.header.clone(), new), Edit::new(start..range.end, "")];
    }
    // A text of several lines cannot become a block when something follows on the line, blanks
    // too: they would be part of it. Nor can it keep its last line break where none stands, nor
    // blank lines of its own before others that stand behind it.
    let (lines, ends, keeps) = match value {
        Value::Text(text) => {
            let text = text.expose();
            (text.contains(&b'\n'), text.ends_with(b"\n"), text.ends_with(b"\n\n"))
        }
        _ => (false, false, false),
    };
    let next = next_line(text, range.end);
    let rest = &text[range.end..next];
    let blank = || text[next..].lines().next().is_some_and(|line| line.trim().is_empty());
    let joined = ends && rest.is_empty() || keeps && blank();
    let quoted = lines && (last || joined || !matches!(rest, "" | "\n" | "\r\n"));
    let shape = if quoted && !slot.flow { Shape::Double } else { slot.shape };
    vec![Edit::new(range, render::plain(shape, room, value))]
}

/// The author's spelling of a value whose canonical form, in the shape that stays behind in the
/// sealed text, would read otherwise.
pub(super) fn spelling(layout: &YamlLayout, mark: Mark, value: &Value) -> Option<SecretBytes> {
    let slot = layout.slot(mark)?;
    let (text, site) = (layout.text(), &layout.site);
    let raw = &text[slot.start as usize..slot.end as usize];
    if let Some(block) = block_with_header(site, slot) {
        let (head, body) = header_and_body(text, site, slot, block);
        let tag = tag_apart(text, site, slot).map_or("", |tag| &text[tag]);
        return Some(format!("{tag}{}{}", &text[head], &text[body]).into());
    }
    if let Shape::Block(number) = slot.shape {
        let block = &site.blocks[number as usize];
        let Value::Text(bytes) = value else { return None };
        let canonical =
            bytes.expose_str().and_then(|text| render::block_content(block, text, site.line_break));
        return (canonical.as_deref() != Some(raw)).then(|| raw.into());
    }
    if let Some(tag) = tag_range(text, site, slot) {
        return Some(format!("{}{raw}", &text[tag]).into());
    }
    if note_hides_word(slot, value) {
        return Some(raw.into());
    }
    let shape = render::sealed_shape(slot);
    (render::plain(shape, Room::at(site, slot), value) != raw).then(|| raw.into())
}

/// Whether a value has a note however it is spelled, since the presence of one would tell what
/// it is: a bare text of three bytes that needs a note is `yes` or `off`, and a time that needs
/// one is midnight.
fn note_hides_word(slot: &Slot, value: &Value) -> bool {
    match value {
        Value::Text(text) if text.len() <= LONGEST_WORD => {
            matches!(slot.shape, Shape::Plain) || slot.flow && matches!(slot.shape, Shape::Single)
        }
        Value::Time(_) => true,
        _ => false,
    }
}

/// Bytes of the longest bare words that YAML 1.1 takes for booleans.
const LONGEST_WORD: usize = 3;

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

/// Whether the document ends inside a block scalar, without a line break. Only the last one of a
/// text can.
pub(super) fn ends_open(site: &Site, frame: &Frame) -> bool {
    let is_last = site.documents.last().is_some_and(|last| last.root == frame.root);
    is_last && !frame.empty && site.blocks.last().is_some_and(|block| block.open_ended)
}

/// Blanks per level in the metadata that stands there.
fn metadata_step(site: &Site, frame: &Frame) -> Option<usize> {
    let root = &site.containers[frame.root as usize];
    let entry = root.entries.get(frame.metadata? as usize)?;
    match entry.value {
        ValueSite::Container(id) if !site.containers[id as usize].flow => {
            let column = site.containers[id as usize].column;
            // Levels begin at multiples of the step, so below a document that is indented itself
            // several steps can lead to one column.
            let fits = |step: &usize| step * ((root.column + step) / step) == column;
            match root.column {
                0 => Some(column),
                _ => [4, 2, 3, 5, 6, 7, 8, 9].into_iter().find(fits),
            }
        }
        _ => None,
    }
}

/// Blanks per level of the metadata in the first document that has some.
pub(super) fn metadata_indent(layout: &YamlLayout) -> Option<u8> {
    let site = &layout.site;
    let step = site.documents.iter().find_map(|frame| metadata_step(site, frame))?;
    u8::try_from(step.clamp(2, 9)).ok()
}
