//! Rotation reaches the pods: workloads that ask for it are rolled out, once for each content, and
//! by nothing else.
//!
//! That something does *not* happen is known by a witness: a workload of its own, whose Secret is
//! changed afterwards. Workloads are rolled out in the order in which they began to wait, so that
//! whoever was to be rolled out before it has been.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Event, PodTemplateSpec, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, WatchEvent, WatchParams,
};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use serde_json::{Value, json};
use sops_cluster::{
    Account, Cluster, IDENTITY, Launch, Namespace, Operator, SOON, Seal, eventually,
};
use sops_tests::need;

const SEEN: &str = "sops-operator/seen";
const ROLLED_FOR: &str = "sops-operator/rolled-for";
const CONTENT: &str = "sops-operator/content";

/// What the chart grants within a namespace; the last rules with `rolloutRestarts.enabled`.
const ROLE: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: operator}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: operator}
rules:
- {apiGroups: [isindir.github.com], resources: [sopssecrets], verbs: [get, list, watch]}
- {apiGroups: [isindir.github.com], resources: [sopssecrets/status], verbs: [get, patch, update]}
- {apiGroups: [isindir.github.com], resources: [sopssecrets/finalizers], verbs: [update]}
- {apiGroups: [''], resources: [secrets], verbs: [get, list, watch, create, update, patch, delete]}
- {apiGroups: [''], resources: [events], verbs: [create, patch]}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, list, watch, create, update]}
- {apiGroups: [apps], resources: [deployments, statefulsets, daemonsets], verbs: [get, list, watch, patch]}
- {apiGroups: [argoproj.io], resources: [rollouts], verbs: [get, list, watch, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: operator}
subjects:
- {kind: ServiceAccount, name: operator}
";

/// A namespace with an account for the operator, which has not been started.
struct Stage {
    cluster: Cluster,
    space: Namespace,
    account: Account,
    launch: Launch,
    history: History,
}

/// What became of the mark on the pod template of each Deployment, change by change, in the order in
/// which the API server made them.
#[derive(Clone, Default)]
struct History(Arc<Mutex<BTreeMap<String, Vec<Option<String>>>>>);

impl History {
    async fn follow(space: &Namespace) -> Self {
        let history = Self::default();
        let stream = space.api::<Deployment>().watch(&WatchParams::default(), "0").await.unwrap();
        let all = history.clone();
        tokio::spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = futures::StreamExt::next(&mut stream).await {
                let Ok(WatchEvent::Added(found) | WatchEvent::Modified(found)) = event else {
                    continue;
                };
                let mark = mark(found.spec.map(|spec| spec.template));
                let mut all = all.0.lock().unwrap();
                let marks = all.entry(found.metadata.name.unwrap()).or_default();
                if marks.last() != Some(&mark) {
                    marks.push(mark);
                }
            }
        });
        history
    }

    /// How often the pod template of a Deployment was changed.
    fn changes(&self, name: &str) -> usize {
        self.0.lock().unwrap().get(name).map_or(0, |marks| marks.len() - 1)
    }
}

fn mark(template: Option<PodTemplateSpec>) -> Option<String> {
    template?.metadata?.annotations?.get(ROLLED_FOR).cloned()
}

impl Stage {
    async fn of(name: &str) -> Option<Self> {
        Self::with_role(name, ROLE).await
    }

    async fn with_role(name: &str, role: &str) -> Option<Self> {
        let cluster = Cluster::shared().await?;
        let program = need::operator()?;
        cluster.with_crd().await;
        let space = cluster.namespace(name).await;
        space.apply(role).await.unwrap();
        let account = Account::of(&space, "operator").await;
        let secrets: Api<Secret> = Api::namespaced(account.client().await, space.name());
        eventually(SOON, "the role is known", async || {
            let listed = secrets.list(&ListParams::default()).await;
            listed.map(drop).map_err(|error| error.to_string())
        })
        .await;
        let launch = Launch::of(program, account.kubeconfig())
            .flag("watch-namespace", space.name())
            .flag("zap-encoder", "json")
            .flag("rollout-restarts", "true")
            .flag("rollouts-per-minute", "100")
            .env("SOPS_AGE_KEY", IDENTITY);
        let history = History::follow(&space).await;
        Some(Self { cluster, space, account, launch, history })
    }

