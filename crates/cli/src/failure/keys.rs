//! Why keys did not open or wrap a data key.
//!
//! The one line that helps comes first: with one key it is the key's own failure. The list of all
//! keys follows, as SOPS prints it, without the attempts of its libraries (CLI §13, 45).

use std::fmt::Write as _;

use sops_core::keys::{
    DistributeError, GroupReport, KeyKind, KeyOutcome, KeyReport, MasterKey, ProviderError,
    RecoverError, Refusal,
};
use sops_providers::missing_feature;

use super::{Failure, sentence};
use crate::status::Status;

/// What was done to recover a data key, as far as it matters for the report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried<'a> {
    /// Whether anybody was asked: the local key service was not turned off, or there are others.
    pub(crate) services: bool,
    /// Where age identities were looked for.
    pub(crate) looked: &'a str,
}

/// The data key could not be recovered.
pub(crate) fn recover(error: &RecoverError, tried: Tried<'_>) -> Failure {
    let mut text = "Failed to get the data key required to decrypt the SOPS file.\n".to_owned();
    let RecoverError::TooFew { needed, groups } = error else {
        let _ = write!(text, "\n{}", sentence(error));
        return Failure::new(Status::CouldNotRetrieveKey, text);
    };
    for (number, group) in groups.iter().enumerate() {
        let state = if group.opened { "SUCCESS" } else { "FAILED" };
        let _ = write!(text, "\nGroup {number}: {state}");
        for key in &group.keys {
            describe(&mut text, key, tried);
        }
        text.push('\n');
    }
    let _ = match (groups.len(), needed) {
        (1, _) => write!(
            text,
            "\nRecovery failed because no master key was able to decrypt the file. In\n\
             order for SOPS to recover the file, at least one key has to be successful,\n\
             but none were."
        ),
        (_, needed) => write!(
            text,
            "\nRecovery failed because the file is encrypted with key groups, and {needed} of\n\
             them are needed, but only {} could be opened.",
            groups.iter().filter(|group| group.opened).count()
        ),
    };
    let mut failure =
        Failure::new(Status::CouldNotRetrieveKey, text).because(causes(groups, tried));
    for hint in next_steps(groups) {
        failure = failure.hint(hint);
    }
    if !tried.services {
        failure = failure.hint(LOCAL_IS_OFF);
    } else if groups.iter().any(lacks_identity) {
        failure = failure.hint(
            "put the age identity into ~/.config/sops/age/keys.txt, or name its file in \
             SOPS_AGE_KEY_FILE",
        );
    }
    failure
}

/// The same for `groups`, which has a line and a status of its own for it (CLI §3.7). SOPS leaves
/// it at the line. `stored` is the threshold that the file has.
pub(crate) fn recover_for_groups(error: &RecoverError, tried: Tried<'_>, stored: u32) -> Failure {
    let mut failure = recover(error, tried).with_status(Status::Generic);
    if let RecoverError::TooFew { groups, .. } = error {
        let opened = groups.iter().filter(|group| group.opened).count();
        let line =
            format!("Error getting data key: {stored} successful groups required, got {opened}");
        failure.message = format!("{line}\n\n{}", failure.message);
    }
    failure
}

/// Whether an age identity would have opened a group that stayed closed.
fn lacks_identity(group: &GroupReport) -> bool {
    let lacks = |report: &KeyReport| match &report.outcome {
        KeyOutcome::NotMine => true,
        KeyOutcome::Failed(errors) => {
            errors.iter().any(|error| error.refusal == Refusal::NoCredentials)
        }
        _ => false,
    };
    !group.opened && group.keys.iter().any(|key| key.key.kind() == KeyKind::Age && lacks(key))
}

fn describe(text: &mut String, report: &KeyReport, tried: Tried<'_>) {
    let (state, reasons) = outcome(report, tried);
    let _ = write!(text, "\n  {}: {state}", report.key);
    for reason in reasons {
        for (number, line) in wrapped(&reason, 72).into_iter().enumerate() {
            let mark = if number == 0 { "- |" } else { "  |" };
            let _ = write!(text, "\n    {mark} {line}");
        }
    }
}

/// What came of a key, in a word and in reasons.
fn outcome(report: &KeyReport, tried: Tried<'_>) -> (&'static str, Vec<String>) {
    let looked = tried.looked;
    let KeyReport { key, outcome } = report;
    match outcome {
        KeyOutcome::Opened => ("SUCCESS", Vec::new()),
        KeyOutcome::NotNeeded => ("NOT TRIED", Vec::new()),
        KeyOutcome::NoProvider if !tried.services => {
            ("FAILED", vec!["not asked: no key service is turned on".to_owned()])
        }
        KeyOutcome::NoProvider => ("FAILED", vec![not_served(key)]),
        KeyOutcome::NotMine if key.kind() == KeyKind::Age => {
            ("FAILED", vec![format!("no identity found for this recipient. {looked}")])
        }
        KeyOutcome::NotMine => ("FAILED", vec!["no key found that belongs to it".to_owned()]),
        KeyOutcome::Failed(errors) => {
            let mut reasons: Vec<String> = errors.iter().map(ToString::to_string).collect();
            if key.kind() == KeyKind::Age && !looked.is_empty() {
                reasons.push(looked.to_owned());
            }
            ("FAILED", reasons)
        }
    }
}

