//! dotenv text to tree.

use std::ops::Range;

use super::{
    super::{
        ParseError, Parsed, Problem, Section,
        flatten::{unescape_line_breaks, unflatten},
        layout::line_and_column,
    },
    PREFIX,
    layout::DotenvLayout,
};
use crate::{
    crypto::SecretBytes,
    tree::{Comment, CommentForm, Entry, Leaf, Mapping, Mark, Node, Pair, Tree, Value},
};

/// One line, without its line break.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Where it stands.
    pub(super) place: Range<usize>,
    /// What it is.
    pub(super) kind: LineKind,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    /// Nothing, or a carriage return.
    Blank,
    /// A comment.
    Comment,
    /// A key and a value, of the data.
    Pair {
        /// Where the `=` stands.
        equals: usize,
    },
    /// A key and a value, of the metadata.
    Metadata {
        /// Where the `=` stands.
        equals: usize,
    },
}

/// Reads a dotenv text.
///
/// # Errors
/// If a line that is neither empty nor a comment has no `=`, or if the text's line ends differ in
/// a way that opening it could not restore.
pub fn parse(source: SecretBytes) -> Result<Parsed, ParseError> {
    let bytes = source.expose();
    let lines = lines(bytes)?;
    let sealed = lines.iter().any(|line| matches!(line.kind, LineKind::Metadata { .. }));
    if !sealed {
        check_line_ends(bytes, &lines)?;
    }
    let quoted = is_quoted(bytes, &lines);
    let mut slots = Vec::new();
    let mut document = Mapping::default();
    for line in &lines {
        let start = line.place.start;
        match line.kind {
            LineKind::Blank | LineKind::Metadata { .. } => {}
            LineKind::Comment => {
                let mut slot = start + 1..line.place.end;
                // Version 3.6.0 put a blank there (format Q14).
                if quoted && bytes[slot.clone()].starts_with(b" ENC[") {
                    slot.start += 1;
                }
                let text = &bytes[slot.clone()];
                let mark = Mark::new(slots.len());
                document.entries.push(Entry::Comment(Comment::at(mark, CommentForm::Line, text)));
                slots.push(slot);
            }
            LineKind::Pair { equals } => {
                let key = text_at(bytes, start..equals)?.to_owned();
                let slot = equals + 1..line.place.end;
                let value = value_of(&bytes[slot.clone()], quoted);
                let leaf = Leaf::at(Mark::new(slots.len()), Value::text(SecretBytes::new(value)));
                document.entries.push(Entry::Pair(Pair { key, value: Node::Leaf(leaf) }));
                slots.push(slot);
            }
        }
    }
    let metadata = section(bytes, &lines, quoted)?;
    let tree = Tree { documents: vec![document] };
    let layout = Box::new(DotenvLayout::new(source, lines, slots, quoted));
    Ok(Parsed { tree, metadata, layout })
}

fn lines(source: &[u8]) -> Result<Vec<Line>, ParseError> {
    let mut lines = Vec::new();
    let mut start = 0;
    while start < source.len() {
        let end =
            source[start..].iter().position(|b| *b == b'\n').map_or(source.len(), |n| start + n);
        lines.push(Line { place: start..end, kind: kind_of(source, start..end)? });
        start = end + 1;
    }
    Ok(lines)
}

fn kind_of(source: &[u8], place: Range<usize>) -> Result<LineKind, ParseError> {
    let line = &source[place.clone()];
    if line.is_empty() || line == b"\r" {
        return Ok(LineKind::Blank);
    }
    if line[0] == b'#' {
        return Ok(LineKind::Comment);
    }
    if line.starts_with(b"\xEF\xBB\xBF#") {
        // It would be read as a key, and keys are not sealed.
        let problem = "a byte order mark stands before a comment: save the file without it";
        return Err(error(source, place.start, problem));
    }
    let Some(equals) = line.iter().position(|byte| *byte == b'=') else {
        let problem = "the line is neither empty nor a comment, and it has no '='";
        return Err(error(source, place.start, problem));
    };
    let equals = place.start + equals;
    Ok(if line.starts_with(PREFIX.as_bytes()) {
        LineKind::Metadata { equals }
    } else {
        LineKind::Pair { equals }
    })
}

