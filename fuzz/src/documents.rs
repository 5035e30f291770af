//! Whole documents: plain, sealed, changed.

use sops_core::crypto::{SecretBytes, ValueCipher};
use sops_core::document::Document;
use sops_core::format::{self, Format, Rewrite};
use sops_core::pipeline;
use sops_core::selection::{Field, Selection};
use sops_core::tree::{Entry, Kind, Node, Path, Tree, Value};

use crate::{choice, fields, sealing};

/// The bytes that a selection is chosen by come first in an input, so that a text can be put
/// behind them as it is.
fn selection(number: usize) -> Selection {
    let rules = [
        (Field::UnencryptedSuffix, ""),
        (Field::UnencryptedSuffix, "_clear"),
        (Field::EncryptedSuffix, "a"),
        (Field::EncryptedRegex, "^(data|pass.*|a)$"),
        (Field::UnencryptedRegex, "b"),
        (Field::EncryptedCommentRegex, "enc"),
        (Field::UnencryptedCommentRegex, "n "),
    ];
    let rule = rules[number % rules.len()];
    Selection::from_fields([rule]).expect("the rules are usable")
}

/// A text of this format: unchanged it is written as it was; sealed and opened it is what it was,
/// sealed again it changes in time and MAC only, and rotating keeps it.
pub fn document(format: Format, input: &[u8]) {
    let Some((rule, text)) = choice(input, 7) else { return };
    let Some(plain) = sealing::plain(format, text) else { return };
    match plain.layout.rewrite(&plain.tree, Rewrite::Plain) {
        Ok(same) => assert!(same.expose() == text, "not as it was: {}", sealing::shown(text)),
        Err(error) => panic!("{error}: {}", sealing::shown(text)),
    }
    sealing::check(format, text, &selection(rule), true);
}

/// A sealed text changed by somebody without the key, as the bytes behind it say: tokens moved,
/// copied, emptied or given another type, lines and letters changed. It is refused, or its
/// plaintext says what was opened; and if the MAC matches, the values are those that were sealed.
pub fn sealed(input: &[u8]) {
    let Some((format, rest)) = choice(input, Format::ALL.len()) else { return };
    let format = Format::ALL[format];
    let Some([text, edits]) = fields(rest) else { return };
    let Some(plain) = sealing::plain(format, text) else { return };
    let before = bytes(&plain.tree);
    let Ok(first) = sealing::seal(plain, &Selection::default()) else { return };
    if !first.expanded_aliases.is_empty() {
        return;
    }
    let Some(mut text) = first.text.expose_str().map(str::to_owned) else { return };
    for edit in edits.chunks_exact(3).take(4) {
        text = changed(&text, edit[0], usize::from(edit[1]), usize::from(edit[2]));
    }
    let Ok(Document::Sealed(document)) = Document::read(format, text.as_str().into()) else {
        return;
    };
    let Ok(opened) = pipeline::open(*document, &sealing::data_key(1), true) else { return };
    let good = opened.verdict().is_good();
    let (document, _) = opened.unverified();
    if good {
        assert_eq!(sealing::shown(&bytes(&document.tree)), sealing::shown(&before), "{text}");
    }
    // A type that a format cannot hold may have come in.
    let Ok(plain) = document.text() else { return };
    let read = match format::parse(format, plain.clone()) {
        Ok(read) => read,
        // Where the MAC is ignored, a comment may have been moved to where its text cannot stand.
        // Nothing is left but comments, or was from the start.
        Err(_) if !good || before.is_empty() => return,
        Err(error) => panic!("{error}: {}", sealing::shown(plain.expose())),
    };
    let typed = matches!(format, Format::Yaml | Format::Json);
    assert!(!typed || same(&read.tree, &document.tree), "{}", sealing::shown(plain.expose()));
}

