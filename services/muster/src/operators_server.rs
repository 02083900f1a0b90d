//! Health, readiness and metrics of a part that has a process of its own, on an address for operators alone.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use axum::{
    Json, Router,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use muster_platform::{Health, Shutdown};
use muster_telemetry::{Metrics, metrics::TEXT_CONTENT_TYPE};
use tokio::net::TcpListener;

use crate::process::Process;

/// Serves from here on.
pub(crate) async fn start(
    address: SocketAddr,
    process: &Process,
    tasks: &Shutdown,
) -> Result<SocketAddr> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("admin.listen: cannot listen on {address}"))?;
    let bound = listener.local_addr()?;
    let (health, metrics) = (process.health.clone(), process.telemetry.metrics().clone());
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || async move { readiness(&health) }))
        .route("/metrics", get(move || async move { text(&metrics) }));
    let stop = tasks.token();
    tasks.spawn("operators' server", async move {
        let serving = axum::serve(listener, router)
            .with_graceful_shutdown(async move { stop.cancelled().await });
        if let Err(error) = serving.await {
            tracing::error!(%error, "the operators' server has ended");
        }
    });
    Ok(bound)
}

fn readiness(health: &Health) -> impl IntoResponse + use<> {
    let snapshot = health.snapshot();
    let status = if snapshot.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(snapshot))
}

fn text(metrics: &Metrics) -> impl IntoResponse + use<> {
    match metrics.text() {
        Ok(text) => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, TEXT_CONTENT_TYPE)],
            text,
        ),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain")],
            error.to_string(),
        ),
    }
}
