//! What a process costs, as Linux tells it (proc(5)).

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use sops_cluster::Operator;

/// A process that used less than this in a [`CALM`] is idle.
const NOTHING: Duration = Duration::from_millis(4);
/// How long it has to be so.
const CALM: Duration = Duration::from_millis(800);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(4);

/// Memory in MB (10⁶ bytes).
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Memory {
    /// Resident, with the pages of the program itself.
    pub(crate) resident: f64,
    /// Of that, what it asked for.
    pub(crate) anonymous: f64,
    /// The most it ever was.
    pub(crate) peak: f64,
}

pub(crate) fn memory(operator: &Operator) -> Memory {
    let text = read(operator, "status");
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.trim_matches([':', '\t', ' ']).split(' ').next());
        number.and_then(|number| number.parse().ok()).map_or(f64::NAN, |kb: f64| kb * 1024.0 / 1e6)
    };
    Memory { resident: field("VmRSS"), anonymous: field("RssAnon"), peak: field("VmHWM") }
}

/// Processor time so far, of all threads that live.
pub(crate) fn processor(operator: &Operator) -> Duration {
    let pid = operator.pid().as_raw_nonzero();
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let times = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(times.sum())
}

/// Processor time so far of this program.
pub(crate) fn own() -> Duration {
    ticks(&fs::read_to_string("/proc/self/stat").expect("this process runs"))
}

/// The same of all programs that were started with this folder in their arguments: those of a
/// control plane.
pub(crate) fn of_folder(folder: &Path) -> Duration {
    let folder = folder.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let inside = processes.filter_map(|process| {
        let words = fs::read(process.path().join("cmdline")).ok()?;
        let ours = words.windows(folder.len()).any(|part| part == folder);
        let stat = fs::read_to_string(process.path().join("stat")).ok().filter(|_| ours)?;
        Some(ticks(&stat))
    });
    inside.sum()
}

/// User and system time of a process, which Linux counts in hundredths of a second.
fn ticks(stat: &str) -> Duration {
    // The name of the program may hold blanks, and ends with the last parenthesis.
    let fields = stat.rsplit(')').next().unwrap_or_default().split(' ');
    let ticks: u64 = fields.skip(12).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Waits until the operator does nothing any more; gives the moment of the last thing it did.
pub(crate) async fn idle(operator: &Operator) -> Instant {
    let (mut used, mut since) = (processor(operator), Instant::now());
    loop {
        tokio::time::sleep(LOOK).await;
        let now = processor(operator);
        if now.saturating_sub(used) > NOTHING {
            (used, since) = (now, Instant::now());
        } else if since.elapsed() > CALM {
            return since;
        }
    }
}

fn read(operator: &Operator, file: &str) -> String {
    let pid = operator.pid().as_raw_nonzero();
    fs::read_to_string(format!("/proc/{pid}/{file}")).expect("the operator runs")
}
