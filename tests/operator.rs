//! The operator against a real API server.
//!
//! Beside its own tests those of what they stand on: that the control plane does what is expected
//! of it, and that what counts and records misses nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that meets something unexpected fails, and the panic says where"
)]

#[path = "operator/examples.rs"]
mod examples;
#[path = "operator/faults.rs"]
mod faults;
#[path = "operator/ha.rs"]
mod ha;
#[path = "operator/harness.rs"]
mod harness;
#[path = "operator/killed.rs"]
mod killed;
#[path = "operator/refusals.rs"]
mod refusals;
#[path = "operator/rights.rs"]
mod rights;
#[path = "operator/scene.rs"]
mod scene;
#[path = "operator/services.rs"]
mod services;
