//! The older form of the command line, `sops [flags] FILE`, in which flags choose what is done: it is
//! brought into the words of the commands (CLI §3.13). And the commands of SOPS that this build does
//! not have.
//!
//! Rules of this module:
//!
//! - Nothing is done here: the commands do it, with the arguments that they have anyway.
//! - Flags end at the file. What follows is ignored, with the warnings of SOPS.
//! - Of several modes the one counts whose result SOPS would leave: it runs them in the order
//!   `-e`, `-d`, `-r`, `--set`.
//! - A word that looks like a mistyped command, and is no file, opens no editor.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::Command;
use sops_core::tree;

use super::words::{
    Flags, Typed, Words, anywhere, find, line, means_nothing, not_defined, of_others,
};
use crate::{
    env_vars::parse_bool,
    failure::Failure,
    files::{absolute_path, missing},
    status::Status,
};

/// Commands of SOPS that this build does not have.
const LEFT_OUT: &[&str] = &[
    #[cfg(not(feature = "publish"))]
    "publish",
];

/// What to say to a command that SOPS has and this build does not have.
pub(crate) fn left_out(command: &str) -> Option<Failure> {
    LEFT_OUT.contains(&command).then(|| {
        Failure::generic(format!("this build of sops-rs has no command `{command}`"))
            .hint(format!("use a build with the feature {command}"))
    })
}

/// What is done. In the order in which SOPS does it when several are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Encrypt,
    Decrypt,
    Rotate,
    Set,
}

impl Mode {
    fn of_flag(name: &str) -> Option<Self> {
        match name {
            "e" | "encrypt" => Some(Self::Encrypt),
            "d" | "decrypt" => Some(Self::Decrypt),
            "r" | "rotate" => Some(Self::Rotate),
            "set" => Some(Self::Set),
            _ => None,
        }
    }

    fn command(mode: Option<Self>) -> &'static str {
        match mode {
            None => "edit",
            Some(Self::Encrypt) => "encrypt",
            Some(Self::Decrypt) => "decrypt",
            Some(Self::Rotate) => "rotate",
            Some(Self::Set) => "set",
        }
    }
}

/// Whether a flag that only the older form has takes a value; `None` for all others.
pub(super) fn takes_value(name: &str) -> Option<bool> {
    Mode::of_flag(name).map(|mode| mode == Mode::Set)
}

/// Flags that only commands have, in SOPS as well.
const OF_COMMANDS: &[&str] = &[
    "value-file",
    "value-stdin",
    "idempotent",
    "yes",
    "y",
    "file",
    "f",
    "background",
    "pristine",
    "user",
    "same-process",
    "no-fifo",
    "filename",
    "recursive",
    "omit-extensions",
];

/// Brings a line without sub-command into the words of one.
pub(super) fn rewrite(
    flags: Vec<Typed>,
    words: Vec<OsString>,
    root: &Command,
) -> Result<Words, Failure> {
    let modes = Modes::among(&flags)?;
    let Some(first) = words.first() else { return Err(no_file()) };
    let file = PathBuf::from(first);
    if modes.last.is_none() {
        demand_no_command(&file, root)?;
    }
    let changes_keys = flags.iter().any(|flag| {
        let name = flag.name.as_str();
        let change = name.starts_with("add-") || name.starts_with("rm-");
        change && flag.value.as_ref().is_some_and(|value| !value.is_empty())
    });
    if !file.exists() && file != Path::new("-") {
        if changes_keys {
            let problem = format!(
                "Error: cannot add or remove keys on non-existent file \"{}\", use `--kms` and \
                 `--pgp` instead.",
                absolute_path(&file).display()
            );
            return Err(Failure::new(Status::CannotChangeKeysOfMissingFile, problem));
        }
        if modes.last.is_some_and(|mode| mode != Mode::Set) {
            return Err(missing(&file));
        }
    }
    let mut warnings = modes.warnings();
    warnings.extend(ignored(&words[1..]));

    let name = Mode::command(modes.last);
    let Some(command) = root.find_subcommand(name) else { return Err(no_file()) };
    let mut given = Flags::default();
    for flag in flags.into_iter().filter(|flag| Mode::of_flag(&flag.name).is_none()) {
        match find(command, &flag.name) {
            Some(arg) => given.add(arg, flag)?,
            None if OF_COMMANDS.contains(&flag.name.as_str()) => {
                return Err(not_defined(&flag.name).maybe_hint(of_others(root, &flag.name)));
            }
            None => {
                warnings.push(means_nothing(&flag.name, name));
                // It is read all the same: what is malformed is an error.
                if let Some(arg) = anywhere(root, &flag.name) {
                    Flags::default().add(arg, flag)?;
                }
            }
        }
    }
    let mut positionals = vec![first.clone()];
    if modes.last == Some(Mode::Set) {
        positionals.extend(set_arguments(&modes.set)?.map(OsString::from));
    }
    Ok(Words::Run { words: line(&[command], given, positionals), warnings })
}

