//! Log lines: one JSON object each, in the shape that the original writes (operator spec §5), or
//! words for people.
//!
//! Rules of this module:
//!
//! - The key `sopssecret` holds namespace and name.
//! - What libraries log is taken from warnings up: below, they may show requests.
//! - The text of an error of the API server is never logged. It repeats values.

use std::fmt::Write as _;

use k8s_openapi::jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;

use crate::object::Name;
use crate::report::{Notice, Outcome, Report};

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Encoder {
    Json,
    Console,
}

/// How times look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TimeEncoding {
    Epoch,
    Millis,
    Nano,
    Iso8601,
    Rfc3339,
    Rfc3339nano,
}

/// Starts logging to standard error.
pub(crate) fn start(encoder: Encoder, level: Level, time: TimeEncoding) {
    let lines = Lines { encoder, level, time };
    // Only a second call would fail.
    let _ = tracing_subscriber::registry().with(lines).try_init();
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        // The message of a panic may hold anything.
        tracing::error!(place, "A pass panicked");
    }));
}

struct Lines {
    encoder: Encoder,
    level: Level,
    time: TimeEncoding,
}

impl Lines {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.target().starts_with("sops_operator");
        *metadata.level() <= if ours { self.level } else { Level::ERROR }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        if !metadata.target().starts_with("sops_operator") {
            // Of a library only that it complains.
            fields =
                Fields { message: format!("{} complains", metadata.target()), all: Vec::new() };
        }
        let time = self.time.text(Timestamp::now());
        let level = metadata.level().as_str().to_ascii_lowercase();
        let line = match self.encoder {
            Encoder::Json => json_line(&level, &time, &fields),
            Encoder::Console => console_line(&level, &time, &fields),
        };
        // Whoever closed standard error does not want to know.
        let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), line.as_bytes());
    }
}

fn json_line(level: &str, time: &serde_json::Value, fields: &Fields) -> String {
    let mut line = serde_json::Map::new();
    line.insert("level".to_owned(), level.into());
    line.insert("ts".to_owned(), time.clone());
    line.insert("logger".to_owned(), "controllers.SopsSecret".into());
    line.insert("msg".to_owned(), fields.message.clone().into());
    line.extend(fields.all.iter().cloned());
    format!("{}\n", serde_json::Value::Object(line))
}

fn console_line(level: &str, time: &serde_json::Value, fields: &Fields) -> String {
    let time = time.as_str().map_or_else(|| time.to_string(), str::to_owned);
    let mut line = format!("{time}\t{}\t{}", level.to_ascii_uppercase(), fields.message);
    for (key, value) in &fields.all {
        let _ = write!(line, "\t{key}={value}");
    }
    line.push('\n');
    line
}

#[derive(Default)]
struct Fields {
    message: String,
    all: Vec<(String, serde_json::Value)>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => self.message = text,
            name => self.all.push((name.to_owned(), text.into())),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            name => self.all.push((name.to_owned(), value.into())),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.all.push((field.name().to_owned(), value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.all.push((field.name().to_owned(), value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.all.push((field.name().to_owned(), value.into()));
    }
}

impl TimeEncoding {
    fn text(self, now: Timestamp) -> serde_json::Value {
        match self {
            Self::Epoch => serde_json::json!(now.as_microsecond() as f64 / 1e6),
            Self::Millis => serde_json::json!(now.as_microsecond() as f64 / 1e3),
            Self::Nano => serde_json::json!(i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX)),
            Self::Iso8601 => format!("{now:.3}").into(),
            Self::Rfc3339 => format!("{now:.0}").into(),
            Self::Rfc3339nano => format!("{now:.9}").into(),
        }
    }
}

/// What went wrong with the API server, without its text.
pub(crate) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => answered(status),
        kube::Error::SerdeError(_) => "the answer cannot be read".to_owned(),
        other => crate::open::chain(other),
    }
}

/// An answer of the API server, without its text; of a right that is missing, its name.
pub(crate) fn answered(status: &kube::core::Status) -> String {
    let right = match status.code {
        403 => crate::apply::forbidden(&status.message),
        _ => String::new(),
    };
    format!("{} {}{right}", status.code, crate::apply::reason(status))
}

/// What came of a pass.
pub(crate) fn passed(name: &Name, outcome: &Outcome, report: &Report) {
    let reason = report.reason.name();
    for Notice { warning, reason, text } in &report.notices {
        match warning {
            true => tracing::warn!(sopssecret = %name, reason, "{text}"),
            false => tracing::info!(sopssecret = %name, reason, "{text}"),
        }
    }
    match outcome {
        Outcome::Suspended => {
            tracing::info!(sopssecret = %name, "Reconciliation is suspended for this object");
        }
        Outcome::Closed(..) => tracing::debug!(sopssecret = %name, reason, "Decryption error"),
        Outcome::Settled(deeds) => {
            for settled in deeds.results.iter().flatten() {
                let deed = match &settled.deed {
                    crate::apply::Deed::Kept => continue,
                    crate::apply::Deed::Created => "Created a Secret",
                    crate::apply::Deed::Updated => "Updated a Secret",
                    crate::apply::Deed::Taken(_) => "Took over a Secret",
                };
                tracing::info!(sopssecret = %name, secret = &*settled.child.name, "{deed}");
            }
            tracing::debug!(sopssecret = %name, reason, "Reconciled");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_look_as_asked() {
        let now = Timestamp::from_nanosecond(1_700_000_000_123_456_789).expect("a time");
        let text = |encoding: TimeEncoding| encoding.text(now).to_string();
        assert_eq!(text(TimeEncoding::Iso8601), "\"2023-11-14T22:13:20.123Z\"");
        assert_eq!(text(TimeEncoding::Rfc3339), "\"2023-11-14T22:13:20Z\"");
        assert_eq!(text(TimeEncoding::Rfc3339nano), "\"2023-11-14T22:13:20.123456789Z\"");
        assert_eq!(text(TimeEncoding::Nano), "1700000000123456789");
        assert_eq!(text(TimeEncoding::Millis), "1700000000123.456");
    }

    #[test]
    fn a_refusal_tells_the_right_that_is_missing_and_nothing_else() {
        let refused = |message: &str| kube::core::Status {
            code: 403,
            reason: "Forbidden".into(),
            message: message.into(),
            ..Default::default()
        };
        let text = "sopssecrets.isindir.github.com \"hunter2\" is forbidden: User \"u\" cannot \
                    patch resource \"sopssecrets/status\" in API group \"isindir.github.com\"";
        let told = answered(&refused(text));
        let right = "403 Forbidden; the operator lacks the verb patch for sopssecrets/status";
        assert_eq!(told, right);
        let told = answered(&refused("admission refuses hunter2"));
        assert!(told.starts_with("403 Forbidden; ") && !told.contains("hunter2"), "{told}");
        // What the client makes of a body that is not JSON.
        let reason = "Failed to parse error data".to_owned();
        let told = answered(&kube::core::Status { code: 429, reason, ..Default::default() });
        assert_eq!(told, "429 Too Many Requests");
    }

    #[test]
    fn a_line_is_one_json_object_with_the_keys_of_the_original() {
        let fields = Fields {
            message: "Recon\nciling".into(),
            all: vec![("sopssecret".into(), "a/b".into())],
        };
        let line = json_line("info", &"now".into(), &fields);
        assert_eq!(line.matches('\n').count(), 1);
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(line["msg"], "Recon\nciling");
        assert_eq!(line["sopssecret"], "a/b");
        assert_eq!(line["level"], "info");
    }
}
