//! Keys: what they cost, who is asked first, and what happens when a service fails.

use serde_json::json;
use sops_cluster::{Launch, Operator, RECIPIENT, SOON, eventually};
use sops_tests::fault::{FaultProxy, NobodyListens, Rule};
use sops_tests::need;
use sops_tests::rig::aws::{self, Aws};
use sops_tests::scratch::Scratch;

use crate::stage::{DECRYPTION, HEALTHY, Stage, WHILE, condition, encrypt, plain, template};

/// KMS behind a proxy that counts.
struct Kms {
    aws: Aws,
    proxy: FaultProxy,
}

impl Kms {
    fn needed() -> Option<Self> {
        let aws = need::aws()?;
        Some(Self { proxy: FaultProxy::in_front_of(&aws.kms), aws })
    }

    /// Variables of an operator, without an age identity: only KMS opens.
    fn only(&self, launch: Launch) -> Launch {
        launch.env("SOPS_AGE_KEY", "").envs(self.aws.through(&self.proxy).environment())
    }

    /// Encrypted for a key, with names in clear so that one text makes several objects.
    fn sealed(&self, name: &str, templates: serde_json::Value, arn: &str) -> String {
        self.sealed_for(name, templates, &["--kms", arn])
    }

    fn sealed_for(&self, name: &str, templates: serde_json::Value, keys: &[&str]) -> String {
        let rule = ["--encrypted-regex", "^(data|stringData)$"];
        encrypt(&[keys, &rule[..]].concat(), &self.aws.environment(), &plain(name, templates))
    }
}

async fn healthy(stage: &Stage, count: usize) {
    eventually(SOON, "all are healthy", async || {
        let objects = stage.objects().list(&Default::default()).await.unwrap();
        let healthy = objects.iter().filter(|o| o.data["status"]["message"] == HEALTHY).count();
        if healthy == count { Ok(()) } else { Err(format!("{healthy} of {count}")) }
    })
    .await;
}

async fn looked(operator: &Operator, passes: f64) {
    eventually(SOON, "passes", async || {
        let found = operator.metric("sopssecrets_reconcilation_successes_total").unwrap();
        if found >= passes { Ok(()) } else { Err(format!("{found}")) }
    })
    .await;
}

#[tokio::test]
async fn objects_that_share_a_wrapped_key_cost_one_call_and_a_restart_costs_none() {
    let Some(kms) = Kms::needed() else { return };
    let Some(stage) = Stage::set("kms").await else { return };
    let mut operator = stage.operate_with(|launch| kms.only(launch)).await;
    let keys = [aws::MAIN, aws::OTHER, aws::ELSEWHERE];
    let mut all = String::new();
    for (key, arn) in keys.iter().enumerate() {
        let one = kms.sealed("of-NAME", json!([template("db-NAME", &[("k", "v")])]), arn);
        for number in 0..10 {
            all.push_str(&format!("---\n{}", one.replace("NAME", &format!("k{key}n{number}"))));
        }
    }
    stage.kubectl_apply(&all);
    healthy(&stage, 30).await;
    assert_eq!(kms.proxy.count("Decrypt"), 3, "one for each wrapped key");
    assert_eq!(operator.metric("sops_operator_kms_seconds_count"), Some(3.0));
    let opened = "sops_operator_decrypts_total{kind=\"kms\",outcome=\"opened\"}";
    assert_eq!(operator.metric(opened), Some(3.0), "{}", operator.metrics_text());

    // Started again: nothing to open, as long as nothing changed.
    operator.stop().await;
    kms.proxy.reset();
    let operator = stage.operate_with(|launch| kms.only(launch)).await;
    stage.idle(WHILE).await;
    assert_eq!(kms.proxy.calls().len(), 0);
    // A Secret that somebody changed is opened, and only that one.
    stage.patch_secret("db-k1n3", json!({"stringData": {"k": "drift"}})).await;
    stage.holds("db-k1n3", &[("k", "v")]).await;
    assert_eq!(kms.proxy.count("Decrypt"), 1);
    stage.patch("of-k1n4", json!({"metadata": {"annotations": {"look": "again"}}})).await;
    looked(&operator, 2.0).await;
    assert_eq!(kms.proxy.count("Decrypt"), 1, "the same wrapped key is remembered");
}

