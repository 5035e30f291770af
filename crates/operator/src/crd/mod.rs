//! The custom resource definition: names, versions and schema. Nothing here acts.

mod schema;

pub(crate) use schema::definition;

/// The API group.
pub(crate) const GROUP: &str = "isindir.github.com";
/// The version that is stored, and the only one that is read and written.
pub(crate) const VERSION: &str = "v1alpha3";
pub(crate) const KIND: &str = "SopsSecret";
pub(crate) const PLURAL: &str = "sopssecrets";
