//! The JSON schema of `.sops.yaml`, for editors and linters, made from the registry.

use super::registry::{Level, RULE, Shape, TOP};
use crate::selection::Field;

/// The schema, in draft 2020-12.
///
/// It is stricter than the program in one respect: unknown keys are errors to it, since an editor
/// that marks them loses nothing.
pub fn json_schema() -> String {
    let mut levels: Vec<&'static Level> = Vec::new();
    gather(&TOP, &mut levels);
    let mut definitions = Vec::new();
    for level in &levels {
        if !std::ptr::eq(*level, &raw const TOP) {
            definitions.push((level.name.to_owned(), object(level)));
        }
    }
    let mut schema = vec![
        ("$schema".to_owned(), text("https://json-schema.org/draft/2020-12/schema")),
        ("title".to_owned(), text(".sops.yaml")),
    ];
    if let Json::Object(fields) = object(&TOP) {
        schema.extend(fields);
    }
    // Files that share keys through anchors need a place to keep them.
    let holders = Json::Object(vec![("^(keys$|x-|_|\\.)".to_owned(), Json::Bool(true))]);
    schema.push(("patternProperties".to_owned(), holders));
    schema.push(("$defs".to_owned(), Json::Object(definitions)));
    let mut out = String::new();
    Json::Object(schema).print(0, &mut out);
    out.push('\n');
    out
}

/// All levels that can be reached, each once.
fn gather(level: &'static Level, found: &mut Vec<&'static Level>) {
    // By name: several places may share one level, and names are what the schema refers to.
    if found.iter().any(|known| known.name == level.name) {
        return;
    }
    found.push(level);
    for key in level.keys {
        if let Shape::Map(below) | Shape::ListOf(below) = key.shape {
            gather(below, found);
        }
    }
}

fn object(level: &'static Level) -> Json {
    let property = |key: &super::registry::Key| {
        let mut fields = shape(&key.shape);
        fields.insert(0, ("description".to_owned(), text(key.about)));
        (key.name.to_owned(), Json::Object(fields))
    };
    let mut fields = vec![
        ("description".to_owned(), text(level.about)),
        ("type".to_owned(), types("object")),
        ("properties".to_owned(), Json::Object(level.keys.iter().map(property).collect())),
        ("additionalProperties".to_owned(), Json::Bool(false)),
    ];
    if std::ptr::eq(level, &raw const RULE) {
        fields.push(("dependentSchemas".to_owned(), one_selection()));
    }
    Json::Object(fields)
}

/// Each selection key lets the others only be null: a document carries one rule.
fn one_selection() -> Json {
    let nothing = |field: &Field| {
        let null = ("type".to_owned(), text("null"));
        let about = ("description".to_owned(), text("A rule has one selection key."));
        (field.name().to_owned(), Json::Object(vec![about, null]))
    };
    let alone = |field: &Field| {
        let others = Field::ALL.iter().filter(|other| *other != field).map(nothing).collect();
        let schema = Json::Object(vec![("properties".to_owned(), Json::Object(others))]);
        (field.name().to_owned(), schema)
    };
    Json::Object(Field::ALL.iter().map(alone).collect())
}

fn shape(shape: &Shape) -> Vec<(String, Json)> {
    let field = |name: &str, json| (name.to_owned(), json);
    let strings = || Json::Object(vec![field("type", text("string"))]);
    let reference =
        |level: &Level| Json::Object(vec![field("$ref", text(&format!("#/$defs/{}", level.name)))]);
    match shape {
        Shape::Text => vec![field("type", types("string"))],
        Shape::Bool => vec![field("type", types("boolean"))],
        Shape::Int(least) => {
            vec![field("type", types("integer")), field("minimum", Json::Number(*least))]
        }
        Shape::Count => vec![field("type", types("integer")), field("minimum", Json::Number(0))],
        Shape::Texts | Shape::KeysInList => {
            vec![field("type", types("array")), field("items", strings())]
        }
        Shape::Keys => {
            let kinds = ["string", "array", "null"].map(text).into();
            vec![field("type", Json::Array(kinds)), field("items", strings())]
        }
        Shape::Names => {
            let values = Json::Object(vec![field("type", types("string"))]);
            vec![field("type", types("object")), field("additionalProperties", values)]
        }
        Shape::Map(level) => vec![field("$ref", text(&format!("#/$defs/{}", level.name)))],
        Shape::ListOf(level) => {
            vec![field("type", types("array")), field("items", reference(level))]
        }
    }
}

/// Null counts as absent everywhere.
fn types(name: &str) -> Json {
    Json::Array(vec![text(name), text("null")])
}

enum Json {
    Bool(bool),
    Number(i64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

impl Json {
    fn print(&self, depth: usize, out: &mut String) {
        match self {
            Self::Bool(value) => out.push_str(&value.to_string()),
            Self::Number(value) => out.push_str(&value.to_string()),
            Self::Text(value) => print_text(value, out),
            Self::Array(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    out.push_str(if number == 0 { "" } else { ", " });
                    item.print(depth + 1, out);
                }
                out.push(']');
            }
            Self::Object(fields) if fields.is_empty() => out.push_str("{}"),
            Self::Object(fields) => {
                for (number, (name, value)) in fields.iter().enumerate() {
                    out.push_str(if number == 0 { "{\n" } else { ",\n" });
                    out.push_str(&"  ".repeat(depth + 1));
                    print_text(name, out);
                    out.push_str(": ");
                    value.print(depth + 1, out);
                }
                out.push('\n');
                out.push_str(&"  ".repeat(depth));
                out.push('}');
            }
        }
    }
}

/// The registry's texts hold no control characters.
fn print_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_json_and_knows_every_key() {
        let schema: serde_json::Value = serde_json::from_str(&json_schema()).unwrap();
        assert!(schema["properties"]["creation_rules"].is_object());
        let rule = &schema["$defs"]["creation_rule"]["properties"];
        let alone = &schema["$defs"]["creation_rule"]["dependentSchemas"];
        for field in Field::ALL {
            assert!(rule[field.name()].is_object(), "{field}");
            let others = alone[field.name()]["properties"].as_object().unwrap();
            assert_eq!(others.len(), Field::ALL.len() - 1);
            assert!(!others.contains_key(field.name()));
        }
        for (name, _) in super::super::key_list::FLAT {
            assert!(rule[name].is_object(), "{name}");
        }
        let group = &schema["$defs"]["key_group"]["properties"];
        assert_eq!(group["merge"]["items"]["$ref"], "#/$defs/key_group");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = json_schema();
        let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
        for reference in text.split("#/$defs/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schema["$defs"][name].is_object(), "{name}");
        }
    }
}
