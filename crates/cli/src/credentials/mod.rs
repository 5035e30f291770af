//! Where credentials come from: variables, files, commands and the terminal. Providers take them
//! as values; everything that looks for them is in here.

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
#[cfg(feature = "vault")]
pub(crate) mod vault;

/// Whether an error only says that something is not there.
#[cfg(any(feature = "huawei", feature = "pgp", feature = "vault"))]
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}
