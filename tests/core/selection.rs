//! Selection vectors (format §1.5): which leaves each rule selects, comments among them.
#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::Value as Json;
use sops_core::{
    crypto::{Digest, MacScope},
    selection::{Field, Selection},
    tree::{
        Comment, Entry, Item, Leaf, List, Mapping, Node, Pair, Place, Tree, Value, Visitor, walk,
    },
};

const VECTORS: &str = include_str!("../data/vectors/05-selection.json");

#[test]
fn each_rule_selects_the_leaves_of_its_vector() {
    let file: Json = serde_json::from_str(VECTORS).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let name = vector["name"].as_str().unwrap();
        let fields = vector["metadata"].as_object().unwrap();
        let rule = Selection::from_fields(
            fields
                .iter()
                .map(|(field, text)| (Field::from_name(field).unwrap(), text.as_str().unwrap())),
        );
        let Node::Map(document) = node(&vector["tree"]) else { panic!("{name}: no mapping") };
        let mut tree = Tree { documents: vec![document] };
        let mut seen = Seen(Vec::new());
        walk(&mut tree, &rule.unwrap(), &mut seen).unwrap();
        assert_eq!(seen.0, expected(vector), "{name}");
        let mut digest = Digest::new(MacScope::Everything);
        for row in seen.0.iter().filter(|row| !row.comment) {
            digest.add(row.selected, row.text.as_bytes());
        }
        assert_eq!(digest.finish().expose_str(), vector["mac"].as_str(), "{name}");
    }
}

#[test]
fn everything_is_selected_in_binary_documents() {
    let mut document = Mapping::default();
    document.push("data_unencrypted", "x");
    let mut seen = Seen(Vec::new());
    walk(&mut Tree { documents: vec![document] }, &Selection::Everything, &mut seen).unwrap();
    assert!(seen.0[0].selected);
}

#[derive(Debug, PartialEq)]
struct Row {
    path: Vec<String>,
    text: String,
    comment: bool,
    selected: bool,
}

struct Seen(Vec<Row>);

impl Seen {
    fn note(&mut self, place: &Place<'_, '_>, text: &[u8], comment: bool) {
        self.0.push(Row {
            path: place.keys().map(str::to_owned).collect(),
            text: String::from_utf8(text.to_vec()).unwrap(),
            comment,
            selected: place.selected,
        });
    }
}

impl Visitor for Seen {
    type Error = std::convert::Infallible;

    fn leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), Self::Error> {
        self.note(place, leaf.value.canonical().expose(), false);
        Ok(())
    }

    fn comment(&mut self, place: &Place<'_, '_>, comment: &mut Comment) -> Result<(), Self::Error> {
        self.note(place, comment.text.expose(), true);
        Ok(())
    }
}

fn expected(vector: &Json) -> Vec<Row> {
    let row = |leaf: &Json| Row {
        path: leaf["path"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key.as_str().unwrap().into())
            .collect(),
        text: leaf["text"].as_str().unwrap().to_owned(),
        comment: leaf["is_comment"].as_bool().unwrap(),
        selected: leaf["encrypted"].as_bool().unwrap(),
    };
    vector["leaves"].as_array().unwrap().iter().map(row).collect()
}

/// Reads a node in the encoding of the vectors' README; these vectors hold texts only.
fn node(json: &Json) -> Node {
    let comment = |entry: &Json| entry.get("comment").map(|text| text.as_str().unwrap().to_owned());
    if let Some(entries) = json.get("map").and_then(Json::as_array) {
        let entry = |entry: &Json| match comment(entry) {
            Some(text) => Entry::Comment(Comment::line(text)),
            None => Entry::Pair(Pair {
                key: entry["key"].as_str().unwrap().to_owned(),
                value: node(&entry["value"]),
            }),
        };
        return Mapping { entries: entries.iter().map(entry).collect() }.into();
    }
    if let Some(items) = json.get("list").and_then(Json::as_array) {
        let item = |item: &Json| match comment(item) {
            Some(text) => Item::Comment(Comment::line(text)),
            None => Item::Value(node(item)),
        };
        return List { items: items.iter().map(item).collect() }.into();
    }
    Value::text(json["str"].as_str().unwrap()).into()
}
