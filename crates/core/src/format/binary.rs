//! Anything at all. In the clear a binary file is its bytes; sealed it is a JSON document with
//! one text called `data` beside the metadata (format §7.3).
//!
//! Which of the two a file is, its content tells: a JSON object with the keys `data` and `sops`,
//! the latter a mapping, is sealed. So the bytes of a sealed binary file, sealed again, would
//! open as if they had been sealed once; they are recognised as sealed instead.

use super::{EmitError, EmitOptions, Layout, Output, ParseError, Parsed, Rewrite, Section, json};
use crate::{
    crypto::SecretBytes,
    tree::{Leaf, Mapping, Mark, Node, Path, Step, Tree, Value},
};

/// The one key.
const DATA: &str = "data";

/// Reads a binary file, sealed or in the clear.
///
/// # Errors
/// None so far: what is not a sealed document is plain bytes.
pub fn parse(source: SecretBytes) -> Result<Parsed, ParseError> {
    if let Some(parsed) = sealed(&source) {
        return Ok(parsed);
    }
    let leaf = Leaf::at(Mark::new(0), Value::Text(source));
    let mut document = Mapping::default();
    document.push(DATA, Node::Leaf(leaf));
    Ok(Parsed {
        tree: Tree { documents: vec![document] },
        metadata: Section::Absent,
        layout: Box::new(Bytes),
    })
}

fn sealed(source: &SecretBytes) -> Option<Parsed> {
    let bytes = source.expose();
    // Most binary files are ruled out by their first byte.
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()).filter(|byte| **byte == b'{')?;
    let Parsed { tree, metadata, layout } = json::parse(source.clone()).ok()?;
    tree.documents.first()?.get(DATA)?;
    let Section::Found(_) = metadata else {
        return None;
    };
    Some(Parsed { tree, metadata, layout: Box::new(Envelope { json: layout }) })
}

/// Writes a tree as binary: its bytes, or with `metadata` the JSON document that seals them.
///
/// # Errors
/// [`EmitError::NotBinary`] unless there is one document with one text called `data`; in a sealed
/// tree anything beside it is kept, as the reference does (format §7.3).
pub fn emit(
    tree: &Tree,
    metadata: Option<&Mapping>,
    options: &EmitOptions,
) -> Result<Output, EmitError> {
    match metadata {
        Some(_) => json::emit(tree, metadata, options),
        None => data(tree).cloned(),
    }
}

fn data(tree: &Tree) -> Result<&SecretBytes, EmitError> {
    let [document] = tree.documents.as_slice() else {
        return Err(EmitError::NotBinary);
    };
    let mut pairs = document.pairs();
    match (pairs.next(), pairs.next()) {
        (Some(pair), None) if pair.key == DATA => match &pair.value {
            Node::Leaf(Leaf { value: Value::Text(text), .. }) => Ok(text),
            _ => Err(EmitError::NotBinary),
        },
        _ => Err(EmitError::NotBinary),
    }
}

/// A file in the clear.
#[derive(Debug)]
struct Bytes;

impl Layout for Bytes {
    fn spelling(&self, _: Mark, _: &Value) -> Option<SecretBytes> {
        None
    }

    fn rewrite(&self, tree: &Tree, how: Rewrite<'_>) -> Result<Output, EmitError> {
        match how {
            Rewrite::Plain => data(tree).cloned(),
            Rewrite::Sealed { metadata, indent } => {
                json::emit(tree, Some(metadata), &EmitOptions { indent })
            }
        }
    }

    fn put(&self, _: &Tree, path: &Path, value: &Node) -> Result<Output, EmitError> {
        match (path.0.as_slice(), value) {
            ([Step::Key(key)], Node::Leaf(Leaf { value: Value::Text(text), .. }))
                if key == DATA =>
            {
                Ok(text.clone())
            }
            _ => Err(EmitError::NotBinary),
        }
    }

    fn remove(&self, _: &Tree, _: &Path) -> Result<Output, EmitError> {
        Err(EmitError::NotBinary)
    }

    fn line(&self, mark: Mark) -> Option<usize> {
        mark.number().map(|_| 1)
    }
}

/// A sealed file.
#[derive(Debug)]
struct Envelope {
    json: Box<dyn Layout>,
}

impl Layout for Envelope {
    fn spelling(&self, mark: Mark, value: &Value) -> Option<SecretBytes> {
        self.json.spelling(mark, value)
    }

    fn rewrite(&self, tree: &Tree, how: Rewrite<'_>) -> Result<Output, EmitError> {
        match how {
            Rewrite::Plain => data(tree).cloned(),
            Rewrite::Sealed { .. } => self.json.rewrite(tree, how),
        }
    }

    fn put(&self, tree: &Tree, path: &Path, value: &Node) -> Result<Output, EmitError> {
        self.json.put(tree, path, value)
    }

    fn remove(&self, tree: &Tree, path: &Path) -> Result<Output, EmitError> {
        self.json.remove(tree, path)
    }

    fn line(&self, mark: Mark) -> Option<usize> {
        self.json.line(mark)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::there_and_back::{metadata, there_and_back};

    #[test]
    fn bytes_of_any_kind_come_back() {
        for bytes in [&b"raw\n"[..], b"\xFF\x00\r\n\xFE", b"{", b"{\"data\": 1}", b"{\"sops\": {}}"]
        {
            there_and_back(parse, bytes);
        }
    }

    #[test]
    fn an_empty_file_stays_empty() {
        let parsed = parse(SecretBytes::default()).unwrap();
        let how = Rewrite::Sealed { metadata: &metadata(), indent: None };
        let sealed = parsed.layout.rewrite(&parsed.tree, how).unwrap();
        assert!(sealed.expose().starts_with(b"{\n\t\"data\": \"\",\n\t\"sops\": {"));
        let sealed = parse(sealed).unwrap();
        assert!(matches!(sealed.metadata, Section::Found(_)));
        let plain = sealed.layout.rewrite(&sealed.tree, Rewrite::Plain).unwrap();
        assert!(plain.is_empty());
    }

    #[test]
    fn only_one_text_called_data_is_binary() {
        let options = EmitOptions { indent: None };
        for text in ["{}", "{\"data\": 1}", "{\"data\": \"x\", \"more\": \"y\"}", "{\"x\": \"y\"}"]
        {
            let tree = json::parse(text.into()).unwrap().tree;
            assert_eq!(emit(&tree, None, &options), Err(EmitError::NotBinary), "{text}");
        }
        assert_eq!(emit(&Tree::default(), None, &options), Err(EmitError::NotBinary));
    }

    #[test]
    fn setting_data_replaces_the_file() {
        let parsed = parse("old".into()).unwrap();
        let put = |path: &str| {
            parsed.layout.put(&parsed.tree, &Path::parse(path).unwrap(), &"new".into())
        };
        assert_eq!(put("[\"data\"]"), Ok("new".into()));
        assert_eq!(put("[\"other\"]"), Err(EmitError::NotBinary));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 1..64)) {
            there_and_back(parse, &bytes);
        }
    }
}
