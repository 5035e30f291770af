//! `diff`: what changed between two versions of an encrypted file.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::{GlobalFlags, keys::ServiceFlags},
    failure::Failure,
    status::Status,
};

/// Show what changed between two versions of an encrypted file
///
/// Shows what changed between two versions of an encrypted file, by key path, without showing any
/// value: what was added, removed and changed, and changes of recipients and rules. Most of this
/// needs no key.
///
/// One FILE is compared with what is committed (HEAD, or --rev); two files with each other.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs diff secret.yaml                      the work tree against HEAD
  sops-rs diff --rev main~3 secret.yaml         against another revision
  sops-rs diff old.yaml new.yaml                two files
  sops-rs diff --show-values secret.yaml        the plaintext, if your keys open both sides
  sops-rs diff --json --exit-code secret.yaml   for scripts")]
pub(crate) struct DiffArgs {
    /// The file, or the older one of two
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    /// The newer one of two
    #[arg(value_name = "NEW")]
    newer: Option<PathBuf>,
    /// The revision to compare FILE with
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    rev: String,
    /// Show the plaintext of both sides as a unified diff; needs keys of both
    #[arg(long)]
    show_values: bool,
    /// Use no key at all, not even one that lies on this machine
    #[arg(long)]
    no_keys: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Exit with 1 if there is a difference
    #[arg(long)]
    exit_code: bool,
    /// Format of the files
    #[arg(long, value_name = "FORMAT")]
    input_type: Option<String>,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Runs it.
pub(crate) fn run(_args: &DiffArgs, _global: &GlobalFlags) -> Result<Status, Failure> {
    Err(Failure::generic("this command is still being built"))
}
