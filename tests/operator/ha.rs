//! Two replicas, of which one acts.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::rbac::v1::{RoleBinding, Subject};
use kube::api::{ListParams, PostParams};
use sops_cluster::{Account, Cluster, Launch, Operator, SOON, eventually};
use sops_tests::fault::Tunnel;
use sops_tests::run::Signal;

use crate::scene::{Scene, sealed};

/// The lease of the original (operator spec §6.5).
const LEASE: &str = "ca57d051.github.com";
/// How long a lease stands without being renewed, and how often it is renewed and looked at.
const DURATION: Duration = Duration::from_secs(15);
const RENEW: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_secs(2);
/// What a busy machine may take beside.
const SLACK: Duration = Duration::from_secs(10);

/// Two replicas with an account each, so that the audit log tells them apart.
struct Pair {
    scene: Scene,
    second: Account,
}

impl Pair {
    async fn on(name: &str) -> Option<Self> {
        let cluster = Cluster::shared().await?;
        let scene = Scene::on(&cluster, name).await?;
        scene.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: second}}").await;
        let bindings = scene.space.api::<RoleBinding>();
        for mut binding in bindings.list(&ListParams::default()).await.unwrap() {
            binding.subjects.get_or_insert_default().push(Subject {
                kind: "ServiceAccount".into(),
                name: "second".into(),
                namespace: Some(scene.space.name().into()),
                ..Subject::default()
            });
            let name = binding.metadata.name.clone().unwrap();
            bindings.replace(&name, &PostParams::default(), &binding).await.unwrap();
        }
        let second = Account::of(&scene.space, "second").await;
        Some(Self { scene, second })
    }

    fn first(&self) -> Launch {
        self.launch(&self.scene.account, "first")
    }

    fn second(&self) -> Launch {
        self.launch(&self.second, "second")
    }

    fn launch(&self, account: &Account, pod: &str) -> Launch {
        let namespace = self.scene.space.name();
        self.scene
            .launch_as(account.kubeconfig())
            .flag("watch-namespace", namespace)
            .flag("leader-elect", "true")
            .flag("leader-election-namespace", namespace)
            .env("POD_NAME", pod)
    }

    /// Both of them, of which the first leads.
    async fn start(&self) -> (Operator, Operator) {
        let mut first = self.first().start();
        first.ready().await;
        self.led_by("first").await;
        let mut second = self.second().start();
        second.ready().await;
        (first, second)
    }

    async fn lease(&self) -> Result<LeaseSpec, String> {
        let lease = self.scene.space.api::<Lease>().get(LEASE).await;
        lease.map_err(|error| error.to_string())?.spec.ok_or_else(|| "no spec".into())
    }

    async fn led_by(&self, pod: &str) {
        eventually(SOON, &format!("the {pod} leads"), async || {
            let holder = self.lease().await?.holder_identity.unwrap_or_default();
            if holder.starts_with(&format!("{pod}_")) { Ok(()) } else { Err(holder) }
        })
        .await;
    }

    /// Applies an object of one Secret, and waits until a replica has made it.
    async fn made(&self, name: &str, value: &str) {
        self.scene.apply(&sealed(name, &[(name, value)])).await;
        self.scene.holds(name, &[("key", value)]).await;
        self.scene.healthy(name).await;
    }
}

