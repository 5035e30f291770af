//! What the parser's spans leave out: the header and the exact content of a block scalar, and
//! the dashes of a list.

use std::ops::Range;

use super::{
    comments::RawComment,
    model::{BlockScalar, Chomp, Shape, Site, ValueSite},
};

/// Finds header and content of the block scalar whose visible content the parser puts at `span`.
///
/// The span begins with the first character that is not blank and may run into the next line's
/// indentation. Blank lines before it are content as well; blank lines behind it are content
/// only with `+`. `outer` is the column of the entries around.
pub(super) fn locate(
    text: &str,
    span: Range<usize>,
    folded: bool,
    value: &str,
    outer: usize,
) -> Option<(BlockScalar, Range<usize>)> {
    let mark = if folded { '>' } else { '|' };
    let header = match text[span.start..].starts_with(mark) && value.trim_matches('\n').is_empty() {
        // At the end of the text a block without a visible line begins with its header.
        true => header_in(text[span.start..].lines().next()?, folded)
            .map(|found| span.start + found.start..span.start + found.end)?,
        false => header_before(text, span.start, folded)?,
    };
    let indicators = &text[header.start + 1..header.end];
    let chomp = if indicators.contains('-') {
        Chomp::Strip
    } else if indicators.contains('+') {
        Chomp::Keep
    } else {
        Chomp::Clip
    };
    let content_start = next_line(text, header.end);
    let digit = indicators.bytes().find(u8::is_ascii_digit).map(|digit| usize::from(digit - b'0'));
    let explicit = digit.is_some();
    if value.is_empty() {
        let indent = outer + digit.unwrap_or(2);
        let block = BlockScalar { header, indent, explicit, folded, chomp, open_ended: false };
        return Some((block, content_start..content_start));
    }
    let only_breaks = value.bytes().all(|b| b == b'\n');
    let indent = match digit {
        Some(digit) => outer + digit,
        None if only_breaks => outer + 2,
        None => column(text, span.start),
    };
    let mut end = span.end.clamp(content_start, text.len());
    // Back over the indentation of the line behind; a line of blanks alone is looked at below.
    let continues = text[end..].starts_with(|c| c != '\n' && c != '\r');
    let line_start = text[..end].rfind('\n').map_or(0, |at| at + 1);
    if continues && line_start > content_start && text[line_start..end].trim().is_empty() {
        end = line_start;
    }
    if end == content_start || text.as_bytes()[end - 1] != b'\n' {
        end = next_line(text, end);
    }
    if chomp != Chomp::Keep {
        // Blank lines at the end are nobody's content, but a line with more blanks than the
        // indentation is text.
        loop {
            let before = &text[content_start..end];
            let last = before.strip_suffix('\n').unwrap_or(before);
            let line_start = content_start + last.rfind('\n').map_or(0, |at| at + 1);
            let line = text[line_start..end].trim_end_matches(['\n', '\r']);
            let blank = line.bytes().all(|b| b == b' ') && line.len() <= indent;
            if !blank || line_start == content_start {
                break;
            }
            end = line_start;
        }
    }
    let open_ended = !text[..end].ends_with('\n');
    Some((BlockScalar { header, indent, explicit, folded, chomp, open_ended }, content_start..end))
}

impl BlockScalar {
    /// How many line breaks end its content, when all that follows the last of them is
    /// indentation; else none.
    pub(super) fn breaks_before_blanks(&self, content: &str) -> usize {
        let last = content.rsplit('\n').next().unwrap_or(content);
        if last.is_empty() || last.len() > self.indent || last.bytes().any(|byte| byte != b' ') {
            return 0;
        }
        let tail = content.trim_end_matches([' ', '\n', '\r']).len();
        content[tail..].matches('\n').count()
    }
}