    async fn start(&self) -> Operator {
        start(&self.launch).await
    }

    /// Applies a SopsSecret with these Secrets, each with one value, and waits until they hold it.
    async fn seal(&self, name: &str, secrets: &[(&str, &str)]) {
        self.apply(name, secrets, "").await;
        for (secret, value) in secrets {
            self.holds(secret, value).await;
        }
    }

    /// The same without waiting; `spec` is added to the spec.
    async fn apply(&self, name: &str, secrets: &[(&str, &str)], spec: &str) {
        self.space.apply(&Seal::age().text(&manifest(name, secrets, spec))).await.unwrap();
    }

    async fn holds(&self, secret: &str, value: &str) {
        eventually(SOON, "the Secret holds the value", async || {
            let data = self.space.secret(secret).await?.data.unwrap_or_default();
            let found = data.get("k").map(|value| value.0.clone()).unwrap_or_default();
            if found == value.as_bytes() { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
    }

    async fn content(&self, secret: &str) -> Option<String> {
        let annotations = self.space.secret(secret).await.unwrap().metadata.annotations;
        annotations.unwrap_or_default().get(CONTENT).cloned()
    }

    async fn deploy(&self, name: &str, annotations: &[(&str, &str)], pod: Value) {
        let yaml = workload("Deployment", name, annotations, pod).to_string();
        self.space.apply(&yaml).await.unwrap();
    }

    /// Waits until it is known what a workload has.
    async fn recorded(&self, name: &str, secrets: &[&str]) {
        eventually(SOON, "what it has is recorded", async || {
            let look = self.look(name).await;
            let all = secrets.iter().all(|secret| look.seen.contains_key(*secret));
            if all { Ok(()) } else { Err(format!("{name}: {look:?}")) }
        })
        .await;
    }

    async fn look(&self, name: &str) -> Look {
        let found = self.space.api::<Deployment>().get(name).await.unwrap();
        Look::of(&found.metadata, found.spec.map(|spec| spec.template))
    }

    /// Waits until a Deployment has had so many templates after its first.
    async fn rolled(&self, name: &str, times: usize) -> Look {
        eventually(SOON, "it is rolled out", async || {
            let found = self.history.changes(name);
            if found == times { Ok(()) } else { Err(format!("{name}: {found} times")) }
        })
        .await;
        self.look(name).await
    }

    #[track_caller]
    fn was_rolled(&self, name: &str, times: usize) {
        let history = self.history.0.lock().unwrap();
        assert_eq!(history[name].len() - 1, times, "{name}: {:?}", history[name]);
    }

    /// Everything that waited before this was called is done when it returns.
    async fn witness(&self, round: usize) {
        if round == 1 {
            self.seal("witness", &[("witness", "0")]).await;
            let ask = [("sops-operator/rollout", "witness")];
            self.deploy("witness", &ask, plain()).await;
            self.recorded("witness", &["witness"]).await;
        }
        self.seal("witness", &[("witness", &round.to_string())]).await;
        self.rolled("witness", round).await;
    }

    /// Events about a workload: reason, type and text.
    async fn events(&self, name: &str) -> Vec<(String, String, String)> {
        let all = self.space.api::<Event>().list(&ListParams::default()).await.unwrap();
        let about = all.items.into_iter().filter(|event| {
            let source = event.source.as_ref().and_then(|source| source.component.as_deref());
            event.involved_object.name.as_deref() == Some(name) && source == Some("sops-operator")
        });
        let text = |text: Option<String>| text.unwrap_or_default();
        about.map(|event| (text(event.reason), text(event.type_), text(event.message))).collect()
    }
}

async fn start(launch: &Launch) -> Operator {
    let mut operator = launch.start();
    operator.ready().await;
    operator
}

/// What is seen of a workload.
#[derive(Debug)]
struct Look {
    seen: BTreeMap<String, String>,
    mark: Option<String>,
}

impl Look {
    fn of(metadata: &ObjectMeta, template: Option<PodTemplateSpec>) -> Self {
        let annotations = metadata.annotations.as_ref();
        let seen = annotations.and_then(|all| all.get(SEEN)).cloned().unwrap_or_default();
        let pairs = seen.split(',').filter_map(|pair| pair.split_once('='));
        Self {
            seen: pairs.map(|(name, id)| (name.to_owned(), id.to_owned())).collect(),
            mark: mark(template),
        }
    }
}

fn manifest(name: &str, secrets: &[(&str, &str)], spec: &str) -> String {
    let mut text = format!(
        "apiVersion: isindir.github.com/v1alpha3\nkind: SopsSecret\nmetadata:\n  name: {name}\n\
         spec:\n{spec}  secretTemplates:\n"
    );
    for (secret, value) in secrets {
        text.push_str(&format!("  - name: {secret}\n    stringData:\n      k: \"{value}\"\n"));
    }
    text
}

fn workload(kind: &str, name: &str, annotations: &[(&str, &str)], pod: Value) -> Value {
    let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
    let mut spec = json!({
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
    });
    if kind == "StatefulSet" {
        spec["serviceName"] = json!(name);
    }
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name, "annotations": annotations}, "spec": spec,
    })
}

