//! A YAML text as go-yaml's scanner takes it in: tokens, and the comments between them.
//!
//! Where a comment belongs is decided there while tokens are made, by lines, columns and what
//! has been read ahead so far (format §7.1). Scalars are not read again: where they stand is known.
//!
//! Rules that look odd and are the reference's:
//!
//! - A comment is a *head* of what follows, a *foot* of what came before, or beside something on
//!   its *line*; each waits for the token it is tied to by its offset.
//! - A carriage return with its line feed counts as two line breaks behind a comment.
//! - Three tokens are read ahead, more where the first may turn out to be a key.

use std::{collections::VecDeque, ops::Range};

use super::notes::{Note, Place};

/// A scalar or alias, with the properties of a key.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) range: Range<usize>,
    pub(super) kind: KnownKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownKind {
    /// Quoted or not, as its first sign says.
    Flow,
    /// With the offset behind its header, and the blanks before each line, or 0 without a line.
    Block {
        header_end: usize,
        indent: usize,
    },
    Alias,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    StreamStart,
    StreamEnd,
    Directive,
    DocumentStart,
    DocumentEnd,
    BlockListStart,
    BlockMapStart,
    BlockEnd,
    FlowListStart,
    FlowListEnd,
    FlowMapStart,
    FlowMapEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct SimpleKey {
    possible: bool,
    token: usize,
    mark: Mark,
}

pub(super) struct Scanner<'a> {
    pub(super) text: &'a [u8],
    known: &'a [Known],
    pub(super) mark: Mark,
    /// Line breaks since the last sign that is neither blank nor break.
    pub(super) newlines: usize,
    /// -1 outside of all blocks.
    pub(super) indent: i64,
    indents: Vec<i64>,
    pub(super) flow: usize,
    key_allowed: bool,
    keys: Vec<SimpleKey>,
    pub(super) tokens: VecDeque<Token>,
    /// Tokens that were taken.
    parsed: usize,
    pub(super) notes: Vec<Note>,
    /// The first of them that waits.
    pub(super) waiting: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, known: &'a [Known]) -> Self {
        let start = text.len() - text.trim_start_matches('\u{FEFF}').len();
        Self {
            text: text.as_bytes(),
            known,
            mark: Mark { at: start, ..Mark::default() },
            newlines: 0,
            indent: -1,
            indents: Vec::new(),
            flow: 0,
            key_allowed: true,
            keys: vec![SimpleKey::default()],
            tokens: VecDeque::from([Token { kind: Kind::StreamStart, at: start }]),
            parsed: 0,
            notes: Vec::new(),
            waiting: 0,
        }
    }

    /// The next token, once enough is read ahead; `None` for a text that the reference does not
    /// read.
    pub(super) fn peek(&mut self) -> Option<Token> {
        while self.tokens.len() <= 2 || self.may_be_key() {
            self.fetch()?;
        }
        self.tokens.front().copied()
    }

    /// The next note that is tied to this token, unless it has to wait for another.
    pub(super) fn note_at(&mut self, token: Token) -> Option<Note> {
        let note = self.notes.get_mut(self.waiting).filter(|note| note.target <= token.at)?;
        if note.place == Place::Head && token.kind == Kind::BlockEnd {
            return None;
        }
        self.waiting += 1;
        let gone = Note { lines: Vec::new(), scan: 0, end: 0, column: 0, ..*note };
        Some(std::mem::replace(note, gone))
    }

    pub(super) fn skip(&mut self) {
        self.tokens.pop_front();
        self.parsed += 1;
    }

    fn may_be_key(&mut self) -> bool {
        let (number, mark) = (self.parsed, self.mark);
        self.keys.iter_mut().any(|key| key.token == number && key.valid(mark))
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    pub(super) fn here(&self) -> Option<u8> {
        self.byte(self.mark.at)
    }

    fn blank_or_end(&self, at: usize) -> bool {
        self.byte(at).is_none_or(|b| is_blank(b) || is_break(b))
    }

    /// Goes over one sign or line break.
    pub(super) fn advance(&mut self) {
        let Some(byte) = self.here() else { return };
        if is_break(byte) {
            let crlf = byte == b'\r' && self.byte(self.mark.at + 1) == Some(b'\n');
            self.mark.at += if crlf { 2 } else { 1 };
            (self.mark.line, self.mark.column) = (self.mark.line + 1, 0);
            self.newlines += 1;
            return;
        }
        if !is_blank(byte) {
            self.newlines = 0;
        }
        self.mark.at += 1;
        while self.here().is_some_and(|b| b & 0xC0 == 0x80) {
            self.mark.at += 1;
        }
        self.mark.column += 1;
    }

    pub(super) fn advance_to(&mut self, end: usize) {
        while self.mark.at < end {
            self.advance();
        }
    }

    fn push(&mut self, kind: Kind, at: usize) {
        self.tokens.push_back(Token { kind, at });
    }

    fn fetch(&mut self) -> Option<()> {
        let scan = self.mark;
        self.reach_next_token(scan)?;
        self.unroll(self.mark.column as i64, scan);
        let at = self.mark.at;
        let Some(byte) = self.here() else {
            if self.mark.column != 0 {
                (self.mark.column, self.mark.line) = (0, self.mark.line + 1);
            }
            self.unroll(-1, self.mark);
            self.remove_key();
            self.key_allowed = false;
            self.push(Kind::StreamEnd, at);
            return Some(());
        };
        if self.mark.column == 0 {
            let marker = |sign: u8| self.text[at..].starts_with(&[sign; 3]);
            let document = match byte {
                b'%' => Some(Kind::Directive),
                b'-' if marker(b'-') && self.blank_or_end(at + 3) => Some(Kind::DocumentStart),
                b'.' if marker(b'.') && self.blank_or_end(at + 3) => Some(Kind::DocumentEnd),
                _ => None,
            };
            if let Some(kind) = document {
                self.unroll(-1, self.mark);
                self.remove_key();
                self.key_allowed = false;
                if kind == Kind::Directive {
                    while self.here().is_some_and(|b| !is_break(b)) {
                        self.advance();
                    }
                    self.advance();
                } else {
                    self.advance_to(at + 3);
                }
                self.push(kind, at);
                return Some(());
            }
        }
        let joins = if self.flow == 0 { byte == b':' } else { byte == b',' };
        let target = self.tokens.back().filter(|_| joins).map_or(at, |last| last.at);
        self.token(byte)?;
        if self.tokens.back().is_some_and(|last| last.kind != Kind::BlockEntry) {
            self.beside(target);
        }
        Some(())
    }

    fn token(&mut self, byte: u8) -> Option<()> {
        let at = self.mark.at;
        let number = self.known.partition_point(|known| known.range.end <= at);
        let known = self.known.get(number);
        if let Some(known) = known.filter(|known| known.range.start <= at)
            && !matches!(byte, b'&' | b'!')
        {
            let known = known.clone();
            self.scalar(&known);
            return Some(());
        }
        let next = known.map_or(self.text.len(), |known| known.range.start);
        match byte {
            b'&' | b'!' => {
                self.save_key();
                self.key_allowed = false;
                self.push(if byte == b'&' { Kind::Anchor } else { Kind::Tag }, at);
                let flow = self.flow > 0;
                let ends = |b| is_blank(b) || is_break(b) || (flow && b",]}".contains(&b));
                let limit = if next > at { next } else { self.text.len() };
                while self.mark.at < limit && self.here().is_some_and(|b| !ends(b)) {
                    self.advance();
                }
                return Some(());
            }
            b'[' | b'{' => {
                self.save_key();
                self.keys.push(SimpleKey::default());
                self.flow += 1;
                self.key_allowed = true;
                self.push(if byte == b'[' { Kind::FlowListStart } else { Kind::FlowMapStart }, at);
            }
            b']' | b'}' if self.flow > 0 => {
                self.keys.pop();
                self.flow -= 1;
                self.key_allowed = false;
                self.push(if byte == b']' { Kind::FlowListEnd } else { Kind::FlowMapEnd }, at);
            }
            b',' if self.flow > 0 => {
                self.remove_key();
                self.key_allowed = true;
                self.push(Kind::FlowEntry, at);
            }
            b'-' if self.flow == 0 && self.blank_or_end(at + 1) => {
                self.roll(self.mark, None, Kind::BlockListStart);
                self.remove_key();
                self.key_allowed = true;
                self.push(Kind::BlockEntry, at);
            }
            b'?' => {
                self.roll(self.mark, None, Kind::BlockMapStart);
                self.remove_key();
                self.key_allowed = self.flow == 0;
                self.push(Kind::Key, at);
            }
            b':' => self.value(),
            _ => return None,
        }
        self.advance();
        Some(())
    }

    fn value(&mut self) {
        let mark = self.mark;
        let key = self.keys.last_mut().and_then(|key| {
            let valid = key.valid(mark);
            key.possible = false;
            valid.then_some(*key)
        });
        if let Some(key) = key {
            let place = key.token.saturating_sub(self.parsed).min(self.tokens.len());
            self.tokens.insert(place, Token { kind: Kind::Key, at: key.mark.at });
            self.roll(key.mark, Some(place), Kind::BlockMapStart);
            self.key_allowed = false;
        } else {
            self.roll(mark, None, Kind::BlockMapStart);
            self.key_allowed = self.flow == 0;
        }
        self.push(Kind::Value, mark.at);
    }

    fn scalar(&mut self, known: &Known) {
        let at = self.mark.at;
        let end = known.range.end;
        if let KnownKind::Block { header_end, indent } = known.kind {
            self.remove_key();
            self.key_allowed = true;
            self.push(Kind::Scalar, at);
            self.advance_to(header_end);
            self.beside(at);
            while self.here().is_some_and(|b| !is_break(b)) {
                self.advance();
            }
            self.advance();
            self.advance_to(end);
            let blank = |of: &Self| indent == 0 || of.mark.column < indent;
            loop {
                while blank(self) && self.here() == Some(b' ') {
                    self.advance();
                }
                match self.here() {
                    Some(byte) if is_break(byte) => self.advance(),
                    _ => return,
                }
            }
        }
        self.save_key();
        self.key_allowed = false;
        let kind = if known.kind == KnownKind::Alias { Kind::Alias } else { Kind::Scalar };
        self.push(kind, at);
        let plain = kind == Kind::Scalar && !matches!(self.here(), Some(b'"' | b'\''));
        self.advance_to(end);
        // What has no quotes is looked for in the next lines as well.
        while plain && self.here().is_some_and(|b| is_blank(b) || is_break(b)) {
            self.key_allowed |= self.here().is_some_and(is_break);
            self.advance();
        }
    }

    fn save_key(&mut self) {
        if self.key_allowed
            && let Some(key) = self.keys.last_mut()
        {
            let token = self.parsed + self.tokens.len();
            *key = SimpleKey { possible: true, token, mark: self.mark };
        }
    }

    fn remove_key(&mut self) {
        if let Some(key) = self.keys.last_mut() {
            key.possible = false;
        }
    }

    /// Opens a block where the column is further right than the one that is open; its token goes
    /// to the end, or to a place in the queue.
    fn roll(&mut self, mark: Mark, place: Option<usize>, kind: Kind) {
        let column = mark.column as i64;
        if self.flow > 0 || self.indent >= column {
            return;
        }
        self.indents.push(self.indent);
        self.indent = column;
        let token = Token { kind, at: mark.at };
        self.tokens.insert(place.unwrap_or(self.tokens.len()), token);
    }

    /// Closes the blocks that are further right than the column, each before the comments at the
    /// column of its entries: those go to what follows it.
    fn unroll(&mut self, column: i64, scan: Mark) {
        if self.flow > 0 {
            return;
        }
        // One before the scan, which at the start of the text lies before everything.
        let mut block = scan.at as i64 - 1;
        while self.indent > column {
            let mut stop = block;
            for note in self.notes.iter().rev() {
                if (note.end as i64) < stop {
                    break;
                }
                if note.column as i64 == self.indent + 1 {
                    block = note.lines.iter().find_map(|line| line.offset()).map_or(block, as_i64);
                }
                stop = note.scan as i64;
            }
            self.push(Kind::BlockEnd, block.max(0) as usize);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn reach_next_token(&mut self, scan: Mark) -> Option<()> {
        loop {
            while match self.here() {
                Some(b' ') => true,
                Some(b'\t') => self.flow > 0 || !self.key_allowed,
                _ => false,
            } {
                self.advance();
            }
            self.beside_a_list();
            if self.here() == Some(b'#') {
                self.comments(scan)?;
            }
            if !self.here().is_some_and(is_break) {
                return Some(());
            }
            self.advance();
            if self.flow == 0 {
                self.key_allowed = true;
            }
        }
    }
}

impl SimpleKey {
    /// A key and its colon stand on one line, not too far apart.
    fn valid(&mut self, mark: Mark) -> bool {
        self.possible &= self.mark.line >= mark.line && self.mark.column + 1024 >= mark.column;
        self.possible
    }
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(super) fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn as_i64(at: usize) -> i64 {
    at as i64
}
