//! Where each leaf stood in the original text, and splicing new text in there.

use std::{fmt, ops::Range, sync::OnceLock};

use super::{EmitError, Format, Output};
use crate::{
    crypto::SecretBytes,
    tree::{Comment, Entry, Item, Leaf, Mapping, Mark, Node, Path, Step, Tree, Value},
};

/// A text and where each leaf of its tree stands in it.
///
/// Every method gives a whole new text and leaves the layout as it is.
pub trait Layout: fmt::Debug + Send + Sync {
    /// How the author spelled the leaf at `mark`, when decrypting could not tell from `value` and
    /// from the style that stays behind in the sealed text (format-specific; see
    /// `docs/layout.md`). `None` when the canonical spelling is the author's.
    fn spelling(&self, mark: Mark, value: &Value) -> Option<SecretBytes>;

    /// The text with every edited leaf and comment of `tree` replaced, and the metadata removed
    /// or put in.
    ///
    /// `tree` is the tree that was parsed with this layout, its structure unchanged.
    ///
    /// # Errors
    /// If the format cannot hold a value or a reserved key is in the way.
    fn rewrite(&self, tree: &Tree, how: Rewrite<'_>) -> Result<Output, EmitError>;

    /// The text in which the node at `path` is `value`: replaced, or added with whatever
    /// containers are missing on the way (CLI §3.4). The first document only.
    ///
    /// # Errors
    /// If the format cannot hold the value there.
    fn put(&self, tree: &Tree, path: &Path, value: &Node) -> Result<Output, EmitError>;

    /// The text without the node at `path`, which exists.
    ///
    /// # Errors
    /// If the format cannot do without it.
    fn remove(&self, tree: &Tree, path: &Path) -> Result<Output, EmitError>;

    /// As [`Layout::put`], in another document than the first; `document` counts from 0. Only
    /// YAML has any.
    ///
    /// # Errors
    /// If the format cannot hold the value there.
    fn put_in(
        &self,
        tree: &Tree,
        document: usize,
        path: &Path,
        value: &Node,
    ) -> Result<Output, EmitError> {
        debug_assert_eq!(document, 0, "a text of one document");
        self.put(tree, path, value)
    }

    /// As [`Layout::remove`], from another document than the first.
    ///
    /// # Errors
    /// If the format cannot do without it.
    fn remove_from(&self, tree: &Tree, document: usize, path: &Path) -> Result<Output, EmitError> {
        debug_assert_eq!(document, 0, "a text of one document");
        self.remove(tree, path)
    }

    /// The text in which each alias that touches sealed data is replaced by a copy of what it
    /// stands for; `None` when there is no such alias. SOPS expands aliases on reading, so a value
    /// that is reached through one would be sought under a second path (format §7.1).
    ///
    /// `sealed` tells whether the leaf at a mark is selected; the leaves of an alias carry the
    /// alias's own mark.
    fn expand_aliases(&self, tree: &Tree, sealed: &dyn Fn(Mark) -> bool) -> Option<Expanded> {
        let _ = (tree, sealed);
        None
    }

    /// Whether there are aliases in this text at all.
    fn has_aliases(&self) -> bool {
        false
    }

    /// The text in which each alias that stands in the way of a change at `path` of a document,
    /// counted from 0, or would change with it, is replaced by a copy; `None` when there is no such
    /// alias.
    fn expand_for_change(&self, tree: &Tree, document: usize, path: &Path) -> Option<Expanded> {
        let _ = (tree, document, path);
        None
    }

    /// The text in which all mappings at and below `path` of the first document have their keys in
    /// the order of their bytes, each entry with its comments; `None` where lines cannot be moved.
    /// The result has to be read again and compared.
    fn sort_keys(&self, tree: &Tree, path: &Path) -> Option<Output> {
        let _ = (tree, path);
        None
    }

    /// Whether every value of this text is a scalar of one line, without tag, anchor or alias, at a
    /// place where a token can stand as it is: sealing cannot change how the text is read.
    fn is_simple(&self) -> bool {
        false
    }

    /// Blanks per level of the metadata of a sealed text, where the format has levels of its own
    /// for it.
    fn metadata_indent(&self) -> Option<u8> {
        None
    }

    /// Whether a comment of this format can have this text. Others cannot have been sealed there:
    /// a token was copied from elsewhere, and written out, its further lines would be content.
    fn holds_comment(&self, text: &[u8]) -> bool {
        let _ = text;
        true
    }

    /// The line, from 1, on which the leaf at `mark` begins.
    fn line(&self, mark: Mark) -> Option<usize>;
}

/// What the edited leaves have become, and what is to happen to the metadata.
#[derive(Clone, Copy, Debug)]
pub enum Rewrite<'a> {
    /// Leaves are tokens; this mapping is the metadata, put where it was or at the end.
    Sealed {
        /// The metadata, in the order it is to be written.
        metadata: &'a Mapping,
        /// Blanks per level of the metadata; `None`: as it was in the text, or the default.
        indent: Option<u8>,
    },
    /// Leaves are plaintext; the metadata goes.
    Plain,
}

/// A text whose aliases have been expanded.
#[derive(Debug)]
pub struct Expanded {
    /// The new text.
    pub text: Output,
    /// The lines, from 1, of the aliases that were expanded.
    pub lines: Vec<usize>,
}

/// One change to a text.
#[derive(Debug)]
pub struct Edit<'t> {
    range: Range<usize>,
    text: NewText<'t>,
}

/// What comes in: text that was made for it, or text that stands in a tree already. A large
/// document has as many tokens as values, and copying each would double what it takes.
#[derive(Debug)]
enum NewText<'t> {
    Made(SecretBytes),
    Standing(&'t [u8]),
}

