//! Puts new bytes in the place of a file: afterwards it holds either the old bytes or the new
//! ones, whatever happens in between.
//!
//! Rules of this module:
//!
//! - The new bytes are written beside the target (in the same folder, so that renaming is one
//!   step), synced, renamed over it, and the folder is synced. On Linux they have no name until
//!   they are complete; a crash between naming and renaming leaves one file behind, which the next
//!   command that writes this target removes.
//! - A link is followed: what it points at is replaced, the link stays. Mode, owner and extended
//!   attributes go over to the new file. Other hard links keep the old bytes.
//! - From reading to renaming an advisory lock (`flock`) is held on the file itself, so that two
//!   of these programs take turns and no lock file is left behind. Whoever waited for the lock
//!   looks whether the name still stands for the file that was locked.
//! - Programs that know nothing of the lock are noticed: if the file's content is no longer what
//!   was read, nothing is written.
//! - A file that may not be written to is not replaced either, although the folder would allow it.
//! - New files with plaintext are for their owner alone (0600).
//!
//! On systems other than Unix there is no lock and no owner; the rest holds.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use sops_core::crypto::SecretBytes;

use super::{
    beside::{Beside, parent, sync_folder},
    input::{read_all, unreadable},
};
use crate::{
    failure::{self, Failure, os_words},
    status::Status,
};

/// Whether others may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Plaintext: for the owner alone.
    Plain,
    /// Sealed: as the umask has it.
    Sealed,
}

/// A file that was read in order to be replaced.
#[derive(Debug)]
pub(crate) struct Original {
    /// The path as it was typed, for messages.
    typed: PathBuf,
    /// The file itself, behind any links.
    real: PathBuf,
    bytes: SecretBytes,
    digest: [u8; 32],
    /// Holds the lock for as long as it is open.
    _lock: File,
}

impl Original {
    /// Reads a file and keeps others of this program from replacing it.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let refused = |error: &io::Error| unreadable("open", path, error);
        let real = fs::canonicalize(path).map_err(|error| refused(&error))?;
        let mut file = lock(path, &real)?;
        let data = file.metadata().map_err(|error| refused(&error))?;
        if data.is_dir() {
            let error = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(unreadable("read", path, &error));
        }
        if !data.is_file() {
            return Err(Failure::new(
                Status::CouldNotReadInput,
                format!("{} is no regular file and cannot be replaced", path.display()),
            )
            .hint("leave --in-place away, and name a target with --output"));
        }
        let bytes =
            read_all(&mut file, data.len()).map_err(|error| unreadable("read", path, &error))?;
        let digest = Sha256::digest(bytes.expose()).into();
        Ok(Self { typed: path.to_owned(), real, bytes, digest, _lock: file })
    }

    /// What it holds.
    pub(crate) fn bytes(&self) -> &SecretBytes {
        &self.bytes
    }

    /// Refuses a file that could not be replaced later on, before somebody has worked on it.
    pub(crate) fn demand_writable(&self) -> Result<(), Failure> {
        may_be_written(&self.real).map_err(|error| self.not_written(&error))
    }

    /// Puts `new` in its place, after `check` has found nothing wrong with it.
    pub(crate) fn replace(
        self,
        new: &SecretBytes,
        check: impl FnOnce(&SecretBytes) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        check(new)?;
        let failed = |error: &io::Error| self.not_written(error);
        may_be_written(&self.real).map_err(|error| failed(&error))?;
        let folder = parent(&self.real);
        let mut beside =
            Beside::create(&self.real, Content::Plain).map_err(|error| failed(&error))?;
        beside.write(new.expose()).map_err(|error| failed(&error))?;
        self.demand_unchanged()?;
        beside.take_over(&self.real).map_err(|error| failed(&error))?;
        beside.rename_to(&self.real).map_err(|error| failed(&error))?;
        sync_folder(folder).map_err(|error| not_confirmed(&self.typed, &error))?;
        failure::detail(format_args!("{} was written", self.typed.display()));
        Ok(())
    }

    /// Refuses to go on if somebody else has changed the file since it was read.
    fn demand_unchanged(&self) -> Result<(), Failure> {
        let now = File::open(&self.real)
            .and_then(|mut file| read_all(&mut file, self.bytes.len() as u64))
            .map(|bytes| <[u8; 32]>::from(Sha256::digest(bytes.expose())));
        if now.as_ref().ok() == Some(&self.digest) {
            return Ok(());
        }
        Err(Failure::new(
            Status::CouldNotWriteOutput,
            format!(
                "{} was changed by another program in the meantime; it was not written",
                self.typed.display()
            ),
        )
        .hint("repeat the command; it starts from the file as it is now"))
    }

    fn not_written(&self, error: &io::Error) -> Failure {
        let path = super::absolute_path(&self.typed);
        let problem = format!(
            "Could not open in-place file for writing: open {}: {}",
            path.display(),
            os_words(error)
        );
        let failure = Failure::new(Status::CouldNotWriteOutput, problem);
        if matches!(error.kind(), io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices) {
            // A single file that is mounted into a container cannot be renamed over.
            return failure.hint("this file cannot be replaced in one step; use --output");
        }
        failure.hint("the file is as it was before")
    }
}

