//! Flags, as the original takes them (operator spec §7), and ours.
//!
//! Go programs take one dash or two, and switches only with `=`: `-leader-elect=false`. clap takes
//! two; words are turned before it sees them.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::audit::{self, Target};
use crate::settings::{Election, Mode, Settings};
use crate::telemetry::{Encoder, TimeEncoding};

/// Keeps the Secrets that SopsSecret objects describe.
#[derive(Debug, Parser)]
#[command(
    name = "sops-operator",
    version,
    args_conflicts_with_subcommands = true,
    // As in Go: the last one counts, so that what a chart adds can be said otherwise.
    args_override_self = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the Secrets that objects in files would become. Needs their keys, and no cluster.
    Render(Files),
    /// Says what would fail with objects in files, without printing a value. Status 1 if anything
    /// would.
    Check {
        #[command(flatten)]
        files: Files,
        /// One line of JSON for each object, on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Prints the custom resource definition as YAML.
    Crd,
}

#[derive(Debug, Args)]
pub(crate) struct Files {
    /// SopsSecrets, as YAML or JSON; `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Refuse what cannot be verified.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_name = "BOOL")]
    pub(crate) require_verified: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Where metrics are served; 0 for nowhere.
    #[arg(long, default_value = ":8080", value_name = "ADDRESS")]
    metrics_bind_address: String,
    /// Where /healthz and /readyz are served; 0 for nowhere.
    #[arg(long, default_value = ":8081", value_name = "ADDRESS")]
    health_probe_bind_address: String,
    /// Choose one of several replicas by a Lease.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_name = "BOOL")]
    leader_elect: bool,
    /// Namespace of the Lease [default: that of the pod].
    #[arg(long, value_name = "NAMESPACE")]
    leader_election_namespace: Option<String>,
    /// Minutes until a failure is tried again; what may pass by itself is tried sooner.
    #[arg(long, default_value_t = 5, allow_negative_numbers = true, value_name = "MINUTES")]
    requeue_decrypt_after: i64,
    /// Namespaces to watch, separated by commas [default: all].
    #[arg(long, default_value = "", value_name = "NAMESPACES")]
    watch_namespace: String,
    /// Only SopsSecrets with these labels.
    #[arg(long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// Take Secrets over that exist and belong to nobody or somebody else, unless an object says
    /// otherwise.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_name = "BOOL")]
    default_enforce_ownership: bool,
    /// Take only objects whose MAC can be verified; see `sops-rs seal`.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_name = "BOOL")]
    require_verified: bool,
    /// shadow: write nothing, and tell how live Secrets differ.
    #[arg(long, value_enum, default_value = "run")]
    mode: Mode,
    /// Objects that are worked on at the same time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// Secrets that one pass over one object may delete.
    #[arg(long, default_value_t = 20)]
    max_deletes: usize,
    /// Calls to key services in a second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    kms_calls_per_second: u32,
    /// Seconds for which an opened data key is kept in memory; 0 for not at all.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    key_cache_ttl: u64,
    /// Roll out workloads that ask for it when a Secret they use changes content.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_name = "BOOL")]
    rollout_restarts: bool,
    /// Workloads that may be rolled out in a minute; the others wait.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rollouts_per_minute: u32,
    /// Write a record of each object that is opened to this file; - for standard output.
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// Open nothing without its record in the audit log.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_name = "BOOL")]
    audit_required: bool,
    /// A kubeconfig, outside of a cluster.
    #[arg(long, value_name = "PATH")]
    kubeconfig: Option<PathBuf>,
    /// Log for developers: words, and more of them.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", value_name = "BOOL")]
    zap_devel: bool,
    /// json or console [default: json; console with zap-devel].
    #[arg(long, value_enum)]
    zap_encoder: Option<Encoder>,
    /// debug, info, error, panic, or a number: more is more [default: info; debug with zap-devel].
    #[arg(long, value_name = "LEVEL")]
    zap_log_level: Option<String>,
    /// Taken for the sake of the original, and without effect: there are no stack traces.
    #[arg(long, value_name = "LEVEL")]
    zap_stacktrace_level: Option<String>,
    /// How times are logged.
    #[arg(long, value_enum, default_value = "iso8601")]
    zap_time_encoding: TimeEncoding,
}

