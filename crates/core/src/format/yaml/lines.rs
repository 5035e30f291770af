//! The common part of YAML, read line by line.
//!
//! Nearly all of a secret file is `key: value` on one line, nested by indentation, with lists of
//! `- value` and comments. What such a line means does not depend on anything but its indentation,
//! so it can be read several times as fast as the whole language. This reader takes one entry of the
//! top-level mapping at a time, and gives up at the first thing that it does not know; `parse.rs`
//! then lets the whole language's parser read that entry.
//!
//! Rules of this module:
//!
//! - It says the same as the parser, event by event, or nothing: `parse.rs` holds both against each
//!   other in its tests. When in doubt it gives up.
//! - It knows neither types nor duplicates nor comments' containers: those come later, for both.

use std::{borrow::Cow, ops::Range};

use granit_parser::ScalarStyle;

/// One event of a document, with the bytes it stands for.
#[derive(Debug)]
pub(super) enum LineEvent<'t> {
    /// A block mapping whose first key is here.
    Mapping {
        /// Its first byte.
        start: usize,
        /// Characters before it on its line.
        column: usize,
    },
    /// A block list.
    List {
        /// Where the parser says that it begins: its first dash, or behind that if the dashes stand
        /// at the column of their key.
        start: usize,
        /// Characters before that on its line.
        column: usize,
    },
    /// The innermost mapping or list ends.
    End,
    /// A key or a value.
    Scalar {
        /// Its content.
        text: Cow<'t, str>,
        /// How it is written.
        style: ScalarStyle,
        /// Its bytes with their quotes.
        range: Range<usize>,
    },
    /// A comment with its `#`.
    Comment {
        /// Its bytes.
        range: Range<usize>,
    },
}

/// A mapping or list that is open, below the top-level one.
struct Level {
    column: usize,
    list: bool,
}

/// Reads entries of a block mapping at column 0.
pub(super) struct Lines<'t> {
    text: &'t str,
    levels: Vec<Level>,
}

