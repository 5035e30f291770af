//! One node of a decrypted document as text, for `decrypt --extract` (CLI §4.6).

use sops_core::{
    crypto::SecretBytes,
    format::{self, EmitOptions, Format},
    tree::{Mapping, Node, Path, Step, Tree, Value},
};

use crate::{
    failure::{Failure, reading},
    status::Status,
};

/// Reads the path. An empty one is as good as none.
pub(crate) fn path(text: Option<&str>) -> Result<Option<Path>, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    Path::parse(text).map(Some).map_err(|error| {
        let problem = format!("error parsing --extract path: {error}");
        Failure::new(Status::InvalidTreePath, problem)
            .hint("write it as [\"key\"][0][\"other key\"]")
    })
}

/// The node at a path of a document, as the output format writes it: a mapping as a document,
/// text as it is.
pub(crate) fn extract(
    root: Option<&Mapping>,
    path: &Path,
    format: Format,
    options: &EmitOptions,
) -> Result<SecretBytes, Failure> {
    let node = find(root, path)?;
    match node {
        Node::Map(mapping) => {
            let tree = Tree { documents: vec![mapping.clone()] };
            format::emit(format, &tree, None, options).map_err(|error| reading::dump(&error))
        }
        Node::Leaf(leaf) => match (&leaf.value, format) {
            (Value::Text(text), _) => Ok(text.clone()),
            (_, Format::Dotenv) => Err(refused("the dotenv store only supports emitting strings")),
            (_, Format::Binary) => Err(not_structured()),
            _ => alone(node, format, options),
        },
        Node::List(_) => match format {
            Format::Dotenv => Err(refused("the dotenv store only supports emitting strings")),
            Format::Binary => Err(not_structured()),
            _ => alone(node, format, options),
        },
    }
}

fn not_structured() -> Failure {
    refused("Binary files are not structured and extracting a single value is not possible")
}

fn refused(words: &str) -> Failure {
    Failure::new(Status::CouldNotDumpTree, format!("Error dumping tree: {words}"))
}

/// The node that a path names.
fn find<'t>(root: Option<&'t Mapping>, path: &Path) -> Result<&'t Node, Failure> {
    walk(root, path).map_err(|failure| failure.at_path(path))
}

fn walk<'t>(root: Option<&'t Mapping>, path: &Path) -> Result<&'t Node, Failure> {
    let missing = |step: &Step| {
        Failure::generic(match step {
            Step::Key(key) => format!("error truncating tree: component ['{key}'] not found"),
            Step::Index(at) => {
                format!("error truncating tree: component [{at}] accesses out of bounds")
            }
        })
    };
    let mut steps = path.0.iter();
    let Some(first) = steps.next() else {
        return Err(Failure::generic("error truncating tree: the path is empty"));
    };
    let down = |node: Option<&'t Node>, step: &Step| node.ok_or_else(|| missing(step));
    let mut node = match first {
        Step::Key(key) => down(root.and_then(|root| root.get(key)), first)?,
        Step::Index(_) => return Err(not_a_list(first)),
    };
    for step in steps {
        node = match (step, node) {
            (Step::Key(key), Node::Map(mapping)) => down(mapping.get(key), step)?,
            (Step::Index(at), Node::List(list)) => down(list.values().nth(*at), step)?,
            (Step::Index(_), Node::Map(_)) => return Err(not_a_list(step)),
            _ => return Err(missing(step)),
        };
    }
    Ok(node)
}

fn not_a_list(step: &Step) -> Failure {
    Failure::generic(format!(
        "error truncating tree: component {step} names a position, but there is a mapping"
    ))
    .hint("a key that is a number is written in quotes: [\"0\"]")
}

/// A list or a scalar by itself.
fn alone(node: &Node, format: Format, options: &EmitOptions) -> Result<SecretBytes, Failure> {
    // In INI it is JSON as well (CLI §4.6).
    let format = if format == Format::Ini { Format::Json } else { format };
    format::emit_node(format, node, options).map_err(|error| reading::dump(&error))
}

#[cfg(test)]
mod tests {
    use sops_core::tree::List;

    use super::*;

    fn document() -> Mapping {
        let mut list = List::default();
        list.push("one");
        list.push("two");
        let mut mapping = Mapping::default();
        mapping.push("list", list);
        mapping.push("port", Value::Int(5432));
        mapping
    }

    fn extracted(typed: &str, format: Format) -> String {
        let path = Path::parse(typed).unwrap();
        let text =
            extract(Some(&document()), &path, format, &EmitOptions { indent: None }).unwrap();
        text.expose_str().unwrap().to_owned()
    }

    #[test]
    fn lists_and_numbers_stand_alone() {
        // transcript 03
        assert_eq!(extracted("[\"list\"]", Format::Yaml), "- one\n- two\n");
        assert_eq!(extracted("[\"port\"]", Format::Yaml), "5432\n");
        assert_eq!(extracted("[\"list\"][1]", Format::Yaml), "two");
        assert_eq!(extracted("[\"list\"]", Format::Json), "[\n\t\"one\",\n\t\"two\"\n]");
        assert_eq!(extracted("[\"port\"]", Format::Json), "5432");
        assert_eq!(extracted("[\"port\"]", Format::Ini), "5432");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let missing = |typed: &str| {
            let path = Path::parse(typed).unwrap();
            find(Some(&document()), &path).unwrap_err().message().to_owned()
        };
        assert_eq!(missing("[\"none\"]"), "error truncating tree: component ['none'] not found");
        assert_eq!(
            missing("[\"list\"][7]"),
            "error truncating tree: component [7] accesses out of bounds"
        );
        assert!(missing("[\"port\"][\"x\"]").contains("component ['x'] not found"));
        assert!(missing("[0]").contains("names a position"));
    }
}
