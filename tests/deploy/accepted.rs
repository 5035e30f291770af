//! A real API server takes the objects of the chart: strictly, in a namespace that enforces the
//! restricted profile, over the objects of the chart before; and the CRD takes what is written for
//! the original and for us.

use std::fs;

use serde_json::{Value, json};
use sops_tests::rig::cluster::Place;
use sops_tests::run::Outcome;
use sops_tests::{need, paths};

use crate::chart::EVERYTHING;
use crate::render::{Objects, Renderer};

/// A namespace of one test, that goes away with it.
struct Namespace<'a> {
    place: &'a Place,
    name: String,
}

impl<'a> Namespace<'a> {
    /// With the restricted profile enforced.
    fn new(place: &'a Place, test: &str) -> Self {
        let name = format!("deploy-{test}-{}", std::process::id());
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let object = json!({"apiVersion": "v1", "kind": "Namespace",
                            "metadata": {"name": name, "labels": labels}});
        apply(place, &["apply"], &[&object]).success();
        Self { place, name }
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        self.place.kubectl(["delete", "namespace", &self.name, "--wait=false"]).run();
    }
}

/// Runs kubectl with these objects on its input, strictly.
fn apply(place: &Place, arguments: &[&str], objects: &[&Value]) -> Outcome {
    let items = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let run = place.kubectl(arguments).arg("--validate=strict").arg("--filename=-");
    run.input(items.to_string()).run()
}

/// Those whose kind a bare API server knows.
fn known(objects: &Objects) -> Vec<&Value> {
    let foreign = |object: &&Value| {
        let version = object["apiVersion"].as_str().unwrap();
        !version.starts_with("monitoring.coreos.com/")
    };
    objects.0.iter().filter(foreign).collect()
}

/// The pod of the Deployment as an object of its own: there are no controllers to make it.
fn pod(objects: &Objects, namespace: &str) -> Value {
    let template = &objects.one("Deployment")["spec"]["template"];
    json!({"apiVersion": "v1", "kind": "Pod",
           "metadata": {"name": "probe", "namespace": namespace, "labels": template["metadata"]["labels"]},
           "spec": template["spec"]})
}

fn install_crd(place: &Place) {
    let path = paths::repository().join("config/crd/bases/isindir.github.com_sopssecrets.yaml");
    let run =
        place.kubectl(["apply", "--server-side", "--force-conflicts", "--validate=strict", "-f"]);
    run.arg(path).run().success();
    let wait = ["wait", "--for=condition=Established", "--timeout=60s", "crd"];
    place.kubectl(wait).arg("sopssecrets.isindir.github.com").run().success();
}

#[test]
fn the_api_server_takes_all_objects_strictly() {
    let (Some(renderer), Some(place)) = (Renderer::needed(), need::cluster()) else { return };
    let namespace = Namespace::new(&place, "strict");
    let init = "gpg: {enabled: true, initContainer: {enabled: true}}\n\
                initImage: {repository: registry.example.com/base, tag: '1'}";
    let everything = EVERYTHING.replace("watchNamespaces: [shop]\n", "");
    // Names of the release's own, since roles of the cluster are shared.
    let release = namespace.name.clone();
    for values in ["{}", "mode: shadow", "namespaced: true", init, &everything] {
        let objects = renderer.try_render_as(&release, &namespace.name, values).unwrap();
        apply(&place, &["apply", "--dry-run=server"], &known(&objects)).success();
        // Its account has to be there before a pod can name it.
        apply(&place, &["apply"], &[objects.one("ServiceAccount")]).success();
        let pod = pod(&objects, &namespace.name);
        apply(&place, &["create", "--dry-run=server"], &[&pod]).success();
    }
    // The namespace does refuse what is not restricted.
    let loose = "securityContext: {container: {enabled: false}}";
    let objects = renderer.try_render_as(&release, &namespace.name, loose).unwrap();
    let refused =
        apply(&place, &["create", "--dry-run=server"], &[&pod(&objects, &namespace.name)]);
    assert!(!refused.status.success() && refused.err().contains("PodSecurity"), "{refused}");
}

