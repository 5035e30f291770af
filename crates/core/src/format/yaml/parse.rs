//! YAML text to tree and places.
//!
//! Events come from `granit-parser`, whose spans are exact to the byte. They are gathered into
//! containers by number, since comments find their container only when all entries are known
//! (`comments.rs`); the tree is put together at the end.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::{
    super::{ParseError, Problem, Section, SectionError, layout::line_and_column},
    assemble::{RawEntry, RawValue, assemble},
    block,
    comments::{self, RawComment},
    model::{
        AliasSite, Container, ContainerId, EntrySite, Frame, Shape, Site, Slot, SlotId, ValueSite,
    },
    typed::{Scalar, what},
};
use crate::{
    crypto::Envelope,
    tree::{Comment, CommentForm, Entry, Item, List, MAX_DEPTH, Mapping, Node, Tree, Value},
};

/// A text, read.
pub(super) struct Read {
    pub(super) tree: Tree,
    pub(super) section: Section,
    pub(super) site: Site,
}

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Read, ParseError> {
    let lone = |at: &usize| text.as_bytes().get(at + 1) != Some(&b'\n');
    if let Some(at) =
        text.bytes().enumerate().filter(|(_, b)| *b == b'\r').map(|(at, _)| at).find(lone)
    {
        // A line break that hardly any reader takes for one any more.
        let problem = "a carriage return without a line feed behind it".to_owned();
        return Err(error_at(text, at, Problem::Syntax(problem)));
    }
    let mut builder = Builder { text, ..Builder::default() };
    builder.site.line_break = match text.find('\n') {
        Some(at) if at > 0 && text.as_bytes()[at - 1] == b'\r' => "\r\n",
        _ => "\n",
    };
    let options = granit_parser::options! {
        max_buffered_comment_events: usize::MAX,
        simple_key_max_lookahead: usize::MAX,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
        emit_anchor_events: true,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| builder.syntax(&error))?;
        builder.event(event, span)?;
    }
    builder.finish()
}

/// A key that waits for its value.
struct PendingKey {
    key: String,
    start: usize,
    end: usize,
}

struct Anchored {
    target: ValueSite,
    slots: std::ops::Range<u32>,
    open: bool,
}

#[derive(Default)]
struct Builder<'a> {
    text: &'a str,
    site: Site,
    raw: Vec<Vec<RawEntry>>,
    comments: Vec<RawComment>,
    stack: Vec<ContainerId>,
    keys: Vec<Option<PendingKey>>,
    anchors: HashMap<usize, Anchored>,
    /// The node of the event before, whose anchor may follow.
    last: Option<LastNode>,
    leaves: usize,
}

#[derive(Clone, Copy)]
enum LastNode {
    Key(usize),
    Entry(ContainerId, usize),
    Opened(ContainerId),
}

