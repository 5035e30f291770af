//! What came of a pass → status, event, metric and the time of the next try. Decided here and
//! nowhere else.
//!
//! Rules of this module:
//!
//! - The status is written when it says something else than before, once, and never because of a
//!   clock.
//! - An event is published when an outcome changes, not with every pass.
//! - What only an edit can heal is not tried again by itself. What may heal is tried with growing
//!   pauses, at most as long as the interval of the operator.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::apply::{Deed, Failed, Settled};
use crate::fingerprint::Fingerprint;
use crate::metrics::Passed;
use crate::object::SopsSecret;
use crate::open::{Closed, Integrity};
use crate::status::{self, Applied, Claim, Message, Reason, SYNCED, SecretStatus, Status};

/// What came of a pass.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// `spec.suspend`.
    Suspended,
    /// The object did not open, or is not taken.
    Closed(Closed, Option<Integrity>),
    /// Templates were dealt with, one by one.
    Settled(Deeds),
}

/// What came of the templates.
#[derive(Debug)]
pub(crate) struct Deeds {
    pub(crate) results: Vec<Result<Settled, Failed>>,
    pub(crate) integrity: Integrity,
    /// Why the object is not verified, in words.
    pub(crate) doubt: Option<String>,
    /// Secrets that no template wants any more and that were deleted.
    pub(crate) deleted: Vec<String>,
    /// Secrets that still have to be.
    pub(crate) left: usize,
    pub(crate) delete_failed: Option<Failed>,
    /// What is no failure, and worth knowing.
    pub(crate) notes: Vec<String>,
}

/// Something to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) warning: bool,
    pub(crate) reason: &'static str,
    pub(crate) text: String,
}

/// Everything that follows from an outcome.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) status: Status,
    pub(crate) reason: Reason,
    pub(crate) integrity: Option<Integrity>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) passed: Passed,
    pub(crate) next: Next,
    /// Opening the same input again is of no use.
    pub(crate) hopeless: bool,
}

impl Report {
    /// The reason for counters. Who loses the word of a MAC is counted as that, once.
    pub(crate) fn counted(&self) -> &'static str {
        let lost = self.notices.iter().any(|notice| notice.reason == INTEGRITY_LOST);
        if lost { INTEGRITY_LOST } else { self.reason.name() }
    }
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// When something changes.
    Never,
    /// What may pass by itself: soon, then less and less often.
    Soon,
    /// What somebody has to repair elsewhere.
    Interval,
}

/// What the status said of an object that is seen for the first time.
pub(crate) fn reason_of(status: &Status) -> Option<Reason> {
    let ready = status.conditions.iter().find(|condition| condition.type_ == READY)?;
    let all = [Reason::Synced, Reason::Suspended];
    all.into_iter().find(|reason| ready.reason == reason.name())
}

/// As [`reason_of`].
pub(crate) fn integrity_of(status: &Status) -> Option<Integrity> {
    let condition = status.conditions.iter().find(|condition| condition.type_ == INTEGRITY)?;
    [Integrity::Verified, Integrity::Unverifiable, Integrity::Mismatch]
        .into_iter()
        .find(|integrity| integrity.name() == condition.reason)
}

/// Of the event and the counter for objects that no longer verify.
const INTEGRITY_LOST: &str = "IntegrityLost";

const READY: &str = "Ready";
const INTEGRITY: &str = "Integrity";
const RECONCILING: &str = "Reconciling";
const STALLED: &str = "Stalled";

/// The report of a pass.
pub(crate) fn report(
    object: &SopsSecret,
    fingerprint: Fingerprint,
    outcome: &Outcome,
    now: Timestamp,
) -> Report {
    let before = object.status.clone().unwrap_or_default();
    let was = integrity_of(&before);
    let summary = summary(object, outcome);
    let mut notices = summary.notices.clone();
    let integrity = match outcome {
        Outcome::Suspended => was,
        Outcome::Closed(_, integrity) => *integrity,
        Outcome::Settled(deeds) => Some(deeds.integrity),
    };
    if was == Some(Integrity::Verified)
        && integrity.is_some_and(|integrity| integrity != Integrity::Verified)
    {
        let text = "the object was verified before and no longer is: it was changed by somebody \
                    who does not know the canonical form, or tampered with";
        notices.push(Notice { warning: true, reason: INTEGRITY_LOST, text: text.to_owned() });
    }
    let changed_outcome =
        before.conditions.iter().find(|condition| condition.type_ == READY).is_none_or(|ready| {
            ready.reason != summary.reason.name() || ready.message != summary.text
        });
    if changed_outcome && summary.ready == Some(false) {
        let reason = summary.reason.name();
        notices.insert(0, Notice { warning: true, reason, text: summary.text.clone() });
    }
    let claims = claims(&summary, integrity, outcome);
    let time = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    let conditions = status::set(&before.conditions, &claims, object.generation(), &time);
    let secrets = match outcome {
        // Neither says anything about the Secrets; they are what they were.
        Outcome::Suspended | Outcome::Closed(..) => before.secrets.clone(),
        Outcome::Settled(deeds) => secrets(deeds, &before),
    };
    let applied = match (outcome, summary.reason) {
        (Outcome::Settled(_), Reason::Synced) => {
            let digest = fingerprint.text();
            let same = before.applied.as_ref().filter(|applied| applied.digest == digest);
            Some(same.cloned().unwrap_or(Applied { digest, time: Some(time) }))
        }
        _ => before.applied.clone(),
    };
    let status = Status {
        message: summary.message.text().to_owned(),
        observed_generation: Some(object.generation()),
        conditions,
        secrets,
        applied,
    };
    Report {
        status,
        reason: summary.reason,
        integrity,
        notices,
        passed: summary.passed,
        next: summary.next,
        hopeless: summary.hopeless,
    }
}

