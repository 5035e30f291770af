//! Every value of chart 0.28 (operator spec §9.1) is taken and does what it did.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::render::{Objects, Renderer, chart};
use crate::rows::Effect::{self, Absent, Container, Flag, Has, NoFlag, Pod, Refused, Variable};
use crate::rows::{Row, rows};

/// The keys of operator spec §9.1.
const KEYS: &str = "
    replicaCount namespaced image.repository image.tag image.pullPolicy initImage.repository initImage.tag
    initImage.pullPolicy imagePullSecrets nameOverride fullnameOverride namespaceOverride podAnnotations
    podLabels serviceAccount.enabled serviceAccount.name serviceAccount.annotations requeueAfter
    defaultEnforceOwnership kubeconfig.enabled kubeconfig.path logging.development logging.encoder
    logging.level logging.stacktraceLevel logging.timeEncoding healthProbes.port
    healthProbes.liveness.initialDelaySeconds healthProbes.liveness.periodSeconds
    healthProbes.readiness.initialDelaySeconds healthProbes.readiness.periodSeconds gpg.enabled gpg.secret1
    gpg.secret2 gcp.enabled gcp.svcAccSecret gcp.svcAccSecretCustomName gcp.existingSecretName azure.enabled
    azure.tenantId azure.clientId azure.clientSecret azure.existingSecretName extraEnv secretsAsEnvVars
    secretsAsFiles resources nodeSelector tolerations affinity securityContext.enabled
    securityContext.runAsUser securityContext.runAsGroup securityContext.fsGroup securityContext.runAsNonRoot
    securityContext.seccompProfileType securityContext.seccompProfileName
    securityContext.customPodSecurityContext securityContext.container.enabled
    securityContext.container.capabilities.drop securityContext.container.capabilities.add
    securityContext.container.customContainerSecurityContext rbac.enabled metrics.enabled
    metrics.additionalLabels";

#[test]
fn every_value_of_the_chart_before_does_what_it_did() {
    let Some(renderer) = Renderer::needed() else { return };
    let rows = rows();
    let tested: BTreeSet<&str> = rows.iter().flat_map(|row| row.0.iter().copied()).collect();
    let untested: Vec<_> = KEYS.split_whitespace().filter(|key| !tested.contains(key)).collect();
    assert!(untested.is_empty(), "{untested:?}");
    rows.into_iter().for_each(|row| hold(&renderer, row));
}

fn hold(renderer: &Renderer, Row(_, values, effects): Row) {
    let rendered = renderer.try_render(values);
    for effect in effects {
        match (&rendered, effect) {
            (Err(message), Refused(text)) => assert!(message.contains(text), "{values}: {message}"),
            (Ok(objects), effect) => check(values, objects, effect),
            (Err(message), _) => panic!("{values}: {message}"),
        }
    }
}

fn check(values: &str, objects: &Objects, effect: Effect) {
    let at = |object: &Value, place: &str| object.pointer(place).cloned().unwrap_or(Value::Null);
    match effect {
        Has(kind, place, expected) => {
            let found: Vec<_> = objects.of(kind).into_iter().map(|one| at(one, place)).collect();
            assert!(found.contains(&expected), "{values}: {kind} {place}: {found:?}");
        }
        Pod(place, expected) => assert_eq!(at(objects.pod(), place), expected, "{values}: {place}"),
        Container(place, expected) => {
            assert_eq!(at(objects.container(), place), expected, "{values}: {place}");
        }
        Flag(word) => {
            assert!(objects.arguments().contains(&word), "{values}: {:?}", objects.arguments())
        }
        NoFlag(start) => {
            let words = objects.arguments();
            assert!(!words.iter().any(|word| word.starts_with(start)), "{values}: {words:?}");
        }
        Variable(expected) => {
            assert_eq!(*objects.variable(expected["name"].as_str().unwrap()), expected, "{values}");
        }
        Absent(kind) => assert!(objects.of(kind).is_empty(), "{values}: there is a {kind}"),
        Refused(text) => panic!("{values} was not refused: {text}"),
    }
}

