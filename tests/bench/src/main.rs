//! Loads a real Kubernetes API server and measures the operator against it.
//!
//! `cargo xtask bench --operator` builds and starts this, and makes a table of what it reports:
//! `xtask` itself has no client of Kubernetes. It stands on what the tests of the operator stand
//! on: a control plane of its own, the operator as a process with a ServiceAccount's rights, the
//! audit log that counts calls.
//!
//! ```text
//! operator-bench REPORT OPERATOR OBJECTS FOREIGN CHANGES RUNS
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "this program talks to the person who started it, and ends when something is not as it should be"
)]

mod api;
mod cases;
mod double;
mod objects;
mod process;

use std::path::PathBuf;

/// How much is measured.
#[derive(Clone, Copy, Debug, serde::Serialize)]
struct Size {
    /// SopsSecrets, in a hundredth as many namespaces.
    objects: usize,
    /// Secrets beside them that are none of our business.
    foreign: usize,
    /// Single changes.
    changes: usize,
    /// Restarts, and whatever else takes seconds.
    runs: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [report, operator, numbers @ ..] = arguments.as_slice() else {
        panic!("REPORT and OPERATOR are missing")
    };
    let numbers: Vec<usize> =
        numbers.iter().map(|number| number.parse().expect("a number")).collect();
    let [objects, foreign, changes, runs] = numbers[..] else { panic!("four numbers are missing") };
    let size = Size { objects, foreign, changes, runs };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let figures =
        runtime.expect("a runtime").block_on(cases::measure(&PathBuf::from(operator), size));
    let text = serde_json::json!({"size": size, "figures": figures}).to_string();
    std::fs::write(report, text).expect("the report can be written");
}
