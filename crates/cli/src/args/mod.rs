//! The command line: the commands, and the groups of flags that they share.
//!
//! One definition makes the parser, the help, the completions and the man pages.

pub(crate) mod files;
mod go_completion;
pub(crate) mod keys;
pub(crate) mod legacy;
pub(crate) mod selection;
pub(crate) mod words;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ErrorKind};

use crate::{
    commands, env_vars,
    failure::{self, Failure},
    name,
};
use words::Words;

/// The whole command line.
#[derive(Parser, Debug)]
#[command(
    name = "sops-rs",
    about = "Encrypts, edits and compares secret files for Git, in the file format of SOPS",
    long_about = "Encrypts the values of YAML, JSON, dotenv, INI and other files, and leaves keys, \
                  comments and layout readable, so that secrets can live in Git. Files are those \
                  of SOPS: each program reads what the other wrote.",
    after_help = EXAMPLE,
    disable_help_subcommand = true,
    disable_version_flag = true,
    args_override_self = true,
    subcommand_required = true
)]
pub(crate) struct Cli {
    /// What is to be done.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Flags of all commands.
    #[command(flatten)]
    pub(crate) global: GlobalFlags,
}

const EXAMPLE: &str = "\
The first five minutes:
  age-keygen -o ~/.config/sops/age/keys.txt          make a key (once)
  sops-rs encrypt -i --age age1… secret.yaml         encrypt a file for its recipient
  sops-rs edit secret.yaml                           change it in your editor
  sops-rs diff secret.yaml                           what changed since the last commit
  sops-rs decrypt secret.yaml                        print it
`sops-rs help COMMAND` explains each command with an example.";

/// Flags of all commands.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Common flags")]
pub(crate) struct GlobalFlags {
    /// Use this configuration file instead of the nearest .sops.yaml above the current folder
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Blanks per level where new text is laid out; text that was there keeps its own
    #[arg(long, global = true, value_name = "N", value_parser = integer, allow_negative_numbers = true)]
    pub(crate) indent: Option<i64>,
    /// Say on standard error which configuration, rule and keys are used, and what is written
    #[arg(long, global = true)]
    pub(crate) verbose: bool,
    /// How errors are told: text, or json for programs (one object per line)
    #[arg(long, global = true, value_name = "FORMAT", value_parser = error_format)]
    pub(crate) error_format: Option<ErrorFormat>,
    /// Accepted for scripts written for SOPS; there is no version check
    #[arg(long, global = true, hide = true)]
    pub(crate) disable_version_check: bool,
    /// Accepted for scripts written for SOPS; there is no version check
    #[arg(long, global = true, hide = true)]
    pub(crate) check_for_updates: bool,
}

/// How errors are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorFormat {
    /// In words, for people and for scripts written for SOPS.
    Text,
    /// One object per line.
    Json,
}

fn error_format(text: &str) -> Result<ErrorFormat, String> {
    match text {
        "text" => Ok(ErrorFormat::Text),
        "json" => Ok(ErrorFormat::Json),
        _ => Err("it takes text or json".to_owned()),
    }
}

/// How errors are told, found before the command line is understood: its errors are told like
/// that too. What is malformed is told, as text, when it is read for good.
pub(crate) fn early_error_format(words: &[OsString]) -> ErrorFormat {
    let mut words = words.iter().take_while(|word| *word != "--");
    let mut given = env_vars::SOPS_RS_ERROR_FORMAT.non_empty();
    while let Some(word) = words.next() {
        let Some(flag) = word.to_str().and_then(|word| word.strip_prefix('-')) else { continue };
        let flag = flag.strip_prefix('-').unwrap_or(flag);
        match flag.strip_prefix("error-format") {
            Some("") => given = words.next().and_then(|word| word.to_str()).map(str::to_owned),
            Some(rest) => given = rest.strip_prefix('=').map(str::to_owned).or(given),
            None => {}
        }
    }
    given.and_then(|text| error_format(&text).ok()).unwrap_or(ErrorFormat::Text)
}

/// The commands. Each says in its own file what it does.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Encrypt(commands::encrypt::EncryptArgs),
    Seal(commands::seal::SealArgs),
    Decrypt(commands::decrypt::DecryptArgs),
    Edit(commands::edit::EditArgs),
    Set(commands::set::SetArgs),
    Unset(commands::unset::UnsetArgs),
    Rotate(commands::rotate::RotateArgs),
    Updatekeys(commands::updatekeys::UpdatekeysArgs),
    Groups(commands::groups::GroupsArgs),
    ExecEnv(commands::exec_env::ExecEnvArgs),
    ExecFile(commands::exec_file::ExecFileArgs),
    Filestatus(commands::filestatus::FilestatusArgs),
    Diff(commands::diff::DiffArgs),
    #[cfg(feature = "publish")]
    Publish(commands::publish::PublishArgs),
    #[cfg(feature = "keyservice")]
    Keyservice(commands::keyservice::KeyserviceArgs),
    Audit(commands::audit::AuditArgs),
    Completion(commands::completion::CompletionArgs),
    #[command(hide = true)]
    Man(commands::man::ManArgs),
    #[command(name = "__generate", hide = true)]
    Generate(commands::generate::GenerateArgs),
    #[command(name = "__paths", hide = true)]
    Paths(commands::paths::PathsArgs),
}

