//! Which names Kubernetes takes.

/// Whether a text can name an object (RFC 1123 subdomain).
pub fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        part.bytes().all(|b| inner(b) || b == b'-')
            && part.bytes().next().is_some_and(inner)
            && part.bytes().last().is_some_and(inner)
    };
    name.len() <= 253 && name.split('.').all(part)
}

/// Whether a text can be a key of `data`.
pub(super) fn is_data_key(key: &str) -> bool {
    (1..=253).contains(&key.len())
        && key != "."
        && !key.starts_with("..")
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Whether a text can be the value of a label.
pub(super) fn is_label_value(value: &str) -> bool {
    let ends = |b: Option<u8>| b.is_none_or(|b| b.is_ascii_alphanumeric());
    value.len() <= 63
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && ends(value.bytes().next())
        && ends(value.bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1123 as Kubernetes applies it, and the rules of Secret keys and label values.
    #[test]
    fn names_are_those_that_a_cluster_takes() {
        let long = "a".repeat(253);
        for name in ["a", "a-b", "a.b", "1", "a--b", &long] {
            assert!(is_name(name), "{name}");
        }
        let too_long = "a".repeat(254);
        for name in ["", "A", "-a", "a-", "a.", ".a", "a..b", "a_b", "a-.b", "\u{e4}", &too_long] {
            assert!(!is_name(name), "{name}");
        }
        for key in ["a", "A_b", ".a", "a.", "-", "_"] {
            assert!(is_data_key(key), "{key}");
        }
        for key in ["", ".", "..", "..a", "a/b", "a b", &too_long] {
            assert!(!is_data_key(key), "{key}");
        }
        for value in ["", "a", "A_b.c-d", "1"] {
            assert!(is_label_value(value), "{value}");
        }
        for value in ["-a", "a-", "a b", "a/b", &"a".repeat(64)] {
            assert!(!is_label_value(value), "{value}");
        }
    }
}
