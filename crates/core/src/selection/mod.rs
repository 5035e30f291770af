//! Which leaves of a document are sealed: one rule per document (format §1.5, §3.5).
//!
//! Rules of this module:
//!
//! - "At most one rule" is decided in [`Selection::from_fields`] and nowhere else.
//! - A pattern is compiled there too. One that does not compile stops the program: the reference
//!   takes it for one that matches nothing, and with `encrypted_regex` leaves all secrets in clear.

mod fields;
mod go_regex;
mod pattern;
mod unicode_names;

pub use fields::{Field, Fields, SelectionError};
pub use pattern::{Pattern, PatternError};

use crate::tree::Judge;

/// The suffix of keys that stay readable when a document names no rule (format §3.5).
pub const DEFAULT_SUFFIX: &str = "_unencrypted";

/// The rule a document is sealed under.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Seals everything: binary documents, which carry no rule (format §3.5).
    Everything,
    /// Seals all but what stands below a key with this suffix.
    ExceptSuffix(String),
    /// Seals only what stands below a key with this suffix.
    OnlySuffix(String),
    /// Seals all but what stands below a matching key.
    ExceptMatching(Pattern),
    /// Seals only what stands below a matching key.
    OnlyMatching(Pattern),
    /// Seals all but what a matching comment is in force for.
    ExceptCommented(Pattern),
    /// Seals only what a matching comment is in force for.
    OnlyCommented(Pattern),
}

impl Selection {
    /// Makes the one rule out of the fields it was spelled in. Empty texts count as not given; no
    /// field at all gives the default rule.
    ///
    /// # Errors
    /// If there are two rules, or the pattern of the one does not compile.
    pub fn from_fields<'a>(
        given: impl IntoIterator<Item = (Field, &'a str)>,
    ) -> Result<Self, SelectionError> {
        let given: Vec<_> = given.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        match given.as_slice() {
            [] => Ok(Self::default()),
            [(field, text)] => field.rule(text),
            several => {
                Err(SelectionError::Conflict(several.iter().map(|(field, _)| *field).collect()))
            }
        }
    }

    /// The field of the metadata that this rule is written in, with its text; none for
    /// [`Selection::Everything`].
    pub fn field(&self) -> Option<(Field, &str)> {
        match self {
            Self::Everything => None,
            Self::ExceptSuffix(suffix) => Some((Field::UnencryptedSuffix, suffix)),
            Self::OnlySuffix(suffix) => Some((Field::EncryptedSuffix, suffix)),
            Self::ExceptMatching(pattern) => Some((Field::UnencryptedRegex, pattern.as_str())),
            Self::OnlyMatching(pattern) => Some((Field::EncryptedRegex, pattern.as_str())),
            Self::ExceptCommented(pattern) => {
                Some((Field::UnencryptedCommentRegex, pattern.as_str()))
            }
            Self::OnlyCommented(pattern) => Some((Field::EncryptedCommentRegex, pattern.as_str())),
        }
    }
}

impl Default for Selection {
    /// Everything but keys that end in `_unencrypted`.
    fn default() -> Self {
        Self::ExceptSuffix(DEFAULT_SUFFIX.to_owned())
    }
}

impl PartialEq for Selection {
    /// Rules are the same when they are written the same.
    fn eq(&self, other: &Self) -> bool {
        self.field() == other.field()
    }
}

impl Eq for Selection {}

impl Judge for Selection {
    fn key(&self, key: &str) -> bool {
        match self {
            Self::ExceptSuffix(suffix) | Self::OnlySuffix(suffix) => key.ends_with(suffix),
            Self::ExceptMatching(pattern) | Self::OnlyMatching(pattern) => pattern.is_match(key),
            Self::Everything | Self::ExceptCommented(_) | Self::OnlyCommented(_) => false,
        }
    }

    fn comment(&self, text: &[u8]) -> bool {
        match self {
            Self::ExceptCommented(pattern) | Self::OnlyCommented(pattern) => {
                pattern.is_match_bytes(text)
            }
            _ => false,
        }
    }

    fn leaf(&self, path: bool, comments: usize, own: bool) -> bool {
        match self {
            Self::Everything => true,
            Self::ExceptSuffix(_) | Self::ExceptMatching(_) => !path,
            Self::OnlySuffix(_) | Self::OnlyMatching(_) => path,
            Self::ExceptCommented(_) => comments == 0,
            // A comment cannot select itself; others of its run can (format §1.5).
            Self::OnlyCommented(_) => comments > usize::from(own),
        }
    }
}
