//! SopsSecrets, sealed by the core.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand_core::{TryCryptoRng, TryRng};
use serde_json::{Map, Value, json};
use sops_core::crypto::{DataKey, MacScope};
use sops_core::document::Document;
use sops_core::format::Format;
use sops_core::keys::{AwsKmsKey, KeyGroup, MasterKey, WrappedKey};
use sops_core::metadata::{Metadata, VERSION};
use sops_core::pipeline::{Check, Plan, Target, seal};
use sops_core::sops_secret;
use sops_core::tree::Time;
use sops_tests::rig::aws::MAIN;

use crate::double;

/// Values of each object.
const VALUES: usize = 10;
/// 2026-01-01, the time of every object.
const TIME: i64 = 1_767_225_600;

/// A data key, wrapped once: objects made with the same one cost one call.
pub(crate) struct Sealer {
    data_key: DataKey,
    metadata: Metadata,
}

/// Where an object is, and its Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) namespace: String,
    pub(crate) object: String,
    pub(crate) secret: String,
}

impl Sealer {
    pub(crate) fn new() -> Self {
        let data_key = DataKey::random(&mut System);
        let time = Time::from_unix(TIME).expect("a time");
        let key = AwsKmsKey {
            arn: MAIN.to_owned(),
            role: None,
            context: Default::default(),
            profile: None,
        };
        let wrapped = WrappedKey {
            key: MasterKey::AwsKms(key),
            enc: double::wrapped(data_key.expose()),
            created_at: Some(time),
            unknown: Vec::new(),
        };
        let metadata = Metadata {
            groups: vec![KeyGroup(vec![wrapped])],
            shamir_threshold: 0,
            last_modified: time,
            mac: String::new(),
            selection: sops_secret::selection(),
            mac_scope: MacScope::SealedOnly,
            version: VERSION.to_owned(),
            unknown: Vec::new(),
            unknown_in_groups: Vec::new(),
        };
        Self { data_key, metadata }
    }

    /// An object in canonical form; its values say `revision`.
    pub(crate) fn object(&self, place: &Place, revision: u32) -> Value {
        let plain = json!({
            "apiVersion": "isindir.github.com/v1alpha3",
            "kind": "SopsSecret",
            "metadata": {"name": place.object, "namespace": place.namespace},
            "spec": {"secretTemplates": [{
                "labels": {"app": "bench"},
                "name": place.secret,
                "stringData": values(place, revision),
                "type": "Opaque",
            }]},
        });
        let read = Document::read(Format::Json, plain.to_string().into());
        let Ok(Document::Plain(document)) = read else { panic!("{read:?}") };
        let plan = Plan {
            metadata: self.metadata.clone(),
            data_key: &self.data_key,
            now: Time::from_unix(TIME).expect("a time"),
            target: Target { format: Format::Json, indent: None, check: Check::UnlessSimple },
            allow_nothing_sealed: false,
        };
        let sealed = seal(document, plan, &mut System).expect("it seals");
        serde_json::from_slice(sealed.text.expose()).expect("JSON")
    }
}

fn values(place: &Place, revision: u32) -> Map<String, Value> {
    (0..VALUES).map(|number| (format!("key_{number}"), value(place, revision, number))).collect()
}

fn value(place: &Place, revision: u32, number: usize) -> Value {
    format!("{revision}:{number}:{}:0123456789abcdef", place.secret).into()
}

/// What the first key of a Secret holds at this revision, as the API has it.
pub(crate) fn first_value(place: &Place, revision: u32) -> String {
    let text = value(place, revision, 0);
    STANDARD.encode(text.as_str().unwrap_or_default())
}

/// The name of the key that [`first_value`] is about.
pub(crate) const FIRST: &str = "key_0";

/// The Secret that an operator makes of a place, without its help: for the ceiling.
pub(crate) fn secret(place: &Place, owner: &str) -> Value {
    let data = (0..VALUES).map(|number| {
        let text = value(place, 0, number);
        (format!("key_{number}"), STANDARD.encode(text.as_str().unwrap_or_default()).into())
    });
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": place.secret, "namespace": place.namespace, "labels": {"app": "bench"},
            "ownerReferences": [{"apiVersion": "isindir.github.com/v1alpha3", "kind": "SopsSecret",
                "name": place.object, "uid": owner, "controller": true, "blockOwnerDeletion": true}]},
        "type": "Opaque",
        "data": data.collect::<Map<_, _>>(),
    })
}

/// A Secret that has nothing to do with us, of one kilobyte.
pub(crate) fn foreign(namespace: &str, number: usize) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": format!("foreign-{number}"), "namespace": namespace,
            "labels": {"owner": "helm", "name": format!("release-{number}"), "status": "deployed",
                "version": "1"},
            "annotations": {"example.org/note": "y".repeat(200)}},
        "type": "helm.sh/release.v1",
        "data": {"release": STANDARD.encode("x".repeat(500))},
    })
}

struct System;

impl TryRng for System {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        getrandom::fill(bytes).expect("the system has randomness");
        Ok(())
    }
}

impl TryCryptoRng for System {}
