//! `encrypt`: a readable file becomes an encrypted one.

use std::path::PathBuf;

use clap::Args;

use sops_core::{document::Document, pipeline::NonceMemory};

use crate::{
    args::{
        GlobalFlags,
        files::{OutputFlags, TypeFlags},
        keys::{KeyFlags, ServiceFlags},
        selection::SelectionFlags,
    },
    config_file,
    failure::{Failure, reading},
    files::{delivery::Input, input::Source, replace::Content},
    key_services::{KeyServices, Purpose},
    request::{self, Formats, creation},
    sealing::{self, Order},
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

/// Encrypts.
pub(crate) fn run(args: &EncryptArgs, global: &GlobalFlags) -> Result<Status, Failure> {
    super::warn_of_extra(&args.extra);
    let source = Source::of(args.path.as_deref());
    request::demand_one_target(&args.output, &source)?;
    let name = request::name_of(&args.output, &source).ok_or_else(|| {
        let problem = "Error: must specify --filename-override when reading from stdin";
        Failure::new(Status::ConflictingParameters, problem)
    })?;
    source.demand_existing()?;

    let formats = Formats::of(&args.types, Some(name))?;
    let config = config_file::find(global)?;
    let decision =
        creation::decision(&args.keys, &args.selection, config.as_ref(), name, formats.input)?;
    let target = request::target(formats.output, global, config.as_ref())?;
    let target = request::for_output(target, &args.output);
    let allow_nothing_sealed =
        creation::may_encrypt_nothing(args.selection.allow_nothing_encrypted)?;

    let input = Input::read(&source, args.output.in_place)?;
    let plain = match Document::read(formats.input, input.bytes().clone()) {
        Ok(Document::Plain(plain)) => plain,
        Ok(Document::Sealed(_)) => return Err(reading::already_encrypted()),
        Err(error) => return Err(reading::plain(&error, formats.input)),
    };
    let (data_key, keys) = KeyServices::new(&args.services)?.distribute(
        &decision.groups,
        &[],
        decision.shamir_threshold,
        Purpose::NEW_DATA_KEY,
    )?;
    let metadata = sealing::metadata(decision, keys);
    let order = Order { metadata, data_key: &data_key, target, allow_nothing_sealed };
    let sealed = sealing::seal(plain, NonceMemory::default(), order)?;
    if let (true, Source::File(path)) = (args.output.in_place, &source) {
        formats.warn_of_name(path);
    }
    input.deliver(&args.output, &sealed.text, Content::Sealed)?;
    Ok(Status::Success)
}
