//! Passphrases by a real gpg-agent, with a pinentry that a test scripts.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use sops_tests::need;
use sops_tests::run::Run;
use sops_tests::scratch::Scratch;
use sops_tests::terminal::Session;

use super::place::{FILE, NO_KEY, Place, refused, sample};

/// Where Go sops and this program have the same name for a passphrase: `SopsAge` and base32 of 25
/// bytes of the SHA-256 of the file without armor.
const NAME_OF_SAMPLE: &str = "SopsAge";

/// An agent with a home of its own, which ends with this.
struct Agent {
    home: Scratch,
}

impl Agent {
    /// Starts one whose pinentry gives these answers, one after the other; then it says that the
    /// person cancelled.
    fn start(answers: &[&str]) -> Option<Self> {
        let program = need::program("gpg-agent")?;
        let home = Scratch::new();
        let folder = home.path().display();
        home.write("answers", answers.iter().map(|line| format!("{line}\n")).collect::<String>());
        // Words of the protocol of pinentry; a line of the log is what a person would have seen.
        let script = format!(
            "#!/bin/sh\ncd '{folder}'\necho 'OK ready'\nwhile read -r word rest; do\n\
             case \"$word\" in\n\
             SETDESC|SETERROR) echo \"$word $rest\" >>seen; echo OK;;\n\
             GETPIN) echo GETPIN >>seen; answer=$(head -n 1 answers); sed -i 1d answers\n\
             \x20 if [ -n \"$answer\" ]; then echo \"D $answer\"; echo OK\n\
             \x20 else echo 'ERR 83886179 Operation cancelled <Pinentry>'; fi;;\n\
             BYE) echo OK; exit;;\n\
             *) echo OK;;\nesac\ndone\n"
        );
        let pinentry = home.script("pinentry", &script);
        let mut start = Command::new(program);
        start.args(["--daemon", "--allow-preset-passphrase", "--pinentry-program"]).arg(pinentry);
        start.env("GNUPGHOME", home.path());
        let started = start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(started.status().unwrap().success());
        Some(Self { home })
    }

    fn run(&self, run: Run) -> Run {
        run.env("GNUPGHOME", self.home.path())
    }

    /// What the person would have seen so far, in lines.
    fn seen(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.home.at("seen")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn questions(&self) -> usize {
        self.seen().iter().filter(|line| *line == "GETPIN").count()
    }

    /// Gives the agent a passphrase to keep under a name.
    fn keep(&self, name: &str, passphrase: &str) {
        let hex: String = passphrase.bytes().map(|byte| format!("{byte:02X}")).collect();
        let command = format!("PRESET_PASSPHRASE {name} -1 {hex}");
        let connect = need::program("gpg-connect-agent").unwrap();
        self.run(Run::program(connect, [command.as_str(), "/bye"])).run().success();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        // It ends by itself too, once its folder is gone.
        let _ = end.args(["--kill", "gpg-agent"]).env("GNUPGHOME", self.home.path()).status();
    }
}

/// A sample that needs the identities behind a passphrase, and the run that opens it.
fn protected(file: &str) -> (Place, PathBuf) {
    (Place::with_sample("age-x25519.yaml"), sample(&format!("keys/{file}")))
}

#[test]
fn the_agent_asks_once_and_keeps_it_for_the_next_run() {
    let Some(agent) = Agent::start(&["idpass"]) else { return };
    let (place, identities) = protected("age-x25519-passphrase.asc");
    let run = agent.run(place.decrypt()).env("SOPS_AGE_KEY_FILE", identities);
    for _ in 0..2 {
        run.run().success();
        assert_eq!(agent.questions(), 1, "{:?}", agent.seen());
    }
    let asked = "SETDESC Passphrase of the identities in SOPS_AGE_KEY_FILE";
    assert!(agent.seen()[0].starts_with(asked), "{:?}", agent.seen());
}

#[test]
fn a_wrong_passphrase_is_asked_for_again() {
    let Some(agent) = Agent::start(&["wrong", "idpass"]) else { return };
    let (place, identities) = protected("age-x25519-passphrase.age");
    agent.run(place.decrypt()).env("SOPS_AGE_KEY_FILE", identities).run().success();
    assert_eq!(agent.questions(), 2, "{:?}", agent.seen());
    let error = agent.seen().iter().any(|line| line.starts_with("SETERROR That is not it."));
    assert!(error, "{:?}", agent.seen());
}

#[test]
fn three_wrong_ones_are_an_error_and_are_not_kept() {
    let Some(agent) = Agent::start(&["a", "b", "c", "sshpass"]) else { return };
    let place = Place::with_sample("age-ssh-ed25519-pass.yaml");
    let key = sample("keys/ssh_ed25519_pass");
    let run = agent.run(place.decrypt()).env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", key);
    let words = ["that is not the passphrase of SOPS_AGE_SSH_PRIVATE_KEY_FILE"];
    refused(&run.run(), NO_KEY, &words);
    assert_eq!(agent.questions(), 3, "{:?}", agent.seen());
    run.run().success();
    assert_eq!(agent.questions(), 4, "{:?}", agent.seen());
}

#[test]
fn whoever_cancels_is_not_asked_at_the_terminal_too() {
    let Some(agent) = Agent::start(&[]) else { return };
    let place = Place::with_sample("age-ssh-rsa-pass.yaml");
    let run = agent
        .run(place.decrypt())
        .env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", sample("keys/ssh_rsa_pass"));
    let Some(session) = Session::start(&run) else { return };
    let (status, text) = session.finish();
    assert_eq!(status.code(), Some(NO_KEY), "{text}");
    assert!(!text.contains("Passphrase of"), "{text}");
    assert_eq!(agent.questions(), 1);
}

#[test]
fn what_was_kept_for_go_sops_serves_here_and_there() {
    let (Some(agent), Some(peer)) = (Agent::start(&[]), need::peer()) else { return };
    let (place, identities) = protected("age-x25519-passphrase.age");
    // The name by another hand: coreutils.
    let name = "sha256sum \"$0\" | cut -c-50 | tr a-f A-F | basenc --base16 -d | base32";
    let hash = Run::program(
        "/bin/sh",
        [std::ffi::OsStr::new("-c"), name.as_ref(), identities.as_os_str()],
    );
    let hash = hash.run().success().out();
    agent.keep(&format!("{NAME_OF_SAMPLE}{}", hash.trim_end()), "idpass");
    let go = place.environment(Run::peer(&peer, ["decrypt", FILE]));
    let info = agent.home.at("S.gpg-agent");
    for run in [place.decrypt(), go] {
        // Go sops does not ask gpgconf where the agent is, and tells it about TERM in any case.
        let run = agent
            .run(run)
            .env("GPG_AGENT_INFO", &info)
            .env("TERM", "dumb")
            .env("SOPS_AGE_KEY_FILE", &identities);
        run.run().success();
    }
    assert_eq!(agent.seen(), [""; 0]);
}

#[test]
fn nobody_is_asked_where_a_plain_identity_opens() {
    let Some(agent) = Agent::start(&["idpass"]) else { return };
    let place = Place::with_sample("age-many.yaml");
    let run = agent
        .run(place.decrypt())
        .env("SOPS_AGE_KEY_FILE", sample("keys/age-x25519-passphrase.age"))
        .env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", sample("keys/ssh_ed25519"));
    run.run().success();
    assert_eq!(agent.questions(), 0, "{:?}", agent.seen());
}
