//! Patterns with the meaning that they have in Go, compiled once.

use std::borrow::Cow;

use super::go_regex::{self, MAX_NESTING};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: regex::Regex,
}

/// Why a pattern cannot be used. The texts quote the pattern, which is never secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A backslash before a letter or digit that has no meaning, back-references among them.
    #[error("{0:?} is no escape sequence of Go's syntax")]
    Escape(String),
    /// The pattern ends in a backslash.
    #[error("a backslash at its end")]
    TrailingBackslash,
    /// An unknown class name, or a range that runs backwards.
    #[error("{0:?} is no character class or range")]
    Class(String),
    /// `[` without `]`.
    #[error("the closing ] of {0:?} is missing")]
    MissingBracket(String),
    /// `(` without `)`.
    #[error("a closing ) is missing")]
    MissingParen,
    /// `)` without `(`.
    #[error("a ) too many")]
    UnexpectedParen,
    /// A repetition with nothing before it.
    #[error("nothing stands before {0:?} to be repeated")]
    NothingToRepeat(String),
    /// A repetition of a repetition, such as `a**`.
    #[error("{0:?} repeats a repetition")]
    RepeatedRepeat(String),
    /// A count beyond 1000, alone or multiplied by those around it, or a range that runs
    /// backwards.
    #[error("the repeat count {0:?} is above 1000 or runs backwards")]
    RepeatCount(String),
    /// `(?` with something Go does not know: look-around, for instance.
    #[error("{0:?} is no group or flag of Go's syntax, which has no look-around")]
    Group(String),
    /// A group name with other characters than letters, digits and `_`.
    #[error("{0:?} is no group name")]
    GroupName(String),
    /// Groups in groups, beyond what a stack holds.
    #[error("groups are nested deeper than {MAX_NESTING} levels")]
    TooDeep,
    /// The pattern is small and its automaton is huge, as in `\pL{1000}` many times over.
    #[error("it takes too much memory")]
    TooLarge,
}

/// Memory for one compiled pattern. The metadata of a file from a stranger can hold any pattern.
const MAX_SIZE: usize = 64 << 20;

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// If Go would refuse it.
    pub fn new(source: &str) -> Result<Self, PatternError> {
        let translated = go_regex::translate(source)?;
        let regex = regex::RegexBuilder::new(&translated)
            .size_limit(MAX_SIZE)
            // Each group of the source becomes at most a group, a repetition and a flag group.
            .nest_limit(4 * MAX_NESTING as u32)
            .build()
            .map_err(|_| PatternError::TooLarge)?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether the pattern matches anywhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Whether the pattern matches anywhere in `bytes`. As in Go, each byte that does not belong
    /// to valid UTF-8 counts as one U+FFFD.
    pub fn is_match_bytes(&self, bytes: &[u8]) -> bool {
        self.is_match(&as_go_sees(bytes))
    }
}

fn as_go_sees(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).unwrap().is_match(text)
    }

    #[test]
    fn classes_are_ascii() {
        assert!(matches(r"^\d+$", "42"));
        assert!(!matches(r"^\d+$", "٣"));
        assert!(!matches(r"\w", "é"));
        assert!(matches(r"^\W$", "é"));
        assert!(!matches(r"\s", "\u{b}"));
        assert!(matches(r"é\b", "éa"));
    }

    #[test]
    fn go_spellings_that_rust_lacks_are_read() {
        assert!(matches(r"^\Qa.b\E$", "a.b"));
        assert!(!matches(r"^\Qa.b\E$", "axb"));
        assert!(matches(r"^a{,3}$", "a{,3}"));
        assert!(matches(r"^\101\x41\x{41}$", "AAA"));
        assert!(matches(r"[[a&&b]", "&"));
        assert!(matches(r"\pL\p{^Lu}", "aa"));
    }

    #[test]
    fn rust_spellings_that_go_lacks_are_refused() {
        for pattern in [r"(?x)a", r"(?u)a", r"\<a", r"\h", r"\p{Alphabetic}", r"\p{sc=Greek}"] {
            let outcome = Pattern::new(pattern);
            // An escaped angle bracket is the bracket itself.
            assert_eq!(outcome.is_ok(), pattern == r"\<a", "{pattern}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_with_its_reason() {
        for (pattern, error) in [
            ("(", PatternError::MissingParen),
            ("a)", PatternError::UnexpectedParen),
            ("[a", PatternError::MissingBracket("[a".into())),
            ("[b-a]", PatternError::Class("b-a".into())),
            ("[[:nope:]]", PatternError::Class("[:nope:]".into())),
            (r"\", PatternError::TrailingBackslash),
            (r"(a)\1", PatternError::Escape(r"\1".into())),
            (r"\C", PatternError::Escape(r"\C".into())),
            ("a**", PatternError::RepeatedRepeat("**".into())),
            ("*a", PatternError::NothingToRepeat("*".into())),
            ("a{1001}", PatternError::RepeatCount("{1001}".into())),
            ("(a{10}){101}", PatternError::RepeatCount("{101}".into())),
            ("a{3,2}", PatternError::RepeatCount("{3,2}".into())),
            ("a(?=b)", PatternError::Group("(?=".into())),
            ("(?<=a)b", PatternError::GroupName("(?<=a)b".into())),
            (&"(".repeat(400), PatternError::TooDeep),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap_err(), error, "{pattern}");
        }
    }

    #[test]
    fn a_small_pattern_with_a_huge_automaton_is_refused() {
        let pattern = r"\pL{1000}".repeat(20);
        assert_eq!(Pattern::new(&pattern).unwrap_err(), PatternError::TooLarge);
    }

    #[test]
    fn a_byte_outside_of_utf8_is_one_replacement_character() {
        let pattern = Pattern::new(r"^a.\x{FFFD}b$").unwrap();
        assert!(pattern.is_match_bytes(b"a\xf0\x9fb"));
        assert!(!pattern.is_match_bytes(b"a\xf0b"));
    }
}
