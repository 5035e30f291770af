//! `cargo xtask generate`: files that are made from the program itself, so that they cannot differ
//! from what it does. The program writes them into an empty folder on `sops-rs __generate FOLDER`;
//! they are kept in `docs/generated` so that a reader of the repository, and a packager, has them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sops_tests::paths;
use sops_tests::scratch::{Scratch, files_below};

use crate::shell;

/// The hidden command that writes completions, man pages and the schema.
const COMMAND: &str = "__generate";

/// Makes the files anew, or only compares them.
pub(crate) fn run(check: bool) -> Result<()> {
    shell::build()?;
    let program = paths::target().join("debug/sops-rs");
    let scratch = Scratch::new();
    let status = shell::command(&program, [COMMAND]).arg(scratch.path()).status();
    let status = status.with_context(|| format!("unable to start {}", program.display()))?;
    let made = read_below(scratch.path())?;
    if made.is_empty() {
        println!("note: sops-rs {COMMAND} wrote nothing ({status}): nothing is generated yet");
        return Ok(());
    }
    if !status.success() {
        bail!("sops-rs {COMMAND} ended with {status}");
    }
    let folder = paths::repository().join("docs/generated");
    let kept = if folder.is_dir() { read_below(&folder)? } else { BTreeMap::new() };
    let differing = differences(&made, &kept);
    if differing.is_empty() {
        println!("{} generated files are up to date", made.len());
        return Ok(());
    }
    for path in &differing {
        println!("differs: docs/generated/{}", path.display());
    }
    if check {
        bail!("generated files are out of date; run `cargo xtask generate`");
    }
    for path in differing {
        let target = folder.join(&path);
        match made.get(&path) {
            Some(content) => {
                fs::create_dir_all(target.parent().context("a file has a folder")?)?;
                fs::write(&target, content)
            }
            None => fs::remove_file(&target),
        }
        .with_context(|| format!("unable to update {}", target.display()))?;
    }
    Ok(())
}

/// Files that are new, changed, or no longer made.
fn differences(
    made: &BTreeMap<PathBuf, Vec<u8>>,
    kept: &BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<PathBuf> {
    let changed = made.iter().filter(|(path, content)| kept.get(*path) != Some(content));
    let gone = kept.iter().filter(|(path, _)| !made.contains_key(*path));
    changed.chain(gone).map(|(path, _)| path.clone()).collect()
}

fn read_below(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    files_below(folder)
        .into_iter()
        .map(|path| {
            let content = fs::read(&path)?;
            Ok((path.strip_prefix(folder)?.to_owned(), content))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_changed_and_stale_files_differ() {
        let files = |list: &[(&str, &str)]| -> BTreeMap<PathBuf, Vec<u8>> {
            list.iter().map(|(path, text)| (path.into(), text.as_bytes().to_vec())).collect()
        };
        let made = files(&[("same", "1"), ("changed", "2"), ("new", "3")]);
        let kept = files(&[("same", "1"), ("changed", "1"), ("stale", "4")]);
        let expected = ["changed", "new", "stale"].map(PathBuf::from);
        assert_eq!(differences(&made, &kept), expected);
    }
}
