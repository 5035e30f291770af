//! `__generate`: files that packagers and the documentation need, made from the program itself.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use sops_core::config::json_schema;

use crate::{
    args::Cli,
    env_vars,
    failure::{Failure, os_words},
    status::Status,
};

/// Write completions, man pages, the schema of .sops.yaml and reference pages into a folder
#[derive(Args, Debug)]
pub(crate) struct GenerateArgs {
    /// The folder; it is made if need be
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Writes the files.
pub(crate) fn run(args: &GenerateArgs) -> Result<Status, Failure> {
    for (name, content) in files() {
        write(&args.folder.join(name), &content)?;
    }
    Ok(Status::Success)
}

fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, content)).map_err(|error| {
        let problem = format!("Could not write {}: {}", path.display(), os_words(&error));
        Failure::new(Status::CouldNotWriteOutput, problem)
    })
}

/// Names and contents of all files.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
        let name = format!("completions/sops-rs.{}", extension(shell));
        files.push((name, super::completion::script(shell)));
    }
    // Not the built definition: each page names its own flags, and the common ones once.
    let root = Cli::command();
    for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("man/sops-rs-{}.1", command.get_name());
        files.push((name, super::man::page(command.clone())));
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            let name = format!("{}-{}", command.get_name(), inner.get_name());
            let page = super::man::page(inner.clone().name(name.clone()));
            files.push((format!("man/sops-rs-{name}.1"), page));
        }
    }
    files.push(("man/sops-rs.1".to_owned(), super::man::page(root)));
    files.push(("sops-config.schema.json".to_owned(), json_schema().into_bytes()));
    files.push(("environment.md".to_owned(), environment().into_bytes()));
    files.push(("exit-statuses.md".to_owned(), statuses().into_bytes()));
    files
}

fn extension(shell: Shell) -> &'static str {
    match shell {
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::PowerShell => "ps1",
        _ => "bash",
    }
}

fn environment() -> String {
    let mut page = "# Environment variables\n\n\
                    `sops-rs` reads these and no others, apart from those that the AWS SDK, gpg \
                    and your editor read.\n\n| Variable | What it does |\n|---|---|\n"
        .to_owned();
    for variable in env_vars::ALL {
        page.push_str(&format!("| `{}` | {} |\n", variable.name, variable.about.trim()));
    }
    page
}

fn statuses() -> String {
    let mut page = "# Exit statuses\n\nNumbered as SOPS numbers them.\n\n\
                    | Status | Meaning |\n|---|---|\n"
        .to_owned();
    for status in Status::ALL {
        page.push_str(&format!("| {} | {} |\n", status.code(), status.meaning()));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_every_command() {
        let names: Vec<_> = files().into_iter().map(|(name, _)| name).collect();
        for name in [
            "man/sops-rs-diff.1",
            "completions/sops-rs.ps1",
            "environment.md",
            "sops-config.schema.json",
        ] {
            assert!(names.iter().any(|n| n == name), "{name}");
        }
    }
}
