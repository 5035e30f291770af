//! An INI text and where its values and comments stand in it.
//!
//! The metadata is the last section, behind one blank line. A text without line break at its end
//! is sealed without one at its end, so that taking the metadata away gives the text as it was.

use std::ops::Range;

use super::{
    super::{
        EmitError, Format, Output,
        layout::{Edit, Layout, Lines, Refusal, Rewrite, Spot, each_spot, splice},
        text::text_of,
    },
    BOM, comment,
    emit::{key_text, metadata_section, scalar_text},
    place::{SectionPlace, Slot, ValuePlace},
    value,
};
use crate::{
    crypto::SecretBytes,
    tree::{Entry, Leaf, Mapping, Mark, Node, Path, Step, Tree, Value},
};

/// An INI text and where its values and comments stand in it.
#[derive(Debug)]
pub(super) struct IniLayout {
    source: SecretBytes,
    slots: Vec<Slot>,
    /// The sections of the tree, in its order.
    sections: Vec<SectionPlace>,
    /// Where the metadata stands: from its header to behind its last key's value.
    header: Option<Range<usize>>,
    lines: Lines,
}

impl Layout for IniLayout {
    fn spelling(&self, mark: Mark, value: &Value) -> Option<SecretBytes> {
        let Slot::Value(place) = self.slot(mark)? else {
            return None;
        };
        let raw = self.slice(&place.raw);
        let text = text_of(value);
        let canonical = self.fitted(place, &text, false).ok();
        (canonical.as_deref() != Some(raw)).then(|| raw.into())
    }

    fn rewrite(&self, tree: &Tree, how: Rewrite<'_>) -> Result<Output, EmitError> {
        let mut edits = Vec::new();
        let source = self.text();
        each_spot(tree, &mut |spot| self.write_spot(&mut edits, source, spot, how))
            .map_err(|refusal| refusal.into_error(Format::Ini))?;
        match how {
            Rewrite::Plain => edits.extend(self.without_section()),
            Rewrite::Sealed { metadata, .. } => edits.push(
                self.with_section(metadata).map_err(|refusal| refusal.into_error(Format::Ini))?,
            ),
        }
        Ok(splice(self.source.expose(), edits))
    }

    fn put(&self, tree: &Tree, path: &Path, value: &Node) -> Result<Output, EmitError> {
        let edits = match path.0.as_slice() {
            [Step::Key(section), ..] if section == super::SECTION => {
                return Err(EmitError::Reserved { key: section.clone(), document: 1 });
            }
            [Step::Key(section)] => self.put_section(tree, section, value),
            [Step::Key(section), Step::Key(key)] => self.put_key(tree, section, key, value),
            [Step::Key(_), Step::Key(_), Step::Key(_), ..] => Err(Refusal::of("a mapping")),
            [] => Err(Refusal::of("another document")),
            _ => Err(Refusal::of("a list")),
        };
        let edits = edits.map_err(|refusal| refused(refusal, path))?;
        Ok(splice(self.source.expose(), edits))
    }

    fn remove(&self, tree: &Tree, path: &Path) -> Result<Output, EmitError> {
        let range = match path.0.as_slice() {
            [Step::Key(section)] => self
                .section(tree, section)
                .map(|(place, _)| self.without_line_break_at_end(place.start..place.end)),
            [Step::Key(section), Step::Key(key)] => {
                self.section(tree, section).and_then(|(place, mapping)| {
                    let index = mapping.pairs().position(|pair| pair.key == *key)?;
                    Some(self.without_line_break_at_end(place.keys[index].lines.clone()))
                })
            }
            _ => None,
        };
        let range =
            range.ok_or_else(|| refused(Refusal::of("a removal of what is not there"), path))?;
        Ok(splice(self.source.expose(), vec![Edit::new(range, "")]))
    }

    fn line(&self, mark: Mark) -> Option<usize> {
        let at = match self.slot(mark)? {
            Slot::Value(place) => place.raw.start,
            Slot::Comment(pieces) => pieces.first()?.marker,
        };
        Some(self.lines.of(self.source.expose(), at))
    }
}

fn refused(refusal: Refusal, path: &Path) -> EmitError {
    path.0.iter().rev().cloned().fold(refusal, Refusal::below).into_error(Format::Ini)
}

impl IniLayout {
    pub(super) fn new(
        source: SecretBytes,
        slots: Vec<Slot>,
        sections: Vec<SectionPlace>,
        header: Option<Range<usize>>,
    ) -> Self {
        Self { source, slots, sections, header, lines: Lines::default() }
    }

