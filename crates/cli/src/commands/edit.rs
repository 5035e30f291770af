//! `edit`: a file in the editor, in clear, and encrypted again.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::{
        GlobalFlags,
        files::TypeFlags,
        keys::{KeyFlags, ServiceFlags},
        selection::SelectionFlags,
    },
    failure::Failure,
    status::Status,
};

/// Edit an encrypted file in your editor
///
/// Opens an encrypted file in your editor ($SOPS_EDITOR, $EDITOR, or the first of vim, nano, vi),
/// and encrypts what you save. A file that does not exist yet starts from an example.
///
/// Values you do not touch keep their ciphertext, so that a change of one line is a diff of one
/// line, plus the MAC and its date. While the editor runs, the text lies in memory, in a folder
/// only you can enter, and is gone afterwards. If nothing was changed, nothing is written and the
/// exit status is 200.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs edit secret.yaml
  sops-rs edit --age age1… new-secret.yaml
  EDITOR='code --wait' sops-rs edit secret.yaml")]
pub(crate) struct EditArgs {
    /// The file to edit
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    #[arg(hide = true)]
    extra: Vec<PathBuf>,
    /// Show the metadata too; changes of it count as well
    #[arg(short, long)]
    show_master_keys: bool,
    /// Open the file although its MAC does not match; saving makes a new one
    #[arg(long)]
    ignore_mac: bool,
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
pub(crate) fn run(_args: &EditArgs, _global: &GlobalFlags) -> Result<Status, Failure> {
    Err(Failure::generic("this command is still being built"))
}
