//! The command `sops-rs`: parse, run, report, exit.
//!
//! ```text
//! words ─ args::parse ─▶ Cli ─ request ─▶ what is to be done, decided
//!                                            │
//!                                     commands: files/input ─▶ sops-core ─▶ files/replace
//!                                            │
//!                              Ok: a status          Err: failure, which says why
//! ```

// The doc comments of arguments are the help text, where brackets are brackets.
#![allow(rustdoc::broken_intra_doc_links)]

mod amending;
mod args;
mod auditing;
mod canonical;
mod commands;
mod config_file;
mod credentials;
mod difference;
mod draft;
mod env_vars;
mod failure;
mod files;
mod git;
mod history;
mod key_difference;
mod key_services;
mod metadata_edit;
mod name;
mod opening;
mod prompt;
#[cfg(feature = "publish")]
mod publishing;
mod rekeying;
mod request;
mod sealing;
#[cfg(feature = "keyservice")]
mod serving;
mod status;
mod system;

use std::process::ExitCode;

use args::Asked;
use failure::Failure;
use status::Status;

fn main() -> ExitCode {
    keep_memory_out_of_core_dumps();
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(folder) = files::guard::asked(&words) {
        files::guard::watch(folder);
        return ExitCode::SUCCESS;
    }
    if args::early_error_format(&words) == args::ErrorFormat::Json {
        failure::speak_json();
    }
    match args::parse(words).and_then(run) {
        Ok(status) => ExitCode::from(status.code()),
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.status.code())
        }
    }
}

fn run(asked: Asked) -> Result<Status, Failure> {
    match asked {
        Asked::Print(text) => files::print(text.as_bytes()).map(|()| Status::Success),
        Asked::Run(cli) => {
            if cli.global.verbose {
                failure::say_more();
            }
            commands::run(cli.command, &cli.global)
        }
    }
}

/// A core dump would put data keys and plaintext on the disk.
fn keep_memory_out_of_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Core).maximum;
        // Where it is not allowed, nothing is lost that was there before.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
    }
}
