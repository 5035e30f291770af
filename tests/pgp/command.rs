//! The built program with keys of OpenPGP: by gpg, by what stands in for it, and without it.

use std::path::Path;

use sops_tests::need;
use sops_tests::run::{Run, refused};
use sops_tests::scratch::Scratch;
use sops_tests::terminal::Session;

use super::gpg::Gpg;

const PLAIN: &str = "# the database\nuser: alice\nport: 5432\n";
const FILE: &str = "secret.yaml";
const NO_KEY: i32 = 128;

struct Place {
    gpg: Gpg,
    scratch: Scratch,
}

impl Place {
    fn new() -> Option<Self> {
        let gpg = Gpg::new()?;
        let scratch = Scratch::new();
        scratch.write(FILE, PLAIN);
        Some(Self { gpg, scratch })
    }

    /// A quickly made key.
    fn key(&self, name: &str) -> String {
        self.gpg.key(name, "ed25519", "cv25519").0
    }

    /// One with the passphrase `geheim`.
    fn locked_key(&self) -> String {
        let name = "locked <locked@example.test>";
        let key =
            ["--passphrase", "geheim", "--quick-gen-key", name, "rsa2048", "default", "never"];
        self.gpg.run(&key, b"");
        let key = self.gpg.fingerprints("locked@example.test").remove(0);
        let subkey =
            ["--passphrase", "geheim", "--quick-add-key", &key, "rsa2048", "encr", "never"];
        self.gpg.run(&subkey, b"");
        key
    }

    fn around(&self, run: Run) -> Run {
        let run = run.within(self.scratch.path()).env("HOME", self.scratch.path());
        run.env("GNUPGHOME", self.gpg.home()).env("LC_ALL", "C")
    }

    fn sops_rs(&self, arguments: &[&str]) -> Run {
        self.around(Run::sops_rs(arguments)).env("SOPS_RS_HINTS", "always")
    }

    fn without_gpg(&self, arguments: &[&str]) -> Run {
        self.sops_rs(arguments).env("PATH", "/nonexistent")
    }

    fn go(&self, peer: &Path, arguments: &[&str]) -> Run {
        self.around(Run::peer(peer, arguments))
    }

    #[track_caller]
    fn encrypt(&self, keys: &str) {
        self.sops_rs(&["encrypt", "--in-place", "--pgp", keys, FILE]).run().success();
        assert!(!self.scratch.text(FILE).contains("alice"));
    }

    #[track_caller]
    fn opens(&self, run: Run) {
        assert_eq!(run.run().success().out(), PLAIN);
    }
}

#[test]
fn a_file_goes_through_all_its_life() {
    let Some(place) = Place::new() else { return };
    let (first, second) = (place.key("first"), place.key("second"));
    place.encrypt(&first);
    place.opens(place.sops_rs(&["decrypt", FILE]));
    let text = place.scratch.text(FILE);
    assert!(text.contains(&format!("fp: {first}")) && text.contains("BEGIN PGP MESSAGE"), "{text}");

    let rotate = ["rotate", "-i", "--add-pgp", &second, "--rm-pgp", &first, FILE];
    place.sops_rs(&rotate).run().success();
    let text = place.scratch.text(FILE);
    assert!(text.contains(&second) && !text.contains(&first), "{text}");
    place.opens(place.sops_rs(&["decrypt", FILE]));

    place.scratch.write(".sops.yaml", format!("creation_rules:\n  - pgp: {first}\n"));
    place.sops_rs(&["updatekeys", "--yes", FILE]).run().success();
    assert!(place.scratch.text(FILE).contains(&first));
    place.sops_rs(&["set", FILE, "[\"port\"]", "5433"]).run().success();
    let out = place.sops_rs(&["decrypt", FILE]).run().success().out();
    assert_eq!(out, PLAIN.replace("5432", "5433"));

    // Rules make new files.
    place.scratch.write("new.yaml", PLAIN);
    place.sops_rs(&["encrypt", "-i", "new.yaml"]).run().success();
    place.opens(place.sops_rs(&["decrypt", "new.yaml"]));
}