impl NewText<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Made(text) => text.expose(),
            Self::Standing(text) => text,
        }
    }
}

impl<'t> Edit<'t> {
    /// Puts `text` in the place of `range`, which is empty to insert.
    pub fn new(range: Range<usize>, text: impl Into<SecretBytes>) -> Self {
        Self { range, text: NewText::Made(text.into()) }
    }

    /// The same change in a text that begins at `start` of this one; `None` when it stands before.
    pub(crate) fn shifted(self, start: usize) -> Option<Self> {
        let range = self.range.start.checked_sub(start)?..self.range.end.checked_sub(start)?;
        Some(Self { range, text: self.text })
    }

    /// Puts text that stands elsewhere in the place of `range`.
    pub fn standing(range: Range<usize>, text: &'t [u8]) -> Self {
        Self { range, text: NewText::Standing(text) }
    }
}

/// Carries out changes that do not overlap, in any order. Changes at the same place keep the
/// order in which they are given. Removals may overlap: what two take away goes once.
pub fn splice(source: &[u8], mut edits: Vec<Edit<'_>>) -> Output {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let grown: usize = edits.iter().map(|edit| edit.text.bytes().len()).sum();
    let cut: usize = edits.iter().map(|edit| edit.range.len()).sum();
    let mut out = Vec::with_capacity((source.len() + grown).saturating_sub(cut));
    let mut done = 0;
    for edit in &edits {
        let apart = done <= edit.range.start || edit.text.bytes().is_empty();
        debug_assert!(apart, "changes overlap");
        out.extend_from_slice(&source[done..edit.range.start.max(done)]);
        out.extend_from_slice(edit.text.bytes());
        done = edit.range.end.max(done);
    }
    out.extend_from_slice(&source[done..]);
    Output::new(out)
}

/// The line, from 1, and the column in characters, from 1, of a byte offset.
pub fn line_and_column(source: &[u8], offset: usize) -> (usize, usize) {
    let before = &source[..offset.min(source.len())];
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    // Bytes that continue a character do not count.
    let column = 1 + before[line_start..].iter().filter(|b| **b & 0xC0 != 0x80).count();
    (line, column)
}

/// Where the lines of a text begin; counted once, when somebody asks.
#[derive(Debug, Default)]
pub(crate) struct Lines(OnceLock<Vec<usize>>);

impl Lines {
    /// The line, from 1, in which `offset` of `source` stands; always ask about the same source.
    pub(crate) fn of(&self, source: &[u8], offset: usize) -> usize {
        let breaks = self.0.get_or_init(|| {
            source.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at).collect()
        });
        1 + breaks.partition_point(|at| *at < offset)
    }
}

/// A value that a format cannot hold, on its way up to where its path is known in full.
#[derive(Debug)]
pub(crate) struct Refusal {
    what: &'static str,
    inside_out: Vec<Step>,
}

impl Refusal {
    /// The format cannot hold `what`.
    pub(crate) fn of(what: &'static str) -> Self {
        Self { what, inside_out: Vec::new() }
    }

    /// It stands one step further down than the caller.
    pub(crate) fn below(mut self, step: Step) -> Self {
        self.inside_out.push(step);
        self
    }

    /// The error that names the path.
    pub(crate) fn into_error(mut self, format: Format) -> EmitError {
        self.inside_out.reverse();
        let path = Path(self.inside_out).to_string();
        EmitError::CannotHold { path, format: format.name(), what: self.what }
    }
}

/// A leaf or a comment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spot<'t> {
    /// A leaf.
    Leaf(&'t Leaf),
    /// A comment.
    Comment(&'t Comment),
}

/// Shows `see` every leaf and comment of a tree, in order, and adds the path to its refusals.
pub(crate) fn each_spot<'t>(
    tree: &'t Tree,
    see: &mut impl FnMut(Spot<'t>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    tree.documents.iter().try_for_each(|document| spots_of_mapping(document, see))
}

fn spots_of_mapping<'t>(
    mapping: &'t Mapping,
    see: &mut impl FnMut(Spot<'t>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    mapping.entries.iter().try_for_each(|entry| match entry {
        Entry::Comment(comment) => see(Spot::Comment(comment)),
        Entry::Pair(pair) => spots_of_node(&pair.value, see)
            .map_err(|refusal| refusal.below(Step::Key(pair.key.clone()))),
    })
}

fn spots_of_node<'t>(
    node: &'t Node,
    see: &mut impl FnMut(Spot<'t>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    match node {
        Node::Map(mapping) => spots_of_mapping(mapping, see),
        Node::Leaf(leaf) => see(Spot::Leaf(leaf)),
        Node::List(list) => {
            let mut index = 0;
            list.items.iter().try_for_each(|item| match item {
                Item::Comment(comment) => see(Spot::Comment(comment)),
                Item::Value(node) => {
                    index += 1;
                    spots_of_node(node, see)
                        .map_err(|refusal| refusal.below(Step::Index(index - 1)))
                }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_carried_out_in_order_and_the_rest_is_kept() {
        let out = splice(
            b"a: 1\nb: 2\n",
            vec![Edit::new(8..9, "two"), Edit::new(3..4, "one"), Edit::new(10..10, "c: 3\n")],
        );
        assert_eq!(out.expose_str(), Some("a: one\nb: two\nc: 3\n"));
    }

    #[test]
    fn what_two_removals_take_away_goes_once() {
        let out = splice(b"abcdef", vec![Edit::new(1..4, ""), Edit::new(3..5, "")]);
        assert_eq!(out.expose_str(), Some("af"));
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_and_column("x\né: v".as_bytes(), 5), (2, 3));
    }
}
