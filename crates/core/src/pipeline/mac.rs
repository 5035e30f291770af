//! The verdict on a document's MAC (format §2), and what a mismatch most likely means.

use super::leaves::Piece;
use crate::{
    crypto::{Digest, MacScope, SecretBytes},
    format::Layout,
    tree::{Path, Value},
};

/// What came of comparing the MAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MacVerdict {
    /// It matches.
    Matches,
    /// It matches what an older version hashed (format §9, Q4 and Q17).
    MatchesLegacy,
    /// There is none.
    Missing,
    /// It is there, and does not open: it belongs to another time stamp, key or file.
    Unreadable,
    /// It is another one.
    Differs(Diagnosis),
}

impl MacVerdict {
    /// Whether the values are those that were sealed.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Matches | Self::MatchesLegacy)
    }
}

/// What most likely happened to a document whose MAC differs. Holds no value and no hash of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diagnosis {
    /// With these two values exchanged the MAC matches.
    Swapped(Spot, Spot),
    /// With the keys of each mapping in another order the MAC matches: by name here, so it was
    /// another one before.
    SortedByKey,
    /// Without this value in clear the MAC matches.
    Added(Spot),
    /// None of these: a value was removed, moved or changed. Sealed values cannot have been
    /// changed without the key, so these in clear are the candidates; with none of them, something
    /// was removed or moved.
    Unknown {
        /// Values in clear that the MAC covers, the first few.
        clear: Vec<Spot>,
        /// How many there are in all.
        count: usize,
    },
}

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The key path.
    pub path: Path,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} (line {line})", self.path),
            None => write!(f, "{}", self.path),
        }
    }
}

/// Values tried for each hypothesis; beyond that the search would take noticeable time.
const TRIED: usize = 2_000;
/// Clear values that are named.
const NAMED: usize = 5;

/// Whether the MAC is what an older version would have written: the decrypted bytes as they are
/// (Q4), or large integers by way of a float (Q17).
pub(super) fn matches_legacy(
    expected: &SecretBytes,
    scope: MacScope,
    pieces: &[Piece],
    odd: &[(usize, SecretBytes)],
) -> bool {
    let through_float = |value: &Value| match value {
        Value::Int(int) if int.unsigned_abs() > 1 << 53 => {
            Some(SecretBytes::from(format!("{:.0}", *int as f64)))
        }
        _ => None,
    };
    let raw =
        |number: usize| odd.iter().find(|(at, _)| *at == number).map(|(_, bytes)| bytes.clone());
    type Variant<'v> = &'v dyn Fn(usize, &Piece) -> Option<SecretBytes>;
    let in_clear = |_: usize, piece: &Piece| match piece.selected {
        true => None,
        false => through_float(&piece.value),
    };
    let variants: [Variant<'_>; 2] = [&|number, _| raw(number), &in_clear];
    variants.iter().any(|variant| {
        let mut digest = Digest::new(scope);
        for (number, piece) in pieces.iter().enumerate() {
            let bytes = variant(number, piece).unwrap_or_else(|| piece.value.canonical().into());
            digest.add(piece.selected, bytes.expose());
        }
        digest.finish() == *expected
    })
}

/// Looks for the one change that explains a mismatch.
pub(super) fn diagnose(
    expected: &SecretBytes,
    scope: MacScope,
    pieces: &[Piece],
    layout: &dyn Layout,
) -> Diagnosis {
    let spot = |piece: &Piece| Spot { path: piece.path.clone(), line: layout.line(piece.mark) };
    let counted = |piece: &&Piece| piece.selected || scope == MacScope::Everything;
    let counted: Vec<(&Piece, SecretBytes)> = pieces
        .iter()
        .filter(counted)
        .map(|piece| (piece, SecretBytes::from(piece.value.canonical())))
        .filter(|(_, bytes)| !bytes.is_empty())
        .collect();
    let matches = |order: &mut dyn Iterator<Item = usize>| {
        let mut digest = Digest::new(scope);
        order.for_each(|at| digest.add(true, counted[at].1.expose()));
        digest.finish() == *expected
    };
    let mut by_key: Vec<usize> = (0..counted.len()).collect();
    by_key.sort_by(|a, b| {
        counted[*a].0.path.0.iter().map(step_order).cmp(counted[*b].0.path.0.iter().map(step_order))
    });
    if matches(&mut by_key.into_iter()) {
        return Diagnosis::SortedByKey;
    }
    if counted.len() <= TRIED {
        for at in 0..counted.len() {
            if !counted[at].0.selected && matches(&mut (0..counted.len()).filter(|i| *i != at)) {
                return Diagnosis::Added(spot(counted[at].0));
            }
        }
        for at in 1..counted.len() {
            let swapped = &mut (0..counted.len()).map(|i| match i {
                i if i == at => at - 1,
                i if i + 1 == at => at,
                i => i,
            });
            if matches(swapped) {
                return Diagnosis::Swapped(spot(counted[at - 1].0), spot(counted[at].0));
            }
        }
    }
    let clear: Vec<&(&Piece, SecretBytes)> =
        counted.iter().filter(|(piece, _)| !piece.selected).collect();
    Diagnosis::Unknown {
        clear: clear.iter().take(NAMED).map(|(piece, _)| spot(piece)).collect(),
        count: clear.len(),
    }
}

fn step_order(step: &crate::tree::Step) -> (Option<usize>, Option<&str>) {
    match step {
        crate::tree::Step::Key(key) => (None, Some(key)),
        crate::tree::Step::Index(index) => (Some(*index), None),
    }
}