#[test]
fn each_program_opens_what_the_other_encrypted() {
    let (Some(place), Some(peer)) = (Place::new(), need::peer()) else { return };
    for (primary, subkey) in [("rsa2048", "rsa2048"), ("ed25519", "cv25519")] {
        let (key, _) = place.gpg.key(primary, primary, subkey);
        for without in [false, true] {
            let ours = |arguments: &[&str]| match without {
                true => place.without_gpg(arguments),
                false => place.sops_rs(arguments),
            };
            place.scratch.write(FILE, PLAIN);
            ours(&["encrypt", "-i", "--pgp", &key, FILE]).run().success();
            assert_eq!(place.go(&peer, &["decrypt", FILE]).run().success().out(), PLAIN);
            place.go(&peer, &["rotate", "-i", FILE]).run().success();
            place.opens(ours(&["decrypt", FILE]));

            place.scratch.write(FILE, PLAIN);
            place.go(&peer, &["encrypt", "-i", "--pgp", &key, FILE]).run().success();
            place.opens(ours(&["decrypt", FILE]));
            ours(&["rotate", "-i", FILE]).run().success();
            assert_eq!(place.go(&peer, &["decrypt", FILE]).run().success().out(), PLAIN);
        }
    }
}

#[test]
fn a_program_that_stands_in_for_gpg_is_called_as_go_sops_calls_it() {
    let Some(place) = Place::new() else { return };
    let key = place.key("own");
    let log = place.scratch.at("log");
    let script = format!("#!/bin/sh\necho \"$@\" >>{}\nexec gpg \"$@\"\n", log.display());
    let script = place.scratch.script("stand-in", &script);
    let with = |arguments: &[&str]| place.sops_rs(arguments).env("SOPS_GPG_EXEC", &script);
    with(&["encrypt", "-i", "--pgp", &key, FILE]).run().success();
    place.opens(with(&["decrypt", FILE]));
    let last = &key[key.len() - 16..];
    let lines = format!(
        "--no-default-recipient --yes --encrypt -a -r {key} --trusted-key {last} --no-encrypt-to\n-d\n"
    );
    assert_eq!(place.scratch.text("log"), lines);
}

#[test]
fn the_agent_is_told_the_terminal_of_this_program() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.key("own"));
    let log = place.scratch.at("log");
    let script =
        format!("#!/bin/sh\necho \"${{GPG_TTY-}}\" >>{}\nexec gpg \"$@\"\n", log.display());
    let script = place.scratch.script("stand-in", &script);
    let run = place.sops_rs(&["decrypt", FILE]).env("SOPS_GPG_EXEC", script);
    place.opens(run.clone());
    assert_eq!(place.scratch.text("log"), "\n", "there is no terminal");
    let Some(session) = Session::start(&run) else { return };
    assert!(session.finish().0.success());
    let Some(session) = Session::start(&run.env("GPG_TTY", "/dev/elsewhere")) else { return };
    assert!(session.finish().0.success());
    let text = place.scratch.text("log");
    let terminals: Vec<_> = text.lines().skip(1).collect();
    assert!(terminals[0].starts_with("/dev/pts/"), "{text}");
    assert_eq!(terminals[1], "/dev/elsewhere");
}

#[test]
fn fingerprints_may_have_blanks_and_small_letters_and_name_a_subkey() {
    let Some(place) = Place::new() else { return };
    let (key, subkey) = place.gpg.key("own", "ed25519", "cv25519");
    let grouped: Vec<_> =
        key.as_bytes().chunks(4).map(|four| str::from_utf8(four).unwrap()).collect();
    for (given, stored) in [
        (grouped.join(" "), key.clone()),
        (key.to_lowercase(), key.to_lowercase()),
        (format!("{subkey}!"), format!("{subkey}!")),
        (key[24..].to_owned(), key[24..].to_owned()),
    ] {
        place.scratch.write(FILE, PLAIN);
        place.encrypt(&given);
        let text = place.scratch.text(FILE);
        assert!(text.contains(&format!("fp: {stored}\n")), "{text}");
        place.opens(place.sops_rs(&["decrypt", FILE]));
    }
    place.scratch.write(FILE, PLAIN);
    let run = place.sops_rs(&["encrypt", "-i", "--pgp", "own@example.test", FILE]).run();
    refused(&run, 1, &["own@example.test", "fingerprint"]);
}

