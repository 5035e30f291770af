//! To which mapping or list a comment belongs.
//!
//! The container's path is the additional data of a sealed comment, so the choice has to be the
//! one go-yaml makes when it reads the sealed text (format §7.1, table of comments). It depends on
//! blank lines, columns and what is read ahead, in ways that no short list of rules gives; so the
//! reading is done again here in the same steps, with the scalars skipped:
//!
//! | file | job |
//! |---|---|
//! | `scan.rs` | tokens |
//! | `notes.rs` | the comments between them |
//! | `nodes.rs` | which node takes which comments, and where these stand in the tree |
//!
//! In plaintext the metadata that will follow is thought of as standing there already.
//!
//! A few comments are lost in the reference: they belong to nothing there, and change nothing.
//! Here they go to the end of the container around them.

mod nodes;
mod notes;
mod scan;

use std::ops::Range;

use zeroize::Zeroizing;

use self::scan::{Known, KnownKind, Scanner};
use super::{
    model::{ContainerId, Frame, Shape, Site, Slot},
    rewrite,
};
use crate::tree::{Comment, CommentForm, Mark};

/// A comment as the parser reports it: with its `#`, without the line break.
#[derive(Debug)]
pub(super) struct RawComment {
    pub(super) range: Range<usize>,
}

/// For each container its comments, each with the number of the entry it stands before.
/// `metadata` tells for each document which entry of its root is the metadata.
pub(super) fn attach(
    text: &str,
    site: &mut Site,
    metadata: &[Option<usize>],
    mut comments: Vec<RawComment>,
) -> Vec<Vec<(usize, Comment)>> {
    let mut attached: Vec<Vec<(usize, Comment)>> = Vec::new();
    attached.resize_with(site.containers.len(), Vec::new);
    if comments.is_empty() {
        return attached;
    }
    comments.sort_by_key(|comment| comment.range.start);
    let sealed = Sealed::new(text, site, metadata);
    let known = known(site, &sealed);
    let scanner = Scanner::new(sealed.text(text), &known);
    let placed =
        nodes::place(scanner, site, &|at| sealed.original(at).is_none()).unwrap_or_default();

    let mut made: Vec<Option<Comment>> =
        comments.iter().map(|raw| Some(slot(text, site, raw))).collect();
    let placed = placed.into_iter().enumerate().filter(|(_, places)| !places.is_empty());
    for (id, places) in placed {
        let ended = metadata_end(site, metadata, id as ContainerId);
        for (index, at, form) in places {
            let Some(at) = sealed.original(at) else { continue };
            // Behind metadata in braces: the mapping around has it.
            if ended.is_some_and(|end| at >= end) {
                continue;
            }
            let number = comments.binary_search_by_key(&at, |comment| comment.range.start);
            if let Ok(number) = number
                && let Some(mut comment) = made[number].take()
            {
                comment.form = form;
                attached[id].push((index, comment));
            }
        }
    }
    for (raw, comment) in comments.iter().zip(made) {
        if let Some(mut comment) = comment {
            comment.form = CommentForm::Stray;
            let id = around(site, metadata, raw.range.start);
            attached[id as usize].push((site.containers[id as usize].entries.len(), comment));
        }
    }
    for comments in &mut attached {
        comments.sort_by_key(|(index, _)| *index);
    }
    attached
}

/// The comment, with a slot of its own.
fn slot(text: &str, site: &mut Site, raw: &RawComment) -> Comment {
    let start = raw.range.start + 1;
    let number = site.slots.len();
    site.slots.push(Slot {
        start: start as u32,
        end: raw.range.end as u32,
        tag: start as u32,
        shape: Shape::Comment,
        flow: false,
        column: 0,
    });
    let body = text[start..raw.range.end].trim_end_matches('\r');
    Comment::at(Mark::new(number), CommentForm::Line, body)
}

/// The text with metadata at the end of each document, as the sealed one has it.
struct Sealed {
    /// Not there if the text has its metadata already.
    longer: Option<Zeroizing<String>>,
    added: Vec<Added>,
    /// The scalars of what was added.
    known: Vec<Known>,
}

/// Something that was put into the text.
struct Added {
    /// Its offset in the original text.
    place: usize,
    /// Its offset now.
    start: usize,
    length: usize,
}

impl Sealed {
    fn new(text: &str, site: &Site, metadata: &[Option<usize>]) -> Self {
        let frames = site.documents.iter().zip(metadata).filter(|(_, there)| there.is_none());
        let additions: Vec<(usize, String)> =
            frames.map(|(frame, _)| addition(text, site, frame)).collect();
        let mut sealed = Self { longer: None, added: Vec::new(), known: Vec::new() };
        if additions.is_empty() {
            return sealed;
        }
        // All room at once: what a text that grows leaves behind would not be wiped.
        let more: usize = additions.iter().map(|(_, words)| words.len()).sum();
        let mut longer = Zeroizing::new(String::with_capacity(text.len() + more));
        let mut done = 0;
        for (place, words) in additions {
            longer.push_str(&text[done..place]);
            for word in ["\"sops\"", "\"mac\"", "\"m\""] {
                let start = longer.len() + words.find(word).unwrap_or(0);
                let range = start..start + word.len();
                sealed.known.push(Known { range, kind: KnownKind::Flow });
            }
            sealed.added.push(Added { place, start: longer.len(), length: words.len() });
            longer.push_str(&words);
            done = place;
        }
        longer.push_str(&text[done..]);
        sealed.longer = Some(longer);
        sealed
    }