#[tokio::test]
async fn the_other_replica_goes_on_at_once_when_the_leader_is_asked_to_end() {
    let Some(pair) = Pair::on("handover").await else { return };
    let audit = pair.scene.audit();
    let start = audit.mark().await;
    let (mut first, mut second) = pair.start().await;
    pair.made("a", "one").await;
    let calls = audit.calls(&pair.second, start).await;
    assert_eq!(calls.writes().0, [], "who does not lead writes nothing: {calls}");
    assert_eq!(calls.count("update", "leases") + calls.count("create", "leases"), 0, "{calls}");

    let end = audit.mark().await;
    assert!(first.stop().await.success(), "{}", first.output());
    let ended = Instant::now();
    pair.led_by("second").await;
    let took = ended.elapsed();
    assert!(took < LOOK + SLACK / 2, "{took:?}: it need not wait for the lease to be over");
    pair.made("b", "one").await;
    pair.made("a", "two").await;
    let calls = audit.calls(&pair.second, end).await;
    assert_eq!(calls.writes().only(|call| call.name != "a" && call.name != "b").0, [], "{calls}");
    assert_eq!(calls.count("create", "secrets"), 1, "only what is new: {calls}");
    assert_eq!(calls.count("update", "secrets"), 1, "only what changed: {calls}");
    let calls = audit.calls(&pair.scene.account, end).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    assert!(second.stop().await.success());
    assert_eq!(pair.lease().await.unwrap().holder_identity.unwrap_or_default(), "");
}

#[tokio::test]
async fn a_leader_that_is_killed_is_followed_when_its_lease_is_over_and_not_before() {
    let Some(pair) = Pair::on("killed").await else { return };
    let (mut first, mut second) = pair.start().await;
    pair.made("a", "one").await;
    first.kill().await;
    let killed = Instant::now();
    let audit = pair.scene.audit();
    let start = audit.mark().await;
    pair.scene.apply(&sealed("b", &[("b", "one")])).await;
    pair.led_by("second").await;
    let took = killed.elapsed();
    // The last renewal was at most so long before the end.
    assert!(took > DURATION - RENEW - Duration::from_secs(1), "{took:?}");
    assert!(took < DURATION + LOOK + SLACK, "{took:?}");
    pair.scene.healthy("b").await;
    let calls = audit.calls(&pair.second, start).await;
    assert_eq!(calls.writes().only(|call| call.name != "b").0, [], "{calls}");
    assert_eq!(calls.count("create", "secrets"), 1, "{calls}");
    assert!(second.stop().await.success());
}

#[tokio::test]
async fn a_leader_that_wakes_up_too_late_writes_nothing() {
    let Some(pair) = Pair::on("asleep").await else { return };
    let audit = pair.scene.audit();
    let (mut first, _second) = pair.start().await;
    pair.made("a", "one").await;
    first.signal(Signal::STOP);
    let asleep = audit.mark().await;
    // This waits for it when it wakes up.
    pair.scene.apply(&sealed("b", &[("b", "one")])).await;
    pair.scene.apply(&sealed("a", &[("a", "two")])).await;
    pair.led_by("second").await;
    pair.scene.healthy("b").await;
    pair.scene.holds("a", &[("key", "two")]).await;
    pair.scene.apply(&sealed("c", &[("c", "one")])).await;
    first.signal(Signal::CONT);
    first.logged("it knows", |line| line["msg"] == "This replica no longer leads").await;
    pair.scene.healthy("c").await;
    // It has seen them all by now, or does before it looks at the lease once more.
    let seen = audit.mark().await;
    eventually(SOON, "it looks at the lease", async || {
        let calls = audit.calls(&pair.scene.account, seen).await;
        if calls.count("get", "leases") > 1 { Ok(()) } else { Err(calls.to_string()) }
    })
    .await;
    let calls = audit.calls(&pair.scene.account, asleep).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    assert_eq!(calls.count("update", "leases") + calls.count("create", "events"), 0, "{calls}");
    let calls = audit.calls(&pair.second, asleep).await;
    assert_eq!(calls.count("create", "secrets"), 2, "b and c, once each: {calls}");
    assert_eq!(calls.count("update", "secrets"), 1, "a, once: {calls}");
}

