//! From tokens and the comments between them to mappings and lists with their comments, as
//! go-yaml's parser gives comments to nodes and the reference takes them from there.
//!
//! Rules that look odd and are the reference's:
//!
//! - A node takes the comments that were gathered when its event is made. Empty values and the
//!   ends of block lists take none, so theirs go to whatever comes next.
//! - A foot of a key is the foot of the entry before it, and replaces one that was there.
//! - What stands beside an opening bracket is replaced by what stands beside the closing one.
//! - What is replaced is lost in the reference: it belongs nowhere.

use super::{
    super::model::{ContainerId, Site},
    notes::{Line, Place},
    scan::{Kind, Scanner, Token},
};
use crate::tree::CommentForm;

/// A comment in its container: the number of the entry it stands before, its offset, its form.
pub(super) type Placed = (usize, usize, CommentForm);

/// The comments of one node.
#[derive(Default)]
struct Notes {
    head: Vec<Line>,
    beside: Vec<Line>,
    foot: Vec<Line>,
}

/// A node that was read.
struct Node {
    /// A mapping or list: its number, and how many entries it has.
    container: Option<(Option<ContainerId>, usize)>,
    notes: Notes,
}

impl Node {
    fn scalar(notes: Notes) -> Self {
        Self { container: None, notes }
    }
}

/// A pair until its mapping ends.
struct Pair {
    key: Notes,
    value: Node,
    /// It is the metadata that will stand here.
    added: bool,
}

/// Gives each comment to a container; `None` for a text that the reference does not read.
/// `added` tells whether an offset lies in metadata that is not there yet.
pub(super) fn place(
    scanner: Scanner<'_>,
    site: &Site,
    added: &dyn Fn(usize) -> bool,
) -> Option<Vec<Vec<Placed>>> {
    let placed = vec![Vec::new(); site.containers.len()];
    let mut reader = Reader {
        scanner,
        site,
        added,
        placed,
        waiting: Notes::default(),
        stem: None,
        last: None,
        root: 0,
    };
    reader.stream()?;
    Some(reader.placed)
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    site: &'a Site,
    added: &'a dyn Fn(usize) -> bool,
    placed: Vec<Vec<Placed>>,
    /// What was gathered for the next event.
    waiting: Notes,
    /// Heads of an item that is a collection; what follows them is for its first entry.
    stem: Option<Vec<Line>>,
    /// The container that was opened last in this document.
    last: Option<ContainerId>,
    root: ContainerId,
}

