//! What holds for every document, through the whole pipeline: sealing and opening gives the bytes
//! back, sealing again changes time and MAC only, no two tokens of a file are equal, rotating
//! keeps the plaintext.
//!
//! Documents come from the generator of the interop suite, one a number, and from pieces of each
//! format's syntax thrown together; of those, many do not read, and those that do are odd.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "interop uses the rest")]
#[path = "interop/case.rs"]
mod case;
#[path = "property/diagnosis.rs"]
mod diagnosis;
#[path = "interop/flat.rs"]
mod flat;
#[path = "interop/json.rs"]
mod json;
#[path = "interop/rng.rs"]
mod rng;
#[allow(dead_code, reason = "interop uses the rest")]
#[path = "interop/rules.rs"]
mod rules;
#[path = "property/sealing.rs"]
mod sealing;
#[path = "property/tampering.rs"]
mod tampering;
#[path = "interop/words.rs"]
mod words;
#[path = "interop/yaml/mod.rs"]
mod yaml;

use std::collections::HashSet;

use case::{Case, Step};
use proptest::prelude::*;
use rules::{COMMENT_SECRET, SUFFIX_CLEAR};
use sops_core::format::Format;
use sops_core::pipeline::{self, SealError};
use sops_core::selection::{Field, Selection};
use sops_core::tree::{Leaf, Node, Path, Value};

fn selections() -> Vec<Selection> {
    [
        (Field::UnencryptedSuffix, ""),
        (Field::UnencryptedSuffix, SUFFIX_CLEAR),
        (Field::EncryptedRegex, "^(data|pass.*|marker|a)$"),
        (Field::EncryptedCommentRegex, COMMENT_SECRET),
        (Field::EncryptedSuffix, "a"),
        (Field::UnencryptedRegex, "^(data|b.*)$"),
        (Field::UnencryptedCommentRegex, "n"),
    ]
    .map(|given| Selection::from_fields([given]).unwrap())
    .into()
}

fn check(format: Format, text: &[u8], rule: usize) {
    check_odd(format, text, rule, false);
}

fn check_odd(format: Format, text: &[u8], rule: usize, odd: bool) {
    let rules = selections();
    sealing::check(format, text, &rules[rule % rules.len()], odd);
}

/// Texts made of these pieces.
fn soup(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(pieces), 0..most)
        .prop_map(|pieces| pieces.concat())
}

const YAML: &[&str] = &[
    "a: ",
    "b:",
    "c_clear: ",
    "\n",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "  ",
    "|\n",
    "|+\n",
    "|2-\n",
    ">\n",
    ">-\n",
    "'",
    "\"",
    " # n",
    "# sops:enc\n",
    "x",
    "12",
    "1.50",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "&a ",
    "*a",
    "\n---\n",
    "!!str ",
    "!!binary aGk=",
    "\r\n",
    "\t",
    "~",
    "é",
    "? ",
    ": ",
    "''",
    "2024-01-02",
    "\n\n",
    "...\n",
];
const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"a\"",
    "\"b\":",
    "\"\"",
    "\"\\n\\u00e9\"",
    "1",
    "-2.50",
    "1e3",
    "true",
    "null",
    " ",
    "\n",
    "\r\n",
    "\t",
    "{\"a\":1}",
    "\"data\":\"x\"",
    "{}",
    "[]",
    "\"é\"",
];
const DOTENV: &[&str] = &[
    "A",
    "=",
    "A=1",
    "\n",
    "\r\n",
    "# c",
    "#",
    " ",
    "'",
    "\"",
    "\\n",
    "B=x\n",
    "a=",
    "é",
    "export C=2",
];
const INI: &[&str] = &[
    "[s]",
    "\n",
    "\r\n",
    "k = v",
    "a=",
    "x",
    "; c",
    "# c\n",
    "\"\"\"",
    "`",
    "'",
    "\"",
    " ",
    ":",
    "=",
    "\\\n",
    "[DEFAULT]\n",
    "é",
    "b = 1 ; n",
    "[t]\n",
    "\n\n",
];

