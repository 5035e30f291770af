//! The only traversal: sealing, opening and hashing are visitors of it, so that they cannot
//! disagree about which leaves there are, in which order, under which path (format §0, §1.5).

use super::{Comment, CommentForm, Entry, Item, Leaf, List, Mapping, Node, Path, Step, Tree};

/// Decides which leaves are selected, fed with keys and comments as the walk meets them.
///
/// A verdict over a path is carried down, so a key is judged once and not once per leaf.
pub trait Judge {
    /// Whether a key makes everything below it match.
    fn key(&self, key: &str) -> bool;
    /// Whether the text of a comment matches.
    fn comment(&self, text: &[u8]) -> bool;
    /// Whether a leaf is selected: `path` if a key above it matched, `comments` how many active
    /// comments match, of which `own` is the leaf's own text when the leaf is a comment.
    fn leaf(&self, path: bool, comments: usize, own: bool) -> bool;
}

/// Does something with each leaf.
pub trait Visitor {
    /// What stops the walk.
    type Error;
    /// A scalar; null and empty text come here too.
    ///
    /// # Errors
    /// Whatever stops the walk.
    fn leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), Self::Error>;
    /// A comment.
    ///
    /// # Errors
    /// Whatever stops the walk.
    fn comment(&mut self, place: &Place<'_, '_>, comment: &mut Comment) -> Result<(), Self::Error>;
}

/// Where the walk is.
#[derive(Debug)]
pub struct Place<'w, 't> {
    steps: &'w [StepRef<'t>],
    /// Which document, from 0.
    pub document: usize,
    /// Additional authenticated data of a leaf here (format §1.2): the keys, joined and ended by
    /// `:`; a document's root gives `:`.
    pub aad: &'w str,
    /// Whether the rule selects this leaf.
    pub selected: bool,
}

#[derive(Clone, Copy, Debug)]
enum StepRef<'t> {
    Key(&'t str),
    Index(usize),
}

impl Place<'_, '_> {
    /// The path of this leaf; for a comment, the path of the mapping or list it stands in.
    pub fn path(&self) -> Path {
        Path(
            self.steps
                .iter()
                .map(|step| match step {
                    StepRef::Key(key) => Step::Key((*key).to_owned()),
                    StepRef::Index(index) => Step::Index(*index),
                })
                .collect(),
        )
    }

    /// The keys on the way here, without list positions (format §0).
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match step {
            StepRef::Key(key) => Some(*key),
            StepRef::Index(_) => None,
        })
    }
}

/// Visits every leaf in document order.
///
/// # Errors
/// The first error of the visitor.
pub fn walk<J: Judge, V: Visitor>(
    tree: &mut Tree,
    judge: &J,
    visitor: &mut V,
) -> Result<(), V::Error> {
    let mut walk = Walk {
        judge,
        visitor,
        steps: Vec::new(),
        aad: String::new(),
        active: Vec::new(),
        document: 0,
    };
    for (number, document) in tree.documents.iter_mut().enumerate() {
        walk.document = number;
        walk.mapping(document, false)?;
    }
    Ok(())
}

struct Walk<'a, 't, J, V> {
    judge: &'a J,
    visitor: &'a mut V,
    steps: Vec<StepRef<'t>>,
    aad: String,
    /// How many matching comments are in force in each container around, outermost first.
    active: Vec<usize>,
    document: usize,
}

impl<'t, J: Judge, V: Visitor> Walk<'_, 't, J, V> {
    fn mapping(&mut self, mapping: &'t mut Mapping, matched: bool) -> Result<(), V::Error> {
        self.active.push(0);
        for entry in &mut mapping.entries {
            match entry {
                Entry::Comment(comment) => self.comment(comment, matched)?,
                Entry::Pair(pair) => {
                    let aad_before = self.aad.len();
                    self.aad.push_str(&pair.key);
                    self.aad.push(':');
                    self.steps.push(StepRef::Key(&pair.key));
                    self.node(&mut pair.value, matched || self.judge.key(&pair.key))?;
                    self.steps.pop();
                    self.aad.truncate(aad_before);
                    self.forget_comments();
                }
            }
        }
        self.active.pop();
        Ok(())
    }

    fn list(&mut self, list: &'t mut List, matched: bool) -> Result<(), V::Error> {
        self.active.push(0);
        let mut position = 0;
        for item in &mut list.items {
            match item {
                Item::Comment(comment) => {
                    let before = self.active.clone();
                    self.comment(comment, matched)?;
                    if comment.form == CommentForm::Element && !self.selected_with(&before, matched)
                    {
                        // Not sealed after all: an ordinary text, which ends the run (§1.5).
                        self.forget_comments();
                    }
                }
                Item::Value(node) => {
                    self.steps.push(StepRef::Index(position));
                    self.node(node, matched)?;
                    self.steps.pop();
                    self.forget_comments();
                    position += 1;
                }
            }
        }
        self.active.pop();
        Ok(())
    }

    fn node(&mut self, node: &'t mut Node, matched: bool) -> Result<(), V::Error> {
        match node {
            Node::Map(mapping) => self.mapping(mapping, matched),
            Node::List(list) => self.list(list, matched),
            Node::Leaf(leaf) => {
                let selected = self.judge.leaf(matched, self.active.iter().sum(), false);
                self.visitor.leaf(&place(&self.steps, self.document, &self.aad, selected), leaf)
            }
        }
    }

    fn comment(&mut self, comment: &mut Comment, matched: bool) -> Result<(), V::Error> {
        let own = self.judge.comment(comment.text.expose());
        if let Some(top) = self.active.last_mut() {
            *top += usize::from(own);
        }
        let selected = self.judge.leaf(matched, self.active.iter().sum(), own);
        self.visitor.comment(&place(&self.steps, self.document, &self.aad, selected), comment)
    }

    fn selected_with(&self, active: &[usize], matched: bool) -> bool {
        self.judge.leaf(matched, active.iter().sum(), false)
    }

    fn forget_comments(&mut self) {
        if let Some(top) = self.active.last_mut() {
            *top = 0;
        }
    }
}

fn place<'w, 't>(
    steps: &'w [StepRef<'t>],
    document: usize,
    aad: &'w str,
    selected: bool,
) -> Place<'w, 't> {
    Place { steps, document, aad: if aad.is_empty() { ":" } else { aad }, selected }
}
