//! Start, work, end.
//!
//! ```text
//! watches ─▶ index ─▶ queue ─▶ workers: reconcile ─▶ report
//!                       ▲                  │ next try
//!                       └──────────────────┘
//! ```

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use k8s_openapi::jiff::Timestamp;

use crate::context::{Context, Lead};
use crate::metrics::Passed;
use crate::object::Name;
use crate::queue::Lane;
use crate::report::{self, Next};
use crate::settings::Mode;
use crate::slots::Slot;
use crate::status::Reason;
use crate::watch::Readiness;
use crate::{lease, memory, reconcile, rollout, shadow, telemetry, watch};

/// How long a pass may take. Each call has a deadline of its own; this is for answers that never
/// come.
const LONGEST: Duration = Duration::from_secs(60);
/// How long passes that are under way at the end may take.
const GRACE: Duration = Duration::from_secs(8);
/// How often numbers for metrics are counted, and what was remembered is looked through.
const COUNT: Duration = Duration::from_secs(5);

/// Runs until the program is asked to end.
pub(crate) async fn run(
    context: Arc<Context>,
    engine: Option<rollout::Engine>,
    end: impl Future<Output = ()>,
) {
    let readiness = watch::start(&context);
    if let Some(engine) = engine {
        let readiness = readiness.clone();
        let ready = async move { readiness.complete().await };
        tokio::spawn(rollout::run(context.clone(), engine, ready));
    }
    let readiness_of_health = readiness.clone();
    if let Some(address) = context.settings.health {
        tokio::spawn(crate::health::serve_health(address, readiness_of_health));
    }
    tokio::spawn(count(context.clone()));
    let electing = match context.settings.election.clone() {
        // Whoever only looks needs no lease, and never leads.
        None if context.settings.mode == Mode::Shadow => None,
        None => {
            context.set_lead(Lead::Always);
            None
        }
        Some(election) => {
            let told = context.clone();
            let changed = move |leads| match leads {
                true => push_all(&told),
                false => told.queue.clear(),
            };
            Some(tokio::spawn(lease::run(context.clone(), election, changed)))
        }
    };
    let work = work(context.clone(), readiness);
    tokio::select! {
        () = work => {}
        () = end => {}
    }
    tracing::info!("Stopping: passes that are under way come to their end");
    let _ = tokio::time::timeout(GRACE, context.slots.stop()).await;
    if let Some(electing) = electing {
        // It would take back what is given away.
        electing.abort();
    }
    if let Some(election) = &context.settings.election {
        context.set_lead(Lead::No);
        let _ =
            tokio::time::timeout(Duration::from_secs(2), lease::release(&context, election)).await;
    }
}

/// Hands out objects to workers for good.
async fn work(context: Arc<Context>, readiness: Arc<Readiness>) {
    readiness.complete().await;
    {
        let (objects, secrets) = context.index().counts();
        tracing::info!(objects, secrets, "Everything is listed");
    }
    loop {
        let mut slot = context.slots.slot().await;
        let name = context.queue.next().await;
        let context = context.clone();
        tokio::spawn(async move {
            if context.settings.mode == Mode::Shadow {
                if let Err(error) = shadow::look(&context, &name).await {
                    let why = telemetry::words(&error);
                    tracing::warn!(sopssecret = %name, error = why, "The API server failed");
                    context.queue.push_at(&name, Instant::now() + context.settings.retry);
                }
            } else if context.leads() {
                one(&context, &name, &mut slot).await;
            } else {
                // Whoever leads next looks at everything.
                context.bodies.forget(&name);
            }
            context.queue.done(&name);
            drop(slot);
        });
    }
}

/// Everything is looked at by a new leader; what is in sync costs nothing.
fn push_all(context: &Context) {
    let names: Vec<Name> = context.index().objects().map(|(name, _)| name.clone()).collect();
    names.iter().for_each(|name| context.queue.push(name, Lane::Backlog));
}

/// One pass, whatever happens in it.
async fn one(context: &Context, name: &Name, slot: &mut Slot) {
    let pass = AssertUnwindSafe(reconcile::reconcile(context, name, slot)).catch_unwind();
    let next = match tokio::time::timeout(LONGEST, pass).await {
        Ok(Ok(Ok(next))) => next,
        Ok(Ok(Err(error))) => {
            tracing::warn!(sopssecret = %name, error = telemetry::words(&error), "The API server failed");
            fail(context, name, "ApiError")
        }
        // The hook has told where; what was in work is none of the log's business.
        Ok(Err(_panic)) => fail(context, name, "Panic"),
        Err(_elapsed) => {
            tracing::warn!(sopssecret = %name, "The pass took too long and was given up");
            fail(context, name, "TimedOut")
        }
    };
    let (failures, renewal) = {
        let index = context.index();
        (index.object(name).map_or(1, |known| known.failures), index.renewal(name))
    };
    let pause =
        next.and_then(|next| report::pause(next, failures, context.settings.retry, random()));
    if let Some(pause) = pause {
        context.queue.push_at(name, Instant::now() + pause);
    } else if let Some(due) = renewal {
        context.queue.push_at(name, due);
    }
}

