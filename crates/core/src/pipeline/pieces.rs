//! The values of a document as the digest sees them, listed for the search after a mismatch.

use crate::tree::{Comment, CommentForm, Judge, Leaf, Path, Place, Tree, Value, Visitor, walk};

/// The canonical bytes of each value, in order, with where it stands and whether it is selected.
pub(super) fn pieces<J: Judge>(tree: &mut Tree, selection: &J) -> Vec<Piece> {
    let mut list = Pieces(Vec::new());
    let Ok(()) = walk(tree, selection, &mut list);
    list.0
}

/// One value as the digest sees it.
pub(super) struct Piece {
    pub(super) document: usize,
    pub(super) path: Path,
    pub(super) mark: crate::tree::Mark,
    pub(super) selected: bool,
    pub(super) value: Value,
}

struct Pieces(Vec<Piece>);

impl Visitor for Pieces {
    type Error = std::convert::Infallible;

    fn leaf(&mut self, place: &Place<'_, '_>, leaf: &mut Leaf) -> Result<(), Self::Error> {
        self.0.push(Piece {
            document: place.document,
            path: place.path(),
            mark: leaf.mark,
            selected: place.selected,
            value: leaf.value.clone(),
        });
        Ok(())
    }

    fn comment(&mut self, place: &Place<'_, '_>, comment: &mut Comment) -> Result<(), Self::Error> {
        if comment.form == CommentForm::Element && !place.selected {
            self.0.push(Piece {
                document: place.document,
                path: place.path(),
                mark: comment.mark,
                selected: false,
                value: Value::Text(comment.text.clone()),
            });
        }
        Ok(())
    }
}
