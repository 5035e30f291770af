//! The built program with AWS KMS keys, at emulators that really wrap and unwrap, behind a proxy
//! that lists each call and makes calls fail.
//!
//! What a provider promises on its own is tested in `contract_aws.rs`. Here it is the command: exit
//! status, what a person reads, how many calls a whole command costs, what becomes of the file, and
//! whether Go sops and this program open each other's files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "kms/chain.rs"]
mod chain;
#[path = "kms/counts.rs"]
mod counts;
#[path = "kms/failover.rs"]
mod failover;
#[path = "kms/interop.rs"]
mod interop;
#[path = "kms/place.rs"]
mod place;
#[path = "kms/refusals.rs"]
mod refusals;
#[path = "kms/sources.rs"]
mod sources;
