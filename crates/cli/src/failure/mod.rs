//! What the program says when something went wrong: the only place that prints errors, warnings
//! and notes.
//!
//! Rules of this module:
//!
//! - An error is one message and an exit status. Where SOPS defines the line, scripts match it,
//!   so it is printed as it is: no prefix, no time, no colour.
//! - On a terminal somebody reads it: then the line is marked as an error and hints follow, one
//!   per line, on what to do next, before the rest of a long message. `SOPS_RS_HINTS` (`always`, `never`) decides otherwise.
//! - Colour only where standard error itself is a terminal, and never with `NO_COLOR` or
//!   `TERM=dumb`.
//! - With `--error-format json` each of these is one line of JSON instead, for programs.
//! - Messages hold no plaintext: whoever makes one names places, never values.

pub(crate) mod deciding;
mod json;
pub(crate) mod keys;
pub(crate) mod reading;

use std::{
    error::Error,
    fmt::{self, Write as _},
    io::{self, IsTerminal, Write as _},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{env_vars, name, status::Status};

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit status.
    pub(crate) status: Status,
    message: String,
    hints: Vec<String>,
    details: Option<Box<Details>>,
}

/// What a message says in words, for programs that read it.
#[derive(Debug, Default)]
struct Details {
    /// The file that line and path are of, if it is not the one that is worked on.
    file: Option<PathBuf>,
    /// The line of the input, from 1.
    line: Option<usize>,
    /// The key path in the input.
    path: Option<String>,
    /// What is behind it, in one sentence.
    cause: Option<String>,
}

impl Failure {
    /// A failure with the line that tells it.
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), hints: Vec::new(), details: None }
    }

    /// A failure without a number of its own.
    pub(crate) fn generic(message: impl Into<String>) -> Self {
        Self::new(Status::Generic, message)
    }

    /// A command line that cannot be understood.
    pub(crate) fn usage(problem: impl fmt::Display) -> Self {
        Self::generic(format!("Incorrect Usage: {problem}"))
    }

    /// A failure of which nothing is said: whoever would read it is gone.
    pub(crate) fn silent(status: Status) -> Self {
        Self::new(status, "")
    }

    /// An error with its causes as one sentence.
    pub(crate) fn from_error(status: Status, error: &dyn Error) -> Self {
        let failure = Self::new(status, sentence(error));
        match error.source() {
            Some(cause) => failure.because(sentence(cause)),
            None => failure,
        }
    }

    /// Adds what is behind it, which the message says too.
    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.details.get_or_insert_default().cause = Some(cause.into());
        self
    }

    /// Says that line and path are of another file than the one that is worked on.
    pub(crate) fn in_file(mut self, file: &Path) -> Self {
        self.details.get_or_insert_default().file = Some(file.to_owned());
        self
    }

    /// Adds the line of the input, from 1, which the message says too.
    pub(crate) fn at_line(mut self, line: Option<usize>) -> Self {
        self.details.get_or_insert_default().line = line;
        self
    }

    /// Adds the key path, which the message says too.
    pub(crate) fn at_path(mut self, path: impl fmt::Display) -> Self {
        let path = Some(path.to_string()).filter(|path| !path.is_empty());
        self.details.get_or_insert_default().path = path;
        self
    }

    /// The same with another exit status.
    pub(crate) fn with_status(self, status: Status) -> Self {
        Self { status, ..self }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds what to do about it, if there is anything.
    pub(crate) fn maybe_hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hints.extend(hint.map(Into::into));
        self
    }

    /// What to do about it.
    #[cfg(test)]
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The same, one of several: the message begins with what it is about.
    #[cfg(feature = "publish")]
    pub(crate) fn within(mut self, subject: &str) -> Self {
        self.message = format!("{subject}: {}", self.message);
        self
    }

    /// The line that tells it.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Says what went wrong on standard error.
    pub(crate) fn print(&self) {
        if !self.message.is_empty() {
            say(&name::in_message(&self.render(Style::of_stderr())));
        }
    }

    fn render(&self, style: Style) -> String {
        if style.json {
            return json::error(self, subject().as_deref());
        }
        let (line, rest) = match self.message.split_once('\n') {
            Some((line, rest)) if style.for_people => (line, Some(rest)),
            _ => (self.message.as_str(), None),
        };
        let mut text = String::new();
        if style.for_people {
            let plain = line.strip_prefix("Error: ").unwrap_or(line);
            let _ = writeln!(text, "{} {plain}", style.paint("error:", RED));
        } else {
            let _ = writeln!(text, "{line}");
        }
        if style.hints {
            for hint in &self.hints {
                let _ = writeln!(text, "{} {hint}", style.paint("hint:", CYAN));
            }
        }
        // A person looks for what to do, and reads the report if that is not enough.
        if let Some(rest) = rest {
            let _ = writeln!(text, "{rest}");
        }
        text
    }
}

/// Says something that does not stop the command.
pub(crate) fn warn(message: impl fmt::Display) {
    let style = Style::of_stderr();
    if style.json {
        return say(&json::remark("warning", &message.to_string(), subject().as_deref()));
    }
    let text = format!("{} {message}\n", style.paint("warning:", YELLOW));
    say(&name::in_message(&text));
}

