//! Reading and writing of whole sections.

use super::*;
use crate::{
    keys::{KeyKind, ReadKeyError},
    selection::{Field, SelectionError},
    tree::{List, Mapping, Value},
};

const TIME: &str = "2024-05-06T07:08:09Z";
const MAC: &str = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]";

fn map(fields: impl IntoIterator<Item = (&'static str, Node)>) -> Mapping {
    let mut mapping = Mapping::default();
    for (name, node) in fields {
        mapping.push(name, node);
    }
    mapping
}

fn list(items: impl IntoIterator<Item = Mapping>) -> Node {
    let mut list = List::default();
    items.into_iter().for_each(|item| list.push(item));
    list.into()
}

fn age(recipient: &'static str) -> Mapping {
    map([("enc", "armor\n".into()), ("recipient", recipient.into())])
}

fn pgp() -> Mapping {
    map([("created_at", TIME.into()), ("enc", "armor".into()), ("fp", "ABCD".into())])
}

/// A section with one age key and `more`.
fn section(more: impl IntoIterator<Item = (&'static str, Node)>) -> Mapping {
    let mut fields = vec![
        ("age", list([age("age1x")])),
        ("lastmodified", TIME.into()),
        ("mac", MAC.into()),
        ("version", "3.13.2".into()),
    ];
    for (name, node) in more {
        fields.retain(|(known, _)| *known != name);
        fields.push((name, node));
    }
    fields.sort_by_key(|(name, _)| *name);
    map(fields)
}

fn names(mapping: &Mapping) -> Vec<&str> {
    mapping.pairs().map(|pair| pair.key.as_str()).collect()
}

#[test]
fn layouts_of_3_13_come_back_as_they_were() {
    let suffix = ("unencrypted_suffix", Node::from("_unencrypted"));
    let group = |more: &[(&'static str, Node)]| {
        let mut fields = vec![("age", list([])), ("hc_vault", list([]))];
        for (name, node) in more {
            fields.retain(|(known, _)| known != name);
            fields.push((*name, node.clone()));
        }
        fields.sort_by_key(|(name, _)| *name);
        map(fields)
    };
    let groups = map([
        ("encrypted_regex", "^a$".into()),
        (
            "key_groups",
            list([
                group(&[("age", list([age("age1x"), age("age1y")]))]),
                group(&[("pgp", list([pgp()]))]),
            ]),
        ),
        ("lastmodified", TIME.into()),
        ("mac", MAC.into()),
        ("mac_only_encrypted", Value::Bool(true).into()),
        ("shamir_threshold", Value::Int(2).into()),
        ("version", "3.13.2".into()),
    ]);
    for given in [
        section([suffix.clone()]),
        section([suffix.clone(), ("pgp", list([pgp(), pgp()]))]),
        section([suffix.clone(), ("shamir_threshold", Value::Int(1).into())]),
        section([("encrypted_comment_regex", "secret".into())]),
        section([suffix, ("attention", "old".into()), ("zone", list([pgp()]))]),
        groups,
    ] {
        let read = Metadata::read(&given).unwrap();
        assert_eq!(read.to_mapping(), given);
    }
}

#[test]
fn the_default_rule_is_written_where_none_was() {
    // format §3.5; §9, Q2
    let read = Metadata::read(&section([])).unwrap();
    assert_eq!(read.selection, Selection::default());
    assert!(names(&read.to_mapping()).contains(&"unencrypted_suffix"));
    let everything = Metadata { selection: Selection::Everything, ..read };
    assert!(!names(&everything.to_mapping()).contains(&"unencrypted_suffix"));
}

#[test]
fn what_is_not_understood_is_kept_in_its_alphabetical_place() {
    let given = map([
        ("version", "3.13.2".into()),
        ("new_kms", list([pgp()])),
        ("attention", "old".into()),
        ("mac", MAC.into()),
        ("lastmodified", TIME.into()),
        ("age", list([age("age1x")])),
    ]);
    let written = Metadata::read(&given).unwrap().to_mapping();
    assert_eq!(
        names(&written),
        ["age", "attention", "lastmodified", "mac", "new_kms", "unencrypted_suffix", "version"]
    );
    let groups = [
        map([("age", list([age("age1x")])), ("new_kms", list([pgp()]))]),
        map([("age", list([age("age1y")]))]),
    ];
    let given = section([("age", list([])), ("key_groups", list(groups))]);
    let mut read = Metadata::read(&given).unwrap();
    let group = |read: &Metadata| match read.to_mapping().get("key_groups") {
        Some(Node::List(list)) => match list.values().next() {
            Some(Node::Map(group)) => names(group).join(" "),
            _ => String::new(),
        },
        _ => String::new(),
    };
    assert_eq!(group(&read), "age hc_vault new_kms");
    read.groups.push(KeyGroup::default());
    assert_eq!(group(&read), "age hc_vault");
}

#[test]
fn versions_are_never_a_reason_to_refuse() {
    // format §9, Q1, Q24
    for (node, text) in [
        (Value::Float(1.6).into(), "1.6"),
        (Value::Float(1.0).into(), "1"),
        (Value::Int(3).into(), "3"),
        (Value::Null.into(), ""),
        (list([]), ""),
        ("next year".into(), "next year"),
    ] {
        assert_eq!(Metadata::read(&section([("version", node)])).unwrap().version, text);
    }
}

#[test]
fn entries_without_enc_are_no_keys() {
    // format §9, Q3
    let placeholder = || list([map([("arn", "".into())])]);
    let read = Metadata::read(&section([("kms", placeholder())])).unwrap();
    assert_eq!(read.groups[0].0.len(), 1);
    let nothing = section([("age", list([])), ("kms", placeholder())]);
    assert_eq!(Metadata::read(&nothing), Err(ReadMetadataError::NoKeys));
}

#[test]
fn names_are_matched_without_regard_to_case_unless_exact() {
    // vector 09, "yaml, upper-case metadata keys"
    let entry = map([("Enc", "armor".into()), ("Recipient", "age1x".into())]);
    let given = map([
        ("AGE", list([entry])),
        ("LastModified", TIME.into()),
        ("Mac", MAC.into()),
        ("Version", "3.9.0".into()),
    ]);
    let read = Metadata::read(&given).unwrap();
    assert_eq!((read.mac.as_str(), read.version.as_str()), (MAC, "3.9.0"));
    assert!(is_sealed(&given));
    let both = section([("Version", "1.0.0".into())]);
    assert_eq!(Metadata::read(&both).unwrap().version, "3.13.2");
}

#[test]
fn a_flat_list_with_keys_wins_over_groups() {
    // format §3.6; §9, Q15
    let groups = || list([map([("age", list([age("age1y")]))]), map([("pgp", list([pgp()]))])]);
    let both = Metadata::read(&section([("key_groups", groups())])).unwrap();
    assert_eq!(both.groups.len(), 1);
    let empty = section([("age", list([])), ("kms", list([])), ("key_groups", groups())]);
    let read = Metadata::read(&empty).unwrap();
    assert_eq!((read.groups.len(), read.groups_needed()), (2, 2));
}

#[test]
fn keys_of_a_group_come_in_the_order_of_kinds() {
    let given = section([("pgp", list([pgp()]))]);
    let kinds: Vec<_> =
        Metadata::read(&given).unwrap().groups[0].0.iter().map(|key| key.key.kind()).collect();
    assert_eq!(kinds, [KeyKind::Pgp, KeyKind::Age]);
}

#[test]
fn the_mac_is_bound_to_the_time_in_its_plain_form() {
    // format §2, step 4; §9, Q20, Q24
    let time = |text: &str| Time::parse_rfc3339(text).unwrap();
    for (node, aad) in [
        (TIME.into(), TIME),
        ("2024-05-06T07:08:09+00:00".into(), TIME),
        ("2024-05-06T07:08:09.25Z".into(), TIME),
        ("2024-05-06T09:08:09.25+02:00".into(), "2024-05-06T09:08:09+02:00"),
        (Value::Time(time(TIME)).into(), TIME),
    ] {
        let read = Metadata::read(&section([("lastmodified", node)])).unwrap();
        assert_eq!(read.mac_aad(), aad);
        assert_eq!(Metadata::read(&read.to_mapping()).unwrap().mac_aad(), aad);
    }
    for node in ["".into(), "today".into(), Value::Int(1).into(), list([])] {
        let outcome = Metadata::read(&section([("lastmodified", node)]));
        assert_eq!(outcome, Err(ReadMetadataError::LastModified));
    }
}

#[test]
fn a_missing_mac_is_empty_and_no_error_here() {
    // format §9, Q21
    let read = Metadata::read(&section([("mac", Value::Null.into())])).unwrap();
    assert_eq!(read.mac, "");
    assert!(!is_sealed(&section([("mac", "".into())])));
    assert!(!is_sealed(&section([("version", "".into())])));
    assert!(is_sealed(&section([])));
    assert!(!is_sealed(&Mapping::default()));
}

#[test]
fn two_rules_and_bad_patterns_are_refused_by_name() {
    let two = section([("encrypted_regex", "a".into()), ("unencrypted_suffix", "b".into())]);
    let conflict = SelectionError::Conflict(vec![Field::UnencryptedSuffix, Field::EncryptedRegex]);
    assert_eq!(Metadata::read(&two), Err(ReadMetadataError::Selection(conflict)));
    // format §9a, W7
    let bad = section([("encrypted_regex", "(".into())]);
    let error = Metadata::read(&bad).unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "invalid pattern in encrypted_regex");
    assert!(is_sealed(&bad));
    // Empty fields are no rules (format §3.5).
    let empty = section([("encrypted_regex", "".into()), ("encrypted_suffix", "x".into())]);
    assert!(Metadata::read(&empty).is_ok());
}

#[test]
fn errors_name_the_field() {
    let broken = map([("enc", list([])), ("recipient", "x".into())]);
    for (given, text) in [
        (section([("kms", "x".into())]), "metadata field kms is not a list of mappings"),
        (section([("mac", list([]))]), "metadata field mac is not text"),
        (
            section([("shamir_threshold", "two".into())]),
            "metadata field shamir_threshold is not a whole number",
        ),
        (
            section([("mac_only_encrypted", "maybe".into())]),
            "metadata field mac_only_encrypted is not true or false",
        ),
        (section([("age", list([age("x"), broken.clone()]))]), "unable to read age key 2"),
        (
            section([("age", list([])), ("key_groups", list([map([("age", list([broken]))])]))]),
            "unable to read age key 1 of group 1",
        ),
    ] {
        assert_eq!(Metadata::read(&given).unwrap_err().to_string(), text);
    }
    let entry = map([("created_at", "x".into()), ("enc", "y".into()), ("fp", "z".into())]);
    let error = Metadata::read(&section([("pgp", list([entry]))])).unwrap_err();
    assert!(matches!(error, ReadMetadataError::Key { source: ReadKeyError::CreatedAt, .. }));
}

#[test]
fn thresholds_of_old_ini_files_are_read() {
    // format §9, Q16
    let read = Metadata::read(&section([("shamir_threshold", "2.000000".into())])).unwrap();
    assert_eq!(read.shamir_threshold, 2);
    // One group is the data key itself, whatever the threshold says (format §5).
    assert_eq!(read.groups_needed(), 1);
}
