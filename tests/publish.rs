//! `publish`: what arrives at real servers (moto for S3, Secrets Manager and Parameter Store, OpenBao
//! for both kinds of key-value store), what arrives at a double of Google Cloud Storage, and what is
//! said; beside Go sops wherever it knows the destination.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "publish/aws.rs"]
mod aws;
#[path = "publish/command.rs"]
mod command;
#[path = "publish/gcs_double.rs"]
mod gcs_double;
#[path = "publish/place.rs"]
mod place;
#[path = "publish/s3.rs"]
mod s3;
#[path = "publish/signed.rs"]
mod signed;
#[path = "publish/vault.rs"]
mod vault;
