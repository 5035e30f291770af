//! Translates patterns from the syntax of Go's `regexp` package (RE2), on which the selection
//! rules and `.sops.yaml` are defined (format §1.5, §6.3), to that of the `regex` crate.
//!
//! The `regex` crate reads nearly the same syntax and means other things by it: there `\d`, `\w`,
//! `\s` and `\b` know all of Unicode, `\Q…\E` and `a{,3}` are errors, and `(?x)`, `[a&&b]` or
//! `\<` have a meaning. So a pattern is taken apart here by Go's rules, as of Go 1.26, and put
//! together again from the few constructs on which both agree.
//!
//! Only the question "does it match anywhere" is ever asked. That is why greediness and captures
//! are checked and then forgotten.

mod classes;

use super::PatternError;

/// Deepest nesting of groups. Go allows 1000; nobody writes ten.
pub(super) const MAX_NESTING: usize = 250;
/// Highest repeat count, also of nested counts multiplied (Go's limit).
const MAX_REPEAT: u32 = 1000;

/// The same pattern for the `regex` crate.
///
/// # Errors
/// If Go would refuse it.
pub(super) fn translate(source: &str) -> Result<String, PatternError> {
    Parser::new(source).parse()
}

#[derive(Clone, Copy, Default)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_all: bool,
}

/// One thing that a repetition can be applied to, translated.
struct Item {
    text: String,
    /// Product of the repeat counts inside, along the worst branch.
    weight: u32,
}

/// A group that is still open; the outermost is the whole pattern.
#[derive(Default)]
struct Group {
    flags_outside: Flags,
    finished: String,
    weight: u32,
    items: Vec<Item>,
}

struct Parser<'p> {
    rest: &'p str,
    flags: Flags,
    groups: Vec<Group>,
    current: Group,
}

impl<'p> Parser<'p> {
    fn new(source: &'p str) -> Self {
        let current = Group { weight: 1, ..Group::default() };
        Self { rest: source, flags: Flags::default(), groups: Vec::new(), current }
    }