impl<'a> Builder<'a> {
    fn event(&mut self, event: Event<'a>, span: Span) -> Result<(), ParseError> {
        let range = span.byte_range().unwrap_or(0..0);
        let tag_start = span.tag_span().and_then(|tag| tag.byte_range()).map(|tag| tag.start);
        match event {
            Event::DocumentStart(explicit, _) => self.document_start(explicit, range.start),
            Event::DocumentEnd => self.document_end(range),
            Event::Scalar(text, style, anchor, tag) => {
                let start = tag_start.map_or(range.start, |tag| tag.min(range.start));
                let kind = Scalar { text, style, tag: tag.as_deref(), start, range };
                self.scalar(kind, anchor)
            }
            Event::MappingStart(style, anchor, _) => {
                let flow = matches!(style, granit_parser::StructureStyle::Flow);
                self.open(false, flow, tag_start, range.start, span.start.col(), anchor)
            }
            Event::SequenceStart(style, anchor, _) => {
                let flow = matches!(style, granit_parser::StructureStyle::Flow);
                self.open(true, flow, tag_start, range.start, span.start.col(), anchor)
            }
            Event::MappingEnd | Event::SequenceEnd => self.close(range),
            Event::Alias(id) => self.alias(id, range),
            Event::Anchor(..) => {
                self.anchor_at(range.start);
                Ok(())
            }
            Event::Comment(..) => {
                self.comments.push(RawComment { range, column: span.start.col() });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn document_start(&mut self, explicit: bool, at: usize) -> Result<(), ParseError> {
        let number = self.site.documents.len();
        if let Some(before) = self.site.documents.last_mut()
            && before.end == usize::MAX
            && explicit
        {
            before.end = at;
        }
        let root = self.container(Container {
            list: false,
            flow: false,
            column: 0,
            start: at,
            end: at,
            parent: None,
            entries: Vec::new(),
            document: number as u32,
        });
        self.site.documents.push(Frame {
            start: if number == 0 { 0 } else { at },
            root,
            empty: true,
            end: usize::MAX,
            metadata: None,
        });
        Ok(())
    }

    fn document_end(&mut self, range: std::ops::Range<usize>) -> Result<(), ParseError> {
        self.last = None;
        if let Some(frame) = self.site.documents.last_mut()
            && !range.is_empty()
        {
            frame.end = range.start;
        }
        self.anchors.clear();
        Ok(())
    }

    fn container(&mut self, container: Container) -> ContainerId {
        self.site.containers.push(container);
        self.raw.push(Vec::new());
        (self.site.containers.len() - 1) as ContainerId
    }

    fn open(
        &mut self,
        list: bool,
        flow: bool,
        tag: Option<usize>,
        start: usize,
        column: usize,
        anchor: usize,
    ) -> Result<(), ParseError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.error(start, Problem::TooDeep { limit: MAX_DEPTH }));
        }
        let document = self.site.documents.len().saturating_sub(1);
        let (start, column) = match explicit_key_mark(self.text, start) {
            Some(mark) if !flow && !list => (mark, column.saturating_sub(start - mark)),
            _ if list && !flow => (start, self.dash_column(start).unwrap_or(column)),
            _ => (start, column),
        };
        let id = if self.stack.is_empty() {
            if list {
                return Err(self.error(start, Problem::NotAMapping { found: "a list" }));
            }
            let frame = &mut self.site.documents[document];
            frame.empty = false;
            let root = frame.root;
            let container = &mut self.site.containers[root as usize];
            (container.flow, container.column, container.start) = (flow, column, start);
            root
        } else {
            if self.expects_key() {
                let found = if list { "a list" } else { "a mapping" };
                return Err(self.error(start, Problem::KeyNotText { found }));
            }
            let id = self.container(Container {
                list,
                flow,
                column,
                start,
                end: start,
                parent: None,
                entries: Vec::new(),
                document: document as u32,
            });
            let outer = tag.map_or(start, |tag| tag.min(start));
            self.push(RawValue::Container(id), ValueSite::Container(id), outer, start);
            id
        };
        self.stack.push(id);
        self.keys.push(None);
        self.last = Some(LastNode::Opened(id));
        if anchor != 0 {
            let first = self.site.slots.len() as u32;
            let target = ValueSite::Container(id);
            self.anchors.insert(anchor, Anchored { target, slots: first..first, open: true });
        }
        Ok(())
    }

    /// The column of a list whose dashes stand below the key they belong to. The parser lets such
    /// a list begin behind its first dash; what blocks in it are measured from is the dash.
    fn dash_column(&self, start: usize) -> Option<usize> {
        let outer = &self.site.containers[*self.stack.last()? as usize];
        let dash = block::dash_before(self.text, start, &self.comments)?;
        let column = block::character_column(self.text, dash);
        (!outer.list && !outer.flow && column == outer.column).then_some(column)
    }

    fn close(&mut self, range: std::ops::Range<usize>) -> Result<(), ParseError> {
        self.last = None;
        let Some(id) = self.stack.pop() else { return Ok(()) };
        self.keys.pop();
        let last_slot = self.site.slots.len() as u32;
        for anchored in self.anchors.values_mut() {
            if anchored.open && anchored.target == ValueSite::Container(id) {
                anchored.slots.end = last_slot;
                anchored.open = false;
            }
        }
        let container = &mut self.site.containers[id as usize];
        container.end = if container.flow {
            range.end
        } else {
            container.entries.last().map_or(container.start, |entry| entry.end)
        };
        let end = container.end;
        if let Some((parent, index)) = container.parent {
            self.site.containers[parent as usize].entries[index as usize].end = end;
        }
        if !self.site.containers[id as usize].list {
            self.refuse_duplicates(id)?;
        }
        Ok(())
    }

    /// The reference checks the first document only; later ones may repeat keys (format §7.1).
    fn refuse_duplicates(&self, id: ContainerId) -> Result<(), ParseError> {
        let container = &self.site.containers[id as usize];
        if container.document != 0 {
            return Ok(());
        }
        let raw = &self.raw[id as usize];
        let mut order: Vec<usize> = (0..raw.len()).collect();
        order.sort_by(|a, b| raw[*a].key.cmp(&raw[*b].key).then(a.cmp(b)));
        let pair = order.windows(2).find(|pair| raw[pair[0]].key == raw[pair[1]].key);
        let Some(pair) = pair else { return Ok(()) };
        let (first_line, _) =
            line_and_column(self.text.as_bytes(), container.entries[pair[0]].start);
        let key = raw[pair[0]].key.clone().unwrap_or_default();
        Err(self.error(container.entries[pair[1]].start, Problem::DuplicateKey { key, first_line }))
    }

