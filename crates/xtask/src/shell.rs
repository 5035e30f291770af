//! Runs other programs, from the top folder of the repository.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sops_tests::rig::servers;
use sops_tests::{need, paths};

/// Announces a part of the work.
pub(crate) fn step(name: &str) {
    println!("\n==> {name}");
}

/// A program with its arguments, to be run in the repository.
pub(crate) fn command<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(paths::repository());
    command
}

/// The cargo that started this program.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}

/// Builds the programs together with the tests, whose dependencies have features of their own:
/// without them, or one program alone, everything would be compiled once more.
pub(crate) fn build() -> Result<()> {
    run(&mut cargo(["build", "--workspace", "--bins", "--tests", "-j2"]))
}

/// Runs to the end, with the output on the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("unable to start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs to the end and gives standard output; standard error goes to the terminal.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("unable to start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` ended with {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("output of `{line}`"))
}

/// What to do about something that is not there: nothing but saying so, or failing in CI.
pub(crate) fn missing<T>(error: &anyhow::Error) -> Result<Option<T>> {
    if need::in_ci() {
        bail!("{error:#}; with CI=true that is a failure");
    }
    let rule = "!".repeat(78);
    println!("{rule}\nSKIPPED: {error:#}\n{rule}");
    Ok(None)
}

/// Runs `then` at Ctrl-C or SIGTERM, after all servers were told to end.
pub(crate) fn at_interrupt(then: impl Fn() + Send + 'static) -> Result<()> {
    ctrlc::set_handler(move || {
        servers::end_all();
        then();
    })
    .context("unable to catch Ctrl-C")
}

/// A program that has to be on `PATH`.
pub(crate) fn find(program: &str) -> Result<PathBuf> {
    paths::on_path(program).with_context(|| format!("`{program}` is not on PATH"))
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
