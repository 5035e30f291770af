//! The audit log of the command: what is in it, and what happens when it cannot be written.
//!
//! `/etc/sops/audit.yaml` has one path, so each program under test gets an `/etc` of its own
//! (`sops_tests::private_etc`). The database is a real PostgreSQL; rows are compared with those of
//! the Go program.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "audit/closed.rs"]
mod closed;
#[path = "audit/lines.rs"]
mod lines;
#[path = "audit/place.rs"]
mod place;
#[path = "audit/published.rs"]
mod published;
#[path = "audit/rows.rs"]
mod rows;
#[path = "audit/tls.rs"]
mod tls;
#[path = "audit/verify.rs"]
mod verify;