fn error(source: &[u8], at: usize, problem: &str) -> ParseError {
    let (line, column) = line_and_column(source, at);
    ParseError::new((line, column), Problem::Syntax(problem.to_owned()))
}

/// Refuses blank lines whose ends could not be told from those of the other lines.
fn check_line_ends(source: &[u8], lines: &[Line]) -> Result<(), ParseError> {
    let crlf = all_crlf(source, lines);
    for line in lines.iter().filter(|line| line.kind == LineKind::Blank) {
        let terminated = line.place.end < source.len();
        let has_cr = !line.place.is_empty();
        if has_cr && !(crlf && terminated) || crlf && terminated && !has_cr {
            let problem = "this blank line does not end like the other lines: write LF at the \
                           end of every line, or CRLF";
            return Err(error(source, line.place.start, problem));
        }
    }
    Ok(())
}

/// Whether every complete line that is not blank ends with CRLF, and there is one.
pub(super) fn all_crlf(source: &[u8], lines: &[Line]) -> bool {
    let mut ends = lines
        .iter()
        .filter(|line| line.kind != LineKind::Blank && line.place.end < source.len())
        .map(|line| source[line.place.clone()].ends_with(b"\r"))
        .peekable();
    ends.peek().is_some() && ends.all(|crlf| crlf)
}

/// Whether version 3.6.0 wrote this, which put every value between single quotes (format Q14).
fn is_quoted(source: &[u8], lines: &[Line]) -> bool {
    let mut values = lines
        .iter()
        .filter_map(|line| match line.kind {
            LineKind::Metadata { equals } => Some(metadata_value(source, line, equals)),
            _ => None,
        })
        .peekable();
    values.peek().is_some() && values.all(|value| inside_quotes(value).is_some())
}

fn inside_quotes(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"'")?.strip_suffix(b"'")
}

/// Metadata holds no carriage return; one at the end came from a conversion of the whole file.
fn metadata_value<'s>(source: &'s [u8], line: &Line, equals: usize) -> &'s [u8] {
    let value = &source[equals + 1..line.place.end];
    value.strip_suffix(b"\r").unwrap_or(value)
}

fn value_of(raw: &[u8], quoted: bool) -> Vec<u8> {
    match inside_quotes(raw) {
        Some(inside) if quoted => unescape_line_breaks(&without_quote_escapes(inside)),
        _ => unescape_line_breaks(raw),
    }
}

fn without_quote_escapes(inside: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(inside.len());
    for (at, byte) in inside.iter().enumerate() {
        if !(*byte == b'\\' && inside.get(at + 1) == Some(&b'\'')) {
            out.push(*byte);
        }
    }
    out
}

fn section(source: &[u8], lines: &[Line], quoted: bool) -> Result<Section, ParseError> {
    let mut fields = Vec::new();
    for line in lines {
        let LineKind::Metadata { equals } = line.kind else {
            continue;
        };
        let name = text_at(source, line.place.start + PREFIX.len()..equals)?;
        let value = metadata_value(source, line, equals);
        let value = if quoted { inside_quotes(value).unwrap_or(value) } else { value };
        fields.push((name, value));
    }
    Ok(match fields.is_empty() {
        true => Section::Absent,
        false => unflatten(fields).map_or_else(Section::Malformed, Section::Found),
    })
}

fn text_at(source: &[u8], place: Range<usize>) -> Result<&str, ParseError> {
    let start = place.start;
    std::str::from_utf8(&source[place]).map_err(|_| {
        let (line, column) = line_and_column(source, start);
        ParseError::new((line, column), Problem::NotUtf8)
    })
}
