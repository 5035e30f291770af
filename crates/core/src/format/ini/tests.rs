//! Tests of the INI format. What the reference does with each text was tried with 3.13.3.

use proptest::prelude::*;

use super::{super::there_and_back::there_and_back, emit, parse};
use crate::{
    crypto::SecretBytes,
    format::{EmitError, EmitOptions, Problem, Rewrite, Section, SectionError, json},
    tree::{Entry, Mapping, Node, Path, Step, Tree, Value},
};

fn tree(text: &str) -> Tree {
    parse(text.into()).unwrap_or_else(|error| panic!("{error}: {text}")).tree
}

/// The tree in one line per entry: sections, then `key=value`, comments as `;text`.
fn entries(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for section in tree(text).documents[0].pairs() {
        let Node::Map(mapping) = &section.value else { panic!() };
        if section.key != "DEFAULT" || !mapping.entries.is_empty() {
            out.push(format!("[{}]", section.key));
        }
        for entry in &mapping.entries {
            out.push(match entry {
                Entry::Comment(comment) => format!(";{}", comment.text.expose_str().unwrap()),
                Entry::Pair(pair) => {
                    let Node::Leaf(leaf) = &pair.value else { panic!() };
                    let Value::Text(value) = &leaf.value else { panic!() };
                    format!("{}={}", pair.key, value.expose_str().unwrap())
                }
            });
        }
    }
    out
}

fn problem(text: &str) -> Problem {
    parse(text.into()).map(|_| ()).unwrap_err().problem
}

fn text(output: &SecretBytes) -> &str {
    output.expose_str().unwrap()
}

fn put(source: &str, path: &str, value: impl Into<Node>) -> String {
    let parsed = parse(source.into()).unwrap();
    let path = Path::parse(path).unwrap();
    text(&parsed.layout.put(&parsed.tree, &path, &value.into()).unwrap()).to_owned()
}

fn remove(source: &str, path: &str) -> String {
    let parsed = parse(source.into()).unwrap();
    let path = Path::parse(path).unwrap();
    text(&parsed.layout.remove(&parsed.tree, &path).unwrap()).to_owned()
}

#[test]
fn values_are_read_as_the_reference_reads_them() {
    for (line, value) in [
        ("k=v", "v"),
        ("k = \t ", ""),
        ("k : v = w", "v = w"),
        ("\u{b}k\u{a0}=\u{a0}v\u{a0}", "v"),
        ("k = \"a\" b", "\"a\" b"),
        ("k = \"a\"b\"", "\"a\"b\""),
        ("k = \"", "\""),
        ("k = 'a'", "a"),
        ("k=\"a'", "\"a'"),
        ("k = \"\"", ""),
        ("k = ``", ""),
        ("k = \"\"\"\"\"\"", ""),
        ("k = \"\"\"x\"\"\"y\"\"\"", "x\"\"\"y"),
        ("k = `v` junk", "v"),
        ("k = \"\"\"a\"\"\" ; c", "a"),
        ("k = \"\"\"l1\nl2\"\"\"", "l1\nl2"),
        ("k = `q1\r\nq2`", "q1\r\nq2"),
        ("k=\"\"\"\r\nx\"\"\"\r\n", "\r\nx"),
        ("k = \"\"\"a\n; b\n\"\"\"\n", "a\n; b\n"),
        ("k = \"\"\"a\n\"\"\" b \"\"\"\n", "a\n\"\"\" b "),
        ("k = a \\\n  b ; c\n", "a b ; c"),
        ("k = a\\\n\n", "a"),
        ("k = a \\\n\\\nb\n", "a b"),
        ("k = a\\", "a"),
        ("k = a\\ ; c", "a\\"),
        ("k = %(x)s", "%(x)s"),
    ] {
        let entries = entries(&format!("[s]\n{line}"));
        assert_eq!(entries[1], format!("k={value}"), "{line}");
    }
}

#[test]
fn keys_and_sections_are_read_as_the_reference_reads_them() {
    assert_eq!(entries("a=1\n[DEFAULT]\nb=2\n"), ["[DEFAULT]", "a=1", "[DEFAULT]", "b=2"]);
    assert_eq!(entries("[ s ]\n[s]\nk=1\n[s]\nk=2"), ["[ s ]", "[s]", "k=1", "[s]", "k=2"]);
    assert_eq!(
        entries("\"k:1\" = v\n`a=b` = w\n\"\"\"x\"\"\" = y\n\" z \":1"),
        ["[DEFAULT]", "k:1=v", "a=b=w", "x=y", "z=1"]
    );
    assert_eq!(entries("\u{feff}k=v"), ["[DEFAULT]", "k=v"]);
    assert_eq!(tree("").documents[0].pairs().count(), 1);
}

