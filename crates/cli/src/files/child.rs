//! A command that gets secrets: what it is started with, and how its end becomes ours.
//!
//! Rules of this module:
//!
//! - It gets the streams of this program, its variables but for our key, and the signals.
//! - Its status is ours, and the line that SOPS prints of it is printed.
//! - The private folder is gone before this program says anything about the end.

use std::{
    ffi::{OsStr, OsString},
    io,
    process::{Command, ExitStatus, Stdio},
};

use super::{editor::is_path, exits, private_folder::PrivateFolder, user::User};
use crate::{
    env_vars,
    failure::{Failure, os_words},
    status::Status,
};

/// The shell, and what its command goes behind.
const SHELL: (&str, &str) = if cfg!(windows) { ("cmd.exe", "/C") } else { ("/bin/sh", "-c") };

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A text for the shell.
    Shell(OsString),
    /// A program and its arguments, as they are.
    Program(OsString, Vec<OsString>),
}

impl Line {
    /// The same with `{}` replaced everywhere.
    pub(crate) fn with(&self, path: &OsStr) -> Self {
        match self {
            Self::Shell(text) => Self::Shell(replaced(text, path)),
            Self::Program(program, arguments) => Self::Program(
                replaced(program, path),
                arguments.iter().map(|argument| replaced(argument, path)).collect(),
            ),
        }
    }

    /// How often it has `{}`.
    pub(crate) fn places(&self) -> usize {
        let count = |word: &OsString| word.to_string_lossy().matches("{}").count();
        match self {
            Self::Shell(text) => count(text),
            Self::Program(program, arguments) => {
                count(program) + arguments.iter().map(count).sum::<usize>()
            }
        }
    }

    fn command(&self) -> Command {
        match self {
            Self::Shell(text) => {
                let mut command = Command::new(SHELL.0);
                command.arg(SHELL.1).arg(text);
                command
            }
            Self::Program(program, arguments) => {
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
        }
    }

    /// What is started, for messages.
    fn name(&self) -> String {
        match self {
            Self::Shell(_) => SHELL.0.to_owned(),
            Self::Program(program, _) => program.to_string_lossy().into_owned(),
        }
    }
}

/// Puts a path in the place of `{}`. Bytes, since neither has to be text.
fn replaced(text: &OsStr, path: &OsStr) -> OsString {
    let (bytes, mut out) = (text.as_encoded_bytes(), Vec::new());
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|two| two == b"{}") {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(path.as_encoded_bytes());
        rest = &rest[at + 2..];
    }
    out.extend_from_slice(rest);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt as _;
        OsString::from_vec(out)
    }
    #[cfg(not(unix))]
    {
        OsString::from(String::from_utf8_lossy(&out).into_owned())
    }
}

/// How a command is run.
#[derive(Debug)]
pub(crate) struct Child {
    line: Line,
    command: Command,
}

impl Child {
    /// One that gets the variables of this program, but for our key unless it may have it; `pristine`
    /// means none at all. Those of a user come on top.
    pub(crate) fn new(line: Line, pristine: bool, with_key: bool, user: Option<&User>) -> Self {
        let mut command = line.command();
        if pristine {
            command.env_clear();
        } else if !with_key {
            // Only this program reads it, and it opens more than the file at hand. Variables that
            // say where a key is hold none.
            command.env_remove(env_vars::SOPS_AGE_KEY.name);
        }
        if let Some(user) = user {
            command.env("HOME", &user.home).env("USER", &user.name).env("LOGNAME", &user.name);
        }
        Self { line, command }
    }

    /// Adds a variable.
    pub(crate) fn set(&mut self, name: &str, value: &OsStr) {
        self.command.env(name, value);
    }

    /// Runs it to its end. The folder is removed when it has ended.
    pub(crate) fn run(mut self, folder: Option<PrivateFolder>) -> Result<Status, Failure> {
        let ended = exits::run_passing(&mut self.command);
        drop(folder);
        let ended = ended.map_err(|error| self.not_started(&error))?;
        exits::end_alike(ended);
        outcome(ended)
    }

