//! Secrets Manager and Parameter Store, at moto. Go sops knows neither.

use serde_json::{Value, json};
use sops_tests::fault::{FaultProxy, Rule};
use sops_tests::need;
use sops_tests::rig::stores::Stores;

use super::place::{Place, SECRET, refused, says_no_secret, unique};

const PLAIN: &str = "b: 2\na: hunter2\nm:\n    z: [1, {k: x}]\n";
const SENT: &str = r#"{"a":"hunter2","b":2,"m":{"z":[1,{"k":"x"}]}}"#;

fn place() -> Option<(Place, Stores, String)> {
    let stores = Stores::of(&need::aws()?);
    let team = unique("team");
    let place = Place::new(stores.environment());
    place.config(&format!(
        "destination_rules:\n  - path_regex: sm/.*\n    aws_secrets_manager_prefix: {team}/\n    \
         omit_extensions: true\n  - path_regex: ps/.*\n    aws_parameter_store_path: {team}\n    \
         omit_extensions: true\n  - path_regex: each/.*\n    aws_parameter_store_path: /{team}/\n    \
         aws_parameter_store_per_key: true\n    omit_extensions: true\n  - path_regex: far/.*\n    \
         aws_secrets_manager_prefix: {team}/\n    aws_secrets_manager_region: eu-west-1\n"
    ));
    Some((place, stores, team))
}

fn line(outcome: &str) -> Value {
    serde_json::from_str(outcome).unwrap()
}

#[test]
fn a_secret_is_made_changed_and_left_alone() {
    let Some((place, stores, team)) = place() else { return };
    place.sealed("sm/app.yaml", PLAIN);
    let name = format!("{team}/app");
    let run = || place.publish(&["--yes", "--json", "sm/app.yaml"]).run().success();
    let first = run();
    let told = line(&first.out());
    assert_eq!((&told["result"], &told["written"]), (&json!("created"), &json!(true)));
    assert!(told["version"].as_str().is_some_and(|version| version.len() >= 32), "{told}");
    assert_eq!(stores.secret(&name).as_deref(), Some(SENT));
    assert_eq!(line(&run().out())["result"], "same");
    assert_eq!(stores.secret_versions(&name), 1);
    place.sops_rs(&["set", "sm/app.yaml", "[\"b\"]", "3"]).run().success();
    let changed = run();
    let told = line(&changed.out());
    assert_eq!(told["changes"], json!([{"path": "[\"b\"]", "change": "changed"}]));
    assert_eq!(stores.secret(&name), Some(SENT.replace('2', "3").replace("hunter3", SECRET)));
    assert_eq!(stores.secret_versions(&name), 2);
    says_no_secret(&first);
    says_no_secret(&changed);
}

#[test]
fn a_secret_of_somebody_else_is_compared_by_what_it_says() {
    let Some((place, stores, team)) = place() else { return };
    place.sealed("sm/app.yaml", PLAIN);
    let name = format!("{team}/app");
    let written = "{\n  \"m\": {\"z\": [1.0, {\"k\": \"x\"}]}, \"b\": 2, \"a\": \"hunter2\"\n}";
    stores.secrets("CreateSecret", &json!({"Name": name, "SecretString": written})).unwrap();
    let out = place.publish(&["--yes", "--json", "sm/app.yaml"]).run().success().out();
    assert_eq!(line(&out)["result"], "same");
    assert_eq!(stores.secret(&name).as_deref(), Some(written));
}

#[test]
fn a_rule_has_a_region_of_its_own() {
    let Some((place, stores, team)) = place() else { return };
    place.sealed("far/app.yaml", PLAIN);
    place.publish(&["--yes", "far/app.yaml"]).run().success();
    // The emulator keeps regions apart.
    assert_eq!(stores.secret(&format!("{team}/app.yaml")), None);
}

#[test]
fn a_parameter_is_secure_and_written_only_when_it_differs() {
    let Some((place, stores, team)) = place() else { return };
    place.sealed("ps/app.yaml", PLAIN);
    let name = format!("/{team}/app");
    let run = || place.publish(&["--yes", "--json", "ps/app.yaml"]).run().success().out();
    assert_eq!(line(&run())["result"], "created");
    let found = || stores.parameter(&name).expect("a parameter");
    assert_eq!(found(), ("SecureString".into(), 1, SENT.into()));
    assert_eq!(line(&run())["result"], "same");
    assert_eq!(found().1, 1);
    place.sops_rs(&["set", "ps/app.yaml", "[\"b\"]", "3"]).run().success();
    let told = line(&run());
    assert_eq!((&told["result"], &told["version"]), (&json!("changed"), &json!("2")));
    assert_eq!((found().0.as_str(), found().1), ("SecureString", 2));
}