#[test]
fn comments_stand_where_the_reference_puts_them() {
    assert_eq!(
        entries("[s]\n; a\n\n # b \nk = v ; in\n;\nl = 1\n# \n  \n; x\nm = 2\n;eof\n"),
        ["[s]", "k=v", ";a\n# b \n; in", "l=1", ";", "m=2", ";\n; x", ";eof"]
    );
    assert_eq!(
        entries("; sec\n;sec2\n[s] # inl\nk=\"\"\"l1\nl2\"\"\" ; com\n"),
        ["[s]", ";sec\n;sec2\n# inl", "k=l1\nl2", ";com"]
    );
    for (line, comment) in [
        (";;; ## x # y", "## x # y"),
        (";; a", "a"),
        ("# ; a", "; a"),
        (";\t a", "\t a"),
        ("# #", ""),
        ("  ;  \t  x  ", "\t  x"),
        (";  a  \r\n#b\t\r", "a  \r\n#b"),
    ] {
        assert_eq!(entries(&format!("[s]\n{line}\nk=v"))[2], format!(";{comment}"), "{line}");
    }
}

#[test]
fn what_the_reference_would_lose_is_refused() {
    for text in [
        "[s\n",
        "[]\n",
        "[s] junk\nk=v\n",
        "[s] ; see [x]\n",
        "k v\n",
        " = v\n",
        "\"\"=v\n",
        "\"k=v\n",
        "\"k\" junk = v\n",
        "- = 1\n",
        "k=\"\"\"a\n",
        "k=`a\n",
        "k=\"\"\"",
    ] {
        assert!(matches!(problem(text), Problem::Syntax(_)), "{text}");
    }
    let duplicate = Problem::DuplicateKey { key: "k".to_owned(), first_line: 2 };
    assert_eq!(problem("[s]\nk=1\nj=1\nk=hunter2\n"), duplicate);
    let error = parse("[s]\nhunter2\n".into()).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("line 2, column 1: ") && !error.contains("hunter2"), "{error}");
    assert!(parse("[s] ; see [x]\nk=v\n\n[sops]\nmac=x\n".into()).is_ok());
}

#[test]
fn texts_of_any_layout_come_back() {
    for text in [
        "",
        "\n",
        "\n\n",
        "k=v",
        "k=v\n",
        "k = v\n\n\n",
        "\r\nk = v\r\n\r\n",
        "k = v\r",
        "\u{feff}",
        "\u{feff}; c\n[s]\nk=v",
        "\u{feff}[s] ;; c \nk=v",
        "[s];c",
        "; only",
        ";\n",
        "[s]\n",
        "[s]",
        "; top\ntop = 1\n\n[s]\n; about key\nkey = value\nquoted = \"x # y\"\n",
        "[s]\n; a\n\n # b \nk = v ; in\n;\nl = 1\n# \n  \n; x\nm = 2\n;eof\n",
        "; sec\n\t;sec2\n[s]  # inl\n\n; end\n",
        "[s]\r\n; a\r\n\r\n  ;b\r\nk = v ; c\r\nl='w'\r\n",
        "a=\"x\"\nb='x'\nc=`x`\nd=\"\"\"x\"\"\"\ne=`x` junk ; no comment\n",
        "a=\"\"\"l1\n  l2\n\"\"\" ; c\nb=`l1\r\nl2`\nc = x \\\n  y\nd=z\\\n\ne=1",
        "a=\"\"\"l1\n\"\"\" junk ; c\nb=\n[t]\nc=\"\"\n",
        "a = x ; one ; two\nb = \"\" # c\n",
        "a = ;c\n",
        "k = \"\"\"a\r\nb\"\"\"\nj=1",
    ] {
        there_and_back(parse, text.as_bytes());
    }
}

