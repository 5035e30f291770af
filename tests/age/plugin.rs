//! Programs `age-plugin-NAME`: encrypting and opening by them, both ways with Go sops; a missing
//! one; names that lead elsewhere.
//!
//! `age-plugin-batchpass` and `age-plugin-pq` are those of age itself. `age-plugin-double` is a
//! double of one that belongs to hardware (`tests/peer/double`).

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{Decryptor, Encryptor};
use serde_json::Value;
use sops_core::keys::bech32_encode;
use sops_tests::need;
use sops_tests::run::Run;
use sops_tests::terminal::Session;

use super::place::{FILE, NO_KEY, PLAIN, Place, refused, sample, sample_text};

/// A place and the folder of the plugins, which is the first of `PATH`.
struct Plugins {
    place: Place,
    path: String,
    folder: PathBuf,
}

impl Plugins {
    fn new() -> Option<Self> {
        let folder = need::plugins()?;
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        Some(Self { place: Place::new(), path, folder })
    }

    fn with_path(&self, run: Run) -> Run {
        run.env("PATH", &self.path)
    }

    /// A recipient and an identity of the double.
    fn keys(&self, flags: &[&str]) -> (String, String) {
        let flags = [&["-keygen"], flags].concat();
        let text = Run::program(self.folder.join("age-plugin-double"), flags).run().success().out();
        let (recipient, identity) = text.trim_end().split_once('\n').unwrap();
        (recipient.into(), identity.into())
    }

    fn encrypt(&self, recipients: &str) {
        self.place.scratch.write(FILE, PLAIN);
        let arguments = ["encrypt", "-i", "--age", recipients, FILE];
        self.with_path(self.place.sops_rs(&arguments)).run().success();
    }

    fn decrypt(&self, identity: &str) -> Run {
        self.with_path(self.place.decrypt()).env("SOPS_AGE_KEY", identity)
    }
}

#[test]
fn a_plugin_encrypts_and_opens_here_and_in_go_sops() {
    let (Some(plugins), Some(peer)) = (Plugins::new(), need::peer()) else { return };
    let (recipient, identity) = plugins.keys(&[]);
    let go = |arguments: &[&str]| {
        let run = plugins.place.environment(Run::peer(&peer, arguments));
        plugins.with_path(run).env("SOPS_AGE_KEY", &identity)
    };
    plugins.encrypt(&recipient);
    assert!(plugins.place.scratch.text(FILE).contains(&recipient));
    assert_eq!(plugins.decrypt(&identity).run().success().out(), PLAIN);
    assert_eq!(go(&["decrypt", FILE]).run().success().out(), PLAIN);

    plugins.place.scratch.write(FILE, PLAIN);
    go(&["encrypt", "-i", "--age", &recipient, FILE]).run().success();
    assert_eq!(plugins.decrypt(&identity).run().success().out(), PLAIN);

    let rotate = ["rotate", "-i", FILE];
    plugins
        .with_path(plugins.place.sops_rs(&rotate))
        .env("SOPS_AGE_KEY", &identity)
        .run()
        .success();
    assert_eq!(go(&["decrypt", FILE]).run().success().out(), PLAIN);
}

#[test]
fn a_plugin_asks_at_the_terminal() {
    let Some(plugins) = Plugins::new() else { return };
    let (recipient, identity) = plugins.keys(&["-pin", "1234"]);
    plugins.encrypt(&recipient);
    let Some(mut session) = Session::start(&plugins.decrypt(&identity)) else { return };
    session.expect("the double is touched");
    session.expect("PIN of the double");
    session.enter("1234\n");
    let (status, text) = session.finish();
    assert!(status.success() && text.contains("user: alice"), "{text}");
    assert!(!text.contains("1234\r"), "the PIN was shown: {text}");

    // Nobody is there: the plugin's own words, and no PIN.
    let nobody = plugins.decrypt(&identity).behind("/usr/bin/setsid", ["--wait"]).run();
    refused(&nobody, NO_KEY, &[&recipient, "a program failed", "age-plugin-double"]);
}

#[test]
fn a_plugin_is_not_started_where_another_key_opens() {
    let Some(plugins) = Plugins::new() else { return };
    let (recipient, identity) = plugins.keys(&["-pin", "1234"]);
    let own = sample_text("keys/age-x25519.txt");
    let public = own.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    // The plugin's key stands first, and its identity is there too.
    plugins.encrypt(&format!("{recipient},{public}"));
    let run = plugins.decrypt(&identity).env("SOPS_AGE_KEY_FILE", sample("keys/age-x25519.txt"));
    let outcome = run.run().success();
    assert_eq!((outcome.out().as_str(), outcome.err().as_str()), (PLAIN, ""));
}

#[test]
fn a_missing_program_is_named() {
    let Some(plugins) = Plugins::new() else { return };
    let (recipient, identity) = plugins.keys(&[]);
    plugins.encrypt(&recipient);
    let words = [
        recipient.as_str(),
        "age: a program is missing: the program age-plugin-double is not on PATH",
        "hint: install the program in a folder of PATH",
    ];
    let run = plugins.place.decrypt().env("SOPS_AGE_KEY", &identity).run();
    refused(&run, NO_KEY, &words);
    plugins.place.scratch.write(FILE, PLAIN);
    let run = plugins.place.sops_rs(&["encrypt", "-i", "--age", &recipient, FILE]).run();
    refused(&run, 1, &words);
    assert_eq!(plugins.place.scratch.text(FILE), PLAIN);
}

