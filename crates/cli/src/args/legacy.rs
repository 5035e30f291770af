//! What SOPS has and this program does not have yet: the older command line, `sops [flags] FILE`,
//! in which flags choose what is done, and some commands.
//!
//! They are recognised so that whoever types them is told what to do; they are not carried out.

use std::{ffi::OsString, path::Path};

use crate::{failure::Failure, status::Status};

/// Commands of SOPS that are not there yet.
const NOT_YET: [&str; 4] = ["exec-env", "exec-file", "groups", "publish"];

/// What to say to a command that SOPS has and this program does not have yet.
pub(crate) fn not_yet(command: &str) -> Option<Failure> {
    NOT_YET.contains(&command).then(|| {
        Failure::generic(format!("`{command}` is not there yet: sops-rs has no such command"))
            .hint(format!("SOPS has it, and works on the same files: sops {command} …"))
    })
}

/// Whether a flag that only the older form has takes a value; `None` for all others.
pub(crate) fn takes_value(name: &str) -> Option<bool> {
    match name {
        "d" | "decrypt" | "e" | "encrypt" | "r" | "rotate" => Some(false),
        "set" => Some(true),
        _ => None,
    }
}

/// What to say to a command line without sub-command.
pub(crate) fn explain<'n>(
    flags: &[(String, Option<OsString>)],
    words: &[OsString],
    commands: impl Iterator<Item = &'n str>,
) -> Failure {
    let mode = flags.iter().rev().find_map(|(name, _)| match name.as_str() {
        "d" | "decrypt" => Some("decrypt"),
        "e" | "encrypt" => Some("encrypt"),
        "r" | "rotate" => Some("rotate"),
        "set" => Some("set"),
        _ => None,
    });
    let Some(first) = words.first().map(|word| word.to_string_lossy()) else {
        let problem = "Error: no file specified";
        return Failure::new(Status::NoFileSpecified, problem)
            .hint("`sops-rs help` lists the commands; `sops-rs edit FILE` edits a file");
    };
    if mode.is_none()
        && let Some(failure) = not_yet(&first)
    {
        return failure;
    }
    if mode.is_none() && !Path::new(first.as_ref()).exists() {
        let hint = super::similar(&first, commands).map_or_else(
            || format!("to make a new file of that name, type: sops-rs edit {first}"),
            |near| format!("did you mean `sops-rs {near}`?"),
        );
        let problem = format!("\"{first}\" is neither a command nor a file");
        return Failure::generic(problem).hint(hint);
    }
    let instead = match mode {
        // The value is not repeated: it may be a secret.
        Some("set") => format!("sops-rs set {first} '[\"key\"]' VALUE"),
        Some(mode) => {
            let others: String = flags
                .iter()
                .filter(|(name, _)| takes_value(name).is_none())
                .map(|(name, value)| {
                    let dashes = if name.len() == 1 { "-" } else { "--" };
                    match value {
                        Some(value) => format!(" {dashes}{name} {}", value.to_string_lossy()),
                        None => format!(" {dashes}{name}"),
                    }
                })
                .collect();
            format!("sops-rs {mode}{others} {first}")
        }
        None => format!("sops-rs edit {first}"),
    };
    Failure::generic(format!(
        "no command given, and the older syntax without one is not there yet; type: {instead}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(flags: &[&str], words: &[&str]) -> Failure {
        let flags: Vec<_> = flags.iter().map(|name| ((*name).to_owned(), None)).collect();
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        explain(&flags, &words, ["decrypt", "edit"].into_iter())
    }

    #[test]
    fn the_present_form_is_named() {
        let failure = explained(&["d", "i"], &["s.yaml"]);
        assert!(failure.message().ends_with("not there yet; type: sops-rs decrypt -i s.yaml"));
    }

    #[test]
    fn commands_that_only_sops_has_are_named_as_such() {
        for command in NOT_YET {
            let failure = explained(&[], &[command, "s.yaml"]);
            assert!(failure.message().starts_with(&format!("`{command}` is not there yet")));
        }
    }

    #[test]
    fn a_mistyped_command_makes_no_file() {
        let failure = explained(&[], &["decypt"]);
        assert_eq!(failure.message(), "\"decypt\" is neither a command nor a file");
        assert_eq!(failure.status, Status::Generic);
    }

    #[test]
    fn nothing_at_all_has_its_own_status() {
        assert_eq!(explained(&[], &[]).status, Status::NoFileSpecified);
    }
}
