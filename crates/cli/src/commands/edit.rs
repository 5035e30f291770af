//! `edit`: a file in the editor, in clear, and encrypted again.

use std::path::{Path, PathBuf};

use clap::Args;

use sops_core::{
    audit::Action,
    crypto::{DataKey, SecretBytes},
    document::{Document, PlainDocument},
    format::Format,
    metadata::Metadata,
    pipeline::{NonceMemory, OpenDocument, SealedText, Target},
};

use crate::{
    args::{
        GlobalFlags,
        files::TypeFlags,
        keys::{KeyFlags, ServiceFlags},
        selection::SelectionFlags,
    },
    auditing::{Track, Trail},
    canonical, config_file,
    draft::{self, Draft},
    failure::{self, Failure, reading},
    files::{
        replace::{self, Content, Original},
        sample::sample,
    },
    key_services::{KeyServices, Purpose},
    metadata_edit,
    opening::{self, Mac, Open},
    request::{self, Formats, creation},
    sealing::{self, Order, Unrecorded},
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
    /// Use this name to choose the format and the creation rule, as in the older command line
    #[arg(long, hide = true, value_name = "NAME")]
    filename_override: Option<PathBuf>,
    #[command(flatten)]
    types: TypeFlags,
    #[command(flatten)]
    keys: KeyFlags,
    #[command(flatten)]
    selection: SelectionFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Edits.
pub(crate) fn run(args: &EditArgs, global: &GlobalFlags, trail: &Trail) -> Result<Status, Failure> {
    super::warn_of_extra(&args.extra);
    let Some(path) = &args.path else { return Err(super::no_file()) };
    let track = trail.on(Some(path));
    match path.exists() {
        true => existing(args, global, path, &track),
        false => new(args, global, path, &track),
    }
}

impl EditArgs {
    /// The name that tells format and rule.
    fn name<'a>(&'a self, path: &'a Path) -> &'a Path {
        let name = self.filename_override.as_deref();
        name.filter(|name| !name.as_os_str().is_empty()).unwrap_or(path)
    }
}

fn existing(
    args: &EditArgs,
    global: &GlobalFlags,
    path: &Path,
    track: &Track<'_>,
) -> Result<Status, Failure> {
    let formats = Formats::of(&args.types, Some(args.name(path)))?;
    formats.warn_of_name(path);
    let services = KeyServices::new(&args.services)?;
    let config = config_file::find_settings(global)?;
    let target = request::target(formats.output, global, config.as_ref())?;
    let allow = creation::may_encrypt_nothing(args.selection.allow_nothing_encrypted)?;
    let original = Original::read(path)?;
    original.demand_replaceable()?;
    let sealed = opening::read(formats.input, original.bytes())?;
    let mac = Mac::unless(args.ignore_mac, Some(path));
    let Open { data_key, document } = opening::open(sealed, &services, true, mac, track)?;
    let text = document.text().map_err(|error| reading::dump(&error))?;
    let canonical = canonical::is_canonical(&document.tree, &document.metadata);
    let OpenDocument { mut metadata, memory, .. } = document;
    metadata.raise_version();

    let format = formats.input;
    let opened = Opened { data_key, metadata, memory, format, target, allow, canonical };
    let sealed = if args.show_master_keys {
        let shown = metadata_edit::show(&text, &opened.metadata, opened.format)?;
        Draft::start(path, shown, opened.format)?.edit(|text| {
            let (plain, metadata) = metadata_edit::read(text, opened.format, &opened.metadata)?;
            let metadata =
                metadata_edit::settle(metadata, &opened.metadata, &opened.data_key, &services)?;
            opened.seal(plain, metadata, track)
        })?
    } else {
        Draft::start(path, text, opened.format)?
            .edit(|text| opened.seal(plain(text, opened.format)?, opened.metadata.clone(), track))?
    };
    let sealed = recorded(path, &sealed, track)?;
    original
        .replace(&sealed.text, Content::Sealed)
        .map_err(|failure| keep(path, &sealed.text, failure))?;
    Ok(Status::Success)
}

/// The edit, recorded. Without a record the file stays as it is, and the edit is kept.
fn recorded<'s>(
    path: &Path,
    sealed: &'s Unrecorded,
    track: &Track<'_>,
) -> Result<&'s SealedText, Failure> {
    sealed.record(track).map_err(|failure| keep(path, sealed.text_to_keep(), failure))
}

