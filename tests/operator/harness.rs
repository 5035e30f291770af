//! What tests of the operator stand on.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use sops_cluster::{
    Account, Cluster, EXAMPLES, IDENTITY, Launch, Private, RECIPIENT, Recorder, SOON, Seal,
    eventually,
};
use sops_tests::fault::Tunnel;
use sops_tests::need;
use sops_tests::rig::cluster::Part;
use sops_tests::run::{Run, Signal};
use sops_tests::scratch::Scratch;

/// An account that may get and list Secrets, and nothing else.
const READER: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
- {apiGroups: [''], resources: [secrets], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
- {kind: ServiceAccount, name: reader}
";

fn secret(name: &str, data: &[(&str, &str)]) -> Secret {
    let data =
        data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())));
    let mut secret = Secret { data: Some(data.collect()), ..Secret::default() };
    secret.metadata.name = Some(name.into());
    secret
}

#[tokio::test]
async fn a_namespace_goes_away_with_what_was_applied_through_it() {
    let Some(cluster) = Cluster::shared().await else { return };
    let space = cluster.namespace("goes").await;
    let name = space.name().to_owned();
    let role = format!(
        "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: {name}}}}}"
    );
    space.apply(&role).await.unwrap();
    space.api().create(&PostParams::default(), &secret("s", &[("k", "v")])).await.unwrap();
    drop(space);
    let role = ["get", "clusterrole", &name];
    cluster.place().kubectl(role).run().fails_with(1);
    let namespaces: Api<Namespace> = Api::all(cluster.client());
    eventually(SOON, "the namespace is gone", async || {
        match namespaces.get_opt(&name).await.unwrap() {
            None => Ok(()),
            Some(namespace) => Err(format!("{:?}", namespace.status)),
        }
    })
    .await;
}

#[tokio::test]
async fn a_field_that_no_schema_knows_is_refused_by_both_ways_to_apply() {
    let Some(cluster) = Cluster::shared().await else { return };
    let space = cluster.namespace("strict").await;
    let wrong = "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringdata: {k: v}}";
    let error = space.apply(wrong).await.unwrap_err();
    assert!(error.to_string().contains("stringdata"), "{error}");
    let run = space.kubectl(&["apply", "--filename=-"]).input(wrong).run().fails_with(1);
    assert!(run.err().contains("stringdata"), "{run}");

    let right = "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {k: v}}";
    space.apply(right).await.unwrap();
    space
        .kubectl(&["apply", "--server-side", "--force-conflicts", "--filename=-"])
        .input(right)
        .run()
        .success();
    let data = space.secret("s").await.unwrap().data.unwrap();
    assert_eq!(data, BTreeMap::from([("k".into(), ByteString(b"v".to_vec()))]));
}

#[tokio::test]
async fn our_crd_is_served_and_takes_the_examples() {
    let Some(cluster) = Cluster::shared().await else { return };
    cluster.with_crd().await;
    let space = cluster.namespace("crd").await;
    for example in EXAMPLES {
        let sealed = example.sealed_for(space.name());
        let run = space.kubectl(&["apply", "--filename=-"]).input(sealed).run().success();
        assert!(run.out().contains(example.name), "{run}");
        space.apply(&example.sealed_for(space.name())).await.unwrap();
    }
}

#[tokio::test]
async fn an_account_may_what_its_role_says_and_the_log_counts_each_call() {
    let Some(cluster) = Cluster::shared().await else { return };
    let space = cluster.namespace("counts").await;
    space.apply(READER).await.unwrap();
    space.api().create(&PostParams::default(), &secret("s", &[("k", "v")])).await.unwrap();
    let account = Account::of(&space, "reader").await;
    let secrets: Api<Secret> = Api::namespaced(account.client().await, space.name());
    // The role counts a moment after it was made.
    eventually(SOON, "the role is known", async || {
        secrets.get("s").await.map(drop).map_err(|error| error.to_string())
    })
    .await;

    let audit = cluster.audit();
    let idle = audit.mark().await;
    let before = audit.mark().await;
    assert_eq!(audit.between(&account, idle, before).0, [], "nothing happened");
    for _ in 0..5 {
        secrets.get("s").await.unwrap();
    }
    for _ in 0..3 {
        secrets.list(&ListParams::default()).await.unwrap();
    }
    assert!(secrets.get_opt("missing").await.unwrap().is_none());
    let create = secrets.create(&PostParams::default(), &secret("other", &[])).await;
    assert!(matches!(create, Err(kube::Error::Api(status)) if status.is_forbidden()));
    let delete = secrets.delete("s", &DeleteParams::default()).await;
    assert!(matches!(delete, Err(kube::Error::Api(status)) if status.is_forbidden()));
    // Others do not count, whatever they do.
    space.secret("s").await.unwrap();

    let calls = audit.calls(&account, before).await;
    let expected = [
        ("create secrets 403", 1),
        ("delete secrets 403", 1),
        ("get secrets 200", 5),
        ("get secrets 404", 1),
        ("list secrets 200", 3),
    ];
    assert_eq!(calls.summary(), expected.map(|(kind, count)| (kind.into(), count)).into());
    assert_eq!((calls.count("get", "secrets"), calls.count("get", "secrets/status")), (6, 0));
    assert_eq!((calls.writes().0.len(), calls.refused().0.len()), (2, 3));
    assert!(calls.0.iter().all(|call| call.namespace == space.name()), "{calls}");
}

