//! Every value of chart 0.28 (operator spec §9.1) is taken and does what it did.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::render::{Objects, Renderer, chart};

/// What a value has to bring about.
enum Effect {
    /// An object of this kind has this at this place.
    Has(&'static str, &'static str, Value),
    /// The pod has this at this place below its `spec`.
    Pod(&'static str, Value),
    /// The container has this at this place.
    Container(&'static str, Value),
    /// The command line has this word.
    Flag(&'static str),
    /// No word of the command line begins so.
    NoFlag(&'static str),
    /// The container has this variable, written as in a manifest.
    Variable(Value),
    /// There is no such object.
    Absent(&'static str),
    /// The chart is refused with a message that has this text.
    Refused(&'static str),
}
use Effect::{Absent, Container, Flag, Has, NoFlag, Pod, Refused, Variable};

/// The keys a row is about, values that set them, and what comes of it.
struct Row(&'static [&'static str], &'static str, Vec<Effect>);

fn secret(name: &str, secret: &str, key: &str) -> Effect {
    Variable(json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}))
}

fn rows() -> Vec<Row> {
    let mut rows = of_the_release();
    rows.extend(of_the_command_line());
    rows.extend(of_credentials());
    rows.extend(of_the_pod());
    rows
}

fn of_the_release() -> Vec<Row> {
    vec![
        Row(
            &["replicaCount"],
            "replicaCount: 3",
            vec![Has("Deployment", "/spec/replicas", json!(3))],
        ),
        Row(
            &["namespaced"],
            "namespaced: true",
            vec![
                Flag("-watch-namespace=tools"),
                Absent("ClusterRole"),
                Absent("ClusterRoleBinding"),
                Has("Role", "/metadata/namespace", json!("tools")),
            ],
        ),
        Row(
            &["nameOverride"],
            "nameOverride: vault",
            vec![
                Has("Deployment", "/metadata/name", json!("ops-vault")),
                Has(
                    "Deployment",
                    "/spec/selector/matchLabels",
                    json!({"app.kubernetes.io/name": "vault", "app.kubernetes.io/instance": "ops"}),
                ),
            ],
        ),
        Row(
            &["fullnameOverride"],
            "fullnameOverride: keeper",
            vec![
                Has("Deployment", "/metadata/name", json!("keeper")),
                Has("ClusterRole", "/metadata/name", json!("keeper")),
            ],
        ),
        Row(
            &["namespaceOverride"],
            "namespaced: true\nnamespaceOverride: elsewhere",
            vec![
                Has("Deployment", "/metadata/namespace", json!("elsewhere")),
                Has("ServiceAccount", "/metadata/namespace", json!("elsewhere")),
                Has("RoleBinding", "/subjects/0/namespace", json!("elsewhere")),
                // Not so in 0.28, which then watched the wrong namespace.
                Flag("-watch-namespace=elsewhere"),
            ],
        ),
        Row(
            &["serviceAccount.enabled", "serviceAccount.name"],
            "serviceAccount: {enabled: false, name: theirs}",
            vec![
                Absent("ServiceAccount"),
                Pod("/serviceAccountName", json!("theirs")),
                Has("ClusterRoleBinding", "/subjects/0/name", json!("theirs")),
            ],
        ),
        Row(
            &[],
            "serviceAccount: {enabled: false}",
            vec![Refused("serviceAccount.name must be set")],
        ),
        Row(
            &["serviceAccount.annotations"],
            "serviceAccount: {annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::111122223333:role/r'}}",
            vec![Has(
                "ServiceAccount",
                "/metadata/annotations/eks.amazonaws.com~1role-arn",
                json!("arn:aws:iam::111122223333:role/r"),
            )],
        ),
        Row(
            &["rbac.enabled"],
            "rbac: {enabled: false}",
            vec![
                Absent("ClusterRole"),
                Absent("ClusterRoleBinding"),
                Absent("Role"),
                Absent("RoleBinding"),
                Absent("ServiceAccount"),
            ],
        ),
        Row(
            &["metrics.enabled", "metrics.additionalLabels"],
            "metrics: {enabled: true, additionalLabels: {release: prometheus}}",
            vec![
                Has(
                    "ServiceMonitor",
                    "/metadata/name",
                    json!("ops-sops-secrets-operator-metrics-monitor"),
                ),
                Has("ServiceMonitor", "/metadata/labels/release", json!("prometheus")),
                Has("ServiceMonitor", "/spec/endpoints/0/path", json!("/metrics")),
            ],
        ),
    ]
}

fn of_the_command_line() -> Vec<Row> {
    vec![
        Row(&["requeueAfter"], "requeueAfter: 60", vec![Flag("-requeue-decrypt-after=60")]),
        Row(
            &["defaultEnforceOwnership"],
            "defaultEnforceOwnership: true",
            vec![Flag("-default-enforce-ownership=true")],
        ),
        Row(
            &["kubeconfig.enabled", "kubeconfig.path"],
            "kubeconfig: {enabled: true, path: /etc/kube/config}",
            // 0.28 put quotes around the path.
            vec![Flag("-kubeconfig=/etc/kube/config")],
        ),
        Row(&[], "kubeconfig: {enabled: true}", vec![Refused("kubeconfig.path must be set")]),
        Row(
            &[
                "logging.development",
                "logging.encoder",
                "logging.level",
                "logging.stacktraceLevel",
                "logging.timeEncoding",
            ],
            "logging: {development: true, encoder: console, level: debug, stacktraceLevel: panic, \
             timeEncoding: rfc3339}",
            vec![
                Flag("-zap-devel=true"),
                Flag("-zap-encoder=console"),
                Flag("-zap-log-level=debug"),
                Flag("-zap-stacktrace-level=panic"),
                Flag("-zap-time-encoding=rfc3339"),
            ],
        ),
        Row(&[], "logging: {level: 4}", vec![Flag("-zap-log-level=4")]),
        Row(
            &[
                "healthProbes.port",
                "healthProbes.liveness.initialDelaySeconds",
                "healthProbes.liveness.periodSeconds",
                "healthProbes.readiness.initialDelaySeconds",
                "healthProbes.readiness.periodSeconds",
            ],
            "healthProbes: {port: 9090, liveness: {initialDelaySeconds: 1, periodSeconds: 2}, \
             readiness: {initialDelaySeconds: 3, periodSeconds: 4}}",
            vec![
                Flag("-health-probe-bind-address=:9090"),
                Container(
                    "/livenessProbe",
                    json!({"httpGet": {"path": "/healthz", "port": 9090},
                           "initialDelaySeconds": 1, "periodSeconds": 2}),
                ),
                Container(
                    "/readinessProbe",
                    json!({"httpGet": {"path": "/readyz", "port": 9090},
                           "initialDelaySeconds": 3, "periodSeconds": 4}),
                ),
            ],
        ),
    ]
}

fn of_credentials() -> Vec<Row> {
    vec![
        Row(
            &["gpg.enabled", "gpg.secret1", "gpg.secret2"],
            "gpg: {enabled: true, secret1: ring, secret2: keys}",
            vec![
                Variable(json!({"name": "GNUPGHOME", "value": "/var/secrets/gpg"})),
                Container(
                    "/volumeMounts",
                    json!([
                        {"name": "sops-operator-gpg-keys1", "mountPath": "/var/secrets/gpg", "readOnly": true},
                        {"name": "sops-operator-gpg-keys2",
                         "mountPath": "/var/secrets/gpg/private-keys-v1.d", "readOnly": true},
                    ]),
                ),
                Pod("/volumes/0/secret/secretName", json!("ring")),
                Pod("/volumes/1/secret/secretName", json!("keys")),
            ],
        ),
        Row(
            &["initImage.repository", "initImage.tag", "initImage.pullPolicy"],
            "gpg: {enabled: true, initContainer: {enabled: true}}\n\
             initImage: {repository: registry.example.com/base, tag: '1', pullPolicy: Never}",
            vec![
                Pod("/initContainers/0/name", json!("init-myservice")),
                Pod("/initContainers/0/image", json!("registry.example.com/base:1")),
                Pod("/initContainers/0/imagePullPolicy", json!("Never")),
                Container(
                    "/volumeMounts",
                    json!([{"name": "sops-gpg", "mountPath": "/var/secrets/gpg"}]),
                ),
            ],
        ),
        Row(
            &["gcp.enabled", "gcp.svcAccSecret", "gcp.svcAccSecretCustomName"],
            "gcp: {enabled: true, svcAccSecret: '{\"type\":\"none\"}', svcAccSecretCustomName: mine}",
            vec![
                Has("Secret", "/metadata/name", json!("mine")),
                // {"type":"none"}
                Has("Secret", "/data/key.json", json!("eyJ0eXBlIjoibm9uZSJ9")),
                Variable(json!({"name": "GOOGLE_APPLICATION_CREDENTIALS",
                                "value": "/var/secrets/google/key.json"})),
                Container(
                    "/volumeMounts/0",
                    json!({"name": "sops-operator-gke-svc-account",
                           "mountPath": "/var/secrets/google", "readOnly": true}),
                ),
                Pod("/volumes/0/secret/secretName", json!("mine")),
            ],
        ),
        Row(
            &["gcp.existingSecretName"],
            "gcp: {enabled: true, existingSecretName: theirs}",
            vec![Absent("Secret"), Pod("/volumes/0/secret/secretName", json!("theirs"))],
        ),
        Row(
            &["azure.enabled", "azure.tenantId", "azure.clientId", "azure.clientSecret"],
            "azure: {enabled: true, tenantId: t, clientId: c, clientSecret: s}",
            vec![
                Has("Secret", "/metadata/name", json!("sops-secrets-operator-azure-secret")),
                Has(
                    "Secret",
                    "/data",
                    json!({"tenantId": "dA==", "clientId": "Yw==", "clientSecret": "cw=="}),
                ),
                secret("AZURE_TENANT_ID", "sops-secrets-operator-azure-secret", "tenantId"),
                secret("AZURE_CLIENT_ID", "sops-secrets-operator-azure-secret", "clientId"),
                secret("AZURE_CLIENT_SECRET", "sops-secrets-operator-azure-secret", "clientSecret"),
            ],
        ),
        Row(
            &["azure.existingSecretName"],
            "azure: {enabled: true, existingSecretName: theirs}",
            vec![Absent("Secret"), secret("AZURE_CLIENT_ID", "theirs", "clientId")],
        ),
        Row(
            // Only the README of 0.28 had it; there it did nothing.
            &["azure.existingSecret"],
            "azure: {enabled: true, existingSecret: theirs}",
            vec![Absent("Secret"), secret("AZURE_TENANT_ID", "theirs", "tenantId")],
        ),
        Row(
            &["extraEnv"],
            "extraEnv: [{name: A, value: 1000000}, {name: B, value: false}, {name: C}, \
             {name: D, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]",
            vec![
                Variable(json!({"name": "A", "value": "1000000"})),
                Variable(json!({"name": "B", "value": "false"})),
                Variable(json!({"name": "C", "value": ""})),
                Variable(
                    json!({"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}),
                ),
            ],
        ),
        Row(
            &["secretsAsEnvVars"],
            "secretsAsEnvVars: [{name: SOPS_AGE_KEY, secretName: age, secretKey: key}]",
            vec![secret("SOPS_AGE_KEY", "age", "key")],
        ),
        Row(
            &["secretsAsFiles"],
            "secretsAsFiles: [{name: aws, mountPath: /home/.aws, secretName: credentials}]",
            vec![
                Container(
                    "/volumeMounts",
                    json!([{"name": "aws", "mountPath": "/home/.aws", "readOnly": true}]),
                ),
                Pod("/volumes", json!([{"name": "aws", "secret": {"secretName": "credentials"}}])),
            ],
        ),
    ]
}

fn of_the_pod() -> Vec<Row> {
    vec![
        Row(
            &["image.repository", "image.tag", "image.pullPolicy"],
            "image: {repository: registry.example.com/x, tag: '2', pullPolicy: IfNotPresent}",
            vec![
                Container("/image", json!("registry.example.com/x:2")),
                Container("/imagePullPolicy", json!("IfNotPresent")),
            ],
        ),
        Row(
            &["imagePullSecrets"],
            "imagePullSecrets: [{name: pull}]",
            vec![Pod("/imagePullSecrets", json!([{"name": "pull"}]))],
        ),
        Row(
            &["podAnnotations", "podLabels"],
            "podAnnotations: {a: x}\npodLabels: {b: z}",
            vec![
                Has("Deployment", "/spec/template/metadata/annotations/a", json!("x")),
                Has("Deployment", "/spec/template/metadata/labels/b", json!("z")),
                Has(
                    "Deployment",
                    "/spec/template/metadata/annotations/kubectl.kubernetes.io~1default-container",
                    json!("sops-secrets-operator"),
                ),
            ],
        ),
        Row(
            &["resources"],
            "resources: {requests: null, limits: {cpu: 500m}}",
            vec![Container("/resources", json!({"limits": {"cpu": "500m", "memory": "128Mi"}}))],
        ),
        Row(
            &["nodeSelector"],
            "nodeSelector: {a: b}",
            vec![Pod("/nodeSelector", json!({"a": "b"}))],
        ),
        Row(
            &["tolerations"],
            "tolerations: [{operator: Exists}]",
            vec![Pod("/tolerations", json!([{"operator": "Exists"}]))],
        ),
        Row(
            &["affinity"],
            "affinity: {nodeAffinity: {}}",
            vec![Pod("/affinity", json!({"nodeAffinity": {}}))],
        ),
        Row(
            &["securityContext.enabled"],
            "securityContext: {enabled: false}",
            vec![Pod("/securityContext", Value::Null), Container("/securityContext", Value::Null)],
        ),
        Row(
            &[
                "securityContext.runAsUser",
                "securityContext.runAsGroup",
                "securityContext.fsGroup",
                "securityContext.runAsNonRoot",
                "securityContext.seccompProfileType",
                "securityContext.seccompProfileName",
            ],
            "securityContext: {runAsUser: 1000680000, runAsGroup: 2, fsGroup: 3, runAsNonRoot: false, \
             seccompProfileType: Localhost, seccompProfileName: sops.json}",
            vec![Pod(
                "/securityContext",
                json!({"runAsUser": 1_000_680_000, "runAsGroup": 2, "fsGroup": 3, "runAsNonRoot": false,
                       "seccompProfile": {"type": "Localhost", "localhostProfile": "sops.json"}}),
            )],
        ),
        Row(
            &[],
            "securityContext: {seccompProfileType: Localhost}",
            vec![Refused("securityContext.seccompProfileName must name")],
        ),
        Row(
            &["securityContext.customPodSecurityContext"],
            "securityContext: {customPodSecurityContext: {runAsUser: 1000680000}}",
            vec![Pod("/securityContext", json!({"runAsUser": 1_000_680_000}))],
        ),
        Row(
            &["securityContext.container.enabled"],
            "securityContext: {container: {enabled: false}}",
            vec![Container("/securityContext", Value::Null)],
        ),
        Row(
            &[
                "securityContext.container.capabilities.drop",
                "securityContext.container.capabilities.add",
            ],
            // As the defaults of 0.28 were; Pod Security knows only the upper case.
            "securityContext: {container: {capabilities: {drop: [all], add: [NET_BIND_SERVICE]}}}",
            vec![Container(
                "/securityContext/capabilities",
                json!({"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}),
            )],
        ),
        Row(
            &["securityContext.container.customContainerSecurityContext"],
            "securityContext: {container: {customContainerSecurityContext: {privileged: false}}}",
            vec![Container("/securityContext", json!({"privileged": false}))],
        ),
    ]
}

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
