//! `completion`: a script that completes commands and flags in a shell.

use clap::Args;
use clap_complete::{Shell, generate};

use crate::{failure::Failure, files, status::Status};

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  source <(sops-rs completion bash)                             in this shell
  sops-rs completion zsh > ~/.zfunc/_sops-rs                    for zsh, for good
  sops-rs completion fish > ~/.config/fish/completions/sops-rs.fish
  sops-rs completion powershell >> $PROFILE")]
pub(crate) struct CompletionArgs {
    /// bash, zsh, fish, powershell or elvish
    #[arg(value_name = "SHELL")]
    shell: Option<String>,
}

/// Prints the script.
pub(crate) fn run(args: &CompletionArgs) -> Result<Status, Failure> {
    let Some(name) = &args.shell else {
        let problem = "name a shell: bash, zsh, fish, powershell or elvish";
        return Err(Failure::usage(problem));
    };
    let Ok(shell) = <Shell as clap::ValueEnum>::from_str(name, true) else {
        let problem = format!("No help topic for '{name}'");
        return Err(Failure::new(Status::CouldNotWriteOutput, problem)
            .hint("scripts are made for bash, zsh, fish, powershell and elvish"));
    };
    files::print(&script(shell))?;
    Ok(Status::Success)
}

/// The script for one shell.
pub(super) fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let mut root = crate::args::definition();
    generate(shell, &mut root, "sops-rs", &mut script);
    script
}
