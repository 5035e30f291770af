//! Which content a Secret has: an id that changes when its data do, and from which nothing can be
//! told.
//!
//! Rules of this module:
//!
//! - An id is drawn at random. A digest of data would be one that guesses could be held against.
//! - It is written in the request that writes the data, and never by itself: the two cannot be
//!   told apart by who watches.
//! - The same encrypted input has the id it had: a Secret that was deleted, or changed by somebody,
//!   and is put right again, is no other content. Whoever fights us over a Secret does not make
//!   workloads roll out.
//! - Without `-rollout-restarts` nobody draws ids. One that no longer belongs to the data goes.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::fingerprint::Fingerprint;
use crate::object::SopsSecret;
use crate::status::{Reason, SYNCED, Status};

/// The annotation of a Secret that holds its id.
pub(crate) const CONTENT: &str = "sops-operator/content";

/// An id.
pub(crate) type Id = Box<str>;

/// What decides the id of one Secret that is about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    /// The id it had when this very input was applied; within: none, if it had none.
    had: Option<Option<Id>>,
    /// For content that is new.
    fresh: Option<Id>,
}

impl Ids {
    /// Of a Secret by its name. `draws`: whether new content gets an id.
    pub(crate) fn of(
        object: &SopsSecret,
        fingerprint: Fingerprint,
        secret: &str,
        draws: bool,
    ) -> Self {
        let status = object.status.as_ref();
        // Both stand in one write of the status: a pass that failed in part left the digest of
        // the input before, beside ids of this one.
        let applied = status.filter(|status| is_applied(status, fingerprint));
        let known = applied.and_then(|status| {
            let mut all = status.secrets.iter();
            all.find(|known| known.name == secret && known.result == SYNCED)
        });
        let had = known.map(|known| {
            let id = Some(known.content.as_str()).filter(|id| !id.is_empty());
            id.map(Into::into)
        });
        Self { had, fresh: if draws { fresh() } else { None } }
    }

    /// Of a Secret that is not there.
    pub(crate) fn created(&self) -> Option<Id> {
        self.had.clone().unwrap_or_else(|| self.fresh.clone())
    }

    /// Of a Secret that is.
    pub(crate) fn changed(&self, live: &Secret, same_data: bool) -> Option<Id> {
        let current = of(&live.metadata);
        if same_data || self.had.as_ref() == Some(&current) {
            return current;
        }
        self.fresh.clone()
    }
}

fn is_applied(status: &Status, fingerprint: Fingerprint) -> bool {
    let applied = status.applied.as_ref();
    applied.is_some_and(|applied| fingerprint.is(&applied.digest))
        && crate::report::reason_of(status) == Some(Reason::Synced)
}

/// The id in an object's annotations.
pub(crate) fn of(metadata: &ObjectMeta) -> Option<Id> {
    let id = metadata.annotations.as_ref()?.get(CONTENT)?;
    (!id.is_empty()).then(|| id.as_str().into())
}

/// Sets the id among annotations, whatever a template says about it.
pub(crate) fn mark(metadata: &mut ObjectMeta, id: Option<Id>) {
    let annotations = metadata.annotations.get_or_insert_default();
    match id {
        Some(id) => annotations.insert(CONTENT.to_owned(), id.into()),
        None => annotations.remove(CONTENT),
    };
    if annotations.is_empty() {
        metadata.annotations = None;
    }
}

/// Anything that was not there before: 16 hexadecimal digits.
fn fresh() -> Option<Id> {
    let mut bytes = [0_u8; 8];
    // Without randomness there is no id, and no workload is rolled out: a Secret is worth more.
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(applied: &str, reason: &str, content: &str) -> SopsSecret {
        serde_json::from_value(json!({
            "metadata": {"name": "a", "uid": "u"}, "spec": {"x": 1}, "sops": {},
            "status": {
                "message": "Healthy",
                "conditions": [{"type": "Ready", "status": "True", "reason": reason, "message": "",
                                "lastTransitionTime": "2026-01-01T00:00:00Z"}],
                "secrets": [{"name": "s", "result": "Synced", "content": content}],
                "applied": {"digest": applied},
            }
        }))
        .expect("an object")
    }

    fn ids(applied: bool, reason: &str, content: &str) -> Ids {
        let fingerprint = Fingerprint::of(&object("", "", ""));
        let digest = if applied { fingerprint.text() } else { "other".to_owned() };
        let mut ids = Ids::of(&object(&digest, reason, content), fingerprint, "s", true);
        assert_eq!(ids.fresh.as_ref().map(|id| id.len()), Some(16));
        ids.fresh = Some("new".into());
        ids
    }

    fn live(id: Option<&str>) -> Secret {
        let mut secret = Secret::default();
        mark(&mut secret.metadata, id.map(Into::into));
        secret
    }

    #[test]
    fn a_secret_that_is_missing_gets_the_id_of_its_input() {
        assert_eq!(ids(true, "Synced", "old").created().as_deref(), Some("old"));
        assert_eq!(ids(true, "Synced", "").created(), None, "it had none");
        assert_eq!(ids(false, "Synced", "old").created().as_deref(), Some("new"));
        // A part of another input may be there already, under this digest.
        assert_eq!(ids(true, "TemplateFailed", "old").created().as_deref(), Some("new"));
    }

    #[test]
    fn other_data_have_another_id_unless_they_are_put_right() {
        let id = |ids: &Ids, current, same| ids.changed(&live(current), same).map(String::from);
        let (same_input, other_input) = (ids(true, "Synced", "old"), ids(false, "Synced", "old"));
        assert_eq!(id(&other_input, Some("old"), false).as_deref(), Some("new"));
        assert_eq!(id(&other_input, Some("old"), true).as_deref(), Some("old"));
        assert_eq!(id(&same_input, Some("old"), false).as_deref(), Some("old"));
        // What is there came of an input between the two.
        assert_eq!(id(&same_input, Some("between"), false).as_deref(), Some("new"));
        // No write only to add one.
        assert_eq!(id(&other_input, None, true), None);
    }

    #[test]
    fn without_the_feature_an_id_goes_with_its_data() {
        let fingerprint = Fingerprint::of(&object("", "", ""));
        let off = Ids::of(&object("other", "Synced", "old"), fingerprint, "s", false);
        assert_eq!(off.created(), None);
        assert_eq!(off.changed(&live(Some("old")), false), None);
        assert_eq!(off.changed(&live(Some("old")), true).as_deref(), Some("old"));
    }

    #[test]
    fn no_two_are_the_same() {
        assert_ne!(fresh(), fresh());
    }
}
