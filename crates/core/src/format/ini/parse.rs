//! INI text to tree.

use std::{collections::HashMap, ops::Range};

use super::{
    super::{
        ParseError, Parsed, Problem, Section, SectionError, flatten::unflatten,
        layout::line_and_column,
    },
    BOM, DEFAULT, SECTION,
    comment::gather,
    layout::IniLayout,
    place::{Beside, KeyPlace, Piece, SectionPlace, Slot, ValuePlace},
    value::{self, line_end, trim},
};
use crate::{
    crypto::SecretBytes,
    tree::{Comment, CommentForm, Entry, Leaf, Mapping, Mark, Node, Pair, Tree, Value},
};

/// Reads an INI text.
///
/// # Errors
/// If the text is not UTF-8, if a line is no comment, header or key, or if the reference would
/// drop some of it or leave it in the clear.
pub fn parse(source: SecretBytes) -> Result<Parsed, ParseError> {
    let text = match std::str::from_utf8(source.expose()) {
        Ok(text) => text,
        Err(error) => {
            let (line, column) = line_and_column(source.expose(), error.valid_up_to());
            return Err(ParseError::new((line, column), Problem::NotUtf8));
        }
    };
    let mut parser = Parser::new(text);
    parser.lines()?;
    let Parser { document, metadata, slots, sections, header, .. } = parser;
    let metadata = metadata.finish();
    let tree = Tree { documents: vec![document] };
    let layout = Box::new(IniLayout::new(source, slots, sections, header));
    Ok(Parsed { tree, metadata, layout })
}

struct Parser<'s> {
    source: &'s str,
    document: Mapping,
    /// The section being read.
    section: Mapping,
    name: String,
    /// Its keys and the lines they stand in.
    keys: HashMap<String, usize>,
    pending: Vec<Piece>,
    metadata: Metadata,
    slots: Vec<Slot>,
    sections: Vec<SectionPlace>,
    /// Where the metadata stands: from its header to behind its last key's value.
    header: Option<Range<usize>>,
    /// A problem that matters only if the text is in the clear.
    unless_sealed: Option<ParseError>,
}

/// The metadata section, as far as it was read.
#[derive(Default)]
struct Metadata {
    fields: Vec<(String, String)>,
    /// Whether it is the section being read.
    open: bool,
    found: bool,
    second_line: Option<usize>,
}

impl Metadata {
    fn finish(self) -> Section {
        if let Some(line) = self.second_line {
            return Section::Malformed(SectionError::Duplicate { line });
        }
        if !self.found {
            return Section::Absent;
        }
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        unflatten(fields).map_or_else(Section::Malformed, Section::Found)
    }
}

impl<'s> Parser<'s> {
    fn new(source: &'s str) -> Self {
        let start = if source.starts_with(BOM) { BOM.len() } else { 0 };
        Self {
            source,
            document: Mapping::default(),
            section: Mapping::default(),
            name: DEFAULT.to_owned(),
            keys: HashMap::new(),
            pending: Vec::new(),
            metadata: Metadata::default(),
            slots: Vec::new(),
            sections: vec![SectionPlace { start, end: start, keys: Vec::new() }],
            header: None,
            unless_sealed: None,
        }
    }

    fn lines(&mut self) -> Result<(), ParseError> {
        let mut at = self.sections[0].start;
        while at < self.source.len() {
            let (end, next) = line_end(self.source, at);
            let line = trim(self.source, at..end);
            at = match self.source.as_bytes().get(line.start).filter(|_| !line.is_empty()) {
                None => next,
                Some(b';' | b'#') => {
                    self.pending.push(Piece {
                        marker: line.start,
                        content: line.start + 1..end,
                        beside: Beside::Nothing,
                    });
                    next
                }
                Some(b'[') => {
                    self.header(line, next)?;
                    next
                }
                Some(_) => self.key(line, at)?,
            };
        }
        if !self.metadata.open {
            // The reference loses the comments at the end; they are no less secret for that.
            self.take_comment();
        }
        self.close_section();
        match self.unless_sealed.take() {
            Some(error) if !self.metadata.found => Err(error),
            _ => Ok(()),
        }
    }

    fn header(&mut self, line: Range<usize>, next: usize) -> Result<(), ParseError> {
        let text = &self.source[line.clone()];
        // The last bracket of the line closes the name, even one in a comment.
        let close = text
            .rfind(']')
            .ok_or_else(|| self.error(line.start, "the section's name is not closed by ']'"))?;
        let name = &text[1..close];
        if name.is_empty() {
            return Err(self.error(line.start, "the section has no name"));
        }
        if name.contains(']') && name.contains([';', '#']) {
            let problem = "a ']' in the comment beside a section would make the comment a part of \
                           the section's name: put the comment on a line of its own";
            self.unless_sealed = Some(self.error(line.start, problem));
        }
        let behind = line.start + close + 1;
        let marker = self.source[behind..line.end].find([';', '#']).map(|at| behind + at);
        let rest = trim(self.source, behind..marker.unwrap_or(line.end));
        if !rest.is_empty() {
            return Err(self.error(rest.start, "text behind the section's name"));
        }
        if name == SECTION {
            self.open_metadata(line.clone());
            return Ok(());
        }
        self.close_section();
        self.name = name.to_owned();
        self.sections.push(SectionPlace { start: line.start, end: next, keys: Vec::new() });
        if let Some(marker) = marker {
            let content = marker + 1..line.end;
            self.pending.push(Piece { marker, content, beside: Beside::Header });
        }
        self.take_comment();
        Ok(())
    }

