//! The value of a scalar, by its style, its tag and its content.

use std::borrow::Cow;

use granit_parser::{ScalarStyle, Tag};

use super::{
    super::Problem,
    scalar::{self, Resolved},
};
use crate::{crypto::SecretBytes, tree::Value};

/// A scalar as the parser gave it.
pub(super) struct Scalar<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) style: ScalarStyle,
    pub(super) tag: Option<&'a Tag>,
    /// First byte, its tag included.
    pub(super) start: usize,
    pub(super) range: std::ops::Range<usize>,
}

impl Scalar<'_> {
    /// Its value, by style, tag and content.
    pub(super) fn value(&self) -> Result<Value, Problem> {
        let plain = matches!(self.style, ScalarStyle::Plain);
        // An absent node comes as `~` without extent.
        let text: &str = if plain && self.range.is_empty() { "" } else { &self.text };
        let core = self.tag.and_then(standard_type);
        let resolved = match core {
            None if self.tag.is_none() && plain => scalar::resolve(text),
            None | Some("str") => Resolved::Text,
            Some("binary") => return binary(text),
            Some("timestamp") => scalar::timestamp(text)
                .map_or(Resolved::Text, |time| Resolved::Value(Value::Time(time))),
            Some(_) => scalar::resolve(text),
        };
        let value = match resolved {
            Resolved::Text => Value::text(text),
            Resolved::Value(value) => value,
            Resolved::Unsigned => return Err(Problem::NumberTooLarge),
        };
        match (core, value) {
            (Some("float"), Value::Int(int)) => Ok(Value::Float(int as f64)),
            (Some("int"), value @ Value::Int(_))
            | (Some("float"), value @ Value::Float(_))
            | (Some("bool"), value @ Value::Bool(_))
            | (Some("null"), value @ Value::Null)
            | (Some("timestamp"), value @ Value::Time(_)) => Ok(value),
            (Some(name @ ("int" | "float" | "bool" | "null" | "timestamp")), _) => {
                Err(Problem::Syntax(format!("the value does not fit its tag !!{name}")))
            }
            (_, value) => Ok(value),
        }
    }
}

/// The type that a tag names, of those that SOPS knows; the parser's own notion of core types has
/// neither binary nor timestamp.
fn standard_type(tag: &Tag) -> Option<&'static str> {
    let name = tag.suffix_in_namespace("tag:yaml.org,2002:")?;
    ["str", "int", "float", "bool", "null", "binary", "timestamp"]
        .into_iter()
        .find(|known| *known == name)
}

/// `!!binary`: base64, blanks and line breaks ignored.
fn binary(text: &str) -> Result<Value, Problem> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD
        .decode(packed)
        .map(|bytes| Value::Text(SecretBytes::new(bytes)))
        .map_err(|_| Problem::Syntax("the value does not fit its tag !!binary".to_owned()))
}

/// What a value is, for messages.
pub(super) fn what(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::Float(_) => "a number",
        Value::Time(_) => "a date",
        Value::Text(_) => "text",
    }
}
