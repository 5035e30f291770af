//! Setting and removing a node in a JSON text, with as little change as possible (CLI §3.4).

use super::{
    super::{
        EmitError, Format, Output,
        layout::{Edit, Refusal, splice},
    },
    layout::{JsonLayout, key_is, member_with_comma},
    scan::{Member, members},
    style::Surroundings,
    write,
};
use crate::{
    crypto::SecretBytes,
    tree::{List, Mapping, Node, Path, Step},
};

/// The text in which the node at `path` is `value`.
pub(super) fn put(layout: &JsonLayout, path: &Path, value: &Node) -> Result<Output, EmitError> {
    let source = layout.source.expose();
    if path.0.first() == Some(&Step::Key("sops".to_owned())) {
        return Err(EmitError::Reserved { key: "sops".to_owned(), document: 1 });
    }
    let edit = find(layout, &path.0).and_then(|found| match found {
        Found::Root(document) => whole(layout, &document, value),
        Found::Value { container, index, rest } => {
            let around = container.around(layout, index);
            let mut text = Vec::new();
            write::node(&mut text, &nest(rest, value), &around.style, &around.margin)?;
            Ok(Edit::new(container.members[index].value.clone(), SecretBytes::new(text)))
        }
        Found::Missing { container, step, rest } => {
            add(layout, &container, step, &nest(rest, value))
        }
    });
    Ok(splice(source, vec![edit.map_err(|refusal| refused(refusal, path))?]))
}

/// The text without the node at `path`.
pub(super) fn remove(layout: &JsonLayout, path: &Path) -> Result<Output, EmitError> {
    let found = find(layout, &path.0).map_err(|refusal| refused(refusal, path))?;
    let Found::Value { container, index, rest: [] } = found else {
        return Err(refused(Refusal::of("a removal of what is not there"), path));
    };
    let range = match container.members.len() {
        1 => container.open + 1..container.close,
        _ => member_with_comma(&container.members, index),
    };
    Ok(splice(layout.source.expose(), vec![Edit::new(range, "")]))
}

fn refused(mut refusal: Refusal, path: &Path) -> EmitError {
    for step in path.0.iter().rev() {
        refusal = refusal.below(step.clone());
    }
    refusal.into_error(Format::Json)
}

struct Container {
    open: usize,
    close: usize,
    members: Vec<Member>,
}

impl Container {
    fn at(source: &[u8], open: usize) -> Self {
        let (members, close) = members(source, open);
        Self { open, close, members }
    }

    fn around(&self, layout: &JsonLayout, index: usize) -> Surroundings {
        let source = layout.source.expose();
        Surroundings::of(source, layout.open, self.open, &self.members, self.close, index)
    }
}

/// Where a path leads.
enum Found<'p> {
    /// To the document itself.
    Root(Container),
    /// To a value; a scalar if there is a rest that it is in the way of.
    Value { container: Container, index: usize, rest: &'p [Step] },
    /// To a container in which the step is missing.
    Missing { container: Container, step: &'p Step, rest: &'p [Step] },
}

fn find<'p>(layout: &JsonLayout, path: &'p [Step]) -> Result<Found<'p>, Refusal> {
    let source = layout.source.expose();
    let mut container = Container::at(source, layout.open);
    let mut rest = path;
    while let Some((step, below)) = rest.split_first() {
        let index = match (step, source[container.open]) {
            (Step::Key(key), b'{') => {
                container.members.iter().position(|member| key_is(source, member, key))
            }
            (Step::Index(index), b'[') => (*index < container.members.len()).then_some(*index),
            (Step::Key(_), _) => return Err(Refusal::of("a key in a list")),
            (Step::Index(_), _) => return Err(Refusal::of("a position in a mapping")),
        };
        let Some(index) = index else {
            return Ok(Found::Missing { container, step, rest: below });
        };
        let value = container.members[index].value.start;
        if below.is_empty() || !matches!(source[value], b'{' | b'[') {
            return Ok(Found::Value { container, index, rest: below });
        }
        container = Container::at(source, value);
        rest = below;
    }
    Ok(Found::Root(container))
}

/// The node in the containers that the path still wants around it.
fn nest(rest: &[Step], value: &Node) -> Node {
    rest.iter().rev().fold(value.clone(), |inner, step| match step {
        Step::Key(key) => {
            let mut mapping = Mapping::default();
            mapping.push(key.clone(), inner);
            mapping.into()
        }
        Step::Index(_) => {
            let mut list = List::default();
            list.push(inner);
            list.into()
        }
    })
}

/// Another document in the place of the whole one.
fn whole(
    layout: &JsonLayout,
    document: &Container,
    value: &Node,
) -> Result<Edit<'static>, Refusal> {
    let Node::Map(mapping) = value else {
        return Err(Refusal::of("a document that is no mapping"));
    };
    let around = document.around(layout, document.members.len().saturating_sub(1));
    let mut text = Vec::new();
    write::mapping(&mut text, &[mapping], &around.style, "")?;
    Ok(Edit::new(document.open..document.close + 1, SecretBytes::new(text)))
}

/// Adds a member behind the last one.
fn add(
    layout: &JsonLayout,
    container: &Container,
    step: &Step,
    value: &Node,
) -> Result<Edit<'static>, Refusal> {
    let last = container.members.len().checked_sub(1);
    let around = container.around(layout, last.unwrap_or(0));
    let mut text = Vec::new();
    let (lead, tail) = match last {
        Some(_) => (around.separator(), String::new()),
        None => around.opened(),
    };
    text.extend_from_slice(lead.as_bytes());
    if let Step::Key(key) = step {
        write::string(&mut text, key);
        text.extend_from_slice(around.style.colon.as_bytes());
    }
    write::node(&mut text, value, &around.style, &around.margin)?;
    text.extend_from_slice(tail.as_bytes());
    let range = match last {
        Some(last) => {
            let end = container.members[last].value.end;
            end..end
        }
        None => container.open + 1..container.close,
    };
    Ok(Edit::new(range, SecretBytes::new(text)))
}