#[test]
fn a_parameter_that_is_shown_to_everybody_is_not_written() {
    let Some((place, stores, team)) = place() else { return };
    place.sealed("ps/app.yaml", PLAIN);
    let name = format!("/{team}/app");
    let open = json!({"Name": name, "Type": "String", "Value": "x"});
    stores.parameters("PutParameter", &open).unwrap();
    let outcome = place.publish(&["--yes", "ps/app.yaml"]).run();
    refused(&outcome, 1, &["no SecureString", &name]);
    assert_eq!(stores.parameter(&name), Some(("String".into(), 1, "x".into())));
}

#[test]
fn each_value_can_be_a_parameter() {
    let Some((place, stores, team)) = place() else { return };
    place.sealed("each/app.yaml", PLAIN);
    let found = |key: &str| stores.parameter(&format!("/{team}/app/{key}"));
    let secure = |version, value: &str| Some(("SecureString".into(), version, value.to_owned()));
    let dry = place.publish(&["--dry-run", "each/app.yaml"]).run().success();
    assert_eq!(
        dry.out(),
        format!(
            "each/app.yaml: aws-parameter-store://{team}/app would be created\n  + a\n  + b\n  + \
             m/z\n"
        )
    );
    assert_eq!(found("a"), None);
    place.publish(&["--yes", "each/app.yaml"]).run().success();
    assert_eq!(found("a"), secure(1, SECRET));
    assert_eq!(found("b"), secure(1, "2"));
    assert_eq!(found("m/z"), secure(1, r#"[1,{"k":"x"}]"#));
    place.sops_rs(&["set", "each/app.yaml", "[\"b\"]", "3"]).run().success();
    let out = place.publish(&["--yes", "--json", "each/app.yaml"]).run().success().out();
    assert_eq!(
        line(&out)["parameters"],
        json!([
            {"key": "a", "result": "same", "version": null},
            {"key": "b", "result": "changed", "version": "2"},
            {"key": "m/z", "result": "same", "version": null},
        ])
    );
    assert_eq!((found("a"), found("b")), (secure(1, SECRET), secure(2, "3")));
    says_no_secret(&dry);
}

#[test]
fn a_value_that_can_be_no_parameter_stops_before_the_first_is_written() {
    let Some((place, stores, team)) = place() else { return };
    for (name, text, words) in [
        ("each/empty.yaml", "a: hunter2\nz: ''\n", "is empty"),
        ("each/name.yaml", "a: hunter2\nz z: x\n", "cannot be part of a parameter's name"),
    ] {
        place.sealed(name, text);
        refused(&place.publish(&["--yes", name]).run(), 4, &[words, "[\"z"]);
    }
    assert_eq!(stores.parameter(&format!("/{team}/empty/a")), None);
    assert_eq!(stores.parameter(&format!("/{team}/name/a")), None);
}

#[test]
fn throttling_and_faults_are_tried_again_and_refusals_are_not() {
    let Some((place, stores, team)) = place() else { return };
    let proxy = FaultProxy::in_front_of(&need::aws().unwrap().sts);
    let variables = ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_SSM"];
    let run = |path: &str| {
        let run = place.publish(&["--yes", path]);
        run.envs(variables.map(|name| (name, proxy.url())))
    };
    place.sealed("sm/app.yaml", PLAIN);
    place.sealed("ps/app.yaml", PLAIN);
    proxy.add(Rule::on("CreateSecret").times(2).throttled());
    proxy.add(Rule::on("GetSecretValue").times(1).resets());
    run("sm/app.yaml").run().success();
    assert_eq!((proxy.count("GetSecretValue"), proxy.count("CreateSecret")), (2, 3));
    // One that was sent again is the same for the service.
    let tokens: Vec<Value> = proxy
        .calls()
        .iter()
        .filter(|call| call.operation == "CreateSecret")
        .map(|call| line(&call.body)["ClientRequestToken"].clone())
        .collect();
    assert!(tokens.windows(2).all(|two| two[0] == two[1]) && tokens[0].is_string(), "{tokens:?}");
    assert_eq!(stores.secret_versions(&format!("{team}/app")), 1);
    proxy.reset();
    let message = "1 validation error detected: Value 'hunter2' at 'value' failed";
    proxy.add(Rule::on("PutParameter").fails(400, "ValidationException", message));
    refused(&run("ps/app.yaml").run(), 1, &["ValidationException", "at 'value' failed"]);
    assert_eq!(proxy.count("PutParameter"), 1);
    proxy.reset();
    proxy.add(Rule::on("GetParameter").hangs());
    let outcome = run("ps/app.yaml").env("SOPS_KEY_TIMEOUT", "1").run();
    refused(&outcome, 1, &["operation error SSM: GetParameter", "nothing within 1 s"]);
}

#[test]
fn a_recreation_rule_for_values_is_pointed_out() {
    let Some((place, _, team)) = place() else { return };
    place.config(&format!(
        "destination_rules:\n  - aws_secrets_manager_prefix: {team}/\n    recreation_rule: {{age: \
         R2}}\n"
    ));
    place.sealed("app.yaml", PLAIN);
    let outcome = place.publish(&["--yes", "app.yaml"]).run().success();
    assert!(outcome.err().contains("has no effect"), "{outcome}");
}
