//! What Git has of a file, by the `git` program: it knows about work trees, submodules and
//! alternates, and whoever compares with `HEAD` has it.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    process::{Command, Output, Stdio},
};

use sops_core::crypto::SecretBytes;

use crate::{
    env_vars,
    failure::{Failure, os_words},
    files::editor::look_up,
};

/// The content of a file in a revision; `None` if the revision has no such file.
pub(crate) fn file_at(revision: &str, path: &Path) -> Result<Option<SecretBytes>, Failure> {
    if revision.is_empty() || revision.starts_with('-') {
        return Err(Failure::usage(format_args!("\"{revision}\" is no revision")));
    }
    if path.file_name().is_none() {
        return Err(Failure::generic(format!("{} names no file", path.display())));
    }
    // The file's folder may be gone with the file.
    let here = Path::new(".");
    let above = |folder: &&Path| folder.as_os_str().is_empty() || folder.is_dir();
    let folder = path.ancestors().skip(1).find(above).unwrap_or(here);
    let name = path.strip_prefix(folder).unwrap_or(path);
    let folder = if folder.as_os_str().is_empty() { here } else { folder };
    let tree = format!("{revision}^{{tree}}");
    let known = git(folder, ["rev-parse", "--verify", "--quiet", &tree])?;
    if !known.status.success() {
        let inside = git(folder, ["rev-parse", "--is-inside-work-tree"])?;
        return Err(if inside.status.success() {
            let hint = match revision {
                "HEAD" => "nothing is committed yet; compare two files: sops-rs diff OLD NEW",
                _ => "`git log --oneline -- FILE` lists the revisions of a file",
            };
            Failure::generic(format!("there is no revision {revision} in this repository"))
                .hint(hint)
        } else {
            Failure::generic(format!("{} is in no Git repository", path.display()))
                .hint("compare two files: sops-rs diff OLD NEW")
        });
    }
    // `./` makes the path one that starts in the folder.
    let mut object = OsString::from(format!("{revision}:./"));
    object.push(name);
    let found = git(folder, [OsStr::new("cat-file"), OsStr::new("blob"), &object])?;
    Ok(found.status.success().then(|| SecretBytes::new(found.stdout)))
}

fn git(
    folder: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Output, Failure> {
    let path = env_vars::PATH.os().unwrap_or_default();
    let program = look_up("git", &path)
        .map_err(|problem| Failure::generic(format!("unable to run git: {problem}")))?;
    Command::new(program)
        .arg("-C")
        .arg(folder)
        .args(arguments)
        // Reading must not get in the way of somebody who commits.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::generic(format!("unable to run git: {}", os_words(&error))))
}
