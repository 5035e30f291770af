//! Where age identities come from, in this order (format §4.3): an SSH key by variable, by
//! command, in the home folder; then identities by variable, by file, by command, and in the
//! folder for configuration. All of them count together.
//!
//! Rules of this module:
//!
//! - A source is read when an age key has to be opened, not before.
//! - A source that is named and cannot be read is an error that is told only if no other source
//!   opens the key. One that is merely usual, and not there, is no error.
//! - Commands are split as a shell would, but no shell runs. They get the recipient in
//!   `SOPS_AGE_RECIPIENT`. What they print on standard error goes to ours.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use sops_core::crypto::SecretBytes;
use sops_providers::{
    AgeProvider,
    age::{IdentitySource, LookedAt},
};

use super::{home, person::Person};
use crate::{env_vars, env_vars::Variable, failure::os_words, files};

/// A provider that looks in all the places.
pub(crate) fn provider() -> AgeProvider {
    AgeProvider::new(sources()).with_questions(Arc::new(Person))
}

/// Where identities were found, and where not, in words for the report.
pub(crate) fn describe(looked: &[LookedAt]) -> String {
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    for place in looked {
        let name = &place.source;
        match (place.identities, place.problems.as_slice()) {
            (_, [first, ..]) => found.push(format!("{name} ({first})")),
            (None, []) => absent.push(name.as_str()),
            (Some(1), []) => found.push(format!("{name} (1 identity)")),
            (Some(count), []) => found.push(format!("{name} ({count} identities)")),
        }
    }
    match (found.is_empty(), absent.is_empty()) {
        // Nobody looked: another program was asked.
        (true, true) => String::new(),
        (_, true) => format!("Looked in {}.", found.join(", ")),
        (true, false) => format!("There is none in {}.", absent.join(", ")),
        (false, false) => {
            format!("Looked in {}; there is none in {}.", found.join(", "), absent.join(", "))
        }
    }
}

fn sources() -> Vec<Box<dyn IdentitySource>> {
    use env_vars::{
        SOPS_AGE_KEY, SOPS_AGE_KEY_CMD, SOPS_AGE_KEY_FILE, SOPS_AGE_SSH_PRIVATE_KEY_CMD,
        SOPS_AGE_SSH_PRIVATE_KEY_FILE,
    };
    let mut sources: Vec<Box<dyn IdentitySource>> = vec![
        Box::new(NamedFile(SOPS_AGE_SSH_PRIVATE_KEY_FILE)),
        Box::new(NamedCommand(SOPS_AGE_SSH_PRIVATE_KEY_CMD)),
    ];
    if let Some(home) = home() {
        sources.push(Box::new(UsualFile(home.join(".ssh/id_ed25519"))));
        sources.push(Box::new(UsualFile(home.join(".ssh/id_rsa"))));
    }
    sources.push(Box::new(Text(SOPS_AGE_KEY)));
    sources.push(Box::new(NamedFile(SOPS_AGE_KEY_FILE)));
    sources.push(Box::new(NamedCommand(SOPS_AGE_KEY_CMD)));
    if let Some(folder) = config_folder() {
        sources.push(Box::new(UsualFile(folder.join("sops/age/keys.txt"))));
    }
    sources
}

fn config_folder() -> Option<PathBuf> {
    let named = env_vars::XDG_CONFIG_HOME.os().filter(|path| !path.is_empty()).map(PathBuf::from);
    if cfg!(windows) {
        return env_vars::APPDATA.os().map(PathBuf::from);
    }
    let usual = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
    named.or_else(|| home().map(|home| home.join(usual)))
}

/// The value of a variable.
struct Text(Variable);

impl IdentitySource for Text {
    fn name(&self) -> String {
        self.0.name.to_owned()
    }

    fn load(&self, _: &str) -> Result<Option<SecretBytes>, String> {
        Ok(self.0.text().filter(|text| !text.is_empty()).map(|text| one_per_line(&text)))
    }
}

/// Identities in a variable may stand on one line (format §4.3). An encrypted file or an SSH key
/// has blanks of its own.
fn one_per_line(text: &str) -> SecretBytes {
    let trimmed = text.trim_start();
    if trimmed.starts_with("-----BEGIN") || trimmed.starts_with("age-encryption") {
        return SecretBytes::from(text);
    }
    let lines = text.lines().flat_map(|line| {
        let comment = line.trim_start().starts_with('#');
        let whole = comment.then_some(line);
        whole.into_iter().chain(line.split_whitespace().filter(move |_| !comment))
    });
    let mut joined = SecretBytes::new(Vec::with_capacity(text.len() + 1));
    for line in lines {
        joined.expose_mut().extend_from_slice(line.as_bytes());
        joined.expose_mut().push(b'\n');
    }
    joined
}

/// The file that a variable names. A variable set to nothing names a file that is not there.
struct NamedFile(Variable);

impl IdentitySource for NamedFile {
    fn name(&self) -> String {
        self.0.name.to_owned()
    }

    fn load(&self, _: &str) -> Result<Option<SecretBytes>, String> {
        let Some(path) = self.0.os().map(PathBuf::from) else { return Ok(None) };
        read(&path)
            .map(Some)
            .map_err(|error| format!("open {}: {}", path.display(), os_words(&error)))
    }
}

/// A file in its usual place.
struct UsualFile(PathBuf);

impl IdentitySource for UsualFile {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    fn load(&self, _: &str) -> Result<Option<SecretBytes>, String> {
        match read(&self.0) {
            Ok(text) => Ok(Some(text)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(os_words(&error)),
        }
    }
}

fn read(path: &Path) -> io::Result<SecretBytes> {
    fs::read(path).map(SecretBytes::new)
}

/// What the command in a variable prints.
struct NamedCommand(Variable);

impl IdentitySource for NamedCommand {
    fn name(&self) -> String {
        self.0.name.to_owned()
    }

    fn load(&self, recipient: &str) -> Result<Option<SecretBytes>, String> {
        let Some(line) = self.0.text().filter(|text| !text.trim().is_empty()) else {
            return Ok(None);
        };
        let words = shlex::split(&line).filter(|words| !words.is_empty());
        let Some(words) = words else {
            return Err(format!("failed to parse command {line}: a quote is not closed"));
        };
        let failed = |why: String| format!("failed to execute command {}: {why}", words[0]);
        let path = env_vars::PATH.os().unwrap_or_default();
        let program = files::editor::look_up(&words[0], &path).map_err(failed)?;
        let output = Command::new(program)
            .args(&words[1..])
            .env("SOPS_AGE_RECIPIENT", recipient)
            .stdin(Stdio::inherit())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| failed(os_words(&error)))?;
        if !output.status.success() {
            // What it printed up to there may be half a key.
            drop(SecretBytes::new(output.stdout));
            return Err(failed(files::editor::how_it_ended(output.status)));
        }
        Ok(Some(SecretBytes::new(output.stdout)))
    }

    fn depends_on_recipient(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_in_a_variable_may_share_a_line() {
        let text = one_per_line("AGE-1 AGE-2\n# a comment\nAGE-3");
        assert_eq!(text.expose_str(), Some("AGE-1\nAGE-2\n# a comment\nAGE-3\n"));
        let armored = "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl";
        assert_eq!(one_per_line(armored).expose_str(), Some(armored));
    }
}
