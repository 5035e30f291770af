//! The folder in memory that `edit` keeps its text in.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use sops_tests::need;
use sops_tests::run::Run;
use sops_tests::scratch::files_below;
use tempfile::TempDir;

/// Where Linux has memory that looks like a folder.
const SHARED: &str = "/dev/shm";

/// A folder in memory, for one test, gone at its end.
#[derive(Debug)]
pub(crate) struct Memory {
    folder: TempDir,
}

impl Memory {
    /// Makes one; `None` where this machine has no such place and that is no failure.
    pub(crate) fn new() -> Option<Self> {
        let kind = Run::program("stat", ["-f", "-c", "%T", SHARED]).run().out();
        if kind.trim() != "tmpfs" {
            assert!(!need::in_ci(), "{SHARED} is not in memory; with CI=true that is a failure");
            let _ = writeln!(std::io::stderr(), "SKIPPED: {SHARED} is not in memory");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("sops-rs-test-").tempdir_in(SHARED);
        Some(Self { folder: folder.expect("a folder in memory can be made") })
    }

    /// To be given as `XDG_RUNTIME_DIR`.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The files that are left, relative to the folder.
    pub(crate) fn left(&self) -> Vec<String> {
        let name = |path: &Path| path.strip_prefix(self.path()).expect("it is below").to_owned();
        files_below(self.path()).iter().map(|path| name(path).display().to_string()).collect()
    }

    /// Whether there is nothing in it at all, no folder either.
    pub(crate) fn is_empty(&self) -> bool {
        fs::read_dir(self.path()).expect("it can be listed").next().is_none()
    }

    /// Waits until it is empty, such as for another process to clean it up.
    #[track_caller]
    pub(crate) fn wait_until_empty(&self) {
        let started = Instant::now();
        while !self.is_empty() {
            assert!(started.elapsed() < Duration::from_secs(60), "{:?} is left", self.left());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Fails unless what a killed program had to leave is for its owner only.
    #[track_caller]
    pub(crate) fn demand_private(&self, at: &str) {
        for entry in fs::read_dir(self.path()).expect("it can be listed") {
            let entry = entry.expect("an entry can be read");
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(name.starts_with("sops-rs-"), "{at}: {name} is in memory");
            assert_eq!(mode(&entry.path()), 0o700, "{at}: {name}");
            for file in files_below(&entry.path()) {
                assert_eq!(mode(&file), 0o600, "{at}: {}", file.display());
            }
        }
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}
