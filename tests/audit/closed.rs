//! Nothing leaves without a record.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use sops_tests::need;
use sops_tests::rig::postgres::{PASSWORD, POWERLESS, ROLE};

use super::place::{FILE, Place, file_backend, in_short, table_backend};

/// Each command that hands something out, or changes a file; and what it leaves if it does.
const COMMANDS: &[&[&str]] = &[
    &["decrypt", FILE],
    &["decrypt", "--extract", "[\"word\"]", FILE],
    &["decrypt", "--output", "left", FILE],
    &["decrypt", "-i", FILE],
    &["diff", "--show-values", "/dev/null", FILE],
    &["exec-env", FILE, "echo $word; : > left"],
    &["exec-env", "--same-process", FILE, "echo $word; : > left"],
    &["exec-env", "--background", FILE, ": > left"],
    &["exec-file", FILE, "cat {}; : > left"],
    &["exec-file", "--no-fifo", FILE, "cat {}; : > left"],
    &["set", FILE, "[\"word\"]", "\"x\""],
    &["unset", FILE, "[\"word\"]"],
    &["rotate", "-i", FILE],
    &["rotate", FILE],
    &["edit", FILE],
    &["-d", FILE],
];

/// Fails unless none of the commands hands anything out under these settings.
#[track_caller]
fn assert_closed(place: &Place, settings: &str, words: &str) {
    for command in COMMANDS {
        let run = place.sops_rs(settings, command).env("EDITOR", "sh -c ': > left' --");
        let outcome = run.run();
        assert_eq!(outcome.code(), Some(1), "{command:?}: {outcome}");
        assert!(outcome.err().contains(words), "{words:?} is not told: {outcome}");
        assert!(outcome.stdout.is_empty(), "{command:?}: {outcome}");
        place.assert_discreet(&outcome);
        place.assert_untouched();
        assert!(!place.scratch.at("left").exists(), "{command:?} went on");
    }
}

/// The same for the first of them, for further reasons.
#[track_caller]
fn assert_refused(place: &Place, settings: &str, words: &str) {
    let outcome = place.sops_rs(settings, COMMANDS[0]).run();
    assert_eq!(outcome.code(), Some(1), "{settings}: {outcome}");
    assert!(outcome.err().contains(words), "{words:?} is not told: {outcome}");
    assert!(outcome.stdout.is_empty(), "{outcome}");
    place.assert_discreet(&outcome);
}

/// Commands that hand out nothing ask nobody.
#[track_caller]
fn assert_others_work(place: &Place, settings: &str) {
    for command in [
        &["--version"][..],
        &["help", "decrypt"],
        &["decrypt", "--help"],
        &["filestatus", FILE],
        &["updatekeys", "-y", FILE],
        &["diff", "/dev/null", FILE],
        &["completion", "bash"],
    ] {
        place.sops_rs(settings, command).run().success();
    }
}

#[test]
fn without_a_server_nothing_is_handed_out() {
    let Some(place) = Place::new() else { return };
    // Bound, and not listened to: nobody else gets it.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{port}/x?sslmode=disable");
    let settings = table_backend(&url);
    assert_closed(&place, &settings, &format!("unable to connect to 127.0.0.1:{port}"));
    assert_others_work(&place, &settings);
}

#[test]
fn without_a_row_nothing_is_handed_out() {
    let (Some(place), Some(server)) = (Place::new(), need::postgres()) else { return };
    let database = server.database();
    let settings = table_backend(&database.url(POWERLESS, "sslmode=disable"));
    // The words of SOPS, and of the server.
    let words = "Failed to insert audit record: permission denied for table audit_event (42501)";
    assert_closed(&place, &settings, words);
    assert_others_work(&place, &settings);
    database.query("drop table audit_event");
    let settings = table_backend(&database.url(ROLE, "sslmode=disable"));
    assert_refused(&place, &settings, "relation \"audit_event\" does not exist (42P01)");
    let settings = settings.replace(PASSWORD, "pw-that-is-not-it");
    assert_refused(&place, &settings, "password authentication failed");
    let outcome = place.sops_rs(&settings, COMMANDS[0]).run();
    assert!(!outcome.err().contains("pw-that-is-not-it"), "{outcome}");
}