/// A key that has no value on its line.
struct Waiting {
    /// The column of its mapping.
    column: usize,
    /// Where an absent value would stand: behind the colon.
    at: usize,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, levels: Vec::new() }
    }

    /// Comments and blank lines from `at`, which begins a line, up to the next entry; where that
    /// begins. `None` if a line is neither.
    pub(super) fn between(&self, at: usize, events: &mut Vec<LineEvent<'t>>) -> Option<usize> {
        let mut at = at;
        while at < self.text.len() {
            let line = self.line(at);
            match line.content() {
                None => {}
                Some(b'#') => events.push(line.comment(line.indent)),
                Some(_) if line.indent == 0 => return Some(at),
                Some(_) => return None,
            }
            at = line.next;
        }
        Some(at)
    }

    /// The entry whose line begins at `at`: its events, and where the next one begins or the text
    /// ends. `None` if it holds anything unknown; then `events` holds nothing to be used.
    pub(super) fn entry(&mut self, at: usize, events: &mut Vec<LineEvent<'t>>) -> Option<usize> {
        self.levels.clear();
        let mut waiting = self.pair(&self.line(at), 0, events)?;
        let mut at = self.line(at).next;
        // Comments behind the entry may belong to what comes next; they are taken along all the same,
        // since their place is all that is known of them here.
        while at < self.text.len() {
            let line = self.line(at);
            match line.content() {
                None => {}
                Some(b'#') => events.push(line.comment(line.indent)),
                Some(first) => {
                    let dash = first == b'-' && line.is_item();
                    let below = waiting.as_ref().is_some_and(|waiting| waiting.column == 0);
                    if line.indent == 0 && !(dash && (below || !self.levels.is_empty())) {
                        break;
                    }
                    waiting = self.content(&line, dash, waiting.take(), events)?;
                }
            }
            at = line.next;
        }
        if let Some(waiting) = waiting {
            absent(&waiting, events);
        }
        for _ in self.levels.drain(..) {
            events.push(LineEvent::End);
        }
        Some(at)
    }

    /// A line with a pair or an item, not at the top level.
    fn content(
        &mut self,
        line: &Line<'t>,
        dash: bool,
        waiting: Option<Waiting>,
        events: &mut Vec<LineEvent<'t>>,
    ) -> Option<Option<Waiting>> {
        let start = line.start + line.indent;
        match waiting {
            Some(key) if line.indent > key.column || (dash && line.indent == key.column) => {
                self.levels.push(Level { column: line.indent, list: dash });
                events.push(match (dash, line.indent > key.column) {
                    (true, true) => LineEvent::List { start, column: line.indent },
                    // The parser lets it begin with what stands behind the dash.
                    (true, false) => LineEvent::List { start: start + 1, column: line.indent + 1 },
                    (false, _) => LineEvent::Mapping { start, column: line.indent },
                });
            }
            Some(key) => absent(&key, events),
            None => {}
        }
        // A list at the column of its key ends with the first line there that is no item.
        while let Some(level) = self.levels.last()
            && (level.column > line.indent || (level.column == line.indent && level.list != dash))
        {
            if level.column == line.indent && dash {
                return None;
            }
            self.levels.pop();
            events.push(LineEvent::End);
        }
        let (column, list) = self.levels.last().map_or((0, false), |top| (top.column, top.list));
        if column != line.indent || list != dash {
            return None;
        }
        if !dash {
            return self.pair(line, line.indent, events);
        }
        let inner = line.skip_blanks(line.indent + 1);
        let first = *line.bytes.get(inner)?;
        if first == b'#' || (first == b'-' && line.is_dash(inner)) {
            return None;
        }
        if line.key(inner).is_some() {
            self.levels.push(Level { column: inner, list: false });
            events.push(LineEvent::Mapping { start: line.start + inner, column: inner });
            return self.pair(line, inner, events);
        }
        self.value(line, inner, events)?;
        Some(None)
    }

    /// `key: value` at a column of a line. `Some(None)` with a value.
    fn pair(
        &self,
        line: &Line<'t>,
        column: usize,
        events: &mut Vec<LineEvent<'t>>,
    ) -> Option<Option<Waiting>> {
        let colon = line.key(column)?;
        events.push(line.scalar(column..colon, column..colon, ScalarStyle::Plain));
        let at = line.skip_blanks(colon + 1);
        match line.bytes.get(at) {
            None => Some(Some(Waiting { column, at: line.start + colon + 1 })),
            Some(b'#') if at > colon + 1 => {
                // Where the value is absent, its place is told by what the parser skips.
                events.push(line.comment(at));
                Some(Some(Waiting { column, at: line.start + colon + 1 }))
            }
            Some(_) if at == colon + 1 => None,
            Some(_) => {
                self.value(line, at, events)?;
                Some(None)
            }
        }
    }

    /// A scalar that begins at a column and ends on its line, and the comment behind it.
    fn value(&self, line: &Line<'t>, at: usize, events: &mut Vec<LineEvent<'t>>) -> Option<()> {
        let (content, whole, style) = match line.bytes[at] {
            quote @ (b'"' | b'\'') => {
                let end = at + 1 + line.bytes[at + 1..].iter().position(|b| *b == quote)?;
                let content = &line.bytes[at + 1..end];
                let double = quote == b'"';
                if (double && content.contains(&b'\\')) || line.bytes.get(end + 1) == Some(&quote) {
                    return None;
                }
                let style =
                    if double { ScalarStyle::DoubleQuoted } else { ScalarStyle::SingleQuoted };
                (at + 1..end, at..end + 1, style)
            }
            first if may_begin_plain(first) => {
                let end = line.plain_end(at)?;
                (at..end, at..end, ScalarStyle::Plain)
            }
            b'-' if line.bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                let end = line.plain_end(at)?;
                (at..end, at..end, ScalarStyle::Plain)
            }
            _ => return None,
        };
        let end = whole.end;
        events.push(line.scalar(content, whole, style));
        let behind = line.skip_blanks(end);
        match line.bytes.get(behind) {
            None => Some(()),
            Some(b'#') if behind > end => {
                events.push(line.comment(behind));
                Some(())
            }
            Some(_) => None,
        }
    }

    fn line(&self, start: usize) -> Line<'t> {
        let rest = &self.text[start..];
        let (end, next) = match rest.find('\n') {
            Some(end) => (end, start + end + 1),
            None => (rest.len(), self.text.len()),
        };
        let text = &rest[..end];
        let bytes = text.as_bytes();
        let indent = bytes.iter().position(|b| *b != b' ').unwrap_or(bytes.len());
        Line { text, bytes, start, indent, next }
    }
}

/// An absent value comes behind the colon of its key, without extent.
fn absent(key: &Waiting, events: &mut Vec<LineEvent<'_>>) {
    events.push(LineEvent::Scalar {
        text: Cow::Borrowed("~"),
        style: ScalarStyle::Plain,
        range: key.at..key.at,
    });
}

