use super::*;
use crate::{
    crypto::SecretBytes,
    format::{Format, parse},
};

const A: &str = "ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]";
const B: &str = "ENC[AES256_GCM,data:BBBB,iv:AAAA,tag:AAAA,type:str]";
const INT: &str = "ENC[AES256_GCM,data:BBBB,iv:AAAA,tag:AAAA,type:int]";

fn tree(text: &str) -> Tree {
    let text = text.replace("$A", A).replace("$B", B).replace("$I", INT);
    parse(Format::Yaml, SecretBytes::from(text)).unwrap().tree
}

fn sealed(tree: &Tree) -> Side<'_> {
    Side { tree, sealed: true, open: None }
}

fn told(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (tree(old), tree(new));
    changes(sealed(&old), sealed(&new)).into_iter().map(tell).collect()
}

fn tell(change: Change) -> String {
    let kind = match change.kind {
        ChangeKind::Added(_) => "added".to_owned(),
        ChangeKind::Removed(_) => "removed".to_owned(),
        ChangeKind::Changed(..) => "changed".to_owned(),
        ChangeKind::Resealed(_) => "resealed".to_owned(),
        ChangeKind::SameValue(..) => "same".to_owned(),
        ChangeKind::Unknown(..) => "unknown".to_owned(),
        ChangeKind::Comments { added, removed, certain: true } => {
            format!("comments +{added} -{removed}")
        }
        ChangeKind::Comments { added, removed, .. } => {
            format!("perhaps comments +{added} -{removed}")
        }
    };
    format!("{} {kind}", change.path)
}

#[test]
fn equal_ciphertext_is_no_change() {
    assert_eq!(told("a: $A\nb: 1\n", "a: $A\nb: 1\n"), Vec::<String>::new());
}

#[test]
fn without_a_key_another_ciphertext_is_unknown() {
    assert_eq!(told("a: $A\n", "a: $B\n"), ["[\"a\"] unknown"]);
    assert_eq!(told("a: $A\n", "a: $I\n"), ["[\"a\"] changed"]);
    assert_eq!(told("a: $A\n", "a: clear\n"), ["[\"a\"] unknown"]);
}

#[test]
fn with_keys_a_new_ciphertext_can_be_told_from_a_new_value() {
    let (old, new) = (tree("a: $A\nb: $A\n"), tree("a: $B\nb: $B\n"));
    let (old_open, new_open) = (tree("a: x\nb: y\n"), tree("a: x\nb: z\n"));
    let found = changes(
        Side { open: Some(&old_open), ..sealed(&old) },
        Side { open: Some(&new_open), ..sealed(&new) },
    );
    let told: Vec<_> = found.into_iter().map(tell).collect();
    assert_eq!(told, ["[\"a\"] resealed", "[\"b\"] changed"]);
}

#[test]
fn what_came_and_what_went_is_told_by_path() {
    assert_eq!(
        told("a: $A\nm:\n  x: 1\n  y: 2\n", "m:\n  x: 1\n  z: 3\nn: $B\n"),
        ["[\"m\"][\"z\"] added", "[\"m\"][\"y\"] removed", "[\"n\"] added", "[\"a\"] removed"]
    );
}

#[test]
fn an_item_in_front_of_a_list_is_one_change() {
    assert_eq!(told("l: ['$A', 2]\n", "l: [new, '$A', 2]\n"), ["[\"l\"][0] added"]);
    assert_eq!(told("l: [1, 2, 3]\n", "l: [1, 3]\n"), ["[\"l\"][1] removed"]);
}

#[test]
fn comments_are_counted_and_not_shown() {
    assert_eq!(told("# one\na: 1\n", "# two\n# three\na: 1\n"), [" comments +2 -1"]);
}

#[test]
fn a_sealed_comment_may_be_the_one_that_stood_there_in_clear() {
    let sealed = "ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:comment]";
    let (one, none) = (format!("#{sealed}\na: 1\n"), "a: 1\n");
    assert_eq!(told(&one, "# one\na: 1\n"), [" perhaps comments +1 -1"]);
    assert_eq!(told(&one, none), [" comments +0 -1"]);
    assert_eq!(told(none, &one), [" comments +1 -0"]);
    let two = format!("{one}#{}\n", sealed.replace("AAAA", "BBBB"));
    assert_eq!(told(&one, &two), [" comments +1 -0"]);
}

#[test]
fn a_plain_file_may_hold_what_looks_like_a_token() {
    let (old, new) = (tree("a: $A\n"), tree("a: $A\n"));
    let plain = Side { tree: &new, sealed: false, open: None };
    let found = changes(sealed(&old), plain);
    assert_eq!(found.len(), 1);
}
