//! A document as the one JSON object that key-value stores take, and what such a store holds,
//! read back to be compared (CLI §3.9).
//!
//! Rules of this module:
//!
//! - The order of keys, comments and the spelling of numbers say nothing: keys are sorted, comments
//!   are left out, and `1.0` is `1`, as Go writes it.
//! - What JSON cannot say is an error that names the place. Nothing is replaced or left out.

use crate::{
    crypto::SecretBytes,
    format,
    tree::{Entry, Item, Leaf, List, Mapping, Node, Pair, Path, Step, Tree, Value},
};

/// The data of a document as one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object(Mapping);

/// Why a document is no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// The same key twice in one mapping, or in two documents.
    #[error("the key {0} stands there twice, and an object can hold it only once")]
    Twice(Path),
    /// The value is no text of UTF-8.
    #[error("the value at {0} is not UTF-8, and JSON has nothing else")]
    NotUtf8(Path),
    /// The value is infinite, or not a number.
    #[error("the number at {0} is infinite or none, which JSON does not have")]
    NotFinite(Path),
    /// A parameter cannot be empty.
    #[error("the value at {0} is empty, and a parameter cannot be")]
    Empty(Path),
    /// The key cannot be part of a parameter's name.
    #[error(
        "the key {0} cannot be part of a parameter's name, which takes letters, digits, \".\", \
         \"-\" and \"_\""
    )]
    Name(Path),
}

impl Object {
    /// The data of an opened tree. Several documents are one, as in the reference.
    ///
    /// # Errors
    /// If JSON cannot say it.
    pub fn of(tree: &Tree) -> Result<Self, ObjectError> {
        let mut path = Path::default();
        let pairs = tree.documents.iter().flat_map(Mapping::pairs);
        mapping(pairs, &mut path).map(Self)
    }

    /// What a store holds; `None` if it is no JSON object, or one with a key twice.
    pub fn read(text: &SecretBytes) -> Option<Self> {
        let parsed = format::parse(format::Format::Json, text.clone()).ok()?;
        // A key `sops` is taken for metadata there, and is data in a store: such a text is none of
        // ours, whatever else it says.
        match parsed.metadata {
            format::Section::Absent => Self::of(&parsed.tree).ok(),
            _ => None,
        }
    }

    /// The same as a store shows it that takes all numbers for floats, and the first number of which
    /// it shows another one. Key-value stores of Vault do so.
    pub fn rounded(&self) -> (Self, Option<Path>) {
        let (mut inexact, mut path) = (None, Path::default());
        let mut object = self.0.clone();
        round_mapping(&mut object, &mut path, &mut inexact);
        (Self(object), inexact)
    }

    /// The object below these keys.
    pub fn below(&self, keys: &[&str]) -> Option<Self> {
        let mut found = &self.0;
        for key in keys {
            let Some(Node::Map(inner)) = found.get(key) else { return None };
            found = inner;
        }
        Some(Self(found.clone()))
    }

    /// The whole number below these keys.
    pub fn int_below(&self, keys: &[&str]) -> Option<i64> {
        let (last, first) = keys.split_last()?;
        match self.below(first)?.0.get(last)? {
            Node::Leaf(Leaf { value: Value::Int(int), .. }) => Some(*int),
            _ => None,
        }
    }

    /// The text below these keys.
    pub fn text_below(&self, keys: &[&str]) -> Option<SecretBytes> {
        let (last, first) = keys.split_last()?;
        match self.below(first)?.0.get(last)? {
            Node::Leaf(Leaf { value: Value::Text(text), .. }) => Some(text.clone()),
            _ => None,
        }
    }

    /// The text, without any blanks.
    pub fn text(&self) -> SecretBytes {
        let mut size = Size(0);
        write_mapping(&mut size, &self.0);
        // A buffer that grows would leave parts of the plaintext behind.
        let mut out = SecretBytes::new(Vec::with_capacity(size.0));
        write_mapping(out.expose_mut(), &self.0);
        out
    }