/// The modes that were asked for.
#[derive(Debug, Default)]
struct Modes {
    last: Option<Mode>,
    count: usize,
    set: OsString,
}

impl Modes {
    fn among(flags: &[Typed]) -> Result<Self, Failure> {
        let mut on = Vec::new();
        let mut spellings: Vec<(Mode, &str)> = Vec::new();
        let mut set = OsString::new();
        for flag in flags {
            let Some(mode) = Mode::of_flag(&flag.name) else { continue };
            let before = spellings.iter().find(|(known, _)| *known == mode);
            if let Some((_, name)) = before.filter(|(_, name)| *name != flag.name) {
                let mut both = [*name, flag.name.as_str()];
                both.sort_by_key(|name| name.len());
                return Err(Failure::usage(format_args!(
                    "Cannot use two forms of the same flag: {} {}",
                    both[0], both[1]
                )));
            }
            spellings.push((mode, &flag.name));
            let wanted = match (mode, &flag.value) {
                (Mode::Set, value) => {
                    set = value.clone().unwrap_or_default();
                    !set.is_empty()
                }
                (_, None) => true,
                (_, Some(value)) => value.to_str().and_then(parse_bool).ok_or_else(|| {
                    Failure::usage(format_args!(
                        "invalid boolean value \"{}\" for -{}: parse error",
                        value.to_string_lossy(),
                        flag.name
                    ))
                })?,
            };
            on.retain(|known| *known != mode);
            if wanted {
                on.push(mode);
            }
        }
        Ok(Self { last: on.iter().max().copied(), count: on.len(), set })
    }

    fn warnings(&self) -> Vec<String> {
        if self.count < 2 {
            return Vec::new();
        }
        vec![
            "More than one command (--encrypt, --decrypt, --rotate, --set) has been specified. \
             Only the changes made by the last one will be visible. Note that this behavior is \
             deprecated and will cause an error eventually."
                .to_owned(),
        ]
    }
}

/// The warnings for words behind the file (CLI §8).
fn ignored(words: &[OsString]) -> Vec<String> {
    let mut warnings = Vec::new();
    if !words.is_empty() {
        warnings.push(
            "More than one positional argument provided. Only the first one will be used!"
                .to_owned(),
        );
    }
    let flag = words.iter().map(|word| word.to_string_lossy()).find(|word| word.starts_with('-'));
    if let Some(flag) = flag {
        warnings.push(format!(
            "Note that one of the ignored positional argument is \"{flag}\", which looks like a \
             flag. Flags must always be provided before the first positional argument!"
        ));
    }
    warnings
}

fn no_file() -> Failure {
    Failure::new(Status::NoFileSpecified, "Error: no file specified")
        .hint("`sops-rs help` lists the commands; `sops-rs edit FILE` edits a file")
}

/// Refuses a word that was most likely meant as a command. SOPS would open an editor on a new file
/// of that name.
fn demand_no_command(file: &Path, root: &Command) -> Result<(), Failure> {
    let Some(word) = file.to_str() else { return Ok(()) };
    if file.exists() {
        return Ok(());
    }
    if let Some(failure) = left_out(word) {
        return Err(failure);
    }
    let shown = root.get_subcommands().filter(|command| !command.is_hide_set());
    match super::similar(word, shown.map(Command::get_name)) {
        None => Ok(()),
        Some(near) => Err(Failure::generic(format!("\"{word}\" is neither a command nor a file"))
            .hint(format!("did you mean `sops-rs {near}`?"))
            .hint(format!("to make a new file of that name, type: sops-rs edit {word}"))),
    }
}

