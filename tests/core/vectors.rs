//! The vectors of the format specification: values, paths, grammar, MAC, documents, old files.

#![allow(clippy::unwrap_used)] // A vector that cannot be read fails its test.

use std::{fs, path::Path};

use serde_json::Value as Json;
use sops_core::{
    crypto::{DataKey, Digest, Envelope, MacScope, SecretBytes, ValueCipher},
    document::{Document, SealedDocument},
    format::Format,
    pipeline,
    tree::{
        Comment, Entry, Item, Kind, Leaf, List, Mapping, Node, Pair, Place, Time, Tree, Value,
        Visitor, walk,
    },
};

fn vectors(name: &str) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/vectors").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn rows(json: &Json) -> &Vec<Json> {
    let rows = json["vectors"].as_array().unwrap();
    assert!(!rows.is_empty(), "the vectors are empty");
    rows
}

fn text<'j>(json: &'j Json, name: &str) -> &'j str {
    json[name].as_str().unwrap_or_else(|| panic!("no text {name} in {json}"))
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn key(json: &Json) -> DataKey {
    DataKey::from_slice(&hex(text(json, "data_key_hex"))).unwrap()
}

fn node(json: &Json) -> Node {
    let (kind, body) = json.as_object().unwrap().iter().next().unwrap();
    let leaf = |value: Value| Node::Leaf(Leaf::new(value));
    match kind.as_str() {
        "map" => Node::Map(mapping(body)),
        "list" => {
            let items = body.as_array().unwrap().iter().map(|item| match item.get("comment") {
                Some(text) => Item::Comment(Comment::line(text.as_str().unwrap())),
                None => Item::Value(node(item)),
            });
            Node::List(List { items: items.collect() })
        }
        "str" => leaf(Value::text(body.as_str().unwrap())),
        "int" => leaf(Value::Int(body.as_str().unwrap().parse().unwrap())),
        "float" => leaf(Value::Float(body.as_str().unwrap().parse().unwrap())),
        "bool" => leaf(Value::Bool(body.as_bool().unwrap())),
        "time" => leaf(Value::Time(Time::parse_rfc3339(body.as_str().unwrap()).unwrap())),
        "null" => leaf(Value::Null),
        other => panic!("unknown node {other}"),
    }
}

fn mapping(body: &Json) -> Mapping {
    let entries = body.as_array().unwrap().iter().map(|entry| match entry.get("comment") {
        Some(text) => Entry::Comment(Comment::line(text.as_str().unwrap())),
        None => {
            Entry::Pair(Pair { key: text(entry, "key").to_owned(), value: node(&entry["value"]) })
        }
    });
    Mapping { entries: entries.collect() }
}

#[test]
fn values_are_sealed_to_the_same_token_and_opened_from_it() {
    let file = vectors("01-values.json");
    let cipher = ValueCipher::new(key(&file).expose());
    for row in rows(&file) {
        let name = text(row, "name");
        let plain = hex(text(row, "plaintext_hex"));
        let aad = text(row, "aad").as_bytes();
        if plain.is_empty() {
            // Empty text stays as it is; `sealing_leaves_empty_values_alone` covers it.
            assert_eq!(text(row, "enc"), "", "{name}");
            continue;
        }
        let token = Envelope::parse(text(row, "enc").as_bytes()).unwrap();
        assert_eq!(cipher.open(&token, aad).unwrap().expose(), plain, "{name}");
        let value = Value::from_canonical(token.kind, SecretBytes::new(plain.clone())).unwrap();
        if let Some(canonical) = row["canonical_utf8"].as_str() {
            assert_eq!(value.canonical().expose_str(), Some(canonical), "{name}");
        }
        if row["decrypt_only"].as_bool() != Some(true) {
            let kind = Kind::from_name(text(row, "type").as_bytes()).unwrap();
            let nonce = hex(text(row, "iv_hex")).try_into().unwrap();
            assert_eq!(cipher.seal(&plain, kind, &nonce, aad).print(), text(row, "enc"), "{name}");
            assert_eq!(value.canonical().expose(), plain, "{name}");
        }
    }
}

