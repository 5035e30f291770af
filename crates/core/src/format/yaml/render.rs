//! A value as text, in the style that stands in the document.

use super::{
    model::{BlockScalar, Chomp, Shape, Site, Slot},
    scalar,
};
use crate::tree::Value;

/// What a scalar's place allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Inside `[…]` or `{…}`.
    pub(super) flow: bool,
    /// Blanks before each line of a literal block that begins here.
    pub(super) indent: usize,
    pub(super) line_break: &'static str,
}

impl Room {
    /// The room at a slot.
    pub(super) fn at(site: &Site, slot: &Slot) -> Self {
        Self {
            flow: slot.flow,
            indent: usize::from(slot.column) + site.step.unwrap_or(4).clamp(2, 9),
            line_break: site.line_break,
        }
    }
}

/// The shape that is left behind in the sealed text: in flow style a token cannot stand bare,
/// and single quotes are what tells a bare scalar from a quoted one.
pub(super) fn sealed_shape(slot: &Slot) -> Shape {
    match slot.shape {
        Shape::Plain | Shape::Absent if slot.flow => Shape::Single,
        shape => shape,
    }
}

/// A token in the shape of its slot; block scalars are handled apart.
pub(super) fn sealed(slot: &Slot, token: &str) -> String {
    match sealed_shape(slot) {
        Shape::Single => format!("'{token}'"),
        Shape::Double => format!("\"{token}\""),
        _ => token.to_owned(),
    }
}

/// A value in a shape other than a block scalar, as decrypting writes it.
pub(super) fn plain(shape: Shape, room: Room, value: &Value) -> String {
    let Value::Text(bytes) = value else {
        return scalar::bare(value).unwrap_or_default();
    };
    let Some(text) = bytes.expose_str() else {
        return binary(bytes.expose());
    };
    match shape {
        Shape::Double => double(text),
        Shape::Single if !room.flow && fits_single(text) => single(text),
        Shape::Single if !room.flow => double(text),
        _ => free(text, room),
    }
}

/// Text whose style nothing prescribes: bare where it is safe, a literal block for several
/// lines, quotes else.
pub(super) fn free(text: &str, room: Room) -> String {
    if scalar::may_stand_bare(text, room.flow) {
        return text.to_owned();
    }
    if !room.flow
        && let Some(block) = new_literal(text, room)
    {
        return block;
    }
    if fits_single(text) && !text.is_empty() && !scalar::looks_like_other_type(text) {
        return single(text);
    }
    double(text)
}

fn binary(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("!!binary {}", STANDARD.encode(bytes))
}

fn fits_single(text: &str) -> bool {
    text.chars().all(|c| scalar::is_printable(c) && c != '\t')
}

fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Double quotes, with no more escapes than needed.
pub(super) fn double(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            c if scalar::is_printable(c) => out.push(c),
            c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02X}", c as u32)),
            c if (c as u32) < 0x1_0000 => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push_str(&format!("\\U{:08X}", c as u32)),
        }
    }
    out.push('"');
    out
}

/// A literal block with its header, for a place that had none. Text that some readers get wrong
/// in this style (blanks or a tab at the begin of a line, format §9a W1 and W2) stays out.
fn new_literal(text: &str, room: Room) -> Option<String> {
    let body = text.trim_end_matches('\n');
    let trailing = text.len() - body.len();
    if body.is_empty() || !text.contains('\n') {
        return None;
    }
    let odd = |line: &str| {
        line.starts_with([' ', '\t']) && (body.starts_with(line) || line.starts_with('\t'))
    };
    if text.split('\n').any(odd) || !printable_lines(text) || body.starts_with('\n') {
        return None;
    }
    let header = match trailing {
        0 => "|-",
        1 => "|",
        _ => "|+",
    };
    // The line break at the end is that of the scalar's own last line.
    let lines = indented(text.strip_suffix('\n').unwrap_or(text), room.indent, room.line_break);
    Some(format!("{header}{}{lines}", room.line_break))
}

fn printable_lines(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || scalar::is_printable(c))
}

fn indented(text: &str, indent: usize, line_break: &str) -> String {
    let blanks = " ".repeat(indent);
    let mut out = String::with_capacity(text.len() + indent);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push_str(line_break);
        }
        if !line.is_empty() {
            out.push_str(&blanks);
            out.push_str(line);
        }
    }
    out
}

/// The content of a block scalar as its header wants it, or `None` when the header cannot carry
/// the text.
pub(super) fn block_content(block: &BlockScalar, text: &str, line_break: &str) -> Option<String> {
    let indent = block.indent.max(1);
    let body = match block.chomp {
        _ if block.open_ended => (!text.ends_with('\n')).then_some(text)?,
        Chomp::Strip => (!text.ends_with('\n')).then_some(text)?,
        Chomp::Clip => text.strip_suffix('\n').filter(|body| !body.ends_with('\n'))?,
        Chomp::Keep => text.strip_suffix('\n')?,
    };
    if body.is_empty() || body.starts_with('\n') && body.trim_matches('\n').is_empty() {
        return None;
    }
    let first = body.trim_start_matches('\n');
    // Blanks at the begin of the first line would be taken for indentation.
    if !block.explicit && first.starts_with(' ') || !printable_lines(text) {
        return None;
    }
    let content = if block.folded { fold(body)? } else { body.to_owned() };
    let mut out = indented(&content, indent, line_break);
    if !block.open_ended {
        out.push_str(line_break);
    }
    Some(out)
}

/// The source of a folded scalar that gives `body`: one line per line of text. `None` for text
/// with lines that begin with blanks, where folding follows rules of its own.
fn fold(body: &str) -> Option<String> {
    if body.split('\n').any(|line| line.starts_with([' ', '\t'])) {
        return None;
    }
    let mut out = String::with_capacity(body.len());
    let mut seen_text = false;
    for (number, line) in body.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        if !line.is_empty() {
            // One line break more than the text has: a single one would be read as a blank.
            if seen_text {
                out.push('\n');
            }
            seen_text = true;
            out.push_str(line);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { flow: false, indent: 4, line_break: "\n" };

    #[test]
    fn text_is_bare_quoted_or_a_literal_block() {
        for (text, written) in [
            ("plain", "plain"),
            ("yes", "\"yes\""),
            ("12", "\"12\""),
            ("a: b", "'a: b'"),
            ("it's #1 x #y", "'it''s #1 x #y'"),
            ("a\nb\n", "|\n    a\n    b"),
            ("a\n\nb", "|-\n    a\n\n    b"),
            ("a\n\n", "|+\n    a\n"),
            ("\tx\ny", "\"\\tx\\ny\""),
            ("", "\"\""),
            ("\u{7}", "\"\\x07\""),
        ] {
            assert_eq!(free(text, ROOM), written);
        }
    }

    #[test]
    fn folding_adds_the_breaks_it_takes_away() {
        assert_eq!(fold("a\nb").as_deref(), Some("a\n\nb"));
        assert_eq!(fold("a\n\nb").as_deref(), Some("a\n\n\nb"));
        assert_eq!(fold("a").as_deref(), Some("a"));
        assert_eq!(fold("a\n b"), None);
    }
}
