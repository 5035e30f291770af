//! The operator `sops-operator`: SopsSecret objects in, Secrets out.
//!
//! ```text
//! flags ─ args ─▶ Settings ─▶ Context ─▶ controller: watches ─▶ queue ─▶ reconcile
//!                                                                          │
//!                               observe → open → plan → apply → report ◀───┘
//! ```

mod apply;
mod args;
mod audit;
mod bodies;
mod content;
mod context;
mod controller;
mod crd;
mod credentials;
mod desired;
mod events;
mod fingerprint;
mod health;
mod index;
mod keys;
mod lease;
mod memory;
mod metrics;
mod namespaces;
mod object;
mod offline;
mod open;
mod ownership;
mod plan;
mod queue;
mod read;
mod reconcile;
mod report;
mod rollout;
mod settings;
mod shadow;
mod slots;
mod status;
mod telemetry;
mod uid;
mod version;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use kube::client::ClientBuilder;
use tokio::signal::unix::{SignalKind, signal};
use tower::limit::GlobalConcurrencyLimitLayer;

use args::{Cli, Command};
use context::{Clients, Context};
use keys::Keys;
use metrics::Metrics;
use settings::Settings;

/// Requests of passes that are under way at the same time. Each has a connection, with buffers that
/// are never given back whole; more do not make an API server faster.
const REQUESTS: usize = 24;
/// The status of a run that could not begin.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let cli = Cli::parse_from(args::words(std::env::args_os()));
    let outcome = match cli.command {
        Some(Command::Crd) => print_crd(),
        Some(Command::Render(files)) => alone(offline::render(&files)),
        Some(Command::Check { files, json }) => alone(offline::check(&files, json)),
        None => operate(cli.flags),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            complain(&text);
            ExitCode::from(FAILED)
        }
    }
}

#[allow(clippy::print_stderr, reason = "before there is a log, this is who is asked")]
fn complain(text: &str) {
    eprintln!("sops-operator: {text}");
}

#[allow(clippy::print_stdout, reason = "it is what was asked for")]
fn print_crd() -> Result<(), String> {
    print!("{}", crd::definition());
    Ok(())
}

fn operate(flags: args::Flags) -> Result<(), String> {
    let (encoder, level, time) = flags.log()?;
    let settings = flags.settings()?;
    telemetry::start(encoder, level, time);
    if cfg!(panic = "abort") {
        tracing::warn!("This build ends when a pass panics; build it with --profile operator");
    }
    alone(run(settings))
}

/// Runs one thing on one thread.
fn alone(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("unable to start: {error}"))?.block_on(work)
}

async fn run(settings: Settings) -> Result<(), String> {
    let clients = clients(&settings).await?;
    let metrics = Arc::new(Metrics::new());
    let keyring = credentials::keyring(settings.kms_calls_per_second, &metrics);
    let keys = Keys::new(keyring, settings.keep_keys, metrics.clone());
    if let Some(address) = settings.metrics {
        tokio::spawn(health::serve_metrics(address, metrics.clone()));
    }
    let (rollouts, engine) = rollout::channel(settings.rollouts_per_minute);
    let context = Arc::new(Context::new(clients, settings, keys, metrics, rollouts));
    tokio::spawn(credentials::follow(context.clone()));
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(version, mode = ?context.settings.mode, "Starting");
    controller::run(context, engine, asked_to_end()?).await;
    Ok(())
}

/// SIGTERM or Ctrl-C.
fn asked_to_end() -> Result<impl Future<Output = ()>, String> {
    let on = |kind| signal(kind).map_err(|error| format!("unable to hear signals: {error}"));
    let (mut term, mut interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// A watch on which nothing comes for so long is dead: the API server sends a bookmark every minute.
/// Without it that would be noticed when the watch should have ended, after five minutes in which no
/// change is seen.
const SILENCE: Duration = Duration::from_secs(100);

async fn clients(settings: &Settings) -> Result<Clients, String> {
    use kube::config::{Config, KubeConfigOptions, Kubeconfig};
    let mut config = match &settings.kubeconfig {
        None => Config::infer().await.map_err(|error| open::chain(&error))?,
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(|error| open::chain(&error))?;
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(file, &options).await;
            config.map_err(|error| open::chain(&error))?
        }
    };
    // As with other programs, a proxy for all is not asked for what runs on this machine.
    let host = config.cluster_url.host().unwrap_or_default();
    if host == "localhost" || host.starts_with("127.") || host == "[::1]" {
        config.proxy_url = None;
    }
    // The client would send a write again, minutes later, that was decided on while this replica
    // led; and it would wait with watches longer than we do.
    config.default_retry = false;
    let made = |config| ClientBuilder::try_from(config).map_err(|error| open::chain(&error));
    let few = GlobalConcurrencyLimitLayer::new(REQUESTS);
    let passes = made(config.clone())?.with_layer(&few).build();
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    Ok(Clients { passes, urgent: made(config)?.build() })
}