/// OpenSSL is another implementation, with the nonces of 32 bytes that most libraries do not take.
#[test]
fn the_cipher_is_that_of_openssl() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/gcm.json");
    let file: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for row in rows(&file) {
        let of = |name: &str| hex(text(row, name));
        let cipher = ValueCipher::new(of("key").as_slice().try_into().unwrap());
        let (nonce, aad, plain) = (of("iv"), of("aad"), of("text"));
        let token = Envelope {
            data: of("sealed"),
            nonce: nonce.clone(),
            tag: of("tag"),
            kind: Kind::Text,
            note: None,
        };
        assert_eq!(cipher.open(&token, &aad).unwrap().expose(), plain, "{row}");
        if let Ok(nonce) = nonce.try_into() {
            assert_eq!(cipher.seal(&plain, Kind::Text, &nonce, &aad), token, "{row}");
        }
        let mut broken = [token.clone(), token.clone(), token.clone(), token.clone()];
        broken[0].data[0] ^= 1;
        broken[1].tag[15] ^= 0x80;
        broken[2].nonce[0] ^= 1;
        broken[3].tag.pop();
        for broken in broken {
            assert!(cipher.open(&broken, &aad).is_err(), "{row}");
        }
        assert!(cipher.open(&token, &aad[1..]).is_err(), "{row}");
    }
}

struct Leaves(Vec<(Vec<String>, String, bool, Option<Value>)>);

impl Visitor for Leaves {
    type Error = ();
    fn leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), ()> {
        let keys = place.keys().map(str::to_owned).collect();
        if leaf.value.kind().is_some() {
            self.0.push((keys, place.aad.to_owned(), place.selected, Some(leaf.value.clone())));
        }
        Ok(())
    }
    fn comment(&mut self, place: &Place<'_, '_>, _: &mut Comment) -> Result<(), ()> {
        let keys = place.keys().map(str::to_owned).collect();
        self.0.push((keys, place.aad.to_owned(), place.selected, None));
        Ok(())
    }
}

fn selection(metadata: &Json) -> sops_core::selection::Selection {
    let mut fields = sops_core::selection::Fields::none();
    for (name, value) in metadata.as_object().unwrap() {
        if let Some(field) = sops_core::selection::Field::from_name(name) {
            fields.set(field, value.as_str().unwrap());
        }
    }
    fields.selection().unwrap()
}

#[test]
fn leaves_come_in_order_with_their_additional_data() {
    let file = vectors("02-aad-paths.json");
    let mut tree = Tree { documents: vec![mapping(&file["tree"]["map"])] };
    let mut leaves = Leaves(Vec::new());
    walk(&mut tree, &selection(&file["metadata"]), &mut leaves).unwrap();
    let expected = file["leaves"].as_array().unwrap();
    assert_eq!(leaves.0.len(), expected.len());
    for ((keys, aad, selected, value), row) in leaves.0.iter().zip(expected) {
        let path: Vec<_> =
            row["path"].as_array().unwrap().iter().map(|k| k.as_str().unwrap()).collect();
        assert_eq!(
            (keys.iter().map(String::as_str).collect(), aad.as_str()),
            (path, text(row, "aad"))
        );
        assert_eq!(Some(*selected), row["selected"].as_bool(), "{row}");
        assert_eq!(value.is_none(), text(row, "type") == "comment", "{row}");
    }
}

#[test]
fn the_grammar_of_tokens_is_that_of_the_reference() {
    let file = vectors("03-grammar.json");
    let cipher = ValueCipher::new(key(&file).expose());
    let aad = text(&file, "aad").as_bytes();
    for row in rows(&file) {
        let input = text(row, "input").as_bytes();
        assert_eq!(Some(Envelope::matches(input)), row["matches_grammar"].as_bool(), "{row}");
        let opened = Envelope::parse(input).ok().and_then(|token| cipher.open(&token, aad).ok());
        assert_eq!(Some(opened.is_some()), row["accept"].as_bool(), "{row}");
        if let Some(plain) = opened {
            assert_eq!(plain.expose_str(), row["plaintext_utf8"].as_str(), "{row}");
        }
    }
}

