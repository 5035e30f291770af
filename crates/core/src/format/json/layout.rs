//! A JSON text and where its leaves stand in it.
//!
//! A sealed leaf is a string in the place of its value, so the style left behind carries nothing:
//! numbers, words and strings come back canonical, or as their note spells them. The metadata is
//! the last member, on a line of its own if the member before it is, and what stands around it
//! tells how the text ended without it (see [`JsonLayout::without_section`]).

use std::ops::Range;

use super::{
    super::{
        EmitError, Format, Output,
        layout::{Edit, Layout, Lines, Refusal, Rewrite, Spot, each_spot, splice},
    },
    change,
    parse::BOM,
    scan::{Member, members, unescape},
    style::{Surroundings, newline_of},
    write::{self, Style},
};
use crate::{
    crypto::SecretBytes,
    tree::{Leaf, Mapping, Mark, Node, Path, Tree, Value},
};

/// A JSON text and where its leaves stand in it.
#[derive(Debug)]
pub(super) struct JsonLayout {
    pub(super) source: SecretBytes,
    slots: Vec<Range<usize>>,
    /// Where the document opens.
    pub(super) open: usize,
    lines: Lines,
}

impl Layout for JsonLayout {
    fn is_simple(&self) -> bool {
        // Every value is a token of its own; only a byte-order mark is moved on sealing.
        !self.source.expose().starts_with("\u{FEFF}".as_bytes())
    }

    fn spelling(&self, mark: Mark, value: &Value) -> Option<SecretBytes> {
        let raw = &self.source.expose()[self.slot(mark)?];
        let mut canonical = Vec::with_capacity(raw.len() + 2);
        let same = write::scalar(&mut canonical, value).is_ok() && canonical == raw;
        // The bytes are plaintext; the wrapper wipes them.
        drop(SecretBytes::new(canonical));
        (!same).then(|| raw.into())
    }

    fn rewrite(&self, tree: &Tree, how: Rewrite<'_>) -> Result<Output, EmitError> {
        let mut edits = Vec::new();
        each_spot(tree, &mut |spot| {
            if let Spot::Leaf(leaf) = spot
                && leaf.edited
                && let Some(slot) = self.slot(leaf.mark)
            {
                edits.push(Edit::new(slot, fresh(leaf, how)?));
            }
            Ok(())
        })
        .map_err(|refusal| refusal.into_error(Format::Json))?;
        self.move_section(&mut edits, how).map_err(|refusal| refusal.into_error(Format::Json))?;
        Ok(splice(self.source.expose(), edits))
    }

    fn put(&self, _: &Tree, path: &Path, value: &Node) -> Result<Output, EmitError> {
        change::put(self, path, value)
    }

    fn remove(&self, _: &Tree, path: &Path) -> Result<Output, EmitError> {
        change::remove(self, path)
    }

    fn line(&self, mark: Mark) -> Option<usize> {
        self.slot(mark).map(|slot| self.lines.of(self.source.expose(), slot.start))
    }
}

/// What comes into the place of an edited leaf.
fn fresh(leaf: &Leaf, how: Rewrite<'_>) -> Result<SecretBytes, Refusal> {
    if let (Rewrite::Plain, Some(spelling)) = (how, &leaf.spelling) {
        return Ok(SecretBytes::clone(spelling));
    }
    let mut text = Vec::new();
    write::scalar(&mut text, &leaf.value)?;
    Ok(SecretBytes::new(text))
}

impl JsonLayout {
    pub(super) fn new(source: SecretBytes, slots: Vec<Range<usize>>, open: usize) -> Self {
        Self { source, slots, open, lines: Lines::default() }
    }

    fn slot(&self, mark: Mark) -> Option<Range<usize>> {
        self.slots.get(mark.number()?).cloned()
    }

    /// Puts the metadata in or takes it away.
    fn move_section(
        &self,
        edits: &mut Vec<Edit<'static>>,
        how: Rewrite<'_>,
    ) -> Result<(), Refusal> {
        let source = self.source.expose();
        let (members, close) = members(source, self.open);
        let found = members.iter().position(|member| key_is(source, member, "sops"));
        match (how, found) {
            (Rewrite::Plain, None) => {}
            (Rewrite::Plain, Some(index)) => self.without_section(edits, &members, index, close),
            (Rewrite::Sealed { metadata, indent }, Some(index)) => {
                let around = Surroundings::of(source, self.open, self.open, &members, close, index);
                let style =
                    with_indent(around.style_of_value(source, self.open, &members[index]), indent);
                let text = section(metadata, &style, &around.margin)?;
                edits.push(Edit::new(members[index].value.clone(), text));
            }
            (Rewrite::Sealed { metadata, indent }, None) => {
                self.with_section(edits, &members, close, metadata, indent)?;
            }
        }
        Ok(())
    }

