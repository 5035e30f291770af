//! What is measured.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sops_tests::scratch::Scratch;

use super::measure::{Cost, Job, Sample, measure};
use super::{Programs, inputs};
use crate::shell;

/// A key that was made for these measurements and protects nothing.
const RECIPIENT: &str = "age1z3rnsunsh9cmsw2flfzqv0wxnexelrfyg3rke3c98fnpxf7lfvsquqgl9x";
const IDENTITY: &str = "AGE-SECRET-KEY-16QYN9RRN97WQ2SE9EW9DSXWT6NXR9F82HLCW90C2GW8LJ56V4LQQKC9K8V";
/// The key that `updatekeys` adds; nobody needs its other half.
const ADDED: &str = "age1yt3tfqlfrwdwx0z0ynwplcr6qxcxfaqycuprpmy89nr83ltx74tqdpszlw";

/// One line of the table: a case, and what it cost each program that can do it.
#[derive(Debug, serde::Serialize)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) ours: Option<Cost>,
    pub(super) go: Option<Cost>,
    pub(super) rops: Option<Cost>,
}

/// One of the programs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Ours,
    Go,
    Rops,
}

const ALL: [Who; 3] = [Who::Ours, Who::Go, Who::Rops];

/// Measures all cases; `quick` leaves out what takes a peer more than ten seconds a run.
pub(super) fn run_all(programs: &Programs, quick: bool) -> Result<Vec<Row>> {
    let bench = Bench { programs, folder: Scratch::new() };
    let mut rows = vec![bench.start()];
    rows.extend(bench.both_ways("10", "yaml", &inputs::grouped("yaml", 10), 100, &ALL)?);
    rows.extend(bench.exec_env()?);
    let large = inputs::grouped("yaml", 100_000);
    rows.extend(bench.both_ways("grouped 100k", "yaml", &large, 5, &ALL)?);
    let flat = inputs::flat_yaml(100_000);
    // Go takes half a minute each way.
    let flat_for: &[Who] = if quick { &[Who::Ours, Who::Rops] } else { &ALL };
    rows.extend(bench.both_ways("flat 100k", "yaml", &flat, 5, flat_for)?);
    for format in ["yaml", "json", "dotenv", "ini"] {
        for (name, values) in [("10k", 10_000), ("100k", 100_000)] {
            let text = inputs::grouped(format, values);
            let extension = if format == "dotenv" { "env" } else { format };
            let id = format!("{format} {name}");
            rows.extend(bench.both_ways(&id, extension, &text, 7, &[Who::Ours])?);
        }
    }
    for files in [10, 100, 300] {
        rows.push(bench.update_keys(files)?);
    }
    Ok(rows)
}

struct Bench<'a> {
    programs: &'a Programs,
    folder: Scratch,
}