    /// Metadata is no section of the data; the comments before it are the data's last ones.
    fn open_metadata(&mut self, header: Range<usize>) {
        if self.metadata.found {
            let (line, _) = line_and_column(self.source.as_bytes(), header.start);
            self.metadata.second_line.get_or_insert(line);
        } else {
            self.header = Some(header);
        }
        if !self.metadata.open {
            self.take_comment();
        }
        self.pending.clear();
        self.close_section();
        self.metadata.open = true;
        self.metadata.found = true;
    }

    /// Ends the section being read; gives its keys to the document.
    fn close_section(&mut self) {
        let section = std::mem::take(&mut self.section);
        self.keys.clear();
        if !std::mem::replace(&mut self.metadata.open, false) {
            let key = std::mem::take(&mut self.name);
            self.document.entries.push(Entry::Pair(Pair { key, value: Node::Map(section) }));
        }
    }

    /// Adds the comment that is complete now to the section.
    fn take_comment(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let mut pieces = std::mem::take(&mut self.pending);
        let text = gather(self.source, &mut pieces);
        let mark = Mark::new(self.slots.len());
        self.slots.push(Slot::Comment(pieces));
        self.section.entries.push(Entry::Comment(Comment::at(mark, CommentForm::Line, text)));
    }

    /// Reads a key and its value; gives the start of the next line.
    fn key(&mut self, line: Range<usize>, start: usize) -> Result<usize, ParseError> {
        let (key, name, behind) = self.key_name(line.clone())?;
        let read = value::read(self.source, behind)
            .map_err(|_| self.error(behind, "the quotes around this value are not closed"))?;
        if self.metadata.open {
            self.pending.clear();
            self.metadata.fields.push((name, read.text));
            if let Some(header) = &mut self.header
                && self.metadata.second_line.is_none()
            {
                header.end = read.raw.end.max(line.end);
            }
            return Ok(read.next);
        }
        if name == "-" {
            let problem = "a key called '-' would be numbered: give it a name";
            return Err(self.error(line.start, problem));
        }
        if let Some(first) = self.keys.get(&name) {
            // The reference keeps one of the two and one of their comments; the others would
            // stay behind in the clear.
            let bytes = self.source.as_bytes();
            let (first_line, _) = line_and_column(bytes, *first);
            let (line, column) = line_and_column(bytes, line.start);
            let problem = Problem::DuplicateKey { key: name, first_line };
            return Err(ParseError::new((line, column), problem));
        }
        self.keys.insert(name.clone(), line.start);
        let mark = Mark::new(self.slots.len());
        self.slots.push(Slot::Value(ValuePlace {
            behind: read.raw.end..read.comment.as_ref().map_or(read.raw.end, |comment| comment.end),
            raw: read.raw,
            quote: read.quote,
        }));
        let leaf = Leaf::at(mark, Value::text(read.text));
        self.section.entries.push(Entry::Pair(Pair { key: name, value: Node::Leaf(leaf) }));
        if let Some(comment) = read.comment {
            let content = comment.start + 1..comment.end;
            self.pending.push(Piece { marker: comment.start, content, beside: Beside::Value });
        }
        // A key's comment stands behind it in the tree (format §7.5).
        self.take_comment();
        if let Some(section) = self.sections.last_mut() {
            section.end = read.next;
            section.keys.push(KeyPlace { key, lines: start..read.next });
        }
        Ok(read.next)
    }

    /// The key that begins the line: its place with quotes, its name, and where its value begins.
    fn key_name(&self, line: Range<usize>) -> Result<(Range<usize>, String, usize), ParseError> {
        let text = &self.source[line.clone()];
        let quote = match text.as_bytes() {
            [b'"', b'"', b'"', rest @ ..] if rest.len() > 3 => "\"\"\"",
            [b'"', ..] => "\"",
            [b'`', ..] => "`",
            _ => "",
        };
        let (mut inside, mut key_end) = (line.start..line.start, line.start);
        if !quote.is_empty() {
            let start = line.start + quote.len();
            let length = self.source[start..line.end].find(quote).ok_or_else(|| {
                self.error(line.start, "the quotes around this key are not closed")
            })?;
            inside = start..start + length;
            key_end = inside.end + quote.len();
        }
        let delimiter = self.source[key_end..line.end]
            .find(['=', ':'])
            .map(|offset| key_end + offset)
            .ok_or_else(|| {
                let problem = "the line is no comment and no section, and it has no '=' or ':'";
                self.error(line.start, problem)
            })?;
        let before = trim(self.source, key_end..delimiter);
        if quote.is_empty() {
            inside = before.clone();
            key_end = before.end;
        } else if !before.is_empty() {
            return Err(self.error(before.start, "text behind the quotes of a key"));
        }
        let name = self.source[inside].trim();
        if name.is_empty() {
            return Err(self.error(line.start, "the key is empty"));
        }
        Ok((line.start..key_end, name.to_owned(), delimiter + 1))
    }

    fn error(&self, at: usize, problem: &str) -> ParseError {
        let (line, column) = line_and_column(self.source.as_bytes(), at);
        ParseError::new((line, column), Problem::Syntax(problem.to_owned()))
    }
}