fn pod(container: Value, volumes: Value) -> Value {
    let mut container = container;
    container["name"] = json!("c");
    container["image"] = json!("example.test/web");
    json!({"containers": [container], "volumes": volumes})
}

fn plain() -> Value {
    pod(json!({}), json!([]))
}

/// A pod with a variable from each of these Secrets.
fn reads(secrets: &[&str]) -> Value {
    let env = secrets.iter().enumerate().map(|(number, secret)| {
        let reference = json!({"name": secret, "key": "k"});
        json!({"name": format!("V{number}"), "valueFrom": {"secretKeyRef": reference}})
    });
    pod(json!({"env": env.collect::<Vec<_>>()}), json!([]))
}

fn mounts(secret: &str, part: Option<&str>) -> Value {
    let mut mount = json!({"name": "v", "mountPath": "/v"});
    if let Some(part) = part {
        mount["subPath"] = json!(part);
    }
    let volumes = json!([{"name": "v", "secret": {"secretName": secret}}]);
    pod(json!({"volumeMounts": [mount]}), volumes)
}

const ASKS: [(&str, &str); 1] = [("sops-operator/rollout", "true")];

#[tokio::test]
async fn what_a_pod_reads_once_is_rolled_out_once_and_what_follows_by_itself_is_not() {
    let Some(stage) = Stage::of("rollout-kinds").await else { return };
    let operator = stage.start().await;
    stage.seal("db", &[("db", "one")]).await;
    let env_from = pod(json!({"envFrom": [{"secretRef": {"name": "db"}}]}), json!([]));
    stage.deploy("variable", &ASKS, reads(&["db"])).await;
    stage.deploy("variables", &ASKS, env_from).await;
    stage.deploy("part", &ASKS, mounts("db", Some("k"))).await;
    stage.deploy("named", &[("sops-operator/rollout", "other, db")], mounts("db", None)).await;
    stage.deploy("whole", &ASKS, mounts("db", None)).await;
    stage.deploy("quiet", &[], reads(&["db"])).await;
    stage.deploy("refuses", &[("sops-operator/rollout", "false")], reads(&["db"])).await;
    for kind in ["StatefulSet", "DaemonSet"] {
        let yaml = workload(kind, "set", &ASKS, reads(&["db"])).to_string();
        stage.space.apply(&yaml).await.unwrap();
    }
    let rolling = ["variable", "variables", "part", "named"];
    for name in rolling {
        stage.recorded(name, &["db"]).await;
        stage.was_rolled(name, 0);
    }
    let sets = async || {
        let stateful = stage.space.api::<StatefulSet>().get("set").await.unwrap();
        let daemon = stage.space.api::<DaemonSet>().get("set").await.unwrap();
        let stateful = Look::of(&stateful.metadata, stateful.spec.map(|spec| spec.template));
        let daemon = Look::of(&daemon.metadata, daemon.spec.map(|spec| spec.template));
        [stateful, daemon]
    };
    eventually(SOON, "both sets are known", async || {
        let looks = sets().await;
        let known = looks.iter().all(|look| look.seen.contains_key("db"));
        if known { Ok(()) } else { Err(format!("{looks:?}")) }
    })
    .await;

    stage.seal("db", &[("db", "two")]).await;
    let id = stage.content("db").await.unwrap();
    for name in rolling {
        let look = stage.rolled(name, 1).await;
        assert_eq!(look.mark, Some(format!("db={id}")), "{name}");
        assert_eq!(look.seen.get("db"), Some(&id), "{name}");
    }
    stage.witness(1).await;
    rolling.iter().for_each(|name| stage.was_rolled(name, 1));
    ["whole", "quiet", "refuses"].iter().for_each(|name| stage.was_rolled(name, 0));
    for look in sets().await {
        assert_eq!(look.seen.get("db"), Some(&id));
        assert_eq!(look.mark, Some(format!("db={id}")));
    }
    eventually(SOON, "a second ReplicaSet", async || {
        let params = ListParams::default().labels("app=variable");
        let found = stage.space.api::<ReplicaSet>().list(&params).await.unwrap().items.len();
        if found == 2 { Ok(()) } else { Err(format!("{found}")) }
    })
    .await;
    // Four Deployments, two sets, and the witness.
    assert_eq!(operator.metric("sops_operator_rollouts_total"), Some(7.0));
    let text = "rolled out: the content of Secret db changed";
    let told = ("RolledOut".to_owned(), "Normal".to_owned(), text.to_owned());
    eventually(SOON, "it is told", async || {
        let events = stage.events("part").await;
        if events.iter().eq([&told]) { Ok(()) } else { Err(format!("{events:?}")) }
    })
    .await;
    assert!(!operator.output().contains("two"), "no value in the log");
}

