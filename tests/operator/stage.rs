//! What the tests of the operator share: a namespace with the rights of the chart, and an operator
//! that watches it alone.

use std::sync::OnceLock;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Secret};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use sops_cluster::{
    Account, Calls, Cluster, IDENTITY, Launch, Namespace, Operator, RECIPIENT, SOON, Seal,
    eventually,
};
use sops_tests::run::Run;
use sops_tests::scratch::Scratch;
use sops_tests::{need, paths};

/// The texts of `status.message` that scripts compare (operator spec §6.1).
pub(crate) const HEALTHY: &str = "Healthy";
pub(crate) const SUSPENDED: &str = "Reconciliation is suspended";
pub(crate) const DECRYPTION: &str = "Decryption error";
pub(crate) const NOT_OWNED: &str = "Child secret is not owned by controller error";
pub(crate) const CREATION: &str = "New child secret creation error";
pub(crate) const UPDATE: &str = "Child secret update error";
pub(crate) const UNKNOWN: &str = "Unknown Error";

/// Long enough for what must not happen, since it would happen at once.
pub(crate) const WHILE: Duration = Duration::from_secs(2);

/// Stands for the namespace in what helm renders.
const PLACE: &str = "place-of-a-test";

/// A namespace with an account as the chart makes it, and no operator yet.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) space: Namespace,
    pub(crate) account: Account,
    launch: Launch,
}

impl Stage {
    /// `None` when something is missing, which was said then.
    pub(crate) async fn set(name: &str) -> Option<Self> {
        let cluster = Cluster::shared().await?;
        cluster.with_crd().await;
        Self::on(cluster, name).await
    }

    /// The same on a cluster that has a definition of SopsSecrets.
    pub(crate) async fn on(cluster: Cluster, name: &str) -> Option<Self> {
        let program = need::operator()?;
        let rights = rights()?;
        let space = cluster.namespace(name).await;
        space.apply(&rights.replace(PLACE, space.name())).await.expect("the chart is applied");
        let account = Account::of(&space, space.name()).await;
        let launch = Launch::of(program, account.kubeconfig())
            .flag("watch-namespace", space.name())
            .flag("zap-devel", "false")
            .env("SOPS_AGE_KEY", IDENTITY);
        Some(Self { cluster, space, account, launch })
    }

    /// An operator of this namespace, about to be started.
    pub(crate) fn launch(&self) -> Launch {
        self.launch.clone()
    }

    /// Starts an operator, and waits until it has seen everything.
    pub(crate) async fn operate(&self) -> Operator {
        self.operate_with(|launch| launch).await
    }

    /// The same with further flags and variables.
    pub(crate) async fn operate_with(&self, with: impl Fn(Launch) -> Launch) -> Operator {
        let mut operator = with(self.launch()).start();
        operator.ready().await;
        operator
    }

    /// Applies manifests as a person does, with kubectl and its strict validation.
    #[track_caller]
    pub(crate) fn kubectl_apply(&self, yaml: &str) {
        self.space
            .kubectl(&["apply", "--validate=strict", "--filename=-"])
            .input(yaml)
            .run()
            .success();
    }

    /// Applies manifests on the server's side.
    pub(crate) async fn apply(&self, yaml: &str) {
        self.space.apply(yaml).await.unwrap_or_else(|error| panic!("{error}:\n{yaml}"));
    }

