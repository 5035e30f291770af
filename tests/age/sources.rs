//! Every place where identities may be (format §4.3, CLI §7): each opens, all count together, and
//! what is wrong with one matters only when no other opens.

use std::fs;

use sops_tests::need;

use super::place::{FILE, NO_KEY, PLAIN, Place, refused, sample, sample_text};

fn public(key_file: &str) -> String {
    let text = sample_text(key_file);
    let line = text.lines().find_map(|line| line.strip_prefix("# public key: "));
    line.unwrap_or(text.trim_end()).to_owned()
}

#[test]
fn each_place_opens_and_broken_ones_beside_it_do_no_harm() {
    let own = sample("keys/age-x25519.txt");
    let ssh = sample("keys/ssh_ed25519");
    let cat = |path: &std::path::Path| format!("cat '{}'", path.display());
    let identity = sample_text("keys/age-x25519.txt");
    let mut places = 0;
    for (recipient, variable, value) in [
        ("keys/ssh_ed25519.pub", "SOPS_AGE_SSH_PRIVATE_KEY_FILE", ssh.display().to_string()),
        ("keys/ssh_ed25519.pub", "SOPS_AGE_SSH_PRIVATE_KEY_CMD", cat(&ssh)),
        ("keys/age-x25519.txt", "SOPS_AGE_KEY", identity),
        ("keys/age-x25519.txt", "SOPS_AGE_KEY_FILE", own.display().to_string()),
        ("keys/age-x25519.txt", "SOPS_AGE_KEY_CMD", cat(&own)),
        ("keys/ssh_ed25519.pub", ".ssh/id_ed25519", String::new()),
        ("keys/ssh_rsa.pub", ".ssh/id_rsa", String::new()),
        ("keys/age-x25519.txt", ".config/sops/age/keys.txt", String::new()),
    ] {
        let place = Place::new();
        place.encrypt(&public(recipient));
        // Everything else is there and of no use.
        let mut run = place
            .decrypt()
            .env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "no-such-file")
            .env("SOPS_AGE_SSH_PRIVATE_KEY_CMD", "false")
            .env("SOPS_AGE_KEY", "hunter2")
            .env("SOPS_AGE_KEY_FILE", "no-such-file")
            .env("SOPS_AGE_KEY_CMD", "no-such-program");
        let unopened = run.run();
        refused(
            &unopened,
            NO_KEY,
            &[
                "SOPS_AGE_SSH_PRIVATE_KEY_FILE: open no-such-file: no such file",
                "SOPS_AGE_SSH_PRIVATE_KEY_CMD: failed to execute command false",
                "SOPS_AGE_KEY: line 1: this is no identity",
                "SOPS_AGE_KEY_FILE: open no-such-file: no such file",
                "SOPS_AGE_KEY_CMD: failed to execute command no-such-program",
            ],
        );
        assert!(!unopened.err().contains("hunter2"), "{unopened}");
        if variable.contains('/') {
            let to = place.scratch.at(variable);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            let from = recipient.trim_end_matches(".pub");
            fs::copy(sample(from), to).unwrap();
        } else {
            run = run.env(variable, value);
        }
        assert_eq!(run.run().success().out(), PLAIN, "{variable}");
        places += 1;
    }
    assert_eq!(places, 8);
}

#[test]
fn identities_may_share_lines_with_each_other_comments_and_carriage_returns() {
    let place = Place::new();
    place.encrypt(&public("keys/age-x25519.txt"));
    let lines = sample_text("keys/age-x25519.txt");
    let own = lines.lines().find(|line| line.starts_with("AGE-")).unwrap();
    let other = sample_text("keys/age-pq.txt");
    let other = other.lines().find(|line| line.starts_with("AGE-")).unwrap();
    for (number, text) in [
        format!("# made today\r\n\r\n{own}\r\n"),
        format!("{other} {own}"),
        format!("{own}\t{other}\n"),
        format!("\n  {own}  \n# the end"),
        format!("\u{feff}{own}\n"),
        format!("{}\n", own.to_lowercase()),
    ]
    .into_iter()
    .enumerate()
    {
        let path = place.scratch.write("keys.txt", &text);
        let by_file = place.decrypt().env("SOPS_AGE_KEY_FILE", path);
        assert_eq!(by_file.run().success().out(), PLAIN, "{number}: {text:?}");
        let by_variable = place.decrypt().env("SOPS_AGE_KEY", &text);
        assert_eq!(by_variable.run().success().out(), PLAIN, "{number}: {text:?}");
    }
}

#[test]
fn a_command_learns_the_recipient() {
    let place = Place::new();
    let recipient = public("keys/age-x25519.txt");
    place.encrypt(&recipient);
    let key = sample("keys/age-x25519.txt");
    let script = format!(
        "#!/bin/sh\n[ \"$SOPS_AGE_RECIPIENT\" = {recipient} ] && cat '{}'\n",
        key.display()
    );
    let script = place.scratch.script("give", &script);
    let run = place.decrypt().env("SOPS_AGE_KEY_CMD", format!("'{}'", script.display()));
    assert_eq!(run.run().success().out(), PLAIN);
}

#[test]
fn post_quantum_and_classic_recipients_in_one_file() {
    let place = Place::new();
    let both = [public("keys/age-x25519.txt"), public("keys/age-pq.txt")].join(",");
    place.encrypt(&both);
    assert_eq!(place.scratch.text(FILE).matches("recipient:").count(), 2);
    for key in ["keys/age-x25519.txt", "keys/age-pq.txt", "keys/age-pq-plugin.txt"] {
        let run = place.decrypt().env("SOPS_AGE_KEY_FILE", sample(key));
        assert_eq!(run.run().success().out(), PLAIN, "{key}");
    }
}

#[test]
fn a_file_with_a_pgp_key_opens_by_its_age_key_and_is_not_rotated() {
    let place = Place::with_sample("age-and-pgp.yaml");
    let before = place.scratch.read(FILE);
    let key = sample("keys/age-x25519.txt");
    place.decrypt().env("SOPS_AGE_KEY_FILE", &key).run().success();
    // Its public key is nowhere here, with gpg or without.
    let rotate = place.sops_rs(&["rotate", "-i", FILE]).env("SOPS_AGE_KEY_FILE", &key);
    let words = ["PGP: there is no such key", "hint: import the public key"];
    refused(&rotate.clone().env("PATH", "/nonexistent").run(), 1, &words);
    if need::program("gpg").is_some() {
        let rotate = rotate.env("GNUPGHOME", place.scratch.path()).env("LC_ALL", "C");
        refused(&rotate.run(), 1, &words);
    }
    assert_eq!(place.scratch.read(FILE), before);
}

#[test]
fn with_the_local_key_service_off_nobody_is_asked_and_it_is_said() {
    let place = Place::with_sample("age-x25519.yaml");
    let run = place
        .sops_rs(&["decrypt", "--enable-local-keyservice=false", FILE])
        .env("SOPS_AGE_KEY_FILE", sample("keys/age-x25519.txt"));
    let words = ["not asked: no key service is turned on", "hint: leave --enable-local-keyservice"];
    refused(&run.run(), NO_KEY, &words);
}