    fn parse(mut self) -> Result<String, PatternError> {
        let mut after_repeat = None;
        while let Some(c) = self.rest.chars().next() {
            let before = self.rest;
            let mut repeated = false;
            match c {
                '(' => self.open_group()?,
                ')' => self.close_group()?,
                '|' => {
                    self.advance(1);
                    self.current.end_branch();
                    self.current.finished.push('|');
                }
                '^' => self.simple(1, if self.flags.multi_line { "(?m:^)" } else { r"\A" }),
                '$' => self.simple(1, if self.flags.multi_line { "(?m:$)" } else { r"\z" }),
                '.' => self.simple(1, if self.flags.dot_all { "(?s:.)" } else { r"[^\n]" }),
                '[' => self.class()?,
                '*' | '+' | '?' => {
                    self.advance(1);
                    let (min, max) = match c {
                        '*' => (0, None),
                        '+' => (1, None),
                        _ => (0, Some(1)),
                    };
                    self.repeat(before, (min, max), 1, after_repeat)?;
                    repeated = true;
                }
                '{' => match counts(before) {
                    None => self.literal(1, '{'),
                    Some((length, counts)) => {
                        self.advance(length);
                        let (min, max) = counts
                            .filter(|(min, max)| max.is_none_or(|max| *min <= max))
                            .ok_or_else(|| PatternError::RepeatCount(before[..length].into()))?;
                        let factor = max.unwrap_or(min);
                        self.repeat(before, (min, max), factor, after_repeat)?;
                        repeated = true;
                    }
                },
                '\\' => self.escape()?,
                c => self.literal(c.len_utf8(), c),
            }
            after_repeat = repeated.then_some(before);
        }
        if !self.groups.is_empty() {
            return Err(PatternError::MissingParen);
        }
        self.current.end_branch();
        Ok(self.current.finished)
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn push(&mut self, text: String) {
        self.current.items.push(Item { text, weight: 1 });
    }

    fn simple(&mut self, length: usize, translated: &str) {
        self.advance(length);
        self.push(translated.to_owned());
    }

    fn literal(&mut self, length: usize, c: char) {
        self.advance(length);
        let escaped = escaped(c);
        self.push(if self.flags.fold_case { format!("(?i:{escaped})") } else { escaped });
    }

    /// Repeats the last item. `before` begins with the operator, which is read already.
    fn repeat(
        &mut self,
        before: &str,
        (min, max): (u32, Option<u32>),
        factor: u32,
        after_repeat: Option<&str>,
    ) -> Result<(), PatternError> {
        if self.rest.starts_with('?') {
            self.advance(1);
        }
        let operator = |from: &str| from[..from.len() - self.rest.len()].to_owned();
        if let Some(first) = after_repeat {
            return Err(PatternError::RepeatedRepeat(operator(first)));
        }
        let Some(item) = self.current.items.pop() else {
            return Err(PatternError::NothingToRepeat(operator(before)));
        };
        let weight = if max == Some(0) { 1 } else { factor.max(1) * item.weight };
        if weight > MAX_REPEAT {
            return Err(PatternError::RepeatCount(operator(before)));
        }
        let counts = match max {
            None => format!("{{{min},}}"),
            Some(max) => format!("{{{min},{max}}}"),
        };
        self.current.items.push(Item { text: format!("(?:{}){counts}", item.text), weight });
        Ok(())
    }

    /// `(`, `(?flags)`, `(?flags:`, `(?P<name>` and `(?<name>`.
    fn open_group(&mut self) -> Result<(), PatternError> {
        let Some(inside) = self.rest.strip_prefix("(?") else {
            self.advance(1);
            return self.enter(self.flags);
        };
        let named = inside.strip_prefix("P<").or_else(|| inside.strip_prefix('<'));
        // Go looks for a name only when something follows the angle bracket.
        if let Some(name_on) = named.filter(|rest| !rest.is_empty()) {
            let Some(end) = name_on.find('>') else {
                return Err(PatternError::GroupName(self.rest.to_owned()));
            };
            let name = &name_on[..end];
            let valid = |c: char| c == '_' || c.is_ascii_alphanumeric();
            if name.is_empty() || !name.chars().all(valid) {
                return Err(PatternError::GroupName(name.to_owned()));
            }
            self.rest = &name_on[end + 1..];
            return self.enter(self.flags);
        }
        let start = self.rest;
        let mut flags = self.flags;
        let mut on = true;
        let mut any_off = false;
        for (at, c) in inside.char_indices() {
            match c {
                'i' => flags.fold_case = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_all = on,
                'U' => {}
                '-' if on => {
                    on = false;
                    continue;
                }
                ':' | ')' if on || any_off => {
                    self.rest = &inside[at + 1..];
                    if c == ':' {
                        self.enter(flags)?;
                    } else {
                        self.flags = flags;
                    }
                    return Ok(());
                }
                _ => {
                    let end = start.len() - inside.len() + at + c.len_utf8();
                    return Err(PatternError::Group(start[..end].to_owned()));
                }
            }
            any_off = !on;
        }
        Err(PatternError::Group(start.to_owned()))
    }

    fn enter(&mut self, flags: Flags) -> Result<(), PatternError> {
        if self.groups.len() >= MAX_NESTING {
            return Err(PatternError::TooDeep);
        }
        let inner = Group { flags_outside: self.flags, weight: 1, ..Group::default() };
        self.groups.push(std::mem::replace(&mut self.current, inner));
        self.flags = flags;
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), PatternError> {
        let outer = self.groups.pop().ok_or(PatternError::UnexpectedParen)?;
        let mut inner = std::mem::replace(&mut self.current, outer);
        inner.end_branch();
        self.flags = inner.flags_outside;
        self.advance(1);
        let text = format!("(?:{})", inner.finished);
        self.current.items.push(Item { text, weight: inner.weight });
        Ok(())
    }

    fn escape(&mut self) -> Result<(), PatternError> {
        match self.rest[1..].chars().next() {
            Some('A') => self.simple(2, r"\A"),
            Some('z') => self.simple(2, r"\z"),
            Some('b') => self.simple(2, r"(?-u:\b)"),
            Some('B') => self.simple(2, r"(?-u:\B)"),
            Some('Q') => {
                let quoted = &self.rest[2..];
                let (literals, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                for c in literals.chars() {
                    self.literal(0, c);
                }
                self.rest = rest;
            }
            _ => {
                let set = match self.property()? {
                    Some(set) => Some(set),
                    None => self.perl_class(),
                };
                match set {
                    Some(set) => self.push_class(false, &set),
                    None => match self.escaped_character()? {
                        Some(c) => self.literal(0, c),
                        None => self.push_class(false, ""),
                    },
                }
            }
        }
        Ok(())
    }

    /// An escaped character, or `None` for a surrogate, which no text holds.
    fn escaped_character(&mut self) -> Result<Option<char>, PatternError> {
        self.escaped_number().map(char::from_u32)
    }

    /// An escape sequence for one character, from its backslash on.
    fn escaped_number(&mut self) -> Result<u32, PatternError> {
        let start = self.rest;
        let mut chars = start[1..].chars();
        let c = chars.next().ok_or(PatternError::TrailingBackslash)?;
        let number = match c {
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            'x' => hexadecimal(&mut chars),
            '0'..='7' => {
                let more = chars.as_str().bytes().take(2).take_while(|b| matches!(b, b'0'..=b'7'));
                let more = more.count();
                // A single digit from 1 on would be a back-reference.
                (c == '0' || more > 0).then(|| {
                    let digits = &start[1..2 + more];
                    chars = start[2 + more..].chars();
                    digits.bytes().fold(0, |number, digit| number * 8 + u32::from(digit - b'0'))
                })
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        let rest = chars.as_str();
        let number =
            number.ok_or_else(|| PatternError::Escape(start[..start.len() - rest.len()].into()))?;
        self.rest = rest;
        Ok(number)
    }
}

impl Group {
    fn end_branch(&mut self) {
        for item in self.items.drain(..) {
            self.finished.push_str(&item.text);
            self.weight = self.weight.max(item.weight);
        }
    }
}

/// What follows `\x`: two digits, or any number of them in braces.
fn hexadecimal(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let first = chars.next()?;
    if first != '{' {
        return Some(first.to_digit(16)? * 16 + chars.next()?.to_digit(16)?);
    }
    let mut number = None;
    loop {
        match chars.next()? {
            '}' => return number,
            digit => {
                let next = number.unwrap_or(0) * 16 + digit.to_digit(16)?;
                number = Some(next).filter(|number| *number <= u32::from(char::MAX));
                number?;
            }
        }
    }
}

/// Reads `{n}`, `{n,}` or `{n,m}`: its length, and the counts unless one is too high. Anything
/// else, `{,m}` and leading zeros among it, is literal text to Go.
#[allow(clippy::type_complexity)]
fn counts(text: &str) -> Option<(usize, Option<(u32, Option<u32>)>)> {
    let end = text.find('}')?;
    let inside = &text[1..end];
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        (plain && (digits.len() == 1 || !digits.starts_with('0')))
            .then(|| digits.parse().ok().filter(|count: &u32| *count <= MAX_REPEAT))
    };
    let counts = match inside.split_once(',') {
        None => number(inside)?.map(|count| (count, Some(count))),
        Some((min, "")) => number(min)?.map(|min| (min, None)),
        Some((min, max)) => {
            let (min, max) = (number(min)?, number(max)?);
            min.zip(max).map(|(min, max)| (min, Some(max)))
        }
    };
    Some((end + 1, counts))
}

fn escaped(c: char) -> String {
    if c.is_ascii_alphanumeric() { c.to_string() } else { format!(r"\x{{{:X}}}", u32::from(c)) }
}
