//! A folder with files of the format's samples, as a home of nobody.

use std::fs;
use std::path::PathBuf;

use sops_tests::paths;
use sops_tests::run::Run;
pub(crate) use sops_tests::run::refused;
use sops_tests::scratch::Scratch;

/// No key could be used.
pub(crate) const NO_KEY: i32 = 128;
/// A document, and its file.
pub(crate) const PLAIN: &str = "user: alice\nport: 5432\n";
pub(crate) const FILE: &str = "secret.yaml";

/// A folder, also the home of the programs that run in it.
pub(crate) struct Place {
    pub(crate) scratch: Scratch,
}

impl Place {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        scratch.write(FILE, PLAIN);
        Self { scratch }
    }

    /// The same with a sample file in place of [`FILE`].
    pub(crate) fn with_sample(name: &str) -> Self {
        let place = Self::new();
        place.scratch.write(FILE, fs::read(sample(&format!("files/{name}"))).unwrap());
        place
    }

    pub(crate) fn environment(&self, run: Run) -> Run {
        run.within(self.scratch.path()).env("HOME", self.scratch.path())
    }

    pub(crate) fn sops_rs(&self, arguments: &[&str]) -> Run {
        self.environment(Run::sops_rs(arguments)).env("SOPS_RS_HINTS", "always")
    }

    pub(crate) fn decrypt(&self) -> Run {
        self.sops_rs(&["decrypt", FILE])
    }

    /// Encrypts [`FILE`] in its place for this recipient.
    #[track_caller]
    pub(crate) fn encrypt(&self, recipients: &str) {
        self.scratch.write(FILE, PLAIN);
        self.sops_rs(&["encrypt", "-i", "--age", recipients, FILE]).run().success();
    }
}

/// A file of the samples for keys.
pub(crate) fn sample(path: &str) -> PathBuf {
    paths::in_tests("data/vectors-keys").join(path)
}

/// The text of one.
pub(crate) fn sample_text(path: &str) -> String {
    fs::read_to_string(sample(path)).unwrap()
}
