//! The bytes of a JSON text (RFC 8259), token by token. Strict: what the grammar does not have
//! is refused, also where the reference lets it pass (format §7.2: truncated input).

use std::ops::Range;

use super::super::{ParseError, Problem, layout::line_and_column};

/// A place in a text, moving forward.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'s> {
    pub(super) source: &'s [u8],
    pub(super) at: usize,
}

/// A member of an object or an element of a list: where its parts stand.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// The key with its quotes; for an element the empty range at its value.
    pub(super) key: Range<usize>,
    /// The value.
    pub(super) value: Range<usize>,
}

impl<'s> Scanner<'s> {
    pub(super) fn new(source: &'s [u8], at: usize) -> Self {
        Self { source, at }
    }

    /// An error at this place.
    pub(super) fn error(&self, problem: Problem) -> ParseError {
        self.error_at(self.at, problem)
    }

    /// An error at another place.
    pub(super) fn error_at(&self, at: usize, problem: Problem) -> ParseError {
        let (line, column) = line_and_column(self.source, at);
        ParseError::new((line, column), problem)
    }

    /// A grammar error at this place.
    pub(super) fn syntax(&self, text: &str) -> ParseError {
        if self.at >= self.source.len() {
            return self.error(Problem::Syntax(format!("the text ends early: {text}")));
        }
        self.error(Problem::Syntax(text.to_owned()))
    }

    /// The byte here, behind any blanks.
    pub(super) fn next(&mut self) -> Option<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.peek()
    }

    /// The byte here.
    pub(super) fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    /// Goes past `byte`, behind any blanks.
    pub(super) fn expect(&mut self, byte: u8, otherwise: &str) -> Result<(), ParseError> {
        if self.next() != Some(byte) {
            return Err(self.syntax(otherwise));
        }
        self.at += 1;
        Ok(())
    }

    /// Goes past the string that opens here; gives its place with the quotes.
    pub(super) fn string(&mut self) -> Result<Range<usize>, ParseError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(start..self.at);
                }
                Some(b'\\') => self.escape()?,
                Some(0..=0x1F) => {
                    return Err(self.syntax("a control character must be escaped in a string"));
                }
                Some(_) => self.at += 1,
                None => return Err(self.syntax("a string is not closed")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), ParseError> {
        match self.source.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u')
                if self
                    .source
                    .get(self.at + 2..self.at + 6)
                    .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) =>
            {
                self.at += 6;
            }
            _ => return Err(self.syntax("a backslash begins no escape that JSON has")),
        }
        Ok(())
    }

    /// Goes past the number that begins here; tells whether it is written as a whole number.
    pub(super) fn number(&mut self) -> Result<(Range<usize>, bool), ParseError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.syntax("a number needs digits")),
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok((start..self.at, whole))
    }

    fn digits(&mut self) -> Result<(), ParseError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.syntax("a number needs digits")) } else { Ok(()) }
    }

    /// Goes past `true`, `false` or `null`.
    pub(super) fn word(&mut self) -> Result<&'s [u8], ParseError> {
        let rest = &self.source[self.at..];
        for word in [&b"true"[..], b"false", b"null"] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(&rest[..word.len()]);
            }
        }
        Err(self.syntax("expected a value"))
    }

    /// Goes past the value here, of a text that is known to be valid.
    fn skip(&mut self) {
        let mut depth = 0usize;
        while let Some(byte) = self.next() {
            match byte {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                b',' | b':' => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    while self.peek().is_some_and(|b| !b",]} \t\r\n".contains(&b)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }
}

/// The members of the object, or the elements of the list, that opens at `open` in a text that is
/// known to be valid; and where its closing bracket stands.
pub(super) fn members(source: &[u8], open: usize) -> (Vec<Member>, usize) {
    let mut scanner = Scanner::new(source, open);
    let object = scanner.peek() == Some(b'{');
    scanner.at += 1;
    let mut found = Vec::new();
    loop {
        match scanner.next() {
            None | Some(b'}' | b']') => return (found, scanner.at),
            Some(b',') => {
                scanner.at += 1;
                continue;
            }
            Some(_) => {}
        }
        let start = scanner.at;
        let mut key = start..start;
        if object {
            scanner.skip_string();
            key.end = scanner.at;
            scanner.next();
            scanner.at += 1;
            scanner.next();
        }
        let value = scanner.at;
        scanner.skip();
        found.push(Member { key, value: value..scanner.at });
    }
}

/// The text of a string without its quotes, escapes resolved; `None` where an escape names half
/// of a character, which the reference would silently replace.
pub(super) fn unescape(raw: &[u8]) -> Option<Vec<u8>> {
    // An escape is never shorter than what it stands for, so this does not grow.
    let mut text = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        if byte != b'\\' {
            text.push(byte);
            at += 1;
            continue;
        }
        let escape = *raw.get(at + 1)?;
        at += 2;
        match escape {
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => {
                let mut code = hex4(raw.get(at..at + 4)?)?;
                at += 4;
                if (0xD800..0xDC00).contains(&code) && raw.get(at..at + 2) == Some(b"\\u") {
                    let low = hex4(raw.get(at + 2..at + 6)?)?;
                    if (0xDC00..0xE000).contains(&low) {
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                        at += 6;
                    }
                }
                let c = char::from_u32(code)?;
                text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => text.push(other),
        }
    }
    Some(text)
}

fn hex4(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
