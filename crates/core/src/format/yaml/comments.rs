//! To which mapping or list a comment belongs.
//!
//! The container's path is the additional data of a sealed comment, so the choice has to be the
//! one go-yaml makes when it reads the sealed text (format §7.1, table of comments). The rules,
//! for block style:
//!
//! - Behind a scalar or a bare `key:`: the mapping or list of that entry, just before it.
//! - Behind a flow collection: inside that collection.
//! - On a line of its own, no deeper than the next entry: the next entry's container.
//! - Deeper than the next entry: the innermost container around the entry before that begins no
//!   deeper than the comment.
//!
//! Inside flow style it is the innermost collection around the comment.

use std::ops::Range;

use super::model::{Container, ContainerId, Shape, Site, Slot, ValueSite};
use crate::tree::{Comment, CommentForm, Mark};

/// A comment as the parser reports it: with its `#`, without the line break.
#[derive(Debug)]
pub(super) struct RawComment {
    pub(super) range: Range<usize>,
    pub(super) column: usize,
}

/// An entry of any container, by where it begins.
struct Begin {
    start: usize,
    container: ContainerId,
    index: usize,
}

/// For each container its comments, each with the number of the entry it stands before.
pub(super) fn attach(
    text: &str,
    site: &mut Site,
    mut comments: Vec<RawComment>,
) -> Vec<Vec<(usize, Comment)>> {
    let mut attached: Vec<Vec<(usize, Comment)>> = Vec::new();
    attached.resize_with(site.containers.len(), Vec::new);
    if comments.is_empty() {
        return attached;
    }
    comments.sort_by_key(|comment| comment.range.start);
    let mut begins: Vec<Begin> = site
        .containers
        .iter()
        .enumerate()
        .flat_map(|(id, container)| {
            container.entries.iter().enumerate().map(move |(index, entry)| Begin {
                start: entry.start,
                container: id as ContainerId,
                index,
            })
        })
        .collect();
    // Of entries that begin together (`- - x`, `- key: v`) the outer one comes first.
    begins.sort_by_key(|begin| (begin.start, begin.container));
    for comment in comments {
        let at = comment.range.start;
        let split = begins.partition_point(|begin| begin.start < at);
        let document = site.documents.partition_point(|frame| frame.start <= at).saturating_sub(1);
        let same = |begin: &&Begin| {
            site.containers[begin.container as usize].document as usize == document
        };
        let before = split.checked_sub(1).map(|index| &begins[index]).filter(same);
        let next = begins.get(split).filter(same);
        let line_start = text[..at].rfind('\n').map_or(0, |found| found + 1);
        let inline = !text[line_start..at].trim_start_matches('\u{FEFF}').trim().is_empty();
        let root = site.documents[document].root;
        let (container, index, form) = match before {
            _ if inline && before.is_none() => (root, 0, CommentForm::Line),
            Some(before) if inline => beside(text, site, before, at),
            _ => {
                let (container, index) = alone(site, root, before, next, &comment);
                (container, index, CommentForm::Line)
            }
        };
        let slot = site.slots.len();
        site.slots.push(Slot {
            start: (at + 1) as u32,
            end: comment.range.end as u32,
            tag: (at + 1) as u32,
            shape: Shape::Comment,
            flow: false,
            column: 0,
        });
        let body = text[at + 1..comment.range.end].trim_end_matches('\r');
        attached[container as usize].push((index, Comment::at(Mark::new(slot), form, body)));
    }
    attached
}

/// A comment with something before it on its line.
fn beside(text: &str, site: &Site, before: &Begin, at: usize) -> (ContainerId, usize, CommentForm) {
    let entry = site.containers[before.container as usize].entries[before.index];
    // The outermost flow collection that ends between the entry and the comment.
    let mut closed = match entry.value {
        ValueSite::Container(id) if flow_closed(&site.containers[id as usize], at) => Some(id),
        _ => None,
    };
    let (mut holder, mut index) = (before.container, before.index);
    while flow_closed(&site.containers[holder as usize], at) {
        closed = Some(holder);
        match site.containers[holder as usize].parent {
            Some((parent, entry)) => (holder, index) = (parent, entry as usize),
            None => break,
        }
    }
    if let Some(id) = closed {
        return (id, site.containers[id as usize].entries.len(), CommentForm::Line);
    }
    let entry = site.containers[holder as usize].entries[index];
    let form = match entry.value {
        // `key: # c` with the value below is no inline comment.
        ValueSite::Leaf(slot) | ValueSite::Alias(slot)
            if (site.slots[slot as usize].start as usize) < at
                || matches!(site.slots[slot as usize].shape, Shape::Block(_)) =>
        {
            CommentForm::Inline
        }
        _ => CommentForm::Line,
    };
    let _ = text;
    (holder, index, form)
}

fn flow_closed(container: &Container, at: usize) -> bool {
    container.flow && container.end <= at
}

/// A comment on a line of its own.
fn alone(
    site: &Site,
    root: ContainerId,
    before: Option<&Begin>,
    next: Option<&Begin>,
    comment: &RawComment,
) -> (ContainerId, usize) {
    let at = comment.range.start;
    let count = |id: ContainerId| {
        site.containers[id as usize].entries.partition_point(|entry| entry.start < at)
    };
    // Innermost first: the containers around the entry before.
    let mut chain = Vec::new();
    if let Some(before) = before {
        if let ValueSite::Container(id) =
            site.containers[before.container as usize].entries[before.index].value
        {
            chain.push(id);
        }
        let mut holder = Some(before.container);
        while let Some(id) = holder {
            chain.push(id);
            holder = site.containers[id as usize].parent.map(|(parent, _)| parent);
        }
    }
    let within = |id: &&ContainerId| {
        let container = &site.containers[**id as usize];
        container.flow && container.start < at && at < container.end
    };
    if let Some(id) = chain.iter().find(within) {
        return (*id, count(*id));
    }
    let next_column = next.map(|next| site.containers[next.container as usize].column);
    if next_column.is_none_or(|column| comment.column > column) {
        let holder = next.map(|next| next.container);
        let deeper = chain.iter().take_while(|id| Some(**id) != holder).find(|id| {
            let container = &site.containers[**id as usize];
            !container.flow && !container.entries.is_empty() && container.column <= comment.column
        });
        if let Some(id) = deeper {
            return (*id, count(*id));
        }
    }
    match next {
        Some(next) => (next.container, next.index),
        None => (root, count(root)),
    }
}
