//! The operations on documents, each on one screen.
//!
//! ```text
//! seal     plain text  + decision + data key            → sealed text
//! open     sealed text + data key                       → values, and the verdict on the MAC
//! reseal   opened document + the text it shall become   → sealed text, untouched tokens kept
//! rotate   opened document + new data key               → the same text, all tokens renewed
//! rewrap   sealed text + new key groups                 → the same text, other metadata
//! amend    opened document + path + value               → the text it shall become
//! ```
//!
//! Data keys come from [`crate::keys::recover`] and go to [`crate::keys::distribute`]; nothing
//! here asks a key service.

mod amend;
mod diagnosis;
mod leaves;
mod mac;
mod moved_comments;
mod nonces;
mod open;
mod pieces;
mod seal;
mod search;
#[cfg(test)]
mod tests;
mod unseen;

pub(crate) use amend::same_documents;
pub use amend::{AmendError, Amended, get, put, remove};
pub use diagnosis::{Diagnosis, Spot, Spots};
pub use leaves::{LeafError, LeafProblem};
pub use mac::MacVerdict;
pub use nonces::NonceMemory;
pub use open::{OpenDocument, Opened, open, open_undiagnosed};
pub use seal::{Check, Plan, SealError, SealedText, Target, reseal, rewrap, rotate, seal};
