//! The definition of SopsSecrets, as an API server serves it (operator spec §1).

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use sops_cluster::EXAMPLES;

use crate::stage::{
    CREATION, DECRYPTION, HEALTHY, SUSPENDED, Stage, condition, sealed, template, yaml,
};

#[tokio::test]
async fn kubectl_prints_what_scripts_look_for() {
    let Some(stage) = Stage::set("columns").await else { return };
    let _operator = stage.operate().await;
    stage.kubectl_apply(&EXAMPLES[0].sealed_for(stage.space.name()));
    stage.kubectl_apply(&EXAMPLES[2].sealed_for(stage.space.name()));
    stage.says("storefront", HEALTHY).await;
    stage.says("edge-tls", SUSPENDED).await;
    for name in
        ["sops", "sopssecret", "sopssecrets", "sopssecrets.isindir.github.com", "SopsSecret"]
    {
        let table = stage.space.kubectl(&["get", name]).run().success().out();
        let rows: Vec<Vec<&str>> =
            table.lines().map(|line| line.splitn(2, ' ').map(str::trim).collect()).collect();
        let wanted = [["NAME", "STATUS"], ["edge-tls", SUSPENDED], ["storefront", HEALTHY]];
        assert_eq!(rows, wanted, "kubectl get {name}");
    }
    // The columns of the older versions.
    for (version, header) in
        [("v1alpha1", vec!["NAME", "AGE"]), ("v1alpha2", vec!["NAME", "STATUS"])]
    {
        let name = format!("sopssecrets.{version}.isindir.github.com");
        let table = stage.space.kubectl(&["get", &name]).run().success().out();
        let found: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(found, header, "{version}");
    }
    let wide = stage.space.kubectl(&["get", "sops", "--output=wide"]).run().success().out();
    assert!(wide.starts_with("NAME") && wide.split_whitespace().nth(1) == Some("STATUS"), "{wide}");
}

#[tokio::test]
async fn the_definition_has_the_versions_and_names_of_the_original() {
    let Some(stage) = Stage::set("definition").await else { return };
    let api: Api<CustomResourceDefinition> = Api::all(stage.cluster.client());
    let crd = api.get("sopssecrets.isindir.github.com").await.unwrap();
    let names = &crd.spec.names;
    assert_eq!(
        (crd.spec.group.as_str(), names.kind.as_str()),
        ("isindir.github.com", "SopsSecret")
    );
    assert_eq!(
        (names.plural.as_str(), names.list_kind.as_deref()),
        ("sopssecrets", Some("SopsSecretList"))
    );
    assert_eq!(names.singular.as_deref(), Some("sopssecret"));
    assert_eq!(names.short_names.as_deref(), Some(&["sops".to_owned()][..]));
    assert_eq!((names.categories.as_ref(), crd.spec.scope.as_str()), (None, "Namespaced"));
    let conversion = crd.spec.conversion.map(|conversion| conversion.strategy);
    assert_eq!(conversion.as_deref(), Some("None"));
    let versions: Vec<_> = crd
        .spec
        .versions
        .iter()
        .map(|version| {
            let status = version
                .subresources
                .as_ref()
                .is_some_and(|s| s.status.is_some() && s.scale.is_none());
            (
                version.name.as_str(),
                version.served,
                version.storage,
                version.deprecated == Some(true),
                status,
            )
        })
        .collect();
    let wanted = [
        ("v1alpha1", true, false, true, true),
        ("v1alpha2", true, false, true, true),
        ("v1alpha3", true, true, false, true),
    ];
    assert_eq!(versions, wanted);
}

/// Objects as the original's users write them: all fields of the published schema.
fn everything() -> Value {
    json!({
        "kms": [{"arn": "a", "role": "r", "aws_profile": "", "created_at": "2026-01-15T10:00:00Z", "enc": "e"}],
        "gcp_kms": [{"resource_id": "r", "created_at": "2026-01-15T10:00:00Z", "enc": "e"}],
        "azure_kv": [{"vault_url": "u", "name": "n", "version": "v", "created_at": "2026-01-15T10:00:00Z", "enc": "e"}],
        "hc_vault": [{"vault_address": "a", "engine_path": "p", "key_name": "k", "created_at": "2026-01-15T10:00:00Z", "enc": "e"}],
        "pgp": [{"fp": "f", "created_at": "2026-01-15T10:00:00Z", "enc": "e"}],
        "age": [{"recipient": "r", "enc": "e"}],
        "mac": "m", "lastmodified": "2026-01-15T10:00:00Z", "version": "3.13.1",
        "encrypted_suffix": "Templates", "encrypted_regex": "^data$", "mac_only_encrypted": true,
    })
}

