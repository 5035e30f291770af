//! The YAML of `.sops.yaml` with the line of each node, aliases and merge keys resolved.
//!
//! Only the first document is read, as the reference does. What a scalar means is decided by
//! whoever asks for it, since the reference reads into typed fields.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle};

use super::ConfigError;

/// Nodes after expansion of aliases; configs of thousands of rules stay far below.
const MAX_NODES: usize = 200_000;
/// Nesting; the format itself has six levels.
const MAX_DEPTH: usize = 100;

/// A node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it begins, from 1.
    pub(crate) line: usize,
    /// Whether it or a node below it bears an anchor.
    pub(crate) anchored: bool,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar { text: String, plain: bool },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// What was read.
pub(crate) struct Source {
    pub(crate) root: Node,
    /// The line of a second document, which nobody reads.
    pub(crate) second_document: Option<usize>,
}

impl Node {
    fn empty(line: usize) -> Self {
        Self { line, anchored: false, kind: Kind::Scalar { text: String::new(), plain: true } }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    pub(super) fn is_empty_map(&self) -> bool {
        matches!(&self.kind, Kind::Map(entries) if entries.is_empty())
    }

    /// The value of a key; null counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let Kind::Map(entries) = &self.kind else { return None };
        let found = entries.iter().find(|(known, _)| known.text == key).map(|(_, node)| node);
        found.filter(|node| !node.is_null())
    }

    /// The items of a list with their positions; nothing for anything else. Null items are left
    /// out, as the reference's reader leaves them out of typed lists.
    pub(crate) fn items(&self) -> impl Iterator<Item = (usize, &Node)> {
        let items = match &self.kind {
            Kind::List(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().enumerate().filter(|(_, item)| !item.is_null())
    }

    /// The text of a scalar, whatever YAML takes it for; empty for null.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { .. } if self.is_null() => Some(""),
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar that YAML takes for text.
    pub(crate) fn string(&self) -> Option<&str> {
        self.text().filter(|_| self.what() == "text")
    }

    /// A whole number, in any of the notations that the reference's reader knows; also one
    /// written with a fraction of zero.
    pub(crate) fn int(&self) -> Option<i64> {
        let Kind::Scalar { text, plain: true } = &self.kind else { return None };
        integer(text).or_else(|| {
            let float = self.number()?;
            (float.fract() == 0.0 && float.abs() < 1e15).then_some(float as i64)
        })
    }

    /// Any number; exact only as far as a float is.
    pub(crate) fn number(&self) -> Option<f64> {
        let Kind::Scalar { text, plain: true } = &self.kind else { return None };
        let numeric = text.bytes().all(|b| b.is_ascii_digit() || b"+-._eE".contains(&b));
        match integer(text) {
            Some(int) => Some(int as f64),
            None if numeric => text.replace('_', "").parse().ok(),
            None => None,
        }
    }

    /// A boolean, in the words of YAML 1.1 too: the reference reads into a typed field.
    pub(crate) fn bool(&self) -> Option<bool> {
        let Kind::Scalar { text, plain } = &self.kind else { return None };
        match text.as_str() {
            "true" | "True" | "TRUE" if *plain => Some(true),
            "false" | "False" | "FALSE" if *plain => Some(false),
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match &self.kind {
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Scalar { .. } if self.is_null() => "nothing",
            Kind::Scalar { plain: false, .. } => "text",
            Kind::Scalar { text, .. } => match text.as_str() {
                "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => "a boolean",
                _ if is_number(text) => "a number",
                _ => "text",
            },
        }
    }
}

fn integer(text: &str) -> Option<i64> {
    let text = text.replace('_', "").to_ascii_lowercase();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let octal = |rest: &[u8]| !rest.is_empty() && rest.iter().all(|b| b"01234567".contains(b));
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x', ..] => (16, &digits[2..]),
        [b'0', b'o', ..] => (8, &digits[2..]),
        [b'0', b'b', ..] => (2, &digits[2..]),
        // A leading zero makes it octal, unless a digit is none.
        [b'0', rest @ ..] if octal(rest) => (8, &digits[1..]),
        _ => (10, digits),
    };
    let signed_again = digits.starts_with(['+', '-']);
    i64::from_str_radix(digits, radix).ok().filter(|_| !signed_again).map(|int| sign * int)
}

fn is_number(text: &str) -> bool {
    let digits = text.replace('_', "");
    let signless = digits.trim_start_matches(['+', '-']);
    let radix = |prefix: &str, radix| {
        signless.strip_prefix(prefix).is_some_and(|rest| u64::from_str_radix(rest, radix).is_ok())
    };
    (signless.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.parse::<f64>().is_ok())
        || radix("0x", 16)
        || radix("0o", 8)
        || radix("0b", 2)
}

/// Reads the first document.
///
/// # Errors
/// If it is not YAML, or too large.
pub(crate) fn read(text: &str) -> Result<Source, ConfigError> {
    let mut reader = Reader::default();
    let options = granit_parser::options! { emit_comments: false };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(next) => next,
            // The reference never looks beyond the first document.
            Err(_) if reader.documents > 1 => break,
            Err(error) => {
                return Err(ConfigError::Yaml {
                    line: error.marker().line(),
                    problem: error.info().to_owned(),
                });
            }
        };
        reader.event(event, span.start.line())?;
        if reader.documents > 1 {
            reader.second_document = Some(span.start.line());
            break;
        }
    }
    let root = reader.root.unwrap_or_else(|| Node::empty(1));
    Ok(Source { root, second_document: reader.second_document })
}

