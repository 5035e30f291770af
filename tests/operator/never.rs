//! What must never happen: a Secret without its data, a deletion because of an error, ciphertext
//! as a value, a write for an object that is going.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use sops_cluster::{Recorder, SOON, Seal, eventually};

use crate::stage::{
    CREATION, DECRYPTION, HEALTHY, Stage, UNKNOWN, WHILE, condition, plain, sealed, sealed_values,
    template,
};

#[tokio::test]
async fn no_secret_is_ever_seen_without_its_data_also_when_many_come_at_once() {
    const MANY: usize = 100;
    let Some(stage) = Stage::set("many").await else { return };
    let operator = stage.operate().await;
    let recorder = Recorder::start(&stage.space).await;
    let before = stage.cluster.audit().mark().await;
    // Also typed ones, whose fields the API server demands.
    let mut auth = template("auth-NAME", &[("username", "u"), ("password", "p")]);
    auth["type"] = json!("kubernetes.io/basic-auth");
    let templates = json!([template("db-NAME", &[("a", "1"), ("b", "2")]), auth]);
    let one = sealed_values("of-NAME", templates);
    let all: Vec<String> =
        (0..MANY).map(|number| one.replace("NAME", &format!("n{number}"))).collect();
    stage.kubectl_apply(&all.join("---\n"));
    eventually(SOON, "all are healthy", async || {
        let objects = stage.objects().list(&Default::default()).await.unwrap();
        let healthy = objects.iter().filter(|o| o.data["status"]["message"] == HEALTHY).count();
        if healthy == MANY { Ok(()) } else { Err(format!("{healthy}")) }
    })
    .await;
    let seen = recorder.finish().await;
    assert_eq!(seen.len(), 2 * MANY, "each Secret was written once");
    for sight in &seen {
        let keys: Vec<&str> = sight.data().into_keys().collect();
        let wanted =
            if sight.name().starts_with("db-") { ["a", "b"] } else { ["password", "username"] };
        assert_eq!((keys.as_slice(), sight.deleted), (&wanted[..], false), "{}", sight.name());
    }
    let calls = stage.cluster.audit().calls(&stage.account, before).await.writes();
    assert_eq!(calls.count("create", "secrets"), 2 * MANY, "{calls}");
    assert_eq!(calls.count("patch", "sopssecrets/status"), MANY, "{calls}");
    assert_eq!(calls.0.len(), 3 * MANY, "{calls}");
    assert_eq!(operator.metric("sopssecrets_reconcilation_failures_total"), Some(0.0));
}

/// Three Secrets of one object, all right.
async fn three(stage: &Stage) -> Vec<(String, String, String)> {
    let names = ["a", "b", "c"].map(|name| template(name, &[("k", name)]));
    stage.apply(&sealed("mine", json!(names))).await;
    stage.says("mine", HEALTHY).await;
    stage.versions().await
}

#[tokio::test]
async fn a_bad_update_deletes_nothing() {
    let Some(stage) = Stage::set("bad-update").await else { return };
    let _operator = stage.operate().await;
    let before = three(&stage).await;
    let good = template("a", &[("k", "a")]);
    let stranger = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";
    let updates: [(&str, String, &str, &str); 6] = [
        (
            "one template is wrong",
            sealed("mine", json!([good, {"name": "new", "data": {"k": "%"}}])),
            CREATION,
            "TemplateFailed",
        ),
        (
            "the API server refuses one",
            sealed("mine", json!([good, {"name": "NEW", "stringData": {"k": "v"}}])),
            UNKNOWN,
            "TemplateFailed",
        ),
        ("nothing is encrypted", plain("mine", json!([good])), DECRYPTION, "NotEncrypted"),
        (
            "for somebody else",
            crate::stage::encrypt(
                &["--age", stranger, "--encrypted-suffix", "Templates"],
                &[],
                &plain("mine", json!([good])),
            ),
            DECRYPTION,
            "NoUsableKey",
        ),
        (
            "a broken key entry",
            sealed("mine", json!([good])).replace("BEGIN AGE ENCRYPTED FILE", "BEGIN NOTHING"),
            DECRYPTION,
            "NoUsableKey",
        ),
        (
            "a broken value",
            sealed("mine", json!([good])).replacen("tag:", "tag:AAAA", 1),
            DECRYPTION,
            "BadCiphertext",
        ),
    ];
    for (what, update, message, reason) in updates {
        stage.apply(&update).await;
        let object = stage.says("mine", message).await;
        let ready = condition(&object, "Ready");
        assert_eq!(
            (&ready["reason"], &ready["status"]),
            (&json!(reason), &json!("False")),
            "{what}"
        );
        assert_eq!(stage.versions().await, before, "{what}");
    }
    // The same with a good update deletes.
    stage.apply(&sealed("mine", json!([good]))).await;
    stage.gone("b").await;
    stage.gone("c").await;
}

