//! `filestatus`: whether a file is encrypted.

use std::path::PathBuf;

use clap::Args;

use serde_json::{Value, json};
use sops_core::{
    crypto::MacScope,
    document::{Document, ReadError},
    format::Format,
    metadata::Metadata,
};

use crate::{
    args::GlobalFlags,
    failure::{self, Failure},
    files::{
        input::{Source, demand_there},
        print,
    },
    request,
    status::Status,
};

/// Tell whether a file is encrypted
///
/// Tells whether a file is encrypted, as one line of JSON. No key is needed. The exit status is 0
/// for both answers.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs filestatus secret.yaml                        {\"encrypted\":true}
  sops-rs filestatus secret.yaml | jq --exit-status .encrypted")]
pub(crate) struct FilestatusArgs {
    /// The file
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    #[arg(hide = true)]
    extra: Vec<PathBuf>,
    /// Say more about the file: format, version, date, master keys, rule
    #[arg(long)]
    json: bool,
    /// Format of the file
    #[arg(long, value_name = "FORMAT")]
    input_type: Option<String>,
}

/// Tells.
pub(crate) fn run(args: &FilestatusArgs, _global: &GlobalFlags) -> Result<Status, Failure> {
    super::warn_of_extra(&args.extra);
    let Some(path) = &args.path else { return Err(super::no_file()) };
    let format = request::format("--input-type", args.input_type.as_deref(), Some(path))?;
    let source = Source::of(Some(path));
    let bytes = source.file().map_or(Ok(()), demand_there).and_then(|()| source.read());
    let bytes = bytes.map_err(|failure| {
        let problem =
            format!("cannot check file status: cannot load encrypted file: {}", failure.message());
        Failure::generic(problem)
    })?;
    let read = Document::read(format, bytes);
    let metadata = match &read {
        Ok(Document::Sealed(document)) => Some(&document.metadata),
        // A text that breaks its format is not encrypted, and saying so is an answer. Metadata
        // that cannot be understood is none.
        Ok(Document::Plain(_)) | Err(ReadError::Parse(_)) => None,
        Err(error) => {
            let problem = format!(
                "cannot check file status: cannot load encrypted file: {}",
                failure::sentence(error)
            );
            return Err(Failure::generic(problem));
        }
    };
    let encrypted =
        metadata.is_some_and(|found| !found.version.is_empty() && !found.mac.is_empty());
    let answer = match (args.json, metadata) {
        (true, Some(found)) => described(encrypted, format, found),
        (true, None) => json!({ "encrypted": encrypted, "format": format.name() }),
        (false, _) => json!({ "encrypted": encrypted }),
    };
    print(format!("{answer}\n").as_bytes())?;
    Ok(Status::Success)
}

fn described(encrypted: bool, format: Format, found: &Metadata) -> Value {
    let groups: Vec<Value> = found
        .groups
        .iter()
        .map(|group| {
            let keys = group.0.iter();
            keys.map(|key| json!({ "kind": key.key.kind().name(), "key": key.key.identity() }))
                .collect()
        })
        .collect();
    let rule = found.selection.field().map(|(field, text)| json!({ field.name(): text }));
    json!({
        "encrypted": encrypted,
        "format": format.name(),
        "version": found.version,
        "lastmodified": found.last_modified.to_string(),
        "groups": groups,
        "groups_needed": found.groups_needed(),
        "rule": rule,
        "mac_only_encrypted": found.mac_scope == MacScope::SealedOnly,
    })
}
