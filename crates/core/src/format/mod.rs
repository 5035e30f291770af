//! Text to tree and back. Each format is one module; a [`Layout`] remembers the text it came
//! from, so that what nobody edited stays as it was.

pub mod binary;
pub mod dotenv;
mod flatten;
pub mod ini;
pub mod json;
pub mod layout;
mod text;
#[cfg(test)]
pub(crate) mod there_and_back;
pub mod yaml;

use crate::{
    crypto::SecretBytes,
    tree::{Mapping, Node, Path, Step, Tree},
};

pub(crate) use text::text_of;

pub use layout::{Edit, Expanded, Layout, Rewrite, splice};

/// The file formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML, one document or several.
    Yaml,
    /// JSON with an object at the top.
    Json,
    /// `KEY=value` lines.
    Dotenv,
    /// Sections of `key = value` lines.
    Ini,
    /// Anything; sealed, it is JSON with the key `data`.
    Binary,
}

impl Format {
    /// All of them, in the order of CLI §4.1.
    pub const ALL: [Self; 5] = [Self::Binary, Self::Dotenv, Self::Ini, Self::Json, Self::Yaml];

    /// The name as `--input-type` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        }
    }

    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format that a file's name tells (CLI §4.1): by suffix, with regard to case.
    pub fn of_file_name(name: &str) -> Self {
        let ends = |suffix: &str| name.ends_with(suffix);
        if ends(".yaml") || ends(".yml") {
            Self::Yaml
        } else if ends(".json") {
            Self::Json
        } else if ends(".env") {
            Self::Dotenv
        } else if ends(".ini") {
            Self::Ini
        } else {
            Self::Binary
        }
    }
}

/// Reads a text of this format.
///
/// # Errors
/// If the text breaks the format's grammar, or holds what cannot be encrypted.
pub fn parse(format: Format, source: SecretBytes) -> Result<Parsed, ParseError> {
    match format {
        Format::Json => json::parse(source),
        Format::Binary => binary::parse(source),
        Format::Dotenv => dotenv::parse(source),
        Format::Yaml => yaml::parse(source),
        Format::Ini => ini::parse(source),
    }
}

/// Writes a tree in this format where there is no original text to follow: in the clear, or with
/// `metadata` as a sealed document.
///
/// # Errors
/// If the format cannot hold the tree.
pub fn emit(
    format: Format,
    tree: &Tree,
    metadata: Option<&Mapping>,
    options: &EmitOptions,
) -> Result<Output, EmitError> {
    let one = matches!(format, Format::Json | Format::Dotenv | Format::Ini);
    if one && tree.documents.len() > 1 {
        let (format, documents) = (format.name(), tree.documents.len());
        return Err(EmitError::SeveralDocuments { format, documents });
    }
    match format {
        Format::Json => json::emit(tree, metadata, options),
        Format::Binary => binary::emit(tree, metadata, options),
        Format::Dotenv => dotenv::emit(tree, metadata, options),
        Format::Yaml => yaml::emit(tree, metadata, options),
        Format::Ini => ini::emit(tree, metadata, options),
    }
}

/// Writes one node of a document, as `--extract` prints it (format §7.2): what a format has for
/// a value, or a document whose only content it is.
///
/// # Errors
/// If the format cannot hold the node on its own.
pub fn emit_node(format: Format, node: &Node, options: &EmitOptions) -> Result<Output, EmitError> {
    match (format, node) {
        (Format::Yaml, _) => Ok(yaml::emit_node(node, options)),
        (Format::Json, _) => json::emit_node(node, options),
        (Format::Binary, _) => Err(EmitError::NotBinary),
        (Format::Dotenv | Format::Ini, Node::Leaf(leaf)) => Ok(text::text_of(&leaf.value)),
        (Format::Dotenv | Format::Ini, Node::Map(mapping)) => {
            emit(format, &Tree { documents: vec![mapping.clone()] }, None, options)
        }
        (Format::Dotenv | Format::Ini, Node::List(_)) => Err(EmitError::CannotHold {
            path: String::new(),
            format: format.name(),
            what: "a list",
        }),
    }
}

/// A text, read.
#[derive(Debug)]
pub struct Parsed {
    /// The data, without the metadata.
    pub tree: Tree,
    /// What stands where the metadata stands in a sealed document.
    pub metadata: Section,
    /// The text and where each leaf stands in it.
    pub layout: Box<dyn Layout>,
}