/// The real helm goes from a chart with the objects of 0.28 (operator spec §9.2) to ours, and back.
#[test]
fn helm_upgrades_the_chart_before_in_place_and_rolls_back() {
    let (Some(renderer), Some(place)) = (Renderer::needed(), need::cluster()) else { return };
    let namespace = Namespace::new(&place, "upgrade");
    let release = namespace.name.clone();
    let name = format!("{release}-sops-secrets-operator");
    let selector = json!({"app.kubernetes.io/name": "sops-secrets-operator",
                          "app.kubernetes.io/instance": release});
    let before = renderer.scratch();
    before.write(
        "before/Chart.yaml",
        "apiVersion: v2\nname: sops-secrets-operator\nversion: 0.28.0\n",
    );
    for (file, object) in [
        (
            "deployment",
            json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": selector},
            "spec": {"replicas": 1, "selector": {"matchLabels": selector}, "template": {
                "metadata": {"labels": selector},
                "spec": {"serviceAccountName": name, "containers": [{
                    "name": "sops-secrets-operator", "image": "registry.example.com/original:0.21.1",
                    "command": ["/usr/local/bin/manager"], "args": ["-leader-elect"],
                    "env": [{"name": "POD_NAME",
                             "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}]}}}}),
        ),
        (
            "account",
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}),
        ),
        (
            "role",
            json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}]}),
        ),
        (
            "binding",
            json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": release}]}),
        ),
    ] {
        before.write(format!("before/templates/{file}.json"), object.to_string());
    }
    let helm = |arguments: &[&str]| {
        let run = renderer.helm_run(arguments).arg("--namespace").arg(&release);
        run.env("KUBECONFIG", place.kubeconfig()).run().success()
    };
    let deployment = || -> Value {
        let get = ["get", "deployment", &name, "--namespace", &release, "--output=json"];
        serde_json::from_slice(&place.kubectl(get).run().success().stdout).unwrap()
    };
    let image = |live: &Value| live["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    helm(&["install", &release, before.at("before").to_str().unwrap()]);
    let original = deployment();

    helm(&["upgrade", &release, crate::render::chart().to_str().unwrap(), "--reset-values"]);
    let upgraded = deployment();
    assert_eq!(upgraded["metadata"]["uid"], original["metadata"]["uid"], "it was replaced");
    let containers = upgraded["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1, "the container was joined by another");
    let placeholder = "registry.example.com/sops-rs/sops-operator:";
    assert!(image(&upgraded).as_str().unwrap().starts_with(placeholder));

    helm(&["rollback", &release, "1"]);
    let back = deployment();
    assert_eq!(image(&back), "registry.example.com/original:0.21.1");
    assert_eq!(back["metadata"]["uid"], original["metadata"]["uid"]);
    helm(&["uninstall", &release]);
}

#[test]
fn the_crd_takes_old_and_new_objects() {
    let Some(place) = need::cluster() else { return };
    let namespace = Namespace::new(&place, "crd");
    install_crd(&place);
    let sops = |more: Value| {
        let mut sops = json!({
            "mac": "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]",
            "lastmodified": "2026-01-15T10:00:00Z", "version": "3.13.1",
            "mac_only_encrypted": true, "encrypted_suffix": "Templates",
            "kms": [{"arn": "arn:aws:kms:eu-west-1:111122223333:key/k", "created_at": "2026-01-15T10:00:00Z",
                     "enc": "AA==", "role": "arn:aws:iam::111122223333:role/reader", "aws_profile": ""}],
            "gcp_kms": [], "azure_kv": [{"vault_url": "https://example.vault.azure.net", "name": "n",
                "version": "v", "created_at": "2026-01-15T10:00:00Z", "enc": "AA"}],
            "hc_vault": [{"vault_address": "https://vault.example.test:8200", "engine_path": "sops",
                "key_name": "first", "created_at": "2026-01-15T10:00:00Z", "enc": "vault:v1:AA=="}],
            "pgp": [{"fp": "0123", "created_at": "2026-01-15T10:00:00Z", "enc": "-"}],
            "age": [{"recipient": "age1", "enc": "-"}],
        });
        for (key, value) in more.as_object().unwrap() {
            sops[key] = value.clone();
        }
        sops
    };
    let object = |version: &str, name: &str, spec: Value, sops: Value| {
        json!({"apiVersion": format!("isindir.github.com/{version}"), "kind": "SopsSecret",
               "metadata": {"name": name, "namespace": namespace.name}, "spec": spec, "sops": sops})
    };
    let template = json!({"name": "n", "type": "Opaque", "labels": {"a": "b"}, "annotations": {"a": "b"},
                          "data": {"k": "dg=="}, "stringData": {"k": "v"}});
    let plain = json!({"name": "n", "data": {"k": "dg=="}});
    let spec = json!({"suspend": false, "enforceOwnership": true, "secretTemplates": [template]});
    // Operator spec §1.5: what the original does not list, and what nobody has thought of yet.
    let ours = sops(json!({
        "unencrypted_suffix": "_x", "unencrypted_regex": "x", "encrypted_regex": "x",
        "encrypted_comment_regex": "x", "unencrypted_comment_regex": "x", "shamir_threshold": 2,
        "kms": [{"arn": "a", "enc": "AA==", "context": {"cluster": "production"}, "of_next_year": {"a": [1]}}],
        "hckms": [{"key_id": "k", "enc": "AA==", "created_at": "2026-01-15T10:00:00Z"}],
        "key_groups": [{"age": [{"recipient": "age1", "enc": "-"}]}, {"hckms": [{"key_id": "k"}]}],
        "of_next_year": {"a": 1},
    }));
    let rollout = json!({"secretTemplates": [template],
                         "rolloutRestart": [{"kind": "Deployment", "name": "storefront"}]});
    let objects = [
        object("v1alpha3", "original", spec, sops(json!({}))),
        object("v1alpha3", "ours", rollout, ours.clone()),
        object("v1alpha2", "second", json!({"secretTemplates": [plain]}), sops(json!({}))),
        object("v1alpha1", "first", json!({"secret_templates": [plain]}), ours.clone()),
    ];
    for object in &objects {
        apply(&place, &["apply"], &[object]).success();
        apply(&place, &["apply", "--server-side", "--force-conflicts"], &[object]).success();
    }
    let read = |name: &str| -> Value {
        let get = ["get", "sopssecrets.v1alpha3.isindir.github.com", name, "--namespace"];
        let outcome = place.kubectl(get).arg(&namespace.name).arg("--output=json").run().success();
        serde_json::from_slice(&outcome.stdout).unwrap()
    };
    assert_eq!(read("ours")["sops"], ours, "nothing is lost");
    assert_eq!(read("first")["sops"], ours, "nor through the first version");
    // An object without anything, and one without templates (operator spec §1.2).
    let nothing = json!({"apiVersion": "isindir.github.com/v1alpha3", "kind": "SopsSecret",
                         "metadata": {"name": "nothing", "namespace": namespace.name}});
    apply(&place, &["apply"], &[&nothing]).success();
    let empty = object("v1alpha3", "empty", json!({"secretTemplates": []}), json!({}));
    assert!(apply(&place, &["apply"], &[&empty]).err().contains("at least 1"));

    let status = json!({"status": {"message": "Healthy", "observedGeneration": 1,
        "conditions": [{"type": "Ready", "status": "True", "reason": "Synced", "message": "",
                        "observedGeneration": 1, "lastTransitionTime": "2026-01-15T10:00:00Z"}],
        "secrets": [{"name": "n", "uid": "u", "resourceVersion": "7", "reason": "Synced", "message": ""}]}});
    let patch =
        ["patch", "sops", "original", "--subresource=status", "--type=merge", "--namespace"];
    let patch = place.kubectl(patch).arg(&namespace.name).arg("--patch").arg(status.to_string());
    patch.run().success();
    assert_eq!(read("original")["status"], status["status"]);
    // Scripts look for `Healthy` in the second column.
    let table = place.kubectl(["get", "sops", "original", "--namespace"]).arg(&namespace.name);
    let table = table.run().success().out();
    let words: Vec<&str> = table.split_whitespace().collect();
    assert_eq!(words[..2], ["NAME", "STATUS"], "{table}");
    let second = table.lines().nth(1).unwrap().split_whitespace().nth(1);
    assert_eq!(second, Some("Healthy"), "{table}");
}

/// Whoever removes the CRD removes every Secret with it, so that no tool may do so by the way.
#[test]
fn the_crd_says_that_it_stays() {
    let Some(referee) = crate::render::Referee::needed() else { return };
    let path = paths::repository().join("config/crd/bases/isindir.github.com_sopssecrets.yaml");
    let crd = referee.documents(&fs::read(path).unwrap()).remove(0);
    let notes = &crd["metadata"]["annotations"];
    assert_eq!(notes["helm.sh/resource-policy"], "keep");
    assert_eq!(notes["argocd.argoproj.io/sync-options"], "Delete=false,Prune=false");
    assert_eq!(notes["kustomize.toolkit.fluxcd.io/prune"], "disabled");
    let versions = crd["spec"]["versions"].as_array().unwrap();
    let stored: Vec<_> = versions.iter().filter(|version| version["storage"] == true).collect();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0]["name"], "v1alpha3");
    assert!(versions.iter().all(|version| version["served"] == true));
}
