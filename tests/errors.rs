//! `--error-format json`: each error that knows its place says it, in fields that a program can read.
//!
//! What stands there was counted in the inputs below.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use sops_tests::paths;
use sops_tests::run::Run;
use sops_tests::scratch::Scratch;

const RECIPIENT: &str = "age1z3rnsunsh9cmsw2flfzqv0wxnexelrfyg3rke3c98fnpxf7lfvsquqgl9x";
const SECRET: &str = "hunter2";

struct Place(Scratch);

impl Place {
    fn new() -> Self {
        Self(Scratch::new())
    }

    fn sops_rs(&self, arguments: &[&str]) -> Run {
        let key = paths::in_tests("data/vectors-keys/keys/age-x25519.txt");
        Run::sops_rs(arguments)
            .within(self.0.path())
            .env("HOME", self.0.path())
            .env("SOPS_AGE_KEY_FILE", key)
            .env("SOPS_RS_ERROR_FORMAT", "json")
    }

    /// Encrypts a text in its place.
    fn sealed(&self, name: &str, text: &str) -> String {
        self.0.write(name, text);
        self.sops_rs(&["encrypt", "-i", "--age", RECIPIENT, name]).run().success();
        self.0.text(name)
    }

    /// What the run says of the place of its error; it says nothing else, and no secret.
    #[track_caller]
    fn place_of_error(&self, arguments: &[&str]) -> Value {
        let outcome = self.sops_rs(arguments).run();
        assert!(!outcome.status.success(), "{outcome}");
        let text = outcome.err();
        assert!(!text.contains(SECRET), "{outcome}");
        let read = |line: &str| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{outcome}"))
        };
        let errors: Vec<Value> =
            text.lines().map(read).filter(|object| object["level"] == "error").collect();
        let [error] = &errors[..] else { panic!("{outcome}") };
        json!([error["file"], error["line"], error["path"]])
    }
}

#[test]
fn texts_that_break_their_format_are_told_with_line_and_path() {
    let place = Place::new();
    for (name, text, line, path) in [
        ("a.yaml", "a: hunter2\nb: [hunter2\nc: 1\n", Some(3), None),
        ("twice.yaml", "a:\n  b: 1\n  b: hunter2\n", Some(3), Some("[\"a\"]")),
        ("a.json", "{\"a\": {\n\"b\": hunter2}}\n", Some(2), Some("[\"a\"][\"b\"]")),
        ("a.env", "A=1\n\nhunter2\n", Some(3), None),
        ("a.ini", "[a]\nb = 1\n[c\n", Some(3), None),
    ] {
        place.0.write(name, text);
        let said = place.place_of_error(&["encrypt", "--age", RECIPIENT, name]);
        assert_eq!(said[0], name);
        assert_eq!(said[1], json!(line), "{name}: {said}");
        if path.is_some() {
            assert_eq!(said[2], json!(path), "{name}: {said}");
        }
    }
}

#[test]
fn values_that_a_format_cannot_hold_are_told_with_their_path() {
    let place = Place::new();
    let deep = "a: 1\ndb:\n    user: [hunter2]\n";
    place.0.write("deep.yaml", deep);
    let encrypt = |output: &str| {
        ["encrypt", "--age", RECIPIENT, "--output-type", output, "deep.yaml"].map(str::to_owned)
    };
    let encrypt = |output: &str| {
        let words = encrypt(output);
        place.place_of_error(&words.each_ref().map(String::as_str))
    };
    assert_eq!(encrypt("dotenv"), json!(["deep.yaml", null, "[\"db\"]"]));
    place.sealed("deep.yaml", deep);
    let decrypt = place.place_of_error(&["decrypt", "--output-type", "dotenv", "deep.yaml"]);
    assert_eq!(decrypt, json!(["deep.yaml", null, "[\"db\"]"]));
    for (arguments, path) in [
        (&["decrypt", "--extract", "[\"db\"][\"none\"]", "deep.yaml"][..], "[\"db\"][\"none\"]"),
        (&["decrypt", "--extract", "[\"db\"][\"user\"][7]", "deep.yaml"], "[\"db\"][\"user\"][7]"),
        (&["unset", "deep.yaml", "[\"db\"][\"none\"]"], "[\"db\"][\"none\"]"),
        (&["set", "deep.yaml", "[\"db\"][0]", "1"], "[\"db\"][0]"),
    ] {
        assert_eq!(place.place_of_error(arguments), json!(["deep.yaml", null, path]));
    }
}

