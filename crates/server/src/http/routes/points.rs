//! Points: the shop's server adds and takes, the shopper looks.

use crate::http::body::Json;
use crate::http::extract::{ExternalId, Operator, Paging, Points, Shopper};
use crate::http::paging::page;
use crate::http::problem::Problem;
use crate::http::reply::{answer_routed, json};
use crate::http::{App, schema};
use crate::validate::{self, POINTS_MAX};
use app::koi::{Deed, Target};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::operator::Act;
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPoints {
    /// Signed, not 0; a balance never falls below 0.
    amount: i64,
    /// The same key and content again changes nothing.
    business_key: String,
    reason: String,
    /// When what is added expires; never where absent.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// Adds points to a shopper's account, or takes some.
#[utoipa::path(post, path = "/api/v1/shoppers/{external_id}/points", tag = "shoppers", security(("api_key" = ["points"])),
    params(("external_id" = String, Path, description = "The shop's own id")), request_body = AddPoints,
    responses((status = 201, description = "The new balance", body = schema::PointsAdded), (status = 200, description = "Known already: the first answer", body = schema::PointsAdded), schema::Problems))]
pub async fn add_points(
    State(app): State<App>,
    who: Operator<Points>,
    ExternalId(external_id): ExternalId,
    Json(body): Json<AddPoints>,
) -> Result<Response, Problem> {
    if body.amount == 0 || !(-POINTS_MAX..=POINTS_MAX).contains(&body.amount) {
        return Err(Problem::invalid("amount", format!("`amount` is -{POINTS_MAX} to {POINTS_MAX}, and not 0")));
    }
    validate::text("business_key", &body.business_key, validate::ID_CHARS)?;
    validate::text("reason", &body.reason, validate::REASON_CHARS)?;
    let expires = body.expires_at.as_deref().map(|at| validate::time("expires_at", at)).transpose()?;
    let asked = serde_json::json!({"amount": body.amount, "business_key": body.business_key});
    let deed = Deed::of(Act::AddPoints).on(Target::Shopper(external_id.clone())).asking(asked);
    let work = app.koi.add_points(&external_id, body.amount, &body.business_key, &body.reason, expires);
    let answer = app.koi.audited(&who, deed, work).await?;
    Ok(answer_routed(answer))
}

/// Shows the shopper's balance.
#[utoipa::path(get, path = "/api/v1/points", tag = "shopper", security(("shopper_token" = [])),
    responses((status = 200, description = "The balance", body = schema::Balance), schema::Problems))]
pub async fn get_points(State(app): State<App>, Shopper(shopper): Shopper) -> Result<Response, Problem> {
    let view = app.koi.points(shopper).await?;
    Ok(json(StatusCode::OK, &view))
}

/// Lists the entries of the shopper's account, newest first.
#[utoipa::path(get, path = "/api/v1/points/entries", tag = "shopper", security(("shopper_token" = [])),
    params(crate::http::paging::PageParams),
    responses((status = 200, description = "A page", body = schema::Entries), schema::Problems))]
pub async fn list_entries(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Paging(ask): Paging,
) -> Result<Response, Problem> {
    let entries = app.koi.point_entries(shopper, ask).await?;
    Ok(json(StatusCode::OK, &page(entries)))
}
