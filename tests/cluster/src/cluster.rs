//! A control plane, seen by its administrator.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, Mutex};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::discovery::{ApiCapabilities, ApiResource, Scope, pinned_kind};
use kube::{Client, Config};
use sops_tests::rig::cluster::{ControlPlane, Place};
use sops_tests::scratch::Scratch;
use sops_tests::{need, paths};

use crate::{Audit, Namespace, SOON, eventually};

/// By this name the administrator of tests owns the fields that [`Cluster::apply`] writes.
const MANAGER: &str = "tests";

/// A connection as the administrator.
#[derive(Clone)]
pub struct Cluster {
    place: Place,
    client: Client,
    /// What the API server said about a kind: asking for each object would double all calls.
    kinds: Arc<Mutex<HashMap<GroupVersionKind, (ApiResource, ApiCapabilities)>>>,
    pub(crate) is_shared: bool,
}

impl Cluster {
    /// The control plane of this run of `cargo xtask test`; `None` when there is none, which was
    /// said then.
    pub async fn shared() -> Option<Self> {
        Some(Self::connect(need::cluster()?, true).await)
    }

    async fn connect(place: Place, is_shared: bool) -> Self {
        let client = client(&place.kubeconfig()).await;
        Self { place, client, kinds: Arc::default(), is_shared }
    }

    /// A client with all rights.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Where it is, with its certificate, its ports, and the real kubectl.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The log of all calls.
    pub fn audit(&self) -> Audit {
        Audit::of(self)
    }

    /// Makes a namespace for the test. Its name begins with `name`; it and what was applied
    /// through it goes away with the value.
    pub async fn namespace(&self, name: &str) -> Namespace {
        Namespace::new(self, name).await
    }

    /// Creates or changes the objects of a YAML text, of one document or several, in their order.
    /// Fields that the schema does not know are refused. Objects without a namespace go to
    /// `namespace`, if their kind has one. Waits until a CRD among them is served.
    pub async fn apply(&self, namespace: &str, yaml: &str) -> kube::Result<Vec<DynamicObject>> {
        let mut applied = Vec::new();
        for object in objects(yaml) {
            let (api, _) = self.api_for(namespace, &object).await?;
            let name = object.metadata.name.clone().expect("a manifest has a name");
            let strict = PatchParams::apply(MANAGER).force().validation_strict();
            let made = api.patch(&name, &strict, &Patch::Apply(&object)).await?;
            if kind(&object).kind == "CustomResourceDefinition" {
                self.until_served(&name).await;
            }
            applied.push(made);
        }
        Ok(applied)
    }

    /// Applies the CRD of this repository, which all tests share, and waits until it is served.
    pub async fn with_crd(&self) {
        let path = "config/crd/bases/isindir.github.com_sopssecrets.yaml";
        let text = std::fs::read_to_string(paths::repository().join(path)).expect("our CRD");
        self.apply("default", &text).await.expect("the API server takes our CRD");
    }

    /// The API for objects of this kind, where this object belongs, and what the kind is.
    pub(crate) async fn api_for(
        &self,
        namespace: &str,
        object: &DynamicObject,
    ) -> kube::Result<(Api<DynamicObject>, ApiCapabilities)> {
        let gvk = kind(object);
        let known = self.kinds.lock().unwrap().get(&gvk).cloned();
        let (resource, capabilities) = match known {
            Some(known) => known,
            None => {
                let asked = pinned_kind(&self.client, &gvk).await?;
                self.kinds.lock().unwrap().insert(gvk, asked.clone());
                asked
            }
        };
        let namespace = object.metadata.namespace.as_deref().unwrap_or(namespace);
        let api = match capabilities.scope {
            Scope::Namespaced => Api::namespaced_with(self.client(), namespace, &resource),
            Scope::Cluster => Api::all_with(self.client(), &resource),
        };
        Ok((api, capabilities))
    }

    async fn until_served(&self, name: &str) {
        let api: Api<CustomResourceDefinition> = Api::all(self.client());
        eventually(SOON, "the CRD is established", async || {
            let crd = api.get(name).await.map_err(|error| error.to_string())?;
            let status = crd.status.unwrap_or_default();
            let conditions = status.conditions.unwrap_or_default();
            let met = |of: &str| conditions.iter().any(|c| c.type_ == of && c.status == "True");
            if met("Established") { Ok(()) } else { Err(format!("{conditions:?}")) }
        })
        .await;
    }
}

/// A control plane of one test, which may do with it what it likes.
pub struct Private {
    /// The connection of the administrator.
    pub cluster: Cluster,
    plane: ControlPlane,
    /// Removed after the processes have ended.
    _folder: Scratch,
}

impl Private {
    /// Starts it, with further flags for its API server: `--goaway-chance=0.02` for example.
    /// `None` when its programs are not there, which was said then.
    pub async fn start(flags: &[&str]) -> Option<Self> {
        let folder = Scratch::new();
        let plane = need::control_plane(folder.path(), flags)?;
        let cluster = Cluster::connect(plane.place().clone(), false).await;
        Some(Self { cluster, plane, _folder: folder })
    }
}

impl Deref for Private {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        &self.plane
    }
}

impl DerefMut for Private {
    fn deref_mut(&mut self) -> &mut ControlPlane {
        &mut self.plane
    }
}

/// A client with the rights of a kubeconfig.
pub(crate) async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("a configuration")).expect("a client")
}

/// The objects of a YAML text with one document or several.
pub(crate) fn objects(yaml: &str) -> Vec<DynamicObject> {
    let documents: Vec<serde_json::Value> =
        serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    let objects = documents.into_iter().filter(|document| !document.is_null());
    objects.map(|object| serde_json::from_value(object).expect("a Kubernetes object")).collect()
}

fn kind(object: &DynamicObject) -> GroupVersionKind {
    let none = TypeMeta::default();
    let types = object.types.as_ref().unwrap_or(&none);
    GroupVersionKind::try_from(types).expect("a manifest has apiVersion and kind")
}