/// What a text holds in the place of the metadata (format §3.1).
#[derive(Debug)]
pub enum Section {
    /// Nothing: the document is not sealed.
    Absent,
    /// A mapping, nested also for the formats that write it flat.
    Found(Mapping),
    /// Something else.
    Malformed(SectionError),
}

/// Why the metadata's place holds no metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    /// Two entries called `sops`.
    #[error("duplicate sops entry in line {line}")]
    Duplicate {
        /// Line of the second, from 1.
        line: usize,
    },
    /// `sops` is a scalar or a list.
    #[error("the sops entry in line {line} is not a mapping")]
    NotAMapping {
        /// Its line, from 1.
        line: usize,
    },
    /// Flat names that do not build a nested mapping (format §3.4).
    #[error("flat metadata field {field}: {problem}")]
    Flat {
        /// The field's flat name.
        field: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Why a text could not be read. Names the place; never repeats the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}{}: {problem}", within(path))]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The mapping or list it is in, where that is known and not the whole document.
    pub path: Path,
    /// What is wrong, in words that hold no value (key names may stand in them).
    pub problem: Problem,
}

/// The path of an error, cut where it would only show how deep a text is nested.
fn within(path: &Path) -> String {
    const SHOWN: usize = 12;
    match path.0.get(..SHOWN) {
        _ if path.0.is_empty() => String::new(),
        Some(first) if path.0.len() > SHOWN => format!(", in {}…", Path(first.to_vec())),
        _ => format!(", in {path}"),
    }
}

impl ParseError {
    /// At a place of a text; lines and columns count from 1.
    pub fn new((line, column): (usize, usize), problem: Problem) -> Self {
        Self { line, column, path: Path::default(), problem }
    }

    /// The same, one step further in.
    pub(crate) fn below(mut self, step: Step) -> Self {
        self.path.0.insert(0, step);
        self
    }
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text breaks the format's grammar.
    #[error("{0}")]
    Syntax(String),
    /// The document is a list, a scalar or something else that is no mapping.
    #[error("the document is {found}, and only a mapping can be encrypted")]
    NotAMapping {
        /// "a list", "a scalar", …
        found: &'static str,
    },
    /// The same key twice in one mapping.
    #[error("key {key:?} stands in this mapping already, in line {first_line}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Line of the first, from 1.
        first_line: usize,
    },
    /// A key that is a number, a boolean, a date, null, a list or a mapping.
    #[error("the key is {found}, and only text can be a key: quote it")]
    KeyNotText {
        /// "a number", …
        found: &'static str,
    },
    /// A whole number beyond 64 bits with sign, or a float beyond double precision.
    #[error("this number does not fit into 64 bits: quote it to make it text")]
    NumberTooLarge,
    /// More than [`crate::tree::MAX_DEPTH`] levels.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// An alias inside the node that its anchor names.
    #[error("the alias *{name} stands inside its own anchor")]
    AliasCycle {
        /// The anchor's name.
        name: String,
    },
    /// Aliases that multiply into more than the input warrants.
    #[error("aliases expand to more than {limit} values")]
    AliasBomb {
        /// The limit.
        limit: usize,
    },
    /// Bytes that are not UTF-8 where the format demands it.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Nothing in the file (exit status 92 for YAML).
    #[error("the file is empty")]
    Empty,
}

/// Why a tree could not be written in a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// The format has no way to write this value (a list in dotenv, NaN in JSON, …).
    #[error("{path}: {format} cannot hold {what}")]
    CannotHold {
        /// The key path.
        path: String,
        /// The format's name.
        format: &'static str,
        /// "a list", "a mapping", …
        what: &'static str,
    },
    /// A top-level key that is reserved for the metadata.
    #[error("the key {key:?} in document {document} is reserved for the metadata of SOPS")]
    Reserved {
        /// The key.
        key: String,
        /// The document, from 1.
        document: usize,
    },
    /// The binary format takes exactly one document with one text called `data`.
    #[error("only a document with one text called \"data\" can be written as binary")]
    NotBinary,
    /// More documents than the format has room for: all but YAML hold one.
    #[error("{format} holds one document, and there are {documents}")]
    SeveralDocuments {
        /// The format's name.
        format: &'static str,
        /// How many there are.
        documents: usize,
    },
}

/// How a tree is laid out when there is no original text to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmitOptions {
    /// Blanks per level; `None` is the format's default (YAML 4, JSON a tab). YAML takes 2 to 9.
    pub indent: Option<u8>,
}

/// The bytes of a written file; plaintext or not, they are handled as if they were.
pub type Output = SecretBytes;