/// Path and value of `--set`: they are split behind the first `] ` in front of which there is a
/// path. (SOPS takes the first of all, so that a key cannot have one.)
fn set_arguments(text: &OsString) -> Result<[String; 2], Failure> {
    let malformed = || {
        Failure::new(Status::InvalidSetFormat, "Invalid --set format")
            .hint("write it as --set '[\"key\"][0] \"value\"'; the value is JSON")
    };
    let text = text.to_str().ok_or_else(malformed)?;
    let splits = text.match_indices("] ").map(|(at, _)| text.split_at(at + 1));
    let found = splits
        .map(|(path, value)| [path.trim_end(), value.trim_start()])
        .find(|[path, _]| tree::Path::parse(path).is_ok_and(|path| !path.0.is_empty()));
    found.map(|both| both.map(str::to_owned)).ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use sops_tests::scratch::Scratch;

    use super::*;
    use crate::args::words::read;

    fn read_line(line: &[&str]) -> Result<Words, Failure> {
        read(line.iter().map(OsString::from).collect(), &crate::args::definition())
    }

    fn rewritten(line: &[&str]) -> (Vec<String>, usize) {
        match read_line(line).unwrap() {
            Words::Run { words, warnings } => {
                let words = words.into_iter().map(|word| word.into_string().unwrap());
                (words.collect(), warnings.len())
            }
            other => panic!("{other:?}"),
        }
    }

    fn file(scratch: &Scratch) -> String {
        scratch.write("s.yaml", "a: b\n").display().to_string()
    }

    #[test]
    fn flags_choose_the_command() {
        let scratch = Scratch::new();
        let file = &file(&scratch);
        for (typed, command) in [
            (&["-d"][..], &["decrypt"][..]),
            (&["--decrypt", "-i"], &["decrypt", "--in-place"]),
            (&["-e", "--age", "R"], &["encrypt", "--age=R"]),
            (&["-r", "--add-age", "R"], &["rotate", "--add-age=R"]),
            (&["-s"], &["edit", "--show-master-keys"]),
            (&["-d=false"], &["edit"]),
            (&[], &["edit"]),
        ] {
            let line: Vec<&str> = typed.iter().copied().chain([file.as_str()]).collect();
            let mut words: Vec<&str> = command.to_vec();
            words.extend(["--", file]);
            let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            assert_eq!(rewritten(&line), (words, 0), "{typed:?}");
        }
        let set = ["set", "--", file, "[\"a\"][0]", "{\"b\": [1] }"].map(str::to_owned);
        let line = ["--set", "[\"a\"][0] {\"b\": [1] }", file];
        assert_eq!(rewritten(&line), (set.to_vec(), 0));
    }

    #[test]
    fn what_follows_the_file_is_ignored_aloud() {
        let scratch = Scratch::new();
        let file = &file(&scratch);
        let words = |command: &str| vec![command.to_owned(), "--".to_owned(), file.clone()];
        assert_eq!(rewritten(&["-d", file, "-i"]), (words("decrypt"), 2));
        assert_eq!(rewritten(&["-d", "-e", file]), (words("decrypt"), 1));
        assert_eq!(rewritten(&["-d", "--pgp", "x", file]), (words("decrypt"), 1));
    }

    #[test]
    fn keys_with_a_bracket_and_a_blank_can_be_set() {
        let split = |text: &str| set_arguments(&text.into()).map_err(|f| f.message().to_owned());
        let both = |path: &str, value: &str| Ok([path.to_owned(), value.to_owned()]);
        assert_eq!(split("[\"a\"]  1"), both("[\"a\"]", "1"));
        assert_eq!(split("[\"x] y\"] [1]"), both("[\"x] y\"]", "[1]"));
        for bad in ["[\"a\"]", "x", "[] 1", ""] {
            assert_eq!(split(bad), Err("Invalid --set format".to_owned()), "{bad}");
        }
    }

    #[test]
    fn what_is_missing_has_its_status() {
        let refused = |line: &[&str]| {
            let failure = read_line(line).unwrap_err();
            (failure.status.code(), failure.message().to_owned())
        };
        assert_eq!(refused(&[]), (100, "Error: no file specified".to_owned()));
        assert_eq!(refused(&["-d"]).0, 100);
        assert_eq!(refused(&["-d", "/nowhere/f"]).0, 100);
        let (code, message) = refused(&["-r", "--add-age", "R", "/nowhere/f"]);
        assert!(code == 49 && message.ends_with("use `--kms` and `--pgp` instead."), "{message}");
        assert!(matches!(read_line(&["--set", "[\"a\"] 1", "/nowhere/f"]), Ok(Words::Run { .. })));
        let (_, message) = refused(&["--in-place=maybe", "f.yaml"]);
        assert!(message.ends_with("invalid boolean value \"maybe\" for -in-place: parse error"));
        let (code, message) = refused(&["--value-stdin", "f"]);
        assert_eq!(code, 1);
        assert_eq!(message, "Incorrect Usage: flag provided but not defined: -value-stdin");
    }

    #[test]
    fn a_mistyped_command_makes_no_file() {
        let failure = read_line(&["decypt"]).unwrap_err();
        assert_eq!(failure.message(), "\"decypt\" is neither a command nor a file");
        assert_eq!(failure.status, Status::Generic);
        for command in LEFT_OUT {
            let failure = read_line(&[command, "s.yaml"]).unwrap_err();
            assert!(failure.message().ends_with(&format!("has no command `{command}`")));
        }
        assert_eq!(rewritten(&["new-secret.yaml"]).0, ["edit", "--", "new-secret.yaml"]);
    }
}
