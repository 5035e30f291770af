//! `updatekeys`: the master keys of files as `.sops.yaml` wants them.

use std::path::{Path, PathBuf};

use clap::Args;

use serde_json::{Value, json};
use sops_core::{
    config::{Lookup, RuleError},
    keys::MasterKey,
    metadata::Metadata,
};

use crate::{
    args::{GlobalFlags, keys::ServiceFlags},
    config_file::{self, ConfigFile, with_slashes},
    failure::{self, Failure, deciding, os_words},
    files::{
        absolute_path, print,
        replace::{Content, Original},
    },
    key_difference::KeyDifference,
    key_services::KeyServices,
    opening, prompt, rekeying, request,
    status::Status,
};

/// Bring the master keys of files in line with .sops.yaml
///
/// Compares the master keys of each FILE with the creation rule in .sops.yaml that matches it,
/// shows the difference, asks, and writes the file with the keys of the rule. Values, MAC and data
/// key stay.
///
/// A key that is removed this way may have been used to keep the data key: `rotate` afterwards.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs updatekeys secret.yaml
  sops-rs updatekeys --yes $(git ls-files '*.enc.yaml')
  sops-rs updatekeys --json --yes secret.yaml | jq .changed")]
pub(crate) struct UpdatekeysArgs {
    /// The files
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print one JSON object per file instead of text
    #[arg(long)]
    json: bool,
    /// Format of the files
    #[arg(long, value_name = "FORMAT")]
    input_type: Option<String>,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Updates.
pub(crate) fn run(args: &UpdatekeysArgs, global: &GlobalFlags) -> Result<Status, Failure> {
    let config = config_file::find(global)?
        .ok_or_else(|| Failure::generic("config file not found").hint(
            "rules are looked for in .sops.yaml, in this folder and above; or name a file: --config",
        ))?;
    if args.paths.is_empty() {
        return Err(super::no_file());
    }
    let run = Run { args, global, config: &config, services: KeyServices::new(&args.services)? };
    if let [path] = args.paths.as_slice() {
        return run.tell(path, run.one(path)).map(|()| Status::Success);
    }
    // One at a time, and nothing of a file is kept: a thousand of them take no more memory.
    let mut failed = 0;
    for path in &args.paths {
        if let Err(failure) = run.tell(path, run.one(path)) {
            failure.print();
            failed += 1;
        }
    }
    match failed {
        0 => Ok(Status::Success),
        failed => Err(Failure::generic(format!("failed updating {failed} key(s)"))),
    }
}

struct Run<'a> {
    args: &'a UpdatekeysArgs,
    global: &'a GlobalFlags,
    config: &'a ConfigFile,
    services: KeyServices,
}

/// What became of one file.
struct Outcome {
    difference: KeyDifference,
    written: bool,
}

