//! Where credentials come from: variables, files, commands and the terminal. Providers take them
//! as values; everything that looks for them is in here.

pub(crate) mod age;
#[cfg(feature = "aws")]
pub(crate) mod aws;
#[cfg(any(feature = "aws", feature = "huawei", feature = "vault"))]
mod calls;
#[cfg(unix)]
mod gpg_agent;
#[cfg(feature = "huawei")]
pub(crate) mod huawei;
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
