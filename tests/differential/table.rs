//! The table of cases, and the list of differences.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use sops_tests::paths;

use super::compare::Aspect;

/// What a command prints on standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    /// Data, which is the same byte for byte.
    Same,
    /// An encrypted file of this format.
    Sealed(String),
    /// JSON, which says the same.
    Json,
    /// Words for people.
    Any,
}

/// One command line with all it needs.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) files: Vec<(String, String)>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) input: String,
    pub(crate) line: String,
    pub(crate) out: Out,
}

fn folder() -> PathBuf {
    paths::in_tests("differential")
}

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
    paths.sort();
    paths.iter().flat_map(|path| read(&fs::read_to_string(path).unwrap())).collect()
}

fn read(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "case" {
            cases.push(Case {
                name: rest.to_owned(),
                files: Vec::new(),
                env: Vec::new(),
                input: String::new(),
                line: String::new(),
                out: Out::Same,
            });
            continue;
        }
        let case = cases.last_mut().unwrap_or_else(|| panic!("before the first case: {line}"));
        match word {
            "file" => case.files.push((rest.to_owned(), String::new())),
            "|" => {
                let (_, text) = case.files.last_mut().expect("a line belongs to a file");
                text.push_str(rest);
                text.push('\n');
            }
            "env" => {
                let (name, value) = rest.split_once('=').expect("NAME=value");
                case.env.push((name.to_owned(), value.to_owned()));
            }
            "in" => case.input = rest.replace("\\n", "\n"),
            "$" if case.line.is_empty() => case.line = rest.to_owned(),
            "$" => case.line = format!("{}\n{rest}", case.line),
            "out" => {
                case.out = match rest.split_once(' ') {
                    Some(("sealed", format)) => Out::Sealed(format.to_owned()),
                    None if rest == "json" => Out::Json,
                    None if rest == "any" => Out::Any,
                    _ => panic!("{}: out {rest}", case.name),
                }
            }
            _ => panic!("{}: {line}", case.name),
        }
    }
    for case in &cases {
        assert!(!case.line.is_empty(), "{} runs nothing", case.name);
    }
    cases
}

/// Which cases differ in what: the rows `| case | in | reason |`.
pub(crate) fn differences() -> BTreeMap<String, BTreeSet<Aspect>> {
    let text = fs::read_to_string(folder().join("differences.md")).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [names, aspects, reason] = cells[..] else { panic!("differences.md: {line}") };
        assert!(reason.len() > 10, "differences.md: a reason for {names}");
        let aspects: BTreeSet<Aspect> = aspects.split(", ").map(Aspect::of).collect();
        for name in names.split(' ') {
            let before = rows.insert(name.trim_matches('`').to_owned(), aspects.clone());
            assert!(before.is_none(), "differences.md: {name} has two rows");
        }
    }
    rows
}
