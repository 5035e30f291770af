//! Documents through the pipeline and back: what changes, and what does not. The second source is
//! the author's text.

use super::{Amended, Check, OpenDocument, Plan, SealError, SealedText, Target};
use crate::{
    crypto::{DataKey, MacScope},
    document::{Document, PlainDocument},
    format::{self, Format},
    keys::{
        KeyGroup, WrappedKey,
        testing::{SeededRng, pgp},
    },
    metadata::{Metadata, VERSION},
    selection::{Field, Selection},
    tree::{Entry, Node, Path, Time},
};

fn plan(selection: Selection, key: &DataKey, format: Format, now: i64) -> Plan<'_> {
    let wrapped =
        WrappedKey { key: pgp(1), enc: "wrapped".into(), created_at: None, unknown: Vec::new() };
    let metadata = Metadata {
        groups: vec![KeyGroup(vec![wrapped])],
        shamir_threshold: 0,
        last_modified: Time::from_unix(0).unwrap(),
        mac: String::new(),
        selection,
        mac_scope: MacScope::Everything,
        version: VERSION.to_owned(),
        unknown: Vec::new(),
        unknown_in_groups: Vec::new(),
    };
    let target = Target { format, indent: None, check: Check::Full };
    let now = Time::from_unix(now).unwrap();
    Plan { metadata, data_key: key, now, target, allow_nothing_sealed: true }
}

fn key() -> DataKey {
    DataKey::from_slice(&[7; 32]).unwrap()
}

fn plain(format: Format, text: &str) -> PlainDocument {
    match Document::read(format, text.into()) {
        Ok(Document::Plain(plain)) => plain,
        other => panic!("{text:?} reads as {other:?}"),
    }
}

fn seal_under(selection: Selection, format: Format, text: &str) -> Result<SealedText, SealError> {
    let key = key();
    let plan = plan(selection, &key, format, 1_700_000_000);
    super::seal(plain(format, text), plan, &mut SeededRng::new(1))
}

fn seal(format: Format, text: &str) -> String {
    shown(&seal_under(Selection::default(), format, text).unwrap())
}

fn shown(sealed: &SealedText) -> String {
    sealed.text.expose_str().unwrap().to_owned()
}

fn open(format: Format, sealed: &str) -> OpenDocument {
    match Document::read(format, sealed.into()).unwrap() {
        Document::Sealed(document) => {
            super::open(*document, &key(), true).unwrap().verified().unwrap()
        }
        Document::Plain(_) => panic!("not sealed"),
    }
}

fn text(document: &OpenDocument) -> String {
    document.text().unwrap().expose_str().unwrap().to_owned()
}

/// Seals a changed document again, and gives the sealed and the plain text.
fn again(opened: OpenDocument, plain: PlainDocument) -> (String, String) {
    let (format, key) = (opened.format, key());
    let selection = opened.metadata.selection.clone();
    let plan = plan(selection, &key, format, 1_800_000_000);
    let sealed = super::reseal(plain, opened.memory, plan, &mut SeededRng::new(2)).unwrap();
    let sealed = shown(&sealed);
    let plain = text(&open(format, &sealed));
    (sealed, plain)
}

fn value(json: &str) -> Node {
    let parsed = format::parse(Format::Json, format!("{{\"v\":{json}}}").as_str().into()).unwrap();
    match parsed.tree.documents.into_iter().next().unwrap().entries.into_iter().next() {
        Some(Entry::Pair(pair)) => pair.value,
        other => panic!("{other:?}"),
    }
}

fn put(format: Format, before: &str, path: &str, json: &str) -> (String, Vec<usize>) {
    let opened = open(format, &seal(format, before));
    let path = Path::parse(path).unwrap();
    let Amended { document, expanded_aliases } = super::put(&opened, 0, &path, &value(json))
        .unwrap_or_else(|error| panic!("{before:?} {path} {json}: {error}"));
    (again(opened, document).1, expanded_aliases)
}

fn remove(format: Format, before: &str, path: &str) -> String {
    let opened = open(format, &seal(format, before));
    let path = Path::parse(path).unwrap();
    let amended = super::remove(&opened, 0, &path)
        .unwrap_or_else(|error| panic!("{before:?} {path}: {error}"));
    again(opened, amended.document).1
}

