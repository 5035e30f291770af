//! Sealing replaces the spans of values, and opening puts the author's bytes back.

#![allow(clippy::unwrap_used)] // A text that cannot be read fails its test.

use std::collections::HashMap;

use sops_core::{
    crypto::SecretBytes,
    format::{Rewrite, yaml},
    tree::{Comment, Judge, Leaf, Mapping, Place, Tree, Value, Visitor, walk},
};

struct All;

impl Judge for All {
    fn key(&self, _: &str) -> bool {
        false
    }
    fn comment(&self, _: &[u8]) -> bool {
        false
    }
    fn leaf(&self, _: bool, _: usize, _: bool) -> bool {
        true
    }
}

/// What a token stands for: the value, and how it was spelled.
type Sealed = HashMap<String, (Value, Option<SecretBytes>)>;

struct Seal<'a> {
    parsed: &'a dyn sops_core::format::Layout,
    sealed: Sealed,
}

impl Visitor for Seal<'_> {
    type Error = ();
    fn leaf(&mut self, _: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), ()> {
        let empty = matches!(&leaf.value, Value::Null) || leaf.value == Value::text("");
        if empty {
            return Ok(());
        }
        let token =
            format!("ENC[AES256_GCM,data:{:04},iv:AA==,tag:AA==,type:str]", self.sealed.len());
        let spelling = self.parsed.spelling(leaf.mark, &leaf.value);
        self.sealed.insert(token.clone(), (leaf.value.clone(), spelling));
        leaf.replace(Value::text(token.as_str()));
        Ok(())
    }
    fn comment(&mut self, _: &Place<'_, '_>, comment: &mut Comment) -> Result<(), ()> {
        let token =
            format!("ENC[AES256_GCM,data:{:04},iv:AA==,tag:AA==,type:comment]", self.sealed.len());
        self.sealed.insert(token.clone(), (Value::Text(comment.text.clone()), None));
        comment.replace(token.as_str());
        Ok(())
    }
}

struct Open(Sealed);

impl Visitor for Open {
    type Error = String;
    fn leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), String> {
        let Value::Text(text) = &leaf.value else { return Ok(()) };
        if text.is_empty() {
            return Ok(());
        }
        let token = text.expose_str().unwrap().trim_end();
        let Some((value, spelling)) = self.0.get(token) else {
            return Err(format!("{}: not a token: {token}", place.path()));
        };
        leaf.replace(value.clone());
        leaf.spelling = spelling.clone().map(Box::new);
        Ok(())
    }
    fn comment(&mut self, place: &Place<'_, '_>, comment: &mut Comment) -> Result<(), String> {
        let token = comment.text.expose_str().unwrap();
        let Some((Value::Text(text), _)) = self.0.get(token) else {
            return Err(format!("{}: not a token: {token}", place.path()));
        };
        comment.replace(text.expose());
        Ok(())
    }
}

fn metadata() -> Mapping {
    let mut key = Mapping::default();
    key.push("enc", "-----BEGIN-----\nabc\n-----END-----\n");
    key.push("recipient", "age1xyz");
    let mut list = sops_core::tree::List::default();
    list.push(key);
    let mut metadata = Mapping::default();
    metadata.push("age", list);
    metadata.push("lastmodified", "2024-05-06T07:08:09Z");
    metadata.push("version", "3.13.0");
    metadata
}

