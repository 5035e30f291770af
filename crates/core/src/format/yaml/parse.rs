//! YAML text to tree and places.
//!
//! Events come from `granit-parser`, whose spans are exact to the byte, or, for what nearly all of a
//! secret file consists of, from `lines.rs`. They are gathered into containers by number, since
//! comments find their container only when all entries are known (`comments.rs`); the tree is put
//! together at the end.

use std::{collections::HashMap, ops::Range};

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use super::{
    super::{ParseError, Problem, Section, SectionError, layout::line_and_column},
    assemble::{RawEntry, RawValue, assemble},
    block,
    comments::{self, RawComment},
    lines::{self, LineEvent, Lines},
    model::{
        AliasSite, Container, ContainerId, EntrySite, Frame, Shape, Site, Slot, SlotId, ValueSite,
    },
    typed::{Scalar, what},
};
use crate::{
    crypto::Envelope,
    tree::{Comment, CommentForm, Entry, Item, List, MAX_DEPTH, Mapping, Node, Step, Tree, Value},
};

/// A text, read.
pub(super) struct Read {
    pub(super) tree: Tree,
    pub(super) section: Section,
    pub(super) site: Site,
}

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Read, ParseError> {
    if text.contains('\r') {
        refuse_lone_returns(text)?;
    }
    // What is wrong with a text is said by the parser, once, whichever part of it is read how.
    by_lines(text).map_or_else(|| by_parser(text), Ok)
}

/// A carriage return alone is a line break that hardly any reader takes for one any more.
fn refuse_lone_returns(text: &str) -> Result<(), ParseError> {
    let lone = |at: &usize| text.as_bytes().get(at + 1) != Some(&b'\n');
    match text.match_indices('\r').map(|(at, _)| at).find(lone) {
        Some(at) => {
            let problem = "a carriage return without a line feed behind it".to_owned();
            Err(error_at(text, at, Problem::Syntax(problem)))
        }
        None => Ok(()),
    }
}

/// Reads all of a text with the parser.
pub(super) fn by_parser(text: &str) -> Result<Read, ParseError> {
    let mut builder = Builder::new(text);
    for event in parser(text) {
        let (event, span) = event.map_err(|error| builder.syntax(&error))?;
        builder.event(event, &Place::of(&span, 0))?;
    }
    builder.finish()
}

fn parser(text: &str) -> Parser<'_, granit_parser::StrInput<'_>> {
    let options = granit_parser::options! {
        max_buffered_comment_events: usize::MAX,
        simple_key_max_lookahead: usize::MAX,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
        emit_anchor_events: true,
    };
    Parser::new_from_str_with_options(text, options)
}

/// Reads a text of one document entry by entry: line by line where that is possible, and with the
/// parser between. `None` if it has to be read as a whole, or is not valid.
pub(super) fn by_lines(text: &str) -> Option<Read> {
    let marked = if text.starts_with(DOCUMENT_MARK) { DOCUMENT_MARK.len() } else { 0 };
    if !lines::is_ordinary(text, marked) {
        return None;
    }
    let mut builder = Builder::new(text);
    let mut lines = Lines::new(text);
    let mut events = Vec::new();
    let first = lines.between(marked, &mut events)?;
    if first == text.len() {
        return None;
    }
    builder.document_start(marked > 0, 0).ok()?;
    builder.open(false, false, None, first, 0, 0).ok()?;
    builder.line_events(&mut events)?;
    let (mut at, mut unknown) = (first, None);
    while at < text.len() {
        match lines.entry(at, &mut events) {
            Some(next) => {
                builder.entries(unknown.take().map(|from| from..at))?;
                builder.line_events(&mut events)?;
                at = next;
            }
            None => {
                events.clear();
                unknown.get_or_insert(at);
                at = lines::next_entry(text, at);
            }
        }
    }
    builder.entries(unknown.map(|from| from..at))?;
    builder.close(at..at).ok()?;
    builder.document_end(at..at).ok()?;
    builder.finish().ok()
}

/// What may stand before a document.
const DOCUMENT_MARK: &str = "---\n";

/// Where an event stands in the text.
struct Place {
    range: Range<usize>,
    /// The first byte of its tag.
    tag: Option<usize>,
    /// Characters before it on its line.
    column: usize,
}

impl Place {
    /// The place of a span in a part of the text that begins at `offset`.
    fn of(span: &Span, offset: usize) -> Self {
        let range = span.byte_range().unwrap_or(0..0);
        let tag = span.tag_span().and_then(|tag| tag.byte_range()).map(|tag| offset + tag.start);
        Self { range: offset + range.start..offset + range.end, tag, column: span.start.col() }
    }
}

/// A key that waits for its value.
struct PendingKey {
    key: String,
    start: usize,
    end: usize,
}

struct Anchored {
    target: ValueSite,
    slots: Range<u32>,
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
    /// The anchors of the containers in `stack`; 0 for one without.
    open_anchors: Vec<usize>,
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
    fn new(text: &'a str) -> Self {
        let mut builder = Self { text, ..Self::default() };
        builder.site.line_break = match text.find('\n') {
            Some(at) if at > 0 && text.as_bytes()[at - 1] == b'\r' => "\r\n",
            _ => "\n",
        };
        builder
    }

