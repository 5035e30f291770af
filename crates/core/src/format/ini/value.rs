//! The value of a key: reading it, and writing one that reads back.

use std::ops::Range;

use super::super::layout::Refusal;

/// What stands around a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    /// Nothing.
    Bare,
    /// `'`
    Single,
    /// `"`
    Double,
    /// A backquote; the value may have several lines.
    Back,
    /// `"""`; the value may have several lines.
    Triple,
}

/// A value, read.
#[derive(Debug)]
pub(super) struct Read {
    /// Everything between the delimiter and a comment or the end, without the blanks around it.
    pub(super) raw: Range<usize>,
    /// What stands around the value.
    pub(super) quote: Quote,
    /// The value.
    pub(super) text: String,
    /// The comment beside it, from its marker to the last character that is no blank.
    pub(super) comment: Option<Range<usize>>,
    /// Where the next line begins.
    pub(super) next: usize,
}

/// A value of several lines whose quote is not closed.
#[derive(Debug)]
pub(super) struct NotClosed;

impl Quote {
    /// The marks.
    pub(super) fn marks(self) -> &'static str {
        match self {
            Self::Bare => "",
            Self::Single => "'",
            Self::Double => "\"",
            Self::Back => "`",
            Self::Triple => "\"\"\"",
        }
    }

    /// Whether a value in these quotes may have several lines.
    pub(super) fn spans_lines(self) -> bool {
        matches!(self, Self::Back | Self::Triple)
    }
}

/// The end of the line on which `at` stands, without and with its line break.
pub(super) fn line_end(source: &str, at: usize) -> (usize, usize) {
    match source.as_bytes()[at..].iter().position(|byte| *byte == b'\n') {
        Some(distance) => (at + distance, at + distance + 1),
        None => (source.len(), source.len()),
    }
}

/// `range` without the blanks around it.
pub(super) fn trim(source: &str, range: Range<usize>) -> Range<usize> {
    let text = &source[range.clone()];
    let start = range.start + (text.len() - text.trim_start().len());
    start..(range.start + text.trim_end().len()).max(start)
}

/// Reads the value that begins behind the delimiter, at `at`.
pub(super) fn read(source: &str, at: usize) -> Result<Read, NotClosed> {
    let (end, next) = line_end(source, at);
    let whole = trim(source, at..end);
    if whole.is_empty() {
        // A value that comes here later comes behind one blank.
        let blanks = source[at..end].len() - source[at..end].trim_start_matches([' ', '\t']).len();
        let place = at + blanks..at + blanks;
        return Ok(Read {
            raw: place,
            quote: Quote::Bare,
            text: String::new(),
            comment: None,
            next,
        });
    }
    let line = &source[whole.start..next];
    // Three quotes that end the text are a value for the reference; but nothing could be written
    // behind them, so they are quotes that are not closed here.
    if line.starts_with("\"\"\"") {
        return read_quoted(source, whole, next, Quote::Triple);
    }
    if line.starts_with('`') {
        return read_quoted(source, whole, next, Quote::Back);
    }
    if source[whole.clone()].ends_with('\\') {
        return Ok(read_continued(source, whole, next));
    }
    Ok(read_simple(source, whole, next))
}

fn read_simple(source: &str, whole: Range<usize>, next: usize) -> Read {
    let marker = source[whole.clone()].find(['#', ';']).map(|offset| whole.start + offset);
    let raw = trim(source, whole.start..marker.unwrap_or(whole.end));
    let text = &source[raw.clone()];
    let quote = [Quote::Double, Quote::Single].into_iter().find(|quote| {
        // Only a pair that has none of its kind between it comes off.
        let inside = text.strip_prefix(quote.marks()).and_then(|t| t.strip_suffix(quote.marks()));
        inside.is_some_and(|inside| !inside.contains(quote.marks()))
    });
    let cut = usize::from(quote.is_some());
    Read {
        text: text[cut..text.len() - cut].to_owned(),
        raw,
        quote: quote.unwrap_or(Quote::Bare),
        comment: marker.map(|marker| marker..whole.end),
        next,
    }
}

/// A value that goes on in the next line because of a backslash at the end of this one.
fn read_continued(source: &str, whole: Range<usize>, mut next: usize) -> Read {
    let mut text = source[whole.start..whole.end - 1].to_owned();
    let mut end = whole.end;
    while next < source.len() {
        let (line_stop, after) = line_end(source, next);
        let line = trim(source, next..line_stop);
        next = after;
        if line.is_empty() {
            break;
        }
        end = line.end;
        text.push_str(&source[line]);
        if !text.ends_with('\\') {
            break;
        }
        text.pop();
    }
    Read { raw: whole.start..end, quote: Quote::Bare, text, comment: None, next }
}

fn read_quoted(
    source: &str,
    whole: Range<usize>,
    next: usize,
    quote: Quote,
) -> Result<Read, NotClosed> {
    let marks = quote.marks();
    let start = whole.start + marks.len();
    // What follows the last quote of the line is dropped by the reference, comments too; here it
    // is part of the value's spelling.
    if let Some(length) = source[start..next].rfind(marks) {
        let text = source[start..start + length].to_owned();
        return Ok(Read { raw: whole, quote, text, comment: None, next });
    }
    let mut line = next;
    while line < source.len() {
        let (line_stop, after) = line_end(source, line);
        if let Some(offset) = source[line..after].rfind(marks) {
            let close = line + offset;
            let behind = close + marks.len();
            let marker = source[behind..line_stop].find(['#', ';']).map(|offset| behind + offset);
            let rest = trim(source, behind..marker.unwrap_or(line_stop));
            let end = if rest.is_empty() { behind } else { rest.end };
            return Ok(Read {
                raw: whole.start..end,
                quote,
                text: source[start..close].to_owned(),
                comment: marker.map(|marker| trim(source, marker..line_stop)),
                next: after,
            });
        }
        line = after;
    }
    Err(NotClosed)
}

/// Writes a value so that it reads back, in `quote` if it is given and possible. `behind`:
/// blanks and the comment that follow on its line. `sealed`: whether a line break may be added at the value's end.
pub(super) fn write(
    text: &str,
    quote: Option<Quote>,
    behind: &str,
    sealed: bool,
) -> Result<String, Refusal> {
    // The one that the reference would choose (format §7.5), and should that not read back, any.
    let usual = if text.contains(['\n', '`']) {
        Quote::Triple
    } else if text.contains(['#', ';']) {
        Quote::Back
    } else if text.trim() != text {
        Quote::Double
    } else {
        Quote::Bare
    };
    let others = [usual, Quote::Bare, Quote::Back, Quote::Double, Quote::Triple, Quote::Single];
    quote
        .into_iter()
        .chain(others)
        .find_map(|quote| quoted(text, quote, behind, sealed))
        .ok_or_else(|| Refusal::of("this text: no kind of quotes keeps it"))
}

fn quoted(text: &str, quote: Quote, behind: &str, sealed: bool) -> Option<String> {
    let marks = quote.marks();
    let beside = !behind.is_empty();
    let broken = beside && quote.spans_lines() && sealed && !text.contains('\n');
    let line_break = if broken { "\n" } else { "" };
    let written = format!("{marks}{text}{line_break}{marks}");
    let line = format!("{written}{behind}\n");
    let read = read(&line, 0).ok()?;
    let same = read.raw == (0..written.len())
        && read.text.strip_suffix(line_break) == Some(text)
        && read.comment.is_some() == beside
        && read.next == line.len();
    same.then_some(written)
}
