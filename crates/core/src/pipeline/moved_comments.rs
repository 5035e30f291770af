//! Comments that do not open where they stand: they were moved from where they had been sealed.

use std::collections::HashSet;

use crate::{
    crypto::{Envelope, OpenError, SecretBytes, ValueCipher},
    format::Layout,
    tree::{Comment, CommentForm, Judge, Kind, Leaf, Path, Place, Tree, Visitor, walk},
};

use super::{
    leaves::{LeafError, LeafProblem},
    nonces::NonceMemory,
};

/// Opens the comments that are still sealed under other places of their document, and gives where
/// those stand that open nowhere.
///
/// # Errors
/// If one of those stands in the place of an item.
pub(super) fn open<J: Judge>(
    tree: &mut Tree,
    layout: &dyn Layout,
    selection: &J,
    cipher: &ValueCipher,
    memory: &mut NonceMemory,
) -> Result<Vec<Path>, LeafError> {
    let mut places = Places::default();
    let Ok(()) = walk(tree, selection, &mut places);
    let (places, mut kept) = (places.list, Vec::new());
    let mut retry = Retry { cipher, layout, places, tries: TRIES, memory, kept: &mut kept };
    walk(tree, selection, &mut retry)?;
    Ok(kept)
}

/// The text of a sealed comment. Comments are outside of the MAC, so anybody can put a token there
/// that was sealed as a value of the same path; only what can be a comment is taken for one.
pub(super) fn open_comment(
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
