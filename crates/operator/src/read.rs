//! Reads that the API server need not ask its store for.

use std::fmt::Debug;

use kube::Api;
use kube::api::GetParams;
use serde::de::DeserializeOwned;

use crate::version::Version;

/// An object no older than this version, which the watch brought: the API server has it at hand, and
/// asking its store is half of what an answer costs. Without a version it is the latest.
///
/// What is decided on it is right all the same: whatever comes later wakes the next pass, and changes
/// carry the version they were decided on. Whoever is told that it is not the latest any more asks
/// again without one.
pub(crate) async fn no_older<K>(
    api: &Api<K>,
    name: &str,
    version: &Version,
) -> kube::Result<Option<K>>
where
    K: Clone + DeserializeOwned + Debug,
{
    let version = Some(version.to_string()).filter(|version| !version.is_empty());
    match api.get_with(name, &GetParams { resource_version: version }).await {
        Ok(object) => Ok(Some(object)),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        // It never had this version: its store is another one since, or an older copy of it.
        Err(kube::Error::Api(status)) if matches!(status.code, 400 | 410 | 504) => {
            api.get_opt(name).await
        }
        Err(error) => Err(error),
    }
}
