//! `man`: the manual page of the program or of one command.

use clap::Args;

use crate::{failure::Failure, files, status::Status};

/// Print the manual page of the program, or of a command
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// The command; without one, the page of the program
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Prints the page.
pub(crate) fn run(args: &ManArgs) -> Result<Status, Failure> {
    let root = crate::args::definition();
    let page = match &args.command {
        None => page(root),
        Some(name) => match root.find_subcommand(name) {
            Some(command) => page(command.clone()),
            None => {
                let problem = format!("No help topic for '{name}'");
                return Err(Failure::new(Status::CouldNotWriteOutput, problem));
            }
        },
    };
    files::print(&page)?;
    Ok(Status::Success)
}

/// One page, in roff.
pub(super) fn page(command: clap::Command) -> Vec<u8> {
    let name = match command.get_name() {
        "sops-rs" => "sops-rs".to_owned(),
        name => format!("sops-rs-{name}"),
    };
    let mut page = Vec::new();
    let command = command.name(name).version(env!("CARGO_PKG_VERSION"));
    // Writing to memory does not fail.
    let _ = clap_mangen::Man::new(command).render(&mut page);
    page
}
