//! Tests of the dotenv format.

use proptest::prelude::*;

use super::{super::there_and_back::there_and_back, emit, parse};
use crate::{
    format::{EmitError, EmitOptions, Rewrite, Section, SectionError, json},
    tree::{Entry, Mapping, Node, Path, Tree, Value},
};

fn tree(text: &str) -> Tree {
    parse(text.into()).unwrap().tree
}

fn values(text: &str) -> Vec<(String, String)> {
    let tree = tree(text);
    tree.documents[0]
        .entries
        .iter()
        .map(|entry| match entry {
            Entry::Comment(comment) => {
                ("#".to_owned(), comment.text.expose_str().unwrap().to_owned())
            }
            Entry::Pair(pair) => {
                let Node::Leaf(leaf) = &pair.value else { panic!() };
                let Value::Text(text) = &leaf.value else { panic!() };
                (pair.key.clone(), text.expose_str().unwrap().to_owned())
            }
        })
        .collect()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

fn refused(text: &str) -> String {
    parse(text.into()).map(|_| ()).unwrap_err().to_string()
}

fn put(text: &str, key: &str, value: &str) -> String {
    let parsed = parse(text.into()).unwrap();
    let path = Path::parse(&format!("[\"{key}\"]")).unwrap();
    parsed.layout.put(&parsed.tree, &path, &value.into()).unwrap().expose_str().unwrap().to_owned()
}

fn remove(text: &str, key: &str) -> String {
    let parsed = parse(text.into()).unwrap();
    let path = Path::parse(&format!("[\"{key}\"]")).unwrap();
    parsed.layout.remove(&parsed.tree, &path).unwrap().expose_str().unwrap().to_owned()
}

#[test]
fn the_dialect_is_that_of_the_reference() {
    assert_eq!(
        values("# c\nA=1\n\nB =two=2 \nC=l1\\nl2\n#\n=x\nexport D=\"q\"\nA=again"),
        [
            pair("#", " c"),
            pair("A", "1"),
            pair("B ", "two=2 "),
            pair("C", "l1\nl2"),
            pair("#", ""),
            pair("", "x"),
            pair("export D", "\"q\""),
            pair("A", "again"),
        ]
    );
    assert_eq!(values("A=x\r\n"), [pair("A", "x\r")]);
    assert_eq!(values("\u{feff}A=x"), [pair("\u{feff}A", "x")]);
}

#[test]
fn texts_of_any_layout_come_back() {
    for text in [
        "",
        "\n",
        "\n\n",
        "A=1",
        "A=1\n",
        "# only",
        "# only\n\n",
        "A=1\n\n\n# c\nB=2\n\n",
        "A=\nB=\\n\n",
        "A=1\r\n\r\n# c\r\nB=\r\n\r\n",
        "A=1\r\nB=2",
        "A=1\r\nB=2\n\n",
        "\u{feff}A=1\n",
    ] {
        there_and_back(parse, text.as_bytes());
    }
    there_and_back(parse, b"A=\xFF\xFE\n");
}

#[test]
fn the_sealed_text_is_one_that_the_reference_reads() {
    let sealed = there_and_back(parse, b"# c\r\n\r\nA=1\r\n");
    assert!(
        sealed
            .starts_with("#ENC[AES256_GCM,data:000000==,iv:aXY=,tag:dGFn,type:comment]\n\nA=ENC[")
    );
    assert!(!sealed.contains('\r'));
    assert!(
        sealed.contains("\nsops_age__list_0__map_enc=-----BEGIN\\nline\\n-----END\\n\nsops_age__")
    );
    assert!(sealed.ends_with("\nsops_version=3.13.2\n"));
    let sealed = there_and_back(parse, b"A=1");
    assert!(sealed.ends_with("\nsops_version=3.13.2"));
}

#[test]
fn refusals_do_not_repeat_the_line() {
    assert_eq!(
        refused("A=1\nhunter2\n"),
        "line 2, column 1: the line is neither empty nor a comment, and it has no '='"
    );
    assert!(refused("\u{feff}# hunter2=3\n").contains("byte order mark"));
    for text in ["A=1\n\r\n", "\r\n", "A=1\r\n\n", "A=1\r\n\r"] {
        assert!(refused(text).contains("blank line"), "{text:?}");
    }
}

#[test]
fn metadata_may_stand_anywhere_and_end_with_carriage_returns() {
    for (text, plain) in [
        ("sops_version=1\nA=1\nsops_mac=x\n", "A=1\n"),
        ("A=1\nsops_version=1\r\nsops_mac=x", "A=1"),
        ("sops_version=1\nsops_mac=x", ""),
    ] {
        let parsed = parse(text.into()).unwrap();
        let Section::Found(section) = &parsed.metadata else { panic!() };
        assert_eq!(section.get("version"), Some(&"1".into()));
        let out = parsed.layout.rewrite(&parsed.tree, Rewrite::Plain).unwrap();
        assert_eq!(out.expose_str(), Some(plain));
    }
    let parsed = parse("sops_version=1\nA=1\nsops_mac=x\n".into()).unwrap();
    let mut metadata = Mapping::default();
    metadata.push("version", "2");
    let how = Rewrite::Sealed { metadata: &metadata, indent: None };
    let out = parsed.layout.rewrite(&parsed.tree, how).unwrap();
    assert_eq!(out.expose_str(), Some("sops_version=2\nA=1\n"));
    let twice = parse("sops_a=1\nsops_a=2\n".into()).unwrap().metadata;
    assert!(matches!(twice, Section::Malformed(SectionError::Flat { field, .. }) if field == "a"));
}

#[test]
fn the_quotes_of_version_3_6_0_are_taken_off() {
    let text = "# ENC[x]\n# c\nA='ENC[y]'\nB='it\\'s'\nsops_version='3.6.0'\nsops_mac='x\\ny'\n";
    let expected = [pair("#", "ENC[x]"), pair("#", " c"), pair("A", "ENC[y]"), pair("B", "it's")];
    assert_eq!(values(text), expected);
    let parsed = parse(text.into()).unwrap();
    let Section::Found(section) = &parsed.metadata else { panic!() };
    assert_eq!(section.get("mac"), Some(&"x\ny".into()));
    let out = parsed.layout.rewrite(&parsed.tree, Rewrite::Plain).unwrap();
    assert_eq!(out.expose_str(), Some("# ENC[x]\n# c\nA=ENC[y]\nB=it's\n"));
}

#[test]
fn new_lines_end_as_the_others_do() {
    assert_eq!(put("A=1\n", "A", "a\nb"), "A=a\\nb\n");
    assert_eq!(put("A=1\n", "B", "2"), "A=1\nB=2\n");
    assert_eq!(put("A=1", "B", "2"), "A=1\nB=2");
    assert_eq!(put("", "B", "2"), "B=2\n");
    assert_eq!(put("A=1\r\n", "B", "2"), "A=1\r\nB=2\r\n");
    assert_eq!(put("A=1\r\n", "A", "2"), "A=2\r\n");
    assert_eq!(remove("A=1\nB=2\nA=3\n", "A"), "B=2\nA=3\n");
    assert_eq!(remove("A=1\nB=2", "B"), "A=1");
}

#[test]
fn containers_and_impossible_keys_are_refused() {
    let parsed = parse("A=1\n".into()).unwrap();
    let put = |path: &str, value: Node| {
        parsed.layout.put(&parsed.tree, &Path::parse(path).unwrap(), &value)
    };
    let what = |result| match result {
        Err(EmitError::CannotHold { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(what(put("[\"A\"]", Mapping::default().into())), "a mapping");
    assert_eq!(what(put("[\"A\"][\"b\"]", "x".into())), "a mapping");
    assert_eq!(what(put("[\"A\"][0]", "x".into())), "a list");
    assert!(what(put("[\"A=B\"]", "x".into())).starts_with("a key"));
    assert!(what(put("[\"#A\"]", "x".into())).starts_with("a key"));
    assert!(matches!(put("[\"sops_x\"]", "x".into()), Err(EmitError::Reserved { .. })));
    assert!(parsed.layout.remove(&parsed.tree, &Path::parse("[\"B\"]").unwrap()).is_err());
}

#[test]
fn scalars_of_every_kind_are_written_as_text() {
    let options = EmitOptions { indent: None };
    let tree = json::parse("{\"a\":1,\"b\":true,\"c\":null,\"d\":2e5,\"e\":\"x\\ny\"}".into())
        .unwrap()
        .tree;
    let out = emit(&tree, None, &options).unwrap();
    assert_eq!(out.expose_str(), Some("a=1\nb=true\nc=\nd=200000.0\ne=x\\ny\n"));
    let mut metadata = Mapping::default();
    metadata.push("version", "1");
    let out = emit(&Tree::default(), Some(&metadata), &options).unwrap();
    assert_eq!(out.expose_str(), Some("sops_version=1\n"));
    let nested = json::parse("{\"a\":{}}".into()).unwrap().tree;
    assert!(matches!(emit(&nested, None, &options), Err(EmitError::CannotHold { .. })));
    let reserved = json::parse("{\"sops_x\":1}".into()).unwrap().tree;
    assert!(emit(&reserved, None, &options).is_ok());
    assert!(emit(&reserved, Some(&metadata), &options).is_err());
}

/// dotenv texts whose lines all end alike, so that none is refused.
fn dotenv() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just(String::new()),
        "#[ -~é]{0,8}",
        "[A-C ]{0,3}=[ -~é]{0,12}",
        "[A-C]=([a-z]|\\\\n|\\\\|=|#){0,6}",
    ];
    (prop::collection::vec(line, 0..8), any::<bool>(), any::<bool>()).prop_map(
        |(lines, crlf, ended)| {
            let only_blank = lines.iter().rev().skip(usize::from(!ended)).all(String::is_empty);
            let line_break = if crlf && !only_blank { "\r\n" } else { "\n" };
            let mut text = lines.join(line_break);
            if ended && !lines.is_empty() {
                text.push_str(line_break);
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_comes_back(text in dotenv()) {
        there_and_back(parse, text.as_bytes());
    }

    #[test]
    fn what_is_read_comes_back(text in "([AB#= \n]|\r\n|\\\\n){0,16}") {
        if parse(text.as_str().into()).is_ok() {
            there_and_back(parse, text.as_bytes());
        }
    }
}
