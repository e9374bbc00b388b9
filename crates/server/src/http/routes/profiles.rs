//! What Koi knows and guesses about a shopper, for a shop's server.

use crate::http::extract::{ExternalId, Limit, Operator, Shoppers};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use app::RecommendationView;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

/// Shows what behaviour says about a shopper. Lags behind events by at most 2 s.
#[utoipa::path(get, path = "/api/v1/shoppers/{external_id}/profile", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id")),
    responses((status = 200, description = "The profile", body = schema::Profile), schema::Problems))]
pub async fn get_profile(
    State(app): State<App>,
    _: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
) -> Result<Response, Problem> {
    let profile = app.koi.profile(&external_id).await?;
    Ok(json(StatusCode::OK, &profile))
}

#[derive(Serialize)]
struct All {
    data: Vec<RecommendationView>,
}

/// Lists what this shopper would most probably buy next, best first.
#[utoipa::path(get, path = "/api/v1/shoppers/{external_id}/recommendations", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent", minimum = 1, maximum = 200)),
    responses((status = 200, description = "Best first", body = schema::Recommendations), schema::Problems))]
pub async fn list_recommendations(
    State(app): State<App>,
    _: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
    Limit(limit): Limit,
) -> Result<Response, Problem> {
    let data = app.koi.recommendations(&external_id, limit as usize).await?;
    Ok(json(StatusCode::OK, &All { data }))
}