/// One change to a sealed text.
fn changed(text: &str, what: u8, a: usize, b: usize) -> String {
    let tokens: Vec<std::ops::Range<usize>> = text
        .match_indices("ENC[AES256_GCM,data:")
        .filter_map(|(at, _)| Some(at..at + text[at..].find(']')? + 1))
        .collect();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (Some(first), Some(second)) =
        (tokens.get(a % tokens.len().max(1)), tokens.get(b % tokens.len().max(1)))
    else {
        return text.to_owned();
    };
    let put = |range: &std::ops::Range<usize>, other: &str| {
        [&text[..range.start], other, &text[range.end..]].concat()
    };
    let (line, other) = (a % lines.len(), b % lines.len());
    match what % 8 {
        0 if first.end <= second.start => {
            let between = &text[first.end..second.start];
            let turned = [&text[second.clone()], between, &text[first.clone()]].concat();
            put(&(first.start..second.end), &turned)
        }
        0 | 1 => put(second, &text[first.clone()]),
        2 => [&lines[..line], &lines[line + 1..]].concat().concat(),
        3 => [&lines[..other], &[lines[line]], &lines[other..]].concat().concat(),
        4 => {
            let kinds = ["str", "int", "float", "bool", "time", "bytes", "comment"];
            let head = text[first.clone()].split(",type:").next().unwrap_or_default();
            put(first, &format!("{head},type:{}]", kinds[b % kinds.len()]))
        }
        5 => put(first, ""),
        6 => put(first, &format!("{}{}", &text[first.clone()], char::from(b as u8 % 128))),
        _ => {
            let at = first.start + b % first.len();
            let at = if what & 8 == 0 { at } else { line_start(text, b) };
            if !text.is_char_boundary(at) || !text.is_char_boundary(at + 1) {
                return text.to_owned();
            }
            put(&(at..at + 1), &char::from(32 + (a % 95) as u8).to_string())
        }
    }
}

/// Somewhere at the beginning of a line or soon behind it.
fn line_start(text: &str, number: usize) -> usize {
    let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let start = starts.get(number / 3 % starts.len().max(1)).copied().unwrap_or(0);
    (start + number % 3).min(text.len() - 1)
}

/// The bytes of all values in order: what the MAC covers.
fn bytes(tree: &Tree) -> Vec<u8> {
    fn node(value: &Node, bytes: &mut Vec<u8>) {
        match value {
            Node::Map(mapping) => mapping.pairs().for_each(|pair| node(&pair.value, bytes)),
            Node::List(list) => list.values().for_each(|value| node(value, bytes)),
            Node::Leaf(leaf) => bytes.extend(leaf.value.canonical().expose()),
        }
    }
    let mut bytes = Vec::new();
    for mapping in &tree.documents {
        mapping.pairs().for_each(|pair| node(&pair.value, &mut bytes));
    }
    bytes
}

/// A spelling note with any content, made by somebody who has the data key: it changes how a
/// value is written and never what it is.
pub fn note(input: &[u8]) {
    let Some((kind, rest)) = choice(input, 6) else { return };
    let Some([before, value, after, spelling]) = fields(rest) else { return };
    let kind = [Kind::Text, Kind::Int, Kind::Float, Kind::Bool, Kind::Time, Kind::Comment][kind];
    // Bytes that are no text come from `!!binary` only.
    if std::str::from_utf8(value).is_err() || Value::from_canonical(kind, value.into()).is_err() {
        return;
    }
    let cipher = ValueCipher::new(sealing::data_key(1).expose());
    let mut token = cipher.seal(value, kind, &[7; 32], b"a:");
    token.note = Some(cipher.seal_note(spelling, &[7; 32], b"a:"));
    for (format, key) in [(Format::Yaml, "a: "), (Format::Json, "{\"a\":"), (Format::Dotenv, "a=")]
    {
        let text = [key.as_bytes(), before, token.print().as_bytes(), after, b"\n"].concat();
        let Some(text) = with_metadata(format, &text) else { continue };
        let Ok(Document::Sealed(document)) = Document::read(format, text) else { continue };
        let Ok(opened) = pipeline::open(*document, &sealing::data_key(1), true) else { continue };
        let (document, _) = opened.unverified();
        let plain = document.text().expect("an opened document has a text");
        let again = format::parse(format, plain.clone()).expect("and the text reads");
        let typed = format != Format::Dotenv;
        assert!(!typed || same(&again.tree, &document.tree), "{}", sealing::shown(plain.expose()));
    }
}

/// A text whose tokens are there already, with the metadata.
fn with_metadata(format: Format, text: &[u8]) -> Option<SecretBytes> {
    let plain = sealing::plain(format, text)?;
    let section = sealing::metadata(&Selection::default()).to_mapping();
    let how = Rewrite::Sealed { metadata: &section, indent: None };
    plain.layout.rewrite(&plain.tree, how).ok()
}

