//! The visitors of the walk that seal and open the leaves of a document.

use crate::{
    crypto::{
        Digest, Envelope, EnvelopeError, MacScope, Nonce, OpenError, SecretBytes, ValueCipher,
    },
    format::Layout,
    tree::{
        Comment, CommentForm, Judge, Kind, Leaf, Path, Place, Tree, Value, ValueError, Visitor,
        walk,
    },
};

use super::{
    moved_comments::{self, open_comment},
    nonces::{NonceMemory, Nonces},
};

/// What sealing the leaves gave.
pub(super) struct SealedLeaves {
    /// The text of the MAC, to be sealed itself.
    pub(super) mac: SecretBytes,
    /// A nonce for it.
    pub(super) mac_nonce: Nonce,
    /// Values that were sealed, comments not counted.
    pub(super) sealed: usize,
    /// Values that could have been sealed, had the rule selected them.
    pub(super) values: usize,
    /// A comment that would not be selected any more once it is sealed: where it stands, and its
    /// line.
    pub(super) clash: Option<(Path, Option<usize>)>,
}

/// Seals every selected leaf and comment of a tree.
pub(super) fn seal<J: Judge>(
    tree: &mut Tree,
    layout: Option<&dyn Layout>,
    selection: &J,
    scope: MacScope,
    cipher: &ValueCipher,
    mut nonces: Nonces<'_>,
) -> SealedLeaves {
    let mut seal = Seal {
        layout,
        selection,
        cipher,
        nonces: &mut nonces,
        digest: Digest::new(scope),
        sealed: 0,
        values: 0,
        clash: None,
    };
    let Ok(()) = walk(tree, selection, &mut seal);
    let Seal { digest, sealed, values, clash, .. } = seal;
    SealedLeaves { mac: digest.finish(), mac_nonce: nonces.fresh(), sealed, values, clash }
}

struct Seal<'a, 'r, J> {
    layout: Option<&'a dyn Layout>,
    selection: &'a J,
    cipher: &'a ValueCipher,
    nonces: &'a mut Nonces<'r>,
    digest: Digest,
    sealed: usize,
    values: usize,
    clash: Option<(Path, Option<usize>)>,
}

impl<J: Judge> Seal<'_, '_, J> {
    /// Whether a sealed comment, which is what the next reader judges by, takes itself and what
    /// follows out of the selection: `unencrypted_comment_regex` matches it (format §1.5).
    fn unselects(&self, token: &str) -> bool {
        self.selection.comment(token.as_bytes()) && !self.selection.leaf(false, 2, true)
    }
}

impl<J: Judge> Visitor for Seal<'_, '_, J> {
    type Error = std::convert::Infallible;

    fn leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), Self::Error> {
        let Some(kind) = leaf.value.kind() else { return Ok(()) };
        let canonical = leaf.value.canonical();
        self.digest.add(place.selected, canonical.expose());
        if canonical.is_empty() {
            return Ok(());
        }
        self.values += 1;
        if !place.selected {
            return Ok(());
        }
        self.sealed += 1;
        let nonce = self.nonces.next(place.aad, kind, canonical.expose());
        let aad = place.aad.as_bytes();
        let mut token = self.cipher.seal(canonical.expose(), kind, &nonce, aad);
        // A leaf that was opened just now brings its spelling along; else the layout knows it.
        let spelling = match leaf.spelling.take() {
            Some(spelling) => Some(*spelling),
            None => self.layout.and_then(|layout| layout.spelling(leaf.mark, &leaf.value)),
        };
        token.note = spelling.map(|text| self.cipher.seal_note(text.expose(), &nonce, aad));
        drop(canonical);
        leaf.replace(Value::Text(token.print().into()));
        Ok(())
    }

    fn comment(&mut self, place: &Place<'_, '_>, comment: &mut Comment) -> Result<(), Self::Error> {
        if !place.selected || comment.text.is_empty() {
            return Ok(());
        }
        let text = comment.text.expose();
        let seal =
            |nonce| self.cipher.seal(text, Kind::Comment, &nonce, place.aad.as_bytes()).print();
        let mut token = seal(self.nonces.next(place.aad, Kind::Comment, text));
        // A short pattern may be met by chance; then another nonce gives another text.
        for _ in 0..16 {
            if !self.unselects(&token) {
                break;
            }
            token = seal(self.nonces.fresh());
        }
        if self.clash.is_none() && self.unselects(&token) {
            let line = self.layout.and_then(|layout| layout.line(comment.mark));
            self.clash = Some((place.path(), line));
        }
        comment.replace(token);
        Ok(())
    }
}

/// What opening the leaves gave.
pub(super) struct OpenedLeaves {
    /// The text that the MAC should have.
    pub(super) mac: SecretBytes,
    /// The nonces, for sealing again.
    pub(super) memory: NonceMemory,
    /// Whether a token carried a spelling.
    pub(super) spelled: bool,
    /// Comments that stayed as they are, by container and position.
    pub(super) comments_kept: Vec<Path>,
    /// Decrypted bytes that are not the canonical form of their value, by number of the leaf in
    /// the walk: what versions before 2.0 hashed (format §9, Q4).
    pub(super) odd: Vec<(usize, SecretBytes)>,
}

