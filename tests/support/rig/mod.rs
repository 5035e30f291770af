//! The servers that `cargo xtask` starts on loopback for the tests.

pub mod aws;
pub mod servers;
