//! What the tests of sops-rs share: scratch folders, the built command, the Go program to compare
//! with, the AWS rig, a proxy that injects faults, and a harness that kills a command at each of
//! its writes.
//!
//! Rules of this crate:
//!
//! - It depends on none of the product's crates, so that `cargo xtask` can use it while they do
//!   not compile.
//! - A test that needs something from outside asks [`need`] for it and returns when it gets
//!   `None`: absent on a laptop is a loud skip, absent in CI (`CI=true`) is a failure.
//! - Helpers panic when the test itself is wrong or the machine is broken, with what they were
//!   doing; they return what the command under test did.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper of tests fails the test it is called from, and the panic says where"
)]

pub mod canary;
pub mod crash;
pub mod double;
pub mod fault;
pub mod http;
pub mod need;
pub mod paths;
pub mod private_etc;
pub mod rig;
pub mod run;
pub mod scratch;
pub mod terminal;
