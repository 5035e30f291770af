//! `unset`: one value less in an encrypted file.

use clap::Args;

use crate::{
    args::{GlobalFlags, files::TypeFlags, keys::ServiceFlags},
    failure::Failure,
    status::Status,
};

/// Remove one value from an encrypted file
///
/// Removes what stands at PATH from an encrypted file, in place.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs unset secret.yaml '[\"db\"][\"password\"]'
  sops-rs unset --idempotent secret.yaml '[\"hosts\"][0]'     no error if it is gone already")]
pub(crate) struct UnsetArgs {
    /// FILE PATH
    #[arg(value_name = "FILE PATH", num_args = 0..)]
    words: Vec<std::ffi::OsString>,
    /// No error if there is nothing at PATH
    #[arg(long)]
    idempotent: bool,
    /// Open the file although its MAC does not match; writing makes a new one
    #[arg(long)]
    ignore_mac: bool,
    /// Accepted for scripts written for SOPS, without effect there as well
    #[arg(long, hide = true, value_name = "N", value_parser = crate::args::integer)]
    shamir_secret_sharing_threshold: Option<i64>,
    #[command(flatten)]
    types: TypeFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Runs it.
pub(crate) fn run(_args: &UnsetArgs, _global: &GlobalFlags) -> Result<Status, Failure> {
    Err(Failure::generic("this command is still being built"))
}
