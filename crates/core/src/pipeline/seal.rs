//! Values and data key → sealed text.

use rand_core::CryptoRng;

use super::{
    leaves,
    nonces::{NonceMemory, Nonces},
    open::{self, OpenDocument},
    unseen,
};
use crate::{
    crypto::{DataKey, ValueCipher},
    document::{Document, PlainDocument, ReadError, SealedDocument},
    format::{self, EmitError, EmitOptions, Format, Output, Rewrite},
    keys::KeyGroup,
    metadata::Metadata,
    tree::{Comment, Kind, Leaf, Mapping, Mark, Node, Path, Place, Time, Tree, Visitor, walk},
};

/// Where a sealed text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its format; the same as the document's keeps the layout.
    pub format: Format,
    /// Blanks per level of what is laid out afresh; `None` is the author's or the default.
    pub indent: Option<u8>,
    /// How much of the sealed text is read again.
    pub check: Check,
}

/// How much of a sealed text is read and opened again before anyone gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// All of it: for texts that replace a file.
    #[default]
    Full,
    /// Nothing, when every value was a scalar of one line at a place where a token can stand as it
    /// is ([`crate::format::Layout::is_simple`]): for texts that replace nothing, as on standard
    /// output. The check takes as long as all the rest.
    UnlessSimple,
}

/// What sealing takes besides the document.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Keys, selection, scope of the MAC, version: all but time and MAC, which are set here.
    pub metadata: Metadata,
    /// The key that `metadata` holds wrapped.
    pub data_key: &'a DataKey,
    /// The time of the change.
    pub now: Time,
    /// Where the text goes.
    pub target: Target,
    /// Go on when the rule selects none of the values there are.
    pub allow_nothing_sealed: bool,
}

/// A sealed text, checked: it was read and opened again.
#[derive(Debug)]
pub struct SealedText {
    /// The text.
    pub text: Output,
    /// Its metadata.
    pub metadata: Metadata,
    /// How many values are sealed in it.
    pub sealed: usize,
    /// How many values there are that a rule could select: all but empty texts and null.
    pub values: usize,
    /// Lines, from 1, of aliases that had to be expanded into copies, because SOPS reads them as
    /// such.
    pub expanded_aliases: Vec<usize>,
    /// Keys that SOPS up to 3.13.3 cannot read back in a YAML file (format §9a, W3).
    pub odd_merge_keys: bool,
}

