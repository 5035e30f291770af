//! Key services: this program asks one, and is one, beside Go sops in both places (CLI §3.10).
//!
//! The wire itself is tested where it is spoken, in `sops_providers::keyservice`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "keyservice/asking.rs"]
mod asking;
#[path = "keyservice/interop.rs"]
mod interop;
#[path = "keyservice/place.rs"]
mod place;
#[path = "keyservice/prompt.rs"]
mod prompt;
#[path = "keyservice/restrictions.rs"]
mod restrictions;
#[path = "keyservice/serving.rs"]
mod serving;
#[path = "keyservice/tls.rs"]
mod tls;
