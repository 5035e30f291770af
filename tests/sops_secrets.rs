//! SopsSecrets from `sops-rs seal` and `encrypt --canonical`, as a cluster returns them: keys
//! sorted, fields of the server added. Two programs verify the MAC of that: the core for the
//! operator, and the Go program of `SOPS_PEER`, which knows nothing of canonical forms.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{io::Read as _, iter};

use age::secrecy::ExposeSecret as _;
use serde_json::{Map, Value as Json, json};
use sops_core::{
    crypto::{DataKey, SecretBytes},
    format::{self, EmitOptions, Format, Section},
    sops_secret::{Integrity, OpenedTemplates, StoredObject},
    tree::{Node, Value},
};
use sops_tests::{need, run::Run, scratch::Scratch};

/// Manifests of a run.
const CASES: u64 = 24;

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }

    fn text(&mut self) -> String {
        const TEXTS: [&str; 18] = [
            "",
            "a",
            "yes",
            "5432",
            "1e3",
            "null",
            "2020-01-01",
            "p#ss: w0rd",
            "'quoted'",
            "\"",
            " blanks ",
            "two\nlines\n",
            "\n\nlines",
            "tab\there",
            "\u{1f511} ключ",
            "ENC[mine]",
            "{\"auths\":{}}",
            "%percent @at `tick",
        ];
        let count = 1 + self.below(2);
        (0..count).map(|_| TEXTS[self.below(TEXTS.len())]).collect()
    }

    fn key(&mut self) -> String {
        const KEYS: [&str; 12] =
            ["a", "B", "a.b", "a-b", "a_b", ".dockerconfigjson", "on", "1", "A", "Z", "z", "b"];
        KEYS[self.below(KEYS.len())].to_owned()
    }

    fn texts(&mut self, value: impl Fn(&mut Self) -> String) -> Map<String, Json> {
        let count = self.below(5);
        (0..count).map(|_| (self.key(), value(self).into())).collect()
    }

    fn secret(&mut self, number: usize) -> Json {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": format!("s{number}"),
                "annotations": self.texts(Self::text),
                "labels": self.texts(Self::key).into_iter()
                    .filter(|(_, value)| value != ".dockerconfigjson").collect::<Map<_, _>>(),
            },
            "data": self.texts(|numbers| STANDARD.encode(numbers.text())),
            "stringData": self.texts(Self::text),
            "type": "Opaque",
        })
    }
}

struct Keys {
    recipient: String,
    identity: age::x25519::Identity,
}

impl Keys {
    fn new() -> Self {
        let identity = age::x25519::Identity::generate();
        Self { recipient: identity.to_public().to_string(), identity }
    }

    fn run(&self, run: Run) -> Vec<u8> {
        let run = run.env("SOPS_AGE_KEY", self.identity.to_string().expose_secret());
        let outcome = run.run();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.err());
        outcome.out().into_bytes()
    }

    fn data_key(&self, object: &Json) -> DataKey {
        let enc = object["sops"]["age"][0]["enc"].as_str().unwrap();
        let armor = age::armor::ArmoredReader::new(enc.as_bytes());
        let decryptor = age::Decryptor::new(armor).unwrap();
        let identities = iter::once(&self.identity as &dyn age::Identity);
        let mut key = Vec::new();
        decryptor.decrypt(identities).unwrap().read_to_end(&mut key).unwrap();
        DataKey::from_slice(&key).unwrap()
    }

    fn open(&self, object: &Json) -> OpenedTemplates {
        let read = StoredObject::read(object.to_string().into()).unwrap();
        read.open(&self.data_key(object)).unwrap()
    }
}

/// An encrypted text as the API server returns the object.
fn stored(format: Format, text: &[u8]) -> Json {
    let mut object = sorted(format, text);
    object["metadata"]["uid"] = "5d9f0a3e-0000-4000-8000-000000000001".into();
    object["metadata"]["generation"] = 3.into();
    object["metadata"]["annotations"]["added-by"] = "some-tool".into();
    object["spec"]["suspend"] = true.into();
    object["status"] = json!({"message": "Healthy"});
    object
}

/// An encrypted text as JSON with sorted keys.
fn sorted(format: Format, text: &[u8]) -> Json {
    let parsed = format::parse(format, SecretBytes::from(text)).unwrap();
    let Section::Found(section) = parsed.metadata else { panic!("it is not encrypted") };
    let options = EmitOptions { indent: None };
    let json = format::emit(Format::Json, &parsed.tree, Some(&section), &options).unwrap();
    // Objects of this library sort their keys, as those of Go do.
    serde_json::from_slice(json.expose()).unwrap()
}

/// What the templates hold, as JSON.
fn content(opened: &OpenedTemplates) -> Json {
    fn json(node: &Node) -> Json {
        match node {
            Node::Leaf(leaf) => match &leaf.value {
                Value::Text(text) => text.expose_str().unwrap().into(),
                other => panic!("{other:?}"),
            },
            Node::Map(map) => map.pairs().map(|p| (p.key.clone(), json(&p.value))).collect(),
            Node::List(list) => list.values().map(json).collect(),
        }
    }
    opened.templates.values().map(json).collect()
}

