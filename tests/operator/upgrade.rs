//! From the original to us and back (operator spec §4.4, §11): what it left is right, and stays.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use sops_cluster::{Private, SOON, eventually};
use sops_tests::paths;

use crate::stage::{HEALTHY, Stage, WHILE, sealed, template, yaml};

/// The name by which the original writes.
const ORIGINAL: &str = "manager";

/// A Secret as the original leaves it: made by one POST and emptied and filled again by PUTs, all of
/// them by `manager` with the operation Update.
async fn child_of_the_original(stage: &Stage, owner: &Value, template: &Value) -> Secret {
    let metadata = json!({
        "name": template["name"],
        "labels": template["labels"],
        "annotations": template["annotations"],
        "ownerReferences": [{
            "apiVersion": "isindir.github.com/v1alpha3",
            "kind": "SopsSecret",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": true,
            "blockOwnerDeletion": true,
        }],
    });
    let whole =
        json!({"metadata": metadata, "type": "Opaque", "stringData": template["stringData"]});
    let by = PostParams { field_manager: Some(ORIGINAL.into()), ..PostParams::default() };
    let secrets = stage.space.api::<Secret>();
    let mut secret: Secret = serde_json::from_value(whole.clone()).unwrap();
    secrets.create(&by, &secret).await.unwrap();
    secret.string_data = None;
    secret.data = None;
    let name = template["name"].as_str().unwrap();
    secrets.replace(name, &by, &secret).await.unwrap();
    let filled: Secret = serde_json::from_value(whole).unwrap();
    let left = secrets.replace(name, &by, &filled).await.unwrap();
    let managers = left.metadata.managed_fields.as_deref().unwrap();
    let managers: Vec<_> =
        managers.iter().map(|entry| (&entry.manager, &entry.operation)).collect();
    assert_eq!(managers, [(&Some(ORIGINAL.to_owned()), &Some("Update".to_owned()))]);
    left
}

/// The status as the original writes it: all of it replaced by the message.
async fn status_of_the_original(stage: &Stage, name: &str) {
    let mut object = stage.objects().get(name).await.unwrap();
    object.data["status"] = json!({"message": "Healthy"});
    let by = PostParams { field_manager: Some(ORIGINAL.into()), ..PostParams::default() };
    stage.objects().replace_status(name, &by, &object).await.unwrap();
}

fn labelled(labels: Value, value: &str) -> Value {
    let mut template = template("db", &[("k", value), ("l", "w")]);
    template["labels"] = labels.clone();
    template["annotations"] = labels;
    template
}

