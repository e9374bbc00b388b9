//! Checks and rehearsals of campaigns, for operators: what would be, without anything being changed.

use crate::http::body::{Json, LARGE, SMALL};
use crate::http::extract::{CampaignChecks, Id, Operator, Reports};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::CampaignId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckCampaign {
    /// A JSON merge patch (RFC 7396) of the definition, as an edit takes it; the campaign as it stands where absent.
    #[serde(default)]
    #[schema(value_type = Object)]
    changes: Map<String, Value>,
}

/// Says what publishing would find, what published rules would change, and how the rules would read, with edits that are
/// not saved or without. Changes nothing; 200 also where there are errors.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/check", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    request_body = CheckCampaign,
    responses((status = 200, description = "What is wrong, and how it reads", body = schema::CampaignCheck), schema::Problems))]
pub async fn check_campaign(
    State(app): State<App>,
    who: Operator<CampaignChecks>,
    Id(id): Id<CampaignId>,
    Json(body): Json<CheckCampaign, LARGE>,
) -> Result<Response, Problem> {
    who.changes_nothing();
    Ok(json(StatusCode::OK, &app.koi.check_campaign(id, body.changes).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rehearse {
    /// Shoppers of the crowd, who all come equally often; 1 to 100,000.
    shoppers: u32,
    /// Tries to draw in each round; 1 to 1,000,000.
    draws: u32,
    /// The same seed gives the same rehearsal; 1 where absent.
    #[serde(default = "one")]
    seed: u64,
}

fn one() -> u64 {
    1
}

/// Plays a campaign with a synthetic crowd through the rules that draws pass, a draft too. Changes nothing. One at a time
/// on each node.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/rehearse", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    request_body = Rehearse,
    responses((status = 200, description = "What it comes to", body = schema::rehearsal::Rehearsal),
        (status = 429, description = "`busy`: another rehearsal is running", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn rehearse_campaign(
    State(app): State<App>,
    who: Operator<Reports>,
    Id(id): Id<CampaignId>,
    Json(body): Json<Rehearse, SMALL>,
) -> Result<Response, Problem> {
    // It changes nothing, so there is nothing for the audit.
    who.changes_nothing();
    let view = app.koi.rehearse(id, body.shoppers, body.draws, body.seed).await?;
    Ok(json(StatusCode::OK, &view))
}
