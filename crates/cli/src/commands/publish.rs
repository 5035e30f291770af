//! `publish`: files and their values to where other programs look for them.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::{
    args::{GlobalFlags, keys::ServiceFlags},
    auditing::Trail,
    config_file,
    failure::{self, Failure},
    files::print,
    key_services::KeyServices,
    publishing::{Done, Outcome, Run, find},
    status::Status,
};

/// Publish a file to S3, Cloud Storage, Vault, Secrets Manager or Parameter Store
///
/// Puts FILE where the first matching rule among the destination_rules of .sops.yaml says.
///
/// Amazon S3 and Google Cloud Storage get the encrypted file as it is, or encrypted anew if the rule
/// has a recreation_rule. Key-value stores of Vault and OpenBao, AWS Secrets Manager and AWS
/// Parameter Store get the values in clear, as JSON, and only if they differ from what is there.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs publish --dry-run app.yaml            what would be written where; nothing is
  sops-rs publish app.yaml                      asks first
  sops-rs publish --yes --recursive secrets/    all files below a folder, in CI
  sops-rs publish --yes --json --recursive secrets/ | jq -r 'select(.error).file'")]
pub(crate) struct PublishArgs {
    /// The file, or with --recursive a folder
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    #[arg(hide = true)]
    extra: Vec<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Say what would be written, and write nothing; no values are shown
    #[arg(long)]
    dry_run: bool,
    /// Publish all files below a folder, in lexical order
    #[arg(long)]
    recursive: bool,
    /// Leave the last extension out of the names
    #[arg(long)]
    omit_extensions: bool,
    /// Print one JSON object per file instead of text
    #[arg(long)]
    json: bool,
    /// Format of the files
    #[arg(long, value_name = "FORMAT")]
    input_type: Option<String>,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Publishes.
pub(crate) fn run(
    args: &PublishArgs,
    global: &GlobalFlags,
    trail: &Trail,
) -> Result<Status, Failure> {
    super::warn_of_extra(&args.extra);
    let Some(path) = &args.path else { return Err(super::no_file()) };
    let config = config_file::find(global)?.ok_or_else(|| {
        Failure::generic("config file not found")
            .hint("destination_rules stand in .sops.yaml, in this folder or above")
    })?;
    let found = find(path, args.recursive)?;
    let mut run = Run::new(global, &config, KeyServices::new(&args.services)?, trail);
    run.yes = args.yes;
    run.dry = args.dry_run;
    run.json = args.json;
    run.several = args.recursive;
    run.omit_extensions = args.omit_extensions;
    run.input_type = args.input_type.as_deref();
    let one = found.len() == 1 && !path.is_dir();
    let mut tally = Tally::default();
    let all = found.len();
    for (number, found) in found.into_iter().enumerate() {
        let (path, outcome) = match found {
            Ok(found) => {
                let outcome = run.publish(&found);
                (found.path, outcome)
            }
            Err((path, failure)) => (path, Err(failure)),
        };
        let file = path.to_string_lossy();
        tell(args, &file, &outcome)?;
        match outcome {
            Err(failure) if one => return Err(failure),
            Err(failure) => {
                tally.failed += 1;
                trail.failed(&failure);
                failure.within(&file).print();
            }
            Ok(done) => {
                tally.count(done.outcome());
                let place = if one { String::new() } else { format!("[{}/{all}] ", number + 1) };
                if !args.json && !args.dry_run && failure::on_terminal() {
                    failure::note(format_args!("{place}{}", done.line(&file)));
                } else {
                    failure::detail(format_args!("{place}{}", done.line(&file)));
                }
            }
        }
    }
    if !one && (tally.failed > 0 || failure::on_terminal()) && !args.json {
        failure::note(tally.text(args.dry_run));
    }
    match tally.failed {
        0 => Ok(Status::Success),
        failed => Err(Failure::generic(format!("failed publishing {failed} file(s)"))),
    }
}

/// Prints what became of a file, where somebody wants to read it on standard output.
fn tell(args: &PublishArgs, file: &str, outcome: &Result<Done, Failure>) -> Result<(), Failure> {
    match (outcome, args.json) {
        (Ok(done), true) => print(format!("{}\n", done.json(file, args.dry_run)).as_bytes()),
        (Err(failure), true) => {
            let line = json!({ "file": file, "error": failure.message() });
            print(format!("{line}\n").as_bytes())
        }
        (Ok(done), false) if args.dry_run => print(done.plan(file).as_bytes()),
        _ => Ok(()),
    }
}

/// How many files ended how.
#[derive(Debug, Default)]
struct Tally {
    published: usize,
    same: usize,
    canceled: usize,
    failed: usize,
}

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Same => self.same += 1,
            Outcome::Canceled => self.canceled += 1,
            _ => self.published += 1,
        }
    }

    fn text(&self, dry: bool) -> String {
        let published = if dry { "to be published" } else { "published" };
        let mut parts = vec![format!("{} {published}", self.published)];
        for (count, word) in
            [(self.same, "unchanged"), (self.canceled, "canceled"), (self.failed, "failed")]
        {
            if count > 0 {
                parts.push(format!("{count} {word}"));
            }
        }
        parts.join(", ")
    }
}
