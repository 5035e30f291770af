//! `render` and `check`, and an operator that only looks.

use std::path::PathBuf;

use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use serde_json::{Value, json};
use sops_cluster::{EXAMPLES, IDENTITY, Launch, SOON, Seal, eventually};
use sops_tests::canary::Canary;
use sops_tests::need;
use sops_tests::rig::aws::MAIN;
use sops_tests::rig::doubles::{Azure, Gcp};
use sops_tests::rig::huawei::{self, HuaweiDouble};
use sops_tests::run::Run;
use sops_tests::scratch::Scratch;

use crate::stage::{Stage, WHILE, encrypt, plain, sealed, sealed_values, template};

fn operator(program: &PathBuf, arguments: &[&str]) -> Run {
    Run::program(program, arguments).env("SOPS_AGE_KEY", IDENTITY)
}

#[test]
fn render_prints_the_secrets_that_a_cluster_would_get() {
    let Some(program) = need::operator() else { return };
    let folder = Scratch::new();
    for example in EXAMPLES {
        let file = folder.write(format!("{}.yaml", example.file), example.sealed());
        let run = operator(&program, &["render", file.to_str().unwrap()]).run().success();
        let rendered: Vec<Secret> = serde_saphyr::from_multiple(&run.out()).unwrap();
        let wanted = example.secrets();
        assert_eq!(rendered.len(), wanted.len(), "{run}");
        for (rendered, wanted) in rendered.iter().zip(&wanted) {
            assert_eq!(rendered.metadata.name, wanted.metadata.name);
            assert_eq!(rendered.metadata.namespace, wanted.metadata.namespace);
            assert_eq!(rendered.metadata.labels, wanted.metadata.labels);
            assert_eq!(rendered.metadata.annotations, wanted.metadata.annotations);
            assert_eq!(rendered.type_, wanted.type_);
            assert_eq!(rendered.data, wanted.data);
        }
    }
    // From standard input too, and several documents.
    let all: Vec<String> = EXAMPLES.iter().map(|example| example.sealed()).collect();
    let run = operator(&program, &["render", "-"]).input(all.join("---\n")).run().success();
    assert_eq!(serde_saphyr::from_multiple::<Value>(&run.out()).unwrap().len(), 4);
}

#[test]
fn render_says_what_is_wrong_and_renders_the_rest() {
    let Some(program) = need::operator() else { return };
    let text = sealed(
        "mine",
        json!([{"name": "bad", "data": {"k": "%"}}, template("good", &[("k", "v")])]),
    );
    let run = operator(&program, &["render", "-"]).input(text).run().fails_with(1);
    let rendered: Vec<Secret> = serde_saphyr::from_multiple(&run.out()).unwrap();
    assert_eq!(rendered.len(), 1);
    assert!(run.err().contains("bad") && run.err().contains("not base64"), "{run}");
}

#[test]
fn keys_of_vault_open_at_servers_that_are_allowed_and_nowhere_else() {
    let (Some(program), Some(vault)) = (need::operator(), need::vault()) else { return };
    let engine = vault.engine();
    vault.key(&engine, "k", &Value::Null);
    let key = format!("{}/v1/{engine}/keys/k", vault.url());
    let flags = ["--hc-vault-transit", &key, "--encrypted-regex", "^(data|stringData)$"];
    let root = [("VAULT_TOKEN".to_owned(), "root".to_owned())];
    let text = encrypt(&flags, &root, &plain("mine", json!([template("db", &[("k", "v")])])));
    let rules = format!("path \"{engine}/decrypt/k\" {{ capabilities = [\"update\"] }}");
    let home = Scratch::new();
    home.write(".vault-token", format!("{}\n", vault.token(&rules)));
    let render = || {
        let run = Run::program(&program, ["render", "-"]).input(text.clone());
        run.env("HOME", home.path())
    };
    let run = render().env("SOPS_HC_VAULT_ALLOWLIST", vault.url()).run().success();
    let rendered: Vec<Secret> = serde_saphyr::from_multiple(&run.out()).unwrap();
    assert_eq!(rendered[0].data.as_ref().unwrap()["k"].0, b"v");
    // An object of somebody else would name a server of theirs.
    let outcome = render().run().fails_with(1);
    assert!(outcome.err().contains("Allowlist does not allow"), "{outcome}");
}

