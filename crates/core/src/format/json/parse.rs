//! JSON text to tree.

use std::ops::Range;

use super::{
    super::{ParseError, Parsed, Problem, Section, SectionError, layout::line_and_column},
    layout::JsonLayout,
    scan::{Scanner, unescape},
};
use crate::{
    crypto::SecretBytes,
    tree::{Leaf, List, MAX_DEPTH, Mapping, Mark, Node, Step, Tree, Value},
};

/// The three bytes that some editors put before a text.
pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Reads a JSON text whose top is an object.
///
/// # Errors
/// If it is not strict JSON, or not an object, or holds a number beyond double precision, half a
/// surrogate pair, bytes that are not UTF-8, or more than [`MAX_DEPTH`] levels.
pub fn parse(source: SecretBytes) -> Result<Parsed, ParseError> {
    let bytes = source.expose();
    if let Err(error) = std::str::from_utf8(bytes) {
        let (line, column) = line_and_column(bytes, error.valid_up_to());
        return Err(ParseError::new((line, column), Problem::NotUtf8));
    }
    let start = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
    let mut parser = Parser {
        scanner: Scanner::new(bytes, start),
        slots: Vec::new(),
        metadata: Section::Absent,
        in_metadata: false,
    };
    let open = match parser.scanner.next() {
        Some(b'{') => parser.scanner.at,
        found => return Err(parser.not_an_object(found)),
    };
    let document = parser.object(1)?;
    if parser.scanner.next().is_some() {
        return Err(parser.scanner.syntax("text after the end of the document"));
    }
    let Parser { slots, metadata, .. } = parser;
    let tree = Tree { documents: vec![document] };
    Ok(Parsed { tree, metadata, layout: Box::new(JsonLayout::new(source, slots, open)) })
}

struct Parser<'s> {
    scanner: Scanner<'s>,
    slots: Vec<Range<usize>>,
    metadata: Section,
    in_metadata: bool,
}

impl Parser<'_> {
    fn not_an_object(&self, found: Option<u8>) -> ParseError {
        self.scanner.error(match found {
            None => Problem::Empty,
            Some(b'[') => Problem::NotAMapping { found: "a list" },
            Some(b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                Problem::NotAMapping { found: "a scalar" }
            }
            Some(_) => return self.scanner.syntax("expected '{'"),
        })
    }

    fn value(&mut self, depth: usize) -> Result<Node, ParseError> {
        match self.scanner.next() {
            Some(b'{') => self.object(depth + 1).map(Node::Map),
            Some(b'[') => self.list(depth + 1).map(Node::List),
            _ => self.leaf().map(Node::Leaf),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Mapping, ParseError> {
        self.descend(depth)?;
        let mut mapping = Mapping::default();
        if self.scanner.next() == Some(b'}') {
            self.scanner.at += 1;
            return Ok(mapping);
        }
        loop {
            if self.scanner.next() != Some(b'"') {
                return Err(self.scanner.syntax("expected a key between double quotes"));
            }
            let place = self.scanner.string()?;
            let key = String::from_utf8(self.text(&place)?)
                .map_err(|_| self.scanner.error_at(place.start, Problem::NotUtf8))?;
            self.scanner.expect(b':', "expected ':' after a key")?;
            if depth == 1 && key == "sops" {
                self.section(place.start, depth)?;
            } else {
                let value = match self.value(depth) {
                    Ok(value) => value,
                    Err(error) => return Err(error.below(Step::Key(key))),
                };
                mapping.push(key, value);
            }
            match self.scanner.next() {
                Some(b',') => self.scanner.at += 1,
                Some(b'}') => {
                    self.scanner.at += 1;
                    return Ok(mapping);
                }
                _ => return Err(self.scanner.syntax("expected ',' or '}' after a member")),
            }
        }
    }

    /// The value of the top-level key `sops`, which is metadata and no data (format §3.1).
    fn section(&mut self, key: usize, depth: usize) -> Result<(), ParseError> {
        self.in_metadata = true;
        let value = self.value(depth)?;
        self.in_metadata = false;
        let line = || line_and_column(self.scanner.source, key).0;
        self.metadata = match (&self.metadata, value) {
            (Section::Absent, Node::Map(mapping)) => Section::Found(mapping),
            (Section::Absent, _) => Section::Malformed(SectionError::NotAMapping { line: line() }),
            _ => Section::Malformed(SectionError::Duplicate { line: line() }),
        };
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<List, ParseError> {
        self.descend(depth)?;
        let mut list = List::default();
        if self.scanner.next() == Some(b']') {
            self.scanner.at += 1;
            return Ok(list);
        }
        loop {
            let index = list.items.len();
            let value = self.value(depth).map_err(|error| error.below(Step::Index(index)))?;
            list.push(value);
            match self.scanner.next() {
                Some(b',') => self.scanner.at += 1,
                Some(b']') => {
                    self.scanner.at += 1;
                    return Ok(list);
                }
                _ => return Err(self.scanner.syntax("expected ',' or ']' after an element")),
            }
        }
    }

    /// Goes past an opening bracket.
    fn descend(&mut self, depth: usize) -> Result<(), ParseError> {
        if depth > MAX_DEPTH {
            return Err(self.scanner.error(Problem::TooDeep { limit: MAX_DEPTH }));
        }
        self.scanner.at += 1;
        Ok(())
    }

    fn leaf(&mut self) -> Result<Leaf, ParseError> {
        let (place, value) = match self.scanner.peek() {
            Some(b'"') => {
                let place = self.scanner.string()?;
                let text = self.text(&place)?;
                (place, Value::text(SecretBytes::new(text)))
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => {
                let start = self.scanner.at;
                let value = match self.scanner.word()? {
                    b"true" => Value::Bool(true),
                    b"false" => Value::Bool(false),
                    _ => Value::Null,
                };
                (start..self.scanner.at, value)
            }
        };
        if self.in_metadata {
            let mut leaf = Leaf::new(value);
            // Versions stood there as numbers once, and 1.0 is not 1 (format §3.6).
            if matches!(leaf.value, Value::Float(_)) {
                leaf.spelling = Some(Box::new(self.scanner.source[place].into()));
            }
            return Ok(leaf);
        }
        let mark = Mark::new(self.slots.len());
        self.slots.push(place);
        Ok(Leaf::at(mark, value))
    }

    /// Whole numbers that fit 64 bits are integers, all others floats (format §1.4).
    fn number(&mut self) -> Result<(Range<usize>, Value), ParseError> {
        let (place, whole) = self.scanner.number()?;
        let text = std::str::from_utf8(&self.scanner.source[place.clone()]).unwrap_or_default();
        if whole && let Ok(int) = text.parse() {
            return Ok((place, Value::Int(int)));
        }
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok((place, Value::Float(float))),
            _ => Err(self.scanner.error_at(place.start, Problem::NumberTooLarge)),
        }
    }

    fn text(&self, place: &Range<usize>) -> Result<Vec<u8>, ParseError> {
        unescape(&self.scanner.source[place.start + 1..place.end - 1]).ok_or_else(|| {
            self.scanner.error_at(
                place.start,
                Problem::Syntax(
                    "a \\u escape in this string names half of a surrogate pair".to_owned(),
                ),
            )
        })
    }
}
