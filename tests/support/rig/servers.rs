//! Starts servers, waits until they answer, and ends exactly those again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{http, paths};

/// Emulators need three seconds; a busy machine with cold disks has taken most of a minute.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// How long a server gets to end by itself before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The servers that run now, for the moment this program is interrupted.
static RUNNING: Mutex<Vec<(Pid, End)>> = Mutex::new(Vec::new());

/// How a server is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By SIGTERM, so that it can tidy up; after ten seconds by SIGKILL.
    Gently,
    /// By SIGKILL: it has nothing to save, and would wait for its clients.
    AtOnce,
}

impl End {
    fn signal(self) -> Signal {
        match self {
            Self::Gently => Signal::TERM,
            Self::AtOnce => Signal::KILL,
        }
    }
}

/// A server that was started here. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    child: Child,
    pid: Pid,
    end: End,
    log: PathBuf,
    ready_after: Duration,
}

impl Server {
    /// Starts `command`; what it says goes to `log`. Returns when it is `ready`, which is asked
    /// again and again. The kernel ends the server when this process is killed
    /// and cannot do it itself.
    pub fn start(
        name: &'static str,
        command: Command,
        end: End,
        log: &Path,
        mut ready: impl FnMut() -> bool,
    ) -> Result<Self> {
        let mut command = ends_with_us(command, end);
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("unable to make {}", folder.display()))?;
        }
        // A server that is started once more goes on with its log.
        let file = File::options().create(true).append(true).open(log);
        let file = file.with_context(|| format!("unable to make {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = spawn(command).with_context(|| format!("unable to start {name}"))?;
        let pid = Pid::from_child(&child);
        register(|running| running.push((pid, end)));
        let log = log.to_owned();
        let mut server = Self { name, child, pid, end, log, ready_after: Duration::ZERO };
        if let Err(error) = server.wait_until(&mut ready) {
            let text = fs::read_to_string(&server.log).unwrap_or_default();
            let tail: Vec<&str> = text.lines().rev().take(15).collect();
            let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
            bail!("{error:#}; its last words:\n{tail}");
        }
        Ok(server)
    }

    /// What it was called when it was started.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How long it took until it was ready.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Sends it a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            kill_process(self.pid, signal)?;
        }
        Ok(())
    }

    /// Ends it: with SIGTERM when it has some time for that, then, or at once, with SIGKILL.
    pub fn stop(&mut self, time: Option<Duration>) -> Result<()> {
        if let Some(limit) = time {
            self.signal(Signal::TERM)?;
            let asked = Instant::now();
            while self.child.try_wait()?.is_none() && asked.elapsed() < limit {
                thread::sleep(Duration::from_millis(20));
            }
        }
        self.signal(Signal::KILL)?;
        self.child.wait()?;
        // Only now may the number belong to someone else.
        register(|running| running.retain(|(pid, _)| *pid != self.pid));
        Ok(())
    }

    fn wait_until(&mut self, ready: &mut dyn FnMut() -> bool) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < READY_LIMIT {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status} instead of listening", self.name);
            }
            if ready() {
                self.ready_after = started.elapsed();
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("{} did not answer within {READY_LIMIT:?}", self.name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let time = (self.end == End::Gently).then_some(STOP_LIMIT);
        let stopped = self.stop(time).and_then(|()| {
            fs::remove_file(&self.log).or_else(gone).context("unable to remove its log")
        });
        if let Err(error) = stopped {
            let (name, pid) = (self.name, self.pid);
            let _ = writeln!(io::stderr(), "unable to stop {name} (process {pid:?}): {error:#}");
        }
    }
}

/// Whether `http://address/path` answers with 200, as a question for [`Server::start`].
pub fn answers(address: &str, path: &'static str) -> impl FnMut() -> bool + use<> {
    let address = address.to_owned();
    move || {
        let answer = http::get(&address, path, Duration::from_secs(5));
        answer.is_ok_and(|answer| answer.status() == 200)
    }
}

/// Tells all running servers to end, for a program that is about to be interrupted.
pub fn end_all() {
    register(|running| {
        for (pid, end) in running.iter() {
            // One that has ended by itself needs nothing more.
            let _ = kill_process(*pid, end.signal());
        }
    });
}

/// A loopback port that is free now. Someone else may take it before the server does; the start
/// then fails and says so.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
    Ok(listener.local_addr()?.port())
}

/// A free loopback port for a server that will be away and come back. It is not one of those the
/// kernel gives to clients: such a one can go to somebody else meanwhile, even to a client that
/// tries to reach the server, and is then connected with itself.
pub fn lasting_port() -> Result<u16> {
    const FIRST: u16 = 20_000;
    /// Clients get 32768 and above on Linux, 49152 and above elsewhere.
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two programs at once begin at different places.
    let begin = std::process::id().wrapping_mul(97) % u32::from(COUNT);
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = u16::try_from((begin + step) % u32::from(COUNT))?;
        if TcpListener::bind(("127.0.0.1", FIRST + offset)).is_ok() {
            return Ok(FIRST + offset);
        }
    }
    bail!("no free port on loopback between {FIRST} and {}", FIRST + COUNT)
}

/// The same command, whose process the kernel ends when this one is gone.
fn ends_with_us(command: Command, end: End) -> Command {
    let Some(setpriv) = paths::on_path("setpriv") else { return command };
    let mut bound = Command::new(setpriv);
    let signal = if end == End::Gently { "TERM" } else { "KILL" };
    bound.args(["--pdeathsig", signal, "--"]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        bound.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(name, value),
            None => bound.env_remove(name),
        };
    }
    bound
}

/// Starts a child from one thread that lives as long as this process. A signal at the end of the
/// parent (`setpriv --pdeathsig`) comes when the *thread* that started a child ends, and those of
/// tests end early.
pub fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, mpsc::Sender<io::Result<Child>>);
    static ORDERS: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in orders {
                // Whoever asked waits below.
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (answer, child) = mpsc::channel();
    let lost = |_| io::Error::other("the thread that starts servers has ended");
    let sent = orders.lock().unwrap_or_else(PoisonError::into_inner).send((command, answer));
    sent.map_err(|_| lost(mpsc::RecvError))?;
    child.recv().map_err(lost)?
}

fn gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn register(change: impl FnOnce(&mut Vec<(Pid, End)>)) {
    // A poisoned list is still the list of what has to be stopped.
    change(&mut RUNNING.lock().unwrap_or_else(PoisonError::into_inner));
}
