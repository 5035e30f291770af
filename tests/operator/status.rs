//! What an object says of itself, and what the operator tells (operator spec §6).

use k8s_openapi::api::core::v1::ResourceQuota;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use sops_cluster::{SOON, eventually};

use crate::stage::{
    CREATION, DECRYPTION, HEALTHY, NOT_OWNED, SUSPENDED, Stage, UNKNOWN, UPDATE, WHILE, condition,
    plain, sealed, template,
};

/// Objects that end in each text of the original. The one text that is missing, `Setting controller
/// ownership of the child secret error`, comes of no step of ours.
async fn one_of_each(stage: &Stage) -> Vec<(&'static str, &'static str)> {
    let good = |name: &str| sealed(name, json!([template(name, &[("k", "v")])]));
    stage.apply(&good("good")).await;
    stage.apply(&good("suspended").replacen("spec:\n", "spec:\n  suspend: true\n", 1)).await;
    stage.apply(&plain("bare", json!([template("bare", &[("k", "v")])]))).await;
    let foreign = serde_json::from_value(json!({"metadata": {"name": "foreign"}})).unwrap();
    stage
        .space
        .api::<k8s_openapi::api::core::v1::Secret>()
        .create(&PostParams::default(), &foreign)
        .await
        .unwrap();
    stage.apply(&good("foreign")).await;
    stage.apply(&sealed("coded", json!([{"name": "coded", "data": {"k": "%"}}]))).await;
    stage.apply(&good("typed")).await;
    stage.says("typed", HEALTHY).await;
    let typed = json!([{"name": "typed", "type": "example.test/other", "stringData": {"k": "v"}}]);
    stage.apply(&sealed("typed", typed)).await;
    stage
        .apply(&sealed(
            "config",
            json!([{"name": "config", "type": "kubernetes.io/dockerconfigjson"}]),
        ))
        .await;
    vec![
        ("good", HEALTHY),
        ("suspended", SUSPENDED),
        ("bare", DECRYPTION),
        ("foreign", NOT_OWNED),
        ("coded", CREATION),
        ("typed", UPDATE),
        ("config", UNKNOWN),
    ]
}

#[tokio::test]
async fn each_text_of_the_original_is_said_in_its_case_with_conditions_that_kstatus_reads() {
    let Some(stage) = Stage::set("texts").await else { return };
    let _operator = stage.operate().await;
    let all = one_of_each(&stage).await;
    for (name, message) in all {
        let object = stage.says(name, message).await;
        let generation = &object["metadata"]["generation"];
        let good = [HEALTHY, SUSPENDED].contains(&message);
        let conditions = object["status"]["conditions"].as_array().unwrap();
        for one in conditions {
            assert_eq!(&one["observedGeneration"], generation, "{name}: {one}");
            let time = one["lastTransitionTime"].as_str().unwrap();
            assert!(time.ends_with('Z') && time.len() == 20, "{name}: {one}");
            assert!(!one["reason"].as_str().unwrap().is_empty(), "{name}: {one}");
        }
        let ready = condition(&object, "Ready");
        assert_eq!(ready["status"], if good { "True" } else { "False" }, "{name}");
        // Of those that mean trouble, one is there and true, or none.
        let abnormal: Vec<_> = conditions
            .iter()
            .filter(|one| one["type"] == "Reconciling" || one["type"] == "Stalled")
            .map(|one| one["status"].as_str().unwrap())
            .collect();
        assert_eq!(abnormal, if good { vec![] } else { vec!["True"] }, "{name}");
    }
    // As deployment tools wait.
    let wait = ["wait", "--for=condition=Ready", "--timeout=20s", "sops/good", "sops/suspended"];
    stage.space.kubectl(&wait).run().success();
    stage
        .space
        .kubectl(&["wait", "--for=condition=Ready=false", "--timeout=20s", "sops/bare"])
        .run()
        .success();
}

