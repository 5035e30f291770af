//! YAML text to tree and places.
//!
//! Events come from `granit-parser`, whose spans are exact to the byte, or, for what nearly all of a
//! secret file consists of, from `lines.rs`. They are gathered into containers by number (`build.rs`),
//! since comments find their container only when all entries are known (`comments.rs`); the tree is
//! put together at the end (`finish.rs`).

use std::ops::Range;

use granit_parser::{Event, Parser, Span, StructureStyle};

use super::{
    super::{ParseError, Problem, Section, layout::line_and_column},
    build::Builder,
    comments::RawComment,
    lines::{self, LineEvent, Lines},
    model::Site,
    typed::Scalar,
};
use crate::tree::{MAX_DEPTH, Tree};

/// A text, read.
pub(super) struct Read {
    pub(super) tree: Tree,
    pub(super) section: Section,
    pub(super) site: Site,
}

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Read, ParseError> {
    if text.contains('\r') {
        refuse_lone_returns(text)?;
    }
    // What is wrong with a text is said by the parser, once, whichever part of it is read how.
    by_lines(text).map_or_else(|| by_parser(text), Ok)
}

/// A carriage return alone is a line break that hardly any reader takes for one any more.
fn refuse_lone_returns(text: &str) -> Result<(), ParseError> {
    let lone = |at: &usize| text.as_bytes().get(at + 1) != Some(&b'\n');
    match text.match_indices('\r').map(|(at, _)| at).find(lone) {
        Some(at) => {
            let problem = "a carriage return without a line feed behind it".to_owned();
            Err(error_at(text, at, Problem::Syntax(problem)))
        }
        None => Ok(()),
    }
}

/// Reads all of a text with the parser.
pub(super) fn by_parser(text: &str) -> Result<Read, ParseError> {
    let mut builder = Builder::new(text);
    for event in parser(text) {
        let (event, span) = event.map_err(|error| builder.syntax(&error))?;
        builder.event(event, &Place::of(&span, 0))?;
    }
    builder.finish()
}

fn parser(text: &str) -> Parser<'_, granit_parser::StrInput<'_>> {
    let options = granit_parser::options! {
        max_buffered_comment_events: usize::MAX,
        simple_key_max_lookahead: usize::MAX,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
        emit_anchor_events: true,
    };
    Parser::new_from_str_with_options(text, options)
}

/// Reads a text of one document entry by entry: line by line where that is possible, and with the
/// parser between. `None` if it has to be read as a whole, or is not valid.
pub(super) fn by_lines(text: &str) -> Option<Read> {
    let marked = if text.starts_with(DOCUMENT_MARK) { DOCUMENT_MARK.len() } else { 0 };
    if !lines::is_ordinary(text, marked) {
        return None;
    }
    let mut builder = Builder::new(text);
    let mut lines = Lines::new(text);
    let mut events = Vec::new();
    let first = lines.between(marked, &mut events)?;
    if first == text.len() {
        return None;
    }
    builder.document_start(marked > 0, 0).ok()?;
    builder.open(false, false, None, first, 0, 0).ok()?;
    builder.line_events(&mut events)?;
    let (mut at, mut unknown) = (first, None);
    while at < text.len() {
        match lines.entry(at, &mut events) {
            Some(next) => {
                builder.entries(unknown.take().map(|from| from..at))?;
                builder.line_events(&mut events)?;
                at = next;
            }
            None => {
                events.clear();
                unknown.get_or_insert(at);
                at = lines::next_entry(text, at);
            }
        }
    }
    builder.entries(unknown.map(|from| from..at))?;
    builder.close(at..at).ok()?;
    builder.document_end(at..at).ok()?;
    builder.finish().ok()
}

/// What may stand before a document.
const DOCUMENT_MARK: &str = "---\n";

/// Where an event stands in the text.
struct Place {
    range: Range<usize>,
    /// The first byte of its tag.
    tag: Option<usize>,
    /// Characters before it on its line.
    column: usize,
}

impl Place {
    /// The place of a span in a part of the text that begins at `offset`.
    fn of(span: &Span, offset: usize) -> Self {
        let range = span.byte_range().unwrap_or(0..0);
        let tag = span.tag_span().and_then(|tag| tag.byte_range()).map(|tag| offset + tag.start);
        Self { range: offset + range.start..offset + range.end, tag, column: span.start.col() }
    }
}

