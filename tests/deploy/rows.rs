//! What each value of chart 0.28 did (operator spec §9.1), as a table for `values`.

use serde_json::{Value, json};

/// What a value has to bring about.
pub(crate) enum Effect {
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
use Effect::{Absent, Container, Flag, Has, Pod, Refused, Variable};

/// The keys a row is about, values that set them, and what comes of it.
pub(crate) struct Row(
    pub(crate) &'static [&'static str],
    pub(crate) &'static str,
    pub(crate) Vec<Effect>,
);

fn secret(name: &str, secret: &str, key: &str) -> Effect {
    Variable(json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}))
}

pub(crate) fn rows() -> Vec<Row> {
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
