//! Questions to the person who runs this: passphrases by gpg-agent where one runs, as in Go sops
//! (format §4.3), everything else at the terminal.

use sops_providers::age::{PassphraseFor, Questions};
use zeroize::Zeroizing;

use super::terminal;
use crate::failure;

/// Whoever runs this program, if anybody can be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person;

impl Questions for Person {
    fn passphrase(&self, asked: &PassphraseFor<'_>) -> Option<Zeroizing<String>> {
        let mut first = asked.what.chars();
        let what: String = first.next()?.to_uppercase().chain(first).collect();
        #[cfg(unix)]
        if let Some(id) = asked.cache_id {
            use super::gpg_agent::{self, Answer};
            match gpg_agent::passphrase(id, &what, asked.wrong > 0) {
                Answer::Given(passphrase) => return Some(passphrase),
                Answer::Refused => return None,
                Answer::Nobody => {}
            }
        }
        terminal::passphrase(&match asked.wrong {
            0 => format!("{what}: "),
            _ => format!("That is not it. {what}: "),
        })
    }

    fn forget(&self, asked: &PassphraseFor<'_>) {
        #[cfg(unix)]
        if let Some(id) = asked.cache_id {
            super::gpg_agent::forget(id);
        }
        #[cfg(not(unix))]
        let _ = asked;
    }

    fn message(&self, text: &str) {
        failure::note(text);
    }

    fn confirm(&self, text: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let answers = no.map_or_else(|| format!("y: {yes}"), |no| format!("y: {yes}, n: {no}"));
        match terminal::ask(&format!("{text} ({answers}) "))?.trim() {
            "y" => Some(true),
            "n" if no.is_some() => Some(false),
            _ => None,
        }
    }

    fn input(&self, text: &str) -> Option<String> {
        terminal::ask(&format!("{text}: "))
    }
}
