//! A file that is written beside the one it is to become, and renamed when it is complete.
//!
//! On Linux it has no name until then, so that a crash while it is written leaves nothing. Between
//! naming and renaming nothing can be done about a crash but to find its remains: the temporary
//! name follows from the target's, and the next command that writes this target removes a file of
//! that name which nobody holds any more.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::replace::Content;

/// A file that is being written beside the one it is to become.
pub(super) struct Beside {
    file: File,
    /// The name it has so far; none while it is anonymous.
    name: Option<PathBuf>,
}

impl Beside {
    /// Makes the file that is to be `target`.
    pub(super) fn create(target: &Path, content: Content) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = super::unix::anonymous_file(parent(target), content) {
            return Ok(Self::held(file, None));
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(super::unix::mode(content));
        }
        #[cfg(not(unix))]
        let _ = content;
        let (file, name) = under_free_name(target, |name| options.open(name))?;
        Ok(Self::held(file, Some(name)))
    }

    /// Locks the file, as the sign that whoever writes it is alive.
    fn held(file: File, name: Option<PathBuf>) -> Self {
        #[cfg(unix)]
        super::unix::hold(&file);
        Self { file, name }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_all()
    }

    /// Gives it mode, owner and attributes of the file it is to replace.
    pub(super) fn take_over(&self, target: &Path) -> io::Result<()> {
        #[cfg(unix)]
        return super::unix::take_over(&self.file, target);
        #[cfg(not(unix))]
        return self.file.set_permissions(fs::metadata(target)?.permissions());
    }

    pub(super) fn rename_to(mut self, target: &Path) -> io::Result<()> {
        // Mode and owner are part of what must be on the disk before the name is.
        self.file.sync_all()?;
        #[cfg(target_os = "linux")]
        if self.name.is_none() {
            let named = under_free_name(target, |name| super::unix::name_file(&self.file, name));
            self.name = Some(named?.1);
        }
        if let Some(name) = &self.name {
            fs::rename(name, target)?;
            self.name = None;
        }
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            let _ = fs::remove_file(name);
        }
    }
}

/// Makes sure that the new name survives a power failure.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            // Some network file systems do not sync folders; the file is in place all the same.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            // A folder that may be written to but not listed.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            other => other,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(())
    }
}

/// Makes something under a name beside `target`. The name is always the same one, so that what a
/// crash has left there is found and removed; if somebody uses it at this moment, a random one.
fn under_free_name<T>(
    target: &Path,
    make: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(T, PathBuf)> {
    let of_target = Sha256::digest(target.file_name().unwrap_or_default().as_encoded_bytes());
    let mut number = [0; 8];
    number.copy_from_slice(&of_target[..8]);
    let name = temporary_name(target, number);
    #[cfg(unix)]
    super::unix::remove_stray(&name);
    match make(&name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return Ok((made?, name)),
    }
    getrandom::fill(&mut number).map_err(|error| io::Error::other(error.to_string()))?;
    let name = temporary_name(target, number);
    Ok((make(&name)?, name))
}

fn temporary_name(target: &Path, number: [u8; 8]) -> PathBuf {
    parent(target).join(format!(".sops-rs-{:016x}.tmp", u64::from_be_bytes(number)))
}

/// The folder of a file.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
