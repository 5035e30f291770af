//! `decrypt`: an encrypted file, or one value of it, in clear.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::{
        GlobalFlags,
        files::{OutputFlags, TypeFlags},
        keys::ServiceFlags,
    },
    failure::Failure,
    status::Status,
};

/// Decrypt a file, or one value of it
///
/// Decrypts a file and prints it. Without FILE, standard input is read.
///
/// The text is the author's: indentation, quotes, comments and order come back as they were. The
/// MAC over the whole file is checked; on a mismatch nothing is printed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs decrypt secret.yaml
  sops-rs decrypt secret.yaml | kubectl apply -f -
  sops-rs decrypt --extract '[\"stringData\"][\"password\"]' secret.yaml
  sops-rs decrypt --output-type json secret.yaml | jq .
  sops-rs decrypt --output clear.yaml secret.yaml           readable by you only (0600)")]
pub(crate) struct DecryptArgs {
    /// The file to decrypt
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    #[arg(hide = true)]
    extra: Vec<PathBuf>,
    /// Print only what stands at this path, such as ["db"]["hosts"][0]
    #[arg(long, value_name = "PATH")]
    extract: Option<String>,
    /// Go on when the MAC does not match, with what cannot be trusted
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    output: OutputFlags,
    #[command(flatten)]
    types: TypeFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Runs it.
pub(crate) fn run(_args: &DecryptArgs, _global: &GlobalFlags) -> Result<Status, Failure> {
    Err(Failure::generic("this command is still being built"))
}