/// Why a document was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no document to seal (exit status 92).
    #[error("the file is empty, and a YAML file needs at least one document to be encrypted")]
    NoDocument,
    /// The rule selects nothing, and there are values.
    #[error("the rule selects none of the {values} values in the file: nothing would be encrypted")]
    NothingSelected {
        /// How many values there are.
        values: usize,
    },
    /// A comment to be encrypted would be matched by `unencrypted_comment_regex` in its encrypted
    /// form, so that nobody would decrypt it and what follows again.
    #[error(
        "the encrypted form of a comment{} is matched by unencrypted_comment_regex", at(path, *line)
    )]
    CommentRule {
        /// The mapping or list it stands in.
        path: Path,
        /// Its line, from 1, where it is known.
        line: Option<usize>,
    },
    /// The rule goes by a comment that Go sops loses when it reads the file.
    #[error("the rule goes by a comment{} that Go sops does not see", at_line(*line))]
    UnseenComment {
        /// Its line, where that is known.
        line: Option<usize>,
    },
    /// The target's format cannot hold the document.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// The text without aliases does not read.
    #[error("unable to replace the aliases by copies")]
    Aliases(#[source] format::ParseError),
    /// The sealed text does not read.
    #[error("the encrypted text would not be readable, so nothing was written")]
    Unreadable(#[source] Box<ReadError>),
    /// The sealed text does not open to the same values.
    #[error("the encrypted text would not open to the same values, so nothing was written")]
    Unopenable,
}

fn at(path: &Path, line: Option<usize>) -> String {
    let path = if path.0.is_empty() { String::new() } else { format!(" in {path}") };
    path + &line.map(|line| format!(" (line {line})")).unwrap_or_default()
}

/// Seals a plain document.
///
/// # Errors
/// If nothing would be sealed, the format cannot hold the document, or the result does not pass
/// its own check.
pub fn seal(
    document: PlainDocument,
    plan: Plan<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<SealedText, SealError> {
    seal_remembering(document, plan, NonceMemory::default(), rng)
}

/// Seals the text that an opened document shall become. Values that are as they were keep their
/// tokens, byte for byte, under the same data key.
///
/// # Errors
/// As [`seal`].
pub fn reseal(
    document: PlainDocument,
    memory: NonceMemory,
    plan: Plan<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<SealedText, SealError> {
    seal_remembering(document, plan, memory, rng)
}

fn seal_remembering(
    document: PlainDocument,
    mut plan: Plan<'_>,
    memory: NonceMemory,
    rng: &mut dyn CryptoRng,
) -> Result<SealedText, SealError> {
    if document.tree.documents.is_empty() {
        return Err(SealError::NoDocument);
    }
    let (document, expanded_aliases) = without_sealed_aliases(document, &plan.metadata)?;
    let metadata_indent = memory.metadata_indent;
    let PlainDocument { format, mut tree, layout } = document;
    if let Some(comment) = unseen::find(&tree, &plan.metadata.selection) {
        return Err(SealError::UnseenComment { line: layout.line(comment.mark) });
    }
    let cipher = ValueCipher::new(plan.data_key.expose());
    let leaves = leaves::seal(
        &mut tree,
        Some(&*layout),
        &plan.metadata.selection,
        plan.metadata.mac_scope,
        &cipher,
        Nonces::new(memory, rng),
    );
    if leaves.sealed == 0 && leaves.values > 0 && !plan.allow_nothing_sealed {
        return Err(SealError::NothingSelected { values: leaves.values });
    }
    lock(&mut plan.metadata, &leaves, plan.now, &cipher)?;
    let section = plan.metadata.to_mapping();
    let text = if plan.target.format == format {
        let indent = plan.target.indent.or(metadata_indent);
        let how = Rewrite::Sealed { metadata: &section, indent };
        layout.rewrite(&tree, how)?
    } else {
        let options = EmitOptions { indent: plan.target.indent };
        format::emit(plan.target.format, &tree, Some(&section), &options)?
    };
    let odd_merge_keys = plan.target.format == Format::Yaml && has_odd_merge_keys(&tree);
    let simple = plan.target.format == format && layout.is_simple();
    drop((tree, layout));
    if !(simple && plan.target.check == Check::UnlessSimple) {
        check(plan.target.format, &text, plan.data_key)?;
    }
    let (sealed, values, metadata) = (leaves.sealed, leaves.values, plan.metadata);
    Ok(SealedText { text, metadata, sealed, values, expanded_aliases, odd_merge_keys })
}

fn at_line(line: Option<usize>) -> String {
    line.map_or(String::new(), |line| format!(" in line {line}"))
}

/// Seals an opened document under another data key, in the layout of its sealed text.
///
/// # Errors
/// If the result does not pass its own check.
pub fn rotate(
    document: OpenDocument,
    mut plan: Plan<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<SealedText, SealError> {
    let OpenDocument { format, mut tree, layout, memory, .. } = document;
    let cipher = ValueCipher::new(plan.data_key.expose());
    let (selection, scope) = (&plan.metadata.selection, plan.metadata.mac_scope);
    // The layout's text holds tokens, so it knows nothing of spellings; the leaves brought them.
    let nonces = Nonces::new(memory, rng);
    let leaves = leaves::seal(&mut tree, None, selection, scope, &cipher, nonces);
    lock(&mut plan.metadata, &leaves, plan.now, &cipher)?;
    let section = plan.metadata.to_mapping();
    let text = if plan.target.format == format {
        layout.rewrite(&tree, Rewrite::Sealed { metadata: &section, indent: plan.target.indent })?
    } else {
        let options = EmitOptions { indent: plan.target.indent };
        format::emit(plan.target.format, &tree, Some(&section), &options)?
    };
    check(plan.target.format, &text, plan.data_key)?;
    let (sealed, values, metadata) = (leaves.sealed, leaves.values, plan.metadata);
    let expanded_aliases = Vec::new();
    Ok(SealedText { text, metadata, sealed, values, expanded_aliases, odd_merge_keys: false })
}

/// Writes other metadata into a sealed document; its values stay untouched and unopened.
///
/// # Errors
/// If the result does not read.
pub fn rewrap(
    document: &SealedDocument,
    metadata: &Metadata,
    indent: Option<u8>,
) -> Result<Output, SealError> {
    let section = metadata.to_mapping();
    let how = Rewrite::Sealed { metadata: &section, indent };
    let text = document.layout.rewrite(&document.tree, how)?;
    match Document::read(document.format, text.clone()) {
        // The same values under the same MAC open with the same data key.
        Ok(Document::Sealed(read))
            if read.tree == document.tree
                && read.metadata.mac == metadata.mac
                && read.metadata.last_modified == metadata.last_modified
                && by_kind(&read.metadata) == by_kind(metadata) =>
        {
            Ok(text)
        }
        Ok(_) => Err(SealError::Unopenable),
        Err(error) => Err(SealError::Unreadable(Box::new(error))),
    }
}

/// Whether a key `<<` holds something that cannot be merged (format §9a, W3).
fn has_odd_merge_keys(tree: &Tree) -> bool {
    fn in_mapping(mapping: &Mapping) -> bool {
        mapping.pairs().any(|pair| {
            let odd = match &pair.value {
                Node::Leaf(_) => true,
                Node::List(list) => list.values().any(|node| !matches!(node, Node::Map(_))),
                Node::Map(_) => false,
            };
            pair.key == "<<" && odd || in_node(&pair.value)
        })
    }
    fn in_node(node: &Node) -> bool {
        match node {
            Node::Leaf(_) => false,
            Node::Map(mapping) => in_mapping(mapping),
            Node::List(list) => list.values().any(in_node),
        }
    }
    tree.documents.iter().any(in_mapping)
}

/// The key groups in the order in which they are read: kind by kind (format §3.6).
fn by_kind(metadata: &Metadata) -> Vec<KeyGroup> {
    let mut groups = metadata.groups.clone();
    groups.iter_mut().for_each(|group| group.0.sort_by_key(|wrapped| wrapped.key.kind()));
    groups
}

/// Sets time and MAC (format §2, steps 4 and 6).
fn lock(
    metadata: &mut Metadata,
    leaves: &leaves::SealedLeaves,
    now: Time,
    cipher: &ValueCipher,
) -> Result<(), SealError> {
    if let Some((path, line)) = leaves.clash.clone() {
        return Err(SealError::CommentRule { path, line });
    }
    metadata.last_modified = now.whole_seconds();
    let aad = metadata.mac_aad();
    let mac = cipher.seal(leaves.mac.expose(), Kind::Text, &leaves.mac_nonce, aad.as_bytes());
    metadata.mac = mac.print();
    Ok(())
}

/// Reads a sealed text and opens it, as the next reader will.
fn check(format: Format, text: &Output, data_key: &DataKey) -> Result<(), SealError> {
    match Document::read(format, text.clone()) {
        Ok(Document::Sealed(document)) => match open::open(*document, data_key, false) {
            Ok(opened) if *opened.verdict() == super::MacVerdict::Matches => Ok(()),
            Ok(_) | Err(_) => Err(SealError::Unopenable),
        },
        Ok(Document::Plain(_)) => Err(SealError::Unopenable),
        Err(error) => Err(SealError::Unreadable(Box::new(error))),
    }
}

/// Expands the aliases that touch values to be sealed, until none is left.
fn without_sealed_aliases(
    mut document: PlainDocument,
    metadata: &Metadata,
) -> Result<(PlainDocument, Vec<usize>), SealError> {
    let mut lines = Vec::new();
    loop {
        if !document.layout.has_aliases() {
            return Ok((document, lines));
        }
        let mut selected = Selected(Vec::new());
        let Ok(()) = walk(&mut document.tree, &metadata.selection, &mut selected);
        let is_selected =
            |mark: Mark| mark.number().and_then(|at| selected.0.get(at)).copied().unwrap_or(false);
        let Some(expanded) = document.layout.expand_aliases(&document.tree, &is_selected) else {
            return Ok((document, lines));
        };
        if lines.is_empty() {
            lines = expanded.lines;
        }
        let format = document.format;
        let parsed = format::parse(format, expanded.text).map_err(SealError::Aliases)?;
        document = PlainDocument { format, tree: parsed.tree, layout: parsed.layout };
    }
}

/// Which marks belong to leaves that are selected and not empty.
struct Selected(Vec<bool>);

impl Visitor for Selected {
    type Error = std::convert::Infallible;

    fn leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), Self::Error> {
        if place.selected
            && leaf.value.kind().is_some()
            && let Some(number) = leaf.mark.number()
        {
            if self.0.len() <= number {
                self.0.resize(number + 1, false);
            }
            self.0[number] = true;
        }
        Ok(())
    }

    fn comment(&mut self, _: &Place<'_, '_>, _: &mut Comment) -> Result<(), Self::Error> {
        Ok(())
    }
}