/// `set` or `unset` at a path of a document: it is refused, or the value is there (is gone)
/// afterwards and the file opens.
pub fn amend(input: &[u8]) {
    let Some((format, rest)) = choice(input, Format::ALL.len()) else { return };
    let format = Format::ALL[format];
    let Some([text, path, given]) = fields(rest) else { return };
    let Some(path) = std::str::from_utf8(path).ok().and_then(|path| Path::parse(path).ok()) else {
        return;
    };
    let Some(plain) = sealing::plain(format, text) else { return };
    let Ok(first) = sealing::seal(plain, &Selection::default()) else { return };
    let opened = sealing::open(format, &first.text, 1);
    let node = json(given);
    let changed = match &node {
        Some(node) => pipeline::put(&opened, 0, &path, node),
        None => pipeline::remove(&opened, 0, &path),
    };
    let Ok(changed) = changed else { return };
    let plain = changed.document;
    let there = pipeline::get(&plain.tree, 0, &path).cloned();
    let Ok(sealed) = sealing::try_reseal(plain, opened) else { return };
    let opened = sealing::open(format, &sealed.text, 1);
    let found = pipeline::get(&opened.tree, 0, &path);
    match node {
        // A position beyond the end lands at the end.
        Some(_) => assert_eq!(found.map(values), there.as_ref().map(values)),
        None if path.0.iter().all(|step| matches!(step, sops_core::tree::Step::Key(_))) => {
            assert!(found.is_none() || format != Format::Yaml || duplicates(text));
        }
        None => {}
    }
}

/// The value of `set`: JSON of any kind, read by the scanner of files.
pub fn value(input: &[u8]) {
    let Some(node) = json(input) else { return };
    let text = format::emit_node(Format::Json, &node, &format::EmitOptions { indent: Some(0) });
    // JSON has no way to write floats beyond its range, which none is read as.
    let text = text.expect("what was read as JSON can be written as JSON");
    let again = json(text.expose().trim_ascii()).expect("and reads again");
    assert_eq!(values(&again), values(&node), "{}", sealing::shown(text.expose()));
}

/// As `set` reads it: the only member of an object.
fn json(text: &[u8]) -> Option<Node> {
    let wrapped = SecretBytes::new([b"{\"v\":", text, b"}"].concat());
    let parsed = format::parse(Format::Json, wrapped).ok()?;
    let entries = parsed.tree.documents.into_iter().next()?.entries;
    match <[Entry; 1]>::try_from(entries) {
        Ok([Entry::Pair(pair)]) if pair.key == "v" => Some(pair.value),
        _ => None,
    }
}

/// Later documents and JSON may hold a key twice; then one is left.
fn duplicates(text: &[u8]) -> bool {
    text.windows(3).any(|three| three == b"---" || three == b"...")
}

/// The values of a node, without comments and marks. Numbers are numbers: a whole float is
/// printed as JSON and Go print it, and reads as an integer.
fn values(node: &Node) -> String {
    match node {
        Node::Leaf(leaf) => {
            let kind = leaf.value.kind().map(|kind| match kind {
                Kind::Float => Kind::Int.name(),
                kind => kind.name(),
            });
            format!("{kind:?}{:?}", leaf.value.canonical().expose())
        }
        // Nothing is nothing, whatever it is written as.
        Node::Map(mapping) if mapping.pairs().next().is_none() => "None[]".to_owned(),
        Node::List(list) if list.values().next().is_none() => "None[]".to_owned(),
        Node::Map(mapping) => {
            let pairs =
                mapping.pairs().map(|pair| format!("{:?}:{}", pair.key, values(&pair.value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        Node::List(list) => {
            format!("[{}]", list.values().map(values).collect::<Vec<_>>().join(","))
        }
    }
}

/// Whether two trees say the same. A document of which nothing is left leaves no text.
fn same(a: &Tree, b: &Tree) -> bool {
    let said = |tree: &Tree| -> Vec<String> {
        let documents = tree.documents.iter().filter(|document| document.pairs().count() > 0);
        documents.map(|document| values(&Node::Map(document.clone()))).collect()
    };
    said(a) == said(b)
}
