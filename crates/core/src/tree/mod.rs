//! Ordered data as every format of SOPS sees it (format §0). Knows nothing about keys or files.
//!
//! A tree is a list of documents, each a mapping. Mappings and lists keep their order and hold
//! comments where the author put them. Keys are strings and may repeat.

mod path;
mod value;
mod walk;

pub use path::{Path, PathError, Step};
pub use value::{Canonical, Kind, Time, Value, ValueError};
pub use walk::{Judge, Place, Visitor, walk};

use crate::crypto::SecretBytes;

/// Deepest nesting of mappings and lists that a document may have.
///
/// Real files stay below 30. The limit keeps recursion over a tree within a thread's stack.
pub const MAX_DEPTH: usize = 500;

/// A loaded file: one mapping per document. Only YAML can have other than exactly one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// The documents, in order.
    pub documents: Vec<Mapping>,
}

/// An ordered mapping. Keys may repeat: JSON, dotenv and later YAML documents allow it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    /// Pairs and comments, in order.
    pub entries: Vec<Entry>,
}

/// What stands in a mapping.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A key with its value.
    Pair(Pair),
    /// A comment.
    Comment(Comment),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The key; never secret.
    pub key: String,
    /// The value.
    pub value: Node,
}

/// An ordered list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// Values and comments, in order.
    pub items: Vec<Item>,
}

/// What stands in a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A value.
    Value(Node),
    /// A comment.
    Comment(Comment),
}

/// A mapping, a list or a scalar.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A mapping.
    Map(Mapping),
    /// A list.
    List(List),
    /// A scalar.
    Leaf(Leaf),
}

/// A scalar and the place in the source text it came from.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The scalar. In a sealed document a sealed leaf is the text `ENC[…]`.
    pub value: Value,
    /// Where it stands in the source text.
    pub mark: Mark,
    /// Whether `value` is no longer what the source text says.
    pub edited: bool,
    /// How the author had spelled the value, where that is not what its style would give.
    pub spelling: Option<Box<SecretBytes>>,
}

/// A comment, without its marker but with any blank after it.
#[derive(Clone, Debug)]
pub struct Comment {
    /// The text. In a sealed document a sealed comment is the text `ENC[…]`.
    pub text: SecretBytes,
    /// How it stands among its neighbours.
    pub form: CommentForm,
    /// Where it stands in the source text.
    pub mark: Mark,
    /// Whether `text` is no longer what the source text says.
    pub edited: bool,
}

/// How a comment stands among its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommentForm {
    /// On a line of its own.
    Line,
    /// Behind the entry that follows it in the tree, on the same line.
    Inline,
    /// Where the reference loses it when it reads. It stands at the end of its container, so that
    /// no rule goes by it.
    Stray,
    /// As an element of a list: the form in which SOPS writes sealed list comments (§1.6).
    Element,
}

/// A number that the format's layout gave to a place in the source text, opaque to all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(u32);

impl Mark {
    /// No place: the leaf was made in memory, or it is one copy of an expanded alias.
    pub const NONE: Self = Self(u32::MAX);

    /// The place with this number.
    ///
    /// # Panics
    /// If a text has 2³² − 1 places or more; the size limit on input rules that out.
    pub fn new(number: usize) -> Self {
        assert!(number < u32::MAX as usize, "more places than a mark can number");
        Self(number as u32)
    }

    /// The number, unless this is [`Mark::NONE`].
    pub fn number(self) -> Option<usize> {
        (self != Self::NONE).then_some(self.0 as usize)
    }
}

impl Leaf {
    /// A leaf that stands at `mark` in the source text.
    pub fn at(mark: Mark, value: Value) -> Self {
        Self { value, mark, edited: false, spelling: None }
    }

    /// A leaf made in memory.
    pub fn new(value: Value) -> Self {
        Self::at(Mark::NONE, value)
    }

    /// Puts another value here, and remembers that the source text no longer says so.
    pub fn replace(&mut self, value: Value) {
        self.value = value;
        self.edited = true;
    }
}

impl PartialEq for Leaf {
    /// Compares values; where a leaf came from does not make it another one.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Comment {
    /// A comment that stands at `mark` in the source text.
    pub fn at(mark: Mark, form: CommentForm, text: impl Into<SecretBytes>) -> Self {
        Self { text: text.into(), form, mark, edited: false }
    }

    /// A comment line made in memory.
    pub fn line(text: impl Into<SecretBytes>) -> Self {
        Self::at(Mark::NONE, CommentForm::Line, text)
    }

    /// Puts another text here, and remembers that the source text no longer says so.
    pub fn replace(&mut self, text: impl Into<SecretBytes>) {
        self.text = text.into();
        self.edited = true;
    }
}

impl PartialEq for Comment {
    /// Compares texts; where a comment came from does not make it another one.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Mapping {
    /// The value of the first pair with this key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().find(|pair| pair.key == key).map(|pair| &pair.value)
    }

    /// The pairs, without the comments.
    pub fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Pair(pair) => Some(pair),
            Entry::Comment(_) => None,
        })
    }

    /// Appends a pair.
    pub fn push(&mut self, key: impl Into<String>, value: impl Into<Node>) {
        self.entries.push(Entry::Pair(Pair { key: key.into(), value: value.into() }));
    }
}

impl List {
    /// The values, without the comments.
    pub fn values(&self) -> impl Iterator<Item = &Node> {
        self.items.iter().filter_map(|item| match item {
            Item::Value(node) => Some(node),
            Item::Comment(_) => None,
        })
    }

    /// Appends a value.
    pub fn push(&mut self, value: impl Into<Node>) {
        self.items.push(Item::Value(value.into()));
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        Self::Leaf(Leaf::new(value))
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Value::text(text).into()
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Value::Text(text.into()).into()
    }
}

impl From<Mapping> for Node {
    fn from(mapping: Mapping) -> Self {
        Self::Map(mapping)
    }
}

impl From<List> for Node {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}
