//! `__paths`: the key paths of a file, for completion in shells. Keys stand in clear, so no master
//! key is needed.

use std::path::PathBuf;

use clap::Args;

use sops_core::{
    document::Document,
    tree::{Node, Path, Step},
};

use crate::{failure::Failure, files, files::input::Source, request, status::Status};

/// Print the key paths of a file that begin like a text
#[derive(Args, Debug)]
pub(crate) struct PathsArgs {
    /// The file
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// How the path begins
    #[arg(value_name = "TEXT", default_value = "")]
    typed: String,
}

/// Prints them, one per line.
pub(crate) fn run(args: &PathsArgs) -> Result<Status, Failure> {
    let format = request::format("--input-type", None, Some(&args.path))?;
    let tree = match Document::read(format, Source::of(Some(&args.path)).read()?) {
        Ok(Document::Sealed(document)) => document.tree,
        Ok(Document::Plain(document)) => document.tree,
        // Whoever presses a key wants no explanation.
        Err(_) => return Err(Failure::silent(Status::Generic)),
    };
    let root = tree.documents.into_iter().next().unwrap_or_default();
    let lines: String = candidates(&Node::Map(root), &args.typed)
        .into_iter()
        .map(|path| format!("{path}\n"))
        .collect();
    files::print(lines.as_bytes())?;
    Ok(Status::Success)
}

/// The nodes whose path begins with what was typed, one level at a time. A single one brings what
/// is in it along, so that typing can go on.
fn candidates(root: &Node, typed: &str) -> Vec<String> {
    let mut found = Vec::new();
    gather(root, &mut Path::default(), typed, &mut found);
    while let [.., (path, node)] = found.as_slice()
        && found.iter().all(|(before, _)| path.to_string().starts_with(&before.to_string()))
        && !children(node).is_empty()
    {
        let below: Vec<_> = children(node)
            .into_iter()
            .map(|(step, child)| {
                let mut path = path.clone();
                path.0.push(step);
                (path, child)
            })
            .collect();
        found.extend(below);
    }
    found.into_iter().map(|(path, _)| path.to_string()).collect()
}

fn gather<'t>(node: &'t Node, at: &mut Path, typed: &str, found: &mut Vec<(Path, &'t Node)>) {
    for (step, child) in children(node) {
        at.0.push(step);
        let path = at.to_string();
        if path.starts_with(typed) {
            found.push((at.clone(), child));
        } else if typed.starts_with(&path) {
            gather(child, at, typed, found);
        }
        at.0.pop();
    }
}

fn children(node: &Node) -> Vec<(Step, &Node)> {
    match node {
        Node::Map(mapping) => {
            mapping.pairs().map(|pair| (Step::Key(pair.key.clone()), &pair.value)).collect()
        }
        Node::List(list) => {
            list.values().enumerate().map(|(at, node)| (Step::Index(at), node)).collect()
        }
        Node::Leaf(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use sops_core::format::{self, Format};

    use super::*;

    fn completed(typed: &str) -> Vec<String> {
        let text = "db: {user: a, hosts: [x, y]}\ndb2: 1\nport: 2\n";
        let parsed = format::parse(Format::Yaml, text.into()).unwrap();
        candidates(&Node::Map(parsed.tree.documents[0].clone()), typed)
    }

    #[test]
    fn paths_are_completed_level_by_level() {
        assert_eq!(completed(""), ["[\"db\"]", "[\"db2\"]", "[\"port\"]"]);
        assert_eq!(completed("[\"p"), ["[\"port\"]"]);
        assert_eq!(
            completed("[\"db\"]"),
            ["[\"db\"]", "[\"db\"][\"user\"]", "[\"db\"][\"hosts\"]"]
        );
        assert_eq!(
            completed("[\"db\"][\"h"),
            ["[\"db\"][\"hosts\"]", "[\"db\"][\"hosts\"][0]", "[\"db\"][\"hosts\"][1]"]
        );
        assert_eq!(completed("[\"none"), Vec::<String>::new());
    }
}
