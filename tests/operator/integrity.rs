//! What the MAC of an object is worth, on a cluster (operator spec §3.2).

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use sops_cluster::{EXAMPLES, RECIPIENT, Recorder};
use sops_tests::run::Run;
use sops_tests::scratch::Scratch;

use crate::stage::{DECRYPTION, HEALTHY, Stage, condition, sealed, template, yaml};

/// What `sops-rs seal` makes of Secrets, in the namespace of the test.
fn sealed_by_us(stage: &Stage, name: &str, secrets: &[Value]) -> String {
    let folder = Scratch::new();
    let manifests: Vec<String> = secrets.iter().map(yaml).collect();
    Run::sops_rs([
        "seal",
        "--age",
        RECIPIENT,
        "--name",
        name,
        "--namespace",
        stage.space.name(),
        "-",
    ])
    .within(folder.path())
    .input(manifests.join("---\n"))
    .run()
    .success()
    .out()
}

fn secret(name: &str, password: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
        "stringData": {"password": password, "user": "u"}})
}

/// The object as `sops-rs seal` made it, with the two passwords exchanged: each opens, since their
/// paths are the same.
fn swapped(text: &str) -> String {
    let passwords =
        text.lines().map(str::trim_start).filter(|line| line.starts_with("password: ENC["));
    let passwords: Vec<&str> = passwords.collect();
    let [a, b] = passwords[..] else { panic!("{text}") };
    text.replace(a, "PASSWORD").replace(b, a).replace("PASSWORD", b)
}

/// The object without its word that it is canonical: whoever tampers with it takes that away too.
fn unclaimed(text: &str) -> String {
    let claim = "    sops-operator/canonical: \"true\"\n";
    assert_eq!(text.matches(claim).count(), 1, "{text}");
    text.replace(claim, "    other: text\n")
}

#[tokio::test]
async fn what_seal_makes_is_verified_and_a_swap_is_told_as_lost_integrity() {
    let Some(stage) = Stage::set("verified").await else { return };
    let operator = stage.operate().await;
    let sealed = sealed_by_us(&stage, "mine", &[secret("a", "pa"), secret("b", "pb")]);
    stage.kubectl_apply(&sealed);
    let object = stage.says("mine", HEALTHY).await;
    let integrity = condition(&object, "Integrity");
    assert_eq!((&integrity["status"], &integrity["reason"]), (&json!("True"), &json!("Verified")));
    stage.holds("a", &[("password", "pa"), ("user", "u")]).await;

    // Without a claim this may be a file in another order: it is taken, and told.
    stage.kubectl_apply(&unclaimed(&swapped(&sealed)));
    stage.holds("a", &[("password", "pb"), ("user", "u")]).await;
    let object = stage.says("mine", HEALTHY).await;
    let integrity = condition(&object, "Integrity");
    assert_eq!(
        (&integrity["status"], &integrity["reason"]),
        (&json!("Unknown"), &json!("Unverifiable"))
    );
    stage.told("mine", "IntegrityLost").await;
    let events = stage.events("mine").await;
    let lost: Vec<_> = events.iter().filter(|(reason, _)| reason == "IntegrityLost").collect();
    assert_eq!(lost.len(), 1, "{events:?}");
    let series = "sops_operator_reconciles_total{result=\"success\",reason=\"IntegrityLost\"}";
    assert_eq!(operator.metric(series), Some(1.0));
}

#[tokio::test]
async fn whoever_claims_the_canonical_form_must_verify() {
    let Some(stage) = Stage::set("claims").await else { return };
    let _operator = stage.operate().await;
    let sealed = sealed_by_us(&stage, "mine", &[secret("a", "pa"), secret("b", "pb")]);
    stage.kubectl_apply(&sealed);
    let object = stage.says("mine", HEALTHY).await;
    assert_eq!(condition(&object, "Integrity")["reason"], "Verified");
    let before = stage.versions().await;
    stage.kubectl_apply(&swapped(&sealed));
    let object = stage.says("mine", DECRYPTION).await;
    assert_eq!(condition(&object, "Ready")["reason"], "IntegrityMismatch");
    let integrity = condition(&object, "Integrity");
    assert_eq!((&integrity["status"], &integrity["reason"]), (&json!("False"), &json!("Mismatch")));
    stage.told("mine", "IntegrityLost").await;
    assert_eq!(stage.versions().await, before, "the last good values stay");
    stage.kubectl_apply(&sealed);
    stage.says("mine", HEALTHY).await;
    assert_eq!(stage.versions().await, before);
}

