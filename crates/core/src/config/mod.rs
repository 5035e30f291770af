//! `.sops.yaml`, already read into memory (format §6).
//!
//! ```text
//! &[u8] ─ Config::parse ─▶ Config ─ creation_rule(path) ─▶ Lookup ─┐
//!                                                  flags as Given ─┴─ decide ─▶ Decision
//! ```
//!
//! A file that works with the reference works here; what it says and nobody reads is named
//! (see [`ConfigWarning`] and [`UnknownKey`]). Key lists, patterns and selections of a rule are
//! looked at when the rule is used, as the reference does, so that one broken rule does not stop
//! work on files it has nothing to do with.

mod check;
mod creation;
mod decide;
mod destination;
mod key_list;
mod registry;
mod schema;
pub(crate) mod source;

pub use creation::{CreationRule, Lookup, NearMiss, Outcome, RuleError, Verdict};
pub use decide::{DecideError, Decision, Given, KeyChoice, Remark, decide};
pub use destination::{Destination, DestinationError, DestinationRule, VaultVersion};
pub use schema::json_schema;

use self::source::Node;
use crate::format::Format;

/// The file's name. No other is read (format §6.1).
pub const FILE_NAME: &str = ".sops.yaml";

/// A `.sops.yaml` file.
#[derive(Clone, Debug)]
pub struct Config {
    directory: String,
    /// The creation rules; `None` where the file has no such key, which counts as no file at all
    /// for whoever needs a rule (format §6.2).
    creation_rules: Option<Vec<CreationRule>>,
    destination_rules: Vec<DestinationRule>,
    stores: Stores,
    warnings: Vec<ConfigWarning>,
}

/// How files are laid out when they are written anew (format §6.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stores {
    yaml: Option<u8>,
    json: Option<u8>,
    json_binary: Option<u8>,
}

/// Something in a file that changes nothing and was perhaps meant to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigWarning {
    /// A key that nobody reads.
    #[error("line {}: unknown key {:?}{} is ignored{}", .0.line, .0.key, .0.placed(), .0.advice())]
    UnknownKey(UnknownKey),
    /// A second document in the file.
    #[error("line {line}: only the first document of the file is read")]
    SecondDocument {
        /// Where it begins, from 1.
        line: usize,
    },
    /// Keys beside `key_groups`: the groups count, the keys do not (format §6.4).
    #[error("line {line}: {key} in creation rule {rule} is ignored, since the rule has key_groups")]
    KeysBesideGroups {
        /// The name of the list.
        key: &'static str,
        /// Where it stands, from 1.
        line: usize,
        /// The rule, from 1.
        rule: usize,
    },
}

/// A key that nobody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// The key.
    pub key: String,
    /// Its line, from 1.
    pub line: usize,
    /// The path of the mapping it stands in; empty for the top level.
    pub place: String,
    /// The name that was probably meant.
    pub suggestion: Option<&'static str>,
    /// Whether that name is a known one in another place of the file.
    pub elsewhere: bool,
}

/// Why a file cannot be used. The texts name keys, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is not text.
    #[error("the file is not UTF-8")]
    NotUtf8,
    /// The file is not YAML.
    #[error("line {line}: {problem}")]
    Yaml {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The file is too large, by itself or through its aliases.
    #[error("line {line}: the file is too large or too deeply nested")]
    TooLarge {
        /// Where reading stopped, from 1.
        line: usize,
    },
    /// The same key twice in one mapping.
    #[error("line {line}: the key {key:?} stands in line {first_line} already")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Line of the second, from 1.
        line: usize,
        /// Line of the first, from 1.
        first_line: usize,
    },
    /// Something else than what belongs there.
    #[error("line {line}: {place} is {found}, expected {expected}")]
    Shape {
        /// The path of the node.
        place: String,
        /// Its line, from 1.
        line: usize,
        /// "a list", …
        expected: &'static str,
        /// "text", …
        found: &'static str,
    },
    /// A number below what is possible.
    #[error("line {line}: {place} must be at least {least}")]
    TooSmall {
        /// The path of the node.
        place: String,
        /// Its line, from 1.
        line: usize,
        /// The least possible number.
        least: i64,
    },
    /// Unknown keys, without which a recipient, a rule or a threshold would be lost.
    #[error("{}", joined(.0))]
    Unknown(Vec<UnknownKey>),
}

impl ConfigError {
    /// The line, from 1, if it is at one; the first, if it is at several.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::NotUtf8 => None,
            Self::Yaml { line, .. }
            | Self::TooLarge { line }
            | Self::DuplicateKey { line, .. }
            | Self::Shape { line, .. }
            | Self::TooSmall { line, .. } => Some(*line),
            Self::Unknown(keys) => keys.first().map(|key| key.line),
        }
    }

    /// The place in the file, such as `creation_rules[0].age`, as in the texts; empty if there is
    /// none.
    pub fn place(&self) -> String {
        match self {
            Self::NotUtf8 | Self::Yaml { .. } | Self::TooLarge { .. } => String::new(),
            Self::DuplicateKey { key, .. } => key.clone(),
            Self::Shape { place, .. } | Self::TooSmall { place, .. } => place.clone(),
            Self::Unknown(keys) => {
                keys.first().map_or_else(String::new, |unknown| match unknown.place.as_str() {
                    "" => unknown.key.clone(),
                    place => format!("{place}.{}", unknown.key),
                })
            }
        }
    }
}

