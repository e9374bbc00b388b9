//! For whoever runs the server: no credentials, at the root.

use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Whether the process runs.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, description = "It runs", body = schema::Health)))]
pub async fn get_health() -> Response {
    json(StatusCode::OK, &schema::Health { status: "ok" })
}

/// Whether requests should be sent here: not while draining, nor after an error that the process will not survive, nor in a
/// cluster before every log's owner was found.
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses((status = 200, description = "Ready", body = schema::Health), (status = 503, description = "Not ready", body = schema::Problem, content_type = "application/problem+json")))]
pub async fn get_readiness(State(app): State<App>) -> Result<Response, Problem> {
    if app.is_ready() {
        Ok(json(StatusCode::OK, &schema::Health { status: "ready" }))
    } else {
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", app.why_not_ready()))
    }
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")))]
pub async fn get_metrics(State(app): State<App>) -> Response {
    // Of all logs owned here, as it is now: whoever watches it must not read the one of before a rush.
    metrics::gauge!("koi_projection_lag_records").set(app.koi.owners().lag() as f64);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render()).into_response()
}
