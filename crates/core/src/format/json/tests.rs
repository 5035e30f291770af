//! Tests of the JSON format.

use proptest::prelude::*;

use super::{super::there_and_back::there_and_back, emit, emit_node, parse};
use crate::{
    format::{EmitError, EmitOptions, Problem, Rewrite, Section, SectionError},
    tree::{Mapping, Node, Path, Step, Tree, Value},
};

fn problem(text: &str) -> Problem {
    parse(text.into()).map(|_| ()).unwrap_err().problem
}

fn tree(text: &str) -> Tree {
    parse(text.into()).unwrap().tree
}

fn put(text: &str, path: &str, value: &str) -> String {
    let parsed = parse(text.into()).unwrap();
    let wrapped = tree(&format!("{{\"v\":{value}}}"));
    let value = wrapped.documents[0].get("v").unwrap();
    let out = parsed.layout.put(&parsed.tree, &Path::parse(path).unwrap(), value).unwrap();
    out.expose_str().unwrap().to_owned()
}

fn remove(text: &str, path: &str) -> String {
    let parsed = parse(text.into()).unwrap();
    let out = parsed.layout.remove(&parsed.tree, &Path::parse(path).unwrap()).unwrap();
    out.expose_str().unwrap().to_owned()
}

#[test]
fn texts_of_any_layout_come_back() {
    for text in [
        "{}",
        "{}\n",
        "{ }",
        "{\n}\n",
        "{\n\n\t}",
        " \n{\"a\":1}\n\n",
        "{\"a\":1}",
        "{ \"a\" : 1 , \"b\" : [ ] }",
        "{\"a\": 1, \"b\": {\"c\": null}}\n",
        "{\n  \"a\": 1.0,\n  \"b\": [1e6, -0, 1E+2, 0.10, 123456789012345678901234567890]\n}\n",
        "{\r\n    \"a\": \"x\",\r\n    \"b\": {\r\n        \"c\": true\r\n    }\r\n}\r\n",
        "{\"a\":\"\\u00e9 \\/ \u{e9} \\u003c<\",\"a\":\"twice\",\"\":\"\"}",
        "\u{feff}{\"a\": \"x\"}",
        "\u{feff}{}",
        "{\"a\":\"x\"\n\n,\n\"b\":\"y\"}",
        "{\n\"a\": \"x\"\n}",
        "{\"o\": {\"sops\": \"nested is fine\"}}",
        "{\n\t\"a\": \"x\" }",
    ] {
        there_and_back(parse, text.as_bytes());
    }
}

#[test]
fn metadata_follows_the_layout_of_the_file() {
    let sealed = there_and_back(parse, b"{\n  \"a\": {\n    \"b\": 1\n  }\n}\n");
    assert!(sealed.contains("type:int]\"\n  }"), "{sealed}");
    assert!(sealed.contains("  },\n  \"sops\": {\n    \"age\": [\n      {\n        \"enc\""));
    assert!(sealed.ends_with("\n    \"version\": \"3.13.2\"\n  }\n}\n"), "{sealed}");
    let sealed = there_and_back(parse, b"{\"a\":\"x\",\"b\":\"y\"}");
    assert!(sealed.contains("\",\"sops\":{\"age\":[{\"enc\""), "{sealed}");
    let sealed = there_and_back(parse, b"{}");
    assert!(sealed.starts_with("{\n\t\"sops\": {\n\t\t\"age\""), "{sealed}");
    assert!(sealed.ends_with("\n\t}\n}"), "{sealed}");
}

#[test]
fn numbers_have_the_types_of_the_reference() {
    let tree = tree(
        "{\"a\":1,\"b\":-0,\"c\":9223372036854775807,\"d\":9223372036854775808,\"e\":1.0,\"f\":1e2}",
    );
    let values: Vec<_> = tree.documents[0].pairs().map(|pair| pair.value.clone()).collect();
    let expected = [
        Value::Int(1),
        Value::Int(0),
        Value::Int(i64::MAX),
        Value::Float(9223372036854775808.0),
        Value::Float(1.0),
        Value::Float(100.0),
    ];
    assert_eq!(values, expected.map(Node::from));
    assert_eq!(problem("{\"a\":1e999}"), Problem::NumberTooLarge);
}