#[test]
fn a_value_is_put_in_and_the_rest_stays() {
    for (before, path, json, after) in [
        // The comment in the line of a block's header.
        ("a: | # c\n  x\n  y\nb: 1\n", r#"["a"]"#, "5", "a: 5 # c\nb: 1\n"),
        ("a: | # c\n  x\nb: 1\n", r#"["a"]"#, r#"{"k": 1}"#, "a: # c\n    k: 1\nb: 1\n"),
        (
            "a: x # c\nb: 1\n",
            r#"["a"]"#,
            r#"["l\nm"]"#,
            "a: # c\n    - |-\n      l\n      m\nb: 1\n",
        ),
        // Blocks without a line of text.
        ("a: |-\nb: 1\n", r#"["a"]"#, r#""x""#, "a: |-\n  x\nb: 1\n"),
        ("m:\n  k: |- # c\n  j: 1\n", r#"["m"]["k"]"#, "true", "m:\n  k: true # c\n  j: 1\n"),
        ("a: |-", r#"["a"]"#, r#""x""#, "a: \"x\""),
        ("a: \nb: 1\n", r#"["a"]"#, r#"["x\ny\n"]"#, "a:\n    - |\n      x\n      y\nb: 1\n"),
        // Texts that end without a line break.
        ("a: x", r#"["a"]"#, r#""p\nq\n""#, "a: \"p\\nq\\n\""),
        ("a: x", r#"["b"]"#, r#""p\nq\n""#, "a: x\nb: |\n    p\n    q\n"),
        ("a: |\n  x", r#"["b"]"#, "1", "a: |-\n  x\nb: 1"),
        ("a: |+2\n  x", r#"["b"]"#, "1", "a: |2-\n  x\nb: 1"),
        // Properties of a value that is not there, pairs without braces.
        ("a: !!str\nb: 1\n", r#"["a"]"#, r#""x""#, "a: x\nb: 1\n"),
        ("a: [k: 1, z]\n", r#"["a"][0]["m"]"#, "2", "a: [{k: 1, m: 2}, z]\n"),
    ] {
        assert_eq!(put(Format::Yaml, before, path, json), (after.to_owned(), vec![]));
    }
}

#[test]
fn a_change_does_not_reach_what_aliases_stand_for() {
    // `b` is clear, so that sealing leaves its alias.
    for (before, path, json, after, lines) in [
        (
            "a_unencrypted: &x 1\nb_unencrypted: *x\n",
            r#"["a_unencrypted"]"#,
            "2",
            "a_unencrypted: &x 2\nb_unencrypted: 1\n",
            vec![2],
        ),
        (
            "a_unencrypted: &x {k: 1}\nb_unencrypted:\n  <<: *x\n",
            r#"["a_unencrypted"]["m"]"#,
            "2",
            "a_unencrypted: &x {k: 1, m: 2}\nb_unencrypted:\n  <<:\n    k: 1\n",
            vec![3],
        ),
        (
            "a_unencrypted: &x {k: 1}\nb_unencrypted: *x\n",
            r#"["b_unencrypted"]["k"]"#,
            "2",
            "a_unencrypted: &x {k: 1}\nb_unencrypted:\n    k: 2\n",
            vec![2],
        ),
        // An alias of something else stays.
        (
            "a_unencrypted: &x 1\nb_unencrypted: *x\nc_unencrypted: 3\n",
            r#"["c_unencrypted"]"#,
            "4",
            "a_unencrypted: &x 1\nb_unencrypted: *x\nc_unencrypted: 4\n",
            vec![],
        ),
    ] {
        assert_eq!(put(Format::Yaml, before, path, json), (after.to_owned(), lines), "{before}");
    }
    let before = "a_unencrypted: &x 1\nb_unencrypted: *x\n";
    assert_eq!(remove(Format::Yaml, before, r#"["a_unencrypted"]"#), "b_unencrypted: 1\n");
}

#[test]
fn entries_leave_brackets_with_one_comma() {
    for (before, path, after) in [
        ("f: {x: 1, }\n", r#"["f"]["x"]"#, "f: { }\n"),
        ("f: [1, 2, ]\n", r#"["f"][1]"#, "f: [1, ]\n"),
        ("f: [\n  1, # one\n  2 # two\n  ]\n", r#"["f"][1]"#, "f: [\n  1, # one\n   # two\n  ]\n"),
        ("f: [\n  1, # one\n  2,\n  ]\n", r#"["f"][1]"#, "f: [\n  1, # one\n  \n  ]\n"),
        ("f: [x: 1, y]\n", r#"["f"][0]["x"]"#, "f: [{}, y]\n"),
        // Not in brackets, but with a mark before the key.
        ("? k\n: v\nj: 1\n", r#"["k"]"#, "j: 1\n"),
        ("l:\n- ? k\n  : v\n  ? j\n  : 1\n", r#"["l"][0]["k"]"#, "l:\n- ? j\n  : 1\n"),
    ] {
        assert_eq!(remove(Format::Yaml, before, path), after);
    }
}

#[test]
fn formats_of_texts_take_numbers_as_texts() {
    for (json, text) in [("5", "5"), ("1.5", "1.5"), ("true", "true"), ("null", "")] {
        let env = put(Format::Dotenv, "A=x\nB=y\n", r#"["A"]"#, json).0;
        assert_eq!(env, format!("A={text}\nB=y\n"));
        let ini = put(Format::Ini, "[s]\nk = v\nl = w\n", r#"["s"]["k"]"#, json).0;
        assert_eq!(ini.trim_end(), format!("[s]\nk = {text}\nl = w"));
    }
    // The reference's spelling of a whole float (format §7.6).
    assert_eq!(put(Format::Dotenv, "A=x\n", r#"["A"]"#, "1.0").0, "A=1.0\n");
    // A carriage return would have become part of the value before.
    assert_eq!(put(Format::Dotenv, "A=x\r\nB=y", r#"["C"]"#, r#""z""#).0, "A=x\r\nB=y\nC=z");
}

#[test]
fn a_whole_float_is_put_as_a_float() {
    let before = "{\n  \"a\": 1\n}\n";
    for (json, written) in
        [("1.0", "1.0"), ("1", "1"), ("1e30", "1e+30"), ("[2.0]", "[\n    2.0\n  ]")]
    {
        let after = put(Format::Json, before, r#"["a"]"#, json).0;
        assert_eq!(after, format!("{{\n  \"a\": {written}\n}}\n"));
    }
}

#[test]
fn what_is_not_there_cannot_be_removed() {
    let opened = open(Format::Ini, &seal(Format::Ini, "[s]\nk = v\n"));
    let path = Path::parse(r#"["DEFAULT"]"#).unwrap();
    assert!(matches!(super::remove(&opened, 0, &path), Err(super::AmendError::NotFound(_))));
}

#[test]
fn a_header_that_tells_of_the_text_goes_with_it() {
    let note = regex::Regex::new(r"\]~[0-9A-Za-z+/]+").unwrap();
    for before in [
        "a: |2 # c\n   x\n  y\nb: 1\n",
        "a: !foo | # c\n  x\n\n  y\nb: 1\n",
        "a: !!str &x >-2\n   x\n",
        "l:\n- |1+\n  x\n\n- y\n",
        "a: |2   \r\n   x\r\nb: 1\r\n",
    ] {
        let sealed = seal(Format::Yaml, before);
        assert!(!sealed.contains(['|', '>']) || sealed.contains("enc: |"), "{sealed}");
        let opened = open(Format::Yaml, &sealed);
        assert_eq!(text(&opened), before);
        // Without the note the value is the same.
        let bare = text(&open(Format::Yaml, &note.replace_all(&sealed, "]")));
        let values = |text: &str| format::parse(Format::Yaml, text.into()).unwrap().tree;
        assert_eq!(values(&bare), values(before), "{bare}");
    }
}

#[test]
fn notes_do_not_tell_words_and_dates() {
    let tokens = |before: &str| {
        let sealed = seal(Format::Yaml, before);
        let line = sealed.lines().next().unwrap().to_owned();
        line.chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '/' || c == '+' { 'x' } else { c })
            .collect::<String>()
    };
    for (one, other) in [
        ("a: yes\n", "a: abc\n"),
        ("a: n\n", "a: z\n"),
        ("a: [no]\n", "a: [ab]\n"),
        ("a: [yes]\n", "a: ['yes']\n"),
        ("a: 2024-01-02\n", "a: 2024-01-02T03:04:05Z\n"),
        ("a: 0x1F\n", "a: +31\n"),
        ("a: |2\n   x\n", "a: |2\n  xx\n"),
    ] {
        assert_eq!(tokens(one), tokens(other), "{one} {other}");
    }
}

#[test]
fn the_metadata_keeps_its_indentation() {
    let before = "a:\n    b: 1\nc: 2\n";
    let sealed = seal(Format::Yaml, before);
    let opened = open(Format::Yaml, &sealed);
    let edited = plain(Format::Yaml, "a:\n  b: 1\nc: 2\n");
    let (edited, _) = again(opened, edited);
    let changed = sealed.lines().zip(edited.lines()).filter(|(a, b)| a != b).count();
    // The line itself, lastmodified, mac.
    assert_eq!((changed, sealed.lines().count()), (3, edited.lines().count()));
    // A document that is indented as a whole.
    let before = "  b: # n";
    let sealed = seal(Format::Yaml, before);
    let (again, _) = again(open(Format::Yaml, &sealed), plain(Format::Yaml, before));
    let changed = sealed.lines().zip(again.lines()).filter(|(a, b)| a != b).count();
    assert_eq!((changed, sealed.lines().count()), (2, again.lines().count()));
}

#[test]
fn a_comment_that_the_rule_would_misread_is_refused() {
    let rule =
        |pattern| Selection::from_fields([(Field::UnencryptedCommentRegex, pattern)]).unwrap();
    // Every sealed comment says `type:comment`.
    let sealed = seal_under(rule("type"), Format::Yaml, "a:\n  b: 1\n  # note\n");
    let error = sealed.unwrap_err();
    assert!(matches!(error, SealError::CommentRule { .. }), "{error}");
    assert!(error.to_string().contains(r#" in ["a"]"#) && !error.to_string().contains("note"));
    assert!(seal_under(rule("^public"), Format::Yaml, "a:\n  b: 1\n  # note\n").is_ok());
}

#[test]
fn keys_that_sops_would_merge_are_told() {
    for (text, odd) in [
        ("<<: 1\n", true),
        ("a:\n- <<: [x]\n", true),
        ("a: &x {k: 1}\nb:\n  <<: *x\n", false),
        ("a: <<\n", false),
    ] {
        let sealed = seal_under(Selection::default(), Format::Yaml, text).unwrap();
        assert_eq!(sealed.odd_merge_keys, odd, "{text}");
    }
}

#[test]
fn refusals_name_the_key_path() {
    for (format, text, place) in [
        (Format::Yaml, "m:\n  k:\n    a: 1\n    a: 2\n", r#"line 4, column 5, in ["m"]["k"]: key"#),
        (
            Format::Yaml,
            "m:\n  k: [x, {y: 9223372036854775808}]\n",
            r#"in ["m"]["k"][1]["y"]: this"#,
        ),
        (Format::Yaml, "m:\n  a: &x [*x]\n", r#"line 2, column 10, in ["m"]["a"]: the alias *x"#),
        (Format::Json, r#"{"m":[1,{"a":1e999}]}"#, r#"in ["m"][1]["a"]: this number"#),
    ] {
        let error = Document::read(format, text.into()).unwrap_err().to_string();
        assert!(error.contains(place), "{error}");
    }
    // Not one step for each of the levels.
    for (format, open) in [(Format::Yaml, "a: "), (Format::Json, "{\"a\":")] {
        let text = format!("{open}{}", "[".repeat(10_000));
        let error = Document::read(format, text.as_str().into()).unwrap_err().to_string();
        assert!(error.ends_with("nested deeper than 500 levels") && error.len() < 120, "{error}");
    }
}
