//! The operator as the account of the chart: its rights suffice, and each that is missing is named
//! where it can still be said, costs no Secret, and heals when it comes back.

use std::collections::BTreeSet;

use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role, RoleBinding};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use sops_cluster::{Calls, Cluster, Launch, Operator, SOON, Seal, eventually};

use crate::scene::{Scene, plain, sealed};

/// Where a missing right is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// By the object that needs it.
    Condition,
    /// In the log.
    Log,
    /// In the log, and the operator does not say that it is ready.
    Unready,
}

/// `group/resource verb`, where it is told, and whether passes come to their end without it.
const NEEDED: [(&str, Told, bool); 14] = [
    ("isindir.github.com/sopssecrets get", Told::Log, false),
    ("isindir.github.com/sopssecrets list", Told::Unready, false),
    ("isindir.github.com/sopssecrets watch", Told::Log, true),
    ("isindir.github.com/sopssecrets/status patch", Told::Log, true),
    ("/secrets get", Told::Condition, false),
    ("/secrets list", Told::Unready, false),
    ("/secrets watch", Told::Log, true),
    ("/secrets create", Told::Condition, false),
    ("/secrets update", Told::Condition, false),
    ("/secrets delete", Told::Condition, false),
    ("/events create", Told::Log, true),
    ("coordination.k8s.io/leases get", Told::Log, false),
    ("coordination.k8s.io/leases create", Told::Log, false),
    // The lease is made, and cannot be renewed.
    ("coordination.k8s.io/leases update", Told::Log, true),
];

/// What the chart gives for other versions of the API server, of the operator, and for people who
/// switch on the admission of owner references.
const SPARE: [&str; 8] = [
    "isindir.github.com/sopssecrets/status get",
    "isindir.github.com/sopssecrets/status update",
    "isindir.github.com/sopssecrets/finalizers update",
    "/secrets patch",
    "/events patch",
    "events.k8s.io/events create",
    "events.k8s.io/events patch",
    "coordination.k8s.io/leases patch",
];

/// Rules of one group, resource and verb each.
fn single(rules: &[PolicyRule]) -> Vec<PolicyRule> {
    let mut all = Vec::new();
    for rule in rules {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                for verb in &rule.verbs {
                    all.push(PolicyRule {
                        api_groups: Some(vec![group.clone()]),
                        resources: Some(vec![resource.clone()]),
                        verbs: vec![verb.clone()],
                        ..rule.clone()
                    });
                }
            }
        }
    }
    all
}

/// What a single rule allows.
fn right(rule: &PolicyRule) -> String {
    let one = |texts: &Option<Vec<String>>| texts.iter().flatten().next().cloned();
    let (group, resource) = (one(&rule.api_groups), one(&rule.resources));
    format!("{}/{} {}", group.unwrap_or_default(), resource.unwrap_or_default(), rule.verbs[0])
}

fn words(right: &str) -> String {
    let (what, verb) = right.split_once(' ').unwrap();
    format!("the operator lacks the verb {verb} for {}", what.split_once('/').unwrap().1)
}

async fn roles(scene: &Scene) -> Vec<Role> {
    scene.space.api::<Role>().list(&ListParams::default()).await.unwrap().items
}

/// Lets the roles of the chart have all rights but these.
async fn allow_all_but(scene: &Scene, roles: &[Role], missing: &[&str]) {
    for role in roles {
        let rules = single(role.rules.as_deref().unwrap_or_default());
        let rules: Vec<_> =
            rules.into_iter().filter(|rule| !missing.contains(&right(rule).as_str())).collect();
        let patch = Patch::Merge(json!({"rules": rules}));
        let name = role.metadata.name.as_deref().unwrap();
        scene.space.api::<Role>().patch(name, &PatchParams::default(), &patch).await.unwrap();
    }
}