#[derive(Default)]
struct Reader {
    documents: usize,
    second_document: Option<usize>,
    nodes: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
}

struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<Key>,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), ConfigError> {
        match event {
            Event::DocumentStart(..) => self.documents += 1,
            Event::Scalar(text, style, anchor, tag) => {
                let forced = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let plain = style == ScalarStyle::Plain && !forced;
                let kind = Kind::Scalar { text: text.into_owned(), plain };
                self.place(Node { line, anchored: anchor != 0, kind }, anchor)?;
            }
            Event::SequenceStart(_, anchor, _) => self.open(Kind::List(vec![]), anchor, line)?,
            Event::MappingStart(_, anchor, _) => self.open(Kind::Map(vec![]), anchor, line)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { mut node, anchor, .. }) = self.open.pop() {
                    merge(&mut node)?;
                    self.place(node, anchor)?;
                }
            }
            Event::Alias(id) => {
                let Some(mut node) = self.anchors.get(&id).cloned() else {
                    let problem = "the alias stands inside its own anchor".to_owned();
                    return Err(ConfigError::Yaml { line, problem });
                };
                node.anchored = false;
                self.nodes += size(&node);
                self.place(node, 0)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, kind: Kind, anchor: usize, line: usize) -> Result<(), ConfigError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(ConfigError::TooLarge { line });
        }
        let node = Node { line, anchored: anchor != 0, kind };
        self.open.push(Open { node, anchor, key: None });
        Ok(())
    }

    /// Puts a complete node where it belongs.
    fn place(&mut self, node: Node, anchor: usize) -> Result<(), ConfigError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(ConfigError::TooLarge { line: node.line });
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            if self.documents == 1 {
                self.root = Some(node);
            }
            return Ok(());
        };
        open.node.anchored |= node.anchored;
        match &mut open.node.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(entries) => match open.key.take() {
                Some(key) => entries.push((key, node)),
                None => match node.text() {
                    Some(text) => {
                        open.key = Some(Key { text: text.to_owned(), line: node.line });
                    }
                    None => {
                        let problem =
                            format!("the key is {}, and only text can be one", node.what());
                        return Err(ConfigError::Yaml { line: node.line, problem });
                    }
                },
            },
            Kind::Scalar { .. } => {}
        }
        Ok(())
    }
}

/// Takes the entries of `<<` over, where the mapping has no such key of its own.
fn merge(node: &mut Node) -> Result<(), ConfigError> {
    let Kind::Map(entries) = &mut node.kind else { return Ok(()) };
    while let Some(at) = entries.iter().position(|(key, _)| key.text == "<<") {
        let (key, value) = entries.remove(at);
        let sources = match value.kind {
            Kind::List(items) => items,
            _ => vec![value],
        };
        for source in sources {
            let Kind::Map(merged) = source.kind else {
                let problem = "<< takes a mapping or a list of mappings".to_owned();
                return Err(ConfigError::Yaml { line: key.line, problem });
            };
            for (key, value) in merged {
                if entries.iter().all(|(own, _)| own.text != key.text) {
                    entries.push((key, value));
                }
            }
        }
    }
    Ok(())
}

fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Scalar { .. } => 0,
        Kind::List(items) => items.iter().map(size).sum(),
        Kind::Map(entries) => entries.iter().map(|(_, value)| size(value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_and_merge_keys_are_resolved() {
        let root = read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n").unwrap().root;
        let text = |path: [&str; 2]| root.get(path[0])?.get(path[1])?.text();
        assert_eq!(text(["b", "x"]), Some("1"));
        assert_eq!(text(["b", "y"]), Some("3"));
        assert_eq!(text(["c", "y"]), Some("2"));
        assert_eq!(root.get("b").map(|node| node.line), Some(2));
    }

    #[test]
    fn a_second_document_is_noticed_and_not_read() {
        let source = read("a: 1\n---\na: [\n").unwrap();
        assert_eq!(source.second_document, Some(2));
        assert!(read("a: [\n").is_err());
    }

    #[test]
    fn alias_bombs_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let below = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(matches!(read(&text), Err(ConfigError::TooLarge { .. })));
        assert!(read("a: &a [*a]\n").is_err());
    }

    #[test]
    fn whole_numbers_have_many_notations() {
        let int = |text: &str| read(text).unwrap().root.int();
        for (text, number) in [
            ("12", Some(12)),
            ("-1", Some(-1)),
            ("+3", Some(3)),
            ("010", Some(8)),
            ("08", Some(8)),
            ("0x1F", Some(31)),
            ("0b11", Some(3)),
            ("0o7", Some(7)),
            ("1_0", Some(10)),
            ("2.0", Some(2)),
            ("2.5", None),
            ("'2'", None),
            ("0x-1", None),
            ("two", None),
        ] {
            assert_eq!(int(text), number, "{text}");
        }
    }

    #[test]
    fn an_empty_file_is_null() {
        for text in ["", "\n", "# nothing\n", "---\n", "~\n"] {
            assert!(read(text).unwrap().root.is_null(), "{text:?}");
        }
    }
}
