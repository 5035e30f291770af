//! Alerts and dashboard ask for metrics that the operator has, by labels that these have, in
//! expressions that Prometheus takes. `deploy/metrics.txt` is what the operator promises.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::render::{Referee, Renderer, deploy, texts};

/// Labels of every series, from the scrape.
const OF_THE_SCRAPE: [&str; 3] = ["namespace", "job", "pod"];

#[derive(Debug, Default)]
struct Metric {
    kind: String,
    /// The labels, each with the values that may be asked for; empty if any may.
    labels: BTreeMap<String, BTreeSet<String>>,
}

fn promised() -> BTreeMap<String, Metric> {
    let text = fs::read_to_string(deploy("metrics.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut all = BTreeMap::new();
    for line in lines {
        let mut words = line.split(' ');
        let (name, kind) = (words.next().unwrap(), words.next().unwrap());
        assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
        let labels = words.map(|word| {
            let (label, values) = word.split_once('=').unwrap_or((word, ""));
            let values = values.split('|').filter(|value| !value.is_empty()).map(str::to_owned);
            (label.to_owned(), values.collect())
        });
        let metric = Metric { kind: kind.to_owned(), labels: labels.collect() };
        assert!(all.insert(name.to_owned(), metric).is_none(), "{name} twice");
    }
    all
}

/// The metric that a series belongs to, and the labels of the series.
fn metric_of<'a>(
    promised: &'a BTreeMap<String, Metric>,
    series: &str,
) -> Option<(&'a String, &'a Metric)> {
    let exact = promised.get_key_value(series).filter(|(_, metric)| metric.kind != "histogram");
    exact.or_else(|| {
        let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| series.strip_suffix(end))?;
        promised.get_key_value(name).filter(|(_, metric)| metric.kind == "histogram")
    })
}

/// Holds the queries against the list and gives the metrics they use.
fn check(referee: &Referee, expressions: &[String]) -> BTreeSet<String> {
    let promised = promised();
    let mut used = BTreeSet::new();
    let answers = referee.queries(expressions);
    assert_eq!(answers.len(), expressions.len());
    for (text, selected) in expressions.iter().zip(answers) {
        for one in selected.as_array().unwrap() {
            let series = one["metric"].as_str().unwrap();
            let Some((name, metric)) = metric_of(&promised, series) else {
                panic!("{text}: no metric {series}");
            };
            used.insert(name.clone());
            let known = |label: &str| {
                OF_THE_SCRAPE.contains(&label)
                    || metric.labels.contains_key(label)
                    || (label == "le" && series.ends_with("_bucket"))
            };
            for label in texts(&one["labels"]) {
                assert!(known(label), "{text}: {series} has no label {label}");
            }
            for matcher in one["matchers"].as_array().unwrap() {
                let (label, value) =
                    (matcher["label"].as_str().unwrap(), matcher["value"].as_str().unwrap());
                assert!(known(label), "{text}: {series} has no label {label}");
                let Some(values) = metric.labels.get(label) else { continue };
                for value in value.split('|') {
                    assert!(values.contains(value), "{text}: {label}={value} is not promised");
                }
            }
        }
    }
    used
}

fn rules(referee: &Referee) -> Vec<Value> {
    let file = referee.file(&deploy("prometheus/rules.yaml")).remove(0);
    let groups = file["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

#[test]
fn alerts_ask_for_metrics_that_exist() {
    let Some(referee) = Referee::needed() else { return };
    let rules = rules(&referee);
    let expressions: Vec<_> =
        rules.iter().map(|rule| rule["expr"].as_str().unwrap().to_owned()).collect();
    check(&referee, &expressions);
    let mut names = BTreeSet::new();
    for (rule, selected) in rules.iter().zip(referee.queries(&expressions)) {
        let name = rule["alert"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} twice");
        assert!(["warning", "critical"].contains(&rule["labels"]["severity"].as_str().unwrap()));
        for text in ["summary", "description"] {
            let text = rule["annotations"][text].as_str().unwrap();
            // What a message names has to survive the expression.
            for label in text.split("$labels.").skip(1) {
                let end = label.find(|c: char| !c.is_alphanumeric() && c != '_');
                let label = &label[..end.unwrap_or(label.len())];
                assert!(texts(&selected[0]["labels"]).contains(&label), "{name}: {label} is lost");
            }
        }
    }
    let wanted = [
        "SopsSecretNotReady",
        "SopsDecryptErrors",
        "SopsIntegrityLost",
        "SopsSecretStale",
        "SopsOperatorWatchDisconnected",
        "SopsOperatorNoLeader",
        "SopsKmsSlow",
    ];
    assert!(wanted.iter().all(|name| names.contains(*name)), "{names:?}");
}

#[test]
fn the_dashboard_shows_every_metric() {
    let Some(referee) = Referee::needed() else { return };
    let dashboard = fs::read(deploy("grafana/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_slice(&dashboard).unwrap();
    let mut expressions = Vec::new();
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["title"]);
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{}", panel["title"]);
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "{} covers another panel", panel["title"]);
            }
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        for target in panel["targets"].as_array().unwrap() {
            let text = target["expr"].as_str().unwrap();
            // What Grafana puts in the place of its variables.
            expressions.push(
                text.replace("$__rate_interval", "5m")
                    .replace("$namespace", ".*")
                    .replace("$job", ".*"),
            );
        }
    }
    assert!(expressions.iter().all(|text| !text.contains('$')), "{expressions:?}");
    let used = check(&referee, &expressions);
    let all: BTreeSet<_> = promised().into_keys().collect();
    assert_eq!(used, all);
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        let query = variable["definition"].as_str().unwrap_or_default();
        assert!(query.is_empty() || query.contains("sops_operator_build_info"), "{query}");
    }
}

/// Operator spec §6.3, misspelling and all.
#[test]
fn the_counters_of_the_original_are_promised() {
    let promised = promised();
    for name in ["successes", "failures", "suspends"] {
        let metric = &promised[&format!("sopssecrets_reconcilation_{name}_total")];
        assert_eq!(metric.kind, "counter");
        assert!(metric.labels.is_empty());
    }
}

#[test]
fn the_chart_carries_the_same_alerts_and_dashboard() {
    let Some(renderer) = Renderer::needed() else { return };
    let objects = renderer.render(
        "prometheusRules: {enabled: true, additionalLabels: {release: p}}\n\
                         grafanaDashboard: {enabled: true}",
    );
    let rule = objects.one("PrometheusRule");
    assert_eq!(rule["metadata"]["labels"]["release"], "p");
    let file = renderer.referee.file(&deploy("prometheus/rules.yaml")).remove(0);
    assert_eq!(rule["spec"], file);
    let map = objects.one("ConfigMap");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let dashboard = fs::read_to_string(deploy("grafana/dashboard.json")).unwrap();
    let carried = map["data"]["sops-operator.json"].as_str().unwrap();
    assert_eq!(carried.trim_end(), dashboard.trim_end());
}

#[test]
fn the_operator_of_prometheus_takes_what_the_chart_makes() {
    let Some(renderer) = Renderer::needed() else { return };
    let values = "prometheusRules: {enabled: true}\nmetrics: {enabled: true, interval: 30s}";
    let mut kinds = renderer.referee.kinds(&renderer.render(values).0);
    kinds.sort();
    let version = "monitoring.coreos.com/v1";
    assert_eq!(kinds, [format!("{version} PrometheusRule"), format!("{version} ServiceMonitor")]);
}