/// Seals all values of a text and opens them again; gives the sealed text.
fn there_and_back(text: &str) -> String {
    let parsed = yaml::parse(text.into()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut tree = parsed.tree;
    let mut seal = Seal { parsed: &*parsed.layout, sealed: Sealed::new() };
    walk(&mut tree, &All, &mut seal).unwrap();
    let sealed_values = seal.sealed;
    let metadata = metadata();
    let how = Rewrite::Sealed { metadata: &metadata, indent: None };
    let sealed = parsed.layout.rewrite(&tree, how).unwrap();
    let sealed_text = sealed.expose_str().unwrap().to_owned();

    let again = yaml::parse(sealed).unwrap_or_else(|error| panic!("{error}\n{sealed_text}"));
    let mut tree: Tree = again.tree;
    walk(&mut tree, &All, &mut Open(sealed_values))
        .unwrap_or_else(|error| panic!("{error}\n{sealed_text}"));
    let opened = again.layout.rewrite(&tree, Rewrite::Plain).unwrap();
    assert_eq!(opened.expose_str().unwrap(), text, "sealed:\n{sealed_text}");
    sealed_text
}

#[test]
fn every_style_comes_back() {
    for text in [
        "a: 1\n",
        "a: 1",
        "a: 1\n\n\n",
        "---\na: 1\n",
        "\u{FEFF}a: 1\n",
        "a: 1\r\nb:\r\n  - x # c\r\n",
        "# top\n\na:   'it''s'   # why\nb: \"x\\u00e9\\n\"\nc: é\n",
        "a: |\n  one\n   two\n\n  three\nb: 2\n",
        "a: |-\n  one\nb: >\n  folded\n  text\n\n  more\nc: x\n",
        "a: |+\n  one\n\n\nb: 2\n",
        "a: |2-\n\n   x\n  y\n\nb: 1\n",
        "a: |\n  no end",
        "a: |+\n",
        "a: !!str \n  x\nb: !!str &a 5\nc: &b !!str\n  y\n",
        "a: |+ # c\n\n",
        "a:\n- >+\n\n   \n",
        "a: |+\n\n\nb: |+\n  x\n\n  \n   \n# c\n\nc: |",
        "a:\n- |2\n  x\n- >2-\n   y\n  z\nb:\n-\n  |1\n x\n- - |2\n    x\n",
        "a:\n  b:\n  - c: |2\n       x\n  # about\n  - |2\n     y\n",
        "a: >-\n  a\n  b",
        "a: {b: c, 'd': \"e\", f: 'g', h: [1, 2.50, x y]}\n",
        "{a: 1, \"b\": [x, \"y\"]}\n",
        "{}\n",
        "{\n  \"a\": 1,\n  \"b\": {}\n}\n",
        "a: 0x1F\nb: 1_000\nc: True\nd: 2.50\ne: 1.0\nf: 2024-01-02\ng: yes\nh: ~\ni:\nj: ''\n",
        "a: !!str 5\nb: !env X\nc: !!int \"5\"\nd: !!binary aGk=\ne: &x v\nf: &y !!str 7\n",
        "a: !!binary |\n  aGVs\n  bG8=\nb: 1\n",
        "a: plain over\n  two lines\nb: \"double over\n  two lines\"\nc: 'single over\n\n  two'\n",
        "l:\n- a\n# between\n- b: 1\n  c: 2\n  # end of item\n-\n  d: 3\n- - x\n  - y\n# outside\nm: 1\n",
        "a:\n    b:\n        c: 1\n        # deep\n    # middle\n# root\nd: 1\n# last\n",
        "a: 1\n---\nb: 2\n...\n---\n# only\n--- \nc: 3\n",
        "a: 1\n---\n",
        "? a\n: b\n? c\n",
        "key with blanks: v\n\"quoted: key\": v\n'<': v\n",
        "a: # comment\n  b: 1\nc: [] # empty\nd: {} # empty\ne: [x] # full\n",
        "a: |\n  tab\there\n  \n  trailing  \n  x\n",
        "a: |  # about the block\n  text\nb: 1\n",
        "  a: 1\n  b:\n    c: 2\n",
        "a: 'ENC[no'\nb: \"multi \\\n  line\"\nc: >2\n   lead\n  x\n",
        "%YAML 1.2\n---\na: 1\n",
    ] {
        there_and_back(text);
    }
}

#[test]
fn only_spans_of_values_change() {
    let sealed = there_and_back("# c\nk:   v  # d\nl: [a, 'b', \"c\"]\n");
    let lines: Vec<&str> = sealed.lines().collect();
    assert_eq!(lines[1].split("ENC[").next(), Some("k:   "));
    assert!(lines[1].contains("]  #ENC["));
    assert!(lines[2].starts_with("l: ['ENC["));
    assert!(lines[2].contains(", \"ENC["));
    assert_eq!(lines[3], "sops:");
}

#[test]
fn tags_for_bytes_and_times_count() {
    let parsed =
        yaml::parse("a: !!binary aGVs bG8=\nb: !!timestamp '2024-01-02'\nc: !x 5\n".into());
    let tree = parsed.unwrap().tree;
    let value = |key: &str| match tree.documents[0].get(key) {
        Some(sops_core::tree::Node::Leaf(leaf)) => leaf.value.clone(),
        other => panic!("{key} is {other:?}"),
    };
    assert_eq!(value("a"), Value::text("hello"));
    assert_eq!(value("b").canonical().expose_str(), Some("2024-01-02T00:00:00Z"));
    assert_eq!(value("c"), Value::text("5"));
}
