//! OpenPGP: gpg where it is there, and the keys of its home without it where it is not.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use sops_core::{
    crypto::{KeyPart, SecretBytes},
    keys::{Attempt, KeyProvider, MasterKey, ProviderError, Reach, Refusal},
};
use sops_providers::{GpgFound, GpgOutput, GpgProgram, GpgProvider, GpgWork, PgpHome, PgpProvider};

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
        (Ok(path), _) => match limit() {
            Ok(limit) => GpgFound::At(Box::new(Program { path, terminal: terminal(), limit })),
            Err(why) => GpgFound::Unusable(why),
        },
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

/// How long gpg may take where nobody is asked, unless `SOPS_KEY_TIMEOUT` says it. A card or an agent
/// on another machine may need a while.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);

fn limit() -> Result<Duration, String> {
    Ok(super::timeout::given()?.unwrap_or(LONGEST_SILENCE))
}

/// Whether the agent of gpg has a place where it could ask a person. Elsewhere than on the usual
/// desktops of Unix a window needs no variable.
fn somebody_is_there(terminal: Option<&String>) -> bool {
    let named = [env_vars::GPG_TTY, env_vars::DISPLAY, env_vars::WAYLAND_DISPLAY];
    terminal.is_some()
        || cfg!(any(windows, target_os = "macos"))
        || named.iter().any(|variable| variable.non_empty().is_some())
}

/// Longest output that is read; a data key has 32 bytes, a wrapped one some thousand.
const LONGEST_OUTPUT: u64 = 256 * 1024;

struct Program {
    path: PathBuf,
    terminal: Option<String>,
    /// How long it may take where nobody is asked.
    limit: Duration,
}

impl GpgProgram for Program {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn run(&self, work: GpgWork, arguments: &[&str], input: &[u8]) -> io::Result<GpgOutput> {
        let mut command = Command::new(&self.path);
        command.args(arguments);
        command.envs(self.terminal.as_ref().map(|name| (env_vars::GPG_TTY.name, name)));
        let asks = work == GpgWork::Decrypt && somebody_is_there(self.terminal.as_ref());
        talk(command, input, (!asks).then_some(self.limit))
    }
}

/// Runs a program, gives it all of its input, and ends it at the limit, if there is one.
fn talk(mut command: Command, input: &[u8], limit: Option<Duration>) -> io::Result<GpgOutput> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    if limit.is_some() {
        use std::os::unix::process::CommandExt as _;
        // So that it can be ended with what it has started. One that asks at a terminal has to
        // stay in the group that may read there.
        command.process_group(0);
    }
    // A deadline beyond what a clock can tell is none.
    let end = limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut child = command.spawn()?;
    match converse(&mut child, input, end) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            stop(&mut child);
            let seconds = limit.unwrap_or_default().as_secs_f32();
            let text = format!("it did not end within {seconds} s, so it was ended");
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        }
        result => result,
    }
}

fn converse(child: &mut Child, input: &[u8], end: Option<Instant>) -> io::Result<GpgOutput> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let input = SecretBytes::from(input);
    let (tell_printed, printed) = mpsc::channel();
    let (tell_said, said) = mpsc::channel();
    // They are not waited for: something that the program has started may keep the pipes open.
    // Nobody reads what they tell after the end.
    thread::spawn(move || {
        // It may end without reading everything, and then says why.
        let _ = stdin.map(|mut stdin| stdin.write_all(input.expose()));
    });
    thread::spawn(move || {
        // One that grows would leave parts behind.
        let mut printed = SecretBytes::new(Vec::with_capacity(16 * 1024));
        let stdout = stdout.map(|stdout| stdout.take(LONGEST_OUTPUT));
        let read = stdout.map_or(Ok(0), |mut stdout| stdout.read_to_end(printed.expose_mut()));
        let _ = tell_printed.send(read.map(|_| printed));
    });
    thread::spawn(move || {
        let mut said = Vec::new();
        let stderr = stderr.map(|stderr| stderr.take(LONGEST_OUTPUT));
        let _ = stderr.map(|mut stderr| stderr.read_to_end(&mut said));
        let _ = tell_said.send(String::from_utf8_lossy(&said).into_owned());
    });
    let printed = by(end, &printed)??;
    let said = by(end, &said)?;
    let status = ended(child, end)?;
    let failure = (!status.success()).then(|| status.to_string());
    Ok(GpgOutput { failure, printed, said })
}

/// What a thread tells, until the end.
fn by<T>(end: Option<Instant>, told: &mpsc::Receiver<T>) -> io::Result<T> {
    let lost = || io::Error::other("a thread has ended");
    let Some(end) = end else { return told.recv().map_err(|_| lost()) };
    told.recv_timeout(end.saturating_duration_since(Instant::now())).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => io::ErrorKind::TimedOut.into(),
        mpsc::RecvTimeoutError::Disconnected => lost(),
    })
}

/// Waits for a child, until the end.
fn ended(child: &mut Child, end: Option<Instant>) -> io::Result<ExitStatus> {
    let Some(end) = end else { return child.wait() };
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= end {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // It has closed its outputs, so it is about to end.
        thread::sleep(Duration::from_millis(1));
    }
}

/// Ends a child of a group of its own, with the group.
fn stop(child: &mut Child) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        // It is not waited for yet, so the number is still that of its group.
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
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
        false => Some(super::home()?.join(".gnupg")),
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
        let output = talk(shell, &[0; 200_000], None).unwrap();
        assert_eq!(output.printed.expose(), b"ready\n");
        assert_eq!(output.failure, None);
    }

    #[cfg(unix)]
    #[test]
    fn one_that_hangs_is_ended_with_all_that_it_has_started() {
        for script in ["sleep 600", "sleep 600 & wait", "exec >&- 2>&-; exec sleep 600"] {
            let mut shell = Command::new("sh");
            shell.args(["-c", script]);
            let began = Instant::now();
            let error = talk(shell, b"x", Some(Duration::from_millis(200))).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{script}: {error}");
            assert!(error.to_string().contains("within 0.2 s"), "{script}: {error}");
            assert!(began.elapsed() < Duration::from_secs(60), "{script}");
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", "cat; exit 3"]);
        let output = talk(shell, b"in time", Some(Duration::from_secs(60))).unwrap();
        assert_eq!(output.printed.expose(), b"in time");
        assert_eq!(output.failure.as_deref(), Some("exit status: 3"));
    }
}
