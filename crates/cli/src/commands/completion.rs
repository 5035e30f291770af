//! `completion`: a script that completes commands and flags in a shell.

use clap::Args;
use clap_complete::{Shell, generate};

use crate::{failure::Failure, files, name, status::Status};

/// Print a completion script for a shell
///
/// Prints a script that completes commands, flags, files, and in bash, zsh and fish also the key
/// paths of a file: `sops-rs set secret.yaml <TAB>`.
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
    // As SOPS: without a shell, the help.
    let Some(name) = &args.shell else {
        files::print(crate::args::help_of("completion").as_bytes())?;
        return Ok(Status::Success);
    };
    let Ok(shell) = <Shell as clap::ValueEnum>::from_str(name, true) else {
        let problem = format!("No help topic for '{name}'");
        return Err(Failure::new(Status::CouldNotWriteOutput, problem)
            .hint("scripts are made for bash, zsh, fish, powershell and elvish"));
    };
    let script = String::from_utf8_lossy(&script(shell)).into_owned();
    files::print(name::everywhere(script).as_bytes())?;
    Ok(Status::Success)
}

/// The script for one shell: commands, flags and files as the parser defines them, and key paths
/// where the shell can ask for them.
pub(super) fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let mut root = crate::args::definition();
    generate(shell, &mut root, "sops-rs", &mut script);
    match shell {
        Shell::Bash => script = with_paths_in_bash(&script),
        Shell::Fish => script.extend_from_slice(include_bytes!("completion/paths.fish")),
        Shell::Zsh => script = with_paths_in_zsh(&script),
        _ => {}
    }
    script
}

/// The generator calls a command `sops__rs__subcmd__set` where it looks for it, and
/// `sops__subcmd__rs__subcmd__set` where it says what to do, because of the dash in our name.
fn with_paths_in_bash(script: &[u8]) -> Vec<u8> {
    let script = String::from_utf8_lossy(script).replace("sops__subcmd__rs", "sops__rs");
    format!("{script}{}", include_str!("completion/paths.bash")).into_bytes()
}

/// In zsh every argument names the function that completes it, so these are replaced.
fn with_paths_in_zsh(script: &[u8]) -> Vec<u8> {
    let script = String::from_utf8_lossy(script);
    let (head, body) = script.split_once('\n').unwrap_or_default();
    let mut out = format!("{head}\n{}", include_str!("completion/paths.zsh"));
    for line in body.split_inclusive('\n') {
        let line = match line {
            _ if line.starts_with("'--extract=") => line.replace(":_default'", ":_sops-rs_paths'"),
            _ if line.starts_with("'*::words") => line.replace(":_default'", ":_sops-rs_words'"),
            _ => line.to_owned(),
        };
        out.push_str(&line);
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_finds_the_flags_of_every_command() {
        let script = String::from_utf8(script(Shell::Bash)).unwrap();
        let names = script.split("cmd=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let mut count = 0;
        for name in names.filter(|name| !name.is_empty()) {
            assert!(script.contains(&format!("        {name})\n")), "{name}");
            count += 1;
        }
        assert!(count > 10, "{count}");
    }
}
