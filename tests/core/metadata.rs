//! Metadata vectors: the sections of files that must be read (format §9), and sections in the
//! layout of 3.13 that must come back as they were (format §3).
#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::Value as Json;
use sops_core::{
    format::{self, EmitOptions, Format, Section},
    keys::KeyKind,
    metadata::{Metadata, is_sealed},
    tree::{List, Mapping, Node, Tree, Value},
};

const LEGACY: &str = include_str!("../data/vectors/09-legacy.json");
const FLATTEN: &str = include_str!("../data/vectors/07-flatten.json");
const DOCUMENTS: &str = include_str!("../data/vectors/08-documents.json");

fn vectors(text: &str) -> Vec<Json> {
    let file: Json = serde_json::from_str(text).unwrap();
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert!(!vectors.is_empty());
    vectors
}

fn section(vector: &Json) -> Mapping {
    let format = Format::from_name(vector["format"].as_str().unwrap()).unwrap();
    let text = vector["encrypted"].as_str().unwrap();
    match format::parse(format, text.into()).unwrap().metadata {
        Section::Found(mapping) => mapping,
        other => panic!("{}: {other:?}", vector["name"]),
    }
}

#[test]
fn the_sections_of_old_files_are_read() {
    for vector in vectors(LEGACY) {
        let name = vector["name"].as_str().unwrap();
        let must = vector["must_accept"].as_bool().unwrap();
        let section = section(&vector);
        match Metadata::read(&section) {
            Ok(read) => {
                let keys: Vec<_> = read.groups.iter().flat_map(|group| &group.0).collect();
                assert!(keys.iter().all(|key| key.key.kind() == KeyKind::Age), "{name}");
                assert_eq!(keys.len(), 1, "{name}");
                assert!(!must || (is_sealed(&section) && !read.mac.is_empty()), "{name}");
                // Once written in today's layout it stays what it is.
                let again = Metadata::read(&read.to_mapping()).unwrap();
                assert_eq!(again, read, "{name}");
            }
            Err(error) => assert!(!must, "{name}: {error}"),
        }
    }
}

#[test]
fn sections_of_3_13_come_back_as_they_were() {
    for vector in vectors(FLATTEN) {
        let Node::Map(given) = node(&vector["metadata"]) else { panic!("no mapping") };
        let sorted = sorted(given);
        assert_eq!(Metadata::read(&sorted).unwrap().to_mapping(), sorted);
    }
    for vector in vectors(DOCUMENTS) {
        let given = section(&vector);
        let flat = matches!(vector["format"].as_str(), Some("dotenv" | "ini" | "binary"));
        let written = Metadata::read(&given).unwrap().to_mapping();
        if !flat {
            assert_eq!(written, given, "{}", vector["name"]);
        }
        assert_eq!(Metadata::read(&written), Metadata::read(&given), "{}", vector["name"]);
    }
}

#[test]
fn flat_names_are_those_of_the_reference() {
    for vector in vectors(FLATTEN) {
        let Node::Map(given) = node(&vector["metadata"]) else { panic!("no mapping") };
        let given = sorted(given);
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        let mut section = Mapping::default();
        section.push("k", "v");
        let mut sections = Mapping::default();
        sections.push("s", section.clone());
        for (format, data) in [(Format::Dotenv, section), (Format::Ini, sections)] {
            let tree = Tree { documents: vec![data] };
            let options = EmitOptions { indent: None };
            let written = format::emit(format, &tree, Some(&given), &options).unwrap();
            let lines = written.expose_str().unwrap().lines();
            if format == Format::Dotenv {
                let lines: Vec<_> = lines.filter(|line| line.starts_with("sops_")).collect();
                let expected: Vec<_> =
                    vector["dotenv"].as_array().unwrap().iter().map(text).collect();
                assert_eq!(lines, expected);
            } else {
                let lines = lines.skip_while(|line| *line != "[sops]").skip(1);
                let pairs = lines.map(|line| line.split_once('=').unwrap());
                let pairs: Vec<_> = pairs
                    .map(|(key, value)| (key.trim().to_owned(), value[1..].to_owned()))
                    .collect();
                let expected = vector["ini"].as_array().unwrap().iter();
                let expected: Vec<_> =
                    expected.map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
                assert_eq!(pairs, expected);
            }
            // And back.
            match format::parse(format, written).unwrap().metadata {
                Section::Found(read) => {
                    assert_eq!(Metadata::read(&read).unwrap(), Metadata::read(&given).unwrap());
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A node of plain JSON.
fn node(json: &Json) -> Node {
    match json {
        Json::Null => Value::Null.into(),
        Json::Bool(truth) => Value::Bool(*truth).into(),
        Json::Number(number) => Value::Int(number.as_i64().unwrap()).into(),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => {
            let mut list = List::default();
            items.iter().for_each(|item| list.push(node(item)));
            list.into()
        }
        Json::Object(fields) => {
            let mut mapping = Mapping::default();
            fields.iter().for_each(|(key, value)| mapping.push(key.clone(), node(value)));
            mapping.into()
        }
    }
}

/// The vectors are sorted already; this is for readers of JSON that do not keep the order.
fn sorted(mut mapping: Mapping) -> Mapping {
    use sops_core::tree::Entry;
    mapping.entries.sort_by_key(|entry| match entry {
        Entry::Pair(pair) => pair.key.clone(),
        Entry::Comment(_) => String::new(),
    });
    mapping
}
