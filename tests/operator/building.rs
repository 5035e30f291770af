//! What a template becomes, in which order things happen, and what makes them happen (operator
//! spec §4.1, §4.2, §4.4, §4.5).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use sops_cluster::{Recorder, SOON, Seal, eventually};

use crate::stage::{
    CREATION, HEALTHY, SUSPENDED, Stage, UPDATE, WHILE, condition, plain, sealed, sealed_values,
    template,
};

#[tokio::test]
async fn numbers_and_booleans_become_their_text() {
    let Some(stage) = Stage::set("numbers").await else { return };
    let _operator = stage.operate().await;
    let text = "
apiVersion: isindir.github.com/v1alpha3
kind: SopsSecret
metadata:
  name: mine
spec:
  secretTemplates:
  - name: db
    labels:
      shard: 7
      primary: true
    stringData:
      port: 5432
      rate: 1.5
      on: true
      off: false
      text: 'yes'
      empty: ''
      nothing: null
";
    stage.apply(&Seal::age().text(text).replace("nothing: null\n", "nothing: ''\n")).await;
    stage.says("mine", HEALTHY).await;
    let data = [
        ("port", "5432"),
        ("rate", "1.5"),
        ("on", "true"),
        ("off", "false"),
        ("text", "yes"),
        ("empty", ""),
        ("nothing", ""),
    ];
    let secret = stage.holds("db", &data).await;
    let labels = BTreeMap::from([("shard".into(), "7".into()), ("primary".into(), "true".into())]);
    assert_eq!(secret.metadata.labels, Some(labels));
    assert_eq!(secret.type_.as_deref(), Some("Opaque"), "what has no type");
}