    /// The data as a tree, to be compared with another.
    pub fn tree(&self) -> Tree {
        Tree { documents: vec![self.0.clone()] }
    }

    /// One text per value: keys joined by slashes with it. Lists are texts of JSON.
    ///
    /// # Errors
    /// If a key or value cannot be that of a parameter.
    pub fn parameters(&self) -> Result<Vec<(String, SecretBytes)>, ObjectError> {
        let mut found = Vec::new();
        parameters(&self.0, &mut Path::default(), String::new(), &mut found)?;
        Ok(found)
    }
}

fn mapping<'p>(
    pairs: impl Iterator<Item = &'p Pair>,
    path: &mut Path,
) -> Result<Mapping, ObjectError> {
    let mut entries: Vec<Pair> = Vec::new();
    for pair in pairs {
        path.0.push(Step::Key(pair.key.clone()));
        entries.push(Pair { key: pair.key.clone(), value: node(&pair.value, path)? });
        path.0.pop();
    }
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    if let Some(twice) = entries.windows(2).find(|two| two[0].key == two[1].key) {
        path.0.push(Step::Key(twice[0].key.clone()));
        return Err(ObjectError::Twice(path.clone()));
    }
    Ok(Mapping { entries: entries.into_iter().map(Entry::Pair).collect() })
}

fn node(node: &Node, path: &mut Path) -> Result<Node, ObjectError> {
    match node {
        Node::Map(inner) => mapping(inner.pairs(), path).map(Node::Map),
        Node::List(list) => {
            let mut items = Vec::new();
            for (index, item) in list.values().enumerate() {
                path.0.push(Step::Index(index));
                items.push(Item::Value(self::node(item, path)?));
                path.0.pop();
            }
            Ok(Node::List(List { items }))
        }
        Node::Leaf(leaf) => value(&leaf.value, path).map(Node::from),
    }
}

/// From here on not every whole number is a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn round_mapping(mapping: &mut Mapping, path: &mut Path, inexact: &mut Option<Path>) {
    for entry in &mut mapping.entries {
        let Entry::Pair(pair) = entry else { continue };
        path.0.push(Step::Key(pair.key.clone()));
        round(&mut pair.value, path, inexact);
        path.0.pop();
    }
}

fn round(node: &mut Node, path: &mut Path, inexact: &mut Option<Path>) {
    match node {
        Node::Map(mapping) => round_mapping(mapping, path, inexact),
        Node::List(list) => {
            for (index, item) in list.items.iter_mut().enumerate() {
                let Item::Value(item) = item else { continue };
                path.0.push(Step::Index(index));
                round(item, path, inexact);
                path.0.pop();
            }
        }
        Node::Leaf(leaf) => {
            if let Value::Int(int) = leaf.value
                && (int as f64).abs() >= EXACT
            {
                // Through 128 bits, since the nearest float may be beyond the largest integer.
                if (int as f64) as i128 != i128::from(int) && inexact.is_none() {
                    *inexact = Some(path.clone());
                }
                leaf.value = Value::Float(int as f64);
            }
        }
    }
}

fn value(value: &Value, path: &Path) -> Result<Value, ObjectError> {
    Ok(match value {
        Value::Float(float) if !float.is_finite() => {
            return Err(ObjectError::NotFinite(path.clone()));
        }
        Value::Float(float) if float.fract() == 0.0 && float.abs() < EXACT => {
            Value::Int(*float as i64)
        }
        Value::Text(text) if text.expose_str().is_none() => {
            return Err(ObjectError::NotUtf8(path.clone()));
        }
        Value::Time(time) => Value::text(time.to_string()),
        other => other.clone(),
    })
}

