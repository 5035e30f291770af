//! The containers of a YAML text, gathered out of its events.

use std::{collections::HashMap, ops::Range};

use granit_parser::ScalarStyle;

use super::{
    super::{ParseError, Problem, layout::line_and_column},
    assemble::{RawEntry, RawValue},
    block,
    comments::RawComment,
    model::{
        AliasSite, Container, ContainerId, EntrySite, Frame, Shape, Site, Slot, SlotId, ValueSite,
    },
    parse::error_at,
    typed::{Scalar, what},
};
use crate::tree::{MAX_DEPTH, Step, Value};

/// A key that waits for its value.
pub(super) struct PendingKey {
    key: String,
    start: usize,
    end: usize,
}

/// A node with an anchor.
pub(super) struct Anchored {
    target: ValueSite,
    slots: Range<u32>,
    open: bool,
}

/// What was seen of a text so far.
#[derive(Default)]
pub(super) struct Builder<'a> {
    pub(super) text: &'a str,
    pub(super) site: Site,
    pub(super) raw: Vec<Vec<RawEntry>>,
    pub(super) comments: Vec<RawComment>,
    stack: Vec<ContainerId>,
    keys: Vec<Option<PendingKey>>,
    anchors: HashMap<usize, Anchored>,
    /// The anchors of the containers in `stack`; 0 for one without.
    open_anchors: Vec<usize>,
    /// The node of the event before, whose anchor may follow.
    last: Option<LastNode>,
    pub(super) leaves: usize,
}

/// A node whose anchor may still come.
#[derive(Clone, Copy)]
pub(super) enum LastNode {
    Key(usize),
    Entry(ContainerId, usize),
    Opened(ContainerId),
}

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut builder = Self { text, ..Self::default() };
        builder.site.line_break = match text.find('\n') {
            Some(at) if at > 0 && text.as_bytes()[at - 1] == b'\r' => "\r\n",
            _ => "\n",
        };
        builder
    }

    pub(super) fn document_start(&mut self, explicit: bool, at: usize) -> Result<(), ParseError> {
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

    pub(super) fn document_end(&mut self, range: Range<usize>) -> Result<(), ParseError> {
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

    pub(super) fn open(
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
        self.open_anchors.push(anchor);
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

    pub(super) fn close(&mut self, range: Range<usize>) -> Result<(), ParseError> {
        self.last = None;
        let Some(id) = self.stack.pop() else { return Ok(()) };
        self.keys.pop();
        let last_slot = self.site.slots.len() as u32;
        let anchor = self.open_anchors.pop().unwrap_or_default();
        if let Some(anchored) = self.anchors.get_mut(&anchor)
            && anchored.target == ValueSite::Container(id)
        {
            anchored.slots.end = last_slot;
            anchored.open = false;
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
        let problem = Problem::DuplicateKey { key, first_line };
        Err(self.error_in(Some(id), container.entries[pair[1]].start, problem))
    }

    fn expects_key(&self) -> bool {
        match (self.stack.last(), self.keys.last()) {
            (Some(id), Some(None)) => !self.site.containers[*id as usize].list,
            _ => false,
        }
    }

    pub(super) fn scalar(&mut self, scalar: Scalar<'_>, anchor: usize) -> Result<(), ParseError> {
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

    pub(super) fn alias(&mut self, id: usize, range: Range<usize>) -> Result<(), ParseError> {
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
    pub(super) fn anchor_at(&mut self, start: usize) {
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

    /// An error in the innermost container that is open, at the value of the key that waits.
    pub(super) fn error(&self, offset: usize, problem: Problem) -> ParseError {
        let mut error = self.error_in(self.stack.last().copied(), offset, problem);
        if let Some(Some(pending)) = self.keys.last() {
            error.path.0.push(Step::Key(pending.key.clone()));
        }
        error
    }

    fn error_in(&self, id: Option<ContainerId>, offset: usize, problem: Problem) -> ParseError {
        let mut error = error_at(self.text, offset, problem);
        let mut place = id.and_then(|id| self.site.containers[id as usize].parent);
        while let Some((id, index)) = place {
            let key = self.raw[id as usize].get(index as usize).and_then(|entry| entry.key.clone());
            error = error.below(key.map_or(Step::Index(index as usize), Step::Key));
            place = self.site.containers[id as usize].parent;
        }
        error
    }
}

/// The `?` before an explicit first key, which the parser's span leaves out.
pub(super) fn explicit_key_mark(text: &str, key: usize) -> Option<usize> {
    let before = text[..key].trim_end_matches([' ', '\t']);
    let mark = before.strip_suffix('?')?;
    (before.len() < key && (mark.is_empty() || mark.ends_with([' ', '\n', '-'])))
        .then_some(mark.len())
}
