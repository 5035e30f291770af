//! `--prompt`: somebody is asked, before a key is used.

use sops_tests::fault::FaultProxy;
use sops_tests::need;
use sops_tests::rig::aws::{self, Aws};
use sops_tests::run::Run;
use sops_tests::terminal::Session;

use super::place::{At, FILE, NO_KEY, PLAIN, Place, refused};

/// A service on a terminal, which has answered once that it may.
fn asked(place: &Place, run: Run, at: &At) -> Option<Session> {
    let run = run.args(["--prompt", "--verbose"]).args(at.flags());
    let session = Session::start(&run)?;
    session.expect("Listening on ");
    assert!(place.scratch.path().exists());
    Some(session)
}

#[test]
fn a_key_is_used_after_a_yes_and_not_after_a_no() {
    let Some(emulators) = need::aws() else { return };
    let place = Place::new();
    let kms = FaultProxy::in_front_of(&emulators.kms);
    let environment = Aws::at(kms.url(), &emulators.sts).environment();
    let encrypt = place.sops_rs(&["encrypt", "-i", "--kms", aws::MAIN, FILE]);
    encrypt.envs(environment.clone()).run().success();
    kms.reset();

    let at = place.tcp();
    let run = place.sops_rs(&["keyservice"]).envs(environment);
    let Some(mut session) = asked(&place, run, &at) else { return };
    let question = format!(
        "Received decrypt request using AWS KMS key {}. Respond to request? (y/n): ",
        aws::MAIN
    );
    let refusal = place.decrypt(&at.uri()).start();
    session.expect(&question);
    // Nothing was used to ask that.
    assert_eq!(kms.calls().len(), 0);
    session.enter("n\n");
    let words = "access denied: rpc error: code = PermissionDenied desc = Request rejected by user";
    refused(&refusal.finish(), NO_KEY, &[aws::MAIN, words, "whoever runs the key service"]);
    assert_eq!(kms.calls().len(), 0, "and after a no it is not used");

    let answer = place.decrypt(&at.uri()).start();
    session.expect(&format!("{question}n\r\n"));
    // Anything else is no answer.
    session.enter("perhaps\ny\n");
    assert_eq!(answer.finish().success().out(), PLAIN);
    assert_eq!((kms.count("Decrypt"), kms.calls().len()), (1, 1));
    session.enter("\u{3}");
    let (status, text) = session.finish();
    assert!(status.success(), "{status}: {text}");
}

#[test]
fn go_sops_is_refused_in_its_own_words() {
    let Some(peer) = need::peer() else { return };
    let place = Place::new();
    place.encrypt();
    let at = place.tcp();
    let run = place.with_identity(place.sops_rs(&["keyservice"]));
    let Some(mut session) = asked(&place, run, &at) else { return };
    let local = "--enable-local-keyservice=false";
    let go = place.either(Some(&peer), &["decrypt", local, "--keyservice", &at.uri(), FILE]);
    let refusal = go.start();
    session.expect(&format!("Received decrypt request using age key {}.", place.recipient));
    session.enter("n\n");
    let words = "rpc error: code = PermissionDenied desc = Request rejected by user";
    refused(&refusal.finish(), NO_KEY, &[words]);
    session.enter("\u{3}");
    session.finish();
}

#[test]
fn without_anybody_to_ask_the_answer_is_no() {
    let place = Place::new();
    place.encrypt();
    let at = place.tcp();
    // Its standard input has ended.
    let _server = place.serve(&at, &["--prompt"]);
    let words = "rpc error: code = PermissionDenied desc = Request rejected by user";
    refused(&place.decrypt(&at.uri()).run(), NO_KEY, &[words]);
}
