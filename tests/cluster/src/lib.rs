//! What tests against a real Kubernetes API server share.
//!
//! ```no_run
//! # use sops_cluster::{Account, Audit, Cluster, Launch, SOON, eventually};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let Some(cluster) = Cluster::shared().await else { return };
//! let Some(operator) = sops_tests::need::operator() else { return };
//! let space = cluster.namespace("example").await;
//! space.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: operator}}").await.unwrap();
//! let account = Account::of(&space, "operator").await;
//! let mut operator = Launch::of(operator, account.kubeconfig())
//!     .flag("watch-namespace", space.name())
//!     .start();
//! operator.ready().await;
//! let before = cluster.audit().mark().await;
//! // …change something, and wait for the effect, never for a time:
//! eventually(SOON, "the Secret is there", async || space.secret("db").await).await;
//! let calls = cluster.audit().calls(&account, before).await;
//! assert_eq!(calls.count("create", "secrets"), 1, "{calls}");
//! # }
//! ```
//!
//! Rules of this crate, beside those of `sops-tests`:
//!
//! - All tests of a run share one control plane, at the same time. A test owns its namespaces, and
//!   names what belongs to no namespace after one of them. One that stops or kills parts of the
//!   control plane starts its own ([`Private`]).
//! - Nothing waits for a time to pass: [`eventually`] polls for the effect.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper of tests fails the test it is called from, and the panic says where"
)]

mod account;
mod audit;
mod chart;
mod cluster;
mod eventually;
mod examples;
mod namespace;
mod operator;
mod recorder;
mod seal;

pub use account::Account;
pub use audit::{Audit, Call, Calls, Mark};
pub use cluster::{Cluster, Private};
pub use eventually::{SOON, eventually};
pub use examples::{EXAMPLES, Example};
pub use namespace::Namespace;
pub use operator::{Launch, Operator};
pub use recorder::{Recorder, Sight};
pub use seal::{IDENTITY, RECIPIENT, Seal};

pub use k8s_openapi;
pub use kube;
