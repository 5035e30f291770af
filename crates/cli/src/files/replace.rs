//! Puts new bytes in the place of a file: afterwards it holds either the old bytes or the new
//! ones, whatever happens in between.
//!
//! Rules of this module:
//!
//! - The new bytes are written beside the target (in the same folder, so that renaming is one
//!   step), synced, renamed over it, and the folder is synced. `beside.rs` says what a crash can
//!   leave there, and who removes it.
//! - A link is followed: what it points at is replaced, the link stays. Mode, owner and extended
//!   attributes go over to the new file. Other hard links keep the old bytes, which is told.
//! - What holds plaintext is for its owner alone: a new file has mode 0600, and a file that gets
//!   plaintext keeps what its owner may do and loses the rest, with its access list. What is
//!   sealed keeps the mode it finds.
//! - Whoever may write to the folder may exchange the file for a link, a pipe or a device at any
//!   moment. Links are followed once, in the beginning; nothing but a regular file is read or
//!   replaced, and nothing is waited for.
//! - From reading to renaming an advisory lock (`flock`) is held on the file itself, so that two
//!   of these programs take turns and no lock file is left behind. Whoever waited for the lock
//!   looks whether the name still stands for the file that was locked.
//! - Programs that know nothing of the lock are noticed: if the file's content is no longer what
//!   was read, nothing is written. This look is the last step before the renaming.
//! - A file that may not be written to is not replaced either, although the folder would allow it.
//! - The new bytes have been read and opened again by then: whoever seals a text does that before
//!   handing it out.
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
    leftovers,
};
use crate::{
    failure::{self, Failure, os_words},
    status::Status,
};

/// Whether others may read what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Plaintext: for the owner alone.
    Plain,
    /// Sealed: as the umask has it.
    Sealed,
}

/// What to do about a link to a file that is not there.
const NOWHERE: &str =
    "it is a link that leads nowhere; make the file it shall lead to, or remove it";

/// A file that was read in order to be replaced.
#[derive(Debug)]
pub(crate) struct Original {
    /// The path as it was typed, for messages.
    typed: PathBuf,
    /// The file itself, behind any links.
    real: PathBuf,
    bytes: SecretBytes,
    digest: [u8; 32],
    /// It holds the lock for as long as it is open.
    file: File,
}