#[test]
fn what_was_changed_in_a_file_is_told_with_line_and_path() {
    let place = Place::new();
    let plain = "note_unencrypted: clear\ndb:\n    user: alice\n    password: hunter2\n";
    let sealed = place.sealed("s.yaml", plain);
    // A value from another place.
    let tokens: Vec<&str> =
        sealed.lines().filter_map(|line| line.split_once("ENC[")).map(|two| two.1).collect();
    place.0.write("moved.yaml", sealed.replace(tokens[1], tokens[0]));
    let said = place.place_of_error(&["decrypt", "moved.yaml"]);
    assert_eq!(said, json!(["moved.yaml", 4, "[\"db\"][\"password\"]"]));
    // One that nobody has encrypted.
    place.0.write("added.yaml", sealed.replacen("db:\n", "more_unencrypted: 1\ndb:\n", 1));
    let said = place.place_of_error(&["decrypt", "added.yaml"]);
    assert_eq!(said, json!(["added.yaml", 2, "[\"more_unencrypted\"]"]));

    // And metadata.
    let without = |start: &str, with: &str| {
        let lines = sealed.lines().map(|line| match line.trim_start().starts_with(start) {
            true => format!("{}{with}", &line[..line.len() - line.trim_start().len()]),
            false => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    for (start, with, path) in [
        ("lastmodified:", "lastmodified: hunter2", "[\"sops\"][\"lastmodified\"]"),
        ("mac:", "mac: [hunter2]", "[\"sops\"][\"mac\"]"),
        ("recipient:", "recipient: [hunter2]", "[\"sops\"][\"age\"][0]"),
    ] {
        place.0.write("broken.yaml", without(start, with));
        let said = place.place_of_error(&["decrypt", "broken.yaml"]);
        assert_eq!(said, json!(["broken.yaml", null, path]));
    }
    place.0.write("scalar.yaml", "a: 1\nsops: hunter2\n");
    let said = place.place_of_error(&["decrypt", "scalar.yaml"]);
    assert_eq!(said, json!(["scalar.yaml", 2, "[\"sops\"]"]));
}

#[test]
fn errors_in_the_configuration_are_told_with_its_name_line_and_place() {
    let place = Place::new();
    place.0.write("a.yaml", "a: 1\n");
    let config = |rules: &str| format!("# rules\ncreation_rules:\n{rules}");
    for (text, line, path) in [
        (config("  }\n"), Some(3), None),
        (
            config("  - age: 1\n    shamir_treshold: 2\n"),
            Some(4),
            Some("creation_rules[0].shamir_treshold"),
        ),
        (
            config("  - mac_only_encrypted: perhaps\n"),
            Some(3),
            Some("creation_rules[0].mac_only_encrypted"),
        ),
        (
            config(&format!(
                "  - path_regex: x\n    age: {RECIPIENT}\n  - path_regex: (\n    age: y\n"
            )),
            Some(5),
            Some("creation_rules[1].path_regex"),
        ),
        (config("  - age: hunter3\n"), Some(3), Some("creation_rules[0].age")),
        (
            config("  - key_groups:\n    - age: []\n"),
            Some(4),
            Some("creation_rules[0].key_groups[0]"),
        ),
        (config("  - path_regex: a\n"), Some(3), Some("creation_rules[0]")),
        (
            config(&format!(
                "  - age: {RECIPIENT}\n    encrypted_suffix: a\n    encrypted_regex: b\n"
            )),
            Some(3),
            Some("creation_rules[0]"),
        ),
    ] {
        place.0.write(".sops.yaml", &text);
        let said = place.place_of_error(&["encrypt", "a.yaml"]);
        assert_eq!(said, json!([".sops.yaml", line, path]), "{text}");
    }
}

#[test]
fn a_comment_that_a_rule_cannot_go_by_is_told_with_its_line() {
    let place = Place::new();
    place.0.write("a.yaml", "a: 1\nlist: [ # secret\n  1, 2]\nb: 2\n");
    let rule = ["--encrypted-comment-regex", "secret"];
    let said =
        place.place_of_error(&[&["encrypt", "--age", RECIPIENT], &rule[..], &["a.yaml"]].concat());
    assert_eq!((&said[0], &said[1]), (&json!("a.yaml"), &json!(2)), "{said}");
}
