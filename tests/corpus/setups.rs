//! In which groups the keys of a file are: the part of `.sops.yaml` that says so.

use crate::keys::{Key, Keys, Variables};

/// The keys of a file.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) name: String,
    /// The groups, of positions in [`Keys::all`].
    groups: Vec<Vec<usize>>,
    threshold: Option<usize>,
    spelling: Spelling,
    /// Whoever names the keys has to ask a service, too.
    pub(crate) asks_first: bool,
}

/// How the groups are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// As fields of the rule, where they say as much.
    Flat,
    Groups,
    /// As groups that are put together from others.
    Merged,
}

/// Names of keys in groups.
type Groups<'a> = &'a [&'a [&'a str]];

/// Groups of several keys, with thresholds.
const SEVERAL: [(&str, Groups<'static>, Option<usize>, Spelling); 6] = [
    ("a person or a machine", &[&["age", "pgp-rsa"]], None, Spelling::Flat),
    (
        "one of each kind in one group",
        &[&[
            "age",
            "age-ssh-rsa",
            "age-pq",
            "pgp-cv25519",
            "aws-role",
            "gcp-double",
            "huawei-double",
            "azure-double",
            "vault",
        ]],
        None,
        Spelling::Flat,
    ),
    ("both groups", &[&["age-ssh-ed25519"], &["aws-context"]], None, Spelling::Groups),
    (
        "two of three groups",
        &[&["age", "pgp-cv25519"], &["aws-alias"], &["vault"]],
        Some(2),
        Spelling::Groups,
    ),
    (
        "three of five groups",
        &[
            &["age-pq"],
            &["aws-role", "aws-profile"],
            &["gcp-double"],
            &["azure-double"],
            &["huawei-double"],
        ],
        Some(3),
        Spelling::Groups,
    ),
    (
        "merged groups",
        &[&["age", "aws-context", "pgp-rsa"], &["vault-chacha20", "age-ssh-rsa"]],
        None,
        Spelling::Merged,
    ),
];

/// Each key alone, and groups of several, as far as their keys are there.
pub(crate) fn all(keys: &Keys) -> Vec<Setup> {
    let alone = keys.all.iter().enumerate().map(|(at, key)| Setup {
        name: key.name.to_owned(),
        groups: vec![vec![at]],
        threshold: None,
        // Some in the one way and some in the other.
        spelling: if at % 2 == 0 { Spelling::Flat } else { Spelling::Groups },
        asks_first: key.asks_first,
    });
    let several = SEVERAL.iter().filter_map(|&(name, groups, threshold, spelling)| {
        let find = |group: &&[&str]| group.iter().map(|name| keys.find(name)).collect();
        let groups = groups.iter().map(find).collect::<Option<Vec<Vec<usize>>>>()?;
        Some(Setup { name: name.to_owned(), groups, threshold, spelling, asks_first: false })
    });
    alone.chain(several).collect()
}

impl Setup {
    /// The lines of a rule.
    pub(crate) fn lines(&self, keys: &Keys) -> Vec<String> {
        let mut lines: Vec<String> =
            self.threshold.iter().map(|n| format!("shamir_threshold: {n}")).collect();
        let (spelling, only) = (self.spelling, &self.groups[0]);
        let flat = only.iter().map(|&at| keys.all[at].flat.as_ref()).collect::<Option<Vec<_>>>();
        if let (Spelling::Flat, Some(flat)) = (spelling, flat) {
            for field in fields(flat.iter().map(|(field, _)| *field)) {
                let own = flat.iter().filter(|(name, _)| *name == field);
                let entries: Vec<_> = own.map(|(_, list)| list.trim_matches(['[', ']'])).collect();
                lines.push(format!("{field}: [{}]", entries.join(", ")));
            }
            return lines;
        }
        let groups = self.groups.iter().map(|group| match (spelling, group.as_slice()) {
            // The last of them in a group that is merged, and that one merges once more.
            (Spelling::Merged, [own @ .., last]) => {
                let (own, last) = (as_group(keys, own), as_group(keys, &[*last]));
                format!("{{merge: [{{{own}}}, {{merge: [{{{last}}}]}}]}}")
            }
            (_, group) => format!("{{{}}}", as_group(keys, group)),
        });
        lines.push(format!("key_groups: [{}]", groups.collect::<Vec<_>>().join(", ")));
        lines
    }

    /// The threshold that a new file has. Go sops notes how many groups there are if all are needed.
    fn stored(&self) -> usize {
        let all = if self.groups.len() > 1 { self.groups.len() } else { 0 };
        self.threshold.unwrap_or(all)
    }

    /// The variables of no more keys than a new file takes, those of other ones with each `turn`.
    pub(crate) fn least(&self, keys: &Keys, turn: usize) -> Variables {
        self.some(keys, turn, self.stored())
    }

    /// The same for a file that had the keys of another setup: `updatekeys` leaves the threshold as
    /// it is, and does not look at that of the rule (CLI §3.6).
    pub(crate) fn least_after(&self, before: &Self, keys: &Keys, turn: usize) -> Variables {
        self.some(keys, turn, before.stored())
    }

    fn some(&self, keys: &Keys, turn: usize, threshold: usize) -> Variables {
        let count = self.groups.len();
        // Sharing begins with two; less means all of them.
        let needed = if threshold < 2 { count } else { threshold.min(count) };
        let groups = (0..needed).map(|at| &self.groups[(turn + at) % count]);
        let key = groups.map(|group| &keys.all[group[turn % group.len()]]);
        key.flat_map(|key| key.environment.clone()).collect()
    }
}

/// The fields of a group.
fn as_group(keys: &Keys, group: &[usize]) -> String {
    let own: Vec<&Key> = group.iter().map(|&at| &keys.all[at]).collect();
    let lists = fields(own.iter().map(|key| key.field)).into_iter().map(|field| {
        let of_field = own.iter().filter(|key| key.field == field);
        let entries: Vec<_> = of_field.map(|key| key.entry.as_str()).collect();
        format!("{field}: [{}]", entries.join(", "))
    });
    lists.collect::<Vec<_>>().join(", ")
}

fn fields<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut fields = Vec::new();
    for name in names {
        if !fields.contains(&name) {
            fields.push(name);
        }
    }
    fields
}