/// Why the keys of groups that stayed closed did not open them, in one line for programs.
fn causes(groups: &[GroupReport], tried: Tried<'_>) -> String {
    let keys = groups.iter().filter(|group| !group.opened).flat_map(|group| &group.keys);
    let failed = keys.map(|report| (report, outcome(report, tried).1));
    let told = failed.filter(|(_, reasons)| !reasons.is_empty());
    let told = told.map(|(report, reasons)| format!("{}: {}", report.key, reasons.join("; ")));
    told.collect::<Vec<_>>().join("; ")
}

/// What to do next, once for each different advice.
fn next_steps(groups: &[GroupReport]) -> Vec<String> {
    let mut steps = Vec::new();
    for report in groups.iter().filter(|group| !group.opened).flat_map(|group| &group.keys) {
        if let KeyOutcome::Failed(errors) = &report.outcome {
            for step in errors.iter().map(next_step) {
                if !steps.contains(&step) {
                    steps.push(step);
                }
            }
        }
    }
    steps
}

/// What to do about one refusal, with this program's own name for it.
fn next_step(error: &ProviderError) -> String {
    match error.refusal {
        _ if error.via.is_some() => match error.refusal {
            Refusal::TimedOut => format!("{} (SOPS_KEY_TIMEOUT, in seconds)", error.next_step()),
            _ => error.next_step(),
        },
        Refusal::TimedOut => format!("{} (SOPS_KEY_TIMEOUT, in seconds)", error.next_step()),
        Refusal::Unreachable
            if error.text.contains("certificate") && error.kind == KeyKind::HcVault =>
        {
            "check who answers there; VAULT_CACERT names the file of certificates to trust"
                .to_owned()
        }
        Refusal::NotUnlocked if error.kind == KeyKind::Pgp => {
            format!("{}; gpg-agent asks at the terminal in GPG_TTY", error.next_step())
        }
        Refusal::Unreachable if error.text.contains("certificate") => {
            "check who answers there; SSL_CERT_FILE names the file of certificates to trust \
             (AWS_CA_BUNDLE is not read)"
                .to_owned()
        }
        _ => error.next_step(),
    }
}

/// Why no provider of this program knows a key.
fn not_served(key: &MasterKey) -> String {
    match missing_feature(key) {
        Some(feature) => format!("this build does not have the feature {feature}"),
        None => format!("{} keys are not served by this version", key.kind()),
    }
}

/// What a key lacks could not be found out.
pub(crate) fn incomplete(error: &DistributeError) -> Failure {
    let DistributeError::Wrap(failures) = error else {
        return Failure::from_error(Status::Generic, error);
    };
    let errors = || failures.iter().flat_map(|failure| &failure.errors);
    let reasons: Vec<_> = failures
        .iter()
        .flat_map(|failure| failure.errors.iter().map(move |error| (&failure.key, error)))
        .map(|(key, error)| format!("{key}: {error}"))
        .collect();
    let text = reasons.join("; ");
    let mut hints: Vec<String> = errors().map(next_step).collect();
    hints.dedup();
    let failure =
        Failure::generic(format!("failed to fetch Azure Key to retrieve key version: {text}"));
    hints.into_iter().fold(failure, Failure::hint)
}

/// The data key could not be wrapped for all keys.
pub(crate) fn distribute(error: &DistributeError, status: Status, heading: &str) -> Failure {
    match error {
        DistributeError::Wrap(failures) => {
            let mut all = Vec::new();
            let mut failure_hints = Vec::new();
            for failure in failures {
                let reasons: Vec<String> = match failure.errors.as_slice() {
                    [] => {
                        failure_hints.push(format!(
                            "a new data key has to be wrapped for every key of the file: use Go \
                             sops for this, or take {} out first",
                            failure.key
                        ));
                        vec![not_served(&failure.key)]
                    }
                    errors => errors.iter().map(ToString::to_string).collect(),
                };
                failure_hints.extend(failure.errors.iter().map(next_step));
                all.push(format!(
                    "failed to encrypt new data key with master key \"{}\": {}",
                    failure.key,
                    reasons.join("; ")
                ));
            }
            failure_hints.dedup();
            let failure = Failure::new(status, format!("{heading}: [{}]", all.join(" ")))
                .because(all.join("; "));
            failure_hints.into_iter().fold(failure, Failure::hint)
        }
        DistributeError::NoGroups | DistributeError::EmptyGroup(_) => {
            Failure::new(status, format!("{heading}: [empty key group provided]")).hint(format!(
                "{error}: give another key in the same call (--add-age, --add-kms, …); to end the \
                 encryption of a file, use `decrypt --in-place`"
            ))
        }
        DistributeError::Share(cause) => Failure::new(
            status,
            format!("{heading}: [could not split data key into parts for Shamir: {cause}]"),
        ),
    }
}

/// Every key service was turned off.
pub(crate) fn no_services(status: Status, heading: &str) -> Failure {
    let problem = format!("{heading}: [no key services provided, cannot update master keys]");
    Failure::new(status, problem).hint(LOCAL_IS_OFF)
}

const LOCAL_IS_OFF: &str = "leave --enable-local-keyservice=false and SOPS_ENABLE_LOCAL_KEYSERVICE \
                            away, or name a key service: --keyservice";

/// Lines of at most `width` characters, broken at blanks.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().filter(|line| {
            line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width
        });
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("", 7), [""]);
    }
}
