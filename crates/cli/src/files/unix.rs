//! What the standard library lacks for replacing files on Unix.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    os::{
        fd::AsFd as _,
        unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    },
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    fs::{
        Access, AtFlags, CWD, FlockOperation, Gid, Mode, OFlags, Uid, XattrFlags, accessat, fchown,
        flock, open,
    },
    io::Errno,
    process::geteuid,
};

use super::{input::unreadable, replace::Content};
use crate::{failure::Failure, status::Status};

/// How long another of these programs may hold a file before we give up: longer than any command
/// takes but `edit`, which holds it for as long as the editor is open.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens a file under a name that is no link, without waiting for anybody: whoever may write to
/// the folder may have put a link or a pipe there a moment ago.
pub(super) fn open_as_it_is(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default()).open(path)
}

/// The same, to read it.
pub(super) fn open_to_read(path: &Path) -> io::Result<File> {
    open_as_it_is(path, OpenOptions::new().read(true))
}

/// Whether the name stands for this open file.
pub(super) fn is_named(file: &File, name: &Path) -> io::Result<bool> {
    let (ours, named) = (file.metadata()?, std::fs::symlink_metadata(name)?);
    Ok((ours.dev(), ours.ino()) == (named.dev(), named.ino()))
}

/// Opens and locks the file that `real` names at the moment the lock is held.
pub(super) fn lock(typed: &Path, real: &Path) -> Result<File, Failure> {
    let refused = |error: &io::Error| unreadable("open", typed, error);
    let started = Instant::now();
    loop {
        let file = open_to_read(real).map_err(|error| refused(&error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                // While we waited, another may have put a new file under this name; the lock is
                // on the old one then and protects nothing.
                match is_named(&file, real).map_err(|error| refused(&error))? {
                    true => return Ok(file),
                    false => continue,
                }
            }
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            // Some network file systems have no locks. A change is still noticed by content.
            Err(_) => return Ok(file),
        }
        if started.elapsed() > PATIENCE {
            let problem = format!("another sops-rs is working on {}", typed.display());
            return Err(Failure::new(Status::CouldNotReadInput, problem)
                .hint("finish the edit that is open on this file, and repeat the command"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The mode of a new file, before the umask.
pub(super) fn mode(content: Content) -> u32 {
    match content {
        Content::Plain => 0o600,
        Content::Sealed => 0o666,
    }
}

/// A file in `folder` that has no name yet, and vanishes by itself if it never gets one. `None`
/// where the file system, or a missing `/proc`, does not allow it.
#[cfg(target_os = "linux")]
pub(super) fn anonymous_file(folder: &Path, content: Content) -> Option<File> {
    // Without /proc there is no way to give it a name later on.
    if !Path::new("/proc/self/fd").exists() {
        return None;
    }
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    open(folder, flags, Mode::from_raw_mode(mode(content))).ok().map(File::from)
}

/// Gives an anonymous file a name that must be free.
#[cfg(target_os = "linux")]
pub(super) fn name_file(file: &File, name: &Path) -> io::Result<()> {
    use rustix::fs::linkat;
    use std::os::fd::AsRawFd as _;
    let here = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    Ok(linkat(CWD, here.as_str(), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

/// Gives a file that has a name another one, which must be free.
#[cfg(target_os = "linux")]
pub(super) fn rename_to_free_name(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems do not know the flag.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => link_to_free_name(from, to),
        done => Ok(done?),
    }
}

/// The same.
#[cfg(not(target_os = "linux"))]
pub(super) fn rename_to_free_name(from: &Path, to: &Path) -> io::Result<()> {
    link_to_free_name(from, to)
}

fn link_to_free_name(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::hard_link(from, to)?;
    std::fs::remove_file(from)
}

/// Marks a file or folder as being in use. Where there are no locks, nothing is ever taken for
/// left behind.
pub(super) fn hold(file: &File) {
    // Somebody may be looking at this moment whether it was left behind; what they decided is seen
    // by the name. Nobody looks for that long, unless it is to stop us.
    for _ in 0..100 {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK | Errno::INTR) => std::thread::sleep(Duration::from_millis(2)),
            _ => return,
        }
    }
}

/// Whether nobody holds it any more. If so, it is held from now on.
pub(super) fn is_abandoned(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Whether what lies in a folder is ours, as far as its owner tells. What root has made for
/// another person belongs to that person, and lies where they may write.
fn is_ours(data: &Metadata, folder: &Path) -> bool {
    let me = geteuid();
    data.uid() == me.as_raw()
        || me.is_root() && std::fs::metadata(folder).is_ok_and(|folder| folder.uid() == data.uid())
}

/// Removes what a program that was killed has left under a temporary name in `folder`: a file that
/// is not marked by [`hold`], because marks go with those who made them.
pub(super) fn remove_stray(name: &Path, folder: &Path) {
    // Anybody may have put anything there.
    let Ok(file) = open_to_read(name) else { return };
    let Ok(data) = file.metadata() else { return };
    if !data.is_file() || data.nlink() != 1 || !is_ours(&data, folder) || !is_abandoned(&file) {
        return;
    }
    // Only whoever holds the lock on the file that has the name removes the name, so it cannot
    // come to stand for another file after this look.
    if is_named(&file, name).unwrap_or(false) {
        let _ = std::fs::remove_file(name);
    }
}

/// Why a file in this folder could not be replaced, although it may be written to: the folder's
/// permissions decide.
pub(super) fn may_be_renamed_over(file: &Path, folder: &Path) -> io::Result<()> {
    may_be_added_to(folder)?;
    let (file, folder) = (std::fs::metadata(file)?, std::fs::metadata(folder)?);
    let me = geteuid();
    let is_sticky = folder.mode() & 0o1000 != 0;
    if is_sticky && !me.is_root() && ![file.uid(), folder.uid()].contains(&me.as_raw()) {
        return Err(Errno::PERM.into());
    }
    Ok(())
}

/// Whether files can be made in a folder, as far as it can be told without making one.
pub(super) fn may_be_added_to(folder: &Path) -> io::Result<()> {
    Ok(accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?)
}

/// Sets the permissions, whatever the umask is.
pub(super) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

/// Who may do what besides the mode, as Linux keeps it.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Gives `file` the owner, the mode and the extended attributes of `target`. With plaintext, what
/// the group and others may do is not taken over.
pub(super) fn take_over(file: &File, target: &Path, content: Content) -> io::Result<()> {
    let theirs = std::fs::symlink_metadata(target)?;
    if !theirs.is_file() {
        return Err(io::Error::other("it is no regular file any more"));
    }
    let ours = file.metadata()?;
    let mut mode = theirs.mode() & 0o7777;
    let mut with_list = content == Content::Sealed;
    if theirs.uid() != ours.uid() && fchown(file, Some(Uid::from_raw(theirs.uid())), None).is_err()
    {
        // Only root gives files away. It is ours now; a set-user bit would mean another user.
        mode &= !0o6000;
    }
    if theirs.gid() != ours.gid() && fchown(file, None, Some(Gid::from_raw(theirs.gid()))).is_err()
    {
        // What the old group could do must not fall to another one.
        mode &= !0o6070;
        with_list = false;
    }
    if content == Content::Plain {
        mode &= 0o700;
    }
    copy_attributes(file, target)?;
    let list = attribute(target, ACCESS_LIST.as_bytes()).filter(|_| with_list);
    match list {
        Some(list) => {
            // Without the list, the bits of the group are those of everybody on it.
            if !set_attribute(file, ACCESS_LIST.as_bytes(), &list)? {
                mode &= !0o070;
            }
        }
        // The folder may have given one to the new file.
        None => {
            let _ = rustix::fs::fremovexattr(file, ACCESS_LIST);
        }
    }
    // Last, because it also limits what an access list grants.
    set_mode(file, mode)
}

/// Copies security labels and the like, as far as the file system lets us. Losing one that may not
/// be set is no reason to refuse the user's change.
fn copy_attributes(file: &File, target: &Path) -> io::Result<()> {
    let Ok(room) = rustix::fs::llistxattr_query(target) else { return Ok(()) };
    let mut names = vec![0; room];
    let Ok(length) = rustix::fs::llistxattr(target, names.as_mut_slice()) else { return Ok(()) };
    names.truncate(length);
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        // Access lists are a matter of permissions; checksums are those of the old content.
        if name.starts_with(b"system.") || name == b"security.ima" || name == b"security.evm" {
            continue;
        }
        if let Some(value) = attribute(target, name) {
            set_attribute(file, name, &value)?;
        }
    }
    Ok(())
}

/// Sets an attribute, and tells whether that is allowed here. A full or broken disk is an error.
fn set_attribute(file: &File, name: &[u8], value: &[u8]) -> io::Result<bool> {
    loop {
        return match rustix::fs::fsetxattr(file, name, value, XattrFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::INTR) => continue,
            Err(error @ (Errno::IO | Errno::NOSPC | Errno::DQUOT)) => Err(error.into()),
            Err(_) => Ok(false),
        };
    }
}

fn attribute(target: &Path, name: &[u8]) -> Option<Vec<u8>> {
    let mut value = vec![0; 64 * 1024];
    let length = rustix::fs::lgetxattr(target, name, value.as_mut_slice()).ok()?;
    value.truncate(length);
    Some(value)
}
