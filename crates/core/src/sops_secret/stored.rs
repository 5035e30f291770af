//! A `SopsSecret` as the API server returns it: opened, with a verdict on what that is worth.

use super::{
    canonical::{self, Departure, Position, not_text},
    claims_canonical, templates_path,
};
use crate::{
    crypto::{DataKey, MacScope, SecretBytes},
    document::{Document, ReadError, SealedDocument},
    format::Format,
    metadata::Metadata,
    pipeline::{self, LeafError, MacVerdict},
    tree::{Comment, Leaf, List, Mapping, Node, Path, Place, Step, Tree, Visitor, walk},
};

/// An object from a cluster, cut down to what SOPS has to do with: its templates and metadata.
#[derive(Debug)]
pub struct StoredObject {
    document: SealedDocument,
    claims_canonical: bool,
}

/// Why an object holds nothing to open. None of these is a reason to delete anything.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// It is no JSON, or its metadata cannot be understood.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It has no metadata of SOPS.
    #[error("the object is not encrypted: it has no sops section")]
    NotSealed,
    /// It has no templates: an object of an older version of the API, or an empty one (operator
    /// spec §1.4, H1 and H2).
    #[error("the object has no list spec.secretTemplates")]
    NoTemplates,
    /// Its rule goes by comments.
    #[error("the rule of the object goes by comments, and none reaches the cluster")]
    CommentRule,
    /// Two entries have the same key, which no API server returns.
    #[error("{0} stands there twice")]
    Repeated(Path),
}

/// What an object holds, opened.
#[derive(Debug)]
pub struct OpenedTemplates {
    /// The templates, keys in the order of their bytes. Values that the rule does not select are
    /// as they were.
    pub templates: List,
    /// What is known about them.
    pub integrity: Integrity,
    /// Values that stand readable in the object, empty ones not counted: whoever may change the
    /// object may change them, [`Integrity::Verified`] or not. Under the rule of the canonical
    /// form there are none.
    pub in_clear: Vec<Path>,
}

/// Whether the encrypted values of an object are, in number, content and order, those that
/// somebody with the data key has sealed (operator spec §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// They are. Not covered: what stands readable ([`OpenedTemplates::in_clear`] and everything
    /// outside of the templates), keys with an empty value, and who has sealed them.
    Verified,
    /// Nobody can tell. Each value still belongs to its key path.
    Unverifiable(Doubt),
    /// The object claims the canonical form, and does not verify.
    Mismatch(Doubt),
}

/// Why an object could not be verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// It is not in canonical form.
    #[error(transparent)]
    NotCanonical(#[from] Departure),
    /// It has no MAC.
    #[error("the MAC is missing")]
    NoMac,
    /// Its MAC does not open.
    #[error("the MAC does not open under the data key and the time of the last change")]
    MacUnreadable,
    /// Its MAC is another one: the author's keys stood in another order, or the object was changed.
    #[error("the MAC does not match the values in the order of the cluster")]
    MacDiffers,
}

impl StoredObject {
    /// Reads an object: the whole, or just `spec.secretTemplates`, `sops` and, for the claim to
    /// canonical form, `metadata.annotations`. All else is left out of account. JSON, keys in any
    /// order.
    ///
    /// # Errors
    /// If it is not JSON or holds nothing that could be opened.
    pub fn read(json: SecretBytes) -> Result<Self, StoredError> {
        let mut document = match Document::read(Format::Json, json)? {
            Document::Sealed(document) => *document,
            Document::Plain(_) => return Err(StoredError::NotSealed),
        };
        if canonical::by_comments(&document.metadata.selection) {
            return Err(StoredError::CommentRule);
        }
        let object = document.tree.documents.pop().unwrap_or_default();
        let templates = super::templates(&object).ok_or(StoredError::NoTemplates)?;
        let mut templates = Node::List(templates.clone());
        canonical::sort(&mut templates);
        let claims_canonical = claims_canonical(&object);
        let mut spec = Mapping::default();
        spec.push(super::TEMPLATES, templates);
        let mut cut = Mapping::default();
        cut.push(super::SPEC, spec);
        if let Some(path) = repeated(&object, &cut) {
            return Err(StoredError::Repeated(path));
        }
        document.tree = Tree { documents: vec![cut] };
        Ok(Self { document, claims_canonical })
    }

