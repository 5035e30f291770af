//! The sops-rs command.
fn main() {}
