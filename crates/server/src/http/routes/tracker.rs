//! A shop's tracker, as it is: Segment's HTTP API at the root (`docs/trackers.md`).

use crate::clock;
use crate::http::App;
use crate::http::body::{LARGE, PackedJson};
use crate::http::extract::Tracker;
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::schema;
use crate::validate::tracker as messages;
use app::koi::Heard;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

/// One message. Fields of other names are accepted and left out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrackerMessage {
    /// In a batch: `track`, `identify`, or `page`, `screen`, `group`, `alias`, which are left out.
    r#type: Option<String>,
    /// The shop's id of the shopper. A visitor with an `anonymousId` alone is accepted and left out.
    user_id: Option<String>,
    anonymous_id: Option<String>,
    /// Makes a repeat harmless.
    message_id: Option<String>,
    /// Of a track: `Order Completed`, `Order Refunded`, `Product Viewed`, `Products Searched`, `Product Reviewed`; others
    /// are accepted and left out.
    event: Option<String>,
    #[schema(value_type = Option<Object>)]
    properties: Option<serde_json::Value>,
    /// Of an identify: added to the shopper's attributes.
    #[schema(value_type = Option<Object>)]
    traits: Option<serde_json::Value>,
    #[schema(format = DateTime)]
    timestamp: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct TrackerBatch {
    /// Up to 1,000.
    batch: Vec<TrackerMessage>,
}

#[derive(Serialize, ToSchema)]
pub struct Success {
    success: bool,
}

async fn take(app: &App, heard: Heard) -> Result<Response, Problem> {
    app.koi.hear(heard).await?;
    Ok(json(StatusCode::OK, &Success { success: true }))
}

/// Takes one act of a shopper.
#[utoipa::path(post, path = "/v1/track", tag = "events", security(("write_key" = [])), request_body = TrackerMessage,
    responses((status = 200, description = "Taken, taken before, or nothing that koi reads", body = Success), schema::Problems))]
pub async fn track(
    State(app): State<App>,
    _: Tracker,
    PackedJson(body): PackedJson<LARGE>,
) -> Result<Response, Problem> {
    take(&app, messages::track(&body, clock::now_ms())?).await
}

/// Takes many messages: all of them, or none where one cannot be right.
#[utoipa::path(post, path = "/v1/batch", tag = "events", security(("write_key" = [])), request_body = TrackerBatch,
    responses((status = 200, description = "As of a single one", body = Success), schema::Problems))]
pub async fn batch(
    State(app): State<App>,
    _: Tracker,
    PackedJson(body): PackedJson<LARGE>,
) -> Result<Response, Problem> {
    take(&app, messages::batch(&body, clock::now_ms())?).await
}

/// Takes what is known of a shopper.
#[utoipa::path(post, path = "/v1/identify", tag = "events", security(("write_key" = [])), request_body = TrackerMessage,
    responses((status = 200, description = "Known from now on", body = Success), schema::Problems))]
pub async fn identify(
    State(app): State<App>,
    _: Tracker,
    PackedJson(body): PackedJson<LARGE>,
) -> Result<Response, Problem> {
    take(&app, messages::identify(&body, clock::now_ms())?).await
}
