//! This program as a client: in which order services are asked, how long, and what is said when
//! none opens the file.

use sops_tests::double::Double;
use sops_tests::fault::NobodyListens;

use super::place::{At, FILE, NO_KEY, PLAIN, Place, identity, refused, said};

/// An address at which nobody listens.
fn nowhere() -> (NobodyListens, String) {
    let nobody = NobodyListens::new();
    let uri = nobody.url().replace("http://", "tcp://");
    (nobody, uri)
}

#[test]
fn the_keys_of_this_machine_come_first() {
    let place = Place::new();
    place.encrypt();
    // It would never answer.
    let silent = Double::silent();
    let uri = silent.url().replace("http://", "tcp://");
    let run = place.with_identity(place.sops_rs(&["decrypt", "--keyservice", &uri, FILE])).run();
    assert_eq!(run.success().out(), PLAIN);
    assert!(silent.seen().is_empty());
    // Wrapping for a recipient takes no identity, so it is done here, too.
    place.scratch.write(FILE, PLAIN);
    let flags = ["encrypt", "-i", "--keyservice", &uri, "--age", &place.recipient, FILE];
    place.sops_rs(&flags).run().success();
}

#[test]
fn services_are_asked_in_their_order_until_one_opens() {
    let place = Place::new();
    place.encrypt();
    let at = place.tcp();
    let _server = place.serve(&at, &[]);
    let (_nobody, dead) = nowhere();
    let local = "--enable-local-keyservice=false";
    for services in [vec![at.uri()], vec![dead.clone(), at.uri()]] {
        let flags = services.iter().flat_map(|uri| ["--keyservice", uri]);
        let run = place.sops_rs(&["decrypt", local]).args(flags.collect::<Vec<_>>()).arg(FILE);
        assert_eq!(run.run().success().out(), PLAIN, "{services:?}");
        // From the environment, with commas; flags replace it.
        let run = place.sops_rs(&["decrypt", FILE]).env("SOPS_KEYSERVICE", services.join(","));
        assert_eq!(run.clone().run().success().out(), PLAIN, "{services:?}");
        let run = run.env("SOPS_ENABLE_LOCAL_KEYSERVICE", "false");
        assert_eq!(run.run().success().out(), PLAIN, "{services:?}");
    }
    let run = place.decrypt(&at.uri()).env("SOPS_KEYSERVICE", &dead);
    assert_eq!(run.run().success().out(), PLAIN);
    // A flag before the command counts as well.
    let run = place.sops_rs(&["--keyservice", &at.uri(), "decrypt", FILE]);
    assert_eq!(run.run().success().out(), PLAIN);
}

#[test]
fn a_service_that_is_not_there_is_told_as_go_sops_tells_it() {
    let place = Place::new();
    place.encrypt();
    let (_nobody, uri) = nowhere();
    let address = uri.trim_start_matches("tcp://");
    let words = format!(
        "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while \
         dialing: dial tcp {address}: connect: connection refused\""
    );
    let hint = format!("hint: start the key service at {uri}");
    refused(&place.decrypt(&uri).run(), NO_KEY, &[&place.recipient, &words, &hint]);
    let socket = At::Unix(place.scratch.at("none.sock"));
    let words = format!(
        "dial unix {}: connect: no such file or directory",
        place.scratch.at("none.sock").display()
    );
    refused(&place.decrypt(&socket.uri()).run(), NO_KEY, &[&words]);

    // The same for a new file, which stays as it is.
    place.scratch.write(FILE, PLAIN);
    let flags = ["--enable-local-keyservice=false", "--keyservice", &uri];
    let arguments = [&["encrypt", "-i"], &flags[..], &["--age", &place.recipient, FILE]].concat();
    let run = place.sops_rs(&arguments).run();
    refused(&run, 1, &["Could not generate data key: [failed to encrypt new data key", &uri]);
    assert_eq!(place.scratch.text(FILE), PLAIN);
}

#[test]
fn what_this_machine_and_a_service_say_is_both_told() {
    let place = Place::new();
    place.encrypt();
    let at = place.tcp();
    let other = place.scratch.write("none.txt", "# no identity\n");
    let run = place.sops_rs(&["keyservice"]).env("SOPS_AGE_KEY_FILE", other);
    let _server = place.start(run, &at);
    let run = place.sops_rs(&["decrypt", "--keyservice", &at.uri(), FILE]).run();
    let words = format!(
        "age by {}: failed: rpc error: code = Unknown desc = age: the key service has no identity \
         for {}",
        at.uri(),
        place.recipient
    );
    refused(&run, NO_KEY, &[&words, "There is none in SOPS_AGE_SSH_PRIVATE_KEY_FILE"]);
}

#[test]
fn an_address_that_makes_no_sense_is_left_out_or_told() {
    let place = Place::new();
    place.encrypt();
    let run = place.decrypt("::bad").run();
    let warning = "warning: Error parsing URI for keyservice, skipping: \"::bad\"";
    refused(&run, NO_KEY, &[warning, "not asked: no key service is turned on"]);
    for uri in ["http://x", "tcp://host-without-port", "unix://"] {
        let run = place.decrypt(uri).run();
        refused(&run, NO_KEY, &[&format!("age by {uri}: a setting makes no sense: "), uri]);
    }
    // It does not matter where it is not needed.
    let run = place.decrypt("::bad").env("SOPS_AGE_KEY_FILE", identity());
    let text = said(&run.run());
    assert!(text.contains(warning), "{text}");
    let run = place.sops_rs(&["decrypt", "--keyservice", "::bad", FILE]);
    assert_eq!(place.with_identity(run).run().success().out(), PLAIN);
}

#[test]
fn a_service_that_never_answers_ends_at_the_deadline() {
    let place = Place::new();
    place.encrypt();
    let silent = Double::silent();
    let uri = silent.url().replace("http://", "tcp://");
    let run = place.decrypt(&uri).env("SOPS_KEY_TIMEOUT", "0.5").run();
    let words =
        ["no answer in time: nothing within 0.5 s from the key service", "SOPS_KEY_TIMEOUT"];
    refused(&run, NO_KEY, &words);
    let run = place.decrypt(&uri).env("SOPS_KEY_TIMEOUT", "soon").run();
    refused(&run, NO_KEY, &["a setting makes no sense: SOPS_KEY_TIMEOUT is \"soon\""]);
    // Nor does it matter where nobody has to be asked.
    let run = place.sops_rs(&["decrypt", "--keyservice", &uri, FILE]);
    let run = place.with_identity(run).env("SOPS_KEY_TIMEOUT", "soon");
    assert_eq!(run.run().success().out(), PLAIN);
}
