//! Tree to INI text where there is no original text to follow.

use super::{
    super::{
        EmitError, EmitOptions, Format, Output, flatten::flatten, layout::Refusal, text::text_of,
    },
    DEFAULT, SECTION, comment, value,
};
use crate::{
    crypto::SecretBytes,
    tree::{Comment, Entry, Mapping, Node, Step, Tree},
};

/// Writes the first document as the reference lays it out (format §7.5): a blank line between
/// sections, `=` aligned within a section, comments above what they belong to. Null is an empty
/// value.
///
/// # Errors
/// If there is anything but scalars in sections, if a key or value cannot be quoted so that it
/// reads back, or if a section is called `sops` where metadata is to be written.
pub fn emit(tree: &Tree, metadata: Option<&Mapping>, _: &EmitOptions) -> Result<Output, EmitError> {
    let empty = Mapping::default();
    let document = tree.documents.first().unwrap_or(&empty);
    if metadata.is_some() && document.get(SECTION).is_some() {
        return Err(EmitError::Reserved { key: SECTION.to_owned(), document: 1 });
    }
    write_document(document, metadata)
        .map(SecretBytes::from)
        .map_err(|refusal| refusal.into_error(Format::Ini))
}

fn write_document(document: &Mapping, metadata: Option<&Mapping>) -> Result<String, Refusal> {
    let mut sections = Vec::new();
    // Comments between sections come from other formats; they belong to what follows.
    let mut above = Vec::new();
    let mut first = true;
    for entry in &document.entries {
        match entry {
            Entry::Comment(comment) => above.extend(comment_lines(comment)?),
            Entry::Pair(pair) => {
                let below = |refusal: Refusal| refusal.below(Step::Key(pair.key.clone()));
                let Node::Map(mapping) = &pair.value else {
                    return Err(below(Refusal::of("a value outside of a section")));
                };
                let bare = first && pair.key == DEFAULT;
                first = false;
                let lines = section_lines(mapping, &pair.key, bare, &mut above).map_err(below)?;
                if !lines.is_empty() {
                    sections.push(lines.join("\n"));
                }
            }
        }
    }
    if !above.is_empty() {
        sections.push(above.join("\n"));
    }
    if let Some(metadata) = metadata {
        sections.push(metadata_section(metadata, "\n")?);
    }
    let mut text = sections.join("\n\n");
    if !text.is_empty() {
        text.push('\n');
    }
    Ok(text)
}

/// The lines of a section; `bare`: without its header.
fn section_lines(
    section: &Mapping,
    name: &str,
    bare: bool,
    above: &mut Vec<String>,
) -> Result<Vec<String>, Refusal> {
    let mut keys = Vec::new();
    let mut comments: Vec<(usize, Vec<String>)> = Vec::new();
    for entry in &section.entries {
        match entry {
            // Behind its key in the tree, above it in the text; the section's own comes first.
            Entry::Comment(comment) => comments.push((keys.len(), comment_lines(comment)?)),
            Entry::Pair(pair) => {
                let written = key_text(&pair.key).and_then(|key| {
                    let text = match &pair.value {
                        Node::Leaf(leaf) => text_of(&leaf.value),
                        Node::Map(_) => return Err(Refusal::of("a mapping")),
                        Node::List(_) => return Err(Refusal::of("a list")),
                    };
                    let value = value::write(scalar_text(&text)?, None, "", false)?;
                    Ok((key, value))
                });
                keys.push(written.map_err(|refusal| refusal.below(Step::Key(pair.key.clone())))?);
            }
        }
    }
    let mut lines = std::mem::take(above);
    let mut comments = comments.into_iter().peekable();
    while let Some((_, text)) = comments.next_if(|(keys, _)| *keys == 0) {
        lines.extend(text);
    }
    if !bare {
        lines.push(header(name)?);
    }
    let width = width_of(&keys);
    for (index, (key, value)) in keys.iter().enumerate() {
        while let Some((_, text)) = comments.next_if(|(keys, _)| *keys == index + 1) {
            lines.extend(text);
        }
        lines.push(format!("{key:<width$} = {value}"));
    }
    Ok(lines)
}

/// The metadata as a section, without a line break at its end.
pub(super) fn metadata_section(metadata: &Mapping, line_break: &str) -> Result<String, Refusal> {
    let mut keys = Vec::new();
    for (name, text) in flatten(metadata) {
        keys.push((key_text(&name)?, value::write(&text, None, "", false)?));
    }
    let width = width_of(&keys);
    let mut section = format!("[{SECTION}]");
    for (key, value) in keys {
        section.push_str(&format!("{line_break}{key:<width$} = {value}"));
    }
    Ok(section)
}

fn width_of(keys: &[(String, String)]) -> usize {
    keys.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0)
}

fn comment_lines(comment: &Comment) -> Result<Vec<String>, Refusal> {
    let text = scalar_text(&comment.text)?.trim_end();
    let mut lines = text.split('\n').map(str::trim_end);
    let first = format!("; {}", lines.next().unwrap_or_default().trim_start());
    Ok(std::iter::once(first.trim_end().to_owned())
        .chain(lines.map(comment::with_marker))
        .collect())
}

/// The line that begins a section.
pub(super) fn header(name: &str) -> Result<String, Refusal> {
    if name.is_empty() || name.contains('\n') || name.ends_with('\r') {
        return Err(Refusal::of("a section without name or with a line break in its name"));
    }
    Ok(format!("[{name}]"))
}

/// A key as it stands before the delimiter, in quotes where it needs them.
pub(super) fn key_text(key: &str) -> Result<String, Refusal> {
    let refused =
        || Refusal::of("a key that is empty, '-', or has blanks around it or quotes in it");
    if key.is_empty() || key == "-" || key.trim() != key || key.contains('\n') {
        return Err(refused());
    }
    if !key.contains(['"', '=', ':', '`']) && !key.starts_with([';', '#', '[']) {
        return Ok(key.to_owned());
    }
    match key.contains('`') {
        false => Ok(format!("`{key}`")),
        true if !key.contains('"') => Ok(format!("\"{key}\"")),
        true if !key.contains("\"\"\"") && !key.ends_with('"') => Ok(format!("\"\"\"{key}\"\"\"")),
        true => Err(refused()),
    }
}

pub(super) fn scalar_text(text: &SecretBytes) -> Result<&str, Refusal> {
    text.expose_str().ok_or_else(|| Refusal::of("bytes that are not UTF-8"))
}
