//! Records as lines: in files, and in the log of the system.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sops_tests::canary::Canary;
use sops_tests::run::{Outcome, Run};

use super::place::{FILE, Place, RECIPIENT, in_short};

#[test]
fn a_record_says_who_did_what_to_what_by_which_key() {
    let Some(place) = Place::new() else { return };
    let (settings, log) = place.log();
    place.sops_rs(&settings, &["exec-env", FILE, "true"]).run().success();
    let [record] = place.records(log).try_into().expect("one record");
    let file = place.scratch.at(FILE);
    for (name, value) in [
        ("schema", json!(1)),
        ("program", json!("sops-rs")),
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("host", json!(Run::program("uname", ["-n"]).run().out().trim())),
        ("operation", json!("exec-env")),
        ("action", json!("decrypt")),
        ("outcome", json!("success")),
        ("reason", Value::Null),
        ("object", json!({"kind": "file", "path": file.to_str()})),
        ("mac", json!("verified")),
        ("keys", json!([{"kind": "age", "id": RECIPIENT}])),
    ] {
        assert_eq!(record[name], value, "{name}");
    }
    assert_eq!(record["actor"]["kind"], "user");
    // Whoever is not root is it in the namespace of the program.
    assert_eq!((&record["actor"]["name"], &record["actor"]["id"]), (&json!("root"), &json!(0)));
    // The fields that `docs/audit.md` names, and no other.
    let documented = std::fs::read_to_string(sops_tests::paths::repository().join("docs/audit.md"));
    let documented = documented.unwrap();
    for name in record.as_object().unwrap().keys() {
        assert!(documented.contains(&format!("| `{name}` |")), "{name} is not documented");
    }
    // Nobody else reads who opened what.
    let mode = place.scratch.at(log).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn every_outcome_of_every_command_is_a_line() {
    let Some(place) = Place::new() else { return };
    place.scratch.write("clear.yaml", "a: 1\n");
    let (settings, log) = place.log();
    let run = |words: &[&str]| {
        let outcome =
            place.sops_rs(&settings, words).env("EDITOR", "sed -i s/other/another/").run();
        place.assert_discreet(&outcome);
        outcome
    };
    let no_key =
        |words: &[&str]| place.sops_rs(&settings, words).without_env("SOPS_AGE_KEY_FILE").run();
    run(&["decrypt", FILE]).success();
    run(&["encrypt", "-i", "clear.yaml"]).success();
    run(&["set", FILE, "[\"word\"]", "\"x\""]).success();
    // There is nothing to do.
    run(&["set", "--idempotent", FILE, "[\"word\"]", "\"x\""]).success();
    run(&["rotate", FILE]).success();
    run(&["edit", FILE]).success();
    run(&["diff", "--show-values", "/dev/null", FILE]).success();
    run(&["filestatus", FILE]).success();
    no_key(&["decrypt", FILE]).fails_with(128);
    no_key(&["rotate", FILE]).fails_with(128);
    // There is no such place in the file.
    assert!(!run(&["unset", FILE, "[\"absent\"]"]).status.success());
    // The text stays where it is, and the file cannot be written.
    run(&["encrypt", "--output", "absent/x.yaml", FILE]).fails_with(203);
    place.scratch.write("again.yaml", "a: 1\n");
    assert!(!run(&["encrypt", "--output", "absent/x.yaml", "again.yaml"]).status.success());
    // A line is taken out of the file, and a letter of a value is changed.
    let whole = place.scratch.text(FILE);
    let without: String =
        whole.lines().filter(|l| !l.starts_with("another")).map(|l| format!("{l}\n")).collect();
    place.scratch.write(FILE, &without);
    run(&["decrypt", FILE]).fails_with(51);
    run(&["decrypt", "--ignore-mac", FILE]).success();
    let at = whole.find("GCM,data:").unwrap() + 9;
    let other = if whole.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut damaged = whole.clone();
    damaged.replace_range(at..=at, other);
    place.scratch.write(FILE, &damaged);
    run(&["decrypt", FILE]).fails_with(25);

    let records = place.records(log);
    let short: Vec<String> = records
        .iter()
        .map(|record| format!("{}: {}", record["operation"].as_str().unwrap(), in_short(record)))
        .collect();
    let expected = [
        "decrypt: decrypt success -",
        "encrypt: encrypt success -",
        "set: decrypt success -",
        "set: encrypt success -",
        "set: decrypt success -",
        "rotate: rotate success -",
        "rotate: decrypt success -",
        "rotate: encrypt success -",
        "edit: decrypt success -",
        "edit: encrypt success -",
        "diff: decrypt success -",
        "decrypt: decrypt failed no_key",
        "rotate: decrypt failed no_key",
        "unset: decrypt success -",
        "encrypt: encrypt success -",
        "encrypt: encrypt failed not_written",
        "decrypt: decrypt refused mac_mismatch",
        "decrypt: decrypt success -",
        "decrypt: decrypt refused bad_ciphertext",
    ];
    assert_eq!(short, expected);
    assert_eq!(records[17]["mac"], "not_verified");
    assert_eq!(records[10]["object"]["path"], json!(place.scratch.at(FILE)));
    let log = place.scratch.read(log);
    assert!(!place.secret.is_in(&log) && !Canary::new("AGE-SECRET-KEY-1").is_in(&log));
    place.plainly(Run::sops_rs(["audit", "verify", "audit.jsonl"])).run().success();
}

#[test]
fn records_of_programs_at_once_hold_on_to_one_another() {
    let Some(place) = Place::new() else { return };
    let (settings, log) = place.log();
    let running: Vec<_> =
        (0..8).map(|_| place.sops_rs(&settings, &["decrypt", FILE]).start()).collect();
    for run in running {
        run.finish().success();
    }
    assert_eq!(place.records(log).len(), 8);
    place.plainly(Run::sops_rs(["audit", "verify", log])).run().success();
}

#[test]
fn a_log_that_is_moved_away_begins_anew() {
    let Some(place) = Place::new() else { return };
    let (settings, log) = place.log();
    place.sops_rs(&settings, &["decrypt", FILE]).run().success();
    std::fs::rename(place.scratch.at(log), place.scratch.at("audit.1")).unwrap();
    place.sops_rs(&settings, &["decrypt", FILE]).run().success();
    let both = place.plainly(Run::sops_rs(["audit", "verify", "audit.1", log])).run().success();
    assert_eq!(both.out().matches("1 record,").count(), 2, "{both}");
}

/// Settings with one socket.
fn syslog(place: &Place, more: &str) -> String {
    format!("backends:\n  syslog:\n  - socket: {}\n{more}", place.scratch.at("log").display())
}

/// The head of a message, and its record.
fn taken_apart(message: &str) -> (String, Value) {
    let (head, record) = message.split_at(message.find('{').expect("there is a record"));
    (head.to_owned(), serde_json::from_str(record).expect("the record is JSON"))
}

#[test]
fn the_log_of_the_system_gets_the_same_record() {
    let Some(place) = Place::new() else { return };
    let log = UnixDatagram::bind(place.scratch.at("log")).unwrap();
    log.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let next = || {
        let mut buffer = vec![0; 65536];
        let length = log.recv(&mut buffer).expect("a message comes");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let discreet = |outcome: Outcome| {
        place.assert_discreet(&outcome);
        outcome
    };
    discreet(place.sops_rs(&syslog(&place, ""), &["decrypt", FILE]).run()).success();
    let (head, record) = taken_apart(&next());
    // authpriv is 10 and "notice" is 5 (RFC 5424, 6.2.1): 10 × 8 + 5.
    assert!(head.starts_with("<85>") && head.contains(" sops-rs["), "{head}");
    assert!(head.ends_with("]: "), "{head}");
    assert_eq!(in_short(&record), "decrypt success -");
    assert_eq!(record["object"]["path"], json!(place.scratch.at(FILE)));

    let settings = syslog(&place, "    format: rfc5424\n    facility: local3\n");
    let no_key = place.sops_rs(&settings, &["decrypt", FILE]).without_env("SOPS_AGE_KEY_FILE");
    discreet(no_key.run()).fails_with(128);
    let (head, record) = taken_apart(&next());
    // local3 is 19 and "warning" is 4.
    assert!(head.starts_with("<156>1 "), "{head}");
    let words: Vec<&str> = head.split_whitespace().collect();
    assert_eq!(
        (words[1], words[3], &words[5..]),
        (record["time"].as_str().unwrap(), "sops-rs", &["audit", "-"][..])
    );
    assert_eq!(in_short(&record), "decrypt failed no_key");
}

#[test]
fn a_log_that_listens_for_streams_is_served_too() {
    let Some(place) = Place::new() else { return };
    let listener = UnixListener::bind(place.scratch.at("log")).unwrap();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    place.sops_rs(&syslog(&place, ""), &["decrypt", FILE]).run().success();
    let text = reader.join().unwrap();
    assert!(text.ends_with("}\n"), "{text}");
    assert_eq!(in_short(&taken_apart(text.trim_end()).1), "decrypt success -");
}