    /// Starts it without streams, and leaves the folder to it.
    pub(crate) fn start(mut self, folder: Option<PrivateFolder>) -> Result<Status, Failure> {
        #[cfg(unix)]
        if let Some(folder) = folder {
            folder.leave_to_children().map_err(|error| self.not_started(&error))?;
        }
        #[cfg(not(unix))]
        std::mem::forget(folder);
        self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.command.spawn().map_err(|error| self.not_started(&error))?;
        Ok(Status::Success)
    }

    /// Becomes it. Comes back only if that fails.
    #[cfg(unix)]
    pub(crate) fn replace(mut self) -> Failure {
        use std::os::unix::process::CommandExt as _;
        let error = self.command.exec();
        self.not_started(&error)
    }

    /// As a shell tells it, with its statuses.
    fn not_started(&self, error: &io::Error) -> Failure {
        let name = self.line.name();
        match error.kind() {
            io::ErrorKind::NotFound if !is_path(&name) => Failure::new(
                Status::Child(127),
                format!("exec: \"{name}\": executable file not found in $PATH"),
            ),
            io::ErrorKind::NotFound => {
                Failure::new(Status::Child(127), format!("exec: \"{name}\": {}", os_words(error)))
            }
            _ => Failure::new(Status::Child(126), format!("exec: \"{name}\": {}", os_words(error))),
        }
    }
}

/// The end of a command as the end of this program: its status, and 255 if a signal ended it
/// (CLI §6).
fn outcome(ended: ExitStatus) -> Result<Status, Failure> {
    if ended.success() {
        return Ok(Status::Success);
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        if let Some(signal) = ended.signal() {
            let core = if ended.core_dumped() { " (core dumped)" } else { "" };
            let problem = format!("signal: {}{core}", name_of(signal));
            return Err(Failure::new(Status::Child(255), problem));
        }
    }
    let code = ended.code().unwrap_or(255);
    let status = Status::Child(u8::try_from(code).unwrap_or(255));
    Err(Failure::new(status, format!("exit status {code}")))
}

/// A signal in the words of SOPS.
#[cfg(unix)]
fn name_of(signal: i32) -> String {
    use rustix::process::Signal;
    let name = match Signal::from_named_raw(signal) {
        Some(Signal::HUP) => "hangup",
        Some(Signal::INT) => "interrupt",
        Some(Signal::QUIT) => "quit",
        Some(Signal::ILL) => "illegal instruction",
        Some(Signal::TRAP) => "trace/breakpoint trap",
        Some(Signal::ABORT) => "aborted",
        Some(Signal::BUS) => "bus error",
        Some(Signal::FPE) => "floating point exception",
        Some(Signal::KILL) => "killed",
        Some(Signal::USR1) => "user defined signal 1",
        Some(Signal::SEGV) => "segmentation fault",
        Some(Signal::USR2) => "user defined signal 2",
        Some(Signal::PIPE) => "broken pipe",
        Some(Signal::ALARM) => "alarm clock",
        Some(Signal::TERM) => "terminated",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_braces_becomes_the_path() {
        let path = OsStr::new("/p/f");
        assert_eq!(replaced(OsStr::new("a {} b={}{}"), path), "a /p/f b=/p/f/p/f");
        assert_eq!(replaced(OsStr::new("{ }"), path), "{ }");
        let line = Line::Program("{}".into(), vec!["--file={}".into(), "x".into()]);
        let with = Line::Program("/p/f".into(), vec!["--file=/p/f".into(), "x".into()]);
        assert_eq!(line.with(path), with);
        assert_eq!(line.places(), 2);
        assert_eq!(Line::Shell("a".into()).places(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn ends_are_told_in_the_known_words() {
        use std::os::unix::process::ExitStatusExt as _;
        let told = |raw| outcome(ExitStatus::from_raw(raw)).unwrap_err();
        assert_eq!((told(7 << 8).message(), told(7 << 8).status.code()), ("exit status 7", 7));
        assert_eq!((told(9).message(), told(9).status.code()), ("signal: killed", 255));
        assert!(outcome(ExitStatus::from_raw(0)).is_ok());
    }
}
