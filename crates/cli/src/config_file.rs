//! Finds and reads `.sops.yaml`.
//!
//! The search starts in the current folder, not in that of the file (format §6.1). A name given
//! by `--config` or `SOPS_CONFIG` replaces it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sops_core::config::Config;

use crate::{
    args::GlobalFlags,
    env_vars,
    failure::{self, Failure, os_words},
    files::absolute_path,
};

const NAME: &str = ".sops.yaml";
const OTHER_NAME: &str = ".sops.yml";
/// Folders that are looked into, from the current one upwards.
const LEVELS: usize = 100;

/// A configuration file, read.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    /// Its path as messages show it.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) config: Config,
}

/// The configuration that rules are taken from. `None` if there is no file.
pub(crate) fn find(global: &GlobalFlags) -> Result<Option<ConfigFile>, Failure> {
    let Some((path, text)) = read(global)? else { return Ok(None) };
    parse(path, &text).map(Some)
}

/// The configuration for a command that uses no rule, only settings of the output. If it cannot
/// be read, the command goes on without it.
pub(crate) fn find_settings(global: &GlobalFlags) -> Result<Option<ConfigFile>, Failure> {
    let Some((path, text)) = read(global)? else { return Ok(None) };
    match parse(path, &text) {
        Ok(file) => Ok(Some(file)),
        Err(failure) => {
            failure::warn(format_args!("{}; its settings are not used", failure.message()));
            Ok(None)
        }
    }
}

fn parse(path: PathBuf, text: &[u8]) -> Result<ConfigFile, Failure> {
    let absolute = absolute_path(&path);
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    match Config::parse(text, &with_slashes(folder)) {
        Ok(config) => {
            for warning in config.warnings() {
                failure::warn(format_args!("{}: {warning}", path.display()));
            }
            Ok(ConfigFile { path, config })
        }
        Err(error) => {
            let words = failure::sentence(&error);
            let problem = format!("error loading config: {}: {words}", path.display());
            let failure = Failure::generic(problem).in_file(&path).because(words);
            Err(failure.at_line(error.line()).at_path(error.place()))
        }
    }
}

/// The path as rules see it.
pub(crate) fn with_slashes(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() }
}

fn read(global: &GlobalFlags) -> Result<Option<(PathBuf, Vec<u8>)>, Failure> {
    let named = global.config.clone().or_else(|| env_vars::SOPS_CONFIG.os().map(PathBuf::from));
    if let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) {
        let text = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        failure::detail(format_args!("configuration: {}, by name", path.display()));
        return Ok(Some((path, text)));
    }
    let mut folder = PathBuf::from(".");
    let here = absolute_path(&folder);
    let mut other = false;
    for ancestor in here.ancestors().take(LEVELS) {
        let path = folder.join(NAME);
        match fs::read(&path) {
            Ok(text) => {
                failure::detail(format_args!(
                    "configuration: {}, the nearest above {}",
                    ancestor.join(NAME).display(),
                    here.display()
                ));
                return Ok(Some((tidy(&path), text)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A folder of that name, or one above that may not be entered, is no configuration.
            Err(_) if !path.is_file() => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
        if !other && ancestor.join(OTHER_NAME).is_file() {
            other = true;
            failure::warn(format_args!(
                "ignoring \"{OTHER_NAME}\" when searching for config file; the config file must \
                 be called \"{NAME}\""
            ));
        }
        folder.push("..");
    }
    failure::detail(format_args!(
        "configuration: none, there is no {NAME} in {} or above",
        here.display()
    ));
    Ok(None)
}

/// A configuration that a search from the file would have found, while the one from the current
/// folder found none or another one (CLI §13, 32).
pub(crate) fn nearer_to(file: &Path, used: Option<&ConfigFile>) -> Option<PathBuf> {
    let found = absolute_path(file)
        .ancestors()
        .skip(1)
        .map(|folder| folder.join(NAME))
        .find(|path| path.is_file())?;
    let same = used.is_some_and(|used| absolute_path(&used.path) == found);
    (!same).then_some(found)
}

/// `./.sops.yaml` is `.sops.yaml`, and `./../.sops.yaml` is `../.sops.yaml`.
fn tidy(path: &Path) -> PathBuf {
    path.strip_prefix(".").unwrap_or(path).to_owned()
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let problem =
        format!("could not read config file: open {}: {}", path.display(), os_words(error));
    Failure::generic(problem)
}
