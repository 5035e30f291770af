//! The operator is killed again and again while many objects change.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use sops_cluster::{Cluster, Operator, Recorder, SOON, eventually};

use crate::scene::{Scene, sealed};

const OBJECTS: usize = 200;
/// Different values of a round; encrypting one for each object would be the whole test.
const VALUES: usize = 8;
const ROUNDS: usize = 3;
const KILLS: usize = 6;

/// Numbers that are the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn value(round: usize, object: usize) -> String {
    format!("canary-{round}-{}-a8f3c1", object % VALUES)
}

/// Secrets of an object in a round: one that stays, and one that is of that round only, so that
/// each round creates, changes and deletes.
fn secrets(round: usize, object: usize) -> [String; 2] {
    [format!("stays-{object}"), format!("round-{round}-{object}")]
}

fn text(sealed: &[String], object: usize) -> String {
    let text = sealed[object % VALUES].replace("name: object", &format!("name: object-{object}"));
    text.replace("-number", &format!("-{object}"))
}

#[tokio::test]
async fn an_operator_that_is_killed_at_any_moment_ends_with_every_secret_right() {
    let Some(cluster) = Cluster::shared().await else { return };
    let Some(scene) = Scene::on(&cluster, "killings").await else { return };
    let rounds: Vec<Vec<String>> = (0..ROUNDS)
        .map(|round| {
            let seal = |number| {
                let value = value(round, number);
                let round = format!("round-{round}-number");
                sealed("object", &[("stays-number", &value), (&round, &value)])
            };
            (0..VALUES).map(seal).collect()
        })
        .collect();
    let recorder = Recorder::start(&scene.space).await;
    let start = scene.audit().mark().await;
    let launch = scene.launch();
    let mut said = String::new();

    let changing = async {
        for sealed in &rounds {
            let applies = (0..OBJECTS).map(|object| {
                let text = text(sealed, object);
                let scene = &scene;
                async move { scene.apply(&text).await }
            });
            stream::iter(applies).buffer_unordered(8).collect::<Vec<_>>().await;
        }
    };
    let killing = async {
        let mut random = Random(0x5eed);
        for _ in 0..KILLS {
            let mut operator = launch.start();
            operator.ready().await;
            // At any moment: this is what is tested, and no wait for something.
            tokio::time::sleep(Duration::from_millis(random.below(1200))).await;
            operator.kill().await;
            said.push_str(&operator.output());
        }
    };
    tokio::join!(changing, killing);
    let mut operator = launch.start();
    operator.ready().await;
    converged(&scene).await;

    let mut wanted = BTreeMap::new();
    for object in 0..OBJECTS {
        for name in secrets(ROUNDS - 1, object) {
            let value = value(ROUNDS - 1, object).into_bytes();
            wanted.insert(name, BTreeMap::from([("key".to_owned(), value)]));
        }
    }
    eventually(SOON, "every Secret is right", async || {
        let found = scene.space.secrets().await;
        let wrong: Vec<_> =
            found.iter().filter(|(name, data)| wanted.get(*name) != Some(data)).collect();
        let count = (found.len(), wanted.len());
        if found == wanted { Ok(()) } else { Err(format!("{count:?}: {wrong:?}")) }
    })
    .await;

    // Nobody ever saw a Secret with a value that is not its own, or lost one that was wanted.
    let own: BTreeMap<String, BTreeSet<String>> = (0..ROUNDS)
        .flat_map(|round| (0..OBJECTS).map(move |object| (round, object)))
        .fold(BTreeMap::new(), |mut own, (round, object)| {
            for name in secrets(round, object) {
                own.entry(name).or_insert_with(BTreeSet::new).insert(value(round, object));
            }
            own
        });
    for sight in recorder.finish().await {
        let data = sight.data();
        let text = String::from_utf8_lossy(data.get("key").copied().unwrap_or_default());
        assert!(data.len() == 1 && own[sight.name()].contains(&*text), "{sight:?}");
        let last = format!("round-{}-", ROUNDS - 1);
        let stays = sight.name().starts_with("stays-") || sight.name().starts_with(&last);
        assert!(!(sight.deleted && stays), "{} was deleted", sight.name());
    }
    let calls = scene.audit().calls(&scene.account, start).await;
    assert!(calls.count("delete", "secrets") > 0, "rounds leave something to delete: {calls}");
    silent(&scene, &operator, said).await;
}

/// Waits until each object is Ready for what it is now. One list for all of them.
async fn converged(scene: &Scene) {
    eventually(SOON * 2, "all objects are Ready", async || {
        let all = scene.objects().list(&ListParams::default()).await;
        let all = all.map_err(|error| error.to_string())?.items;
        let done = all.iter().filter(|object| {
            let status = &object.data["status"];
            status["observedGeneration"] == serde_json::json!(object.metadata.generation)
                && status["message"] == "Healthy"
        });
        let done = done.count();
        if done == OBJECTS { Ok(()) } else { Err(format!("{done} of {}", all.len())) }
    })
    .await;
}

/// No value stands in what the operator wrote elsewhere.
async fn silent(scene: &Scene, operator: &Operator, said: String) {
    let objects = scene.objects().list(&ListParams::default()).await.unwrap();
    let status: String = objects.items.iter().map(|o| o.data["status"].to_string()).collect();
    let events = scene.space.api::<Event>().list(&ListParams::default()).await.unwrap();
    let events = serde_json::to_string(&events.items).unwrap();
    assert!(!status.is_empty() && said.contains("Everything is listed"), "there is what to search");
    let places = [said, operator.output(), operator.metrics_text(), status, events];
    for text in places {
        // As it is, and as base64 of its beginning.
        for canary in ["a8f3c1", "canary-", "Y2FuYXJ5L"] {
            if let Some(at) = text.find(canary) {
                let around = &text[text.floor_char_boundary(at.saturating_sub(200))..at];
                panic!("{canary} after {around}");
            }
        }
    }
}
