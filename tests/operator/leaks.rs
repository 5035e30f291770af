//! A value never leaves by any other way than in its Secret.

use serde_json::json;
use sops_cluster::{Launch, Operator};
use sops_tests::canary::Canary;

use crate::stage::{HEALTHY, SUSPENDED, Stage, UNKNOWN, plain, sealed, sealed_values, template};

fn with_all_words(launch: Launch) -> Launch {
    launch.flag("zap-log-level", "debug")
}

/// Fails if a value stands in what the operator said, in metrics, events or a status.
async fn assert_silent(stage: &Stage, operator: &Operator, canaries: &[&Canary]) {
    let objects = stage.objects().list(&Default::default()).await.unwrap();
    let statuses: Vec<_> = objects.iter().map(|o| o.data["status"].to_string()).collect();
    let mut texts = vec![operator.output(), operator.metrics_text(), statuses.join("\n")];
    for object in &objects {
        texts.push(format!("{:?}", stage.events(object.metadata.name.as_deref().unwrap()).await));
    }
    assert!(texts[0].len() > 100, "it says something at all");
    for (canary, text) in canaries.iter().flat_map(|one| texts.iter().map(move |text| (one, text)))
    {
        assert!(!canary.is_in(text.as_bytes()), "{} is in {text}", canary.value());
    }
}

#[tokio::test]
async fn a_value_is_in_no_log_event_status_or_metric() {
    let Some(stage) = Stage::set("silent").await else { return };
    let canary = Canary::new("canary-of-a-value-8842");
    let operator = stage.operate_with(with_all_words).await;
    let value = canary.value();
    let coded = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(value)
    };
    let mut whole = template("db", &[("k", value)]);
    whole["data"] = json!({"coded": coded});
    whole["annotations"] = json!({"note": value});
    stage.apply(&sealed("mine", json!([whole]))).await;
    stage.says("mine", HEALTHY).await;
    assert!(canary.is_in(&stage.space.secrets().await["db"]["k"]), "it is where it belongs");
    // Drift, a change, a takeover, a suspension: everything that is told.
    stage.patch_secret("db", json!({"stringData": {"k": format!("{value}-drift")}})).await;
    stage.holds("db", &[("k", value), ("coded", value)]).await;
    stage
        .patch_secret(
            "db",
            json!({"metadata": {"ownerReferences": null,
        "annotations": {"sopssecret/managed": "true"}}}),
        )
        .await;
    stage.says("mine", HEALTHY).await;
    stage.patch("mine", json!({"spec": {"suspend": true}})).await;
    stage.says("mine", SUSPENDED).await;
    assert_silent(&stage, &operator, &[&canary]).await;
}

#[tokio::test]
async fn nor_when_the_api_server_repeats_it_in_its_refusal() {
    let Some(stage) = Stage::set("refusals").await else { return };
    // Each stands where the API server quotes what it does not take.
    let label = Canary::new("canary label with blanks 1177");
    let name = Canary::new("canary.of.a.Name.2288");
    let config = Canary::new("canary-no-docker-config-3399");
    let key = Canary::new("canary-under-a-key-4400");
    let kind = Canary::new("canary type, wrong 5511");
    let operator = stage.operate_with(with_all_words).await;
    let mut labelled = template("label", &[("k", "v")]);
    labelled["labels"] = json!({"quoted": label.value()});
    let named = template(name.value(), &[("k", "v")]);
    let mut typed = template("config", &[(".dockerconfigjson", config.value())]);
    typed["type"] = json!("kubernetes.io/dockerconfigjson");
    let mut other = template("auth", &[("k", key.value())]);
    other["type"] = json!("kubernetes.io/tls");
    let mut annotated = template("annotated", &[("bad key!", key.value())]);
    annotated["type"] = json!(kind.value());
    let templates = [
        ("label", labelled),
        ("name", named),
        ("config", typed),
        ("auth", other),
        ("annotated", annotated),
    ];
    for (of, template) in templates {
        stage.apply(&sealed(of, json!([template]))).await;
        let object = stage.says(of, UNKNOWN).await;
        assert_eq!(object["status"]["secrets"][0]["result"], "Invalid", "{of}");
    }
    // The refusal says them all: what is asked by somebody who shows it has them.
    let words = stage
        .space
        .kubectl(&["create", "--filename=-"])
        .input(format!(
            "{{apiVersion: v1, kind: Secret, metadata: {{name: x, labels: {{quoted: '{}'}}}}}}",
            label.value()
        ))
        .run()
        .fails_with(1);
    assert!(label.is_in(&words.stderr), "{words}");
    // A name is no secret to the status, which lists what was made; the log need not hold it either.
    assert_silent(&stage, &operator, &[&label, &config, &key, &kind]).await;
}

#[tokio::test]
async fn nor_when_an_update_is_refused() {
    let Some(stage) = Stage::set("update-refused").await else { return };
    let label = Canary::new("canary label in an update 9911");
    let value = Canary::new("canary-of-an-update-7766");
    let operator = stage.operate_with(with_all_words).await;
    stage.apply(&sealed("mine", json!([template("db", &[("k", "v")])]))).await;
    stage.says("mine", HEALTHY).await;
    let mut changed = template("db", &[("k", value.value())]);
    changed["labels"] = json!({"quoted": label.value()});
    stage.apply(&sealed("mine", json!([changed]))).await;
    stage.says("mine", crate::stage::UPDATE).await;
    stage.holds("db", &[("k", "v")]).await;
    assert_silent(&stage, &operator, &[&label, &value]).await;
}

#[tokio::test]
async fn nor_when_it_stands_where_it_should_be_encrypted_or_is_no_base64() {
    let Some(stage) = Stage::set("in-clear").await else { return };
    let clear = Canary::new("canary-in-clear-for-all-3141");
    let coded = Canary::new("canary, no base64! 2718");
    let int = Canary::new("canary-that-is-no-int-1618");
    let operator = stage.operate_with(with_all_words).await;
    // No sops block at all.
    stage.apply(&plain("bare", json!([template("bare", &[("k", clear.value())])]))).await;
    stage.reason("bare", "NotEncrypted").await;
    // One value in clear below the rule.
    let text =
        sealed_values("partly", json!([template("partly", &[("a", "first"), ("b", "second")])]));
    let line = text.lines().find(|line| line.trim_start().starts_with("b: ENC[")).unwrap();
    let indent = &line[..line.len() - line.trim_start().len()];
    stage.apply(&text.replace(line, &format!("{indent}b: {}", clear.value()))).await;
    stage.reason("partly", "BadCiphertext").await;
    // Not base64.
    let data = json!([{"name": "data", "data": {"k": coded.value()}}]);
    stage.apply(&sealed("data", data)).await;
    stage.says("data", crate::stage::CREATION).await;
    // A text that is said to be a number, and one that is said to be bytes.
    let text = sealed_values("typed", json!([template("typed", &[("k", int.value())])]));
    stage.apply(&text.replacen("type:str]", "type:int]", 1)).await;
    let object = stage.reason("typed", "BadCiphertext").await;
    assert!(!object["status"].to_string().contains(int.value()));
    stage.apply(&text.replacen("type:str]", "type:bytes]", 1)).await;
    stage.says("typed", HEALTHY).await;
    assert_silent(&stage, &operator, &[&clear, &coded, &int]).await;
}
