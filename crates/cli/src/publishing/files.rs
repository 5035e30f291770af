//! Which files are published, and under which names.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use crate::{
    config_file::with_slashes,
    failure::{Failure, os_words},
};

/// A file to be published.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its path, as it was typed or below what was typed.
    pub(crate) path: PathBuf,
    /// The name under which it is published, with its extension.
    pub(crate) name: String,
}

/// A file, or what stands in its place and why it is none.
pub(crate) type Walked = Result<Found, (PathBuf, Failure)>;

/// The file that was named, or all files below a folder in lexical order, as Go walks them. What
/// cannot be looked into is told in its place.
///
/// # Errors
/// If there is nothing of that name, or it is a folder and `recursive` is not set.
pub(crate) fn find(root: &Path, recursive: bool) -> Result<Vec<Walked>, Failure> {
    let data = fs::metadata(root).map_err(|error| stat(root, &error))?;
    if !data.is_dir() {
        let name = root.file_name().unwrap_or(root.as_os_str());
        let name = name.to_str().ok_or_else(|| not_text(root))?.to_owned();
        return Ok(vec![Ok(Found { path: root.to_owned(), name })]);
    }
    if !recursive {
        let problem = "can't operate on a directory without --recursive flag.";
        return Err(Failure::generic(problem));
    }
    let mut all = Vec::new();
    below(root, Path::new(""), &mut all);
    Ok(all)
}

fn below(root: &Path, inner: &Path, all: &mut Vec<Walked>) {
    let folder = tidy(root, inner);
    let entries = fs::read_dir(&folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            let problem = format!("open {}: {}", folder.display(), os_words(&error));
            return all.push(Err((folder, Failure::generic(problem))));
        }
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let inner = inner.join(entry.file_name());
        let path = tidy(root, &inner);
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        // What Git keeps and the configuration itself are nobody's secrets.
        let name = entry.file_name();
        if (is_folder && name == ".git") || (!is_folder && name == ".sops.yaml") {
            continue;
        }
        if is_folder {
            below(root, &inner, all);
            continue;
        }
        // A pipe would be waited for; a link to a folder could lead round in circles.
        match fs::metadata(&path) {
            Ok(data) if data.is_file() => match inner.to_str() {
                Some(_) => {
                    let name = with_slashes(&inner);
                    all.push(Ok(Found { path, name }));
                }
                None => {
                    let failure = not_text(&path);
                    all.push(Err((path, failure)));
                }
            },
            Ok(_) => {
                let failure = Failure::generic(format!("{} is no regular file", path.display()));
                all.push(Err((path, failure)));
            }
            Err(error) => {
                let failure = stat(&path, &error);
                all.push(Err((path, failure)));
            }
        }
    }
}

/// The path of something below a folder, as Go joins them: without `.` in it.
fn tidy(root: &Path, inner: &Path) -> PathBuf {
    let parts = root.components().chain(inner.components());
    let tidy: PathBuf = parts.filter(|part| !matches!(part, Component::CurDir)).collect();
    if tidy.as_os_str().is_empty() { PathBuf::from(".") } else { tidy }
}

fn stat(path: &Path, error: &io::Error) -> Failure {
    Failure::generic(format!("stat {}: {}", path.display(), os_words(error)))
}

fn not_text(path: &Path) -> Failure {
    Failure::generic(format!("the name of {} is not UTF-8", path.display()))
        .hint("destinations take names in UTF-8: rename the file")
}

/// The name without its extension, which is the last one. One that has nothing else cannot be
/// without.
pub(crate) fn without_extension(name: &str) -> Result<&str, Failure> {
    let file = name.rsplit('/').next().unwrap_or(name);
    match file.rfind('.') {
        None => Ok(name),
        Some(0) => {
            let problem = format!("nothing would be left of the name {name} without its extension");
            Err(Failure::generic(problem).hint("publish it without --omit-extensions"))
        }
        Some(dot) => Ok(&name[..name.len() - (file.len() - dot)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_extension_goes() {
        let name = |name| without_extension(name).ok();
        assert_eq!(name("two.enc.yaml"), Some("two.enc"));
        assert_eq!(name("a.b/s"), Some("a.b/s"));
        assert_eq!(name("sub/s.yaml"), Some("sub/s"));
        assert_eq!(name(".env"), None);
        assert_eq!(name("prod/.env"), None);
    }

    #[test]
    fn paths_below_a_folder_are_as_go_joins_them() {
        assert_eq!(tidy(Path::new("./s3/"), Path::new("a/b")), Path::new("s3/a/b"));
        assert_eq!(tidy(Path::new("."), Path::new("a")), Path::new("a"));
        assert_eq!(tidy(Path::new("../x"), Path::new("a")), Path::new("../x/a"));
    }
}