fn manifest(version: &str, name: &str, spec: Value, sops: Value) -> Value {
    json!({"apiVersion": format!("isindir.github.com/{version}"), "kind": "SopsSecret",
        "metadata": {"name": name}, "spec": spec, "sops": sops})
}

#[tokio::test]
async fn objects_written_for_the_original_pass_strict_validation() {
    let Some(stage) = Stage::set("strict-apply").await else { return };
    let whole = json!({"suspend": false, "enforceOwnership": true, "secretTemplates": [{"name": "n",
        "type": "Opaque", "labels": {"a": "b"}, "annotations": {"a": "b"}, "data": {"a": "b"},
        "stringData": {"a": "b"}}]});
    let old = json!([{"name": "n", "type": "Opaque", "labels": {"a": "b"}, "annotations": {"a": "b"}, "data": {"a": "b"}}]);
    let mut old_sops = everything();
    old_sops["kms"][0].as_object_mut().unwrap().remove("role");
    for field in ["age", "hc_vault", "encrypted_regex"] {
        old_sops.as_object_mut().unwrap().remove(field);
    }
    let lists = json!({"kms": [], "gcp_kms": [], "azure_kv": [], "hc_vault": [], "pgp": [], "age": [], "mac": "m"});
    let objects = [
        manifest("v1alpha3", "whole", whole.clone(), everything()),
        manifest("v1alpha3", "empty-lists", whole.clone(), lists),
        manifest("v1alpha3", "nulls", whole, json!({"kms": null, "pgp": null, "mac": "m"})),
        json!({"apiVersion": "isindir.github.com/v1alpha3", "kind": "SopsSecret", "metadata": {"name": "bare"}}),
        manifest("v1alpha2", "two", json!({"secretTemplates": old}), everything()),
        manifest("v1alpha1", "one", json!({"secret_templates": old}), old_sops),
    ];
    for object in &objects {
        stage.kubectl_apply(&yaml(object));
        let name = object["metadata"]["name"].as_str().unwrap();
        let apply =
            ["apply", "--server-side", "--force-conflicts", "--validate=strict", "--filename=-"];
        if name == "nulls" {
            // The server drops them from what is created or updated, and takes none to be merged.
            assert_eq!(stage.object(name).await["sops"], json!({"mac": "m"}));
            continue;
        }
        stage.space.kubectl(&apply).input(yaml(object)).run().success();
        if object["apiVersion"] == "isindir.github.com/v1alpha3" {
            let stored = stage.object(name).await;
            assert_eq!(
                (&stored["spec"], &stored["sops"]),
                (&object["spec"], &object["sops"]),
                "{name}"
            );
        }
    }
    // And what the original refuses is refused.
    for spec in [
        json!({}),
        json!({"secretTemplates": []}),
        json!({"secretTemplates": [{"data": {}}]}),
        json!({"sekretTemplates": []}),
    ] {
        let wrong = manifest("v1alpha3", "wrong", spec, everything());
        let apply = ["apply", "--validate=strict", "--filename=-"];
        stage.space.kubectl(&apply).input(yaml(&wrong)).run().fails_with(1);
    }
}

#[tokio::test]
async fn what_newer_versions_of_sops_write_is_kept() {
    let Some(stage) = Stage::set("newer").await else { return };
    let mut sops = everything();
    sops["unencrypted_suffix"] = json!("_clear");
    sops["unencrypted_regex"] = json!("^x$");
    sops["encrypted_comment_regex"] = json!("x");
    sops["unencrypted_comment_regex"] = json!("x");
    sops["shamir_threshold"] = json!(2);
    sops["key_groups"] = json!([{"age": [{"recipient": "r", "enc": "e"}]}]);
    sops["hckms"] = json!([{"key_id": "k", "enc": "e"}]);
    sops["kms"][0]["context"] = json!({"app": "shop"});
    sops["of_the_future"] = json!({"a": [1]});
    let whole = manifest("v1alpha3", "mine", json!({"secretTemplates": [{"name": "n"}]}), sops);
    stage.kubectl_apply(&yaml(&whole));
    assert_eq!(stage.object("mine").await["sops"], whole["sops"]);
}

/// SopsSecrets through an older version.
fn older(stage: &Stage, version: &str) -> Api<DynamicObject> {
    let resource =
        ApiResource::from_gvk(&GroupVersionKind::gvk("isindir.github.com", version, "SopsSecret"));
    Api::namespaced_with(stage.cluster.client(), stage.space.name(), &resource)
}