#[tokio::test]
async fn only_verified_objects_are_taken_where_the_flag_says_so() {
    let Some(stage) = Stage::set("required").await else { return };
    let _operator = stage.operate_with(|launch| launch.flag("require-verified", "true")).await;
    stage.apply(&sealed_by_us(&stage, "good", &[secret("a", "pa"), secret("b", "pb")])).await;
    stage.says("good", HEALTHY).await;
    // The canonical example of the specification too, whoever made it.
    stage.apply(&EXAMPLES[1].sealed_for(stage.space.name())).await;
    stage.says("ledger-db", HEALTHY).await;
    // An ordinary file, which opens and whose MAC cannot match here.
    stage.apply(&EXAMPLES[0].sealed_for(stage.space.name())).await;
    let object = stage.reason("storefront", "NotVerified").await;
    assert_eq!(object["status"]["message"], DECRYPTION);
    let before = stage.versions().await;
    stage
        .apply(&unclaimed(&swapped(&sealed_by_us(
            &stage,
            "good",
            &[secret("a", "pa"), secret("b", "pb")],
        ))))
        .await;
    stage.reason("good", "NotVerified").await;
    assert_eq!(stage.versions().await, before);
    let names: Vec<_> = stage.space.secrets().await.into_keys().collect();
    assert_eq!(names, ["a", "b", "ledger-db"]);
}

/// Sets the label by which a namespace demands verified objects, or takes it away.
async fn label(stage: &Stage, value: Value) {
    let api: Api<Namespace> = Api::all(stage.cluster.client());
    let labels = json!({"sops-operator/require-verified": value});
    let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
    api.patch(stage.space.name(), &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test]
async fn what_a_namespace_demands_is_known_before_the_first_object_is_looked_at() {
    let Some(stage) = Stage::set("label-first").await else { return };
    label(&stage, json!("true")).await;
    for name in ["a", "b", "c", "d", "e"] {
        stage.apply(&sealed(name, json!([template(name, &[("k", "v")])]))).await;
    }
    let recorder = Recorder::start(&stage.space).await;
    let _operator = stage.operate().await;
    for name in ["a", "b", "c", "d", "e"] {
        stage.reason(name, "NotVerified").await;
    }
    assert!(recorder.finish().await.is_empty(), "no Secret was ever there");
}

#[tokio::test]
async fn a_namespace_demands_verified_objects_by_its_label_and_stops_demanding_them() {
    let Some(stage) = Stage::set("label").await else { return };
    let _operator = stage.operate().await;
    label(&stage, json!("true")).await;
    let plain = sealed("ordinary", json!([template("db", &[("k", "v"), ("a", "w")])]));
    // The label may be seen a moment after the object.
    stage.apply(&sealed_by_us(&stage, "good", &[secret("a", "pa"), secret("b", "pb")])).await;
    stage.says("good", HEALTHY).await;
    stage.apply(&plain).await;
    stage.reason("ordinary", "NotVerified").await;
    stage.says("good", HEALTHY).await;

    label(&stage, Value::Null).await;
    let object = stage.reason("ordinary", "Synced").await;
    assert_eq!(condition(&object, "Integrity")["reason"], "Unverifiable");
    stage.holds("db", &[("k", "v"), ("a", "w")]).await;

    // Again: what is there stays, and what comes is refused.
    label(&stage, json!("true")).await;
    stage.reason("ordinary", "NotVerified").await;
    stage.apply(&sealed("ordinary", json!([template("db", &[("k", "new")])]))).await;
    stage.reason("ordinary", "NotVerified").await;
    stage.holds("db", &[("k", "v"), ("a", "w")]).await;
    // Any other value demands nothing.
    label(&stage, json!("false")).await;
    stage.holds("db", &[("k", "new")]).await;
}
