//! Which contents a workload has, and what follows when they are others now. Pure.
//!
//! Rules of this module:
//!
//! - What is seen for the first time is recorded and rolls nothing.
//! - A Secret that is missing, or has lost its id, has not changed: what comes back may be the same.

use std::collections::BTreeMap;

use crate::content::Id;

/// Secrets and the ids of their contents; none for those that have none yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Baseline(BTreeMap<Box<str>, Option<Id>>);

/// How a Secret without an id is written.
const NO_ID: &str = "-";

/// What a Secret is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Now {
    /// It is not there, or nobody's that we know.
    Missing,
    Here(Option<Id>),
}

/// The Secrets that count for a workload.
pub(crate) type Contents = BTreeMap<Box<str>, Now>;

/// What is to be done about a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// As it was, with what was seen for the first time.
    pub(crate) recorded: Baseline,
    /// As it will be when the workload is rolled out.
    pub(crate) rolled: Baseline,
    /// The Secrets whose content is another one, with it.
    pub(crate) changed: Baseline,
}

/// Compares.
pub(crate) fn judge(before: &Baseline, contents: &Contents) -> Judgement {
    let mut recorded = before.clone();
    let mut changed = Baseline::default();
    for (name, now) in contents {
        let Now::Here(id) = now else { continue };
        match before.0.get(name) {
            None => {
                recorded.0.insert(name.clone(), id.clone());
            }
            Some(old) if old == id || id.is_none() => {}
            Some(_) => {
                changed.0.insert(name.clone(), id.clone());
            }
        }
    }
    let mut rolled = recorded.clone();
    rolled.0.extend(changed.0.clone());
    Judgement { recorded, rolled, changed }
}

impl Baseline {
    /// As it stands in an annotation. What is not understood was not seen.
    pub(crate) fn read(text: &str) -> Self {
        let pairs = text.split(',').filter_map(|pair| {
            let (name, id) = pair.trim().split_once('=')?;
            let id = (id != NO_ID).then(|| id.into());
            (!name.is_empty() && id.as_deref() != Some("")).then(|| (name.into(), id))
        });
        Self(pairs.collect())
    }

    /// What another one says, and what only this one says.
    pub(crate) fn corrected_by(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Without Secrets for which `stays` does not hold.
    pub(crate) fn retain(&mut self, stays: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| stays(name));
    }

    /// Whether there is something in it about each that is in the other.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        other.0.keys().all(|name| self.0.contains_key(name))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, for people.
    pub(crate) fn names(&self) -> String {
        self.0.keys().map(|name| &**name).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Display for Baseline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, (name, id)) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}{name}={}", id.as_deref().unwrap_or(NO_ID))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(all: &[(&str, Option<&str>)]) -> Contents {
        let now = |id: &Option<&str>| match id {
            Some("missing") => Now::Missing,
            id => Now::Here(id.map(Into::into)),
        };
        all.iter().map(|(name, id)| ((*name).into(), now(id))).collect()
    }

    fn verdict(before: &str, now: &[(&str, Option<&str>)]) -> [String; 3] {
        let Judgement { recorded, rolled, changed } =
            judge(&Baseline::read(before), &contents(now));
        [recorded, rolled, changed].map(|baseline| baseline.to_string())
    }

    #[test]
    fn the_first_sight_is_recorded_and_rolls_nothing() {
        let now = [("a", Some("1")), ("b", None), ("c", Some("missing"))];
        assert_eq!(verdict("", &now), ["a=1,b=-", "a=1,b=-", ""]);
        assert_eq!(verdict("a=1", &now), ["a=1,b=-", "a=1,b=-", ""]);
    }

    #[test]
    fn another_id_rolls_also_the_first_one() {
        assert_eq!(
            verdict("a=1,b=2", &[("a", Some("3")), ("b", Some("2"))]),
            ["a=1,b=2", "a=3,b=2", "a=3"]
        );
        assert_eq!(verdict("a=-", &[("a", Some("1"))]), ["a=-", "a=1", "a=1"]);
    }

    #[test]
    fn what_is_missing_or_has_lost_its_id_has_not_changed() {
        for now in [Some("missing"), None, Some("1")] {
            assert_eq!(verdict("a=1", &[("a", now)]), ["a=1", "a=1", ""], "{now:?}");
        }
        // Nor is it forgotten because nobody asks about it in this moment.
        assert_eq!(verdict("a=1", &[]), ["a=1", "a=1", ""]);
    }

    #[test]
    fn what_is_not_understood_was_not_seen() {
        let read = |text: &str| Baseline::read(text).to_string();
        assert_eq!(read("b=2, a=1"), "a=1,b=2");
        assert_eq!(read("a,=1,b=,c=-,d=1=2"), "c=-,d=1=2");
    }
}