    /// Adds the metadata as last member.
    ///
    /// The reference refuses a byte order mark, so a sealed text has none; a tab before the colon
    /// of `sops` remembers it.
    fn with_section(
        &self,
        edits: &mut Vec<Edit<'static>>,
        members: &[Member],
        close: usize,
        metadata: &Mapping,
        indent: Option<u8>,
    ) -> Result<(), Refusal> {
        let source = self.source.expose();
        let marked = source.starts_with(BOM);
        if marked {
            edits.push(Edit::new(0..BOM.len(), ""));
        }
        let key = if marked { "\"sops\"\t" } else { "\"sops\"" };
        let member = |lead: &str, style: &Style, margin: &str, tail: &str| {
            let value = section(metadata, style, margin)?;
            Ok(format!("{lead}{key}{}{value}{tail}", style.colon))
        };
        if let Some(last) = members.len().checked_sub(1) {
            let around = Surroundings::of(source, self.open, self.open, members, close, last);
            let style = with_indent(around.style.clone(), indent);
            let end = members[last].value.end;
            let text = member(&around.separator(), &style, &around.margin, "")?;
            edits.push(Edit::new(end..end, text));
            return Ok(());
        }
        let inside = self.open + 1..close;
        let blanks = String::from_utf8_lossy(&source[inside.clone()]).into_owned();
        let newline = newline_of(source);
        let unit = write::unit(indent);
        let style = Style::lined(newline, unit.clone());
        // Blanks that stand on both sides of the only member are the author's.
        let text = if blanks.is_empty() {
            let lead = format!("{newline}{unit}");
            let tail = if lead == newline { "" } else { newline };
            member(&lead, &style, &unit, tail)?
        } else {
            let margin = blanks.rsplit_once('\n').map_or("", |(_, margin)| margin);
            member(&blanks, &style, margin, "")?
        };
        edits.push(Edit::new(inside.start..inside.start, text));
        Ok(())
    }

    /// Takes the metadata away, with the comma that it needed.
    fn without_section(
        &self,
        edits: &mut Vec<Edit<'static>>,
        members: &[Member],
        index: usize,
        close: usize,
    ) {
        let source = self.source.expose();
        let section = &members[index];
        if source[section.key.end] == b'\t' && !source.starts_with(BOM) {
            edits.push(Edit::new(0..0, BOM));
        }
        let range = match members {
            [_] => {
                let before = &source[self.open + 1..section.key.start];
                let after = &source[section.value.end..close];
                let end = if before == after { section.value.end } else { close };
                self.open + 1..end
            }
            _ => member_with_comma(members, index),
        };
        edits.push(Edit::new(range, ""));
    }
}

/// The span that leaves its container well-formed when it goes; the member is not the only one.
pub(super) fn member_with_comma(members: &[Member], index: usize) -> Range<usize> {
    match index.checked_sub(1) {
        Some(before) => members[before].value.end..members[index].value.end,
        None => members[index].key.start..members[index + 1].key.start,
    }
}

/// Whether a member's key is `name`, however it is escaped.
pub(super) fn key_is(source: &[u8], member: &Member, name: &str) -> bool {
    let raw = &source[member.key.start + 1..member.key.end - 1];
    if raw.contains(&b'\\') {
        unescape(raw).is_some_and(|key| key == name.as_bytes())
    } else {
        raw == name.as_bytes()
    }
}

fn with_indent(mut style: Style, indent: Option<u8>) -> Style {
    if let (Some(lines), Some(_)) = (&mut style.lines, indent) {
        lines.unit = write::unit(indent);
    }
    style
}

fn section(metadata: &Mapping, style: &Style, margin: &str) -> Result<String, Refusal> {
    let mut out = Vec::new();
    write::mapping(&mut out, &[metadata], style, margin)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}