fn parameters(
    mapping: &Mapping,
    path: &mut Path,
    name: String,
    found: &mut Vec<(String, SecretBytes)>,
) -> Result<(), ObjectError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    for pair in mapping.pairs() {
        path.0.push(Step::Key(pair.key.clone()));
        if pair.key.is_empty() || !pair.key.chars().all(fits) {
            return Err(ObjectError::Name(path.clone()));
        }
        let name = match name.as_str() {
            "" => pair.key.clone(),
            above => format!("{above}/{}", pair.key),
        };
        match &pair.value {
            Node::Map(inner) => parameters(inner, path, name, found)?,
            Node::List(list) => {
                let mut text = SecretBytes::default();
                write_list(text.expose_mut(), list);
                found.push((name, text));
            }
            Node::Leaf(leaf) => {
                let text = match &leaf.value {
                    Value::Text(text) => text.clone(),
                    Value::Null => SecretBytes::default(),
                    other => {
                        let mut text = SecretBytes::default();
                        write_value(text.expose_mut(), other);
                        text
                    }
                };
                if text.is_empty() {
                    return Err(ObjectError::Empty(path.clone()));
                }
                found.push((name, text));
            }
        }
        path.0.pop();
    }
    Ok(())
}

/// Where a text goes: to a buffer, or nowhere when only its length is asked.
trait Sink {
    fn put(&mut self, bytes: &[u8]);
    fn string(&mut self, text: &str);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn string(&mut self, text: &str) {
        super::write::string(self, text);
    }
}

/// At least as many bytes as a text has.
struct Size(usize);

impl Sink for Size {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn string(&mut self, text: &str) {
        let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
        let sizes = text.bytes().map(|byte| if plain(byte) { 1 } else { 6 });
        self.0 += 2 + sizes.sum::<usize>();
        // The writer reserves room for the text as a whole once more.
        self.0 = self.0.max(text.len() + 2);
    }
}

fn write_mapping(out: &mut impl Sink, mapping: &Mapping) {
    out.put(b"{");
    for (number, pair) in mapping.pairs().enumerate() {
        if number > 0 {
            out.put(b",");
        }
        out.string(&pair.key);
        out.put(b":");
        write_node(out, &pair.value);
    }
    out.put(b"}");
}

fn write_list(out: &mut impl Sink, list: &List) {
    out.put(b"[");
    for (number, item) in list.values().enumerate() {
        if number > 0 {
            out.put(b",");
        }
        write_node(out, item);
    }
    out.put(b"]");
}

fn write_node(out: &mut impl Sink, node: &Node) {
    match node {
        Node::Map(mapping) => write_mapping(out, mapping),
        Node::List(list) => write_list(out, list),
        Node::Leaf(leaf) => write_value(out, &leaf.value),
    }
}

