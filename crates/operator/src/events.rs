//! Events about SopsSecrets: names, reasons and places, never values.

use k8s_openapi::api::core::v1::Event;
use k8s_openapi::api::core::v1::EventSource;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::PostParams;

use crate::context::Context;
use crate::object::SopsSecret;
use crate::plan::MANAGER;
use crate::report::Notice;

/// What the API server takes as a message.
const LONGEST: usize = 1024;

/// Publishes. An event that does not get through is no reason to stop.
pub(crate) async fn publish(context: &Context, object: &SopsSecret, notices: &[Notice]) {
    for notice in notices {
        publish_about(context, object.reference(), notice).await;
    }
}

/// The same about any object.
pub(crate) async fn publish_about(context: &Context, object: ObjectReference, notice: &Notice) {
    if !context.leads() {
        return;
    }
    let namespace = object.namespace.clone().unwrap_or_default();
    let name = format!("{namespace}/{}", object.name.as_deref().unwrap_or_default());
    let api: Api<Event> = Api::namespaced(context.client.clone(), &namespace);
    let ours = object.kind.as_deref() == Some(crate::crd::KIND);
    if let Err(error) = api.create(&PostParams::default(), &event(object, notice)).await {
        let why = crate::telemetry::words(&error);
        // What is forbidden does not pass by itself, and the log is all that can tell.
        let forbidden = matches!(&error, kube::Error::Api(status) if status.is_forbidden());
        let text = "Unable to publish an event";
        match (forbidden, ours) {
            (true, true) => tracing::warn!(sopssecret = name, error = why, "{text}"),
            (true, false) => tracing::warn!(object = name, error = why, "{text}"),
            (false, _) => tracing::debug!(object = name, error = why, "{text}"),
        }
    }
}

fn event(object: ObjectReference, notice: &Notice) -> Event {
    let now = Timestamp::now();
    let name = object.name.as_deref().unwrap_or_default();
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{:x}", now.as_nanosecond())),
            namespace: object.namespace.clone(),
            ..ObjectMeta::default()
        },
        involved_object: object,
        type_: Some(if notice.warning { "Warning" } else { "Normal" }.to_owned()),
        reason: Some(notice.reason.to_owned()),
        message: Some(short(&notice.text)),
        source: Some(EventSource { component: Some(MANAGER.to_owned()), host: None }),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        count: Some(1),
        ..Event::default()
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST - 1) {
        Some((end, _)) => format!("{}…", &text[..text.floor_char_boundary(end.min(LONGEST - 4))]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = short(&"ü".repeat(3000));
        assert!(text.len() <= LONGEST && text.ends_with('…'));
        assert_eq!(short("kurz"), "kurz");
    }
}
