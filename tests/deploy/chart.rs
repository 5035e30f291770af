//! The chart as a whole: what an upgrade in place relies on, and what makes it safe without values.

use std::fs;

use serde_json::{Value, json};
use sops_tests::paths;

use crate::render::{FULLNAME, NAMESPACE, Renderer, chart};

/// Values that turn on everything there is.
pub(crate) const EVERYTHING: &str = "
replicaCount: 2
watchNamespaces: [shop]
namespaced: true
selector: environment=production
requireVerified: true
gpg: {enabled: true}
gcp: {enabled: true, svcAccSecret: '{}'}
azure: {enabled: true, tenantId: t, clientId: c, clientSecret: s}
extraEnv: [{name: A, value: b}]
secretsAsEnvVars: [{name: SOPS_AGE_KEY, secretName: age, secretKey: key}]
secretsAsFiles: [{name: age, secretName: age, mountPath: /etc/age}]
rolloutRestarts: {enabled: true}
rbac: {helperRoles: {enabled: true, aggregate: true}}
metrics: {enabled: true}
prometheusRules: {enabled: true}
grafanaDashboard: {enabled: true}
networkPolicy: {ingress: {from: [{namespaceSelector: {matchLabels: {a: b}}}]},
                egress: {instanceMetadata: true, extra: [{ports: [{port: 8200}]}]}}
priorityClassName: system-cluster-critical
tolerations: [{operator: Exists}]
";

fn selector() -> Value {
    json!({"app.kubernetes.io/name": "sops-secrets-operator", "app.kubernetes.io/instance": "ops"})
}

#[test]
fn helm_finds_nothing_to_complain_about() {
    let Some(renderer) = Renderer::needed() else { return };
    let chart = chart();
    for values in ["{}", EVERYTHING] {
        renderer.helm(&["lint", "--strict", chart.to_str().unwrap()], values).success();
    }
}

/// Operator spec §9.2: a Deployment whose selector differs cannot be upgraded, only replaced.
#[test]
fn an_upgrade_in_place_finds_its_objects() {
    let Some(renderer) = Renderer::needed() else { return };
    for values in ["{}", EVERYTHING, "podLabels: {app.kubernetes.io/name: other}"] {
        let objects = renderer.render(values);
        let deployment = objects.named("Deployment", FULLNAME);
        assert_eq!(deployment["spec"]["selector"], json!({"matchLabels": selector()}), "{values}");
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        for (name, value) in selector().as_object().unwrap() {
            assert_eq!(labels[name], *value, "{values}: pods are not those of the selector");
        }
        assert_eq!(labels["control-plane"], "controller-sops-secrets-operator");
        assert_eq!(objects.container()["name"], "sops-secrets-operator");
        objects.named("ServiceAccount", FULLNAME);
    }
    let objects = renderer.render("{}");
    objects.named("ClusterRole", FULLNAME);
    // A binding's role cannot change either.
    let role =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": FULLNAME});
    assert_eq!(objects.named("ClusterRoleBinding", FULLNAME)["roleRef"], role);
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": FULLNAME});
    let objects = renderer.render("namespaced: true");
    assert_eq!(objects.named("RoleBinding", FULLNAME)["roleRef"], role);
}

#[test]
fn every_object_has_its_labels_and_its_namespace() {
    let Some(renderer) = Renderer::needed() else { return };
    for object in renderer.render(EVERYTHING).0 {
        let (kind, metadata) = (&object["kind"], &object["metadata"]);
        for label in ["name", "instance", "version", "managed-by"] {
            let label = format!("app.kubernetes.io/{label}");
            assert!(metadata["labels"][&label].is_string(), "{kind} has no {label}");
        }
        let cluster = kind.as_str().unwrap().starts_with("Cluster");
        assert_eq!(metadata["namespace"].is_null(), cluster, "{kind}");
    }
    for object in renderer.render("namespaceOverride: elsewhere").0 {
        let namespace = &object["metadata"]["namespace"];
        assert!(namespace.is_null() || namespace == "elsewhere", "{object}");
    }
}

