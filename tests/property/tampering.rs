//! Sealed documents changed by somebody without the key: what is accepted still means what was
//! sealed, apart from what format §2 says the MAC does not cover.

use sops_core::document::Document;
use sops_core::format::{self, Format};
use sops_core::pipeline;
use sops_core::selection::{Field, Selection};
use sops_core::tree::{Entry, Item, Kind, Mapping, Node, Tree};

use super::case::Case;
use super::sealing;

/// Opens a changed document as the command does without `--ignore-mac`; `None` is a refusal.
fn accepted(format: Format, text: &str) -> Option<Tree> {
    let Ok(Document::Sealed(document)) = Document::read(format, text.into()) else { return None };
    let opened = pipeline::open(*document, &sealing::data_key(1), false).ok()?;
    let document = opened.verified().ok()?;
    // What is printed is what counts: it has to say the same.
    let printed = document.text().ok()?;
    let read = format::parse(format, printed.clone());
    let read = read.unwrap_or_else(|error| panic!("{error}\n{}", sealing::shown(printed.expose())));
    let (shown, meant) = (meaning(&read.tree, false), meaning(&document.tree, false));
    let printed = || format!("printed\n{}\nof\n{text}", sealing::shown(printed.expose()));
    // Where everything is text, a number of another type is another text; its place is the same.
    assert_eq!(shown.len(), meant.len(), "{}", printed());
    if matches!(format, Format::Yaml | Format::Json) {
        assert_eq!(shown, meant, "{}", printed());
    }
    Some(document.tree)
}

/// What a tree says: values and where they stand, with or without their types. Comments, null,
/// empty text and empty containers are what nobody vouches for (format §2).
fn meaning(tree: &Tree, with_types: bool) -> Vec<String> {
    fn node(node: &Node, path: &str, with_types: bool, list: &mut Vec<String>) {
        match node {
            Node::Map(inner) => mapping(inner, path, with_types, list),
            Node::List(inner) => {
                // By order alone: an empty item in between moves the positions behind it.
                for item in &inner.items {
                    if let Item::Value(value) = item {
                        node_(value, &format!("{path}[]"), with_types, list);
                    }
                }
            }
            Node::Leaf(leaf) => {
                let canonical = leaf.value.canonical();
                if !canonical.is_empty() {
                    let kind = with_types.then(|| leaf.value.kind().map(Kind::name));
                    list.push(format!("{path} {kind:?} {:?}", canonical.expose()));
                }
            }
        }
    }
    use node as node_;
    fn mapping(mapping: &Mapping, path: &str, with_types: bool, list: &mut Vec<String>) {
        for entry in &mapping.entries {
            if let Entry::Pair(pair) = entry {
                node(&pair.value, &format!("{path}.{:?}", pair.key), with_types, list);
            }
        }
    }
    let mut list = Vec::new();
    for document in &tree.documents {
        mapping(document, "", with_types, &mut list);
    }
    list
}

/// A sealed document and what it says.
pub(super) struct Sealed {
    format: Format,
    pub(super) text: String,
    mac: String,
    tree: Tree,
}

impl Sealed {
    /// `None` for texts that say nothing or come in bytes that are not text.
    pub(super) fn of(format: Format, text: &[u8], selection: &Selection) -> Option<Self> {
        let plain = sealing::plain(format, text)?;
        let sealed = sealing::seal(plain, selection).ok()?;
        let text = sealed.text.expose_str()?.to_owned();
        let tree = accepted(format, &text).expect("what was sealed opens");
        Some(Self { format, text, mac: sealed.metadata.mac, tree })
    }

    /// Where each token of a value or comment stands.
    fn tokens(&self) -> Vec<std::ops::Range<usize>> {
        let found = self.text.match_indices("ENC[AES256_GCM,data:");
        found
            .filter_map(|(at, _)| {
                let end = at + self.text[at..].find(']')? + 1;
                (self.text[at..end] != self.mac).then_some(at..end)
            })
            .collect()
    }