#[tokio::test]
async fn a_status_is_written_when_it_says_something_new_and_then_not_again() {
    let Some(stage) = Stage::set("status-writes").await else { return };
    let operator = stage.operate().await;
    let all = one_of_each(&stage).await;
    for (name, message) in &all {
        stage.says(name, message).await;
    }
    let mark = stage.cluster.audit().mark().await;
    let before = stage.objects().list(&Default::default()).await.unwrap();
    // Made to look again, each says the same.
    for (name, _) in &all {
        stage.patch(name, json!({"metadata": {"annotations": {"look": "again"}}})).await;
    }
    let passes = |operator: &sops_cluster::Operator| -> f64 {
        ["successes", "failures", "suspends"]
            .map(|end| operator.metric(&format!("sopssecrets_reconcilation_{end}_total")).unwrap())
            .iter()
            .sum()
    };
    let wanted = 2.0 * all.len() as f64;
    eventually(SOON, "each was looked at again", async || {
        let passes = passes(&operator);
        if passes >= wanted { Ok(()) } else { Err(format!("{passes}")) }
    })
    .await;
    stage.idle(WHILE).await;
    let calls = stage.cluster.audit().calls(&stage.account, mark).await;
    assert_eq!(calls.count("patch", "sopssecrets/status"), 0, "{calls}");
    let after = stage.objects().list(&Default::default()).await.unwrap();
    let statuses = |list: &kube::api::ObjectList<kube::api::DynamicObject>| -> Vec<Value> {
        list.iter().map(|object| object.data["status"].clone()).collect()
    };
    assert_eq!(statuses(&after), statuses(&before), "times too");
}

#[tokio::test]
async fn what_was_repaired_leaves_nothing_stale_and_times_move_with_the_outcome_only() {
    let Some(stage) = Stage::set("stale").await else { return };
    let operator = stage.operate().await;
    let good = sealed("mine", json!([template("db", &[("k", "v")])]));
    stage.apply(&good).await;
    let first = stage.says("mine", HEALTHY).await;
    let data = stage.space.secret("db").await.unwrap();
    // A failed update: the last good Secret stays, and the object does not look fine.
    stage.apply(&good.replacen("iv:", "iv:AAAA", 1)).await;
    let bad = stage.says("mine", DECRYPTION).await;
    let ready = condition(&bad, "Ready");
    assert_eq!(
        (&ready["status"], &ready["observedGeneration"]),
        (&json!("False"), &bad["metadata"]["generation"])
    );
    assert_eq!(stage.space.secret("db").await.unwrap(), data);
    assert_eq!(bad["status"]["secrets"], first["status"]["secrets"], "what is there is still told");
    let age = "sops_operator_last_success_age_seconds{state=\"failing\"}";
    eventually(SOON, "how old the last success is", async || {
        operator.metric(age).filter(|age| *age > 0.0).ok_or_else(|| operator.metrics_text())
    })
    .await;

    stage.apply(&good).await;
    let repaired = stage.says("mine", HEALTHY).await;
    assert_eq!(
        repaired["status"]["conditions"].as_array().unwrap().len(),
        first["status"]["conditions"].as_array().unwrap().len()
    );
    let text = repaired["status"].to_string();
    assert!(!text.contains("BadCiphertext") && !text.contains("Decryption"), "{text}");
    assert_eq!(stage.space.secret("db").await.unwrap(), data);
    // A new generation with the same outcome keeps the time.
    let time = |object: &Value| condition(object, "Ready")["lastTransitionTime"].clone();
    stage.apply(&sealed("mine", json!([template("db", &[("k", "w")])]))).await;
    stage.holds("db", &[("k", "w")]).await;
    let again = stage.says("mine", HEALTHY).await;
    assert_ne!(again["metadata"]["generation"], repaired["metadata"]["generation"]);
    assert_eq!(time(&again), time(&repaired));
}

#[tokio::test]
async fn an_event_tells_each_outcome_once() {
    let Some(stage) = Stage::set("events").await else { return };
    let _operator = stage.operate().await;
    stage.apply(&plain("mine", json!([template("db", &[("k", "v")])]))).await;
    stage.reason("mine", "NotEncrypted").await;
    let told = async || {
        let events = stage.events("mine").await;
        let told: Vec<String> = events.into_iter().map(|(reason, _)| reason).collect();
        told
    };
    stage.told("mine", "NotEncrypted").await;
    for value in ["1", "2"] {
        stage.patch("mine", json!({"metadata": {"annotations": {"look": value}}})).await;
    }
    stage.idle(WHILE).await;
    assert_eq!(told().await, ["NotEncrypted"], "the same outcome is not told again");
    stage
        .apply(&sealed(
            "mine",
            json!([template("db", &[("k", "v")]), template("old", &[("k", "v")])]),
        ))
        .await;
    stage.says("mine", HEALTHY).await;
    stage.apply(&sealed("mine", json!([template("db", &[("k", "v")])]))).await;
    stage.gone("old").await;
    stage.told("mine", "Deleted").await;
    let described = stage.space.kubectl(&["describe", "sops", "mine"]).run().success().out();
    assert!(
        described.contains("NotEncrypted") && described.contains("sops-operator"),
        "{described}"
    );
}

