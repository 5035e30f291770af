//! One case, run by both programs, and in what they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use sops_tests::run::{Outcome, Run};
use sops_tests::scratch::{Scratch, files_below};

use super::fixtures::{Fixtures, R1, R2, R3, Tool};
use super::table::{Case, Out};

/// In what the programs can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Aspect {
    Status,
    Stdout,
    /// The line that tells a failure.
    Stderr,
    Files,
}

impl Aspect {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "status" => Self::Status,
            "stdout" => Self::Stdout,
            "stderr" => Self::Stderr,
            "files" => Self::Files,
            _ => panic!("differences.md: no aspect is called {name}"),
        }
    }
}

/// How reports begin.
const REPORTS: [&str; 2] = ["Failed to get the data key", "Error getting data key"];

/// Both runs.
pub(crate) struct Pair {
    out: Out,
    pub(crate) go: Outcome,
    pub(crate) ours: Outcome,
    go_folder: Scratch,
    our_folder: Scratch,
}

impl Pair {
    pub(crate) fn run(case: &Case, fixtures: &Fixtures) -> Self {
        let one = |tool| {
            let scratch = fixtures.stage(case, tool);
            let outcome = run(case, &scratch);
            (outcome, scratch)
        };
        let (go, go_folder) = one(Tool::Go);
        let (ours, our_folder) = one(Tool::Ours);
        Self { out: case.out.clone(), go, ours, go_folder, our_folder }
    }

    /// In what they differ, with a few words on each.
    pub(crate) fn differences(&self, fixtures: &Fixtures) -> BTreeMap<Aspect, String> {
        let mut found = BTreeMap::new();
        if self.go.code() != self.ours.code() {
            let (go, ours) = (self.go.status, self.ours.status);
            found.insert(Aspect::Status, format!("{go}, and {ours}"));
        }
        found.extend(self.stdout(fixtures).map(|what| (Aspect::Stdout, what)));
        found.extend(self.stderr().map(|what| (Aspect::Stderr, what)));
        found.extend(self.files(fixtures).map(|what| (Aspect::Files, what)));
        found
    }

    fn stdout(&self, fixtures: &Fixtures) -> Option<String> {
        let go = known(&self.go.out(), &self.go_folder);
        let ours = known(&self.ours.out(), &self.our_folder);
        // The help page that follows a malformed flag.
        let help = ["Incorrect Usage", "Cannot use two forms", "NAME:"]
            .iter()
            .any(|word| go.starts_with(word));
        let go = if help && !self.go.status.success() { String::new() } else { go };
        match &self.out {
            Out::Any => (go.is_empty() != ours.is_empty()).then(|| "one is empty".to_owned()),
            _ if go == ours => None,
            Out::Same => Some(first_difference(&go, &ours)),
            Out::Json => {
                let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
                (read(&go) != read(&ours)).then(|| first_difference(&go, &ours))
            }
            Out::Sealed(format) => {
                let name = format!("printed.{}", ending(format));
                let scratch = Scratch::new();
                let go = scratch.write(format!("go/{name}"), &self.go.stdout);
                let ours = scratch.write(format!("ours/{name}"), &self.ours.stdout);
                sealed(&go, &ours, fixtures)
            }
        }
    }

    /// What tells a failure. Warnings and logs of a success are not compared.
    fn stderr(&self) -> Option<String> {
        if self.go.status.success() || self.ours.status.success() {
            return None;
        }
        let go = lines(&known(&self.go.err(), &self.go_folder));
        let ours = lines(&known(&self.ours.err(), &self.our_folder));
        // The report on the data key differs line by line, but for its heading.
        let heading = |lines: &[String]| -> Vec<String> {
            let is_report = |line: &String| REPORTS.iter().any(|start| line.starts_with(start));
            let end = lines.iter().position(is_report).map_or(lines.len(), |at| at + 1);
            lines[..end].to_vec()
        };
        let (go, ours) = (heading(&go), heading(&ours));
        (go != ours).then(|| format!("{go:?}, and {ours:?}"))
    }

    fn files(&self, fixtures: &Fixtures) -> Option<String> {
        let names = |scratch: &Scratch| -> BTreeSet<String> {
            let work = scratch.at("work");
            let files = files_below(&work);
            files
                .iter()
                .map(|path| path.strip_prefix(&work).unwrap().display().to_string())
                .collect()
        };
        let (go, ours) = (names(&self.go_folder), names(&self.our_folder));
        if go != ours {
            let all: Vec<_> = go.symmetric_difference(&ours).collect();
            return Some(format!("only one has {all:?}"));
        }
        go.iter().find_map(|name| {
            let path = |scratch: &Scratch| scratch.at("work").join(name);
            let (go, ours) = (path(&self.go_folder), path(&self.our_folder));
            let (a, b) = (fs::read(&go).unwrap(), fs::read(&ours).unwrap());
            if a == b {
                return None;
            }
            sealed(&go, &ours, fixtures).map(|what| format!("{name}: {what}"))
        })
    }
}

fn run(case: &Case, scratch: &Scratch) -> Outcome {
    let path = std::env::var("PATH").unwrap_or_default();
    let line = format!("umask 022\n{}", case.line);
    let mut run = Run::program("/bin/sh", ["-c", &line])
        .env("PATH", format!("{}:{path}", scratch.at("bin").display()))
        .env("HOME", scratch.at("home"))
        .env("TMPDIR", scratch.at("tmp"))
        .env("SOPS_DISABLE_VERSION_CHECK", "1")
        // Nobody is there to close a real one.
        .env("EDITOR", scratch.at("work/ed-none"))
        .env("SOPS_AGE_KEY_FILE", scratch.at("work/keys.txt"))
        .env("R1", R1)
        .env("R2", R2)
        .env("R3", R3)
        .within(scratch.at("work"))
        .input(case.input.as_str())
        .deadline(Duration::from_secs(60));
    for (name, value) in &case.env {
        let value = value.replace("[WORK]", &scratch.at("work").display().to_string());
        run = match value.as_str() {
            "[UNSET]" => run.without_env(name),
            _ => run.env(name, value),
        };
    }
    run.run()
}

