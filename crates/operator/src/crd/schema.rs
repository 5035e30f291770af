//! The schema of each version (operator spec §1).

/// The definition, as YAML.
pub(crate) fn definition() -> String {
    String::new()
}
