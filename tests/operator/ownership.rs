//! Whose a Secret is (operator spec §4.3), and that nobody fights over one.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use sops_cluster::{SOON, eventually};

use crate::stage::{HEALTHY, NOT_OWNED, Stage, WHILE, condition, sealed, sealed_values, template};

/// A Secret of somebody else.
fn foreign(name: &str, metadata: Value) -> Secret {
    let mut metadata = metadata;
    metadata["name"] = json!(name);
    serde_json::from_value(json!({"metadata": metadata, "stringData": {"theirs": "old"}})).unwrap()
}

/// A reference to an object that lives, or the garbage collector would take the Secret away.
async fn living_owner(stage: &Stage, controller: bool) -> Value {
    let map = ConfigMap { metadata: foreign("owner", json!({})).metadata, ..ConfigMap::default() };
    let made = stage.space.api::<ConfigMap>().create(&PostParams::default(), &map).await.unwrap();
    json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": made.metadata.uid,
        "controller": controller})
}

async fn create(stage: &Stage, secret: &Secret) -> Secret {
    stage.space.api::<Secret>().create(&PostParams::default(), secret).await.unwrap()
}

#[tokio::test]
async fn what_belongs_to_others_is_untouched_and_its_owner_is_named() {
    let Some(stage) = Stage::set("foreign").await else { return };
    let owner = living_owner(&stage, true).await;
    let secret = create(&stage, &foreign("db", json!({"ownerReferences": [owner]}))).await;
    let _operator = stage.operate().await;
    stage.apply(&sealed("mine", json!([template("db", &[("k", "v")])]))).await;
    let object = stage.says("mine", NOT_OWNED).await;
    assert_eq!(object["status"]["secrets"][0]["result"], "Conflict");
    let told = condition(&object, "Ready")["message"].as_str().unwrap();
    assert!(told.contains("ConfigMap owner") && told.contains("db"), "{told}");
    assert_eq!(stage.space.secret("db").await.unwrap(), secret, "untouched");
}

#[tokio::test]
async fn an_annotation_gives_a_secret_away_with_all_its_owners() {
    let Some(stage) = Stage::set("annotation").await else { return };
    let owner = living_owner(&stage, false).await;
    let metadata = json!({
        "ownerReferences": [owner],
        "annotations": {"sopssecret/managed": "true", "backup": "daily"},
    });
    create(&stage, &foreign("db", metadata)).await;
    let _operator = stage.operate().await;
    // That it enforces nothing does not take the offer back.
    stage.apply(&sealed("mine", json!([template("db", &[("k", "v")])]))).await;
    stage.patch("mine", json!({"spec": {"enforceOwnership": false}})).await;
    let object = stage.says("mine", HEALTHY).await;
    let secret = stage.holds("db", &[("k", "v")]).await;
    let owners = secret.metadata.owner_references.unwrap();
    let uids: Vec<_> = owners.iter().map(|owner| owner.uid.as_str()).collect();
    assert_eq!(uids, [object["metadata"]["uid"].as_str().unwrap()]);
    let annotations = secret.metadata.annotations.unwrap_or_default();
    assert!(!annotations.contains_key("sopssecret/managed"), "{annotations:?}");
    assert_eq!(annotations["backup"], "daily", "what others put there stays");
    stage.told("mine", "TakenOver").await;
}

#[tokio::test]
async fn ownership_is_enforced_by_the_object_before_the_flag() {
    let Some(stage) = Stage::set("enforced").await else { return };
    let owner = living_owner(&stage, true).await;
    for name in ["a", "b", "c"] {
        create(&stage, &foreign(name, json!({"ownerReferences": [owner]}))).await;
    }
    let object = |name: &str, enforce: Value| {
        let text = sealed_values(name, json!([template(name, &[("k", name)])]));
        text.replacen("spec:\n", &format!("spec:\n  enforceOwnership: {enforce}\n"), 1)
    };
    let with_flag = |launch: sops_cluster::Launch| launch.flag("default-enforce-ownership", "true");
    let mut operator = stage.operate_with(with_flag).await;
    stage.apply(&object("a", json!(false))).await;
    stage.apply(&sealed_values("b", json!([template("b", &[("k", "b")])]))).await;
    stage.says("a", NOT_OWNED).await;
    stage.says("b", HEALTHY).await;
    stage.holds("b", &[("k", "b")]).await;
    stage.holds("a", &[("theirs", "old")]).await;
    operator.stop().await;

    let _operator = stage.operate().await;
    stage.apply(&object("c", json!(true))).await;
    stage.says("c", HEALTHY).await;
    let secret = stage.holds("c", &[("k", "c")]).await;
    assert_eq!(secret.metadata.owner_references.unwrap().len(), 1, "the old owner is dropped");
    stage.holds("a", &[("theirs", "old")]).await;
}

