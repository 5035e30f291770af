//! Passphrases at a terminal, where no agent runs.

use sops_tests::run::Run;
use sops_tests::terminal::Session;

use super::place::{NO_KEY, PLAIN, Place, refused, sample, sample_text};

/// Whoever is behind each kind of passphrase: sample, variable, key, passphrase, question.
const LOCKED: [(&str, &str, &str, &str, &str); 3] = [
    (
        "age-x25519.yaml",
        "SOPS_AGE_KEY_FILE",
        "age-x25519-passphrase.age",
        "idpass",
        "Passphrase of the identities in SOPS_AGE_KEY_FILE: ",
    ),
    (
        "age-ssh-ed25519-pass.yaml",
        "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
        "ssh_ed25519_pass",
        "sshpass",
        "Passphrase of the SSH key SOPS_AGE_SSH_PRIVATE_KEY_FILE: ",
    ),
    (
        "age-ssh-rsa-pass.yaml",
        "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
        "ssh_rsa_pass",
        "sshpass",
        "Passphrase of the SSH key SOPS_AGE_SSH_PRIVATE_KEY_FILE: ",
    ),
];

fn locked(at: usize) -> (Place, Run) {
    let (file, variable, key, ..) = LOCKED[at];
    let place = Place::with_sample(file);
    let run = place.decrypt().env(variable, sample(&format!("keys/{key}")));
    (place, run)
}

#[test]
fn a_wrong_passphrase_is_asked_for_again_and_none_is_shown() {
    for (at, (_, _, _, passphrase, question)) in LOCKED.into_iter().enumerate() {
        let (_place, run) = locked(at);
        let Some(mut session) = Session::start(&run) else { return };
        session.expect(question);
        session.enter("nonsense\n");
        session.expect(&format!("That is not it. {question}"));
        session.enter(&format!("{passphrase}\n"));
        let (status, text) = session.finish();
        assert!(status.success(), "{text}");
        assert!(!text.contains("nonsense") && !text.contains(passphrase), "{text}");
    }
}

#[test]
fn ctrl_c_ends_it_and_the_terminal_shows_again_what_is_typed() {
    let (_place, run) = locked(0);
    let run = run.behind("/bin/sh", ["-c", "\"$@\"; echo \"status $?\"; stty -a", "sh"]);
    let Some(mut session) = Session::start(&run) else { return };
    session.expect(LOCKED[0].4);
    session.enter("half of it\u{3}");
    let (_, text) = session.finish();
    // 128 and the number of SIGINT.
    assert!(text.contains("status 130"), "{text}");
    for mode in ["echo", "isig"] {
        assert!(text.split_whitespace().any(|word| word == mode), "{mode}: {text}");
    }
    assert!(!text.contains("half of it"), "{text}");
}

#[test]
fn three_wrong_ones_end_it() {
    let (_place, run) = locked(1);
    let Some(mut session) = Session::start(&run) else { return };
    session.expect("Passphrase of");
    session.enter("a\n");
    session.expect("That is not it.");
    session.enter("b\nc\n");
    let (status, text) = session.finish();
    assert_eq!(status.code(), Some(NO_KEY), "{text}");
    assert!(text.contains("that is not the passphrase of"), "{text}");
}

#[test]
fn one_identity_is_unlocked_once_for_several_files() {
    // Two groups need the same identity; so does every file of a run.
    let own = sample_text("keys/age-x25519.txt");
    let public = own.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let place = Place::new();
    let config = format!(
        "creation_rules:\n  - key_groups:\n      - age: [{public}]\n      - age: ['{public} ']\n"
    );
    place.scratch.write(".sops.yaml", config);
    place.sops_rs(&["encrypt", "-i", super::place::FILE]).run().success();
    let run = place.decrypt().env("SOPS_AGE_KEY_FILE", sample("keys/age-x25519-passphrase.asc"));
    let Some(mut session) = Session::start(&run) else { return };
    session.expect("Passphrase of the identities");
    session.enter("idpass\n");
    let (status, text) = session.finish();
    assert!(status.success() && text.contains(&PLAIN.replace('\n', "\r\n")), "{text}");
    assert_eq!(text.matches("Passphrase of").count(), 1, "{text}");
}

#[test]
fn without_terminal_and_agent_it_is_said() {
    for (at, (_, variable, ..)) in LOCKED.into_iter().enumerate() {
        let (_place, run) = locked(at);
        let outcome = run.behind("/usr/bin/setsid", ["--wait"]).run();
        let words = [
            "no passphrase given",
            &format!("{variable} needs a passphrase, and nobody could be asked")[..],
            "no terminal, and no gpg-agent",
            "hint: run it where the passphrase can be given",
        ];
        refused(&outcome, NO_KEY, &words);
    }
}

#[test]
fn nobody_is_asked_for_what_is_not_needed() {
    // Its key stands first in the file, and another one opens without a question.
    let place = Place::new();
    let locked = sample_text("keys/ssh_ed25519_pass.pub");
    let own = sample_text("keys/age-x25519.txt");
    let public = own.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    place.encrypt(&format!("{},{public}", locked.trim_end()));
    let run = place
        .decrypt()
        .env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", sample("keys/ssh_ed25519_pass"))
        .env("SOPS_AGE_KEY_FILE", sample("keys/age-x25519.txt"));
    let Some(session) = Session::start(&run) else { return };
    let (status, text) = session.finish();
    assert!(status.success() && !text.contains("Passphrase"), "{text}");
}
