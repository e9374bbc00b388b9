//! What a shopper has won.

use super::campaigns::Nothing;
use crate::http::body::MaybeJson;
use crate::http::extract::{Id, Paging, Shopper};
use crate::http::paging::page;
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::AwardId;

/// Lists the shopper's awards of all campaigns, newest first.
#[utoipa::path(get, path = "/api/v1/awards", tag = "shopper", security(("shopper_token" = [])),
    params(("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent"), ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = schema::Awards), schema::Problems))]
pub async fn list_awards(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Paging(ask): Paging,
) -> Result<Response, Problem> {
    let awards = app.koi.awards(shopper, ask).await?;
    Ok(json(StatusCode::OK, &page(awards)))
}

/// Claims an award.
#[utoipa::path(post, path = "/api/v1/awards/{id}/claim", tag = "shopper", security(("shopper_token" = [])), params(("id" = String, Path)),
    responses((status = 200, description = "Claimed", body = schema::Award), schema::Problems))]
pub async fn claim_award(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Id(id): Id<AwardId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let view = app.koi.claim(shopper, id).await?;
    Ok(json(StatusCode::OK, &view))
}
