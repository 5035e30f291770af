//! OpenPGP: gpg where it is there, and the keys of its home without it where it is not.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use sops_core::{
    crypto::{KeyPart, SecretBytes},
    keys::{Attempt, KeyProvider, MasterKey, ProviderError, Reach, Refusal},
};
use sops_providers::{GpgFound, GpgOutput, GpgProgram, GpgProvider, PgpHome, PgpProvider};

use crate::{env_vars, failure::os_words, files};

/// The folder of a GnuPG home in which the agent keeps private keys.
const PRIVATE_KEYS: &str = "private-keys-v1.d";

/// One that wraps, and one that opens, which may ask a person.
pub(crate) fn providers() -> [Arc<dyn KeyProvider>; 2] {
    let native = Native { keys: PgpProvider::reading(read_home), given: Mutex::default() };
    GpgProvider::reading(find).or_else(Arc::new(native)).in_steps()
}

fn find() -> GpgFound {
    let named = env_vars::SOPS_GPG_EXEC.non_empty();
    let path = env_vars::PATH.os().unwrap_or_default();
    let name = named.as_deref().unwrap_or("gpg");
    match (files::editor::look_up(name, &path), &named) {
        (Ok(program), Some(_)) if !program.is_file() => {
            GpgFound::Unusable(format!("SOPS_GPG_EXEC names {name}, where there is no file"))
        }
        (Ok(program), _) => GpgFound::At(Box::new(Program { path: program, terminal: terminal() })),
        (Err(why), Some(_)) => GpgFound::Unusable(format!("SOPS_GPG_EXEC: {why}")),
        (Err(_), None) => GpgFound::Nowhere,
    }
}

/// The terminal of this program, unless another one is named for the agent. gpg itself cannot find
/// it: the message comes on its standard input.
fn terminal() -> Option<String> {
    match env_vars::GPG_TTY.non_empty() {
        Some(_) => None,
        None => super::terminal::name(),
    }
}

/// Longest output that is read; a data key has 32 bytes, a wrapped one some thousand.
const LONGEST_OUTPUT: u64 = 256 * 1024;

struct Program {
    path: PathBuf,
    terminal: Option<String>,
}

impl GpgProgram for Program {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> io::Result<GpgOutput> {
        let mut command = Command::new(&self.path);
        command.args(arguments);
        command.envs(self.terminal.as_ref().map(|name| (env_vars::GPG_TTY.name, name)));
        talk(command, input)
    }
}

/// Runs a program and gives it all of its input.
fn talk(mut command: Command, input: &[u8]) -> io::Result<GpgOutput> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    // One that grows would leave parts behind.
    let mut printed = SecretBytes::new(Vec::with_capacity(16 * 1024));
    let said = thread::scope(|scope| {
        // It may end without reading everything, and then says why.
        scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(input)));
        let said = scope.spawn(|| {
            let mut said = Vec::new();
            let stderr = stderr.map(|stderr| stderr.take(LONGEST_OUTPUT));
            let _ = stderr.map(|mut stderr| stderr.read_to_end(&mut said));
            String::from_utf8_lossy(&said).into_owned()
        });
        let stdout = stdout.map(|stdout| stdout.take(LONGEST_OUTPUT));
        let read = stdout.map_or(Ok(0), |mut stdout| stdout.read_to_end(printed.expose_mut()));
        // The reader of what it said cannot panic.
        read.map(|_| said.join().unwrap_or_default())
    });
    let status = child.wait()?;
    let failure = (!status.success()).then(|| status.to_string());
    Ok(GpgOutput { failure, printed, said: said? })
}

/// How often a passphrase is asked for.
const MOST_QUESTIONS: usize = 3;

/// The keys of the home without gpg. Passphrases are asked for at the terminal where no gpg could
/// ask: one that did has had its answer.
struct Native {
    keys: PgpProvider,
    /// What was typed so far: one passphrase may be that of several keys.
    given: Mutex<Vec<SecretBytes>>,
}

impl Native {
    fn given(&self) -> Vec<SecretBytes> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks once more; false if nobody answers.
    fn ask(&self, again: bool) -> bool {
        let question = match again {
            false => "Enter PGP key passphrase: ",
            true => "That is not it. Enter PGP key passphrase: ",
        };
        let Some(answer) = super::terminal::passphrase(question) else { return false };
        let answer = SecretBytes::from(answer.as_str());
        self.given.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        true
    }
}

#[async_trait::async_trait]
impl KeyProvider for Native {
    fn reach(&self, key: &MasterKey) -> Reach {
        self.keys.reach(key)
    }

    async fn wrap(&self, key: &MasterKey, part: &KeyPart) -> Result<String, ProviderError> {
        self.keys.wrap(key, part).await
    }

    async fn open(&self, key: &MasterKey, enc: &str) -> Attempt {
        let mut attempt = self.keys.open(key, enc).await;
        let mut questions = 0;
        while is_locked(&attempt) && matches!(find(), GpgFound::Nowhere) {
            let must_ask = questions > 0 || self.given().is_empty();
            if must_ask && (questions == MOST_QUESTIONS || !self.ask(questions > 0)) {
                break;
            }
            questions += 1;
            let mut home = read_home();
            self.given().into_iter().for_each(|passphrase| home.add_passphrase(passphrase));
            attempt = PgpProvider::new(home).open(key, enc).await;
        }
        attempt
    }
}

fn is_locked(attempt: &Attempt) -> bool {
    matches!(attempt, Attempt::Failed(error) if error.refusal == Refusal::NotUnlocked)
}

/// The keys of the GnuPG home, as far as they are no business of a person.
fn read_home() -> PgpHome {
    let mut keys = PgpHome::new();
    let Some(home) = home() else { return keys };
    for folder in ["", PRIVATE_KEYS] {
        let at = home.join(folder);
        let entries = match fs::read_dir(&at) {
            Ok(entries) => entries,
            Err(error) if super::is_absent(&error) => continue,
            Err(error) => {
                keys.add_problem(format!("{}: {}", at.display(), os_words(&error)));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let inside = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if PgpHome::wants(&inside) && entry.path().is_file() {
                add(&mut keys, &inside, &entry.path());
            }
        }
    }
    keys
}

fn add(keys: &mut PgpHome, inside: &str, path: &Path) {
    match fs::read(path) {
        Ok(bytes) => keys.add_file(inside, SecretBytes::new(bytes)),
        Err(error) => keys.add_problem(format!("{}: {}", path.display(), os_words(&error))),
    }
}

fn home() -> Option<PathBuf> {
    let variable = |variable: env_vars::Variable| {
        variable.os().filter(|path| !path.is_empty()).map(PathBuf::from)
    };
    variable(env_vars::GNUPGHOME).or_else(|| match cfg!(windows) {
        true => Some(variable(env_vars::APPDATA)?.join("gnupg")),
        false => Some(variable(env_vars::HOME)?.join(".gnupg")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_program_that_reads_nothing_and_says_much_holds_nobody_up() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "head -c 300000 /dev/zero | tr '\\0' x >&2; echo ready"]);
        let output = talk(shell, &[0; 200_000]).unwrap();
        assert_eq!(output.printed.expose(), b"ready\n");
        assert_eq!(output.failure, None);
    }
}