#[tokio::test]
async fn a_restart_without_any_status_costs_one_call_for_each_wrapped_key_and_writes_no_secret() {
    let Some(kms) = Kms::needed() else { return };
    let Some(stage) = Stage::set("storm").await else { return };
    let mut operator = stage.operate_with(|launch| kms.only(launch)).await;
    let one = kms.sealed("of-NAME", json!([template("db-NAME", &[("k", "v")])]), aws::MAIN);
    let all: Vec<_> = (0..20).map(|number| one.replace("NAME", &format!("n{number}"))).collect();
    stage.kubectl_apply(&all.join("---\n"));
    healthy(&stage, 20).await;
    operator.stop().await;
    // As after the original, which keeps nothing but the message.
    for number in 0..20 {
        let name = format!("of-n{number}");
        let mut object = stage.objects().get(&name).await.unwrap();
        object.data["status"] = json!({"message": "Healthy"});
        stage.objects().replace_status(&name, &Default::default(), &object).await.unwrap();
    }
    kms.proxy.reset();
    let mark = stage.cluster.audit().mark().await;
    let operator = stage.operate_with(|launch| kms.only(launch)).await;
    looked(&operator, 20.0).await;
    assert_eq!(kms.proxy.count("Decrypt"), 1);
    eventually(SOON, "every status is written", async || {
        let calls = stage.cluster.audit().calls(&stage.account, mark).await;
        let written = calls.count("patch", "sopssecrets/status");
        if written == 20 { Ok(()) } else { Err(calls.to_string()) }
    })
    .await;
    let calls = stage.cluster.audit().calls(&stage.account, mark).await;
    assert_eq!(calls.writes().0.len(), 20, "{calls}");
}

#[tokio::test]
async fn a_key_at_hand_is_tried_before_a_service_that_never_answers() {
    let Some(kms) = Kms::needed() else { return };
    let Some(stage) = Stage::set("offline-first").await else { return };
    kms.proxy.add(Rule::always().hangs());
    let variables = kms.aws.through(&kms.proxy).environment();
    let operator = stage.operate_with(|launch| launch.envs(variables.clone())).await;
    let keys = ["--kms", aws::MAIN, "--age", RECIPIENT];
    let text = kms.sealed_for("mine", json!([template("db", &[("k", "v")])]), &keys);
    stage.apply(&text).await;
    stage.says("mine", HEALTHY).await;
    stage.holds("db", &[("k", "v")]).await;
    assert_eq!(kms.proxy.count("Decrypt"), 0);
    assert_eq!(operator.metric("sops_operator_kms_seconds_count"), Some(0.0));
}

#[tokio::test]
async fn a_service_that_is_down_is_asked_again_until_it_is_back() {
    let Some(kms) = Kms::needed() else { return };
    let Some(stage) = Stage::set("outage").await else { return };
    let _operator = stage.operate_with(|launch| kms.only(launch)).await;
    let text = |name: &str, value: &str| {
        kms.sealed(name, json!([template("db", &[("k", value)])]), aws::MAIN)
    };
    stage.apply(&text("mine", "old")).await;
    stage.says("mine", HEALTHY).await;
    let before = stage.versions().await;

    kms.proxy.reset();
    kms.proxy.add(Rule::always().broken());
    stage.apply(&text("mine", "new")).await;
    let object = stage.reason("mine", "KeyUnavailable").await;
    assert_eq!(object["status"]["message"], DECRYPTION);
    assert_eq!(condition(&object, "Reconciling")["status"], "True", "it may pass");
    assert_eq!(stage.versions().await, before, "the last good value stays");
    // Three tries later it is still trying, with growing pauses, and says nothing new.
    let mark = stage.cluster.audit().mark().await;
    let first = kms.proxy.calls().len();
    eventually(SOON, "more tries", async || {
        let calls = kms.proxy.calls().len();
        if calls > first + 2 { Ok(()) } else { Err(format!("{calls} calls, {first} at first")) }
    })
    .await;
    let calls = stage.cluster.audit().calls(&stage.account, mark).await;
    assert_eq!(calls.writes().0, [], "a status that says the same is not written: {calls}");
    kms.proxy.reset();
    stage.holds("db", &[("k", "new")]).await;
    let object = stage.says("mine", HEALTHY).await;
    assert_eq!(condition(&object, "Reconciling"), &serde_json::Value::Null);
}

