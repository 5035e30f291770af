//! Everything that touches the disk: reading input, replacing files, the private files of editors
//! and commands, and running these.
//! Nothing else in this program writes to the disk.

mod beside;
pub(crate) mod child;
pub(crate) mod delivery;
pub(crate) mod editor;
pub(crate) mod exits;
pub(crate) mod guard;
mod held_folder;
pub(crate) mod input;
mod leftovers;
#[cfg(all(unix, not(target_vendor = "apple")))]
pub(crate) mod pipe;
pub(crate) mod private_folder;
pub(crate) mod replace;
pub(crate) mod sample;
mod screen;
#[cfg(unix)]
mod unix;
pub(crate) mod user;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf, absolute},
};

use crate::{failure::Failure, status::Status};

/// A path as messages show it and as rules match it: from the root, but links not resolved.
pub(crate) fn absolute_path(path: &Path) -> PathBuf {
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    clean(&path)
}

/// Takes `.` and `..` out by the text alone, as Go's `filepath.Abs` does; rules are matched
/// against the result.
fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !clean.pop() || clean.as_os_str().is_empty() {
                    clean.push(Component::RootDir);
                }
            }
            part => clean.push(part),
        }
    }
    clean
}

/// Opens a file to append lines to, such as a log; a new one is its owner's alone.
#[cfg(feature = "keyservice")]
pub(crate) fn append_to(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// The failure for a path that names no file (CLI §8).
pub(crate) fn missing(path: &Path) -> Failure {
    crate::failure::is_about(path);
    let problem =
        format!("Error: cannot operate on non-existent file \"{}\"", absolute_path(path).display());
    Failure::new(Status::NoFileSpecified, problem)
}

/// Opens a file under a name that nobody but us should have touched: no link is followed, and no
/// pipe is waited for.
fn open_to_read(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    return unix::open_to_read(path);
    #[cfg(not(unix))]
    return File::open(path);
}

/// Writes a result to standard output.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    use io::Write as _;
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        // `sops-rs decrypt f | head`: the reader has seen enough, which is no error of ours.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(Failure::silent(Status::Generic))
        }
        Err(error) => Err(Failure::new(
            Status::CouldNotWriteOutput,
            format!("Could not write to standard output: {}", crate::failure::os_words(&error)),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_by_their_text() {
        assert_eq!(clean(Path::new("/a/./b/../c")), Path::new("/a/c"));
        assert_eq!(clean(Path::new("/../x")), Path::new("/x"));
    }
}
