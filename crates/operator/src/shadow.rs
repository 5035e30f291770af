//! Beside another operator: nothing is written, and how live Secrets differ is told by key name.

use std::time::Instant;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use crate::audit;
use crate::context::Context;
use crate::desired::{self, Desired};
use crate::metrics::Passed;
use crate::object::{Name, SopsSecret};
use crate::open;

/// Looks at an object and tells.
pub(crate) async fn look(context: &Context, name: &Name) -> Result<(), kube::Error> {
    let begin = Instant::now();
    let api: Api<SopsSecret> = Api::namespaced(context.client.clone(), name.namespace());
    let Some(object) = api.get_opt(name.name()).await? else { return Ok(()) };
    if object.metadata.deletion_timestamp.is_some() || object.switches().suspend == Some(true) {
        return Ok(());
    }
    let opened = match audit::open(context, &object, false).await {
        Ok(opened) => opened,
        Err((closed, _)) => {
            let reason = closed.reason.name();
            tracing::warn!(sopssecret = %name, reason, "Would fail: {}", closed.detail);
            context.metrics.passed(Passed::Failure, reason, begin.elapsed());
            return Ok(());
        }
    };
    let integrity = open::Integrity::of(&opened.integrity).name();
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), name.namespace());
    let mut same = true;
    for template in desired::desired(&opened.templates) {
        let desired = match template {
            Ok(desired) => desired,
            Err(wrong) => {
                same = false;
                let reason = wrong.reason.name();
                tracing::warn!(sopssecret = %name, secret = wrong.name, reason, "Would fail: {}", wrong.detail);
                continue;
            }
        };
        let live = secrets.get_opt(&desired.name).await?;
        let differences = differences(&desired, live.as_ref());
        if !differences.is_empty() {
            same = false;
            let text = differences.join(", ");
            tracing::warn!(sopssecret = %name, secret = desired.name, "Differs: {text}");
        }
    }
    let reason = if same { "Same" } else { "Differs" };
    tracing::info!(sopssecret = %name, integrity, reason, "Compared");
    context.metrics.passed(Passed::Success, reason, begin.elapsed());
    Ok(())
}

/// How a live Secret differs from what a template wants: names of keys, never values.
fn differences(desired: &Desired, live: Option<&Secret>) -> Vec<String> {
    let Some(live) = live else { return vec!["it does not exist".to_owned()] };
    let mut all = Vec::new();
    let kind = live.type_.as_deref().unwrap_or("Opaque");
    if kind != desired.kind {
        all.push(format!("its type is {kind} and not {}", desired.kind));
    }
    let empty = Default::default();
    let data = live.data.as_ref().unwrap_or(&empty);
    for (key, value) in &desired.data {
        match data.get(key) {
            None => all.push(format!("{key} is missing")),
            Some(found) if found.0 != value.expose() => {
                all.push(format!("{key} has another value"))
            }
            Some(_) => {}
        }
    }
    let extra = data.keys().filter(|key| !desired.data.contains_key(*key));
    all.extend(extra.map(|key| format!("{key} is too much")));
    let maps = [
        ("label", &desired.labels, &live.metadata.labels),
        ("annotation", &desired.annotations, &live.metadata.annotations),
    ];
    for (what, wanted, found) in maps {
        for (key, value) in wanted {
            if found.as_ref().and_then(|found| found.get(key)) != Some(value) {
                all.push(format!("{what} {key} is not what the template says"));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    #[test]
    fn differences_name_keys_and_no_values() {
        let desired = Desired {
            name: "s".into(),
            kind: "Opaque".into(),
            labels: [("l".to_owned(), "secret-label".to_owned())].into(),
            annotations: Default::default(),
            data: [("a", "secret-1"), ("b", "secret-2"), ("c", "same")]
                .map(|(key, value)| (key.to_owned(), value.into()))
                .into(),
        };
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        let live = Secret {
            type_: Some("Opaque".into()),
            data: Some(
                [("a", "other"), ("c", "same"), ("d", "secret-3")]
                    .map(|(key, value)| (key.to_owned(), bytes(value)))
                    .into(),
            ),
            ..Secret::default()
        };
        let found = differences(&desired, Some(&live));
        assert_eq!(
            found,
            [
                "a has another value",
                "b is missing",
                "d is too much",
                "label l is not what the template says"
            ]
        );
        assert_eq!(differences(&desired, None), ["it does not exist"]);
    }
}