proptest! {
    #![proptest_config(ProptestConfig {
        // Regressions become texts of their own, in the tests of their format.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn generated_documents(number in 0..100_000_usize, rule in 0..7_usize) {
        let case = Case::generate(7, number);
        check(case.format, &case.text.bytes, rule);
    }

    /// One value is another: all other tokens stay, and the text opens with the new value.
    #[test]
    fn one_value_changes_one_token(number in 0..100_000_usize, which in any::<usize>()) {
        let case = Case::generate(8, number);
        if case.format == Format::Binary || case.text.leaves.is_empty() || case.text.aliases {
            return Ok(());
        }
        let path = &case.text.leaves[which % case.text.leaves.len()];
        change(case.format, &case.text.bytes, path);
    }

    #[test]
    fn pieces_of_yaml(text in soup(YAML, 24), rule in 0..7_usize) {
        check_odd(Format::Yaml, text.as_bytes(), rule, true);
    }

    #[test]
    fn pieces_of_json(text in soup(JSON, 16), rule in 0..7_usize) {
        check(Format::Json, text.as_bytes(), rule);
        check(Format::Json, format!("{{\"a\":{text}}}").as_bytes(), rule);
    }

    #[test]
    fn pieces_of_dotenv(text in soup(DOTENV, 16), rule in 0..7_usize) {
        check(Format::Dotenv, text.as_bytes(), rule);
    }

    #[test]
    fn pieces_of_ini(text in soup(INI, 20), rule in 0..7_usize) {
        check(Format::Ini, text.as_bytes(), rule);
    }

    #[test]
    fn any_bytes_are_a_binary_file(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(Format::Binary, &bytes, 0);
    }
}

/// Found by fuzzing; each stopped the program or came back as another text.
#[test]
fn texts_that_fuzzing_found() {
    for text in [
        // A header of a block scalar with a comment that ends beyond ASCII.
        "a: | # é\n  x\n",
        "a: >- # größer\n  x\n  y\nb:\n- |+ # ü\n  z\n",
        // A last line of blanks without a line break, behind line breaks that are kept.
        "d: |+\n  lit\n\n ",
        "a:\n  d: >+\n    lit\n  ",
        "d: |+\n  lit\n    \n ",
        "d: |+\n  lit\n   ",
        // Blanks where a block could begin.
        "a: 'x\n\n  '   \nb: \"x\\n\" # c\n",
    ] {
        for rule in 0..selections().len() {
            assert!(sealing::plain(Format::Yaml, text.as_bytes()).is_some(), "{text}");
            check_odd(Format::Yaml, text.as_bytes(), rule, true);
        }
    }
}

/// Go sops loses the comment behind `[`, so a rule that goes by comments would be read otherwise
/// there; a rule that goes by names does not mind.
#[test]
fn a_comment_that_go_loses_stops_a_rule_that_goes_by_comments() {
    let text = b"db: # note\n  kind: [ # note\n    secret\n    ]\n";
    let refused = |(field, pattern)| {
        let rule = Selection::from_fields([(field, pattern)]).unwrap();
        let plain = sealing::plain(Format::Yaml, text).unwrap();
        matches!(sealing::seal(plain, &rule), Err(SealError::UnseenComment { .. }))
    };
    assert!(refused((Field::UnencryptedCommentRegex, "n")));
    assert!(!refused((Field::UnencryptedRegex, "n")));
}

/// As in Go sops. The comment lies within the span of the value; writing both once stopped the
/// program.
#[test]
fn a_bare_value_does_not_go_on_behind_a_comment() {
    for text in ["a: x\n\t # c\n  more\n", "a: x\n  # c\n  more\n", "a:\n- x\n\t# c\n  y\n"] {
        assert!(sealing::plain(Format::Yaml, text.as_bytes()).is_none(), "{text:?}");
    }
}

