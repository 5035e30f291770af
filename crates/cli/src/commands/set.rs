//! `set`: one value of an encrypted file.

use clap::Args;

use std::{cell::Cell, ffi::OsStr};

use sops_core::{
    crypto::SecretBytes,
    document::Document,
    format::Format,
    pipeline::{self, OpenDocument, SealedText},
    selection::Selection,
    tree::Path,
};

use crate::{
    amending::Amending,
    args::{
        GlobalFlags,
        files::{DocumentFlag, TypeFlags},
        keys::ServiceFlags,
    },
    auditing::Trail,
    failure::{self, Failure, os_words, reading},
    files::input::Source,
    request::{self, place, value},
    sealing,
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
    /// Use this name to choose the format, as in the older command line
    #[arg(long, hide = true, value_name = "NAME")]
    filename_override: Option<std::path::PathBuf>,
    #[command(flatten)]
    document: DocumentFlag,
    #[command(flatten)]
    types: TypeFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Sets the value.
pub(crate) fn run(args: &SetArgs, global: &GlobalFlags, trail: &Trail) -> Result<Status, Failure> {
    if args.value_file && args.value_stdin {
        return Err(Failure::generic("Error: cannot use both --value-file and --value-stdin"));
    }
    let (file, index, last) = words(args)?;
    let path = place::path(&index.to_string_lossy(), "set")?;
    let value = value::value(&given(args, last)?)?;
    let file = std::path::Path::new(file);
    let name = args.filename_override.as_deref();
    let name = name.filter(|name| !name.as_os_str().is_empty()).unwrap_or(file);
    let format = request::format("--input-type", args.types.input_type.as_deref(), Some(name))?;
    place::demand_free(&path, format)?;
    let amending = Amending {
        path: file,
        name,
        types: &args.types,
        services: &args.services,
        ignore_mac: args.ignore_mac,
    };
    let number = Cell::new(0);
    let change = |document: &OpenDocument| {
        number.set(args.document.choose(document.tree.documents.len())?);
        let root = document.tree.documents.get(number.get());
        place::demand_fitting(root, &path)?;
        let known = place::find(root, &path).ok();
        if args.idempotent && known.is_some_and(|known| value::same(known, &value)) {
            return Ok(None);
        }
        pipeline::put(document, number.get(), &path, &value)
            .map(Some)
            .map_err(|error| reading::amend(&error))
    };
    amending.run(global, trail, change, |sealed| warn_of_clear(sealed, format, number.get(), &path))
}

/// Says that the file's own rule leaves the value in clear. With the default rule that is what a
/// name ending in `_unencrypted` asks for; any other rule may have been forgotten.
fn warn_of_clear(sealed: &SealedText, format: Format, number: usize, path: &Path) {
    if sealed.metadata.selection == Selection::default() {
        return;
    }
    let Ok(Document::Sealed(document)) = Document::read(format, sealed.text.clone()) else {
        return;
    };
    let root = document.tree.documents.get(number);
    if root.and_then(|root| place::landed(root, path)).is_some_and(place::has_clear_values) {
        failure::warn(format_args!(
            "{path} stands in clear: the rule of the file does not select it ({})",
            sealing::rule(&sealed.metadata)
        ));
    }
}

/// File, path, and the third word where one belongs.
fn words(args: &SetArgs) -> Result<(&OsStr, &OsStr, Option<&OsStr>), Failure> {
    match (args.words.as_slice(), args.value_stdin) {
        ([file, index], true) => Ok((file, index, None)),
        ([file, index, last], false) => Ok((file, index, Some(last))),
        (_, true) => Err(Failure::new(
            Status::NoFileSpecified,
            "Error: file specified, or index and value are missing. Need precisely 2 positional \
             arguments since --value-stdin is used.",
        )),
        (_, false) => Err(Failure::new(
            Status::NoFileSpecified,
            "Error: no file specified, or index and value are missing. Need precisely 3 \
             positional arguments.",
        )),
    }
}

/// The text of the value.
fn given(args: &SetArgs, last: Option<&OsStr>) -> Result<SecretBytes, Failure> {
    match last {
        None => Source::Stdin.read(),
        Some(name) if args.value_file => {
            std::fs::read(name).map(SecretBytes::new).map_err(|error| {
                Failure::generic(format!("open {}: {}", name.to_string_lossy(), os_words(&error)))
            })
        }
        Some(text) => Ok(SecretBytes::from(text.to_string_lossy().into_owned())),
    }
}
