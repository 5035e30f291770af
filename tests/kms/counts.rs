//! How many calls of KMS a command costs, and that none is made where none is needed.

use std::ffi::OsStr;

use sops_tests::rig::aws;
use sops_tests::run::Run;
use sops_tests::{need, scratch::Scratch};

use super::place::{AGE, FILE, PLAIN, Place};

/// Three keys of two regions.
fn three() -> String {
    [aws::MAIN, aws::OTHER, aws::ELSEWHERE].join(",")
}

#[test]
fn each_command_makes_the_calls_it_needs() {
    let Some(place) = Place::new() else { return };
    let run = |arguments: &[&str], calls: (usize, usize, usize)| {
        place.forget();
        place.sops_rs(arguments).run().success();
        assert_eq!(place.calls(), calls, "{arguments:?}: Encrypt, Decrypt, others");
    };
    run(&["encrypt", "--in-place", "--kms", &three(), FILE], (3, 0, 0));
    run(&["decrypt", FILE], (0, 1, 0));
    run(&["decrypt", "--extract", "[\"port\"]", FILE], (0, 1, 0));
    run(&["set", FILE, "[\"port\"]", "5433"], (0, 1, 0));
    run(&["unset", FILE, "[\"port\"]"], (0, 1, 0));
    run(&["rotate", "--in-place", FILE], (3, 1, 0));
    run(&["rotate", "--in-place", "--rm-kms", aws::ELSEWHERE, FILE], (2, 1, 0));
    run(&["filestatus", FILE], (0, 0, 0));
    run(&["diff", FILE, FILE], (0, 0, 0));
    assert_eq!(place.sts.calls().len(), 0);
}

#[test]
fn updatekeys_wraps_for_new_keys_only() {
    let Some(place) = Place::new() else { return };
    let rule = |keys: &str| {
        place.scratch.write(".sops.yaml", format!("creation_rules:\n  - kms: {keys}\n"));
    };
    let update = |calls: (usize, usize, usize)| {
        place.forget();
        place.sops_rs(&["updatekeys", "--yes", FILE]).run().success();
        assert_eq!(place.calls(), calls, "Encrypt, Decrypt, others");
    };
    let two = format!("{},{}", aws::MAIN, aws::OTHER);
    rule(&two);
    place.encrypt(&[]);
    // Nothing to change: nobody is asked.
    update((0, 0, 0));
    // Only who is new gets a wrapped key.
    rule(&three());
    update((1, 1, 0));
    // Who goes costs no wrapping.
    rule(&two);
    update((0, 1, 0));
    place.opens();
}

#[test]
fn updatekeys_over_many_files_is_one_client() {
    let Some(place) = Place::new() else { return };
    let key = format!("{}+{}", aws::MAIN, aws::ROLE);
    place.encrypt(&["--kms", &key]);
    let names: Vec<_> = (0..6).map(|number| format!("secret-{number}.yaml")).collect();
    for name in &names {
        place.scratch.write(name, place.scratch.read(FILE));
    }
    let config = format!("creation_rules:\n  - kms: '{key},{}+{}'\n", aws::OTHER, aws::ROLE);
    place.scratch.write(".sops.yaml", config);
    let files = names.iter().map(String::as_str);
    let arguments: Vec<_> = ["updatekeys", "--yes"].into_iter().chain(files).collect();
    let before = place.kms.connections();
    place.sops_rs(&arguments).run().success();
    assert_eq!(place.calls(), (6, 6, 0));
    assert_eq!(place.kms.connections() - before, 1);
    assert_eq!(place.sts.count("AssumeRole"), 1);
}

#[test]
fn an_edit_asks_once() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&["--kms", &three()]);
    let editor = place.scratch.script("editor", "#!/bin/sh\necho 'note: x' >>\"$1\"\n");
    place.sops_rs(&["edit", FILE]).env("EDITOR", editor).run().success();
    assert_eq!(place.calls(), (0, 1, 0));
    let text = place.decrypt().success().out();
    assert_eq!(text, format!("{PLAIN}note: x\n"));
}

#[test]
fn files_with_age_keys_touch_no_network() {
    let Some(place) = Place::new() else { return };
    let Some(strace) = need::program("strace") else { return };
    let logs = Scratch::new();
    let sockets = |run: Run| {
        let log = logs.at("log");
        let options = ["-f", "-qq", "-e", "trace=socket,connect,sendto", "-o"];
        let options = options.iter().map(OsStr::new).chain([log.as_os_str(), OsStr::new("--")]);
        run.behind(&strace, options).run().success();
        logs.text("log")
    };
    place.scratch.write(".sops.yaml", format!("creation_rules:\n  - age: {AGE}\n"));
    for arguments in [
        &["encrypt", "--in-place", FILE] as &[&str],
        &["decrypt", FILE],
        &["set", FILE, "[\"port\"]", "5433"],
        &["rotate", "--in-place", FILE],
        &["updatekeys", "--yes", FILE],
        &["decrypt", "--in-place", FILE],
    ] {
        // AWS variables are there, and nobody asks for them.
        let calls = sockets(place.with_age(arguments));
        assert!(!calls.contains("AF_INET"), "{arguments:?}: {calls}");
    }
    assert_eq!((place.kms.connections(), place.sts.connections()), (0, 0));
    // The same look finds a call that is made.
    place.encrypt(&["--kms", aws::MAIN]);
    assert!(sockets(place.sops_rs(&["decrypt", FILE])).contains("AF_INET"));
}

#[test]
fn an_age_identity_at_hand_spares_the_call() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&["--kms", aws::MAIN, "--age", AGE]);
    assert_eq!(place.with_age(&["decrypt", FILE]).run().success().out(), PLAIN);
    assert_eq!(place.calls(), (0, 0, 0));
    // The order somebody wrote is followed.
    let remote_first = place.with_age(&["decrypt", "--decryption-order", "kms,age", FILE]);
    assert_eq!(remote_first.run().success().out(), PLAIN);
    assert_eq!(place.calls(), (0, 1, 0));
}
