//! Comments that a rule goes by and that Go sops does not see.
//!
//! Some comments are lost when the reference reads YAML, such as one behind an opening bracket
//! (`format/yaml/comments.rs`). It would judge the values around them without them. To select as if
//! they were not there may leave a secret in clear; to go by them makes a file that does not open
//! elsewhere. So such a text is not sealed.

use crate::tree::{Comment, CommentForm, Entry, Item, Judge, Mapping, Node, Tree};

/// The first comment that matches and that the reference does not see.
pub(super) fn find<'t>(tree: &'t Tree, judge: &impl Judge) -> Option<&'t Comment> {
    tree.documents.iter().find_map(|document| in_mapping(document, judge))
}

fn in_mapping<'t>(mapping: &'t Mapping, judge: &impl Judge) -> Option<&'t Comment> {
    mapping.entries.iter().find_map(|entry| match entry {
        Entry::Comment(comment) => unseen(comment, judge),
        Entry::Pair(pair) => in_node(&pair.value, judge),
    })
}

fn in_node<'t>(node: &'t Node, judge: &impl Judge) -> Option<&'t Comment> {
    match node {
        Node::Leaf(_) => None,
        Node::Map(mapping) => in_mapping(mapping, judge),
        Node::List(list) => list.items.iter().find_map(|item| match item {
            Item::Comment(comment) => unseen(comment, judge),
            Item::Value(node) => in_node(node, judge),
        }),
    }
}

fn unseen<'t>(comment: &'t Comment, judge: &impl Judge) -> Option<&'t Comment> {
    let stray = comment.form == CommentForm::Stray;
    (stray && judge.comment(comment.text.expose())).then_some(comment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        format::{self, Format},
        selection::{Field, Selection},
    };

    /// The lines are those where go-yaml 3.0.4 leaves a comment out.
    #[test]
    fn comments_that_go_yaml_loses_are_found_where_the_rule_goes_by_them() {
        let rule = Selection::from_fields([(Field::EncryptedCommentRegex, "sops:enc")]).unwrap();
        let other = Selection::from_fields([(Field::EncryptedRegex, "sops:enc")]).unwrap();
        for (text, line) in [
            ("a: [ # sops:enc\n  x]\n", Some(1)),
            ("a: { # sops:enc\n  b: x}\n", Some(1)),
            ("a: [ # other\n  x]\n", None),
            ("a: [\n  # sops:enc\n  x]\n", None),
            ("# sops:enc\na: [x] # sops:enc\nb: 1 # sops:enc\n", None),
        ] {
            let parsed = format::parse(Format::Yaml, text.into()).unwrap();
            let found = find(&parsed.tree, &rule).map(|comment| parsed.layout.line(comment.mark));
            assert_eq!(found, line.map(Some), "{text}");
            assert!(find(&parsed.tree, &other).is_none());
        }
    }
}
