//! Google Cloud KMS and Azure Key Vault, at doubles: the contract of providers, the command, and Go
//! sops beside it on the same double.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test")]

#[path = "clouds/azure.rs"]
mod azure;
#[path = "support/contract.rs"]
mod contract;
#[path = "clouds/gcp.rs"]
mod gcp;
#[path = "clouds/place.rs"]
mod place;