#[tokio::test]
async fn of_two_objects_the_first_has_the_secret_and_the_second_waits_for_it() {
    let Some(stage) = Stage::set("two").await else { return };
    let _operator = stage.operate().await;
    stage.apply(&sealed("first", json!([template("db", &[("k", "first")])]))).await;
    stage.says("first", HEALTHY).await;
    let before = stage.cluster.audit().mark().await;
    stage.apply(&sealed("second", json!([template("db", &[("k", "second")])]))).await;
    let object = stage.says("second", NOT_OWNED).await;
    assert_eq!(object["status"]["secrets"][0]["result"], "Conflict");
    let told = condition(&object, "Ready")["message"].as_str().unwrap();
    assert!(told.contains("SopsSecret first"), "{told}");
    stage.holds("db", &[("k", "first")]).await;
    let calls = stage.cluster.audit().calls(&stage.account, before).await;
    assert_eq!(calls.count("update", "secrets"), 0, "{calls}");

    // With the first object its Secret goes, and then it is the other's turn.
    stage.objects().delete("first", &DeleteParams::background()).await.unwrap();
    stage.holds("db", &[("k", "second")]).await;
    stage.says("second", HEALTHY).await;
}

#[tokio::test]
async fn whoever_loses_a_secret_to_another_object_says_so() {
    let Some(stage) = Stage::set("loses").await else { return };
    let _operator = stage.operate().await;
    stage.apply(&sealed("first", json!([template("db", &[("k", "first")])]))).await;
    stage.says("first", HEALTHY).await;
    let second = sealed("second", json!([template("db", &[("k", "second")])]));
    stage.apply(&second.replacen("spec:\n", "spec:\n  enforceOwnership: true\n", 1)).await;
    stage.says("second", HEALTHY).await;
    stage.holds("db", &[("k", "second")]).await;
    let object = stage.says("first", NOT_OWNED).await;
    let told = condition(&object, "Ready")["message"].as_str().unwrap();
    assert!(told.contains("SopsSecret second"), "{told}");
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.writes().0, [], "{calls}");
}

#[tokio::test]
async fn two_objects_that_enforce_ownership_of_one_secret_do_not_fight() {
    let Some(stage) = Stage::set("fight").await else { return };
    let flag = |launch: sops_cluster::Launch| launch.flag("default-enforce-ownership", "true");
    let mut operator = stage.operate_with(flag).await;
    for name in ["first", "second"] {
        stage.apply(&sealed(name, json!([template("db", &[("k", name)])]))).await;
    }
    // One has it, and the other says so: which one is decided by age, then by UID.
    let (winner, loser) = eventually(SOON, "one has it", async || {
        let mut messages = Vec::new();
        for name in ["first", "second"] {
            let status = stage.object(name).await["status"].clone();
            messages.push(status["message"].as_str().unwrap_or_default().to_owned());
        }
        match (messages[0].as_str(), messages[1].as_str()) {
            (HEALTHY, NOT_OWNED) => Ok(("first", "second")),
            (NOT_OWNED, HEALTHY) => Ok(("second", "first")),
            _ => Err(format!("{messages:?}")),
        }
    })
    .await;
    let secret = stage.holds("db", &[("k", winner)]).await;
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    let told = condition(&stage.object(loser).await, "Ready")["message"].to_string();
    assert!(told.contains(&format!("SopsSecret {winner}")), "{told}");

    // Whoever lost may be woken as often as one likes, and the operator started again.
    let annotate = |value: &str| json!({"metadata": {"annotations": {"look": value}}});
    stage.patch(loser, annotate("again")).await;
    stage.says(loser, NOT_OWNED).await;
    operator.stop().await;
    let _operator = stage.operate_with(flag).await;
    for name in [loser, winner] {
        stage.patch(name, annotate("after a restart")).await;
    }
    stage.says(loser, NOT_OWNED).await;
    stage.says(winner, HEALTHY).await;
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    assert_eq!(stage.space.secret("db").await.unwrap(), secret, "it never changed hands again");
}

