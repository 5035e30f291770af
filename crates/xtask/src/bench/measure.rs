//! Starts a command many times and takes the medians.
//!
//! The starting is done by a small process of its own. On Linux a child's peak memory begins with
//! what its parent held when it was started, so this program, with its inputs in memory, would
//! make every command look as large as itself.

use std::env;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use wait4::Wait4;

/// The hidden command that is that small process: `xtask __measure RUNS INPUT PROGRAM ARGUMENTS…`.
pub(crate) const AS_CHILD: &str = "__measure";

/// One command, ready to be started any number of times.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// The file on standard input; nothing is `/dev/null`.
    pub(super) input: PathBuf,
    pub(super) environment: Vec<(&'static str, String)>,
}

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    wall_us: u64,
    cpu_us: u64,
    peak_kb: u64,
}

/// Medians over all runs, and the largest memory of any.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(super) struct Cost {
    /// From start to end, in milliseconds.
    pub(super) wall_ms: f64,
    /// Processor time, user and system, in milliseconds.
    pub(super) cpu_ms: f64,
    /// Peak resident memory in MB.
    pub(super) peak_mb: f64,
    /// How many runs were measured.
    pub(super) runs: usize,
}

impl Cost {
    pub(super) fn of(samples: &[Sample]) -> Option<Self> {
        let median = |of: fn(&Sample) -> u64| {
            let mut all: Vec<u64> = samples.iter().map(of).collect();
            all.sort_unstable();
            all.get(all.len() / 2).map(|middle| *middle as f64 / 1000.0)
        };
        let peak_kb = samples.iter().map(|sample| sample.peak_kb).max()?;
        Some(Self {
            wall_ms: median(|sample| sample.wall_us)?,
            cpu_ms: median(|sample| sample.cpu_us)?,
            peak_mb: peak_kb as f64 / 1024.0,
            runs: samples.len(),
        })
    }
}

/// Runs a job `runs` times in `folder`, one after another.
pub(super) fn measure(job: &Job, folder: &Path, runs: usize) -> Result<Vec<Sample>> {
    let itself = env::current_exe().context("this program does not know where it is")?;
    let mut command = Command::new(itself);
    command.arg(AS_CHILD).arg(runs.to_string()).arg(&job.input);
    command.arg(&job.program).args(&job.arguments);
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command.env("HOME", folder).env("PATH", env::var_os("PATH").unwrap_or_default());
    command.envs(job.environment.iter().map(|(name, value)| (name, value)));
    let output = command.output().context("unable to start the measuring process")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8_lossy(&output.stdout).lines().map(parse).collect()
}

/// The other side of [`measure`]: prints one line a run.
pub(crate) fn run_as_child(arguments: &[String]) -> Result<()> {
    let [runs, input, program, rest @ ..] = arguments else {
        bail!("RUNS INPUT PROGRAM are missing")
    };
    for _ in 0..runs.parse::<usize>()? {
        let mut command = Command::new(program);
        let input = File::open(input).with_context(|| format!("unable to open {input}"))?;
        command.args(rest).stdin(input).stdout(Stdio::null()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("unable to start {program}"))?;
        // Its end closes the pipe, so this waits too.
        let mut said = String::new();
        child.stderr.take().context("stderr is piped")?.read_to_string(&mut said)?;
        let used = child.wait4()?;
        let wall = started.elapsed();
        if !used.status.success() {
            let first = said.lines().next().unwrap_or("nothing was said");
            bail!("{program} {} ended with {}: {first}", rest.join(" "), used.status);
        }
        let cpu = used.rusage.utime + used.rusage.stime;
        println!("{} {} {}", wall.as_micros(), cpu.as_micros(), used.rusage.maxrss / 1024);
    }
    Ok(())
}

fn parse(line: &str) -> Result<Sample> {
    let numbers: Vec<u64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [wall_us, cpu_us, peak_kb] = numbers[..] else { bail!("`{line}` is not a sample") };
    Ok(Sample { wall_us, cpu_us, peak_kb })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_the_median_time_and_the_largest_memory() {
        let samples: Result<Vec<_>> =
            ["1000 500 2048", "9000 900 1024", "3000 700 4096"].into_iter().map(parse).collect();
        let cost = Cost::of(&samples.unwrap()).unwrap();
        assert_eq!((cost.wall_ms, cost.cpu_ms, cost.peak_mb, cost.runs), (3.0, 0.7, 4.0, 3));
        assert!(Cost::of(&[]).is_none());
    }
}
