//! `cargo xtask check`: every rule about the code that a machine can check.

use std::fs;

use anyhow::{Result, bail};
use sops_tests::paths;

use crate::{deploy, generate, shell, targets, tools};

/// What `sops-core` may not reach, by the beginning of a crate's name: runtimes, networks,
/// clusters, clouds, and whatever asks the system for randomness, time, files or variables.
const NOT_IN_CORE: [&str; 32] = [
    "async-std",
    "aws-",
    "axum",
    "chrono",
    "dirs",
    "etcetera",
    "fs-err",
    "getrandom",
    "h2",
    "home",
    "hyper",
    "ignore",
    "jiff",
    "k8s-openapi",
    "kube",
    "memmap",
    "mio",
    "nix",
    "openssl",
    "rand",
    "reqwest",
    "ring",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "tempfile",
    "time",
    "tokio",
    "tonic",
    "walkdir",
    "windows",
];

/// Allowed although the name begins like one above, as long as none of its features is the one
/// named here. The first holds traits of randomness and no source; the second calculates with
/// dates, and has a clock and the system's time zones only with `std`.
const IN_CORE_AFTER_ALL: [(&str, &str); 3] =
    [("rand_core", "os_rng"), ("jiff", "std"), ("jiff-core", "std")];

/// The doors of the standard library to files, variables, clocks and other processes.
const NOT_IN_CORE_FROM_STD: [&str; 9] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "std::os",
    "std::io::std",
    "SystemTime::now",
    "Instant::now",
];

const WASM: &str = "wasm32-unknown-unknown";

/// Above this a file is worth a look; it is a note, not a rule.
const LONG_FILE: usize = 450;

type Check = fn() -> Result<()>;

