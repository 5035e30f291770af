//! A folder with a file, and what is said when a key says no.

use sops_tests::run::{Outcome, Run};
use sops_tests::scratch::Scratch;

/// No key could be used.
pub(crate) const NO_KEY: i32 = 128;
/// A document, and its file.
pub(crate) const PLAIN: &str = "user: alice\nport: 5432\n";
pub(crate) const FILE: &str = "secret.yaml";

/// A folder, also the home of the programs that run in it.
pub(crate) struct Place {
    pub(crate) scratch: Scratch,
    environment: Vec<(String, String)>,
}

impl Place {
    /// With the variables of a double.
    pub(crate) fn new(environment: Vec<(String, String)>) -> Self {
        let scratch = Scratch::new();
        scratch.write(FILE, PLAIN);
        Self { scratch, environment }
    }

    /// Any program in these surroundings.
    pub(crate) fn run(&self, run: Run) -> Run {
        let home = self.scratch.path();
        run.within(home).env("HOME", home).envs(self.environment.iter().map(|(n, v)| (n, v)))
    }

    pub(crate) fn sops_rs(&self, arguments: &[&str]) -> Run {
        self.run(Run::sops_rs(arguments)).env("SOPS_RS_HINTS", "always")
    }

    /// Writes [`FILE`] anew and encrypts it.
    #[track_caller]
    pub(crate) fn encrypt(&self, flags: &[&str]) {
        self.scratch.write(FILE, PLAIN);
        self.sops_rs(&[&["encrypt", "-i"], flags, &[FILE]].concat()).run().success();
    }

    pub(crate) fn decrypt(&self) -> Run {
        self.sops_rs(&["decrypt", FILE])
    }

    /// Fails unless the file opens to its text.
    #[track_caller]
    pub(crate) fn opens(&self) {
        assert_eq!(self.decrypt().run().success().out(), PLAIN);
    }
}

/// Fails unless the run ended with this status and said all of this.
#[track_caller]
pub(crate) fn refused(outcome: &Outcome, status: i32, words: &[&str]) {
    assert_eq!(outcome.code(), Some(status), "{outcome}");
    let text = outcome.err();
    let lines = text.lines().map(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        line.strip_prefix("| ").unwrap_or(line)
    });
    let text = lines.collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?} of {outcome}");
    }
}