/// The profile "restricted" of the Pod Security Standards, rule by rule; tests of acceptance hold
/// the same against a real API server.
#[test]
fn pods_keep_the_restricted_profile() {
    let Some(renderer) = Renderer::needed() else { return };
    let with_init = "gpg: {enabled: true, initContainer: {enabled: true}}\n\
                     initImage: {repository: registry.example.com/base, tag: '1'}";
    for values in ["{}", EVERYTHING, with_init] {
        let objects = renderer.render(values);
        let pod = objects.pod();
        for field in ["hostNetwork", "hostPID", "hostIPC"] {
            assert_eq!(pod[field], Value::Null);
        }
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert!(pod["securityContext"]["runAsUser"].as_u64().unwrap() > 0);
        assert_eq!(pod["securityContext"]["seccompProfile"], json!({"type": "RuntimeDefault"}));
        for volume in pod["volumes"].as_array().into_iter().flatten() {
            let kinds: Vec<_> =
                volume.as_object().unwrap().keys().filter(|key| *key != "name").collect();
            assert!(kinds == ["secret"] || kinds == ["emptyDir"], "{volume}");
        }
        let lists = ["initContainers", "containers"].iter();
        for container in lists.filter_map(|list| pod[list].as_array()).flatten() {
            assert_eq!(
                container["securityContext"],
                json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                       "capabilities": {"drop": ["ALL"]}})
            );
            for mount in container["volumeMounts"].as_array().into_iter().flatten() {
                assert!(mount["readOnly"] == true || mount["name"] == "sops-gpg", "{mount}");
            }
        }
    }
}

