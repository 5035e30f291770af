//! The canonical form: what it asks of a document, and where one departs from it.

use super::{SPEC, TEMPLATES, templates_path};
use crate::{
    crypto::{Envelope, MacScope},
    selection::Selection,
    tree::{
        Comment, Entry, Item, Kind, Leaf, List, Mapping, Node, Path, Place, Step, Tree, Value,
        Visitor, walk,
    },
};

/// The rule of the canonical form: everything below `spec.secretTemplates`.
pub fn selection() -> Selection {
    Selection::OnlySuffix("Templates".to_owned())
}

/// Why a `SopsSecret` is not in canonical form, so that its MAC cannot be verified in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Departure {
    /// There are no templates.
    #[error("there is no list spec.secretTemplates")]
    NoTemplates,
    /// The MAC covers what the API server changes.
    #[error("mac_only_encrypted is not set, so the MAC covers what the API server adds")]
    MacCoversEverything,
    /// The rule goes by comments, which the API server does not keep.
    #[error("the rule goes by comments, and none reaches the cluster")]
    CommentRule,
    /// The rule encrypts something outside of the templates.
    #[error("the rule encrypts {0}, outside of spec.secretTemplates")]
    SealedOutside(Path),
    /// The rule leaves data readable.
    #[error("the rule leaves {0} readable")]
    DataInClear(Path),
    /// An encrypted value is no text.
    #[error("{path} is {found}, and a Secret holds text only: quote it")]
    NotText {
        /// Where it stands.
        path: Path,
        /// "a number", …
        found: &'static str,
    },
    /// A YAML merge key: its values are sealed under a path that no cluster knows.
    #[error("{0} is a merge key, which kubectl replaces by what it stands for")]
    MergeKey(Path),
    /// Two entries have the same key, of which the API server keeps one.
    #[error("{0} stands there twice")]
    Repeated(Path),
    /// A key stands behind one that comes after it in the order of bytes.
    #[error("{path} stands behind {behind:?}, and keys have to be in the order of their bytes")]
    Order {
        /// The entry that stands too late.
        path: Path,
        /// The key before it.
        behind: String,
    },
}

/// Where a document, sealed or not, departs first from the canonical form; `None` when it is in it.
///
/// `document` is the whole object without metadata of SOPS.
pub fn departure(document: &Mapping, selection: &Selection, scope: MacScope) -> Option<Departure> {
    if scope != MacScope::SealedOnly {
        return Some(Departure::MacCoversEverything);
    }
    if by_comments(selection) {
        return Some(Departure::CommentRule);
    }
    content_departure(document, selection).or_else(|| order(document))
}

/// Which key of the templates is out of order, or stands there twice.
pub(super) fn order(document: &Mapping) -> Option<Departure> {
    match super::templates(document) {
        Some(templates) => order_in_list(templates, &mut templates_path()),
        None => Some(Departure::NoTemplates),
    }
}

/// Where the values of a document, whatever their order, depart from the canonical form.
fn content_departure(document: &Mapping, selection: &Selection) -> Option<Departure> {
    // The walk may change what it visits; this one does not, and works on a copy.
    let mut tree = Tree { documents: vec![document.clone()] };
    walk(&mut tree, selection, &mut Inspect).err()
}

/// Whether a rule goes by comments.
pub(super) fn by_comments(selection: &Selection) -> bool {
    matches!(selection, Selection::ExceptCommented(_) | Selection::OnlyCommented(_))
}

struct Inspect;

impl Visitor for Inspect {
    type Error = Departure;

    fn leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), Departure> {
        let position = Position::of(place);
        if position != Position::Outside && place.keys().any(|key| key == "<<") {
            return Err(Departure::MergeKey(place.path()));
        }
        if leaf.value.canonical().is_empty() {
            return Ok(());
        }
        match (position, place.selected) {
            (Position::Outside, true) => Err(Departure::SealedOutside(place.path())),
            (Position::Data, false) => Err(Departure::DataInClear(place.path())),
            (Position::Outside, false) => Ok(()),
            (Position::Template | Position::Data, _) => match not_text(&leaf.value) {
                Some(found) => Err(Departure::NotText { path: place.path(), found }),
                None => Ok(()),
            },
        }
    }

    fn comment(&mut self, _: &Place<'_, '_>, _: &mut Comment) -> Result<(), Departure> {
        Ok(())
    }
}

/// Where a value of a `SopsSecret` stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// Not below `spec.secretTemplates`.
    Outside,
    /// In a template.
    Template,
    /// Below `data` or `stringData` of a template.
    Data,
}

impl Position {
    pub(super) fn of(place: &Place<'_, '_>) -> Self {
        let mut keys = place.keys();
        if (keys.next(), keys.next()) != (Some(SPEC), Some(TEMPLATES)) {
            return Self::Outside;
        }
        match keys.next() {
            Some("data" | "stringData") => Self::Data,
            _ => Self::Template,
        }
    }
}

/// What a value is, if it is neither text nor the token of one.
pub(super) fn not_text(value: &Value) -> Option<&'static str> {
    let kind = match value {
        Value::Text(text) => Envelope::parse(text.expose()).map_or(Kind::Text, |token| token.kind),
        other => other.kind()?,
    };
    match kind {
        Kind::Text => None,
        Kind::Int | Kind::Float => Some("a number"),
        Kind::Bool => Some("a boolean"),
        Kind::Time => Some("a date"),
        Kind::Comment => Some("a comment"),
        Kind::Bytes => Some("of type bytes"),
    }
}

fn order_in_list(list: &List, path: &mut Path) -> Option<Departure> {
    list.values().enumerate().find_map(|(at, node)| {
        path.0.push(Step::Index(at));
        let found = order_in_node(node, path);
        path.0.pop();
        found
    })
}

fn order_in_node(node: &Node, path: &mut Path) -> Option<Departure> {
    match node {
        Node::Leaf(_) => None,
        Node::List(list) => order_in_list(list, path),
        Node::Map(mapping) => {
            let mut before: Option<&str> = None;
            mapping.pairs().find_map(|pair| {
                path.0.push(Step::Key(pair.key.clone()));
                let found = match before {
                    Some(behind) if *behind == *pair.key => Some(Departure::Repeated(path.clone())),
                    Some(behind) if *behind > *pair.key => {
                        Some(Departure::Order { path: path.clone(), behind: behind.to_owned() })
                    }
                    _ => order_in_node(&pair.value, path),
                };
                before = Some(&pair.key);
                path.0.pop();
                found
            })
        }
    }
}

/// Puts all keys below a node into the order of their bytes. A comment moves with the entry that
/// follows it; one that stands last stays last. Entries with the same key keep their order.
pub(super) fn sort(node: &mut Node) {
    match node {
        Node::Leaf(_) => {}
        Node::List(list) => list.items.iter_mut().for_each(|item| {
            if let Item::Value(node) = item {
                sort(node);
            }
        }),
        Node::Map(mapping) => {
            let (mut runs, mut run) = (Vec::new(), Vec::new());
            for entry in std::mem::take(&mut mapping.entries) {
                let key = match &entry {
                    Entry::Pair(pair) => Some(pair.key.clone()),
                    Entry::Comment(_) => None,
                };
                run.push(entry);
                if let Some(key) = key {
                    runs.push((key, std::mem::take(&mut run)));
                }
            }
            runs.sort_by(|(a, _), (b, _)| a.cmp(b));
            mapping.entries = runs.into_iter().flat_map(|(_, run)| run).chain(run).collect();
            for entry in &mut mapping.entries {
                if let Entry::Pair(pair) = entry {
                    sort(&mut pair.value);
                }
            }
        }
    }
}
