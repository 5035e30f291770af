//! The hidden word by which completion scripts of SOPS ask the program what there is (CLI §3.12).
//! They may be installed under the name `sops`, and shall not see errors when that is this program.

use std::ffi::OsString;

use clap::{Arg, Command};

use crate::env_vars;

/// Stands last.
const WORD: &str = "--generate-bash-completion";

/// The answer, if a script asks: commands, or flags for a word that begins with a dash, one per
/// line. Where files are wanted there is none, and the shell completes them.
pub(super) fn answer(words: &[OsString], root: &Command) -> Option<String> {
    let (last, words) = words.split_last()?;
    (last == WORD).then(|| {
        let zsh = env_vars::_CLI_ZSH_AUTOCOMPLETE_HACK.non_empty().is_some();
        complete(words, root, zsh)
    })
}

fn complete(words: &[OsString], root: &Command, zsh: bool) -> String {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let named = words.iter().filter(|word| !word.starts_with('-'));
    let command =
        named.fold(root, |command, word| command.find_subcommand(&**word).unwrap_or(command));
    let line = |name: &str, about: Option<String>| match about.filter(|_| zsh) {
        Some(about) => format!("{name}:{about}\n"),
        None => format!("{name}\n"),
    };
    if let Some(begun) = words.last().filter(|word| word.starts_with('-')) {
        let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
        let flags = shown.filter_map(|arg: &Arg| Some((format!("--{}", arg.get_long()?), arg)));
        return flags
            .filter(|(name, _)| name.starts_with(&**begun))
            .map(|(name, arg)| line(&name, arg.get_help().map(ToString::to_string)))
            .collect();
    }
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    let mut text: String = shown
        .map(|command| line(command.get_name(), command.get_about().map(ToString::to_string)))
        .collect();
    if !text.is_empty() {
        text.push_str(&line("help", Some("Shows a list of commands or help for one".to_owned())));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(words: &[&str], zsh: bool) -> String {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        complete(&words, &crate::args::definition(), zsh)
    }

    #[test]
    fn scripts_of_sops_are_answered() {
        // transcript 10
        let commands = completed(&[], false);
        for command in ["encrypt", "decrypt", "exec-env", "groups", "help"] {
            assert!(commands.lines().any(|line| line == command), "{command}");
        }
        assert_eq!(completed(&["decrypt"], false), "");
        let flags = completed(&["decrypt", "--i"], false);
        let flags: Vec<&str> = flags.lines().collect();
        for flag in ["--in-place", "--input-type", "--ignore-mac", "--indent"] {
            assert!(flags.contains(&flag), "{flag}");
        }
        assert!(flags.iter().all(|flag| flag.starts_with("--i")));
        assert_eq!(completed(&["groups"], false), "add\ndelete\nhelp\n");
        assert!(completed(&[], true).lines().all(|line| line.contains(':')));
    }
}
