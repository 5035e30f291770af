//! A key service that throttles, is slow, or is not there: calls become rare, Secrets stay, and
//! objects with other keys are not held up.

use std::collections::BTreeMap;
use std::time::Duration;

use sops_cluster::{Cluster, SOON, Seal, eventually};
use sops_tests::fault::{FaultProxy, Rule};
use sops_tests::need;
use sops_tests::rig::aws::{Aws, MAIN};

use crate::scene::{Scene, plain, sealed};

/// Objects whose key is at the service; each has a wrapped key of its own.
const REMOTE: usize = 6;

fn remote(aws: &Aws, number: usize, value: &str) -> String {
    let name = format!("remote-{number}");
    Seal::kms(aws, MAIN).values_only().text(&plain(&name, &[(&name, value)]))
}

/// When each wrapped key was asked for, in seconds. The SDK asks up to three times within a
/// second; that is one try.
fn tries(proxy: &FaultProxy) -> BTreeMap<String, Vec<f64>> {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    for call in proxy.calls().into_iter().filter(|call| call.operation == "Decrypt") {
        let at = call.at.as_secs_f64();
        let before = last.insert(call.body.clone(), at);
        if before.is_none_or(|before| at - before > 0.9) {
            all.entry(call.body).or_default().push(at);
        }
    }
    all
}

#[tokio::test]
async fn a_service_that_throttles_is_asked_less_and_less_and_nobody_else_waits() {
    let (Some(cluster), Some(aws)) = (Cluster::shared().await, need::aws()) else { return };
    let Some(scene) = Scene::on(&cluster, "throttled").await else { return };
    let proxy = FaultProxy::in_front_of(&aws.kms);
    let mut operator = scene.launch().envs(aws.through(&proxy).environment()).start();
    operator.ready().await;
    for number in 0..REMOTE {
        scene.apply(&remote(&aws, number, "one")).await;
    }
    for number in 0..REMOTE {
        scene.healthy(&format!("remote-{number}")).await;
    }
    assert_eq!(proxy.count("Decrypt"), REMOTE, "{:?}", tries(&proxy));

    proxy.reset();
    proxy.add(Rule::on("Decrypt").throttled());
    for number in 0..REMOTE {
        scene.apply(&remote(&aws, number, "two")).await;
    }
    scene.fails("remote-0", "").await;
    scene.apply(&sealed("local", &[("local", "one")])).await;
    scene.healthy("local").await;
    eventually(SOON, "each was tried some times", async || {
        let tries = tries(&proxy);
        let enough = tries.len() == REMOTE && tries.values().all(|times| times.len() >= 3);
        if enough { Ok(()) } else { Err(format!("{tries:?}")) }
    })
    .await;
    for times in tries(&proxy).values() {
        let pauses: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // What failed a moment ago is not asked again, and then rarer with time.
        assert!(pauses[0] > 2.0 && pauses[1] > 3.8, "{pauses:?}");
    }
    let most = tries(&proxy).values().map(Vec::len).max().unwrap_or_default();
    let calls = proxy.count("Decrypt");
    assert!(calls <= 3 * REMOTE * most, "{calls} calls in {most} tries");
    for number in 0..REMOTE {
        let name = format!("remote-{number}");
        let ready = scene.ready(&name).await.unwrap();
        assert_eq!(ready["reason"], "KeyUnavailable", "{ready}");
        scene.holds(&name, &[("key", "one")]).await;
    }
    proxy.reset();
    for number in 0..REMOTE {
        let name = format!("remote-{number}");
        scene.healthy(&name).await;
        scene.holds(&name, &[("key", "two")]).await;
    }
    assert_eq!(proxy.count("Decrypt"), REMOTE, "{:?}", tries(&proxy));
}

#[tokio::test]
async fn a_slow_service_and_one_that_breaks_off_hold_up_nobody_else() {
    let (Some(cluster), Some(aws)) = (Cluster::shared().await, need::aws()) else { return };
    let Some(scene) = Scene::on(&cluster, "slow").await else { return };
    let proxy = FaultProxy::in_front_of(&aws.kms);
    proxy.add(Rule::on("Decrypt").delayed(Duration::from_secs(4)));
    let mut operator = scene.launch().envs(aws.through(&proxy).environment()).start();
    operator.ready().await;
    for number in 0..REMOTE {
        scene.apply(&remote(&aws, number, "one")).await;
    }
    scene.apply(&sealed("local", &[("local", "one")])).await;
    scene.healthy("local").await;
    let answered = proxy.calls().iter().filter(|call| call.status.is_some()).count();
    assert!(answered < REMOTE, "local did not wait for the others");
    for number in 0..REMOTE {
        scene.healthy(&format!("remote-{number}")).await;
    }
    // All at the same time, and one call each.
    assert_eq!(proxy.count("Decrypt"), REMOTE, "{:?}", tries(&proxy));

    proxy.reset();
    proxy.add(Rule::on("Decrypt").times(REMOTE).resets());
    proxy.add(Rule::on("Decrypt").times(REMOTE).cuts_short());
    for number in 0..REMOTE {
        scene.apply(&remote(&aws, number, "two")).await;
    }
    for number in 0..REMOTE {
        let name = format!("remote-{number}");
        scene.healthy(&name).await;
        scene.holds(&name, &[("key", "two")]).await;
    }
    assert!(proxy.count("Decrypt") <= 4 * REMOTE, "{:?}", tries(&proxy));
}
