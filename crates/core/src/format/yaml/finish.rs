//! What becomes of the containers once all of a text was seen: comments find theirs, the tree is
//! put together, the metadata is taken out of it.

use super::{
    super::{ParseError, Problem, Section, SectionError, layout::line_and_column},
    assemble::assemble,
    block,
    build::Builder,
    comments,
    model::{Container, Frame, Shape, Site},
    parse::Read,
};
use crate::{
    crypto::Envelope,
    tree::{Comment, CommentForm, Entry, Item, List, Mapping, Node, Tree, Value},
};

impl Builder<'_> {
    /// The text, read.
    pub(super) fn finish(mut self) -> Result<Read, ParseError> {
        let end = self.text.len();
        if let Some(frame) = self.site.documents.last_mut()
            && frame.end == usize::MAX
        {
            frame.end = end;
        }
        for frame in &mut self.site.documents {
            frame.end = frame.end.min(end);
        }
        if self.site.documents.is_empty() && !self.comments.is_empty() {
            let problem = "there are only comments here, nothing to encrypt".to_owned();
            return Err(self.error(0, Problem::Syntax(problem)));
        }
        self.refuse_comments_inside_of_values()?;
        block::place_dashes(self.text, &mut self.site, &self.comments);
        self.site.step = step(&self.site);
        let raw = std::mem::take(&mut self.raw);
        let metadata_of = |frame: &Frame| {
            raw[frame.root as usize].iter().position(|entry| entry.key.as_deref() == Some("sops"))
        };
        let comments = std::mem::take(&mut self.comments);
        let metadata: Vec<_> = match comments.is_empty() {
            true => Vec::new(),
            false => self.site.documents.iter().map(metadata_of).collect(),
        };
        let attached = comments::attach(self.text, &mut self.site, &metadata, comments);
        let mut tree = assemble(self.text, &self.site, raw, attached, self.leaves)?;
        let section = self.take_metadata(&mut tree);
        if matches!(section, Section::Found(_)) {
            tree.documents.iter_mut().for_each(elements_to_comments);
        }
        Ok(Read { tree, section, site: self.site })
    }

    /// A comment ends a bare text. The parser goes on behind one that a tab precedes, and a value
    /// with a comment in it could not be replaced as a whole.
    fn refuse_comments_inside_of_values(&self) -> Result<(), ParseError> {
        if self.comments.is_empty() {
            return Ok(());
        }
        let mut starts: Vec<usize> =
            self.comments.iter().map(|comment| comment.range.start).collect();
        starts.sort_unstable();
        let bare = self.site.slots.iter().filter(|slot| slot.shape == Shape::Plain);
        for slot in bare {
            let (start, end) = (slot.start as usize, slot.end as usize);
            let next = starts.partition_point(|comment| *comment <= start);
            if let Some(comment) = starts.get(next).filter(|comment| **comment < end) {
                let problem = "text goes on behind this comment; a comment ends a bare value";
                return Err(self.error(*comment, Problem::Syntax(problem.to_owned())));
            }
        }
        Ok(())
    }

    /// Takes the metadata out of the first document and drops it from the later ones (§3.1).
    fn take_metadata(&mut self, tree: &mut Tree) -> Section {
        let mut section = Section::Absent;
        for (number, document) in tree.documents.iter_mut().enumerate() {
            let at = document
                .entries
                .iter()
                .position(|entry| matches!(entry, Entry::Pair(pair) if pair.key == "sops"));
            let Some(at) = at else {
                if number == 0 {
                    return Section::Absent;
                }
                continue;
            };
            let root = self.site.documents[number].root;
            // Comments are entries of the tree, but not of the container.
            let index =
                document.entries[..at].iter().filter(|e| matches!(e, Entry::Pair(_))).count();
            self.site.documents[number].metadata = Some(index as u32);
            let offset = self.site.containers[root as usize].entries[index].start;
            if let Entry::Pair(pair) = document.entries.remove(at)
                && number == 0
            {
                section = match pair.value {
                    Node::Map(mapping) => Section::Found(mapping),
                    _ => {
                        let (line, _) = line_and_column(self.text.as_bytes(), offset);
                        Section::Malformed(SectionError::NotAMapping { line })
                    }
                };
            }
        }
        section
    }
}

/// Sealed list comments stand in SOPS files as elements of the list (format §1.6, Q12).
fn elements_to_comments(mapping: &mut Mapping) {
    for entry in &mut mapping.entries {
        if let Entry::Pair(pair) = entry {
            elements_in(&mut pair.value);
        }
    }
}

fn elements_in(node: &mut Node) {
    match node {
        Node::Leaf(_) => {}
        Node::Map(mapping) => elements_to_comments(mapping),
        Node::List(List { items }) => {
            for item in items {
                match item {
                    Item::Value(Node::Leaf(leaf)) => {
                        if let Value::Text(text) = &leaf.value
                            && Envelope::is_comment(text.expose())
                        {
                            let comment =
                                Comment::at(leaf.mark, CommentForm::Element, text.expose());
                            *item = Item::Comment(comment);
                        }
                    }
                    Item::Value(node) => elements_in(node),
                    Item::Comment(_) => {}
                }
            }
        }
    }
}

/// Blanks per level: the smallest step that block mappings make inside one another.
fn step(site: &Site) -> Option<usize> {
    let step_of = |container: &Container| {
        let (parent, _) = container.parent?;
        let outer = &site.containers[parent as usize];
        let plain = !container.flow && !outer.flow && !container.list && !outer.list;
        (plain && container.column > outer.column).then(|| container.column - outer.column)
    };
    site.containers.iter().take(200).filter_map(step_of).min()
}
