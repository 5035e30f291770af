//! One input, and where its result goes: in its place, to a named file, or to standard output.

use sops_core::crypto::SecretBytes;

use super::{
    input::Source,
    print,
    replace::{Content, Original, write},
};
use crate::{
    args::files::OutputFlags,
    failure::{self, Failure},
};

/// An input that was read, and is held if it is to be replaced.
#[derive(Debug)]
pub(crate) struct Input {
    original: Option<Original>,
    bytes: SecretBytes,
}

impl Input {
    /// Reads it; with `in_place`, nobody else of this program replaces it meanwhile.
    pub(crate) fn read(source: &Source, in_place: bool) -> Result<Self, Failure> {
        match source {
            Source::File(path) if in_place => {
                let original = Original::read(path)?;
                let bytes = original.bytes().clone();
                Ok(Self { original: Some(original), bytes })
            }
            source => Ok(Self { original: None, bytes: source.read()? }),
        }
    }

    /// What was read.
    pub(crate) fn bytes(&self) -> &SecretBytes {
        &self.bytes
    }

    /// Puts the result where it belongs. It has been checked: whoever seals a text opens it again
    /// before handing it out.
    pub(crate) fn deliver(
        self,
        output: &OutputFlags,
        text: &SecretBytes,
        content: Content,
    ) -> Result<(), Failure> {
        match (self.original, &output.output) {
            (Some(original), _) => original.replace(text, content),
            (None, Some(path)) => {
                write(path, text, content)?;
                failure::detail(format_args!("{} was written", path.display()));
                Ok(())
            }
            (None, None) => print(text.expose()),
        }
    }
}
