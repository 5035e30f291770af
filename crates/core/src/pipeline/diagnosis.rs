//! What most likely happened to a document whose MAC differs (format §2).
//!
//! The MAC is a hash over the values in order. Nothing can be read from it, but a guess can be
//! tried: with these two values exchanged, without that one, does the hash come out? So each
//! guess costs one hash over what comes behind the first difference, and all of them together get
//! a fixed amount of work (`BUDGET` in `search.rs`): small documents are searched thoroughly, large ones for
//! what is likeliest, none for longer than a moment.
//!
//! A guess that matches is certain, as far as SHA-512 is. What no guess explains is told by what
//! can be seen: values in clear, empty ones where the rule wants sealed ones, keys in order.

use std::collections::HashMap;
use std::ops::Range;

use super::{
    pieces::Piece,
    search::{Part, Search},
};
use crate::{
    crypto::{MacScope, SecretBytes},
    format::{self, EmitOptions, Format, Layout},
    tree::{Node, Path, Step, Value},
};

/// What most likely happened. Holds no value and no hash of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diagnosis {
    /// With these two exchanged the MAC matches.
    Swapped(Spot, Spot),
    /// With this at another place of its mapping or list the MAC matches.
    Moved {
        /// What was moved.
        what: Spot,
        /// What stood behind it; `None`: it stood last.
        before: Option<Spot>,
    },
    /// With the keys of each mapping in the order of their names, which they are not in now, the
    /// MAC matches.
    WasSorted,
    /// Without this the MAC matches.
    Added(Spot),
    /// Without the second the MAC matches, and it has path and value of the first.
    Copied(Spot, Spot),
    /// With these values in clear as text, or as what the text spells, the MAC matches.
    Retyped {
        /// The first few.
        spots: Vec<Spot>,
        /// How many there are in all.
        count: usize,
        /// Whether they have become text; else they were text before.
        is_text: bool,
    },
    /// None of these.
    Unknown {
        /// Values in clear that the MAC covers: only these can have been edited without the key.
        clear: Spots,
        /// Empty values that the rule selects: they cannot be told from ones that were emptied.
        empty: Spots,
        /// Whether all keys stand in the order of their names, as after a tool that sorts them.
        sorted: bool,
    },
}

/// Some places, the first few of them by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spots {
    /// The first few.
    pub named: Vec<Spot>,
    /// How many there are in all.
    pub count: usize,
}

/// A place in a document: a value, or the mapping or list at this path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The key path; empty for a whole document.
    pub path: Path,
    /// The line, from 1, where its (first) value begins, if that is known.
    pub line: Option<usize>,
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.0.is_empty() {
            f.write_str("the document")?;
        }
        match self.line {
            Some(line) => write!(f, "{} (line {line})", self.path),
            None => write!(f, "{}", self.path),
        }
    }
}

/// Places that are named.
const NAMED: usize = 5;
/// Longest text that is taken for a number, a boolean or a date.
const LONGEST_TYPED: usize = 40;

/// Looks for the one change that explains a mismatch.
pub(super) fn diagnose(
    expected: &SecretBytes,
    scope: MacScope,
    format: Format,
    pieces: &[Piece],
    layout: &dyn Layout,
) -> Diagnosis {
    let covered = |piece: &&Piece| piece.selected || scope == MacScope::Everything;
    let values: Vec<&Piece> = pieces.iter().filter(covered).collect();
    let values: Vec<&Piece> =
        values.into_iter().filter(|piece| !piece.value.canonical().is_empty()).collect();
    let mut search = Search::new(expected, scope, &values);
    let places = Places { values: &values, layout };
    let groups = groups(&values);

    let by_name = by_name(&values);
    let sorted = by_name.windows(2).all(|two| two[0] < two[1]);
    let parts: Vec<_> = by_name.iter().map(|at| Part::Values(*at..*at + 1)).collect();
    if !sorted && search.finds(&parts) {
        return Diagnosis::WasSorted;
    }
    retyped(&mut search, &places, format)
        .or_else(|| added(&mut search, &places, &groups))
        .or_else(|| reordered(&mut search, &places, &groups))
        .unwrap_or_else(|| {
            let clear = values.iter().filter(|piece| !piece.selected).copied();
            let empty = |piece: &&Piece| piece.selected && piece.value.canonical().is_empty();
            Diagnosis::Unknown {
                clear: places.some(clear),
                empty: places.some(pieces.iter().filter(empty)),
                sorted: sorted && values.len() > 3,
            }
        })
}

/// One member of a mapping or list: its values stand together.
#[derive(Clone, Debug)]
struct Child {
    values: Range<usize>,
    /// How many steps of their paths lead to it.
    depth: usize,
}

