//! The audit log of the operator: a record of each object that is opened, none while nothing changes,
//! and with `audit-required` no Secret without one.

use std::path::Path;

use serde_json::{Value, json};
use sops_cluster::{Cluster, RECIPIENT, SOON, Seal, eventually};
use sops_tests::canary::Canary;
use sops_tests::need;
use sops_tests::rig::aws::MAIN;
use sops_tests::run::Run;
use sops_tests::scratch::Scratch;

use crate::scene::{Scene, plain, sealed};

const LOG: &str = "audit.jsonl";

fn records(folder: &Scratch) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.at(LOG)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn in_short(record: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    format!(
        "{} {} {} {}",
        word(&record["object"]["name"]),
        word(&record["action"]),
        word(&record["outcome"]),
        word(&record["reason"])
    )
}

fn verify(log: &Path) -> String {
    let words = ["audit".as_ref(), "verify".as_ref(), log.as_os_str()];
    Run::sops_rs(words).run().success().out()
}

fn series(outcome: &str) -> String {
    format!("sops_operator_audit_records_total{{outcome=\"{outcome}\"}}")
}

#[tokio::test]
async fn each_object_that_is_opened_leaves_a_record_and_a_restart_leaves_none() {
    let (Some(cluster), Some(aws)) = (Cluster::shared().await, need::aws()) else { return };
    let Some(scene) = Scene::on(&cluster, "audited").await else { return };
    let (folder, canary) = (Scratch::new(), Canary::new("canary-of-records-5d21"));
    let launch = scene.launch().flag("audit-log", folder.at(LOG));
    let mut operator = launch.start();
    operator.ready().await;
    scene.apply(&sealed("one", &[("one", canary.value())])).await;
    scene.healthy("one").await;
    // A key that nobody here may use: there are no credentials.
    scene.apply(&Seal::kms(&aws, MAIN).values_only().text(&plain("two", &[("two", "x")]))).await;
    scene.fails("two", "").await;
    let text = sealed("three", &[("three", "x")]);
    let at = text.find("GCM,data:").expect("a value is sealed") + 9;
    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut damaged = text.clone();
    damaged.replace_range(at..=at, other);
    scene.apply(&damaged).await;
    scene.fails("three", "").await;
    let of = |name: &str| {
        let all = records(&folder);
        let of_it = all.into_iter().filter(|record| record["object"]["name"] == name);
        of_it.collect::<Vec<Value>>()
    };
    let [one] = of("one").try_into().expect("one record");
    assert_eq!(in_short(&one), "one decrypt success -");
    let object = scene.objects().get("one").await.expect("the object is there");
    let uid = object.metadata.uid.expect("it has a UID");
    for (name, value) in [
        ("schema", json!(1)),
        ("program", json!("sops-operator")),
        ("operation", json!("reconcile")),
        ("mac", json!("not_verified")),
        ("keys", json!([{"kind": "age", "id": RECIPIENT}])),
        (
            "object",
            json!({"kind": "SopsSecret", "namespace": scene.space.name(), "name": "one", "uid": uid}),
        ),
    ] {
        assert_eq!(one[name], value, "{name}");
    }
    assert_eq!(one["actor"]["kind"], "operator");
    assert_eq!(in_short(&of("two")[0]), "two decrypt refused key_denied");
    assert_eq!(in_short(&of("three")[0]), "three decrypt refused bad_ciphertext");
    assert_eq!(of("three").len(), 1, "only an edit can heal it");
    assert_eq!(operator.metric(&series("success")), Some(1.0));

    // The next one knows from the status that there is nothing to do.
    operator.stop().await;
    let mut operator = launch.start();
    operator.ready().await;
    scene.apply(&sealed("four", &[("four", "x")])).await;
    scene.healthy("four").await;
    assert_eq!((of("one").len(), of("four").len()), (1, 1));
    assert_eq!(operator.metric(&series("success")), Some(1.0));
    // A change is another record.
    scene.apply(&sealed("one", &[("one", "other")])).await;
    scene.holds("one", &[("key", "other")]).await;
    assert_eq!(of("one").len(), 2);
    operator.stop().await;
    verify(&folder.at(LOG));
    canary.assert_not_below(folder.path(), &[]);
}

#[tokio::test]
async fn without_its_record_an_object_stays_closed_where_it_is_required() {
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(scene) = Scene::on(&cluster, "unrecorded").await else { return };
    let folder = Scratch::new();
    let place = folder.at("logs");
    let launch = scene.launch().flag("audit-log", place.join(LOG)).flag("audit-required", "true");
    let mut operator = launch.start();
    operator.ready().await;
    scene.apply(&sealed("mine", &[("mine", "one")])).await;
    scene.fails("mine", "the audit record could not be written: unable to open").await;
    let ready = scene.ready("mine").await.expect("a condition");
    assert_eq!(ready["reason"], "NotRecorded");
    assert!(scene.space.secret("mine").await.is_err(), "there is a Secret");
    assert!(operator.metric(&series("lost")) >= Some(1.0), "{}", operator.metrics_text());
    // It heals by itself.
    std::fs::create_dir(&place).unwrap();
    scene.healthy("mine").await;
    scene.holds("mine", &[("key", "one")]).await;

    // What is there stays as it is.
    std::fs::rename(&place, folder.at("away")).unwrap();
    scene.apply(&sealed("mine", &[("mine", "two")])).await;
    scene.fails("mine", "the audit record could not be written").await;
    scene.holds("mine", &[("key", "one")]).await;
    verify(&folder.at("away").join(LOG));
}

#[tokio::test]
async fn where_it_is_not_required_the_loss_is_counted_and_told() {
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(scene) = Scene::on(&cluster, "lossy").await else { return };
    let folder = Scratch::new();
    let mut operator = scene.launch().flag("audit-log", folder.at("absent").join(LOG)).start();
    operator.ready().await;
    scene.apply(&sealed("mine", &[("mine", "one")])).await;
    scene.healthy("mine").await;
    assert_eq!(operator.metric(&series("lost")), Some(1.0));
    let told = |line: &Value| {
        let text = line["msg"].as_str().unwrap_or_default();
        line["level"] == "error" && text.starts_with("No audit record: unable to open")
    };
    operator.logged("the loss is in the log", told).await;
}

#[tokio::test]
async fn records_on_standard_output_are_a_log_of_their_own() {
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(scene) = Scene::on(&cluster, "streamed").await else { return };
    let mut operator = scene.launch().flag("audit-log", "-").start();
    operator.ready().await;
    for name in ["one", "two", "three"] {
        scene.apply(&sealed(name, &[(name, "x")])).await;
        scene.healthy(name).await;
    }
    let lines = eventually(SOON, "three records came", async || {
        let output = operator.output();
        let lines = output.lines().filter(|line| line.starts_with("{\"schema\":1,"));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        if lines.len() == 3 { Ok(lines) } else { Err(output) }
    })
    .await;
    let run = Run::sops_rs(["audit", "verify", "-"]).input(lines.join("\n") + "\n").run();
    assert!(run.out().starts_with("-: 3 records,"), "{run}");
}
