//! The part of `cargo xtask generate` that concerns `deploy/`: what exists twice there is written
//! once. The kustomize base is the chart, rendered; the chart has copies of the alerts and the
//! dashboard, because it cannot reach out of its folder; the patch for Argo CD holds its check.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use sops_tests::paths;
use sops_tests::scratch::Scratch;

use crate::{cluster, shell};

const CHART: &str = "deploy/chart/sops-secrets-operator";

/// What is copied as it is: from, to.
const COPIES: [(&str, &str); 3] = [
    (
        "deploy/prometheus/rules.yaml",
        "deploy/chart/sops-secrets-operator/files/prometheus-rules.yaml",
    ),
    (
        "deploy/grafana/dashboard.json",
        "deploy/chart/sops-secrets-operator/files/grafana-dashboard.json",
    ),
    (CRD, "deploy/chart/sops-secrets-operator/crds/isindir.github.com_sopssecrets.yaml"),
];

/// Name of the release and of the namespace of the kustomize base.
const BASE: &str = "sops-secrets-operator";

/// Marks of Helm that make no sense in what Helm does not manage.
const NOT_IN_BASE: [&str; 3] = ["# Source: ", "app.kubernetes.io/managed-by: ", "helm.sh/chart: "];

const PATCH_HEAD: &str = "\
# A merge patch of Argo CD's ConfigMap: the health check of health.lua.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
data:
  resource.customizations.health.isindir.github.com_SopsSecret: |
";

/// The definition of SopsSecrets, as the operator prints it.
const CRD: &str = "config/crd/bases/isindir.github.com_sopssecrets.yaml";

/// Makes the files anew, or only compares them.
pub(crate) fn generate(check: bool) -> Result<()> {
    settle(CRD, &crd()?, check)?;
    let mut files = vec![("deploy/argocd/argocd-cm.yaml", argo_patch()?)];
    for (from, to) in COPIES {
        files.push((to, read(from)?));
    }
    for (to, content) in &files {
        // Helm reads them from the chart.
        settle(to, content, check)?;
    }
    match base() {
        Ok(content) => settle("deploy/kustomize/base/operator.yaml", &content, check),
        Err(error) => shell::missing::<()>(&error).map(drop),
    }
}

fn crd() -> Result<String> {
    shell::build()?;
    shell::output(&mut shell::command(paths::target().join("debug/sops-operator"), ["crd"]))
}

fn settle(path: &str, content: &str, check: bool) -> Result<()> {
    let file = paths::repository().join(path);
    if fs::read_to_string(&file).is_ok_and(|kept| kept == content) {
        return Ok(());
    }
    if check {
        bail!("{path} is out of date; run `cargo xtask generate`");
    }
    println!("differs: {path}");
    fs::write(&file, content).with_context(|| format!("unable to update {path}"))
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(paths::repository().join(path))
        .with_context(|| format!("unable to read {path}"))
}

fn argo_patch() -> Result<String> {
    let check = read("deploy/argocd/health.lua")?;
    let lines = check.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("    {line}\n"),
    });
    Ok(PATCH_HEAD.to_owned() + &lines.collect::<String>())
}

fn base() -> Result<String> {
    let helm: PathBuf = cluster::helm()?;
    let scratch = Scratch::new();
    let mut template = shell::command(helm, ["template", BASE, CHART, "--namespace", BASE]);
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        template.env(variable, scratch.path());
    }
    let rendered = shell::output(&mut template)?;
    let kept = rendered
        .lines()
        .filter(|line| !NOT_IN_BASE.iter().any(|mark| line.trim_start().starts_with(mark)));
    Ok(kept.flat_map(|line| [line, "\n"]).collect())
}
