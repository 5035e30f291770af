//! Comments as go-yaml's scanner finds them: a head of what follows, a foot of what came before, or
//! beside something on its line.

use super::scan::{Kind, Mark, Scanner, is_blank, is_break};

/// A line of a comment: its offset, or an empty line below one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Comment(usize),
    Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Head,
    Beside,
    Foot,
}

/// Lines that belong together.
#[derive(Clone, Debug)]
pub(super) struct Note {
    /// Where the scanner began to look for it, and the offset behind it; both 0 beside something.
    pub(super) scan: usize,
    pub(super) end: usize,
    /// It is taken together with the first token at or behind this offset.
    pub(super) target: usize,
    /// Its column, counted from 1, and its line.
    pub(super) column: usize,
    pub(super) line: usize,
    pub(super) place: Place,
    pub(super) lines: Vec<Line>,
}

/// How many bytes the scanner looks ahead for a comment.
const LOOK: usize = 512;

impl Scanner<'_> {
    /// What stood beside the token before a list's first dash becomes the head of what follows
    /// the dash.
    pub(super) fn beside_a_list(&mut self) {
        let count = self.tokens.len();
        let opened = count > 1
            && self.tokens[count - 2].kind == Kind::BlockListStart
            && self.tokens[count - 1].kind == Kind::BlockEntry;
        if !opened || self.here().is_some_and(is_break) || self.waiting == self.notes.len() {
            return;
        }
        let mark = self.mark;
        if let Some(note) = self.notes.last_mut().filter(|note| note.place == Place::Beside) {
            note.place = Place::Head;
            if note.line + 1 == mark.line {
                note.target = mark.at;
            }
        }
    }

    /// A comment behind something on the same line.
    pub(super) fn beside(&mut self, target: usize) {
        if self.newlines > 0 {
            return;
        }
        let blanks = self.text[self.mark.at..].iter().take(LOOK).take_while(|b| is_blank(**b));
        let at = self.mark.at + blanks.count();
        if at - self.mark.at == LOOK || self.byte(at) != Some(b'#') {
            return;
        }
        self.advance_to(at);
        let (line, column) = (self.mark.line, self.mark.column);
        self.comment();
        let lines = vec![Line::Comment(at)];
        let place = Place::Beside;
        self.notes.push(Note { scan: 0, end: 0, target, column, line, place, lines });
    }

    fn comment(&mut self) {
        while self.here().is_some_and(|b| !is_break(b)) {
            self.advance();
        }
    }

    /// Comments on lines of their own, up to the next token.
    pub(super) fn comments(&mut self, scan: Mark) -> Option<()> {
        let count = self.tokens.len();
        let mut token = *self.tokens.back()?;
        if token.kind == Kind::FlowEntry && count > 1 {
            token = self.tokens[count - 2];
        }
        let next_indent = self.indent.max(0);
        let mut note = Note {
            scan: scan.at,
            end: 0,
            target: token.at,
            column: 0,
            line: 0,
            place: Place::Foot,
            lines: Vec::new(),
        };
        let mut after_empty = false;
        let mut before_empty = self.newlines <= 1;
        // Where a comment is still below what came before.
        let mut foot_line = None;
        if scan.line > 0 {
            foot_line = (self.mark.line + 1).checked_sub(self.newlines);
            if self.newlines == 0 && self.mark.column > 1 {
                foot_line = foot_line.map(|line| line + 1);
            }
        }
        let (mut line, mut column) = (self.mark.line, self.mark.column);
        let mut look = 0;
        while look < LOOK {
            let at = self.mark.at + look;
            column += 1;
            let byte = self.byte(at);
            if byte.is_some_and(is_blank) {
                look += 1;
                continue;
            }
            let dedented = (note.column as i64) - 1 < next_indent;
            let closes = self.flow > 0 && matches!(byte, Some(b']' | b'}'));
            if closes || byte.is_none_or(is_break) {
                if closes || !after_empty {
                    let below = foot_line == Some(note.line) && token.kind != Kind::Value;
                    if closes || before_empty && (below || dedented) {
                        if !note.lines.is_empty() {
                            if dedented {
                                note.target = note.start();
                            }
                            self.split(&mut note, at);
                        }
                    } else if !note.lines.is_empty() && byte.is_some() {
                        note.lines.push(Line::Empty);
                    }
                }
                if !byte.is_some_and(is_break) {
                    break;
                }
                (before_empty, after_empty) = (false, true);
                (column, line) = (0, line + 1);
                look += 1;
                continue;
            }
            let apart = (column as i64) - 1 < next_indent && column != note.column;
            if !note.lines.is_empty() && apart {
                self.split(&mut note, at);
            }
            if byte != Some(b'#') {
                break;
            }
            if note.lines.is_empty() {
                (note.line, note.column) = (line, column);
            }
            note.lines.push(Line::Comment(at));
            after_empty = false;
            self.advance_to(at);
            self.comment();
            // The line break right behind it is passed over.
            (look, column, line) = (1, 0, self.mark.line);
        }
        if !note.lines.is_empty() {
            note.target = note.start();
            note.end = (self.mark.at + look).saturating_sub(1);
            note.place = Place::Head;
            self.notes.push(note);
        }
        Some(())
    }

    /// What was read so far belongs to what came before; what is read from here on stands alone.
    fn split(&mut self, note: &mut Note, at: usize) {
        let rest = Note { lines: Vec::new(), scan: at, target: at, ..*note };
        let mut foot = std::mem::replace(note, rest);
        foot.end = at;
        self.notes.push(foot);
    }
}

impl Note {
    /// The offset of its first line.
    pub(super) fn start(&self) -> usize {
        self.lines.iter().find_map(|line| line.offset()).unwrap_or(self.target)
    }
}

impl Line {
    pub(super) fn offset(self) -> Option<usize> {
        match self {
            Self::Comment(at) => Some(at),
            Self::Empty => None,
        }
    }
}
