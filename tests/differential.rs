//! Every command and flag beside the Go program: a table of command lines, each run by both in equal
//! folders. Both have to end with the same status, print the same data, tell the same error in one
//! line, and leave files that say the same to both.
//!
//! The table is `tests/differential/*.txt`:
//!
//! ```text
//! case name                   names are unique
//! file name                   a file, whose lines follow
//! | text
//! env NAME=value              a variable
//! in text\n                   standard input
//! $ line                      for a shell; `sops` is the program under test, `$R1` to `$R3` recipients
//! out sealed yaml             what is printed is an encrypted file of this format
//! out json                    what is printed is JSON
//! out any                     what is printed is for people
//! ```
//!
//! Each case finds the files of [`fixtures`] in its folder. Where the two differ on purpose, a row of
//! `tests/differential/differences.md` names the case, in what they differ, and why; a row that does
//! not hold any more fails as well. `SOPS_DIFFERENTIAL_ONLY=word` runs the cases whose names have
//! that word.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "differential/compare.rs"]
mod compare;
#[path = "differential/fixtures.rs"]
mod fixtures;
#[path = "differential/table.rs"]
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use compare::{Aspect, Pair};
use fixtures::Fixtures;
use sops_tests::run::Run;
use sops_tests::{need, paths};
use table::Case;

/// Two, since each waits for processes most of the time.
const WORKERS: usize = 2;
/// Further failures are named only.
const SHOWN: usize = 12;

#[test]
fn every_command_does_what_sops_does() {
    let Some(go) = need::peer() else { return };
    let only = std::env::var("SOPS_DIFFERENTIAL_ONLY").ok();
    let mut cases = table::cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    let expected = table::differences();
    for name in expected.keys() {
        assert!(names.contains(name.as_str()), "differences.md: there is no case {name}");
    }
    if let Some(only) = &only {
        cases.retain(|case| case.name.contains(only.as_str()));
    }
    assert!(!cases.is_empty(), "there are no cases");

    let fixtures = Fixtures::make(&go);
    let next = AtomicUsize::new(0);
    let findings = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let pair = Pair::run(case, &fixtures);
                    let differ = pair.differences(&fixtures);
                    findings.lock().unwrap().insert(case.name.clone(), (pair, differ));
                }
            });
        }
    });
    let findings = findings.into_inner().unwrap();
    let none = BTreeSet::new();
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            let (pair, differ) = &findings[&case.name];
            let found: BTreeSet<Aspect> = differ.keys().copied().collect();
            let listed = expected.get(&case.name).unwrap_or(&none);
            (found != *listed).then_some((case, pair, differ, listed))
        })
        .collect();
    let listed = expected.len();
    let _ = writeln!(
        std::io::stderr(),
        "differential: {} cases, {} as Go sops, {listed} listed as different",
        cases.len(),
        cases.len() - findings.values().filter(|(_, differ)| !differ.is_empty()).count()
    );
    let mut report = String::new();
    for (case, _, differ, listed) in &wrong {
        let found: Vec<_> = differ.keys().collect();
        writeln!(report, "{}: found {found:?}, listed {listed:?}", case.name).unwrap();
    }
    for (case, pair, differ, _) in wrong.iter().take(SHOWN) {
        write!(report, "\n==== {}\n{}\n", case.name, describe(case, pair, differ)).unwrap();
    }
    assert!(wrong.is_empty(), "{} cases\n{report}", wrong.len());
}

fn describe(case: &Case, pair: &Pair, differ: &BTreeMap<Aspect, String>) -> String {
    let mut text = format!("$ {}\n", case.line);
    for (aspect, what) in differ {
        writeln!(text, "--- {aspect:?}: {what}").unwrap();
    }
    write!(text, "--- Go: {}--- sops-rs: {}", pair.go, pair.ours).unwrap();
    text
}

/// Flags for services that are tested against their doubles elsewhere, and network for the version.
const ELSEWHERE: [&str; 9] = [
    "kms",
    "gcp-kms",
    "hckms",
    "azure-kv",
    "hc-vault-transit",
    "pgp",
    "aws-profile",
    "keyservice",
    "check-for-updates",
];

/// Each flag that the help of the Go program shows for a command is used in a case of that command.
#[test]
fn the_table_has_every_flag_of_sops() {
    let Some(go) = need::peer() else { return };
    let cases = table::cases();
    let mut missing = Vec::new();
    let mut flags = 0;
    for command in [
        "",
        "encrypt",
        "decrypt",
        "edit",
        "set",
        "unset",
        "rotate",
        "updatekeys",
        "groups add",
        "groups delete",
        "exec-env",
        "exec-file",
        "filestatus",
        "publish",
    ] {
        let words = command.split_whitespace().chain(["--help"]);
        let help = Run::peer(&go, words).run().success().out();
        for line in help.lines() {
            let Some(rest) = line.strip_prefix("   --") else { continue };
            let name = rest.split([' ', ',']).next().unwrap_or_default();
            let short = rest.split(", -").nth(1).and_then(|rest| rest.split(' ').next());
            let plain = name.trim_start_matches("add-").trim_start_matches("rm-");
            if ELSEWHERE.contains(&plain) {
                continue;
            }
            flags += 1;
            let is_used = |line: &str| {
                let words: Vec<&str> = line.split([' ', '=', ';']).collect();
                let long = words.contains(&format!("--{name}").as_str());
                long || short.is_some_and(|short| words.contains(&format!("-{short}").as_str()))
            };
            let of_command = |line: &str| line.contains(&format!("{command} "));
            if !cases.iter().any(|case| of_command(&case.line) && is_used(&case.line)) {
                missing.push(format!("{command} --{name}"));
            }
        }
    }
    assert!(flags > 80, "the help of the Go program shows {flags} flags");
    assert!(missing.is_empty(), "no case has {missing:?}");
}

/// What the page on the hurts of SOPS names as proof is there.
#[test]
fn the_page_of_hurts_names_what_exists() {
    let page = paths::repository().join("docs/where-sops-hurts.md");
    let page = std::fs::read_to_string(page).unwrap();
    let cases: BTreeSet<String> = table::cases().into_iter().map(|case| case.name).collect();
    let mut numbers = Vec::new();
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let Some(number) = cells.first().and_then(|cell| cell.parse::<usize>().ok()) else {
            continue;
        };
        numbers.push(number);
        let [_, _, became, shown] = cells[..] else { panic!("{row}") };
        let proven = became.contains("fixed") || became.contains("Fixed");
        assert!(!proven || !shown.is_empty(), "no proof for {number}");
        // Every second part stands between the marks of code.
        for word in shown.split('`').skip(1).step_by(2) {
            let (file, name) = word.split_once(": ").unwrap_or((word, ""));
            if !file.contains('/') {
                assert!(cases.contains(file), "{number}: there is no case {file}");
                continue;
            }
            let text = std::fs::read_to_string(paths::repository().join(file));
            let text = text.unwrap_or_else(|error| panic!("{number}: {file}: {error}"));
            let is_there = name.is_empty() || text.contains(&format!("fn {name}("));
            assert!(is_there, "{number}: {file} has no {name}");
        }
    }
    assert_eq!(numbers, (1..=58).collect::<Vec<_>>());
}
