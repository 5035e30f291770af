//! This program as a server: where it listens, and how it ends.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::time::{Duration, Instant};

use sops_tests::rig::gnupg::GnupgHome;
use sops_tests::run::{Running, Signal};

use super::place::{At, FILE, PLAIN, Place, identity, refused};

/// Waits until this program answers there.
#[track_caller]
fn started(place: &Place, at: &At, running: &mut Running) {
    let begun = Instant::now();
    place.encrypt();
    while !place.decrypt(&at.uri()).run().status.success() {
        if begun.elapsed() > Duration::from_secs(60) {
            running.signal(Signal::KILL);
            panic!("no answer from {at:?}");
        }
    }
}

#[test]
fn it_ends_on_a_signal_with_success_and_takes_its_socket_away() {
    let place = Place::new();
    for (at, signal) in
        place.both().into_iter().flat_map(|at| [(at.clone(), Signal::TERM), (at, Signal::INT)])
    {
        let run = place.with_identity(place.sops_rs(&["keyservice", "--verbose"])).args(at.flags());
        let mut running = run.start();
        started(&place, &at, &mut running);
        if let At::Unix(path) = &at {
            let socket = fs::symlink_metadata(path).unwrap();
            assert!(socket.file_type().is_socket());
            assert_eq!(socket.mode() & 0o777, 0o600, "nobody else reaches it");
        }
        running.signal(signal);
        let outcome = running.finish().success();
        assert_eq!(outcome.out(), "");
        assert!(outcome.err().contains(&format!("Listening on {}", at.uri())), "{outcome}");
        if let At::Unix(path) = &at {
            assert!(!path.exists(), "the socket is gone");
        }
    }
}

#[test]
fn an_address_that_is_taken_is_said_and_nothing_of_it_is_touched() {
    let place = Place::new();
    for at in place.both() {
        let _server = place.serve(&at, &[]);
        let second = place.sops_rs(&["keyservice"]).args(at.flags()).run();
        let (network, address) = match &at {
            At::Tcp(port) => ("tcp", format!("127.0.0.1:{port}")),
            At::Unix(path) => ("unix", path.display().to_string()),
        };
        let words = format!("listen {network} {address}: bind: address already in use");
        refused(&second, 1, &[&words]);
        // The first one goes on.
        place.encrypt();
        assert_eq!(place.decrypt(&at.uri()).run().success().out(), PLAIN);
    }
    let run = place.sops_rs(&["keyservice", "--network", "carrier-pigeon"]).run();
    refused(&run, 1, &["listen carrier-pigeon: unknown network carrier-pigeon"]);
    let file = place.scratch.write("a-file", "text");
    let run = place.sops_rs(&["keyservice", "--net=unix", "--addr", file.to_str().unwrap()]).run();
    refused(&run, 1, &["bind: address already in use"]);
    assert_eq!(place.scratch.text("a-file"), "text");
}

#[test]
fn a_socket_that_a_killed_service_left_is_taken_over() {
    let place = Place::new();
    let at = At::Unix(place.scratch.at("keys.sock"));
    let mut killed = place.serve(&at, &[]);
    killed.stop(None).unwrap();
    assert!(place.scratch.at("keys.sock").exists());
    let _server = place.serve(&at, &[]);
    place.encrypt();
    assert_eq!(place.decrypt(&at.uri()).run().success().out(), PLAIN);
}

#[test]
fn whoever_listens_for_everybody_is_warned() {
    let place = Place::new();
    let At::Tcp(port) = place.tcp() else { unreachable!() };
    let at = At::Tcp(port);
    let run = place.sops_rs(&["keyservice", "--address", &format!(":{port}")]);
    let mut running = run.env("SOPS_AGE_KEY_FILE", identity()).start();
    started(&place, &at, &mut running);
    running.signal(Signal::TERM);
    let outcome = running.finish().success();
    let words = "can use the keys of this machine: it asks for no certificates";
    assert!(outcome.err().contains(words), "{outcome}");
}

#[test]
fn its_own_settings_for_remote_services_do_not_matter() {
    // It would ask itself otherwise.
    let place = Place::new();
    let at = place.tcp();
    let run = place.with_identity(place.sops_rs(&["keyservice"]));
    let run = run.env("SOPS_KEYSERVICE", at.uri()).env("SOPS_ENABLE_LOCAL_KEYSERVICE", "false");
    let _server = place.start(run, &at);
    place.encrypt();
    let other = place.scratch.text(FILE);
    assert_eq!(place.decrypt(&at.uri()).run().success().out(), PLAIN, "{other}");
}

#[test]
fn a_key_that_takes_its_time_keeps_nobody_else_waiting() {
    let Some(home) = GnupgHome::new() else { return };
    let place = Place::new();
    let fingerprint = home.import("pgp-cv25519");
    let of_pgp = place.scratch.write("pgp.yaml", PLAIN).display().to_string();
    let encrypt = place.sops_rs(&["encrypt", "-i", "--pgp", &fingerprint, &of_pgp]);
    encrypt.env("GNUPGHOME", home.path()).run().success();
    // It opens when it is told to.
    let script = "#!/bin/sh\n: > here\nwhile [ ! -e go ]; do sleep 0.02; done\nexec gpg \"$@\"\n";
    let slow = place.scratch.script("slow", script);
    let at = place.tcp();
    let run = place.with_identity(place.sops_rs(&["keyservice"]).env("SOPS_GPG_EXEC", slow));
    let mut server = place.start(run.env("GNUPGHOME", home.path()), &at);

    let uri = at.uri();
    let local = "--enable-local-keyservice=false";
    let decrypt = place.sops_rs(&["decrypt", local, "--keyservice", &uri, &of_pgp]);
    let waiting = decrypt.start();
    place.scratch.wait_for("here");
    place.encrypt();
    assert_eq!(place.decrypt(&uri).run().success().out(), PLAIN);
    place.scratch.write("go", "");
    assert_eq!(waiting.finish().success().out(), PLAIN);

    // And the end of the service waits for none of them.
    for name in ["here", "go"] {
        fs::remove_file(place.scratch.at(name)).unwrap();
    }
    let waiting = decrypt.start();
    place.scratch.wait_for("here");
    let asked = Instant::now();
    server.stop(Some(Duration::from_secs(60))).unwrap();
    assert!(asked.elapsed() < Duration::from_secs(30), "it ends at once");
    place.scratch.write("go", "");
    assert!(!waiting.finish().status.success());
}
