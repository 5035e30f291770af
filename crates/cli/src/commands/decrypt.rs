//! `decrypt`: an encrypted file, or one value of it, in clear.

use std::path::PathBuf;

use clap::Args;
use sops_core::{
    crypto::SecretBytes,
    document::Document,
    format::{self, EmitError, EmitOptions, Format},
    pipeline::OpenDocument,
    tree::{Path, Tree},
};

use crate::{
    args::{
        GlobalFlags,
        files::{DocumentFlag, OutputFlags, TypeFlags},
        keys::ServiceFlags,
    },
    auditing::Trail,
    config_file,
    failure::{Failure, reading},
    files::{delivery::Input, input::Source, replace::Content},
    key_services::KeyServices,
    opening::{self, Mac},
    request::{self, Formats, extract},
    status::Status,
};

/// Decrypt a file, or one value of it
///
/// Decrypts a file and prints it. Without FILE, standard input is read.
///
/// The text is the author's: indentation, quotes, comments and order come back as they were. The
/// MAC over the whole file is checked; on a mismatch nothing is printed.
///
/// A file that gets the text, with --output or --in-place, can be read by its owner only from then
/// on: a new one has mode 0600, an existing one loses what its group and others may do.
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
    document: DocumentFlag,
    #[command(flatten)]
    output: OutputFlags,
    #[command(flatten)]
    types: TypeFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Decrypts.
pub(crate) fn run(
    args: &DecryptArgs,
    global: &GlobalFlags,
    trail: &Trail,
) -> Result<Status, Failure> {
    super::warn_of_extra(&args.extra);
    let source = Source::of(args.path.as_deref());
    request::demand_one_target(&args.output, &source)?;
    source.demand_existing()?;
    let name = request::name_of(&args.output, &source);
    let formats = Formats::of(&args.types, name)?;
    let path = extract::path(args.extract.as_deref())?;
    let services = KeyServices::new(&args.services)?;
    let config = config_file::find_settings(global)?;
    let layout = request::layout(formats.output, global, config.as_ref())?;

    let input = Input::read(&source, args.output.in_place)?;
    let sealed = opening::read(formats.input, input.bytes())?;
    let mac = Mac::unless(args.ignore_mac, source.file());
    let track = trail.on(source.file());
    let document = opening::open(sealed, &services, false, mac, &track)?.document;
    let text = clear(args, global, &document, formats, path.as_ref(), &layout)?;
    if let (true, Source::File(path)) = (args.output.in_place, &source) {
        formats.warn_of_name(path);
    }
    if args.output.in_place && path.is_none() {
        demand_readable(formats.output, &text)?;
    }
    input.deliver(&args.output, &text, Content::Plain)?;
    Ok(Status::Success)
}

/// What is printed of an opened document.
fn clear(
    args: &DecryptArgs,
    global: &GlobalFlags,
    document: &OpenDocument,
    formats: Formats,
    path: Option<&Path>,
    layout: &EmitOptions,
) -> Result<SecretBytes, Failure> {
    if let Some(path) = path {
        let documents = &document.tree.documents;
        let number = args.document.choose(documents.len())?;
        return extract::extract(documents.get(number), path, formats.output, layout);
    }
    whole(document, args.document, args.output.in_place, global, formats, layout)
}

/// All of a document, or the one of several that a flag names. `in_place`: it takes the place of
/// the file.
pub(super) fn whole(
    document: &OpenDocument,
    which: DocumentFlag,
    in_place: bool,
    global: &GlobalFlags,
    formats: Formats,
    layout: &EmitOptions,
) -> Result<SecretBytes, Failure> {
    let dumped = |text: Result<SecretBytes, EmitError>| text.map_err(|error| reading::dump(&error));
    let documents = &document.tree.documents;
    let all_fit = matches!(formats.output, Format::Yaml | Format::Binary);
    // Where the result takes the place of the file, what does not fit would be lost.
    let some_are_lost = documents.len() > 1 && !all_fit && !in_place;
    if which.is_given() || some_are_lost {
        let number = which.choose(documents.len())?;
        let tree = Tree { documents: documents.get(number).cloned().into_iter().collect() };
        return dumped(format::emit(formats.output, &tree, None, layout));
    }
    // The author's own layout, unless another one is asked for.
    if formats.input == formats.output && global.indent.is_none() {
        dumped(document.text())
    } else {
        dumped(document.emit(formats.output, layout))
    }
}

/// Refuses to give up the encrypted file for a text that cannot be read.
fn demand_readable(format: Format, text: &SecretBytes) -> Result<(), Failure> {
    match Document::read(format, text.clone()) {
        Err(error) if format != Format::Binary => Err(reading::plain(&error, format)
            .hint("the decrypted text cannot be read, so the file was left as it is")),
        _ => Ok(()),
    }
}
