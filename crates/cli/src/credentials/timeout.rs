//! How long the use of a key may take, as this run has it.

use std::time::Duration;

use crate::env_vars;

/// What `SOPS_KEY_TIMEOUT` says, if it says anything.
pub(super) fn given() -> Result<Option<Duration>, String> {
    let variable = env_vars::SOPS_KEY_TIMEOUT;
    let Some(text) = variable.non_empty() else { return Ok(None) };
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    let given = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    given.map(Some).ok_or_else(|| {
        let name = variable.name;
        format!("{name} is {text:?}; it takes seconds above zero, such as 10 or 2.5")
    })
}