/// Whether a status is worth a write. New versions of the Secrets alone are not: they can wait.
pub(crate) fn differs(before: &Status, after: &Status) -> bool {
    let calm = |status: &Status| {
        let mut status = status.clone();
        for secret in &mut status.secrets {
            secret.resource_version.clear();
        }
        status
    };
    calm(before) != calm(after)
}

struct Summary {
    message: Message,
    ready: Option<bool>,
    reason: Reason,
    text: String,
    notices: Vec<Notice>,
    passed: Passed,
    next: Next,
    hopeless: bool,
}

fn summary(object: &SopsSecret, outcome: &Outcome) -> Summary {
    match outcome {
        Outcome::Suspended => Summary {
            message: Message::Suspended,
            ready: Some(true),
            reason: Reason::Suspended,
            text: "spec.suspend is set; the Secrets stay as they are".to_owned(),
            notices: Vec::new(),
            passed: Passed::Suspended,
            next: Next::Never,
            hopeless: false,
        },
        Outcome::Closed(closed, _) => {
            let (next, hopeless) = match closed.reason {
                Reason::KeyUnavailable | Reason::NotRecorded => (Next::Soon, false),
                Reason::NoUsableKey | Reason::KeyDenied | Reason::NotVerified => {
                    (Next::Interval, false)
                }
                _ => (Next::Never, true),
            };
            Summary {
                message: Message::DecryptionError,
                ready: Some(false),
                reason: closed.reason,
                text: closed.detail.clone(),
                notices: Vec::new(),
                passed: Passed::Failure,
                next,
                hopeless,
            }
        }
        Outcome::Settled(deeds) => settled(object, deeds),
    }
}

fn settled(object: &SopsSecret, deeds: &Deeds) -> Summary {
    let mut notices = Vec::new();
    for settled in deeds.results.iter().flatten() {
        if let Deed::Taken(from) = &settled.deed {
            let from = from.as_deref().unwrap_or("nobody");
            let text = format!("Secret {} was taken over from {from}", settled.child.name);
            notices.push(Notice { warning: false, reason: "TakenOver", text });
        }
    }
    for name in &deeds.deleted {
        let text = format!("Secret {name} was deleted: no template wants it any more");
        notices.push(Notice { warning: false, reason: "Deleted", text });
    }
    let failures = deeds.results.iter().filter_map(|result| result.as_ref().err());
    let failures = failures.chain(&deeds.delete_failed);
    // A second template of the same name is told, and was never an error to the original.
    let failed: Vec<&Failed> = failures.filter(|failed| counts(failed)).collect();
    let duplicates = deeds.results.iter().filter_map(|r| r.as_ref().err()).filter(|f| !counts(f));
    let mut notes: Vec<String> =
        duplicates.map(|failed| format!("Secret {}: {}", failed.name, failed.detail)).collect();
    notes.extend(deeds.notes.iter().cloned());
    notices.extend(notes.iter().map(|text| Notice {
        warning: true,
        reason: "CheckTemplates",
        text: text.clone(),
    }));
    let Some(first) = failed.first() else {
        let count = deeds.results.iter().flatten().count();
        let noun = if count == 1 { "Secret is" } else { "Secrets are" };
        let mut text = format!("{count} {noun} as the object says");
        for note in &notes {
            text.push_str(&format!("; {note}"));
        }
        // What is left to delete goes on at once.
        let next = if deeds.left > 0 { Next::Soon } else { Next::Never };
        return Summary {
            message: Message::Healthy,
            ready: Some(true),
            reason: Reason::Synced,
            text,
            notices: fresh(object, notices),
            passed: Passed::Success,
            next,
            hopeless: false,
        };
    };
    let told = failed.iter().map(|failed| {
        let name = if failed.name.is_empty() { "(without a name)" } else { &failed.name };
        format!("Secret {name}: {}", failed.detail)
    });
    let temporary = failed.iter().any(|failed| failed.temporary);
    let by_input = failed.iter().all(|failed| {
        use crate::status::TemplateReason::{NoName, NotBase64, StillEncrypted};
        matches!(failed.reason, NoName | NotBase64 | StillEncrypted)
    });
    Summary {
        message: first.message,
        ready: Some(false),
        reason: Reason::TemplateFailed,
        text: told.collect::<Vec<_>>().join("; "),
        notices: fresh(object, notices),
        passed: Passed::Failure,
        next: match (temporary, by_input) {
            (true, _) => Next::Soon,
            (false, true) => Next::Never,
            (false, false) => Next::Interval,
        },
        hopeless: by_input,
    }
}