#[test]
fn the_mac_is_that_of_the_reference() {
    let file = vectors("04-mac.json");
    let cipher = ValueCipher::new(key(&file).expose());
    for row in rows(&file) {
        let documents =
            row["documents"].as_array().unwrap().iter().map(|d| mapping(&d["map"])).collect();
        let mut tree = Tree { documents };
        let scope = match row["metadata"]["mac_only_encrypted"].as_bool() {
            Some(true) => MacScope::SealedOnly,
            _ => MacScope::Everything,
        };
        let mut leaves = Leaves(Vec::new());
        walk(&mut tree, &selection(&row["metadata"]), &mut leaves).unwrap();
        let mut digest = Digest::new(scope);
        for (_, _, selected, value) in leaves.0 {
            if let Some(value) = value {
                digest.add(selected, value.canonical().expose());
            }
        }
        let mac = digest.finish();
        assert_eq!(mac.expose_str(), row["mac"].as_str(), "{}", row["name"]);
        let nonce = hex(text(row, "mac_iv_hex")).try_into().unwrap();
        let token = cipher.seal(mac.expose(), Kind::Text, &nonce, text(row, "mac_aad").as_bytes());
        assert_eq!(token.print(), text(row, "mac_enc"), "{}", row["name"]);
    }
}

fn read(format: &str, source: &str) -> SealedDocument {
    match Document::read(Format::from_name(format).unwrap(), source.into()) {
        Ok(Document::Sealed(document)) => *document,
        Ok(Document::Plain(_)) => panic!("not sealed: {source}"),
        Err(error) => panic!("{error:?}: {source}"),
    }
}

/// The data of a tree as JSON, comments left out.
fn data(node: &Node) -> Json {
    match node {
        Node::Map(mapping) => Json::Object(
            mapping.pairs().map(|pair| (pair.key.clone(), data(&pair.value))).collect(),
        ),
        Node::List(list) => Json::Array(list.values().map(data).collect()),
        Node::Leaf(leaf) => match &leaf.value {
            Value::Null => Json::Null,
            Value::Bool(bool) => Json::Bool(*bool),
            Value::Int(int) => (*int).into(),
            Value::Float(float) => (*float).into(),
            Value::Time(time) => Json::String(time.to_string()),
            Value::Text(text) => Json::String(text.expose_str().unwrap().to_owned()),
        },
    }
}

#[test]
fn whole_documents_open_and_their_mac_matches() {
    let file = vectors("08-documents.json");
    for row in rows(&file) {
        let name = text(row, "name");
        let format = text(row, "format");
        let document = read(format, text(row, "encrypted"));
        let opened = pipeline::open(document, &key(row), false).unwrap();
        let document = opened.verified().unwrap_or_else(|verdict| panic!("{name}: {verdict:?}"));
        let plain = document.text().unwrap();
        // The reference lays YAML and JSON out afresh; the data is the same.
        let format = Format::from_name(format).unwrap();
        let expected = sops_core::format::parse(format, text(row, "decrypted").into()).unwrap();
        let ours = sops_core::format::parse(format, plain.clone()).unwrap();
        assert_eq!(ours.tree, expected.tree, "{name}");
        if matches!(format, Format::Dotenv | Format::Ini | Format::Binary) {
            assert_eq!(plain.expose_str(), row["decrypted"].as_str(), "{name}");
        }
    }
}

#[test]
fn files_of_older_versions_open() {
    let file = vectors("09-legacy.json");
    let data_key = key(&file);
    for row in rows(&file) {
        let name = text(row, "name");
        let accepted = match Document::read(
            Format::from_name(text(row, "format")).unwrap(),
            text(row, "encrypted").into(),
        ) {
            Ok(Document::Sealed(document)) => pipeline::open(*document, &data_key, false)
                .map_err(|error| error.to_string())
                .and_then(|opened| opened.verified().map_err(|verdict| format!("{verdict:?}"))),
            Ok(Document::Plain(_)) => Err("not sealed".to_owned()),
            Err(error) => Err(format!("{error:?}")),
        };
        assert_eq!(
            Some(accepted.is_ok()),
            row["must_accept"].as_bool(),
            "{name}: {:?}",
            accepted.err()
        );
        if let (Ok(document), Some(expected)) = (accepted, row.get("expected_values")) {
            if expected.is_null() {
                continue;
            }
            let found: Vec<Json> = document
                .tree
                .documents
                .into_iter()
                .map(|mapping| data(&Node::Map(mapping)))
                .collect();
            let expected = match expected {
                Json::Array(documents) => documents.clone(),
                one => vec![one.clone()],
            };
            let without_default = |json: &Json| {
                let mut json = json.clone();
                if text(row, "format") == "ini"
                    && json["DEFAULT"].as_object().is_some_and(serde_json::Map::is_empty)
                {
                    json.as_object_mut().unwrap().remove("DEFAULT");
                }
                json
            };
            let found: Vec<Json> = found.iter().map(without_default).collect();
            let expected: Vec<Json> = expected.iter().map(without_default).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
