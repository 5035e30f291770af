//! What is measured, in an order in which each case needs what the one before left.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use kube::Client;
use kube::core::Request;
use serde_json::json;
use sops_cluster::{Account, Calls, Launch, Mark, Operator, Private};
use sops_tests::rig::cluster::Part;

use crate::Size;
use crate::api::{self, Log, Sights};
use crate::double::Kms;
use crate::objects::{self, Place, Sealer};
use crate::process::{self, Memory};

/// What a call of KMS takes.
const DELAY: Duration = Duration::from_millis(20);
/// Wrapped keys that all objects share.
const WRAPPED: usize = 20;
/// Pairs of writes by which the ceiling is found, before and after the operator's own.
const PAIRS: usize = 1000;
/// Changes that come just before one that is measured.
const BEFORE: usize = 600;
/// Secrets that somebody changes at once.
const DRIFT: usize = 1000;
/// For how long the API server is away.
const AWAY: Duration = Duration::from_secs(5);
/// Much, as a test of what it cannot be in the way of: the limits of the API server are not what
/// is measured.
const GENEROUS: [&str; 2] =
    ["--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000"];

/// What the chart gives, and what it takes to be elected.
const ROLE: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: sops-operator}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: operator, namespace: sops-operator}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: sops-operator}
rules:
- {apiGroups: [isindir.github.com], resources: [sopssecrets], verbs: [get, list, watch]}
- {apiGroups: [isindir.github.com], resources: [sopssecrets/status], verbs: [get, patch, update]}
- {apiGroups: [isindir.github.com], resources: [sopssecrets/finalizers], verbs: [update]}
- {apiGroups: [''], resources: [secrets], verbs: [get, list, watch, create, update, patch, delete]}
- {apiGroups: [''], resources: [namespaces], verbs: [get, list, watch]}
- {apiGroups: [''], resources: [events], verbs: [create, patch]}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: sops-operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sops-operator}
subjects: [{kind: ServiceAccount, name: operator, namespace: sops-operator}]
";

/// All that was measured, by name, a value for each run.
pub(crate) type Figures = BTreeMap<String, Vec<f64>>;

struct Bench {
    plane: Private,
    client: Client,
    account: Account,
    kms: Kms,
    launch: Launch,
    size: Size,
    sealers: Vec<Sealer>,
    places: Vec<Place>,
    /// What each Secret should hold; zero where it is not named.
    revisions: HashMap<usize, u32>,
    figures: Figures,
}

pub(crate) async fn measure(operator: &Path, size: Size) -> Figures {
    let mut bench = Bench::start(operator, size).await;
    bench.make_objects().await;
    bench.ceiling("before").await;
    bench.converge().await;
    bench.ceiling("after").await;
    let running = bench.restart("restart").await;
    bench.changes("change_new_key", &running, true).await;
    bench.changes("change_known_key", &running, false).await;
    bench.after_others(&running).await;
    bench.drift(&running).await;
    bench.is_right().await;
    bench.idle_share(&running).await;
    let running = bench.outage(running).await;
    bench.foreign(running).await;
    bench.is_right().await;
    bench.figures
}

fn say(text: &str) {
    println!("{text}");
}

impl Bench {
    async fn start(operator: &Path, size: Size) -> Self {
        say("starting a control plane");
        let plane = Private::start(&GENEROUS).await.expect("the programs of a control plane");
        plane.cluster.with_crd().await;
        plane.cluster.apply("default", ROLE).await.expect("roles are taken");
        let account = Account::at(&plane.cluster, "sops-operator", "operator").await;
        let kms = Kms::start(DELAY);
        let launch = Launch::of(operator, account.kubeconfig())
            .envs(kms.environment())
            .flag("zap-devel", "false")
            .flag("zap-encoder", "json")
            .flag("zap-log-level", "info")
            .flag("leader-elect", "true")
            .flag("leader-election-namespace", "sops-operator");
        let namespaces = (size.objects / 100).max(1);
        let places = (0..size.objects).map(|number| Place {
            namespace: format!("bench-{:03}", number % namespaces),
            object: format!("object-{:05}", number / namespaces),
            secret: format!("secret-{:05}", number / namespaces),
        });
        Self {
            client: plane.cluster.client(),
            plane,
            account,
            kms,
            launch,
            size,
            sealers: (0..WRAPPED).map(|_| Sealer::new()).collect(),
            places: places.collect(),
            revisions: HashMap::new(),
            figures: Figures::new(),
        }
    }

