//! A folder for one test, gone at its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for a busy machine.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// A private, empty folder that is removed when this value is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    /// Makes a folder with nothing in it.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sops-rs-test-").tempdir();
        Self { folder: folder.expect("a folder for temporary files can be made") }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it; nothing has to exist there.
    pub fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, with the folders above it, and says where it is.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders are made");
        fs::write(&path, content)
            .unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
        path
    }

    /// Writes a script that can be run, for example as `EDITOR`.
    pub fn script(&self, name: impl AsRef<Path>, content: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.write(name, content);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode can be set");
        path
    }

    /// The bytes of a file in the folder.
    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.at(name);
        fs::read(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
    }

    /// The text of a file in the folder.
    pub fn text(&self, name: impl AsRef<Path>) -> String {
        String::from_utf8(self.read(name)).expect("the file is text")
    }

    /// Waits until a file is there, such as one that a script makes when it has come that far.
    #[track_caller]
    pub fn wait_for(&self, name: impl AsRef<Path>) {
        let (path, started) = (self.at(name), Instant::now());
        while !path.exists() {
            assert!(started.elapsed() < WAIT_LIMIT, "{} did not appear", path.display());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// All files below the folder, relative to it, sorted; symlinks are listed, not followed.
    pub fn files(&self) -> Vec<PathBuf> {
        files_below(self.path())
            .into_iter()
            .map(|path| path.strip_prefix(self.path()).expect("it is below").to_owned())
            .collect()
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// All files below a folder, sorted; symlinks are listed, not followed.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).unwrap_or_else(|e| panic!("list {}: {e}", folder.display()))
        {
            let entry = entry.expect("an entry can be read");
            match entry.file_type().expect("an entry has a type").is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_listed_and_gone_at_the_end() {
        let scratch = Scratch::new();
        scratch.write("b/c.yaml", "x: 1\n");
        scratch.write("a.yaml", "y: 1\n");
        assert_eq!(scratch.files(), [PathBuf::from("a.yaml"), PathBuf::from("b/c.yaml")]);
        assert_eq!(scratch.text("b/c.yaml"), "x: 1\n");
        let path = scratch.path().to_owned();
        drop(scratch);
        assert!(!path.exists());
    }
}