#[test]
fn what_would_be_lost_or_changed_is_refused() {
    assert_eq!(problem("[1]"), Problem::NotAMapping { found: "a list" });
    assert_eq!(problem("\"x\""), Problem::NotAMapping { found: "a scalar" });
    assert_eq!(problem(" \n"), Problem::Empty);
    for text in [
        "{\"a\":",
        "{\"a\":1} x",
        "{\"a\":1}{}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":+1}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{\"a\":tru}",
        "{\"a\":[1 2]}",
        "{\"a\":'x'}",
        "{/**/}",
        "hello",
    ] {
        assert!(matches!(problem(text), Problem::Syntax(_)), "{text}");
    }
    let error = parse((&b"{\"a\":\n\"\xFF\"}"[..]).into()).map(|_| ()).unwrap_err();
    assert_eq!((error.line, error.problem), (2, Problem::NotUtf8));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(problem(&deep), Problem::TooDeep { limit: 500 });
    let allowed = format!("{{\"a\":{}{}}}", "[".repeat(499), "]".repeat(499));
    assert!(parse(allowed.as_str().into()).is_ok());
}

#[test]
fn errors_name_the_place_and_not_the_text() {
    let error = parse("{\n \"a\": hunter2\n}".into()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 7, in [\"a\"]: expected a value");
}

#[test]
fn only_one_top_level_mapping_is_metadata() {
    let section = |text: &str| parse(text.into()).unwrap().metadata;
    assert!(matches!(section("{\"a\":{\"sops\":1}}"), Section::Absent));
    assert!(matches!(section("{\"sops\":{}}"), Section::Found(_)));
    let duplicate = SectionError::Duplicate { line: 2 };
    assert!(
        matches!(section("{\"sops\":{},\n\"sops\":1}"), Section::Malformed(e) if e == duplicate)
    );
    let scalar = SectionError::NotAMapping { line: 1 };
    assert!(matches!(section("{\"s\\u006fps\":1}"), Section::Malformed(e) if e == scalar));
}

#[test]
fn version_numbers_keep_their_text() {
    let Section::Found(section) = parse("{\"sops\":{\"version\":1.0}}".into()).unwrap().metadata
    else {
        panic!();
    };
    let Some(Node::Leaf(leaf)) = section.get("version") else { panic!() };
    assert_eq!(leaf.spelling.as_deref().unwrap().expose(), b"1.0");
}

#[test]
fn metadata_that_others_moved_is_replaced_there_and_removed_from_there() {
    for (text, plain) in [
        ("{\n  \"sops\": {},\n  \"a\": 1\n}", "{\n  \"a\": 1\n}"),
        ("{\"a\":1,\"sops\":{},\"b\":2}", "{\"a\":1,\"b\":2}"),
        ("{\n\t\"sops\": {}\n}\n", "{}\n"),
    ] {
        let parsed = parse(text.into()).unwrap();
        let out = parsed.layout.rewrite(&parsed.tree, Rewrite::Plain).unwrap();
        assert_eq!(out.expose_str(), Some(plain));
        let how = Rewrite::Sealed { metadata: &Mapping::default(), indent: None };
        let out = parsed.layout.rewrite(&parsed.tree, how).unwrap();
        assert_eq!(out.expose_str(), Some(text));
    }
}

#[test]
fn new_members_look_like_their_neighbours() {
    assert_eq!(put("{\"a\":1}", "[\"a\"]", "\"x\""), "{\"a\":\"x\"}");
    assert_eq!(put("{\"a\": 1}", "[\"b\"]", "[1,2]"), "{\"a\": 1, \"b\": [1, 2]}");
    assert_eq!(
        put("{\n  \"a\": {}\n}\n", "[\"a\"][\"b\"]", "{\"c\":true}"),
        "{\n  \"a\": {\n    \"b\": {\n      \"c\": true\n    }\n  }\n}\n"
    );
    assert_eq!(
        put("{\n  \"a\": [\n    1\n  ]\n}", "[\"a\"][9]", "2"),
        "{\n  \"a\": [\n    1,\n    2\n  ]\n}"
    );
    assert_eq!(put("{\n  \"a\": [1, 2]\n}", "[\"a\"][2]", "3"), "{\n  \"a\": [1, 2, 3]\n}");
    assert_eq!(
        put("{}", "[\"a\"][0][\"b\"]", "1"),
        "{\n\t\"a\": [\n\t\t{\n\t\t\t\"b\": 1\n\t\t}\n\t]\n}"
    );
    assert_eq!(put("{\"a\": 1}", "[\"a\"][\"b\"]", "null"), "{\"a\": {\"b\": null}}");
    assert_eq!(put("{\"a\": 1}", "", "{\"b\": 2}"), "{\"b\": 2}");
    assert_eq!(
        put("{\r\n \"a\": 1\r\n}", "[\"b\"]", "{\"c\":[]}"),
        "{\r\n \"a\": 1,\r\n \"b\": {\r\n  \"c\": []\r\n }\r\n}"
    );
}

#[test]
fn removal_takes_the_comma_along() {
    assert_eq!(remove("{\n  \"a\": 1,\n  \"b\": 2\n}", "[\"a\"]"), "{\n  \"b\": 2\n}");
    assert_eq!(remove("{\n  \"a\": 1,\n  \"b\": 2\n}", "[\"b\"]"), "{\n  \"a\": 1\n}");
    assert_eq!(remove("{\n  \"a\": 1\n}", "[\"a\"]"), "{}");
    assert_eq!(remove("{\"a\": [1, [2], 3]}", "[\"a\"][1]"), "{\"a\": [1, 3]}");
}

#[test]
fn paths_that_lead_nowhere_are_refused() {
    let parsed = parse("{\"a\": [1]}".into()).unwrap();
    for path in ["[\"a\"][\"b\"]", "[0]"] {
        let path = Path::parse(path).unwrap();
        let refused = parsed.layout.put(&parsed.tree, &path, &Value::Null.into());
        assert!(matches!(refused, Err(EmitError::CannotHold { .. })), "{path}");
        assert!(parsed.layout.remove(&parsed.tree, &path).is_err());
    }
    let reserved =
        parsed.layout.put(&parsed.tree, &Path::parse("[\"sops\"]").unwrap(), &Value::Null.into());
    assert!(matches!(reserved, Err(EmitError::Reserved { .. })));
}

#[test]
fn the_canonical_form_is_that_of_the_reference_with_fewer_escapes() {
    let tree = tree(
        "{\"a\":[1,{}],\"u\":\"<&>\\u2028é\\u0001\",\"f\":[1.0,1e21,1e-7,0.000001,-0.0,1e20,1.5e300]}",
    );
    let options = EmitOptions { indent: None };
    let out = emit(&tree, None, &options).unwrap();
    assert_eq!(
        out.expose_str().unwrap(),
        "{\n\t\"a\": [\n\t\t1,\n\t\t{}\n\t],\n\t\"u\": \"<&>\u{2028}é\\u0001\",\n\t\"f\": [\n\t\t1,\n\t\t1e+21,\n\t\t1e-7,\n\t\t0.000001,\n\t\t-0.0,\n\t\t100000000000000000000,\n\t\t1.5e+300\n\t]\n}\n"
    );
    let mut reserved = tree.clone();
    reserved.documents[0].push("sops", Value::Int(1));
    assert!(emit(&reserved, None, &options).is_ok());
    assert!(emit(&reserved, Some(&Mapping::default()), &options).is_err());
    let mut infinite = Tree::default();
    let mut inner = Mapping::default();
    inner.push("b", Value::Float(f64::NAN));
    infinite.documents.push(Mapping::default());
    infinite.documents[0].push("a", inner);
    let Err(EmitError::CannotHold { path, .. }) = emit(&infinite, None, &options) else { panic!() };
    assert_eq!(path, "[\"a\"][\"b\"]");
}

#[test]
fn only_an_extracted_mapping_ends_with_a_line_break() {
    let tree = tree("{\"a\":{\"b\":1},\"c\":[\"x\"],\"d\":0.5}");
    let text = |key: &str| {
        let node = tree.documents[0].get(key).unwrap();
        emit_node(node, &EmitOptions { indent: Some(1) }).unwrap().expose_str().unwrap().to_owned()
    };
    assert_eq!(text("a"), "{\n \"b\": 1\n}\n");
    assert_eq!(text("c"), "[\n \"x\"\n]");
    assert_eq!(text("d"), "0.5");
}

#[test]
fn lines_are_counted_from_one() {
    let parsed = parse("{\n\"a\": 1,\n\n\"b\": 2}".into()).unwrap();
    let Some(Node::Leaf(leaf)) = parsed.tree.documents[0].get("b") else { panic!() };
    assert_eq!(parsed.layout.line(leaf.mark), Some(4));
}

/// JSON texts in any layout: blanks are drawn at every place where the grammar has them.
fn json() -> impl Strategy<Value = String> {
    let blank = || prop::sample::select(vec!["", " ", "\n", "\r\n\t", "\n  "]);
    let scalar = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "0",
            "-0",
            "1.0",
            "1e6",
            "1E-3",
            "12345678901234567890",
            "\"\"",
            "\"\\u00e9\"",
            "\"\\/\"",
            "\"\\ud83d\\ude00\"",
            "-12.50",
        ])
        .prop_map(str::to_owned),
        "\"[ -!#-\\[\\]-~é😀]{0,12}\"",
    ];
    let value = scalar.prop_recursive(4, 24, 4, move |inner| {
        let member = (blank(), "[a-c<é]{0,2}", blank(), blank(), inner.clone(), blank())
            .prop_map(|(a, key, b, c, value, d)| format!("{a}\"{key}\"{b}:{c}{value}{d}"));
        let element = (blank(), inner, blank()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        prop_oneof![
            (blank(), prop::collection::vec(member, 0..4)).prop_map(|(gap, members)| {
                let gap = if members.is_empty() { gap } else { "" };
                format!("{{{gap}{}}}", members.join(","))
            }),
            (blank(), prop::collection::vec(element, 0..4)).prop_map(|(gap, elements)| {
                let gap = if elements.is_empty() { gap } else { "" };
                format!("[{gap}{}]", elements.join(","))
            }),
        ]
    });
    (
        blank(),
        prop::collection::vec((blank(), "[a-d]{1,3}", blank(), value, blank()), 0..5),
        blank(),
        any::<bool>(),
    )
        .prop_map(|(before, members, after, mark)| {
            let members: Vec<_> = members
                .into_iter()
                .map(|(a, key, b, value, c)| format!("{a}\"{key}\":{b}{value}{c}"))
                .collect();
            let mark = if mark { "\u{feff}" } else { "" };
            format!("{mark}{before}{{{}}}{after}", members.join(","))
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_comes_back(text in json()) {
        there_and_back(parse, text.as_bytes());
    }

    #[test]
    fn any_input_is_read_or_refused(text in "[{}\\[\\]\",:\\\\u0-9a-f \n-]{0,40}") {
        let _ = parse(format!("{{{text}").as_str().into());
    }

    #[test]
    fn what_was_put_is_there_and_the_rest_as_it_was(
        text in json(),
        key in "[a-c]{1,2}",
        deeper in prop::option::of("[a-c]{1,2}"),
    ) {
        let parsed = parse(text.as_str().into()).unwrap();
        let mut path = Path(vec![Step::Key(key.clone())]);
        path.0.extend(deeper.clone().map(Step::Key));
        let Ok(out) = parsed.layout.put(&parsed.tree, &path, &Value::Int(7).into()) else {
            return Ok(());
        };
        let again = parse(out).unwrap();
        let get = |tree: &Tree| match (tree.documents[0].get(&key).cloned(), &deeper) {
            (Some(Node::Map(mapping)), Some(deeper)) => mapping.get(deeper).cloned(),
            (_, Some(_)) => None,
            (node, None) => node,
        };
        prop_assert_eq!(get(&again.tree), Some(Value::Int(7).into()));
        let others = |tree: &Tree| -> Vec<_> {
            tree.documents[0].pairs().filter(|pair| pair.key != key).cloned().collect()
        };
        prop_assert_eq!(others(&again.tree), others(&parsed.tree));
        let removed = parse(again.layout.remove(&again.tree, &path).unwrap()).unwrap();
        prop_assert_eq!(others(&removed.tree), others(&parsed.tree));
        there_and_back(parse, again.layout.rewrite(&again.tree, Rewrite::Plain).unwrap().expose());
    }
}
