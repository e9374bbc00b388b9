//! Behaviour coming in from the shop.

use crate::clock;
use crate::http::body::{LARGE, RawJson};
use crate::http::extract::{Events, Operator};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use crate::validate;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

/// One act of one shopper. `(shopper, id)` is unique, which makes a repeat harmless.
#[derive(Serialize, ToSchema)]
pub struct Event {
    /// The shop's own id of the act.
    id: String,
    /// `purchase`, `return`, `review`, `search`, `view` or `sign_in`.
    r#type: String,
    /// The shop's id of the shopper; who is unknown is made.
    shopper: String,
    #[schema(format = DateTime)]
    at: String,
    /// Of a purchase or return.
    order_id: Option<String>,
    /// Of a purchase or return.
    items: Option<Vec<EventItem>>,
    /// Of a review or view.
    sku: Option<String>,
    /// Of a review.
    #[schema(minimum = 1, maximum = 5)]
    rating: Option<u8>,
    /// Of a review.
    text: Option<String>,
    /// Of a search.
    query: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct EventItem {
    sku: String,
    name: Option<String>,
    category: Option<String>,
    /// Of one unit.
    #[schema(minimum = 0)]
    price_cents: Option<i64>,
    #[schema(minimum = 1)]
    quantity: Option<u32>,
}

/// One event or up to 1,000.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    One(Event),
    Many(Vec<Event>),
}

/// Records behaviour. What it grants is in the shopper's next `me`.
#[utoipa::path(post, path = "/api/v1/events", tag = "events", security(("api_key" = ["events"])), request_body = OneOrMany,
    responses((status = 202, description = "What became of each", body = schema::Events), schema::Problems))]
pub async fn record_events(
    State(app): State<App>,
    _: Operator<Events>,
    RawJson(body): RawJson<LARGE>,
) -> Result<Response, Problem> {
    let events = validate::events::read(&body, clock::now_ms())?;
    let view = app.koi.record_events(events).await?;
    Ok(json(StatusCode::ACCEPTED, &view))
}
