//! The value of `set`: JSON, read by the scanner that reads JSON files, so that order and whole
//! numbers are kept.

use sops_core::{
    crypto::SecretBytes,
    format::{self, Format, Problem},
    tree::{Entry, Node, Value},
};

use crate::{failure::Failure, status::Status};

/// Reads a value.
pub(crate) fn value(text: &SecretBytes) -> Result<Node, Failure> {
    let refused = || Failure::new(Status::InvalidSetFormat, "Value for --set is not valid JSON");
    let too_large =
        || refused().hint("the number does not fit into 64 bits: quote it to make it text");
    // Files are mappings; so is this, around one value.
    let mut wrapped = SecretBytes::new(Vec::with_capacity(text.len() + 6));
    wrapped.expose_mut().extend_from_slice(b"{\"v\":");
    wrapped.expose_mut().extend_from_slice(text.expose());
    wrapped.expose_mut().push(b'}');
    let parsed = format::parse(Format::Json, wrapped).map_err(|error| match error.problem {
        Problem::NumberTooLarge => too_large(),
        _ => refused().hint("text stands in quotes: '\"text\"'; see `sops-rs help set`"),
    })?;
    // What would be more than one value, `1, "x": 2`, makes more than one entry.
    let entries = parsed.tree.documents.into_iter().next().unwrap_or_default().entries;
    match <[Entry; 1]>::try_from(entries) {
        // The scanner reads whole numbers beyond 64 bits as files hold them: rounded.
        Ok([Entry::Pair(pair)]) if is_float(&pair.value) && is_whole(text) => Err(too_large()),
        Ok([Entry::Pair(pair)]) if pair.key == "v" => Ok(pair.value),
        _ => Err(refused()),
    }
}

fn is_float(node: &Node) -> bool {
    matches!(node, Node::Leaf(leaf) if matches!(leaf.value, Value::Float(_)))
}

fn is_whole(text: &SecretBytes) -> bool {
    let digits = text.expose().trim_ascii();
    let digits = digits.strip_prefix(b"-").unwrap_or(digits);
    digits.iter().all(u8::is_ascii_digit)
}

/// Whether two nodes hold the same values. Comments and the way things are written do not count.
pub(crate) fn same(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::Leaf(a), Node::Leaf(b)) => a.value == b.value,
        (Node::Map(a), Node::Map(b)) => {
            a.pairs().count() == b.pairs().count()
                && a.pairs().zip(b.pairs()).all(|(a, b)| a.key == b.key && same(&a.value, &b.value))
        }
        (Node::List(a), Node::List(b)) => {
            a.values().count() == b.values().count()
                && a.values().zip(b.values()).all(|(a, b)| same(a, b))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node, Failure> {
        value(&SecretBytes::from(text))
    }

    #[test]
    fn whole_numbers_stay_whole() {
        assert_eq!(read("9007199254740993").unwrap(), Value::Int(9_007_199_254_740_993).into());
        assert_eq!(read("5").unwrap(), Value::Int(5).into());
        assert_eq!(read("1e3").unwrap(), Value::Float(1000.0).into());
        assert_eq!(read(" null\n").unwrap(), Value::Null.into());
        assert!(matches!(read("[1, 2]").unwrap(), Node::List(_)));
    }

    #[test]
    fn what_is_not_one_value_is_refused() {
        for text in ["", "{", "word", "1 2", "1, \"x\": 2", "1}", "1} {", "18446744073709551615"] {
            let failure = read(text).unwrap_err();
            assert_eq!(failure.message(), "Value for --set is not valid JSON", "{text}");
        }
    }
}