/// Says something that only people want to know, where hints are shown.
pub(crate) fn tip(message: impl fmt::Display) {
    let style = Style::of_stderr();
    if style.json {
        return say(&json::remark("hint", &message.to_string(), subject().as_deref()));
    }
    if style.hints {
        say(&format!("{} {message}\n", style.paint("hint:", CYAN)));
    }
}

/// Whether `--verbose` was given. It belongs to the run, like standard error itself.
static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Whether a program reads what is said. It belongs to the run as well.
static JSON: AtomicBool = AtomicBool::new(false);

/// Says everything as JSON from now on.
pub(crate) fn speak_json() {
    JSON.store(true, Ordering::Relaxed);
}

fn wants_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// The file that is being worked on.
static SUBJECT: Mutex<Option<PathBuf>> = Mutex::new(None);

/// From now on, what is said is about this file.
pub(crate) fn is_about(path: &Path) {
    let mut subject = SUBJECT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    *subject = Some(path.to_owned());
}

fn subject() -> Option<PathBuf> {
    SUBJECT.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
}

/// Lets [`detail`] speak.
pub(crate) fn say_more() {
    VERBOSE.store(true, Ordering::Relaxed);
}

/// Whether details are wanted, for those that cost something to find out.
pub(crate) fn wants_more() -> bool {
    VERBOSE.load(Ordering::Relaxed)
}

/// Says how something was decided or done, with `--verbose`. As everywhere: places, no values.
pub(crate) fn detail(message: impl fmt::Display) {
    if wants_more() && wants_json() {
        say(&json::remark("verbose", &message.to_string(), subject().as_deref()));
    } else if wants_more() {
        note(format_args!("{} {message}", Style::of_stderr().paint("verbose:", CYAN)));
    }
}

/// Says what is going on, for people; never a result.
pub(crate) fn note(message: impl fmt::Display) {
    if wants_json() {
        return say(&json::remark("note", &message.to_string(), subject().as_deref()));
    }
    say(&name::in_message(&format!("{message}\n")));
}

/// Whether somebody reads what is said as it happens.
#[cfg(feature = "publish")]
pub(crate) fn on_terminal() -> bool {
    io::stderr().is_terminal() && !wants_json()
}

/// Asks, without ending the line.
pub(crate) fn ask(question: impl fmt::Display) {
    say(&question.to_string());
}

/// An error and its causes, from general to particular.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some libraries repeat the cause in their own message.
        if !text.ends_with(&words) {
            let _ = write!(text, ": {words}");
        }
        cause = error.source();
    }
    text
}

/// The words of the operating system, without the number that `io::Error` adds.
pub(crate) fn os_words(error: &io::Error) -> String {
    let text = error.to_string();
    let plain = text.split(" (os error ").next().unwrap_or(&text);
    // SOPS prints the library's words in lower case; scripts look for "no such file".
    let mut chars = plain.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Writes to standard error. If that is not possible, there is nobody left to tell.
fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[33m";
const CYAN: &str = "\x1b[36m";

/// Whether the words are for people, and how much of them.
#[derive(Clone, Copy, Debug)]
struct Style {
    for_people: bool,
    hints: bool,
    colour: bool,
    json: bool,
}

impl Style {
    fn of_stderr() -> Self {
        let terminal = io::stderr().is_terminal();
        let hints = match env_vars::SOPS_RS_HINTS.text().as_deref() {
            Some("always") => true,
            Some("never") => false,
            _ => terminal,
        };
        let colour = terminal && colour_wanted();
        Self { for_people: terminal, hints, colour, json: wants_json() }
    }

    fn paint(self, word: &str, colour: &str) -> String {
        if self.colour { format!("{colour}{word}\x1b[0m") } else { word.to_owned() }
    }
}

/// Whether colours are welcome on a terminal.
pub(crate) fn colour_wanted() -> bool {
    env_vars::NO_COLOR.text().is_none_or(|text| text.is_empty())
        && env_vars::TERM.text().as_deref() != Some("dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_sees_the_line_and_nothing_else() {
        let failure = Failure::generic("Error: no file specified").hint("name one");
        let style = Style { for_people: false, hints: false, colour: false, json: false };
        assert_eq!(failure.render(style), "Error: no file specified\n");
    }

    #[test]
    fn a_person_sees_hints_too() {
        let failure = Failure::generic("Error: no file specified").hint("name one");
        let style = Style { for_people: true, hints: true, colour: false, json: false };
        assert_eq!(failure.render(style), "error: no file specified\nhint: name one\n");
    }

    #[test]
    fn what_to_do_stands_before_a_long_report_where_a_person_reads_it() {
        let failure = Failure::generic("no key\n\nGroup 0: FAILED").hint("put it there");
        let mut style = Style { for_people: true, hints: true, colour: false, json: false };
        let text = "error: no key\nhint: put it there\n\nGroup 0: FAILED\n";
        assert_eq!(failure.render(style), text);
        style.for_people = false;
        assert_eq!(failure.render(style), "no key\n\nGroup 0: FAILED\nhint: put it there\n");
    }
}
