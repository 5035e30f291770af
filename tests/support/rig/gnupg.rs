//! A home of GnuPG with keys of `data/vectors-keys/keys`, which any program can use by its folder.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::need;
use crate::paths;
use crate::scratch::Scratch;

/// A home. Dropping it ends the agent that gpg started for it, and takes it away.
#[derive(Debug)]
pub struct GnupgHome {
    program: PathBuf,
    folder: Scratch,
}

impl GnupgHome {
    /// A home without keys. `None` without gpg, where that is no failure.
    pub fn new() -> Option<Self> {
        let program = need::program("gpg")?;
        let folder = Scratch::new();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))
            .expect("mode can be set");
        Some(Self { program, folder })
    }

    /// Its folder, for `GNUPGHOME`.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Imports a key, `pgp-rsa` for example, and gives its fingerprint.
    #[track_caller]
    pub fn import(&self, name: &str) -> String {
        let file = paths::in_tests(format!("data/vectors-keys/keys/{name}.sec.asc"));
        let file = file.display().to_string();
        let rows = self.run(&["--with-colons", "--show-keys", &file]);
        let row = rows.lines().find(|line| line.starts_with("fpr:")).expect("it has a fingerprint");
        self.run(&["--import", &file]);
        row.split(':').nth(9).expect("a row has ten fields").to_owned()
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.program);
        command.args(["--batch", "--quiet", "--no-tty"]).args(arguments);
        let output = command.env("GNUPGHOME", self.path()).output().expect("gpg can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {arguments:?}: {said}");
        String::from_utf8(output.stdout).expect("gpg prints text")
    }
}

impl Drop for GnupgHome {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        let _ = end.args(["--kill", "all"]).env("GNUPGHOME", self.path()).status();
    }
}
