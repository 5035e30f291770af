//! `filestatus`: whether a file is encrypted.

use std::path::PathBuf;

use clap::Args;

use crate::{args::GlobalFlags, failure::Failure, status::Status};

/// Tell whether a file is encrypted
///
/// Tells whether a file is encrypted, as one line of JSON. No key is needed. The exit status is 0
/// for both answers.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs filestatus secret.yaml                        {\"encrypted\":true}
  sops-rs filestatus secret.yaml | jq --exit-status .encrypted")]
pub(crate) struct FilestatusArgs {
    /// The file
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    #[arg(hide = true)]
    extra: Vec<PathBuf>,
    /// Say more about the file: format, version, date, master keys, rule
    #[arg(long)]
    json: bool,
    /// Format of the file
    #[arg(long, value_name = "FORMAT")]
    input_type: Option<String>,
}

/// Runs it.
pub(crate) fn run(_args: &FilestatusArgs, _global: &GlobalFlags) -> Result<Status, Failure> {
    Err(Failure::generic("this command is still being built"))
}
