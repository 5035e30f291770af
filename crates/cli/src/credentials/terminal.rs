//! Questions to the person at the terminal. They go to `/dev/tty`, past redirected streams; where
//! there is none, nobody is asked.

use std::io::{BufRead as _, BufReader, Write as _};

use sops_providers::age::Questions;
use zeroize::Zeroizing;

use crate::failure;

/// The person at the terminal, if there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal;

impl Questions for Terminal {
    fn passphrase(&self, what: &str) -> Option<Zeroizing<String>> {
        let mut first = what.chars();
        let what: String = first.next()?.to_uppercase().chain(first).collect();
        rpassword::prompt_password(format!("{what}: ")).ok().map(Zeroizing::new)
    }

    fn message(&self, text: &str) {
        failure::note(text);
    }

    fn confirm(&self, text: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let answers = no.map_or_else(|| format!("y: {yes}"), |no| format!("y: {yes}, n: {no}"));
        match ask(&format!("{text} ({answers}) "))?.trim() {
            "y" => Some(true),
            "n" if no.is_some() => Some(false),
            _ => None,
        }
    }

    fn input(&self, text: &str) -> Option<String> {
        ask(&format!("{text}: "))
    }
}

fn ask(question: &str) -> Option<String> {
    let mut terminal = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    terminal.write_all(question.as_bytes()).ok()?;
    let mut line = String::new();
    BufReader::new(terminal).read_line(&mut line).ok()?;
    Some(line.trim_end_matches(['\n', '\r']).to_owned())
}
