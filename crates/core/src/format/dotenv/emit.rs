//! Tree to dotenv text, and how a value stands on its line.

use super::{
    super::{
        EmitError, EmitOptions, Format, Output, flatten::flatten, layout::Refusal, text::text_of,
    },
    PREFIX,
};
use crate::{
    crypto::SecretBytes,
    tree::{Comment, Entry, Mapping, Node, Step, Tree},
};

/// Writes the first document, a line per key (format §7.4). Null is an empty value.
///
/// # Errors
/// If a value is a list or a mapping, if a key cannot stand on a line, or if a key begins with
/// `sops_` where metadata is to be written.
pub fn emit(tree: &Tree, metadata: Option<&Mapping>, _: &EmitOptions) -> Result<Output, EmitError> {
    let mut out = Vec::new();
    for entry in tree.documents.iter().take(1).flat_map(|document| &document.entries) {
        match entry {
            Entry::Comment(comment) => {
                out.push(b'#');
                out.extend_from_slice(comment_text(comment).expose());
            }
            Entry::Pair(pair) => {
                if metadata.is_some() {
                    check_reserved(&pair.key)?;
                }
                let value = check_key(&pair.key)
                    .and_then(|()| value_text(&pair.value))
                    .map_err(|refusal| refused(refusal, &pair.key))?;
                out.extend_from_slice(pair.key.as_bytes());
                out.push(b'=');
                out.extend_from_slice(value.expose());
            }
        }
        out.push(b'\n');
    }
    if let Some(metadata) = metadata {
        out.extend_from_slice(metadata_lines(metadata).as_bytes());
        out.push(b'\n');
    }
    Ok(SecretBytes::new(out))
}

pub(super) fn refused(refusal: Refusal, key: &str) -> EmitError {
    refusal.below(Step::Key(key.to_owned())).into_error(Format::Dotenv)
}

/// The metadata, one field per line, without a line break at the end.
pub(super) fn metadata_lines(metadata: &Mapping) -> String {
    let lines: Vec<_> = flatten(metadata)
        .into_iter()
        .map(|(name, value)| format!("{PREFIX}{name}={value}"))
        .collect();
    lines.join("\n")
}

/// Refuses a key that would be read as metadata.
pub(super) fn check_reserved(key: &str) -> Result<(), EmitError> {
    if key.starts_with(PREFIX) {
        return Err(EmitError::Reserved { key: key.to_owned(), document: 1 });
    }
    Ok(())
}

/// Refuses a key that would be read as something else.
pub(super) fn check_key(key: &str) -> Result<(), Refusal> {
    if key.contains(['=', '\n']) || key.starts_with('#') || key.starts_with("\u{feff}#") {
        return Err(Refusal::of("a key with '=' or a line break in it, or with '#' before it"));
    }
    Ok(())
}

/// A value as it stands behind the `=`.
pub(super) fn value_text(value: &Node) -> Result<SecretBytes, Refusal> {
    match value {
        Node::Map(_) => Err(Refusal::of("a mapping")),
        Node::List(_) => Err(Refusal::of("a list")),
        Node::Leaf(leaf) => Ok(replace_line_breaks(&text_of(&leaf.value), b"\\n")),
    }
}

/// A comment as it stands behind the `#`. Comments of other formats may have several lines.
pub(super) fn comment_text(comment: &Comment) -> SecretBytes {
    replace_line_breaks(&comment.text, b"\n#")
}

fn replace_line_breaks(text: &SecretBytes, by: &[u8]) -> SecretBytes {
    let breaks = text.expose().iter().filter(|byte| **byte == b'\n').count();
    let mut out = Vec::with_capacity(text.len() + breaks * by.len());
    for byte in text.expose() {
        match byte {
            b'\n' => out.extend_from_slice(by),
            byte => out.push(*byte),
        }
    }
    SecretBytes::new(out)
}
