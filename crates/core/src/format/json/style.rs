//! How the members of a container are laid out, so that a new one looks like its neighbours.

use super::{
    scan::{Member, members},
    write::{Lined, Style},
};

/// A container's layout, seen from one of its members.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// How its members are written.
    pub(super) style: Style,
    /// What stands before a member on its line.
    pub(super) margin: String,
}

impl Surroundings {
    /// What surrounds the member `index` of the container that opens at `open` and closes at
    /// `close`, in the document that opens at `root`.
    pub(super) fn of(
        source: &[u8],
        root: usize,
        open: usize,
        siblings: &[Member],
        close: usize,
        index: usize,
    ) -> Self {
        let Some(member) = siblings.get(index) else {
            return Self::of_empty(source, root, open, close);
        };
        let gap_start = match index.checked_sub(1) {
            // Behind the comma; blanks before it are rare and belong to nobody.
            Some(before) => comma_after(source, siblings[before].value.end) + 1,
            None => open + 1,
        };
        let gap = &source[gap_start..member.key.start];
        let colon = colon_of(source, siblings);
        let Some(margin) = line_start(gap) else {
            let spaced = if siblings.len() > 1 {
                let end = siblings[0].value.end;
                source.get(comma_after(source, end) + 1) == Some(&b' ')
            } else {
                colon != ":"
            };
            let comma = if spaced { ", " } else { "," };
            let margin = String::new();
            return Self { style: Style { lines: None, colon, comma, whole_floats: true }, margin };
        };
        let newline = if gap.contains(&b'\r') { "\r\n" } else { "\n" };
        let unit = if open == root { margin.clone() } else { unit_of(source, root) };
        let style =
            Style { lines: Some(Lined { newline, unit }), colon, comma: ", ", whole_floats: true };
        Self { style, margin }
    }

    fn of_empty(source: &[u8], root: usize, open: usize, close: usize) -> Self {
        let (top, end) = if open == root { (Vec::new(), close) } else { members(source, root) };
        let Some(last) = top.len().checked_sub(1) else {
            let style = Style { whole_floats: true, ..Style::lined(newline_of(source), "\t") };
            return Self { style, margin: "\t".to_owned() };
        };
        let mut outer = Self::of(source, root, root, &top, end, last);
        if let Some(lines) = &outer.style.lines {
            outer.margin = indentation(source, open) + &lines.unit;
        }
        outer
    }

    /// How the mapping that is this member's value is laid out, where it has members.
    pub(super) fn style_of_value(&self, source: &[u8], root: usize, member: &Member) -> Style {
        let open = member.value.start;
        if source[open] != b'{' {
            return self.style.clone();
        }
        let (inner, close) = members(source, open);
        let Some(last) = inner.len().checked_sub(1) else {
            return self.style.clone();
        };
        let mut within = Self::of(source, root, open, &inner, close, last);
        if let Some(lines) = &mut within.style.lines
            && let Some(unit) = within.margin.strip_prefix(self.margin.as_str())
        {
            lines.unit = unit.to_owned();
        }
        within.style
    }

    /// What stands between a member and the next one.
    pub(super) fn separator(&self) -> String {
        match &self.style.lines {
            Some(lines) => format!(",{}{}", lines.newline, self.margin),
            None => self.style.comma.to_owned(),
        }
    }

    /// What stands between the opening bracket and the first member, and between the last one and
    /// the closing bracket, of a container that was empty.
    pub(super) fn opened(&self) -> (String, String) {
        match &self.style.lines {
            None => (String::new(), String::new()),
            Some(lines) => {
                let outer = self.margin.strip_suffix(lines.unit.as_str()).unwrap_or("");
                (format!("{}{}", lines.newline, self.margin), format!("{}{outer}", lines.newline))
            }
        }
    }
}

/// The file's own line break: that of its first line.
pub(super) fn newline_of(source: &[u8]) -> &'static str {
    match source.iter().position(|byte| *byte == b'\n') {
        Some(at) if at > 0 && source[at - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}

/// The blanks of one level: those before the top-level members.
fn unit_of(source: &[u8], root: usize) -> String {
    let (top, _) = members(source, root);
    top.last().map_or_else(|| "\t".to_owned(), |last| indentation(source, last.key.start))
}

/// The blanks at the start of the line on which `at` stands.
fn indentation(source: &[u8], at: usize) -> String {
    let start = source[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let blanks = source[start..at].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    String::from_utf8_lossy(&source[start..start + blanks]).into_owned()
}

/// What follows the last line break of a gap, if it has one.
fn line_start(gap: &[u8]) -> Option<String> {
    let at = gap.iter().rposition(|byte| *byte == b'\n')?;
    Some(String::from_utf8_lossy(&gap[at + 1..]).into_owned())
}

fn comma_after(source: &[u8], end: usize) -> usize {
    source[end..].iter().position(|byte| *byte == b',').map_or(end, |distance| end + distance)
}

fn colon_of(source: &[u8], siblings: &[Member]) -> &'static str {
    let Some(member) = siblings.iter().rev().find(|member| !member.key.is_empty()) else {
        return ": ";
    };
    match &source[member.key.end..member.value.start] {
        b":" => ":",
        b" : " => " : ",
        b" :" => " :",
        _ => ": ",
    }
}
