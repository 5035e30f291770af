//! For the tests of every format: a text, sealed with made-up tokens and opened again, is the
//! same text, byte for byte.

use super::{Layout, ParseError, Parsed, Rewrite, Section};
use crate::{
    crypto::SecretBytes,
    tree::{Comment, Entry, Item, Leaf, List, Mapping, Node, Tree, Value},
};

/// What was taken out of a tree, in order.
#[derive(Debug)]
pub(crate) enum Taken {
    Leaf(Value, Option<Box<SecretBytes>>),
    Comment(SecretBytes),
}

/// Calls `see` with every leaf and comment, in order.
pub(crate) fn each_mut(tree: &mut Tree, see: &mut dyn FnMut(Result<&mut Leaf, &mut Comment>)) {
    fn mapping(map: &mut Mapping, see: &mut dyn FnMut(Result<&mut Leaf, &mut Comment>)) {
        for entry in &mut map.entries {
            match entry {
                Entry::Pair(pair) => node(&mut pair.value, see),
                Entry::Comment(comment) => see(Err(comment)),
            }
        }
    }
    fn node(value: &mut Node, see: &mut dyn FnMut(Result<&mut Leaf, &mut Comment>)) {
        match value {
            Node::Map(map) => mapping(map, see),
            Node::Leaf(leaf) => see(Ok(leaf)),
            Node::List(list) => {
                for item in &mut list.items {
                    match item {
                        Item::Value(value) => node(value, see),
                        Item::Comment(comment) => see(Err(comment)),
                    }
                }
            }
        }
    }
    for document in &mut tree.documents {
        mapping(document, see);
    }
}

fn is_token(text: &SecretBytes) -> bool {
    text.expose().starts_with(b"ENC[AES256_GCM,")
}

/// Metadata with what the formats find hard: lists, line breaks, numbers.
pub(crate) fn metadata() -> Mapping {
    let mut key = Mapping::default();
    key.push("enc", "-----BEGIN\nline\n-----END\n");
    key.push("recipient", "age1xyz");
    let mut keys = List::default();
    keys.push(key);
    let mut metadata = Mapping::default();
    metadata.push("age", keys);
    metadata.push("lastmodified", "2024-05-06T07:08:09Z");
    metadata.push("mac", "ENC[AES256_GCM,data:bWFj,iv:aXY=,tag:dGFn,type:str]");
    metadata.push("version", "3.13.2");
    metadata
}

/// Replaces every value and comment that encrypting would replace; gives what was there.
pub(crate) fn seal_leaves(tree: &mut Tree, layout: &dyn Layout) -> Vec<Taken> {
    let mut taken = Vec::new();
    each_mut(tree, &mut |spot| {
        let token = |kind: &str, number: usize| {
            format!("ENC[AES256_GCM,data:{number:06}==,iv:aXY=,tag:dGFn,type:{kind}]")
        };
        match spot {
            Ok(leaf) => {
                let empty = matches!(&leaf.value, Value::Text(text) if text.is_empty());
                if let (Some(kind), false) = (leaf.value.kind(), empty) {
                    let spelling = layout.spelling(leaf.mark, &leaf.value).map(Box::new);
                    let value = Value::text(token(kind.name(), taken.len()));
                    taken.push(Taken::Leaf(std::mem::replace(&mut leaf.value, value), spelling));
                    leaf.edited = true;
                }
            }
            Err(comment) if !comment.text.is_empty() => {
                let text = token("comment", taken.len()).into();
                taken.push(Taken::Comment(std::mem::replace(&mut comment.text, text)));
                comment.edited = true;
            }
            Err(_) => {}
        }
    });
    taken
}

/// Puts back what [`seal_leaves`] took.
pub(crate) fn open_leaves(tree: &mut Tree, taken: Vec<Taken>) {
    let mut taken = taken.into_iter();
    each_mut(tree, &mut |spot| match spot {
        Ok(leaf) if matches!(&leaf.value, Value::Text(text) if is_token(text)) => {
            let Some(Taken::Leaf(value, spelling)) = taken.next() else {
                panic!("a value where there was none");
            };
            leaf.replace(value);
            leaf.spelling = spelling;
        }
        Err(comment) if is_token(&comment.text) => {
            let Some(Taken::Comment(text)) = taken.next() else {
                panic!("a comment where there was none");
            };
            comment.replace(text);
        }
        _ => {}
    });
    assert!(taken.next().is_none(), "something is missing in the sealed text");
}

/// Seals a text as the pipeline would. The text must be readable and hold no metadata.
pub(crate) fn seal(
    parse: fn(SecretBytes) -> Result<Parsed, ParseError>,
    source: &[u8],
) -> (String, Vec<Taken>) {
    let mut parsed = parse(source.into()).unwrap();
    assert!(matches!(parsed.metadata, Section::Absent));
    let taken = seal_leaves(&mut parsed.tree, parsed.layout.as_ref());
    let how = Rewrite::Sealed { metadata: &metadata(), indent: None };
    let sealed = parsed.layout.rewrite(&parsed.tree, how).unwrap();
    (sealed.expose_str().unwrap().to_owned(), taken)
}

/// Seals a text, opens it, and checks that it is what it was. Gives the sealed text.
pub(crate) fn there_and_back(
    parse: fn(SecretBytes) -> Result<Parsed, ParseError>,
    source: &[u8],
) -> String {
    let (sealed, taken) = seal(parse, source);
    let mut parsed = parse(sealed.as_str().into())
        .unwrap_or_else(|error| panic!("{error}\n--- of ---\n{sealed}"));
    match &parsed.metadata {
        Section::Found(found) => assert_eq!(*found, metadata(), "{sealed}"),
        other => panic!("{other:?}\n{sealed}"),
    }
    // Sealing again, as rotation does, changes nothing but what it is told to.
    let how = Rewrite::Sealed { metadata: &metadata(), indent: None };
    let again = parsed.layout.rewrite(&parsed.tree, how).unwrap();
    assert_eq!(again.expose_str(), Some(sealed.as_str()));
    open_leaves(&mut parsed.tree, taken);
    let plain = parsed.layout.rewrite(&parsed.tree, Rewrite::Plain).unwrap();
    assert_eq!(
        String::from_utf8_lossy(plain.expose()),
        String::from_utf8_lossy(source),
        "opened from\n{sealed}"
    );
    sealed
}
