//! Smaller texts: tokens, the metadata, the configuration, paths, patterns, times.

use sops_core::config::{Config, Given, Lookup, decide};
use sops_core::crypto::Envelope;
use sops_core::format::{self, EmitOptions, Format, Section};
use sops_core::metadata::{Metadata, is_sealed};
use sops_core::selection::Pattern;
use sops_core::tree::{Kind, Mapping, Path, Time, Tree, Value};

use crate::{choice, fields};

/// `ENC[…]`: what was printed is read as it was, and only what has the shape is a token.
pub fn token(input: &[u8]) {
    let matches = Envelope::matches(input);
    if Envelope::is_comment(input) {
        assert!(matches);
    }
    let Ok(token) = Envelope::parse(input) else { return };
    assert!(matches);
    let printed = token.print();
    // Parts may be empty only in what nobody seals; then the text is no token any more.
    let whole = [&token.data, &token.nonce, &token.tag].iter().all(|part| !part.is_empty());
    if whole {
        assert_eq!(Envelope::parse(printed.as_bytes()), Ok(token));
    }
}

/// The `sops` section in each format, nested and flat: what was read and written is read as the
/// same.
pub fn metadata(input: &[u8]) {
    let Some((format, text)) = choice(input, Format::ALL.len()) else { return };
    let format = Format::ALL[format];
    let Ok(parsed) = format::parse(format, text.into()) else { return };
    let Section::Found(section) = parsed.metadata else { return };
    let _ = is_sealed(&section);
    let Ok(metadata) = Metadata::read(&section) else { return };
    let _ = (metadata.mac_aad(), metadata.groups_needed());
    let written = metadata.to_mapping();
    let again = Metadata::read(&written).expect("written metadata reads");
    assert_eq!(again.to_mapping(), written);
    // Through text: fields that are not understood may hold what a format cannot.
    let data = Mapping::default();
    let tree = Tree { documents: vec![data] };
    for format in [Format::Yaml, Format::Json, Format::Ini, Format::Dotenv] {
        let options = EmitOptions { indent: None };
        let Ok(text) = format::emit(format, &tree, Some(&written), &options) else { continue };
        // An empty group vanishes among flat names, and the next one has no place then.
        let empty = metadata.groups.iter().any(|group| group.0.is_empty());
        if empty || !metadata.unknown.is_empty() || !metadata.unknown_in_groups.is_empty() {
            continue;
        }
        let shown = text.expose_str().unwrap_or_default().to_owned();
        let Ok(parsed) = format::parse(format, text) else { continue };
        let Section::Found(section) = parsed.metadata else {
            panic!("no section: {format:?}\n{shown}")
        };
        let read = Metadata::read(&section).expect("the section reads from text");
        assert_eq!(read.groups.len(), metadata.groups.len(), "{format:?}");
        assert_eq!(read.shamir_threshold, metadata.shamir_threshold, "{format:?}");
    }
}

/// `.sops.yaml`, and the decision for a file under it.
pub fn config(input: &[u8]) {
    let Some([text, path]) = fields(input) else { return };
    let Ok(path) = std::str::from_utf8(path) else { return };
    let Ok(config) = Config::parse(text, "/repository") else { return };
    for warning in config.warnings() {
        let _ = warning.to_string();
    }
    for format in Format::ALL {
        let _ = config.indent(format);
    }
    let _ = config.explain(path);
    if let Ok(Some(rule)) = config.destination_rule(path, path) {
        let _ = (rule.destination(), rule.recreation_rule(), rule.omit_extensions());
    }
    let Ok(lookup) = config.creation_rule(path) else { return };
    if let Lookup::Rule(rule) = &lookup {
        let _ = (rule.selection(), rule.groups(), rule.shamir_threshold());
    }
    if let Ok(decision) = decide(lookup, &Given::default(), Format::Yaml) {
        assert!(!decision.groups.is_empty(), "a decision without keys");
        assert!(decision.groups.iter().all(|group| !group.is_empty()), "an empty group");
    }
}

/// `["a"][0]`: what a path prints as is the same path.
pub fn path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(path) = Path::parse(text) else { return };
    assert_eq!(Path::parse(&path.to_string()), Ok(path));
}

/// A pattern of Go, and a text it is looked for in.
pub fn pattern(input: &[u8]) {
    let Some([pattern, text]) = fields(input) else { return };
    let Ok(pattern) = std::str::from_utf8(pattern) else { return };
    let Ok(compiled) = Pattern::new(pattern) else { return };
    assert_eq!(compiled.as_str(), pattern);
    let found = compiled.is_match_bytes(text);
    if let Ok(text) = std::str::from_utf8(text) {
        assert_eq!(found, compiled.is_match(text));
    }
}

/// Times and the other typed values: what was read once stays the same.
pub fn time(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Some(time) = Time::parse_rfc3339(text) {
        let printed = time.to_string();
        assert_eq!(Time::parse_rfc3339(&printed), Some(time), "{printed}");
        let _ = (time.unix(), time.whole_seconds());
    }
    for kind in [Kind::Int, Kind::Float, Kind::Bool, Kind::Time, Kind::Text] {
        let Ok(value) = Value::from_canonical(kind, text.into()) else { continue };
        let again = Value::from_canonical(kind, value.canonical().into());
        assert_eq!(again, Ok(value));
    }
    // As a bare word of YAML, where dates have more spellings.
    if let Ok(parsed) = format::parse(Format::Yaml, format!("a: {text}").as_str().into()) {
        let options = EmitOptions { indent: None };
        let text = format::emit(Format::Yaml, &parsed.tree, None, &options);
        let text = text.expect("YAML holds whatever YAML holds");
        let again = format::parse(Format::Yaml, text.clone());
        let again = again.unwrap_or_else(|error| panic!("{error}: {:?}", text.expose_str()));
        assert_eq!(again.tree.documents.len(), parsed.tree.documents.len());
    }
}
