//! What key services share: how long a call may take, and the proxy.

use std::time::Duration;

use sops_providers::CallPolicy;
#[cfg(any(feature = "aws", feature = "huawei", feature = "vault"))]
use {crate::env_vars, sops_providers::Proxy};

/// How long one call may take.
pub(super) fn deadline() -> Result<Duration, String> {
    Ok(super::timeout::given()?.unwrap_or(CallPolicy::DEADLINE))
}

/// The proxy for `https`.
#[cfg(any(feature = "aws", feature = "huawei", feature = "vault"))]
pub(super) fn proxy() -> Option<Proxy> {
    let either = |upper: env_vars::Variable, lower: env_vars::Variable| {
        upper.non_empty().or_else(|| lower.non_empty())
    };
    let address = either(env_vars::HTTPS_PROXY, env_vars::https_proxy)?;
    Some(Proxy { address, except: either(env_vars::NO_PROXY, env_vars::no_proxy) })
}

/// The same for services that may run on this machine.
#[cfg(any(feature = "huawei", feature = "vault"))]
pub(super) fn proxy_beyond_this_machine() -> Option<Proxy> {
    proxy().map(Proxy::beyond_this_machine)
}
