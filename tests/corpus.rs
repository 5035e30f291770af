//! The corpus: files that Go sops encrypted, for keys of every kind, in every format, under every
//! rule. Ours opens each with no more keys than it takes, and sets, edits, unsets, rotates and
//! updates the keys; Go sops opens the results, checks their MAC, and finds the same data.
//!
//! Setups of keys × rules are a full product; documents go round over them, so that each document also meets
//! each key and each rule. Keys of Azure, Google Cloud and Huawei Cloud are at doubles, all others
//! at real servers and programs. A part of the files is made and opened by key services alone, Go's
//! and ours.
//!
//! | variable | meaning |
//! |---|---|
//! | `SOPS_CORPUS_SEED` | other generated documents |
//! | `SOPS_CORPUS_ONLY` | only the file with this number |
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "interop/case.rs"]
#[allow(dead_code, reason = "made for interop.rs")]
mod case;
#[path = "interop/classes.rs"]
#[allow(dead_code, reason = "made for interop.rs")]
mod classes;
#[path = "interop/data.rs"]
#[allow(dead_code, reason = "made for interop.rs")]
mod data;
#[path = "corpus/documents.rs"]
mod documents;
#[path = "corpus/expected.rs"]
mod expected;
#[path = "interop/flat.rs"]
mod flat;
#[path = "corpus/journey.rs"]
mod journey;
#[path = "interop/json.rs"]
mod json;
#[path = "corpus/keys.rs"]
mod keys;
#[path = "interop/rng.rs"]
mod rng;
#[path = "interop/rules.rs"]
#[allow(dead_code, reason = "made for interop.rs")]
mod rules;
#[path = "corpus/setups.rs"]
mod setups;
#[path = "interop/tool.rs"]
#[allow(dead_code, reason = "made for interop.rs")]
mod tool;
#[path = "interop/words.rs"]
mod words;
#[path = "interop/yaml/mod.rs"]
mod yaml;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use journey::{Count, Equipment, Plan, Way};
use keys::{Keys, Variables};
use rules::{Rule, SELECTORS};
use setups::Setup;
use sops_tests::need;
use sops_tests::rig::servers::{End, Server, lasting_port};
use sops_tests::run::Run;
use sops_tests::scratch::Scratch;

/// Generated documents are the same ones every time.
const SEED: u64 = 11;
/// Processes are what takes time, and each waits for a server now and then.
const WORKERS: usize = 2;
/// Further failures are named only.
const SHOWN: usize = 6;

#[test]
fn what_go_sops_encrypted_goes_through_all_changes_with_azure_google_and_huawei_at_doubles() {
    let Some(go) = need::peer() else { return };
    let (seed, only) = (number("SOPS_CORPUS_SEED").unwrap_or(SEED), number("SOPS_CORPUS_ONLY"));
    let started = Instant::now();
    let keys = Keys::new();
    let setups = setups::all(&keys);
    let folder = Scratch::new();
    let everything = keys.environment();
    let services = [("Go", Some(go.as_path())), ("ours", None)]
        .map(|(name, peer)| Service::start(name, peer, &everything, &folder));
    let equipment = Equipment { go: &go, keys: &keys, everything };

    let mut plans = plans(seed, &setups, &services);
    if let Some(only) = only {
        plans.retain(|plan| plan.number as u64 == only);
    }
    let ready = started.elapsed();
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = journey::make(plan, &equipment);
                    results.lock().unwrap().insert(plan.number, result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    let mut total = Count::default();
    for count in results.values().flatten() {
        total.go += count.go;
        total.ours += count.ours;
    }
    let failures: Vec<&String> =
        results.values().filter_map(|result| result.as_ref().err()).collect();
    say(&format!(
        "corpus: {} files, {} keys in {} setups; {} calls of Go sops, {} of ours; {:.0} s after {:.0} s; \
         {} failures",
        plans.len(),
        keys.all.len(),
        setups.len(),
        total.go,
        total.ours,
        (started.elapsed() - ready).as_secs_f32(),
        ready.as_secs_f32(),
        failures.len(),
    ));
    let heads = failures.iter().filter_map(|failure| failure.lines().next());
    let heads: Vec<&str> = heads.collect();
    let shown: Vec<&str> = failures.iter().take(SHOWN).map(|failure| failure.as_str()).collect();
    assert!(failures.is_empty(), "{}\n\n{}", heads.join("\n"), shown.join("\n\n"));
}

/// All files: setups × rules, with the documents going round.
fn plans<'a>(seed: u64, setups: &'a [Setup], services: &'a [Service; 2]) -> Vec<Plan<'a>> {
    let rules: Vec<Rule> = SELECTORS
        .into_iter()
        .flat_map(|selector| [false, true].map(|mac_only| Rule::of_one(selector, mac_only)))
        .collect();
    // Each setup and each rule meets each document in one round.
    assert!(rules.len() >= documents::COUNT && setups.len() >= documents::COUNT);
    let mut plans = Vec::new();
    for (at, setup) in setups.iter().enumerate() {
        for (of_rule, rule) in rules.iter().enumerate() {
            let number = plans.len();
            let document = (at + of_rule) % documents::COUNT;
            // A service that uses the keys does not answer what the newest version of one is.
            let way = match (at + of_rule / 2) % 4 {
                _ if setup.asks_first => Way::Directly,
                0 => Way::Go(&services[0].address),
                1 => Way::Ours(&services[1].address),
                _ => Way::Directly,
            };
            let others = setups.iter().cycle().skip(at + 1 + of_rule);
            let fits = |other: &&Setup| match way {
                Way::Directly => other.name != setup.name,
                Way::Go(_) | Way::Ours(_) => other.name != setup.name && !other.asks_first,
            };
            plans.push(Plan {
                number,
                document: documents::document(seed, document, number, rule),
                setup,
                other: others.into_iter().find(fits).expect("there are several"),
                way,
            });
        }
    }
    plans
}

/// A key service with all keys.
struct Service {
    address: String,
    _server: Server,
}

impl Service {
    /// Go's, or ours.
    fn start(name: &str, peer: Option<&Path>, keys: &Variables, folder: &Scratch) -> Self {
        let port = lasting_port().unwrap();
        let address = format!("127.0.0.1:{port}");
        let arguments = ["keyservice", "--network", "tcp", "--address", &address];
        let run = match peer {
            Some(peer) => Run::peer(peer, arguments),
            None => Run::sops_rs(arguments),
        };
        let run = run.within(folder.path()).env("HOME", folder.path());
        let command = run.envs(keys.iter().map(|(name, value)| (name, value))).command();
        let log = folder.at(format!("{name}.log"));
        let ready = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        let server = Server::start("a key service", command, End::Gently, &log, ready);
        Self { address: format!("tcp://{address}"), _server: server.unwrap() }
    }
}

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

/// Says something past the harness, which keeps what a test that passes prints.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
