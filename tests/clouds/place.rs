//! A folder with a file.

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
