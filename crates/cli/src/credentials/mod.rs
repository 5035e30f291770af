//! Where credentials come from: variables, files, commands and the terminal. Providers take them
//! as values; everything that looks for them is in here.

pub(crate) mod age;
#[cfg(feature = "aws")]
pub(crate) mod aws;
#[cfg(feature = "azure")]
pub(crate) mod azure;
#[cfg(any(feature = "azure", feature = "gcp", feature = "keyservice"))]
mod calls;
#[cfg(feature = "gcp")]
pub(crate) mod gcp;
#[cfg(unix)]
mod gpg_agent;
#[cfg(feature = "keyservice")]
pub(crate) mod keyservice;
mod person;
mod terminal;
