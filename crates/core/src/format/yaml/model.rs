//! Where things stand in a YAML text: what parsing leaves behind beside the tree.

use std::ops::Range;

/// A place in the text, as a number into [`Site::slots`].
pub(super) type SlotId = u32;
/// A mapping or list, as a number into [`Site::containers`].
pub(super) type ContainerId = u32;

/// Everything that is known about a text's places.
#[derive(Debug, Default)]
pub(super) struct Site {
    pub(super) slots: Vec<Slot>,
    pub(super) blocks: Vec<BlockScalar>,
    pub(super) containers: Vec<Container>,
    pub(super) aliases: Vec<AliasSite>,
    pub(super) documents: Vec<Frame>,
    /// `\r\n` if the text's first line ends so, else `\n`.
    pub(super) line_break: &'static str,
    /// Blanks per level, as the author uses them; `None` in a text without nesting.
    pub(super) step: Option<usize>,
}

/// A scalar or a comment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// First byte of the value, its quote included; its tag and anchor are not.
    pub(super) start: u32,
    /// The byte behind it.
    pub(super) end: u32,
    /// First byte of the tag; equal to `start` without a tag.
    pub(super) tag: u32,
    pub(super) shape: Shape,
    /// Inside `[…]` or `{…}`.
    pub(super) flow: bool,
    /// Column of the entries of the mapping or list it stands in.
    pub(super) column: u16,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Not at all: an empty node.
    Absent,
    /// Without quotes.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|` or `>`; the number leads into [`Site::blocks`]. The slot is its content, from the
    /// line behind the header to the end of its last line, line break included.
    Block(u32),
    /// A comment; the slot is the text behind `#`.
    Comment,
    /// `*name`; the number leads into [`Site::aliases`].
    Alias(u32),
}

/// A literal or folded scalar.
#[derive(Clone, Debug)]
pub(super) struct BlockScalar {
    /// `|`, `>` with their indicators.
    pub(super) header: Range<usize>,
    /// Blanks before each line of content.
    pub(super) indent: usize,
    /// The header says how deep the content is indented.
    pub(super) explicit: bool,
    pub(super) folded: bool,
    pub(super) chomp: Chomp,
    /// The content ends with the text, without a line break.
    pub(super) open_ended: bool,
}

/// What becomes of the line breaks at the end of a block scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chomp {
    /// One is kept.
    Clip,
    /// None (`-`).
    Strip,
    /// All (`+`).
    Keep,
}

/// A mapping or a list.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) list: bool,
    pub(super) flow: bool,
    /// Column of the keys or dashes; meaningless in flow style.
    pub(super) column: usize,
    /// First byte: the bracket, the first key or dash.
    pub(super) start: usize,
    /// The byte behind the bracket or the last value.
    pub(super) end: usize,
    /// The container it stands in, and as which entry.
    pub(super) parent: Option<(ContainerId, u32)>,
    pub(super) entries: Vec<EntrySite>,
    pub(super) document: u32,
}

/// A pair or an item.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntrySite {
    /// First byte of the key with its properties, or the dash; in a flow list, of the value.
    pub(super) start: usize,
    /// First byte behind `key:` or `-`; in flow style, of the value.
    pub(super) after_indicator: usize,
    pub(super) value: ValueSite,
    /// The byte behind the value (behind its last line break for block scalars).
    pub(super) end: usize,
}

/// What an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ValueSite {
    Leaf(SlotId),
    Container(ContainerId),
    Alias(SlotId),
}

/// An alias and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct AliasSite {
    pub(super) slot: SlotId,
    pub(super) target: ValueSite,
    /// The slots of the anchored node.
    pub(super) slots: Range<u32>,
}

/// One document.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Where the document begins; the first one at 0.
    pub(super) start: usize,
    /// Its root. An empty document has one too, without entries.
    pub(super) root: ContainerId,
    /// The root is not written anywhere.
    pub(super) empty: bool,
    /// Where something can be appended: before the next marker, or at the end of the text.
    pub(super) end: usize,
    /// Which entry of the root is the metadata.
    pub(super) metadata: Option<u32>,
}