    fn note(&mut self, name: &str, value: f64) {
        say(&format!("  {name}: {value:.3}"));
        self.figures.entry(name.to_owned()).or_default().push(value);
    }

    fn note_memory(&mut self, when: &str, memory: Memory) {
        self.note(&format!("{when}_resident_mb"), memory.resident);
        self.note(&format!("{when}_anonymous_mb"), memory.anonymous);
        self.note(&format!("{when}_peak_mb"), memory.peak);
    }

    async fn namespaces(&self, names: impl IntoIterator<Item = String>) {
        api::many(names, async |name: String| {
            let object =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            api::create(&self.client, "/api/v1/namespaces", &object).await.map(drop)
        })
        .await;
    }

    async fn make_objects(&mut self) {
        say(&format!("making {} objects", self.size.objects));
        let mut names: Vec<String> = self.places.iter().map(|at| at.namespace.clone()).collect();
        names.sort();
        names.dedup();
        self.namespaces(names).await;
        api::many(0..self.places.len(), async |number| {
            let place = &self.places[number];
            let object = self.sealers[number % WRAPPED].object(place, 0);
            let path = api::sops_secrets(Some(&place.namespace));
            api::create(&self.client, &path, &object).await.map(drop)
        })
        .await;
    }

    /// What the API server can do on this machine in this hour: one Secret and one status for each
    /// of many objects. Nothing of it is left, and no operator runs meanwhile.
    async fn ceiling(&mut self, when: &str) {
        say(&format!("the ceiling, {when}"));
        let namespace = format!("ceiling-{when}");
        self.namespaces([namespace.clone()]).await;
        let pairs = PAIRS.min(self.size.objects);
        let places: Vec<Place> = (0..pairs)
            .map(|number| Place {
                namespace: namespace.clone(),
                object: format!("object-{number:05}"),
                secret: format!("secret-{number:05}"),
            })
            .collect();
        let path = api::sops_secrets(Some(&namespace));
        let uids = tokio::sync::Mutex::new(HashMap::new());
        api::many(&places, async |place| {
            let object = self.sealers[0].object(place, 0);
            let made = api::create(&self.client, &path, &object).await?;
            uids.lock().await.insert(place.object.clone(), made.metadata.uid);
            Ok(())
        })
        .await;
        let uids = uids.into_inner();
        let used = self.processor() + process::own();
        let started = Instant::now();
        api::many(&places, async |place| {
            let secret = objects::secret(place, &uids[&place.object]);
            let secrets = api::secrets(Some(&place.namespace));
            let made = api::create(&self.client, &secrets, &secret).await?;
            let status = status(place, &made);
            api::merge_status(&self.client, &path, &place.object, status).await.map(drop)
        })
        .await;
        let rate = pairs as f64 / started.elapsed().as_secs_f64();
        let used = (self.processor() + process::own()).saturating_sub(used);
        self.note(&format!("ceiling_{when}_per_second"), rate);
        self.note("ceiling_all_cpu_us_each", used.as_secs_f64() * 1e6 / pairs as f64);
        for path in [path, api::secrets(Some(&namespace))] {
            api::delete_all(&self.client, &path).await;
        }
    }

