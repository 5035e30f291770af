//! Tries guesses about the order and content of a document's values: does the MAC come out?
//!
//! The hash of everything before the first difference is known, so a guess costs what comes
//! behind it.

use std::ops::Range;

use super::pieces::Piece;
use crate::crypto::{Digest, MacScope, SecretBytes};

/// Bytes that all guesses together may hash: less than half a second.
const BUDGET: usize = 128 << 20;
/// What a guess costs besides its bytes, in bytes.
const PER_GUESS: usize = 1 << 10;
/// Values between two states of the hash that are kept.
const EVERY: usize = 32;
/// The values of a document as one digest sees them, and the work that may still be done.
pub(super) struct Search<'a> {
    expected: &'a SecretBytes,
    /// All of them, one behind the other.
    bytes: SecretBytes,
    /// Where each begins, and the end.
    starts: Vec<usize>,
    /// The hash before every [`EVERY`]th.
    states: Vec<Digest>,
    budget: usize,
}

/// A piece of a guess: values by their numbers, or bytes in the place of some.
pub(super) enum Part<'p> {
    Values(Range<usize>),
    Other(&'p [u8]),
}

impl<'a> Search<'a> {
    pub(super) fn new(expected: &'a SecretBytes, scope: MacScope, values: &[&Piece]) -> Self {
        let mut bytes = SecretBytes::default();
        let mut starts = Vec::with_capacity(values.len() + 1);
        let mut states = Vec::with_capacity(values.len() / EVERY + 1);
        let mut digest = Digest::new(scope);
        for (at, piece) in values.iter().enumerate() {
            if at % EVERY == 0 {
                states.push(digest.clone());
            }
            let value = piece.value.canonical();
            digest.add(true, value.expose());
            starts.push(bytes.len());
            bytes.expose_mut().extend_from_slice(value.expose());
        }
        starts.push(bytes.len());
        Self { expected, bytes, starts, states, budget: 0 }
    }

    pub(super) fn count(&self) -> usize {
        self.starts.len() - 1
    }

    fn range(&self, values: &Range<usize>) -> &[u8] {
        &self.bytes.expose()[self.starts[values.start]..self.starts[values.end]]
    }

    /// Whether the work that was granted is done.
    pub(super) fn is_over(&self) -> bool {
        self.budget == 0
    }

    /// Grants work for the guesses that follow: so many hundredths of what all may take.
    pub(super) fn allow(&mut self, share: usize) {
        self.budget = BUDGET / 100 * share;
    }

    /// Whether the MAC is that of these parts, as long as there is work left.
    pub(super) fn matches(&mut self, parts: &[Part<'_>]) -> bool {
        if self.budget == 0 {
            return false;
        }
        self.finds(parts)
    }

    /// As [`Search::matches`], for the few guesses that are made whatever they cost.
    pub(super) fn finds(&mut self, parts: &[Part<'_>]) -> bool {
        let mut hashed = PER_GUESS;
        let (mut digest, mut rest) = (self.states.first().cloned(), parts);
        // What comes before the first difference was hashed already.
        if let Some((Part::Values(values), behind)) = parts.split_first()
            && values.start == 0
            && !self.states.is_empty()
        {
            let known = (values.end / EVERY).min(self.states.len() - 1);
            let left = self.range(&(known * EVERY..values.end));
            let mut state = self.states[known].clone();
            state.add(true, left);
            hashed += left.len();
            (digest, rest) = (Some(state), behind);
        }
        let Some(mut digest) = digest else { return false };
        for part in rest {
            let bytes = match part {
                Part::Values(values) => self.range(values),
                Part::Other(bytes) => bytes,
            };
            digest.add(true, bytes);
            hashed += bytes.len();
        }
        self.budget = self.budget.saturating_sub(hashed);
        digest.finish() == *self.expected
    }

    /// Whether the MAC matches without these.
    pub(super) fn without(&mut self, values: &Range<usize>) -> bool {
        let end = self.count();
        self.matches(&[Part::Values(0..values.start), Part::Values(values.end..end)])
    }

    /// Whether the MAC matches with these two exchanged, the first of which stands first.
    pub(super) fn exchanged(&mut self, a: &Range<usize>, b: &Range<usize>) -> bool {
        let end = self.count();
        self.matches(&[
            Part::Values(0..a.start),
            Part::Values(b.clone()),
            Part::Values(a.end..b.start),
            Part::Values(a.clone()),
            Part::Values(b.end..end),
        ])
    }

    /// Whether the MAC matches with these in front of what begins at `to`, which is not within.
    pub(super) fn moved(&mut self, values: &Range<usize>, to: usize) -> bool {
        let (this, end) = (values.clone(), self.count());
        if to <= values.start {
            let back = Part::Values(to..values.start);
            return self.matches(&[
                Part::Values(0..to),
                Part::Values(this),
                back,
                Part::Values(values.end..end),
            ]);
        }
        let front = Part::Values(values.end..to);
        self.matches(&[
            Part::Values(0..values.start),
            front,
            Part::Values(this),
            Part::Values(to..end),
        ])
    }
}