#[tokio::test]
async fn the_same_content_rolls_nothing_out_however_it_comes() {
    let Some(stage) = Stage::of("rollout-same").await else { return };
    let _operator = stage.start().await;
    stage.seal("db", &[("db", "one")]).await;
    stage.deploy("web", &ASKS, reads(&["db"])).await;
    stage.recorded("web", &["db"]).await;
    let id = stage.content("db").await;

    // Another data key, and another label.
    let labelled = manifest("db", &[("db", "one")], "")
        .replace("  - name: db\n", "  - name: db\n    labels:\n      tier: back\n");
    stage.space.apply(&Seal::age().text(&labelled)).await.unwrap();
    eventually(SOON, "the label is there", async || {
        let labels = stage.space.secret("db").await?.metadata.labels.unwrap_or_default();
        if labels.contains_key("tier") { Ok(()) } else { Err(format!("{labels:?}")) }
    })
    .await;
    assert_eq!(stage.content("db").await, id);

    // Deleted, and changed by somebody: both are put right.
    let secrets = stage.space.api::<Secret>();
    let uid = stage.space.secret("db").await.unwrap().metadata.uid;
    secrets.delete("db", &DeleteParams::default()).await.unwrap();
    eventually(SOON, "it is there again", async || {
        let again = stage.space.secret("db").await?.metadata.uid;
        if again == uid { Err("the old one".into()) } else { Ok(()) }
    })
    .await;
    assert_eq!(stage.content("db").await, id);
    let patch = Patch::Merge(json!({"data": {"k": "eA=="}}));
    secrets.patch("db", &PatchParams::default(), &patch).await.unwrap();
    stage.holds("db", "one").await;
    assert_eq!(stage.content("db").await, id);

    stage.witness(1).await;
    stage.was_rolled("web", 0);
    // And another content does.
    stage.seal("db", &[("db", "two")]).await;
    stage.rolled("web", 1).await;
    assert_ne!(stage.content("db").await, id);
}

