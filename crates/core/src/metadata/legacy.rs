//! What older versions and other programs wrote: one function per tolerance (format §3.6, §9).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    keys::MasterKey,
    tree::{Kind, Mapping, Node, Time, Value},
};

/// Text: other scalars count as their text (Q1: `version: 1.6`), null as none.
pub(super) fn text(node: &Node) -> Option<String> {
    match node {
        Node::Leaf(leaf) => match &leaf.value {
            Value::Bool(truth) => Some(u8::from(*truth).to_string()),
            value => value.canonical().expose_str().map(str::to_owned),
        },
        _ => None,
    }
}

/// A whole number from 0 up: also as text in the syntax of Go (`010` is eight), as text with a
/// fraction (Q16: INI up to 3.10 says `2.000000`), as a float, or nothing.
pub(super) fn whole_number(node: &Node) -> Option<u32> {
    let Node::Leaf(leaf) = node else { return None };
    let whole = |float: f64| (0.0..=f64::from(u32::MAX)).contains(&float).then_some(float as u32);
    match &leaf.value {
        Value::Null => Some(0),
        Value::Bool(truth) => Some(u32::from(*truth)),
        Value::Int(int) => u32::try_from(*int).ok(),
        Value::Float(float) => whole(*float),
        Value::Time(_) => None,
        Value::Text(text) => {
            let text = text.expose_str()?;
            go_literal(text).or_else(|| whole(text.parse().ok()?))
        }
    }
}

fn go_literal(text: &str) -> Option<u32> {
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.strip_prefix('+').unwrap_or(text).to_ascii_lowercase().replace('_', "");
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x', ..] => (16, &digits[2..]),
        [b'0', b'o', ..] => (8, &digits[2..]),
        [b'0', b'b', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits.as_str()),
    };
    u32::from_str_radix(digits, radix).ok()
}

/// A boolean: also as text, as a number, or nothing.
pub(super) fn bool(node: &Node) -> Option<bool> {
    let Node::Leaf(leaf) = node else { return None };
    match &leaf.value {
        Value::Null => Some(false),
        Value::Bool(truth) => Some(*truth),
        Value::Int(int) => Some(*int != 0),
        Value::Float(float) => Some(*float != 0.0),
        Value::Time(_) => None,
        Value::Text(text) if text.is_empty() => Some(false),
        Value::Text(text) => match Value::from_canonical(Kind::Bool, text.clone()) {
            Ok(Value::Bool(truth)) => Some(truth),
            _ => None,
        },
    }
}

/// A time: also unquoted in YAML, as rops writes it (Q24).
pub(super) fn time(node: &Node) -> Option<Time> {
    let Node::Leaf(leaf) = node else { return None };
    match &leaf.value {
        Value::Time(time) => Some(*time),
        Value::Text(text) => Time::parse_rfc3339(text.expose_str()?.trim()),
        _ => None,
    }
}

/// A list of mappings: null, an empty mapping and an empty text count as none (Q15), a single
/// mapping as one.
pub(super) fn items(node: &Node) -> Option<Vec<&Mapping>> {
    match node {
        Node::Map(mapping) if mapping.pairs().next().is_none() => Some(Vec::new()),
        Node::Map(mapping) => Some(vec![mapping]),
        Node::List(list) => list
            .values()
            .filter(|item| !is_nothing(item))
            .map(|item| match item {
                Node::Map(mapping) => Some(mapping),
                _ => None,
            })
            .collect(),
        node => is_nothing(node).then(Vec::new),
    }
}

fn is_nothing(node: &Node) -> bool {
    match node {
        Node::Leaf(leaf) => match &leaf.value {
            Value::Null => true,
            Value::Text(text) => text.is_empty(),
            _ => false,
        },
        _ => false,
    }
}

/// Q19: 3.13.0 and 3.13.1 wrote the encryption context of AWS KMS into dotenv and INI files as
/// addresses in memory. The key cannot be used: nobody knows what the values were.
pub fn context_is_lost(key: &MasterKey) -> bool {
    let address = |text: &String| {
        let digits = text.strip_prefix("0xc0").unwrap_or_default();
        (6..=12).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
    };
    match key {
        MasterKey::AwsKms(key) => key.context.values().any(address),
        _ => false,
    }
}

/// Q11: versions before 3.3.0 may have wrapped with every value of the encryption context equal
/// to one of them. These are the contexts to try when the right one fails; none if it has fewer
/// than two pairs or values.
pub fn context_variants(context: &BTreeMap<String, String>) -> Vec<BTreeMap<String, String>> {
    let values: BTreeSet<_> = context.values().collect();
    if values.len() < 2 {
        return Vec::new();
    }
    values
        .into_iter()
        .map(|value| context.keys().map(|name| (name.clone(), value.clone())).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keys::AwsKmsKey, tree::List};

    #[test]
    fn whole_numbers_are_read_as_go_reads_them() {
        for (text, number) in [
            ("", Some(0)),
            ("2", Some(2)),
            ("010", Some(8)),
            ("0x2", Some(2)),
            ("2.000000", Some(2)),
            ("-1", None),
            ("two", None),
        ] {
            assert_eq!(whole_number(&text.into()), number, "{text}");
        }
        assert_eq!(whole_number(&Value::Float(2.9).into()), Some(2));
        assert_eq!(whole_number(&Value::Int(-1).into()), None);
    }

    #[test]
    fn booleans_are_text_or_numbers_too() {
        for (node, truth) in [
            (Node::from("True"), Some(true)),
            ("f".into(), Some(false)),
            ("".into(), Some(false)),
            (Value::Int(7).into(), Some(true)),
            (Value::Null.into(), Some(false)),
            ("yes".into(), None),
        ] {
            assert_eq!(bool(&node), truth);
        }
    }

    #[test]
    fn lists_may_be_absent_in_many_ways() {
        let mut one = Mapping::default();
        one.push("enc", "x");
        for (node, length) in [
            (Value::Null.into(), Some(0)),
            (Mapping::default().into(), Some(0)),
            (List::default().into(), Some(0)),
            (Node::Map(one), Some(1)),
            ("x".into(), None),
        ] {
            assert_eq!(items(&node).map(|items| items.len()), length);
        }
    }

    #[test]
    fn a_context_of_addresses_is_recognised() {
        let key = |value: &str| {
            MasterKey::AwsKms(AwsKmsKey {
                arn: String::new(),
                role: None,
                context: BTreeMap::from([("env".to_owned(), value.to_owned())]),
                profile: None,
            })
        };
        assert!(context_is_lost(&key("0xc0004a2b10")));
        assert!(!context_is_lost(&key("prod")));
        assert!(!context_is_lost(&key("0xc0ffee")));
    }

    #[test]
    fn each_value_of_a_context_is_tried_for_all_names() {
        let context = |a: &str, b: &str| {
            BTreeMap::from([("a".to_owned(), a.to_owned()), ("b".to_owned(), b.to_owned())])
        };
        assert_eq!(context_variants(&context("1", "2")), [context("1", "1"), context("2", "2")]);
        assert!(context_variants(&context("1", "1")).is_empty());
    }
}
