//! Why a document could not be read, opened or sealed: in the words of SOPS, with statuses.

use sops_core::{
    crypto::SecretBytes,
    document::{Document, ReadError},
    format::{EmitError, Format, ParseError, Problem, SectionError},
    metadata::ReadMetadataError,
    pipeline::{AmendError, Diagnosis, LeafError, MacVerdict, SealError, Spot},
    tree::{Path, Step},
};

use super::{Failure, sentence};
use crate::status::Status;

const ALREADY_ENCRYPTED: &str = "\
The file you have provided contains a top-level entry called 'sops', or for
flat file formats top-level entries starting with 'sops_'. This is
generally due to the file already being encrypted. SOPS uses a top-level
entry called 'sops' to store the metadata required to decrypt the file. For
this reason, SOPS can not encrypt files that already contain such an entry.

If this is an unencrypted file, rename the 'sops' entry.

If this is an encrypted file and you want to edit it, use the editor mode,
for example: `sops-rs edit my_file.yaml`";

/// The input has metadata, or something in its place.
pub(crate) fn already_encrypted() -> Failure {
    Failure::new(Status::FileAlreadyEncrypted, ALREADY_ENCRYPTED)
}

/// A text that is to be encrypted could not be read.
pub(crate) fn plain(error: &ReadError, format: Format) -> Failure {
    let parse = match error {
        ReadError::Section(SectionError::Duplicate { .. } | SectionError::NotAMapping { .. })
        | ReadError::Section(SectionError::Flat { .. })
        | ReadError::Metadata(_) => return already_encrypted(),
        ReadError::Parse(parse) => parse,
    };
    let status = match parse.problem {
        Problem::Empty if format == Format::Yaml => {
            return Failure::new(
                Status::NeedAtLeastOneDocument,
                "File cannot be completely empty, it must contain at least one document",
            );
        }
        // JSON has one kind of number, and SOPS reads it before it looks at the tree.
        Problem::KeyNotText { .. } | Problem::NumberTooLarge if format != Format::Json => {
            let problem = format!("Error encrypting tree: Error walking tree: {parse}");
            return placed(Failure::new(Status::EncryptingTree, problem), parse);
        }
        _ => Status::CouldNotReadInput,
    };
    placed(Failure::new(status, format!("Error unmarshalling file: {parse}")), parse)
}

/// Adds where a text breaks its format.
fn placed(failure: Failure, error: &ParseError) -> Failure {
    failure.at_line(Some(error.line)).at_path(&error.path).because(error.problem.to_string())
}

/// A text that should be encrypted could not be read.
pub(crate) fn sealed(error: &ReadError, format: Format, source: &SecretBytes) -> Failure {
    let failure = Failure::generic(sentence(error));
    match error {
        ReadError::Parse(parse) => placed(failure, parse).maybe_hint(other_format(format, source)),
        ReadError::Section(
            SectionError::Duplicate { line } | SectionError::NotAMapping { line },
        ) => failure.at_line(Some(*line)).at_path(in_metadata([])),
        ReadError::Section(SectionError::Flat { field, .. }) => failure.at_path(key_path(field)),
        ReadError::Metadata(problem) => at_field(failure, problem),
    }
}

/// Adds which field of the metadata is wrong.
fn at_field(failure: Failure, error: &ReadMetadataError) -> Failure {
    match error {
        ReadMetadataError::NoKeys | ReadMetadataError::Selection(_) => {
            failure.at_path(in_metadata([]))
        }
        ReadMetadataError::LastModified => {
            failure.at_path(in_metadata([Step::Key("lastmodified".to_owned())]))
        }
        ReadMetadataError::Shape { field, .. } => {
            failure.at_path(in_metadata([Step::Key(field.clone())]))
        }
        ReadMetadataError::Key { kind, position, group, .. } => {
            let entry = [Step::Key(kind.name().to_owned()), Step::Index(position - 1)];
            let group =
                group.map(|group| [Step::Key("key_groups".to_owned()), Step::Index(group - 1)]);
            failure.at_path(in_metadata(group.into_iter().flatten().chain(entry)))
        }
    }
}

/// A path below the metadata, in the form that formats with levels have.
fn in_metadata(steps: impl IntoIterator<Item = Step>) -> Path {
    Path(std::iter::once(Step::Key("sops".to_owned())).chain(steps).collect())
}

fn key_path(key: &str) -> Path {
    Path(vec![Step::Key(key.to_owned())])
}