#[tokio::test]
async fn one_bad_template_hides_no_other_and_the_first_is_told() {
    let Some(stage) = Stage::set("one-bad").await else { return };
    let _operator = stage.operate().await;
    let templates = json!([
        template("first", &[("k", "1")]),
        {"name": "coded", "data": {"k": "no base64!"}},
        {"name": "", "stringData": {"k": "v"}},
        {"name": "No_Name_Of_A_Secret", "stringData": {"k": "v"}},
        {"name": "last", "type": "", "data": {"k": "bGFz\ndA=="}},
    ]);
    stage.apply(&sealed("mine", templates)).await;
    let object = stage.says("mine", CREATION).await;
    let results: Vec<Value> = object["status"]["secrets"].as_array().unwrap().clone();
    let results: Vec<&str> = results.iter().map(|one| one["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["Synced", "NotBase64", "NoName", "Invalid", "Synced"]);
    stage.holds("first", &[("k", "1")]).await;
    let last = stage.holds("last", &[("k", "last")]).await;
    assert_eq!(last.type_.as_deref(), Some("Opaque"));
    assert_eq!(stage.space.secrets().await.len(), 2);
    // Nor does it keep the others from being repaired.
    stage.patch_secret("first", json!({"stringData": {"k": "drift"}})).await;
    stage.holds("first", &[("k", "1")]).await;
}

#[tokio::test]
async fn each_change_is_one_write_and_a_template_is_the_whole_secret() {
    let Some(stage) = Stage::set("one-write").await else { return };
    let _operator = stage.operate().await;
    let recorder = Recorder::start(&stage.space).await;
    let before = stage.cluster.audit().mark().await;
    let describe = |labels: Value, data: &[(&str, &str)]| {
        let mut template = template("db", data);
        template["labels"] = labels.clone();
        template["annotations"] = labels;
        sealed("mine", json!([template]))
    };
    stage.apply(&describe(json!({"a": "1", "b": "2"}), &[("k", "v"), ("gone", "x")])).await;
    stage.holds("db", &[("k", "v"), ("gone", "x")]).await;
    stage.says("mine", HEALTHY).await;
    stage.apply(&describe(json!({"a": "1", "c": "3"}), &[("k", "w")])).await;
    let secret = stage.holds("db", &[("k", "w")]).await;
    stage.says("mine", HEALTHY).await;
    let wanted = BTreeMap::from([("a".into(), "1".into()), ("c".into(), "3".into())]);
    assert_eq!(secret.metadata.labels.as_ref(), Some(&wanted));
    assert_eq!(secret.metadata.annotations.as_ref(), Some(&wanted));
    let counts =
        [("create secrets 201", 1), ("patch sopssecrets/status 200", 2), ("update secrets 200", 1)];
    // The line of a call may come a moment after what came of it.
    let calls = eventually(SOON, "all writes", async || {
        let calls = stage.cluster.audit().calls(&stage.account, before).await.writes();
        if calls.0.len() < 4 { Err(calls.to_string()) } else { Ok(calls) }
    })
    .await;
    assert_eq!(calls.summary(), counts.map(|(kind, count)| (kind.to_owned(), count)).into());
    let seen = recorder.finish().await;
    let seen: Vec<_> = seen.iter().map(|sight| sight.data().len()).collect();
    assert_eq!(seen, [2, 1], "complete, and then as the next one was to be");
}

#[tokio::test]
async fn what_others_put_on_a_secret_stays_and_what_the_template_dropped_goes() {
    let Some(stage) = Stage::set("labels").await else { return };
    let _operator = stage.operate().await;
    let describe = |labels: Value| {
        let mut template = template("db", &[("k", "v")]);
        template["labels"] = labels.clone();
        template["annotations"] = labels;
        sealed("mine", json!([template]))
    };
    stage.apply(&describe(json!({"ours": "1", "dropped": "2"}))).await;
    stage.says("mine", HEALTHY).await;
    let theirs = json!({"backup": "daily"});
    stage.patch_secret("db", json!({"metadata": {"labels": theirs, "annotations": theirs}})).await;
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.count("update", "secrets"), 0, "nobody fights over labels: {calls}");

    stage.apply(&describe(json!({"ours": "3"}))).await;
    let wanted = BTreeMap::from([("ours".into(), "3".into()), ("backup".into(), "daily".into())]);
    eventually(SOON, "labels of both", async || {
        let metadata = stage.space.secret("db").await?.metadata;
        let right = metadata.labels.as_ref() == Some(&wanted)
            && metadata.annotations.as_ref() == Some(&wanted);
        if right { Ok(()) } else { Err(format!("{metadata:?}")) }
    })
    .await;
    // Ours are repaired, as data are.
    stage.patch_secret("db", json!({"metadata": {"labels": {"ours": "drift"}}})).await;
    eventually(SOON, "the label is repaired", async || {
        let labels = stage.space.secret("db").await?.metadata.labels.unwrap_or_default();
        if labels == wanted { Ok(()) } else { Err(format!("{labels:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_renamed_secret_exists_before_the_old_one_goes() {
    let Some(stage) = Stage::set("renamed").await else { return };
    let _operator = stage.operate().await;
    stage.apply(&sealed("mine", json!([template("old", &[("k", "v")])]))).await;
    stage.says("mine", HEALTHY).await;
    let recorder = Recorder::start(&stage.space).await;
    stage.apply(&sealed("mine", json!([template("new", &[("k", "v")])]))).await;
    stage.gone("old").await;
    let seen = recorder.finish().await;
    let seen: Vec<_> = seen.iter().map(|sight| (sight.name(), sight.deleted)).collect();
    assert_eq!(seen, [("new", false), ("old", true)]);
}

#[tokio::test]
async fn orphans_go_a_few_at_a_time_and_all_of_them() {
    let Some(stage) = Stage::set("orphans").await else { return };
    let _operator = stage.operate_with(|launch| launch.flag("max-deletes", "2")).await;
    let named = |names: &[&str]| {
        let all: Vec<_> = names.iter().map(|name| template(name, &[("k", name)])).collect();
        sealed("mine", json!(all))
    };
    stage.apply(&named(&["a", "b", "c", "d", "e", "f"])).await;
    stage.says("mine", HEALTHY).await;
    let foreign: Secret = serde_json::from_value(json!({"metadata": {"name": "foreign"}})).unwrap();
    stage.space.api().create(&PostParams::default(), &foreign).await.unwrap();
    stage.apply(&named(&["a"])).await;
    eventually(SOON, "only what is wanted, and what is foreign, is left", async || {
        let left: Vec<String> = stage.space.secrets().await.into_keys().collect();
        if left == ["a", "foreign"] { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    stage.says("mine", HEALTHY).await;
}

#[tokio::test]
async fn a_type_or_an_immutable_secret_waits_for_somebody_and_is_not_tried_all_the_time() {
    let Some(stage) = Stage::set("recreate").await else { return };
    let _operator = stage.operate().await;
    let typed = |kind: &str| {
        let mut auth = template("auth", &[("username", "u"), ("password", "p")]);
        auth["type"] = json!(kind);
        sealed("typed", json!([auth]))
    };
    stage.apply(&typed("Opaque")).await;
    stage.apply(&sealed("fixed", json!([template("fixed", &[("k", "1")])]))).await;
    stage.says("typed", HEALTHY).await;
    stage.says("fixed", HEALTHY).await;
    stage.patch_secret("fixed", json!({"immutable": true})).await;
    let before = stage.versions().await;
    stage.apply(&typed("kubernetes.io/basic-auth")).await;
    stage.apply(&sealed("fixed", json!([template("fixed", &[("k", "2")])]))).await;
    for name in ["typed", "fixed"] {
        let object = stage.says(name, UPDATE).await;
        assert_eq!(object["status"]["secrets"][0]["result"], "RequiresRecreate");
        assert_eq!(condition(&object, "Stalled")["status"], "True", "it takes somebody");
    }
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    assert_eq!(stage.versions().await, before);

    // As the message says: delete it, and it is made anew at once.
    for name in ["auth", "fixed"] {
        stage.space.api::<Secret>().delete(name, &DeleteParams::default()).await.unwrap();
    }
    stage.says("typed", HEALTHY).await;
    stage.says("fixed", HEALTHY).await;
    stage.holds("fixed", &[("k", "2")]).await;
    let kind = stage.space.secret("auth").await.unwrap().type_;
    assert_eq!(kind.as_deref(), Some("kubernetes.io/basic-auth"));
}

#[tokio::test]
async fn drift_and_deletion_are_repaired_at_once() {
    let Some(stage) = Stage::set("drift").await else { return };
    let _operator = stage.operate().await;
    stage.apply(&sealed("mine", json!([template("db", &[("k", "v"), ("l", "w")])]))).await;
    stage.says("mine", HEALTHY).await;
    let right = [("k", "v"), ("l", "w")];
    let drifts = [
        json!({"stringData": {"k": "changed"}}),
        json!({"data": {"l": null}}),
        json!({"stringData": {"extra": "x"}}),
    ];
    for drift in drifts {
        let drifted = stage.patch_secret("db", drift.clone()).await;
        let repaired = stage.holds("db", &right).await;
        assert_eq!(drifted.metadata.uid, repaired.metadata.uid, "{drift}");
    }
    let secrets = stage.space.api::<Secret>();
    let old = secrets.get("db").await.unwrap().metadata.uid;
    secrets.delete("db", &DeleteParams::default()).await.unwrap();
    let anew = stage.holds("db", &right).await;
    assert_ne!(anew.metadata.uid, old);
    stage.says("mine", HEALTHY).await;
}

#[tokio::test]
async fn a_blocking_secret_is_noticed_when_it_goes() {
    let Some(stage) = Stage::set("blocking").await else { return };
    let blocking: Secret =
        serde_json::from_value(json!({"metadata": {"name": "db"}, "stringData": {"a": "b"}}))
            .unwrap();
    stage.space.api().create(&PostParams::default(), &blocking).await.unwrap();
    let _operator = stage.operate().await;
    stage.apply(&sealed("mine", json!([template("db", &[("k", "v")])]))).await;
    stage.says("mine", crate::stage::NOT_OWNED).await;
    stage.space.api::<Secret>().delete("db", &DeleteParams::default()).await.unwrap();
    // Long before the interval of minutes is over.
    stage.holds("db", &[("k", "v")]).await;
    let object = stage.says("mine", HEALTHY).await;
    for kind in ["Stalled", "Reconciling"] {
        assert_eq!(condition(&object, kind), &Value::Null, "nothing stale is left");
    }
}

#[tokio::test]
async fn annotating_an_object_forces_a_pass_and_its_status_does_not() {
    let Some(stage) = Stage::set("forced").await else { return };
    let operator = stage.operate().await;
    stage.apply(&sealed("mine", json!([template("db", &[("k", "v")])]))).await;
    stage.says("mine", HEALTHY).await;
    let passes = || operator.metric("sopssecrets_reconcilation_successes_total").unwrap();
    assert_eq!(passes(), 1.0, "the first write of the status woke nobody");
    stage.space.kubectl(&["annotate", "sops", "mine", "x=y"]).run().success();
    eventually(SOON, "a pass", async || {
        let passes = passes();
        if passes == 2.0 { Ok(()) } else { Err(format!("{passes} passes")) }
    })
    .await;
    stage.space.kubectl(&["label", "sops", "mine", "x=y"]).run().success();
    eventually(SOON, "a pass", async || {
        let passes = passes();
        if passes == 3.0 { Ok(()) } else { Err(format!("{passes} passes")) }
    })
    .await;
    let calls = stage.idle(WHILE).await;
    assert_eq!((calls.0.len(), passes()), (0, 3.0), "{calls}");
}

#[tokio::test]
async fn a_suspended_object_is_left_alone_with_its_secrets() {
    let Some(stage) = Stage::set("suspended").await else { return };
    let operator = stage.operate().await;
    stage.apply(&sealed_values("mine", json!([template("db", &[("k", "v")])]))).await;
    stage.says("mine", HEALTHY).await;
    stage.patch("mine", json!({"spec": {"suspend": true}})).await;
    stage.says("mine", SUSPENDED).await;
    stage.patch_secret("db", json!({"stringData": {"k": "drift"}})).await;
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    stage.holds("db", &[("k", "drift")]).await;
    assert!(operator.metric("sopssecrets_reconcilation_suspends_total").unwrap() >= 1.0);
    // Suspended is looked at before anything is opened.
    let broken = plain("mine", json!([template("db", &[("k", "in clear")])]));
    let broken = broken.replacen("spec:\n", "spec:\n  suspend: true\n", 1);
    stage.apply(&broken).await;
    stage.says("mine", SUSPENDED).await;

    let again = sealed_values("mine", json!([template("db", &[("k", "v")])]));
    stage.apply(&again.replacen("spec:\n", "spec:\n  suspend: false\n", 1)).await;
    stage.holds("db", &[("k", "v")]).await;
    stage.says("mine", HEALTHY).await;
}