/// What the templates should hold, from the manifests alone.
fn expected(secrets: &[Json]) -> Json {
    secrets
        .iter()
        .map(|secret| {
            let mut template = Map::new();
            template.insert("name".to_owned(), secret["metadata"]["name"].clone());
            template.insert("type".to_owned(), "Opaque".into());
            let mut data = secret["data"].as_object().unwrap().clone();
            let text = secret["stringData"].as_object().unwrap();
            data.retain(|key, _| !text.contains_key(key));
            for (field, texts) in [
                ("annotations", secret["metadata"]["annotations"].as_object().unwrap()),
                ("labels", secret["metadata"]["labels"].as_object().unwrap()),
                ("data", &data),
                ("stringData", text),
            ] {
                if !texts.is_empty() {
                    template.insert(field.to_owned(), texts.clone().into());
                }
            }
            Json::Object(template)
        })
        .collect()
}

#[test]
fn what_is_sealed_verifies_as_a_cluster_returns_it() {
    let (keys, peer) = (Keys::new(), need::peer());
    for case in 0..CASES {
        let mut numbers = Numbers(case);
        let secrets: Vec<_> = (0..=numbers.below(3)).map(|n| numbers.secret(n)).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": secrets});
        let scratch = Scratch::new();
        scratch.write("secrets.json", list.to_string());
        let (name, format) = match case % 2 {
            0 => ("sealed.yaml", Format::Yaml),
            _ => ("sealed.json", Format::Json),
        };
        let seal = ["seal", "--age", &keys.recipient, "secrets.json", "-o", name];
        keys.run(Run::sops_rs(seal).within(scratch.path()));
        let text = std::fs::read(scratch.at(name)).unwrap();
        let object = stored(format, &text);
        let opened = keys.open(&object);
        assert_eq!(opened.integrity, Integrity::Verified, "case {case}");
        assert_eq!(content(&opened), expected(&secrets), "case {case}");

        let Some(peer) = &peer else { continue };
        // As it was written: the plaintext is what we say it is.
        let go = keys.run(
            Run::peer(peer, ["decrypt", "--output-type", "json", name]).within(scratch.path()),
        );
        let go: Json = serde_json::from_slice(&go).unwrap();
        assert_eq!(go["spec"]["secretTemplates"], expected(&secrets), "case {case}");
        // As it is stored: its MAC matches still.
        scratch.write("stored.json", object.to_string());
        keys.run(Run::peer(peer, ["decrypt", "stored.json"]).within(scratch.path()));
        // And it would tell if it did not.
        let mut changed = object;
        changed["spec"]["secretTemplates"][0]["name"] = "".into();
        scratch.write("stored.json", changed.to_string());
        let decrypt = Run::peer(peer, ["decrypt", "stored.json"]).within(scratch.path());
        let decrypt = decrypt.env("SOPS_AGE_KEY", keys.identity.to_string().expose_secret()).run();
        assert_eq!(decrypt.code(), Some(51), "{}", decrypt.err());
        assert!(matches!(keys.open(&changed).integrity, Integrity::Mismatch(_)), "case {case}");
    }
}

#[test]
fn what_the_go_program_encrypted_is_brought_into_canonical_form() {
    let keys = Keys::new();
    let Some(peer) = need::peer() else { return };
    let scratch = Scratch::new();
    scratch.write(
        "s.yaml",
        "apiVersion: isindir.github.com/v1alpha3\nkind: SopsSecret\nmetadata:\n  name: s\nspec:\n  \
         secretTemplates:\n    # first\n    - name: one\n      stringData:\n        b: two\n        \
         # last\n        a: |\n          three\n          four\n",
    );
    let encrypt =
        ["encrypt", "-i", "--age", &keys.recipient, "--encrypted-suffix", "Templates", "s.yaml"];
    keys.run(Run::peer(&peer, encrypt).within(scratch.path()));
    let before = std::fs::read(scratch.at("s.yaml")).unwrap();
    let object = sorted(Format::Yaml, &before);
    assert!(matches!(keys.open(&object).integrity, Integrity::Unverifiable(_)));

    keys.run(Run::sops_rs(["encrypt", "--canonical", "-i", "s.yaml"]).within(scratch.path()));
    let after = std::fs::read(scratch.at("s.yaml")).unwrap();
    let object = stored(Format::Yaml, &after);
    let opened = keys.open(&object);
    assert_eq!(opened.integrity, Integrity::Verified);
    let expected = json!([{"name": "one", "stringData": {"a": "three\nfour\n", "b": "two"}}]);
    assert_eq!(content(&opened), expected);
    let plain = keys.run(Run::peer(&peer, ["decrypt", "s.yaml"]).within(scratch.path()));
    let plain = String::from_utf8(plain).unwrap();
    for comment in ["# first", "# last"] {
        assert!(plain.contains(comment), "{plain}");
    }
}
