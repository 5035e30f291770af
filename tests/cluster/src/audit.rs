//! The audit log: which calls an account made. The instrument for "nothing is written when
//! nothing changed".

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::Api;
use serde::Deserialize;

use crate::{Account, Cluster, SOON, eventually};

/// The audit log of a control plane.
pub struct Audit {
    log: PathBuf,
    client: Client,
}

/// A moment: all calls that were answered before it stand before it in the log.
#[derive(Clone, Copy, Debug)]
pub struct Mark(u64);

/// One call that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// `secrets`, `sopssecrets`; for what is no resource the path.
    pub resource: String,
    /// `status`, or empty.
    pub subresource: String,
    /// Of the object; empty for what has none.
    pub namespace: String,
    /// Of the object; empty for lists and watches.
    pub name: String,
    /// The status of HTTP.
    pub code: u16,
}

/// The calls of one account between two moments, in the order of their answers. Shown, it is one
/// line for each kind of call.
#[derive(Clone, Debug)]
pub struct Calls(pub Vec<Call>);

/// How often the log is looked at until nothing is added to it.
const LOOKS: usize = 10;

impl Audit {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        Self { log: cluster.place().audit_log(), client: cluster.client() }
    }

    /// This moment. A line is written when its call ends, and the log is not asked when the
    /// client goes on: so this makes a call of its own and waits for its line.
    pub async fn mark(&self) -> Mark {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let name = format!("audit-mark-{process}-{count}");
        let start = self.log.metadata().map_or(0, |log| log.len());
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), "default");
        let answer = api.get_opt(&name).await.expect("the API server answers the administrator");
        assert!(answer.is_none(), "{name} is the name of nothing");
        eventually(SOON, "the mark is in the log", async || {
            let text = self.text(start);
            let at = text.find(&format!("\"{name}\"")).ok_or("not yet")?;
            let end = text[at..].find('\n').ok_or("half of it")?;
            Ok(Mark(start + u64::try_from(at + end + 1).expect("a length")))
        })
        .await
    }

    /// What the account did since a mark, and before now. The line of a request may come a moment
    /// after its answer, so what there is has to be the same at the next mark.
    pub async fn calls(&self, account: &Account, since: Mark) -> Calls {
        let mut found = self.between(account, since, self.mark().await);
        for _ in 0..LOOKS {
            let again = self.between(account, since, self.mark().await);
            if again.0.len() == found.0.len() {
                break;
            }
            found = again;
        }
        found
    }

    /// What the account did between two marks.
    pub fn between(&self, account: &Account, since: Mark, until: Mark) -> Calls {
        let length = usize::try_from(until.0 - since.0).expect("the later mark comes second");
        let mut text = self.text(since.0);
        text.truncate(length);
        let entries = text.lines().map(|line| {
            serde_json::from_str::<Entry>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        let own = entries.filter(|entry| entry.user.username == account.user());
        Calls(own.filter(Entry::counts).map(Entry::call).collect())
    }

    fn text(&self, from: u64) -> String {
        let mut file = File::open(&self.log).expect("there is an audit log");
        file.seek(SeekFrom::Start(from)).expect("the audit log does not shrink");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("the audit log can be read");
        String::from_utf8(bytes).expect("the audit log is text")
    }
}

impl Calls {
    /// How often a verb was used on a resource: `("patch", "sopssecrets/status")`. With any result.
    pub fn count(&self, verb: &str, resource: &str) -> usize {
        let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
        let same = |call: &&Call| {
            call.verb == verb && call.resource == resource && call.subresource == sub
        };
        self.0.iter().filter(same).count()
    }

    /// Those that change something, or try to, without the lease of the leader and events.
    pub fn writes(&self) -> Self {
        let reads = ["get", "list", "watch"];
        let beside = ["leases", "events"];
        self.only(|call| {
            !reads.contains(&call.verb.as_str()) && !beside.contains(&call.resource.as_str())
        })
    }

    /// Those that were refused: status 400 and above.
    pub fn refused(&self) -> Self {
        self.only(|call| call.code >= 400)
    }

    /// Those for which `keep` holds.
    pub fn only(&self, keep: impl Fn(&Call) -> bool) -> Self {
        Self(self.0.iter().filter(|call| keep(call)).cloned().collect())
    }

    /// How many there are of each kind: `create secrets 201`.
    pub fn summary(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        for call in &self.0 {
            *kinds.entry(call.to_string()).or_default() += 1;
        }
        kinds
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary().iter().try_for_each(|(kind, count)| writeln!(f, "{count} × {kind}"))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.subresource.is_empty() { "" } else { "/" };
        let Self { verb, resource, subresource, code, .. } = self;
        write!(f, "{verb} {resource}{separator}{subresource} {code}")
    }
}

/// A line of the log, as far as it matters here (`audit.k8s.io/v1`, `Event`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    user: User,
    object_ref: Option<Object>,
    response_status: Option<Status>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct Status {
    code: u16,
}

impl Entry {
    /// A watch has a line at its begin and one at its end, which may come much later: the first
    /// counts. Other calls have only the last.
    fn counts(&self) -> bool {
        (self.verb == "watch") == (self.stage == "ResponseStarted")
    }

    fn call(self) -> Call {
        let no_resource = || Object { resource: self.request_uri, ..Object::default() };
        let object = self.object_ref.unwrap_or_else(no_resource);
        Call {
            verb: self.verb,
            resource: object.resource,
            subresource: object.subresource,
            namespace: object.namespace,
            name: object.name,
            code: self.response_status.map_or(0, |status| status.code),
        }
    }
}
