//! What a shopper sees of a campaign.

use crate::http::extract::{Id, Shopper};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::CampaignId;

/// Shows chances, points, and the wheel with its odds.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/me", tag = "shopper", security(("shopper_token" = [])), params(("id" = String, Path)),
    responses((status = 200, description = "As of now", body = schema::Me), schema::Problems))]
pub async fn get_me(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Id(id): Id<CampaignId>,
) -> Result<Response, Problem> {
    let view = app.koi.me(id, shopper).await?;
    Ok(json(StatusCode::OK, &view))
}