/// The `|` or `>` with its indicators on the line above `content`, blank lines skipped.
fn header_before(text: &str, content: usize, folded: bool) -> Option<Range<usize>> {
    let mut line_end = text[..content].rfind('\n').unwrap_or(content);
    loop {
        let line_start = text[..line_end].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..line_end].trim_end();
        if !line.is_empty()
            && let Some(found) = header_in(line, folded)
        {
            return Some(line_start + found.start..line_start + found.end);
        }
        if line_start == 0 {
            return None;
        }
        line_end = line_start - 1;
    }
}

/// The header at the end of a line; a comment may follow it.
fn header_in(line: &str, folded: bool) -> Option<Range<usize>> {
    let mark = if folded { '>' } else { '|' };
    let at_end = |line: &str| {
        let line = line.trim_end();
        let body = line.trim_end_matches(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
        let before = body.strip_suffix(mark)?;
        let separate = before.is_empty() || before.ends_with([' ', '\t', ':', '-']);
        (line.len() - body.len() <= 2 && separate).then_some(before.len()..line.len())
    };
    at_end(line).or_else(|| {
        line.match_indices('#')
            .filter(|(at, _)| line[..*at].ends_with([' ', '\t']))
            .find_map(|(at, _)| at_end(&line[..at]))
    })
}

/// Whether a line is properties and the header of a block scalar, and nothing else.
pub(super) fn is_header(line: &str) -> bool {
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let Some(header) = words.next_back() else { return false };
    let indicators = header.strip_prefix(['|', '>']);
    indicators.is_some_and(|rest| rest.bytes().all(|b| b"0123456789+-".contains(&b)))
        && words.all(|word| word.starts_with(['!', '&']))
}

/// The offset behind the line break at or after `at`.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |found| at + found + 1)
}

/// Column in bytes of an offset.
pub(super) fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind('\n').map_or(0, |found| found + 1)
}

/// Lets each item of a block list begin with its dash, which the parser does not report, and
/// gives each list the dash's column.
pub(super) fn place_dashes(text: &str, site: &mut Site, comments: &[RawComment]) {
    // Inner lists have higher numbers, and the dash of `- - x` that stands first belongs to the
    // outer list: the inner ones come first.
    for id in (0..site.containers.len()).rev() {
        if site.containers[id].flow || !site.containers[id].list {
            continue;
        }
        for index in 0..site.containers[id].entries.len() {
            let entry = site.containers[id].entries[index];
            let value_start = match entry.value {
                ValueSite::Container(child) if !site.containers[child as usize].flow => {
                    entry.start.min(site.containers[child as usize].start)
                }
                // The parser begins a block with its content; the dash is before the header.
                ValueSite::Leaf(slot) => match site.slots[slot as usize].shape {
                    Shape::Block(block) => {
                        entry.start.min(site.blocks[block as usize].header.start)
                    }
                    _ => entry.start,
                },
                _ => entry.start,
            };
            if let Some(dash) = dash_before(text, value_start, comments) {
                let entry = &mut site.containers[id].entries[index];
                (entry.start, entry.after_indicator) = (dash, dash + 1);
                if entry.end < dash + 1 {
                    entry.end = dash + 1;
                }
            }
        }
        if let Some(first) = site.containers[id].entries.first() {
            let start = first.start;
            site.containers[id].start = start;
            site.containers[id].column = character_column(text, start);
        }
    }
}

/// The nearest dash before `at`, over blanks, line breaks and comments.
pub(super) fn dash_before(text: &str, at: usize, comments: &[RawComment]) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = at;
    loop {
        while at > 0 && bytes[at - 1].is_ascii_whitespace() {
            at -= 1;
        }
        let next = comments.partition_point(|comment| comment.range.start < at);
        match next.checked_sub(1).map(|index| &comments[index]) {
            Some(comment) if comment.range.end >= at && comment.range.start < at => {
                at = comment.range.start;
            }
            _ => break,
        }
    }
    (at > 0 && bytes[at - 1] == b'-').then(|| at - 1)
}

/// Column in characters of an offset.
pub(super) fn character_column(text: &str, at: usize) -> usize {
    let line_start = text[..at].rfind('\n').map_or(0, |found| found + 1);
    text[line_start..at].trim_start_matches('\u{FEFF}').chars().count()
}
