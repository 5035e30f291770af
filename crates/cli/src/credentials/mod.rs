//! Where credentials come from: variables, files, commands and the terminal. Providers take them
//! as values; everything that looks for them is in here.

pub(crate) mod age;
#[cfg(feature = "aws")]
pub(crate) mod aws;
#[cfg(unix)]
mod gpg_agent;
mod person;
mod terminal;
