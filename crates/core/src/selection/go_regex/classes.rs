//! Classes of characters: `[a-z]`, `[[:alpha:]]`, `\d`, `\p{Greek}`.

use super::{
    super::{
        PatternError,
        unicode_names::{self, Property},
    },
    Parser,
};

impl Parser<'_> {
    /// `[…]`
    pub(super) fn class(&mut self) -> Result<(), PatternError> {
        let start = self.rest;
        self.advance(1);
        let negated = self.rest.starts_with('^');
        self.advance(usize::from(negated));
        let mut set = String::new();
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if let Some(part) = self.posix_class()? {
                set.push_str(&part);
            } else if let Some(part) = self.property()? {
                set.push_str(&part);
            } else if let Some(part) = self.perl_class() {
                set.push_str(&part);
            } else {
                let range = self.rest;
                let low = self.class_character(start)?;
                let mut high = low;
                if self.rest.starts_with('-') && self.rest.len() > 1 && !self.rest.starts_with("-]")
                {
                    self.advance(1);
                    high = self.class_character(start)?;
                    if high < low {
                        let range = &range[..range.len() - self.rest.len()];
                        return Err(PatternError::Class(range.to_owned()));
                    }
                }
                push_range(&mut set, low, high);
            }
        }
        self.advance(1);
        self.push_class(negated, &set);
        Ok(())
    }

    /// Pushes a class of the parts in `set`, which may be none.
    pub(super) fn push_class(&mut self, negated: bool, set: &str) {
        let class = match (negated, set) {
            (false, "") => r"[^\x00-\x{10FFFF}]".to_owned(),
            (true, "") => r"[\x00-\x{10FFFF}]".to_owned(),
            (false, set) => format!("[{set}]"),
            (true, set) => format!("[^{set}]"),
        };
        self.push(if self.flags.fold_case { format!("(?i:{class})") } else { class });
    }

    /// One character of a class, as a number: Go lets surrogates stand there.
    fn class_character(&mut self, class: &str) -> Result<u32, PatternError> {
        match self.rest.chars().next() {
            None => Err(PatternError::MissingBracket(class.to_owned())),
            Some('\\') => self.escaped_number(),
            Some(c) => {
                self.advance(c.len_utf8());
                Ok(u32::from(c))
            }
        }
    }

    /// `[:alpha:]` and the like; only inside of a class.
    fn posix_class(&mut self) -> Result<Option<String>, PatternError> {
        let Some(end) = self.rest.strip_prefix("[:").and_then(|inside| inside.find(":]")) else {
            return Ok(None);
        };
        let (whole, rest) = self.rest.split_at(end + 4);
        let name = &whole[2..whole.len() - 2];
        let (negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let set = match name {
            "alnum" => "0-9A-Za-z",
            "alpha" => "A-Za-z",
            "ascii" => r"\x00-\x7F",
            "blank" => r"\t\x20",
            "cntrl" => r"\x00-\x1F\x7F",
            "digit" => "0-9",
            "graph" => r"\x21-\x7E",
            "lower" => "a-z",
            "print" => r"\x20-\x7E",
            "punct" => r"\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E",
            "space" => r"\x09-\x0D\x20",
            "upper" => "A-Z",
            "word" => "0-9A-Za-z_",
            "xdigit" => "0-9A-Fa-f",
            _ => return Err(PatternError::Class(whole.to_owned())),
        };
        self.rest = rest;
        Ok(Some(nested(negated, set)))
    }

    /// `\d`, `\s`, `\w` and their opposites: ASCII only.
    pub(super) fn perl_class(&mut self) -> Option<String> {
        let letter = self.rest.strip_prefix('\\')?.chars().next()?;
        let set = match letter.to_ascii_lowercase() {
            'd' => "0-9",
            's' => r"\t\n\x0C\r\x20",
            'w' => "0-9A-Za-z_",
            _ => return None,
        };
        self.advance(2);
        Some(nested(letter.is_ascii_uppercase(), set))
    }

    /// `\pL`, `\p{Greek}`, `\P{^Lu}`.
    pub(super) fn property(&mut self) -> Result<Option<String>, PatternError> {
        let start = self.rest;
        let Some(inside) = start.strip_prefix(r"\p").or_else(|| start.strip_prefix(r"\P")) else {
            return Ok(None);
        };
        let refused = |length: usize| PatternError::Class(start[..length].to_owned());
        let (name, length) = match inside.strip_prefix('{') {
            Some(braced) => {
                let end = braced.find('}').ok_or_else(|| refused(start.len()))?;
                (&braced[..end], end + 4)
            }
            None => {
                let length = inside.chars().next().map_or(0, char::len_utf8);
                (&inside[..length], 2 + length)
            }
        };
        let (inverted, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let property = unicode_names::find(name).ok_or_else(|| refused(length))?;
        self.advance(length);
        let letter = if start.starts_with(r"\P") != inverted { 'P' } else { 'p' };
        Ok(Some(match property {
            // No character that can occur in a text belongs to it.
            Property::Surrogates if letter == 'p' => r"[^\x00-\x{10FFFF}]".to_owned(),
            Property::Surrogates => r"\x00-\x{10FFFF}".to_owned(),
            Property::Named(name) => format!(r"\{letter}{{{name}}}"),
        }))
    }
}

fn nested(negated: bool, set: &str) -> String {
    if negated { format!("[^{set}]") } else { set.to_owned() }
}

/// Adds a range without the surrogates in it, which no text holds.
fn push_range(set: &mut String, low: u32, high: u32) {
    for (low, high) in [(low, high.min(0xD7FF)), (low.max(0xE000), high)] {
        if low <= high {
            set.push_str(&format!(r"\x{{{low:X}}}-\x{{{high:X}}}"));
        }
    }
}