impl<'a> Builder<'a> {
    fn event(&mut self, event: Event<'a>, place: &Place) -> Result<(), ParseError> {
        let range = place.range.clone();
        match event {
            Event::DocumentStart(explicit, _) => self.document_start(explicit, range.start),
            Event::DocumentEnd => self.document_end(range),
            Event::Scalar(text, style, anchor, tag) => {
                let start = place.tag.map_or(range.start, |tag| tag.min(range.start));
                let kind = Scalar { text, style, tag: tag.as_deref(), start, range };
                self.scalar(kind, anchor)
            }
            Event::MappingStart(style, anchor, _) => {
                let flow = matches!(style, StructureStyle::Flow);
                self.open(false, flow, place.tag, range.start, place.column, anchor)
            }
            Event::SequenceStart(style, anchor, _) => {
                let flow = matches!(style, StructureStyle::Flow);
                self.open(true, flow, place.tag, range.start, place.column, anchor)
            }
            Event::MappingEnd | Event::SequenceEnd => self.close(range),
            Event::Alias(id) => self.alias(id, range),
            Event::Anchor(..) => {
                self.anchor_at(range.start);
                Ok(())
            }
            Event::Comment(..) => {
                self.comments.push(RawComment { range });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Takes the events of lines.
    fn line_events(&mut self, events: &mut Vec<LineEvent<'a>>) -> Option<()> {
        for event in events.drain(..) {
            match event {
                LineEvent::Mapping { start, column } => {
                    self.open(false, false, None, start, column, 0).ok()?;
                }
                LineEvent::List { start, column } => {
                    self.open(true, false, None, start, column, 0).ok()?;
                }
                LineEvent::End => self.close(0..0).ok()?,
                LineEvent::Scalar { text, style, range } => {
                    let start = range.start;
                    self.scalar(Scalar { text, style, tag: None, start, range }, 0).ok()?;
                }
                LineEvent::Comment { range } => self.comments.push(RawComment { range }),
            }
        }
        Some(())
    }

    /// Lets the parser read some entries of the top-level mapping, which is open. Anchors are known
    /// only where all of the text is read at once.
    fn entries(&mut self, part: Option<Range<usize>>) -> Option<()> {
        let Some(part) = part else { return Some(()) };
        let text: &'a str = self.text;
        let (mut documents, mut depth) = (0, 0);
        for event in parser(&text[part.clone()]) {
            let (event, span) = event.ok()?;
            let place = Place::of(&span, part.start);
            match &event {
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
                Event::DocumentStart(explicit, _) if documents == 0 && !explicit => {
                    documents = 1;
                    continue;
                }
                Event::MappingStart(style, 0, None) if depth == 0 && documents == 1 => {
                    if matches!(style, StructureStyle::Flow) || place.column > 0 {
                        return None;
                    }
                    (documents, depth) = (2, 1);
                    continue;
                }
                Event::Comment(..) => {}
                Event::Alias(_) | Event::Anchor(..) => return None,
                _ if depth == 0 => return None,
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => {
                    depth -= 1;
                    if depth == 0 {
                        continue;
                    }
                }
                _ => {}
            }
            self.event(event, &place).ok()?;
        }
        (depth == 0 && documents == 2).then_some(())
    }

    fn syntax(&self, error: &granit_parser::ScanError) -> ParseError {
        let offset = error.marker().byte_offset().unwrap_or(0);
        let kind = format!("{:?}", error.kind());
        let nested = ["Nesting", "RecursionLimit"].iter().any(|word| kind.contains(word));
        let problem = if nested {
            Problem::TooDeep { limit: MAX_DEPTH }
        } else {
            Problem::Syntax(error.info().to_owned())
        };
        // The parser reads ahead of its events, so the container that is open may not be the one.
        error_at(self.text, offset, problem)
    }
}

/// An error at a byte offset.
pub(super) fn error_at(text: &str, offset: usize, problem: Problem) -> ParseError {
    let (line, column) = line_and_column(text.as_bytes(), offset);
    ParseError::new((line, column), problem)
}
