//! The servers that `cargo xtask` starts on loopback for the tests.

pub mod aws;
pub mod cluster;
pub mod doubles;
pub mod gnupg;
pub mod huawei;
pub mod postgres;
pub mod servers;
pub mod stores;
pub mod vault;
