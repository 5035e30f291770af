//! Where each leaf stood in the original text, and splicing new text in there.

use std::{fmt, ops::Range};

use super::{EmitError, Output};
use crate::{
    crypto::SecretBytes,
    tree::{Mapping, Mark, Node, Path, Tree, Value},
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
pub struct Edit {
    /// The bytes to replace; empty to insert.
    pub range: Range<usize>,
    /// What comes there.
    pub text: SecretBytes,
}

impl Edit {
    /// Puts `text` in the place of `range`.
    pub fn new(range: Range<usize>, text: impl Into<SecretBytes>) -> Self {
        Self { range, text: text.into() }
    }
}

/// Carries out changes that do not overlap, in any order. Changes at the same place keep the
/// order in which they are given.
pub fn splice(source: &[u8], mut edits: Vec<Edit>) -> Output {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let grown: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let cut: usize = edits.iter().map(|edit| edit.range.len()).sum();
    let mut out = Vec::with_capacity(source.len() + grown - cut.min(source.len() + grown));
    let mut done = 0;
    for edit in &edits {
        debug_assert!(done <= edit.range.start, "changes overlap");
        out.extend_from_slice(&source[done..edit.range.start]);
        out.extend_from_slice(edit.text.expose());
        done = edit.range.end;
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
    fn columns_count_characters() {
        assert_eq!(line_and_column("x\né: v".as_bytes(), 5), (2, 3));
    }
}