    async fn converge(&mut self) {
        say("first convergence");
        let count = self.places.len();
        let (mark, kms) = (self.mark().await, self.kms.calls());
        let mut log = self.log();
        let before = self.processor();
        let started = Instant::now();
        let mut operator = self.launch.start();
        let mut done = 0;
        while done < count {
            assert!(started.elapsed() < Duration::from_secs(1800), "{done} of {count} converged");
            tokio::time::sleep(Duration::from_millis(20)).await;
            done += log.statuses();
        }
        let took = started.elapsed();
        let used = process::processor(&operator);
        let all = self.processor().saturating_sub(before) + used;
        self.note("converge_all_cpu_us_each", all.as_secs_f64() * 1e6 / count as f64);
        self.note("converge_s", took.as_secs_f64());
        self.note("converge_per_second", count as f64 / took.as_secs_f64());
        self.note("converge_cpu_us_per_object", used.as_secs_f64() * 1e6 / count as f64);
        process::idle(&operator).await;
        self.note("converge_kms_calls", (self.kms.calls() - kms) as f64);
        let calls = self.calls(mark).await;
        let writes = calls.writes().0.len();
        self.note("converge_writes_per_object", writes as f64 / count as f64);
        self.note("converge_calls_per_object", calls.0.len() as f64 / count as f64);
        self.note_memory("converge", process::memory(&operator));
        self.is_right().await;
        operator.stop().await;
    }

