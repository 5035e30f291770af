//! Starts servers, waits until they answer, and ends exactly those again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::{http, paths};
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Emulators need three seconds; a busy machine with cold disks has taken most of a minute.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// How long a server gets to end by itself before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The servers that run now, for the moment this program is interrupted.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// A server that was started here. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    child: Child,
    pid: Pid,
    log: PathBuf,
    ready_after: Duration,
}

impl Server {
    /// Starts `command` and returns when `http://address/path` answers.
    pub fn start(
        name: &'static str,
        mut command: Command,
        address: &str,
        path: &str,
    ) -> Result<Self> {
        let logs = paths::rig().join("logs");
        fs::create_dir_all(&logs).with_context(|| format!("unable to make {}", logs.display()))?;
        let log = logs.join(format!("{name}-{}.log", std::process::id()));
        let file =
            File::create(&log).with_context(|| format!("unable to make {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("unable to start {name}"))?;
        let pid = Pid::from_child(&child);
        register(|running| running.push(pid));
        let mut server = Self { name, child, pid, log, ready_after: Duration::ZERO };
        if let Err(error) = server.wait_until_ready(address, path) {
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

    /// How long it took until it answered.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    fn wait_until_ready(&mut self, address: &str, path: &str) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < READY_LIMIT {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status} instead of listening", self.name);
            }
            let answer = http::get(address, path, Duration::from_secs(5));
            if answer.is_ok_and(|answer| answer.status() == 200) {
                self.ready_after = started.elapsed();
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("{} did not answer within {READY_LIMIT:?}", self.name)
    }

    fn stop(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            kill_process(self.pid, Signal::TERM)?;
            let asked = Instant::now();
            while self.child.try_wait()?.is_none() {
                if asked.elapsed() > STOP_LIMIT {
                    self.child.kill()?;
                    self.child.wait()?;
                    break;
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        // Only now may the number belong to someone else.
        register(|running| running.retain(|pid| *pid != self.pid));
        fs::remove_file(&self.log).context("unable to remove its log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            let _ = writeln!(
                io::stderr(),
                "unable to stop {} (process {:?}): {error:#}",
                self.name,
                self.pid
            );
        }
    }
}

/// Tells all running servers to end, for a program that is about to be interrupted.
pub fn end_all() {
    register(|running| {
        for pid in running.iter() {
            // One that has ended by itself needs nothing more.
            let _ = kill_process(*pid, Signal::TERM);
        }
    });
}

/// A loopback port that is free now. Someone else may take it before the server does; the start
/// then fails and says so.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
    Ok(listener.local_addr()?.port())
}

fn register(change: impl FnOnce(&mut Vec<Pid>)) {
    // A poisoned list is still the list of what has to be stopped.
    change(&mut RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
}
