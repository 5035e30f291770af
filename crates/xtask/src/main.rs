//! The one door for developers: `cargo xtask COMMAND`.
//!
//! What CI runs is what a developer runs. The difference is one variable: with `CI=true` a tool
//! that is missing is a failure, without it the part that needs it is skipped, loudly.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program talks to the person who started it"
)]

mod bench;
mod check;
mod cluster;
mod deploy;
mod emulators;
mod fuzz;
mod generate;
mod image;
mod peer;
mod postgres;
mod programs;
mod rig;
mod shell;
mod static_build;
mod targets;
mod test;
mod tools;
mod vault;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  check                 format, clippy, dependencies, boundaries, other systems whose target is
                        installed, docs, generated files
  test [CARGO-ARGS]     installs peers, starts the rig, runs all tests; with arguments,
                        `cargo test` gets those instead of --workspace
    --no-rig            neither peers nor emulators nor a control plane: what needs them
                        is skipped
    --no-fuzz           without the fuzz targets, which otherwise run briefly
  fuzz [TARGET]…        builds the fuzz targets and runs all, or these
    --seconds N         a campaign: for N seconds each, with another seed in every run;
                        without it the same 4000 inputs each
    --seed N            this seed
    --replay FILE       runs one target with this input only: what a crash left
  rig [--delay MS]      starts the emulators, KMS behind a proxy that lists calls (and makes
                        each one take longer), prints their variables, stops at Ctrl-C
    --cluster           a Kubernetes control plane too: etcd, API server, controllers
  bench [--quick]       measures against Go sops and rops; --quick leaves out runs of
                        more than ten seconds
    --operator          measures the operator on a control plane with 10,000 objects, or
                        with --quick 1,000
    --profile NAME      another build of it than the released one, to try something
  generate [--check]    completions, man pages, schema; the kustomize base, which is rendered
                        from the chart, and the chart's copies; --check only compares
  image [--binary FILE] builds the operator static and for release, and an image of it, into
                        target/image; or one of this file
    --roots FILE        certificates to trust; those of this machine unless given
  programs              builds the command static and for release into target/programs, with
                        every key service and with age alone, and holds both to their sizes

Tools are kept in .rig; SOPS_RIG_DIR names another folder, which several work trees may share.
etcd, the API server, its controllers and kubectl are built there from Go modules, unless the
variables TEST_ASSET_ETCD, TEST_ASSET_KUBE_APISERVER, …, the folder KUBEBUILDER_ASSETS, or
/usr/local/kubebuilder/bin have them; helm and kubeconform unless SOPS_HELM and SOPS_KUBECONFORM
name them.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else { bail!("no command\n\n{USAGE}") };
    match command.as_str() {
        "check" => check::run(),
        "test" => test::run(rest),
        "fuzz" => fuzz::run(rest),
        "rig" => rig::run(rest),
        "bench" => bench::run(rest),
        bench::AS_CHILD => bench::run_as_child(rest),
        "generate" => {
            let check = rest.iter().any(|argument| argument == "--check");
            generate::run(check)?;
            deploy::generate(check)
        }
        "image" => image::run(rest),
        "programs" => programs::run(),
        "help" | "-h" | "--help" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("no command `{other}`\n\n{USAGE}"),
    }
}
