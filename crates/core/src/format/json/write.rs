//! Tree to JSON text: how scalars are spelled and how containers are laid out.

use super::super::layout::Refusal;
use crate::tree::{Item, List, Mapping, Node, Step, Value};

/// How containers are laid out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Style {
    /// A line for each member, or everything on one line.
    pub(super) lines: Option<Lined>,
    /// What stands between a key and its value.
    pub(super) colon: &'static str,
    /// What stands between members on one line.
    pub(super) comma: &'static str,
    /// Whether a float without fraction is written as `1.0`, so that it is read as a float again:
    /// for values that are new. [`number`] says why others are not.
    pub(super) whole_floats: bool,
}

/// A line for each member.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lined {
    /// The line break.
    pub(super) newline: &'static str,
    /// The blanks of one level.
    pub(super) unit: String,
}

impl Style {
    /// A line for each member.
    pub(super) fn lined(newline: &'static str, unit: impl Into<String>) -> Self {
        Self {
            lines: Some(Lined { newline, unit: unit.into() }),
            colon: ": ",
            comma: ", ",
            whole_floats: false,
        }
    }
}

/// The blanks of one level, as an option gives them; a tab by default (format §7.2).
pub(super) fn unit(indent: Option<u8>) -> String {
    indent.map_or_else(|| "\t".to_owned(), |blanks| " ".repeat(usize::from(blanks)))
}

/// Writes a node whose line begins with `margin`.
pub(super) fn node(
    out: &mut Vec<u8>,
    value: &Node,
    style: &Style,
    margin: &str,
) -> Result<(), Refusal> {
    match value {
        Node::Map(map) => mapping(out, &[map], style, margin),
        Node::List(items) => list(out, items, style, margin),
        Node::Leaf(leaf) => written(out, &leaf.value, style.whole_floats),
    }
}

/// Writes the pairs of several mappings as one object. Comments have no place in JSON.
pub(super) fn mapping(
    out: &mut Vec<u8>,
    mappings: &[&Mapping],
    style: &Style,
    margin: &str,
) -> Result<(), Refusal> {
    let mut body = Body::open(out, b'{', b'}', style, margin);
    for pair in mappings.iter().flat_map(|mapping| mapping.pairs()) {
        let inner = body.member(out);
        string(out, &pair.key);
        out.extend_from_slice(style.colon.as_bytes());
        node(out, &pair.value, style, &inner)
            .map_err(|refusal| refusal.below(Step::Key(pair.key.clone())))?;
    }
    body.close(out);
    Ok(())
}

fn list(out: &mut Vec<u8>, list: &List, style: &Style, margin: &str) -> Result<(), Refusal> {
    let mut body = Body::open(out, b'[', b']', style, margin);
    let values = list.items.iter().filter_map(|item| match item {
        Item::Value(value) => Some(value),
        Item::Comment(_) => None,
    });
    for (index, value) in values.enumerate() {
        let inner = body.member(out);
        node(out, value, style, &inner).map_err(|refusal| refusal.below(Step::Index(index)))?;
    }
    body.close(out);
    Ok(())
}

/// What stands around and between the members of one container.
struct Body<'a> {
    style: &'a Style,
    margin: &'a str,
    closing: u8,
    empty: bool,
}

impl<'a> Body<'a> {
    fn open(out: &mut Vec<u8>, open: u8, closing: u8, style: &'a Style, margin: &'a str) -> Self {
        out.push(open);
        Self { style, margin, closing, empty: true }
    }

    /// Separates the next member from what is there; gives its margin.
    fn member(&mut self, out: &mut Vec<u8>) -> String {
        let first = std::mem::replace(&mut self.empty, false);
        let Some(lines) = &self.style.lines else {
            if !first {
                out.extend_from_slice(self.style.comma.as_bytes());
            }
            return String::new();
        };
        if !first {
            out.push(b',');
        }
        let inner = format!("{}{}", self.margin, lines.unit);
        out.extend_from_slice(lines.newline.as_bytes());
        out.extend_from_slice(inner.as_bytes());
        inner
    }

    fn close(self, out: &mut Vec<u8>) {
        if let (Some(lines), false) = (&self.style.lines, self.empty) {
            out.extend_from_slice(lines.newline.as_bytes());
            out.extend_from_slice(self.margin.as_bytes());
        }
        out.push(self.closing);
    }
}

/// Writes a scalar in its canonical spelling.
pub(super) fn scalar(out: &mut Vec<u8>, value: &Value) -> Result<(), Refusal> {
    written(out, value, false)
}

fn written(out: &mut Vec<u8>, value: &Value, whole_floats: bool) -> Result<(), Refusal> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(int) => out.extend_from_slice(int.to_string().as_bytes()),
        Value::Float(float) => out.extend_from_slice(number(*float, whole_floats)?.as_bytes()),
        Value::Time(time) => string(out, &time.to_string()),
        Value::Text(text) => {
            let text = text.expose_str().ok_or_else(|| Refusal::of("bytes that are not UTF-8"))?;
            string(out, text);
        }
    }
    Ok(())
}

/// ECMAScript's spelling, as the reference prints floats (format §7.2), apart from minus zero,
/// which has to read back as a float (format §2).
///
/// A float without fraction is written like an integer. Up to 3.13.1 every JSON number was sealed
/// as a float (format Q17), so it is the likelier spelling; an author's `5.0` is kept by its note.
fn number(float: f64, whole: bool) -> Result<String, Refusal> {
    if !float.is_finite() {
        return Err(Refusal::of("a number that is infinite or none"));
    }
    if float == 0.0 && float.is_sign_negative() {
        return Ok("-0.0".to_owned());
    }
    let size = float.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        let text = float.to_string();
        return Ok(if whole && !text.contains('.') { text + ".0" } else { text });
    }
    let text = format!("{float:e}");
    Ok(if size < 1.0 { text } else { text.replace('e', "e+") })
}

/// Writes a string with as few escapes as JSON allows; the reference also escapes `<`, `>`, `&`
/// and line separators for the sake of HTML, which people take for damage.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            0..=0x1F => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