    /// A part of the text.
    fn slice(&self, range: &Range<usize>) -> &str {
        std::str::from_utf8(&self.source.expose()[range.clone()]).unwrap_or_default()
    }

    /// The text; it was UTF-8 when it was read. Looks at all of it: not for every leaf.
    fn text(&self) -> &str {
        self.source.expose_str().unwrap_or_default()
    }

    fn slot(&self, mark: Mark) -> Option<&Slot> {
        self.slots.get(mark.number()?)
    }

    /// How a value is written into a place.
    fn fitted(
        &self,
        place: &ValuePlace,
        text: &SecretBytes,
        sealed: bool,
    ) -> Result<String, Refusal> {
        let behind = self.slice(&place.behind);
        value::write(scalar_text(text)?, Some(place.quote), behind, sealed)
    }

    fn write_spot(
        &self,
        edits: &mut Vec<Edit<'static>>,
        source: &str,
        spot: Spot<'_>,
        how: Rewrite<'_>,
    ) -> Result<(), Refusal> {
        let sealed = matches!(how, Rewrite::Sealed { .. });
        match spot {
            Spot::Leaf(leaf) if leaf.edited => {
                let Some(Slot::Value(place)) = self.slot(leaf.mark) else {
                    return Ok(());
                };
                let text = match &leaf.spelling {
                    Some(spelling) if !sealed => SecretBytes::clone(spelling),
                    _ => self.fitted(place, &text_of(&leaf.value), sealed)?.into(),
                };
                edits.push(Edit::new(place.raw.clone(), text));
            }
            Spot::Comment(comment) if comment.edited => {
                let Some(Slot::Comment(pieces)) = self.slot(comment.mark) else {
                    return Ok(());
                };
                let text = scalar_text(&comment.text)?;
                if sealed {
                    comment::seal(edits, source, pieces, text);
                } else {
                    comment::open(edits, source, pieces, text)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts the metadata in the place of the old, or at the end.
    fn with_section(&self, metadata: &Mapping) -> Result<Edit<'static>, Refusal> {
        let text = self.text();
        if let Some(header) = &self.header {
            let section = metadata_section(metadata, self.header_line_break(header))?;
            return Ok(Edit::new(header.clone(), section));
        }
        let line_break = self.line_break();
        let section = metadata_section(metadata, line_break)?;
        let section = if text.is_empty() || text == BOM {
            format!("{section}{line_break}")
        } else if text.ends_with('\n') {
            format!("{line_break}{section}{line_break}")
        } else {
            format!("{line_break}{line_break}{section}")
        };
        Ok(Edit::new(text.len()..text.len(), section))
    }

    /// Takes the metadata away, with the blank line before it; if no line break ends it, none ends
    /// the text without it.
    fn without_section(&self) -> Option<Edit<'static>> {
        let header = self.header.as_ref()?;
        let text = self.text();
        let line_break = self.header_line_break(header);
        let mut before = &text[..header.start];
        if let Some(rest) = before.strip_suffix(line_break)
            && rest.ends_with('\n')
        {
            before = rest;
        }
        let (end, next) = value::line_end(text, header.end);
        if next == end {
            before = before.strip_suffix(line_break).unwrap_or(before);
        }
        Some(Edit::new(before.len()..next, ""))
    }

    /// The line break that ends the header of the metadata: the one that it was written with.
    fn header_line_break(&self, header: &Range<usize>) -> &'static str {
        let (end, _) = value::line_end(self.text(), header.start);
        if self.text()[..end].ends_with('\r') { "\r\n" } else { "\n" }
    }

    /// The text's own line break: that of its first line.
    fn line_break(&self) -> &'static str {
        match self.text().find('\n') {
            Some(end) if self.text()[..end].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// The first section with this name.
    fn section<'t>(&self, tree: &'t Tree, name: &str) -> Option<(&SectionPlace, &'t Mapping)> {
        let pairs = tree.documents.first()?.pairs();
        pairs.zip(&self.sections).find_map(|(pair, place)| match &pair.value {
            Node::Map(mapping) if pair.key == name => Some((place, mapping)),
            _ => None,
        })
    }

    fn put_key(
        &self,
        tree: &Tree,
        section: &str,
        key: &str,
        value: &Node,
    ) -> Result<Vec<Edit<'static>>, Refusal> {
        let text = leaf_text(value)?;
        let Some((place, mapping)) = self.section(tree, section) else {
            let mut mapping = Mapping::default();
            mapping.push(key, value.clone());
            return self.put_section(tree, section, &Node::Map(mapping));
        };
        let found = mapping.entries.iter().find_map(|entry| match entry {
            Entry::Pair(pair) if pair.key == key => match &pair.value {
                Node::Leaf(leaf) => self.slot(leaf.mark),
                _ => None,
            },
            _ => None,
        });
        if let Some(Slot::Value(slot)) = found {
            return Ok(vec![Edit::new(slot.raw.clone(), self.fitted(slot, &text, false)?)]);
        }
        Ok(vec![self.insertion(place.end, vec![self.new_line(self.text(), place, key, &text)?])])
    }

