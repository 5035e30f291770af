//! Flags that say how files are read and where results go.

use std::path::PathBuf;

use clap::Args;

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