/// What Go sops 3.13.3 reads in texts whose last line is blanks only.
#[test]
fn line_breaks_before_a_last_line_of_blanks_are_kept() {
    for (text, value) in [
        ("d: |+\n  lit\n\n ", "lit\n\n"),
        ("d: |+\n  lit\n ", "lit\n"),
        ("d: |+\n  lit\n  ", "lit\n"),
        ("d: >+\n  lit\n ", "lit\n"),
        ("d: |-\n  lit\n ", "lit"),
        ("d: |+\n  lit\n \n ", "lit\n\n"),
        ("d: |+\n  lit\n   ", "lit\n "),
        ("d: |+\n  lit", "lit"),
        ("d: |+\n\n ", "\n"),
        ("d: |+\n ", ""),
    ] {
        let plain = sealing::plain(Format::Yaml, text.as_bytes()).unwrap();
        let found = pipeline::get(&plain.tree, 0, &Path::parse("[\"d\"]").unwrap());
        assert_eq!(found, Some(&Node::from(value)), "{text:?}");
    }
}

/// A comment is judged by what stands in the file: encrypted, it must not be one that the rule
/// leaves in clear, or it would never be decrypted again, and what follows it neither.
#[test]
fn a_comment_whose_token_the_rule_matches_is_refused() {
    let rule = |pattern| Selection::from_fields([(Field::UnencryptedCommentRegex, pattern)]);
    let seal = |pattern| {
        let plain = sealing::plain(Format::Yaml, b"a: 1\nb:\n  # secret\n  c: 2\n").unwrap();
        sealing::seal(plain, &rule(pattern).unwrap())
    };
    for always in ["comment", "^ENC", "[A-Z]{3}"] {
        let error = seal(always).unwrap_err().to_string();
        assert!(error.contains("in [\"b\"] (line 3) is matched by"), "{error}");
    }
    // By chance in most tokens: another nonce helps.
    let sealed = seal("[A-F][0-9]").unwrap();
    let tree = sealing::open(Format::Yaml, &sealed.text, 1).tree;
    let text = format!("{:?}", sealing::shown(sealed.text.expose()));
    assert_eq!(text.matches("type:comment").count(), 1, "{text}");
    assert_eq!(tree.documents.len(), 1);
}

fn change(format: Format, text: &[u8], path: &[Step]) {
    let Some(plain) = sealing::plain(format, text) else { panic!("a generated document reads") };
    let steps = path.iter().map(|step| match step {
        Step::Key(key) => sops_core::tree::Step::Key(key.clone()),
        Step::Index(at) => sops_core::tree::Step::Index(*at),
    });
    let path = Path(steps.collect());
    let sealed = sealing::seal(plain, &Selection::default()).unwrap();
    let opened = sealing::open(format, &sealed.text, 1);
    let value = Node::Leaf(Leaf::new(Value::text("quite another")));
    let plain = pipeline::put(&opened, 0, &path, &value)
        .unwrap_or_else(|error| panic!("{path}: {error}\n{}", sealing::shown(text)));
    let changed = sealing::reseal(plain.document, opened);

    let tree = sealing::open(format, &changed.text, 1).tree;
    let found = pipeline::get(&tree, 0, &path).map(|node| match node {
        Node::Leaf(leaf) => String::from_utf8(leaf.value.canonical().expose().to_vec()).unwrap(),
        other => panic!("{path} is {other:?}"),
    });
    // In a dotenv file with carriage returns they belong to every value.
    assert_eq!(found.as_deref().map(|text| text.trim_end_matches('\r')), Some("quite another"));
    let before = sealing::tokens(&sealed.text, &sealed.metadata.mac);
    let after: HashSet<_> =
        sealing::tokens(&changed.text, &changed.metadata.mac).into_iter().collect();
    let gone = before.iter().filter(|token| !after.contains(*token)).count();
    assert!(gone <= 1, "{path}: {gone} tokens are others\n{}", sealing::shown(text));
}
