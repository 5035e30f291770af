//! What Git has of a file, by the `git` program: it knows about work trees, submodules and
//! alternates, and whoever compares with `HEAD` has it.

use std::{
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
    let (folder, name) = folder_and_name(path)?;
    let known =
        git(folder, &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{tree}}")])?;
    if !known.status.success() {
        let inside = git(folder, &["rev-parse", "--is-inside-work-tree"])?;
        return Err(if inside.status.success() {
            Failure::generic(format!("there is no revision {revision} in this repository"))
                .hint("commit the file first, or compare two files: sops-rs diff OLD NEW")
        } else {
            Failure::generic(format!("{} is in no Git repository", path.display()))
                .hint("compare two files: sops-rs diff OLD NEW")
        });
    }
    let object = format!("{revision}:{name}");
    let found = git(folder, &["cat-file", "blob", &object])?;
    Ok(found.status.success().then(|| SecretBytes::new(found.stdout)))
}

/// The newest commits that changed a file, by their short names, newest first; at most `most`.
pub(crate) fn revisions(path: &Path, most: usize) -> Result<Vec<String>, Failure> {
    let (folder, name) = folder_and_name(path)?;
    let found = git(folder, &["log", &format!("-{most}"), "--format=%h", "--", &name])?;
    let text = String::from_utf8_lossy(&found.stdout);
    Ok(text.lines().map(str::to_owned).collect())
}

/// The folder of a file, and its name as a path that starts there.
fn folder_and_name(path: &Path) -> Result<(&Path, String), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Some(name) = path.file_name() else {
        return Err(Failure::generic(format!("{} names no file", path.display())));
    };
    Ok((folder.unwrap_or(Path::new(".")), format!("./{}", name.to_string_lossy())))
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Output, Failure> {
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