/// Keeps an edit that could not be written where it should: beside the file, else in the folder
/// for temporary files. It is encrypted, so it may lie on a disk; hours of work need not be lost.
fn keep(path: &Path, text: &SecretBytes, failure: Failure) -> Failure {
    if replace::holds(path, text) {
        // Only its folder could not be synced.
        return failure;
    }
    let beside = (1..10).map(|number| draft::beside(path, number));
    let temporary = std::env::temp_dir();
    let elsewhere = beside.clone().filter_map(|path| Some(temporary.join(path.file_name()?)));
    let kept =
        beside.chain(elsewhere).find(|place| replace::create(place, text, Content::Sealed).is_ok());
    match kept {
        Some(place) => {
            failure::note(format_args!("your edit was kept, encrypted, in {}", place.display()));
        }
        None => failure::note("your edit could not be kept in another place either"),
    }
    failure
}

/// A file as it was opened.
struct Opened {
    data_key: DataKey,
    metadata: Metadata,
    memory: NonceMemory,
    format: Format,
    target: Target,
    allow: bool,
    /// It is a SopsSecret in canonical form.
    canonical: bool,
}

impl Opened {
    fn seal(
        &self,
        plain: PlainDocument,
        metadata: Metadata,
        track: &Track<'_>,
    ) -> Result<Unrecorded, Failure> {
        let plain = canonical::keep(plain, self.canonical, &metadata, true);
        let order = Order {
            metadata,
            data_key: &self.data_key,
            target: self.target,
            allow_nothing_sealed: self.allow,
        };
        sealing::seal(plain, self.memory.clone(), order, track)
    }
}

fn new(
    args: &EditArgs,
    global: &GlobalFlags,
    path: &Path,
    track: &Track<'_>,
) -> Result<Status, Failure> {
    replace::demand_creatable(path)?;
    let name = args.name(path);
    let formats = Formats::of(&args.types, Some(name))?;
    let config = config_file::find(global)?;
    let decision =
        creation::decision(&args.keys, &args.selection, config.as_ref(), name, formats.input)?;
    let target = request::target(formats.output, global, config.as_ref())?;
    let layout = request::layout(formats.input, global, config.as_ref())?;
    let allow = creation::may_encrypt_nothing(args.selection.allow_nothing_encrypted)?;
    track.begin(Action::Encrypt)?;
    // Before the editor opens: whoever has written a text wants to keep it.
    let (data_key, keys) = KeyServices::new(&args.services)?.distribute(
        &decision.groups,
        &[],
        decision.shamir_threshold,
        Purpose::NEW_FILE,
    )?;
    let metadata = sealing::metadata(decision, keys);
    let memory = NonceMemory::default();
    let (format, canonical) = (formats.input, false);
    let opened = Opened { data_key, metadata, memory, format, target, allow, canonical };
    let text = sample(formats.input, &layout).map_err(|error| reading::dump(&error))?;
    let sealed = Draft::start(path, text, opened.format)?
        .edit(|text| opened.seal(plain(text, opened.format)?, opened.metadata.clone(), track))?;
    let sealed = recorded(path, &sealed, track)?;
    replace::create(path, &sealed.text, Content::Sealed)
        .map_err(|failure| keep(path, &sealed.text, failure))?;
    Ok(Status::Success)
}

/// The text that came out of the editor.
fn plain(text: &SecretBytes, format: Format) -> Result<PlainDocument, Failure> {
    match Document::read(format, text.clone()) {
        Ok(Document::Plain(plain)) => Ok(plain),
        Ok(Document::Sealed(_)) => Err(reading::already_encrypted()),
        Err(error) => Err(reading::plain(&error, format)),
    }
}