/// Writes a result to a path that was named with `--output`, or to a new file.
///
/// Devices and pipes are written to directly; everything else is old or new, never in between.
pub(crate) fn write(path: &Path, new: &SecretBytes, content: Content) -> Result<(), Failure> {
    let failed = |error: &io::Error| {
        let problem = format!(
            "Could not open output file for writing: open {}: {}",
            path.display(),
            os_words(error)
        );
        Failure::new(Status::CouldNotWriteOutput, problem)
    };
    match path.to_str() {
        // Opening these again would start at the beginning of a file that they lead to.
        Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => return super::print(new.expose()),
        Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => {
            return io::stderr().write_all(new.expose()).map_err(|error| failed(&error));
        }
        _ => {}
    }
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        // A link that leads nowhere is followed when the file is made; here it is refused,
        // because nobody can say who will own what it leads to.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            let folder = parent(path);
            let mut beside = Beside::create(path, content).map_err(|error| failed(&error))?;
            beside.write(new.expose()).map_err(|error| failed(&error))?;
            beside.rename_to(path).map_err(|error| failed(&error))?;
            return sync_folder(folder).map_err(|error| not_confirmed(path, &error));
        }
        Err(error) => return Err(failed(&error)),
    };
    let data = fs::metadata(&real).map_err(|error| failed(&error))?;
    if !data.is_file() {
        return OpenOptions::new()
            .write(true)
            .open(&real)
            .and_then(|mut file| file.write_all(new.expose()))
            .map_err(|error| failed(&error));
    }
    may_be_written(&real).map_err(|error| failed(&error))?;
    let mut beside = Beside::create(&real, Content::Plain).map_err(|e| failed(&e))?;
    beside.write(new.expose()).map_err(|error| failed(&error))?;
    beside.take_over(&real).map_err(|error| failed(&error))?;
    beside.rename_to(&real).map_err(|error| failed(&error))?;
    sync_folder(parent(&real)).map_err(|error| not_confirmed(path, &error))
}

/// Writes a file that must not exist yet, such as the one `edit` makes.
pub(crate) fn create(path: &Path, new: &SecretBytes, content: Content) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::new(
            Status::CouldNotWriteOutput,
            format!("{} appeared in the meantime; it was not written", path.display()),
        ));
    }
    write(path, new, content)
}

/// Refuses a name under which no file could be made, before somebody has worked on it.
pub(crate) fn demand_folder(path: &Path) -> Result<(), Failure> {
    if parent(path).is_dir() {
        return Ok(());
    }
    let problem = format!(
        "Could not open in-place file for writing: open {}: no such file or directory",
        super::absolute_path(path).display()
    );
    Err(Failure::new(Status::CouldNotWriteOutput, problem).hint("make the folder first"))
}

