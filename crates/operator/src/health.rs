//! What can be asked of the operator over HTTP: `/healthz`, `/readyz`, `/metrics`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use crate::metrics::Metrics;
use crate::watch::Readiness;

/// The kind of the metrics page.
const PAGE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Alive is whoever answers; ready is whoever has seen the whole cluster once. A replica that does
/// not lead is ready too: it is what takes over.
pub(crate) async fn serve_health(address: SocketAddr, readiness: Arc<Readiness>) {
    let ready = move || {
        let readiness = readiness.clone();
        async move {
            match readiness.is_complete() {
                true => (StatusCode::OK, "ok"),
                false => (StatusCode::SERVICE_UNAVAILABLE, "the lists are not complete yet"),
            }
        }
    };
    let router =
        Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready));
    serve(address, router, "health").await;
}

pub(crate) async fn serve_metrics(address: SocketAddr, metrics: Arc<Metrics>) {
    let page = move || {
        let metrics = metrics.clone();
        async move { ([(CONTENT_TYPE, PAGE)], metrics.page()) }
    };
    serve(address, Router::new().route("/metrics", get(page)), "metrics").await;
}

async fn serve(address: SocketAddr, router: Router, what: &str) {
    let served = match tokio::net::TcpListener::bind(address).await {
        Ok(listener) => axum::serve(listener, router).await,
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        tracing::error!(what, %address, error = %error, "Unable to serve");
        // Without probes nobody would restart us, and nobody would know.
        std::process::exit(1);
    }
}
