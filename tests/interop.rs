//! sops-rs beside the Go program: generated documents are encrypted, opened and changed by both,
//! in both directions, and say the same to both. Each program checks the MAC of the other.
//!
//! The seed of a run is printed. These variables change a run:
//!
//! | variable | meaning |
//! |---|---|
//! | `SOPS_INTEROP_SEED` | other documents than those of the fixed seeds; `fresh` takes the time |
//! | `SOPS_INTEROP_COUNT` | how many documents of each seed; 500 in all unless set |
//! | `SOPS_INTEROP_ONLY` | only the document with this number |
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "interop/case.rs"]
mod case;
#[path = "interop/check.rs"]
mod check;
#[path = "interop/classes.rs"]
mod classes;
#[path = "interop/data.rs"]
mod data;
#[path = "interop/flat.rs"]
mod flat;
#[path = "interop/json.rs"]
mod json;
#[path = "interop/operations.rs"]
mod operations;
#[path = "interop/rng.rs"]
mod rng;
#[path = "interop/rules.rs"]
mod rules;
#[path = "interop/tool.rs"]
mod tool;
#[path = "interop/words.rs"]
mod words;
#[path = "interop/yaml/mod.rs"]
mod yaml;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use case::Case;
use rules::Keys;
use sops_tests::need;

/// The documents of a run that names no other seed, [`EACH`] of each: the same ones every time, so
/// that a failure belongs to the change that brought it. Fresh seeds are for campaigns.
const SEEDS: [u64; 5] = [201, 202, 203, 301, 302];
const EACH: usize = 100;

/// How many documents a single seed gives.
const COUNT: usize = 500;

/// Processes are what takes time, and each waits for the disk now and then.
const WORKERS: usize = 2;

/// Further failures are counted only.
const SHOWN: usize = 8;

#[test]
fn both_programs_say_the_same_of_generated_documents() {
    let Some(go) = need::peer() else { return };
    let (seeds, each) = match std::env::var("SOPS_INTEROP_SEED").ok().as_deref() {
        None => (SEEDS.to_vec(), EACH),
        Some("fresh") => (vec![of_now()], COUNT),
        Some(_) => (number("SOPS_INTEROP_SEED").into_iter().collect(), COUNT),
    };
    let each = number("SOPS_INTEROP_COUNT").map_or(each, |count| count as usize);
    let only = number("SOPS_INTEROP_ONLY").map(|only| only as usize);
    let range = only.map_or(0..each, |only| only..only + 1);
    let all: Vec<(u64, usize)> =
        seeds.iter().flat_map(|seed| range.clone().map(|number| (*seed, number))).collect();
    for seed in &seeds {
        say(&format!("interop: SOPS_INTEROP_SEED={seed}, {} documents", range.len()));
    }

    let (keys, started) = (Keys::new(), Instant::now());
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let classes = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS.min(all.len()) {
            scope.spawn(|| {
                loop {
                    let next = next.fetch_add(1, Ordering::Relaxed);
                    let Some((seed, number)) = all.get(next).copied() else { return };
                    let case = Case::generate(seed, number);
                    for class in classes::of(&case) {
                        *classes.lock().unwrap().entry(class).or_insert(0) += 1;
                    }
                    for failure in check::case(&case, &keys, &go) {
                        failures.lock().unwrap().push((case.clone(), failure));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort_by_key(|(case, _)| (case.seed, case.number));
    let took = started.elapsed().as_secs();
    say(&format!("interop: {} documents in {took} s, {} failures", all.len(), failures.len()));
    let classes: BTreeMap<classes::Class, usize> = classes.into_inner().unwrap();
    say(&format!("interop: of these, that the reference cannot read back: {classes:?}"));
    assert!(failures.is_empty(), "{}", report(&failures));
}

fn report(failures: &[(Case, check::Failure)]) -> String {
    let mut text = String::new();
    for (case, failure) in failures {
        writeln!(text, "{}/{} ({}): {}", case.seed, case.number, case.format.name(), failure.check)
            .unwrap();
    }
    for (case, failure) in failures.iter().take(SHOWN) {
        let plain = String::from_utf8_lossy(&case.text.bytes);
        write!(
            text,
            "\n==== {} ({}, SOPS_INTEROP_SEED={} SOPS_INTEROP_ONLY={})\n{:?}\n--- plain\n{plain}\n--- {}",
            failure.check, case.format.name(), case.seed, case.number, case.rule, failure.finding,
        )
        .unwrap();
    }
    text
}

/// A seed that nobody has seen before.
fn of_now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

/// Says something past the harness, which keeps what a test that passes prints.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
