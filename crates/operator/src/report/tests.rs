use serde_json::json;

use super::*;
use crate::index::Child;
use crate::status::TemplateReason;

fn object(status: Option<&Status>) -> SopsSecret {
    let mut object = json!({
        "metadata": {"name": "a", "namespace": "n", "uid": "u", "generation": 4},
        "spec": {"secretTemplates": []}
    });
    if let Some(status) = status {
        object["status"] = serde_json::to_value(status).expect("a status");
    }
    serde_json::from_value(object).expect("an object")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn made(outcome: &Outcome, before: Option<&Status>, second: i64) -> Report {
    let object = object(before);
    report(&object, Fingerprint::of(&object), outcome, at(second))
}

fn good(name: &str, version: &str) -> Result<Settled, Failed> {
    let child =
        Child { name: name.into(), uid: "s".into(), version: version.into(), content: None };
    Ok(Settled { child, deed: Deed::Kept })
}

fn bad(
    name: &str,
    reason: TemplateReason,
    message: Message,
    temporary: bool,
) -> Result<Settled, Failed> {
    Err(Failed { name: name.into(), reason, message, detail: "why".into(), temporary })
}

fn deeds(results: Vec<Result<Settled, Failed>>, integrity: Integrity) -> Outcome {
    Outcome::Settled(Deeds {
        results,
        integrity,
        doubt: None,
        deleted: Vec::new(),
        left: 0,
        delete_failed: None,
        notes: Vec::new(),
    })
}

fn closed(reason: Reason) -> Outcome {
    Outcome::Closed(Closed { reason, detail: "why".into() }, None)
}

fn condition<'s>(status: &'s Status, kind: &str) -> Option<(&'s str, &'s str)> {
    let found = status.conditions.iter().find(|condition| condition.type_ == kind)?;
    Some((&found.status, &found.reason))
}

#[test]
fn the_first_failure_in_the_order_of_templates_is_the_message() {
    let outcome = deeds(
        vec![
            good("a", "1"),
            bad("b", TemplateReason::Conflict, Message::NotOwned, false),
            bad("c", TemplateReason::NotBase64, Message::CreationError, false),
        ],
        Integrity::Unverifiable,
    );
    let report = made(&outcome, None, 10);
    assert_eq!(report.status.message, "Child secret is not owned by controller error");
    assert_eq!(condition(&report.status, READY), Some(("False", "TemplateFailed")));
    assert_eq!(condition(&report.status, STALLED), Some(("True", "TemplateFailed")));
    let results: Vec<_> = report.status.secrets.iter().map(|one| one.result.as_str()).collect();
    assert_eq!(results, ["Synced", "Conflict", "NotBase64"]);
    assert_eq!(report.status.applied, None);
    assert_eq!(report.next, Next::Interval);
}

#[test]
fn a_second_template_of_a_name_is_told_and_no_failure() {
    let outcome = deeds(
        vec![
            good("a", "1"),
            bad("a", TemplateReason::DuplicateName, Message::CreationError, false),
        ],
        Integrity::Verified,
    );
    let report = made(&outcome, None, 10);
    assert_eq!(report.status.message, "Healthy");
    assert_eq!(report.notices.len(), 1);
    // The next pass finds the same and has nothing to add.
    let again = made(&outcome, Some(&report.status), 20);
    assert!(again.notices.is_empty(), "{:?}", again.notices);
    assert!(!differs(&report.status, &again.status));
}

#[test]
fn the_same_outcome_is_the_same_status_at_any_time() {
    for outcome in [
        deeds(vec![good("a", "1")], Integrity::Verified),
        closed(Reason::KeyDenied),
        Outcome::Suspended,
    ] {
        let first = made(&outcome, None, 10);
        let second = made(&outcome, Some(&first.status), 5000);
        assert_eq!(first.status, second.status);
        assert!(second.notices.is_empty(), "{:?}", second.notices);
    }
}

#[test]
fn a_new_version_of_a_secret_alone_is_not_written() {
    let first = made(&deeds(vec![good("a", "1")], Integrity::Verified), None, 10);
    let outcome = deeds(vec![good("a", "2")], Integrity::Verified);
    let second = made(&outcome, Some(&first.status), 20);
    assert_ne!(first.status, second.status);
    assert!(!differs(&first.status, &second.status));
}

#[test]
fn what_failed_keeps_what_is_known_of_its_secrets() {
    let first = made(&deeds(vec![good("a", "1")], Integrity::Verified), None, 10);
    let second = made(&closed(Reason::KeyUnavailable), Some(&first.status), 20);
    assert_eq!(second.status.secrets, first.status.secrets);
    assert_eq!(second.status.applied, first.status.applied);
    assert_eq!(condition(&second.status, RECONCILING), Some(("True", "KeyUnavailable")));
    assert_eq!(second.next, Next::Soon);
    // And what works again says so, with the time of that.
    let third = made(&deeds(vec![good("a", "1")], Integrity::Verified), Some(&second.status), 30);
    assert_eq!(condition(&third.status, READY), Some(("True", "Synced")));
    assert_eq!(third.status.conditions.len(), 2);
    assert_eq!(third.status.conditions[0].last_transition_time, Time(at(30)));
}

#[test]
fn whoever_was_verified_and_no_longer_is_is_told() {
    let verified = made(&deeds(vec![good("a", "1")], Integrity::Verified), None, 10);
    let outcome = deeds(vec![good("a", "2")], Integrity::Unverifiable);
    let lost = made(&outcome, Some(&verified.status), 20);
    assert!(lost.notices.iter().any(|notice| notice.reason == "IntegrityLost" && notice.warning));
    let later = made(&outcome, Some(&lost.status), 30);
    assert!(later.notices.is_empty(), "{:?}", later.notices);
}

#[test]
fn what_only_an_edit_can_heal_is_not_tried_again() {
    for reason in [
        Reason::NotEncrypted,
        Reason::Malformed,
        Reason::NoTemplates,
        Reason::OldVersion,
        Reason::BadCiphertext,
        Reason::IntegrityMismatch,
    ] {
        let report = made(&closed(reason), None, 10);
        assert_eq!((report.next, report.hopeless), (Next::Never, true), "{reason:?}");
        assert_eq!(report.status.message, "Decryption error");
    }
}

#[test]
fn pauses_grow_to_their_limit_and_never_end() {
    let interval = Duration::from_secs(300);
    let soon: Vec<u64> = [1, 2, 3, 9, 10, 40, u32::MAX]
        .map(|failures| pause(Next::Soon, failures, interval, 0.0).expect("a pause").as_secs())
        .into();
    assert_eq!(soon, [1, 2, 4, 256, 300, 300, 300]);
    let slow: Vec<u64> = [1, 2, 5, 50]
        .map(|failures| pause(Next::Interval, failures, interval, 0.0).expect("a pause").as_secs())
        .into();
    assert_eq!(slow, [300, 600, 3600, 3600]);
    // A long interval is not undercut.
    let long = Duration::from_secs(7200);
    assert_eq!(pause(Next::Interval, 1, long, 0.0), Some(long));
    assert_eq!(pause(Next::Interval, 1, interval, 1.0), Some(Duration::from_secs(360)));
    assert_eq!(pause(Next::Never, 1, interval, 0.0), None);
}
