//! Sealed document and data key → values, and the verdict on the MAC.

use super::{
    diagnosis::{self, Diagnosis, Spots},
    leaves::{self, LeafError},
    mac::{self, MacVerdict},
    nonces::NonceMemory,
    pieces::{self, Piece},
};
use crate::{
    crypto::{DataKey, Envelope, MacScope, SecretBytes, ValueCipher},
    document::SealedDocument,
    format::{self, EmitError, EmitOptions, Format, Layout, Output, Rewrite},
    metadata::Metadata,
    tree::{Path, Tree},
};

/// A document whose values are open, held back until the caller says what its MAC is worth.
#[must_use]
#[derive(Debug)]
pub struct Opened {
    document: OpenDocument,
    verdict: MacVerdict,
}

/// A document whose values are open.
#[derive(Debug)]
pub struct OpenDocument {
    /// The format it was read from.
    pub format: Format,
    /// The values.
    pub tree: Tree,
    /// The metadata it came with.
    pub metadata: Metadata,
    /// The nonces of its values, for sealing again; empty unless asked for.
    pub memory: NonceMemory,
    /// Where comments stayed as they are, because they did not open (format §1.6).
    pub comments_kept: Vec<Path>,
    pub(super) layout: Box<dyn Layout>,
    spelled: bool,
}

/// Opens every sealed value. With `remember` the nonces are kept for sealing again.
///
/// # Errors
/// For the first value that does not open. The MAC is no error here but a verdict.
pub fn open(
    document: SealedDocument,
    data_key: &DataKey,
    remember: bool,
) -> Result<Opened, LeafError> {
    open_and(document, data_key, remember, diagnosis::diagnose)
}

/// As [`open`] without `remember`; what a mismatch of the MAC means is not searched for, which can
/// take a good part of a second. For callers who expect one and have nobody to tell.
///
/// # Errors
/// As [`open`].
pub fn open_undiagnosed(document: SealedDocument, data_key: &DataKey) -> Result<Opened, LeafError> {
    open_and(document, data_key, false, |_, _, _, _, _| Diagnosis::Unknown {
        clear: Spots::default(),
        empty: Spots::default(),
        sorted: false,
    })
}

fn open_and(
    document: SealedDocument,
    data_key: &DataKey,
    remember: bool,
    diagnose: fn(&SecretBytes, MacScope, Format, &[Piece], &dyn Layout) -> Diagnosis,
) -> Result<Opened, LeafError> {
    let SealedDocument { format, mut tree, layout, metadata } = document;
    let cipher = ValueCipher::new(data_key.expose());
    let (selection, scope) = (&metadata.selection, metadata.mac_scope);
    let found = leaves::open(&mut tree, &*layout, selection, scope, &cipher, remember)?;
    let verdict = match expected_mac(&metadata, &cipher) {
        Err(verdict) => verdict,
        Ok(expected) if expected == found.mac => MacVerdict::Matches,
        Ok(expected) => {
            let pieces = pieces::pieces(&mut tree, selection);
            if mac::matches_legacy(&expected, format, &metadata, &pieces, &found.odd) {
                MacVerdict::MatchesLegacy
            } else {
                MacVerdict::Differs(diagnose(&expected, scope, format, &pieces, &*layout))
            }
        }
    };
    let mut memory = found.memory;
    memory.metadata_indent = layout.metadata_indent();
    let document = OpenDocument {
        format,
        tree,
        metadata,
        memory,
        comments_kept: found.comments_kept,
        layout,
        spelled: found.spelled,
    };
    Ok(Opened { document, verdict })
}

/// The text of the MAC in the metadata; its additional data is the time of the last change
/// (format §2.4).
fn expected_mac(metadata: &Metadata, cipher: &ValueCipher) -> Result<SecretBytes, MacVerdict> {
    if metadata.mac.is_empty() {
        return Err(MacVerdict::Missing);
    }
    let token = Envelope::parse(metadata.mac.as_bytes()).map_err(|_| MacVerdict::Unreadable)?;
    let aad = metadata.mac_aad();
    cipher.open(&token, aad.as_bytes()).map_err(|_| MacVerdict::Unreadable)
}

impl Opened {
    /// The document, provided that its MAC matches.
    ///
    /// # Errors
    /// The verdict, if it does not.
    pub fn verified(self) -> Result<OpenDocument, MacVerdict> {
        if self.verdict.is_good() { Ok(self.document) } else { Err(self.verdict) }
    }

    /// The document and the verdict, for callers whose bytes were rewritten on the way and for
    /// those who ask to ignore the MAC.
    ///
    /// Every sealed value is still tied to its path. Without a matching MAC nobody noticed if
    /// values were swapped between list items, emptied or removed, or if readable text changed.
    pub fn unverified(self) -> (OpenDocument, MacVerdict) {
        (self.document, self.verdict)
    }

    /// The verdict on the MAC.
    pub fn verdict(&self) -> &MacVerdict {
        &self.verdict
    }
}

impl OpenDocument {
    /// The plaintext in the layout of the sealed text: the bytes that were sealed.
    ///
    /// # Errors
    /// If the format cannot hold a value, which its own text cannot bring about.
    pub fn text(&self) -> Result<Output, EmitError> {
        let text = self.layout.rewrite(&self.tree, Rewrite::Plain)?;
        if !self.spelled || self.says_the_same(&text) {
            return Ok(text);
        }
        // A spelling no longer fits its surroundings: someone has changed them. The values count.
        let mut plain = self.tree.clone();
        forget_spellings(&mut plain);
        self.layout.rewrite(&plain, Rewrite::Plain)
    }

    /// The plaintext in another format, or laid out afresh.
    ///
    /// # Errors
    /// If the format cannot hold a value.
    pub fn emit(&self, format: Format, options: &EmitOptions) -> Result<Output, EmitError> {
        format::emit(format, &self.tree, None, options)
    }

    fn says_the_same(&self, text: &Output) -> bool {
        format::parse(self.format, text.clone()).is_ok_and(|parsed| parsed.tree == self.tree)
    }
}

fn forget_spellings(tree: &mut Tree) {
    use crate::tree::{Comment, Judge, Leaf, Place, Visitor, walk};
    struct Nothing;
    impl Judge for Nothing {
        fn key(&self, _: &str) -> bool {
            false
        }
        fn comment(&self, _: &[u8]) -> bool {
            false
        }
        fn leaf(&self, _: bool, _: usize, _: bool) -> bool {
            false
        }
    }
    struct Forget;
    impl Visitor for Forget {
        type Error = std::convert::Infallible;
        fn leaf(&mut self, _: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), Self::Error> {
            leaf.spelling = None;
            Ok(())
        }
        fn comment(&mut self, _: &Place<'_, '_>, _: &mut Comment) -> Result<(), Self::Error> {
            Ok(())
        }
    }
    let Ok(()) = walk(tree, &Nothing, &mut Forget);
}
