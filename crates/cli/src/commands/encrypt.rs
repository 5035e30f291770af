//! `encrypt`: a readable file becomes an encrypted one.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::{
        GlobalFlags,
        files::{OutputFlags, TypeFlags},
        keys::{KeyFlags, ServiceFlags},
        selection::SelectionFlags,
    },
    failure::Failure,
    status::Status,
};

/// Encrypt a file
///
/// Encrypts the values of a file. Keys, comments and layout stay as they are. Without FILE,
/// standard input is read, and --filename-override says what it is.
///
/// Master keys and the rule of what is encrypted come from the first creation rule of .sops.yaml
/// that matches the file, or from flags.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs encrypt -i secret.yaml                          under the rules of .sops.yaml
  sops-rs encrypt --age age1… secret.yaml > secret.enc.yaml
  sops-rs encrypt -i --encrypted-regex '^(data|stringData)$' secret.yaml
  sops-rs encrypt -i --kms arn:aws:kms:eu-west-1:111122223333:alias/team secret.json
  kubectl create secret generic db --dry-run=client -o yaml --from-literal=password=… |
    sops-rs encrypt --filename-override db.yaml > db.yaml")]
pub(crate) struct EncryptArgs {
    /// The file to encrypt
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    #[arg(hide = true)]
    extra: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputFlags,
    #[command(flatten)]
    types: TypeFlags,
    #[command(flatten)]
    keys: KeyFlags,
    #[command(flatten)]
    selection: SelectionFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Runs it.
pub(crate) fn run(_args: &EncryptArgs, _global: &GlobalFlags) -> Result<Status, Failure> {
    Err(Failure::generic("this command is still being built"))
}
