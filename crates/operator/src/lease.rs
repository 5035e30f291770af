//! The Lease by which one of several replicas is chosen.
//!
//! Rules of this module:
//!
//! - It has the name that the original uses, so that the two never act at the same time.
//! - Whoever cannot renew stops acting before the others may begin.
//! - Clocks of machines are not compared: how long a lease stood unchanged is measured here.
//! - It is given back at the end, so that the next one need not wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::PostParams;

use crate::context::{Context, Lead};
use crate::plan::MANAGER;
use crate::settings::Election;
use crate::telemetry::words;

/// The name of the Lease (operator spec §6.5).
pub(crate) const NAME: &str = "ca57d051.github.com";
/// How long a lease stands without being renewed.
const DURATION: Duration = Duration::from_secs(15);
/// When whoever could not renew it stops.
const DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks at a lease of somebody else.
const RETRY: Duration = Duration::from_secs(2);
/// Between two tries that fail: who has no lease does nothing, so it counts how soon one is back.
const AGAIN: Duration = Duration::from_millis(400);
/// Between two renewals.
const RENEW: Duration = Duration::from_secs(5);

/// Takes part in elections for good. `changed` is told whenever this replica begins or ends to
/// lead.
pub(crate) async fn run(context: Arc<Context>, election: Election, changed: impl Fn(bool)) {
    let api: Api<Lease> = Api::namespaced(context.urgent.clone(), &election.namespace);
    let mut other: Option<(String, Instant)> = None;
    let mut renewed: Option<Instant> = None;
    let mut failing = false;
    loop {
        let begin = Instant::now();
        let held = tokio::time::timeout(RENEW, hold(&api, &election.identity, &mut other)).await;
        // Told once, however often it is tried.
        let told = std::mem::replace(&mut failing, !matches!(held, Ok(Ok(_))));
        let pause = match held {
            Ok(Ok(true)) => {
                let led = context.leads();
                renewed = Some(begin);
                context.set_lead(Lead::Until(begin + DEADLINE));
                if !led {
                    tracing::info!(identity = election.identity, "This replica leads");
                    changed(true);
                }
                RENEW
            }
            Ok(Ok(false)) => {
                stop(&context, &changed, renewed.take(), "another replica leads");
                RETRY
            }
            Ok(Err(_)) | Err(_) if told => AGAIN,
            Ok(Err(error)) => {
                tracing::warn!(error = words(&error), "Unable to renew the lease");
                AGAIN
            }
            Err(_) => {
                tracing::warn!("The API server does not answer about the lease");
                AGAIN
            }
        };
        let deadline = renewed.map(|renewed| renewed + DEADLINE);
        let wake = Instant::now() + pause;
        match deadline {
            Some(deadline) if deadline <= wake => {
                tokio::time::sleep_until(deadline.into()).await;
                stop(&context, &changed, renewed.take(), "the lease was not renewed in time");
                tokio::time::sleep_until(wake.into()).await;
            }
            _ => tokio::time::sleep_until(wake.into()).await,
        }
    }
}

fn stop(context: &Context, changed: &impl Fn(bool), led: Option<Instant>, why: &str) {
    context.set_lead(Lead::No);
    if led.is_some() {
        tracing::warn!(why, "This replica no longer leads");
        changed(false);
    }
}

/// Gives the lease back, if it is ours.
pub(crate) async fn release(context: &Context, election: &Election) {
    let api: Api<Lease> = Api::namespaced(context.urgent.clone(), &election.namespace);
    let Ok(Some(mut lease)) = api.get_opt(NAME).await else { return };
    let spec = lease.spec.get_or_insert_default();
    if spec.holder_identity.as_deref() != Some(election.identity.as_str()) {
        return;
    }
    spec.holder_identity = Some(String::new());
    spec.lease_duration_seconds = Some(1);
    spec.renew_time = Some(now());
    // Whoever was faster has it.
    let _ = api.replace(NAME, &params(), &lease).await;
}

/// Takes or renews the lease; false if somebody else has it.
async fn hold(
    api: &Api<Lease>,
    identity: &str,
    other: &mut Option<(String, Instant)>,
) -> Result<bool, kube::Error> {
    let Some(mut lease) = api.get_opt(NAME).await? else {
        return lost(api.create(&params(), &fresh(identity)).await);
    };
    let version = lease.metadata.resource_version.clone().unwrap_or_default();
    let spec = lease.spec.get_or_insert_default();
    let holder = spec.holder_identity.clone().unwrap_or_default();
    if holder != identity && !holder.is_empty() {
        let seconds = spec.lease_duration_seconds.unwrap_or_default();
        let stands = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let now = Instant::now();
        let since = match other {
            Some((seen, since)) if *seen == version => *since,
            _ => {
                *other = Some((version, now));
                now
            }
        };
        if now.duration_since(since) < stands {
            return Ok(false);
        }
    }
    if holder != identity {
        spec.holder_identity = Some(identity.to_owned());
        spec.acquire_time = Some(now());
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default() + 1);
    }
    spec.lease_duration_seconds = Some(seconds());
    spec.renew_time = Some(now());
    lost(api.replace(NAME, &params(), &lease).await)
}

/// Whoever was faster has it.
fn lost(written: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
    match written {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn fresh(identity: &str) -> Lease {
    Lease {
        metadata: ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() },
        spec: Some(LeaseSpec {
            holder_identity: Some(identity.to_owned()),
            lease_duration_seconds: Some(seconds()),
            acquire_time: Some(now()),
            renew_time: Some(now()),
            lease_transitions: Some(0),
            ..LeaseSpec::default()
        }),
    }
}

fn seconds() -> i32 {
    i32::try_from(DURATION.as_secs()).unwrap_or(i32::MAX)
}

fn now() -> MicroTime {
    MicroTime(Timestamp::now())
}

fn params() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}