#[test]
fn keys_of_other_clouds_open_at_their_doubles() {
    let (Some(program), Some(python)) = (need::operator(), need::python()) else { return };
    let (google, azure, huawei) =
        (Gcp::start(&python), Azure::start(&python), HuaweiDouble::start());
    let account = google.service_account().display().to_string();
    let of_account = [
        ("SOPS_GCP_KMS_ENDPOINT".to_owned(), google.url()),
        ("GOOGLE_APPLICATION_CREDENTIALS".to_owned(), account),
    ];
    let cases = [
        ("--gcp-kms", google.create_key("k"), google.environment(), of_account.to_vec()),
        (
            "--azure-kv",
            azure.create_key("k").0,
            azure.environment("good"),
            azure.environment("good"),
        ),
        (
            "--hckms",
            format!("{}:{}", huawei::REGION, huawei::KEY),
            huawei.environment(),
            huawei.environment(),
        ),
    ];
    for (flag, key, of_command, of_operator) in cases {
        let flags = [flag, &key, "--encrypted-regex", "^(data|stringData)$"];
        let text =
            encrypt(&flags, &of_command, &plain("mine", json!([template("db", &[("k", "v")])])));
        let run = Run::program(&program, ["render", "-"]).input(text.clone());
        let run = run.envs(of_operator.iter().map(|(name, value)| (name, value))).run().success();
        let rendered: Vec<Secret> = serde_saphyr::from_multiple(&run.out()).unwrap();
        assert_eq!(rendered[0].data.as_ref().unwrap()["k"].0, b"v", "{flag}");
    }
}

#[test]
fn aws_is_asked_through_the_proxy_of_all_programs_at_a_double() {
    let (Some(program), Some(python), Some(aws)) = (need::operator(), need::python(), need::aws())
    else {
        return;
    };
    let text = Seal::kms(&aws, MAIN).text(&plain("mine", json!([template("db", &[("k", "v")])])));
    // Its proxy leads everywhere to itself, by the name of a vault.
    let double = Azure::start(&python);
    let target = |seen: &Value| {
        let headers = seen["headers"].as_object().into_iter().flatten();
        let named = headers.filter(|(name, _)| name.eq_ignore_ascii_case("x-amz-target"));
        named.map(|(_, value)| value.as_str().unwrap_or_default().to_owned()).next()
    };
    for (except, asked) in [("example.com", true), ("rig.vault.azure.net", false)] {
        double.forget();
        let run = Run::program(&program, ["render", "-"]).input(text.clone());
        let run = run.envs(double.way()).env("AWS_ENDPOINT_URL_KMS", Azure::VAULT);
        let run = run.env("AWS_ACCESS_KEY_ID", "k").env("AWS_SECRET_ACCESS_KEY", "s");
        let run = run.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", except);
        let run = run.run().fails_with(1);
        let seen: Vec<String> = double.seen().iter().filter_map(target).collect();
        assert_eq!(seen.iter().any(|target| target == "TrentService.Decrypt"), asked, "{run}");
    }
}

