//! What Git has of a file, by the `git` program: it knows about work trees, submodules and
//! alternates, and whoever compares with `HEAD` has it.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    process::{Command, Output, Stdio},
};

use sops_core::crypto::SecretBytes;

use crate::{
    config_file::with_slashes,
    env_vars,
    failure::{Failure, os_words},
    files::editor::look_up,
};

/// The content of a file in a revision; `None` if the revision has no such file.
pub(crate) fn file_at(revision: &str, path: &Path) -> Result<Option<SecretBytes>, Failure> {
    if revision.is_empty() || revision.starts_with('-') {
        return Err(Failure::usage(format_args!("\"{revision}\" is no revision")));
    }
    let (folder, name) = folder_and_name(path)?;
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
    let mut object = OsString::from(format!("{revision}:"));
    object.push(name);
    let found = git(folder, [OsStr::new("cat-file"), OsStr::new("blob"), &object])?;
    Ok(found.status.success().then(|| SecretBytes::new(found.stdout)))
}

/// The newest commits that changed a file, by their short names, newest first; at most `most`.
pub(crate) fn revisions(path: &Path, most: usize) -> Result<Vec<String>, Failure> {
    let (folder, name) = folder_and_name(path)?;
    let most = format!("-{most}");
    let words = ["log", &most, "--format=%h", "--"].map(OsStr::new);
    let found = git(folder, words.into_iter().chain([name.as_os_str()]))?;
    let text = String::from_utf8_lossy(&found.stdout);
    Ok(text.lines().map(str::to_owned).collect())
}

/// The folder of a file, or the nearest one above that is there, since it may be gone with the
/// file; and the path from there, with the `./` that makes Git begin at that folder.
fn folder_and_name(path: &Path) -> Result<(&Path, OsString), Failure> {
    if path.file_name().is_none() {
        return Err(Failure::generic(format!("{} names no file", path.display())));
    }
    let here = Path::new(".");
    let above = |folder: &&Path| folder.as_os_str().is_empty() || folder.is_dir();
    let folder = path.ancestors().skip(1).find(above).unwrap_or(here);
    let mut name = OsString::from("./");
    let below = path.strip_prefix(folder).unwrap_or(path);
    // Git has the same separator everywhere.
    match cfg!(windows) {
        true => name.push(with_slashes(below)),
        false => name.push(below),
    }
    Ok((if folder.as_os_str().is_empty() { here } else { folder }, name))
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
