//! Patterns mean what they mean to Go's `regexp`: the table was made by Go itself.
#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::Value;
use sops_core::selection::Pattern;

/// Made by a Go program from random pieces of syntax, then looked through by this test with some
/// hundred thousand more patterns than are kept here.
const TABLE: &str = include_str!("../data/go_regex.json");

#[test]
fn patterns_mean_what_they_mean_to_go() {
    check(TABLE);
}

fn check(table: &str) {
    let table: Value = serde_json::from_str(table).unwrap();
    let rows = table["vectors"].as_array().unwrap();
    assert!(rows.len() > 100, "the table is empty");
    let mut wrong = Vec::new();
    for row in rows {
        let source = row["pattern"].as_str().unwrap();
        let refused = row.get("error").is_some();
        let pattern = match Pattern::new(source) {
            Ok(_) if refused => {
                wrong.push(format!("{source:?} is accepted, Go: {}", row["error"]));
                continue;
            }
            Err(error) => {
                if !refused {
                    wrong.push(format!("{source:?} is refused: {error}"));
                }
                continue;
            }
            Ok(pattern) => pattern,
        };
        for (list, expected) in [("yes", true), ("no", false)] {
            for text in row.get(list).and_then(Value::as_array).into_iter().flatten() {
                let text = unhex(text.as_str().unwrap());
                if pattern.is_match_bytes(&text) != expected {
                    wrong.push(format!("{source:?} on {:?}: Go says {list}", text.escape_ascii()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |c: u8| char::from(c).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect()
}
