//! Nested metadata as flat names, for the formats without nesting (format §3.4).
//!
//! A step into a mapping is `__map_KEY`, a step into a list `__list_INDEX`, and the first key
//! stands without prefix: `kms__list_0__map_arn`.

use std::collections::{BTreeMap, HashMap};

use super::{SectionError, text::text_of};
use crate::{
    crypto::SecretBytes,
    tree::{List, MAX_DEPTH, Mapping, Node, Value},
};

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// The fields of `metadata` in its order, line breaks in values as the two characters `\n`.
/// Empty mappings and lists vanish.
pub(super) fn flatten(metadata: &Mapping) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for pair in metadata.pairs() {
        flatten_node(pair.key.clone(), &pair.value, &mut fields);
    }
    fields
}

fn flatten_node(name: String, node: &Node, fields: &mut Vec<(String, String)>) {
    match node {
        Node::Map(mapping) => {
            for pair in mapping.pairs() {
                flatten_node(format!("{name}{MAP}{}", pair.key), &pair.value, fields);
            }
        }
        Node::List(list) => {
            for (index, value) in list.values().enumerate() {
                flatten_node(format!("{name}{LIST}{index}"), value, fields);
            }
        }
        Node::Leaf(leaf) => {
            let text = match &leaf.value {
                // Metadata writes whole numbers without a fraction, whoever made them floats.
                Value::Float(_) => leaf.value.canonical().into(),
                value => text_of(value),
            };
            let text = String::from_utf8_lossy(text.expose()).replace('\n', "\\n");
            fields.push((name, text));
        }
    }
}

/// Builds the nested metadata. Every value is text, with `\n` read as a line break.
///
/// # Errors
/// If a name is used twice, names both a value and a container, or leaves a gap in a list.
pub(super) fn unflatten<'f>(
    fields: impl IntoIterator<Item = (&'f str, &'f [u8])>,
) -> Result<Mapping, SectionError> {
    let mut top = Building::default();
    for (name, value) in fields {
        top.add(name, value)
            .map_err(|problem| SectionError::Flat { field: name.to_owned(), problem })?;
    }
    top.mapping(0).map_err(|(field, problem)| SectionError::Flat { field, problem })
}

/// A mapping or a list on the way to completeness. Parts are numbered, so that neither building
/// nor dropping deep nesting recurses.
#[derive(Debug)]
struct Building {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Map { order: Vec<(String, usize)>, by_key: HashMap<String, usize> },
    List(BTreeMap<usize, usize>),
    Text(SecretBytes),
}

enum Step<'n> {
    Key(&'n str),
    Index(usize),
}

impl Default for Building {
    fn default() -> Self {
        Self { parts: vec![Part::map()] }
    }
}

impl Part {
    fn map() -> Self {
        Self::Map { order: Vec::new(), by_key: HashMap::new() }
    }

    /// The part below this one at `step`, if there is one.
    fn child(&self, step: &Step<'_>) -> Result<Option<usize>, &'static str> {
        match (self, step) {
            (Self::Map { by_key, .. }, Step::Key(key)) => Ok(by_key.get(*key).copied()),
            (Self::List(items), Step::Index(index)) => Ok(items.get(index).copied()),
            _ => Err("another field makes this a value of another shape"),
        }
    }

    fn set_child(&mut self, step: &Step<'_>, child: usize) {
        match (self, step) {
            (Self::Map { order, by_key }, Step::Key(key)) => {
                order.push(((*key).to_owned(), child));
                by_key.insert((*key).to_owned(), child);
            }
            (Self::List(items), Step::Index(index)) => {
                items.insert(*index, child);
            }
            _ => {}
        }
    }
}

impl Building {
    fn add(&mut self, name: &str, value: &[u8]) -> Result<(), &'static str> {
        let steps = split(name)?;
        let mut at = 0;
        for (depth, step) in steps.iter().enumerate() {
            let last = depth + 1 == steps.len();
            match self.parts[at].child(step)? {
                Some(_) if last => return Err("the field is there twice"),
                Some(child) => at = child,
                None => {
                    let child = self.parts.len();
                    self.parts.push(match steps.get(depth + 1) {
                        None => Part::Text(with_line_breaks(value)),
                        Some(Step::Key(_)) => Part::map(),
                        Some(Step::Index(_)) => Part::List(BTreeMap::new()),
                    });
                    self.parts[at].set_child(step, child);
                    at = child;
                }
            }
        }
        Ok(())
    }

