//! The command line as SOPS users type it, brought into the one form that the parser reads.
//!
//! SOPS takes its flags as Go programs do: `-x` and `--x` are equal for every name, a boolean
//! may carry `=false`, flags stand before or after the file, and short flags are not bundled.
//! This module rewrites all that to `sub-command --flag=value … -- words`, by asking the parser's
//! own definition which flags there are and which of them take a value. Nothing is declared here.
//!
//! Rules of this module:
//!
//! - A flag before the sub-command counts as if it stood behind it, unless it writes a file.
//! - The word behind a flag with a value is the value, whatever it looks like. A word behind a
//!   boolean never is.
//! - A negative number is a word, not a flag: no flag begins with a digit.
//! - Without a sub-command it is the older form of the command line, which [`legacy`] brings into
//!   the same words.

use std::{collections::BTreeMap, ffi::OsString};

use clap::{Arg, ArgAction, Command};

use super::legacy;
use crate::{env_vars::parse_bool, failure::Failure, status::Status};

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// The version.
    Version,
    /// The help of the program, or of one sub-command, by its words.
    Help(Option<String>),
    /// Words for the parser, and what to warn of first.
    Run {
        /// The name of the sub-command, then flags, then `--` and the rest.
        words: Vec<OsString>,
        /// What was given in vain.
        warnings: Vec<String>,
    },
}

/// A flag as it was typed.
#[derive(Debug)]
pub(super) struct Typed {
    /// Its name without dashes.
    pub(super) name: String,
    /// Its value, if one belongs to it or was attached.
    pub(super) value: Option<OsString>,
}

/// Brings the words behind the program's name into the parser's form.
///
/// `root` has been built, so that its sub-commands know the flags common to all.
pub(crate) fn read(words: Vec<OsString>, root: &Command) -> Result<Words, Failure> {
    let mut words = words.into_iter();
    let mut early = Vec::new();
    let mut command = None;
    while let Some(word) = words.next() {
        match flag_name(&word) {
            Some((name, _)) if name == "help" || name == "h" => return Ok(Words::Help(None)),
            Some((name, _)) if name == "version" || name == "v" => return Ok(Words::Version),
            Some((name, value)) => early.push(before_command(root, name, value, &mut words)?),
            None if word == "--" => command = words.next(),
            None => command = Some(word),
        }
        if command.is_some() {
            break;
        }
    }
    let Some(name) = command else { return legacy::rewrite(early, Vec::new(), root) };
    if name == "help" || name == "h" {
        return help(words.collect(), root);
    }
    let Some(command) = name.to_str().and_then(|name| root.find_subcommand(name)) else {
        let words = std::iter::once(name).chain(words).collect();
        return legacy::rewrite(early, words, root);
    };
    if !command.has_subcommands() {
        return run(root, vec![command], early, words);
    }
    let topic = || Words::Help(Some(command.get_name().to_owned()));
    while let Some(word) = words.next() {
        match flag_name(&word) {
            Some((name, _)) if name == "help" || name == "h" => return Ok(topic()),
            Some((name, value)) => early.push(before_command(root, name, value, &mut words)?),
            None if word == "help" || word == "h" => return Ok(topic()),
            None => {
                let found = word.to_str().and_then(|name| command.find_subcommand(name));
                let Some(found) = found else { return Err(no_topic(&word, command)) };
                return run(root, vec![command, found], early, words);
            }
        }
    }
    Ok(topic())
}

/// A flag in front of a sub-command, with its value.
fn before_command(
    root: &Command,
    name: String,
    value: Option<OsString>,
    words: &mut impl Iterator<Item = OsString>,
) -> Result<Typed, Failure> {
    let takes_value = anywhere(root, &name)
        .map(takes_value)
        .or_else(|| legacy::takes_value(&name))
        .ok_or_else(|| not_defined(&name).maybe_hint(nearest_of_all(root, &name)))?;
    with_value(name, value, takes_value, words)
}

