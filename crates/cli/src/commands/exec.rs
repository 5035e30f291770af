//! What `exec-env` and `exec-file` share: their flags, and the file and the command among their
//! words.

use std::ffi::{OsStr, OsString};

use clap::Args;

use crate::{
    env_vars,
    failure::{self, Failure},
    files::{child::Line, user::User},
};

/// Flags on how the command runs.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "How the command runs")]
pub(crate) struct ChildFlags {
    /// Start the command and do not wait for it (deprecated in SOPS); it has no input and no output
    #[arg(long)]
    pub(crate) background: bool,
    /// Run the command as this user of /etc/passwd; only root may
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Let the command have SOPS_AGE_KEY, which it does not get otherwise
    #[arg(long)]
    pass_age_key: bool,
    /// There was a `--` among the words
    #[arg(long, hide = true)]
    words_behind_dashes: bool,
}

impl ChildFlags {
    /// Warns of what will go away in SOPS.
    pub(crate) fn warn(&self, command: &str) {
        if self.background {
            failure::warn(format_args!(
                "{command}'s --background option is deprecated and will be removed in a future \
                 version of sops"
            ));
        }
    }

    /// The user to become.
    pub(crate) fn user(&self) -> Result<Option<User>, Failure> {
        self.user.as_deref().filter(|name| !name.is_empty()).map(User::find).transpose()
    }

    /// Whether the command may have our key.
    pub(crate) fn with_key(&self) -> Result<bool, Failure> {
        Ok(self.pass_age_key || env_vars::SOPS_PASS_AGE_KEY.boolean()?.unwrap_or(false))
    }

    /// The file, and what to run. One word behind the file is a line for the shell, as in SOPS;
    /// several, behind `--`, are a program and its arguments.
    pub(crate) fn split<'w>(&self, words: &'w [OsString]) -> Result<(&'w OsStr, Line), Failure> {
        match words {
            [file, line] => Ok((file, Line::Shell(line.clone()))),
            [file, rest @ ..] if self.words_behind_dashes && rest.len() > 1 => {
                let rest = rest.strip_prefix(&["--".into()]).unwrap_or(rest);
                let Some((program, arguments)) = rest.split_first() else { return Err(missing()) };
                Ok((file, Line::Program(program.clone(), arguments.to_vec())))
            }
            _ => Err(missing()),
        }
    }
}

/// In the words of SOPS, also for a command that is missing or stands in too many words.
fn missing() -> Failure {
    Failure::generic("error: missing file to decrypt")
        .hint("name the file, then the command: FILE 'COMMAND', or FILE -- PROGRAM ARGUMENTS")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(dashes: bool, words: &[&str]) -> Result<Line, String> {
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        let flags = ChildFlags { words_behind_dashes: dashes, ..ChildFlags::default() };
        match flags.split(&words) {
            Ok((_, line)) => Ok(line),
            Err(failure) => Err(failure.message().to_owned()),
        }
    }

    #[test]
    fn one_word_is_for_the_shell_and_more_need_dashes() {
        let shell = |text: &str| Ok(Line::Shell(text.into()));
        let program = |name: &str, arguments: &[&str]| {
            Ok(Line::Program(name.into(), arguments.iter().map(Into::into).collect()))
        };
        let missing = || Err("error: missing file to decrypt".to_owned());
        assert_eq!(split(false, &["f", "a | b"]), shell("a | b"));
        assert_eq!(split(true, &["f", "a | b"]), shell("a | b"));
        assert_eq!(split(true, &["f", "a", "b c"]), program("a", &["b c"]));
        assert_eq!(split(true, &["f", "--", "a", "b"]), program("a", &["b"]));
        assert_eq!(split(false, &["f", "a", "b"]), missing());
        assert_eq!(split(false, &["f"]), missing());
        assert_eq!(split(true, &[]), missing());
    }
}