#[tokio::test]
async fn what_only_an_edit_can_heal_makes_no_calls() {
    let Some(kms) = Kms::needed() else { return };
    let Some(stage) = Stage::set("permanent").await else { return };
    let _operator = stage.operate_with(|launch| kms.only(launch)).await;
    let good = kms.sealed("broken", json!([template("db", &[("k", "v")])]), aws::MAIN);
    // The key opens, and a value does not.
    stage.apply(&good.replacen("AES256_GCM,data:", "AES256_GCM,data:AAAA", 1)).await;
    stage.reason("broken", "BadCiphertext").await;
    // No key of ours, one that is disabled, one that is denied.
    let disabled = aws::DISABLED;
    stage.apply(&good.replace("name: broken", "name: disabled").replace(aws::MAIN, disabled)).await;
    kms.proxy.add(Rule::on("Decrypt").with_key(aws::OTHER).denied("no"));
    let denied = kms.sealed("denied", json!([template("db2", &[("k", "v")])]), aws::OTHER);
    stage.apply(&denied).await;
    for name in ["disabled", "denied"] {
        let object = stage.reason(name, "KeyDenied").await;
        assert_eq!(condition(&object, "Stalled")["status"], "True", "{name}");
    }
    for (name, reason) in
        [("broken", "BadCiphertext"), ("disabled", "KeyDenied"), ("denied", "KeyDenied")]
    {
        stage.told(name, reason).await;
    }
    let before = kms.proxy.calls().len();
    let calls = stage.idle(2 * WHILE).await;
    assert_eq!(calls.0, [], "{calls}");
    assert_eq!(kms.proxy.calls().len(), before, "no call of the key service");
    assert!(stage.space.secrets().await.is_empty());
}

#[tokio::test]
async fn an_unreachable_service_is_no_reason_to_delete() {
    let Some(aws) = need::aws() else { return };
    let Some(stage) = Stage::set("unreachable").await else { return };
    let nobody = NobodyListens::new();
    let variables = Aws::at(nobody.url(), nobody.url()).environment();
    let mut operator = stage.operate_with(|launch| launch.envs(aws.environment())).await;
    let all = json!([template("a", &[("k", "v")]), template("b", &[("k", "v")])]);
    let flags = ["--kms", aws::MAIN, "--encrypted-suffix", "Templates"];
    stage.apply(&encrypt(&flags, &aws.environment(), &plain("mine", all))).await;
    stage.says("mine", HEALTHY).await;
    let before = stage.versions().await;
    operator.stop().await;
    let _operator = stage.operate_with(|launch| launch.envs(variables.clone())).await;
    let fewer = json!([template("a", &[("k", "v")])]);
    stage.apply(&encrypt(&flags, &aws.environment(), &plain("mine", fewer))).await;
    let object = stage.reason("mine", "KeyUnavailable").await;
    let ready = condition(&object, "Ready");
    assert_eq!(ready["status"], "False");
    assert_eq!(ready["observedGeneration"], object["metadata"]["generation"]);
    assert_eq!(stage.versions().await, before);
}

#[tokio::test]
async fn an_identity_that_arrives_in_its_file_opens_what_failed() {
    let Some(stage) = Stage::set("rotation").await else { return };
    let folder = Scratch::new();
    // Some other identity, made for this test.
    let other = "AGE-SECRET-KEY-1".to_owned()
        + "GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let file = folder.write("keys.txt", format!("# none yet\n# {other}\n"));
    let launch = |launch: Launch| launch.env("SOPS_AGE_KEY", "").env("SOPS_AGE_KEY_FILE", &file);
    let _operator = stage.operate_with(launch).await;
    stage.apply(&crate::stage::sealed("mine", json!([template("db", &[("k", "v")])]))).await;
    stage.reason("mine", "NoUsableKey").await;
    // As a projected volume does it: another file in its place.
    let next = folder.write("next", format!("{}\n", sops_cluster::IDENTITY));
    std::fs::rename(next, &file).unwrap();
    stage.says("mine", HEALTHY).await;
    stage.holds("db", &[("k", "v")]).await;
}