/// Reads what stands behind the sub-command, which is the last one of `path`.
fn run(
    root: &Command,
    path: Vec<&Command>,
    early: Vec<Typed>,
    mut words: impl Iterator<Item = OsString>,
) -> Result<Words, Failure> {
    let Some(command) = path.last() else { return Ok(Words::Help(None)) };
    let name = label(&path);
    let mut flags = Flags::default();
    let mut warnings = Vec::new();
    for typed in early {
        match find(command, &typed.name) {
            Some(arg) if arg.get_long().is_some_and(|long| WRITES.contains(&long)) => {
                warnings.push(format!(
                    "the flag -{} does not count before the command, as in SOPS; put it behind \
                     `{name}`",
                    typed.name
                ));
                Flags::default().add(arg, typed)?;
            }
            Some(arg) => flags.add(arg, typed)?,
            None => warnings.push(means_nothing(&typed.name, &name)),
        }
    }
    let mut positionals = Vec::new();
    let mut ended = false;
    while let Some(word) = words.next() {
        match flag_name(&word) {
            _ if ended => positionals.push(word),
            None if word == "--" => ended = true,
            None => positionals.push(word),
            Some((flag, _)) if flag == "help" || flag == "h" => {
                return Ok(Words::Help(Some(name)));
            }
            Some((flag, value)) => {
                let arg = find(command, &flag).ok_or_else(|| {
                    let hint = of_others(root, &flag)
                        .or_else(|| bundle(command, &flag))
                        .or_else(|| nearest(command, &flag))
                        .or_else(|| nearest_of_all(root, &flag));
                    not_defined(&flag).maybe_hint(hint)
                })?;
                let typed = with_value(flag, value, takes_value(arg), &mut words)?;
                flags.add(arg, typed)?;
            }
        }
    }
    if let (true, Some(arg)) = (ended, find(command, BEHIND_DASHES)) {
        flags.add(arg, Typed { name: BEHIND_DASHES.to_owned(), value: None })?;
    }
    Ok(Words::Run { words: line(&path, flags, positionals), warnings })
}

/// Flags that write a file. SOPS ignores them before the command, so that a line which has always
/// printed would replace a file.
const WRITES: [&str; 2] = ["in-place", "output"];

/// The flag that tells a command of words behind `--`.
const BEHIND_DASHES: &str = "words-behind-dashes";

/// The line for the parser.
pub(super) fn line(path: &[&Command], flags: Flags, positionals: Vec<OsString>) -> Vec<OsString> {
    let names = path.iter().map(|command| OsString::from(command.get_name()));
    let mut line: Vec<OsString> = names.collect();
    line.extend(flags.given);
    line.push("--".into());
    line.extend(positionals);
    line
}

/// The warning for a flag that a command does not have.
pub(super) fn means_nothing(flag: &str, command: &str) -> String {
    format!("the flag -{flag} means nothing to `{command}` and is ignored")
}

fn label(path: &[&Command]) -> String {
    path.iter().map(|command| command.get_name()).collect::<Vec<_>>().join(" ")
}

/// The flags of one command line, each in its long form.
#[derive(Default)]
pub(super) struct Flags {
    given: Vec<OsString>,
    /// Under which name each flag was typed first.
    spellings: BTreeMap<String, String>,
}

impl Flags {
    pub(super) fn add(&mut self, arg: &Arg, typed: Typed) -> Result<(), Failure> {
        let long = arg.get_long().unwrap_or_default();
        let first = self.spellings.entry(long.to_owned()).or_insert_with(|| typed.name.clone());
        if *first != typed.name {
            let mut both = [first.as_str(), typed.name.as_str()];
            both.sort_by_key(|name| name.len());
            return Err(Failure::usage(format_args!(
                "Cannot use two forms of the same flag: {} {}",
                both[0], both[1]
            )));
        }
        if takes_value(arg) {
            let mut word = OsString::from(format!("--{long}="));
            word.push(typed.value.unwrap_or_default());
            self.given.push(word);
            return Ok(());
        }
        let on = match &typed.value {
            None => true,
            Some(text) => text.to_str().and_then(parse_bool).ok_or_else(|| {
                Failure::usage(format_args!(
                    "invalid boolean value \"{}\" for -{}: parse error",
                    text.to_string_lossy(),
                    typed.name
                ))
            })?,
        };
        if is_switch(arg) {
            // A switch is on or absent; the last word on it counts.
            let word = OsString::from(format!("--{long}"));
            self.given.retain(|given| *given != word);
            if on {
                self.given.push(word);
            }
        } else {
            self.given.push(format!("--{long}={on}").into());
        }
        Ok(())
    }
}

