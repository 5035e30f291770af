//! Names and values that documents are made of.

use crate::rng::Rng;
use crate::rules::{COMMENT_CLEAR, COMMENT_SECRET, SUFFIX_CLEAR, SUFFIX_DEFAULT, SUFFIX_SECRET};

const NAMES: [&str; 14] = [
    "user",
    "password",
    "token",
    "host",
    "data",
    "stringData",
    "kind",
    "name",
    "metadata",
    "url",
    "db.main",
    "schlüssel",
    "with-dash",
    "X",
];

/// A key that any format takes and that is nowhere else in the document.
pub(crate) fn name(rng: &mut Rng, number: usize) -> String {
    // Without a number only where no other key can have the same name.
    if let Some(word) = NAMES.get(number)
        && rng.percent(40)
    {
        return (*word).to_owned();
    }
    let word = rng.pick(&NAMES);
    let suffix = match rng.below(10) {
        0 => SUFFIX_CLEAR,
        1 | 2 => SUFFIX_SECRET,
        3 => SUFFIX_DEFAULT,
        _ => "",
    };
    match rng.below(3) {
        0 => format!("{word}{number}{suffix}"),
        _ => format!("{number}{word}{suffix}"),
    }
}

/// The text of a comment, after its mark; the number makes it the only one of its kind.
pub(crate) fn comment(rng: &mut Rng, number: usize) -> String {
    let what = match rng.below(6) {
        0 => COMMENT_CLEAR,
        1 | 2 => COMMENT_SECRET,
        3 => "ünïcode: \"quoted\" 'and' more",
        4 => "# again",
        _ => "plain words",
    };
    let blank = *rng.pick(&[" ", " ", " ", "", "  "]);
    format!("{blank}note-{number}. {what}")
}

/// Letters and digits, with the signs of passwords and base64 in between.
pub(crate) fn secret(rng: &mut Rng) -> String {
    const SIGNS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=_-.@";
    let length = rng.between(1, 24);
    let rest: String = (0..length).map(|_| char::from(*rng.pick(SIGNS))).collect();
    format!("s{rest}")
}
