//! A file that is written beside the one it is to become, and renamed when it is complete.
//!
//! On Linux it has no name until then, so that a crash while it is written leaves nothing, and a
//! file that is new gets its own name at once. To replace a file it needs another name first:
//! no system call puts a file without a name in the place of another one. A crash between the two
//! calls leaves the complete new file under the other name. So do crashes while it is written, on
//! file systems without such files. Temporary names are few and known, and every command looks in
//! the folders it works in for files of these names that nobody holds any more, and removes them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::replace::Content;

/// How many names there are for files that are being written in one folder at the same time. More
/// writers than that take random names, which nobody looks for.
const NAMES: u8 = 8;

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
            hold(&file);
            return Ok(Self { file, name: None });
        }
        let (file, name) = named_file(target, content)?;
        Ok(Self { file, name: Some(name) })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Gives it mode, owner and attributes of the file it is to replace.
    pub(super) fn take_over(&self, target: &Path, content: Content) -> io::Result<()> {
        #[cfg(unix)]
        return super::unix::take_over(&self.file, target, content);
        #[cfg(not(unix))]
        {
            let _ = content;
            self.file.set_permissions(fs::metadata(target)?.permissions())
        }
    }

    /// Gives it the mode of a new file: with plaintext for its owner, whatever the umask says.
    pub(super) fn be_new(&self, content: Content) -> io::Result<()> {
        #[cfg(unix)]
        if content == Content::Plain {
            super::unix::set_mode(&self.file, super::unix::mode(content))?;
        }
        #[cfg(not(unix))]
        let _ = content;
        Ok(())
    }

    /// Makes sure that all of it, with mode and owner, is on the disk before the name is.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Takes the place of `target`.
    pub(super) fn replace(mut self, target: &Path) -> io::Result<()> {
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

    /// Becomes `target`, which must not be there.
    pub(super) fn appear(mut self, target: &Path) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if self.name.is_none() {
            return super::unix::name_file(&self.file, target);
        }
        if let Some(name) = &self.name {
            move_to_free_name(name, target)?;
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

/// Moves a file, but not over another one.
fn move_to_free_name(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return super::unix::rename_to_free_name(from, to);
    #[cfg(not(unix))]
    match to.exists() {
        true => Err(io::ErrorKind::AlreadyExists.into()),
        false => fs::rename(from, to),
    }
}

/// A file that has a name from the beginning.
fn named_file(target: &Path, content: Content) -> io::Result<(File, PathBuf)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(super::unix::mode(content));
    }
    #[cfg(not(unix))]
    let _ = content;
    under_free_name(target, |name| {
        let file = options.open(name)?;
        hold(&file);
        // Before it was held, somebody may have taken it for left behind.
        #[cfg(unix)]
        if !super::unix::is_named(&file, name).unwrap_or(false) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(file)
    })
}

/// The sign that whoever writes the file is alive.
fn hold(file: &File) {
    #[cfg(unix)]
    super::unix::hold(file);
    #[cfg(not(unix))]
    let _ = file;
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

/// Makes something under a name beside `target` that is free.
fn under_free_name<T>(
    target: &Path,
    make: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(T, PathBuf)> {
    let folder = parent(target);
    for number in 0..NAMES {
        let name = temporary_name(folder, number.into());
        match make(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return Ok((made?, name)),
        }
    }
    let mut number = [0; 8];
    getrandom::fill(&mut number).map_err(|error| io::Error::other(error.to_string()))?;
    let name = temporary_name(folder, u64::from_ne_bytes(number) | 1 << 63);
    Ok((make(&name)?, name))
}

fn temporary_name(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!(".sops-rs-{number}.tmp"))
}

/// Removes the files that programs like this one have left in `folder` when they were killed.
pub(super) fn remove_strays(folder: &Path) {
    #[cfg(unix)]
    for number in 0..NAMES {
        super::unix::remove_stray(&temporary_name(folder, number.into()), folder);
    }
    #[cfg(not(unix))]
    let _ = folder;
}

/// The folder of a file.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
