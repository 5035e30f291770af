//! What is said, as one JSON object per line: `--error-format json`.
//!
//! The fields are named in `docs/scripts.md`; nothing is renamed or taken out without a new major
//! version.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::Failure;

/// A failure. Fields that are not known are null, so that whoever reads them need not ask whether
/// they are there.
pub(super) fn error(failure: &Failure, file: Option<&Path>) -> String {
    let details = failure.details.as_deref();
    let file = details.and_then(|details| details.file.as_deref()).or(file);
    let line = details.and_then(|details| details.line);
    let path = details.and_then(|details| details.path.as_deref());
    let cause = details.and_then(|details| details.cause.as_deref());
    let object = json!({
        "level": "error",
        "status": failure.status.code(),
        "code": failure.status.name(),
        "message": failure.message.strip_prefix("Error: ").unwrap_or(&failure.message),
        "file": file.map(Path::to_string_lossy),
        "line": line,
        "path": path,
        "cause": cause,
        "hints": failure.hints,
    });
    format!("{object}\n")
}

/// Anything else that is said.
pub(super) fn remark(level: &str, message: &str, file: Option<&Path>) -> String {
    let mut object = Map::new();
    object.insert("level".to_owned(), Value::from(level));
    object.insert("message".to_owned(), Value::from(message));
    object.insert("file".to_owned(), Value::from(file.map(|file| file.to_string_lossy())));
    format!("{}\n", Value::from(object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    #[test]
    fn an_error_is_one_object_with_all_its_fields() {
        let failure = Failure::new(Status::DecryptingTree, "Error: two\nlines")
            .at_line(Some(3))
            .at_path("[\"a\"]")
            .because("it was changed")
            .hint("restore it");
        let text = error(&failure, Some(Path::new("s.yaml")));
        assert_eq!(text.matches('\n').count(), 1);
        let read: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
            "level": "error", "status": 25, "code": "decrypting_tree", "message": "two\nlines",
            "file": "s.yaml", "line": 3, "path": "[\"a\"]", "cause": "it was changed",
            "hints": ["restore it"],
        });
        assert_eq!(read, expected);
        let elsewhere = error(&failure.in_file(Path::new(".sops.yaml")), Some(Path::new("s.yaml")));
        assert!(elsewhere.contains(r#""file":".sops.yaml""#), "{elsewhere}");
    }
}
