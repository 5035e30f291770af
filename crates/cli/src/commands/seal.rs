//! `seal`: ordinary Secret manifests become one encrypted SopsSecret.

use std::path::{Path, PathBuf};

use clap::Args;

use sops_core::{
    audit::Action,
    crypto::MacScope,
    document::{Document, PlainDocument},
    format::{self, Format},
    pipeline::NonceMemory,
    selection::Selection,
    sops_secret::{self, Manifest, ManifestProblem},
    tree::{Mapping, Tree},
};

use crate::{
    args::{
        GlobalFlags,
        keys::{KeyFlags, ServiceFlags},
        selection::SelectionFlags,
    },
    auditing::Trail,
    canonical, config_file,
    failure::{self, Failure, reading},
    files::{
        input::Source,
        print,
        replace::{Content, write},
    },
    key_services::{KeyServices, Purpose},
    request::{self, creation},
    sealing::{self, Order},
    status::Status,
};

/// Make an encrypted SopsSecret of Kubernetes Secrets
///
/// Reads ordinary Secret manifests (YAML or JSON, one or several documents, Lists; without FILE,
/// standard input) and writes one encrypted SopsSecret, whose operator makes those Secrets in the
/// cluster. It is in canonical form, so that the operator can verify its MAC.
///
/// Master keys come from flags, or from the first creation rule of .sops.yaml that matches the
/// output, else --filename-override, else the first FILE. What is encrypted is not up to that
/// rule: everything below spec.secretTemplates is.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs seal db.yaml tls.yaml -o secrets/shop.yaml
  sops-rs seal --age age1… secret.yaml > sopssecret.yaml
  kubectl create secret generic db --dry-run=client -o yaml --from-file=password |
    sops-rs seal --namespace shop -o secrets/db.yaml")]
pub(crate) struct SealArgs {
    /// Secret manifests; - is standard input
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// Write to this file, in place of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Use this name to choose the format of the output and the creation rule
    #[arg(long, value_name = "NAME")]
    filename_override: Option<PathBuf>,
    /// Name of the SopsSecret (default: that of the first Secret)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Namespace of the SopsSecret (default: that of the Secrets)
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    #[command(flatten)]
    keys: KeyFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Seals.
pub(crate) fn run(args: &SealArgs, global: &GlobalFlags, trail: &Trail) -> Result<Status, Failure> {
    let sources = sources(&args.paths)?;
    let name = name_for_rules(args, &sources)?;
    let target_format = match Format::of_file_name(&name.to_string_lossy()) {
        Format::Json => Format::Json,
        _ => Format::Yaml,
    };
    let secrets = read(&sources)?;
    let object = object(args, &secrets)?;

    let config = config_file::find(global)?;
    let no_rule = SelectionFlags::default();
    let mut decision =
        creation::decision(&args.keys, &no_rule, config.as_ref(), &name, target_format)?;
    let rule = sops_secret::selection();
    if decision.selection != rule && decision.selection != Selection::default() {
        canonical::warn_of_rule(&decision.selection);
    }
    decision.selection = rule;
    decision.mac_scope = MacScope::SealedOnly;
    let target = request::target(target_format, global, config.as_ref())?;

    let track = trail.on(args.output.as_deref().or(sources.iter().find_map(Source::file)));
    track.begin(Action::Encrypt)?;
    let plain = laid_out(object, target_format, target.indent)?;
    let (data_key, keys) = KeyServices::new(&args.services)?.distribute(
        &decision.groups,
        &[],
        decision.shamir_threshold,
        Purpose::NEW_DATA_KEY,
    )?;
    let metadata = sealing::metadata(decision, keys);
    let order = Order { metadata, data_key: &data_key, target, allow_nothing_sealed: false };
    let sealed = sealing::seal(plain, NonceMemory::default(), order, &track)?;
    let sealed = sealed.record(&track)?;
    canonical::warn_of_schema(&sealed.metadata);
    warn_of_size(canonical::size_as_json(target_format, &sealed.text)?);
    match &args.output {
        Some(path) => {
            write(path, &sealed.text, Content::Sealed)?;
            failure::detail(format_args!("{} was written", path.display()));
        }
        None => print(sealed.text.expose())?,
    }
    Ok(Status::Success)
}

fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let mut sources: Vec<_> = paths.iter().map(|path| Source::of(Some(path))).collect();
    if sources.is_empty() {
        sources.push(Source::Stdin);
    }
    if sources.iter().filter(|source| **source == Source::Stdin).count() > 1 {
        return Err(Failure::usage("standard input can be read only once"));
    }
    sources.iter().try_for_each(Source::demand_existing)?;
    Ok(sources)
}

