//! YAML: spans of a text replaced, the rest of it untouched.
//!
//! | file | job |
//! |---|---|
//! | `parse.rs` | text → tree and places |
//! | `build.rs` | events → containers, by number |
//! | `finish.rs` | containers → tree, without the metadata |
//! | `lines.rs` | the common part of the language, read line by line |
//! | `model.rs` | what is known of the places |
//! | `block.rs` | block scalars' headers and contents, dashes |
//! | `comments.rs` | which container a comment belongs to |
//! | `assemble.rs` | the tree, once comments have found their containers |
//! | `typed.rs` | the value of a scalar by style and tag |
//! | `scalar.rs` | what a bare scalar means, and when text may stand bare |
//! | `render.rs` | a value in the style of its place |
//! | `rewrite.rs` | edited leaves and metadata back into the text |
//! | `amend.rs` | an entry put in or taken out, aliases expanded |
//! | `reorder.rs` | keys put in order, by moving lines |
//! | `emit.rs` | a tree without a layout |

mod aliases;
mod amend;
mod assemble;
mod block;
mod build;
mod comments;
mod emit;
mod finish;
mod lines;
mod model;
mod parse;
#[cfg(test)]
mod readers_agree;
mod render;
mod reorder;
mod rewrite;
mod scalar;
mod typed;

use zeroize::Zeroizing;

use super::{
    EmitError, EmitOptions, Expanded, Layout, Output, ParseError, Parsed, Problem, Rewrite,
    layout::line_and_column,
};
use crate::{
    crypto::SecretBytes,
    tree::{Mapping, Mark, Node, Path, Tree, Value},
};

/// Reads YAML. An empty text gives a tree without documents.
///
/// # Errors
/// If it is not YAML, or holds what SOPS cannot seal (format §7.1).
pub fn parse(mut source: SecretBytes) -> Result<Parsed, ParseError> {
    let source = match String::from_utf8(std::mem::take(source.expose_mut())) {
        Ok(text) => Zeroizing::new(text),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = SecretBytes::new(error.into_bytes());
            let (line, column) = line_and_column(bytes.expose(), valid);
            return Err(ParseError::new((line, column), Problem::NotUtf8));
        }
    };
    let read = parse::read(&source)?;
    let layout = Box::new(YamlLayout { source, site: read.site });
    Ok(Parsed { tree: read.tree, metadata: read.section, layout })
}

/// Writes a tree in block style, documents parted by `---`, with the metadata at the end of each.
///
/// # Errors
/// If a document has a top-level key `sops`.
pub fn emit(
    tree: &Tree,
    metadata: Option<&Mapping>,
    options: &EmitOptions,
) -> Result<Output, EmitError> {
    rewrite::refuse_reserved(tree, metadata.is_some())?;
    let mut emitter = emit::Emitter::new(step_of(options.indent), "\n");
    for (number, document) in tree.documents.iter().enumerate() {
        if number > 0 {
            emitter.out.push_str("---\n");
        }
        if document.pairs().next().is_none() && metadata.is_none() {
            emitter.out.push_str("{}\n");
        }
        emitter.mapping(document, 0);
        if let Some(metadata) = metadata {
            let mut holder = Mapping::default();
            holder.push("sops", metadata.clone());
            emitter.mapping(&holder, 0);
        }
    }
    Ok(Output::from(emitter.out))
}

/// Writes one node alone, as `--extract` prints it.
pub fn emit_node(node: &Node, options: &EmitOptions) -> Output {
    let mut emitter = emit::Emitter::new(step_of(options.indent), "\n");
    match node {
        Node::Map(mapping) if mapping.pairs().next().is_some() => emitter.mapping(mapping, 0),
        Node::List(list) if list.values().next().is_some() => emitter.items(list, 0, false),
        Node::List(_) | Node::Map(_) | Node::Leaf(_) => {
            emitter.value(node, 0, true, &[]);
            emitter.out.remove(0);
        }
    }
    Output::from(emitter.out)
}

/// The reference's step: 4 unless one from 2 to 9 is asked for; anything else falls to 2 (§6.6).
fn step_of(indent: Option<u8>) -> usize {
    match indent {
        None | Some(0) => 4,
        Some(step @ 2..=9) => step.into(),
        Some(_) => 2,
    }
}

/// A YAML text and its places.
struct YamlLayout {
    /// Kept as text: telling that it is UTF-8 takes a walk over all of it.
    source: Zeroizing<String>,
    site: model::Site,
}

impl std::fmt::Debug for YamlLayout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "YamlLayout of {} bytes", self.source.len())
    }
}

impl YamlLayout {
    fn text(&self) -> &str {
        &self.source
    }

    fn slot(&self, mark: Mark) -> Option<&model::Slot> {
        self.site.slots.get(mark.number()?)
    }
}

impl Layout for YamlLayout {
    fn spelling(&self, mark: Mark, value: &Value) -> Option<SecretBytes> {
        rewrite::spelling(self, mark, value)
    }

    fn rewrite(&self, tree: &Tree, how: Rewrite<'_>) -> Result<Output, EmitError> {
        rewrite::rewrite(self, tree, how)
    }

    fn put(&self, tree: &Tree, path: &Path, value: &Node) -> Result<Output, EmitError> {
        amend::put(self, tree, 0, path, value)
    }

    fn remove(&self, tree: &Tree, path: &Path) -> Result<Output, EmitError> {
        amend::remove(self, tree, 0, path)
    }

    fn put_in(
        &self,
        tree: &Tree,
        document: usize,
        path: &Path,
        value: &Node,
    ) -> Result<Output, EmitError> {
        amend::put(self, tree, document, path, value)
    }

    fn remove_from(&self, tree: &Tree, document: usize, path: &Path) -> Result<Output, EmitError> {
        amend::remove(self, tree, document, path)
    }

    fn holds_comment(&self, text: &[u8]) -> bool {
        // Breaks beyond ASCII end a line in YAML 1.1 only, so a comment can have them here.
        let allowed = |c| {
            scalar::is_printable(c) || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        };
        std::str::from_utf8(text).is_ok_and(|text| text.chars().all(allowed))
    }

    fn line(&self, mark: Mark) -> Option<usize> {
        let slot = self.slot(mark)?;
        Some(line_and_column(self.source.as_bytes(), slot.start as usize).0)
    }

    fn is_simple(&self) -> bool {
        let one_line = |slot: &model::Slot| {
            let written = &self.source[slot.start as usize..slot.end as usize];
            let style = match slot.shape {
                model::Shape::Plain | model::Shape::Single | model::Shape::Double => true,
                model::Shape::Absent => true,
                model::Shape::Block(_) | model::Shape::Alias(_) | model::Shape::Comment => false,
            };
            style && !slot.flow && slot.tag == slot.start && !written.contains('\n')
        };
        self.site.documents.len() == 1 && self.site.slots.iter().all(one_line)
    }

    fn has_aliases(&self) -> bool {
        !self.site.aliases.is_empty()
    }

    fn expand_aliases(&self, tree: &Tree, sealed: &dyn Fn(Mark) -> bool) -> Option<Expanded> {
        aliases::expand_aliases(self, tree, sealed)
    }

    fn expand_for_change(&self, tree: &Tree, document: usize, path: &Path) -> Option<Expanded> {
        aliases::expand_for_change(self, tree, document, path)
    }

    fn sort_keys(&self, tree: &Tree, path: &Path) -> Option<Output> {
        reorder::sort_keys(self, tree, path)
    }

    fn metadata_indent(&self) -> Option<u8> {
        rewrite::metadata_indent(self)
    }
}
