//! Runs built programs: the `sops-rs` under test, and the Go program beside it.
//!
//! Each run starts from an empty environment, so that no key, profile or locale of the person who
//! runs the tests can change their outcome.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

use crate::paths;

/// The `sops-rs` program: `SOPS_RS_BIN`, or the one cargo built beside the running test.
pub fn sops_rs_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SOPS_RS_BIN") {
        return path.into();
    }
    // Tests run from `target/<profile>/deps`; the program of the same profile is one folder up.
    let beside = std::env::current_exe().ok().and_then(|test| {
        let profile = test.parent()?.parent()?;
        Some(profile.join("sops-rs")).filter(|path| path.is_file())
    });
    let path = beside.unwrap_or_else(|| paths::target().join("debug/sops-rs"));
    assert!(
        path.is_file(),
        "no {}: run `cargo build -p sops-rs`, or set SOPS_RS_BIN",
        path.display()
    );
    path
}

/// A program about to be run.
#[derive(Clone, Debug)]
pub struct Run {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: BTreeMap<OsString, OsString>,
    folder: Option<PathBuf>,
    input: Vec<u8>,
    deadline: Duration,
}

impl Run {
    /// The program under test, with these arguments.
    pub fn sops_rs<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Self {
        Self::program(sops_rs_binary(), arguments)
    }

    /// The Go program, which otherwise asks the network for its newest version.
    pub fn peer<A: AsRef<OsStr>>(path: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        Self::program(path, arguments).env("SOPS_DISABLE_VERSION_CHECK", "1")
    }

