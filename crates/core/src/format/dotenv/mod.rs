//! dotenv: lines of `KEY=value` (format §7.4).
//!
//! The dialect is that of the reference: nothing is trimmed, quoted or exported, `\n` in a value
//! is a line break, `#` begins a comment in the first column only, and a carriage return belongs
//! to the value. Metadata is the lines whose key begins with `sops_`.
//!
//! Two things the sealed text cannot show are told by what it can:
//!
//! - A text without line break at its end is sealed without one at its end.
//! - The reference refuses blank lines of a text with CRLF, so they are sealed as empty lines. They
//!   come back where every other line of the opened text ends with CRLF. So that this cannot
//!   be wrong, a text in which only the blank lines end with a bare LF is refused.

mod emit;
mod layout;
mod parse;

#[cfg(test)]
mod tests;

pub use emit::emit;
pub use parse::parse;

/// What the keys of metadata begin with.
const PREFIX: &str = "sops_";