/// The name and the attached value, if a word is a flag.
fn flag_name(word: &OsString) -> Option<(String, Option<OsString>)> {
    let bytes = word.as_encoded_bytes();
    let dashes = bytes.iter().take_while(|byte| **byte == b'-').count();
    if !(1..=2).contains(&dashes) || bytes.len() == dashes || bytes[dashes].is_ascii_digit() {
        return None;
    }
    // Names are ASCII; a value keeps its bytes, since it may be a path.
    let end = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
    let name = String::from_utf8_lossy(&bytes[dashes..end]).into_owned();
    let value = (end < bytes.len()).then(|| tail(word, end + 1));
    Some((name, value))
}

/// What stands behind the first `skip` bytes, all of which are ASCII or whole characters.
fn tail(word: &OsString, skip: usize) -> OsString {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
        OsString::from_vec(word.as_bytes()[skip..].to_vec())
    }
    #[cfg(not(unix))]
    {
        OsString::from(word.to_string_lossy().get(skip..).unwrap_or_default())
    }
}

/// Adds the next word as value where the flag needs one and has none attached.
fn with_value(
    name: String,
    attached: Option<OsString>,
    takes_value: bool,
    words: &mut impl Iterator<Item = OsString>,
) -> Result<Typed, Failure> {
    let value = match attached {
        None if takes_value => Some(
            words
                .next()
                .ok_or_else(|| Failure::usage(format_args!("flag needs an argument: -{name}")))?,
        ),
        attached => attached,
    };
    Ok(Typed { name, value })
}

fn help(topics: Vec<OsString>, root: &Command) -> Result<Words, Failure> {
    let mut path = Vec::new();
    for topic in &topics {
        let above: &Command = path.last().copied().unwrap_or(root);
        match topic.to_str().and_then(|topic| above.find_subcommand(topic)) {
            Some(command) => path.push(command),
            // SOPS looks at the first word only.
            None if !path.is_empty() => break,
            None => {
                if let Some(failure) = legacy::left_out(&topic.to_string_lossy()) {
                    return Err(failure);
                }
                return Err(no_topic(topic, root));
            }
        }
    }
    Ok(Words::Help((!path.is_empty()).then(|| label(&path))))
}

/// There is no such command (CLI §1).
fn no_topic(word: &OsString, above: &Command) -> Failure {
    let word = word.to_string_lossy();
    let names = above.get_subcommands().filter(|c| !c.is_hide_set()).map(Command::get_name);
    let hint = super::similar(&word, names).map(|near| format!("did you mean {near}?"));
    let problem = format!("No help topic for '{word}'");
    Failure::new(Status::CouldNotWriteOutput, problem).maybe_hint(hint)
}

/// The flag of a command with this name, long or short.
pub(super) fn find<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    let mut letters = name.chars();
    let short = letters.next().filter(|_| letters.next().is_none());
    command.get_arguments().find(|arg| {
        arg.get_long() == Some(name)
            || (short.is_some() && arg.get_short() == short)
            || arg.get_all_aliases().is_some_and(|others| others.contains(&name))
    })
}

/// The flag with this name, of whatever command has one. All commands agree on what it takes,
/// which a test asserts.
pub(super) fn anywhere<'c>(root: &'c Command, name: &str) -> Option<&'c Arg> {
    find(root, name).or_else(|| root.get_subcommands().find_map(|command| anywhere(command, name)))
}

/// Whether a value follows. An option that says what its absence of value means is a boolean.
fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}

fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

pub(super) fn not_defined(name: &str) -> Failure {
    Failure::usage(format_args!("flag provided but not defined: -{name}"))
}

/// The flag whose name is most like this one.
fn nearest(command: &Command, name: &str) -> Option<String> {
    let names = command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(Arg::get_long);
    super::similar(name, names).map(|near| format!("did you mean --{near}?"))
}

