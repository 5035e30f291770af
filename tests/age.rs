//! The built program with age identities that need somebody's help: plugins, passphrases by
//! gpg-agent and at a terminal; and every place where identities may be.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "age/agent.rs"]
mod agent;
#[path = "age/passphrase.rs"]
mod passphrase;
#[path = "age/place.rs"]
mod place;
#[path = "age/plugin.rs"]
mod plugin;
#[path = "age/sources.rs"]
mod sources;
