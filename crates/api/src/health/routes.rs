//! The routes, for the API and for processes without one.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Component, Health, Monitor, Status};
use crate::{App, problem::Problem};

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It lives", body = Health)))]
pub async fn get_liveness() -> Json<Health> {
    Json(Health::of(vec![Component::new(
        "process",
        Status::Ok,
        None,
    )]))
}

/// Whether traffic should come here: false while a projection is stuck or too far behind.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Ready", body = Health),
    (status = 503, description = "Not ready", body = Health)))]
pub async fn get_readiness(State(app): State<App>) -> Response {
    match app.is_stopping() {
        true => readiness(Health::of(vec![Component::new(
            "process",
            Status::Down,
            Some("stopping".into()),
        )])),
        false => readiness(app.monitor.health().await),
    }
}

fn readiness(health: Health) -> Response {
    let status = match health.status {
        Status::Down => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    };
    (status, Json(health)).into_response()
}

/// The state of the platform's parts.
#[utoipa::path(get, path = "/api/workflows/health", tag = "health",
    responses((status = 200, description = "State of every part", body = Health)))]
pub async fn get_workflows_health(State(app): State<App>) -> Json<Health> {
    Json(app.monitor.health().await)
}

/// Metrics in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")))]
pub async fn get_metrics(State(app): State<App>) -> Result<Response, Problem> {
    rendered(&app.monitor).await
}

async fn rendered(monitor: &Monitor) -> Result<Response, Problem> {
    let Some(recorder) = &monitor.metrics else {
        return Err(Problem::unavailable("Metrics are not collected here."));
    };
    // Looking also measures.
    monitor.health().await;
    metrics_process::Collector::default().collect();
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], recorder.render()).into_response())
}

/// `/healthz`, `/readyz` and `/metrics` alone, open to who reaches them: for an address that only
/// operators do, of a process with or without the API.
pub fn health_router(monitor: Arc<Monitor>) -> Router {
    let ready =
        |State(monitor): State<Arc<Monitor>>| async move { readiness(monitor.health().await) };
    let metrics = |State(monitor): State<Arc<Monitor>>| async move { rendered(&monitor).await };
    Router::new()
        .route("/healthz", get(get_liveness))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(monitor)
}
