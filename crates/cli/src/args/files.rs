//! Flags that say how files are read and where results go.

use std::path::PathBuf;

use clap::Args;

use crate::failure::{self, Failure};

/// The formats of input and output.
#[derive(Args, Clone, Debug, Default)]
#[command(
    next_help_heading = "Formats: binary, dotenv, ini, json, yaml (default: by the file's name)"
)]
pub(crate) struct TypeFlags {
    /// Format of the input
    #[arg(long, value_name = "FORMAT")]
    pub(crate) input_type: Option<String>,
    /// Format of the output
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output_type: Option<String>,
}

/// Where the result goes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Where the result goes (default: standard output)")]
pub(crate) struct OutputFlags {
    /// Replace the file itself; on every failure it stays as it was
    #[arg(short, long)]
    pub(crate) in_place: bool,
    /// Write to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Use this name to choose the format and the creation rule
    #[arg(long, value_name = "NAME")]
    pub(crate) filename_override: Option<PathBuf>,
}

/// Which document of a YAML file that has several.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct DocumentFlag {
    /// Which document of a YAML file that has several, from 1 (default: the first)
    #[arg(long, value_name = "N", value_parser = super::integer)]
    document: Option<i64>,
}

impl DocumentFlag {
    /// Whether one was named.
    pub(crate) fn is_given(self) -> bool {
        self.document.is_some()
    }

    /// The document, counted from 0. SOPS takes the first and says nothing; here a warning says
    /// that there are others.
    pub(crate) fn choose(self, documents: usize) -> Result<usize, Failure> {
        let Some(number) = self.document else {
            if documents > 1 {
                failure::warn(format_args!(
                    "the file has {documents} documents, and only the first is looked at; \
                     --document N names one"
                ));
            }
            return Ok(0);
        };
        match usize::try_from(number) {
            Ok(number) if (1..=documents).contains(&number) => Ok(number - 1),
            _ => {
                let count = if documents == 1 { "one".into() } else { documents.to_string() };
                Err(Failure::generic(format!(
                    "there is no document {number}; the file has {count}"
                )))
            }
        }
    }
}