    fn mapping(&mut self, at: usize) -> Result<Mapping, (String, &'static str)> {
        let mut mapping = Mapping::default();
        if let Part::Map { order, .. } = std::mem::replace(&mut self.parts[at], Part::map()) {
            for (key, child) in order {
                let node =
                    self.node(child).map_err(|(below, problem)| (key.clone() + &below, problem))?;
                mapping.push(key, node);
            }
        }
        Ok(mapping)
    }

    fn node(&mut self, at: usize) -> Result<Node, (String, &'static str)> {
        match std::mem::replace(&mut self.parts[at], Part::map()) {
            Part::Text(text) => Ok(Value::Text(text).into()),
            part @ Part::Map { .. } => {
                self.parts[at] = part;
                self.mapping(at)
                    .map(Node::Map)
                    .map_err(|(below, problem)| (format!("{MAP}{below}"), problem))
            }
            Part::List(items) => {
                let mut list = List::default();
                for (expected, (index, child)) in items.into_iter().enumerate() {
                    let name = |below: String| format!("{LIST}{index}{below}");
                    if index != expected {
                        return Err((
                            name(String::new()),
                            "the list has no element before this one",
                        ));
                    }
                    list.push(self.node(child).map_err(|(below, problem)| (name(below), problem))?);
                }
                Ok(Node::List(list))
            }
        }
    }
}

/// The steps that a flat name spells.
fn split(name: &str) -> Result<Vec<Step<'_>>, &'static str> {
    let mut steps = Vec::new();
    let mut rest = name;
    let mut list = false;
    loop {
        let map_at = rest.find(MAP);
        let list_at = rest.find(LIST);
        let end = map_at.into_iter().chain(list_at).min();
        let part = &rest[..end.unwrap_or(rest.len())];
        steps.push(if list {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("a position in a list is not a whole number");
            }
            Step::Index(part.parse().map_err(|_| "a position in a list is too large")?)
        } else {
            Step::Key(part)
        });
        if steps.len() > MAX_DEPTH {
            return Err("nested too deeply");
        }
        let Some(end) = end else {
            return Ok(steps);
        };
        list = list_at == Some(end);
        rest = &rest[end + if list { LIST.len() } else { MAP.len() }..];
    }
}

fn with_line_breaks(value: &[u8]) -> SecretBytes {
    SecretBytes::new(unescape_line_breaks(value))
}

/// The value with each `\n` of two characters as a line break.
pub(super) fn unescape_line_breaks(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut at = 0;
    while at < value.len() {
        if value[at..].starts_with(b"\\n") {
            out.push(b'\n');
            at += 2;
        } else {
            out.push(value[at]);
            at += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::there_and_back::metadata;

    fn problem(fields: &[&str]) -> String {
        unflatten(fields.iter().map(|name| (*name, &b"x"[..]))).unwrap_err().to_string()
    }

    #[test]
    fn metadata_comes_back() {
        let flat = flatten(&metadata());
        assert_eq!(flat[0].0, "age__list_0__map_enc");
        assert_eq!(flat[0].1, "-----BEGIN\\nline\\n-----END\\n");
        let nested = unflatten(flat.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        assert_eq!(nested, Ok(metadata()));
    }

    #[test]
    fn names_that_build_no_mapping_are_named() {
        assert_eq!(
            problem(&["a__list_0__map_b", "a__list_2__map_b"]),
            "flat metadata field a__list_2: the list has no element before this one"
        );
        assert!(problem(&["a", "a"]).ends_with("twice"));
        assert!(problem(&["a", "a__map_b"]).contains("shape"));
        assert!(problem(&["a__map_b", "a__list_0"]).contains("shape"));
        assert!(problem(&["a__list_0", "a__list_00"]).ends_with("twice"));
        assert!(problem(&["a__list_x"]).contains("whole number"));
        assert!(problem(&[&"__map_x".repeat(100_000)]).contains("deeply"));
    }

    #[test]
    fn order_of_fields_does_not_matter_for_lists() {
        let built = unflatten([("a__list_1", &b"y"[..]), ("a__list_0", b"x")]).unwrap();
        let mut list = List::default();
        list.push("x");
        list.push("y");
        assert_eq!(built.get("a"), Some(&Node::List(list)));
    }
}
