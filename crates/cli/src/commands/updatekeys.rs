//! `updatekeys`: the master keys of files as `.sops.yaml` wants them.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::{GlobalFlags, keys::ServiceFlags},
    failure::Failure,
    status::Status,
};

/// Bring the master keys of files in line with .sops.yaml
///
/// Compares the master keys of each FILE with the creation rule in .sops.yaml that matches it,
/// shows the difference, asks, and writes the file with the keys of the rule. Values, MAC and data
/// key stay.
///
/// A key that is removed this way may have been used to keep the data key: `rotate` afterwards.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs updatekeys secret.yaml
  sops-rs updatekeys --yes $(git ls-files '*.enc.yaml')
  sops-rs updatekeys --json --yes secret.yaml | jq .changed")]
pub(crate) struct UpdatekeysArgs {
    /// The files
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print one JSON object per file instead of text
    #[arg(long)]
    json: bool,
    /// Format of the files
    #[arg(long, value_name = "FORMAT")]
    input_type: Option<String>,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Runs it.
pub(crate) fn run(_args: &UpdatekeysArgs, _global: &GlobalFlags) -> Result<Status, Failure> {
    Err(Failure::generic("this command is still being built"))
}