impl Original {
    /// Reads a file and keeps others of this program from replacing it.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        failure::is_about(path);
        let refused = |error: &io::Error| unreadable("open", path, error);
        let real = fs::canonicalize(path).map_err(|error| refused(&error))?;
        // Before it is opened: that alone can do something to a device.
        demand_regular(path, &fs::symlink_metadata(&real).map_err(|error| refused(&error))?)?;
        leftovers::remove_in(parent(&real));
        let mut file = lock(path, &real)?;
        let data = file.metadata().map_err(|error| refused(&error))?;
        demand_regular(path, &data)?;
        let bytes =
            read_all(&mut file, data.len()).map_err(|error| unreadable("read", path, &error))?;
        let digest = Sha256::digest(bytes.expose()).into();
        Ok(Self { typed: path.to_owned(), real, bytes, digest, file })
    }

    /// What it holds.
    pub(crate) fn bytes(&self) -> &SecretBytes {
        &self.bytes
    }

    /// Refuses a file that could not be replaced later on, before somebody has worked on it.
    pub(crate) fn demand_replaceable(&self) -> Result<(), Failure> {
        may_be_written(&self.real).map_err(|error| self.not_written(&error))?;
        #[cfg(unix)]
        super::unix::may_be_renamed_over(&self.real, parent(&self.real)).map_err(|error| {
            let folder = parent(&self.real).display();
            self.not_written(&error).hint(format!(
                "a file is replaced as a whole; that takes the right to write to {folder}"
            ))
        })?;
        Ok(())
    }

    /// Puts `new` in its place.
    pub(crate) fn replace(self, new: &SecretBytes, content: Content) -> Result<(), Failure> {
        // A file that is gone, or is a pipe now, also fails in other ways.
        let failed = |error: io::Error| match self.demand_unchanged() {
            Err(changed) => changed,
            Ok(()) => self.not_written(&error),
        };
        may_be_written(&self.real).map_err(failed)?;
        let mut beside = Beside::create(&self.real, Content::Plain).map_err(failed)?;
        beside.write(new.expose()).map_err(failed)?;
        beside.take_over(&self.real, content).map_err(failed)?;
        beside.sync().map_err(failed)?;
        self.demand_unchanged()?;
        beside.replace(&self.real).map_err(failed)?;
        if self.has_other_names() {
            failure::warn(format_args!(
                "{} has other names (hard links); they keep what it held before",
                self.typed.display()
            ));
        }
        sync_folder(parent(&self.real)).map_err(|error| not_confirmed(&self.typed, &error))?;
        failure::detail(format_args!("{} was written", self.typed.display()));
        Ok(())
    }

    /// Whether the file that was read can still be found under a name.
    fn has_other_names(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            self.file.metadata().is_ok_and(|data| data.nlink() > 0)
        }
        #[cfg(not(unix))]
        false
    }

    /// Refuses to go on if somebody else has changed the file since it was read.
    fn demand_unchanged(&self) -> Result<(), Failure> {
        let now = super::open_to_read(&self.real)
            .and_then(|mut file| read_all(&mut file, self.bytes.len() as u64))
            .map(|bytes| <[u8; 32]>::from(Sha256::digest(bytes.expose())));
        match now {
            Ok(digest) if digest == self.digest => return Ok(()),
            // That it cannot be read says nothing about its content.
            Err(error) if self.is_as_it_was() => return Err(self.not_written(&error)),
            Ok(_) | Err(_) => {}
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

    /// Whether the name still stands for the file that was read, with the size it had.
    fn is_as_it_was(&self) -> bool {
        std::fs::symlink_metadata(&self.real).is_ok_and(|data| {
            #[cfg(unix)]
            let same = super::unix::is_named(&self.file, &self.real).unwrap_or(false);
            #[cfg(not(unix))]
            let same = data.is_file();
            same && data.len() == self.bytes.len() as u64
        })
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

/// Writes a result to a path that was named with `--output`.
///
/// Devices and pipes are written to directly; everything else is old or new, never in between.
pub(crate) fn write(path: &Path, new: &SecretBytes, content: Content) -> Result<(), Failure> {
    let failed = |error: io::Error| not_output(path, &error);
    match path.to_str() {
        // Opening these again would start at the beginning of a file that they lead to.
        Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => return super::print(new.expose()),
        Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => {
            return io::stderr().write_all(new.expose()).map_err(failed);
        }
        _ => {}
    }
    let data = match fs::metadata(path) {
        Ok(data) => data,
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
            return Err(failed(error).hint(NOWHERE));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match write_new(path, new, content) {
                // It appeared in this moment.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    overwrite(path, new, content)
                }
                Err(error) => Err(failed(error)),
                Ok(()) => sync_folder(parent(path)).map_err(|error| not_confirmed(path, &error)),
            };
        }
        Err(error) => return Err(failed(error)),
    };
    if data.is_file() {
        return overwrite(path, new, content);
    }
    let mut device = OpenOptions::new().write(true).open(path).map_err(failed)?;
    // A file that has come in its place would keep what stands behind the new text.
    if device.metadata().is_ok_and(|data| data.is_file()) {
        return Err(failed(io::Error::other("it was exchanged for a file in the meantime")));
    }
    device.write_all(new.expose()).map_err(failed)
}

/// Puts `new` in the place of a regular file that was not read.
fn overwrite(path: &Path, new: &SecretBytes, content: Content) -> Result<(), Failure> {
    let failed = |error: io::Error| not_output(path, &error);
    let real = fs::canonicalize(path).map_err(failed)?;
    may_be_written(&real).map_err(failed)?;
    leftovers::remove_in(parent(&real));
    let mut beside = Beside::create(&real, Content::Plain).map_err(failed)?;
    beside.write(new.expose()).map_err(failed)?;
    beside.take_over(&real, content).map_err(failed)?;
    beside.sync().map_err(failed)?;
    beside.replace(&real).map_err(failed)?;
    sync_folder(parent(&real)).map_err(|error| not_confirmed(path, &error))
}

/// Writes a file that must not exist yet, such as the one `edit` makes.
pub(crate) fn create(path: &Path, new: &SecretBytes, content: Content) -> Result<(), Failure> {
    match write_new(path, new, content) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Failure::new(
            Status::CouldNotWriteOutput,
            format!("{} appeared in the meantime; it was not written", path.display()),
        )),
        Err(error) => Err(not_output(path, &error)),
        Ok(()) => sync_folder(parent(path)).map_err(|error| not_confirmed(path, &error)),
    }
}