/// Metrics that dashboards of the original graph (operator spec §6.3).
const OLD_NAMES: [&str; 8] = [
    "sopssecrets_reconcilation_successes_total",
    "sopssecrets_reconcilation_failures_total",
    "sopssecrets_reconcilation_suspends_total",
    "controller_runtime_reconcile_total{controller=\"sopssecret\",result=\"success\"}",
    "controller_runtime_reconcile_total{controller=\"sopssecret\",result=\"requeue_after\"}",
    "controller_runtime_reconcile_time_seconds_count",
    "workqueue_depth{name=\"sopssecret\"}",
    "leader_election_master_status{name=\"ca57d051.github.com\"}",
];

/// And ours.
const OUR_NAMES: [&str; 9] = [
    "sops_operator_reconciles_total{result=\"success\",reason=\"Synced\"}",
    "sops_operator_decrypts_total{kind=\"age\",outcome=\"opened\"}",
    "sops_operator_kms_seconds_count",
    "sops_operator_objects{state=\"ready\"}",
    "sops_operator_last_success_age_seconds{state=\"ready\"}",
    "sops_operator_queue_depth",
    "sops_operator_cached_keys",
    "sops_operator_watch_connected{resource=\"sopssecrets\"}",
    "sops_operator_watch_connected{resource=\"secrets\"}",
];

#[tokio::test]
async fn metrics_have_their_old_names_and_count() {
    let Some(stage) = Stage::set("metrics").await else { return };
    let operator = stage.operate().await;
    for name in &OLD_NAMES[..3] {
        assert_eq!(operator.metric(name), Some(0.0), "{name} is there before any pass");
    }
    let all = one_of_each(&stage).await;
    for (name, message) in all {
        stage.says(name, message).await;
    }
    eventually(SOON, "all metrics", async || {
        let found = operator.metrics();
        let all = OLD_NAMES.iter().chain(&OUR_NAMES);
        let missing: Vec<_> = all.filter(|name| !found.contains_key(**name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} of {found:?}")) }
    })
    .await;
    let count =
        |end: &str| operator.metric(&format!("sopssecrets_reconcilation_{end}_total")).unwrap();
    // `good` and `typed` at first; five that fail.
    assert_eq!(count("successes"), 2.0);
    assert_eq!(count("suspends"), 1.0);
    assert!(count("failures") >= 5.0);
    assert!(
        operator.metrics_text().contains("sops_operator_build_info{"),
        "{}",
        operator.metrics_text()
    );
}

#[tokio::test]
async fn probes_answer_and_an_exhausted_quota_is_told_until_it_is_raised() {
    let Some(stage) = Stage::set("quota").await else { return };
    let quota: ResourceQuota = serde_json::from_value(
        json!({"metadata": {"name": "few"}, "spec": {"hard": {"secrets": "1"}}}),
    )
    .unwrap();
    let quotas = stage.space.api::<ResourceQuota>();
    quotas.create(&PostParams::default(), &quota).await.unwrap();
    eventually(SOON, "the quota counts", async || {
        let status = quotas.get("few").await.unwrap().status.and_then(|status| status.used);
        status.map(drop).ok_or_else(|| "not yet".to_owned())
    })
    .await;
    let operator = stage.operate().await;
    assert_eq!((operator.probe("/healthz"), operator.probe("/readyz")), (Some(200), Some(200)));
    stage
        .apply(&sealed("mine", json!([template("a", &[("k", "v")]), template("b", &[("k", "v")])])))
        .await;
    let object = stage.says("mine", UNKNOWN).await;
    let told = condition(&object, "Ready")["message"].as_str().unwrap();
    assert!(told.contains("quota"), "{told}");
    assert_eq!(object["status"]["secrets"][0]["result"], "Synced");
    let raise = Patch::Merge(json!({"spec": {"hard": {"secrets": "5"}}}));
    quotas.patch("few", &PatchParams::default(), &raise).await.unwrap();
    stage.says("mine", HEALTHY).await;
    stage.holds("b", &[("k", "v")]).await;
    quotas.delete("few", &DeleteParams::default()).await.unwrap();
}
