//! The examples are what they say: they can be read, their values are taken by the chart, and their
//! policies grant decryption with one key to one account, and nothing else.

use std::fs;

use serde_json::{Value, json};

use crate::render::{Objects, Renderer, deploy, files};

const NAMESPACE: &str = "sops-secrets-operator";

fn policy(path: &str) -> Value {
    let text = fs::read(deploy("examples/eks").join(path)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn rendered(renderer: &Renderer, path: &str) -> Objects {
    let values = fs::read_to_string(deploy("examples").join(path)).unwrap();
    renderer.try_render_as("sops", NAMESPACE, &values).unwrap()
}

#[test]
fn every_file_can_be_read() {
    let Some(renderer) = Renderer::needed() else { return };
    for path in files("examples", ".yaml").into_iter().chain(files("kustomize", ".yaml")) {
        assert!(!renderer.referee.file(&path).is_empty(), "{} is empty", path.display());
    }
    for path in files("examples", ".json") {
        let text = fs::read(&path).unwrap();
        serde_json::from_slice::<Value>(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn the_chart_takes_the_values_of_every_example() {
    let Some(renderer) = Renderer::needed() else { return };
    let mut all: Vec<(String, String)> = files("examples", ".yaml")
        .into_iter()
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("values"))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap()))
        .collect();
    let release = renderer.referee.file(&deploy("examples/flux/operator.yaml"));
    let release = Objects(release).one("HelmRelease").clone();
    all.push(("Flux".into(), release["spec"]["values"].to_string()));
    let application = renderer.referee.file(&deploy("examples/argocd/application.yaml")).remove(0);
    let values = &application["spec"]["source"]["helm"]["valuesObject"];
    all.push(("Argo CD".into(), values.to_string()));
    assert!(all.len() >= 8, "{all:?}");
    for (name, values) in all {
        let objects = renderer.try_render_as("sops", NAMESPACE, &values);
        let objects = objects.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            objects.one("Deployment")["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"],
            "sops",
            "{name}"
        );
    }
}

#[test]
fn keys_are_where_the_variables_say() {
    let Some(renderer) = Renderer::needed() else { return };
    let age = rendered(&renderer, "age/values.yaml");
    let path = age.variable("SOPS_AGE_KEY_FILE")["value"].as_str().unwrap();
    let mount = age.container()["volumeMounts"][0]["mountPath"].as_str().unwrap();
    assert_eq!(path, format!("{mount}/keys.txt"));
    assert_eq!(age.pod()["volumes"][0]["secret"]["secretName"], "sops-age");

    let shadow = rendered(&renderer, "shadow/values.yaml");
    assert!(shadow.arguments().contains(&"-mode=shadow"));
    let alone = rendered(&renderer, "namespaced/values.yaml");
    assert!(alone.of("ClusterRole").is_empty());
    let list = rendered(&renderer, "namespaced/values-list.yaml");
    assert!(list.arguments().contains(&"-watch-namespace=finance,shop"));
}

#[test]
fn the_role_may_decrypt_with_one_key_in_one_context() {
    let document = policy("kms-decrypt-policy.json");
    let statements = document["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 1);
    let statement = &statements[0];
    assert_eq!(statement["Effect"], "Allow");
    assert_eq!(statement["Action"], "kms:Decrypt");
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    assert_eq!(statement["Resource"], key);
    let context = &statement["Condition"]["StringEquals"]["kms:EncryptionContext:cluster"];
    assert_eq!(context, "production");

    let policy = policy("key-policy.json");
    for statement in policy["Statement"].as_array().unwrap() {
        let actions = match &statement["Action"] {
            Value::String(one) => vec![one.as_str()],
            list => crate::render::texts(list),
        };
        assert!(actions.iter().all(|action| !action.contains('*')), "{statement}");
        // Nobody may do everything, and whoever may use the key does not administer it.
        let uses = actions.iter().any(|action| ["kms:Decrypt", "kms:Encrypt"].contains(action));
        let bound = &statement["Condition"]["StringEquals"]["kms:EncryptionContext:cluster"];
        assert_eq!(bound == "production", uses, "{statement}");
        let principal = statement["Principal"]["AWS"].as_str().unwrap();
        assert!(principal.starts_with("arn:aws:iam::111122223333:role/"), "{statement}");
        if principal.ends_with("/sops-operator") {
            assert_eq!(actions, ["kms:Decrypt"]);
        }
    }
}

/// What authors seal with is what the policies ask for.
#[test]
fn the_rule_of_authors_has_the_key_and_the_context_of_the_policies() {
    let Some(renderer) = Renderer::needed() else { return };
    let rules = renderer.referee.file(&deploy("examples/eks/sops.yaml")).remove(0);
    let rule = &rules["creation_rules"][0];
    let key = &rule["key_groups"][0]["kms"][0];
    let statement = policy("kms-decrypt-policy.json")["Statement"][0].clone();
    assert_eq!(key["arn"], statement["Resource"]);
    for (name, value) in key["context"].as_object().unwrap() {
        let condition = format!("kms:EncryptionContext:{name}");
        assert_eq!(statement["Condition"]["StringEquals"][condition], *value);
    }
    // The form that can be verified in a cluster.
    assert_eq!(rule["mac_only_encrypted"], true);
    assert_eq!(rule["encrypted_suffix"], "Templates");
}

#[test]
fn the_roles_trust_the_account_that_the_values_make() {
    let Some(renderer) = Renderer::needed() else { return };
    for way in ["irsa", "pod-identity"] {
        let objects = rendered(&renderer, &format!("eks/{way}/values.yaml"));
        let account = objects.one("ServiceAccount");
        let name = account["metadata"]["name"].as_str().unwrap();
        let namespace = account["metadata"]["namespace"].as_str().unwrap();
        assert_eq!(objects.pod()["serviceAccountName"], name);
        let trust = policy(&format!("{way}/trust-policy.json"));
        let statement = &trust["Statement"][0];
        let equal = &statement["Condition"]["StringEquals"];
        if way == "irsa" {
            assert_eq!(statement["Action"], "sts:AssumeRoleWithWebIdentity");
            let provider = statement["Principal"]["Federated"].as_str().unwrap();
            let issuer = provider.split_once("oidc-provider/").unwrap().1;
            let subject = format!("system:serviceaccount:{namespace}:{name}");
            assert_eq!(
                *equal,
                json!({format!("{issuer}:aud"): "sts.amazonaws.com", format!("{issuer}:sub"): subject})
            );
        } else {
            assert_eq!(statement["Principal"], json!({"Service": "pods.eks.amazonaws.com"}));
            assert_eq!(statement["Action"], json!(["sts:AssumeRole", "sts:TagSession"]));
            assert_eq!(equal["aws:RequestTag/kubernetes-namespace"], namespace);
            assert_eq!(equal["aws:RequestTag/kubernetes-service-account"], name);
        }
    }
}

#[test]
fn flux_waits_for_secrets_by_their_condition() {
    let Some(renderer) = Renderer::needed() else { return };
    let operator = Objects(renderer.referee.file(&deploy("examples/flux/operator.yaml")));
    let apps = Objects(renderer.referee.file(&deploy("examples/flux/apps.yaml")));
    // All but the namespace are Flux's own.
    assert_eq!(renderer.referee.kinds(&operator.0).len(), operator.0.len() - 1);
    assert_eq!(renderer.referee.kinds(&apps.0).len(), apps.0.len());
    let release = operator.one("HelmRelease");
    assert_eq!(release["spec"]["upgrade"]["crds"], "CreateReplace");
    let source = operator.one("GitRepository");
    let reference = &release["spec"]["chart"]["spec"]["sourceRef"];
    assert_eq!(reference["name"], source["metadata"]["name"]);
    let shop = apps.named("Kustomization", "shop");
    let checks = shop["spec"]["healthChecks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["kind"] == "SopsSecret").unwrap();
    assert_eq!(check["apiVersion"], "isindir.github.com/v1alpha3");
    // Flux itself must not try to decrypt what the operator decrypts.
    assert_eq!(shop["spec"]["decryption"], Value::Null);
    assert_eq!(shop["spec"]["dependsOn"][0]["name"], "operators");
    apps.named("Kustomization", "operators");
}

/// Nobody's account, domain or registry stands in what people copy.
#[test]
fn names_are_those_of_documentation() {
    let all = sops_tests::scratch::files_below(&deploy(""));
    for path in all.iter().filter(|path| !path.ends_with("grafana/dashboard.json")) {
        let text = fs::read_to_string(path).unwrap();
        for account in text.split("arn:aws").skip(1) {
            let account = account.split(':').nth(3).unwrap_or_default();
            assert!(
                ["", "111122223333", "aws"].contains(&account),
                "{}: {account}",
                path.display()
            );
        }
        for address in text.split("https://").skip(1) {
            let end = address.find(|c: char| !c.is_alphanumeric() && !".-".contains(c));
            let host = &address[..end.unwrap_or(address.len())];
            let known = host.ends_with(".example.com")
                || ["kubernetes.default.svc", "oidc.eks.eu-west-1.amazonaws.com"].contains(&host);
            assert!(known, "{}: {host}", path.display());
        }
    }
}