/// The same among the flags of all commands.
fn nearest_of_all(root: &Command, name: &str) -> Option<String> {
    let commands = std::iter::once(root).chain(shown(root).into_iter().map(|(_, command)| command));
    let names = commands
        .flat_map(Command::get_arguments)
        .filter(|arg| !arg.is_hide_set())
        .filter_map(Arg::get_long);
    super::similar(name, names).map(|near| format!("did you mean --{near}?"))
}

/// The commands that do have a flag of exactly this name.
pub(super) fn of_others(root: &Command, name: &str) -> Option<String> {
    let with = |command: &Command| {
        command.get_arguments().any(|arg| arg.get_long() == Some(name) && !arg.is_hide_set())
    };
    let shown = shown(root).into_iter();
    let names: Vec<_> = shown.filter(|(_, command)| with(command)).map(|(name, _)| name).collect();
    (!names.is_empty()).then(|| format!("--{name} is a flag of {}", names.join(", ")))
}

/// Whether `-di` was meant to be `-d -i`.
fn bundle(command: &Command, name: &str) -> Option<String> {
    let known = |letter: char| command.get_arguments().any(|arg| arg.get_short() == Some(letter));
    let several = name.chars().count() > 1 && name.chars().all(known);
    several.then(|| {
        let apart: Vec<_> = name.chars().map(|letter| format!("-{letter}")).collect();
        format!("flags of one letter stand apart: {}", apart.join(" "))
    })
}