    /// SopsSecrets, as the administrator.
    pub(crate) fn objects(&self) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk("isindir.github.com", "v1alpha3", "SopsSecret");
        let resource = ApiResource::from_gvk(&gvk);
        Api::namespaced_with(self.cluster.client(), self.space.name(), &resource)
    }

    /// A SopsSecret as it is.
    pub(crate) async fn object(&self, name: &str) -> Value {
        let object = self.objects().get(name).await.expect("the object is there");
        serde_json::to_value(object).expect("an object is JSON")
    }

    /// Changes a SopsSecret by a merge patch.
    pub(crate) async fn patch(&self, name: &str, change: Value) {
        let patch = Patch::Merge(&change);
        self.objects().patch(name, &PatchParams::default(), &patch).await.expect("a patch");
    }

    /// Changes a Secret by a merge patch, as somebody else.
    pub(crate) async fn patch_secret(&self, name: &str, change: Value) -> Secret {
        let params = PatchParams { field_manager: Some("other".into()), ..PatchParams::default() };
        let patch = Patch::Merge(&change);
        self.space.api::<Secret>().patch(name, &params, &patch).await.expect("a patch")
    }

    /// Waits until the status of an object is about what the object is now, and says this. Gives
    /// the object.
    #[track_caller]
    pub(crate) fn says(&self, name: &str, message: &str) -> impl Future<Output = Value> {
        let what = format!("{name} says {message:?}");
        eventually_owned(what, async move || {
            let object = self.objects().get(name).await.map_err(|error| error.to_string())?;
            let object = serde_json::to_value(object).expect("an object is JSON");
            let status = &object["status"];
            let current = status["observedGeneration"] == object["metadata"]["generation"];
            if current && status["message"] == message {
                Ok(object)
            } else {
                Err(status.to_string())
            }
        })
    }

    /// Waits until the condition `Ready` of an object has this reason, for its present generation.
    #[track_caller]
    pub(crate) fn reason(&self, name: &str, reason: &str) -> impl Future<Output = Value> {
        let what = format!("{name} is Ready or not because of {reason}");
        eventually_owned(what, async move || {
            let object = self.objects().get(name).await.map_err(|error| error.to_string())?;
            let object = serde_json::to_value(object).expect("an object is JSON");
            let ready = condition(&object, "Ready");
            let current = ready["observedGeneration"] == object["metadata"]["generation"];
            let found = current && ready["reason"] == reason;
            if found { Ok(object) } else { Err(object["status"].to_string()) }
        })
    }

    /// Waits until a Secret is there and holds exactly this.
    #[track_caller]
    pub(crate) fn holds(&self, name: &str, data: &[(&str, &str)]) -> impl Future<Output = Secret> {
        let what = format!("Secret {name} holds what it should");
        let wanted: Vec<(String, Vec<u8>)> =
            data.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        eventually_owned(what, async move || {
            let secret = self.space.secret(name).await?;
            let data = secret.data.iter().flatten();
            let mut found: Vec<_> =
                data.map(|(key, value)| (key.clone(), value.0.clone())).collect();
            let mut wanted = wanted.clone();
            found.sort();
            wanted.sort();
            if found == wanted { Ok(secret) } else { Err(format!("{found:?}")) }
        })
    }

    /// Waits until a Secret is gone.
    #[track_caller]
    pub(crate) fn gone(&self, name: &str) -> impl Future<Output = ()> {
        eventually_owned(format!("Secret {name} is gone"), async move || {
            match self.space.api::<Secret>().get_opt(name).await {
                Ok(None) => Ok(()),
                Ok(Some(secret)) => Err(format!("{:?}", secret.metadata)),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    /// The UIDs and versions of all Secrets: who is still the same, and unwritten.
    pub(crate) async fn versions(&self) -> Vec<(String, String, String)> {
        let all = self.space.api::<Secret>().list(&Default::default()).await.expect("Secrets");
        let version = |secret: Secret| {
            let meta = secret.metadata;
            (meta.name.unwrap(), meta.uid.unwrap(), meta.resource_version.unwrap())
        };
        all.into_iter().map(version).collect()
    }

    /// Reason and message of all events about an object.
    pub(crate) async fn events(&self, name: &str) -> Vec<(String, String)> {
        let all = self.space.api::<Event>().list(&Default::default()).await.expect("events");
        let of_it = all.into_iter().filter(|e| e.involved_object.name.as_deref() == Some(name));
        of_it.map(|e| (e.reason.unwrap_or_default(), e.message.unwrap_or_default())).collect()
    }

    /// Waits for an event about an object. Each is published after the status was written.
    #[track_caller]
    pub(crate) fn told(&self, name: &str, reason: &str) -> impl Future<Output = String> {
        eventually_owned(format!("{name} has an event {reason}"), async move || {
            let events = self.events(name).await;
            let found = events.iter().find(|(of, _)| of == reason);
            found.map(|(_, text)| text.clone()).ok_or_else(|| format!("{events:?}"))
        })
    }

    /// What the operator does in a stretch of time, without being made to.
    pub(crate) async fn idle(&self, stretch: Duration) -> Calls {
        let before = self.cluster.audit().mark().await;
        // Not waiting for something: looking that nothing comes.
        tokio::time::sleep(stretch).await;
        self.cluster.audit().calls(&self.account, before).await
    }
}

/// As [`eventually`], with a text that is made for one wait.
#[track_caller]
fn eventually_owned<T>(
    what: String,
    look: impl AsyncFnMut() -> Result<T, String>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move { eventually(SOON, &format!("{what} ({caller})"), look).await }
}

/// A condition of an object; null if it has none.
pub(crate) fn condition<'o>(object: &'o Value, kind: &str) -> &'o Value {
    let all = object["status"]["conditions"].as_array();
    all.into_iter().flatten().find(|one| one["type"] == kind).unwrap_or(&Value::Null)
}

/// A SopsSecret, not encrypted yet.
pub(crate) fn plain(name: &str, templates: Value) -> String {
    let object = json!({
        "apiVersion": "isindir.github.com/v1alpha3",
        "kind": "SopsSecret",
        "metadata": { "name": name },
        "spec": { "secretTemplates": templates },
    });
    yaml(&object)
}

/// A SopsSecret with these templates, encrypted as most people do it.
pub(crate) fn sealed(name: &str, templates: Value) -> String {
    Seal::age().text(&plain(name, templates))
}

/// The same with names, types and labels in clear, so that one text makes several objects.
pub(crate) fn sealed_values(name: &str, templates: Value) -> String {
    let key = ["--age", RECIPIENT];
    let rule = ["--encrypted-regex", "^(data|stringData)$"];
    encrypt(&[&key[..], &rule[..]].concat(), &[], &plain(name, templates))
}

/// Runs `sops-rs encrypt`.
pub(crate) fn encrypt(flags: &[&str], variables: &[(String, String)], text: &str) -> String {
    // Away from the `.sops.yaml` of this repository.
    let folder = Scratch::new();
    let run = Run::sops_rs(["encrypt", "--filename-override", "sopssecret.yaml"]).args(flags);
    let run = run.within(folder.path()).envs(variables.iter().map(|(name, value)| (name, value)));
    run.input(text).run().success().out()
}

/// One template with text values.
pub(crate) fn template(name: &str, values: &[(&str, &str)]) -> Value {
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), json!(value)));
    json!({ "name": name, "stringData": Value::Object(values.collect()) })
}

/// A value as YAML.
pub(crate) fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).expect("a value has a text")
}

/// What the chart renders for one namespace, beside the Deployment: account and roles.
fn rights() -> Option<String> {
    static RENDERED: OnceLock<String> = OnceLock::new();
    let helm = need::helm()?;
    let rendered = RENDERED.get_or_init(|| {
        let home = Scratch::new();
        let run = Run::program(helm, ["template", PLACE])
            .arg(paths::repository().join("deploy/chart/sops-secrets-operator"))
            .args(["--namespace", PLACE, "--set", &format!("fullnameOverride={PLACE}")]);
        let run = ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"]
            .iter()
            .fold(run, |run, variable| run.env(variable, home.path()));
        let wanted = ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"];
        let rendered = run.run().success().out();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&rendered).expect("YAML of helm");
        let of_use = objects.iter().filter(|o| wanted.iter().any(|kind| o["kind"] == *kind));
        of_use.map(|object| format!("---\n{}", yaml(object))).collect()
    });
    Some(rendered.clone())
}
