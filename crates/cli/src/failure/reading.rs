//! Why a document could not be read, opened or sealed: in the words of SOPS, with statuses.

use sops_core::{
    crypto::SecretBytes,
    document::{Document, ReadError},
    format::{EmitError, Format, Problem, SectionError},
    pipeline::{AmendError, Diagnosis, LeafError, MacVerdict, SealError},
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
            return Failure::new(Status::EncryptingTree, problem);
        }
        _ => Status::CouldNotReadInput,
    };
    Failure::new(status, format!("Error unmarshalling file: {parse}"))
}

/// A text that should be encrypted could not be read.
pub(crate) fn sealed(error: &ReadError, format: Format, source: &SecretBytes) -> Failure {
    let failure = Failure::generic(sentence(error));
    match error {
        ReadError::Parse(_) => failure.maybe_hint(other_format(format, source)),
        _ => failure,
    }
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
    Failure::new(Status::DecryptingTree, problem).hint(
        "the value was changed, or moved to another key, outside of sops; restore it from Git",
    )
}

/// The MAC does not match.
pub(crate) fn mac(verdict: &MacVerdict) -> Failure {
    let failure = |words: String| Failure::new(Status::MacMismatch, words);
    let failure = match verdict {
        MacVerdict::Missing => failure("MAC mismatch. File has no MAC".to_owned()),
        MacVerdict::Unreadable => failure(
            "Cannot decrypt MAC: it does not belong to this file, this data key or this \
             lastmodified"
                .to_owned(),
        )
        .hint("after a merge, mac and lastmodified must come from the same side"),
        MacVerdict::Differs(diagnosis) => failure(format!("MAC mismatch. {}", likely(diagnosis))),
        MacVerdict::Matches | MacVerdict::MatchesLegacy => failure("MAC mismatch.".to_owned()),
    };
    failure.hint(
        "compare with an earlier version in Git; --ignore-mac opens the file as it is, and \
         saving it makes a new MAC",
    )
}

/// What most likely happened to the file.
fn likely(diagnosis: &Diagnosis) -> String {
    match diagnosis {
        Diagnosis::Swapped(a, b) => format!("The values at {a} and {b} have changed places"),
        Diagnosis::SortedByKey => {
            "The keys have been put into another order; they are sorted by name now".to_owned()
        }
        Diagnosis::Added(spot) => format!("The value at {spot} was added outside of sops"),
        Diagnosis::Unknown { clear, count: 0 } if clear.is_empty() => {
            "A value was removed or moved outside of sops".to_owned()
        }
        Diagnosis::Unknown { clear, count } => {
            let names: Vec<_> = clear.iter().map(ToString::to_string).collect();
            let more = count.saturating_sub(clear.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!(
                "A value was removed, moved or changed outside of sops; those in clear are {}{more}",
                names.join(", ")
            )
        }
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
        SealError::UnseenComment { .. } => Failure::generic(sentence(error))
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
    match error {
        EmitError::Reserved { document: 1, .. } => already_encrypted(),
        EmitError::Reserved { .. } => failure.hint("rename the key"),
        EmitError::CannotHold { .. } => failure.hint("choose another --output-type"),
        EmitError::NotBinary => failure.hint(
            "This is likely not an encrypted binary file? If not, use --output-type to select \
             the correct output type.",
        ),
    }
}

/// A decrypted tree does not fit into a format.
pub(crate) fn dump(error: &EmitError) -> Failure {
    Failure::new(Status::CouldNotDumpTree, format!("Error dumping file: {error}"))
        .hint("This is likely not an encrypted file of that type? Use --output-type to select the correct output type.")
}

/// A value was not put in or taken out.
pub(crate) fn amend(error: &AmendError) -> Failure {
    match error {
        AmendError::Emit(error) => emit(error),
        AmendError::WholeDocument => {
            Failure::new(Status::InvalidSetFormat, "Invalid set index format")
                .hint(error.to_string())
        }
        _ => Failure::generic(sentence(error)),
    }
}
