//! The chart of this repository, installed as far as a control plane without nodes goes.

use kube::api::DynamicObject;
use sops_tests::run::Run;
use sops_tests::scratch::Scratch;
use sops_tests::{need, paths};

use crate::cluster::objects;
use crate::{Account, Namespace};

impl Namespace {
    /// Renders the chart with real helm for a release in this namespace, and applies all of it but
    /// the Deployment, in whose place the test starts the operator ([`Launch`](crate::Launch)).
    /// `values` are as after `--set`: `namespaced=true`. Gives the account of the chart, with the
    /// rights the chart gives it. `None` when there is no helm, which was said then.
    pub async fn install_chart(&self, values: &[&str]) -> Option<Account> {
        let helm = need::helm()?;
        let home = Scratch::new();
        let mut run = Run::program(helm, ["template", self.name()])
            .arg(paths::repository().join("deploy/chart/sops-secrets-operator"))
            .args(["--namespace", self.name()]);
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            run = run.env(variable, home.path());
        }
        for value in values {
            run = run.args(["--set", value]);
        }
        let rendered = objects(&run.run().success().out());
        let (_, others): (Vec<_>, Vec<_>) =
            rendered.into_iter().partition(|object| kind(object) == "Deployment");
        let mut account = None;
        for object in &others {
            let text = serde_json::to_string(object).expect("an object is JSON");
            self.apply(&text).await.unwrap_or_else(|error| panic!("{error}: {text}"));
            if kind(object) == "ServiceAccount" {
                account.clone_from(&object.metadata.name);
            }
        }
        Some(Account::of(self, &account.expect("the chart has a ServiceAccount")).await)
    }
}

fn kind(object: &DynamicObject) -> &str {
    object.types.as_ref().map_or("", |types| types.kind.as_str())
}
