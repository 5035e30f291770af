//! A witness of Secrets: each version that anybody could have seen.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Namespace as NamespaceObject, Secret};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams, WatchEvent, WatchParams};
use kube::core::Status;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::{Namespace, SOON};

/// Between two tries to reach an API server that is away.
const PAUSE: Duration = Duration::from_millis(50);

/// The namespace of the Secrets by which a recorder knows that it has seen all.
const MARKS: &str = "recorder-marks";

/// Writes down every version of every Secret in a namespace, from its start to its
/// [`Recorder::finish`]: also one that was there for a millisecond. It fails the test when it
/// missed something. An API server that was started again has forgotten what was before, so
/// that a [`Private`](crate::Private) one needs `--watch-cache=false` to be recorded over it.
pub struct Recorder {
    client: Client,
    writing: JoinHandle<Vec<Sight>>,
    /// The name of the mark that ends it.
    end: Option<oneshot::Sender<String>>,
}

/// A version of a Secret that was visible.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Whether this version is its last: it was deleted.
    pub deleted: bool,
    /// All of it.
    pub secret: Secret,
}

impl Sight {
    /// Its name.
    pub fn name(&self) -> &str {
        self.secret.metadata.name.as_deref().unwrap_or_default()
    }

    /// What it held.
    pub fn data(&self) -> BTreeMap<&str, &[u8]> {
        let entries = self.secret.data.iter().flatten();
        entries.map(|(key, value)| (key.as_str(), value.0.as_slice())).collect()
    }
}

impl Recorder {
    /// Begins with what comes after this moment.
    pub async fn start(space: &Namespace) -> Self {
        let client = space.cluster().client();
        // All namespaces, since the mark that ends the record stands in another one: events of
        // one watch come in the order they happened in.
        let api: Api<Secret> = Api::all(client.clone());
        let now = api.list_metadata(&ListParams::default().limit(1)).await;
        let now = now.expect("Secrets are listed").metadata.resource_version;
        let now = now.expect("a list has a version");
        let (end, ended) = oneshot::channel();
        let (begun, mut wait) = mpsc::channel(1);
        let writing = tokio::spawn(record(api, now, space.name().to_owned(), ended, begun));
        wait.recv().await.expect("the watch begins");
        Self { client, writing, end: Some(end) }
    }

    /// What was visible from the start until now, in this order.
    pub async fn finish(mut self) -> Vec<Sight> {
        let mark = mark(&self.client).await;
        let end = self.end.take().expect("finished once");
        // When it has failed already, it says so below.
        let _ = end.send(mark);
        let record = tokio::time::timeout(SOON, self.writing).await;
        record.expect("the mark is seen").expect("the record has no gap")
    }
}

/// Makes a Secret elsewhere, and removes it again.
async fn mark(client: &Client) -> String {
    let name = || ObjectMeta { name: Some(MARKS.into()), ..ObjectMeta::default() };
    let namespace = NamespaceObject { metadata: name(), ..NamespaceObject::default() };
    let api: Api<NamespaceObject> = Api::all(client.clone());
    match api.create(&PostParams::default(), &namespace).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => panic!("no namespace {MARKS}: {error}"),
    }
    let api: Api<Secret> = Api::namespaced(client.clone(), MARKS);
    let metadata = ObjectMeta { generate_name: Some("mark-".into()), ..ObjectMeta::default() };
    let secret = Secret { metadata, ..Secret::default() };
    let made = api.create(&PostParams::default(), &secret).await.expect("a mark is made");
    let name = made.metadata.name.expect("a Secret has a name");
    api.delete(&name, &DeleteParams::default()).await.expect("a mark is removed");
    name
}

/// Reads one watch after the other, each from where the last one ended, until the mark is seen.
async fn record(
    api: Api<Secret>,
    mut version: String,
    namespace: String,
    mut ended: oneshot::Receiver<String>,
    begun: mpsc::Sender<()>,
) -> Vec<Sight> {
    let mut sights = Vec::new();
    let mut marks = Vec::new();
    let mut end: Option<String> = None;
    loop {
        let watch = match api.watch(&WatchParams::default(), &version).await {
            Ok(watch) => watch,
            Err(kube::Error::Api(status)) if status.code == 410 => gap(&status),
            // The API server is away for a moment, or has just come back.
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Nobody waits for the second watch.
        let _ = begun.try_send(());
        let mut watch = std::pin::pin!(watch);
        loop {
            let event = tokio::select! {
                name = &mut ended, if end.is_none() => {
                    // A recorder that was dropped wants nothing more.
                    let Ok(name) = name else { return sights };
                    if marks.contains(&name) {
                        return sights;
                    }
                    end = Some(name);
                    continue;
                }
                event = watch.next() => event,
            };
            let (deleted, secret) = match event {
                Some(Ok(WatchEvent::Added(secret) | WatchEvent::Modified(secret))) => {
                    (false, secret)
                }
                Some(Ok(WatchEvent::Deleted(secret))) => (true, secret),
                Some(Ok(WatchEvent::Bookmark(_))) => continue,
                Some(Ok(WatchEvent::Error(status))) => gap(&status),
                // Cut, or at its end.
                Some(Err(_)) | None => break,
            };
            version = secret.metadata.resource_version.clone().expect("a Secret has a version");
            let (name, place) = (&secret.metadata.name, &secret.metadata.namespace);
            if place.as_deref() == Some(MARKS) {
                let name = name.clone().unwrap_or_default();
                if end.as_ref() == Some(&name) {
                    return sights;
                }
                marks.push(name);
            } else if place.as_deref() == Some(namespace.as_str()) {
                sights.push(Sight { deleted, secret });
            }
        }
    }
}

fn gap(status: &Status) -> ! {
    panic!("the record has a gap: {status}")
}
