//! An API server that goes away, hangs, is slow, forgets, or sends clients off.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, PostParams};
use sops_cluster::{Operator, Private, SOON, eventually};
use sops_tests::fault::Tunnel;
use sops_tests::rig::cluster::Part;

use crate::scene::{Scene, sealed};

/// Changes the object `app`, which all faults happen to, and waits until its Secret follows.
async fn follows(scene: &Scene, value: &str) {
    change(scene, value).await;
    scene.holds("app", &[("key", value)]).await;
    scene.healthy("app").await;
}

async fn change(scene: &Scene, value: &str) {
    let text = sealed("app", &[("app", value)]);
    // An API server that was just started refuses some calls, also of the administrator.
    eventually(SOON, "the object is applied", async || {
        scene.space.apply(&text).await.map_err(|error| error.to_string())
    })
    .await;
}

/// Waits until the operator knows of a broken watch.
async fn disconnected(operator: &Operator) {
    eventually(SOON, "the operator knows that it sees nothing", async || {
        let series = "sops_operator_watch_connected{resource=\"secrets\"}";
        match operator.metric(series) {
            Some(0.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn an_api_server_that_misbehaves_is_followed_again_and_costs_no_secret() {
    // This sends off who speaks HTTP/2. Our client speaks HTTP/1.1 so far and has nothing to fear.
    let flags = ["--goaway-chance=0.02"];
    let Some(mut plane) = Private::start(&flags).await else { return };
    let cluster = plane.cluster.clone();
    let Some(scene) = Scene::on(&cluster, "away").await else { return };
    let start = scene.audit().mark().await;
    let tunnel = Tunnel::to(&cluster.place().address());
    let launch = scene.launch_as(scene.account.kubeconfig_through(&tunnel.url()));
    let mut operator = launch.flag("watch-namespace", scene.space.name()).start();
    operator.ready().await;
    scene.apply(&sealed("bystander", &[("bystander", "still")])).await;
    scene.apply(&sealed("short", &[("short", "gone")])).await;
    follows(&scene, "first").await;
    scene.healthy("bystander").await;
    scene.healthy("short").await;
    let uid = scene.space.secret("bystander").await.unwrap().metadata.uid;

    // Killed and started again.
    plane.kill(Part::Apiserver).unwrap();
    disconnected(&operator).await;
    assert_eq!(operator.probe("/healthz"), Some(200), "a restart of ours would heal nothing");
    plane.run(Part::Apiserver).unwrap();
    follows(&scene, "after its death").await;

    // Hung, with a change under way.
    change(&scene, "while it hung").await;
    plane.pause(Part::Apiserver).unwrap();
    assert_eq!(operator.probe("/healthz"), Some(200));
    assert!(operator.metrics_text().contains("sops_operator_reconciles"));
    plane.resume(Part::Apiserver).unwrap();
    scene.holds("app", &[("key", "while it hung")]).await;

    // The store hung: reads are answered, writes are not.
    plane.pause(Part::Etcd).unwrap();
    assert_eq!(operator.probe("/healthz"), Some(200));
    plane.resume(Part::Etcd).unwrap();
    follows(&scene, "after the store hung").await;

    // Slow.
    tunnel.delay(Duration::from_millis(60));
    follows(&scene, "slow").await;
    tunnel.delay(Duration::ZERO);

    // Cut, again and again.
    for time in 0..4 {
        tunnel.cut();
        follows(&scene, &format!("cut {time}")).await;
    }

    // Held: nothing is lost, all is late.
    tunnel.hold();
    change(&scene, "held").await;
    tunnel.release();
    scene.holds("app", &[("key", "held")]).await;

    // A gap, which the API server has forgotten since: 410, and everything is listed again.
    tunnel.close();
    disconnected(&operator).await;
    change(&scene, "in the gap").await;
    scene.objects().delete("short", &DeleteParams::background()).await.unwrap();
    let secrets = scene.space.api::<Secret>();
    secrets.delete("bystander", &DeleteParams::default()).await.unwrap();
    eventually(SOON, "the Secret of a deleted object is collected", async || {
        let left = scene.space.secrets().await;
        if left.contains_key("short") { Err(format!("{:?}", left.keys())) } else { Ok(()) }
    })
    .await;
    for number in 0..20 {
        let mut filler = ConfigMap::default();
        filler.metadata.name = Some(format!("filler-{number}"));
        scene.space.api().create(&PostParams::default(), &filler).await.unwrap();
    }
    plane.kill(Part::Apiserver).unwrap();
    plane.run(Part::Apiserver).unwrap();
    let gap = scene.audit().mark().await;
    tunnel.open();
    scene.holds("app", &[("key", "in the gap")]).await;
    scene.holds("bystander", &[("key", "still")]).await;
    assert_ne!(scene.space.secret("bystander").await.unwrap().metadata.uid, uid, "made again");
    let calls = scene.audit().calls(&scene.account, gap).await;
    assert!(calls.count("list", "secrets") > 0, "a watch alone cannot know: {calls}");
    follows(&scene, "at the end").await;

    let names: Vec<_> = scene.space.secrets().await.into_keys().collect();
    assert_eq!(names, ["app", "bystander"]);
    let calls = scene.audit().calls(&scene.account, start).await;
    assert_eq!(calls.count("delete", "secrets"), 0, "{calls}");
    assert_eq!(
        calls
            .only(|call| call.verb == "create" && call.name == "short" && call.code == 201)
            .0
            .len(),
        1,
        "{calls}"
    );
    assert!(operator.is_running());
}

/// Calls of the account at the same time are refused with 429.
fn throttle(user: &str) -> String {
    format!(
        "
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {{name: throttled}}
spec:
  type: Limited
  limited:
    nominalConcurrencyShares: 0
    lendablePercent: 0
    borrowingLimitPercent: 0
    limitResponse: {{type: Reject}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {{name: throttled}}
spec:
  priorityLevelConfiguration: {{name: throttled}}
  matchingPrecedence: 2
  rules:
  - subjects: [{{kind: User, user: {{name: '{user}'}}}}]
    resourceRules:
    - {{verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true}}
"
    )
}

#[tokio::test]
async fn throttling_and_a_crd_that_goes_and_comes_are_survived_without_a_storm() {
    const OBJECTS: usize = 60;
    let Some(plane) = Private::start(&[]).await else { return };
    let cluster = plane.cluster.clone();
    let Some(scene) = Scene::on(&cluster, "storms").await else { return };
    let text = sealed("object", &[("object", "value")]);
    let names: Vec<String> = (0..OBJECTS).map(|number| format!("object-{number}")).collect();
    let apply = async || {
        for name in &names {
            scene.apply(&text.replace("name: object", &format!("name: {name}"))).await;
        }
    };
    let healthy = async || {
        for name in &names {
            scene.healthy(name).await;
            scene.holds(name, &[("key", "value")]).await;
        }
    };
    apply().await;
    scene.apply(&throttle(scene.account.user())).await;
    let audit = scene.audit();
    let start = audit.mark().await;
    let mut operator = scene.launch().start();
    operator.ready().await;
    healthy().await;
    let calls = audit.calls(&scene.account, start).await;
    let throttled = calls.only(|call| call.code == 429).0.len();
    assert!(throttled > 0, "nothing was throttled: {calls}");
    let created = calls.only(|call| call.verb == "create" && call.resource == "secrets");
    assert_eq!(created.only(|call| call.code == 201).0.len(), OBJECTS, "{calls}");
    // Each try waits longer than the one before: they do not come in a loop.
    assert!(throttled < OBJECTS * 12, "{calls}");
    let kubectl = ["delete", "flowschema,prioritylevelconfiguration", "throttled"];
    cluster.place().kubectl(kubectl).run().success();

    // The collector learns of a new kind after some time; before, it would miss what comes now.
    let probe = &names[0];
    scene.objects().delete(probe, &DeleteParams::background()).await.unwrap();
    eventually(SOON, "the collector knows SopsSecrets", async || {
        let left = scene.space.secrets().await;
        if left.contains_key(probe) { Err(format!("{probe} is there")) } else { Ok(()) }
    })
    .await;
    let start = audit.mark().await;
    let crds: Api<CustomResourceDefinition> = Api::all(cluster.client());
    let crd = "sopssecrets.isindir.github.com";
    crds.delete(crd, &DeleteParams::default()).await.unwrap();
    eventually(SOON, "the Secrets go with their objects", async || {
        let left = scene.space.secrets().await.len();
        if left == 0 { Ok(()) } else { Err(format!("{left} Secrets")) }
    })
    .await;
    operator
        .logged("it says what is missing", |line| {
            line["msg"] == "The watch broke off" && line["resource"] == "sopssecrets"
        })
        .await;
    assert!(operator.is_running() && operator.probe("/healthz") == Some(200));
    let calls = audit.calls(&scene.account, start).await;
    assert!(calls.count("create", "secrets") <= OBJECTS, "{calls}");
    assert_eq!(calls.count("delete", "secrets"), 0, "{calls}");
    cluster.with_crd().await;
    let start = audit.mark().await;
    apply().await;
    healthy().await;
    let calls = audit.calls(&scene.account, start).await;
    assert_eq!(calls.count("create", "secrets"), OBJECTS, "once each: {calls}");
}