fn fail(context: &Context, name: &Name, reason: &'static str) -> Option<Next> {
    context.metrics.passed(Passed::Failure, reason, Duration::ZERO);
    if let Some(known) = context.index().object_mut(name) {
        known.failures = known.failures.saturating_add(1);
        known.cut_off = reason != "Panic";
    }
    Some(Next::Soon)
}

/// Anything below one.
fn random() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        // Without jitter it works too.
        Err(_) => 0.0,
    }
}

async fn count(context: Arc<Context>) {
    let mut ticks = tokio::time::interval(COUNT);
    loop {
        // Lists and passes take much more than they leave.
        tokio::select! {
            _ = ticks.tick() => {}
            () = context.queue.drained() => {}
        }
        let now = Timestamp::now().as_second();
        let mut states: Vec<(&'static str, i64, i64)> = Vec::new();
        {
            let index = context.index();
            for (_, known) in index.objects() {
                let state = match known.reason {
                    None => "unknown",
                    Some(Reason::Synced) => "ready",
                    Some(Reason::Suspended) => "suspended",
                    Some(_) => "failing",
                };
                let age = known.last_success.map_or(0, |at| (now - at).max(0));
                match states.iter_mut().find(|(name, _, _)| *name == state) {
                    Some((_, count, oldest)) => {
                        *count += 1;
                        *oldest = (*oldest).max(age);
                    }
                    None => states.push((state, 1, age)),
                }
            }
        }
        context.keys.sweep(Instant::now());
        context.metrics.state(&states, context.queue.depth(), context.keys.cached());
        // More often it costs more than it gives.
        memory::give_back();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Mutex;

    use axum::http::{Request, Response};
    use clap::Parser as _;
    use kube::Client;
    use kube::client::Body;
    use sops_providers::Keyring;

    use super::*;
    use crate::context::Clients;
    use crate::keys::Keys;
    use crate::metrics::Metrics;

    fn object(name: &str) -> String {
        format!(
            r#"{{"apiVersion":"isindir.github.com/v1alpha3","kind":"SopsSecret","metadata":
               {{"name":"{name}","namespace":"a","uid":"{name}","resourceVersion":"1",
               "generation":1}},"spec":{{"secretTemplates":[{{"name":"s"}}]}}}}"#
        )
    }

    fn leading(client: Client) -> Arc<Context> {
        let cli =
            crate::args::Cli::try_parse_from(["sops-operator", "--workers=1"]).expect("flags");
        let metrics = Arc::new(Metrics::new());
        let keys = Keys::new(Keyring::default(), Duration::ZERO, metrics.clone());
        let settings = cli.flags.settings().expect("settings");
        let (rollouts, _) = crate::rollout::channel(None);
        let clients = Clients { passes: client.clone(), urgent: client };
        let context = Context::new(clients, settings, keys, metrics, rollouts);
        context.set_lead(Lead::Always);
        Arc::new(context)
    }

    /// The index knows an object.
    fn seen(context: &Context, name: &str) -> Name {
        let object = serde_json::from_str(&object(name)).expect("an object");
        context.index().see_object(&object);
        Name::new("a", name)
    }

    #[tokio::test]
    async fn a_panic_in_one_object_hurts_only_that_object() {
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let server = tower::service_fn({
            let calls = calls.clone();
            move |request: Request<Body>| {
                let calls = calls.clone();
                // What is awaited here is awaited inside of the pass that asked.
                async move {
                    let path = request.uri().path().to_owned();
                    assert!(!path.contains("/bad"), "an answer that nobody thought of");
                    calls.lock().expect("calls").push(format!("{} {path}", request.method()));
                    Ok::<_, Infallible>(Response::new(Body::from(object("good").into_bytes())))
                }
            }
        });
        let context = leading(Client::new(server, "a"));
        let names = ["bad", "good"].map(|name| seen(&context, name));
        names.iter().for_each(|name| context.queue.push(name, Lane::Fresh));
        // One worker: the panic comes first, and takes neither the worker nor its place with it.
        let working = work(context.clone(), Arc::new(Readiness::of(0)));
        let both = async {
            let failures = |name| context.index().object(name).map_or(0, |known| known.failures);
            let patched = || {
                let calls = calls.lock().expect("calls");
                calls.iter().any(|call| call.starts_with("PATCH") && call.ends_with("good/status"))
            };
            // The second time it comes back by itself.
            while failures(&names[0]) < 2 || !patched() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = working => panic!("it works for good"),
            both = tokio::time::timeout(Duration::from_secs(30), both) => both.expect("both"),
        }
        let line = r#"sops_operator_reconciles_total{result="failure",reason="Panic"} 2"#;
        let page = context.metrics.page();
        assert!(page.contains(line), "{page}");
    }

    #[tokio::test]
    async fn what_failed_without_an_answer_is_tried_as_soon_as_the_api_server_is_back() {
        let server = tower::service_fn(async |_: Request<Body>| {
            Err::<Response<Body>, _>(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
        });
        let context = leading(Client::new(server, "a"));
        let name = seen(&context, "some");
        one(&context, &name, &mut context.slots.slot().await).await;
        assert_eq!(context.queue.depth(), 0, "it waits for its pause to end");
        watch::resume(&context);
        assert_eq!(context.queue.depth(), 1);
        assert_eq!(context.queue.next().await, name);
        context.queue.done(&name);
        watch::resume(&context);
        assert_eq!(context.queue.depth(), 0, "once for each time");
    }

    #[tokio::test]
    async fn a_status_is_not_written_over_what_changed_meanwhile() {
        let patches: Arc<Mutex<Vec<String>>> = Arc::default();
        let asked: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
        let server = tower::service_fn({
            let (patches, asked) = (patches.clone(), asked.clone());
            move |request: Request<Body>| {
                let (patches, asked) = (patches.clone(), asked.clone());
                async move {
                    let seen = patches.lock().expect("patches").len();
                    if request.method() != "PATCH" {
                        let query = request.uri().query().filter(|query| !query.is_empty());
                        if request.uri().path().ends_with("/sopssecrets/some") {
                            asked.lock().expect("asked").push(query.map(str::to_owned));
                        }
                        // The second look finds what somebody wrote after the first.
                        let version = format!(r#""resourceVersion":"{}""#, seen + 1);
                        let text = object("some").replace(r#""resourceVersion":"1""#, &version);
                        return Ok::<_, Infallible>(Response::new(Body::from(text.into_bytes())));
                    }
                    let body = request.into_body().collect_bytes().await.expect("a patch");
                    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
                    let version = body["metadata"]["resourceVersion"].to_string();
                    patches.lock().expect("patches").push(version);
                    let refused =
                        r#"{"kind":"Status","status":"Failure","reason":"Conflict","code":409}"#;
                    let (code, text) =
                        if seen == 0 { (409, refused.to_owned()) } else { (200, object("some")) };
                    let answer = Response::builder().status(code);
                    Ok(answer.body(Body::from(text.into_bytes())).expect("an answer"))
                }
            }
        });
        let context = leading(Client::new(server, "a"));
        let name = seen(&context, "some");
        one(&context, &name, &mut context.slots.slot().await).await;
        assert_eq!(context.queue.depth(), 1, "it is looked at again, without a pause");
        assert_eq!(context.queue.next().await, name);
        one(&context, &name, &mut context.slots.slot().await).await;
        assert_eq!(*patches.lock().expect("patches"), [r#""1""#, r#""2""#]);
        // The second time the latest one, and not what the watch has brought so far.
        assert_eq!(*asked.lock().expect("asked"), [Some("&resourceVersion=1".to_owned()), None]);
        assert!(!context.metrics.page().contains("ApiError"), "nothing failed");
    }

    #[tokio::test]
    async fn an_api_server_whose_store_is_an_older_copy_is_asked_for_what_it_has() {
        let patches: Arc<Mutex<Vec<String>>> = Arc::default();
        let server = tower::service_fn({
            let patches = patches.clone();
            move |request: Request<Body>| {
                let patches = patches.clone();
                async move {
                    let query = request.uri().query().unwrap_or_default();
                    if request.method() == "PATCH" {
                        patches.lock().expect("patches").push(request.uri().path().to_owned());
                    }
                    // What it says of versions that are yet to come.
                    let unknown = r#"{"kind":"Status","status":"Failure","reason":"Timeout","code":504,
                        "message":"Too large resource version: 1, current: 0"}"#;
                    let (code, text) = if query.contains("resourceVersion") {
                        (504, unknown.to_owned())
                    } else {
                        (200, object("some"))
                    };
                    let answer = Response::builder().status(code);
                    let answer = answer.body(Body::from(text.into_bytes())).expect("an answer");
                    Ok::<_, Infallible>(answer)
                }
            }
        });
        let context = leading(Client::new(server, "a"));
        let name = seen(&context, "some");
        one(&context, &name, &mut context.slots.slot().await).await;
        assert_eq!(patches.lock().expect("patches").len(), 1, "it has a status");
    }
}