#[tokio::test]
async fn what_the_original_left_is_not_written_and_its_labels_go_when_the_template_drops_them() {
    let Some(stage) = Stage::set("upgrade").await else { return };
    let old = labelled(json!({"kept": "1", "dropped": "2"}), "v");
    stage.apply(&sealed("mine", json!([old]))).await;
    let owner = stage.object("mine").await;
    child_of_the_original(&stage, &owner, &old).await;
    status_of_the_original(&stage, "mine").await;
    // Somebody else's, which the original would have wiped.
    stage.patch_secret("db", json!({"metadata": {"labels": {"backup": "daily"}}})).await;
    let left = stage.space.secret("db").await.unwrap();

    let mark = stage.cluster.audit().mark().await;
    let mut operator = stage.operate().await;
    let object = stage.says("mine", HEALTHY).await;
    assert_eq!(object["status"]["secrets"][0]["uid"], json!(left.metadata.uid));
    // The line of a call may come a moment after what came of it.
    let calls = eventually(SOON, "a status is written", async || {
        let calls = stage.cluster.audit().calls(&stage.account, mark).await.writes();
        if calls.0.is_empty() { Err("nothing yet".to_owned()) } else { Ok(calls) }
    })
    .await;
    assert_eq!(calls.summary(), [("patch sopssecrets/status 200".to_owned(), 1)].into(), "{calls}");
    assert_eq!(stage.space.secret("db").await.unwrap(), left, "untouched");

    // The first change is ours, and knows what was theirs.
    stage.apply(&sealed("mine", json!([labelled(json!({"kept": "1"}), "new")]))).await;
    let secret = stage.holds("db", &[("k", "new"), ("l", "w")]).await;
    stage.says("mine", HEALTHY).await;
    let labels = json!({"kept": "1", "backup": "daily"});
    assert_eq!(json!(secret.metadata.labels), labels);
    assert_eq!(json!(secret.metadata.annotations), json!({"kept": "1"}));
    let managers = secret.metadata.managed_fields.as_deref().unwrap();
    let managers: Vec<_> = managers.iter().filter_map(|entry| entry.manager.as_deref()).collect();
    assert!(!managers.contains(&ORIGINAL) && managers.contains(&"sops-operator"), "{managers:?}");

    // Back: the original takes labels of others for drift, writes all of it, and its own status.
    operator.stop().await;
    let by = PostParams { field_manager: Some(ORIGINAL.into()), ..PostParams::default() };
    let mut back = secret.clone();
    back.metadata.labels = serde_json::from_value(json!({"kept": "1"})).unwrap();
    back.metadata.managed_fields = None;
    stage.space.api::<Secret>().replace("db", &by, &back).await.unwrap();
    status_of_the_original(&stage, "mine").await;
    let left = stage.space.secret("db").await.unwrap();

    // And forth again.
    let mark = stage.cluster.audit().mark().await;
    let _operator = stage.operate().await;
    eventually(SOON, "the status is ours again", async || {
        let status = stage.object("mine").await["status"].clone();
        if status["observedGeneration"].is_number() { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    // The line of a call may come a moment after what came of it.
    let calls = eventually(SOON, "a status is written", async || {
        let calls = stage.cluster.audit().calls(&stage.account, mark).await.writes();
        if calls.0.is_empty() { Err("nothing yet".to_owned()) } else { Ok(calls) }
    })
    .await;
    assert_eq!(calls.summary(), [("patch sopssecrets/status 200".to_owned(), 1)].into(), "{calls}");
    assert_eq!(stage.space.secret("db").await.unwrap(), left, "untouched");
}

#[tokio::test]
async fn a_secret_the_original_left_wrong_is_repaired_once() {
    let Some(stage) = Stage::set("upgrade-wrong").await else { return };
    let wanted = template("db", &[("k", "v")]);
    stage.apply(&sealed("mine", json!([wanted]))).await;
    let owner = stage.object("mine").await;
    child_of_the_original(&stage, &owner, &template("db", &[("k", "stale"), ("gone", "x")])).await;
    child_of_the_original(&stage, &owner, &template("orphan", &[("k", "v")])).await;
    status_of_the_original(&stage, "mine").await;
    let mark = stage.cluster.audit().mark().await;
    let _operator = stage.operate().await;
    stage.holds("db", &[("k", "v")]).await;
    stage.gone("orphan").await;
    stage.says("mine", HEALTHY).await;
    stage.idle(WHILE).await;
    let calls = stage.cluster.audit().calls(&stage.account, mark).await.writes();
    let counts =
        [("delete secrets 200", 1), ("patch sopssecrets/status 200", 1), ("update secrets 200", 1)];
    assert_eq!(calls.summary(), counts.map(|(kind, count)| (kind.to_owned(), count)).into());
}

#[tokio::test]
async fn the_definition_is_replaced_under_objects_and_back_and_nothing_is_lost() {
    let Some(plane) = Private::start(&[]).await else { return };
    let path = paths::in_tests("data/operator/definition-published.yaml");
    let published = std::fs::read_to_string(path).unwrap();
    let definition = async || {
        plane.cluster.apply("default", &published).await.expect("it is a definition");
    };
    definition().await;
    let Some(stage) = Stage::on(plane.cluster.clone(), "definition").await else { return };
    let wanted = template("db", &[("k", "v")]);
    eventually(SOON, "the kind is served", async || {
        let text = sealed("mine", json!([wanted]));
        stage.space.apply(&text).await.map(drop).map_err(|error| error.to_string())
    })
    .await;
    let item = json!({"name": "n", "data": {"a": "b"}});
    let older = [("v1alpha2", "two", "secretTemplates"), ("v1alpha1", "one", "secret_templates")];
    for (version, name, list) in older {
        let object = json!({"apiVersion": format!("isindir.github.com/{version}"),
            "kind": "SopsSecret", "metadata": {"name": name}, "spec": {list: [item]},
            "sops": {"mac": "m", "lastmodified": "2026-01-15T10:00:00Z"}});
        stage.kubectl_apply(&yaml(&object));
    }
    let owner = stage.object("mine").await;
    let left = child_of_the_original(&stage, &owner, &wanted).await;
    status_of_the_original(&stage, "mine").await;
    let kept = async || {
        let mut all = Vec::new();
        for name in ["mine", "one", "two"] {
            let object = stage.object(name).await;
            all.push((object["spec"].clone(), object["sops"].clone()));
        }
        assert_eq!(stage.space.secret("db").await.unwrap(), left, "untouched");
        all
    };
    let before = kept().await;

    // Helm leaves a definition that is there: whoever forgets it loses no Secret, and is told.
    let mark = stage.cluster.audit().mark().await;
    let mut operator = stage.operate().await;
    operator
        .logged("it says what is lost", |line| {
            line["msg"].as_str().is_some_and(|text| text.contains("`sops-operator crd`"))
        })
        .await;
    eventually(SOON, "it says so in the status", async || {
        let calls = stage.cluster.audit().calls(&stage.account, mark).await.writes();
        let calls = calls.only(|call| call.name == "mine");
        if calls.0.is_empty() { Err("nothing yet".to_owned()) } else { Ok(()) }
    })
    .await;
    let calls = stage.idle(WHILE).await.writes().only(|call| call.name == "mine");
    assert!(calls.0.is_empty(), "it does not fight with the definition: {calls}");
    operator.stop().await;
    assert_eq!(kept().await, before);

    plane.cluster.with_crd().await;
    eventually(SOON, "strict clients may write what is new", async || {
        let new = PatchParams::apply("strict").validation_strict();
        let status = json!({"apiVersion": "isindir.github.com/v1alpha3", "kind": "SopsSecret",
            "metadata": {"name": "mine"}, "sops": {"shamir_threshold": 2}});
        let params = PatchParams { dry_run: true, ..new };
        let applied = stage.objects().patch("mine", &params, &Patch::Apply(&status)).await;
        applied.map(drop).map_err(|error| error.to_string())
    })
    .await;
    assert_eq!(kept().await, before);
    let mut operator = stage.operate().await;
    eventually(SOON, "all of the status is kept", async || {
        let status = stage.object("mine").await["status"].clone();
        if status["applied"].is_object() { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    operator.stop().await;
    assert_eq!(kept().await, before);

    definition().await;
    assert_eq!(kept().await, before);
    status_of_the_original(&stage, "mine").await;
    assert_eq!(stage.object("mine").await["status"]["message"], HEALTHY);
}

#[tokio::test]
async fn the_original_may_take_its_status_and_we_take_it_back_by_its_next_change() {
    let Some(stage) = Stage::set("rollback").await else { return };
    let mut operator = stage.operate().await;
    stage.apply(&sealed("mine", json!([template("db", &[("k", "v")])]))).await;
    let object = stage.says("mine", HEALTHY).await;
    operator.stop().await;
    // The original reads what it knows: our status has that and more.
    assert_eq!(object["status"]["message"], HEALTHY);
    let unknown: DynamicObject = serde_json::from_value(object.clone()).unwrap();
    let strict = PatchParams::apply("strict").force().validation_strict();
    let mut bare = unknown;
    bare.metadata.managed_fields = None;
    bare.metadata.resource_version = None;
    let applied = stage.objects().patch("mine", &strict, &Patch::Apply(&bare)).await.unwrap();
    assert_eq!(applied.data["spec"], object["spec"], "what we serve passes strict validation");
}