#[tokio::test]
async fn a_write_through_the_first_version_loses_the_templates_and_deletes_nothing() {
    let Some(stage) = Stage::set("v1alpha1").await else { return };
    let _operator = stage.operate().await;
    let good = sealed("mine", json!([template("a", &[("k", "v")]), template("b", &[("k", "v")])]));
    stage.apply(&good).await;
    stage.says("mine", HEALTHY).await;
    let before = stage.versions().await;
    // Any write will do: the server drops what that version does not know.
    let by = PatchParams { field_manager: Some("old-tool".into()), ..PatchParams::default() };
    let patch =
        Patch::Merge(json!({"spec": {"secret_templates": [{"name": "a", "data": {"k": "v"}}]}}));
    older(&stage, "v1alpha1").patch("mine", &by, &patch).await.unwrap();
    let stored = stage.object("mine").await;
    assert_eq!(stored["spec"].get("secretTemplates"), None, "{stored}");
    let object = stage.says("mine", DECRYPTION).await;
    // Who wrote what was forgotten by the server along with the templates.
    let ready = condition(&object, "Ready");
    assert_eq!(ready["reason"], "NoTemplates");
    assert!(ready["message"].as_str().unwrap().contains("v1alpha1"), "{ready}");
    assert_eq!(stage.versions().await, before);
    // With its keys put back it still has no templates.
    let read: Value = serde_saphyr::from_str(&good).unwrap();
    stage.patch("mine", json!({"sops": read["sops"]})).await;
    stage.patch("mine", json!({"metadata": {"annotations": {"look": "again"}}})).await;
    stage.says("mine", DECRYPTION).await;
    assert_eq!(stage.versions().await, before);
    stage.apply(&good).await;
    stage.says("mine", HEALTHY).await;
    assert_eq!(stage.versions().await, before);

    // One that was made through it is known as such.
    let spec = json!({"secret_templates": [{"name": "a", "data": {"k": "v"}}]});
    stage.kubectl_apply(&yaml(&manifest("v1alpha1", "made", spec, json!({"mac": "m"}))));
    let object = stage.reason("made", "OldVersion").await;
    let told = condition(&object, "Ready")["message"].as_str().unwrap();
    assert!(told.contains("v1alpha1") && told.contains("v1alpha3"), "{told}");
    assert_eq!(stage.versions().await, before);
}

#[tokio::test]
async fn an_object_of_the_second_version_is_told_apart_where_its_data_are_plain_text() {
    let Some(stage) = Stage::set("v1alpha2").await else { return };
    let _operator = stage.operate().await;
    let of = |name: &str, value: &str| {
        let text = sealed(name, json!([{"name": name, "data": {"k": value}}]));
        text.replace("isindir.github.com/v1alpha3", "isindir.github.com/v1alpha2")
    };
    stage.apply(&of("plain", "plain text!")).await;
    let object = stage.says("plain", CREATION).await;
    assert_eq!(object["status"]["secrets"][0]["result"], "NotBase64");
    // What happens to be base64 is decoded, and that is told.
    stage.apply(&of("coded", "dGV4dA==")).await;
    let object = stage.says("coded", HEALTHY).await;
    let told = condition(&object, "Ready")["message"].as_str().unwrap();
    assert!(told.contains("v1alpha2") && told.contains("base64"), "{told}");
    stage.holds("coded", &[("k", "text")]).await;
    assert_eq!(stage.space.secrets().await.keys().collect::<Vec<_>>(), ["coded"]);
}

#[tokio::test]
async fn templates_are_an_atomic_list_to_server_side_apply() {
    let Some(stage) = Stage::set("atomic").await else { return };
    let api: Api<CustomResourceDefinition> = Api::all(stage.cluster.client());
    let crd =
        serde_json::to_value(api.get("sopssecrets.isindir.github.com").await.unwrap()).unwrap();
    for version in crd["spec"]["versions"].as_array().unwrap() {
        let schema = &version["schema"]["openAPIV3Schema"];
        let spec = schema["properties"]["spec"].to_string();
        let extensions: BTreeMap<&str, bool> =
            ["x-kubernetes-list-type", "x-kubernetes-validations", "x-kubernetes-map-type"]
                .map(|name| (name, spec.contains(name)))
                .into();
        assert!(extensions.values().all(|there| !there), "{extensions:?}");
        assert_eq!(schema.get("required"), None);
    }
}
