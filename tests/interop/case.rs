//! One generated document with everything that follows from its number.

use sops_core::format::Format;

use crate::rng::Rng;
use crate::rules::{Rule, Selector};
use crate::{flat, json, yaml};

/// The text that an edit replaces, and what it becomes. Every document has it, once, as a value
/// on a line of its own.
pub(crate) const MARKER: &str = "marker-before";
pub(crate) const MARKED: &str = "marker-after";

/// A step of a path as `set` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// A document as an author would write it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    /// The paths of values in the first document that can be set.
    pub(crate) leaves: Vec<Vec<Step>>,
    /// Those of them with a comment on their line.
    pub(crate) beside: Vec<Vec<Step>>,
    /// The texts of its comments, blanks trimmed.
    pub(crate) comments: Vec<String>,
    /// Whether it has comments in places where the reference may not keep them.
    pub(crate) loses_comments: bool,
    /// Whether it has aliases, into values under keys with the suffix `_unencrypted`.
    pub(crate) aliases: bool,
}

/// A document, the rule it is encrypted under, and its number.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) number: usize,
    pub(crate) format: Format,
    pub(crate) rule: Rule,
    pub(crate) text: Text,
    /// For choices that are made later.
    pub(crate) rng: Rng,
}

impl Case {
    pub(crate) fn generate(seed: u64, number: usize) -> Self {
        let mut rng = Rng::of_case(seed, number);
        // YAML is what people have, and where most can go wrong.
        let format = match rng.below(20) {
            0..11 => Format::Yaml,
            11..14 => Format::Json,
            14..16 => Format::Dotenv,
            16..19 => Format::Ini,
            _ => Format::Binary,
        };
        let rule = Rule::generate(&mut rng);
        let text = match format {
            Format::Yaml => yaml::generate(&mut rng),
            Format::Json => json::generate(&mut rng),
            Format::Dotenv => flat::dotenv(&mut rng),
            Format::Ini => flat::ini(&mut rng),
            Format::Binary => flat::binary(&mut rng),
        };
        Self { seed, number, format, rule, text, rng }
    }

    /// Whether the rule encrypts what aliases point to. Such aliases cannot stay.
    pub(crate) fn has_sealed_aliases(&self) -> bool {
        use Selector::{UnencryptedComment, UnencryptedRegex, UnencryptedSuffix};
        let sealed = [UnencryptedSuffix, UnencryptedRegex, UnencryptedComment];
        self.text.aliases && sealed.contains(&self.rule.selector)
    }

    /// The name of its file.
    pub(crate) fn file(&self) -> &'static str {
        match self.format {
            Format::Yaml => "x.yaml",
            Format::Json => "x.json",
            Format::Dotenv => "x.env",
            Format::Ini => "x.ini",
            Format::Binary => "x.bin",
        }
    }
}

/// A path as the command line takes it: `["a"][0]`.
pub(crate) fn index_text(path: &[Step]) -> String {
    path.iter()
        .map(|step| match step {
            Step::Key(key) => format!("[\"{key}\"]"),
            Step::Index(at) => format!("[{at}]"),
        })
        .collect()
}
