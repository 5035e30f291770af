//! Texts put in order. The expected texts were written by hand.

use proptest::prelude::*;

use super::*;
use crate::{
    document::{Document, PlainDocument},
    format::{self, EmitOptions, Format},
    tree::{Comment, Entry, Item},
};

const HEAD: &str = "apiVersion: isindir.github.com/v1alpha3\nkind: SopsSecret\nspec:\n";

fn plain(format: Format, text: &str) -> PlainDocument {
    match Document::read(format, text.into()).unwrap() {
        Document::Plain(plain) => plain,
        Document::Sealed(_) => panic!("not sealed"),
    }
}

/// The text in order; `None` if it is.
fn arranged(format: Format, text: &str) -> Option<String> {
    let arranged = arrange(&plain(format, text)).unwrap()?;
    let text = arranged.layout.rewrite(&arranged.tree, format::Rewrite::Plain).unwrap();
    assert!(arrange(&arranged).unwrap().is_none(), "it is in order now");
    Some(text.expose_str().unwrap().to_owned())
}

#[test]
fn entries_move_with_their_lines() {
    for (before, after) in [
        // What stands behind a dash changes places with what does not.
        (
            "  secretTemplates:\n  - name: a   # the name\n    data:\n      y: eQ==\n      x: eA==\n",
            "  secretTemplates:\n  - data:\n      x: eA==\n      y: eQ==\n    name: a   # the name\n",
        ),
        // Comments above an entry are its own; blank lines stay behind what is before them.
        (
            "  secretTemplates:\n  - name: a\n\n    # of data\n    # as well\n    data: {}\n    \
             # at the end\n",
            "  secretTemplates:\n  - # of data\n    # as well\n    data: {}\n    name: a\n\n    \
             # at the end\n",
        ),
        // A dash on a line of its own.
        (
            "  secretTemplates:\n    -\n      name: a\n      data: {}\n",
            "  secretTemplates:\n    -\n      data: {}\n      name: a\n",
        ),
        // Literal blocks and texts over several lines.
        (
            "  secretTemplates:\n  - stringData:\n      b: |\n        1\n\n        2\n      \
             a: \"x\n        y\"\n      A: >-\n        p\n        q\n",
            "  secretTemplates:\n  - stringData:\n      A: >-\n        p\n        q\n      \
             a: \"x\n        y\"\n      b: |\n        1\n\n        2\n",
        ),
        // Flow style: what stands between commas changes places.
        (
            "  secretTemplates: [{name: a, data: {y: eQ==, x: eA==}}]\n",
            "  secretTemplates: [{data: {x: eA==, y: eQ==}, name: a}]\n",
        ),
        // No line break at the end.
        (
            "  secretTemplates:\n  - name: a\n    data: {}",
            "  secretTemplates:\n  - data: {}\n    name: a",
        ),
        // What follows the templates stays where it is, in the order that it has.
        (
            "  secretTemplates:\n  - name: a\n    data: {}\n  enforceOwnership: true\nstatus: {}\n",
            "  secretTemplates:\n  - data: {}\n    name: a\n  enforceOwnership: true\nstatus: {}\n",
        ),
    ] {
        let text = arranged(Format::Yaml, &format!("{HEAD}{before}"));
        assert_eq!(text, Some(format!("{HEAD}{after}")), "{before}");
        let crlf = format!("{HEAD}{before}").replace('\n', "\r\n");
        let wanted = format!("{HEAD}{after}").replace('\n', "\r\n");
        assert_eq!(arranged(Format::Yaml, &crlf), Some(wanted), "{before}");
    }
}

#[test]
fn what_lines_cannot_follow_is_laid_out_afresh() {
    for (before, holds) in [
        // An alias before its anchor.
        ("  secretTemplates:\n  - stringData:\n      b: &x text\n      a: *x\n", "a: text"),
        // A key of its own line.
        ("  secretTemplates:\n  - ? name\n    : a\n    data: {}\n", "name: a"),
        // A block that the end of the text leaves open.
        ("  secretTemplates:\n  - stringData:\n      b: |\n        1\n        2", "b: |"),
        (
            "  secretTemplates:\n  - stringData:\n      b: x\n      a: |\n        1\n        2",
            "a: |",
        ),
    ] {
        let text = format!("{HEAD}{before}");
        let Some(after) = arranged(Format::Yaml, &text) else {
            assert!(departure_of_order(&text).is_none(), "{before}");
            continue;
        };
        assert!(after.contains(holds), "{after}");
    }
}

