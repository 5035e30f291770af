//! The operator against a real API server.
//!
//! So far what its tests stand on: that the control plane does what is expected of it, and that
//! what counts and records misses nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that meets something unexpected fails, and the panic says where"
)]

#[path = "operator/harness.rs"]
mod harness;
#[path = "operator/rollout.rs"]
mod rollout;
