//! `diff`: what changed between two versions of an encrypted file.

use std::path::{Path, PathBuf};

use clap::Args;

use sops_core::{
    audit::Action,
    crypto::SecretBytes,
    diff::{self, Change, ChangeKind, Side},
    document::{Document, ReadError},
    format::Format,
    metadata::Metadata,
    pipeline,
    tree::Tree,
};

use crate::{
    args::{GlobalFlags, keys::ServiceFlags},
    auditing::{Track, Trail},
    difference::{Report, unified},
    failure::{self, Failure, reading, sentence},
    files::{self, input::Source, print},
    git,
    key_services::{KeyServices, opens_here},
    opening, request,
    status::Status,
};

/// Show what changed between two versions of an encrypted file
///
/// Shows what changed between two versions of an encrypted file, by key path, without showing any
/// value: what was added, removed and changed, and changes of recipients and rules. Most of this
/// needs no key.
///
/// One FILE is compared with what is committed (HEAD, or --rev); two files with each other.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs diff secret.yaml                      the work tree against HEAD
  sops-rs diff --rev main~3 secret.yaml         against another revision
  sops-rs diff old.yaml new.yaml                two files
  sops-rs diff --show-values secret.yaml        the plaintext, if your keys open both sides
  sops-rs diff --json --exit-code secret.yaml   for scripts
In `git diff` and `git log -p`:
  git config diff.sops.command 'sops-rs diff'
  echo '*.enc.yaml diff=sops' >> .gitattributes")]
pub(crate) struct DiffArgs {
    /// The file, or the older one of two
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    /// The newer one of two
    #[arg(value_name = "NEW")]
    newer: Option<PathBuf>,
    /// What Git adds when it calls this as its external diff
    #[arg(hide = true)]
    rest: Vec<PathBuf>,
    /// The revision to compare FILE with
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    rev: String,
    /// Show the plaintext of both sides as a unified diff; needs keys of both
    #[arg(long, conflicts_with_all = ["json", "no_keys"])]
    show_values: bool,
    /// Use no key at all, not even one that lies on this machine
    #[arg(long)]
    no_keys: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Exit with 1 if there is a difference
    #[arg(long)]
    exit_code: bool,
    /// Format of the files
    #[arg(long, value_name = "FORMAT")]
    input_type: Option<String>,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Compares.
pub(crate) fn run(
    args: &DiffArgs,
    _global: &GlobalFlags,
    trail: &Trail,
) -> Result<Status, Failure> {
    let Some(path) = &args.path else { return Err(super::no_file()) };
    let services = KeyServices::new(&args.services)?;
    let (old, new) = sides(args, path)?;
    if args.show_values {
        // Other names than these are those of files that Git made for this moment.
        let newer = args.newer.as_ref().filter(|_| args.rest.is_empty()).unwrap_or(path);
        let before = old.plaintext(&services, &trail.on(Some(path)))?;
        let after = new.plaintext(&services, &trail.on(Some(newer)))?;
        let text = unified(&old.name, &new.name, &before, &after);
        print(text.expose())?;
        return Ok(status(args, !text.is_empty()));
    }
    let mut changes = changes(&old, &new, (None, None));
    let mut macs = (None, None);
    // A key is only looked for when ciphertext alone does not answer, and only on this machine.
    if changes.iter().any(needs_keys) && !args.no_keys {
        let (before, after) = (old.opened(&services), new.opened(&services));
        let trees = (before.as_ref().map(|found| &found.0), after.as_ref().map(|found| &found.0));
        changes = self::changes(&old, &new, trees);
        macs = (before.map(|found| found.1), after.map(|found| found.1));
    }
    let metadata = diff::metadata(old.metadata(), new.metadata());
    let report = Report {
        names: (&old.name, &new.name),
        states: (old.state(), new.state()),
        changes: &changes,
        metadata: &metadata,
        same_bytes: old.bytes.as_ref().map(SecretBytes::expose)
            == new.bytes.as_ref().map(SecretBytes::expose),
        macs,
    };
    let text = if args.json { format!("{}\n", report.json()) } else { report.text() };
    print(text.as_bytes())?;
    Ok(status(args, report.differs()))
}

fn status(args: &DiffArgs, differs: bool) -> Status {
    if args.exit_code && differs { Status::Generic } else { Status::Success }
}

fn needs_keys(change: &Change) -> bool {
    matches!(change.kind, ChangeKind::Unknown(..) | ChangeKind::Comments { .. })
}

/// One version of the file.
struct Version {
    name: String,
    /// `None` if there is no such file in it.
    bytes: Option<SecretBytes>,
    document: Option<Document>,
    format: Format,
}

fn sides(args: &DiffArgs, path: &Path) -> Result<(Version, Version), Failure> {
    let format =
        |name: &Path| request::format("--input-type", args.input_type.as_deref(), Some(name));
    if let (Some(old), [_, _, new, ..]) = (&args.newer, args.rest.as_slice()) {
        return as_git_asks(args, path, old, new);
    }
    if let [surplus, ..] = args.rest.as_slice() {
        let problem = format!("unexpected argument '{}'; there are two files", surplus.display());
        return Err(Failure::usage(problem));
    }
    if let Some(newer) = &args.newer {
        // `git difftool` and `diff` name a missing side /dev/null; the other one tells the format.
        let named = |path: &Path| {
            if path == Path::new("/dev/null") { newer.clone() } else { path.to_owned() }
        };
        let old =
            Version::read(path.display().to_string(), existing(path)?, format(&named(path))?)?;
        let name = if newer == Path::new("/dev/null") { path } else { newer };
        let new = Version::read(newer.display().to_string(), existing(newer)?, format(name)?)?;
        return Ok((old, new));
    }
    let format = format(path)?;
    // Git keeps where a link leads to; what is asked for is what stands there.
    let behind = path.is_symlink().then(|| path.canonicalize().ok()).flatten();
    let committed = git::file_at(&args.rev, behind.as_deref().unwrap_or(path))?;
    let here = if path.exists() { existing(path)? } else { None };
    if committed.is_none() && here.is_none() {
        return Err(files::missing(path));
    }
    let (old, new) = (format!("{} ({})", path.display(), args.rev), path.display().to_string());
    Ok((Version::read(old, committed, format)?, Version::read(new, here, format)?))
}

/// The sides as `diff.NAME.command` gets them: the path, then file, object and mode of each side.
fn as_git_asks(
    args: &DiffArgs,
    path: &Path,
    old: &Path,
    new: &Path,
) -> Result<(Version, Version), Failure> {
    let format = request::format("--input-type", args.input_type.as_deref(), Some(path))?;
    let side = |file: &Path, name: String| Version::read(name, existing(file)?, format);
    let name = path.display();
    Ok((side(old, format!("{name} (old)"))?, side(new, name.to_string())?))
}

/// A file that has to be there; a device without content is a missing file.
fn existing(path: &Path) -> Result<Option<SecretBytes>, Failure> {
    let source = Source::of(Some(path));
    source.demand_existing()?;
    if path == Path::new("/dev/null") { Ok(None) } else { source.read().map(Some) }
}

impl Version {
    fn read(name: String, bytes: Option<SecretBytes>, format: Format) -> Result<Self, Failure> {
        let document = match &bytes {
            None => None,
            Some(bytes) => match Document::read(format, bytes.clone()) {
                Ok(document) => Some(document),
                // An empty file is one without values.
                Err(ReadError::Parse(_)) if bytes.expose().trim_ascii().is_empty() => None,
                Err(error) => {
                    return Err(Failure::generic(format!("{name}: {}", sentence(&error))));
                }
            },
        };
        Ok(Self { name, bytes, document, format })
    }