#[test]
fn the_pod_is_bounded_spread_and_does_not_hold_up_a_drain() {
    let Some(renderer) = Renderer::needed() else { return };
    let objects = renderer.render("{}");
    let (pod, container) = (objects.pod(), objects.container());
    assert_eq!(
        container["resources"],
        json!({"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}})
    );
    for constraint in pod["topologySpreadConstraints"].as_array().unwrap() {
        assert_eq!(constraint["whenUnsatisfiable"], "ScheduleAnyway");
        assert_eq!(constraint["labelSelector"]["matchLabels"], selector());
    }
    let budget = objects.one("PodDisruptionBudget");
    assert_eq!(
        budget["spec"],
        json!({"maxUnavailable": 1, "selector": {"matchLabels": selector()}})
    );
    // The token is mounted where it is asked for, and only there.
    assert_eq!(pod["automountServiceAccountToken"], true);
    assert_eq!(objects.one("ServiceAccount")["automountServiceAccountToken"], false);
}

#[test]
fn the_network_is_closed_but_for_what_is_needed() {
    let Some(renderer) = Renderer::needed() else { return };
    let tcp = |port: u16| json!({"port": port, "protocol": "TCP"});
    let policy = |values: &str| renderer.render(values).one("NetworkPolicy")["spec"].clone();
    let plain = policy("{}");
    assert_eq!(plain["podSelector"], json!({"matchLabels": selector()}));
    assert_eq!(plain["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(plain["ingress"], json!([]));
    assert_eq!(
        plain["egress"],
        json!([
            {"ports": [{"port": 53, "protocol": "UDP"}, tcp(53)]},
            {"ports": [tcp(443), tcp(6443)]},
            {"ports": [tcp(443)]},
            {"ports": [tcp(80)], "to": [{"ipBlock": {"cidr": "169.254.170.23/32"}},
                                        {"ipBlock": {"cidr": "fd00:ec2::23/128"}}]},
        ])
    );
    // Metrics that are asked for can be had; probes stay the node's business.
    let monitored = policy("metrics: {enabled: true, port: 9000}");
    assert_eq!(
        monitored["ingress"],
        json!([{"from": [{"namespaceSelector": {}}], "ports": [tcp(9000)]}])
    );
    let narrow = policy(
        "networkPolicy:
           ingress: {from: [{namespaceSelector: {matchLabels: {team: monitoring}}}]}
           egress:
             dns: {to: [{namespaceSelector: {}}]}
             apiServer: {cidrs: [192.0.2.1/32], ports: [6443]}
             keyServices: {cidrs: [198.51.100.0/24, '2001:db8::/32']}
             podIdentity: false
             extra: [{ports: [{port: 8200}]}]",
    );
    assert_eq!(
        narrow["ingress"],
        json!([{"from": [{"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}],
                "ports": [tcp(8080), tcp(8081)]}])
    );
    assert_eq!(
        narrow["egress"],
        json!([
            {"ports": [{"port": 53, "protocol": "UDP"}, tcp(53)], "to": [{"namespaceSelector": {}}]},
            {"ports": [tcp(6443)], "to": [{"ipBlock": {"cidr": "192.0.2.1/32"}}]},
            {"ports": [tcp(443)], "to": [{"ipBlock": {"cidr": "198.51.100.0/24"}},
                                         {"ipBlock": {"cidr": "2001:db8::/32"}}]},
            {"ports": [{"port": 8200}]},
        ])
    );
    let nothing = "networkPolicy: {egress: {dns: {enabled: false}, apiServer: {enabled: false}, \
                   keyServices: {enabled: false}, podIdentity: false}}";
    assert_eq!(policy(nothing)["egress"], Value::Null, "no rule lets nothing out");
}

/// In 0.28 no Service and no port existed, so that nothing could be scraped.
#[test]
fn the_monitor_finds_the_service_and_the_service_the_port() {
    let Some(renderer) = Renderer::needed() else { return };
    let objects = renderer.render("metrics: {enabled: true, port: 9000}");
    let (monitor, service) = (objects.one("ServiceMonitor"), objects.one("Service"));
    let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
    for (name, value) in wanted {
        assert_eq!(service["metadata"]["labels"][name], *value);
    }
    assert_eq!(monitor["spec"]["namespaceSelector"]["matchNames"], json!([NAMESPACE]));
    let endpoint = &monitor["spec"]["endpoints"][0];
    assert_eq!(endpoint["scheme"], "http");
    let port = &service["spec"]["ports"][0];
    assert_eq!(endpoint["port"], port["name"]);
    assert_eq!(service["spec"]["selector"], selector());
    let ports = objects.container()["ports"].as_array().unwrap();
    let port = ports.iter().find(|one| one["name"] == port["targetPort"]).unwrap();
    assert_eq!(port["containerPort"], 9000);
    assert!(objects.arguments().contains(&"-metrics-bind-address=:9000"));
}

#[test]
fn notes_say_what_to_do_next() {
    let Some(renderer) = Renderer::needed() else { return };
    let chart = chart();
    let notes = |values: &str| {
        let arguments = ["install", "ops", chart.to_str().unwrap(), "--dry-run=client"];
        renderer.helm(&arguments, values).success().out()
    };
    let placeholder = "image.repository is still the placeholder";
    assert!(notes("{}").contains(placeholder));
    assert!(!notes("image: {repository: registry.example.org/x}").contains(placeholder));
    assert!(notes("securityContext: {enabled: false}").contains("is refused where Pod Security"));
    assert!(notes("mode: shadow").contains("nothing is written"));
}

#[test]
fn chart_and_workspace_have_the_same_version_of_the_program() {
    let Some(renderer) = Renderer::needed() else { return };
    let meta = renderer.referee.file(&chart().join("Chart.yaml")).remove(0);
    assert_eq!(meta["name"], "sops-secrets-operator");
    assert_eq!(meta["appVersion"], env!("CARGO_PKG_VERSION"));
    // A ceiling kept 0.28 from new clusters.
    assert_eq!(meta["kubeVersion"], Value::Null);
    let copies = [
        "config/crd/bases/isindir.github.com_sopssecrets.yaml",
        "deploy/chart/sops-secrets-operator/crds/isindir.github.com_sopssecrets.yaml",
    ];
    let [one, other] = copies.map(|path| fs::read(paths::repository().join(path)).unwrap());
    assert!(one == other, "the CRD differs");
}