#[tokio::test]
async fn a_restart_rolls_nothing_out_and_what_changed_meanwhile_once() {
    let Some(stage) = Stage::of("rollout-restart").await else { return };
    let mut operator = stage.start().await;
    stage.seal("db", &[("db", "one")]).await;
    stage.deploy("web", &ASKS, reads(&["db"])).await;
    stage.recorded("web", &["db"]).await;
    stage.witness(1).await;
    operator.kill().await;

    let before = stage.cluster.audit().mark().await;
    let mut operator = stage.start().await;
    stage.witness(2).await;
    let calls = stage.cluster.audit().calls(&stage.account, before).await;
    assert_eq!(calls.count("patch", "deployments"), 1, "that of the witness: {calls}");
    assert_eq!(calls.count("update", "secrets"), 1, "that of the witness: {calls}");
    stage.was_rolled("web", 0);

    // Killed after the Secret was written and before the workload was rolled out.
    let id = stage.content("db").await;
    stage.apply("db", &[("db", "two")], "").await;
    eventually(SOON, "the Secret is written", async || {
        let now = stage.content("db").await;
        if now == id { Err("not yet".into()) } else { Ok(()) }
    })
    .await;
    operator.kill().await;
    stage.was_rolled("web", 0);
    let mut operator = stage.start().await;
    stage.rolled("web", 1).await;
    operator.stop().await;

    // Changed while nobody was there.
    stage.apply("db", &[("db", "three")], "").await;
    let _operator = stage.start().await;
    stage.rolled("web", 2).await;
    stage.witness(3).await;
    stage.was_rolled("web", 2);
}

#[tokio::test]
async fn another_leader_rolls_nothing_out() {
    let Some(mut stage) = Stage::of("rollout-leader").await else { return };
    let namespace = stage.space.name().to_owned();
    let launch = stage.launch.flag("leader-elect", "true");
    stage.launch = launch.flag("leader-election-namespace", namespace);
    let leads = |line: &Value| line["msg"] == "This replica leads";
    let mut first = stage.start().await;
    first.logged("it leads", leads).await;
    let second = stage.start().await;
    stage.seal("db", &[("db", "one")]).await;
    stage.deploy("web", &ASKS, reads(&["db"])).await;
    stage.recorded("web", &["db"]).await;
    stage.seal("db", &[("db", "two")]).await;
    stage.rolled("web", 1).await;
    stage.witness(1).await;
    assert_eq!(second.metric("sops_operator_rollouts_total"), Some(0.0), "it only looked on");
    first.stop().await;
    second.logged("the other one leads", leads).await;
    stage.witness(2).await;
    stage.was_rolled("web", 1);
    assert_eq!(second.metric("sops_operator_rollouts_total"), Some(1.0), "the witness");
}

#[tokio::test]
async fn secrets_that_change_together_roll_a_workload_out_once() {
    let Some(stage) = Stage::of("rollout-together").await else { return };
    let _operator = stage.start().await;
    stage.seal("pair", &[("a", "one"), ("b", "one")]).await;
    stage.seal("third", &[("c", "one")]).await;
    stage.deploy("web", &ASKS, reads(&["a", "b", "c"])).await;
    stage.recorded("web", &["a", "b", "c"]).await;
    stage.seal("pair", &[("a", "two"), ("b", "two")]).await;
    stage.seal("third", &[("c", "two")]).await;
    let look = stage.rolled("web", 1).await;
    stage.witness(1).await;
    stage.was_rolled("web", 1);
    for secret in ["a", "b", "c"] {
        assert_eq!(look.seen.get(secret), stage.content(secret).await.as_ref(), "{secret}");
    }
    let text = "rolled out: contents of Secrets a, b, c changed";
    eventually(SOON, "it is told", async || {
        let events = stage.events("web").await;
        let told = events.len() == 1 && events[0].2 == text;
        if told { Ok(()) } else { Err(format!("{events:?}")) }
    })
    .await;
}

