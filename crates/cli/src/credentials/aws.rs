//! AWS: the credential chain of the SDK finds everything by itself. What is added here is how long
//! a call may take, and the name of this machine for the sessions of assumed roles.

use std::time::Duration;

use sops_providers::aws_kms::{AwsKms, AwsSettings};

use crate::{env_vars, failure::Failure};

/// A provider that has done nothing yet: nothing is read or connected before a key is asked.
pub(crate) fn provider() -> Result<AwsKms, Failure> {
    Ok(AwsKms::new(AwsSettings { deadline: deadline()?, host: host(), ..AwsSettings::default() }))
}

fn deadline() -> Result<Duration, Failure> {
    let variable = env_vars::SOPS_KEY_TIMEOUT;
    let Some(text) = variable.non_empty() else { return Ok(AwsSettings::DEADLINE) };
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).ok_or_else(|| {
        Failure::generic(format!("could not parse {text} as seconds for {}", variable.name))
            .hint("it takes a number above zero, such as 10 or 2.5")
    })
}

fn host() -> Option<String> {
    #[cfg(unix)]
    {
        Some(rustix::system::uname().nodename().to_string_lossy().into_owned())
    }
    #[cfg(not(unix))]
    {
        None
    }
}