    /// The text with something else in place of a range.
    fn with(&self, range: &std::ops::Range<usize>, other: &str) -> String {
        [&self.text[..range.start], other, &self.text[range.end..]].concat()
    }

    /// Demands that a changed text is refused or says the same.
    fn demand_same(&self, changed: &str, with_types: bool, what: &str) {
        if let Some(tree) = accepted(self.format, changed) {
            assert_eq!(
                meaning(&tree, with_types),
                meaning(&self.tree, with_types),
                "{what}: accepted, and says something else\n{}\n{changed}",
                self.text
            );
        }
    }
}

fn rules() -> Vec<Selection> {
    [
        (Field::UnencryptedSuffix, "_clear"),
        (Field::EncryptedRegex, "^(data|pass.*|marker|a)$"),
        (Field::UnencryptedSuffix, "_unencrypted"),
    ]
    .map(|given| Selection::from_fields([given]).expect("the rule is usable"))
    .into()
}

/// Generated documents of every format, not too large for what follows.
fn documents(from: usize, count: usize) -> impl Iterator<Item = Sealed> {
    let rules = rules();
    (from..)
        .map(|number| (number, Case::generate(11, number)))
        .filter_map(move |(number, case)| {
            let text = &case.text.bytes;
            // A copy in place of an alias is another tree.
            let usable = text.len() < 700 && !case.text.aliases;
            usable.then(|| Sealed::of(case.format, text, &rules[number % rules.len()])).flatten()
        })
        .take(count)
}

/// The other letters of base64 that differ from this one in one bit.
fn neighbours(letter: u8) -> Vec<char> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let Some(at) = LETTERS.iter().position(|known| *known == letter) else { return Vec::new() };
    (0..6).map(|bit| char::from(LETTERS[at ^ (1 << bit)])).collect()
}

