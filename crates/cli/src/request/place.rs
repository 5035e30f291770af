//! The path that `set` and `unset` work on, looked at before anything is changed.

use sops_core::{
    crypto::Envelope,
    format::Format,
    tree::{Mapping, Node, Path, Step},
};

use crate::{
    failure::{Failure, reading},
    status::Status,
};

/// Reads a path; `command` is `set` or `unset`.
pub(crate) fn path(text: &str, command: &str) -> Result<Path, Failure> {
    let refused = |why: String| {
        Failure::new(Status::InvalidSetFormat, format!("Invalid {command} index format"))
            .hint(why)
            .hint("write it as [\"key\"][0][\"other key\"]")
    };
    let path = Path::parse(text).map_err(|error| refused(error.to_string()))?;
    if path.0.is_empty() {
        return Err(refused("the path is empty".to_owned()));
    }
    Ok(path)
}

/// Refuses a path that leads where the metadata stands.
pub(crate) fn demand_free(path: &Path, format: Format) -> Result<(), Failure> {
    let taken = match (path.0.first(), format) {
        (Some(Step::Key(key)), Format::Dotenv) => key.starts_with("sops_"),
        (Some(Step::Key(key)), _) => key == "sops",
        _ => false,
    };
    if taken { Err(reading::already_encrypted()) } else { Ok(()) }
}

/// Refuses positions in mappings and keys in lists: SOPS ignores the one and crashes on the other.
pub(crate) fn demand_fitting(root: Option<&Mapping>, path: &Path) -> Result<(), Failure> {
    let wrong = |step: &Step, there: &str| {
        let problem = format!("{step} does not fit: there is {there} at this place of {path}");
        Err(Failure::new(Status::InvalidSetFormat, problem).at_path(path))
    };
    let Some(root) = root else { return Ok(()) };
    let mut steps = path.0.iter();
    let mut node = match steps.next() {
        Some(Step::Key(key)) => root.get(key),
        Some(step @ Step::Index(_)) => return wrong(step, "a mapping"),
        None => None,
    };
    for step in steps {
        node = match (step, node) {
            (_, None) => return Ok(()),
            (Step::Index(_), Some(Node::Map(_))) => return wrong(step, "a mapping"),
            (Step::Key(_), Some(Node::List(_))) => return wrong(step, "a list"),
            (Step::Key(key), Some(Node::Map(mapping))) => mapping.get(key),
            (Step::Index(at), Some(Node::List(list))) => list.values().nth(*at),
            // A scalar in the way is replaced (CLI §3.4).
            (_, Some(Node::Leaf(_))) => return Ok(()),
        };
    }
    Ok(())
}

/// What stands at a path of a document, or why nothing does.
pub(crate) fn find<'t>(root: Option<&'t Mapping>, path: &Path) -> Result<&'t Node, Failure> {
    walk(root, path).map_err(|failure| failure.at_path(path))
}

fn walk<'t>(root: Option<&'t Mapping>, path: &Path) -> Result<&'t Node, Failure> {
    let not_found = |step: &Step| {
        Failure::generic(match step {
            Step::Key(key) => format!("Key not found: {key}"),
            Step::Index(at) => format!("Index {at} out of bounds"),
        })
    };
    let mut steps = path.0.iter();
    let mut node = match (steps.next(), root) {
        (Some(step @ Step::Key(key)), Some(root)) => {
            root.get(key).ok_or_else(|| not_found(step))?
        }
        (Some(Step::Index(at)), _) => return Err(Failure::generic(format!("Key not found: {at}"))),
        _ => return Err(Failure::generic("Key not found")),
    };
    for step in steps {
        node = match (step, node) {
            (Step::Key(key), Node::Map(mapping)) => {
                mapping.get(key).ok_or_else(|| not_found(step))?
            }
            (Step::Index(at), Node::List(list)) => {
                list.values().nth(*at).ok_or_else(|| not_found(step))?
            }
            (Step::Index(at), Node::Map(_)) => {
                return Err(Failure::generic(format!("Key not found: {at}")));
            }
            (Step::Key(key), Node::List(_)) => {
                return Err(Failure::generic(format!("Unsupported type: list for item '{key}'")));
            }
            (Step::Key(key), Node::Leaf(_)) => {
                return Err(Failure::generic(format!("Unsupported type: scalar for item '{key}'")));
            }
            (Step::Index(at), Node::Leaf(_)) => {
                return Err(Failure::generic(format!("Unsupported type: scalar for item {at}")));
            }
        };
    }
    Ok(node)
}

/// What stands at a path after something was put there: a position behind the end of a list means
/// its last item.
pub(crate) fn landed<'t>(root: &'t Mapping, path: &Path) -> Option<&'t Node> {
    let mut steps = path.0.iter();
    let Some(Step::Key(first)) = steps.next() else { return None };
    steps.try_fold(root.get(first)?, |node, step| match (step, node) {
        (Step::Key(key), Node::Map(mapping)) => mapping.get(key),
        (Step::Index(at), Node::List(list)) => list.values().nth(*at).or(list.values().last()),
        _ => None,
    })
}

/// Whether a node of a sealed document holds values that are not sealed. What is empty has nothing
/// to hide.
pub(crate) fn has_clear_values(node: &Node) -> bool {
    match node {
        Node::Leaf(leaf) => {
            let bytes = leaf.value.canonical();
            !bytes.is_empty() && Envelope::parse(bytes.expose()).is_err()
        }
        Node::Map(mapping) => mapping.pairs().any(|pair| has_clear_values(&pair.value)),
        Node::List(list) => list.values().any(has_clear_values),
    }
}