#[test]
fn the_sealed_text_is_one_that_the_reference_reads() {
    let sealed = there_and_back(
        parse,
        b"[s]\n# a\n\n\t; b\nk = \"v\" ; in\nl=\"\"\"1\n2\"\"\" ; c\n; end\n",
    );
    let token = |number: usize, kind: &str| {
        format!("ENC[AES256_GCM,data:{number:06}==,iv:aXY=,tag:dGFn,type:{kind}]")
    };
    let expected = format!(
        "[s]\n# {}\n\n\t;\nk = \"{}\" ;\nl=\"\"\"{}\n\"\"\" ; {}\n; {}\n\n[sops]\nage__list_0__map_enc       = -----BEGIN\\nline\\n-----END\\n\n",
        token(1, "comment"),
        token(0, "str"),
        token(2, "str"),
        token(3, "comment"),
        token(4, "comment"),
    );
    assert!(sealed.starts_with(&expected), "{sealed}\n{expected}");
    assert!(sealed.ends_with("\nversion                    = 3.13.2\n"));
    assert!(there_and_back(parse, b"k=v").ends_with("\nversion                    = 3.13.2"));
}

#[test]
fn comments_that_the_reference_gathered_come_apart_again() {
    let sealed = "[s]\n  ; ENC[x]\nk = v\n\n[sops]\nmac = x\n";
    let mut parsed = parse(sealed.into()).unwrap();
    let Node::Map(section) = &mut parsed.tree.documents[0]
        .entries
        .get_mut(1)
        .map(|entry| match entry {
            Entry::Pair(pair) => &mut pair.value,
            Entry::Comment(_) => panic!(),
        })
        .unwrap()
    else {
        panic!()
    };
    let Entry::Comment(comment) = &mut section.entries[1] else { panic!() };
    comment.replace("a\n# b\nc");
    let plain = parsed.layout.rewrite(&parsed.tree, Rewrite::Plain).unwrap();
    assert_eq!(text(&plain), "[s]\n  ; a\n  # b\n  ; c\nk = v\n");
}

#[test]
fn metadata_may_stand_anywhere_but_only_once() {
    let source = "a=1\n[sops]\nversion = 1\nmac = \"\"\"x\ny\"\"\"\n; for t\n[t]\nb=2\n";
    let parsed = parse(source.into()).unwrap();
    let Section::Found(section) = &parsed.metadata else { panic!() };
    assert_eq!(section.get("mac"), Some(&"x\ny".into()));
    assert_eq!(entries(source), ["[DEFAULT]", "a=1", "[t]", ";for t", "b=2"]);
    let plain = parsed.layout.rewrite(&parsed.tree, Rewrite::Plain).unwrap();
    assert_eq!(text(&plain), "a=1\n; for t\n[t]\nb=2\n");
    let mut metadata = Mapping::default();
    metadata.push("version", "2");
    let how = Rewrite::Sealed { metadata: &metadata, indent: None };
    let sealed = parsed.layout.rewrite(&parsed.tree, how).unwrap();
    assert_eq!(text(&sealed), "a=1\n[sops]\nversion = 2\n; for t\n[t]\nb=2\n");
    let twice = parse("[sops]\na=1\n[sops]\na=2\n".into()).unwrap().metadata;
    assert!(matches!(twice, Section::Malformed(SectionError::Duplicate { line: 3 })));
    assert!(matches!(parse("[sops]\n".into()).unwrap().metadata, Section::Found(_)));
}

#[test]
fn metadata_with_comment_marks_is_quoted() {
    let mut metadata = Mapping::default();
    metadata.push("encrypted_regex", "^a;b#c$");
    metadata.push("other", "x\\");
    let parsed = parse("k=v\n".into()).unwrap();
    let how = Rewrite::Sealed { metadata: &metadata, indent: None };
    let sealed = parsed.layout.rewrite(&parsed.tree, how).unwrap();
    let Section::Found(found) = parse(sealed).unwrap().metadata else { panic!() };
    assert_eq!(found, metadata);
}