#[tokio::test]
async fn a_watch_counts_once_and_where_it_began() {
    let Some(cluster) = Cluster::shared().await else { return };
    let space = cluster.namespace("watch").await;
    space.apply(&READER.replace("verbs: [get, list]", "verbs: [watch]")).await.unwrap();
    let account = Account::of(&space, "reader").await;
    let secrets: Api<Secret> = Api::namespaced(account.client().await, space.name());
    let short = kube::api::WatchParams::default().timeout(1);
    eventually(SOON, "the role is known", async || {
        secrets.watch(&short, "0").await.map(drop).map_err(|error| error.to_string())
    })
    .await;
    let audit = cluster.audit();
    let before = audit.mark().await;
    let stream = secrets.watch(&short, "0").await.unwrap();
    let middle = audit.mark().await;
    // The server ends it, which is another line in the log.
    futures::StreamExt::count(stream).await;
    let after = audit.mark().await;
    assert_eq!(audit.between(&account, before, middle).count("watch", "secrets"), 1);
    assert_eq!(audit.between(&account, middle, after).count("watch", "secrets"), 0);
}

#[tokio::test]
async fn a_child_is_collected_with_its_owner() {
    let Some(cluster) = Cluster::shared().await else { return };
    let space = cluster.namespace("child").await;
    let owner = "{apiVersion: v1, kind: ConfigMap, metadata: {name: owner}}";
    let made = space.apply(owner).await.unwrap();
    let uid = made[0].metadata.uid.clone().unwrap();
    let mut child = secret("child", &[("k", "v")]);
    let reference = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}]);
    child.metadata.owner_references = Some(serde_json::from_value(reference).unwrap());
    space.api().create(&PostParams::default(), &child).await.unwrap();
    let owners: Api<ConfigMap> = space.api();
    owners.delete("owner", &DeleteParams::background()).await.unwrap();
    eventually(SOON, "the child is collected", async || {
        let left = space.secrets().await;
        if left.is_empty() { Ok(()) } else { Err(format!("{:?}", left.keys())) }
    })
    .await;
}