#[tokio::test]
async fn an_object_that_lost_its_templates_is_refused_and_deletes_nothing() {
    let Some(stage) = Stage::set("no-spec").await else { return };
    let mut operator = stage.operate().await;
    let before = three(&stage).await;
    let sealed = stage.object("mine").await;
    let remove: Vec<Value> = vec![json!({"op": "remove", "path": "/spec"})];
    let patch = Patch::Json::<()>(serde_json::from_value(json!(remove)).unwrap());
    stage.objects().patch("mine", &PatchParams::default(), &patch).await.unwrap();
    let object = stage.says("mine", DECRYPTION).await;
    assert_eq!(condition(&object, "Ready")["reason"], "NoTemplates");
    assert_eq!(stage.versions().await, before);
    // Nor does a restart, which knows nothing but what stands in the cluster.
    operator.stop().await;
    let _operator = stage.operate().await;
    let annotate = json!({"metadata": {"annotations": {"look": "again"}}});
    stage.patch("mine", annotate).await;
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.count("delete", "secrets"), 0, "{calls}");
    assert_eq!(stage.versions().await, before);

    stage.patch("mine", json!({"spec": sealed["spec"]})).await;
    stage.says("mine", HEALTHY).await;
    assert_eq!(stage.versions().await, before, "it is right already");
}

#[tokio::test]
async fn lists_that_cannot_be_read_delete_nothing() {
    let Some(stage) = Stage::set("unreadable").await else { return };
    let mut operator = stage.operate().await;
    let before = three(&stage).await;
    operator.stop().await;
    // The account may still do everything to Secrets but list them.
    let roles: Api<ClusterRole> = Api::all(stage.cluster.client());
    let role = roles.get(stage.space.name()).await.unwrap();
    let mut blind = role.clone();
    for rule in blind.rules.iter_mut().flatten() {
        if rule.resources.as_ref().is_some_and(|all| all.contains(&"secrets".to_owned())) {
            rule.verbs.retain(|verb| verb != "list" && verb != "watch");
        }
    }
    roles.replace(stage.space.name(), &PostParams::default(), &blind).await.unwrap();
    let mark = stage.cluster.audit().mark().await;
    let mut operator = stage.launch().start();
    eventually(SOON, "it is refused", async || {
        let calls = stage.cluster.audit().calls(&stage.account, mark).await;
        let refused = calls.refused().count("list", "secrets");
        if refused > 1 { Ok(()) } else { Err(calls.to_string()) }
    })
    .await;
    // An update that wants less, meanwhile.
    stage.apply(&sealed("mine", json!([template("a", &[("k", "a")])]))).await;
    assert_eq!(operator.probe("/readyz"), Some(503), "it has not seen the cluster");
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    assert_eq!(stage.versions().await, before);

    roles
        .replace(stage.space.name(), &PostParams::default(), &{
            let mut role = role;
            role.metadata.resource_version = None;
            role
        })
        .await
        .unwrap();
    operator.ready().await;
    stage.gone("c").await;
    stage.says("mine", HEALTHY).await;
    assert_eq!(stage.versions().await.first(), before.first());
}

#[tokio::test]
async fn a_list_that_is_empty_for_this_operator_deletes_nothing() {
    let Some(stage) = Stage::set("empty-list").await else { return };
    let mut operator = stage.operate().await;
    let before = three(&stage).await;
    operator.stop().await;
    // One that has to do with other objects only sees no object, and three Secrets of one.
    let selecting = |launch: sops_cluster::Launch| launch.flag("selector", "team=a");
    let mark = stage.cluster.audit().mark().await;
    let mut operator = stage.operate_with(selecting).await;
    let fewer = sealed("mine", json!([template("a", &[("k", "a")])]));
    stage.apply(&fewer).await;
    stage.idle(WHILE).await;
    let calls = stage.cluster.audit().calls(&stage.account, mark).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    assert_eq!(stage.versions().await, before);
    // It is selected, and then no longer.
    stage.patch("mine", json!({"metadata": {"labels": {"team": "a"}}})).await;
    stage.gone("b").await;
    stage.gone("c").await;
    stage.says("mine", HEALTHY).await;
    stage.patch("mine", json!({"metadata": {"labels": {"team": "b"}}})).await;
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    assert_eq!(stage.versions().await, before[..1]);
    operator.stop().await;
}

#[tokio::test]
async fn ciphertext_is_never_written_as_a_value() {
    let Some(stage) = Stage::set("ciphertext").await else { return };
    let _operator = stage.operate().await;
    let token = "ENC[AES256_GCM,data:Zm9v,iv:AAAA,tag:BBBB,type:str]";
    // Pasted outside of the rule: in a label, which stays as it stands.
    let mut label = template("label", &[("k", "v")]);
    label["labels"] = json!({"pasted": token});
    stage.apply(&sealed_values("label", json!([label, template("good", &[("k", "v")])]))).await;
    // Encrypted twice: what comes out is ciphertext.
    let once = template("twice", &[("k", token)]);
    let again = template("again", &[("k", "v")]);
    stage.apply(&sealed("twice", json!([once, again]))).await;
    // Only stringData is covered by the rule, and somebody pasted into data.
    let mut data = template("data", &[("k", "v")]);
    data["data"] = json!({"pasted": token});
    let flags = ["--age", sops_cluster::RECIPIENT, "--encrypted-regex", "^stringData$"];
    stage.apply(&crate::stage::encrypt(&flags, &[], &plain("data", json!([data])))).await;
    for name in ["label", "twice", "data"] {
        let object = stage.says(name, CREATION).await;
        assert_eq!(object["status"]["secrets"][0]["result"], "StillEncrypted", "{name}");
        assert!(!object["status"].to_string().contains("Zm9v"), "{name}");
    }
    stage.holds("good", &[("k", "v")]).await;
    stage.holds("again", &[("k", "v")]).await;
    assert_eq!(stage.space.secrets().await.len(), 2);
}

