//! `encrypt`: a readable file becomes an encrypted one.

use std::path::{Path, PathBuf};

use clap::Args;

use sops_core::{
    audit::Action,
    config::Decision,
    crypto::MacScope,
    document::{Document, PlainDocument, SealedDocument},
    pipeline::{NonceMemory, OpenDocument, Target},
};

use crate::{
    args::{
        GlobalFlags,
        files::{OutputFlags, TypeFlags},
        keys::{KeyFlags, ServiceFlags},
        selection::SelectionFlags,
    },
    auditing::{Track, Trail},
    canonical,
    config_file::{self, ConfigFile},
    failure::{Failure, reading},
    files::{delivery::Input, input::Source, replace::Content},
    key_services::{KeyServices, Purpose},
    opening::{self, Mac, Open},
    request::{self, Formats, creation},
    sealing::{self, Order, Unrecorded},
    status::Status,
};

/// Encrypt a file
///
/// Encrypts the values of a file. Keys, comments and layout stay as they are. Without FILE,
/// standard input is read, and --filename-override says what it is.
///
/// Master keys and the rule of what is encrypted come from the first creation rule of .sops.yaml
/// that matches the file, or from flags.
///
/// --canonical is for SopsSecrets, the resources of an operator in Kubernetes: it puts the keys
/// below spec.secretTemplates in order, and lets the MAC cover encrypted values only. A file that
/// is encrypted already keeps its master keys and its data key.
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
    /// Bring a SopsSecret into the form in which an operator can verify its MAC, also one that is
    /// encrypted already
    #[arg(long)]
    canonical: bool,
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
pub(crate) fn run(
    args: &EncryptArgs,
    global: &GlobalFlags,
    trail: &Trail,
) -> Result<Status, Failure> {
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
    if args.canonical {
        let track = trail.on(source.file());
        return in_canonical_form(args, global, &source, formats, config.as_ref(), name, &track);
    }
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
    canonical::tell_of_order(&plain, &decision);
    let track = trail.on(source.file());
    track.begin(Action::Encrypt)?;
    let (data_key, keys) = KeyServices::new(&args.services)?.distribute(
        &decision.groups,
        &[],
        decision.shamir_threshold,
        Purpose::NEW_DATA_KEY,
    )?;
    let metadata = sealing::metadata(decision, keys);
    let order = Order { metadata, data_key: &data_key, target, allow_nothing_sealed };
    let sealed = sealing::seal(plain, NonceMemory::default(), order, &track)?;
    let sealed = sealed.record(&track)?;
    if let (true, Source::File(path)) = (args.output.in_place, &source) {
        formats.warn_of_name(path);
    }
    input.deliver(&args.output, &sealed.text, Content::Sealed)?;
    Ok(Status::Success)
}

/// Encrypts a SopsSecret with `--canonical`, or brings one there that is encrypted.
fn in_canonical_form(
    args: &EncryptArgs,
    global: &GlobalFlags,
    source: &Source,
    formats: Formats,
    config: Option<&ConfigFile>,
    name: &Path,
    track: &Track<'_>,
) -> Result<Status, Failure> {
    let target = request::target(formats.output, global, config)?;
    let input = Input::read(source, args.output.in_place)?;
    let text = match Document::read(formats.input, input.bytes().clone()) {
        Ok(Document::Plain(plain)) => {
            let plain = canonical::prepare(plain)?;
            let (keys, rule) = (&args.keys, &args.selection);
            let decision = creation::decision(keys, rule, config, name, formats.input)?;
            first(args, plain, decision, target, track)?.record(track)?.text.clone()
        }
        Ok(Document::Sealed(sealed)) => match again(args, *sealed, target, source.file(), track)? {
            Some(sealed) => sealed.record(track)?.text.clone(),
            None => input.bytes().clone(),
        },
        Err(error) => return Err(reading::plain(&error, formats.input)),
    };
    if let (true, Source::File(path)) = (args.output.in_place, source) {
        formats.warn_of_name(path);
    }
    input.deliver(&args.output, &text, Content::Sealed)?;
    Ok(Status::Success)
}

/// Encrypts what stands in clear, in order.
fn first(
    args: &EncryptArgs,
    plain: PlainDocument,
    mut decision: Decision,
    target: Target,
    track: &Track<'_>,
) -> Result<Unrecorded, Failure> {
    let root = canonical::demand(&plain.tree)?;
    let by_flag = args.selection.names_rule();
    decision.selection = canonical::settle(root, decision.selection, by_flag)?;
    decision.mac_scope = MacScope::SealedOnly;
    canonical::demand_canonical(root, &decision.selection)?;
    let allow_nothing_sealed =
        creation::may_encrypt_nothing(args.selection.allow_nothing_encrypted)?;
    track.begin(Action::Encrypt)?;
    let (data_key, keys) = KeyServices::new(&args.services)?.distribute(
        &decision.groups,
        &[],
        decision.shamir_threshold,
        Purpose::NEW_DATA_KEY,
    )?;
    let metadata = sealing::metadata(decision, keys);
    canonical::warn_of_schema(&metadata);
    let order = Order { metadata, data_key: &data_key, target, allow_nothing_sealed };
    sealing::seal(plain, NonceMemory::default(), order, track)
}

/// Brings an encrypted SopsSecret into canonical form, under the keys that it has; `None` when it
/// is in it.
fn again(
    args: &EncryptArgs,
    sealed: SealedDocument,
    target: Target,
    file: Option<&Path>,
    track: &Track<'_>,
) -> Result<Option<Unrecorded>, Failure> {
    if args.keys.any() || args.selection.names_rule() {
        let problem = "--canonical: the file is encrypted already, and keeps its keys and its rule";
        return Err(Failure::new(Status::ConflictingParameters, problem)
            .hint("`rotate` and `updatekeys` change the master keys of a file"));
    }
    let (format, claims) = (sealed.format, canonical::claims(&sealed.tree));
    if target.format == format && claims && canonical::is_canonical(&sealed.tree, &sealed.metadata)
    {
        return Ok(None);
    }
    let services = KeyServices::new(&args.services)?;
    let Open { data_key, document } =
        opening::open(sealed, &services, true, Mac::Demanded(file), track)?;
    let text = document.text().map_err(|error| reading::dump(&error))?;
    let OpenDocument { mut metadata, memory, .. } = document;
    let plain = match Document::read(format, text) {
        Ok(Document::Plain(plain)) => canonical::prepare(plain)?,
        Ok(Document::Sealed(_)) => return Err(reading::already_encrypted()),
        Err(error) => return Err(reading::plain(&error, format)),
    };
    let root = canonical::demand(&plain.tree)?;
    metadata.selection = canonical::settle(root, metadata.selection, false)?;
    metadata.mac_scope = MacScope::SealedOnly;
    canonical::demand_canonical(root, &metadata.selection)?;
    canonical::warn_of_schema(&metadata);
    metadata.raise_version();
    let order = Order { metadata, data_key: &data_key, target, allow_nothing_sealed: true };
    sealing::seal(plain, memory, order, track).map(Some)
}
