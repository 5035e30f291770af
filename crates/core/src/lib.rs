//! The SOPS file format (3.13) without I/O: bytes and values in, bytes and values out.
//!
//! ```text
//! &[u8] ─ format::parse ─▶ Parsed { tree, metadata, layout }
//!                             │
//!       config::creation ─▶ SealRequest { groups, selection, mac_scope, … }
//!                             │
//!                      pipeline::seal / open / reseal / rotate / rewrap
//!                             │
//!                      Layout::rewrite ──▶ the same text, other spans
//! ```
//!
//! Layers, from the bottom; lower ones never name higher ones: [`crypto`], [`tree`],
//! [`selection`], [`keys`], [`metadata`], [`mod@format`], [`document`], [`pipeline`],
//! [`sops_secret`], [`config`], [`audit`].
//!
//! Nothing here opens a file, reads a variable, asks for the time or draws randomness on its
//! own: those are arguments. Key services are reached through [`keys::KeyProvider`], which the
//! caller implements or takes from `sops-providers`.

#![forbid(unsafe_code)]

pub mod audit;
pub mod config;
pub mod crypto;
pub mod diff;
pub mod document;
pub mod format;
pub mod keys;
pub mod metadata;
pub mod pipeline;
pub mod selection;
pub mod sops_secret;
pub mod tree;