/// The name that creation rules are asked for. For whom a secret is encrypted is never guessed.
fn name_for_rules(args: &SealArgs, sources: &[Source]) -> Result<PathBuf, Failure> {
    let given = args.output.as_deref().or(args.filename_override.as_deref());
    let named = given.or_else(|| sources.iter().find_map(Source::file));
    match named.filter(|name| !name.as_os_str().is_empty()) {
        Some(name) => Ok(name.to_owned()),
        None if args.keys.any() => Ok(PathBuf::from("sopssecret.yaml")),
        None => Err(Failure::new(
            Status::ConflictingParameters,
            "Error: must specify --output, --filename-override or master keys when reading from \
             stdin",
        )),
    }
}

/// A Secret and where it came from.
struct Found {
    file: String,
    secret: Manifest,
}

fn read(sources: &[Source]) -> Result<Vec<Found>, Failure> {
    let mut all: Vec<Found> = Vec::new();
    for source in sources {
        let file = source.file().map_or("standard input".to_owned(), shown);
        let document = plain(source, &file)?;
        let secrets = sops_secret::read_manifests(&document).map_err(|error| {
            let failure = Failure::generic(format!("{file}: {error}"));
            match error.problem {
                ManifestProblem::UnknownField => {
                    failure.hint("Secrets have data, stringData, type and metadata; see the name")
                }
                _ => failure,
            }
        })?;
        for secret in secrets {
            for remark in &secret.remarks {
                failure::warn(format_args!("{file}: Secret {:?}: {remark}", secret.name));
            }
            all.push(Found { file: file.clone(), secret });
        }
    }
    if all.is_empty() {
        return Err(Failure::generic("there is no Secret in the input"));
    }
    for (at, found) in all.iter().enumerate() {
        let name = &found.secret.name;
        if let Some(first) = all[..at].iter().find(|other| other.secret.name == *name) {
            return Err(Failure::generic(format!(
                "{}: document {}: a Secret called {name:?} came before, in {}, document {}",
                found.file, found.secret.place.document, first.file, first.secret.place.document
            )));
        }
        demand_size(found)?;
    }
    Ok(all)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn plain(source: &Source, file: &str) -> Result<PlainDocument, Failure> {
    let json = source
        .file()
        .is_some_and(|path| Format::of_file_name(&path.to_string_lossy()) == Format::Json);
    // JSON is YAML, too; read as what it is, its errors are better.
    let format = if json { Format::Json } else { Format::Yaml };
    match Document::read(format, source.read()?) {
        Ok(Document::Plain(plain)) => Ok(plain),
        Ok(Document::Sealed(_)) => {
            Err(Failure::new(Status::FileAlreadyEncrypted, format!("{file} is encrypted already"))
                .hint("`sops-rs decrypt` gives what `seal` reads; a SopsSecret stays as it is"))
        }
        Err(error) => {
            let problem = format!("{file}: {}", failure::sentence(&error));
            Err(Failure::new(Status::CouldNotReadInput, problem))
        }
    }
}

/// The most that a Secret may hold.
const MOST: usize = 1 << 20;

fn demand_size(found: &Found) -> Result<(), Failure> {
    let (file, secret) = (&found.file, &found.secret);
    if secret.size > MOST {
        return Err(Failure::generic(format!(
            "{file}: Secret {:?} holds {} bytes, and no Secret may hold more than {MOST}",
            secret.name, secret.size
        )));
    }
    if secret.size > MOST / 10 * 9 {
        failure::warn(format_args!(
            "{file}: Secret {:?} holds {} bytes, close to the {MOST} that it may hold",
            secret.name, secret.size
        ));
    }
    Ok(())
}

/// The plain SopsSecret.
fn object(args: &SealArgs, found: &[Found]) -> Result<Mapping, Failure> {
    let secrets: Vec<_> = found.iter().map(|found| found.secret.clone()).collect();
    let first = secrets.first().map_or("", |secret| secret.name.as_str());
    let name = args.name.as_deref().unwrap_or(first);
    if !sops_secret::is_name(name) {
        return Err(Failure::usage(format_args!("{name:?} cannot be the name of a SopsSecret")));
    }
    let mut namespaces: Vec<&str> =
        secrets.iter().filter_map(|secret| secret.namespace.as_deref()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let namespace = match (namespaces.as_slice(), args.namespace.as_deref()) {
        ([], given) => given,
        ([one], None) => Some(*one),
        ([one], Some(given)) if *one == given => Some(given),
        ([one], Some(given)) => {
            return Err(Failure::generic(format!(
                "the Secrets are for namespace {one:?}, and --namespace says {given:?}"
            ))
            .hint("an operator makes Secrets in the namespace of the SopsSecret"));
        }
        (several, _) => {
            let list: Vec<_> = several.iter().map(|name| format!("{name:?}")).collect();
            return Err(Failure::generic(format!(
                "the Secrets are for several namespaces: {}",
                list.join(", ")
            ))
            .hint("seal those of each namespace apart: a SopsSecret makes Secrets in its own"));
        }
    };
    if let Some(namespace) =
        namespace.filter(|name| name.contains('.') || !sops_secret::is_name(name))
    {
        return Err(Failure::usage(format_args!("{namespace:?} cannot be a namespace")));
    }
    if namespaces.len() == 1 && secrets.iter().any(|secret| secret.namespace.is_none()) {
        failure::warn(format_args!(
            "Secrets without a namespace come into {:?} like the others",
            namespaces[0]
        ));
    }
    Ok(sops_secret::build(&secrets, name, namespace))
}

/// The plain text that is to be sealed, so that it is laid out like any other.
fn laid_out(object: Mapping, format: Format, indent: Option<u8>) -> Result<PlainDocument, Failure> {
    let tree = Tree { documents: vec![object] };
    let options = format::EmitOptions { indent };
    let text =
        format::emit(format, &tree, None, &options).map_err(|error| reading::emit(&error))?;
    match Document::read(format, text) {
        Ok(Document::Plain(plain)) if plain.tree == tree => Ok(plain),
        Ok(_) => Err(Failure::generic("the Secrets hold something that cannot be written")),
        Err(error) => Err(reading::plain(&error, format)),
    }
}

/// What annotations of one object may hold together; `kubectl apply` puts a copy of the object
/// into one.
const ANNOTATIONS: usize = 256 << 10;
/// What etcd takes in one request, by default.
const ETCD: usize = 3 << 19;

fn warn_of_size(size: usize) {
    if size > ETCD / 10 * 9 {
        failure::warn(format_args!(
            "the SopsSecret has {} KiB, and a cluster usually takes {} KiB: seal fewer Secrets at \
             a time",
            size >> 10,
            ETCD >> 10
        ));
    } else if size > ANNOTATIONS / 10 * 9 {
        failure::warn(format_args!(
            "the SopsSecret has {} KiB, and `kubectl apply` keeps a copy of it in an annotation, \
             which may have {} KiB: use `kubectl apply --server-side`",
            size >> 10,
            ANNOTATIONS >> 10
        ));
    }
}
