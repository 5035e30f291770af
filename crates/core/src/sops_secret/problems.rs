//! What can be wrong with a `Secret` manifest, and what a template does not keep of it.

use crate::tree::Path;

/// Where a manifest stands: the document, counted from 1, and below it the list item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The document, from 1.
    pub document: usize,
    /// The path of the object in it; empty unless it is in a list.
    pub path: Path,
}

/// Something that a template does not keep.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// `immutable: true`.
    #[error("immutable is left out: a SopsSecret has no such field, and the Secret can be changed")]
    Immutable,
    /// Finalizers.
    #[error("metadata.finalizers is left out: a SopsSecret has no such field")]
    Finalizers,
    /// A key in `data` and `stringData`.
    #[error(
        "{0:?} stands in data and in stringData: that of stringData counts, as in every Secret"
    )]
    Twice(String),
}

/// Why a document gives no template. Names places, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("document {}{}, {path}: {problem}", place.document, at(*line))]
pub struct ManifestError {
    /// The object.
    pub place: Place,
    /// The key path in the document.
    pub path: Path,
    /// The line, from 1, where that is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: ManifestProblem,
}

fn at(line: Option<usize>) -> String {
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestProblem {
    /// It is something else than a Secret.
    #[error("this is {0}, and only a v1 Secret, or a List of them, can be sealed")]
    OtherKind(String),
    /// It is a `SopsSecret` already.
    #[error("this is a SopsSecret already: `sops-rs encrypt --canonical` seals it")]
    SopsSecret,
    /// It has no name.
    #[error("the name is missing or empty")]
    NoName,
    /// It asks the API server for a name.
    #[error("generateName cannot be used: the Secret needs a name of its own")]
    GenerateName,
    /// A name that no object can have.
    #[error(
        "no valid name: small letters, digits, '-' and '.', up to 253, beginning and ending with \
         a letter or digit"
    )]
    Name,
    /// A key of `data` that no Secret can have.
    #[error("no valid key: letters, digits, '-', '_' and '.', up to 253")]
    DataKey,
    /// The value of a label that no object can have.
    #[error("no valid label value: letters, digits, '-', '_' and '.', up to 63")]
    LabelValue,
    /// A value that is no text.
    #[error("this is {0}, and a Secret takes text only: quote it")]
    NotText(&'static str),
    /// Null where a text belongs.
    #[error("this is null: write \"\" for an empty value")]
    Null,
    /// Not the shape it should have.
    #[error("this should be {0}")]
    NotA(&'static str),
    /// Not base64.
    #[error("the value is not base64: encode it, or write it under stringData")]
    NotBase64,
    /// Bytes that are not UTF-8 (a YAML `!!binary`).
    #[error("the value is not UTF-8: write it under data, in base64")]
    NotUtf8,
    /// A field that Secrets do not have.
    #[error("a Secret has no such field")]
    UnknownField,
    /// A key that stands in a mapping twice.
    #[error("the key stands there twice")]
    Repeated,
    /// A merge key.
    #[error("merge keys (<<) are not read here: write out what they stand for")]
    MergeKey,
    /// The same name twice.
    #[error("a Secret of this name came before, in document {0}")]
    SameName(usize),
}
