//! `rotate`: the same content under a new data key.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::{
        GlobalFlags,
        files::{OutputFlags, TypeFlags},
        keys::{ChangeKeyFlags, ServiceFlags},
    },
    failure::Failure,
    status::Status,
};

/// Encrypt a file with a new data key; add or remove master keys
///
/// Encrypts a file with a new data key, for the same master keys, or with some of them added or
/// removed. Use it after a person or a key has lost access: `updatekeys` alone leaves the data key
/// that they may have kept.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs rotate -i secret.yaml
  sops-rs rotate -i --rm-age age1… secret.yaml           shut somebody out of later versions
  sops-rs rotate -i --add-kms arn:aws:kms:… secret.yaml")]
pub(crate) struct RotateArgs {
    /// The file
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    #[arg(hide = true)]
    extra: Vec<PathBuf>,
    /// Go on when the MAC does not match; the new file gets one that does
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    output: OutputFlags,
    #[command(flatten)]
    types: TypeFlags,
    #[command(flatten)]
    changes: ChangeKeyFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Runs it.
pub(crate) fn run(_args: &RotateArgs, _global: &GlobalFlags) -> Result<Status, Failure> {
    Err(Failure::generic("this command is still being built"))
}