    fn metadata(&self) -> Option<&Metadata> {
        match &self.document {
            Some(Document::Sealed(document)) => Some(&document.metadata),
            _ => None,
        }
    }

    fn state(&self) -> &'static str {
        match (&self.bytes, &self.document) {
            (None, _) => "absent",
            (_, Some(Document::Sealed(_))) => "encrypted",
            _ => "not encrypted",
        }
    }

    /// The tree with its values open, and whether its MAC matches, if keys of this machine do that
    /// without a question.
    fn opened(&self, services: &KeyServices) -> Option<(Tree, bool)> {
        let Some(Document::Sealed(document)) = &self.document else { return None };
        if !opens_here(&document.metadata) {
            return None;
        }
        let data_key = services.recover_quietly(&document.metadata)?;
        let again = match Document::read(self.format, self.bytes.clone()?) {
            Ok(Document::Sealed(document)) => document,
            _ => return None,
        };
        let (open, verdict) = pipeline::open(*again, &data_key, false).ok()?.unverified();
        Some((open.tree, verdict.is_good()))
    }

    /// The text in clear, and a record of it.
    fn plaintext(&self, services: &KeyServices, track: &Track<'_>) -> Result<SecretBytes, Failure> {
        let Some(bytes) = &self.bytes else { return Ok(SecretBytes::default()) };
        let Some(Document::Sealed(_)) = &self.document else { return Ok(bytes.clone()) };
        let sealed = opening::read(self.format, bytes)?;
        track.begin(Action::Decrypt)?;
        let (data_key, keys) = services.recover_with_keys(&sealed.metadata, |error, tried| {
            track.because(error.into());
            failure::keys::recover(error, tried)
        })?;
        let opened =
            pipeline::open(sealed, &data_key, false).map_err(|error| reading::leaf(&error))?;
        let (document, verdict) = opened.unverified();
        track.opened(keys, verdict.is_good())?;
        if !verdict.is_good() {
            failure::warn(format_args!(
                "{}: {}",
                self.name,
                reading::mac(&verdict, || None).message()
            ));
        }
        document.text().map_err(|error| reading::dump(&error))
    }
}

fn changes(old: &Version, new: &Version, open: (Option<&Tree>, Option<&Tree>)) -> Vec<Change> {
    let empty = Tree::default();
    fn side<'a>(version: &'a Version, open: Option<&'a Tree>, empty: &'a Tree) -> Side<'a> {
        match &version.document {
            Some(Document::Sealed(document)) => Side { tree: &document.tree, sealed: true, open },
            // What is in clear is open.
            Some(Document::Plain(document)) => {
                Side { tree: &document.tree, sealed: false, open: Some(&document.tree) }
            }
            None => Side { tree: empty, sealed: false, open: Some(empty) },
        }
    }
    diff::changes(side(old, open.0, &empty), side(new, open.1, &empty))
}
