//! Whose a Secret is, and whether it may be taken. Pure.
//!
//! Rules of this module (operator spec §4.3):
//!
//! - What we control, by UID, is ours. A name that is the same is no proof: restored backups have
//!   old UIDs.
//! - What offers itself by annotation may be taken, and so may anything if ownership is enforced.
//! - Nobody fights: a Secret is taken from one owner once. Where two living SopsSecrets enforce
//!   ownership of the same Secret, the older one has it.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::object::MANAGED;
use crate::status::TemplateReason;

/// Who wants a Secret.
#[derive(Clone, Debug)]
pub(crate) struct Me<'a> {
    pub(crate) uid: &'a str,
    /// When the object was made, in seconds; decides between equals.
    pub(crate) created: i64,
    /// Whether ownership is enforced: the object's own word, else the operator's.
    pub(crate) enforces: bool,
}

/// Another SopsSecret that wants the same Secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rival {
    pub(crate) created: i64,
    pub(crate) enforces: bool,
}

/// What is known of others.
pub(crate) trait Others {
    /// The living SopsSecret with this UID, if it wants this Secret.
    fn rival(&self, uid: &str) -> Option<Rival>;
    /// Whether we took the Secret with this UID from that owner before.
    fn was_taken(&self, secret: &str, from: &str) -> bool;
}

/// What we may do with a Secret that exists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Claim {
    /// It is ours.
    Ours,
    /// It becomes ours; this is who had it.
    Takes(Option<OwnerReference>),
    /// It stays as it is.
    Refused(TemplateReason, String),
}

/// Judges a Secret that exists.
pub(crate) fn judge(secret: &Secret, me: &Me<'_>, others: &dyn Others) -> Claim {
    let owners = secret.metadata.owner_references.as_deref().unwrap_or_default();
    let controller = owners.iter().find(|owner| owner.controller == Some(true));
    if controller.is_some_and(|owner| owner.uid == me.uid) {
        return Claim::Ours;
    }
    let offered = secret.metadata.annotations.as_ref().and_then(|all| all.get(MANAGED));
    let offered = offered.is_some_and(|value| value == "true");
    let first = controller.or(owners.first());
    if !offered && !me.enforces {
        return match first {
            Some(owner) => Claim::Refused(
                TemplateReason::Conflict,
                format!("it belongs to {} {}", owner.kind, owner.name),
            ),
            None => Claim::Refused(
                TemplateReason::NotOwned,
                format!(
                    "it exists and belongs to nobody; annotate it with {MANAGED}=true, or set \
                     spec.enforceOwnership, to have it taken over"
                ),
            ),
        };
    }
    let Some(owner) = first else { return Claim::Takes(None) };
    if let Some(rival) = others.rival(&owner.uid)
        && rival.enforces
        && !offered
        && (rival.created, &*owner.uid) <= (me.created, me.uid)
    {
        let text =
            format!("{} {} enforces ownership of it too, and is older", owner.kind, owner.name);
        return Claim::Refused(TemplateReason::Conflict, text);
    }
    let secret = secret.metadata.uid.as_deref().unwrap_or_default();
    if others.was_taken(secret, &owner.uid) {
        let text = format!(
            "it was taken from {} {} before, which has taken it back",
            owner.kind, owner.name
        );
        return Claim::Refused(TemplateReason::Conflict, text);
    }
    Claim::Takes(Some(owner.clone()))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;

    #[derive(Default)]
    struct World {
        rival: Option<Rival>,
        taken: bool,
    }

    impl Others for World {
        fn rival(&self, uid: &str) -> Option<Rival> {
            self.rival.filter(|_| uid == "other")
        }

        fn was_taken(&self, _: &str, _: &str) -> bool {
            self.taken
        }
    }

    fn secret(owner: Option<(&str, bool)>, managed: Option<&str>) -> Secret {
        let owner = owner.map(|(uid, controller)| OwnerReference {
            kind: "Thing".into(),
            name: "t".into(),
            uid: uid.into(),
            controller: Some(controller),
            ..OwnerReference::default()
        });
        let annotations = managed.map(|value| [(MANAGED.to_owned(), value.to_owned())].into());
        let metadata = ObjectMeta {
            owner_references: owner.map(|owner| vec![owner]),
            annotations,
            uid: Some("secret".into()),
            ..ObjectMeta::default()
        };
        Secret { metadata, ..Secret::default() }
    }

    fn me(enforces: bool) -> Me<'static> {
        Me { uid: "me", created: 100, enforces }
    }

    fn reason(claim: Claim) -> Option<TemplateReason> {
        match claim {
            Claim::Refused(reason, _) => Some(reason),
            Claim::Ours | Claim::Takes(_) => None,
        }
    }

    #[test]
    fn the_table_of_the_original() {
        let world = World::default();
        let cases = [
            (Some(("me", true)), None, false, None),
            (Some(("me", false)), None, false, Some(TemplateReason::Conflict)),
            (None, None, false, Some(TemplateReason::NotOwned)),
            (None, Some("true"), false, None),
            (None, Some("True"), false, Some(TemplateReason::NotOwned)),
            (None, None, true, None),
            (Some(("other", true)), None, false, Some(TemplateReason::Conflict)),
            (Some(("other", true)), Some("true"), false, None),
            (Some(("other", true)), None, true, None),
        ];
        for (owner, managed, enforces, expected) in cases {
            let found = judge(&secret(owner, managed), &me(enforces), &world);
            assert_eq!(reason(found), expected, "{owner:?} {managed:?} {enforces}");
        }
    }

    #[test]
    fn of_two_that_enforce_the_older_one_has_it() {
        let judged = |created, enforces| {
            let world = World { rival: Some(Rival { created, enforces }), taken: false };
            reason(judge(&secret(Some(("other", true)), None), &me(true), &world))
        };
        assert_eq!(judged(99, true), Some(TemplateReason::Conflict));
        assert_eq!(judged(101, true), None);
        // Whoever does not enforce gives way, as with the original.
        assert_eq!(judged(99, false), None);
        // Equally old: the UID decides, and only one of two can be the smaller one.
        assert_eq!(judged(100, true), None);
    }

    #[test]
    fn nothing_is_taken_from_the_same_owner_twice() {
        let world = World { rival: None, taken: true };
        for managed in [None, Some("true")] {
            let claim = judge(&secret(Some(("other", true)), managed), &me(true), &world);
            assert_eq!(reason(claim), Some(TemplateReason::Conflict));
        }
    }

    #[test]
    fn the_owner_is_named() {
        let claim = judge(&secret(Some(("other", true)), None), &me(false), &World::default());
        let Claim::Refused(_, text) = claim else { panic!("{claim:?}") };
        assert!(text.contains("Thing t"), "{text}");
    }
}