impl Reader<'_> {
    /// The next token; comments tied to it are gathered.
    fn peek(&mut self) -> Option<Token> {
        let token = self.scanner.peek()?;
        while let Some(note) = self.scanner.note_at(token) {
            match note.place {
                Place::Head => self.waiting.head.extend(note.lines),
                Place::Beside => self.waiting.beside.extend(note.lines),
                Place::Foot => self.waiting.foot.extend(note.lines),
            }
        }
        Some(token)
    }

    fn kind(&mut self) -> Option<Kind> {
        self.peek().map(|token| token.kind)
    }

    fn take(&mut self) -> Notes {
        self.stem = None;
        std::mem::take(&mut self.waiting)
    }

    fn expect(&mut self, kind: Kind) -> Option<()> {
        (self.kind()? == kind).then(|| self.scanner.skip())
    }

    fn stream(&mut self) -> Option<()> {
        self.expect(Kind::StreamStart)?;
        let mut document = 0;
        loop {
            let implicit = document == 0;
            while !implicit && self.kind()? == Kind::DocumentEnd {
                self.scanner.skip();
            }
            let mut head = Vec::new();
            match self.kind()? {
                Kind::StreamEnd => return Some(()),
                Kind::DocumentStart | Kind::Directive => {
                    while self.kind()? == Kind::Directive {
                        self.scanner.skip();
                    }
                    self.expect(Kind::DocumentStart)?;
                }
                _ if !implicit => return None,
                _ => {
                    // What stands above the last empty line is the document's.
                    let lines = &mut self.waiting.head;
                    if let Some(at) = lines.iter().rposition(|line| *line == Line::Empty) {
                        let rest = lines.split_off(at + 1);
                        head = std::mem::replace(lines, rest);
                    }
                }
            }
            self.document(document, head)?;
            document += 1;
        }
    }

    fn document(&mut self, number: usize, head: Vec<Line>) -> Option<()> {
        let root = self.site.documents.get(number)?.root;
        (self.root, self.last) = (root, None);
        let node = match self.kind()? {
            Kind::Directive | Kind::DocumentStart | Kind::DocumentEnd | Kind::StreamEnd => {
                Node::scalar(Notes::default())
            }
            _ => self.node(true, false)?,
        };
        if self.kind()? == Kind::DocumentEnd {
            self.scanner.skip();
        }
        let mut end = self.take();
        if end.foot.is_empty() {
            end.foot = std::mem::take(&mut end.head);
        }
        let count = node.container.map_or(0, |(_, count)| count);
        self.around(root, count, node.notes);
        self.front(root, &head);
        self.back(root, count, &end.foot);
        Some(())
    }

    fn node(&mut self, block: bool, indentless: bool) -> Option<Node> {
        let mut token = self.peek()?;
        if token.kind == Kind::Alias {
            let notes = self.take();
            self.scanner.skip();
            return Some(Node::scalar(notes));
        }
        let mut properties = false;
        while matches!(token.kind, Kind::Anchor | Kind::Tag) {
            properties = true;
            self.scanner.skip();
            token = self.peek()?;
        }
        match token.kind {
            Kind::BlockEntry if indentless => self.block_list(token, false, Notes::default()),
            Kind::Scalar => {
                let notes = self.take();
                self.scanner.skip();
                Some(Node::scalar(notes))
            }
            Kind::FlowListStart => {
                let notes = self.take();
                self.flow_list(token, notes)
            }
            Kind::FlowMapStart => {
                let notes = self.take();
                self.flow_map(token, notes)
            }
            Kind::BlockListStart | Kind::BlockMapStart if block => {
                let head = self.stem.take().unwrap_or_default();
                let notes = Notes { head, ..Notes::default() };
                if token.kind == Kind::BlockListStart {
                    self.block_list(token, true, notes)
                } else {
                    self.block_map(token, notes)
                }
            }
            _ if properties => Some(Node::scalar(Notes::default())),
            _ => None,
        }
    }

    /// The number of a container that begins here; none in metadata that is not there yet.
    fn open(&mut self, at: usize, list: bool) -> Option<Option<ContainerId>> {
        let id = match self.last {
            None => self.root,
            Some(_) if (self.added)(at) => return Some(None),
            Some(last) => last + 1,
        };
        self.last = Some(id);
        (self.site.containers.get(id as usize)?.list == list).then_some(Some(id))
    }

    fn block_list(&mut self, token: Token, indented: bool, notes: Notes) -> Option<Node> {
        let id = self.open(token.at, true)?;
        if indented {
            self.scanner.skip();
        }
        let mut count = 0;
        loop {
            match self.kind()? {
                Kind::BlockEntry => {}
                Kind::BlockEnd if indented => {
                    self.scanner.skip();
                    break;
                }
                _ if !indented => break,
                _ => return None,
            }
            let heads = self.waiting.head.len();
            self.scanner.skip();
            self.split_stem(heads)?;
            let empty = match self.kind()? {
                Kind::BlockEntry | Kind::BlockEnd => true,
                Kind::Key | Kind::Value => !indented,
                _ => false,
            };
            let node = if empty { Node::scalar(Notes::default()) } else { self.node(true, false)? };
            self.item(id, count, node);
            count += 1;
        }
        // A block list ends without comments of its own.
        let notes = Notes { head: notes.head, ..Notes::default() };
        Some(Node { container: Some((id, count)), notes })
    }

    /// Heads before the dash of a collection are for the collection, not for its first entry.
    fn split_stem(&mut self, heads: usize) -> Option<()> {
        if heads > 0 && matches!(self.kind()?, Kind::BlockListStart | Kind::BlockMapStart) {
            let rest = self.waiting.head.split_off(heads);
            self.stem = Some(std::mem::replace(&mut self.waiting.head, rest));
        }
        Some(())
    }

    fn block_map(&mut self, token: Token, mut notes: Notes) -> Option<Node> {
        let id = self.open(token.at, false)?;
        self.scanner.skip();
        let mut pairs: Vec<Pair> = Vec::new();
        loop {
            let token = self.peek()?;
            match token.kind {
                Kind::Key => {}
                Kind::BlockEnd => break,
                _ => return None,
            }
            self.scanner.skip();
            let mut key = self.block_child()?.notes;
            if !key.foot.is_empty()
                && let Some(before) = pairs.last_mut()
            {
                before.key.foot = std::mem::take(&mut key.foot);
            }
            let mut value = Node::scalar(Notes::default());
            if self.kind()? == Kind::Value {
                self.scanner.skip();
                value = self.block_child()?;
            }
            if key.foot.is_empty() {
                key.foot = std::mem::take(&mut value.notes.foot);
            }
            pairs.push(Pair { key, value, added: (self.added)(token.at) });
        }
        let end = self.take();
        self.scanner.skip();
        (notes.beside, notes.foot) = (end.beside, end.foot);
        if !notes.foot.is_empty()
            && let Some(last) = pairs.last_mut()
        {
            last.key.foot = std::mem::take(&mut notes.foot);
        }
        let count = self.pairs(id, pairs);
        Some(Node { container: Some((id, count)), notes })
    }

    /// A key or a value in a block mapping; it may be empty.
    fn block_child(&mut self) -> Option<Node> {
        match self.kind()? {
            Kind::Key | Kind::Value | Kind::BlockEnd => Some(Node::scalar(Notes::default())),
            _ => self.node(true, true),
        }
    }

    fn flow_list(&mut self, token: Token, mut notes: Notes) -> Option<Node> {
        let id = self.open(token.at, true)?;
        self.scanner.skip();
        let mut count = 0;
        while self.kind()? != Kind::FlowListEnd {
            if count > 0 {
                self.expect(Kind::FlowEntry)?;
            }
            let token = self.peek()?;
            let node = match token.kind {
                Kind::FlowListEnd => break,
                Kind::Key => self.lone_pair(token)?,
                _ => self.node(false, false)?,
            };
            self.item(id, count, node);
            count += 1;
        }
        let end = self.take();
        self.scanner.skip();
        (notes.beside, notes.foot) = (end.beside, end.foot);
        Some(Node { container: Some((id, count)), notes })
    }

    /// A pair in a list, without braces.
    fn lone_pair(&mut self, token: Token) -> Option<Node> {
        let id = self.open(token.at, false)?;
        self.scanner.skip();
        let mut key = self.flow_child(Kind::FlowListEnd)?.notes;
        let mut value = Node::scalar(Notes::default());
        if self.kind()? == Kind::Value {
            self.scanner.skip();
            value = self.flow_child(Kind::FlowListEnd)?;
        }
        if key.foot.is_empty() {
            key.foot = std::mem::take(&mut value.notes.foot);
        }
        let count = self.pairs(id, vec![Pair { key, value, added: false }]);
        Some(Node { container: Some((id, count)), notes: Notes::default() })
    }

    fn flow_map(&mut self, token: Token, mut notes: Notes) -> Option<Node> {
        let id = self.open(token.at, false)?;
        self.scanner.skip();
        let mut pairs: Vec<Pair> = Vec::new();
        while self.kind()? != Kind::FlowMapEnd {
            if !pairs.is_empty() {
                self.expect(Kind::FlowEntry)?;
            }
            let token = self.peek()?;
            let mut value = Node::scalar(Notes::default());
            let mut key = match token.kind {
                Kind::FlowMapEnd => break,
                Kind::Key => {
                    self.scanner.skip();
                    let key = self.flow_child(Kind::FlowMapEnd)?.notes;
                    if self.kind()? == Kind::Value {
                        self.scanner.skip();
                        value = self.flow_child(Kind::FlowMapEnd)?;
                    }
                    key
                }
                _ => {
                    let key = self.node(false, false)?.notes;
                    self.peek()?;
                    key
                }
            };
            if key.foot.is_empty() {
                key.foot = std::mem::take(&mut value.notes.foot);
            }
            pairs.push(Pair { key, value, added: (self.added)(token.at) });
        }
        let end = self.take();
        self.scanner.skip();
        (notes.beside, notes.foot) = (end.beside, end.foot);
        let count = self.pairs(id, pairs);
        Some(Node { container: Some((id, count)), notes })
    }

    fn flow_child(&mut self, end: Kind) -> Option<Node> {
        match self.kind()? {
            Kind::Value | Kind::FlowEntry => Some(Node::scalar(Notes::default())),
            kind if kind == end => Some(Node::scalar(Notes::default())),
            _ => self.node(false, false),
        }
    }

    /// The comments of pairs in their mapping; those of collections inside of these. Gives the
    /// number of pairs.
    fn pairs(&mut self, id: Option<ContainerId>, pairs: Vec<Pair>) -> usize {
        let mut index = 0;
        for Pair { key, value, added } in pairs {
            self.put(id, index, &key.head, CommentForm::Line);
            self.put(id, index, &key.beside, CommentForm::Line);
            let behind = if added { index } else { index + 1 };
            match value.container {
                Some((Some(inner), count)) => self.around(inner, count, value.notes),
                Some((None, _)) => {}
                None => {
                    self.put(id, index, &value.notes.head, CommentForm::Line);
                    self.put(id, index, &value.notes.beside, CommentForm::Inline);
                    self.put(id, behind, &value.notes.foot, CommentForm::Line);
                }
            }
            self.put(id, behind, &key.foot, CommentForm::Line);
            index = behind;
        }
        index
    }

    fn item(&mut self, id: Option<ContainerId>, index: usize, node: Node) {
        let form = if node.container.is_some() { CommentForm::Line } else { CommentForm::Inline };
        self.put(id, index, &node.notes.head, CommentForm::Line);
        self.put(id, index, &node.notes.beside, form);
        self.put(id, index + 1, &node.notes.foot, CommentForm::Line);
    }

    /// The comments of a collection inside of it.
    fn around(&mut self, id: ContainerId, count: usize, notes: Notes) {
        self.front(id, &notes.beside);
        self.front(id, &notes.head);
        self.back(id, count, &notes.foot);
    }

    fn front(&mut self, id: ContainerId, lines: &[Line]) {
        let first = offsets(lines).map(|at| (0, at, CommentForm::Line));
        self.placed[id as usize].splice(0..0, first);
    }

    fn back(&mut self, id: ContainerId, count: usize, lines: &[Line]) {
        self.put(Some(id), count, lines, CommentForm::Line);
    }

    fn put(&mut self, id: Option<ContainerId>, index: usize, lines: &[Line], form: CommentForm) {
        if let Some(id) = id {
            self.placed[id as usize].extend(offsets(lines).map(|at| (index, at, form)));
        }
    }
}

fn offsets(lines: &[Line]) -> impl Iterator<Item = usize> {
    lines.iter().filter_map(|line| match line {
        Line::Comment(at) => Some(*at),
        Line::Empty => None,
    })
}