#[test]
fn a_plugin_that_dies_or_talks_nonsense() {
    let Some(plugins) = Plugins::new() else { return };
    let (recipient, identity) = plugins.keys(&[]);
    plugins.encrypt(&recipient);
    for script in ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho nonsense\ncat >/dev/null\n"] {
        plugins.place.scratch.script("bad/age-plugin-double", script);
        let path = plugins.place.scratch.at("bad");
        let run = plugins.place.decrypt().env("SOPS_AGE_KEY", &identity).env("PATH", path).run();
        refused(&run, NO_KEY, &[&recipient]);
    }
}

#[test]
fn the_plugin_of_age_for_passphrases_opens() {
    let Some(plugins) = Plugins::new() else { return };
    // No recipient stands for a passphrase, so the key of a sample is wrapped again by hand.
    let file = sample_text("files/age-x25519.json");
    let parsed: Value = serde_json::from_str(&file).unwrap();
    let enc = &parsed["sops"]["age"][0]["enc"];
    let data_key = unwrap(enc.as_str().unwrap(), &sample_text("keys/age-x25519.txt"));
    let wrapped = Value::from(wrap(&data_key, "correct horse")).to_string();
    plugins.place.scratch.write("sealed.json", file.replace(&enc.to_string(), &wrapped));
    let identity = bech32_encode("age-plugin-batchpass-", &[]).to_ascii_uppercase();
    let run = |passphrase: &str| {
        plugins
            .with_path(plugins.place.sops_rs(&["decrypt", "sealed.json"]))
            .env("SOPS_AGE_KEY", &identity)
            .env("AGE_PASSPHRASE", passphrase)
            .run()
    };
    let opened: Value = serde_json::from_str(&run("correct horse").success().out()).unwrap();
    let expected: Value = serde_json::from_str(&sample_text("expected/decrypted.json")).unwrap();
    assert_eq!(opened, expected);
    refused(&run("another"), NO_KEY, &["age-plugin-batchpass"]);
}

/// Opens an age file with the identity in an identity file.
fn unwrap(enc: &str, identities: &str) -> Vec<u8> {
    let line = identities.lines().find(|line| line.starts_with("AGE-")).unwrap();
    let identity: age::x25519::Identity = line.parse().unwrap();
    let decryptor = Decryptor::new(ArmoredReader::new(enc.as_bytes())).unwrap();
    let mut plain = Vec::new();
    let identities = std::iter::once(&identity as &dyn age::Identity);
    decryptor.decrypt(identities).unwrap().read_to_end(&mut plain).unwrap();
    plain
}

/// An age file for a passphrase.
fn wrap(plain: &[u8], passphrase: &str) -> String {
    let mut recipient = age::scrypt::Recipient::new(passphrase.to_owned().into());
    recipient.set_work_factor(5);
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).unwrap();
    let mut writer = Encryptor::with_recipients(recipients).unwrap().wrap_output(armor).unwrap();
    writer.write_all(plain).unwrap();
    String::from_utf8(writer.finish().unwrap().finish().unwrap()).unwrap()
}

#[test]
fn post_quantum_identities_of_the_plugin_open_without_it_and_with_it_in_go_sops() {
    let (Some(plugins), Some(peer)) = (Plugins::new(), need::peer()) else { return };
    let own = sample_text("keys/age-pq.txt");
    let public = own.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let identity = sample("keys/age-pq-plugin.txt");
    plugins.encrypt(public);
    let here = plugins.place.decrypt().env("SOPS_AGE_KEY_FILE", &identity);
    assert_eq!(here.run().success().out(), PLAIN);
    let go = plugins.place.environment(Run::peer(&peer, ["decrypt", FILE]));
    let go = plugins.with_path(go).env("SOPS_AGE_KEY_FILE", &identity);
    assert_eq!(go.run().success().out(), PLAIN);
}

#[test]
fn a_name_that_leads_elsewhere_starts_nothing() {
    let place = Place::new();
    let trap = place.scratch.script("x/trap", "#!/bin/sh\n: >\"${0%/*}/sprung\"\n");
    let folder = trap.parent().unwrap().display().to_string();
    // The name becomes part of `age-plugin-NAME`; with a separator in it that is a path.
    std::fs::create_dir_all(place.scratch.at("age-plugin-a")).unwrap();
    for name in ["a/../x/trap", &format!("/../..{folder}/trap"), "a\\x", "a b", "a\u{7f}"] {
        let name = name.to_lowercase();
        let recipient = bech32_encode(&format!("age1{name}"), &[1; 32]);
        let run = place.sops_rs(&["encrypt", "--age", &recipient, FILE]).run();
        assert_eq!(run.code(), Some(1), "{name}: {run}");
        let identity = bech32_encode(&format!("age-plugin-{name}-"), &[1; 32]);
        let sample = Place::with_sample("age-x25519.yaml");
        let run = sample.decrypt().env("SOPS_AGE_KEY", identity.to_ascii_uppercase()).run();
        assert_eq!(run.code(), Some(NO_KEY), "{name}: {run}");
    }
    assert!(!place.scratch.at("x/sprung").exists());
}