#[tokio::test]
async fn a_deployment_is_rolled_out_as_far_as_it_goes_without_nodes() {
    let Some(cluster) = Cluster::shared().await else { return };
    let space = cluster.namespace("rolls").await;
    let deployment = |mark: &str| {
        format!(
            "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata:
      labels: {{app: web}}
      annotations: {{mark: {mark}}}
    spec:
      containers:
      - {{name: web, image: example.test/web}}
"
        )
    };
    for (mark, count) in [("one", 1), ("two", 2)] {
        space.apply(&deployment(mark)).await.unwrap();
        eventually(SOON, "a ReplicaSet for each template", async || {
            let sets = space.api::<ReplicaSet>().list(&Default::default()).await.unwrap();
            let found = sets.items.len();
            if found == count { Ok(()) } else { Err(format!("{found} ReplicaSets")) }
        })
        .await;
    }
    eventually(SOON, "the controllers make pods", async || {
        let pods = space.api::<Pod>().list(&Default::default()).await.unwrap();
        if pods.items.is_empty() { Err("no pods".into()) } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
async fn the_recorder_sees_every_version_of_its_namespace_only() {
    let Some(cluster) = Cluster::shared().await else { return };
    let space = cluster.namespace("record").await;
    let other = cluster.namespace("elsewhere").await;
    let secrets: Api<Secret> = space.api();
    secrets.create(&PostParams::default(), &secret("before", &[])).await.unwrap();

    let recorder = Recorder::start(&space).await;
    secrets.create(&PostParams::default(), &secret("s", &[])).await.unwrap();
    for value in ["MQ==", "Mg=="] {
        let patch = Patch::Merge(json!({"data": {"k": value}}));
        secrets.patch("s", &PatchParams::default(), &patch).await.unwrap();
    }
    let elsewhere: Api<Secret> = other.api();
    elsewhere.create(&PostParams::default(), &secret("s", &[("k", "v")])).await.unwrap();
    secrets.delete("s", &DeleteParams::default()).await.unwrap();
    // There and gone again, between two looks of anybody who polls.
    secrets.create(&PostParams::default(), &secret("short", &[("k", "x")])).await.unwrap();
    secrets.delete("short", &DeleteParams::default()).await.unwrap();
    let seen = recorder.finish().await;
    let seen: Vec<_> = seen
        .iter()
        .map(|sight| {
            let value = sight.data().get("k").map(|value| String::from_utf8_lossy(value));
            (sight.name(), value.unwrap_or_default().into_owned(), sight.deleted)
        })
        .collect();
    let expected = [
        ("s", "", false),
        ("s", "1", false),
        ("s", "2", false),
        ("s", "2", true),
        ("short", "x", false),
        ("short", "x", true),
    ];
    assert_eq!(seen, expected.map(|(name, value, gone)| (name, value.to_owned(), gone)));
}

#[tokio::test]
async fn a_tunnel_before_the_api_server_hangs_and_breaks_connections() {
    let Some(cluster) = Cluster::shared().await else { return };
    let space = cluster.namespace("tunnel").await;
    space.apply(READER).await.unwrap();
    space.api().create(&PostParams::default(), &secret("s", &[("k", "v")])).await.unwrap();
    let account = Account::of(&space, "reader").await;
    let tunnel = Tunnel::to(&cluster.place().address());
    let kubeconfig = account.kubeconfig_through(&tunnel.url());
    let get = |limit: &str| {
        let run =
            space.kubectl(&["get", "secret", "s", "--output=name", "--request-timeout", limit]);
        run.env("KUBECONFIG", &kubeconfig)
    };
    eventually(SOON, "the role is known", async || {
        let outcome = get("30s").run();
        if outcome.status.success() { Ok(()) } else { Err(outcome.to_string()) }
    })
    .await;
    let connections = tunnel.connections();
    assert!(connections > 0, "it went through the tunnel");
    tunnel.hold();
    let outcome = get("1s").run().fails_with(1);
    let words = ["deadline exceeded", "timeout", "timed out"];
    assert!(words.iter().any(|word| outcome.err().to_lowercase().contains(word)), "{outcome}");
    tunnel.release();
    tunnel.close();
    get("5s").run().fails_with(1);
    tunnel.open();
    assert_eq!(get("30s").run().success().out(), "secret/s\n");
}

/// Clients are asked now and then to connect again; and the recorder needs the second.
const FLAGS: [&str; 2] = ["--goaway-chance=0.02", "--watch-cache=false"];

#[tokio::test]
async fn a_private_control_plane_survives_what_is_done_to_it() {
    let Some(mut private) = Private::start(&FLAGS).await else { return };
    let cluster = private.cluster.clone();
    let space = cluster.namespace("faults").await;
    let secrets: Api<Secret> = space.api();
    let written = secrets.create(&PostParams::default(), &secret("s", &[("k", "v")])).await;
    let uid = written.unwrap().metadata.uid;
    let recorder = Recorder::start(&space).await;
    let get = async |limit: Duration| tokio::time::timeout(limit, space.secret("s")).await;

    private.pause(Part::Apiserver).unwrap();
    get(Duration::from_secs(1)).await.expect_err("a paused API server answers nobody");
    private.resume(Part::Apiserver).unwrap();
    eventually(SOON, "it answers again", async || space.secret("s").await).await;

    private.kill(Part::Apiserver).unwrap();
    get(SOON).await.expect("it is refused at once").expect_err("nobody listens");
    private.run(Part::Apiserver).unwrap();
    let after = eventually(SOON, "it answers again", async || space.secret("s").await).await;
    assert_eq!(after.metadata.uid, uid, "the same store");

    private.stop(Part::Apiserver).unwrap();
    private.kill(Part::Etcd).unwrap();
    private.run(Part::Etcd).unwrap();
    private.run(Part::Apiserver).unwrap();
    let after = eventually(SOON, "it answers again", async || space.secret("s").await).await;
    assert_eq!(after.metadata.uid, uid, "the store is kept on the disk");

    secrets.delete("s", &DeleteParams::default()).await.unwrap();
    let seen = recorder.finish().await;
    let seen: Vec<_> = seen.iter().map(|sight| (sight.name(), sight.deleted)).collect();
    assert_eq!(seen, [("s", true)], "the recorder goes on after a restart");
}

/// Says what the harness expects of an operator, and ends by SIGTERM in its own time.
const STAND_IN: &str = r#"#!/usr/bin/env python3
import http.server, json, os, signal, sys, threading
flags = dict(flag.lstrip("-").split("=", 1) for flag in sys.argv[1:])
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'# TYPE a counter\na_total 3\nb_total{kind="x y"} 0.5\n' if self.path == "/metrics" else b"ok"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
for name in ["health-probe-bind-address", "metrics-bind-address"]:
    host, port = flags[name].rsplit(":", 1)
    server = http.server.HTTPServer((host, int(port)), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
print(json.dumps({"msg": "starting", "variables": sorted(os.environ), "watch": flags["watch-namespace"]}), flush=True)
print("no JSON", file=sys.stderr, flush=True)
ended.wait()
print(json.dumps({"msg": "stopped"}), flush=True)
sys.exit(3)
"#;

#[tokio::test]
async fn an_operator_is_started_watched_and_ended() {
    let Some(_) = need::program("python3") else { return };
    let scratch = Scratch::new();
    let program = scratch.script("stand-in", STAND_IN);
    let launch = Launch::of(program, "/nonexistent").flag("watch-namespace", "shop").env("A", "b");
    let mut operator = launch.start();
    operator.ready().await;
    let started = operator.logged("it tells what it has", |line| line["msg"] == "starting").await;
    assert_eq!(started["watch"], "shop");
    let variables = started["variables"].as_array().unwrap();
    // Some that start Python set more.
    assert!(["A", "HOME", "PATH"].iter().all(|name| variables.contains(&json!(name))));
    assert!(!variables.contains(&json!("SOPS_CLUSTER_DIR")), "nothing of this process");
    assert_eq!(operator.probe("/healthz"), Some(200));
    assert_eq!(operator.metric("a_total"), Some(3.0));
    assert_eq!(operator.metric("b_total{kind=\"x y\"}"), Some(0.5));
    assert_eq!(operator.metric("c_total"), None);
    assert_eq!(operator.stop().await.code(), Some(3));
    assert_eq!(operator.log().last().unwrap()["msg"], "stopped");
    assert!(operator.output().contains("no JSON"), "{}", operator.output());

    let mut operator = launch.start();
    operator.ready().await;
    operator.signal(Signal::STOP);
    assert!(operator.is_running());
    let status = operator.kill().await;
    assert_eq!(status.code(), None, "killed: {status}");
}

#[test]
fn the_examples_open_to_what_their_secrets_hold() {
    for example in EXAMPLES {
        let open = Run::sops_rs(["decrypt", "--filename-override", "sopssecret.yaml"]);
        let open = open.env("SOPS_AGE_KEY", IDENTITY).input(example.sealed()).run().success();
        let read = |text: &str| serde_saphyr::from_str::<serde_json::Value>(text).unwrap();
        let plain = read(&example.plain());
        assert_eq!(read(&open.out()), plain, "{}", example.file);
        // The expected Secrets were written down by hand: names, types and number of keys agree.
        let templates = plain["spec"]["secretTemplates"].as_array().unwrap();
        let secrets = example.secrets();
        assert_eq!(templates.len(), secrets.len(), "{}", example.file);
        for (template, secret) in templates.iter().zip(&secrets) {
            assert_eq!(template["name"], secret.metadata.name.clone().unwrap());
            let kind = template.get("type").map_or("Opaque", |kind| kind.as_str().unwrap());
            assert_eq!(Some(kind), secret.type_.as_deref());
            assert_eq!(secret.metadata.namespace.as_deref(), Some(example.namespace));
        }
    }
}

#[test]
fn manifests_are_sealed_for_both_kinds_of_keys() {
    let plain = EXAMPLES[0].plain();
    let sealed = Seal::age().flags(["--mac-only-encrypted"]).text(&plain);
    assert!(sealed.contains(RECIPIENT) && sealed.contains("mac_only_encrypted: true"), "{sealed}");
    assert!(!sealed.contains("mailer"), "{sealed}");
    let Some(aws) = need::aws() else { return };
    let sealed = Seal::kms(&aws, sops_tests::rig::aws::MAIN).text(&plain);
    assert!(sealed.contains(sops_tests::rig::aws::MAIN) && !sealed.contains("mailer"), "{sealed}");
}
