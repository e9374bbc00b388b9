//! Rule flows: shown as text or drawing, edited while a campaign is live. And the risk that rules ask about.

use crate::http::body::{Json, LARGE};
use crate::http::extract::{CampaignDrafts, Campaigns, ExternalId, Id, IfMatch, Operator, Shoppers, etag};
use crate::http::problem::Problem;
use crate::http::reply::{json, tagged};
use crate::http::schema::flows as schema;
use crate::http::{App, schema as common};
use crate::validate;
use app::FlowView;
use app::koi::{Deed, Target};
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::campaign::State as CampaignState;
use domain::flow::rules::{self, Stage};
use domain::ids::CampaignId;
use domain::operator::Act;
use domain::tally::Watch;
use serde::Deserialize;
use utoipa::ToSchema;

/// Flags of one shopper, and how long each may be.
const FLAGS_MAX: usize = 20;
const FLAG_CHARS: usize = 40;
/// Characters of a device's or an address' hash.
const HASH_CHARS: usize = 128;

fn render(view: &FlowView) -> Response {
    let mut response = json(StatusCode::OK, view);
    response.headers_mut().insert(header::ETAG, etag(view.etag));
    response
}

/// How a flow is shown.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Text,
    Json,
    Mermaid,
}

/// Shows a campaign's flow: as text with its version, as nodes and edges, or as a Mermaid flowchart.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/flow", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("format" = Option<String>, Query, description = "`text` (default), `json` for a FlowGraph, `mermaid`")),
    responses((status = 200, description = "The flow", body = schema::Flow, headers(("ETag" = String))), common::Problems))]
pub async fn get_flow(
    State(app): State<App>,
    _: Operator<Campaigns>,
    Id(id): Id<CampaignId>,
    shown: Result<Query<Shown>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Ok(Query(shown)) = shown else {
        return Err(Problem::invalid("format", "`format` is text, json or mermaid"));
    };
    match shown.format {
        Format::Text => Ok(render(&app.koi.flow(id).await?)),
        Format::Json => Ok(json(StatusCode::OK, &app.koi.flow_graph(id).await?)),
        Format::Mermaid => {
            let text = app.koi.flow_graph(id).await?.mermaid();
            let kind = HeaderValue::from_static("text/plain; charset=utf-8");
            Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutFlow {
    /// The rule chain in EL.
    flow: String,
}

/// Replaces a campaign's flow. A published campaign draws by it when the answer arrives, under a new version of its rules.
#[utoipa::path(put, path = "/api/v1/campaigns/{id}/flow", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "The ETag that was read; where absent the last write wins")),
    request_body = PutFlow,
    responses((status = 200, description = "As edited", body = schema::Flow, headers(("ETag" = String))),
        (status = 409, description = "`against_shopper`: a live edit would worsen odds, limits, guarantee or pools", body = common::Problem, content_type = "application/problem+json"),
        (status = 412, description = "`stale`: edited meanwhile", body = common::Problem, content_type = "application/problem+json"),
        (status = 422, description = "`flow_invalid` with line and column", body = common::Problem, content_type = "application/problem+json"), common::Problems))]
pub async fn put_flow(
    State(app): State<App>,
    who: Operator<CampaignDrafts>,
    Id(id): Id<CampaignId>,
    IfMatch(if_match): IfMatch,
    Json(body): Json<PutFlow, LARGE>,
) -> Result<Response, Problem> {
    // Whoever may write drafts may not thereby change what a live campaign draws by.
    let is_draft = app.koi.campaign(id).await?.state == CampaignState::Draft;
    let deed = Deed::of(if is_draft { Act::EditCampaign } else { Act::EditFlow }).on(Target::Campaign(id));
    let koi = app.koi.acting(&who.who.word());
    Ok(render(&app.koi.audited(&who, deed, koi.put_flow(id, &if_match, body.flow)).await?))
}

/// Lists the rules that a flow can be made of.
#[utoipa::path(get, path = "/api/v1/flow-rules", tag = "campaigns", security(("api_key" = ["campaigns"])),
    responses((status = 200, description = "All rules", body = schema::RuleCards), common::Problems))]
pub async fn list_flow_rules(_: Operator<Campaigns>) -> Result<Response, Problem> {
    let stage = |stage| match stage {
        Stage::Before => "before",
        Stage::Odds => "odds",
        Stage::Draw => "draw",
        Stage::After => "after",
        Stage::Any => "any",
    };
    let card = |about: &rules::About| schema::RuleCard {
        name: about.name.to_owned(),
        does: about.does.to_owned(),
        takes: about.takes.to_owned(),
        stage: stage(about.stage).to_owned(),
    };
    Ok(json(StatusCode::OK, &schema::RuleCards { data: rules::all().iter().map(card).collect() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutRisk {
    /// 0 to 100.
    score: u8,
    /// Up to 20 words of up to 40 characters; `refuse`, `points_only` and `hold` mean what they say.
    flags: Vec<String>,
    /// A hash of the device that the shopper uses, for velocity.
    #[serde(default)]
    device: Option<String>,
    /// A hash of the address that the shopper comes from or orders to, for velocity.
    #[serde(default)]
    address: Option<String>,
}

/// Says what the shop holds against a shopper; replaces what it said before.
#[utoipa::path(put, path = "/api/v1/shoppers/{external_id}/risk", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id"), ("If-Match" = Option<String>, Header, description = "The ETag that was read; where absent the last write wins")), request_body = PutRisk,
    responses((status = 200, description = "As it is now", body = schema::Risk, headers(("ETag" = String))),
        (status = 412, description = "`stale`: edited meanwhile", body = common::Problem, content_type = "application/problem+json"), common::Problems))]
pub async fn put_risk(
    State(app): State<App>,
    who: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
    IfMatch(if_match): IfMatch,
    Json(body): Json<PutRisk>,
) -> Result<Response, Problem> {
    if body.score > 100 {
        return Err(Problem::invalid("score", "`score` is 0 to 100"));
    }
    if body.flags.len() > FLAGS_MAX {
        return Err(Problem::invalid("flags", format!("`flags` has at most {FLAGS_MAX} words")));
    }
    body.flags.iter().try_for_each(|flag| validate::text("flags", flag, FLAG_CHARS))?;
    for (field, hash) in [("device", &body.device), ("address", &body.address)] {
        hash.iter().try_for_each(|hash| validate::text(field, hash, HASH_CHARS))?;
    }
    let mut flags: Vec<Box<str>> = body.flags.into_iter().map(Into::into).collect();
    flags.sort_unstable();
    flags.dedup();
    let number = |hash: Option<String>| hash.map_or(0, |hash| domain::ids::hash_text(&hash));
    let watch = Watch { score: body.score, flags, device: number(body.device), address: number(body.address) };
    let asked = serde_json::json!({"score": watch.score, "flags": watch.flags});
    let deed = Deed::of(Act::SetRisk).on(Target::Shopper(external_id.clone())).asking(asked);
    let view = app.koi.audited(&who, deed, app.koi.put_risk(&external_id, watch, &if_match)).await?;
    Ok(tagged(json(StatusCode::OK, &view), &view.etag))
}
