//! The load: requests to the API server, up to 64 at a time, and what it shows of Secrets.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::Client;
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::core::Request;
use serde::Deserialize;
use serde_json::Value;
use sops_cluster::Account;
use sops_cluster::k8s_openapi::api::core::v1::Secret;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::objects::{FIRST, Place};

/// As many workers as the operator has by itself.
pub(crate) const IN_FLIGHT: usize = 64;
/// Whatever takes longer has failed.
const LIMIT: Duration = Duration::from_secs(120);

/// What matters of an answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Object {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) data: HashMap<String, String>,
    #[serde(default)]
    pub(crate) status: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) namespace: String,
    #[serde(default)]
    pub(crate) uid: String,
    pub(crate) resource_version: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) metadata: PageMetadata,
    pub(crate) items: Vec<Object>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageMetadata {
    #[serde(default, rename = "continue")]
    pub(crate) next: String,
    pub(crate) resource_version: String,
}

/// The path of all SopsSecrets, or of those of a namespace.
pub(crate) fn sops_secrets(namespace: Option<&str>) -> String {
    let inside = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
    format!("/apis/isindir.github.com/v1alpha3{inside}/sopssecrets")
}

/// The path of all Secrets, or of those of a namespace.
pub(crate) fn secrets(namespace: Option<&str>) -> String {
    let inside = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
    format!("/api/v1{inside}/secrets")
}

/// Does the same for many, [`IN_FLIGHT`] at a time.
pub(crate) async fn many<T>(
    items: impl IntoIterator<Item = T>,
    work: impl AsyncFn(T) -> kube::Result<()>,
) {
    let all = stream::iter(items).map(Ok).try_for_each_concurrent(IN_FLIGHT, |item| work(item));
    all.await.expect("the API server takes the load");
}

pub(crate) async fn create(client: &Client, path: &str, object: &Value) -> kube::Result<Object> {
    let request = Request::new(path).create(&PostParams::default(), object.to_string().into());
    client.request(request.map_err(kube::Error::BuildRequest)?).await
}

pub(crate) async fn merge(
    client: &Client,
    path: &str,
    name: &str,
    change: Value,
) -> kube::Result<Object> {
    let (how, patch) = (PatchParams::default(), Patch::Merge(change));
    let request = Request::new(path).patch(name, &how, &patch);
    client.request(request.map_err(kube::Error::BuildRequest)?).await
}

pub(crate) async fn merge_status(
    client: &Client,
    path: &str,
    name: &str,
    change: Value,
) -> kube::Result<Object> {
    let (how, patch) = (PatchParams::default(), Patch::Merge(change));
    let request = Request::new(path).patch_subresource("status", name, &how, &patch);
    client.request(request.map_err(kube::Error::BuildRequest)?).await
}

pub(crate) async fn get(client: &Client, path: &str, name: &str) -> kube::Result<Object> {
    let request = Request::new(path).get(name, &Default::default());
    client.request(request.map_err(kube::Error::BuildRequest)?).await
}

/// Every object of a path, page by page.
pub(crate) async fn each(client: &Client, path: &str, mut see: impl FnMut(Object)) {
    let mut params = ListParams::default().limit(500);
    loop {
        let request = Request::new(path).list(&params).expect("a request");
        let page: Page = client.request(request).await.expect("a list");
        page.items.into_iter().for_each(&mut see);
        if page.metadata.next.is_empty() {
            return;
        }
        params = params.continue_token(&page.metadata.next);
    }
}

/// Deletes every object of a path, and waits until it is gone.
pub(crate) async fn delete_all(client: &Client, path: &str) {
    let request =
        Request::new(path).delete_collection(&DeleteParams::default(), &ListParams::default());
    let asked = client.request_text(request.expect("a request")).await;
    asked.expect("the API server deletes");
    let mut left = usize::MAX;
    while left > 0 {
        left = 0;
        each(client, path, |_| left += 1).await;
    }
}

/// Changes that the operator made, read from the audit log while they happen, which costs the API
/// server nothing.
pub(crate) struct Log {
    file: File,
    rest: Vec<u8>,
    user: String,
}

impl Log {
    /// From here on.
    pub(crate) fn follow(path: &std::path::Path, account: &Account) -> Self {
        let mut file = File::open(path).expect("there is an audit log");
        file.seek(SeekFrom::End(0)).expect("a file has an end");
        Self { file, rest: Vec::new(), user: format!("\"username\":\"{}\"", account.user()) }
    }

    /// How many statuses were written since the last question.
    pub(crate) fn statuses(&mut self) -> usize {
        self.file.read_to_end(&mut self.rest).expect("the audit log can be read");
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return 0 };
        let complete: Vec<u8> = self.rest.drain(..=end).collect();
        let text = String::from_utf8_lossy(&complete);
        let wanted =
            ["\"verb\":\"patch\"", "\"subresource\":\"status\"", "\"code\":200", &self.user];
        text.lines().filter(|line| wanted.iter().all(|part| line.contains(part))).count()
    }
}

/// What Secrets hold first, and since when, as a watch shows it.
pub(crate) struct Sights {
    inner: Arc<Inner>,
    watching: JoinHandle<()>,
}

#[derive(Default)]
struct Inner {
    seen: Mutex<HashMap<(String, String), (String, Instant)>>,
    changed: Notify,
}

impl Sights {
    /// Of all namespaces, from now on.
    pub(crate) async fn start(client: &Client) -> Self {
        let one = Request::new(secrets(None)).list(&ListParams::default().limit(1));
        let page: Page = client.request(one.expect("a request")).await.expect("a list");
        let version = page.metadata.resource_version;
        let inner = Arc::new(Inner::default());
        let params = WatchParams::default().labels("app=bench").timeout(3600);
        let request = Request::new(secrets(None)).watch(&params, &version).expect("a request");
        let stream = client.request_events::<Secret>(request).await.expect("a watch");
        let writing = inner.clone();
        let watching = tokio::spawn(async move {
            let mut stream = Box::pin(stream);
            while let Some(event) = stream.next().await {
                if let Ok(WatchEvent::Added(secret) | WatchEvent::Modified(secret)) = event {
                    writing.see(secret);
                }
            }
        });
        Self { inner, watching }
    }

    /// Waits until the first value of the Secret is this one, and gives when it was first shown.
    pub(crate) async fn until(&self, place: &Place, value: &str) -> Instant {
        let key = (place.namespace.clone(), place.secret.clone());
        let look = async {
            loop {
                let changed = self.inner.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some((found, since)) = self.inner.lock().get(&key)
                    && found == value
                {
                    return *since;
                }
                changed.await;
            }
        };
        let seen = tokio::time::timeout(LIMIT, look).await;
        seen.unwrap_or_else(|_| panic!("{place:?} did not become what it should"))
    }
}

impl Drop for Sights {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), (String, Instant)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, secret: Secret) {
        let now = Instant::now();
        let value = secret.data.and_then(|mut data| data.remove(FIRST));
        let value = value.map(|value| {
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, value.0)
        });
        let meta = secret.metadata;
        let key = (meta.namespace.unwrap_or_default(), meta.name.unwrap_or_default());
        self.lock().insert(key, (value.unwrap_or_default(), now));
        self.changed.notify_waiters();
    }
}