#[test]
fn a_server_that_says_nothing_is_given_up_at_the_deadline() {
    let Some(place) = Place::new() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!(
        "postgres://{ROLE}:{PASSWORD}@127.0.0.1:{port}/x?sslmode=disable&connect_timeout=1"
    );
    let outcome = place.sops_rs(&table_backend(&url), COMMANDS[0]).run();
    assert!(outcome.took < Duration::from_secs(8), "{:?}", outcome.took);
    let words = format!("nothing within 1 s from 127.0.0.1:{port}");
    assert!(outcome.code() == Some(1) && outcome.err().contains(&words), "{outcome}");
    assert!(outcome.stdout.is_empty(), "{outcome}");
    place.assert_discreet(&outcome);
}

#[test]
fn without_a_line_nothing_is_handed_out() {
    let Some(place) = Place::new() else { return };
    let settings = file_backend(&place.scratch.at("absent/audit.jsonl"));
    assert_closed(&place, &settings, "no such file or directory");
    assert_others_work(&place, &settings);
    assert_refused(&place, &file_backend(Path::new("/dev/full")), "not a regular file");
    assert_refused(&place, &file_backend(place.scratch.path()), "is a directory");
    let foreign = place.scratch.write("foreign.log", "something else\n");
    assert_refused(&place, &file_backend(&foreign), "is no audit record");
    assert_eq!(place.scratch.text("foreign.log"), "something else\n");
    let socket = place.scratch.at("absent/log");
    let settings = format!("backends:\n  syslog:\n  - socket: {}\n", socket.display());
    assert_closed(&place, &settings, "no such file or directory");
    // A socket that nobody listens to any more.
    let socket = place.scratch.at("log");
    drop(std::os::unix::net::UnixDatagram::bind(&socket).unwrap());
    let settings = format!("backends:\n  syslog:\n  - socket: {}\n", socket.display());
    assert_refused(&place, &settings, "connection refused");
}

#[test]
fn a_full_disk_takes_whole_records_or_none() {
    let Some(place) = Place::new() else { return };
    // As many as go on the disk, until it is full, then a few more. The log is shown afterwards:
    // nobody else sees that disk.
    let script = "\
        n=0; while \"$0\" decrypt secret.yaml >out; do n=$((n+1)); done; cat out; \
        \"$0\" decrypt secret.yaml; \"$0\" exec-env secret.yaml 'echo started'; \
        echo \"$n records\" >&2; cat \"$1\" >log; exec \"$0\" audit verify \"$1\"";
    let folder = place.scratch.at("etc-0/full/audit.jsonl");
    let program = sops_tests::run::sops_rs_binary();
    let words = ["-c".as_ref(), script.as_ref(), program.as_os_str(), folder.as_os_str()];
    let run = place.audited(sops_tests::run::Run::program("sh", words), &file_backend(&folder));
    let outcome = run.run().success();
    let (out, err) = (outcome.out(), outcome.err());
    assert!(err.contains("no space left on device"), "{outcome}");
    let count: usize = err
        .lines()
        .find_map(|line| line.strip_suffix(" records"))
        .and_then(|number| number.parse().ok())
        .expect("the script counts");
    assert!(count > 1, "{outcome}");
    assert!(out.contains(&format!(": {count} records,")), "{outcome}");
    assert!(!out.contains("started"), "{outcome}");
    place.secret.assert_not_printed(&outcome);
    let log = place.scratch.text("log");
    assert!(log.ends_with("\"}\n") && log.lines().count() == count, "{log}");
}

#[test]
fn settings_that_are_not_understood_stop_what_would_be_recorded() {
    let Some(place) = Place::new() else { return };
    let settings = "backends:\n  postgress:\n  - connection_string: pw-canary-81c5f0e2\n";
    let words = "could not read audit settings: /etc/sops/audit.yaml: line 2: backends: unknown \
                 key \"postgress\"";
    assert_closed(&place, settings, words);
    assert_others_work(&place, settings);
    assert_refused(&place, "backends: [\n", "/etc/sops/audit.yaml: line 1");
    assert_refused(&place, "backends: {file: [{path: a}]}\n", "line 1: backends.file[0]");
    let url = format!("postgres://u:{PASSWORD}@h/d?sslmode=none");
    assert_refused(&place, &table_backend(&url), "line 3: the connection string is not understood");
    // Nothing that is asked for is nothing to do.
    place.sops_rs("backends: {}\n", COMMANDS[0]).run().success();
}

