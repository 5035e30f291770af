//! JSON: an object at the top (format §7.2).
//!
//! Duplicate keys and the order of keys are data and kept; only `sops` at the top, the metadata,
//! must be there once. Numbers keep their spelling as long as nobody edits them. Stricter than
//! the reference: text after the document, truncated input and half surrogate pairs are errors,
//! because each of them would be lost or changed without a word.

mod change;
mod emit;
mod layout;
mod object;
mod parse;
mod scan;
mod style;
mod write;

#[cfg(test)]
mod tests;

pub use emit::{emit, emit_node};
pub use object::{Object, ObjectError};
pub use parse::parse;