impl Config {
    /// Reads a file. `directory` is where it stands, absolute and with `/` on every system.
    ///
    /// # Errors
    /// If the file is not YAML of the known shape, or an unknown key looks like one that must
    /// not be lost.
    pub fn parse(text: &[u8], directory: &str) -> Result<Self, ConfigError> {
        let text = std::str::from_utf8(text).map_err(|_| ConfigError::NotUtf8)?;
        let source = source::read(text)?;
        let root = &source.root;
        let mut warnings = check::check(root)?;
        let second = source.second_document.map(|line| ConfigWarning::SecondDocument { line });
        warnings.extend(second);
        let creation_rules = root.get("creation_rules").map(|list| {
            list.items()
                .map(|(index, node)| CreationRule::read(index + 1, node))
                .collect::<Vec<_>>()
        });
        warnings.extend(creation_rules.iter().flatten().flat_map(CreationRule::ignored_keys));
        let destination_rules = root.get("destination_rules").into_iter().flat_map(Node::items);
        let indent = |store: &str| {
            let indent = root.get("stores")?.get(store)?.get("indent")?.int()?;
            Some(indent).filter(|indent| *indent >= 0).map(|indent| indent.min(255) as u8)
        };
        Ok(Self {
            directory: directory.to_owned(),
            creation_rules,
            destination_rules: destination_rules
                .map(|(index, node)| DestinationRule::read(index + 1, node))
                .collect(),
            stores: Stores {
                // Zero means "not set" there, and no indentation in JSON (format §6.6).
                yaml: indent("yaml").filter(|indent| *indent > 0),
                json: indent("json"),
                json_binary: indent("json_binary"),
            },
            warnings,
        })
    }

    /// What the file says and nobody reads, in the order of its lines where it was checked.
    pub fn warnings(&self) -> &[ConfigWarning] {
        &self.warnings
    }

    /// Where the file stands.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// The creation rules, in order; `None` where the file has no such key.
    pub fn creation_rules(&self) -> Option<&[CreationRule]> {
        self.creation_rules.as_deref()
    }

    /// The destination rules, in order.
    pub fn destination_rules(&self) -> &[DestinationRule] {
        &self.destination_rules
    }

    /// Blanks per level for a format; `None` is its default (YAML 4, JSON a tab).
    pub fn indent(&self, format: Format) -> Option<u8> {
        match format {
            Format::Yaml => self.stores.yaml,
            Format::Json => self.stores.json,
            Format::Binary => self.stores.json_binary,
            Format::Dotenv | Format::Ini => None,
        }
    }
}

impl UnknownKey {
    fn placed(&self) -> String {
        if self.place.is_empty() { String::new() } else { format!(" in {}", self.place) }
    }

    fn advice(&self) -> String {
        match self.suggestion {
            None => String::new(),
            Some(name) if self.elsewhere => format!("; {name:?} does not belong here"),
            Some(name) => format!("; did you mean {name:?}?"),
        }
    }
}

impl std::fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "line {}: unknown key {:?}{}{}",
            self.line,
            self.key,
            self.placed(),
            self.advice()
        )
    }
}

fn joined(keys: &[UnknownKey]) -> String {
    let texts: Vec<_> = keys.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indentation_is_per_format() {
        let text = b"stores: {yaml: {indent: 2}, json: {indent: 0}, json_binary: {indent: -1}}";
        let config = Config::parse(text, "/repo").unwrap();
        let indents = Format::ALL.map(|format| (format.name(), config.indent(format)));
        assert_eq!(
            indents,
            [
                ("binary", None),
                ("dotenv", None),
                ("ini", None),
                ("json", Some(0)),
                ("yaml", Some(2))
            ]
        );
        // transcript 11: the reference refuses it when writing
        assert!(Config::parse(b"stores: {yaml: {indent: -1}}", "/").is_err());
    }

    #[test]
    fn an_empty_file_is_as_good_as_none() {
        let config = Config::parse(b"", "/repo").unwrap();
        assert!(config.creation_rules().is_none());
        assert_eq!(config.warnings(), []);
    }

    #[test]
    fn keys_that_groups_put_out_of_force_are_named() {
        let text = b"creation_rules:\n- key_groups: [{age: [x]}]\n  age: y\n";
        let config = Config::parse(text, "/repo").unwrap();
        assert_eq!(
            config.warnings()[0].to_string(),
            "line 3: age in creation rule 1 is ignored, since the rule has key_groups"
        );
    }
}
