//! `cargo xtask fuzz`: builds the fuzz targets and runs each for a while.
//!
//! The crate `fuzz/` is laid out as `cargo fuzz` does it, and that program can be used as well. It
//! is not needed: counting coverage works with the stable compiler, by the flags below.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use sops_tests::paths;

use crate::shell;

/// What libFuzzer wants to know about the program: which places were reached, and what numbers
/// were compared with.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Dwarnings";

/// What each target is run for where nobody says how long: all seeds, and so many inputs made of
/// them. With one seed and nothing kept from other runs these are always the same, so that CI
/// does not fail over a find that has nothing to do with the change. Finds are for campaigns.
const BRIEFLY: Length = Length::Inputs(4000);
/// The seed of such runs.
const BRIEF_SEED: u32 = 1;
/// What ends such a run in any case, in seconds.
const AT_MOST: u64 = 60;

/// Longest input that is made up.
const LONGEST: usize = 4096;
/// Seconds that one such input may take. A machine under load is no reason to fail.
const SLOWEST: usize = 10;
/// Memory of one target.
const MEGABYTES: usize = 1024;
/// Targets that run at the same time.
const AT_ONCE: usize = 2;

/// For how long a target runs.
#[derive(Clone, Copy)]
enum Length {
    Inputs(u64),
    Seconds(u64),
}

/// `[--seconds N] [--seed N] [TARGET]…` or `--replay FILE TARGET`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (mut length, mut seed, mut replay) = (BRIEFLY, None, None);
    let mut chosen = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--seconds" => {
                length = Length::Seconds(value()?.parse().context("--seconds takes a number")?);
            }
            "--seed" => seed = Some(value()?.parse().context("--seed takes a number")?),
            "--replay" => replay = Some(std::path::absolute(value()?)?),
            flag if flag.starts_with('-') => bail!("no flag {flag}"),
            target => chosen.push(target.to_owned()),
        }
    }
    let targets = targets()?;
    if let Some(unknown) = chosen.iter().find(|name| !targets.contains(name)) {
        bail!("no target {unknown}; there are {}", targets.join(", "));
    }
    let chosen = if chosen.is_empty() { targets } else { chosen };
    let Some(folder) = build(&chosen)? else { return Ok(()) };
    match replay {
        Some(input) => {
            let [target] = chosen.as_slice() else { bail!("--replay takes one TARGET") };
            shell::run(shell::command(folder.join(target), [&input]).env("RUST_BACKTRACE", "1"))
        }
        None => {
            let seed = seed.unwrap_or_else(|| match length {
                Length::Inputs(_) => BRIEF_SEED,
                Length::Seconds(_) => any_seed(),
            });
            campaign(&folder, &chosen, length, seed)
        }
    }
}

/// The names of the targets, in order.
fn targets() -> Result<Vec<String>> {
    let folder = paths::repository().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".rs").map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

/// Builds, and says where; nothing where that cannot be done here.
fn build(targets: &[String]) -> Result<Option<PathBuf>> {
    shell::step("fuzz targets");
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    if let Err(error) = shell::find(&compiler) {
        let error = error.context("fuzz targets need a C++ compiler for libFuzzer (g++, clang)");
        return shell::missing(&error);
    }
    let about = shell::output(&mut shell::command("rustc", ["-vV"]))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc -vV names no host")?;
    let target = folder();
    // With --target the flags leave build scripts and procedural macros alone.
    let mut build = shell::cargo(["build", "--locked", "-j2", "--target", host]);
    build.args(["--manifest-path", "fuzz/Cargo.toml", "--target-dir"]).arg(&target);
    for name in targets {
        build.args(["--bin", name]);
    }
    shell::run(build.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", COVERAGE))?;
    Ok(Some(target.join(host).join("debug")))
}

/// What is built and found; beside the rest, so that one folder holds it all.
fn folder() -> PathBuf {
    paths::target().join("fuzz")
}

/// Runs targets, some at the same time, and names all that failed.
fn campaign(folder: &Path, targets: &[String], length: Length, seed: u32) -> Result<()> {
    let each = match length {
        Length::Inputs(count) => format!("{count} inputs"),
        Length::Seconds(count) => format!("{count} s"),
    };
    println!("{} targets, {each} each, seed {seed} (--seed {seed} repeats)", targets.len());
    let queue = Mutex::new(targets.iter());
    let failed = Mutex::new(Vec::new());
    let next = || queue.lock().ok()?.next();
    let work = || {
        while let Some(name) = next() {
            match one(folder, name, length, seed) {
                Ok(summary) => println!("{name:<12} {summary}"),
                Err(error) => {
                    println!("{name:<12} FAILED: {error:#}");
                    if let Ok(mut failed) = failed.lock() {
                        failed.push(name.as_str());
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap_or_default();
    if !failed.is_empty() {
        bail!("fuzz targets failed: {}", failed.join(", "));
    }
    Ok(())
}

/// Runs one target; gives its figures.
fn one(programs: &Path, name: &str, length: Length, seed: u32) -> Result<String> {
    let artifacts = folder().join("artifacts");
    let (corpus, limits) = match length {
        Length::Inputs(count) => {
            (folder().join("brief").join(name), format!("-runs={count} -max_total_time={AT_MOST}"))
        }
        Length::Seconds(count) => {
            (folder().join("corpus").join(name), format!("-max_total_time={count}"))
        }
    };
    if matches!(length, Length::Inputs(_)) && corpus.exists() {
        fs::remove_dir_all(&corpus).with_context(|| corpus.display().to_string())?;
    }
    for made in [&corpus, &artifacts] {
        fs::create_dir_all(made).with_context(|| made.display().to_string())?;
    }
    let log = folder().join(format!("{name}.log"));
    let output = File::create(&log).with_context(|| log.display().to_string())?;
    let mut command = Command::new(programs.join(name));
    command.current_dir(paths::repository()).args(limits.split(' ')).args([
        format!("-seed={seed}"),
        format!("-max_len={LONGEST}"),
        format!("-timeout={SLOWEST}"),
        format!("-rss_limit_mb={MEGABYTES}"),
        format!("-artifact_prefix={}/{name}-", artifacts.display()),
        "-print_final_stats=1".to_owned(),
    ]);
    // What is found goes into the first folder; the second is only read.
    command.arg(&corpus).arg(format!("fuzz/seeds/{name}"));
    command.stdout(output.try_clone()?).stderr(output);
    let status = command.status().with_context(|| format!("unable to start {name}"))?;
    let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if !status.success() {
        let lines: Vec<_> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(30)..] {
            println!("    {line}");
        }
        let found = text.lines().find_map(|line| line.split_once("Test unit written to "));
        match found {
            Some((_, file)) => bail!("cargo xtask fuzz --replay {file} {name} shows it again"),
            None => bail!("{status}; all of its output is in {}", log.display()),
        }
    }
    let figure = |name: &str| {
        let line = text.lines().rev().find(|line| line.contains(name));
        line.and_then(|line| line.rsplit(' ').next()).unwrap_or("?").to_owned()
    };
    let places = text.lines().rev().find_map(|line| line.split_once(" cov: "));
    let places = places.and_then(|(_, rest)| rest.split(' ').next()).unwrap_or("?");
    Ok(format!(
        "{:>9} inputs, {places:>5} places reached, {} MB",
        figure("stat::number_of_executed_units"),
        figure("stat::peak_rss_mb")
    ))
}

/// Another one in every run, so that CI does not try the same inputs for ever.
fn any_seed() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // libFuzzer takes zero for "choose one yourself", and does not tell which.
    now.subsec_nanos().max(1)
}