/// Words as clap takes them.
pub(crate) fn words(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let long = |word: OsString| match word.to_str() {
        Some(text) if is_long_with_one_dash(text) => OsString::from(format!("-{text}")),
        _ => word,
    };
    words.into_iter().map(long).collect()
}

fn is_long_with_one_dash(text: &str) -> bool {
    let Some(name) = text.strip_prefix('-') else { return false };
    name.len() > 1 && name.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// What a level of the original means here.
fn level(text: &str) -> Result<tracing::Level, String> {
    match text {
        "debug" => Ok(tracing::Level::DEBUG),
        "info" => Ok(tracing::Level::INFO),
        "error" | "panic" => Ok(tracing::Level::ERROR),
        other => match other.parse::<u8>() {
            Ok(0) => Ok(tracing::Level::INFO),
            Ok(_) => Ok(tracing::Level::DEBUG),
            Err(_) => Err(format!(
                "zap-log-level is {other:?}; it takes debug, info, error, panic or a number"
            )),
        },
    }
}

fn address(flag: &str, text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "0" || text.is_empty() {
        return Ok(None);
    }
    let whole = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    let parsed = whole.replace("localhost:", "127.0.0.1:").parse();
    parsed.map(Some).map_err(|_| format!("{flag} is {text:?}; it takes host:port, :port or 0"))
}

impl Flags {
    /// How to log.
    pub(crate) fn log(&self) -> Result<(Encoder, tracing::Level, TimeEncoding), String> {
        let devel = self.zap_devel;
        let encoder =
            self.zap_encoder.unwrap_or(if devel { Encoder::Console } else { Encoder::Json });
        let level = match &self.zap_log_level {
            Some(text) => level(text)?,
            None if devel => tracing::Level::DEBUG,
            None => tracing::Level::INFO,
        };
        Ok((encoder, level, self.zap_time_encoding))
    }

    /// What to do.
    pub(crate) fn settings(self) -> Result<Settings, String> {
        let namespaces = self.watch_namespace.split(',').map(str::trim);
        let election = match self.leader_elect && self.mode == Mode::Run {
            true => Some(election(self.leader_election_namespace)?),
            false => None,
        };
        let audit = audit(self.audit_log, self.audit_required, election.as_ref())?;
        let rolls = self.rollout_restarts && self.mode == Mode::Run;
        let minutes = u64::try_from(self.requeue_decrypt_after).unwrap_or(0).max(1);
        Ok(Settings {
            namespaces: namespaces.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            selector: self.selector,
            retry: Duration::from_secs(minutes.saturating_mul(60)),
            enforce_ownership: self.default_enforce_ownership,
            require_verified: self.require_verified,
            mode: self.mode,
            workers: self.workers.into(),
            max_deletes: self.max_deletes,
            kms_calls_per_second: self.kms_calls_per_second,
            keep_keys: Duration::from_secs(self.key_cache_ttl),
            rollouts_per_minute: rolls.then_some(self.rollouts_per_minute),
            audit,
            metrics: address("metrics-bind-address", &self.metrics_bind_address)?,
            health: address("health-probe-bind-address", &self.health_probe_bind_address)?,
            election,
            kubeconfig: self.kubeconfig.filter(|path| !path.as_os_str().is_empty()),
        })
    }
}

fn audit(
    log: Option<PathBuf>,
    required: bool,
    election: Option<&Election>,
) -> Result<Option<audit::Settings>, String> {
    let target = match log.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) if path.as_os_str() == "-" => Target::Output,
        Some(path) => Target::File(path),
        None if required => return Err("audit-required needs audit-log".to_owned()),
        None => return Ok(None),
    };
    let host = pod().unwrap_or_default();
    let identity = election.map(|election| election.identity.clone()).or_else(pod);
    let identity = identity.unwrap_or_else(|| "sops-operator".to_owned());
    Ok(Some(audit::Settings { target, required, identity, host }))
}