#[test]
fn new_keys_look_like_their_neighbours() {
    assert_eq!(put("[s]\nk = v ; c\n", "[\"s\"][\"k\"]", "w"), "[s]\nk = w ; c\n");
    assert_eq!(put("[s]\nk = \"v\"\n", "[\"s\"][\"k\"]", "a#b"), "[s]\nk = `a#b`\n");
    assert_eq!(put("[s]\nk=v\n[t]\n", "[\"s\"][\"l\"]", " w"), "[s]\nk=v\nl=\" w\"\n[t]\n");
    assert_eq!(put("[s]\nkey   = v", "[\"s\"][\"l\"]", "w"), "[s]\nkey   = v\nl     = w");
    assert_eq!(put("[s]\nk: v\n", "[\"t\"][\"l\"]", "w"), "[s]\nk: v\n\n[t]\nl: w\n");
    assert_eq!(put("", "[\"t\"][\"l\"]", Value::Float(1.0)), "[t]\nl = 1.0\n");
    assert_eq!(put("[s]\n", "[\"DEFAULT\"][\"l\"]", "w"), "l = w\n[s]\n");
    let mut section = Mapping::default();
    section.push("x", "1");
    section.push("y", "a\nb");
    assert_eq!(put("[s]\n; c\nk=v\n", "[\"s\"]", section), "[s]\n; c\nx=1\ny=\"\"\"a\nb\"\"\"\n");
    assert_eq!(remove("[s]\nk=v\n; c\nl=w\n", "[\"s\"][\"l\"]"), "[s]\nk=v\n; c\n");
    assert_eq!(remove("[s]\nk=v\nl=\"\"\"a\nb\"\"\"", "[\"s\"][\"l\"]"), "[s]\nk=v");
    assert_eq!(remove("a=1\n\n[s]\nk=v\n[t]\n", "[\"s\"]"), "a=1\n\n[t]\n");
}