/// Waits until the API server knows it.
async fn until_missing(scene: &Scene, right: &str) {
    let (what, verb) = right.split_once(' ').unwrap();
    let (group, resource) = what.split_once('/').unwrap();
    let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
    let named = (resource == "leases").then(|| "ca57d051.github.com".to_owned());
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(scene.account.user().to_owned()),
            resource_attributes: Some(ResourceAttributes {
                group: Some(group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource: Some(sub.to_owned()),
                verb: Some(verb.to_owned()),
                namespace: Some(scene.space.name().to_owned()),
                name: named,
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(scene.space.cluster().client());
    eventually(SOON, "the right is gone", async || {
        let answer = api.create(&PostParams::default(), &review).await;
        let status = answer.map_err(|error| error.to_string())?.status.unwrap_or_default();
        if status.allowed { Err(format!("{right} is allowed")) } else { Ok(()) }
    })
    .await;
}

/// The object of these tests before and after its change, and one that is new then.
struct Texts {
    first: String,
    second: String,
    third: String,
    other: String,
}

fn texts() -> Texts {
    Texts {
        first: sealed("app", &[("keep", "one"), ("drop", "one")]),
        second: sealed("app", &[("keep", "two"), ("new", "two")]),
        third: sealed("app", &[("keep", "two")]),
        other: sealed("other", &[("other", "one")]),
    }
}

fn launch(scene: &Scene) -> Launch {
    let launch = scene.launch().flag("leader-elect", "true");
    launch.flag("leader-election-namespace", scene.space.name()).env("POD_NAME", "pod")
}

/// Starts an operator that may everything, and has it make the first Secrets.
async fn begin(scene: &Scene, texts: &Texts) {
    scene.apply(&texts.first).await;
    let mut operator = launch(scene).start();
    operator.ready().await;
    scene.healthy("app").await;
    assert!(operator.stop().await.success(), "{}", operator.output());
    let leases = scene.space.api::<Lease>();
    leases.delete("ca57d051.github.com", &DeleteParams::default()).await.unwrap();
}

/// Waits until everything is as the second texts say.
async fn end(scene: &Scene) {
    scene.healthy("app").await;
    scene.healthy("other").await;
    for (name, value) in [("keep", "two"), ("new", "two"), ("other", "one")] {
        scene.holds(name, &[("key", value)]).await;
    }
    let names: Vec<_> = scene.space.secrets().await.into_keys().collect();
    assert_eq!(names, ["keep", "new", "other"]);
}

/// Seconds between the lines that tell a failure of a pass over `app`.
fn pauses(operator: &Operator, scene: &Scene) -> Vec<f64> {
    let name = format!("{}/app", scene.space.name());
    let failed = |line: &Value| {
        line["msg"] == "The API server failed" && line["sopssecret"] == name.as_str()
    };
    let log = operator.log();
    let times = log.iter().filter(|line| failed(line)).map(|line| {
        let time = line["ts"].as_str().unwrap();
        let clock = time.split_once('T').unwrap().1.trim_end_matches('Z');
        clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
    });
    let times: Vec<f64> = times.collect();
    times.windows(2).map(|pair| (pair[1] - pair[0]).rem_euclid(86_400.0)).collect()
}

async fn without(scene: &Scene, texts: &Texts, (right, told, ends): (&str, Told, bool)) {
    let roles = roles(scene).await;
    begin(scene, texts).await;
    allow_all_but(scene, &roles, &[right]).await;
    until_missing(scene, right).await;
    scene.apply(&texts.second).await;
    scene.apply(&texts.other).await;
    let start = scene.audit().mark().await;
    let mut operator = launch(scene).start();
    let words = words(right);
    operator_says(&operator, &words).await;
    match told {
        Told::Log => {}
        Told::Unready => assert_eq!(operator.probe("/readyz"), Some(503), "{right}"),
        Told::Condition => {
            let object = if right == "/secrets create" { "other" } else { "app" };
            scene.fails(object, &words).await;
            scene.fails("app", &words).await;
        }
    }
    if right.ends_with("status patch") {
        // The pauses grow also when all that fails is to tell how well it went.
        eventually(SOON, "three tries", async || {
            let pauses = pauses(&operator, scene);
            if pauses.len() >= 2 { Ok(()) } else { Err(format!("{pauses:?}")) }
        })
        .await;
        let pauses = pauses(&operator, scene);
        assert!(pauses[1] > pauses[0] * 1.4, "{right}: {pauses:?}");
    }
    let names: Vec<_> = scene.space.secrets().await.into_keys().collect();
    assert!(names.contains(&"keep".to_owned()), "{right}: {names:?}");
    assert!(ends || names.contains(&"drop".to_owned()), "{right}: {names:?}");
    assert_eq!(operator.probe("/healthz"), Some(200), "{right}");

    allow_all_but(scene, &roles, &[]).await;
    operator.ready().await;
    end(scene).await;
    if right == "/events create" {
        scene.apply(&texts.third).await;
        eventually(SOON, "an event", async || {
            let events = scene.space.api::<Event>().list(&ListParams::default()).await;
            let events = events.map_err(|error| error.to_string())?.items;
            let deleted = |event: &Event| event.reason.as_deref() == Some("Deleted");
            if events.iter().any(deleted) { Ok(()) } else { Err(format!("{events:?}")) }
        })
        .await;
    }
    let calls = scene.audit().calls(&scene.account, start).await;
    let deleted = calls.only(|call| call.verb == "delete" && call.name != "drop");
    let deleted = deleted.only(|call| right != "/events create" || call.name != "new");
    assert_eq!(deleted.0, [], "{right}: {calls}");
    let refused = calls.refused().only(|call| call.code == 403);
    assert!(!refused.0.is_empty(), "{right}: {calls}");
    let output = operator.output();
    assert!(!output.contains("panic"), "{right}: {output}");
}

async fn operator_says(operator: &Operator, words: &str) {
    eventually(SOON, words, async || match operator.output() {
        output if output.contains(words) => Ok(()),
        output => Err(output),
    })
    .await;
}

#[tokio::test]
async fn each_right_that_is_missing_is_named_deletes_nothing_and_heals() {
    let Some(cluster) = Cluster::shared().await else { return };
    let texts = texts();
    let cases = NEEDED.map(async |case| {
        let Some(scene) = Scene::on(&cluster, "right").await else { return };
        without(&scene, &texts, case).await;
    });
    join_all(cases).await;
}

#[tokio::test]
async fn the_rights_of_the_chart_suffice_and_are_those_of_these_tests() {
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(scene) = Scene::on(&cluster, "rights").await else { return };
    let roles = roles(&scene).await;
    let rules: Vec<_> = roles.iter().flat_map(|role| role.rules.iter().flatten()).collect();
    let given: BTreeSet<String> = rules
        .into_iter()
        .flat_map(|rule| single(std::slice::from_ref(rule)))
        .map(|r| right(&r))
        .collect();
    let known = NEEDED.iter().map(|(right, ..)| *right).chain(SPARE);
    assert_eq!(
        given,
        known.map(str::to_owned).collect(),
        "a right without a test, or a test without"
    );

    let texts = texts();
    begin(&scene, &texts).await;
    allow_all_but(&scene, &roles, &SPARE).await;
    for right in SPARE {
        until_missing(&scene, right).await;
    }
    let start = scene.audit().mark().await;
    scene.apply(&texts.second).await;
    scene.apply(&texts.other).await;
    let mut operator = launch(&scene).start();
    operator.ready().await;
    end(&scene).await;
    assert!(operator.stop().await.success());
    let calls = scene.audit().calls(&scene.account, start).await;
    assert_eq!(beyond(&calls).0, [], "{calls}");
}

/// What was refused, but for the one list that a Role cannot allow.
fn beyond(calls: &Calls) -> Calls {
    calls.only(|call| matches!(call.code, 401 | 403) && call.resource != "namespaces")
}

#[tokio::test]
async fn without_any_right_for_a_while_everything_stays_and_goes_on_afterwards() {
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(scene) = Scene::on(&cluster, "revoked").await else { return };
    let texts = texts();
    scene.apply(&texts.first).await;
    let mut operator = scene.launch().start();
    operator.ready().await;
    scene.healthy("app").await;
    let bindings = scene.space.api::<RoleBinding>();
    let saved = bindings.list(&ListParams::default()).await.unwrap().items;
    for binding in &saved {
        let name = binding.metadata.name.as_deref().unwrap();
        bindings.delete(name, &DeleteParams::default()).await.unwrap();
    }
    until_missing(&scene, "/secrets update").await;
    scene.apply(&texts.second).await;
    scene.apply(&texts.other).await;
    operator_says(&operator, "403 Forbidden; the operator lacks the verb").await;
    let names: Vec<_> = scene.space.secrets().await.into_keys().collect();
    assert_eq!(names, ["drop", "keep"]);
    for mut binding in saved {
        binding.metadata.resource_version = None;
        binding.metadata.uid = None;
        bindings.create(&PostParams::default(), &binding).await.unwrap();
    }
    end(&scene).await;
}

#[tokio::test]
async fn in_all_namespaces_the_rights_suffice_and_namespaces_are_looked_at_as_soon_as_allowed() {
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(scene) = Scene::with(&cluster, "everywhere", &[]).await else { return };
    let start = scene.audit().mark().await;
    // No other test uses this label, and no other object is touched.
    let text = plain("app", &[("keep", "one")]);
    let text = text.replace("metadata:\n", "metadata:\n  labels: {everywhere: \"1\"}\n");
    scene.apply(&Seal::age().text(&text)).await;
    let launch = scene.launch_as(scene.account.kubeconfig()).flag("selector", "everywhere=1");
    let mut operator = launch.start();
    operator.ready().await;
    scene.healthy("app").await;
    let demand = async |demanded: Value| {
        let labels = json!({"metadata": {"labels": {"sops-operator/require-verified": demanded}}});
        let api: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(cluster.client());
        let params = PatchParams::default();
        api.patch(scene.space.name(), &params, &Patch::Merge(labels)).await.unwrap();
    };
    demand(json!("true")).await;
    scene.fails("app", "").await;
    demand(Value::Null).await;
    scene.healthy("app").await;
    assert!(operator.stop().await.success());
    let calls = scene.audit().calls(&scene.account, start).await;
    assert_eq!(calls.only(|call| matches!(call.code, 401 | 403)).0, [], "{calls}");

    let api: Api<ClusterRole> = Api::all(cluster.client());
    let instance = format!("app.kubernetes.io/instance={}", scene.space.name());
    let role = api.list(&ListParams::default().labels(&instance)).await.unwrap().items.remove(0);
    let rules = role.rules.clone().unwrap();
    let but = |rule: &&PolicyRule| {
        !rule.resources.iter().flatten().any(|resource| resource == "namespaces")
    };
    let fewer: Vec<_> = rules.iter().filter(but).collect();
    let change = async |rules: Value| {
        let (name, patch) = (role.metadata.name.as_deref().unwrap(), json!({"rules": rules}));
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    };
    change(json!(fewer)).await;
    until_missing(&scene, "/namespaces list").await;
    let mut operator = launch.start();
    operator.ready().await;
    operator_says(&operator, "the operator lacks the verb list for namespaces").await;
    operator_says(
        &operator,
        "The label sops-operator/require-verified of namespaces is not looked at",
    )
    .await;
    change(json!(rules)).await;
    demand(json!("true")).await;
    scene.fails("app", "").await;
    scene.holds("keep", &[("key", "one")]).await;
}
