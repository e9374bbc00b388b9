//! What a campaign's figures say, what anyone may see of it, and what a shopper's calendar shows.

use crate::http::extract::{Asked, Id, Operator, Reports, Shopper};
use crate::http::list::time;
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use app::Page;
use app::koi::Step;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::CampaignId;
use serde::Deserialize;

/// What a series can be asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesAsk {
    step: Option<String>,
    from: Option<String>,
    until: Option<String>,
}

/// Shows draws, wins and cost over time. Without `from` it is the last 60 steps.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/report/series", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("step" = Option<String>, Query, description = "`minute` or `hour`"),
        ("from" = Option<String>, Query, description = "RFC 3339"), ("until" = Option<String>, Query, description = "RFC 3339; now where absent")),
    responses((status = 200, description = "Oldest first, steps without a draw included", body = schema::Series), schema::Problems))]
pub async fn get_series(
    State(app): State<App>,
    _: Operator<Reports>,
    Id(id): Id<CampaignId>,
    Asked(asked): Asked<SeriesAsk>,
) -> Result<Response, Problem> {
    let step = match asked.step.as_deref() {
        None | Some("minute") => Step::Minute,
        Some("hour") => Step::Hour,
        Some(_) => return Err(Problem::invalid_query("step", "`step` is minute or hour")),
    };
    let (from, until) = (time("from", asked.from.as_deref())?, time("until", asked.until.as_deref())?);
    Ok(json(StatusCode::OK, &app.koi.series(id, step, from, until).await?))
}

/// Shows how well the odds were kept, when stock runs out, and how far shoppers came. Lags by at most 2 s.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/report/insight", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 200, description = "As of now", body = schema::Insight), schema::Problems))]
pub async fn get_insight(
    State(app): State<App>,
    _: Operator<Reports>,
    Id(id): Id<CampaignId>,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.insight(id).await?))
}

/// Shows what a page needs before the shopper is known: name, window, how the draw looks, how chances are obtained. Needs
/// no credentials; the odds are in `rules`.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/public", tag = "shopper", params(("id" = String, Path)),
    responses((status = 200, description = "As of now", body = schema::PublicCampaign), schema::Problems))]
pub async fn get_public_campaign(State(app): State<App>, Id(id): Id<CampaignId>) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.public_campaign(id).await?))
}

/// Lists the last big wins, newest first, who won them masked. Needs no credentials.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/big-wins", tag = "shopper", params(("id" = String, Path)),
    responses((status = 200, description = "At most 20", body = schema::BigWins), schema::Problems))]
pub async fn list_big_wins(State(app): State<App>, Id(id): Id<CampaignId>) -> Result<Response, Problem> {
    // A campaign that is not shown yet has nothing to tell.
    app.koi.published_rules(id).await?;
    let data = app.koi.big_wins(id).await?;
    Ok(json(StatusCode::OK, &Page { data, next_cursor: None }))
}

/// Shows the shopper's sign-ins: the last days, the row, and what rows earn.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/sign-ins", tag = "shopper", security(("shopper_token" = [])), params(("id" = String, Path)),
    responses((status = 200, description = "As of now", body = schema::SignIns), schema::Problems))]
pub async fn get_sign_ins(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Id(id): Id<CampaignId>,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.sign_ins(id, shopper).await?))
}
