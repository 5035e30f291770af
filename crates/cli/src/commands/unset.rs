//! `unset`: one value less in an encrypted file.

use clap::Args;

use sops_core::pipeline::{self, OpenDocument};

use crate::{
    amending::Amending,
    args::{
        GlobalFlags,
        files::{DocumentFlag, TypeFlags},
        keys::ServiceFlags,
    },
    auditing::Trail,
    failure::{Failure, reading},
    request::place,
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
    document: DocumentFlag,
    #[command(flatten)]
    types: TypeFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Removes the value.
pub(crate) fn run(
    args: &UnsetArgs,
    global: &GlobalFlags,
    trail: &Trail,
) -> Result<Status, Failure> {
    let [file, index] = args.words.as_slice() else {
        let problem = "Error: no file specified, or index is missing";
        return Err(Failure::new(Status::NoFileSpecified, problem));
    };
    let path = place::path(&index.to_string_lossy(), "unset")?;
    let file = std::path::Path::new(file);
    let amending = Amending {
        path: file,
        name: file,
        types: &args.types,
        services: &args.services,
        ignore_mac: args.ignore_mac,
    };
    let change = |document: &OpenDocument| {
        let number = args.document.choose(document.tree.documents.len())?;
        match place::find(document.tree.documents.get(number), &path) {
            Err(_) if args.idempotent => Ok(None),
            Err(failure) => Err(failure),
            Ok(_) => pipeline::remove(document, number, &path)
                .map(Some)
                .map_err(|error| reading::amend(&error)),
        }
    };
    amending.run(global, trail, change, |_| ())
}