/// One line, without its line break.
struct Line<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// Its offset in the text.
    start: usize,
    /// Blanks at its beginning.
    indent: usize,
    /// Where the next line begins.
    next: usize,
}

impl<'t> Line<'t> {
    /// The first byte that is no blank.
    fn content(&self) -> Option<u8> {
        self.bytes.get(self.indent).copied()
    }

    fn is_item(&self) -> bool {
        self.is_dash(self.indent)
    }

    fn is_dash(&self, at: usize) -> bool {
        self.bytes[at] == b'-' && self.bytes.get(at + 1).is_none_or(|b| *b == b' ')
    }

    fn skip_blanks(&self, from: usize) -> usize {
        let blanks = self.bytes[from..].iter().position(|b| *b != b' ');
        blanks.map_or(self.bytes.len(), |blanks| from + blanks)
    }

    /// The colon behind a plain key that begins here. Keys are words; anything else is rare.
    fn key(&self, at: usize) -> Option<usize> {
        let rest = &self.bytes[at..];
        let first = *rest.first()?;
        if !(first.is_ascii_alphabetic() || first == b'_') {
            return None;
        }
        let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/');
        let length = rest.iter().position(|b| !part(b))?;
        let ends = rest[length] == b':' && rest.get(length + 1).is_none_or(|b| *b == b' ');
        ends.then_some(at + length)
    }

    /// The end of a plain scalar that begins here, blanks behind it not counted.
    fn plain_end(&self, at: usize) -> Option<usize> {
        let mut end = at;
        let mut before = b' ';
        for (offset, b) in self.bytes[at..].iter().enumerate() {
            match b {
                b' ' if before == b':' => return None,
                b' ' => {}
                b'#' if before == b' ' => break,
                _ => end = at + offset + 1,
            }
            before = *b;
        }
        // `key: a:` is a mapping in the value's place.
        (self.bytes[end - 1] != b':').then_some(end)
    }

    fn scalar(
        &self,
        content: Range<usize>,
        whole: Range<usize>,
        style: ScalarStyle,
    ) -> LineEvent<'t> {
        LineEvent::Scalar {
            text: Cow::Borrowed(&self.text[content]),
            style,
            range: self.start + whole.start..self.start + whole.end,
        }
    }

    /// The comment that begins at a column of bytes.
    fn comment(&self, at: usize) -> LineEvent<'t> {
        LineEvent::Comment { range: self.start + at..self.start + self.bytes.len() }
    }
}

/// Whether a plain scalar may begin so, whatever follows.
fn may_begin_plain(first: u8) -> bool {
    first.is_ascii_alphanumeric() || matches!(first, b'_' | b'/' | b'.' | b'+' | b'$' | b'(' | b'=')
}

/// Where the next line begins, after the one at `at`, that may hold an entry of the top-level
/// mapping; the end of the text if there is none.
pub(super) fn next_entry(text: &str, at: usize) -> usize {
    let mut at = at;
    while let Some(end) = text[at..].find('\n') {
        at += end + 1;
        if text.as_bytes().get(at).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
            return at;
        }
    }
    text.len()
}

/// Whether a text can be read line by line: one document without directives, and no tabs, carriage
/// returns or other control characters, none of Unicode's line ends, no byte order mark. A mark
/// before the document may be there; `behind_mark` is where the text begins behind it.
pub(super) fn is_ordinary(text: &str, behind_mark: usize) -> bool {
    let rest = &text[behind_mark..];
    let marks = ["---", "...", "%"];
    if marks.iter().any(|mark| rest.starts_with(mark))
        || ["\n---", "\n...", "\n%"].iter().any(|mark| rest.contains(mark))
    {
        return false;
    }
    // Without an early end inside, this goes over many bytes at once.
    let plain = |b: &u8| matches!(b, b'\n' | b' '..=b'~');
    let all = |part: &[u8]| part.iter().fold(true, |so_far, b| so_far & plain(b));
    rest.as_bytes().chunks(4096).all(all) || is_ordinary_unicode(rest.as_bytes())
}

fn is_ordinary_unicode(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, b)| match b {
        b'\n' | b' '..=b'~' => true,
        0x00..=0x1F | 0x7F => false,
        // U+0080 to U+009F; U+2028 and U+2029; U+FEFF and what is no character.
        0xC2 => bytes.get(at + 1).is_some_and(|next| *next >= 0xA0),
        0xE2 => !matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xA8 | 0xA9])),
        0xEF => false,
        _ => true,
    })
}