    /// A section with other keys, or a new one behind the last.
    fn put_section(
        &self,
        tree: &Tree,
        name: &str,
        value: &Node,
    ) -> Result<Vec<Edit<'static>>, Refusal> {
        let Node::Map(mapping) = value else {
            return Err(Refusal::of("a value outside of a section"));
        };
        let found = self.section(tree, name).map(|(place, _)| place);
        let fresh = SectionPlace { start: 0, end: self.end_of_data(), keys: Vec::new() };
        let place = found.unwrap_or(&fresh);
        let source = self.text();
        let mut lines = Vec::new();
        if found.is_none() {
            if self.end_of_data() > 0 {
                lines.push(String::new());
            }
            lines.push(super::emit::header(name)?);
        }
        for pair in mapping.pairs() {
            let line = leaf_text(&pair.value)
                .and_then(|text| self.new_line(source, place, &pair.key, &text))
                .map_err(|refusal| refusal.below(Step::Key(pair.key.clone())))?;
            lines.push(line);
        }
        let mut edits: Vec<Edit<'static>> =
            place.keys.iter().map(|key| Edit::new(key.lines.clone(), "")).collect();
        if !lines.is_empty() {
            edits.push(self.insertion(place.end, lines));
        }
        Ok(edits)
    }

    /// Where the data's last key ends.
    fn end_of_data(&self) -> usize {
        self.sections.last().map_or(0, |section| section.end)
    }

    /// Whole lines at a place where a line begins or the text ends.
    fn insertion(&self, at: usize, lines: Vec<String>) -> Edit<'static> {
        let line_break = self.line_break();
        let text = self.text();
        let before = &text[..at];
        let mut new = lines.join(line_break);
        if before.is_empty() || before == BOM || before.ends_with('\n') {
            new.push_str(line_break);
        } else {
            new.insert_str(0, line_break);
        }
        // A backslash at the end of the text would draw the first line into its value.
        let last = before.strip_suffix('\n').unwrap_or(before).trim_end_matches([' ', '\t', '\r']);
        if last.ends_with('\\') {
            new.insert_str(0, line_break);
        }
        Edit::new(at..at, new)
    }

    /// A line for a new key, spaced like the last key of its section or of the text.
    fn new_line(
        &self,
        source: &str,
        section: &SectionPlace,
        key: &str,
        text: &SecretBytes,
    ) -> Result<String, Refusal> {
        let key = key_text(key)?;
        let value = value::write(scalar_text(text)?, None, "", false)?;
        let last = section.keys.last();
        let last = last.or_else(|| self.sections.iter().rev().find_map(|s| s.keys.last()));
        let Some(last) = last else {
            return Ok(format!("{key} = {value}"));
        };
        let indent = &source[last.lines.start..last.key.start];
        let behind = &source[last.key.end..last.lines.end];
        let before = behind.find(['=', ':']).unwrap_or(0);
        let delimiter = behind[before..].chars().next().unwrap_or('=');
        let after =
            behind[before..].chars().skip(1).take_while(|c| matches!(c, ' ' | '\t')).count();
        let after = if after == 0 { "" } else { " " };
        // More than one blank: the keys are aligned.
        let width = match before {
            0 => 0,
            1 => key.chars().count() + 1,
            _ => {
                let last_key = source[last.key.clone()].chars().count();
                (last_key + before).max(key.chars().count() + 1)
            }
        };
        Ok(format!("{indent}{key:<width$}{delimiter}{after}{value}"))
    }

    /// Whole lines; if they end the text without line break, the one before them goes with them.
    fn without_line_break_at_end(&self, lines: Range<usize>) -> Range<usize> {
        let text = self.text();
        if lines.end < text.len() || text.ends_with('\n') {
            return lines;
        }
        let before = &text[..lines.start];
        let before = before.strip_suffix('\n').unwrap_or(before);
        before.strip_suffix('\r').unwrap_or(before).len()..lines.end
    }
}

fn leaf_text(value: &Node) -> Result<SecretBytes, Refusal> {
    match value {
        Node::Leaf(Leaf { value, .. }) => Ok(text_of(value)),
        Node::Map(_) => Err(Refusal::of("a mapping")),
        Node::List(_) => Err(Refusal::of("a list")),
    }
}