#[tokio::test]
async fn a_lease_of_somebody_else_keeps_this_operator_from_acting() {
    let Some(pair) = Pair::on("foreign").await else { return };
    let leases = pair.scene.space.api::<Lease>();
    let mut lease = Lease::default();
    lease.metadata.name = Some(LEASE.into());
    // As the original holds it; whoever it is renews it or not.
    lease.spec = Some(LeaseSpec {
        holder_identity: Some("sops-secrets-operator-0_4b1d".into()),
        lease_duration_seconds: Some(3600),
        lease_transitions: Some(7),
        ..LeaseSpec::default()
    });
    let mut lease = leases.create(&PostParams::default(), &lease).await.unwrap();
    let audit = pair.scene.audit();
    let start = audit.mark().await;
    pair.scene.apply(&sealed("a", &[("a", "one")])).await;
    let mut operator = pair.first().start();
    operator.ready().await;
    eventually(SOON, "it looks at the lease again", async || {
        let calls = audit.calls(&pair.scene.account, start).await;
        if calls.count("get", "leases") > 1 { Ok(()) } else { Err(calls.to_string()) }
    })
    .await;
    let calls = audit.calls(&pair.scene.account, start).await;
    assert_eq!(calls.writes().0, [], "{calls}");
    assert_eq!(calls.count("update", "leases"), 0, "{calls}");
    assert!(pair.scene.space.secrets().await.is_empty());

    // Released, as controllers of its kind do at their end.
    let spec = lease.spec.as_mut().unwrap();
    spec.holder_identity = Some(String::new());
    spec.lease_duration_seconds = Some(1);
    leases.replace(LEASE, &PostParams::default(), &lease).await.unwrap();
    pair.led_by("first").await;
    pair.scene.healthy("a").await;
    assert_eq!(pair.lease().await.unwrap().lease_transitions, Some(8));
}

#[tokio::test]
async fn passes_that_are_under_way_come_to_their_end() {
    /// More than are done in the time between two looks.
    const OBJECTS: usize = 40;
    let Some(pair) = Pair::on("drain").await else { return };
    let audit = pair.scene.audit();
    let start = audit.mark().await;
    let tunnel = Tunnel::to(&pair.scene.space.cluster().place().address());
    // Each pass takes two calls, and each call waits.
    tunnel.delay(Duration::from_millis(40));
    let kubeconfig = pair.scene.account.kubeconfig_through(&tunnel.url());
    let launch = pair.scene.launch_as(kubeconfig).flag("workers", "4");
    let launch = launch.flag("watch-namespace", pair.scene.space.name());
    let launch = launch.flag("leader-elect", "true");
    let mut operator = launch.flag("leader-election-namespace", pair.scene.space.name()).start();
    operator.ready().await;
    let text = sealed("object", &[("object", "one")]);
    for number in 0..OBJECTS {
        pair.scene.apply(&text.replace("name: object", &format!("name: object-{number}"))).await;
    }
    eventually(SOON, "some Secrets", async || {
        let made = pair.scene.space.api::<Secret>().list(&ListParams::default()).await;
        let made = made.map_err(|error| error.to_string())?.items.len();
        if made >= 3 { Ok(()) } else { Err(format!("{made}")) }
    })
    .await;
    assert!(operator.stop().await.success(), "{}", operator.output());
    let mut halves = Vec::new();
    let secrets = pair.scene.space.secrets().await;
    for name in secrets.keys() {
        if let Err(state) = pair.scene.ready(name).await {
            halves.push(format!("{name}: {state}"));
        }
    }
    assert_eq!(halves, [] as [String; 0], "a Secret whose object does not know it");
    assert_eq!(pair.lease().await.unwrap().holder_identity.unwrap_or_default(), "");
    // The next one makes the rest.
    let mut operator = pair.second().start();
    operator.ready().await;
    for number in 0..OBJECTS {
        pair.scene.healthy(&format!("object-{number}")).await;
    }
    let mut made = 0;
    for account in [&pair.scene.account, &pair.second] {
        made += audit.calls(account, start).await.count("create", "secrets");
    }
    assert_eq!(made, OBJECTS, "once each");
}
