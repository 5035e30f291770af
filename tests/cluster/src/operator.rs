//! The operator as a process of its own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, kill_process};
use serde_json::Value;
use sops_tests::http;
use sops_tests::paths;
use sops_tests::rig::servers::{lasting_port, spawn};
use sops_tests::run::{Run, Signal};

use crate::{SOON, eventually};

/// Enough for an answer from loopback.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// An operator about to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    flags: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Launch {
    /// A program, such as that of [`sops_tests::need::operator`], with the rights of a kubeconfig.
    pub fn of(program: impl Into<PathBuf>, kubeconfig: impl AsRef<OsStr>) -> Self {
        let launch = Self { program: program.into(), flags: Vec::new(), environment: Vec::new() };
        launch.flag("kubeconfig", kubeconfig)
    }

    /// Adds `-name=value`: a single dash, as the chart does.
    pub fn flag(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let mut flag = OsString::from(format!("-{name}="));
        flag.push(value);
        self.flags.push(flag);
        self
    }

    /// Sets a variable. Besides, there are only `PATH` and a `HOME` that does not exist.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets several, such as those of [`sops_tests::rig::aws::Aws::environment`].
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        variables.into_iter().fold(self, |launch, (name, value)| launch.env(name, value))
    }

    /// Starts it, on ports of its own for probes and metrics. It may not be ready yet:
    /// [`Operator::ready`].
    pub fn start(&self) -> Operator {
        let [probes, metrics] = [(); 2].map(|()| lasting_port().expect("a free port"));
        let launch = self.clone();
        let launch = launch.flag("health-probe-bind-address", format!("127.0.0.1:{probes}"));
        let launch = launch.flag("metrics-bind-address", format!("127.0.0.1:{metrics}"));
        let mut run = Run::program(launch.program, launch.flags).envs(launch.environment);
        // As in a container: no file of ours is near.
        run = run.within("/");
        if let Some(setpriv) = paths::on_path("setpriv") {
            // A test that is killed leaves no operator behind.
            run = run.behind(setpriv, ["--pdeathsig", "KILL", "--"]);
        }
        let mut command = run.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command).expect("the operator starts");
        let lines = Lines::default();
        let out = lines.follow(child.stdout.take().expect("stdout is piped"));
        let err = lines.follow(child.stderr.take().expect("stderr is piped"));
        Operator {
            child,
            probes: format!("127.0.0.1:{probes}"),
            metrics: format!("127.0.0.1:{metrics}"),
            lines,
            readers: vec![out, err],
        }
    }
}

/// A running operator. Dropping it kills it; in a test that fails it is shown what it said last.
pub struct Operator {
    child: Child,
    probes: String,
    metrics: String,
    lines: Lines,
    readers: Vec<JoinHandle<()>>,
}

/// What it said, a line each: standard output and standard error together.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Operator {
    /// Its process, as long as it runs.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until `/readyz` says yes. Fails when it ends instead.
    #[track_caller]
    pub fn ready(&mut self) -> impl Future<Output = ()> {
        eventually(SOON, "the operator is ready", async || {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                panic!("the operator ended with {status}:\n{}", self.output());
            }
            match self.probe("/readyz") {
                Some(200) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
    }

    /// The status that a probe answers: of `/readyz`, `/healthz`. `None` without an answer.
    pub fn probe(&self, path: &str) -> Option<u16> {
        Some(http::get(&self.probes, path, ANSWER_LIMIT).ok()?.status())
    }

    /// The text of `/metrics`.
    pub fn metrics_text(&self) -> String {
        let answer = http::get(&self.metrics, "/metrics", ANSWER_LIMIT).expect("there are metrics");
        assert_eq!(answer.status(), 200, "status of /metrics");
        String::from_utf8(answer.body).expect("metrics are text")
    }

    /// All samples, by what stands before their value: `name` or `name{label="value"}`.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let text = self.metrics_text();
        let samples = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let read = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        };
        samples.map(|line| read(line).unwrap_or_else(|| panic!("no sample: {line}"))).collect()
    }

    /// One sample; `None` when there is no such series.
    pub fn metric(&self, series: &str) -> Option<f64> {
        self.metrics().get(series).copied()
    }

    /// All that it said so far.
    pub fn output(&self) -> String {
        self.lines.all().join("\n")
    }

    /// Its log: every line that is JSON. What is none, such as the words of a panic, is in
    /// [`Operator::output`].
    pub fn log(&self) -> Vec<Value> {
        self.lines.all().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for a line of the log.
    #[track_caller]
    pub fn logged(&self, what: &str, line: impl Fn(&Value) -> bool) -> impl Future<Output = Value> {
        eventually(SOON, what, async move || {
            let found = self.log().into_iter().find(|entry| line(entry));
            found.ok_or_else(|| self.lines.last(5))
        })
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Sends a signal: STOP and CONT, for example.
    pub fn signal(&mut self, signal: Signal) {
        // Until it is waited for, its number belongs to nobody else.
        if self.is_running() {
            kill_process(self.pid(), signal).expect("a child can be signalled");
        }
    }

    /// Asks it to end, as a kubelet does, and waits until it has.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// Kills it, in whatever it is doing.
    pub async fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.ended().await
    }

    /// Waits until it has ended by itself, and until all that it said was read.
    pub async fn ended(&mut self) -> ExitStatus {
        let status = eventually(SOON, "the operator ends", async || {
            let status = self.child.try_wait().expect("a child can be waited for");
            status.ok_or_else(|| self.lines.last(5))
        })
        .await;
        self.readers.drain(..).for_each(|reader| reader.join().expect("its output is read"));
        status
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.readers.drain(..).for_each(|reader| drop(reader.join()));
        if thread::panicking() {
            let last = self.lines.last(40);
            // The harness of tests shows this with the failure.
            #[allow(
                clippy::print_stderr,
                reason = "a test that fails shows what the operator said"
            )]
            {
                eprintln!("--- the operator said last:\n{last}");
            }
        }
    }
}

impl Lines {
    fn follow(&self, source: impl Read + Send + 'static) -> JoinHandle<()> {
        let lines = self.clone();
        thread::spawn(move || {
            // One byte that is no text must not end the record.
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                lines.lock().push(String::from_utf8_lossy(&line).into_owned());
            }
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<String> {
        self.lock().clone()
    }

    fn last(&self, count: usize) -> String {
        let lines = self.lock();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}