#[test]
fn no_flipped_bit_of_a_token_is_accepted_with_another_meaning() {
    let mut tried = 0;
    for sealed in documents(0, 25) {
        // All bits of the first tokens, some of the others.
        for (number, token) in sealed.tokens().into_iter().enumerate() {
            let parts = token.start + "ENC[AES256_GCM,".len()..token.end;
            for at in parts.step_by(if number < 2 { 1 } else { 13 }) {
                let letter = sealed.text.as_bytes()[at];
                for other in neighbours(letter) {
                    let changed = sealed.with(&(at..at + 1), &other.to_string());
                    sealed.demand_same(&changed, true, "a flipped bit");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 5_000, "{tried} flips are too few to say anything");
}

#[test]
fn moved_copied_and_emptied_tokens_are_not_accepted_with_another_meaning() {
    for sealed in documents(1_000, 60) {
        let tokens = sealed.tokens();
        for (number, token) in tokens.iter().enumerate().take(12) {
            let text = &sealed.text[token.clone()];
            sealed.demand_same(&sealed.with(token, ""), true, "an emptied value");
            sealed.demand_same(&sealed.with(token, "null"), true, "a value in clear");
            for behind in ["x", "~AAAA", " ENC[AES256_GCM,data:AA==", "]"] {
                let changed = sealed.with(token, &format!("{text}{behind}"));
                sealed.demand_same(&changed, true, "text behind the bracket");
            }
            for other in tokens.iter().skip(number + 1).take(12) {
                let second = &sealed.text[other.clone()];
                sealed.demand_same(&sealed.with(other, text), true, "a copied token");
                sealed.demand_same(&sealed.with(token, second), true, "a token copied back");
                let between = &sealed.text[token.end..other.start];
                let both = token.start..other.end;
                let changed = sealed.with(&both, &format!("{second}{between}{text}"));
                sealed.demand_same(&changed, true, "two exchanged tokens");
            }
        }
    }
}

/// Comments are outside of the MAC, and the items of a list and its comments are sealed under one
/// path. So the token of a text of several lines can be copied to where a comment stands; its
/// further lines must not become items.
#[test]
fn a_text_of_several_lines_does_not_come_back_as_a_comment() {
    let text =
        "# top\na:\n- |\n  first\n  - injected\n- two\n# note\n- three # beside\nb: 1 # one\n";
    let sealed = Sealed::of(Format::Yaml, text.as_bytes(), &Selection::default()).unwrap();
    let tokens = sealed.tokens();
    let several = sealed.text[tokens[1].clone()].to_owned();
    let comments: Vec<_> =
        tokens.iter().filter(|at| sealed.text[..at.start].ends_with('#')).collect();
    assert_eq!(comments.len(), 4);
    for comment in comments {
        for token in [several.clone(), several.replace("type:str", "type:comment")] {
            let tree = accepted(Format::Yaml, &sealed.with(comment, &token)).unwrap();
            assert_eq!(meaning(&tree, true), meaning(&sealed.tree, true));
        }
    }
}

/// Go sops writes every value as a bare token; we write a text of several lines as a block. Blanks
/// behind the token are outside of the MAC, and must not get into the block.
#[test]
fn blanks_behind_a_token_do_not_get_into_its_value() {
    let text = "a: x\nb: \"one\\ntwo\\n\"\nc: y\n";
    let sealed = Sealed::of(Format::Yaml, text.as_bytes(), &Selection::default()).unwrap();
    let token = &sealed.text[sealed.tokens()[1].clone()];
    let note = sealed.text.split(token).nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(note, "", "double quotes need no note");
    let quoted = format!("\"{token}\"");
    for bare in
        [token.to_owned(), format!("{token}  "), format!("{token} \t"), format!(" {token} # x")]
    {
        let changed = sealed.text.replacen(&quoted, &bare, 1);
        assert_ne!(changed, sealed.text);
        assert!(accepted(Format::Yaml, &changed).is_some(), "{changed}");
        sealed.demand_same(&changed, true, "blanks behind a token");
        // At the end of a text without a line break at its end.
        let lines: Vec<&str> = changed.lines().collect();
        let (first, rest) = lines.split_at(3);
        let last = [&first[..1], &first[2..], &first[1..2], rest].concat().join("\n");
        sealed.demand_values(&last, "a block without a line break");
        let Ok(Document::Sealed(document)) = Document::read(Format::Yaml, last.as_str().into())
        else {
            panic!("it reads")
        };
        let opened = pipeline::open(*document, &sealing::data_key(1), false).unwrap();
        let (document, _) = opened.unverified();
        let printed = format::parse(Format::Yaml, document.text().unwrap()).unwrap();
        assert_eq!(meaning(&printed.tree, true), meaning(&document.tree, true));
    }
}

/// Nor do blank lines behind it, where a block keeps its own.
#[test]
fn blank_lines_behind_a_token_do_not_get_into_its_value() {
    let text = "a: \"one\\ntwo\\n\\n\"\nb: y\n";
    let sealed = Sealed::of(Format::Yaml, text.as_bytes(), &Selection::default()).unwrap();
    let token = &sealed.text[sealed.tokens()[0].clone()];
    for lines in ["\n", "\n\n", "\n\n\n", "\n  \n"] {
        let changed =
            sealed.text.replacen(&format!("\"{token}\"\n"), &format!("{token}{lines}"), 1);
        assert_ne!(changed, sealed.text);
        assert!(accepted(Format::Yaml, &changed).is_some(), "{changed}");
        sealed.demand_same(&changed, true, "blank lines behind a token");
    }
}

/// In INI the lines of a comment are one, with one token. A line more beside it, in a file whose
/// last line break was cut off, once took the program down.
#[test]
fn a_doubled_comment_of_ini_before_a_cut_off_end_opens() {
    let sealed = Sealed::of(Format::Ini, b"k = v\n# c\n", &Selection::default()).unwrap();
    let comment = sealed.text.lines().find(|line| line.ends_with("type:comment]")).unwrap();
    let doubled = sealed.text.replacen(comment, &format!("{comment}\n{comment}"), 1);
    let cut = doubled.trim_end();
    assert!(accepted(Format::Ini, cut).is_some(), "{cut}");
    sealed.demand_same(cut, true, "a doubled comment");
}

/// A tag in front of a token would be read together with what the token stands for.
#[test]
fn tags_in_front_of_tokens_change_nothing_that_is_accepted() {
    let text = "a: x\nb: 5\nc: true\nd: \"aGVsbG8=\"\ne:\n- 2024-01-02\n- '7'\nf: |\n  x\n";
    let sealed = Sealed::of(Format::Yaml, text.as_bytes(), &Selection::default()).unwrap();
    for token in sealed.tokens() {
        let quoted = sealed.text[..token.start].ends_with(['"', '\'']);
        let at = token.start - usize::from(quoted);
        for tag in [
            "!!str ",
            "!!binary ",
            "!!int ",
            "!!null ",
            "!!float ",
            "!!bool ",
            "!!map ",
            "!!timestamp ",
            "!own ",
            "! ",
            "&x ",
            "!!str &x ",
        ] {
            let changed = [&sealed.text[..at], tag, &sealed.text[at..]].concat();
            sealed.demand_same(&changed, true, tag);
        }
    }
}

/// Nor does a comment become an item: SOPS writes comments of lists as items, and whoever takes
/// the token of one can put it into any list.
#[test]
fn a_comment_does_not_come_back_as_an_item() {
    let text = "# yes\na: [one, two]\nb:\n- three\n- - four\nc: {d: [five]}\n";
    let sealed = Sealed::of(Format::Yaml, text.as_bytes(), &Selection::default()).unwrap();
    let comment = sealed.text[sealed.tokens()[0].clone()].to_owned();
    for (place, item) in [
        ("a: [", format!("a: ['{comment}', ")),
        ("a: [", format!("a: [{{}}, \"{comment}\", ")),
        ("d: [", format!("d: [\n  '{comment}',\n  ")),
        ("b:\n", format!("b:\n- '{comment}'\n")),
        ("b:\n", format!("b:\n- - \"{comment}\"\n")),
        ("b:\n", format!("b:\n-\n  {comment}\n")),
        ("b:\n", format!("b:\n- |\n  {comment}\n")),
        ("b:\n", format!("b:\n- !!str {comment}\n")),
        ("b:\n", format!("b:\n- # more\n  {comment}\n")),
        ("b:\n", format!("b:\n- - # more\n\n    # most\n    \"{comment}\"\n")),
    ] {
        let changed = sealed.text.replacen(place, &item, 1);
        assert_ne!(changed, sealed.text);
        sealed.demand_same(&changed, true, "a comment as an item");
    }
}

/// What may stand in a comment of YAML comes back, and what may not cannot have stood there.
#[test]
fn odd_characters_in_comments_come_back_or_are_refused_at_once() {
    let mut read = 0;
    for odd in [
        '\t',
        '\u{7f}',
        '\u{85}',
        '\u{a0}',
        '\u{2028}',
        '\u{2029}',
        '\u{feff}',
        '\u{fffd}',
        '\u{1b}',
        '\u{0}',
        '\u{10ffff}',
    ] {
        let text = format!("# x{odd}y\na: 1 # {odd}\n");
        read += usize::from(sealing::plain(Format::Yaml, text.as_bytes()).is_some());
        sealing::check(Format::Yaml, text.as_bytes(), &Selection::default(), false);
    }
    assert!(read >= 7, "{read}");
}

/// The type in a token is not authenticated. What is accepted has the same bytes as before, so
/// that a text such as `05` never becomes the integer 5; docs/security.md names the rest.
#[test]
fn another_type_is_accepted_for_the_same_bytes_only() {
    let own = [
        (
            Format::Yaml,
            "a: \"05\"\nb: '1.50'\nc: \"2024-01-02T00:00:00+00:00\"\nd: 't'\ne: 5\nf: '1'\n",
        ),
        (Format::Json, r#"{"a": "007", "b": "1e3", "c": true, "d": 1.5, "e": ["t", "+1"]}"#),
        (Format::Dotenv, "A=010\nB=yes\n"),
        (Format::Ini, "[s]\na = 1.0\nb = 0x1F\n"),
    ];
    let own = own
        .iter()
        .filter_map(|(format, text)| Sealed::of(*format, text.as_bytes(), &Selection::default()));
    let mut accepted_anyway = 0;
    for sealed in own.chain(documents(2_000, 60)) {
        for token in sealed.tokens() {
            let text = &sealed.text[token.clone()];
            let Some((head, _)) = text.split_once(",type:") else { continue };
            for kind in ["str", "int", "float", "bool", "time", "bytes", "comment", "x"] {
                let changed = sealed.with(&token, &format!("{head},type:{kind}]"));
                sealed.demand_same(&changed, false, "another type");
                // Nor if the file says it is from the times when floats were hashed as spelled.
                for old in ["1.6", "3.9.0"] {
                    let older = changed.replace("3.13.3", old);
                    if older.contains(old) && kind != "float" {
                        sealed.demand_same(&older, false, "another type in an older file");
                    }
                }
                accepted_anyway += usize::from(accepted(sealed.format, &changed).is_some());
            }
        }
    }
    assert!(accepted_anyway > 0, "the unchanged type at least is accepted");
}

#[test]
fn lines_put_in_or_out_are_not_accepted_with_another_meaning() {
    for sealed in documents(3_000, 80) {
        let lines: Vec<&str> = sealed.text.split_inclusive('\n').collect();
        for at in 0..lines.len() {
            let without = [&lines[..at], &lines[at + 1..]].concat().concat();
            sealed.demand_values(&without, "a removed line");
            let twice = [&lines[..=at], &lines[at..]].concat().concat();
            sealed.demand_values(&twice, "a doubled line");
            if at > 0 {
                let mut moved = lines.clone();
                moved.swap(at - 1, at);
                sealed.demand_values(&moved.concat(), "two exchanged lines");
            }
        }
    }
}

impl Sealed {
    /// As [`Sealed::demand_same`] for what the MAC covers: the bytes of all values in order.
    /// Names of keys in clear, and where a value in clear ends, are not among it.
    fn demand_values(&self, changed: &str, what: &str) {
        let bytes = |tree: &Tree| {
            fn node(value: &Node, bytes: &mut Vec<u8>) {
                match value {
                    Node::Map(mapping) => mapping.pairs().for_each(|pair| node(&pair.value, bytes)),
                    Node::List(list) => list.values().for_each(|value| node(value, bytes)),
                    Node::Leaf(leaf) => bytes.extend(leaf.value.canonical().expose()),
                }
            }
            let mut bytes = Vec::new();
            for document in &tree.documents {
                node(&Node::Map(document.clone()), &mut bytes);
            }
            bytes
        };
        if let Some(tree) = accepted(self.format, changed) {
            assert_eq!(
                sealing::shown(&bytes(&tree)),
                sealing::shown(&bytes(&self.tree)),
                "{what}: accepted with other values\n{changed}"
            );
        }
    }
}

#[test]
fn metadata_that_the_values_do_not_fit_is_refused() {
    let text = "a: 1\nb: two\nc_clear: three\nlist:\n- x\n- y\n";
    let clear = Selection::from_fields([(Field::UnencryptedSuffix, "_clear")]).unwrap();
    let sealed = Sealed::of(Format::Yaml, text.as_bytes(), &clear).unwrap();
    let rule = "unencrypted_suffix: _clear";
    assert!(sealed.text.contains(rule));
    for (from, to) in [
        (rule, "unencrypted_suffix: _other"),
        (rule, "unencrypted_suffix: a"),
        (rule, "encrypted_suffix: a"),
        (rule, "encrypted_regex: ^(a|b)$"),
        (rule, "unencrypted_regex: .*"),
        (rule, "encrypted_comment_regex: x"),
        (rule, "unencrypted_suffix: _clear\n    mac_only_encrypted: true"),
        ("2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z"),
        (&sealed.mac.clone(), "''"),
        (&sealed.mac.clone(), &sealed.text[sealed.tokens()[0].clone()]),
    ] {
        let changed = sealed.text.replace(from, to);
        assert_ne!(changed, sealed.text, "{from}");
        assert!(accepted(Format::Yaml, &changed).is_none(), "{to} was accepted");
    }
}
