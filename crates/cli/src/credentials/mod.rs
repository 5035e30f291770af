//! Where credentials come from: variables, files, commands and the terminal. Providers take them
//! as values; everything that looks for them is in here.

use std::path::PathBuf;

use crate::env_vars;

pub(crate) mod age;
#[cfg(feature = "aws")]
pub(crate) mod aws;
#[cfg(feature = "azure")]
pub(crate) mod azure;
#[cfg(any(
    feature = "aws",
    feature = "azure",
    feature = "gcp",
    feature = "huawei",
    feature = "keyservice",
    feature = "vault"
))]
mod calls;
#[cfg(feature = "gcp")]
pub(crate) mod gcp;
#[cfg(unix)]
mod gpg_agent;
#[cfg(feature = "huawei")]
pub(crate) mod huawei;
#[cfg(feature = "keyservice")]
pub(crate) mod keyservice;
mod person;
#[cfg(feature = "pgp")]
pub(crate) mod pgp;
mod terminal;
#[cfg(any(
    feature = "aws",
    feature = "azure",
    feature = "gcp",
    feature = "huawei",
    feature = "keyservice",
    feature = "pgp",
    feature = "vault"
))]
mod timeout;
#[cfg(feature = "vault")]
pub(crate) mod vault;

/// The home folder of the person.
fn home() -> Option<PathBuf> {
    let filled = |variable: env_vars::Variable| variable.os().filter(|home| !home.is_empty());
    let home = filled(env_vars::HOME);
    let home = if cfg!(windows) { home.or_else(|| filled(env_vars::USERPROFILE)) } else { home };
    home.map(PathBuf::from)
}

/// Whether an error only says that something is not there.
#[cfg(any(feature = "huawei", feature = "pgp", feature = "vault"))]
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}
