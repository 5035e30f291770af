//! Asking for a passphrase until it fits, and the name under which agents keep it.

use sha2::{Digest as _, Sha256};

use crate::age::{PassphraseFor, Questions};

/// A typing error is forgiven twice.
const TRIES: usize = 3;

/// Why a passphrase did not open something.
pub(crate) enum Refused {
    /// It is another one.
    Wrong,
    /// No passphrase would help.
    Broken(String),
}

/// Why something behind a passphrase stayed closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotOpened {
    /// Nobody answered.
    NotAsked,
    /// All answers were wrong.
    Wrong,
    /// It is damaged, or is not what it seemed.
    Broken(String),
}

/// Asks for `what`, and again while the answer does not open it.
pub(crate) fn ask<T>(
    questions: &dyn Questions,
    what: &str,
    cache_id: &str,
    open: impl Fn(&str) -> Result<T, Refused>,
) -> Result<T, NotOpened> {
    let asked = |wrong| PassphraseFor { what, cache_id: Some(cache_id), wrong };
    for wrong in 0..TRIES {
        let Some(passphrase) = questions.passphrase(&asked(wrong)) else {
            return Err(if wrong == 0 { NotOpened::NotAsked } else { NotOpened::Wrong });
        };
        match open(&passphrase) {
            Ok(opened) => return Ok(opened),
            Err(Refused::Wrong) => {}
            Err(Refused::Broken(text)) => return Err(NotOpened::Broken(text)),
        }
    }
    questions.forget(&asked(TRIES));
    Err(NotOpened::Wrong)
}

/// `SopsAge` and 25 bytes of the hash of what is protected in base32, which Go sops uses for
/// identity files too (§4.3). An agent takes names of at most 50 characters.
pub(crate) fn cache_id(protected: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let hash = Sha256::digest(protected);
    // Five bytes are eight letters, so nothing is left over.
    let groups = hash[..25]
        .chunks_exact(5)
        .map(|five| five.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)));
    let letter =
        |number: u64, at: u32| char::from(LETTERS[(number >> (35 - 5 * at) & 31) as usize]);
    let name = groups.flat_map(|number| (0..8).map(move |at| letter(number, at)));
    "SopsAge".chars().chain(name).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use zeroize::Zeroizing;

    #[test]
    fn names_are_those_of_go_sops() {
        // base32 of the first 25 bytes of the SHA-256 of nothing, by coreutils:
        // printf '' | sha256sum | cut -c-50 | xxd -r -p | base32
        assert_eq!(cache_id(b""), "SopsAge4OYMIQUY7QOBJGX36TEJS35ZEQT24QPEMSNZGTFE");
        assert_eq!(cache_id(b"x").len(), 47);
    }

    struct Answers(Mutex<Vec<&'static str>>, Mutex<Vec<String>>);

    impl Questions for Answers {
        fn passphrase(&self, asked: &PassphraseFor<'_>) -> Option<Zeroizing<String>> {
            self.1.lock().unwrap().push(format!("{} {}", asked.what, asked.wrong));
            self.0.lock().unwrap().pop().map(|text| Zeroizing::new(text.to_owned()))
        }

        fn forget(&self, asked: &PassphraseFor<'_>) {
            self.1.lock().unwrap().push(format!("forget after {}", asked.wrong));
        }
    }

    #[test]
    fn a_wrong_passphrase_is_asked_for_again_and_not_for_ever() {
        let open = |text: &str| match text {
            "right" => Ok(7),
            "broken" => Err(Refused::Broken("damaged".into())),
            _ => Err(Refused::Wrong),
        };
        for (answers, expected, asked) in [
            (vec!["right"], Ok(7), &["x 0"][..]),
            (vec!["right", "b", "a"], Ok(7), &["x 0", "x 1", "x 2"]),
            (vec!["c", "b", "a"], Err(NotOpened::Wrong), &["x 0", "x 1", "x 2", "forget after 3"]),
            (vec!["a"], Err(NotOpened::Wrong), &["x 0", "x 1"]),
            (vec![], Err(NotOpened::NotAsked), &["x 0"]),
            (vec!["a", "broken"], Err(NotOpened::Broken("damaged".into())), &["x 0"]),
        ] {
            let answers = Answers(Mutex::new(answers), Mutex::default());
            assert_eq!(ask(&answers, "x", "id", open), expected);
            assert_eq!(*answers.1.lock().unwrap(), asked);
        }
    }
}
