//! The destination rule of a file, and what its recreation rule asks for, in the words of SOPS.

use std::path::Path;

use sops_core::{
    config::{
        CreationRule, Decision, DestinationError, DestinationRule, Given, Lookup, Remark, decide,
    },
    format::Format,
};

use super::Run;
use crate::{
    config_file::with_slashes,
    failure::{self, Failure, deciding},
    files::absolute_path,
};

impl Run<'_> {
    /// The destination rule of a file.
    pub(super) fn rule(&self, path: &Path) -> Result<&DestinationRule, Failure> {
        let given = with_slashes(path);
        let absolute = with_slashes(&absolute_path(path));
        let found = self.config.config.destination_rule(&given, &absolute);
        found.map_err(|error| self.refused(&error))?.ok_or_else(|| {
            Failure::generic("error loading config: no matching destination found in config").hint(
                format!(
                    "no path_regex of the destination_rules in {} matches {given}",
                    self.config.path.display()
                ),
            )
        })
    }

    /// A destination rule cannot be used.
    pub(super) fn refused(&self, error: &DestinationError) -> Failure {
        let file = self.config.path.display();
        match error {
            DestinationError::Several { line, .. } => Failure::generic(
                "error loading config: more than one destinations were found in a single \
                 destination rule, you can only use one per rule",
            )
            .hint(format!("the rule in {file}, line {line}")),
            DestinationError::Pattern { line, source, .. } => {
                Failure::generic(format!("can not compile regexp: error parsing regexp: {source}"))
                    .hint(format!("path_regex in {file}, line {line}"))
            }
            DestinationError::Ambiguous { .. } => {
                Failure::generic(format!("error loading config: {file}: {error}")).hint(
                    "SOPS goes by the path as it was given; run this from the folder of the \
                     configuration, where both are the same",
                )
            }
            DestinationError::Nowhere { .. } => {
                Failure::generic(format!("error loading config: {file}: {error}"))
            }
        }
    }

    /// What a recreation rule asks for, which is what a creation rule would.
    pub(super) fn decide(
        &self,
        rule: &DestinationRule,
        recreation: &CreationRule,
        format: Format,
    ) -> Result<Decision, Failure> {
        let place = format!(
            "the recreation_rule of destination rule {} in {}, line {}",
            rule.number(),
            self.config.path.display(),
            recreation.line()
        );
        let decided = decide(Lookup::Rule(recreation), &Given::default(), format);
        let decision = decided
            .map_err(|error| deciding::decide(&error, Some(self.config)).hint(place.clone()))?;
        for remark in &decision.remarks {
            match remark {
                Remark::NoRule | Remark::IgnoredForBinary(_) => {}
                remark => failure::warn(format_args!("{place}: {remark}")),
            }
        }
        Ok(decision)
    }
}
