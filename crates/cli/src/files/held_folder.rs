//! A folder for its owner only, held by a lock for as long as its maker lives, and emptied through
//! its descriptor: no link, and no folder that came in its place, leads the removal elsewhere.
//!
//! Files are overwritten before they are removed, unless they have a second name: that one was
//! made by somebody who wants to keep the content. On systems other than Unix there are no locks,
//! and folders are removed by their paths.

#[cfg(unix)]
pub(super) use self::unix::{HeldFolder, remove_if_abandoned, wait_and_remove};

#[cfg(not(unix))]
pub(super) use self::other::{HeldFolder, remove_if_abandoned, wait_and_remove};

#[cfg(unix)]
mod unix {
    use std::{
        ffi::CStr,
        fs::{self, DirBuilder, File},
        io::{self, Write as _},
        os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
        path::{Path, PathBuf},
    };

    use rustix::{
        fs::{
            AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, chmodat, flock, openat, statat,
            unlinkat,
        },
        io::Errno,
        process::geteuid,
    };

    use super::super::unix::{hold, is_abandoned, is_named, open_to_read, set_mode};

    /// How often a folder is emptied into which somebody still writes.
    const ROUNDS: usize = 5;

    /// A folder and the lock on it.
    #[derive(Debug)]
    pub(in super::super) struct HeldFolder {
        path: PathBuf,
        folder: File,
    }

    impl HeldFolder {
        /// Makes it; the name must be free.
        pub(in super::super) fn make(path: &Path) -> io::Result<Self> {
            DirBuilder::new().mode(0o700).create(path)?;
            let made = Self::hold(path);
            if made.is_err() {
                // Nothing is in it.
                let _ = fs::remove_dir(path);
            }
            made
        }

        fn hold(path: &Path) -> io::Result<Self> {
            let folder = open_to_read(path)?;
            // The umask may have taken away what we need.
            if folder.metadata()?.mode() & 0o777 != 0o700 {
                set_mode(&folder, 0o700)?;
            }
            hold(&folder);
            // Before it was held, another of these programs may have taken it for left behind.
            if !is_named(&folder, path)? {
                return Err(io::ErrorKind::NotFound.into());
            }
            Ok(Self { path: path.to_owned(), folder })
        }

        /// Where it is.
        pub(in super::super) fn path(&self) -> &Path {
            &self.path
        }

        /// Lets children inherit the descriptor, and with it the lock.
        pub(in super::super) fn leave_to_children(&self) -> io::Result<()> {
            Ok(rustix::io::fcntl_setfd(&self.folder, rustix::io::FdFlags::empty())?)
        }

        /// Removes a file in it, if it is there.
        pub(in super::super) fn remove_file(&self, name: &std::ffi::OsStr) -> io::Result<()> {
            match unlink(&self.folder, name) {
                Err(Errno::NOENT) => Ok(()),
                done => Ok(done?),
            }
        }

        /// Removes it with all that is in it.
        pub(in super::super) fn remove(&self) -> io::Result<()> {
            remove(&self.folder, &self.path)
        }
    }

    /// Removes a folder that nobody holds any more, if it is one of ours.
    pub(in super::super) fn remove_if_abandoned(path: &Path) {
        if let Some(folder) = ours(path)
            && is_abandoned(&folder)
            && is_named(&folder, path).unwrap_or(false)
        {
            let _ = remove(&folder, path);
        }
    }

    /// Waits until nobody holds a folder any more, and removes it if it is one of ours and still
    /// there.
    pub(in super::super) fn wait_and_remove(path: &Path) {
        let Some(folder) = ours(path) else { return };
        loop {
            match flock(&folder, FlockOperation::LockExclusive) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
        if is_named(&folder, path).unwrap_or(false) {
            let _ = remove(&folder, path);
        }
    }

    /// Opens a folder if it is of the kind that is made here, by this user.
    fn ours(path: &Path) -> Option<File> {
        let folder = open_to_read(path).ok()?;
        let data = folder.metadata().ok()?;
        let ours = data.is_dir() && data.uid() == geteuid().as_raw() && data.mode() & 0o077 == 0;
        ours.then_some(folder)
    }

    fn remove(folder: &File, path: &Path) -> io::Result<()> {
        for _ in 0..ROUNDS {
            let emptied = empty(folder);
            match fs::remove_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => emptied?,
                done => return done,
            }
        }
        Err(io::ErrorKind::DirectoryNotEmpty.into())
    }

    /// Removes all that is in a folder, and tells the first thing that did not go.
    fn empty(folder: &File) -> io::Result<()> {
        let mut outcome = Ok(());
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            outcome = outcome.and(remove_entry(folder, name));
        }
        outcome
    }

    fn remove_entry(folder: &File, name: &CStr) -> io::Result<()> {
        let data = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(data.st_mode) != FileType::Directory {
            return Ok(unlink(folder, name)?);
        }
        let open = || {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(folder, name, flags, Mode::empty()).map(File::from)
        };
        let inner = match open() {
            Err(Errno::ACCESS) => {
                chmodat(folder, name, Mode::RWXU, AtFlags::empty())?;
                open()?
            }
            opened => opened?,
        };
        if inner.metadata()?.mode() & 0o700 != 0o700 {
            set_mode(&inner, 0o700)?;
        }
        empty(&inner)?;
        Ok(unlinkat(folder, name, AtFlags::REMOVEDIR)?)
    }

    fn unlink<N: rustix::path::Arg + Copy>(folder: &File, name: N) -> rustix::io::Result<()> {
        // What cannot be overwritten is still removed.
        let _ = overwrite(folder, name);
        unlinkat(folder, name, AtFlags::empty())
    }

    fn overwrite<N: rustix::path::Arg>(folder: &File, name: N) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = File::from(openat(folder, name, flags, Mode::empty())?);
        let data = file.metadata()?;
        if !data.is_file() || data.nlink() != 1 {
            return Ok(());
        }
        let zeros = [0; 8192];
        let mut left = data.len();
        while left > 0 {
            let part = left.min(zeros.len() as u64);
            file.write_all(&zeros[..usize::try_from(part).unwrap_or(zeros.len())])?;
            left -= part;
        }
        file.sync_data()
    }
}

#[cfg(not(unix))]
mod other {
    use std::{
        ffi::OsStr,
        fs, io,
        path::{Path, PathBuf},
    };

    /// A folder.
    #[derive(Debug)]
    pub(in super::super) struct HeldFolder {
        path: PathBuf,
    }

    impl HeldFolder {
        /// Makes it; the name must be free.
        pub(in super::super) fn make(path: &Path) -> io::Result<Self> {
            fs::create_dir(path)?;
            Ok(Self { path: path.to_owned() })
        }

        /// Where it is.
        pub(in super::super) fn path(&self) -> &Path {
            &self.path
        }

        /// Removes a file in it, if it is there.
        pub(in super::super) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
            match fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                done => done,
            }
        }

        /// Removes it with all that is in it.
        pub(in super::super) fn remove(&self) -> io::Result<()> {
            fs::remove_dir_all(&self.path)
        }
    }

    pub(in super::super) fn remove_if_abandoned(_: &Path) {}

    pub(in super::super) fn wait_and_remove(_: &Path) {}
}