    /// Its keys and its rule.
    pub fn metadata(&self) -> &Metadata {
        &self.document.metadata
    }

    /// Whether it claims the canonical form.
    pub fn claims_canonical(&self) -> bool {
        self.claims_canonical
    }

    /// Opens the templates.
    ///
    /// # Errors
    /// For the first value that does not open; its text holds no value.
    pub fn open(mut self, data_key: &DataKey) -> Result<OpenedTemplates, LeafError> {
        let scope = self.document.metadata.mac_scope;
        let mut survey = Survey::default();
        let Ok(()) = walk(&mut self.document.tree, &self.document.metadata.selection, &mut survey);
        let (mut opened, verdict) =
            pipeline::open_undiagnosed(self.document, data_key)?.unverified();
        let doubt = if scope != MacScope::SealedOnly {
            Some(Doubt::NotCanonical(Departure::MacCoversEverything))
        } else {
            survey.departure.map(Doubt::NotCanonical).or(match verdict {
                MacVerdict::Matches => None,
                MacVerdict::Missing => Some(Doubt::NoMac),
                MacVerdict::Unreadable => Some(Doubt::MacUnreadable),
                // No version that hashed otherwise knew `mac_only_encrypted`.
                MacVerdict::MatchesLegacy | MacVerdict::Differs(_) => Some(Doubt::MacDiffers),
            })
        };
        let integrity = match doubt {
            None => Integrity::Verified,
            Some(doubt) if self.claims_canonical => Integrity::Mismatch(doubt),
            Some(doubt) => Integrity::Unverifiable(doubt),
        };
        let object = opened.tree.documents.pop().unwrap_or_default();
        let templates = super::templates(&object).cloned().unwrap_or_default();
        Ok(OpenedTemplates { templates, integrity, in_clear: survey.in_clear })
    }
}

/// What the sealed object shows: readable values, and those that are sealed as something else than
/// text. Neither the rule nor a type tag is authenticated, so a MAC that matches is worth nothing
/// where they could have been changed: with a narrower rule, data in clear can be added beside
/// what is sealed.
#[derive(Default)]
struct Survey {
    in_clear: Vec<Path>,
    departure: Option<Departure>,
}

impl Visitor for Survey {
    type Error = std::convert::Infallible;

    fn leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), Self::Error> {
        if leaf.value.canonical().is_empty() {
            return Ok(());
        }
        let departure = if !place.selected {
            self.in_clear.push(place.path());
            (Position::of(place) == Position::Data).then(|| Departure::DataInClear(place.path()))
        } else {
            let found = not_text(&leaf.value);
            found.map(|found| Departure::NotText { path: place.path(), found })
        };
        if self.departure.is_none() {
            self.departure = departure;
        }
        Ok(())
    }

    fn comment(&mut self, _: &Place<'_, '_>, _: &mut Comment) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// An entry of the object that stands there twice, where it matters: which of the two counts is
/// up to the reader.
fn repeated(object: &Mapping, sorted: &Mapping) -> Option<Path> {
    let twice = |mapping: &Mapping, key: &str| mapping.pairs().filter(|p| p.key == key).count() > 1;
    if twice(object, super::SPEC) {
        return Some(Path(vec![Step::Key(super::SPEC.to_owned())]));
    }
    if matches!(object.get(super::SPEC), Some(Node::Map(spec)) if twice(spec, super::TEMPLATES)) {
        return Some(templates_path());
    }
    match canonical::order(sorted)? {
        Departure::Repeated(path) => Some(path),
        _ => None,
    }
}
