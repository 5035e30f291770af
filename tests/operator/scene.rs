//! What the tests of faults share: a namespace with the account of the chart, in which SopsSecrets
//! are applied and asked how they are.

use std::collections::BTreeMap;

use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use sops_cluster::{Account, Audit, Cluster, IDENTITY, Launch, Namespace, SOON, Seal, eventually};
use sops_tests::need;

/// A namespace, and the account that the chart made in it.
pub(crate) struct Scene {
    pub(crate) space: Namespace,
    pub(crate) account: Account,
    program: std::path::PathBuf,
}

impl Scene {
    /// For an operator of this namespace only. `None` when something is missing, which was said
    /// then.
    pub(crate) async fn on(cluster: &Cluster, name: &str) -> Option<Self> {
        Self::with(cluster, name, &["namespaced=true"]).await
    }

    /// With other values of the chart.
    pub(crate) async fn with(cluster: &Cluster, name: &str, values: &[&str]) -> Option<Self> {
        let program = need::operator()?;
        cluster.with_crd().await;
        let space = cluster.namespace(name).await;
        let account = space.install_chart(values).await?;
        Some(Self { space, account, program })
    }

    /// An operator of this namespace, about to be started.
    pub(crate) fn launch(&self) -> Launch {
        self.launch_as(self.account.kubeconfig()).flag("watch-namespace", self.space.name())
    }

    /// One of all namespaces, by a kubeconfig.
    pub(crate) fn launch_as(&self, kubeconfig: impl AsRef<std::ffi::OsStr>) -> Launch {
        Launch::of(&self.program, kubeconfig)
            .flag("zap-devel", "false")
            .env("SOPS_AGE_KEY", IDENTITY)
    }

    pub(crate) fn audit(&self) -> Audit {
        self.space.cluster().audit()
    }

    /// Applies manifests.
    pub(crate) async fn apply(&self, yaml: &str) {
        self.space.apply(yaml).await.unwrap_or_else(|error| panic!("{error}:\n{yaml}"));
    }

    /// The SopsSecrets of this namespace, as the administrator.
    pub(crate) fn objects(&self) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk("isindir.github.com", "v1alpha3", "SopsSecret");
        let resource = ApiResource::from_gvk(&gvk);
        Api::namespaced_with(self.space.cluster().client(), self.space.name(), &resource)
    }

    /// The condition `Ready` of an object, if it is about what the object is now.
    pub(crate) async fn ready(&self, name: &str) -> Result<Value, String> {
        let object = self.objects().get(name).await.map_err(|error| error.to_string())?;
        let conditions = object.data["status"]["conditions"].as_array().cloned();
        let mut conditions = conditions.into_iter().flatten();
        let ready = conditions.find(|condition| condition["type"] == "Ready");
        let ready = ready.ok_or("no condition Ready yet")?;
        match ready["observedGeneration"] == json!(object.metadata.generation) {
            true => Ok(ready),
            false => Err(format!("of an earlier generation: {ready}")),
        }
    }

    /// Waits until an object is as it should be.
    pub(crate) async fn healthy(&self, name: &str) {
        eventually(SOON, &format!("{name} is Ready"), async || {
            let ready = self.ready(name).await?;
            if ready["status"] == "True" { Ok(()) } else { Err(ready.to_string()) }
        })
        .await;
    }

    /// Waits until an object is not Ready and says so with these words. Gives the message.
    pub(crate) async fn fails(&self, name: &str, words: &str) -> String {
        eventually(SOON, &format!("{name} says {words:?}"), async || {
            let ready = self.ready(name).await?;
            let text = ready["message"].as_str().unwrap_or_default();
            let found = ready["status"] == "False" && text.contains(words);
            if found { Ok(text.to_owned()) } else { Err(ready.to_string()) }
        })
        .await
    }

    /// Waits until a Secret holds exactly this, of text values.
    pub(crate) async fn holds(&self, name: &str, data: &[(&str, &str)]) {
        let wanted: BTreeMap<&str, &[u8]> =
            data.iter().map(|(key, value)| (*key, value.as_bytes())).collect();
        eventually(SOON, &format!("Secret {name} holds what it should"), async || {
            let secret = self.space.secret(name).await?;
            let data = secret.data.iter().flatten();
            let found: BTreeMap<&str, &[u8]> =
                data.map(|(key, value)| (key.as_str(), value.0.as_slice())).collect();
            if found == wanted { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
    }
}

/// A SopsSecret of templates with one text value `key` each, not encrypted.
pub(crate) fn plain(name: &str, secrets: &[(&str, &str)]) -> String {
    let templates: Vec<Value> = secrets
        .iter()
        .map(|(secret, value)| json!({"name": secret, "stringData": {"key": value}}))
        .collect();
    let object = json!({
        "apiVersion": "isindir.github.com/v1alpha3",
        "kind": "SopsSecret",
        "metadata": {"name": name},
        "spec": {"secretTemplates": templates},
    });
    serde_saphyr::to_string(&object).expect("an object has a text")
}

/// The same encrypted, with names in clear.
pub(crate) fn sealed(name: &str, secrets: &[(&str, &str)]) -> String {
    Seal::age().values_only().text(&plain(name, secrets))
}
