//! A folder with an encrypted file, and programs that are audited.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use sops_tests::canary::Canary;
use sops_tests::rig::postgres::PASSWORD;
use sops_tests::run::{Outcome, Run};
use sops_tests::scratch::Scratch;
use sops_tests::{need, paths, private_etc};

pub(crate) const RECIPIENT: &str = "age1ypucxcsrnn30lwu25k2gv55d8nzjr0px7try0pys56mpkff744msg7zvcl";
/// The file.
pub(crate) const FILE: &str = "secret.yaml";

pub(crate) struct Place {
    pub(crate) scratch: Scratch,
    /// The value in the file.
    pub(crate) secret: Canary,
    sealed: Vec<u8>,
    runs: AtomicUsize,
}

impl Place {
    /// `None` where nothing can be mounted, and that is no failure.
    pub(crate) fn new() -> Option<Self> {
        need::private_etc()?;
        let (scratch, secret) = (Scratch::new(), Canary::new("canary-of-audit-41d7"));
        scratch.write(".sops.yaml", format!("creation_rules:\n- age: {RECIPIENT}\n"));
        let place = Self { scratch, secret, sealed: Vec::new(), runs: AtomicUsize::new(0) };
        let words = ["encrypt", "--filename-override", FILE];
        let sealed = place.plainly(Run::sops_rs(words)).input(place.plain()).run().success().stdout;
        place.scratch.write(FILE, &sealed);
        Some(Self { sealed, ..place })
    }

    /// The document in clear.
    pub(crate) fn plain(&self) -> String {
        format!("word: {}\nother: 1\n", self.secret.value())
    }

    /// Puts the file back as it was.
    pub(crate) fn restore(&self) {
        self.scratch.write(FILE, &self.sealed);
    }

    /// Fails if the file is not as it was.
    #[track_caller]
    pub(crate) fn assert_untouched(&self) {
        assert!(self.scratch.read(FILE) == self.sealed, "the file was changed");
    }

    /// In the folder, with the key.
    pub(crate) fn plainly(&self, run: Run) -> Run {
        run.within(self.scratch.path())
            .env("HOME", self.scratch.path())
            .env("SOPS_AGE_KEY_FILE", paths::in_tests("cli/key1.txt"))
    }

    /// The same under these settings.
    pub(crate) fn audited(&self, run: Run, settings: &str) -> Run {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let folder = self.scratch.at(format!("etc-{number}"));
        fs::create_dir(&folder).unwrap();
        let run = private_etc::with_audit_settings(run, &folder, settings);
        self.plainly(run).env("SOPS_RS_HINTS", "always")
    }

    /// The program under test, under these settings.
    pub(crate) fn sops_rs(&self, settings: &str, words: &[&str]) -> Run {
        self.audited(Run::sops_rs(words), settings)
    }

    /// A log in the folder, as settings and by its name.
    pub(crate) fn log(&self) -> (String, &'static str) {
        (file_backend(&self.scratch.at("audit.jsonl")), "audit.jsonl")
    }

    /// The records of a log.
    #[track_caller]
    pub(crate) fn records(&self, log: &str) -> Vec<Value> {
        let text = self.scratch.text(log);
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Fails if the run shows the plaintext on standard error, or the password anywhere.
    #[track_caller]
    pub(crate) fn assert_discreet(&self, outcome: &Outcome) {
        assert!(!self.secret.is_in(&outcome.stderr), "{outcome}");
        let password = Canary::new(PASSWORD);
        password.assert_not_printed(outcome);
    }
}

/// Settings with one file.
pub(crate) fn file_backend(path: &Path) -> String {
    format!("backends:\n  file:\n  - path: {}\n", path.display())
}

/// Settings with one database.
pub(crate) fn table_backend(connection: &str) -> String {
    format!("backends:\n  postgres:\n  - connection_string: \"{connection}\"\n")
}

/// `action outcome reason` of a record.
pub(crate) fn in_short(record: &Value) -> String {
    let word = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}", word("action"), word("outcome"), word("reason"))
}