/// A text that should be encrypted is not.
pub(crate) fn no_metadata(format: Format, source: &SecretBytes) -> Failure {
    let hint = other_format(format, source).unwrap_or_else(|| {
        "the file is not encrypted; `sops-rs encrypt -i FILE` does that".to_owned()
    });
    Failure::generic("sops metadata not found").hint(hint)
}

/// Advice to name the format, if the text is an encrypted file of another one.
fn other_format(format: Format, source: &SecretBytes) -> Option<String> {
    let others = [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini];
    let found = others
        .into_iter()
        .filter(|other| *other != format)
        .find(|other| matches!(Document::read(*other, source.clone()), Ok(Document::Sealed(_))))?;
    let (read, name) = (format.name(), found.name());
    Some(format!(
        "this was read as {read} and is an encrypted {name} file: add --input-type {name} \
         --output-type {name}"
    ))
}

/// A value did not open.
pub(crate) fn leaf(error: &LeafError) -> Failure {
    let line = error.line.map(|line| format!(" (line {line})")).unwrap_or_default();
    let problem = format!(
        "Error decrypting tree: Error walking tree: Could not decrypt value: {}{line}: {}",
        error.path, error.problem
    );
    Failure::new(Status::DecryptingTree, problem)
        .at_line(error.line)
        .at_path(&error.path)
        .because(error.problem.to_string())
        .hint(
            "the value was changed, or moved to another key, outside of sops; restore it from Git",
        )
}

/// The MAC does not match. `since_intact` tells what Git knows of the file.
pub(crate) fn mac(verdict: &MacVerdict, since_intact: impl FnOnce() -> Option<String>) -> Failure {
    let failure = |words: String| Failure::new(Status::MacMismatch, words);
    let failure = match verdict {
        MacVerdict::Missing => failure("MAC mismatch. File has no MAC".to_owned()),
        MacVerdict::Unreadable => failure(
            "Cannot decrypt MAC: it does not belong to this file, this data key or this \
             lastmodified"
                .to_owned(),
        )
        .hint("after a merge, mac and lastmodified must come from the same side"),
        MacVerdict::Differs(diagnosis) => {
            let what = match diagnosis {
                Diagnosis::Unknown { .. } => since_intact().unwrap_or_else(|| likely(diagnosis)),
                _ => likely(diagnosis),
            };
            let failure = failure(format!("MAC mismatch. {what}")).because(what);
            match place(diagnosis) {
                Some(spot) => failure.at_line(spot.line).at_path(&spot.path),
                None => failure,
            }
        }
        MacVerdict::Matches | MacVerdict::MatchesLegacy => failure("MAC mismatch.".to_owned()),
    };
    failure.hint(
        "compare with an earlier version in Git; --ignore-mac opens the file as it is, and \
         saving it makes a new MAC",
    )
}

/// The place where it happened, if it is one; the first, if it is two.
fn place(diagnosis: &Diagnosis) -> Option<&Spot> {
    match diagnosis {
        Diagnosis::Swapped(spot, _)
        | Diagnosis::Moved { what: spot, .. }
        | Diagnosis::Added(spot)
        | Diagnosis::Copied(_, spot) => Some(spot),
        Diagnosis::Retyped { spots, count: 1, .. } => spots.first(),
        Diagnosis::Retyped { .. } | Diagnosis::WasSorted | Diagnosis::Unknown { .. } => None,
    }
}

/// What most likely happened to the file.
fn likely(diagnosis: &Diagnosis) -> String {
    match diagnosis {
        Diagnosis::Swapped(a, b) => format!("{a} and {b} have changed places outside of sops"),
        Diagnosis::Moved { what, before: Some(before) } => {
            format!("{what} was moved outside of sops: it stood before {before}")
        }
        Diagnosis::Moved { what, before: None } => {
            format!("{what} was moved outside of sops: it stood last")
        }
        Diagnosis::WasSorted => "The keys were put into another order outside of sops: they were \
                                 in the order of their names"
            .to_owned(),
        Diagnosis::Added(spot) => format!("{spot} was added outside of sops"),
        Diagnosis::Copied(of, copy) => format!("{copy} is a copy of {of}, made outside of sops"),
        Diagnosis::Retyped { spots, count, is_text: true } => format!(
            "{} became text outside of sops: without quotes it matches",
            listed(spots, *count)
        ),
        Diagnosis::Retyped { spots, count, is_text: false } => {
            format!("{} was text, and lost its quotes outside of sops", listed(spots, *count))
        }
        Diagnosis::Unknown { clear, empty, sorted } => {
            let mut words = match clear.count {
                0 => {
                    "A value was removed, moved or emptied outside of sops, or comes from another \
                      version of the file, as after a merge"
                        .to_owned()
                }
                _ => format!(
                    "A value was removed, moved or changed outside of sops, or comes from another \
                     version of the file, as after a merge; those in clear are {}",
                    listed(&clear.named, clear.count)
                ),
            };
            if empty.count > 0 {
                words += "; empty, maybe since then, are ";
                words += &listed(&empty.named, empty.count);
            }
            if *sorted {
                words += "; the keys are in the order of their names, so maybe a tool sorted them";
            }
            words
        }
    }
}