/// The commands that help shows, and what is typed for each.
fn shown(root: &Command) -> Vec<(String, &Command)> {
    let mut found = Vec::new();
    for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name();
        found.push((name.to_owned(), command));
        let inner = command.get_subcommands().filter(|command| !command.is_hide_set());
        found.extend(inner.map(|inner| (format!("{name} {}", inner.get_name()), inner)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &[&str]) -> Result<Words, Failure> {
        read(line.iter().map(OsString::from).collect(), &crate::args::definition())
    }

    fn run_line(line: &[&str]) -> Vec<String> {
        match read_line(line).unwrap() {
            Words::Run { words, .. } => {
                words.into_iter().map(|word| word.into_string().unwrap()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn refusal(line: &[&str]) -> String {
        read_line(line).unwrap_err().message().to_owned()
    }

    #[test]
    fn one_dash_is_as_good_as_two_and_the_place_does_not_matter() {
        let plain = ["decrypt", "--output-type=json", "--", "s.yaml"];
        assert_eq!(run_line(&["decrypt", "-output-type", "json", "s.yaml"]), plain);
        assert_eq!(run_line(&["decrypt", "s.yaml", "--output-type=json"]), plain);
        assert_eq!(run_line(&["--output-type", "json", "decrypt", "s.yaml"]), plain);
    }

    #[test]
    fn a_word_behind_a_boolean_is_no_value() {
        assert_eq!(
            run_line(&["encrypt", "-i", "q.yaml", "--age", "R", "--output-type", "json"]),
            ["encrypt", "--in-place", "--age=R", "--output-type=json", "--", "q.yaml"]
        );
        assert_eq!(
            run_line(&["set", "f", "--value-stdin", "[\"a\"]"]),
            ["set", "--value-stdin", "--", "f", "[\"a\"]"]
        );
    }

    #[test]
    fn booleans_can_be_turned_off_again() {
        assert_eq!(run_line(&["decrypt", "--in-place=false", "f"]), ["decrypt", "--", "f"]);
        assert_eq!(run_line(&["decrypt", "-i", "-i=0", "f"]), ["decrypt", "--", "f"]);
        assert_eq!(
            run_line(&["decrypt", "--enable-local-keyservice=F", "f"]),
            ["decrypt", "--enable-local-keyservice=false", "--", "f"]
        );
    }

    #[test]
    fn malformed_lines_are_told_in_the_known_words() {
        for (line, words) in [
            (&["decrypt", "-di", "x"][..], "flag provided but not defined: -di"),
            (&["--nosuchflag", "x"], "flag provided but not defined: -nosuchflag"),
            (
                &["decrypt", "--ignore-mac=maybe", "x"],
                "invalid boolean value \"maybe\" for -ignore-mac: parse error",
            ),
            (
                &["decrypt", "-i", "--in-place", "x"],
                "Cannot use two forms of the same flag: i in-place",
            ),
            (&["decrypt", "--extract"], "flag needs an argument: -extract"),
        ] {
            assert_eq!(refusal(line), format!("Incorrect Usage: {words}"));
        }
        assert_eq!(refusal(&["help", "nosuchtopic"]), "No help topic for 'nosuchtopic'");
    }

    #[test]
    fn what_was_probably_meant_is_said() {
        let hint = |line: &[&str]| read_line(line).unwrap_err().hints().join("; ");
        assert_eq!(hint(&["encrypt", "--encryptd-regex", "x"]), "did you mean --encrypted-regex?");
        assert_eq!(hint(&["--confg", "x", "decrypt", "f"]), "did you mean --config?");
        assert_eq!(hint(&["decrypt", "--add-age", "x"]), "--add-age is a flag of rotate");
        assert_eq!(hint(&["edit", "-sa", "x"]), "flags of one letter stand apart: -s -a");
        assert_eq!(hint(&["help", "decypt"]), "did you mean decrypt?");
        assert_eq!(hint(&["decrypt", "--nosuchflag"]), "");
    }

    #[test]
    fn numbers_and_words_behind_the_dashes_are_not_flags() {
        assert_eq!(run_line(&["set", "f", "[\"a\"]", "-5"]), ["set", "--", "f", "[\"a\"]", "-5"]);
        assert_eq!(run_line(&["decrypt", "--", "-i"]), ["decrypt", "--", "-i"]);
        assert_eq!(
            run_line(&["--indent", "-1", "decrypt", "f"]),
            ["decrypt", "--indent=-1", "--", "f"]
        );
    }

    #[test]
    fn commands_of_a_command_are_read_like_others() {
        assert_eq!(
            run_line(&["groups", "add", "-f", "s.yaml", "--age", "R"]),
            ["groups", "add", "--file=s.yaml", "--age=R", "--"]
        );
        assert_eq!(read_line(&["groups"]).unwrap(), Words::Help(Some("groups".into())));
        let topic = Words::Help(Some("groups delete".into()));
        assert_eq!(read_line(&["groups", "delete", "-h"]).unwrap(), topic);
        assert_eq!(read_line(&["help", "groups", "delete"]).unwrap(), topic);
        assert_eq!(refusal(&["groups", "ad"]), "No help topic for 'ad'");
    }

    #[test]
    fn what_stands_behind_dashes_is_the_commands_own() {
        assert_eq!(
            run_line(&["exec-env", "s.env", "--", "prog", "--pristine", "-x"]),
            ["exec-env", "--words-behind-dashes", "--", "s.env", "prog", "--pristine", "-x"]
        );
        assert_eq!(
            run_line(&["exec-env", "s.env", "prog -x", "--pristine"]),
            ["exec-env", "--pristine", "--", "s.env", "prog -x"]
        );
    }

    #[test]
    fn an_early_flag_does_not_begin_to_write() {
        for (flag, value) in [("-i", None), ("--in-place", None), ("--output", Some("o"))] {
            let line: Vec<&str> = [flag].into_iter().chain(value).chain(["decrypt", "f"]).collect();
            match read_line(&line).unwrap() {
                Words::Run { words, warnings } => {
                    assert_eq!(words, ["decrypt", "--", "f"]);
                    assert_eq!(warnings.len(), 1, "{flag}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_early_flag_without_meaning_is_named() {
        match read_line(&["--age", "R", "filestatus", "f"]).unwrap() {
            Words::Run { warnings, .. } => assert_eq!(warnings.len(), 1),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_commands_agree_on_what_a_flag_takes() {
        let root = crate::args::definition();
        let mut seen: BTreeMap<String, bool> = BTreeMap::new();
        let inner = root.get_subcommands().flat_map(Command::get_subcommands);
        for command in root.get_subcommands().chain(inner) {
            for arg in command.get_arguments() {
                let names = arg
                    .get_long()
                    .map(str::to_owned)
                    .into_iter()
                    .chain(arg.get_short().map(String::from));
                for name in names {
                    let takes = takes_value(arg);
                    assert_eq!(*seen.entry(name.clone()).or_insert(takes), takes, "{name}");
                }
            }
        }
    }
}
