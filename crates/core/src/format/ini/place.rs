//! Where the parts of an INI text stand.

use std::ops::Range;

use super::value::Quote;

/// The place of a leaf or a comment.
#[derive(Debug)]
pub(super) enum Slot {
    /// A value.
    Value(ValuePlace),
    /// A comment, line by line.
    Comment(Vec<Piece>),
}

/// The place of a value.
#[derive(Clone, Debug)]
pub(super) struct ValuePlace {
    /// The value with its quotes.
    pub(super) raw: Range<usize>,
    /// Its quotes.
    pub(super) quote: Quote,
    /// The blanks and the comment that follow on the same line; empty if there is no comment.
    pub(super) behind: Range<usize>,
}

/// One line of a comment, or the comment beside something.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Where the marker stands.
    pub(super) marker: usize,
    /// The part of the comment's text: for the first piece, what follows its markers and blanks;
    /// for the others, what follows the marker. Without line break.
    pub(super) content: Range<usize>,
    /// What stands before it on its line.
    pub(super) beside: Beside,
}

/// What a comment stands beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Nothing: it has a line of its own.
    Nothing,
    /// The value of a key.
    Value,
    /// The header of a section.
    Header,
}

/// A section, or the place before the first one.
#[derive(Debug)]
pub(super) struct SectionPlace {
    /// Where its header begins; for the place before the first one, where that begins.
    pub(super) start: usize,
    /// Where the line behind its last key, or behind its header, begins.
    pub(super) end: usize,
    /// Its keys, in order.
    pub(super) keys: Vec<KeyPlace>,
}

/// A key.
#[derive(Debug)]
pub(super) struct KeyPlace {
    /// The key with its quotes.
    pub(super) key: Range<usize>,
    /// The lines of the key and its value, with their line breaks.
    pub(super) lines: Range<usize>,
}