#[test]
fn what_has_no_place_in_a_section_is_refused() {
    let parsed = parse("[s]\nk=`a` ; c\nl = v ; c\n".into()).unwrap();
    let put = |path: &str, value: Node| match parsed.layout.put(
        &parsed.tree,
        &Path::parse(path).unwrap(),
        &value,
    ) {
        Err(EmitError::CannotHold { what, .. }) => what,
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(put("[\"s\"][\"k\"]", Mapping::default().into()), "a mapping");
    assert_eq!(put("[\"s\"][\"k\"][\"j\"]", "x".into()), "a mapping");
    assert_eq!(put("[\"s\"][0]", "x".into()), "a list");
    assert_eq!(put("[\"x\"]", "x".into()), "a value outside of a section");
    assert!(put("[\"s\"][\"-\"]", "x".into()).starts_with("a key"));
    assert!(put("[\"s\"][\"l\"]", "a;b".into()).starts_with("this text"));
    let path = Path::parse("[\"sops\"][\"x\"]").unwrap();
    let reserved = parsed.layout.put(&parsed.tree, &path, &"x".into());
    assert!(matches!(reserved, Err(EmitError::Reserved { .. })));
}

#[test]
fn the_canonical_form_is_that_of_the_reference() {
    let options = EmitOptions { indent: None };
    let source = "root = r\n; section\n; note\n[sec]\n; key note\nuser='u'\nempty=\nl=`a#b`\nm=`a\"b`\nn=\"\"\"a`b\"\"\"\no=\" x \"\n[t]\n[DEFAULT]\n`a=b`=1\n";
    let out = emit(&tree(source), None, &options).unwrap();
    assert_eq!(
        text(&out),
        "root = r\n\n; section\n; note\n[sec]\n; key note\nuser  = u\nempty = \nl     = `a#b`\nm     = a\"b\nn     = \"\"\"a`b\"\"\"\no     = \" x \"\n\n[t]\n\n[DEFAULT]\n`a=b` = 1\n"
    );
    let scalars = json::parse("{\"s\":{\"a\":null,\"b\":true,\"c\":1e6}}".into()).unwrap().tree;
    assert_eq!(text(&emit(&scalars, None, &options).unwrap()), "[s]\na = \nb = true\nc = 1E+06\n");
    for refused in ["{\"a\":1}", "{\"a\":{\"b\":{}}}", "{\"a\":{\"b\":[]}}", "{\"a\":{\"\":1}}"] {
        let tree = json::parse(refused.into()).unwrap().tree;
        assert!(
            matches!(emit(&tree, None, &options), Err(EmitError::CannotHold { .. })),
            "{refused}"
        );
    }
    let mut reserved = tree("");
    reserved.documents[0].push("sops", Mapping::default());
    assert!(emit(&reserved, None, &options).is_ok());
    assert!(emit(&reserved, Some(&Mapping::default()), &options).is_err());
    assert_eq!(text(&emit(&tree(""), Some(&Mapping::default()), &options).unwrap()), "[sops]\n");
}

fn ini() -> impl Strategy<Value = String> {
    let blank = || prop::sample::select(vec!["", " ", "  ", "\t"]);
    let comment = || {
        (blank(), prop::sample::select(vec![";", "#", ";;", "; #"]), "[ a-c;#\"`]{0,6}")
            .prop_map(|(indent, marker, text)| format!("{indent}{marker}{text}"))
    };
    let value = prop_oneof![
        "[ a-c\"'\\\\]{0,6}",
        "\"[a-c ']{0,4}\"",
        "'[a-c \"]{0,4}'",
        "`[a-c \n#;\"]{0,6}`",
        "\"\"\"[a-c \n#;`]{0,6}\"\"\"",
        "[a-c]{1,2} \\\\\n [a-c]{1,2}",
    ];
    let pair = (
        blank(),
        blank(),
        prop::sample::select(vec!["=", ":"]),
        blank(),
        value,
        prop::option::of(comment()),
    )
        .prop_map(|(indent, before, delimiter, after, value, comment)| {
            let comment = comment.map(|text| format!(" {text}")).unwrap_or_default();
            (indent, before, delimiter, after, value, comment)
        });
    let line = prop_oneof![
        4 => pair.prop_map(|(indent, before, delimiter, after, value, comment)| {
            format!("{indent}KEY{before}{delimiter}{after}{value}{comment}")
        }),
        2 => comment(),
        1 => blank().prop_map(str::to_owned),
        1 => ("[a-c]{1,2}", prop::option::of("[;#][a-c ]{0,4}")).prop_map(|(name, comment)| {
            format!("[{name}]{}", comment.unwrap_or_default())
        }),
    ];
    (prop::collection::vec(line, 0..8), any::<bool>(), any::<bool>()).prop_map(
        |(lines, crlf, ended)| {
            // Each key another one, as the same twice is refused.
            let lines: Vec<_> = lines
                .iter()
                .enumerate()
                .map(|(number, line)| line.replacen("KEY", &format!("k{number}"), 1))
                .collect();
            let mut text = lines.join("\n");
            if ended {
                text.push('\n');
            }
            if crlf { text.replace('\n', "\r\n") } else { text }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn any_text_comes_back(text in ini()) {
        if parse(text.as_str().into()).is_ok() {
            there_and_back(parse, text.as_bytes());
        }
    }

    #[test]
    fn what_is_read_comes_back(text in "([k=;#\"'`\\\\ \n\\[\\]a]|\"\"\"|\r\n|k[a-e]=){0,24}") {
        if parse(text.as_str().into()).is_ok() {
            there_and_back(parse, text.as_bytes());
        }
    }

    #[test]
    fn canonical_texts_read_back(text in ini()) {
        if let Ok(parsed) = parse(text.as_str().into()) {
            let options = EmitOptions { indent: None };
            if let Ok(out) = emit(&parsed.tree, None, &options) {
                let again = parse(out).unwrap();
                let values = |tree: &Tree| -> Vec<_> {
                    tree.documents[0].pairs().flat_map(|section| match &section.value {
                        Node::Map(mapping) => mapping.pairs().cloned().collect::<Vec<_>>(),
                        _ => Vec::new(),
                    }).collect()
                };
                prop_assert_eq!(values(&parsed.tree), values(&again.tree));
            }
        }
    }

    #[test]
    fn what_was_put_is_there_and_the_rest_as_it_was(
        text in ini(),
        section in "[a-c]{1,2}|DEFAULT",
        key in "k[0-5]|n=w|a b",
        value in "[ a-c\"'`;#\\\\\n]{0,6}",
    ) {
        let Ok(parsed) = parse(text.as_str().into()) else { return Ok(()) };
        let path = Path(vec![Step::Key(section.clone()), Step::Key(key.clone())]);
        let Ok(out) = parsed.layout.put(&parsed.tree, &path, &value.as_str().into()) else {
            return Ok(());
        };
        let again = parse(out).unwrap();
        let get = |tree: &Tree| match tree.documents[0].get(&section) {
            Some(Node::Map(mapping)) => mapping.get(&key).cloned(),
            _ => None,
        };
        prop_assert_eq!(get(&again.tree), Some(value.as_str().into()));
        let added = get(&parsed.tree).is_none();
        let count = |tree: &Tree| -> usize {
            tree.documents[0].pairs().map(|pair| match &pair.value {
                Node::Map(mapping) => mapping.pairs().count(),
                _ => 0,
            }).sum()
        };
        prop_assert_eq!(count(&again.tree), count(&parsed.tree) + usize::from(added));
        let removed = again.layout.remove(&again.tree, &path).unwrap();
        let removed = parse(removed).unwrap();
        prop_assert_eq!(get(&removed.tree), None);
        prop_assert_eq!(count(&removed.tree), count(&again.tree) - 1);
    }
}
