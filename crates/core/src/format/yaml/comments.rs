//! To which mapping or list a comment belongs.
//!
//! The container's path is the additional data of a sealed comment, so the choice has to be the
//! one go-yaml makes when it reads the sealed text (format §7.1, table of comments, and what the
//! reference does with documents made to find out). The rules, for block style:
//!
//! - Behind a scalar or a bare `key:`: the mapping or list of that entry, just before it.
//! - Behind a flow collection: inside that collection, before its first entry.
//! - On a line of its own, where nothing ends before the next entry or at the very column of the
//!   next entry: the next entry's container.
//! - Else the innermost container that ended there; but a comment that touches the line above
//!   and not the one below goes to the container that begins at its column, if there is one; so
//!   does one below a comment that stands further right. Below a comment that went by its column
//!   others at that column are the next entry's.
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
    let lines: Vec<(usize, bool)> = comments
        .iter()
        .map(|comment| {
            let line_start = text[..comment.range.start].rfind('\n').map_or(0, |found| found + 1);
            let before = text[line_start..comment.range.start].trim_start_matches('\u{FEFF}');
            (line_start, !before.trim().is_empty())
        })
        .collect();
    let runs = runs(text, &comments, &lines);
    let mut by_column: Option<(usize, usize)> = None;
    for (number, comment) in comments.iter().enumerate() {
        let at = comment.range.start;
        let split = begins.partition_point(|begin| begin.start < at);
        let document = site.documents.partition_point(|frame| frame.start <= at).saturating_sub(1);
        let same = |begin: &&Begin| {
            site.containers[begin.container as usize].document as usize == document
        };
        let before = split.checked_sub(1).map(|index| &begins[index]).filter(same);
        let next = begins.get(split).filter(same);
        let inline = lines[number].1;
        let root = site.documents[document].root;
        let (container, index, form) = match before {
            _ if inline && before.is_none() => (root, 0, CommentForm::Line),
            // Behind the mark of the document's end.
            _ if !inline && at > site.documents[document].end => {
                (root, site.containers[root as usize].entries.len(), CommentForm::Line)
            }
            Some(before) if inline => beside(site, before, at),
            _ => {
                let run = &runs[number];
                let blank = (
                    blank_before(text, lines[run.start].0),
                    blank_behind(text, comments[run.end - 1].range.end),
                );
                // The comment above, if it stands alone after the same entry too and is further
                // right, or the first there that went by its column.
                let above = run.start.checked_sub(1).filter(|&above| {
                    let start = comments[above].range.start;
                    !lines[above].1 && before.is_some_and(|before| before.start < start)
                });
                let further = above.map(|above| comments[above].column);
                let closed = further.filter(|&column| column > comment.column).or(by_column
                    .filter(|&(after, _)| after == split && above.is_some())
                    .map(|(_, column)| column));
                if blank == (false, true) {
                    by_column = Some((split, comment.column));
                }
                let (container, index) = alone(site, root, before, next, comment, blank, closed);
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

/// For each comment the comments that follow one another on lines of their own at one column:
/// they stay together.
fn runs(text: &str, comments: &[RawComment], lines: &[(usize, bool)]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::with_capacity(comments.len());
    for number in 0..comments.len() {
        let joined = number > 0 && {
            let (before, this) = (&comments[number - 1], &comments[number]);
            let between = &text[before.range.end..lines[number].0.max(before.range.end)];
            !lines[number].1
                && !lines[number - 1].1
                && before.column == this.column
                && !between.contains('\r')
                && !text[..before.range.end].ends_with('\r')
                && between.trim().is_empty()
                && between.matches('\n').count() == 1
        };
        let start = if joined { runs[number - 1].start } else { number };
        runs.push(start..number + 1);
    }
    // The whole run is known at its last comment.
    for number in (1..runs.len()).rev() {
        if runs[number].start == runs[number - 1].start {
            runs[number - 1].end = runs[number].end;
        }
    }
    runs
}

fn blank_before(text: &str, line_start: usize) -> bool {
    text[..line_start]
        .strip_suffix('\n')
        .is_some_and(|before| before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty()))
}

fn blank_behind(text: &str, end: usize) -> bool {
    // The reference takes a carriage return and its line feed for two line breaks.
    if text[..end].ends_with('\r') || text[end..].starts_with('\r') {
        return true;
    }
    let mut lines = text[end..].splitn(3, '\n').skip(1);
    // Without a line behind it, the metadata follows at once.
    lines.next().is_some_and(|line| line.trim().is_empty() && lines.next().is_some())
}

/// A comment with something before it on its line.
fn beside(site: &Site, before: &Begin, at: usize) -> (ContainerId, usize, CommentForm) {
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
        return (id, 0, CommentForm::Line);
    }
    let container = &site.containers[holder as usize];
    let entry = container.entries[index];
    if let (ValueSite::Leaf(slot), true, Some((parent, at))) =
        (entry.value, container.list, container.parent)
        && site.slots[slot as usize].shape == Shape::Absent
        && index + 1 == container.entries.len()
    {
        // Behind a last dash without a value.
        return (parent, at as usize, CommentForm::Line);
    }
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
    (holder, index, form)
}

fn flow_closed(container: &Container, at: usize) -> bool {
    container.flow && container.end <= at
}

/// A comment on a line of its own.
///
/// `blank` tells whether a blank line stands before it, and behind it; `closed`, the column of a
/// comment above it that has closed what ended. Behind the last entry the
/// metadata will stand, so the end of the text counts as an entry of the root.
fn alone(
    site: &Site,
    root: ContainerId,
    before: Option<&Begin>,
    next: Option<&Begin>,
    comment: &RawComment,
    blank: (bool, bool),
    closed: Option<usize>,
) -> (ContainerId, usize) {
    let at = comment.range.start;
    let count = |id: ContainerId| {
        site.containers[id as usize].entries.partition_point(|entry| entry.start < at)
    };
    let (holder, index) = next.map_or((root, count(root)), |next| (next.container, next.index));
    // Innermost first: the containers around the entry before.
    let chain = before.map_or(Vec::new(), |before| chain(site, before));
    let within = |id: &&ContainerId| {
        let container = &site.containers[**id as usize];
        container.flow && container.start < at && at < container.end
    };
    if let Some(id) = chain.iter().find(within) {
        return (*id, count(*id));
    }
    let ended: Vec<ContainerId> = chain
        .into_iter()
        .take_while(|id| *id != holder)
        .filter(|id| !site.containers[*id as usize].flow)
        .collect();
    let column = |id: ContainerId| site.containers[id as usize].column;
    let found = match ended.first() {
        // The entry before ends nothing.
        None => None,
        Some(_)
            if !ended.contains(&holder) && next.is_some_and(|next| opens(site, next, &ended)) =>
        {
            None
        }
        Some(innermost) => {
            let not_indented = column(*innermost) == column(holder);
            let foot = blank == (false, true);
            if not_indented {
                foot.then_some(*innermost)
            } else if comment.column == column(holder) {
                None
            } else if let Some(closed) = closed {
                (closed > comment.column).then(|| exact(site, &ended, comment.column)).flatten()
            } else if !foot || comment.column > column(*innermost) {
                Some(*innermost)
            } else {
                exact(site, &ended, comment.column)
            }
        }
    };
    found.map_or((holder, index), |id| (id, count(id)))
}

/// Whether an entry is the first of a container that opens below the containers given.
fn opens(site: &Site, next: &Begin, ended: &[ContainerId]) -> bool {
    let parent = site.containers[next.container as usize].parent;
    next.index == 0 && parent.is_some_and(|(parent, _)| ended.contains(&parent))
}

/// The container that begins at just this column. A list with deeper entries before the comment
/// passes it on to the mapping that it stands in.
fn exact(site: &Site, ended: &[ContainerId], column: usize) -> Option<ContainerId> {
    let position = ended.iter().position(|id| site.containers[*id as usize].column == column)?;
    let id = ended[position];
    let container = &site.containers[id as usize];
    match container.parent {
        Some((parent, _)) if container.list && position > 0 => Some(parent),
        _ => Some(id),
    }
}

/// The containers around an entry, the innermost first; its own value counts.
fn chain(site: &Site, begin: &Begin) -> Vec<ContainerId> {
    let value = site.containers[begin.container as usize].entries[begin.index].value;
    let mut chain = Vec::new();
    if let ValueSite::Container(id) = value {
        chain.push(id);
    }
    let mut holder = Some(begin.container);
    while let Some(id) = holder {
        chain.push(id);
        holder = site.containers[id as usize].parent.map(|(parent, _)| parent);
    }
    chain
}
