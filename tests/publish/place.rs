//! A folder with encrypted files and a configuration, and the two programs in it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use sops_tests::run::{Outcome, Run};
use sops_tests::scratch::Scratch;
use sops_tests::{need, paths};

/// Recipients whose identities are in `tests/cli/keys.txt`.
pub(crate) const R1: &str = "age1ypucxcsrnn30lwu25k2gv55d8nzjr0px7try0pys56mpkff744msg7zvcl";
pub(crate) const R2: &str = "age1qtcp7x5u5npvg68v4gy58f5x2kke0syt9vkjn4e2jmwcwrcas9cq6supw5";
/// What no message and no file that is published encrypted may hold.
pub(crate) const SECRET: &str = "hunter2";

pub(crate) struct Place {
    pub(crate) scratch: Scratch,
    environment: Vec<(String, String)>,
}

impl Place {
    /// With the variables of a server.
    pub(crate) fn new(environment: Vec<(String, String)>) -> Self {
        Self { scratch: Scratch::new(), environment }
    }

    /// Writes `.sops.yaml`.
    pub(crate) fn config(&self, text: &str) {
        self.scratch.write(".sops.yaml", text.replace("R1", R1).replace("R2", R2));
    }

    /// Writes a file and encrypts it for the first recipient.
    #[track_caller]
    pub(crate) fn sealed(&self, name: &str, text: &str) {
        self.scratch.write(name, text);
        self.run(Run::sops_rs(["--config", "/dev/null", "encrypt", "-i", "--age", R1, name]))
            .run()
            .success();
        assert!(!self.scratch.text(name).contains(SECRET));
    }

    /// Any program in these surroundings.
    pub(crate) fn run(&self, run: Run) -> Run {
        let home = self.scratch.path();
        let keys = paths::in_tests("cli/keys.txt");
        let run = run.within(home).env("HOME", home).env("SOPS_AGE_KEY_FILE", keys);
        run.envs(self.environment.iter().map(|(name, value)| (name, value)))
    }

    pub(crate) fn sops_rs(&self, arguments: &[&str]) -> Run {
        self.run(Run::sops_rs(arguments)).env("SOPS_RS_HINTS", "always")
    }

    /// Publishes with these arguments.
    pub(crate) fn publish(&self, arguments: &[&str]) -> Run {
        self.sops_rs(&[&["publish"], arguments].concat())
    }

    /// The Go program does; `None` without it, where that is no failure.
    pub(crate) fn go(&self, arguments: &[&str]) -> Option<Run> {
        let go: PathBuf = need::peer()?;
        Some(self.run(Run::peer(&go, [&["publish"], arguments].concat())))
    }

    /// Whether a text is a file of SOPS that each program opens to this, with one identity.
    #[track_caller]
    pub(crate) fn opens(&self, name: &str, bytes: &[u8], key: &str, plain: &str) {
        self.scratch.write(name, bytes);
        let key = paths::in_tests(format!("cli/{key}"));
        let ours = self.sops_rs(&["--config", "/dev/null", "decrypt", name]);
        assert_eq!(ours.env("SOPS_AGE_KEY_FILE", &key).run().success().out(), plain);
        if let Some(go) = need::peer() {
            let go = self.run(Run::peer(&go, ["decrypt", name])).env("SOPS_AGE_KEY_FILE", &key);
            let out = go.run().success().out();
            assert_eq!(out.replace("    ", "  "), plain.replace("    ", "  "));
        }
    }
}

/// A name that no other test has.
pub(crate) fn unique(name: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Fails unless the run ended with this status and said all of this, and no secret.
#[track_caller]
pub(crate) fn refused(outcome: &Outcome, status: i32, words: &[&str]) {
    assert_eq!(outcome.code(), Some(status), "{outcome}");
    let text = outcome.err();
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?} of {outcome}");
    }
    says_no_secret(outcome);
}

#[track_caller]
pub(crate) fn says_no_secret(outcome: &Outcome) {
    assert!(!outcome.to_string().contains(SECRET), "{outcome}");
}
