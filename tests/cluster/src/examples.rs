//! The examples of the operator's specification (§12), as they stand in `tests/data/operator`.

use std::fs;

use k8s_openapi::api::core::v1::Secret;
use sops_tests::paths;

use crate::cluster::objects;

/// A SopsSecret, encrypted by another program, with what has to come of it.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Its name in `tests/data/operator`.
    pub file: &'static str,
    /// The name of the object.
    pub name: &'static str,
    /// The namespace in its metadata.
    pub namespace: &'static str,
    /// Whether its MAC is right for the order in which the API server keeps the keys.
    pub canonical: bool,
    /// Whether nothing is to be made of it until that is taken away.
    pub suspended: bool,
}

/// All three.
pub const EXAMPLES: [Example; 3] = [
    Example {
        file: "storefront",
        name: "storefront",
        namespace: "shop",
        canonical: false,
        suspended: false,
    },
    Example {
        file: "ledger-db",
        name: "ledger-db",
        namespace: "finance",
        canonical: true,
        suspended: false,
    },
    Example {
        file: "edge-tls",
        name: "edge-tls",
        namespace: "edge",
        canonical: false,
        suspended: true,
    },
];

impl Example {
    /// The manifest before it was encrypted.
    pub fn plain(&self) -> String {
        self.read("plain")
    }

    /// The encrypted manifest.
    pub fn sealed(&self) -> String {
        self.read("sealed")
    }

    /// The encrypted manifest for another namespace. Its values open as before; the MAC of those
    /// that cover what is not encrypted (all but the canonical one) no longer matches.
    pub fn sealed_for(&self, namespace: &str) -> String {
        let line = format!("  namespace: {}\n", self.namespace);
        let sealed = self.sealed();
        assert_eq!(sealed.matches(&line).count(), 1, "the namespace of {}", self.file);
        sealed.replace(&line, &format!("  namespace: {namespace}\n"))
    }

    /// The Secrets that have to come of it, with namespace, type, labels, annotations and data.
    pub fn secrets(&self) -> Vec<Secret> {
        let objects = objects(&self.read("secrets"));
        let secrets = objects.into_iter().map(|object| object.try_parse());
        secrets.collect::<Result<_, _>>().expect("the expected objects are Secrets")
    }

    fn read(&self, part: &str) -> String {
        let path = paths::in_tests(format!("data/operator/{}.{part}.yaml", self.file));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}