#[test]
fn a_passphrase_is_the_business_of_gpg() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.locked_key());
    let with = |passphrase: &str| {
        // The agent remembers.
        let forget = std::process::Command::new("gpgconf")
            .args(["--kill", "gpg-agent"])
            .env("GNUPGHOME", place.gpg.home())
            .status();
        assert!(forget.unwrap().success());
        let script = format!(
            "#!/bin/sh\nexec gpg --batch --pinentry-mode loopback --passphrase {passphrase} \"$@\"\n"
        );
        let script = place.scratch.script(passphrase, &script);
        place.sops_rs(&["decrypt", FILE]).env("SOPS_GPG_EXEC", script)
    };
    place.opens(with("geheim"));
    let words = [
        "no passphrase given",
        "Bad passphrase",
        "failed to decrypt sops data key with pgp: gpg: ",
    ];
    refused(&with("falsch").run(), NO_KEY, &words);
    // Without a gpg the terminal is asked, if there is one.
    let without = place.without_gpg(&["decrypt", FILE]);
    refused(&without.run(), NO_KEY, &["has a passphrase"]);
    let Some(mut session) = Session::start(&without) else { return };
    session.expect("Enter PGP key passphrase: ");
    session.enter("falsch\n");
    session.expect("That is not it. Enter PGP key passphrase: ");
    session.enter("geheim\n");
    let (status, text) = session.finish();
    assert!(status.success() && text.contains("user: alice"), "{text}");
    assert!(!text.contains("geheim") && !text.contains("falsch"), "{text}");
    // A gpg that could not open it has asked, or would have.
    let script = place.scratch.script(
        "refuses",
        "#!/bin/sh\ncat >/dev/null\necho 'gpg: Operation cancelled' >&2\nexit 2\n",
    );
    let run = place.sops_rs(&["decrypt", FILE]).env("SOPS_GPG_EXEC", script);
    let Some(session) = Session::start(&run) else { return };
    let (status, text) = session.finish();
    assert!(!status.success() && !text.contains("Enter PGP"), "{text}");
}

#[test]
fn without_gpg_the_keys_of_its_home_are_used() {
    let Some(place) = Place::new() else { return };
    let key = place.key("own");
    place.without_gpg(&["encrypt", "-i", "--pgp", &key, FILE]).run().success();
    place.opens(place.without_gpg(&["decrypt", FILE]));
    // gpg opens it as well.
    place.opens(place.sops_rs(&["decrypt", FILE]));
    place.without_gpg(&["rotate", "-i", FILE]).run().success();
    place.opens(place.without_gpg(&["decrypt", FILE]));
    // The usual place of the home.
    let run = place.without_gpg(&["decrypt", FILE]).without_env("GNUPGHOME");
    let nowhere = run.clone().run();
    refused(&nowhere, NO_KEY, &[&key]);
    std::os::unix::fs::symlink(place.gpg.home(), place.scratch.at(".gnupg")).unwrap();
    place.opens(run);
}

#[test]
fn a_gpg_that_cannot_reach_its_agent_is_helped_out() {
    let Some(place) = Place::new() else { return };
    place.encrypt(&place.key("own"));
    let script = "#!/bin/sh\ncat >/dev/null\necho 'gpg: no agent' >&2\nexit 2\n";
    let script = place.scratch.script("broken", script);
    place.opens(place.sops_rs(&["decrypt", FILE]).env("SOPS_GPG_EXEC", &script));
    // Where the other one finds nothing either, it is gpg that is told.
    let run = place.sops_rs(&["decrypt", FILE]).env("SOPS_GPG_EXEC", script);
    let run = run.env("GNUPGHOME", "/nonexistent").run();
    refused(&run, NO_KEY, &["failed to decrypt sops data key with pgp: gpg: no agent"]);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let Some(place) = Place::new() else { return };
    let key = place.key("own");
    place.encrypt(&key);
    let words = [
        "a setting makes no sense",
        "SOPS_GPG_EXEC",
        "/nonexistent/gpg",
        "hint: correct the setting",
    ];
    let run = place.sops_rs(&["decrypt", FILE]).env("SOPS_GPG_EXEC", "/nonexistent/gpg").run();
    refused(&run, NO_KEY, &words);
    let run = place.sops_rs(&["decrypt", FILE]).env("SOPS_GPG_EXEC", "no-such-gpg").run();
    refused(&run, NO_KEY, &["no-such-gpg", "executable file not found in $PATH"]);
    place.scratch.write(FILE, PLAIN);
    let run = place.sops_rs(&["encrypt", "-i", "--pgp", &key, FILE]);
    refused(&run.env("SOPS_GPG_EXEC", "/nonexistent/gpg").run(), 1, &words);
    assert_eq!(place.scratch.text(FILE), PLAIN);
}