#[tokio::test]
async fn foreground_deletion_comes_to_its_end() {
    let Some(stage) = Stage::set("foreground").await else { return };
    let _operator = stage.operate().await;
    three(&stage).await;
    // Something that has to go first holds the object in its deletion.
    let object = stage.object("mine").await;
    let holder: ConfigMap = serde_json::from_value(json!({"metadata": {
        "name": "holder",
        "finalizers": ["tests.example/hold"],
        "ownerReferences": [{"apiVersion": "isindir.github.com/v1alpha3", "kind": "SopsSecret",
            "name": "mine", "uid": object["metadata"]["uid"], "blockOwnerDeletion": true}],
    }}))
    .unwrap();
    let holders = stage.space.api::<ConfigMap>();
    holders.create(&PostParams::default(), &holder).await.unwrap();
    let recorder = Recorder::start(&stage.space).await;
    let before = stage.cluster.audit().mark().await;
    stage.objects().delete("mine", &DeleteParams::foreground()).await.unwrap();
    for name in ["a", "b", "c"] {
        stage.gone(name).await;
    }
    // It is still there, has lost its Secrets, and is annotated and changed.
    stage.patch("mine", json!({"metadata": {"annotations": {"look": "again"}}})).await;
    let calls = stage.idle(WHILE).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    holders.patch("holder", &PatchParams::default(), &free).await.unwrap();
    eventually(SOON, "the object is gone", async || {
        let found = stage.objects().get_opt("mine").await.unwrap();
        if found.is_none() { Ok(()) } else { Err("still there".into()) }
    })
    .await;
    let calls = stage.cluster.audit().calls(&stage.account, before).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    let seen = recorder.finish().await;
    assert!(seen.iter().all(|sight| sight.deleted), "nothing was made meanwhile");
}

#[tokio::test]
async fn secrets_that_are_large_are_told_before_and_when_they_are_too_large() {
    let Some(stage) = Stage::set("large").await else { return };
    let _operator = stage.operate().await;
    let of = |name: &str, bytes: usize| {
        sealed(name, json!([template(name, &[("k", &"x".repeat(bytes))])]))
    };
    stage.apply(&of("tight", 1_000_000)).await;
    let object = stage.says("tight", HEALTHY).await;
    let told = condition(&object, "Ready")["message"].as_str().unwrap();
    assert!(told.contains("976 KiB of the 1024"), "{told}");
    let event = stage.told("tight", "CheckTemplates").await;
    assert!(event.contains("976 KiB"), "{event}");
    stage.apply(&of("over", 1_060_000)).await;
    let object = stage.says("over", UNKNOWN).await;
    let told = condition(&object, "Ready")["message"].as_str().unwrap();
    assert!(told.contains("data") && told.len() < 1000, "{told}");
}

#[tokio::test]
async fn secrets_of_others_do_not_fill_the_memory() {
    let Some(stage) = Stage::set("memory").await else { return };
    // The most it ever had: what was read and dropped counts.
    let most = |operator: &sops_cluster::Operator| {
        let pid = operator.pid().as_raw_nonzero();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    stage.apply(&Seal::age().text(&plain("mine", json!([template("db", &[("k", "v")])])))).await;
    let mut operator = stage.operate().await;
    stage.says("mine", HEALTHY).await;
    let before = most(&operator);
    operator.stop().await;
    // 40 MB of them.
    let value = "x".repeat(800_000);
    for number in 0..50 {
        let foreign =
            json!({"metadata": {"name": format!("foreign-{number}")}, "stringData": {"k": value}});
        let foreign = serde_json::from_value(foreign).unwrap();
        stage
            .space
            .api::<k8s_openapi::api::core::v1::Secret>()
            .create(&PostParams::default(), &foreign)
            .await
            .unwrap();
    }
    let operator = stage.operate().await;
    stage.patch("mine", json!({"metadata": {"annotations": {"look": "again"}}})).await;
    eventually(SOON, "a pass", async || {
        let passes = operator.metric("sopssecrets_reconcilation_successes_total").unwrap();
        if passes > 0.0 { Ok(()) } else { Err("none".into()) }
    })
    .await;
    let after = most(&operator);
    assert!(after < before + 8_000, "{before} kB before, {after} kB with 40 MB of foreign Secrets");
}