/// What the command line came to.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Run a command.
    Run(Box<Cli>),
    /// Print a text on standard output, successfully.
    Print(String),
}

/// Reads the command line behind the program's name.
pub(crate) fn parse(words: Vec<OsString>) -> Result<Asked, Failure> {
    // Asked by every script that looks for the program; it needs none of what follows.
    if let [only] = words.as_slice()
        && ["--version", "-version", "-v"].iter().any(|word| only == word)
    {
        return Ok(Asked::Print(name::version()));
    }
    let mut root = definition();
    if let Some(answer) = go_completion::answer(&words, &root) {
        return Ok(Asked::Print(answer));
    }
    match words::read(words, &root)? {
        Words::Version => Ok(Asked::Print(name::version())),
        Words::Help(topic) => Ok(Asked::Print(name::everywhere(help(&mut root, topic.as_deref())))),
        Words::Run { words, warnings } => {
            warnings.iter().for_each(failure::warn);
            let line = std::iter::once(OsString::from("sops-rs")).chain(words);
            let matches = root.try_get_matches_from_mut(line).map_err(|error| refused(&error))?;
            let cli = Cli::from_arg_matches(&matches).map_err(|error| refused(&error))?;
            Ok(Asked::Run(Box::new(cli)))
        }
    }
}

/// The definition, with the flags of all commands handed down to each.
pub(crate) fn definition() -> clap::Command {
    let mut root = Cli::command();
    root.build();
    root
}

/// The help of a command.
pub(crate) fn help_of(command: &str) -> String {
    name::everywhere(help(&mut definition(), Some(command)))
}

/// The help of a command by its words, such as `groups add`.
fn help(command: &mut clap::Command, topic: Option<&str>) -> String {
    let Some(topic) = topic else { return command.render_long_help().to_string() };
    let (name, rest) = match topic.split_once(' ') {
        Some((name, rest)) => (name, Some(rest)),
        None => (topic, None),
    };
    match command.find_subcommand_mut(name) {
        Some(inner) => help(inner, rest),
        None => command.render_long_help().to_string(),
    }
}

/// The parser's complaint in the words of SOPS, where it has any for it.
fn refused(error: &clap::Error) -> Failure {
    use clap::error::{ContextKind, ContextValue};
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        let flag = context(ContextKind::InvalidArg).unwrap_or_default();
        let name = flag.trim_start_matches('-').split([' ', '=']).next().unwrap_or_default();
        let value = context(ContextKind::InvalidValue).unwrap_or_default();
        return Failure::usage(format_args!(
            "invalid value \"{value}\" for flag -{name}: parse error"
        ));
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    Failure::usage(line.trim_start_matches("error: "))
}

/// Reads whole numbers as Go does: `0x`, `0o`, `0b` and a leading zero choose the base.
pub(crate) fn integer(text: &str) -> Result<i64, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.starts_with(['+', '-']) {
        return Err("not a number".to_owned());
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).map_err(|error| error.to_string())
}

/// The candidate that is most like a mistyped word, if any is like it at all.
pub(crate) fn similar<'n>(
    word: &str,
    candidates: impl Iterator<Item = &'n str>,
) -> Option<&'n str> {
    let limit = 1 + word.chars().count() / 4;
    candidates
        .map(|name| (distance(word, name), name))
        .filter(|(distance, name)| *distance <= limit || name.starts_with(word) && word.len() > 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many letters have to be put in, taken out, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_with_an_example() {
        for command in definition().get_subcommands().filter(|c| !c.is_hide_set()) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("sops-rs "), "{} has no example", command.get_name());
        }
    }

    #[test]
    fn integers_are_read_as_in_go() {
        assert_eq!(integer("0x10"), Ok(16));
        assert_eq!(integer("010"), Ok(8));
        assert_eq!(integer("-1"), Ok(-1));
        assert_eq!(integer("0"), Ok(0));
        assert!(integer("abc").is_err());
        assert!(integer("--1").is_err());
    }

    #[test]
    fn mistyped_words_find_their_neighbour() {
        let names = ["encrypt", "decrypt", "edit", "updatekeys"];
        assert_eq!(similar("decypt", names.into_iter()), Some("decrypt"));
        assert_eq!(similar("eidt", names.into_iter()), Some("edit"));
        assert_eq!(similar("update", names.into_iter()), Some("updatekeys"));
        assert_eq!(similar("secrets.yaml", names.into_iter()), None);
    }
}