#[test]
fn a_program_that_fails_without_a_word_is_told_by_its_status() {
    let Some(place) = Place::new() else { return };
    let key = place.key("own");
    let script = place.scratch.script("silent", "#!/bin/sh\ncat >/dev/null\nexit 3\n");
    let run = place.sops_rs(&["encrypt", "-i", "--pgp", &key, FILE]).env("SOPS_GPG_EXEC", &script);
    refused(
        &run.run(),
        1,
        &["a program failed", "silent ended with exit status: 3, without a word"],
    );
    let script = place.scratch.script("empty", "#!/bin/sh\ncat >/dev/null\n");
    let run = place.sops_rs(&["encrypt", "-i", "--pgp", &key, FILE]).env("SOPS_GPG_EXEC", &script);
    refused(&run.run(), 1, &["zero bytes returned"]);
    assert_eq!(place.scratch.text(FILE), PLAIN);
}

#[test]
fn a_secret_key_that_is_not_here_is_told_in_the_words_of_gpg() {
    let Some(place) = Place::new() else { return };
    let Some(elsewhere) = Gpg::new() else { return };
    let (key, _) = elsewhere.key("b", "rsa2048", "rsa2048");
    place.gpg.run(&["--import"], &elsewhere.run(&["--export", &key], b""));
    place.encrypt(&key);
    let words = [
        &format!("{key}: FAILED"),
        "no credentials found",
        "could not decrypt data key with PGP key",
        "failed to decrypt sops data key with pgp: gpg: encrypted with",
        "b@example.test",
        "gpg: decryption failed: No secret key",
        "hint: ",
    ];
    let run = place.sops_rs(&["decrypt", FILE]).run();
    refused(&run, NO_KEY, &words);
    let start = "Failed to get the data key required to decrypt the SOPS file.";
    assert!(run.err().starts_with(start), "{run}");
    let run = place.sops_rs(&["decrypt", FILE]).env("GNUPGHOME", "/nonexistent/home").run();
    refused(&run, NO_KEY, &["/nonexistent/home"]);
}

#[test]
fn a_public_key_that_is_missing_or_expired_wraps_nothing() {
    let Some(place) = Place::new() else { return };
    let unknown = "0123456789ABCDEF0123456789ABCDEF01234567";
    let run = place.sops_rs(&["encrypt", "-i", "--pgp", unknown, FILE]).run();
    let words = [
        "Could not generate data key: [failed to encrypt new data key with master key",
        "could not encrypt data key with PGP key",
        "skipped: No public key",
        "gpg --import",
    ];
    refused(&run, 1, &words);
    assert_eq!(place.scratch.text(FILE), PLAIN);

    let early = ["--faked-system-time", "20240101T000000"];
    let name = "old <old@example.test>";
    let make = ["--quick-gen-key", name, "ed25519", "sign", "20240601T000000"];
    place.gpg.run(&[&early[..], &make].concat(), b"");
    let key = place.gpg.fingerprints("old@example.test").remove(0);
    let add = ["--quick-add-key", &key, "cv25519", "encr", "20240601T000000"];
    place.gpg.run(&[&early[..], &add].concat(), b"");
    let script = place
        .scratch
        .script("earlier", "#!/bin/sh\nexec gpg --faked-system-time 20240201T000000 \"$@\"\n");
    let encrypt = ["encrypt", "-i", "--pgp", &key, FILE];
    refused(&place.sops_rs(&encrypt).run(), 1, &["Unusable public key", "--quick-set-expire"]);
    refused(&place.without_gpg(&encrypt).run(), 1, &["it expired on 2024-06-01"]);
    place.sops_rs(&encrypt).env("SOPS_GPG_EXEC", script).run().success();
    place.opens(place.sops_rs(&["decrypt", FILE]));
    place.opens(place.without_gpg(&["decrypt", FILE]));
}