    fn event(&mut self, event: Event<'a>, place: &Place) -> Result<(), ParseError> {
        let range = place.range.clone();
        match event {
            Event::DocumentStart(explicit, _) => self.document_start(explicit, range.start),
            Event::DocumentEnd => self.document_end(range),
            Event::Scalar(text, style, anchor, tag) => {
                let start = place.tag.map_or(range.start, |tag| tag.min(range.start));
                let kind = Scalar { text, style, tag: tag.as_deref(), start, range };
                self.scalar(kind, anchor)
            }
            Event::MappingStart(style, anchor, _) => {
                let flow = matches!(style, StructureStyle::Flow);
                self.open(false, flow, place.tag, range.start, place.column, anchor)
            }
            Event::SequenceStart(style, anchor, _) => {
                let flow = matches!(style, StructureStyle::Flow);
                self.open(true, flow, place.tag, range.start, place.column, anchor)
            }
            Event::MappingEnd | Event::SequenceEnd => self.close(range),
            Event::Alias(id) => self.alias(id, range),
            Event::Anchor(..) => {
                self.anchor_at(range.start);
                Ok(())
            }
            Event::Comment(..) => {
                self.comments.push(RawComment { range });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Takes the events of lines.
    fn line_events(&mut self, events: &mut Vec<LineEvent<'a>>) -> Option<()> {
        for event in events.drain(..) {
            match event {
                LineEvent::Mapping { start, column } => {
                    self.open(false, false, None, start, column, 0).ok()?;
                }
                LineEvent::List { start, column } => {
                    self.open(true, false, None, start, column, 0).ok()?;
                }
                LineEvent::End => self.close(0..0).ok()?,
                LineEvent::Scalar { text, style, range } => {
                    let start = range.start;
                    self.scalar(Scalar { text, style, tag: None, start, range }, 0).ok()?;
                }
                LineEvent::Comment { range } => self.comments.push(RawComment { range }),
            }
        }
        Some(())
    }

    /// Lets the parser read some entries of the top-level mapping, which is open. Anchors are known
    /// only where all of the text is read at once.
    fn entries(&mut self, part: Option<Range<usize>>) -> Option<()> {
        let Some(part) = part else { return Some(()) };
        let text: &'a str = self.text;
        let (mut documents, mut depth) = (0, 0);
        for event in parser(&text[part.clone()]) {
            let (event, span) = event.ok()?;
            let place = Place::of(&span, part.start);
            match &event {
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
                Event::DocumentStart(explicit, _) if documents == 0 && !explicit => {
                    documents = 1;
                    continue;
                }
                Event::MappingStart(style, 0, None) if depth == 0 && documents == 1 => {
                    if matches!(style, StructureStyle::Flow) || place.column > 0 {
                        return None;
                    }
                    (documents, depth) = (2, 1);
                    continue;
                }
                Event::Comment(..) => {}
                Event::Alias(_) | Event::Anchor(..) => return None,
                _ if depth == 0 => return None,
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => {
                    depth -= 1;
                    if depth == 0 {
                        continue;
                    }
                }
                _ => {}
            }
            self.event(event, &place).ok()?;
        }
        (depth == 0 && documents == 2).then_some(())
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

    fn document_end(&mut self, range: Range<usize>) -> Result<(), ParseError> {
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

    fn close(&mut self, range: Range<usize>) -> Result<(), ParseError> {
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
                    // Without a line break at the end there is none to keep, as libyaml has it.
                    while text.expose().last() == Some(&b'\n') {
                        text.expose_mut().pop();
                    }
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

    fn alias(&mut self, id: usize, range: Range<usize>) -> Result<(), ParseError> {
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

    /// An error in the innermost container that is open, at the value of the key that waits.
    fn error(&self, offset: usize, problem: Problem) -> ParseError {
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

    fn syntax(&self, error: &granit_parser::ScanError) -> ParseError {
        let offset = error.marker().byte_offset().unwrap_or(0);
        let kind = format!("{:?}", error.kind());
        let nested = ["Nesting", "RecursionLimit"].iter().any(|word| kind.contains(word));
        let problem = if nested {
            Problem::TooDeep { limit: MAX_DEPTH }
        } else {
            Problem::Syntax(error.info().to_owned())
        };
        // The parser reads ahead of its events, so the container that is open may not be the one.
        error_at(self.text, offset, problem)
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
pub(super) fn explicit_key_mark(text: &str, key: usize) -> Option<usize> {
    let before = text[..key].trim_end_matches([' ', '\t']);
    let mark = before.strip_suffix('?')?;
    (before.len() < key && (mark.is_empty() || mark.ends_with([' ', '\n', '-'])))
        .then_some(mark.len())
}

/// An error at a byte offset.
pub(super) fn error_at(text: &str, offset: usize, problem: Problem) -> ParseError {
    let (line, column) = line_and_column(text.as_bytes(), offset);
    ParseError::new((line, column), problem)
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
