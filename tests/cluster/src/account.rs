//! A ServiceAccount, as which the operator runs.

use std::path::PathBuf;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::json;
use sops_tests::rig::cluster::kubeconfig;
use sops_tests::scratch::Scratch;

use crate::cluster::client;
use crate::{Cluster, Namespace};

/// A token of a ServiceAccount that is there already. What it may do is decided by the roles that
/// were applied: those of the chart, for example.
pub struct Account {
    user: String,
    token: String,
    authority: String,
    url: String,
    folder: Scratch,
}

impl Account {
    /// Asks for a token of the account `name` in a namespace of the test.
    pub async fn of(space: &Namespace, name: &str) -> Self {
        Self::at(space.cluster(), space.name(), name).await
    }

    /// The same in any namespace.
    pub async fn at(cluster: &Cluster, namespace: &str, name: &str) -> Self {
        let api: Api<ServiceAccount> = Api::namespaced(cluster.client(), namespace);
        let spec = TokenRequestSpec { expiration_seconds: Some(7200), ..Default::default() };
        let request = TokenRequest { spec, ..Default::default() };
        let answer = api.create_token_request(name, &PostParams::default(), &request).await;
        let status = answer.expect("the account has a token").status;
        let place = cluster.place();
        let account = Self {
            user: format!("system:serviceaccount:{namespace}:{name}"),
            token: status.expect("the answer has a status").token,
            authority: place.authority().expect("a control plane has a certificate"),
            url: place.url(),
            folder: Scratch::new(),
        };
        account.write("kubeconfig", &account.url);
        account
    }

    /// Its name in the audit log.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The path of its kubeconfig, which exists as long as this value.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.at("kubeconfig")
    }

    /// The same through another address, `https://127.0.0.1:PORT`: that of a
    /// [`Tunnel`](sops_tests::fault::Tunnel) before the API server.
    pub fn kubeconfig_through(&self, url: &str) -> PathBuf {
        let port = url.rsplit(':').next().unwrap_or_default();
        self.write(&format!("kubeconfig-{port}"), url)
    }

    /// A client with its rights.
    pub async fn client(&self) -> Client {
        client(&self.kubeconfig()).await
    }

    fn write(&self, name: &str, url: &str) -> PathBuf {
        let user = json!({"token": self.token});
        self.folder.write(name, kubeconfig(url, &self.authority, &user))
    }
}
