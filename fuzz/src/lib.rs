//! What the fuzz targets do with their input, one function a target.
//!
//! Each must return for every input, soon and without panic, and checks what its parser promises.
//! Randomness, keys and time are fixed, so that an input that fails once fails always.
//!
//! Documents go through `tests/property/sealing.rs`, the helper of the property tests: what holds
//! for generated documents has to hold for any that read.
#![allow(clippy::expect_used, clippy::panic, reason = "a target fails by panicking")]

mod documents;
mod keys;
mod openpgp;
mod parts;
#[path = "../../tests/property/sealing.rs"]
mod sealing;

pub use documents::{amend, document, note, sealed, value};
pub use keys::{identities, keys, shamir};
pub use openpgp::{pgp_home, pgp_message};
pub use parts::{config, metadata, path, pattern, time, token};

/// The first byte of an input as a number below `of`, and the rest.
fn choice(input: &[u8], of: usize) -> Option<(usize, &[u8])> {
    let (first, rest) = input.split_first()?;
    Some((usize::from(*first) % of, rest))
}

/// The parts of an input, between bytes that occur in no UTF-8 text.
fn fields<const N: usize>(input: &[u8]) -> Option<[&[u8]; N]> {
    let parts: Vec<&[u8]> = input.splitn(N, |byte| *byte == 0xff).collect();
    parts.try_into().ok()
}
