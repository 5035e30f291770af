//! A file of records, one a line, chained.
//!
//! Rules of this module:
//!
//! - Who appends holds the lock of the file: the next record holds on to the last one, whoever wrote
//!   it.
//! - Either all of a record is there or nothing: what a full disk cut off is taken away again.
//! - A line that was cut off by a crash stays, and is found by whoever verifies the log.
//! - A file that was moved away meanwhile gets no more records.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use sops_core::audit::{Link, chained};

/// For how long others may hold the lock.
const LOCK: Duration = Duration::from_secs(10);
/// How much of the end is read to find the last line. Records are shorter, unless a document has
/// hundreds of keys.
const TAIL: u64 = 16 * 1024;

/// A file of records.
#[derive(Clone, Debug)]
pub struct AuditFile {
    path: PathBuf,
}

/// Why a file takes no record.
#[derive(Debug, thiserror::Error)]
pub enum AuditFileError {
    /// It cannot be opened.
    #[error("unable to open {}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is a folder, a device or a pipe.
    #[error("{} is not a regular file", .path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// Somebody holds its lock.
    #[error("{} is locked by another program for {} s", .path.display(), LOCK.as_secs())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It has lines of another kind.
    #[error("the last line of {} is no audit record", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("unable to append to {}", .path.display())]
    Append {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl AuditFile {
    /// The file at this path. It is opened with each record.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends records, given as JSON objects; all of them or none. They are on the disk when this
    /// returns. A new file can be read by its owner only.
    ///
    /// # Errors
    /// If they are not there; then the file is as it was.
    pub fn append(&self, records: &[String]) -> Result<(), AuditFileError> {
        let failed = |source| AuditFileError::Append { path: self.path.clone(), source };
        let mut file = self.locked()?;
        let size = file.metadata().map_err(failed)?.len();
        let (mut last, torn) = self.last(&mut file, size)?;
        let mut text = if torn { "\n".to_owned() } else { String::new() };
        for record in records {
            let (line, link) = chained(record, last);
            text.push_str(&line);
            last = link;
        }
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        written.map_err(|error| {
            // Where not even this works, verifying the log tells it.
            let _ = file.set_len(size);
            failed(error)
        })
    }

    /// The file of that name, held.
    fn locked(&self) -> Result<File, AuditFileError> {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            let file = self.open()?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &self.path) => return Ok(file),
                // It was moved away while we waited for it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(50));
                }
                Err(TryLockError::Error(source)) => {
                    return Err(AuditFileError::Open { path: self.path.clone(), source });
                }
            }
            if begin.elapsed() > LOCK {
                return Err(AuditFileError::Locked { path: self.path.clone() });
            }
        }
    }

    fn open(&self) -> Result<File, AuditFileError> {
        let path = || self.path.clone();
        let mut options = File::options();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options
            .open(&self.path)
            .map_err(|source| AuditFileError::Open { path: path(), source });
        let file = file?;
        match file.metadata() {
            Ok(data) if data.is_file() => Ok(file),
            Ok(_) => Err(AuditFileError::NotRegular { path: path() }),
            Err(source) => Err(AuditFileError::Open { path: path(), source }),
        }
    }

    /// The link of the last record, and whether there is the beginning of a line behind it.
    fn last(&self, file: &mut File, size: u64) -> Result<(Link, bool), AuditFileError> {
        let failed = |source| AuditFileError::Append { path: self.path.clone(), source };
        let foreign = || AuditFileError::Foreign { path: self.path.clone() };
        let mut length = TAIL.min(size);
        loop {
            let mut tail = Vec::new();
            file.seek(SeekFrom::Start(size - length)).map_err(failed)?;
            (&*file).take(length).read_to_end(&mut tail).map_err(failed)?;
            let torn = tail.last().is_some_and(|byte| *byte != b'\n');
            let whole = match tail.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => &tail[..end],
                None if length == size => return Ok((Link::FIRST, torn)),
                None => &[],
            };
            let begin = whole.iter().rposition(|byte| *byte == b'\n');
            if begin.is_some() || length == size {
                let line = &whole[begin.map_or(0, |at| at + 1)..];
                return Ok((Link::of_line(line).ok_or_else(foreign)?, torn));
            }
            length = (length * 8).min(size);
        }
    }
}

/// Whether this is still the file of that name.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let (Ok(held), Ok(named)) = (file.metadata(), path.metadata()) else { return false };
        (held.dev(), held.ino()) == (named.dev(), named.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        true
    }
}
