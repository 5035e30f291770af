//! What is encrypted: documents written for what is special in a format, and generated ones.

use sops_core::format::Format;
use sops_tests::paths;

use crate::case::{Case, MARKER, Text};
use crate::classes;
use crate::rng::Rng;
use crate::rules::Rule;
use crate::{flat, json, yaml};

/// The documents of `corpus/documents`.
const WRITTEN: [(&str, Format); 9] = [
    ("scalars.yaml", Format::Yaml),
    ("comments.yaml", Format::Yaml),
    ("documents.yaml", Format::Yaml),
    ("words.yaml", Format::Yaml),
    ("scalars.json", Format::Json),
    ("words.json", Format::Json),
    ("values.env", Format::Dotenv),
    ("sections.ini", Format::Ini),
    ("text.bin", Format::Binary),
];

/// How the generated ones are made, another one for each file.
const GENERATED: [(&str, Format); 5] = [
    ("generated.yaml", Format::Yaml),
    ("generated.json", Format::Json),
    ("generated.env", Format::Dotenv),
    ("generated.ini", Format::Ini),
    ("generated.bin", Format::Binary),
];

/// How many documents there are for a rule.
pub(crate) const COUNT: usize = WRITTEN.len() + GENERATED.len();

/// Longer than any line that something folds.
const LONG: usize = 5000;

/// A document, as something that is known to be in one of the classes that Go sops cannot read back,
/// or not.
pub(crate) struct Document {
    pub(crate) name: &'static str,
    pub(crate) case: Case,
    /// The key that is given another value.
    pub(crate) changed: &'static str,
    /// The key that is taken out, after the other was given its value.
    pub(crate) gone: &'static str,
}

/// The document with this number, under a rule.
pub(crate) fn document(seed: u64, number: usize, file: usize, rule: &Rule) -> Document {
    if let Some(&(name, format)) = WRITTEN.get(number) {
        let path = paths::in_tests("corpus/documents").join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(MARKER).count(), 1, "{name}");
        let long: String = "0123456789abcdef".chars().cycle().take(LONG).collect();
        let bytes = text.replace("@LONG@", &long).into_bytes();
        let text = Text { bytes, ..Text::default() };
        let rng = Rng::of_case(seed, file);
        let case = Case { seed, number: file, format, rule: rule.clone(), text, rng };
        return Document { name, case, changed: "changed", gone: "gone" };
    }
    let (name, format) = GENERATED[number - WRITTEN.len()];
    // What Go sops cannot read back is the subject of `interop`, and those are few.
    let case = (0..)
        .map(|try_number| {
            let mut rng = Rng::of_case(seed, file * 100 + try_number);
            let text = match format {
                Format::Yaml => yaml::generate(&mut rng),
                Format::Json => json::generate(&mut rng),
                Format::Dotenv => flat::dotenv(&mut rng),
                Format::Ini => flat::ini(&mut rng),
                Format::Binary => flat::binary(&mut rng),
            };
            Case { seed, number: file, format, rule: rule.clone(), text, rng }
        })
        .find(|case| classes::of(case).is_empty() && !case.has_sealed_aliases())
        .expect("there is no end of them");
    Document { name, case, changed: "added", gone: "added" }
}
