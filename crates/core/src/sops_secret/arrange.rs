//! A plain `SopsSecret` brought into canonical order.

use super::{canonical, templates_path};
use crate::{
    crypto::SecretBytes,
    document::PlainDocument,
    format::{self, EmitError, Output},
    pipeline::{self, same_documents},
    tree::{Comment, Entry, Item, Mapping, Node, Tree},
};

/// Why a document could not be put in order.
#[derive(Debug, thiserror::Error)]
pub enum ArrangeError {
    /// It has no templates.
    #[error("there is no list spec.secretTemplates")]
    NoTemplates,
    /// It has more than one document, and one MAC over all of them.
    #[error("the file has {0} documents, and a cluster gets each of them for itself")]
    SeveralDocuments(usize),
    /// The format cannot hold it in order.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// Anchors, aliases or comments stand in the way.
    #[error("the layout of spec.secretTemplates does not allow its keys to be put in order")]
    Layout,
}

/// Puts the keys below `spec.secretTemplates` into the order of their bytes. What is in order
/// keeps its text, byte for byte. Else entries move with their lines and the comments above them;
/// where the text does not allow that, the templates are laid out afresh, comments kept.
///
/// `None` when everything is in order.
///
/// # Errors
/// If there is not one document with templates, or its layout does not allow it.
pub fn arrange(document: &PlainDocument) -> Result<Option<PlainDocument>, ArrangeError> {
    let [root] = document.tree.documents.as_slice() else {
        return Err(ArrangeError::SeveralDocuments(document.tree.documents.len()));
    };
    let path = templates_path();
    if super::templates(root).is_none() {
        return Err(ArrangeError::NoTemplates);
    }
    if canonical::order(root).is_none() {
        return Ok(None);
    }
    let expected = sorted(&document.tree);
    let lines = document.layout.sort_keys(&document.tree, &path);
    if let Some(arranged) = lines.and_then(|text| read(document, text, &expected)) {
        return Ok(Some(arranged));
    }
    let Some(templates) = pipeline::get(&expected, 0, &path) else {
        return Err(ArrangeError::NoTemplates);
    };
    let text = document.layout.put(&document.tree, &path, templates)?;
    read(document, text, &expected).map(Some).ok_or(ArrangeError::Layout)
}

/// The new text, provided that it says what it should, and that no comment is lost.
fn read(document: &PlainDocument, text: Output, expected: &Tree) -> Option<PlainDocument> {
    let format = document.format;
    let parsed = format::parse(format, text).ok()?;
    let arranged = PlainDocument { format, tree: parsed.tree, layout: parsed.layout };
    (same_documents(&arranged.tree, expected) && comments(&arranged.tree) == comments(expected))
        .then_some(arranged)
}

fn sorted(tree: &Tree) -> Tree {
    let mut sorted = tree.clone();
    for entry in sorted.documents.iter_mut().flat_map(|document| &mut document.entries) {
        let Entry::Pair(spec) = entry else { continue };
        let Node::Map(mapping) = &mut spec.value else { continue };
        for entry in &mut mapping.entries {
            if let (super::SPEC, Entry::Pair(pair)) = (spec.key.as_str(), entry)
                && pair.key == super::TEMPLATES
            {
                canonical::sort(&mut pair.value);
            }
        }
    }
    sorted
}

/// The texts of all comments, in an order of their own.
fn comments(tree: &Tree) -> Vec<SecretBytes> {
    fn of_comment(comment: &Comment, found: &mut Vec<SecretBytes>) {
        found.push(comment.text.clone());
    }
    fn of_mapping(mapping: &Mapping, found: &mut Vec<SecretBytes>) {
        mapping.entries.iter().for_each(|entry| match entry {
            Entry::Comment(comment) => of_comment(comment, found),
            Entry::Pair(pair) => of_node(&pair.value, found),
        });
    }
    fn of_node(node: &Node, found: &mut Vec<SecretBytes>) {
        match node {
            Node::Leaf(_) => {}
            Node::Map(mapping) => of_mapping(mapping, found),
            Node::List(list) => list.items.iter().for_each(|item| match item {
                Item::Comment(comment) => of_comment(comment, found),
                Item::Value(node) => of_node(node, found),
            }),
        }
    }
    let mut found = Vec::new();
    tree.documents.iter().for_each(|document| of_mapping(document, &mut found));
    found.sort();
    found
}