#[test]
fn check_says_what_would_fail_and_prints_no_value() {
    let Some(program) = need::operator() else { return };
    let canary = Canary::new("canary-of-a-check-6181");
    let good = sealed("good", json!([template("db", &[("k", canary.value())])]));
    let bare = plain("bare", json!([template("db", &[("k", canary.value())])]));
    let coded = sealed("coded", json!([{"name": "db", "data": {"k": canary.value()}}]));
    let clear = sealed_values("clear", json!([template("db", &[("k", "v")])]));
    let line = clear.lines().find(|line| line.trim_start().starts_with("k: ENC[")).unwrap();
    let clear = clear.replace(line.trim_start(), &format!("k: {}", canary.value()));
    let check = |text: &str| operator(&program, &["check", "-"]).input(text).run();
    let outcome = check(&good).success();
    assert!(
        outcome.err().contains("good, Unverifiable") || outcome.err().contains("good, Verified"),
        "{outcome}"
    );
    canary.assert_not_printed(&outcome);
    for (text, said) in [(&bare, "NotEncrypted"), (&coded, "not base64"), (&clear, "BadCiphertext")]
    {
        let outcome = check(text).fails_with(1);
        assert!(outcome.err().contains(said), "{outcome}");
        canary.assert_not_printed(&outcome);
    }
    // Whoever has no key sees what can be seen from outside.
    let outcome = Run::program(&program, ["check", "-"]).input(good.clone()).run().success();
    assert!(outcome.err().contains("no key here opens it"), "{outcome}");
    Run::program(&program, ["check", "-"]).input(bare).run().fails_with(1);
    // What cannot be verified, where that is asked for.
    let flag = ["check", "-require-verified=true", "-"];
    let ledger = operator(&program, &flag).input(EXAMPLES[1].sealed()).run().success();
    assert!(ledger.err().contains("good, Verified"), "{ledger}");
    operator(&program, &flag).input(EXAMPLES[0].sealed()).run().fails_with(1);
    // For scripts: a line for each object, and nothing of it on standard error but the count.
    let both = format!("{good}---\n{coded}");
    let outcome = operator(&program, &["check", "--json", "-"]).input(both).run().fails_with(1);
    canary.assert_not_printed(&outcome);
    let lines: Vec<Value> =
        outcome.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [first, second] = &lines[..] else { panic!("{outcome}") };
    let place = |document, name: &str| json!([document, name, "-"]);
    for (line, at) in [(first, place(1, "good")), (second, place(2, "coded"))] {
        assert_eq!(json!([line["document"], line["name"], line["file"]]), at, "{outcome}");
    }
    assert_eq!((&first["result"], &first["problems"]), (&json!("good"), &json!([])));
    assert_eq!(
        (&second["result"], &second["problems"][0]["secret"]),
        (&json!("fails"), &json!("db"))
    );
    let unopened = Run::program(&program, ["check", "--json", "-"]).input(good).run().success();
    assert!(unopened.out().contains(r#""result":"no-key""#), "{unopened}");
    // Nothing to check is no success.
    operator(&program, &["check", "-"]).input("a: b\n").run().fails_with(1);
}

#[tokio::test]
async fn shadow_mode_tells_how_secrets_differ_and_writes_nothing() {
    let Some(stage) = Stage::set("shadow").await else { return };
    let canary = Canary::new("canary-of-a-shadow-7272");
    for (name, value) in [("same", "v"), ("other", canary.value()), ("missing", "v")] {
        stage.apply(&sealed(name, json!([template(name, &[("k", value), ("l", "w")])]))).await;
    }
    stage.apply(&plain("bare", json!([template("bare", &[("k", "v")])]))).await;
    let secrets = stage.space.api::<Secret>();
    for (name, value) in [("same", "v"), ("other", "live-value-of-a-shadow")] {
        let secret = json!({"metadata": {"name": name}, "stringData": {"k": value, "l": "w"}});
        secrets
            .create(&PostParams::default(), &serde_json::from_value(secret).unwrap())
            .await
            .unwrap();
    }
    let before = stage.versions().await;
    let mark = stage.cluster.audit().mark().await;
    // From somebody's own machine, whose proxy is not for what runs beside it.
    let alone =
        |launch: Launch| launch.flag("mode", "shadow").env("HTTPS_PROXY", "http://127.0.0.1:1");
    let operator = stage.operate_with(alone).await;
    let told = async |name: &str, words: &str| {
        let of = format!("{}/{name}", stage.space.name());
        operator
            .logged(&format!("{name}: {words}"), |line| {
                line["sopssecret"] == of.as_str() && line.to_string().contains(words)
            })
            .await
    };
    assert_eq!(told("same", "Compared").await["reason"], "Same");
    assert_eq!(told("other", "Differs: k has another value").await["secret"], "other");
    told("missing", "it does not exist").await;
    assert_eq!(told("bare", "Would fail").await["reason"], "NotEncrypted");
    // A change is looked at too.
    stage.apply(&sealed("same", json!([template("same", &[("k", "v"), ("new", "w")])]))).await;
    told("same", "new is missing").await;
    stage.idle(WHILE).await;
    let calls = stage.cluster.audit().calls(&stage.account, mark).await;
    let written = calls.only(|call| !["get", "list", "watch"].contains(&call.verb.as_str()));
    assert_eq!(written.0, [], "not even an event or a lease: {calls}");
    assert_eq!(stage.versions().await, before);
    assert_eq!(stage.object("same").await["status"], Value::Null);
    for text in [operator.output(), operator.metrics_text()] {
        assert!(!canary.is_in(text.as_bytes()) && !text.contains("live-value-of"), "{text}");
    }
    eventually(SOON, "counted by what came of it", async || {
        let same = operator
            .metric("sops_operator_reconciles_total{result=\"success\",reason=\"Differs\"}");
        if same.is_some_and(|count| count >= 3.0) { Ok(()) } else { Err(operator.metrics_text()) }
    })
    .await;
}
