//! Who can open a generated file and what is encrypted in it: the `.sops.yaml` of a case.

use age::secrecy::ExposeSecret as _;

use crate::rng::Rng;

/// The words that the selectors look for, which key names and comments of documents are made from.
pub(crate) const SUFFIX_CLEAR: &str = "_clear";
pub(crate) const SUFFIX_SECRET: &str = "_secret";
pub(crate) const SUFFIX_DEFAULT: &str = "_unencrypted";
pub(crate) const COMMENT_CLEAR: &str = "sops:clear";
pub(crate) const COMMENT_SECRET: &str = "sops:enc";

/// Which values are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    Default,
    UnencryptedSuffix,
    EncryptedSuffix,
    UnencryptedRegex,
    EncryptedRegex,
    UnencryptedComment,
    EncryptedComment,
}

pub(crate) const SELECTORS: [Selector; 7] = [
    Selector::Default,
    Selector::UnencryptedSuffix,
    Selector::EncryptedSuffix,
    Selector::UnencryptedRegex,
    Selector::EncryptedRegex,
    Selector::UnencryptedComment,
    Selector::EncryptedComment,
];

impl Selector {
    fn line(self) -> Option<String> {
        let (field, value) = match self {
            Self::Default => return None,
            Self::UnencryptedSuffix => ("unencrypted_suffix", SUFFIX_CLEAR),
            Self::EncryptedSuffix => ("encrypted_suffix", SUFFIX_SECRET),
            Self::UnencryptedRegex => ("unencrypted_regex", "^(kind|name|meta.*)$"),
            Self::EncryptedRegex => ("encrypted_regex", "^(data|stringData|pass.*|marker)$"),
            Self::UnencryptedComment => ("unencrypted_comment_regex", COMMENT_CLEAR),
            Self::EncryptedComment => ("encrypted_comment_regex", COMMENT_SECRET),
        };
        Some(format!("{field}: '{value}'"))
    }
}

/// Three persons, made for this run; each test process has all their identities.
#[derive(Debug)]
pub(crate) struct Keys {
    recipients: Vec<String>,
    /// What `SOPS_AGE_KEY` is set to.
    pub(crate) identities: String,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let people: Vec<_> = (0..3).map(|_| age::x25519::Identity::generate()).collect();
        let identities: Vec<_> =
            people.iter().map(|each| each.to_string().expose_secret().to_owned()).collect();
        Self {
            recipients: people.iter().map(|each| each.to_public().to_string()).collect(),
            identities: identities.join(" "),
        }
    }
}

/// One creation rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) selector: Selector,
    mac_only_encrypted: bool,
    groups: Vec<Vec<usize>>,
    threshold: Option<usize>,
}

impl Rule {
    pub(crate) fn generate(rng: &mut Rng) -> Self {
        // The default is what most files have.
        let selector = if rng.percent(30) { Selector::Default } else { *rng.pick(&SELECTORS) };
        let (groups, threshold) = match rng.below(10) {
            0..6 => (vec![vec![0]], None),
            6 => (vec![vec![0, 1]], None),
            7 => (vec![vec![0], vec![1]], None),
            8 => (vec![vec![0], vec![1], vec![2]], Some(2)),
            _ => (vec![vec![0, 2], vec![1]], Some(2)),
        };
        Self { groups, threshold, ..Self::of_one(selector, rng.percent(20)) }
    }

    /// One for a single key.
    pub(crate) fn of_one(selector: Selector, mac_only_encrypted: bool) -> Self {
        Self { selector, mac_only_encrypted, groups: vec![vec![0]], threshold: None }
    }

    /// Other keys, the rest as it is: what `updatekeys` is run for.
    pub(crate) fn with_other_keys(&self) -> Self {
        let one = vec![vec![0]];
        let groups = if self.groups == one { vec![vec![0, 1, 2]] } else { one };
        Self { groups, threshold: None, ..self.clone() }
    }

    /// The lines of a rule that say what is encrypted.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mac = self.mac_only_encrypted.then(|| "mac_only_encrypted: true".to_owned());
        self.selector.line().into_iter().chain(mac).collect()
    }

    /// The text of `.sops.yaml`.
    pub(crate) fn config(&self, keys: &Keys) -> String {
        let mut text = "creation_rules:\n    - ".to_owned();
        let mut lines = self.lines();
        if let Some(threshold) = self.threshold {
            lines.push(format!("shamir_threshold: {threshold}"));
        }
        let names = |group: &Vec<usize>| {
            let names: Vec<_> = group.iter().map(|&at| keys.recipients[at].as_str()).collect();
            names.join("\", \"")
        };
        if let [only] = self.groups.as_slice() {
            lines.push(format!("age: [\"{}\"]", names(only)));
        } else {
            let groups: Vec<_> = self
                .groups
                .iter()
                .map(|group| format!("{{age: [\"{}\"]}}", names(group)))
                .collect();
            lines.push(format!("key_groups: [{}]", groups.join(", ")));
        }
        text.push_str(&lines.join("\n      "));
        text.push('\n');
        text
    }
}