/// The file holds a password, so it may be closed to those who are to be audited. Then nobody knows
/// what it says; SOPS takes that for nothing.
#[test]
fn settings_that_may_not_be_read_are_not_taken_for_none() {
    let Some(place) = Place::new() else { return };
    if sops_tests::run::Run::program("id", ["-u"]).run().out().trim() != "0" {
        // Another user cannot be had.
        return;
    }
    // The program is copied to where everybody may go, as is what it reads.
    let open = tempfile::Builder::new().permissions(mode(0o755)).tempdir().unwrap();
    let program = open.path().join("sops-rs");
    fs::copy(sops_tests::run::sops_rs_binary(), &program).unwrap();
    let file = open.path().join(FILE);
    fs::copy(place.scratch.at(FILE), &file).unwrap();
    let key = open.path().join("key");
    fs::write(&key, fs::read(sops_tests::paths::in_tests("cli/key1.txt")).unwrap()).unwrap();
    let script = "chmod 600 /etc/sops/audit.yaml; cd /; \
                  exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$0\" decrypt \"$1\"";
    let words = ["-c".as_ref(), script.as_ref(), program.as_os_str(), file.as_os_str()];
    let run = sops_tests::run::Run::program("sh", words);
    let outcome = place.audited(run, "backends: {}\n").env("SOPS_AGE_KEY_FILE", &key).run();
    let words = "could not read audit settings: /etc/sops/audit.yaml: permission denied";
    assert!(outcome.code() == Some(1) && outcome.err().contains(words), "{outcome}");
    place.secret.assert_not_printed(&outcome);
}

fn mode(mode: u32) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    fs::Permissions::from_mode(mode)
}

#[test]
fn what_is_not_required_warns_and_goes_on() {
    let Some(place) = Place::new() else { return };
    let absent = place.scratch.at("absent/audit.jsonl");
    let (good, log) = place.log();
    let settings = format!("{good}  - path: {}\n    required: false\n", absent.display());
    let outcome = place.sops_rs(&settings, COMMANDS[0]).run().success();
    assert_eq!(outcome.out(), place.plain());
    let warning = "does not require it";
    assert!(outcome.err().contains(warning) && outcome.err().contains("line 4"), "{outcome}");
    assert_eq!(place.records(log).len(), 1);
}

/// A place that took the record of a success is told that it was none.
#[test]
fn a_record_that_was_in_vain_is_followed_by_another() {
    let Some(place) = Place::new() else { return };
    let absent = place.scratch.at("absent/audit.jsonl");
    let (good, log) = place.log();
    let settings = format!("{good}  - path: {}\n", absent.display());
    place.sops_rs(&settings, COMMANDS[0]).run().fails_with(1);
    let records: Vec<String> = place.records(log).iter().map(in_short).collect();
    assert_eq!(records, ["decrypt success -", "decrypt failed not_recorded"]);
}

#[test]
fn an_edit_without_a_record_is_kept_encrypted() {
    let Some(place) = Place::new() else { return };
    let log = place.scratch.at("logs/audit.jsonl");
    fs::create_dir(place.scratch.at("logs")).unwrap();
    // The log goes away while the editor runs.
    let editor =
        place.scratch.script("editor", "#!/bin/sh\nsed -i s/other/another/ \"$1\"\nrm -r logs\n");
    let run = place.sops_rs(&file_backend(&log), &["edit", FILE]).env("EDITOR", editor);
    let outcome = run.run().fails_with(1);
    assert!(outcome.err().contains("your edit was kept, encrypted, in"), "{outcome}");
    place.assert_untouched();
    let kept = place.scratch.text("secret.edited.yaml");
    assert!(kept.contains("another: ENC[") && !kept.contains(place.secret.value()), "{kept}");
}
