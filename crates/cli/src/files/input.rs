//! A path or standard input, read whole.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use sops_core::crypto::SecretBytes;

use super::absolute_path;
use crate::{
    failure::{self, Failure, os_words},
    status::Status,
};

/// Where the input comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Standard input.
    Stdin,
    /// A file, by the path that was typed.
    File(PathBuf),
}

impl Source {
    /// The file that was named; nothing, or `-`, is standard input.
    pub(crate) fn of(path: Option<&Path>) -> Self {
        match path {
            None => Self::Stdin,
            Some(path) if path.as_os_str() == OsStr::new("-") => Self::Stdin,
            Some(path) => Self::File(path.to_owned()),
        }
    }

    /// Reads all of it, once: a pipe has nothing more to give the second time.
    pub(crate) fn read(&self) -> Result<SecretBytes, Failure> {
        match self {
            Self::Stdin => read_all(&mut io::stdin().lock(), 0).map_err(|error| {
                let problem = format!("Error reading from stdin: {}", os_words(&error));
                Failure::new(Status::CouldNotReadInput, problem)
            }),
            Self::File(path) => {
                failure::is_about(path);
                super::leftovers::remove_in(super::beside::parent(path));
                let mut file =
                    File::open(path).map_err(|error| unreadable("open", path, &error))?;
                let size = file.metadata().map_or(0, |data| data.len());
                read_all(&mut file, size).map_err(|error| unreadable("read", path, &error))
            }
        }
    }

    /// The file, unless it is standard input.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Stdin => None,
            Self::File(path) => Some(path),
        }
    }

    /// Refuses a file that is not there.
    pub(crate) fn demand_existing(&self) -> Result<(), Failure> {
        match self {
            Self::File(path) if !path.exists() => Err(super::missing(path)),
            _ => Ok(()),
        }
    }
}

/// All of a file that is no document, such as a certificate.
#[cfg(any(feature = "gcp", feature = "keyservice"))]
pub(crate) fn whole(path: &Path) -> Result<SecretBytes, Failure> {
    let mut file = File::open(path).map_err(|error| unreadable("open", path, &error))?;
    let size = file.metadata().map_or(0, |data| data.len());
    read_all(&mut file, size).map_err(|error| unreadable("read", path, &error))
}

/// Reads to the end into memory that is wiped when it goes. The buffer does not grow by copying,
/// which would leave plaintext behind in memory that nobody wipes.
pub(super) fn read_all(source: &mut impl Read, expected: u64) -> io::Result<SecretBytes> {
    let room = usize::try_from(expected).unwrap_or(0).min(1 << 30) + 1;
    let mut all = SecretBytes::new(Vec::with_capacity(room.max(8 * 1024)));
    loop {
        let bytes = all.expose_mut();
        if bytes.len() == bytes.capacity() {
            let mut larger = Vec::with_capacity(bytes.capacity() * 2);
            larger.extend_from_slice(bytes);
            // The old buffer is wiped as the value that held it is dropped.
            all = SecretBytes::new(larger);
            continue;
        }
        let room = bytes.capacity() - bytes.len();
        let before = bytes.len();
        source.by_ref().take(room as u64).read_to_end(bytes)?;
        if bytes.len() == before {
            return Ok(all);
        }
    }
}

/// Refuses a file that is not there in the words of commands that name it as it was typed: those
/// with a file for a flag or a command, and `filestatus` (CLI §3.7, §3.8, §3.11).
pub(crate) fn demand_there(path: &Path) -> Result<(), Failure> {
    match std::fs::metadata(path) {
        Err(error) => {
            failure::is_about(path);
            let problem =
                format!("Error reading file: open {}: {}", path.display(), os_words(&error));
            Err(Failure::new(Status::CouldNotReadInput, problem))
        }
        Ok(_) => Ok(()),
    }
}

/// The failure for a file that cannot be read (CLI §8).
pub(crate) fn unreadable(action: &str, path: &Path, error: &io::Error) -> Failure {
    let path = absolute_path(path);
    let problem = format!("Error reading file: {action} {}: {}", path.display(), os_words(error));
    Failure::new(Status::CouldNotReadInput, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_of_any_length_is_read_whole() {
        for length in [0_usize, 1, 8191, 8192, 8193, 100_000] {
            let data = vec![7; length];
            assert_eq!(read_all(&mut data.as_slice(), 0).unwrap().expose(), data);
            assert_eq!(read_all(&mut data.as_slice(), length as u64).unwrap().expose(), data);
        }
    }

    #[test]
    fn a_dash_is_standard_input() {
        assert_eq!(Source::of(Some(Path::new("-"))), Source::Stdin);
        assert_eq!(Source::of(Some(Path::new("./-"))), Source::File("./-".into()));
    }
}