    /// Any program. Its environment has only `PATH`, and `HOME` in a place that does not exist.
    pub fn program<A: AsRef<OsStr>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut environment = BTreeMap::from([("HOME".into(), "/nonexistent".into())]);
        if let Some(path) = std::env::var_os("PATH") {
            environment.insert("PATH".into(), path);
        }
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(|each| each.as_ref().to_owned()).collect(),
            environment,
            folder: None,
            input: Vec::new(),
            deadline: Duration::from_secs(120),
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    pub fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Sets several variables, such as those of [`crate::rig::aws::Aws::environment`].
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        variables.into_iter().fold(self, |run, (name, value)| run.env(name, value))
    }

    /// Takes a variable away again.
    pub fn without_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.remove(name.as_ref());
        self
    }

    /// Runs in this folder.
    pub fn within(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Gives these bytes on standard input; without, it is empty.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Ends the run after this long, which fails the test; two minutes unless set.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = limit;
        self
    }

    /// Puts another program in front, such as `strace` with its arguments.
    pub fn behind<A: AsRef<OsStr>>(
        mut self,
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut all: Vec<OsString> = arguments.into_iter().map(|a| a.as_ref().to_owned()).collect();
        all.push(self.program.into());
        all.append(&mut self.arguments);
        self.program = program.into();
        self.arguments = all;
        self
    }

    /// The same as a plain [`Command`], for what this type cannot do.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(&self.environment);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }

    /// Runs it to its end and collects what it said.
    #[track_caller]
    pub fn run(&self) -> Outcome {
        self.start().finish()
    }

    /// Starts it and comes back at once, for a test that does something to it meanwhile.
    #[track_caller]
    pub fn start(&self) -> Running {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("start {}: {error}", self.program.display()));
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let mut stdout = child.stdout.take().expect("stdout is piped");
        let mut stderr = child.stderr.take().expect("stderr is piped");
        let input = self.input.clone();
        Running {
            line: self.line(),
            deadline: self.deadline,
            started: Instant::now(),
            child,
            // A program that does not read its input closes the pipe; that is its right.
            feeding: thread::spawn(move || drop(stdin.write_all(&input))),
            out: thread::spawn(move || read_all(&mut stdout)),
            err: thread::spawn(move || read_all(&mut stderr)),
        }
    }

    fn line(&self) -> String {
        let name = self.program.file_name().unwrap_or(self.program.as_os_str());
        let words = self.arguments.iter().map(|argument| argument.to_string_lossy());
        std::iter::once(name.to_string_lossy()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// A program that was started and not yet waited for.
#[derive(Debug)]
pub struct Running {
    line: String,
    deadline: Duration,
    started: Instant,
    child: Child,
    feeding: JoinHandle<()>,
    out: JoinHandle<Vec<u8>>,
    err: JoinHandle<Vec<u8>>,
}

impl Running {
    /// Sends it a signal; one that has ended by itself gets none.
    pub fn signal(&mut self, signal: Signal) {
        // Until it is waited for, its number belongs to nobody else.
        if self.child.try_wait().expect("a child can be waited for").is_none() {
            kill_process(Pid::from_child(&self.child), signal).expect("a child can be signalled");
        }
    }

    /// Waits for its end, until the deadline, and collects what it said.
    #[track_caller]
    pub fn finish(mut self) -> Outcome {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            if self.started.elapsed() > self.deadline {
                self.child.kill().expect("a child can be killed");
                let _ = self.child.wait();
                panic!("{} did not end within {:?}", self.line, self.deadline);
            }
            thread::sleep(pause(self.started.elapsed()));
        };
        let took = self.started.elapsed();
        self.feeding.join().expect("the writer of stdin ended");
        let stdout = self.out.join().expect("the reader of stdout ended");
        let stderr = self.err.join().expect("the reader of stderr ended");
        Outcome { line: self.line, status, stdout, stderr, took }
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    line: String,
    /// Its exit status.
    pub status: ExitStatus,
    /// All of standard output.
    pub stdout: Vec<u8>,
    /// All of standard error.
    pub stderr: Vec<u8>,
    /// How long it took, to within a few milliseconds: for deadlines, not for measuring speed.
    pub took: Duration,
}

impl Outcome {
    /// The number of the signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The exit status as a number; `None` when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Fails the test unless the run succeeded.
    #[track_caller]
    pub fn success(self) -> Self {
        assert!(self.status.success(), "{self}");
        self
    }

    /// Fails the test unless the run ended with this status.
    #[track_caller]
    pub fn fails_with(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "`{}` ended with {}", self.line, self.status)?;
        writeln!(f, "--- stdout\n{}", self.out())?;
        write!(f, "--- stderr\n{}", self.err())
    }
}

/// What was said on standard error, without the line breaks and marks of a report.
pub fn said(outcome: &Outcome) -> String {
    let text = outcome.err();
    let lines = text.lines().map(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        line.strip_prefix("| ").unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join(" ")
}

/// Fails the test unless the run ended with this status and said all of this.
#[track_caller]
pub fn refused(outcome: &Outcome, status: i32, words: &[&str]) {
    assert_eq!(outcome.code(), Some(status), "{outcome}");
    let text = said(outcome);
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?} of {outcome}");
    }
}

fn read_all(source: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    source.read_to_end(&mut all).expect("a pipe can be read");
    all
}

/// Looks often at first, so that a run of a millisecond does not cost ten.
fn pause(waited: Duration) -> Duration {
    (waited / 8).clamp(Duration::from_micros(200), Duration::from_millis(20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_run_sees_only_what_it_was_given() {
        let run = Run::program("/bin/sh", ["-c", "cat; echo $GIVEN; echo $USER >&2; exit 3"]);
        let outcome = run.env("GIVEN", "yes").input("in ").run().fails_with(3);
        assert_eq!(outcome.out(), "in yes\n");
        assert_eq!(outcome.err(), "\n");
    }

    #[test]
    fn a_run_can_be_ended_by_a_signal_once_it_is_where_it_should_be() {
        let scratch = Scratch::new();
        let script = ": > here; exec sleep 60";
        let mut run = Run::program("/bin/sh", ["-c", script]).within(scratch.path()).start();
        scratch.wait_for("here");
        run.signal(Signal::TERM);
        assert_eq!(run.finish().signal(), Some(Signal::TERM.as_raw()));
    }

    #[test]
    #[should_panic(expected = "did not end within")]
    fn a_run_that_hangs_fails() {
        Run::program("/bin/sh", ["-c", "exec sleep 60"]).deadline(Duration::from_millis(50)).run();
    }
}
