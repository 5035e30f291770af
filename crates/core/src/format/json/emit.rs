//! Tree to JSON text where there is no original text to follow.

use super::{
    super::{EmitError, EmitOptions, Format, Output},
    write::{self, Style},
};
use crate::{
    crypto::SecretBytes,
    tree::{Mapping, Node, Tree},
};

/// Writes the first document as the reference lays it out (format §7.2): a member per line, a tab
/// per level, a line break at the end. Comments are dropped. `metadata` is the last member.
///
/// # Errors
/// If a value is infinite or no number, if text is not UTF-8, or if a top-level key is called
/// `sops` where metadata is to be written.
pub fn emit(
    tree: &Tree,
    metadata: Option<&Mapping>,
    options: &EmitOptions,
) -> Result<Output, EmitError> {
    let empty = Mapping::default();
    let document = tree.documents.first().unwrap_or(&empty);
    let mut section = Mapping::default();
    if let Some(metadata) = metadata {
        if document.get("sops").is_some() {
            return Err(EmitError::Reserved { key: "sops".to_owned(), document: 1 });
        }
        section.push("sops", metadata.clone());
    }
    let mut out = Vec::new();
    let style = Style::lined("\n", write::unit(options.indent));
    write::mapping(&mut out, &[document, &section], &style, "")
        .map_err(|refusal| refusal.into_error(Format::Json))?;
    out.push(b'\n');
    Ok(SecretBytes::new(out))
}

/// Writes one node, as `--extract` prints it (format §7.2): a mapping ends with a line break, a
/// list and a scalar do not.
///
/// # Errors
/// If a value is infinite or no number, or if text is not UTF-8.
pub fn emit_node(node: &Node, options: &EmitOptions) -> Result<Output, EmitError> {
    let mut out = Vec::new();
    let style = Style::lined("\n", write::unit(options.indent));
    write::node(&mut out, node, &style, "").map_err(|refusal| refusal.into_error(Format::Json))?;
    if matches!(node, Node::Map(_)) {
        out.push(b'\n');
    }
    Ok(SecretBytes::new(out))
}