    /// Starts the operator, several times.
    async fn restart(&mut self, what: &str) -> Operator {
        let mut last: Option<Operator> = None;
        for run in 0..self.size.runs {
            say(&format!("{what}, run {}", run + 1));
            if let Some(mut before) = last.take() {
                before.stop().await;
            }
            let (mark, kms) = (self.mark().await, self.kms.calls());
            let started = Instant::now();
            let running = self.launch.start();
            while running.probe("/readyz") != Some(200) {
                assert!(started.elapsed() < Duration::from_secs(300), "it does not become ready");
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            let ready = started.elapsed();
            let end = process::idle(&running).await.max(started + ready);
            self.note(&format!("{what}_ready_s"), ready.as_secs_f64());
            self.note(&format!("{what}_idle_s"), (end - started).as_secs_f64());
            self.note(&format!("{what}_cpu_s"), process::processor(&running).as_secs_f64());
            let leads = "leader_election_master_status{name=\"ca57d051.github.com\"}";
            assert_eq!(running.metric(leads), Some(1.0), "it was not elected");
            self.note(&format!("{what}_kms_calls"), (self.kms.calls() - kms) as f64);
            let calls = self.calls(mark).await;
            self.note(&format!("{what}_writes"), calls.writes().0.len() as f64);
            self.note(&format!("{what}_calls"), calls.0.len() as f64);
            self.note_memory(what, process::memory(&running));
            last = Some(running);
        }
        last.expect("there is at least one run")
    }

    /// One change after the other, each with a data key that was never seen, or with one that the
    /// operator has in memory.
    async fn changes(&mut self, what: &str, running: &Operator, new_key: bool) {
        say(what);
        let sights = Sights::start(&self.client).await;
        let known = Sealer::new();
        let step = (self.places.len() / self.size.changes).max(1);
        for number in 0..=self.size.changes {
            let unknown = new_key.then(Sealer::new);
            let sealer = unknown.as_ref().unwrap_or(&known);
            let took = self.change(number * step % self.places.len(), sealer, &sights).await;
            // The first one opens connections, and the known key.
            if number > 0 {
                self.note(&format!("{what}_ms"), took.as_secs_f64() * 1e3);
            }
            process::idle(running).await;
        }
    }

    /// One change to one object; how long after its answer the Secret was shown.
    async fn change(&mut self, number: usize, sealer: &Sealer, sights: &Sights) -> Duration {
        self.send_change(number, sealer).await.expect("the change is taken");
        let answered = Instant::now();
        let seen = sights.until(&self.places[number], &self.expected(number)).await;
        seen.saturating_duration_since(answered)
    }

    async fn send_change(&mut self, number: usize, sealer: &Sealer) -> kube::Result<()> {
        let place = &self.places[number];
        let revision = self.revisions.get(&number).copied().unwrap_or_default() + 1;
        let object = sealer.object(place, revision);
        let change = json!({"spec": object["spec"], "sops": object["sops"]});
        let path = api::sops_secrets(Some(&place.namespace));
        api::merge(&self.client, &path, &place.object, change).await?;
        self.revisions.insert(number, revision);
        Ok(())
    }

    fn expected(&self, number: usize) -> String {
        let revision = self.revisions.get(&number).copied().unwrap_or_default();
        objects::first_value(&self.places[number], revision)
    }

    /// One change right after many others.
    async fn after_others(&mut self, running: &Operator) {
        say("one change right after others");
        let before = BEFORE.min(self.places.len() - 1);
        for _ in 0..self.size.runs {
            let sights = Sights::start(&self.client).await;
            api::many(0..before, async |number| {
                let place = &self.places[number];
                let revision = self.revisions.get(&number).copied().unwrap_or_default() + 1;
                let object = self.sealers[number % WRAPPED].object(place, revision);
                let change = json!({"spec": object["spec"], "sops": object["sops"]});
                let path = api::sops_secrets(Some(&place.namespace));
                api::merge(&self.client, &path, &place.object, change).await.map(drop)
            })
            .await;
            for number in 0..before {
                *self.revisions.entry(number).or_default() += 1;
            }
            let took = self.change(self.places.len() - 1, &Sealer::new(), &sights).await;
            self.note("after_others_ms", took.as_secs_f64() * 1e3);
            process::idle(running).await;
        }
    }

    /// Many Secrets that somebody overwrites at once.
    async fn drift(&mut self, running: &Operator) {
        let count = DRIFT.min(self.places.len());
        say(&format!("{count} Secrets overwritten"));
        let (mark, kms) = (self.mark().await, self.kms.calls());
        let sights = Sights::start(&self.client).await;
        let started = Instant::now();
        let waiting = tokio::sync::Mutex::new(Vec::new());
        api::many(0..count, async |number| {
            let place = &self.places[number];
            let change = json!({"data": {objects::FIRST: "ZHJpZnQ="}});
            let path = api::secrets(Some(&place.namespace));
            api::merge(&self.client, &path, &place.secret, change).await?;
            waiting.lock().await.push((number, Instant::now()));
            Ok(())
        })
        .await;
        let written = started.elapsed();
        let mut repaired = Vec::new();
        for (number, since) in waiting.into_inner() {
            let seen = sights.until(&self.places[number], &self.expected(number)).await;
            repaired.push((seen.saturating_duration_since(since), seen));
        }
        let mut times: Vec<f64> =
            repaired.iter().map(|(took, _)| took.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        let last = repaired.iter().map(|(_, seen)| *seen).max().expect("some were overwritten");
        self.note("drift_p50_ms", times[times.len() / 2]);
        self.note("drift_p99_ms", times[times.len() * 99 / 100]);
        self.note("drift_written_s", written.as_secs_f64());
        self.note("drift_all_s", (last - started).as_secs_f64());
        process::idle(running).await;
        self.note("drift_kms_calls", (self.kms.calls() - kms) as f64);
        let calls = self.calls(mark).await;
        self.note("drift_calls_per_object", calls.0.len() as f64 / count as f64);
    }

    async fn idle_share(&mut self, running: &Operator) {
        say("half a minute without a change");
        let mark = self.mark().await;
        let (before, begin) = (process::processor(running), Instant::now());
        tokio::time::sleep(Duration::from_secs(30)).await;
        let used = process::processor(running).saturating_sub(before);
        let share = used.as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0;
        self.note("idle_percent_of_a_core", share);
        let calls = self.calls(mark).await;
        let others = calls.only(|call| call.resource != "leases");
        self.note("idle_calls_besides_lease", others.0.len() as f64);
        self.note_memory("idle", process::memory(running));
    }

    /// The API server is killed, and comes back; the first change after it does.
    async fn outage(&mut self, running: Operator) -> Operator {
        for run in 0..self.size.runs {
            say(&format!("outage, run {}", run + 1));
            self.plane.kill(Part::Apiserver).expect("it is killed");
            tokio::time::sleep(AWAY).await;
            let back = tokio::spawn(until_ready(self.client.clone()));
            tokio::task::block_in_place(|| self.plane.run(Part::Apiserver)).expect("it comes back");
            // It was asked meanwhile: the wait above goes by looks of its own, which take longer.
            let back = back.await.expect("it is asked");
            let number = self.places.len() / 2 + run;
            let sealer = Sealer::new();
            while let Err(error) = self.send_change(number, &sealer).await {
                assert!(back.elapsed() < Duration::from_secs(60), "{error}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let (place, expected) = (self.places[number].clone(), self.expected(number));
            let path = api::secrets(Some(&place.namespace));
            loop {
                let found = api::get(&self.client, &path, &place.secret).await;
                if found.is_ok_and(|secret| secret.data.get(objects::FIRST) == Some(&expected)) {
                    break;
                }
                assert!(back.elapsed() < Duration::from_secs(120), "no reaction");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            self.note("outage_reaction_s", back.elapsed().as_secs_f64());
            process::idle(&running).await;
        }
        running
    }

    /// Secrets of others, which come while the operator runs and are there when it starts.
    async fn foreign(&mut self, mut running: Operator) {
        say(&format!("{} Secrets of others", self.size.foreign));
        self.note_memory("foreign_before", process::memory(&running));
        let namespaces = (self.size.foreign / 400).max(1);
        self.namespaces((0..namespaces).map(|number| format!("foreign-{number:03}"))).await;
        api::many(0..self.size.foreign, async |number| {
            let namespace = format!("foreign-{:03}", number % namespaces);
            let secret = objects::foreign(&namespace, number / namespaces);
            api::create(&self.client, &api::secrets(Some(&namespace)), &secret).await.map(drop)
        })
        .await;
        process::idle(&running).await;
        self.note_memory("foreign_while", process::memory(&running));
        running.stop().await;
        drop(self.restart("foreign").await);
    }

    /// What is not as it should be has not been measured, however fast it was.
    async fn is_right(&self) {
        let mut found = HashMap::new();
        api::each(&self.client, &api::secrets(None), |mut secret| {
            let value = secret.data.remove(objects::FIRST).unwrap_or_default();
            found.insert((secret.metadata.namespace, secret.metadata.name), value);
        })
        .await;
        for (number, place) in self.places.iter().enumerate() {
            let secret = found.get(&(place.namespace.clone(), place.secret.clone()));
            assert_eq!(secret, Some(&self.expected(number)), "{place:?}");
        }
        let mut healthy = 0;
        api::each(&self.client, &api::sops_secrets(None), |object| {
            let verified = object.status["conditions"][1]["reason"] == "Verified";
            healthy += usize::from(object.status["message"] == "Healthy" && verified);
        })
        .await;
        assert!(healthy >= self.places.len(), "{healthy} objects are healthy and verified");
    }

    /// Of the control plane.
    fn processor(&self) -> Duration {
        process::of_folder(self.plane.cluster.place().folder())
    }

    fn log(&self) -> Log {
        Log::follow(&self.plane.cluster.place().audit_log(), &self.account)
    }

    async fn mark(&self) -> Mark {
        self.plane.cluster.audit().mark().await
    }

    async fn calls(&self, since: Mark) -> Calls {
        self.plane.cluster.audit().calls(&self.account, since).await
    }
}

/// When the API server was first ready.
async fn until_ready(client: Client) -> Instant {
    loop {
        let asked = Request::new("/readyz").list(&Default::default()).expect("a request");
        let answer = tokio::time::timeout(Duration::from_secs(1), client.request_text(asked)).await;
        if matches!(&answer, Ok(Ok(text)) if text == "ok") {
            return Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A status like the operator's.
fn status(place: &Place, secret: &api::Object) -> serde_json::Value {
    let time = "2026-01-01T00:00:00Z";
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": time, "observedGeneration": 1})
    };
    json!({"status": {
        "message": "Healthy",
        "observedGeneration": 1,
        "conditions": [
            condition("Ready", "Synced", "1 Secret is as the object says"),
            condition("Integrity", "Verified", "the MAC covers the encrypted values, and matches"),
        ],
        "secrets": [{"name": place.secret, "uid": secret.metadata.uid, "result": "Synced",
            "resourceVersion": secret.metadata.resource_version}],
        "applied": {"digest": "0".repeat(64), "time": time},
    }})
}