    fn expects_key(&self) -> bool {
        match (self.stack.last(), self.keys.last()) {
            (Some(id), Some(None)) => !self.site.containers[*id as usize].list,
            _ => false,
        }
    }

    fn scalar(&mut self, scalar: Scalar<'_>, anchor: usize) -> Result<(), ParseError> {
        let value = scalar.value().map_err(|problem| self.error(scalar.range.start, problem))?;
        if self.stack.is_empty() {
            self.last = None;
            // An empty document; a written null is not one.
            return if matches!(value, Value::Null) && scalar.range.is_empty() {
                Ok(())
            } else {
                Err(self.error(scalar.range.start, Problem::NotAMapping { found: "a scalar" }))
            };
        }
        if self.expects_key() {
            let Value::Text(_) = &value else {
                let found = what(&value);
                return Err(self.error(scalar.range.start, Problem::KeyNotText { found }));
            };
            let key = scalar.text.into_owned();
            let pending = PendingKey { key, start: scalar.start, end: scalar.range.end };
            if let Some(slot) = self.keys.last_mut() {
                *slot = Some(pending);
            }
            self.last = Some(LastNode::Key(self.keys.len() - 1));
            return Ok(());
        }
        self.leaves += 1;
        let mut scalar = scalar;
        if scalar.range.is_empty()
            && matches!(scalar.style, ScalarStyle::Plain)
            && let Some(Some(key)) = self.keys.last()
        {
            // The parser puts an absent value before the colon of its key.
            let rest = &self.text[key.end..];
            let blanks = rest.len() - rest.trim_start().len();
            if rest[blanks..].starts_with(':') {
                let at = key.end + blanks + 1;
                (scalar.start, scalar.range) = (at, at..at);
            }
        }
        let (slot, value, end) = self.leaf_slot(&scalar, value)?;
        let id = self.site.slots.len() as SlotId;
        self.site.slots.push(slot);
        if anchor != 0 {
            let target = ValueSite::Leaf(id);
            self.anchors.insert(anchor, Anchored { target, slots: id..id + 1, open: false });
        }
        self.push(RawValue::Leaf(value, id), ValueSite::Leaf(id), scalar.start, end);
        Ok(())
    }

