//! A text in one of its two states, told apart by type: sealing twice, or printing a sealed tree
//! as if it were readable, does not compile.

use crate::{
    crypto::SecretBytes,
    format::{self, Format, Layout, ParseError, Section, SectionError},
    metadata::{Metadata, ReadMetadataError},
    tree::Tree,
};

/// A text, read.
#[derive(Debug)]
pub enum Document {
    /// Not sealed.
    Plain(PlainDocument),
    /// Sealed.
    Sealed(Box<SealedDocument>),
}

/// A text without metadata.
#[derive(Debug)]
pub struct PlainDocument {
    /// Its format.
    pub format: Format,
    /// Its data.
    pub tree: Tree,
    /// The text and its places.
    pub layout: Box<dyn Layout>,
}

/// A text with metadata.
#[derive(Debug)]
pub struct SealedDocument {
    /// Its format.
    pub format: Format,
    /// Its data; sealed leaves are tokens.
    pub tree: Tree,
    /// The text and its places.
    pub layout: Box<dyn Layout>,
    /// The metadata.
    pub metadata: Metadata,
}

/// Why a text is neither.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It breaks its format.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// What stands in the metadata's place is none.
    #[error(transparent)]
    Section(#[from] SectionError),
    /// The metadata cannot be understood.
    #[error("unable to read the sops metadata")]
    Metadata(#[from] ReadMetadataError),
}

impl Document {
    /// Reads a text and its metadata, if it has any.
    ///
    /// # Errors
    /// If the text breaks its format or the metadata cannot be understood.
    pub fn read(format: Format, source: SecretBytes) -> Result<Self, ReadError> {
        let parsed = format::parse(format, source)?;
        let (tree, layout) = (parsed.tree, parsed.layout);
        match parsed.metadata {
            Section::Absent => Ok(Self::Plain(PlainDocument { format, tree, layout })),
            Section::Malformed(error) => Err(error.into()),
            Section::Found(section) => {
                let metadata = Metadata::read(&section)?;
                Ok(Self::Sealed(Box::new(SealedDocument { format, tree, layout, metadata })))
            }
        }
    }
}
