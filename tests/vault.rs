//! The built program with keys of Vault, at a real server of OpenBao.
//!
//! What a provider promises on its own is tested in `contract_vault.rs`. Here it is the command:
//! where settings come from, what a person reads, what becomes of the file, and whether Go sops and
//! this program open each other's files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "vault/interop.rs"]
mod interop;
#[path = "vault/place.rs"]
mod place;
#[path = "vault/refusals.rs"]
mod refusals;
#[path = "vault/settings.rs"]
mod settings;