fn write_value(out: &mut impl Sink, value: &Value) {
    match value {
        Value::Null => out.put(b"null"),
        Value::Bool(true) => out.put(b"true"),
        Value::Bool(false) => out.put(b"false"),
        Value::Int(int) => out.put(int.to_string().as_bytes()),
        Value::Float(float) => {
            // As Go has it: exponents for the very large and the very small.
            let text = match float.abs() {
                size if (1e-6..1e21).contains(&size) => float.to_string(),
                _ => format!("{float:e}"),
            };
            out.put(text.as_bytes());
        }
        Value::Time(time) => out.string(&time.to_string()),
        // Objects hold no other texts.
        Value::Text(text) => out.string(text.expose_str().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;

    fn object(format: Format, text: &str) -> Result<Object, ObjectError> {
        Object::of(&format::parse(format, text.into()).unwrap().tree)
    }

    fn text(object: &Object) -> String {
        object.text().expose_str().unwrap().to_owned()
    }

    #[test]
    fn keys_are_sorted_and_comments_left_out() {
        let yaml = "# c\nz: x\na:\n    - {k: 1.0, n: null, d: 2024-01-02} # c\n    # c\n    - [true, 2.5]\nm: \"<\\n\\\"\"\n";
        let object = object(Format::Yaml, yaml).unwrap();
        assert_eq!(
            text(&object),
            r#"{"a":[{"d":"2024-01-02T00:00:00Z","k":1,"n":null},[true,2.5]],"m":"<\n\"","z":"x"}"#
        );
        // The second reader of what was written is another one.
        let read = Object::read(&object.text()).unwrap();
        assert_eq!(read, object);
    }

    #[test]
    fn how_a_number_is_spelled_makes_no_difference() {
        let read = |text: &str| Object::read(&text.into()).unwrap();
        assert_eq!(read(r#"{"a": 1.0, "b": 1e3}"#), read(r#"{"b":1000,"a":1}"#));
        assert_ne!(read(r#"{"a": 1}"#), read(r#"{"a": "1"}"#));
        assert_ne!(read(r#"{"a": null}"#), read("{}"));
        assert_eq!(text(&read(r#"{"a": 1e300, "b": 2.5e-7}"#)), r#"{"a":1e300,"b":2.5e-7}"#);
    }

    #[test]
    fn large_numbers_are_compared_as_a_store_of_floats_shows_them() {
        let read = |text: &str| Object::read(&text.into()).unwrap().rounded();
        let (ours, inexact) = read(r#"{"a":[9007199254740993],"b":9007199254740991}"#);
        assert_eq!(inexact.unwrap().to_string(), r#"["a"][0]"#);
        assert_eq!(ours, read(r#"{"a":[9007199254740992],"b":9007199254740991}"#).0);
        assert_eq!(ours, read(r#"{"a":[9.007199254740992e15],"b":9007199254740991}"#).0);
        assert_eq!(read(r#"{"a":9007199254740994}"#).1, None);
        assert!(read(r#"{"a":9223372036854775807}"#).1.is_some());
    }

    #[test]
    fn what_json_cannot_say_is_told_with_its_place() {
        let twice = object(Format::Json, r#"{"a": {"k": 1, "k": 2}}"#).unwrap_err();
        assert!(twice.to_string().contains(r#"["a"]["k"]"#), "{twice}");
        let documents = object(Format::Yaml, "a: 1\n---\na: 2\n").unwrap_err();
        assert!(matches!(documents, ObjectError::Twice(_)), "{documents}");
        let infinite = object(Format::Yaml, "a: [.inf]\n").unwrap_err();
        assert!(infinite.to_string().contains(r#"["a"][0]"#), "{infinite}");
        let binary = SecretBytes::new(vec![0xff]);
        let tree = format::parse(Format::Binary, binary).unwrap().tree;
        assert!(matches!(Object::of(&tree), Err(ObjectError::NotUtf8(_))));
        assert_eq!(text(&object(Format::Yaml, "a: 1\n---\nb: 2\n").unwrap()), r#"{"a":1,"b":2}"#);
    }

    #[test]
    fn no_object_is_read_from_anything_else() {
        for text in ["[1]", "text", "", r#"{"a":1,"a":2}"#, r#"{"sops": {"mac": "x"}}"#] {
            assert_eq!(Object::read(&text.into()), None, "{text}");
        }
        let answer = Object::read(&r#"{"data":{"data":{"a":1},"metadata":{"version":3}}}"#.into());
        let answer = answer.unwrap();
        assert_eq!(text(&answer.below(&["data", "data"]).unwrap()), r#"{"a":1}"#);
        assert_eq!(answer.int_below(&["data", "metadata", "version"]), Some(3));
        assert_eq!(answer.below(&["data", "none"]), None);
    }

    #[test]
    fn parameters_are_one_text_per_value() {
        let found = |yaml| object(Format::Yaml, yaml).unwrap().parameters();
        let listed: Vec<_> = found("b: 1\na: {x: t, y: [1, s], z: true}\n")
            .unwrap()
            .iter()
            .map(|(name, text)| format!("{name}={}", text.expose_str().unwrap()))
            .collect();
        assert_eq!(listed, ["a/x=t", r#"a/y=[1,"s"]"#, "a/z=true", "b=1"]);
        assert!(matches!(found("a: ''\n"), Err(ObjectError::Empty(_))));
        assert!(matches!(found("a: null\n"), Err(ObjectError::Empty(_))));
        assert!(matches!(found("a b: x\n"), Err(ObjectError::Name(_))));
    }
}
