//! `audit verify`: whether an audit log is as it was written.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use sops_core::audit::{Link, Verifier};

use crate::{
    failure::{Failure, os_words},
    files::print,
    status::Status,
};

/// Check an audit log
///
/// Records of what was encrypted and decrypted go where /etc/sops/audit.yaml says. In a file, each
/// line holds on to the one before by its hash.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs audit verify /var/log/sops/audit.jsonl")]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand, Debug)]
enum AuditCommand {
    Verify(VerifyArgs),
}

/// Check that no record of a log was changed, taken out or put in
///
/// Checks the chain of a log from its first line on, and says how many records there are and the
/// hash of the last one. If the chain is broken, the exit status is 1 and the line is named.
///
/// What is missing at the end cannot be seen in a log alone: keep the last hash somewhere else, and
/// give it with --contains the next time.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs audit verify /var/log/sops/audit.jsonl
  sops-rs audit verify --contains 54f68d8f… /var/log/sops/audit.jsonl
  kubectl logs deploy/sops-operator | grep '\"schema\"' | sops-rs audit verify -")]
struct VerifyArgs {
    /// The logs, each with a chain of its own; - is standard input
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// A hash that was the last one once: a record has to have it
    #[arg(long, value_name = "HASH")]
    contains: Option<String>,
}

/// Checks.
pub(crate) fn run(args: &AuditArgs) -> Result<Status, Failure> {
    let AuditCommand::Verify(args) = &args.command;
    if args.paths.is_empty() {
        return Err(super::no_file());
    }
    let wanted = match &args.contains {
        None => None,
        Some(text) => Some(
            Link::parse(text.trim().as_bytes())
                .ok_or_else(|| Failure::usage("--contains takes a hash: 64 hexadecimal digits"))?,
        ),
    };
    let mut found = false;
    for path in &args.paths {
        let verified = if path.as_os_str() == "-" {
            verify(path, wanted, &mut io::stdin().lock())
        } else {
            let file = File::open(path).map_err(|error| unreadable(path, &error))?;
            verify(path, wanted, &mut BufReader::new(file))
        };
        let (verifier, has) = verified?;
        found |= has;
        let (lines, last) = (verifier.lines(), verifier.last());
        let records = if lines == 1 { "1 record" } else { &format!("{lines} records") };
        print(format!("{}: {records}, the last hash is {last}\n", path.display()).as_bytes())?;
    }
    match wanted {
        Some(wanted) if !found => Err(Failure::generic(format!("no record has the hash {wanted}"))
            .hint("records that were there when it was noted are gone")),
        _ => Ok(Status::Success),
    }
}

/// Checks all lines; and whether one of them has the hash.
fn verify(
    path: &Path,
    wanted: Option<Link>,
    log: &mut dyn BufRead,
) -> Result<(Verifier, bool), Failure> {
    let (mut verifier, mut found, mut line) = (Verifier::default(), false, Vec::new());
    loop {
        line.clear();
        let read = log.read_until(b'\n', &mut line).map_err(|error| unreadable(path, &error))?;
        if read == 0 {
            return Ok((verifier, found));
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        let link = verifier.line(&line).map_err(|broken| {
            Failure::generic(format!("{}: {broken}", path.display())).at_line(Some(broken.line))
        })?;
        found |= Some(link) == wanted;
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let problem = format!("Error reading file: open {}: {}", path.display(), os_words(error));
    Failure::new(Status::CouldNotReadInput, problem)
}