/// The file is new, but a power failure may bring the old one back.
fn not_confirmed(path: &Path, error: &io::Error) -> Failure {
    let problem = format!(
        "{} was written, but its folder could not be synced: {}",
        path.display(),
        os_words(error)
    );
    Failure::new(Status::CouldNotWriteOutput, problem)
        .hint("the new file is in place; make sure that the disk is well before you rely on it")
}

/// Whether this person may write to a file; renaming alone would not ask.
fn may_be_written(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).open(path).map(drop)
}

/// Opens a file and locks it. The lock goes with the file's last descriptor, whatever happens.
fn lock(typed: &Path, real: &Path) -> Result<File, Failure> {
    #[cfg(unix)]
    return super::unix::lock(typed, real);
    #[cfg(not(unix))]
    return File::open(real).map_err(|error| unreadable("open", typed, &error));
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use sops_tests::scratch::Scratch;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn replace(path: &Path, new: &str) -> Result<(), Failure> {
        Original::read(path)?.replace(&SecretBytes::from(new), |_| Ok(()))
    }

    #[test]
    fn the_mode_stays_and_nothing_is_left_behind() {
        let scratch = Scratch::new();
        let path = scratch.write("f", "old");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, "new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(mode(&path), 0o640);
        assert_eq!(names(scratch.path()), ["f"]);
    }

    #[test]
    fn a_link_stays_a_link() {
        let scratch = Scratch::new();
        let path = scratch.write("real", "old");
        let link = scratch.at("link");
        symlink("real", &link).unwrap();
        replace(&link, "new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_not_overwritten() {
        let scratch = Scratch::new();
        let path = scratch.write("f", "old");
        let original = Original::read(&path).unwrap();
        fs::write(&path, "odd").unwrap();
        let failure = original.replace(&SecretBytes::from("new"), |_| Ok(())).unwrap_err();
        assert!(failure.message().contains("in the meantime"));
        assert_eq!(fs::read(&path).unwrap(), b"odd");
        assert_eq!(names(scratch.path()), ["f"]);
    }

    #[test]
    fn bytes_that_fail_the_check_replace_nothing() {
        let scratch = Scratch::new();
        let path = scratch.write("f", "old");
        let original = Original::read(&path).unwrap();
        let refused = |_: &SecretBytes| Err(Failure::generic("no"));
        original.replace(&SecretBytes::from("new"), refused).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn a_second_writer_waits_and_sees_what_the_first_wrote() {
        let scratch = Scratch::new();
        let path = scratch.write("f", "1");
        let first = Original::read(&path).unwrap();
        let second = std::thread::spawn({
            let path = path.clone();
            move || {
                let original = Original::read(&path).unwrap();
                let mut bytes = original.bytes().expose().to_vec();
                bytes.push(b'3');
                original.replace(&SecretBytes::new(bytes), |_| Ok(())).unwrap();
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(50));
        first.replace(&SecretBytes::from("12"), |_| Ok(())).unwrap();
        second.join().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"123");
    }

    #[test]
    fn new_plaintext_is_for_its_owner_and_an_old_mode_is_kept() {
        let scratch = Scratch::new();
        let path = scratch.at("out");
        write(&path, &SecretBytes::from("a"), Content::Plain).unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, &SecretBytes::from("b"), Content::Plain).unwrap();
        assert_eq!(mode(&path), 0o644);
        let sealed = scratch.at("sealed");
        write(&sealed, &SecretBytes::from("c"), Content::Sealed).unwrap();
        assert_ne!(mode(&sealed) & 0o044, 0);
        assert_eq!(names(scratch.path()), ["out", "sealed"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let scratch = Scratch::new();
        let failure =
            write(&scratch.at("no/out"), &SecretBytes::from("a"), Content::Plain).unwrap_err();
        assert!(failure.message().starts_with("Could not open output file for writing: open "));
        assert!(failure.message().ends_with("no such file or directory"));
    }

    #[test]
    fn devices_are_written_to_and_stay() {
        write(Path::new("/dev/null"), &SecretBytes::from("a"), Content::Plain).unwrap();
        assert!(fs::metadata("/dev/null").unwrap().mode() & 0o170_000 == 0o020_000);
    }
}