/// Runs all checks, and then says which ones failed.
pub(crate) fn run() -> Result<()> {
    let checks: [(&str, Check); 9] = [
        ("format", format),
        ("clippy", clippy),
        ("dependencies", dependencies),
        ("boundaries", boundaries),
        ("other systems", targets::check),
        ("docs", docs),
        ("generated files", || generate::run(true)),
        ("generated files of deploy/", || deploy::generate(true)),
        ("long files", long_files),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        shell::step(name);
        if let Err(error) = check() {
            eprintln!("FAILED: {name}: {error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("check failed: {}", failed.join(", "));
    }
    println!("\nall checks passed");
    Ok(())
}

/// The fuzz targets, a workspace of their own. Building them, which `cargo xtask test` does, takes
/// warnings for errors.
const FUZZ: &str = "fuzz/Cargo.toml";

fn format() -> Result<()> {
    shell::run(&mut shell::cargo(["fmt", "--all", "--check"]))?;
    shell::run(&mut shell::cargo(["fmt", "--manifest-path", FUZZ, "--check"]))
}

fn clippy() -> Result<()> {
    let lint = ["clippy", "--workspace", "--all-targets", "-j2", "--", "-D", "warnings"];
    shell::run(&mut shell::cargo(lint))
}

fn dependencies() -> Result<()> {
    let deny = match tools::DENY.ready() {
        Ok(path) => path,
        Err(error) => return shell::missing::<()>(&error).map(drop),
    };
    let mut command = shell::command(&deny, ["--workspace", "--all-features", "check"]);
    shell::run(command.args(["--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    // The fuzz targets are never released; the same rules hold for them.
    let mut fuzz = shell::command(&deny, ["--manifest-path", FUZZ, "--config"]);
    fuzz.arg(paths::repository().join("deny.toml")).arg("check");
    shell::run(fuzz.args(["--hide-inclusion-graph", "bans", "licenses", "sources"]))
}

fn boundaries() -> Result<()> {
    let mut tree = shell::cargo(["tree", "-p", "sops-core", "-e", "normal,no-proc-macro"]);
    let tree = shell::output(tree.args(["--prefix", "none", "--format", "{p}|{f}"]))?;
    let found = trespassers(&tree);
    if !found.is_empty() {
        bail!("sops-core does no I/O, yet it reaches {}", found.join(", "));
    }
    let files = shell::output(&mut shell::command("git", ["ls-files", "crates/core/src/*.rs"]))?;
    for name in files.lines() {
        let text = fs::read_to_string(paths::repository().join(name)).unwrap_or_default();
        if let Some(line) = doors(&text).first() {
            bail!("sops-core does no I/O, yet {name}:{line} names a module of std that does");
        }
    }
    println!("sops-core reaches no runtime, network, cloud, file, clock or environment");
    if !targets::is_installed(WASM)? {
        println!("note: NOT CHECKED: sops-core for {WASM}; the target is not installed");
        return Ok(());
    }
    shell::run(&mut shell::cargo(["check", "-p", "sops-core", "--target", WASM, "-j2"]))
}

/// The lines of a source file, counted from one, that name what the core is given instead.
fn doors(text: &str) -> Vec<usize> {
    let lines = before_tests(text).enumerate();
    let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    let named = code.filter(|(_, line)| {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':'));
        words.any(|word| NOT_IN_CORE_FROM_STD.iter().any(|door| word.starts_with(door)))
    });
    named.map(|(at, _)| at + 1).collect()
}

/// The crates of a dependency tree that `sops-core` may not reach. A line of the tree is
/// `name version|feature,feature`.
fn trespassers(tree: &str) -> Vec<&str> {
    let mut found: Vec<&str> = tree
        .lines()
        .filter_map(|line| {
            let (package, features) = line.split_once('|')?;
            let name = package.split(' ').next()?;
            let excused = IN_CORE_AFTER_ALL.iter().any(|(krate, but)| {
                *krate == name && !features.split([',', ' ']).any(|feature| feature == *but)
            });
            let named = NOT_IN_CORE.iter().any(|start| is_or_begins(name, start));
            (named && !excused).then_some(name)
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// `tokio` covers `tokio-util` and not `tokiolike`; `aws-` covers all that begins so.
fn is_or_begins(name: &str, start: &str) -> bool {
    let Some(rest) = name.strip_prefix(start) else { return false };
    start.ends_with('-') || rest.is_empty() || rest.starts_with(['-', '_'])
}

fn docs() -> Result<()> {
    let mut doc =
        shell::cargo(["doc", "--workspace", "--no-deps", "--document-private-items", "-j2"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

fn long_files() -> Result<()> {
    let files = shell::output(&mut shell::command("git", ["ls-files", "*.rs"]))?;
    for name in files.lines() {
        let text = fs::read_to_string(paths::repository().join(name)).unwrap_or_default();
        let lines = before_tests(&text).count();
        if lines > LONG_FILE {
            println!("note: {name} has {lines} lines before its tests");
        }
    }
    Ok(())
}

/// The lines of a file above its tests.
fn before_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_of_crates_is_found_by_its_first_name() {
        let tree = "sops-core v0.1.0|\naes v0.9.0|\naws-lc-sys v0.3.0|\ntokio v1.48.0|rt\n\
                    tokio-util v0.7.0|\nrand_core v0.10.1|\nrand v0.10.0|\ntokiolike v1.0.0| (*)\n";
        assert_eq!(trespassers(tree), ["aws-lc-sys", "rand", "tokio", "tokio-util"]);
    }

    #[test]
    fn a_calendar_is_allowed_and_a_clock_is_not() {
        assert!(trespassers("jiff v1.0.1|alloc\n").is_empty());
        assert_eq!(trespassers("jiff v1.0.1|alloc,std\n"), ["jiff"]);
        assert_eq!(trespassers("rand_core v0.9.3|os_rng (*)\n"), ["rand_core"]);
    }

    #[test]
    fn a_door_of_std_is_found_in_code_and_not_in_comments_or_tests() {
        let text = "use std::fmt;\n// std::fs is for others\nlet x = std::fs::read(p);\n\
                    let y = (SystemTime::now)();\n#[cfg(test)]\nuse std::fs;\n";
        assert_eq!(doors(text), [3, 4]);
    }
}