impl Run<'_> {
    fn one(&self, path: &Path) -> Result<Outcome, Failure> {
        let shown = absolute_path(path);
        failure::is_about(path);
        let data = std::fs::metadata(path).map_err(|error| {
            Failure::generic(format!("stat {}: {}", shown.display(), os_words(&error)))
        })?;
        if data.is_dir() {
            return Err(Failure::generic("can't operate on a directory")
                .hint("name its files: sops-rs updatekeys $(git ls-files 'FOLDER/*.yaml')"));
        }
        self.note(format_args!("Syncing keys for file {}", shown.display()));
        let format = request::format("--input-type", self.args.input_type.as_deref(), Some(path))?;
        let original = Original::read(path)?;
        let sealed = opening::read(format, original.bytes())?;
        let wanted = self.services.complete(&self.wanted(path)?)?;
        let threshold = threshold(&sealed.metadata, wanted.len());
        let difference = KeyDifference::between(&sealed.metadata, &wanted, threshold);
        if difference.is_empty() {
            self.note(format_args!("File {} already up to date", shown.display()));
            return Ok(Outcome { difference, written: false });
        }
        let heading = "The following changes will be made to the file's groups:\n";
        match (self.args.json, self.args.yes) {
            (false, _) => print(format!("{heading}{}", difference.render()).as_bytes())?,
            // Whoever is asked has to see what about; standard output is the program's.
            (true, false) => failure::note(format_args!("{heading}{}", difference.render())),
            (true, true) => {}
        }
        if !self.args.yes && !prompt::confirm("Is this okay? (y/n):")? {
            self.note(format_args!("File {} left unchanged", shown.display()));
            return Ok(Outcome { difference, written: false });
        }
        let data_key = self.services.recover(&sealed.metadata)?;
        let text = rekeying::with_keys(
            &sealed,
            &data_key,
            &wanted,
            threshold,
            &self.services,
            self.global,
        )?;
        original.replace(&text, Content::Sealed)?;
        self.note(format_args!("File {} synced with new keys", shown.display()));
        if difference.removes() && !self.args.json {
            self.note(
                "Whoever held a removed key may have kept the data key; `sops-rs rotate -i` gives \
                 the file a new one.",
            );
        }
        Ok(Outcome { difference, written: true })
    }

    /// The keys of the rule that matches.
    fn wanted(&self, path: &Path) -> Result<Vec<Vec<MasterKey>>, Failure> {
        let file = self.config;
        let refused = |error: &RuleError| deciding::rule(error, file);
        let absolute = with_slashes(&absolute_path(path));
        let lookup = file.config.creation_rule(&absolute).map_err(|error| refused(&error))?;
        match lookup {
            Lookup::Rule(rule) => {
                let mut groups = rule.groups().map_err(|error| match error {
                    RuleError::NoKeys { .. } | RuleError::EmptyGroup { .. } => Failure::generic(
                        "error updating one or more master keys: [empty key group provided]",
                    )
                    .hint(error.to_string()),
                    error => refused(&error),
                })?;
                for group in &mut groups {
                    without_repetitions(group);
                    // A file is read kind by kind (format §3.6), so that is the order to compare.
                    group.sort_by_key(MasterKey::kind);
                }
                Ok(groups)
            }
            Lookup::NoMatch => {
                Err(Failure::generic("error loading config: no matching creation rules found"))
            }
            Lookup::NoRules => Err(Failure::generic(format!(
                "The config file {} does not contain any creation rule",
                file.path.display()
            ))),
        }
    }

    /// Says what is going on, unless a program listens.
    fn note(&self, text: impl std::fmt::Display) {
        if !self.args.json {
            failure::note(text);
        }
    }

    /// Reports one file to a program that listens.
    fn tell(&self, path: &Path, outcome: Result<Outcome, Failure>) -> Result<(), Failure> {
        if !self.args.json {
            return outcome.map(drop);
        }
        let mut line = json!({ "file": path.to_string_lossy() });
        match &outcome {
            Ok(Outcome { difference, written }) => {
                line["changed"] = Value::from(!difference.is_empty());
                line["written"] = Value::from(*written);
                line["groups"] = difference.json();
                line["threshold"] = difference.threshold_json();
            }
            Err(failure) => line["error"] = Value::from(failure.message()),
        }
        print(format!("{line}\n").as_bytes())?;
        outcome.map(drop)
    }
}

/// The file's own threshold, as far as the rule has groups for it (format §8.3). Sharing begins
/// with two; less means all of them.
fn threshold(metadata: &Metadata, groups: usize) -> u32 {
    let most = u32::try_from(groups).unwrap_or(u32::MAX);
    match metadata.shamir_threshold.min(most) {
        1 if groups > 1 => 0,
        threshold => threshold,
    }
}

fn without_repetitions(group: &mut Vec<MasterKey>) {
    let mut seen: Vec<MasterKey> = Vec::new();
    group.retain(|key| {
        let new = !seen.iter().any(|known| known.is_same(key));
        if new {
            seen.push(key.clone());
        }
        new
    });
}
