//! Documents that the reference cannot read back once it has written them (format §9a). Which
//! class a document is in follows from its text and its rule, never from what a program says of
//! it; and each class says what ours has to do all the same.

use sops_core::format::Format;
use sops_core::tree::{Comment, CommentForm, Entry, Item, Mapping, Node, Value};

use crate::case::Case;
use crate::data;
use crate::rules::{COMMENT_CLEAR, COMMENT_SECRET, Selector};
use crate::tool::Operation;

/// Why the reference's own file is no measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// W1: a text of several lines that begins with a tab comes out as `null`.
    TabFirst,
    /// W2: a text of several lines that begins with a blank or an empty line, in a list, comes
    /// out with a wrong indentation indicator.
    BlankFirstInList,
    /// W6: a rule that goes by comments, and comments in a list: sealed, they are items, and the
    /// reference takes them for values when it decides what the items behind them are.
    CommentRuleInList,
    /// A rule that goes by comments, and one at the first key behind a dash: written above the dash,
    /// it is read again as one about the whole item.
    CommentRuleBehindDash,
    /// W5: a rule that goes by comments, and a comment behind an empty mapping: written on a line of
    /// its own, it is read again as one about what follows.
    CommentRuleBehindEmpty,
    /// A rule that goes by comments, and one that the reference loses when it reads: ours refuses.
    CommentRuleUnseen,
    /// A value with a comment on its line, which is taken out or becomes a collection: the comment
    /// goes on to the next value, and where that is an empty collection, nobody reads the file.
    CommentBesideGoes,
}

/// The classes of a document; none for nearly all.
pub(crate) fn of(case: &Case) -> Vec<Class> {
    let mut found = Vec::new();
    let word = match case.rule.selector {
        Selector::EncryptedComment => Some(COMMENT_SECRET),
        Selector::UnencryptedComment => Some(COMMENT_CLEAR),
        _ => None,
    };
    let search = Search { by_comment: word.is_some(), word };
    if case.format == Format::Yaml
        && let Ok(tree) = data::read(case.format, &case.text.bytes)
    {
        for document in &tree.documents {
            search.mapping(document, false, &mut found);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The class of a change, where the document is in none.
pub(crate) fn of_change(case: &Case, change: &Operation) -> Option<Class> {
    let path = match change {
        Operation::Set(path, value) if value.starts_with('{') => path,
        Operation::Unset(path) => path,
        _ => return None,
    };
    case.text.beside.contains(path).then_some(Class::CommentBesideGoes)
}

struct Search {
    /// The rule goes by comments.
    by_comment: bool,
    /// What it looks for in them.
    word: Option<&'static str>,
}

impl Search {
    fn comment(&self, comment: &Comment, found: &mut Vec<Class>) {
        let text = String::from_utf8_lossy(comment.text.expose());
        let stray = comment.form == CommentForm::Stray;
        if stray && self.word.is_some_and(|word| text.contains(word)) {
            found.push(Class::CommentRuleUnseen);
        }
    }

    fn mapping(&self, mapping: &Mapping, in_list: bool, found: &mut Vec<Class>) {
        for entry in &mapping.entries {
            if let Entry::Comment(comment) = entry {
                self.comment(comment, found);
            }
        }
        for pair in mapping.pairs() {
            self.node(&pair.value, in_list, found);
        }
    }

    fn node(&self, value: &Node, in_list: bool, found: &mut Vec<Class>) {
        match value {
            Node::Map(map) => {
                if self.by_comment && !map.entries.is_empty() && map.pairs().next().is_none() {
                    found.push(Class::CommentRuleBehindEmpty);
                }
                self.mapping(map, in_list, found);
            }
            Node::List(list) => {
                for item in &list.items {
                    if let Item::Comment(comment) = item {
                        self.comment(comment, found);
                    }
                }
                let first = |item: &Node| match item {
                    Node::Map(map) => matches!(map.entries.first(), Some(Entry::Comment(_))),
                    Node::List(_) | Node::Leaf(_) => false,
                };
                if self.by_comment && list.values().any(first) {
                    found.push(Class::CommentRuleBehindDash);
                }
                let comment = |item: &Item| matches!(item, Item::Comment(_));
                if self.by_comment && list.items.iter().any(comment) {
                    found.push(Class::CommentRuleInList);
                }
                list.values().for_each(|item| self.node(item, true, found));
            }
            Node::Leaf(leaf) => {
                if let Value::Text(text) = &leaf.value
                    && text.expose().contains(&b'\n')
                {
                    match text.expose() {
                        [b'\t', ..] => found.push(Class::TabFirst),
                        [b' ' | b'\n', ..] if in_list => found.push(Class::BlankFirstInList),
                        _ => {}
                    }
                }
            }
        }
    }
}
