//! What a restart, a new leader and plain time cost: nothing. And that nothing is missed meanwhile.

use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use serde_json::json;
use sops_cluster::{Launch, Operator, SOON, eventually};

use crate::stage::{
    HEALTHY, NOT_OWNED, SUSPENDED, Stage, WHILE, plain, sealed, sealed_values, template,
};

/// Objects in every state that lasts: healthy ones, one that is suspended, one that is not
/// encrypted, one whose Secret belongs to somebody else.
async fn some_of_everything(stage: &Stage) {
    let good = sealed_values("good-NAME", json!([template("db-NAME", &[("k", "v")])]));
    for number in 0..5 {
        stage.apply(&good.replace("NAME", &format!("n{number}"))).await;
    }
    let suspended = sealed("suspended", json!([template("none", &[("k", "v")])]));
    stage.apply(&suspended.replacen("spec:\n", "spec:\n  suspend: true\n", 1)).await;
    stage.apply(&plain("bare", json!([template("bare", &[("k", "v")])]))).await;
    for number in 0..5 {
        stage.says(&format!("good-n{number}"), HEALTHY).await;
    }
    stage.apply(&sealed("second", json!([template("db-n0", &[("k", "v")])]))).await;
    stage.says("suspended", SUSPENDED).await;
    stage.reason("bare", "NotEncrypted").await;
    stage.says("second", NOT_OWNED).await;
    stage.told("bare", "NotEncrypted").await;
    stage.told("second", "TemplateFailed").await;
}

#[tokio::test]
async fn an_idle_operator_does_nothing_and_a_restart_writes_nothing() {
    let Some(stage) = Stage::set("idle").await else { return };
    let mut operator = stage.operate().await;
    some_of_everything(&stage).await;
    let before = stage.versions().await;
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.0, [], "{calls}");

    let mark = stage.cluster.audit().mark().await;
    operator.stop().await;
    let _operator = stage.operate().await;
    // Whoever comes last comes after what waited.
    stage.apply(&sealed("last", json!([template("last", &[("k", "v")])]))).await;
    stage.says("last", HEALTHY).await;
    stage.idle(WHILE).await;
    let calls = stage.cluster.audit().calls(&stage.account, mark).await;
    let writes =
        calls.writes().only(|call| !call.name.starts_with("last") && call.verb != "create");
    assert_eq!(writes.0, [], "{calls}");
    assert_eq!(calls.count("create", "secrets"), 1, "{calls}");
    let after: Vec<_> =
        stage.versions().await.into_iter().filter(|(name, ..)| name != "last").collect();
    assert_eq!(after, before);
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.0, [], "{calls}");
}

#[tokio::test]
async fn what_changed_while_no_operator_ran_is_seen_by_the_next_one() {
    let Some(stage) = Stage::set("gap").await else { return };
    let mut operator = stage.operate().await;
    let good = sealed_values("good-NAME", json!([template("db-NAME", &[("k", "v")])]));
    for name in ["drift", "deleted", "changed", "gone", "same"] {
        stage.apply(&good.replace("NAME", name)).await;
        stage.says(&format!("good-{name}"), HEALTHY).await;
    }
    operator.kill().await;
    stage.patch_secret("db-drift", json!({"stringData": {"k": "drift"}})).await;
    let secrets = stage.space.api::<Secret>();
    secrets.delete("db-deleted", &DeleteParams::default()).await.unwrap();
    let change = sealed_values("good-changed", json!([template("db-changed", &[("k", "new")])]));
    stage.apply(&change).await;
    stage.objects().delete("good-gone", &DeleteParams::background()).await.unwrap();
    stage.gone("db-gone").await;
    let same = stage.space.secret("db-same").await.unwrap();

    let _operator = stage.operate().await;
    stage.holds("db-drift", &[("k", "v")]).await;
    stage.holds("db-deleted", &[("k", "v")]).await;
    stage.holds("db-changed", &[("k", "new")]).await;
    assert_eq!(stage.space.secret("db-same").await.unwrap(), same);
    assert_eq!(stage.space.secrets().await.len(), 4);
}

/// One of several replicas.
fn replica(stage: &Stage) -> Launch {
    let launch = stage.launch().flag("leader-elect", "true");
    launch.flag("leader-election-namespace", stage.space.name())
}

const LEADS: &str = "leader_election_master_status{name=\"ca57d051.github.com\"}";

async fn leads(operator: &Operator) {
    eventually(SOON, "this replica leads", async || match operator.metric(LEADS) {
        Some(1.0) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

#[tokio::test]
async fn a_leader_that_is_asked_to_go_hands_over_at_once_and_only_the_lease_is_written() {
    let Some(stage) = Stage::set("hand-over").await else { return };
    let mut first = replica(&stage).start();
    first.ready().await;
    leads(&first).await;
    some_of_everything(&stage).await;
    let before = stage.versions().await;
    let mut second = replica(&stage).start();
    second.ready().await;
    assert_eq!(second.metric(LEADS), Some(0.0), "one leads");
    let mark = stage.cluster.audit().mark().await;
    let begin = std::time::Instant::now();
    assert!(first.stop().await.success());
    leads(&second).await;
    assert!(begin.elapsed().as_secs() < 10, "a lease lasts 15 seconds: it was given back");
    stage.idle(WHILE).await;
    let calls = stage.cluster.audit().calls(&stage.account, mark).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    assert!(calls.count("update", "leases") > 0, "{calls}");
    assert_eq!(stage.versions().await, before);

    // It works.
    stage.patch_secret("db-n1", json!({"stringData": {"k": "drift"}})).await;
    stage.holds("db-n1", &[("k", "v")]).await;
}

#[tokio::test]
async fn what_happens_between_two_leaders_is_not_lost() {
    let Some(stage) = Stage::set("failover").await else { return };
    let mut first = replica(&stage).start();
    first.ready().await;
    leads(&first).await;
    stage.apply(&sealed("mine", json!([template("db", &[("k", "v")])]))).await;
    stage.says("mine", HEALTHY).await;
    let mut second = replica(&stage).start();
    second.ready().await;
    first.kill().await;
    // The second one sees this, and may not act yet.
    stage.patch_secret("db", json!({"stringData": {"k": "drift"}})).await;
    stage.apply(&sealed("other", json!([template("other", &[("k", "v")])]))).await;
    assert_eq!(second.metric(LEADS), Some(0.0));
    stage.holds("db", &[("k", "v")]).await;
    stage.holds("other", &[("k", "v")]).await;
    assert_eq!(second.metric(LEADS), Some(1.0));
}
