//! `set`: one value of an encrypted file.

use clap::Args;

use crate::{
    args::{GlobalFlags, files::TypeFlags, keys::ServiceFlags},
    failure::Failure,
    status::Status,
};

/// Set one value of an encrypted file
///
/// Sets one value of an encrypted file, in place. The value is JSON: text stands in quotes, whole
/// numbers of any size stay whole numbers, lists and mappings are allowed.
///
/// What is missing on the way to PATH is made; a position behind the end of a list appends to it.
/// A value given as an argument can be seen in the list of processes and stays in the shell's
/// history: give secrets through --value-stdin or --value-file.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pass show db | jq -R . | sops-rs set --value-stdin secret.yaml '[\"db\"][\"password\"]'
  sops-rs set --value-file secret.yaml '[\"tls\"]' tls.json
  sops-rs set secret.yaml '[\"replicas\"]' 3
  sops-rs set secret.yaml '[\"hosts\"][0]' '\"db1.example.com\"'")]
pub(crate) struct SetArgs {
    /// FILE PATH [VALUE]
    #[arg(value_name = "FILE PATH VALUE", num_args = 0..)]
    words: Vec<std::ffi::OsString>,
    /// The third word is the name of a file that holds the value
    #[arg(long)]
    value_file: bool,
    /// Read the value from standard input
    #[arg(long)]
    value_stdin: bool,
    /// Write nothing if the value is the same already
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
pub(crate) fn run(_args: &SetArgs, _global: &GlobalFlags) -> Result<Status, Failure> {
    Err(Failure::generic("this command is still being built"))
}