/// From values to what people call their places.
struct Places<'a> {
    values: &'a [&'a Piece],
    layout: &'a dyn Layout,
}

impl Places<'_> {
    fn of(&self, child: &Child) -> Spot {
        let first = self.values[child.values.start];
        let path = Path(first.path.0[..child.depth.min(first.path.0.len())].to_vec());
        Spot { path, line: self.layout.line(first.mark) }
    }

    fn spot(&self, piece: &Piece) -> Spot {
        Spot { path: piece.path.clone(), line: self.layout.line(piece.mark) }
    }

    fn some<'p>(&self, pieces: impl Iterator<Item = &'p Piece>) -> Spots {
        let mut spots = Spots::default();
        for piece in pieces {
            if spots.count < NAMED {
                spots.named.push(self.spot(piece));
            }
            spots.count += 1;
        }
        spots
    }
}

/// The members of each mapping and list, outer ones first: of those with more than one.
fn groups(values: &[&Piece]) -> Vec<Vec<Child>> {
    let mut groups = Vec::new();
    let mut level = vec![Child { values: 0..values.len(), depth: 0 }];
    // The documents themselves, then what is in them.
    let mut children = runs(&level[0].values, |a, b| values[a].document == values[b].document, 0);
    while !level.is_empty() {
        if children.len() > 1 {
            groups.push(std::mem::take(&mut children));
        }
        let mut next = Vec::new();
        for child in &level {
            let depth = child.depth;
            let inner = |at: usize| values[at].path.0.get(depth);
            // A value has no members; a key that stands there twice makes two.
            let same = |a: usize, b: usize| {
                values[a].document == values[b].document
                    && inner(a) == inner(b)
                    && values[b].path.0.len() > depth + 1
            };
            if values.get(child.values.start).is_none_or(|piece| piece.path.0.len() <= depth) {
                continue;
            }
            let members = runs(&child.values, same, depth + 1);
            next.extend(members.iter().cloned());
            if members.len() > 1 {
                groups.push(members);
            }
        }
        level = next;
    }
    groups
}

/// Neighbours that are the same in some way, together.
fn runs(values: &Range<usize>, same: impl Fn(usize, usize) -> bool, depth: usize) -> Vec<Child> {
    let mut children = Vec::new();
    let mut start = values.start;
    for at in values.clone().skip(1) {
        if !same(at - 1, at) {
            children.push(Child { values: start..at, depth });
            start = at;
        }
    }
    if start < values.end {
        children.push(Child { values: start..values.end, depth });
    }
    children
}

/// The values in the order that they have when keys are sorted by name.
fn by_name(values: &[&Piece]) -> Vec<usize> {
    fn order(step: &Step) -> (Option<usize>, Option<&str>) {
        match step {
            Step::Key(key) => (None, Some(key)),
            Step::Index(index) => (Some(*index), None),
        }
    }
    let mut order_of: Vec<usize> = (0..values.len()).collect();
    order_of.sort_by(|a, b| {
        let (a, b) = (values[*a], values[*b]);
        let paths = a.path.0.iter().map(order).cmp(b.path.0.iter().map(order));
        a.document.cmp(&b.document).then(paths)
    });
    order_of
}

/// Values in clear that became text, or that were text before.
fn retyped(search: &mut Search<'_>, places: &Places<'_>, format: Format) -> Option<Diagnosis> {
    for is_text in [true, false] {
        let other = |piece: &Piece| match (is_text, &piece.value) {
            _ if piece.selected => None,
            (true, Value::Text(text)) => as_typed(text),
            (true, _) | (false, Value::Text(_)) => None,
            (false, value) => as_text(value, places.layout, piece, format),
        };
        let mut others: Vec<(usize, SecretBytes)> = Vec::new();
        for (at, piece) in places.values.iter().enumerate() {
            others.extend(
                other(piece)
                    .filter(|other| other.expose() != piece.value.canonical().expose())
                    .map(|o| (at, o)),
            );
        }
        let (Some((first, _)), end) = (others.first(), search.count()) else { continue };
        let mut parts = vec![Part::Values(0..*first)];
        for (position, (at, other)) in others.iter().enumerate() {
            let next = others.get(position + 1).map_or(end, |(next, _)| *next);
            parts.extend([Part::Other(other.expose()), Part::Values(at + 1..next)]);
        }
        let found = |which: &[(usize, SecretBytes)]| {
            let spots = places.some(which.iter().map(|(at, _)| places.values[*at]));
            Diagnosis::Retyped { spots: spots.named, count: spots.count, is_text }
        };
        if search.finds(&parts) {
            return Some(found(&others));
        }
        search.allow(10);
        for position in 0..others.len() {
            let (at, other) = &others[position];
            let other = Part::Other(other.expose());
            if search.matches(&[Part::Values(0..*at), other, Part::Values(at + 1..end)]) {
                return Some(found(&others[position..=position]));
            }
        }
    }
    None
}

