//! A namespace of one test.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace as Object, Secret};
use kube::api::{Api, DeleteParams, DynamicObject, ObjectMeta, PostParams};
use kube::core::Request;
use kube::discovery::Scope;
use serde::de::DeserializeOwned;
use sops_tests::run::Run;

use crate::Cluster;
use crate::cluster::client;

/// A namespace that nobody else uses. It is deleted with this value, and so is what belongs to no
/// namespace and was applied through it, except CRDs, which all tests share.
pub struct Namespace {
    cluster: Cluster,
    name: String,
    /// Cluster-wide objects: the path of their kind on the API server, and their name.
    beside: Mutex<Vec<(String, String)>>,
}

impl Namespace {
    pub(crate) async fn new(cluster: &Cluster, name: &str) -> Self {
        let object = Object {
            metadata: ObjectMeta {
                generate_name: Some(format!("{name}-")),
                ..ObjectMeta::default()
            },
            ..Object::default()
        };
        let api: Api<Object> = Api::all(cluster.client());
        let made = api.create(&PostParams::default(), &object).await.expect("a namespace is made");
        let name = made.metadata.name.expect("a namespace has a name");
        Self { cluster: cluster.clone(), name, beside: Mutex::default() }
    }

    /// Its name, good also for what has to be unique beyond it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The control plane it is in.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Objects of a kind in it, as the administrator.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        Api::namespaced(self.cluster.client(), &self.name)
    }

    /// As [`Cluster::apply`], into this namespace.
    pub async fn apply(&self, yaml: &str) -> kube::Result<Vec<DynamicObject>> {
        let applied = self.cluster.apply(&self.name, yaml).await?;
        for object in &applied {
            let (api, capabilities) = self.cluster.api_for(&self.name, object).await?;
            let is_crd =
                object.types.as_ref().is_some_and(|t| t.kind == "CustomResourceDefinition");
            if capabilities.scope == Scope::Cluster && !is_crd {
                let name = object.metadata.name.clone().unwrap_or_default();
                self.beside.lock().unwrap().push((api.resource_url().to_owned(), name));
            }
        }
        Ok(applied)
    }

    /// The real kubectl in it, as the administrator. Manifests can be its [`Run::input`].
    pub fn kubectl(&self, arguments: &[&str]) -> Run {
        self.cluster.place().kubectl(["--namespace", &self.name]).args(arguments)
    }

    /// A Secret as it is now; the error says what is there instead, for
    /// [`eventually`](crate::eventually()).
    pub async fn secret(&self, name: &str) -> Result<Secret, String> {
        self.api().get(name).await.map_err(|error| error.to_string())
    }

    /// The names of the Secrets in it, with what they hold.
    pub async fn secrets(&self) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
        let all = self.api::<Secret>().list(&Default::default()).await.expect("Secrets are listed");
        let parts = all.into_iter().map(|secret| {
            let data = secret.data.unwrap_or_default();
            let data = data.into_iter().map(|(key, value)| (key, value.0)).collect();
            (secret.metadata.name.expect("a Secret has a name"), data)
        });
        parts.collect()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if !self.cluster.is_shared {
            // It goes away with its control plane, which may be down in this moment.
            return;
        }
        let kubeconfig = self.cluster.place().kubeconfig();
        let name = self.name.clone();
        let beside = std::mem::take(&mut *self.beside.lock().unwrap());
        // The test's own runtime cannot be waited for from here.
        let deleting = thread::spawn(move || delete(kubeconfig, &name, &beside));
        if deleting.join().is_err() && !thread::panicking() {
            panic!("namespace {} was not deleted", self.name);
        }
    }
}

/// Asks for the deletion; the controllers go on with it.
fn delete(kubeconfig: PathBuf, name: &str, beside: &[(String, String)]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = client(&kubeconfig).await;
        for (path, name) in beside {
            let request = Request::new(path).delete(name, &DeleteParams::background());
            let request = request.expect("a name makes a request");
            // The test may have deleted it.
            let _ = client.request::<serde_json::Value>(request).await;
        }
        let api: Api<Object> = Api::all(client);
        match api.delete(name, &DeleteParams::background()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(error) => panic!("namespace {name} cannot be deleted: {error}"),
        }
    });
}