/// Whether two encrypted files say the same: to both programs, as text and as JSON, with the same
/// keys and the same rule. Files that are not encrypted differ by their bytes.
fn sealed(go: &Path, ours: &Path, fixtures: &Fixtures) -> Option<String> {
    let (theirs, own) = (about(go, fixtures), about(ours, fixtures));
    if theirs != own {
        return Some(format!("{theirs}, and {own}"));
    }
    if theirs["encrypted"] != true {
        return Some(first_difference(&text(go), &text(ours)));
    }
    let format = theirs["format"].as_str().unwrap_or_default();
    for tool in [Tool::Go, Tool::Ours] {
        let words: &[&str] = match format {
            "binary" => &[],
            format => &["--input-type", format, "--output-type", "json"],
        };
        let open = |path: &Path| {
            Run::program(fixtures.program(tool), ["decrypt"])
                .args(words)
                .arg(path)
                .env("SOPS_AGE_KEY_FILE", super::fixtures::identities())
                .run()
        };
        let (a, b) = (open(go), open(ours));
        if !a.status.success() || !b.status.success() {
            // What nobody here can open cannot be compared; what one opens the other must too.
            if a.code() != b.code() {
                return Some(format!("{tool:?} opens only one: {a}{b}"));
            }
            continue;
        }
        let (a, b) = match format {
            "binary" => (a.out(), b.out()),
            _ => (compact(&a.out()), compact(&b.out())),
        };
        if a != b {
            return Some(format!("{tool:?} reads: {}", first_difference(&a, &b)));
        }
    }
    None
}

/// JSON without blanks and line ends between its parts: the programs lay it out differently.
fn compact(json: &str) -> String {
    let (mut text, mut in_string, mut escaped) = (String::new(), false, false);
    for char in json.chars() {
        if in_string || !char.is_whitespace() {
            text.push(char);
        }
        in_string = (char == '"' && !escaped) != in_string;
        escaped = char == '\\' && !escaped;
    }
    text
}

/// What a file says of itself, without what is new in each run. A name without an ending is tried
/// as YAML too.
fn about(path: &Path, fixtures: &Fixtures) -> serde_json::Value {
    let ask = |words: &[&str]| {
        let run = Run::program(fixtures.program(Tool::Ours), ["filestatus", "--json"]).args(words);
        let answer = serde_json::from_str(&run.arg(path).run().out());
        answer.unwrap_or(serde_json::Value::Null)
    };
    let mut answer = ask(&[]);
    if answer["encrypted"] != true && path.extension().is_none() {
        answer = ask(&["--input-type", "yaml"]);
    }
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("lastmodified");
        answer.remove("version");
    }
    answer
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

fn ending(format: &str) -> &str {
    match format {
        "dotenv" => "env",
        "binary" => "bin",
        format => format,
    }
}

/// A text without what differs from folder to folder.
fn known(text: &str, scratch: &Scratch) -> String {
    let mut text = text.replace(&scratch.path().display().to_string(), "[SCRATCH]");
    // Private folders, up to the file in them.
    for start in ["/dev/shm/sops-rs-edit-", "[SCRATCH]/tmp/sops-rs-edit-", "[SCRATCH]/tmp/.sops"] {
        while let Some(at) = text.find(start) {
            let rest = &text[at + start.len()..];
            let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
            text.replace_range(at..at + start.len() + end, "[PRIVATE]");
        }
    }
    text
}

/// Lines of standard error as they would be without a logger.
fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .filter(|line| !line.contains("level=warning") && !line.starts_with("warning: "))
        // The question, which is on standard output there.
        .filter(|line| !line.ends_with("(y/n):"))
        .map(|line| {
            let logged = ["level=fatal msg=", "level=error msg="];
            let logged = logged.iter().find_map(|level| line.split_once(level));
            let line = match logged {
                Some((_, message)) => unquoted(message),
                None => line.to_owned(),
            };
            let line = without_time(&line);
            line.strip_prefix("Incorrect Usage: ").unwrap_or(line).to_owned()
        })
        .collect()
}

/// A line of Go's own logger without the time that begins it.
fn without_time(line: &str) -> &str {
    let is_time = line.get(..20).is_some_and(|time| {
        time.char_indices().all(|(at, c)| match at {
            4 | 7 => c == '/',
            10 | 19 => c == ' ',
            13 | 16 => c == ':',
            _ => c.is_ascii_digit(),
        })
    });
    if is_time { &line[20..] } else { line }
}

/// The text of a field of a log record, which is in quotes if it has blanks.
fn unquoted(field: &str) -> String {
    let Some(rest) = field.strip_prefix('"') else {
        return field.split(' ').next().unwrap_or_default().to_owned();
    };
    let (mut text, mut chars) = (String::new(), rest.chars());
    while let Some(char) = chars.next() {
        match char {
            '"' => break,
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => break,
            },
            char => text.push(char),
        }
    }
    text
}

fn first_difference(go: &str, ours: &str) -> String {
    let lines = go.lines().zip(ours.lines()).enumerate();
    for (number, (a, b)) in lines {
        if a != b {
            return format!("line {}: {a:?}, and {b:?}", number + 1);
        }
    }
    format!("{} bytes, and {}", go.len(), ours.len())
}