#[tokio::test]
async fn what_exceeds_the_budget_waits_and_is_not_lost() {
    let Some(mut stage) = Stage::of("rollout-budget").await else { return };
    stage.launch = stage.launch.flag("rollouts-per-minute", "1");
    let mut operator = stage.start().await;
    stage.seal("db", &[("db", "one")]).await;
    for name in ["first", "second"] {
        stage.deploy(name, &ASKS, reads(&["db"])).await;
        stage.recorded(name, &["db"]).await;
    }
    stage.seal("db", &[("db", "two")]).await;
    let waits = |line: &Value| line["msg"].as_str().is_some_and(|msg| msg.starts_with("Waits: as"));
    operator.logged("one waits", waits).await;
    let rolled = || stage.history.changes("first") + stage.history.changes("second");
    eventually(
        SOON,
        "one is rolled out",
        async || {
            if rolled() > 0 { Ok(()) } else { Err("none".into()) }
        },
    )
    .await;
    assert_eq!(rolled(), 1);
    assert_eq!(operator.metric("sops_operator_rollouts_total"), Some(1.0));
    // A restart has a budget of its own, and knows who still has to be rolled out.
    operator.kill().await;
    let _operator = stage.start().await;
    stage.rolled("first", 1).await;
    stage.rolled("second", 1).await;
}

#[tokio::test]
async fn who_is_paused_waits() {
    let Some(stage) = Stage::of("rollout-paused").await else { return };
    let operator = stage.start().await;
    stage.seal("db", &[("db", "one")]).await;
    let paused = [ASKS[0], ("sops-operator/rollout-paused", "true")];
    stage.deploy("marked", &paused, reads(&["db"])).await;
    stage.deploy("stopped", &ASKS, reads(&["db"])).await;
    let deployments = stage.space.api::<Deployment>();
    let patch = async |name: &str, patch: Value| {
        deployments.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap()
    };
    patch("stopped", json!({"spec": {"paused": true}})).await;
    for name in ["marked", "stopped"] {
        stage.recorded(name, &["db"]).await;
    }
    stage.seal("db", &[("db", "two")]).await;
    stage.witness(1).await;
    ["marked", "stopped"].iter().for_each(|name| stage.was_rolled(name, 0));
    let told = operator.log();
    let told =
        told.iter().filter(|line| line["msg"].as_str().is_some_and(|m| m.contains("paused")));
    assert_eq!(told.count(), 2, "each is told once");

    patch("marked", json!({"metadata": {"annotations": {paused[1].0: null}}})).await;
    patch("stopped", json!({"spec": {"paused": false}})).await;
    stage.rolled("marked", 1).await;
    stage.rolled("stopped", 1).await;
    stage.witness(2).await;
    ["marked", "stopped"].iter().for_each(|name| stage.was_rolled(name, 1));
}

#[tokio::test]
async fn targets_of_an_object_are_rolled_out_for_all_its_secrets() {
    let Some(stage) = Stage::of("rollout-target").await else { return };
    let _operator = stage.start().await;
    stage.deploy("web", &[], mounts("a", None)).await;
    let spec = "  rolloutRestart:\n  - kind: Deployment\n    name: web\n  - kind: Deployment\n    \
                name: missing\n";
    stage.apply("pair", &[("a", "one"), ("b", "one")], spec).await;
    stage.recorded("web", &["a", "b"]).await;
    stage.apply("pair", &[("a", "one"), ("b", "two")], spec).await;
    let look = stage.rolled("web", 1).await;
    let id = stage.content("b").await.unwrap();
    assert_eq!(look.mark, Some(format!("b={id}")));
    // Once it is no target any more, nothing happens to it.
    stage.seal("pair", &[("a", "two"), ("b", "two")]).await;
    stage.witness(1).await;
    stage.was_rolled("web", 1);
}