    fn leaf_slot(
        &mut self,
        scalar: &Scalar<'_>,
        mut value: Value,
    ) -> Result<(Slot, Value, usize), ParseError> {
        let container = self.stack.last().map(|id| &self.site.containers[*id as usize]);
        let flow = container.is_some_and(|container| container.flow);
        let column = container.map_or(0, |container| container.column).min(u16::MAX.into()) as u16;
        let mut range = scalar.range.clone();
        let shape = match scalar.style {
            ScalarStyle::Plain if range.is_empty() => Shape::Absent,
            ScalarStyle::Plain => Shape::Plain,
            ScalarStyle::SingleQuoted => Shape::Single,
            ScalarStyle::DoubleQuoted => Shape::Double,
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let folded = matches!(scalar.style, ScalarStyle::Folded);
                let found =
                    block::locate(self.text, range.clone(), folded, &scalar.text, column.into());
                let Some((block, content)) = found else {
                    let problem = "the header of this block scalar was not found".to_owned();
                    return Err(self.error(range.start, Problem::Syntax(problem)));
                };
                range = content;
                if block.open_ended
                    && let Value::Text(text) = &mut value
                {
                    // Without a line break at the end there is none to keep, as libyaml has it;
                    // unless the last line is empty but for indentation.
                    let mut breaks = 0;
                    while text.expose().last() == Some(&b'\n') {
                        text.expose_mut().pop();
                        breaks += 1;
                    }
                    let kept = block.breaks_before_blanks(&self.text[range.clone()]).min(breaks);
                    text.expose_mut().extend(std::iter::repeat_n(b'\n', kept));
                }
                self.site.blocks.push(block);
                Shape::Block((self.site.blocks.len() - 1) as u32)
            }
        };
        let tag = if scalar.start < scalar.range.start && scalar.tag.is_some() {
            scalar.start as u32
        } else {
            range.start as u32
        };
        let slot =
            Slot { start: range.start as u32, end: range.end as u32, tag, shape, flow, column };
        Ok((slot, value, range.end))
    }

    fn alias(&mut self, id: usize, range: std::ops::Range<usize>) -> Result<(), ParseError> {
        if self.expects_key() {
            return Err(self.error(range.start, Problem::KeyNotText { found: "an alias" }));
        }
        let Some(anchored) = self.anchors.get(&id) else {
            let problem = "this alias names no anchor before it".to_owned();
            return Err(self.error(range.start, Problem::Syntax(problem)));
        };
        if anchored.open {
            let name = self.text[range.start + 1..range.end].to_owned();
            return Err(self.error(range.start, Problem::AliasCycle { name }));
        }
        let (target, slots) = (anchored.target, anchored.slots.clone());
        let container = self.stack.last().map(|id| &self.site.containers[*id as usize]);
        let slot = self.site.slots.len() as SlotId;
        let alias = self.site.aliases.len() as u32;
        self.site.slots.push(Slot {
            start: range.start as u32,
            end: range.end as u32,
            tag: range.start as u32,
            shape: Shape::Alias(alias),
            flow: container.is_some_and(|container| container.flow),
            column: container.map_or(0, |container| container.column).min(u16::MAX.into()) as u16,
        });
        self.site.aliases.push(AliasSite { slot, target, slots });
        self.push(RawValue::Alias(alias), ValueSite::Alias(slot), range.start, range.end);
        Ok(())
    }

    /// Adds an entry to the innermost container.
    fn push(&mut self, value: RawValue, site: ValueSite, start: usize, end: usize) {
        let Some(id) = self.stack.last().copied() else { return };
        let pending = self.keys.last_mut().and_then(Option::take);
        let container = &mut self.site.containers[id as usize];
        let index = container.entries.len();
        let (entry_start, after_indicator) = match &pending {
            Some(key) => (key.start, key.end),
            None => (start, start),
        };
        container.entries.push(EntrySite { start: entry_start, after_indicator, value: site, end });
        if let ValueSite::Container(child) = site {
            self.site.containers[child as usize].parent = Some((id, index as u32));
        }
        let key = pending.map(|pending| pending.key);
        self.raw[id as usize].push(RawEntry { key, value });
        self.last = Some(LastNode::Entry(id, index));
    }

    /// Takes note that the node of the event before has an anchor here.
    fn anchor_at(&mut self, start: usize) {
        match self.last {
            Some(LastNode::Key(depth)) => {
                if let Some(Some(key)) = self.keys.get_mut(depth) {
                    key.start = key.start.min(start);
                }
            }
            Some(LastNode::Entry(id, index)) => self.entry_begins(id, index, start),
            Some(LastNode::Opened(id)) => {
                if let Some((parent, index)) = self.site.containers[id as usize].parent {
                    self.entry_begins(parent, index as usize, start);
                }
            }
            None => {}
        }
    }

    /// An item begins with its properties; a pair begins with its key all the same.
    fn entry_begins(&mut self, id: ContainerId, index: usize, start: usize) {
        let container = &mut self.site.containers[id as usize];
        if container.list {
            let entry = &mut container.entries[index];
            entry.start = entry.start.min(start);
            entry.after_indicator = entry.after_indicator.min(start);
        }
    }

    fn error(&self, offset: usize, problem: Problem) -> ParseError {
        error_at(self.text, offset, problem)
    }

    fn syntax(&self, error: &granit_parser::ScanError) -> ParseError {
        let offset = error.marker().byte_offset().unwrap_or(0);
        let nested = format!("{:?}", error.kind()).contains("Nesting");
        let problem = if nested {
            Problem::TooDeep { limit: MAX_DEPTH }
        } else {
            Problem::Syntax(error.info().to_owned())
        };
        self.error(offset, problem)
    }

    fn finish(mut self) -> Result<Read, ParseError> {
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
        let attached =
            comments::attach(self.text, &mut self.site, std::mem::take(&mut self.comments));
        let raw = std::mem::take(&mut self.raw);
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

/// The `?` before an explicit first key, which the parser's span leaves out.
fn explicit_key_mark(text: &str, key: usize) -> Option<usize> {
    let before = text[..key].trim_end_matches([' ', '\t']);
    let mark = before.strip_suffix('?')?;
    (before.len() < key && (mark.is_empty() || mark.ends_with([' ', '\n', '-'])))
        .then_some(mark.len())
}

/// An error at a byte offset.
pub(super) fn error_at(text: &str, offset: usize, problem: Problem) -> ParseError {
    let (line, column) = line_and_column(text.as_bytes(), offset);
    ParseError { line, column, problem }
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
