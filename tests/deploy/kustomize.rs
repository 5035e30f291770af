//! The kustomize base is the chart, and the overlay changes what it says it changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sops_tests::need;
use sops_tests::run::Run;

use crate::render::{Objects, Renderer, deploy};

const BASE: &str = "sops-secrets-operator";

/// kubectl holds a kustomize.
fn build(renderer: &Renderer, folder: &str) -> Option<Objects> {
    let kubectl = match std::env::var_os("TEST_ASSET_KUBECTL") {
        Some(path) => path.into(),
        _ => need::program("kubectl")?,
    };
    let outcome =
        Run::program(kubectl, ["kustomize".as_ref(), deploy(folder).as_os_str()]).run().success();
    Some(Objects(renderer.referee.documents(&outcome.stdout)))
}

/// Objects by kind and name, without the labels that only Helm's objects have.
fn by_name(objects: Objects) -> BTreeMap<String, Value> {
    let entries = objects.0.into_iter().map(|mut object| {
        if let Some(labels) = object["metadata"]["labels"].as_object_mut() {
            labels.remove("app.kubernetes.io/managed-by");
            labels.remove("helm.sh/chart");
        }
        (format!("{} {}", object["kind"], object["metadata"]["name"]), object)
    });
    entries.collect()
}

#[test]
fn the_base_is_the_chart_without_values() {
    let Some(renderer) = Renderer::needed() else { return };
    let Some(base) = build(&renderer, "kustomize/base") else { return };
    let namespace = base.named("Namespace", BASE);
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    base.named("CustomResourceDefinition", "sopssecrets.isindir.github.com");
    let rest = base.0.into_iter().filter(|object| {
        object["kind"] != "Namespace" && object["kind"] != "CustomResourceDefinition"
    });
    let chart = renderer.try_render_as(BASE, BASE, "{}").unwrap();
    assert_eq!(by_name(Objects(rest.collect())), by_name(chart), "run `cargo xtask generate`");
}

#[test]
fn the_overlay_names_image_role_and_number() {
    let Some(renderer) = Renderer::needed() else { return };
    let Some(overlay) = build(&renderer, "kustomize/overlays/eks") else { return };
    assert_eq!(overlay.container()["image"], "registry.example.com/platform/sops-operator:0.1.0");
    assert_eq!(overlay.one("Deployment")["spec"]["replicas"], 2);
    assert_eq!(
        overlay.one("ServiceAccount")["metadata"]["annotations"],
        json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/sops-operator"})
    );
}