#[tokio::test]
async fn who_puts_it_back_is_told_and_not_fought() {
    let Some(stage) = Stage::of("rollout-fight").await else { return };
    let _operator = stage.start().await;
    stage.seal("db", &[("db", "one")]).await;
    let owner = "{apiVersion: v1, kind: ConfigMap, metadata: {name: owner}}";
    let owner = stage.space.apply(owner).await.unwrap().remove(0).metadata.uid.unwrap();
    let mut owned = workload("Deployment", "owned", &ASKS, reads(&["db"]));
    owned["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner, "controller": true,
    }]);
    stage.space.apply(&owned.to_string()).await.unwrap();
    stage.recorded("owned", &["db"]).await;

    // Its controller: the pod template and what the operator recorded are as they were.
    let deployments = stage.space.api::<Deployment>();
    let seen = deployments.get("owned").await.unwrap().metadata.annotations.unwrap()[SEEN].clone();
    let controller = {
        let deployments = deployments.clone();
        tokio::spawn(async move {
            let params = WatchParams::default().fields("metadata.name=owned");
            let stream = deployments.watch(&params, "0").await.unwrap();
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = futures::StreamExt::next(&mut stream).await {
                let (WatchEvent::Added(found) | WatchEvent::Modified(found)) = event.unwrap()
                else {
                    continue;
                };
                let look = Look::of(&found.metadata, found.spec.map(|spec| spec.template));
                if look.mark.is_some() {
                    let back = json!({
                        "metadata": {"annotations": {SEEN: seen}},
                        "spec": {"template": {"metadata": {"annotations": {ROLLED_FOR: null}}}},
                    });
                    let patch = Patch::Merge(back);
                    deployments.patch("owned", &PatchParams::default(), &patch).await.unwrap();
                }
            }
        })
    };
    let put_back = async |times: usize| {
        eventually(SOON, "it is told", async || {
            let events = stage.events("owned").await;
            let told = events.iter().filter(|(reason, kind, text)| {
                reason == "RolloutReverted" && kind == "Warning" && text.contains("ConfigMap owner")
            });
            if told.count() == times { Ok(()) } else { Err(format!("{events:?}")) }
        })
        .await;
    };
    for (round, value) in [(1, "two"), (2, "three")] {
        stage.seal("db", &[("db", value)]).await;
        put_back(round).await;
        stage.witness(round).await;
        // There and back again, once for each content.
        stage.was_rolled("owned", 2 * round);
    }
    assert!(!controller.is_finished(), "it went on to the end");
    controller.abort();
}

#[tokio::test]
async fn without_the_flag_nothing_is_watched_and_nothing_is_marked() {
    let Some(mut stage) = Stage::of("rollout-off").await else { return };
    let before = stage.cluster.audit().mark().await;
    stage.launch = stage.launch.flag("rollout-restarts", "false");
    let mut operator = stage.start().await;
    stage.seal("db", &[("db", "one")]).await;
    stage.deploy("web", &ASKS, reads(&["db"])).await;
    stage.seal("db", &[("db", "two")]).await;
    assert_eq!(stage.content("db").await, None);
    operator.stop().await;
    let calls = stage.cluster.audit().calls(&stage.account, before).await;
    for resource in ["deployments", "statefulsets", "daemonsets", "rollouts"] {
        for verb in ["get", "list", "watch", "patch"] {
            assert_eq!(calls.count(verb, resource), 0, "{calls}");
        }
    }
    let look = stage.look("web").await;
    assert!(look.mark.is_none() && look.seen.is_empty(), "{look:?}");

    // Switched on, it begins with what there is: the next change is one.
    stage.launch = stage.launch.flag("rollout-restarts", "true");
    let _operator = stage.start().await;
    stage.recorded("web", &["db"]).await;
    assert_eq!(stage.content("db").await, None, "no write only for an id");
    stage.witness(1).await;
    stage.was_rolled("web", 0);
    stage.seal("db", &[("db", "three")]).await;
    stage.rolled("web", 1).await;
}