/// Why a leaf did not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafProblem {
    /// The rule selects it, and it is a number, a boolean or a date in clear.
    #[error("the value should be encrypted and is {0} in clear")]
    Clear(&'static str),
    /// It is no token.
    #[error(transparent)]
    Token(#[from] EnvelopeError),
    /// It does not authenticate.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its bytes are not of the type that it names.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// A leaf that did not open, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct LeafError {
    /// The key path.
    pub path: Path,
    /// The line in the file, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: LeafProblem,
}

/// Opens every selected leaf and comment of a tree.
///
/// # Errors
/// For the first leaf that does not open. Comments never fail (format §1.6), unless they stand in
/// the place of an item.
pub(super) fn open<J: Judge>(
    tree: &mut Tree,
    layout: &dyn Layout,
    selection: &J,
    scope: MacScope,
    cipher: &ValueCipher,
    remember: bool,
) -> Result<OpenedLeaves, LeafError> {
    let mut open = Open {
        layout,
        cipher,
        remember,
        digest: Digest::new(scope),
        memory: NonceMemory::default(),
        spelled: false,
        lost_comments: 0,
        odd: Vec::new(),
        visited: 0,
    };
    walk(tree, selection, &mut open)?;
    let Open { digest, mut memory, spelled, odd, lost_comments, .. } = open;
    let mut comments_kept = Vec::new();
    if lost_comments > 0 {
        comments_kept = moved_comments::open(tree, layout, selection, cipher, &mut memory)?;
    }
    Ok(OpenedLeaves { mac: digest.finish(), memory, spelled, comments_kept, odd })
}

struct Open<'a> {
    layout: &'a dyn Layout,
    cipher: &'a ValueCipher,
    remember: bool,
    digest: Digest,
    memory: NonceMemory,
    spelled: bool,
    lost_comments: usize,
    odd: Vec<(usize, SecretBytes)>,
    visited: usize,
}

impl Open<'_> {
    fn open_leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), LeafProblem> {
        let Value::Text(text) = &leaf.value else {
            return match &leaf.value {
                Value::Null => Ok(()),
                Value::Bool(_) => Err(LeafProblem::Clear("a boolean")),
                Value::Int(_) | Value::Float(_) => Err(LeafProblem::Clear("a number")),
                Value::Time(_) | Value::Text(_) => Err(LeafProblem::Clear("a date")),
            };
        };
        if text.is_empty() {
            return Ok(());
        }
        let token = Envelope::parse(text.expose())?;
        let aad = place.aad.as_bytes();
        let bytes = self.cipher.open(&token, aad)?;
        if token.note.is_some()
            && let Some(spelling) = self.cipher.open_note(&token, aad)
        {
            leaf.spelling = Some(Box::new(spelling));
            self.spelled = true;
        }
        let value = if token.kind == Kind::Text {
            Value::Text(bytes)
        } else {
            let value = Value::from_canonical(token.kind, bytes.clone())?;
            if value.canonical().expose() != bytes.expose() {
                self.odd.push((self.visited, bytes));
            }
            value
        };
        let canonical = value.canonical();
        if self.remember {
            let kind = value.kind().unwrap_or(Kind::Text);
            self.memory.remember(place.aad, kind, canonical.expose(), &token.nonce);
        }
        self.digest.add(true, canonical.expose());
        drop(canonical);
        leaf.replace(value);
        Ok(())
    }
}

impl Visitor for Open<'_> {
    type Error = LeafError;

    fn leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), LeafError> {
        let opened = if place.selected {
            self.open_leaf(place, leaf)
        } else {
            self.digest.add(false, leaf.value.canonical().expose());
            Ok(())
        };
        self.visited += 1;
        opened.map_err(|problem| LeafError {
            path: place.path(),
            line: self.layout.line(leaf.mark),
            problem,
        })
    }

    fn comment(&mut self, place: &Place<'_, '_>, comment: &mut Comment) -> Result<(), LeafError> {
        if !place.selected {
            if comment.form == CommentForm::Element {
                // An ordinary text of the list after all (format §1.5).
                self.digest.add(false, comment.text.expose());
            }
            return Ok(());
        }
        let found = Envelope::parse(comment.text.expose()).ok().and_then(|token| {
            let aad = place.aad.as_bytes();
            Some((open_comment(self.cipher, self.layout, &token, aad)?, token))
        });
        match found {
            Some((text, token)) => {
                if self.remember {
                    let aad = place.aad;
                    self.memory.remember(aad, Kind::Comment, text.expose(), &token.nonce);
                }
                comment.text = text;
                comment.edited = true;
            }
            None if !comment.text.is_empty() => self.lost_comments += 1,
            None => {}
        }
        Ok(())
    }
}
