//! What stands in `deploy/`: the chart, rendered by the real helm and read as objects; its agreement
//! with the chart it takes over from (operator spec §9); the kustomize base, examples, alerts,
//! dashboard and the health check for Argo CD; and all objects on a real API server.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "deploy/accepted.rs"]
mod accepted;
#[path = "deploy/chart.rs"]
mod chart;
#[path = "deploy/examples.rs"]
mod examples;
#[path = "deploy/health.rs"]
mod health;
#[path = "deploy/kustomize.rs"]
mod kustomize;
#[path = "deploy/monitoring.rs"]
mod monitoring;
#[path = "deploy/render.rs"]
mod render;
#[path = "deploy/rights.rs"]
mod rights;
#[path = "deploy/rows.rs"]
mod rows;
#[path = "deploy/values.rs"]
mod values;