#[tokio::test]
async fn without_permissions_for_workloads_secrets_are_kept_and_it_is_told_once() {
    let (role, rest) = ROLE.split_once("- {apiGroups: [apps]").unwrap();
    let (_, rest) = rest.split_once("---").unwrap();
    let role = format!("{role}---{rest}");
    let Some(stage) = Stage::with_role("rollout-rights", &role).await else { return };
    let operator = stage.start().await;
    let told = |line: &Value| {
        line["msg"].as_str().is_some_and(|msg| msg.contains("rolloutRestarts.enabled"))
    };
    operator.logged("it is told", told).await;
    stage.seal("db", &[("db", "one")]).await;
    assert_eq!(operator.log().iter().filter(|line| told(line)).count(), 1);

    // Granted later, it works without a restart.
    stage.space.apply(ROLE).await.unwrap();
    stage.deploy("web", &ASKS, reads(&["db"])).await;
    stage.recorded("web", &["db"]).await;
    // Without the right to write it is tried again, and told on the workload.
    stage
        .space
        .apply(&ROLE.replace("watch, patch]}\n---", "watch]}\n---").replace(
            "daemonsets], verbs: [get, list, watch, patch]",
            "daemonsets], verbs: [get, list, watch]",
        ))
        .await
        .unwrap();
    stage.seal("db", &[("db", "two")]).await;
    eventually(SOON, "it is told", async || {
        let events = stage.events("web").await;
        let told = events
            .iter()
            .filter(|(reason, kind, _)| reason == "RolloutFailed" && kind == "Warning");
        if told.count() == 1 { Ok(()) } else { Err(format!("{events:?}")) }
    })
    .await;
    stage.space.apply(ROLE).await.unwrap();
    stage.rolled("web", 1).await;
}

/// As far as it counts here. The real one is of thousands of lines.
const ROLLOUTS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rollouts.argoproj.io}
spec:
  group: argoproj.io
  names: {kind: Rollout, plural: rollouts, singular: rollout, listKind: RolloutList}
  scope: Namespaced
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

#[tokio::test]
async fn rollouts_are_found_when_their_kind_appears() {
    let Some(stage) = Stage::of("rollout-argo").await else { return };
    let _operator = stage.start().await;
    stage.seal("db", &[("db", "one")]).await;
    stage.space.apply(ROLLOUTS).await.unwrap();
    let mut own = workload("Rollout", "own", &ASKS, reads(&["db"]));
    own["apiVersion"] = json!("argoproj.io/v1alpha1");
    let mut refers = own.clone();
    refers["metadata"]["name"] = json!("refers");
    refers["metadata"]["annotations"] = json!({ASKS[0].0: "db"});
    refers["spec"] = json!({"workloadRef": {"kind": "Deployment", "name": "web"}});
    stage.space.apply(&own.to_string()).await.unwrap();
    stage.space.apply(&refers.to_string()).await.unwrap();
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Rollout"));
    let rollouts: Api<DynamicObject> =
        Api::namespaced_with(stage.cluster.client(), stage.space.name(), &kind);
    let seen = async |name: &str| {
        let found = rollouts.get(name).await.unwrap();
        let seen = found.metadata.annotations.unwrap_or_default().get(SEEN).cloned();
        (seen, found.data["spec"]["template"]["metadata"]["annotations"][ROLLED_FOR].clone())
    };
    let says = async |name: &str, id: &str| {
        eventually(SOON, "it says what it has", async || {
            let (seen, mark) = seen(name).await;
            if seen == Some(format!("db={id}")) { Ok(mark) } else { Err(format!("{seen:?}")) }
        })
        .await
    };
    let id = stage.content("db").await.unwrap();
    for name in ["own", "refers"] {
        assert_eq!(says(name, &id).await, Value::Null, "{name}");
    }
    stage.seal("db", &[("db", "two")]).await;
    let id = stage.content("db").await.unwrap();
    assert_eq!(says("own", &id).await, json!(format!("db={id}")));
    assert_eq!(says("refers", &id).await, Value::Null);
    eventually(SOON, "it is told", async || {
        let events = stage.events("refers").await;
        let told = events.iter().any(|(reason, _, text)| {
            reason == "RolloutFailed" && text.contains("no pod template of its own")
        });
        if told { Ok(()) } else { Err(format!("{events:?}")) }
    })
    .await;
}
