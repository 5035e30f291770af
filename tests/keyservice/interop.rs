//! Either program asks either program, over TCP and over a Unix socket.

use std::path::Path;

use sops_tests::need;
use sops_tests::rig::aws;
use sops_tests::rig::gnupg::GnupgHome;

use super::place::{At, FILE, PLAIN, Place};

/// Who serves and who asks: Go sops, or this program.
fn pairs(peer: &Path) -> [(Option<&Path>, Option<&Path>); 3] {
    [(None, Some(peer)), (Some(peer), None), (None, None)]
}

/// Encrypts and decrypts with nothing but the key service.
#[track_caller]
fn there_and_back(place: &Place, asks: Option<&Path>, at: &At, key: &[&str], what: &str) {
    place.scratch.write(FILE, PLAIN);
    let service = ["--enable-local-keyservice=false", "--keyservice", &at.uri()];
    let encrypt = [&["encrypt", "-i"], &service[..], key, &[FILE]].concat();
    let outcome = place.either(asks, &encrypt).run();
    assert!(outcome.status.success(), "{what}: {outcome}");
    let text = place.scratch.text(FILE);
    assert!(text.contains("ENC[") && !text.contains("alice"), "{what}: {text}");
    let decrypt = [&["decrypt"], &service[..], &[FILE]].concat();
    let outcome = place.either(asks, &decrypt).run();
    assert!(outcome.status.success(), "{what}: {outcome}");
    assert_eq!(outcome.out(), PLAIN, "{what}");
}

#[test]
fn keys_of_age_by_either_program_over_both_networks() {
    let Some(peer) = need::peer() else { return };
    for (serves, asks) in pairs(&peer) {
        let place = Place::new();
        for at in place.both() {
            let what = format!("{serves:?} for {asks:?} at {at:?}");
            let run = place.with_identity(place.either(serves, &["keyservice"]));
            let server = place.start(run, &at);
            there_and_back(&place, asks, &at, &["--age", &place.recipient], &what);
            drop(server);
            // And it is a file as any other.
            let local = place.with_identity(place.sops_rs(&["decrypt", FILE])).run().success();
            assert_eq!(local.out(), PLAIN, "{what}");
        }
    }
}

#[test]
fn keys_of_aws_by_either_program_over_both_networks() {
    let (Some(peer), Some(emulators)) = (need::peer(), need::aws()) else { return };
    for (serves, asks) in pairs(&peer) {
        let place = Place::new();
        for at in place.both() {
            let what = format!("{serves:?} for {asks:?} at {at:?}");
            // Only the server has credentials, and knows where the service is.
            let run = place.either(serves, &["keyservice"]).envs(emulators.environment());
            let _server = place.start(run, &at);
            let key = ["--kms", aws::MAIN, "--encryption-context", "team:blue,stage:test"];
            there_and_back(&place, asks, &at, &key, &what);
        }
    }
}

#[test]
fn keys_of_openpgp_by_either_program_over_both_networks() {
    let (Some(peer), Some(home)) = (need::peer(), GnupgHome::new()) else { return };
    let fingerprints = ["pgp-rsa", "pgp-cv25519"].map(|name| home.import(name)).join(",");
    for (serves, asks) in pairs(&peer) {
        let place = Place::new();
        for at in place.both() {
            let what = format!("{serves:?} for {asks:?} at {at:?}");
            // Only the server has the keys.
            let run = place.either(serves, &["keyservice"]).env("GNUPGHOME", home.path());
            let server = place.start(run, &at);
            there_and_back(&place, asks, &at, &["--pgp", &fingerprints], &what);
            drop(server);
            let local = place.sops_rs(&["decrypt", FILE]).env("GNUPGHOME", home.path()).run();
            assert_eq!(local.success().out(), PLAIN, "{what}");
        }
    }
}
