//! Shoppers who may not draw, or only for points.

use crate::http::body::{Json, MaybeJson};
use crate::http::extract::{Asked, ExternalId, IfMatch, Operator, Shoppers};
use crate::http::problem::Problem;
use crate::http::reply::{json, tagged};
use crate::http::{App, schema};
use crate::validate;
use app::koi::{Deed, Target};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::account::Ban;
use domain::draw::BlacklistMode;
use domain::ids::CampaignId;
use domain::operator::Act;
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutBlacklist {
    mode: BlacklistMode,
    /// Where absent, all campaigns.
    #[schema(value_type = Option<String>)]
    campaign_id: Option<CampaignId>,
    /// Where absent, for good.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Up to 500 characters.
    reason: String,
}

/// Lists a shopper.
#[utoipa::path(put, path = "/api/v1/shoppers/{external_id}/blacklist", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id"), ("If-Match" = Option<String>, Header, description = "The ETag that was read; where absent the last write wins")), request_body = PutBlacklist,
    responses((status = 200, description = "As it is now", body = schema::Blacklist, headers(("ETag" = String))), (status = 412, description = "`stale`: edited meanwhile", body = schema::Problem, content_type = "application/problem+json"),
        (status = 404, description = "`campaign_unknown`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn put_blacklist(
    State(app): State<App>,
    who: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
    IfMatch(if_match): IfMatch,
    Json(body): Json<PutBlacklist>,
) -> Result<Response, Problem> {
    validate::text("reason", &body.reason, validate::REASON_CHARS)?;
    let until_ms = body.until.as_deref().map(|until| validate::time("until", until)).transpose()?;
    let asked = serde_json::json!({"mode": body.mode, "campaign": body.campaign_id, "until": body.until});
    let deed = Deed::of(Act::BlockShopper).on(Target::Shopper(external_id.clone())).asking(asked);
    let ban = Ban { campaign: body.campaign_id, mode: body.mode, until_ms, reason: body.reason };
    let view = app.koi.audited(&who, deed, app.koi.put_blacklist(&external_id, ban, &if_match)).await?;
    Ok(tagged(json(StatusCode::OK, &view), &view.etag))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlacklistAsk {
    campaign_id: Option<CampaignId>,
}

/// Shows a shopper's entry in one campaign, or the one for all campaigns; its `mode` is null where there is none.
#[utoipa::path(get, path = "/api/v1/shoppers/{external_id}/blacklist", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id"), ("campaign_id" = Option<String>, Query, description = "Where absent, the entry for all campaigns")),
    responses((status = 200, description = "As it is now", body = schema::Blacklist, headers(("ETag" = String))), schema::Problems))]
pub async fn get_blacklist(
    State(app): State<App>,
    _: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
    Asked(ask): Asked<BlacklistAsk>,
) -> Result<Response, Problem> {
    let view = app.koi.blacklist(&external_id, ask.campaign_id).await?;
    Ok(tagged(json(StatusCode::OK, &view), &view.etag))
}

/// What a DELETE may say beside the path. Members of a PUT are taken and ignored, so that the same body can be sent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteBlacklist {
    /// Where absent, the entry for all campaigns.
    #[schema(value_type = Option<String>)]
    campaign_id: Option<CampaignId>,
    #[serde(rename = "mode")]
    _mode: Option<BlacklistMode>,
    #[serde(rename = "until")]
    _until: Option<String>,
    #[serde(rename = "reason")]
    _reason: Option<String>,
}

/// Takes a shopper off the list.
#[utoipa::path(delete, path = "/api/v1/shoppers/{external_id}/blacklist", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id"), ("If-Match" = Option<String>, Header, description = "The ETag that was read; where absent the last write wins")), request_body = Option<DeleteBlacklist>,
    responses((status = 200, description = "As it is now", body = schema::Blacklist, headers(("ETag" = String))),
        (status = 412, description = "`stale`: edited meanwhile", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn delete_blacklist(
    State(app): State<App>,
    who: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
    IfMatch(if_match): IfMatch,
    MaybeJson(body): MaybeJson<DeleteBlacklist>,
) -> Result<Response, Problem> {
    let asked = serde_json::json!({"campaign": body.campaign_id});
    let deed = Deed::of(Act::UnblockShopper).on(Target::Shopper(external_id.clone())).asking(asked);
    let work = app.koi.delete_blacklist(&external_id, body.campaign_id, &if_match);
    let view = app.koi.audited(&who, deed, work).await?;
    Ok(tagged(json(StatusCode::OK, &view), &view.etag))
}
