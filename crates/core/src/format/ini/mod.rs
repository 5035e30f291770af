//! INI: sections of `key = value` lines (format §7.5).
//!
//! The dialect is that of the library which the reference reads with; its corners were tried
//! with the reference and stand as tests. Stricter than the reference where it would lose text or
//! leave it in the clear: a key twice in one section, a key called `-`, and text behind a section's
//! name or behind a quoted key are refused.
//!
//! # Comments
//!
//! The lines above a section or key and the comment beside it are one comment. Sealed, its first
//! line holds the token, and of every other line the marker stays, so that each line comes back
//! where it was. The reference ignores what follows a token. The comments behind the last key of
//! the file, which the reference loses, are sealed like the other comments of the last section;
//! the reference takes them for a comment on the metadata and reads over it.
//!
//! # Values
//!
//! Quotes stay around a token, as the reference takes them off again. A value of several lines
//! that has a comment beside it is sealed with a line break before the closing quote, because
//! only there the reference sees a comment behind a quote.

mod comment;
mod emit;
mod layout;
mod parse;
mod place;
mod value;

#[cfg(test)]
mod tests;

pub use emit::emit;
pub use parse::parse;

/// The section that holds the metadata.
const SECTION: &str = "sops";

/// The section of the keys before any header.
const DEFAULT: &str = "DEFAULT";

/// What some editors put before a text; the reference reads over it.
const BOM: &str = "\u{feff}";
