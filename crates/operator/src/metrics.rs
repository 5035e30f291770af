//! What can be counted and timed, in the text format that Prometheus reads.
//!
//! The first three names are those of the original, with its spelling (operator spec §6.3): they
//! stand in dashboards. Labels come from closed sets; names of objects are no labels.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

type Count = Counter<u64, AtomicU64>;
type Level = Gauge<i64, AtomicI64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconcile {
    result: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decrypt {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Recorded {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Watched {
    resource: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    name: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfController {
    controller: &'static str,
    result: &'static str,
}

/// All metrics.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    successes: Count,
    failures: Count,
    suspends: Count,
    reconciles: Family<Reconcile, Count>,
    runtime: Family<OfController, Count>,
    seconds: Histogram,
    decrypts: Family<Decrypt, Count>,
    kms: Histogram,
    objects: Family<State, Level>,
    age: Family<State, Level>,
    depth: Level,
    upstream_depth: Family<Named, Level>,
    cached: Level,
    connected: Family<Watched, Level>,
    leader: Family<Named, Level>,
    rollouts: Count,
    records: Family<Recorded, Count>,
}

/// What a pass came to, for counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    Success,
    Failure,
    Suspended,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let buckets = || [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
        let metrics = Self {
            registry: Mutex::default(),
            successes: Count::default(),
            failures: Count::default(),
            suspends: Count::default(),
            reconciles: Family::default(),
            runtime: Family::default(),
            seconds: Histogram::new(buckets()),
            decrypts: Family::default(),
            kms: Histogram::new(buckets()),
            objects: Family::default(),
            age: Family::default(),
            depth: Level::default(),
            upstream_depth: Family::default(),
            cached: Level::default(),
            connected: Family::default(),
            leader: Family::default(),
            rollouts: Count::default(),
            records: Family::default(),
        };
        *metrics.lock() = metrics.registered();
        metrics
    }

    fn registered(&self) -> Registry {
        let mut all = Registry::default();
        let original = "sopssecrets_reconcilation";
        all.register(
            format!("{original}_successes"),
            "Passes that ended Healthy",
            self.successes.clone(),
        );
        all.register(
            format!("{original}_failures"),
            "Passes that are tried again",
            self.failures.clone(),
        );
        all.register(
            format!("{original}_suspends"),
            "Passes stopped by spec.suspend",
            self.suspends.clone(),
        );
        all.register("controller_runtime_reconcile", "Passes by their end", self.runtime.clone());
        all.register(
            "controller_runtime_reconcile_time_seconds",
            "Time of a pass",
            self.seconds.clone(),
        );
        all.register(
            "workqueue_depth",
            "Objects that wait for a worker",
            self.upstream_depth.clone(),
        );
        all.register(
            "leader_election_master_status",
            "Whether this replica acts",
            self.leader.clone(),
        );
        all.register(
            "sops_operator_reconciles",
            "Passes by result and reason",
            self.reconciles.clone(),
        );
        all.register(
            "sops_operator_decrypts",
            "Keys that were tried, by kind and outcome",
            self.decrypts.clone(),
        );
        all.register(
            "sops_operator_kms_seconds",
            "Time of a call to a key service",
            self.kms.clone(),
        );
        all.register("sops_operator_objects", "SopsSecrets by state", self.objects.clone());
        all.register(
            "sops_operator_last_success_age_seconds",
            "Time since the last success of the object of a state for which it is longest ago",
            self.age.clone(),
        );
        all.register(
            "sops_operator_queue_depth",
            "Objects that wait for a worker",
            self.depth.clone(),
        );
        all.register(
            "sops_operator_cached_keys",
            "Wrapped keys that are remembered",
            self.cached.clone(),
        );
        all.register(
            "sops_operator_watch_connected",
            "Whether a watch is up to date",
            self.connected.clone(),
        );
        all.register(
            "sops_operator_rollouts",
            "Workloads that were rolled out",
            self.rollouts.clone(),
        );
        all.register(
            "sops_operator_audit_records",
            "Records of the audit log, by outcome; lost: could not be written",
            self.records.clone(),
        );
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        all.register("sops_operator_build", "The build", build);
        all
    }

    pub(crate) fn passed(&self, passed: Passed, reason: &'static str, took: Duration) {
        let (counter, result) = match passed {
            Passed::Success => (&self.successes, "success"),
            Passed::Failure => (&self.failures, "requeue_after"),
            Passed::Suspended => (&self.suspends, "success"),
        };
        counter.inc();
        let end = match passed {
            Passed::Success => "success",
            Passed::Failure => "failure",
            Passed::Suspended => "suspended",
        };
        self.reconciles.get_or_create(&Reconcile { result: end, reason }).inc();
        self.runtime.get_or_create(&OfController { controller: "sopssecret", result }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn decrypt(&self, kind: &'static str, outcome: &'static str) {
        self.decrypts.get_or_create(&Decrypt { kind, outcome }).inc();
    }

    pub(crate) fn kms(&self, took: Duration) {
        self.kms.observe(took.as_secs_f64());
    }

    pub(crate) fn recorded(&self, outcome: &'static str) {
        self.records.get_or_create(&Recorded { outcome }).inc();
    }

    pub(crate) fn rolled_out(&self) {
        self.rollouts.inc();
    }

    pub(crate) fn watch(&self, resource: &'static str, connected: bool) {
        self.connected.get_or_create(&Watched { resource }).set(connected.into());
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leader.get_or_create(&Named { name: crate::lease::NAME }).set(leads.into());
    }

    /// Objects and the longest time since a success, by state; and what waits.
    pub(crate) fn state(&self, states: &[(&'static str, i64, i64)], depth: usize, cached: usize) {
        self.objects.clear();
        self.age.clear();
        for (state, count, age) in states {
            self.objects.get_or_create(&State { state }).set(*count);
            self.age.get_or_create(&State { state }).set(*age);
        }
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.depth.set(number(depth));
        self.upstream_depth.get_or_create(&Named { name: "sopssecret" }).set(number(depth));
        self.cached.set(number(cached));
    }

    /// The page.
    pub(crate) fn page(&self) -> String {
        let mut page = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut page, &self.lock());
        page
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_of_the_original_are_there_before_anything_happened() {
        let page = Metrics::new().page();
        for name in ["successes", "failures", "suspends"] {
            let line = format!("sopssecrets_reconcilation_{name}_total 0\n");
            assert!(page.contains(&line), "{line} is not in\n{page}");
        }
    }

    /// Alerts and dashboard are made from that list.
    #[test]
    fn the_page_has_what_deploy_promises_and_nothing_of_ours_besides() {
        let promised = include_str!("../../../deploy/metrics.txt");
        let promised = promised.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let promised: Vec<Vec<&str>> = promised.map(|line| line.split(' ').collect()).collect();
        let page = full().page();
        for line in &promised {
            let [name, kind, labels @ ..] = line.as_slice() else { panic!("{line:?}") };
            // OpenMetrics names the family of a counter without its suffix, and has a type of its
            // own for what is always 1.
            let (family, of_kind) = match *kind {
                "counter" => (name.strip_suffix("_total").expect("a counter"), "counter"),
                "gauge" if name.ends_with("_info") => (name.trim_end_matches("_info"), "info"),
                kind => (*name, kind),
            };
            let said = format!("# TYPE {family} {of_kind}\n");
            assert!(page.contains(&said), "{said} is not in\n{page}");
            let first = if *kind == "histogram" {
                "_bucket{"
            } else if labels.is_empty() {
                " "
            } else {
                "{"
            };
            let series = format!("{name}{first}");
            let sample = page.lines().find(|line| line.starts_with(&series));
            let sample = sample.unwrap_or_else(|| panic!("no sample {series} in\n{page}"));
            for label in labels {
                let label = label.split('=').next().expect("a label");
                assert!(sample.contains(&format!("{label}=\"")), "{label} is not in {sample}");
            }
        }
        for family in page.lines().filter_map(|line| line.strip_prefix("# TYPE sops_operator")) {
            let family = family.split(' ').next().expect("a name");
            let known = promised.iter().any(|line| {
                let name = line[0].trim_end_matches("_total").trim_end_matches("_info");
                name.strip_prefix("sops_operator") == Some(family)
            });
            assert!(known, "sops_operator{family} is not in deploy/metrics.txt");
        }
    }

    /// One sample of each at least.
    fn full() -> Metrics {
        let metrics = Metrics::new();
        metrics.passed(Passed::Success, "Synced", Duration::ZERO);
        metrics.decrypt("age", "opened");
        metrics.kms(Duration::ZERO);
        metrics.rolled_out();
        metrics.recorded("lost");
        metrics.watch("secrets", true);
        metrics.leads(true);
        metrics.state(&[("ready", 1, 0)], 0, 0);
        metrics
    }
}