/// The name of the pod.
fn pod() -> Option<String> {
    ["POD_NAME", "HOSTNAME"].into_iter().find_map(|name| std::env::var(name).ok())
}

/// Where a pod finds its own namespace.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

fn election(namespace: Option<String>) -> Result<Election, String> {
    let own = || std::fs::read_to_string(OWN_NAMESPACE).ok();
    let Some(namespace) = namespace.or_else(own) else {
        let text = "leader-elect needs a namespace for the Lease: outside of a cluster, name one \
                    with leader-election-namespace";
        return Err(text.to_owned());
    };
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| format!("no randomness: {error}"))?;
    let tail: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let identity = format!("{}_{tail}", pod().unwrap_or_else(|| "sops-operator".to_owned()));
    Ok(Election { namespace: namespace.trim().to_owned(), identity })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Cli, clap::Error> {
        let all = std::iter::once("sops-operator").chain(text.split_whitespace());
        Cli::try_parse_from(words(all.map(OsString::from)))
    }

    fn settings(text: &str) -> Settings {
        parse(text).expect("flags").flags.settings().expect("settings")
    }

    #[test]
    fn what_the_chart_of_the_original_passes_is_taken() {
        let text = "-metrics-bind-address=127.0.0.1:8080 -health-probe-bind-address :8081 \
            -requeue-decrypt-after=60 -watch-namespace=a -default-enforce-ownership=true \
            -zap-devel=false -zap-encoder=json -zap-log-level=info -zap-stacktrace-level=error \
            -zap-time-encoding=iso8601";
        let settings = settings(text);
        assert_eq!(settings.retry, Duration::from_secs(3600));
        assert_eq!(settings.namespaces, ["a"]);
        assert!(settings.enforce_ownership && settings.election.is_none());
        assert_eq!(settings.health.map(|address| address.port()), Some(8081));
    }

    #[test]
    fn one_dash_and_two_mean_the_same() {
        for text in ["-watch-namespace=a,b", "--watch-namespace a,b", "-watch-namespace a,b"] {
            assert_eq!(settings(text).namespaces, ["a", "b"], "{text}");
        }
    }

    #[test]
    fn of_two_the_last_counts() {
        assert_eq!(settings("-workers=3 -workers=5").workers, 5);
        assert!(!settings("-require-verified -require-verified=false").require_verified);
    }

    #[test]
    fn intervals_below_a_minute_become_one() {
        for text in ["-requeue-decrypt-after=0", "-requeue-decrypt-after=-7"] {
            assert_eq!(settings(text).retry, Duration::from_secs(60), "{text}");
        }
    }

    #[test]
    fn workloads_are_rolled_out_only_when_asked_and_never_by_a_shadow() {
        let rate = |text: &str| settings(text).rollouts_per_minute;
        assert_eq!(rate("-rollouts-per-minute=3"), None);
        assert_eq!(rate("-rollout-restarts"), Some(10));
        assert_eq!(rate("-rollout-restarts=true -rollouts-per-minute=3"), Some(3));
        assert_eq!(rate("-rollout-restarts=true -mode=shadow"), None);
        assert!(parse("-rollouts-per-minute=0").is_err());
    }

    #[test]
    fn an_audit_log_that_is_required_has_to_be_somewhere() {
        assert_eq!(settings("").audit, None);
        let audit = settings("-audit-log=/a/b -audit-required").audit.expect("a log");
        assert!(audit.required && audit.target == Target::File("/a/b".into()));
        let audit = settings("-audit-log=-").audit.expect("a log");
        assert!(!audit.required && audit.target == Target::Output);
        assert!(parse("-audit-required").expect("flags").flags.settings().is_err());
    }

    #[test]
    fn an_unknown_flag_ends_with_status_2_and_a_suggestion() {
        let error = parse("-watch-namespaces=a").expect_err("there is none");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--watch-namespace"), "{error}");
    }

    #[test]
    fn addresses_may_be_switched_off() {
        let settings = settings("-metrics-bind-address=0 -health-probe-bind-address=0");
        assert_eq!((settings.metrics, settings.health), (None, None));
        assert!(address("x", "8080").is_err());
    }
}
