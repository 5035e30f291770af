//! Comments of YAML belong where go-yaml puts them: the table was made by go-yaml itself.
#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::Value;
use sops_core::format::{self, Format, Rewrite};
use sops_core::tree::{Comment, Entry, Item, Mapping, Node, Tree};

/// Made by a Go program around the reference's own reading of YAML, from generated texts; some
/// hundred thousand more than are kept here were compared while this was written.
const TABLE: &str = include_str!("../data/yaml_comments.json");

/// A container's path, how many of its entries stand before, the comment.
type Place = (String, u64, String);

#[test]
fn comments_belong_where_go_yaml_puts_them() {
    let table: Value = serde_json::from_str(TABLE).unwrap();
    let rows = table["texts"].as_array().unwrap();
    assert!(rows.len() > 100, "the table is empty");
    for row in rows {
        let text = row["yaml"].as_str().unwrap();
        let places = row["comments"].as_array().unwrap();
        let expected: Vec<Place> =
            places.iter().map(|place| serde_json::from_value(place.clone()).unwrap()).collect();

        let plain = format::parse(Format::Yaml, text.into()).unwrap();
        assert_eq!(known_to_go(&plain.tree, &expected), expected, "{text}");

        // And where the metadata does stand behind them.
        let mut metadata = Mapping::default();
        metadata.push("mac", "m");
        let how = Rewrite::Sealed { metadata: &metadata, indent: None };
        let sealed = plain.layout.rewrite(&plain.tree, how).unwrap();
        let shown = sealed.expose_str().unwrap().to_owned();
        let sealed = format::parse(Format::Yaml, sealed).unwrap();
        assert_eq!(known_to_go(&sealed.tree, &expected), expected, "{shown}");
    }
}

/// All comments in the order of the tree, without those that are lost in the reference.
fn known_to_go(tree: &Tree, expected: &[Place]) -> Vec<Place> {
    let mut places = Vec::new();
    for (number, document) in tree.documents.iter().enumerate() {
        in_mapping(document, &number.to_string(), &mut places);
    }
    places.retain(|(_, _, text)| expected.iter().any(|(_, _, known)| known == text));
    places
}

fn in_mapping(mapping: &Mapping, path: &str, places: &mut Vec<Place>) {
    let mut before = 0;
    for entry in &mapping.entries {
        match entry {
            Entry::Comment(comment) => places.push(place(path, before, comment)),
            Entry::Pair(pair) => {
                in_node(&pair.value, &format!("{path}/{}", pair.key), places);
                before += 1;
            }
        }
    }
}

fn in_node(node: &Node, path: &str, places: &mut Vec<Place>) {
    match node {
        Node::Leaf(_) => {}
        Node::Map(mapping) => in_mapping(mapping, path, places),
        Node::List(list) => {
            let mut before = 0;
            for item in &list.items {
                match item {
                    Item::Comment(comment) => places.push(place(path, before, comment)),
                    Item::Value(node) => {
                        in_node(node, &format!("{path}/[{before}]"), places);
                        before += 1;
                    }
                }
            }
        }
    }
}

fn place(path: &str, before: u64, comment: &Comment) -> Place {
    (path.to_owned(), before, comment.text.expose_str().unwrap().to_owned())
}