/// What the old chart did without values, apart from what its README says is different now.
#[test]
fn without_values_the_command_line_is_that_of_the_chart_before() {
    let Some(renderer) = Renderer::needed() else { return };
    let objects = renderer.render("{}");
    let container = objects.container();
    assert_eq!(container["command"], json!(["/usr/local/bin/manager"]));
    assert_eq!(
        objects.arguments(),
        [
            "-leader-elect",
            "-metrics-bind-address=:8080",
            "-health-probe-bind-address=:8081",
            "-requeue-decrypt-after=5",
            "-zap-devel=false",
            "-zap-encoder=json",
            "-zap-log-level=info",
            "-zap-stacktrace-level=error",
            "-zap-time-encoding=iso8601",
        ]
    );
    assert_eq!(objects.one("Deployment")["spec"]["replicas"], 1);
    assert_eq!(container["imagePullPolicy"], "Always");
    assert_eq!(objects.variable("POD_NAME")["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name");
    for kind in ["Secret", "ServiceMonitor", "PrometheusRule", "ConfigMap"] {
        assert!(objects.of(kind).is_empty(), "{kind}");
    }
}

/// People copy the values file of a chart and change some: the whole of 0.28's is taken.
#[test]
fn the_defaults_of_the_chart_before_are_values_like_any_other() {
    let Some(renderer) = Renderer::needed() else { return };
    let objects = renderer.render(BEFORE);
    assert_eq!(objects.pod()["securityContext"], Value::Null);
    assert_eq!(objects.container()["securityContext"], Value::Null);
    assert_eq!(objects.container()["image"], "registry.example.com/original:0.21.1");
    let plain = renderer.render("{}");
    assert_eq!(objects.arguments(), plain.arguments());
    assert_eq!(objects.pod()["initContainers"], Value::Null);
}

/// The defaults of operator spec §9.1, with images of nobody.
const BEFORE: &str = "
replicaCount: 1
namespaced: false
image: {repository: registry.example.com/original, tag: '0.21.1', pullPolicy: Always}
initImage: {repository: registry.example.com/base, tag: '26.04', pullPolicy: Always}
imagePullSecrets: []
nameOverride: ''
fullnameOverride: ''
namespaceOverride: ''
podAnnotations: {}
podLabels: {}
serviceAccount: {enabled: true, name: '', annotations: {}}
requeueAfter: 5
defaultEnforceOwnership: false
kubeconfig: {enabled: false, path: null}
logging: {development: false, encoder: json, level: info, stacktraceLevel: error, timeEncoding: iso8601}
healthProbes:
  port: 8081
  liveness: {initialDelaySeconds: 15, periodSeconds: 20}
  readiness: {initialDelaySeconds: 5, periodSeconds: 10}
gpg: {enabled: false, secret1: gpg1, secret2: gpg2}
gcp: {enabled: false, svcAccSecret: '', svcAccSecretCustomName: '', existingSecretName: ''}
azure: {enabled: false, tenantId: '', clientId: '', clientSecret: '', existingSecretName: ''}
extraEnv: []
secretsAsEnvVars: []
secretsAsFiles: []
resources: {}
nodeSelector: {}
tolerations: []
affinity: {}
securityContext:
  enabled: false
  runAsUser: 13001
  runAsGroup: 13001
  fsGroup: 13001
  runAsNonRoot: true
  seccompProfileType: RuntimeDefault
  seccompProfileName: ''
  customPodSecurityContext: {}
  container:
    enabled: false
    capabilities: {drop: [all], add: [NET_BIND_SERVICE]}
    customContainerSecurityContext: {}
rbac: {enabled: true}
metrics: {enabled: false, additionalLabels: {}}
";

/// Values that only this chart has.
#[test]
fn values_of_ours_do_what_they_say() {
    let Some(renderer) = Renderer::needed() else { return };
    let rows = [
        Row(&[], "selector: 'a=b,c!=d'", vec![Flag("-selector=a=b,c!=d")]),
        Row(&[], "requireVerified: true", vec![Flag("-require-verified=true")]),
        Row(&[], "mode: shadow", vec![Flag("-mode=shadow"), NoFlag("-leader-elect")]),
        Row(
            &[],
            "rolloutRestarts: {enabled: true, perMinute: 3}",
            vec![Flag("-rollout-restarts=true"), Flag("-rollouts-per-minute=3")],
        ),
        Row(
            &[],
            "auditLog: {required: true}",
            vec![NoFlag("-audit-log"), NoFlag("-audit-required")],
        ),
        Row(
            &[],
            "auditLog: {enabled: true}",
            vec![Flag("-audit-log=-"), NoFlag("-audit-required")],
        ),
        Row(
            &[],
            "auditLog: {enabled: true, required: true, volume: {emptyDir: {}}}",
            vec![
                Flag("-audit-log=/var/log/sops-operator/audit.jsonl"),
                Flag("-audit-required=true"),
            ],
        ),
        Row(
            &[],
            "watchNamespaces: [shop, finance]",
            vec![Flag("-watch-namespace=finance,shop"), Absent("ClusterRole")],
        ),
        Row(
            &[],
            "watchNamespaces: [shop, tools]\nnamespaced: true",
            vec![Flag("-watch-namespace=shop,tools")],
        ),
        Row(
            &[],
            "maxDeletes: 0\nworkers: 8\nkmsCallsPerSecond: 5\nextraArgs: ['-zap-devel']",
            vec![
                Flag("-max-deletes=0"),
                Flag("-workers=8"),
                Flag("-kms-calls-per-second=5"),
                Flag("-zap-devel"),
            ],
        ),
        Row(
            &[],
            "image: {digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000000'}",
            vec![Container(
                "/image",
                json!(
                    "registry.example.com/sops-rs/sops-operator@sha256:\
                       0000000000000000000000000000000000000000000000000000000000000000"
                ),
            )],
        ),
        Row(
            &[],
            "priorityClassName: system-cluster-critical\ntopologySpreadConstraints: []",
            vec![
                Pod("/priorityClassName", json!("system-cluster-critical")),
                Pod("/topologySpreadConstraints", Value::Null),
            ],
        ),
        Row(
            &[],
            "podDisruptionBudget: {minAvailable: 0}",
            vec![
                Has("PodDisruptionBudget", "/spec/minAvailable", json!(0)),
                Has("PodDisruptionBudget", "/spec/maxUnavailable", Value::Null),
            ],
        ),
        Row(&[], "podDisruptionBudget: {enabled: false}", vec![Absent("PodDisruptionBudget")]),
        Row(&[], "networkPolicy: {enabled: false}", vec![Absent("NetworkPolicy")]),
        Row(
            &[],
            "kubeconfig: {enabled: true, path: /k}",
            vec![Pod("/automountServiceAccountToken", json!(false))],
        ),
        Row(&[], "metrics: {service: {enabled: false}}", vec![Absent("Service")]),
        Row(
            &[],
            "metrics: {enabled: true, service: {enabled: false}}",
            vec![Refused("metrics.service.enabled must not be false")],
        ),
    ];
    rows.into_iter().for_each(|row| hold(&renderer, row));
}

#[test]
fn a_value_that_does_not_exist_is_refused() {
    let Some(renderer) = Renderer::needed() else { return };
    for (values, named) in [
        ("replicacount: 2", "replicacount"),
        ("gpg: {enable: true}", "enable"),
        ("metrics: {service: {enable: true}}", "enable"),
        ("networkPolicy: {egress: {apiServer: {cidr: []}}}", "cidr"),
        ("extraEnv: [{name: A, valuefrom: {}}]", "valuefrom"),
        ("mode: dry-run", "mode"),
        ("namespaced: 'yes'", "namespaced"),
        ("networkPolicy: {egress: {apiServer: {cidrs: [10.0.0.1]}}}", "cidrs"),
    ] {
        let message = renderer.try_render(values).expect_err(values);
        assert!(message.contains(named), "{values}: {message}");
    }
}

/// A table of all values stands in the README, and the schema knows each.
#[test]
fn values_schema_and_readme_name_the_same_keys() {
    let Some(renderer) = Renderer::needed() else { return };
    let values = renderer.referee.file(&chart().join("values.yaml")).remove(0);
    let schema = std::fs::read(chart().join("values.schema.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let mut unknown = Vec::new();
    leaves(&values, &schema, &schema, "", &mut unknown);
    assert!(unknown.is_empty(), "not in the schema: {unknown:?}");
    let readme = std::fs::read_to_string(chart().join("README.md")).unwrap();
    let table = readme.split("\n## Values\n").nth(1).unwrap();
    for key in values.as_object().unwrap().keys() {
        let named = |end: &str| table.contains(&format!("`{key}{end}"));
        assert!(named("`") || named("."), "the README does not name {key}");
    }
}

/// Puts the places of `values` that `schema` does not list into `unknown`.
fn leaves(values: &Value, schema: &Value, top: &Value, at: &str, unknown: &mut Vec<String>) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => top.pointer(reference.trim_start_matches('#')).unwrap(),
        _ => schema,
    };
    let (Some(values), Some(known)) = (values.as_object(), schema["properties"].as_object()) else {
        return;
    };
    for (key, value) in values {
        let at = format!("{at}.{key}");
        match known.get(key) {
            Some(schema) => leaves(value, schema, top, &at, unknown),
            _ => unknown.push(at),
        }
    }
}
