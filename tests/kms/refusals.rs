//! What a person reads when KMS says no: which key, as whom, what the service answered, and what
//! to do next; and that nothing is tried again that will not change.

use serde_json::json;
use sops_tests::fault::{NobodyListens, Rule};
use sops_tests::rig::aws::{self, Aws};

use super::place::{FILE, NO_KEY, PLAIN, Place, refused};

/// The caller as the program knows it without asking.
const CALLER: &str = "as access key 111122223333 from the environment";

#[test]
fn a_disabled_key_and_one_pending_deletion() {
    let Some(place) = Place::new() else { return };
    for (operation, body, code, clause, step) in [
        (
            "DisableKey",
            json!({}),
            "DisabledException",
            "the key is disabled",
            "hint: enable the key",
        ),
        (
            "ScheduleKeyDeletion",
            json!({"PendingWindowInDays": 7}),
            "KMSInvalidStateException",
            "the key is pending deletion",
            "cancel-key-deletion",
        ),
    ] {
        let arn = place.aws.create_key(aws::REGION);
        place.scratch.write(FILE, PLAIN);
        place.encrypt(&["--kms", &arn]);
        let mut body = body;
        body["KeyId"] = arn.clone().into();
        place.aws.kms(aws::REGION, aws::ACCOUNT, operation, body).unwrap();
        let facts = format!("(HTTP 400, {code}, {CALLER})");
        refused(&place.decrypt(), NO_KEY, &[&arn, clause, &facts, step]);
        assert_eq!(place.calls(), (0, 1, 0), "{operation}");

        // The same key for a new file: the file stays as it is.
        place.forget();
        place.scratch.write(FILE, PLAIN);
        let run = place.sops_rs(&["encrypt", "--in-place", "--kms", &arn, FILE]).run();
        refused(&run, 1, &[&arn, clause, &facts, step]);
        assert_eq!(place.calls(), (1, 0, 0), "{operation}");
        assert_eq!(place.scratch.text(FILE), PLAIN);
    }
}

#[test]
fn whoever_is_denied_is_named_and_asked_once() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&["--kms", aws::MAIN]);
    let user = "arn:aws:iam::111122223333:user/alice";
    let text = format!("User: {user} is not authorized to perform: kms:Decrypt");
    place.kms.add(Rule::on("Decrypt").denied(&text));
    let facts = format!("access denied (HTTP 400, AccessDeniedException, as {user})");
    let step = format!("allow kms:Encrypt and kms:Decrypt on this key for {user}");
    refused(&place.decrypt(), NO_KEY, &[aws::MAIN, &facts, &step]);
    assert_eq!(place.calls(), (0, 1, 0));
}

#[test]
fn throttling_passes_or_ends_after_three_calls() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&["--kms", aws::MAIN]);
    place.kms.add(Rule::on("Decrypt").times(2).throttled());
    place.opens();
    assert_eq!(place.calls(), (0, 3, 0));
    place.forget();
    place.kms.add(Rule::on("Decrypt").throttled());
    let facts = format!("too many requests (HTTP 400, ThrottlingException, {CALLER})");
    refused(&place.decrypt(), NO_KEY, &[aws::MAIN, &facts, "try again in a moment"]);
    assert_eq!(place.calls(), (0, 3, 0));
}

#[test]
fn a_service_that_hangs_ends_at_the_deadline_that_was_set() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&["--kms", aws::MAIN]);
    place.kms.add(Rule::on("Decrypt").hangs());
    let run = place.sops_rs(&["decrypt", FILE]).env("SOPS_KEY_TIMEOUT", "0.5").run();
    let region = format!("from region {}", aws::REGION);
    refused(&run, NO_KEY, &[aws::MAIN, "no answer in time", "within 0.5 s", &region, "hint: "]);
    assert_eq!(place.calls(), (0, 1, 0));
}

#[test]
fn a_key_of_another_region_is_no_key_here() {
    let Some(place) = Place::new() else { return };
    let elsewhere = aws::MAIN.replace(aws::REGION, "ap-south-1");
    let run = place.sops_rs(&["encrypt", "--in-place", "--kms", &elsewhere, FILE]).run();
    let facts = format!("there is no such key (HTTP 400, NotFoundException, {CALLER})");
    refused(&run, 1, &[&elsewhere, &facts, "check region, account and id"]);
    assert_eq!(place.regions(), ["ap-south-1"]);
    assert_eq!(place.scratch.text(FILE), PLAIN);
}

#[test]
fn an_address_where_nobody_listens() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&["--kms", aws::MAIN]);
    let nobody = NobodyListens::new();
    let run = place
        .sops_rs(&["decrypt", FILE])
        .envs(Aws::at(nobody.url(), nobody.url()).environment())
        .run();
    let words = [aws::MAIN, "the service could not be reached", CALLER, "AWS_ENDPOINT_URL_KMS"];
    refused(&run, NO_KEY, &words);
}

#[test]
fn a_role_that_may_not_be_assumed() {
    let Some(place) = Place::new() else { return };
    let key = format!("{}+{}", aws::MAIN, aws::ROLE);
    place.encrypt(&["--kms", &key]);
    let answer = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                  <Message>not you</Message></Error></ErrorResponse>";
    place.sts.add(Rule::on("AssumeRole").answers(403, "text/xml", answer));
    let facts = format!("the role could not be assumed (HTTP 403, AccessDenied, {CALLER})");
    let words = [aws::MAIN, aws::ROLE, &facts, "allow sts:AssumeRole on the role"];
    refused(&place.decrypt(), NO_KEY, &words);
    assert_eq!((place.sts.count("AssumeRole"), place.kms.calls().len()), (1, 0));
}

#[test]
fn a_context_that_was_changed() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&["--kms", aws::MAIN, "--encryption-context", "team:blue"]);
    let text = place.scratch.text(FILE);
    assert_eq!(text.matches("team: blue").count(), 1, "{text}");
    place.scratch.write(FILE, text.replace("team: blue", "team: red"));
    let facts = format!("(HTTP 400, InvalidCiphertextException, {CALLER})");
    refused(&place.decrypt(), NO_KEY, &[aws::MAIN, &facts, "encryption context"]);
    assert_eq!(place.calls(), (0, 1, 0));
}

#[test]
fn a_malformed_context_has_a_status_of_its_own() {
    let Some(place) = Place::new() else { return };
    let flags = ["--kms", aws::MAIN, "--encryption-context", "no-pair"];
    let arguments = [&["encrypt", "--in-place"], &flags[..], &[FILE]].concat();
    let run = place.sops_rs(&arguments).run();
    refused(&run, 6, &["no-pair"]);
    assert_eq!((place.kms.calls().len(), place.scratch.text(FILE)), (0, PLAIN.into()));
}

#[test]
fn the_words_of_the_service_cannot_move_the_cursor() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&["--kms", aws::MAIN]);
    place.kms.add(Rule::on("Decrypt").denied("no \u{1b}[2J\u{7}\nand\tno \u{9b}31m again"));
    let run = place.decrypt();
    refused(&run, NO_KEY, &["access denied", "no [2J and no 31m again"]);
    let control = run.err().chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(control, None, "{run}");
}