/// Whether a file holds this text.
pub(crate) fn holds(path: &Path, text: &SecretBytes) -> bool {
    let read =
        super::open_to_read(path).and_then(|mut file| read_all(&mut file, text.len() as u64));
    read.is_ok_and(|bytes| bytes == *text)
}

fn write_new(path: &Path, new: &SecretBytes, content: Content) -> io::Result<()> {
    leftovers::remove_in(parent(path));
    let mut beside = Beside::create(path, content)?;
    beside.write(new.expose())?;
    beside.be_new(content)?;
    beside.sync()?;
    beside.appear(path)
}

/// Refuses a name under which no file could be made, before somebody has worked on it.
pub(crate) fn demand_creatable(path: &Path) -> Result<(), Failure> {
    let refused = |error: &io::Error, hint: &str| {
        let shown = super::absolute_path(path);
        let problem = format!(
            "Could not open in-place file for writing: open {}: {}",
            shown.display(),
            os_words(error)
        );
        Err(Failure::new(Status::CouldNotWriteOutput, problem).hint(hint))
    };
    if path.is_symlink()
        && let Err(error) = fs::metadata(path)
    {
        return refused(&error, NOWHERE);
    }
    let folder = parent(path);
    match fs::metadata(folder) {
        Err(error) => return refused(&error, "make the folder first"),
        Ok(data) if !data.is_dir() => {
            return refused(&io::ErrorKind::NotADirectory.into(), "name a file in a folder");
        }
        Ok(_) => {}
    }
    #[cfg(unix)]
    if let Err(error) = super::unix::may_be_added_to(folder) {
        return refused(&error, "files cannot be made in this folder");
    }
    Ok(())
}

fn not_output(path: &Path, error: &io::Error) -> Failure {
    let problem = format!(
        "Could not open output file for writing: open {}: {}",
        path.display(),
        os_words(error)
    );
    Failure::new(Status::CouldNotWriteOutput, problem)
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

/// Refuses what cannot be replaced by a file.
fn demand_regular(path: &Path, data: &fs::Metadata) -> Result<(), Failure> {
    if data.is_dir() {
        let error = io::Error::from(io::ErrorKind::IsADirectory);
        return Err(unreadable("read", path, &error));
    }
    if data.is_file() {
        return Ok(());
    }
    Err(Failure::new(
        Status::CouldNotReadInput,
        format!("{} is no regular file and cannot be replaced", path.display()),
    )
    .hint("`encrypt` and `decrypt` read it without --in-place; name a target with --output"))
}

/// Whether this person may write to a file; renaming alone would not ask.
fn may_be_written(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return super::unix::open_as_it_is(path, OpenOptions::new().append(true)).map(drop);
    #[cfg(not(unix))]
    return OpenOptions::new().append(true).open(path).map(drop);
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
        Original::read(path)?.replace(&SecretBytes::from(new), Content::Sealed)
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
        let failure = original.replace(&SecretBytes::from("new"), Content::Sealed).unwrap_err();
        assert!(failure.message().contains("in the meantime"));
        assert_eq!(fs::read(&path).unwrap(), b"odd");
        assert_eq!(names(scratch.path()), ["f"]);
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
                original.replace(&SecretBytes::new(bytes), Content::Sealed).unwrap();
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(50));
        first.replace(&SecretBytes::from("12"), Content::Sealed).unwrap();
        second.join().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"123");
    }

    #[test]
    fn plaintext_is_for_its_owner_and_what_is_sealed_is_as_the_umask_has_it() {
        let scratch = Scratch::new();
        let path = scratch.at("out");
        write(&path, &SecretBytes::from("a"), Content::Plain).unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, &SecretBytes::from("b"), Content::Plain).unwrap();
        assert_eq!(mode(&path), 0o600);
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
