//! From the six fields in which a rule can be spelled to the one rule.

use super::{Pattern, PatternError, Selection};

/// A field of metadata and creation rules that holds a selection rule. The order is the one in
/// which the reference names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `encrypted_suffix`
    EncryptedSuffix,
    /// `unencrypted_suffix`
    UnencryptedSuffix,
    /// `encrypted_regex`
    EncryptedRegex,
    /// `unencrypted_regex`
    UnencryptedRegex,
    /// `encrypted_comment_regex`
    EncryptedCommentRegex,
    /// `unencrypted_comment_regex`
    UnencryptedCommentRegex,
}

impl Field {
    /// All six.
    pub const ALL: [Self; 6] = [
        Self::EncryptedSuffix,
        Self::UnencryptedSuffix,
        Self::EncryptedRegex,
        Self::UnencryptedRegex,
        Self::EncryptedCommentRegex,
        Self::UnencryptedCommentRegex,
    ];

    /// The name in metadata and creation rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::EncryptedSuffix => "encrypted_suffix",
            Self::UnencryptedSuffix => "unencrypted_suffix",
            Self::EncryptedRegex => "encrypted_regex",
            Self::UnencryptedRegex => "unencrypted_regex",
            Self::EncryptedCommentRegex => "encrypted_comment_regex",
            Self::UnencryptedCommentRegex => "unencrypted_comment_regex",
        }
    }

    /// The field with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// The rule that `text` in this field stands for.
    pub(super) fn rule(self, text: &str) -> Result<Selection, SelectionError> {
        let pattern =
            || Pattern::new(text).map_err(|source| SelectionError::Pattern { field: self, source });
        Ok(match self {
            Self::EncryptedSuffix => Selection::OnlySuffix(text.to_owned()),
            Self::UnencryptedSuffix => Selection::ExceptSuffix(text.to_owned()),
            Self::EncryptedRegex => Selection::OnlyMatching(pattern()?),
            Self::UnencryptedRegex => Selection::ExceptMatching(pattern()?),
            Self::EncryptedCommentRegex => Selection::OnlyCommented(pattern()?),
            Self::UnencryptedCommentRegex => Selection::ExceptCommented(pattern()?),
        })
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The six fields as someone wrote them: in metadata, in a creation rule or as flags. Nothing is
/// compiled and nothing decided yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields([String; 6]);

impl Fields {
    /// No field given.
    pub fn none() -> Self {
        Self::default()
    }

    /// Sets a field; an empty text takes it back.
    pub fn set(&mut self, field: Field, text: impl Into<String>) {
        self.0[field as usize] = text.into();
    }

    /// The text of a field, unless it is empty.
    pub fn get(&self, field: Field) -> Option<&str> {
        Some(self.0[field as usize].as_str()).filter(|text| !text.is_empty())
    }

    /// The fields that are given.
    pub fn given(&self) -> impl Iterator<Item = (Field, &str)> {
        Field::ALL.into_iter().filter_map(|field| self.get(field).map(|text| (field, text)))
    }

    /// Whether no field is given.
    pub fn is_empty(&self) -> bool {
        self.given().next().is_none()
    }

    /// Field by field, these or else the others: how flags and a creation rule come together
    /// (CLI §4.4).
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        let mut merged = others.clone();
        for (field, text) in self.given() {
            merged.set(field, text);
        }
        merged
    }

    /// The one rule they make.
    ///
    /// # Errors
    /// As [`Selection::from_fields`].
    pub fn selection(&self) -> Result<Selection, SelectionError> {
        Selection::from_fields(self.given())
    }
}

/// Why fields do not make a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// Two rules or more.
    #[error("a document carries one selection rule, found {}", joined(.0))]
    Conflict(Vec<Field>),
    /// The pattern is none.
    #[error("invalid pattern in {field}")]
    Pattern {
        /// Where the pattern stands.
        field: Field,
        /// What is wrong with it.
        source: PatternError,
    },
}

fn joined(fields: &[Field]) -> String {
    let names: Vec<_> = fields.iter().map(|field| field.name()).collect();
    match names.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        names => names.join(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_pattern_is_refused_before_anything_is_sealed() {
        let error = Selection::from_fields([(Field::EncryptedRegex, "(")]).unwrap_err();
        assert_eq!(error.to_string(), "invalid pattern in encrypted_regex");
    }

    #[test]
    fn no_field_is_the_default_and_two_are_a_conflict() {
        assert_eq!(Fields::none().selection(), Ok(Selection::default()));
        let mut fields = Fields::none();
        fields.set(Field::UnencryptedSuffix, "_clear");
        fields.set(Field::EncryptedRegex, "^data$");
        let error = fields.selection().unwrap_err();
        assert_eq!(
            error.to_string(),
            "a document carries one selection rule, found unencrypted_suffix and encrypted_regex"
        );
    }

    #[test]
    fn flags_and_rule_are_merged_field_by_field() {
        let (mut flags, mut rule) = (Fields::none(), Fields::none());
        flags.set(Field::EncryptedRegex, "^flag$");
        rule.set(Field::EncryptedRegex, "^rule$");
        assert_eq!(flags.or(&rule).get(Field::EncryptedRegex), Some("^flag$"));
        rule.set(Field::EncryptedSuffix, "x");
        assert_eq!(
            flags.or(&rule).selection(),
            Err(SelectionError::Conflict(vec![Field::EncryptedSuffix, Field::EncryptedRegex]))
        );
    }

    #[test]
    fn every_rule_is_written_in_the_field_it_came_from() {
        for field in Field::ALL {
            let rule = field.rule("a").unwrap();
            assert_eq!(rule.field(), Some((field, "a")));
        }
    }
}