#[tokio::test]
async fn of_two_templates_with_one_name_the_first_counts_and_nothing_alternates() {
    let Some(stage) = Stage::set("twice").await else { return };
    let _operator = stage.operate().await;
    let templates = json!([
        template("db", &[("k", "first")]),
        template("db", &[("k", "second")]),
        template("other", &[("k", "v")]),
    ]);
    stage.apply(&sealed("mine", templates)).await;
    // The original took it.
    let object = stage.says("mine", HEALTHY).await;
    assert_eq!(object["status"]["secrets"][1]["result"], "DuplicateName");
    assert!(condition(&object, "Ready")["message"].as_str().unwrap().contains("earlier template"));
    let secret = stage.holds("db", &[("k", "first")]).await;
    stage.holds("other", &[("k", "v")]).await;
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    assert_eq!(stage.space.secret("db").await.unwrap(), secret);
}

#[tokio::test]
async fn a_secret_that_outlived_its_object_is_not_ours_until_enforced() {
    let Some(stage) = Stage::set("restored").await else { return };
    let _operator = stage.operate().await;
    stage.apply(&sealed("old", json!([template("db", &[("k", "v")])]))).await;
    stage.says("old", HEALTHY).await;
    // The other object is gone without its Secrets, as before a restore.
    let orphan = DeleteParams {
        propagation_policy: Some(kube::api::PropagationPolicy::Orphan),
        ..Default::default()
    };
    stage.objects().delete("old", &orphan).await.unwrap();
    eventually(SOON, "the object is gone", async || {
        let found = stage.objects().get_opt("old").await.unwrap();
        if found.is_none() { Ok(()) } else { Err("still there".into()) }
    })
    .await;
    let left = stage.space.secret("db").await.unwrap();
    assert_eq!(left.metadata.owner_references.unwrap_or_default(), [], "an orphan stays");

    stage.apply(&sealed("old", json!([template("db", &[("k", "v")])]))).await;
    stage.says("old", NOT_OWNED).await;
    stage.patch("old", json!({"spec": {"enforceOwnership": true}})).await;
    let object = stage.says("old", HEALTHY).await;
    let taken = stage.space.secret("db").await.unwrap();
    assert_eq!(taken.metadata.uid, left.metadata.uid, "taken over, not made anew");
    assert_eq!(json!(taken.metadata.owner_references.unwrap()[0].uid), object["metadata"]["uid"]);
}

#[tokio::test]
async fn a_child_that_lost_its_owner_reference_is_reported() {
    let Some(stage) = Stage::set("disowned").await else { return };
    let _operator = stage.operate().await;
    stage.apply(&sealed("mine", json!([template("db", &[("k", "v")])]))).await;
    stage.says("mine", HEALTHY).await;
    stage.patch_secret("db", json!({"metadata": {"ownerReferences": null}})).await;
    stage.says("mine", NOT_OWNED).await;
    stage
        .patch_secret("db", json!({"metadata": {"annotations": {"sopssecret/managed": "true"}}}))
        .await;
    stage.says("mine", HEALTHY).await;
    let secret = stage.holds("db", &[("k", "v")]).await;
    assert_eq!(secret.metadata.owner_references.unwrap().len(), 1);
}

#[tokio::test]
async fn deleting_the_object_takes_its_secrets_with_it() {
    let Some(stage) = Stage::set("deleted").await else { return };
    let _operator = stage.operate().await;
    stage.apply(&sealed("mine", json!([template("db", &[("k", "v")])]))).await;
    stage.says("mine", HEALTHY).await;
    let before = stage.cluster.audit().mark().await;
    stage.objects().delete("mine", &DeleteParams::background()).await.unwrap();
    stage.gone("db").await;
    let calls = stage.cluster.audit().calls(&stage.account, before).await;
    assert_eq!(calls.writes().0, [], "the garbage collector does it: {calls}");
}
