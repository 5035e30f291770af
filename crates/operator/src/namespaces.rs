//! Namespaces whose label demands verified objects.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The label; its value is `true`.
pub(crate) const LABEL: &str = "sops-operator/require-verified";

/// The namespaces that have it.
#[derive(Default)]
pub(crate) struct VerifiedOnly(Mutex<HashSet<String>>);

impl VerifiedOnly {
    pub(crate) fn contains(&self, namespace: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(namespace)
    }

    /// Whether that is news.
    pub(crate) fn set(&self, namespace: &str, demands: bool) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if demands { all.insert(namespace.to_owned()) } else { all.remove(namespace) }
    }

    /// Keeps those of a complete list; gives those that are gone.
    pub(crate) fn retain(&self, seen: &HashSet<String>) -> Vec<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<String> = all.difference(seen).cloned().collect();
        all.retain(|namespace| seen.contains(namespace));
        gone
    }
}
