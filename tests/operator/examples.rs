//! The examples of the specification (§12), on a cluster.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use sops_cluster::{
    Cluster, EXAMPLES, Example, IDENTITY, Launch, Namespace, Recorder, SOON, eventually,
};
use sops_tests::need;

/// What a Secret has to be, without what the server and the operator add: type, data, and the
/// labels and annotations that must be among those it has.
fn differs(wanted: &Secret, found: &Secret) -> Option<String> {
    let within = |part: &Option<BTreeMap<String, String>>, whole: &Option<BTreeMap<_, _>>| {
        let whole = whole.clone().unwrap_or_default();
        part.iter().flatten().all(|(key, value)| whole.get(key) == Some(value))
    };
    let same = wanted.type_ == found.type_
        && wanted.data == found.data
        && within(&wanted.metadata.labels, &found.metadata.labels)
        && within(&wanted.metadata.annotations, &found.metadata.annotations);
    (!same).then(|| format!("wanted {wanted:?}, found {found:?}"))
}

/// Waits until the status of an example has this message.
async fn until(space: &Namespace, example: &Example, message: &str) {
    let get = ["get", "sopssecret", example.name, "--output=jsonpath={.status.message}"];
    eventually(SOON, example.name, async || {
        let outcome = space.kubectl(&get).run();
        if outcome.out() == message { Ok(()) } else { Err(outcome.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn the_examples_become_their_secrets_in_one_write_each_and_a_restart_writes_none_again() {
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(operator) = need::operator() else { return };
    cluster.with_crd().await;
    let space = cluster.namespace("examples").await;
    let Some(account) = space.install_chart(&["namespaced=true"]).await else { return };
    let recorder = Recorder::start(&space).await;
    let start = cluster.audit().mark().await;
    let launch = Launch::of(operator, account.kubeconfig())
        .flag("watch-namespace", space.name())
        .flag("zap-devel", "false")
        .env("SOPS_AGE_KEY", IDENTITY);
    let mut operator = launch.start();
    operator.ready().await;
    for example in EXAMPLES {
        let sealed = example.sealed_for(space.name());
        space.kubectl(&["apply", "--filename=-"]).input(sealed).run().success();
    }
    for example in &EXAMPLES {
        let wanted = if example.suspended { "Reconciliation is suspended" } else { "Healthy" };
        until(&space, example, wanted).await;
    }
    let mut made: Vec<_> =
        EXAMPLES.iter().filter(|each| !each.suspended).flat_map(Example::secrets).collect();
    for wanted in &made {
        let found = space.secret(wanted.metadata.name.as_deref().unwrap()).await.unwrap();
        assert_eq!(differs(wanted, &found), None);
    }
    let calls = cluster.audit().calls(&account, start).await;
    assert_eq!(calls.count("create", "secrets"), made.len(), "{calls}");
    assert_eq!(calls.count("update", "secrets") + calls.count("patch", "secrets"), 0, "{calls}");

    // Started again: what did not change is left alone, and what does is done.
    let again = cluster.audit().mark().await;
    assert!(operator.stop().await.success(), "{}", operator.output());
    let mut operator = launch.start();
    operator.ready().await;
    let suspended = EXAMPLES.iter().find(|each| each.suspended).unwrap();
    let go_on = ["patch", "sopssecret", suspended.name, "--type=merge"];
    let patch = "--patch={\"spec\": {\"suspend\": false}}";
    space.kubectl(&go_on).arg(patch).run().success();
    until(&space, suspended, "Healthy").await;
    for wanted in suspended.secrets() {
        let found = space.secret(wanted.metadata.name.as_deref().unwrap()).await.unwrap();
        assert_eq!(differs(&wanted, &found), None);
        made.push(wanted);
    }
    let writes = cluster.audit().calls(&account, again).await.writes();
    assert_eq!(writes.count("create", "secrets"), 1, "{writes}");
    let mine = [suspended.name, "edge-basic-auth"];
    let others = writes.only(|call| !mine.contains(&call.name.as_str()));
    assert_eq!(others.0, [], "{others}");

    // Nobody ever saw one of them with less than all of its data.
    for sight in recorder.finish().await {
        let wanted =
            made.iter().find(|secret| secret.metadata.name.as_deref() == Some(sight.name()));
        assert_eq!(wanted.and_then(|wanted| differs(wanted, &sight.secret)), None);
    }
    for text in [operator.output(), operator.metrics_text()] {
        assert!(!text.contains("p#ss: w0rd") && !text.contains("from-string"), "{text}");
    }
}