fn listed(spots: &[Spot], count: usize) -> String {
    let names: Vec<_> = spots.iter().map(ToString::to_string).collect();
    match count.saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// A document could not be sealed.
pub(crate) fn seal(error: &SealError) -> Failure {
    match error {
        SealError::NoDocument => Failure::new(
            Status::NeedAtLeastOneDocument,
            "File cannot be completely empty, it must contain at least one document",
        ),
        SealError::NothingSelected { .. } => Failure::generic(sentence(error)).hint(
            "correct the rule, or say --allow-nothing-encrypted (SOPS_ALLOW_NOTHING_ENCRYPTED=true)",
        ),
        SealError::CommentRule { path, line } => {
            let problem = format!("Error encrypting tree: {}", sentence(error));
            Failure::new(Status::EncryptingTree, problem).at_line(*line).at_path(path).hint(
                "choose a pattern that no ENC[AES256_GCM,data:…,type:comment] can contain, such \
                 as one with a blank",
            )
        }
        SealError::UnseenComment { line } => Failure::generic(sentence(error))
            .at_line(*line)
            .hint("put it on a line of its own, above the key or item that it is about"),
        SealError::Emit(error) => emit(error),
        SealError::Aliases(_) | SealError::Unreadable(_) | SealError::Unopenable => {
            let problem = format!("Error encrypting tree: {}", sentence(error));
            Failure::new(Status::EncryptingTree, problem)
                .hint("this is a fault of sops-rs: please report it with an example")
        }
    }
}

/// A tree does not fit into a format.
pub(crate) fn emit(error: &EmitError) -> Failure {
    let failure =
        Failure::new(Status::CouldNotDumpTree, format!("Could not marshal tree: {error}"));
    let failure = at_value(failure, error);
    match error {
        EmitError::Reserved { document: 1, .. } => already_encrypted(),
        EmitError::Reserved { .. } => failure.hint("rename the key"),
        EmitError::CannotHold { .. } => failure.hint("choose another --output-type"),
        EmitError::SeveralDocuments { .. } => failure.hint(
            "keep it YAML, or make a file of each document first: sops-rs decrypt --document N",
        ),
        EmitError::NotBinary => failure.hint(
            "This is likely not an encrypted binary file? If not, use --output-type to select \
             the correct output type.",
        ),
    }
}

/// Adds which value does not fit.
fn at_value(failure: Failure, error: &EmitError) -> Failure {
    match error {
        EmitError::CannotHold { path, .. } => failure.at_path(path),
        EmitError::Reserved { key, .. } => failure.at_path(key_path(key)),
        EmitError::NotBinary | EmitError::SeveralDocuments { .. } => failure,
    }
}

/// A decrypted tree does not fit into a format.
pub(crate) fn dump(error: &EmitError) -> Failure {
    let failure = Failure::new(Status::CouldNotDumpTree, format!("Error dumping file: {error}"));
    at_value(failure, error).hint(match error {
        EmitError::SeveralDocuments { .. } => "--document N names the one to write",
        EmitError::NotBinary => {
            "This is likely not an encrypted binary file? If not, use --output-type to select the \
             correct output type."
        }
        _ => "choose another --output-type",
    })
}

/// A value was not put in or taken out.
pub(crate) fn amend(error: &AmendError) -> Failure {
    match error {
        AmendError::Emit(error) => emit(error),
        AmendError::WholeDocument => {
            Failure::new(Status::InvalidSetFormat, "Invalid set index format")
                .hint(error.to_string())
        }
        AmendError::NotFound(path) | AmendError::Layout(path) => {
            Failure::generic(sentence(error)).at_path(path)
        }
        AmendError::Parse(parse) => placed(Failure::generic(sentence(error)), parse),
        AmendError::NoDocument(_) => Failure::generic(sentence(error)),
    }
}