impl Bench<'_> {
    fn start(&self) -> Row {
        self.row("start", &ALL, 200, |who| {
            // rops has no version to tell.
            let flag = if who == Who::Rops { "--help" } else { "--version" };
            self.job(who, vec![flag.into()])
        })
    }

    /// Encrypts a document and decrypts the result: two rows. Each program decrypts what it
    /// encrypted itself, since rops reads no other.
    fn both_ways(
        &self,
        name: &str,
        extension: &str,
        text: &str,
        runs: usize,
        who: &[Who],
    ) -> Result<[Row; 2]> {
        let plain = self.folder.write(format!("plain.{extension}"), text);
        let sealed = |who| self.folder.at(format!("sealed-{}.{extension}", label(who)));
        let encrypt = |who| self.file_job(who, &["encrypt", "--age", RECIPIENT], &plain);
        let decrypt = |who| self.file_job(who, &["decrypt"], &sealed(who));
        // What does not come back as it was has not been measured, however fast it was.
        let mut able = Vec::new();
        for who in who.iter().copied() {
            let (Some(encrypt), Some(decrypt)) = (encrypt(who), decrypt(who)) else { continue };
            if save_output(&encrypt, self.folder.path(), &sealed(who))? {
                let opened = self.folder.at("opened");
                if save_output(&decrypt, self.folder.path(), &opened)?
                    && same_values(&opened, text)?
                {
                    able.push(who);
                    continue;
                }
            }
            println!("not measured: {} does not bring back {name}", label(who));
        }
        Ok([
            self.row(&format!("encrypt {name}"), &able, runs, encrypt),
            self.row(&format!("decrypt {name}"), &able, runs, decrypt),
        ])
    }

    /// A command with ten variables, and the same command alone.
    fn exec_env(&self) -> Result<[Row; 2]> {
        let plain = self.folder.write("plain.env", inputs::grouped("dotenv", 10));
        let sealed = self.folder.at("sealed.env");
        let encrypt = self.file_job(Who::Ours, &["encrypt", "--age", RECIPIENT], &plain);
        if let Some(encrypt) = encrypt {
            save_output(&encrypt, self.folder.path(), &sealed)?;
        }
        let line = "exit 0";
        let run = |who| {
            let words = ["exec-env".to_owned(), sealed.display().to_string(), line.to_owned()];
            self.job(who, words.to_vec())
        };
        let alone = |who| {
            let arguments = vec!["-c".to_owned(), line.to_owned()];
            Some(Job { program: "/bin/sh".into(), arguments, ..run(who)? })
        };
        Ok([
            self.row("exec-env 10", &[Who::Ours, Who::Go], 200, run),
            self.row("the command alone", &[Who::Ours], 200, alone),
        ])
    }

    /// Adds a recipient to many files. Each run needs files that do not have it yet.
    fn update_keys(&self, files: usize) -> Result<Row> {
        let id = format!("updatekeys {files} files");
        announce(&id);
        let mut row = Row { id, ours: None, go: None, rops: None };
        let config = format!("creation_rules:\n  - age: {RECIPIENT},{ADDED}\n");
        self.folder.write("many/.sops.yaml", config);
        let one = self.folder.write("one.yaml", inputs::grouped("yaml", 10));
        let folder = self.folder.at("many");
        for who in [Who::Ours, Who::Go] {
            let encrypt = self.file_job(who, &["encrypt", "--age", RECIPIENT], &one);
            let Some(job) = encrypt else { continue };
            let sealed = self.folder.at("one-sealed.yaml");
            if !save_output(&job, self.folder.path(), &sealed)? {
                continue;
            }
            let names: Vec<String> = (0..files).map(|at| format!("{at:03}.yaml")).collect();
            let arguments = ["updatekeys", "-y"].map(str::to_owned).into_iter();
            let Some(job) = self.job(who, arguments.chain(names.iter().cloned()).collect()) else {
                continue;
            };
            let mut samples = Vec::new();
            for _ in 0..3 {
                for name in &names {
                    fs::copy(&sealed, folder.join(name))?;
                }
                samples.extend(try_to_measure(&job, &folder, 1));
            }
            let last = folder.join(&names[names.len() - 1]);
            if !fs::read_to_string(last)?.contains(ADDED) {
                println!("not measured: {} added nothing", label(who));
                continue;
            }
            *row.cost(who) = Cost::of(&samples);
        }
        Ok(row)
    }

    /// Measures one command with several programs, a few runs of each in turn, so that a busy
    /// moment of the machine meets all of them.
    fn row(&self, id: &str, who: &[Who], runs: usize, job: impl Fn(Who) -> Option<Job>) -> Row {
        announce(id);
        let mut row = Row { id: id.into(), ours: None, go: None, rops: None };
        let rounds = runs.min(5);
        let mut jobs: Vec<(Who, Job, usize, Vec<Sample>)> = Vec::new();
        for who in who.iter().copied() {
            let Some(job) = job(who) else { continue };
            // The first run fills caches, and says whether there is time for more.
            let Some(first) = Cost::of(&try_to_measure(&job, self.folder.path(), 1)) else {
                continue;
            };
            let each = if first.wall_ms > 10_000.0 { 0 } else { runs / rounds };
            jobs.push((who, job, each, Vec::new()));
            if each == 0 {
                *row.cost(who) = Some(first);
            }
        }
        for _ in 0..rounds {
            for (_, job, each, samples) in &mut jobs {
                samples.extend(try_to_measure(job, self.folder.path(), *each));
            }
        }
        for (who, _, each, samples) in jobs {
            if each > 0 {
                *row.cost(who) = Cost::of(&samples);
            }
        }
        row
    }

    fn job(&self, who: Who, arguments: Vec<String>) -> Option<Job> {
        let (program, environment) = match who {
            Who::Ours => (Some(&self.programs.ours), vec![("SOPS_AGE_KEY", IDENTITY.into())]),
            Who::Go => (
                self.programs.go.as_ref(),
                vec![("SOPS_AGE_KEY", IDENTITY.into()), ("SOPS_DISABLE_VERSION_CHECK", "1".into())],
            ),
            Who::Rops => (self.programs.rops.as_ref(), vec![("ROPS_AGE", IDENTITY.into())]),
        };
        let input = PathBuf::from("/dev/null");
        Some(Job { program: program?.clone(), arguments, input, environment })
    }

    /// A job on one file, which rops takes only on standard input when that is no terminal.
    fn file_job(&self, who: Who, arguments: &[&str], file: &Path) -> Option<Job> {
        let mut arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        if who != Who::Rops {
            arguments.push(file.display().to_string());
            return self.job(who, arguments);
        }
        arguments.extend(["--format".into(), file.extension()?.to_string_lossy().into_owned()]);
        Some(Job { input: file.to_owned(), ..self.job(who, arguments)? })
    }
}

impl Row {
    fn cost(&mut self, who: Who) -> &mut Option<Cost> {
        match who {
            Who::Ours => &mut self.ours,
            Who::Go => &mut self.go,
            Who::Rops => &mut self.rops,
        }
    }
}

fn label(who: Who) -> &'static str {
    match who {
        Who::Ours => "ours",
        Who::Go => "go",
        Who::Rops => "rops",
    }
}

fn announce(id: &str) {
    shell::step(&format!("measuring {id}"));
}

/// A command that fails leaves a hole in the table, and its reason above it.
fn try_to_measure(job: &Job, folder: &Path, runs: usize) -> Vec<Sample> {
    measure(job, folder, runs).unwrap_or_else(|error| {
        println!("not measured: {error:#}");
        Vec::new()
    })
}

/// Runs a job once and keeps its standard output; `false` when it failed or said nothing.
fn save_output(job: &Job, folder: &Path, target: &Path) -> Result<bool> {
    let mut command = shell::command(&job.program, &job.arguments);
    command
        .stdin(File::open(&job.input)?)
        .current_dir(folder)
        .envs(job.environment.iter().map(|(name, value)| (name, value)));
    let output = command.output().with_context(|| format!("start {}", job.program.display()))?;
    fs::write(target, &output.stdout)?;
    Ok(output.status.success() && !output.stdout.is_empty())
}

/// Whether a decrypted file holds what was encrypted, apart from spaces and quotes, which the peers
/// set as they like.
fn same_values(opened: &Path, plain: &str) -> Result<bool> {
    let bare = |text: &str| -> String {
        text.chars().filter(|each| !each.is_whitespace() && *each != '"').collect()
    };
    Ok(bare(&fs::read_to_string(opened)?) == bare(plain))
}