    fn text<'a>(&'a self, text: &'a str) -> &'a str {
        self.longer.as_ref().map_or(text, |longer| longer.as_str())
    }

    /// Where an offset of the original text is now.
    fn moved(&self, at: usize) -> usize {
        let before = self.added.partition_point(|added| added.place <= at);
        let last = before.checked_sub(1).map(|number| &self.added[number]);
        last.map_or(at, |added| at - added.place + added.start + added.length)
    }

    /// Where an offset was in the original text; none for what was added.
    fn original(&self, at: usize) -> Option<usize> {
        let before = self.added.partition_point(|added| added.start <= at);
        let Some(added) = before.checked_sub(1).map(|number| &self.added[number]) else {
            return Some(at);
        };
        let behind = (at - added.start).checked_sub(added.length)?;
        Some(added.place + behind)
    }
}

/// Metadata as short as can be: where it goes in the original text, as `rewrite.rs` does it, and
/// its words.
fn addition(text: &str, site: &Site, frame: &Frame) -> (usize, String) {
    let root = &site.containers[frame.root as usize];
    if root.flow && !frame.empty {
        let pair = "\"sops\": {\"mac\": \"m\"}";
        return match root.entries.last() {
            Some(last) => (last.end, format!(", {pair}")),
            None => (root.start + 1, pair.to_owned()),
        };
    }
    let pad = if frame.empty { String::new() } else { " ".repeat(root.column) };
    let end = site.line_break;
    let block = format!("{pad}\"sops\":{end}{pad}    \"mac\": \"m\"{end}");
    if rewrite::ends_open(site, frame) {
        return (text[..root.start].rfind('\n').map_or(0, |at| at + 1), block);
    }
    let at = frame.end;
    let open = at > 0 && !text[..at].ends_with('\n') && text[frame.start..at] != *"\u{FEFF}";
    (at, if open { format!("{end}{block}") } else { block })
}

/// All scalars, in order.
fn known(site: &Site, sealed: &Sealed) -> Vec<Known> {
    let mut known = sealed.known.clone();
    for container in site.containers.iter().filter(|container| !container.list) {
        known.extend(container.entries.iter().map(|entry| {
            let start = sealed.moved(entry.start);
            let range = start..start + (entry.after_indicator - entry.start);
            Known { range, kind: KnownKind::Flow }
        }));
    }
    known.extend(site.slots.iter().filter_map(|slot| {
        let (start, end) = (slot.start as usize, slot.end as usize);
        let at = sealed.moved(start);
        let range = at..at + (end - start);
        match slot.shape {
            Shape::Absent | Shape::Comment => None,
            Shape::Alias(_) => Some(Known { range, kind: KnownKind::Alias }),
            Shape::Plain | Shape::Single | Shape::Double => {
                Some(Known { range, kind: KnownKind::Flow })
            }
            Shape::Block(number) => {
                let block = &site.blocks[number as usize];
                let start = sealed.moved(block.header.start);
                let shift = start - block.header.start;
                let header_end = block.header.end + shift;
                let indent = if slot.start == slot.end { 0 } else { block.indent };
                let kind = KnownKind::Block { header_end, indent };
                Some(Known { range: start..end + shift, kind })
            }
        }
    }));
    known.sort_by_key(|known| known.range.start);
    known
}

/// The end of the metadata that a container is, or is in.
fn metadata_end(site: &Site, metadata: &[Option<usize>], id: ContainerId) -> Option<usize> {
    let mut id = id;
    loop {
        let container = &site.containers[id as usize];
        let (parent, index) = container.parent?;
        let outer = &site.containers[parent as usize];
        if outer.parent.is_none() {
            let there = metadata.get(outer.document as usize).copied().flatten();
            return (there == Some(index as usize)).then(|| outer.entries[index as usize].end);
        }
        id = parent;
    }
}

/// The collection in brackets around an offset, else the root of its document.
fn around(site: &Site, metadata: &[Option<usize>], at: usize) -> ContainerId {
    let document = site.documents.partition_point(|frame| frame.start <= at).saturating_sub(1);
    // Containers are in the order in which they begin.
    let before = site.containers.partition_point(|container| container.start < at);
    let mut id = before.checked_sub(1).map(|id| id as ContainerId);
    while let Some(inner) = id {
        let container = &site.containers[inner as usize];
        let within = container.flow && at < container.end;
        if within && metadata_end(site, metadata, inner).is_none() {
            return inner;
        }
        id = container.parent.map(|(parent, _)| parent);
    }
    site.documents[document].root
}