/// The value that a text spells without its quotes.
fn as_typed(text: &SecretBytes) -> Option<SecretBytes> {
    let bytes = text.expose();
    let may_begin = |byte: &u8| byte.is_ascii_digit() || b"+-.tTfFnN".contains(byte);
    if bytes.len() > LONGEST_TYPED || !bytes.first().is_some_and(may_begin) {
        return None;
    }
    let mut line = SecretBytes::from("a: ");
    line.expose_mut().extend_from_slice(bytes);
    let parsed = format::parse(Format::Yaml, line).ok()?;
    match parsed.tree.documents.first()?.get("a")? {
        Node::Leaf(leaf) if !matches!(leaf.value, Value::Text(_)) => {
            Some(leaf.value.canonical().into())
        }
        _ => None,
    }
}

/// The text that a value is written as.
fn as_text(
    value: &Value,
    layout: &dyn Layout,
    piece: &Piece,
    format: Format,
) -> Option<SecretBytes> {
    if let Some(spelling) = layout.spelling(piece.mark, value) {
        return Some(spelling);
    }
    let node = Node::from(value.clone());
    let text = format::emit_node(format, &node, &EmitOptions { indent: None }).ok()?;
    Some(SecretBytes::from(text.expose().trim_ascii_end()))
}

/// Values that were not there.
fn added(search: &mut Search<'_>, places: &Places<'_>, groups: &[Vec<Child>]) -> Option<Diagnosis> {
    let values = places.values;
    // Only where a path has several values can a token have been copied: items of lists share one.
    let mut seen: HashMap<(String, SecretBytes), usize> = HashMap::new();
    let mut twins = Vec::new();
    for (at, piece) in values.iter().enumerate() {
        let key = (keys(&piece.path), SecretBytes::from(piece.value.canonical()));
        match seen.get(&key) {
            Some(first) => twins.push((*first, at)),
            None => drop(seen.insert(key, at)),
        }
    }
    search.allow(20);
    for (first, second) in twins {
        for (copy, of) in [(second, first), (first, second)] {
            if search.without(&(copy..copy + 1)) {
                let spot = |at: usize| places.spot(values[at]);
                return Some(Diagnosis::Copied(spot(of), spot(copy)));
            }
        }
    }
    search.allow(20);
    for (at, piece) in values.iter().enumerate() {
        if !piece.selected && search.without(&(at..at + 1)) {
            return Some(Diagnosis::Added(places.spot(piece)));
        }
    }
    search.allow(20);
    let children = groups.iter().flatten();
    for child in children.filter(|child| child.values.len() < values.len()) {
        if search.without(&child.values) {
            return Some(Diagnosis::Added(places.of(child)));
        }
    }
    None
}

/// The keys of a path in one text, each with its length: what tokens are bound to, and more.
fn keys(path: &Path) -> String {
    let keys = path.0.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key),
        Step::Index(_) => None,
    });
    keys.fold(String::new(), |text, key| format!("{text}{}:{key}", key.len()))
}

/// Members of a mapping or list at other places than they were.
fn reordered(
    search: &mut Search<'_>,
    places: &Places<'_>,
    groups: &[Vec<Child>],
) -> Option<Diagnosis> {
    search.allow(15);
    let exchanged = |search: &mut Search<'_>, group: &[Child], a: usize, b: usize| {
        let (a, b) = (&group[a], &group[b]);
        search
            .exchanged(&a.values, &b.values)
            .then(|| Diagnosis::Swapped(places.of(a), places.of(b)))
    };
    for group in groups {
        for at in 1..group.len() {
            if let Some(found) = exchanged(search, group, at - 1, at) {
                return Some(found);
            }
        }
    }
    search.allow(30);
    for group in groups {
        for (a, b) in pairs(group.len()).filter(|(a, b)| b - a > 1) {
            if search.is_over() {
                return None;
            }
            if let Some(found) = exchanged(search, group, a, b) {
                return Some(found);
            }
            let (first, last) = (&group[a], &group[b]);
            let (what, before) = if search.moved(&last.values, first.values.start) {
                (last, Some(first))
            } else if search.moved(&first.values, last.values.end) {
                (first, group.get(b + 1))
            } else {
                continue;
            };
            let before = before.map(|child| places.of(child));
            return Some(Diagnosis::Moved { what: places.of(what), before });
        }
    }
    None
}

/// All pairs below `count`, the nearest first.
fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (1..count).flat_map(move |far| (0..count - far).map(move |at| (at, at + far)))
}