#[test]
fn both_programs_end_with_the_same_status() {
    let (Some(place), Some(peer)) = (Place::new(), need::peer()) else { return };
    let key = place.key("own");
    place.scratch.write("plain.yaml", PLAIN);
    place.encrypt(&key);
    let unknown = "0123456789ABCDEF0123456789ABCDEF01234567";
    let silent = place.scratch.script("silent", "#!/bin/sh\ncat >/dev/null\nexit 3\n");
    let silent = silent.to_str().unwrap();
    for (arguments, variable, words) in [
        (["decrypt", "--output", "out", FILE], ("X", ""), ""),
        (["decrypt", "--output", "out", FILE], ("GNUPGHOME", "/nonexistent/home"), "No secret key"),
        (
            ["decrypt", "--output", "out", FILE],
            ("SOPS_GPG_EXEC", "/nonexistent/gpg"),
            "failed to decrypt",
        ),
        (["encrypt", "--pgp", unknown, "plain.yaml"], ("X", ""), "No public key"),
        (["encrypt", "--pgp", "own@example.test", "plain.yaml"], ("X", ""), "own@example.test"),
        (["encrypt", "--pgp", &key, "plain.yaml"], ("SOPS_GPG_EXEC", silent), "failed to encrypt"),
        (
            ["encrypt", "--pgp", &key, "plain.yaml"],
            ("SOPS_GPG_EXEC", "no-such-gpg"),
            "failed to encrypt",
        ),
    ] {
        let ours = place.sops_rs(&arguments).env(variable.0, variable.1).run();
        let theirs = place.go(&peer, &arguments).env(variable.0, variable.1).run();
        assert_eq!(ours.code(), theirs.code(), "{ours}\n{theirs}");
        for outcome in [&ours, &theirs] {
            refused(outcome, outcome.code().unwrap(), &[words]);
        }
    }
}

#[test]
fn a_name_out_of_a_file_wraps_for_nobody() {
    let Some(place) = Place::new() else { return };
    let (own, other) = (place.key("own"), place.key("other"));
    place.encrypt(&own);
    let text = place.scratch.text(FILE);
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let at = lines.iter().position(|line| line.contains(&own)).unwrap();
    lines[at] = lines[at].replace(&own, "other@example.test");
    place.scratch.write(FILE, lines.join("\n") + "\n");
    // It opens, since gpg looks at the message alone.
    place.opens(place.sops_rs(&["decrypt", FILE]));
    let before = place.scratch.text(FILE);
    let run = place.sops_rs(&["rotate", "-i", FILE]).run();
    refused(&run, 1, &["other@example.test", "not well-formed"]);
    assert_eq!(place.scratch.text(FILE), before);
    assert!(!before.contains(&other));
}

/// An agent that waits for something that never comes must not keep a pipeline for ever.
#[test]
fn a_gpg_that_hangs_is_ended_where_nobody_is_asked() {
    let Some(place) = Place::new() else { return };
    // One that is not opened without gpg.
    place.encrypt(&place.locked_key());
    let text = place.scratch.text(FILE);
    let script = place.scratch.script("stand-in", "#!/bin/sh\nsleep 600\n");
    let with = |arguments: &[&str]| {
        let run = place.sops_rs(arguments).env("SOPS_GPG_EXEC", &script);
        run.env("SOPS_KEY_TIMEOUT", "0.5").deadline(std::time::Duration::from_secs(60))
    };
    let words = [
        "no answer in time: could not decrypt data key with PGP key: GnuPG binary error: failed to \
         decrypt sops data key with pgp: ",
        "stand-in: it did not end within 0.5 s, so it was ended",
        "hint: see what gpg and its agent wait for",
        "SOPS_KEY_TIMEOUT, in seconds",
    ];
    refused(&with(&["decrypt", FILE]).run(), NO_KEY, &words);
    place.scratch.write("new.yaml", PLAIN);
    let run = with(&["encrypt", "-i", "--pgp", &"A".repeat(40), "new.yaml"]).run();
    refused(&run, 1, &["it did not end within 0.5 s", "hint: see what gpg"]);
    assert_eq!(place.scratch.text("new.yaml"), PLAIN);
    assert_eq!(place.scratch.text(FILE), text);
    let run = with(&["decrypt", FILE]).env("SOPS_KEY_TIMEOUT", "soon").run();
    refused(&run, NO_KEY, &["a setting makes no sense", "SOPS_KEY_TIMEOUT is \"soon\""]);
    // Whoever sits in front of it may take longer than that.
    let slow = "#!/bin/sh\nsleep 1\n\
                exec gpg --batch --pinentry-mode loopback --passphrase geheim \"$@\"\n";
    let slow = place.scratch.script("slow", slow);
    let run = with(&["decrypt", FILE]).env("SOPS_GPG_EXEC", slow).env("SOPS_KEY_TIMEOUT", "0.2");
    refused(&run.clone().run(), NO_KEY, &["within 0.2 s"]);
    place.opens(run.env("GPG_TTY", "/dev/null"));
}
