//! `rotate`: the same content under a new data key.

use std::path::PathBuf;

use clap::Args;

use sops_core::audit::Action;

use crate::{
    args::{
        GlobalFlags,
        files::{OutputFlags, TypeFlags},
        keys::{ChangeKeyFlags, ServiceFlags},
    },
    auditing::Trail,
    config_file,
    failure::Failure,
    files::{absolute_path, delivery::Input, input::Source, replace::Content},
    key_services::{KeyServices, Purpose},
    opening::{self, Mac},
    request::{self, Formats, changes},
    sealing::{self, Order},
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

/// Rotates.
pub(crate) fn run(
    args: &RotateArgs,
    global: &GlobalFlags,
    trail: &Trail,
) -> Result<Status, Failure> {
    super::warn_of_extra(&args.extra);
    let Some(path) = &args.path else { return Err(super::no_file()) };
    let source = Source::of(Some(path));
    request::demand_one_target(&args.output, &source)?;
    let change = changes::KeyChange::read(&args.changes)?;
    if !path.exists() && !change.is_empty() {
        let problem = format!(
            "Error: cannot add or remove keys on non-existent file \"{}\", use the `edit` \
             subcommand instead.",
            absolute_path(path).display()
        );
        return Err(Failure::new(Status::CannotChangeKeysOfMissingFile, problem));
    }
    let formats = Formats::of(&args.types, request::name_of(&args.output, &source))?;
    let services = KeyServices::new(&args.services)?;
    let config = config_file::find_settings(global)?;
    let target = request::target(formats.output, global, config.as_ref())?;
    let target = request::for_output(target, &args.output);

    let input = Input::read(&source, args.output.in_place)?;
    let sealed = opening::read(formats.input, input.bytes())?;
    let mut metadata = sealed.metadata.clone();
    let mac = Mac::unless(args.ignore_mac, source.file());
    let track = trail.on(source.file());
    track.begin(Action::Rotate)?;
    let document = opening::open(sealed, &services, true, mac, &track)?.document;
    let wanted = change.apply(&metadata.groups);
    let (data_key, keys) = services.distribute(
        &wanted,
        &metadata.groups,
        metadata.shamir_threshold,
        Purpose::NEW_DATA_KEY,
    )?;
    metadata.groups = keys.groups;
    metadata.shamir_threshold = u32::try_from(keys.threshold).unwrap_or(u32::MAX);
    // What the rule selects is no question here: it is the file's own.
    let order = Order { metadata, data_key: &data_key, target, allow_nothing_sealed: true };
    let sealed = sealing::rotate(document, order)?;
    let sealed = sealed.record(&track)?;
    if let (true, Source::File(path)) = (args.output.in_place, &source) {
        formats.warn_of_name(path);
    }
    input.deliver(&args.output, &sealed.text, Content::Sealed)?;
    Ok(Status::Success)
}