fn counts(failed: &Failed) -> bool {
    failed.reason != crate::status::TemplateReason::DuplicateName
}

/// Warnings that the conditions hold already are not published again.
fn fresh(object: &SopsSecret, notices: Vec<Notice>) -> Vec<Notice> {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let ready = conditions.into_iter().find(|condition| condition.type_ == READY);
    let told = ready.map(|ready| ready.message.clone()).unwrap_or_default();
    notices.into_iter().filter(|notice| !notice.warning || !told.contains(&notice.text)).collect()
}

fn claims(summary: &Summary, integrity: Option<Integrity>, outcome: &Outcome) -> Vec<Claim> {
    let claim = |kind, status, reason, message: &str| Claim {
        kind,
        status,
        reason,
        message: message.to_owned(),
    };
    let mut claims = vec![claim(READY, summary.ready, summary.reason.name(), &summary.text)];
    let doubt = match outcome {
        Outcome::Settled(deeds) => deeds.doubt.as_deref(),
        Outcome::Suspended | Outcome::Closed(..) => None,
    };
    claims.push(match integrity {
        Some(Integrity::Verified) => claim(
            INTEGRITY,
            Some(true),
            Integrity::Verified.name(),
            "the MAC covers the encrypted values, and matches",
        ),
        Some(Integrity::Unverifiable) => {
            claim(INTEGRITY, None, Integrity::Unverifiable.name(), doubt.unwrap_or("not verified"))
        }
        Some(Integrity::Mismatch) => claim(
            INTEGRITY,
            Some(false),
            Integrity::Mismatch.name(),
            "the object claims the canonical form, and its MAC does not match",
        ),
        None => claim(INTEGRITY, None, "NotOpened", "the object could not be opened"),
    });
    if summary.ready == Some(false) {
        let reason = summary.reason.name();
        // What may pass is under way; what only an edit can heal stands still.
        let (kind, text) = match summary.next {
            Next::Soon => (RECONCILING, "it is tried again"),
            Next::Interval | Next::Never => (STALLED, "it takes an edit, here or elsewhere"),
        };
        claims.push(claim(kind, Some(true), reason, text));
    }
    claims
}

fn secrets(deeds: &Deeds, before: &Status) -> Vec<SecretStatus> {
    let all = deeds.results.iter().map(|result| match result {
        Ok(settled) => SecretStatus {
            name: settled.child.name.to_string(),
            uid: settled.child.uid.to_string(),
            resource_version: settled.child.version.to_string(),
            content: settled.child.content.as_deref().unwrap_or_default().to_owned(),
            result: SYNCED.to_owned(),
            detail: String::new(),
        },
        Err(failed) => {
            let old = before.secrets.iter().find(|old| old.name == failed.name);
            // Neither a template without a name nor a second one of a name has a Secret.
            let old = old.filter(|_| !failed.name.is_empty() && counts(failed));
            let old = old.cloned().unwrap_or_default();
            SecretStatus {
                name: failed.name.clone(),
                result: failed.reason.name().to_owned(),
                detail: failed.detail.clone(),
                ..old
            }
        }
    });
    all.collect()
}

/// How long to wait before the next try. `random` is anything below one.
pub(crate) fn pause(
    next: Next,
    failures: u32,
    interval: Duration,
    random: f64,
) -> Option<Duration> {
    let doubled = |first: Duration, most: Duration| {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        first.saturating_mul(factor.max(1)).min(most)
    };
    let base = match next {
        Next::Never => return None,
        Next::Soon => doubled(Duration::from_secs(1), interval),
        Next::Interval => doubled(interval, interval.max(Duration::from_secs(3600))),
    };
    Some(base.mul_f64(1.0 + random.clamp(0.0, 1.0) / 5.0))
}

#[cfg(test)]
mod tests;