fn departure_of_order(text: &str) -> Option<Departure> {
    super::canonical::order(&plain(Format::Yaml, text).tree.documents[0])
}

#[test]
fn json_keeps_its_style() {
    let before = "{\n  \"spec\": {\n    \"secretTemplates\": [\n      {\"name\": \"a\", \"data\": \
                  {}}\n    ]\n  }\n}\n";
    let after = arranged(Format::Json, before).unwrap();
    assert!(after.starts_with("{\n  \"spec\": {\n"), "{after}");
    assert!(after.find("\"data\"") < after.find("\"name\""), "{after}");
}

#[test]
fn what_is_in_order_stays_as_it_is() {
    let text = format!("{HEAD}  secretTemplates:\n  - {{data:  {{}} , name: a}} # kept\n");
    assert_eq!(arranged(Format::Yaml, &text), None);
}

#[test]
fn only_one_object_with_templates_can_be_put_in_order() {
    let without = arrange(&plain(Format::Yaml, HEAD));
    assert!(matches!(without, Err(ArrangeError::NoTemplates)));
    let two = format!("{HEAD}  secretTemplates: []\n---\n{HEAD}  secretTemplates: []\n");
    assert!(matches!(arrange(&plain(Format::Yaml, &two)), Err(ArrangeError::SeveralDocuments(2))));
}

/// A mapping in any order; each entry has a comment that names it.
fn mapping(depth: u32) -> BoxedStrategy<Mapping> {
    let key = "[a-cA-C.]{1,3}".prop_map(|key: String| format!("k{key}"));
    let text =
        prop_oneof!["[a-z ]{0,9}", Just("two\nlines\n".to_owned()), Just("x\n\ny".to_owned())];
    let leaf = text.prop_map(|text| Node::from(text.as_str())).boxed();
    let value = match depth {
        0 => leaf,
        _ => prop_oneof![
            leaf,
            mapping(depth - 1).prop_map(Node::Map),
            prop::collection::vec(mapping(0), 0..3).prop_map(|items| {
                let items = items.into_iter().map(|item| Item::Value(Node::Map(item)));
                Node::List(List { items: items.collect() })
            }),
        ]
        .boxed(),
    };
    prop::collection::vec((key, value), 0..5)
        .prop_map(|pairs| {
            let mut mapping = Mapping::default();
            for (key, value) in pairs {
                if mapping.get(&key).is_none() {
                    mapping.entries.push(Entry::Comment(Comment::line(format!(" of {key}"))));
                    mapping.push(key, value);
                }
            }
            mapping
        })
        .boxed()
}

fn comments_fit(node: &Node) -> bool {
    match node {
        Node::Leaf(_) => true,
        Node::List(list) => list.values().all(comments_fit),
        Node::Map(mapping) => {
            mapping.entries.windows(2).all(|two| match two {
                [Entry::Comment(comment), Entry::Pair(pair)] => {
                    comment.text.expose() == format!(" of {}", pair.key).as_bytes()
                }
                _ => true,
            }) && mapping.pairs().all(|pair| comments_fit(&pair.value))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_object_can_be_put_in_order(templates in prop::collection::vec(mapping(2), 1..4), indent in 2u8..5) {
        let mut list = List::default();
        templates.into_iter().for_each(|template| list.push(template));
        let mut spec = Mapping::default();
        spec.push(TEMPLATES, list);
        let mut object = Mapping::default();
        object.push("kind", KIND);
        object.push(SPEC, spec);
        let tree = crate::tree::Tree { documents: vec![object] };
        let options = EmitOptions { indent: Some(indent) };
        let text = format::emit(Format::Yaml, &tree, None, &options).unwrap();
        let before = plain(Format::Yaml, text.expose_str().unwrap());
        if let Some(after) = arrange(&before).unwrap() {
            prop_assert!(departure_of_order(text.expose_str().unwrap()).is_some());
            prop_assert!(canonical::order(&after.tree.documents[0]).is_none());
            if comments_fit(&Node::Map(before.tree.documents[0].clone())) {
                prop_assert!(comments_fit(&Node::Map(after.tree.documents[0].clone())));
            }
        }
    }
}
