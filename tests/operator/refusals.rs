//! What the API server, or somebody else, does not let the operator do.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ResourceQuota, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use sops_cluster::{Cluster, Operator, SOON, eventually};

use crate::scene::{Scene, sealed};

/// In what nobody may repeat.
const CANARY: &str = "canary-5d1f";

async fn operate(scene: &Scene) -> Operator {
    let mut operator = scene.launch().start();
    operator.ready().await;
    operator
}

async fn patch(scene: &Scene, secret: &str, change: serde_json::Value) {
    let secrets = scene.space.api::<Secret>();
    secrets.patch(secret, &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
}

#[tokio::test]
async fn a_quota_is_named_and_more_room_heals() {
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(scene) = Scene::on(&cluster, "quota").await else { return };
    let quota = |secrets: u32| {
        format!(
            "{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: q}}, \
             spec: {{hard: {{secrets: '{secrets}'}}}}}}"
        )
    };
    scene.apply(&quota(1)).await;
    eventually(SOON, "the quota counts", async || {
        let quota = scene.space.api::<ResourceQuota>().get("q").await;
        let status = quota.map_err(|error| error.to_string())?.status.unwrap_or_default();
        if status.used.is_some() { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    let _operator = operate(&scene).await;
    scene.apply(&sealed("first", &[("first", "one")])).await;
    scene.healthy("first").await;
    scene.apply(&sealed("second", &[("second", "one")])).await;
    scene.fails("second", "a quota of the namespace is exhausted").await;
    // What needs no room is not held up.
    scene.apply(&sealed("first", &[("first", "two")])).await;
    scene.holds("first", &[("key", "two")]).await;
    scene.apply(&quota(2)).await;
    scene.healthy("second").await;
    scene.holds("second", &[("key", "one")]).await;
}

#[tokio::test]
async fn what_takes_a_new_secret_is_said_and_not_done() {
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(scene) = Scene::on(&cluster, "recreate").await else { return };
    let _operator = operate(&scene).await;
    let audit = scene.audit();
    scene.apply(&sealed("fixed", &[("fixed", "one")])).await;
    scene.apply(&sealed("typed", &[("typed", "one")])).await;
    scene.healthy("fixed").await;
    scene.healthy("typed").await;
    patch(&scene, "fixed", json!({"immutable": true})).await;
    let start = audit.mark().await;
    scene.apply(&sealed("fixed", &[("fixed", CANARY)])).await;
    let text = sealed("typed", &[("typed", "one")]);
    let text = text.replace("- name: typed\n", "- name: typed\n    type: example.test/kind\n");
    assert!(text.contains("example.test/kind"), "{text}");
    scene.apply(&text).await;
    let words = scene.fails("fixed", "immutable").await;
    assert!(!words.contains(CANARY), "{words}");
    scene.fails("typed", "type").await;
    scene.holds("fixed", &[("key", "one")]).await;
    scene.holds("typed", &[("key", "one")]).await;
    let calls = audit.calls(&scene.account, start).await;
    assert_eq!(calls.count("delete", "secrets"), 0, "{calls}");
    assert_eq!(calls.count("update", "secrets"), 0, "what cannot be done is not tried: {calls}");
    // Who deletes it gets the new one at once.
    for name in ["fixed", "typed"] {
        scene.space.api::<Secret>().delete(name, &DeleteParams::default()).await.unwrap();
        scene.healthy(name).await;
    }
    scene.holds("fixed", &[("key", CANARY)]).await;
    let typed = scene.space.secret("typed").await.unwrap();
    assert_eq!(typed.type_.as_deref(), Some("example.test/kind"));
}

/// Refuses Secrets named `refused` in a namespace, and repeats what they hold.
fn policy(namespace: &str) -> String {
    format!(
        "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {namespace}}}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [secrets]}}
  validations:
  - expression: 'object.metadata.name != \"refused\"'
    messageExpression: '\"no to \" + string(object.data.key)'
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {namespace}}}
spec:
  policyName: {namespace}
  validationActions: [Deny]
  matchResources:
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}
"
    )
}

#[tokio::test]
async fn a_policy_that_refuses_is_told_without_its_words() {
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(scene) = Scene::on(&cluster, "policy").await else { return };
    scene.apply(&policy(scene.space.name())).await;
    let probe = || Secret {
        metadata: kube::api::ObjectMeta { name: Some("refused".into()), ..Default::default() },
        data: Some([("key".into(), k8s_openapi::ByteString(b"x".to_vec()))].into()),
        ..Secret::default()
    };
    let try_it = PostParams { dry_run: true, ..PostParams::default() };
    eventually(SOON, "the policy counts", async || {
        match scene.space.api::<Secret>().create(&try_it, &probe()).await {
            Err(kube::Error::Api(status)) if status.code == 422 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let operator = operate(&scene).await;
    scene.apply(&sealed("app", &[("refused", CANARY), ("taken", "one")])).await;
    let words = scene.fails("app", "422").await;
    scene.holds("taken", &[("key", "one")]).await;
    let encoded = "Y2FuYXJ5LTVkMWY";
    let status = scene.objects().get("app").await.unwrap().data["status"].to_string();
    for text in [words, operator.output(), operator.metrics_text(), status] {
        assert!(!text.contains(CANARY) && !text.contains(encoded), "{text}");
    }
    let delete = ["delete", "validatingadmissionpolicybinding", scene.space.name()];
    scene.space.kubectl(&delete).run().success();
    scene.healthy("app").await;
    scene.holds("refused", &[("key", CANARY)]).await;
}

#[tokio::test]
async fn somebody_who_writes_the_same_secret_all_the_time_holds_up_nobody_else() {
    const WRITES: usize = 150;
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(scene) = Scene::on(&cluster, "rival").await else { return };
    let _operator = operate(&scene).await;
    scene.apply(&sealed("app", &[("app", "one")])).await;
    scene.healthy("app").await;
    let start = scene.audit().mark().await;
    for number in 0..WRITES {
        // Data and more, so that there is something to repair each time.
        let change = json!({"data": {"key": "eA==", "other": "eA=="},
            "metadata": {"annotations": {"rival": number.to_string()}}});
        patch(&scene, "app", change).await;
        if number == WRITES / 2 {
            scene.apply(&sealed("app", &[("app", "two")])).await;
            scene.apply(&sealed("beside", &[("beside", "one")])).await;
        }
    }
    scene.healthy("beside").await;
    scene.holds("app", &[("key", "two")]).await;
    scene.healthy("app").await;
    let secret = scene.space.secret("app").await.unwrap();
    let annotations = secret.metadata.annotations.unwrap_or_default();
    assert_eq!(annotations.get("rival"), Some(&(WRITES - 1).to_string()), "what others put stays");
    let calls = scene.audit().calls(&scene.account, start).await;
    // At most an answer to each write and to our own change, whether it was taken or not.
    assert!(calls.count("update", "secrets") <= WRITES + 4, "{calls}");
    assert!(calls.count("patch", "sopssecrets/status") <= 20, "{calls}");
    assert_eq!(calls.count("delete", "secrets"), 0, "{calls}");
}

#[tokio::test]
async fn a_namespace_that_goes_away_is_not_fought_over() {
    let Some(cluster) = Cluster::shared().await else { return };
    // The rights outlive the namespace that is watched.
    let Some(scene) = Scene::with(&cluster, "rights-of-terminating", &[]).await else { return };
    let going = cluster.namespace("terminating").await;
    let holder = "{apiVersion: v1, kind: ConfigMap, metadata: {name: holder, finalizers: [example.test/hold]}}";
    going.apply(holder).await.unwrap();
    let text = sealed("object", &[("object", "one")]);
    let names: Vec<String> = (0..10).map(|number| format!("object-{number}")).collect();
    for name in &names {
        let text = text.replace("name: object", &format!("name: {name}"));
        going.apply(&text).await.unwrap();
    }
    let launch = scene.launch_as(scene.account.kubeconfig());
    let mut operator = launch.flag("watch-namespace", going.name()).start();
    operator.ready().await;
    eventually(SOON, "all Secrets", async || {
        let made = going.secrets().await.len();
        if made == names.len() { Ok(()) } else { Err(format!("{made}")) }
    })
    .await;
    let start = scene.audit().mark().await;
    let namespaces: Api<Namespace> = Api::all(cluster.client());
    namespaces.delete(going.name(), &DeleteParams::default()).await.unwrap();
    eventually(SOON, "the Secrets are gone", async || {
        let left = going.secrets().await.len();
        if left == 0 { Ok(()) } else { Err(format!("{left}")) }
    })
    .await;
    eventually(SOON, "the objects are forgotten", async || {
        let objects = operator.metrics();
        let count: f64 = objects
            .iter()
            .filter(|(series, _)| series.starts_with("sops_operator_objects"))
            .map(|(_, count)| count)
            .sum();
        if count == 0.0 { Ok(()) } else { Err(format!("{objects:?}")) }
    })
    .await;
    let calls = scene.audit().calls(&scene.account, start).await;
    let created = calls.only(|call| call.verb == "create" && call.resource == "secrets");
    assert_eq!(created.only(|call| call.code < 300).0, [], "{calls}");
    assert!(created.0.len() <= 3 * names.len(), "{calls}");
    assert_eq!(calls.count("delete", "secrets"), 0, "{calls}");
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    let maps = going.api::<ConfigMap>();
    maps.patch("holder", &PatchParams::default(), &release).await.unwrap();
    eventually(SOON, "the namespace is gone", async || {
        match namespaces.get_opt(going.name()).await {
            Ok(None) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(operator.is_running());
}
