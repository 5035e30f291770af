//! The visitors of the walk that seal, open and list the leaves of a document.

use std::collections::HashSet;

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

use super::nonces::{NonceMemory, Nonces};

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
        let mut places = Places::default();
        let Ok(()) = walk(tree, selection, &mut places);
        let mut retry = Retry {
            cipher,
            layout,
            places: places.list,
            tries: TRIES,
            memory: &mut memory,
            kept: &mut comments_kept,
        };
        walk(tree, selection, &mut retry)?;
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

/// The text of a sealed comment. Comments are outside of the MAC, so anybody can put a token there
/// that was sealed as a value of the same path; only what can be a comment is taken for one.
fn open_comment(
    cipher: &ValueCipher,
    layout: &dyn Layout,
    token: &Envelope,
    aad: &[u8],
) -> Option<SecretBytes> {
    let text = cipher.open(token, aad).ok()?;
    layout.holds_comment(text.expose()).then_some(text)
}

/// The additional data of every place in a document, for comments that were moved from where
/// they had been sealed (format §7.1, Q22).
#[derive(Default)]
struct Places {
    list: Vec<String>,
    known: HashSet<String>,
}

impl Places {
    /// Trying costs a third of a microsecond; this many do not hurt.
    const MOST: usize = 2_000;

    fn add(&mut self, aad: &str) {
        let mut rest = aad;
        while let Some(cut) = rest.strip_suffix(':') {
            if self.list.len() < Self::MOST && !self.known.contains(rest) {
                self.list.push(rest.to_owned());
                self.known.insert(rest.to_owned());
            }
            match cut.rfind(':') {
                Some(at) => rest = &cut[..=at],
                None => break,
            }
        }
    }
}

impl Visitor for Places {
    type Error = std::convert::Infallible;

    fn leaf(&mut self, place: &Place<'_, '_>, _: &mut Leaf) -> Result<(), Self::Error> {
        self.add(place.aad);
        Ok(())
    }

    fn comment(&mut self, place: &Place<'_, '_>, _: &mut Comment) -> Result<(), Self::Error> {
        self.add(place.aad);
        Ok(())
    }
}

/// Tries in all, for a file full of comments that open nowhere: a fraction of a second.
const TRIES: usize = 500_000;

/// Tries comments that did not open where they stand under every other place.
struct Retry<'a> {
    cipher: &'a ValueCipher,
    layout: &'a dyn Layout,
    places: Vec<String>,
    /// How many times a comment may still be tried somewhere.
    tries: usize,
    memory: &'a mut NonceMemory,
    kept: &'a mut Vec<Path>,
}

impl Visitor for Retry<'_> {
    type Error = LeafError;

    fn leaf(&mut self, _: &Place<'_, '_>, _: &mut Leaf) -> Result<(), Self::Error> {
        Ok(())
    }

    fn comment(&mut self, place: &Place<'_, '_>, comment: &mut Comment) -> Result<(), Self::Error> {
        if comment.edited || !place.selected || comment.text.is_empty() {
            return Ok(());
        }
        let mut others = std::iter::once(":").chain(self.places.iter().map(String::as_str));
        let mut tries = self.tries;
        let found = Envelope::parse(comment.text.expose()).ok().and_then(|token| {
            let open = |aad: &str| {
                tries = tries.checked_sub(1)?;
                open_comment(self.cipher, self.layout, &token, aad.as_bytes())
            };
            others.find_map(open).map(|text| (text, token))
        });
        self.tries = tries;
        match found {
            Some((text, token)) => {
                self.memory.remember(place.aad, Kind::Comment, text.expose(), &token.nonce);
                comment.text = text;
                comment.edited = true;
            }
            // An item that is no comment is a value, and one that does not open is an error.
            None if comment.form == CommentForm::Element => {
                return Err(LeafError {
                    path: place.path(),
                    line: self.layout.line(comment.mark),
                    problem: LeafProblem::Open(OpenError::Unauthentic),
                });
            }
            None => self.kept.push(place.path()),
        }
        Ok(())
    }
}

/// The canonical bytes of each value, in order, with where it stands and whether it is selected.
pub(super) fn pieces<J: Judge>(tree: &mut Tree, selection: &J) -> Vec<Piece> {
    let mut list = Pieces(Vec::new());
    let Ok(()) = walk(tree, selection, &mut list);
    list.0
}

/// One value as the digest sees it.
pub(super) struct Piece {
    pub(super) document: usize,
    pub(super) path: Path,
    pub(super) mark: crate::tree::Mark,
    pub(super) selected: bool,
    pub(super) value: Value,
}

struct Pieces(Vec<Piece>);

impl Visitor for Pieces {
    type Error = std::convert::Infallible;

    fn leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), Self::Error> {
        self.0.push(Piece {
            document: place.document,
            path: place.path(),
            mark: leaf.mark,
            selected: place.selected,
            value: leaf.value.clone(),
        });
        Ok(())
    }

    fn comment(&mut self, place: &Place<'_, '_>, comment: &mut Comment) -> Result<(), Self::Error> {
        if comment.form == CommentForm::Element && !place.selected {
            self.0.push(Piece {
                document: place.document,
                path: place.path(),
                mark: comment.mark,
                selected: false,
                value: Value::Text(comment.text.clone()),
            });
        }
        Ok(())
    }
}
