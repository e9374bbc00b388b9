//! Campaigns, for operators.

use crate::http::body::{Json, LARGE, MaybeJson};
use crate::http::extract::{CampaignDrafts, CampaignEnds, Campaigns, Id, IfMatch, Operator, Reports, etag};
use crate::http::list::{self, ListParams, Listed, Narrow, Table, answer_here};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use crate::validate;
use app::CampaignView;
use app::koi::{CampaignFilter, Deed, Target};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use domain::campaign::{Definition, State as CampaignState};
use domain::ids::CampaignId;
use domain::operator::Act;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// Codes of findings that one publish acknowledges.
const ACKNOWLEDGE_MAX: usize = 100;

fn render(status: StatusCode, view: &CampaignView) -> Response {
    let mut response = json(status, view);
    response.headers_mut().insert(header::ETAG, etag(view.version));
    response
}

/// Creates a campaign as a draft.
#[utoipa::path(post, path = "/api/v1/campaigns", tag = "campaigns", security(("api_key" = ["campaigns"])), request_body = Definition,
    responses((status = 201, description = "The draft", body = schema::Campaign, headers(("ETag" = String))), schema::Problems))]
pub async fn create_campaign(
    State(app): State<App>,
    who: Operator<CampaignDrafts>,
    Json(definition): Json<Definition, LARGE>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::CreateCampaign);
    let made = |view: &CampaignView| Target::Campaign(view.id);
    let view =
        app.koi.audited_making(&who, deed, app.koi.acting(&who.who.word()).create_campaign(definition), made).await?;
    Ok(render(StatusCode::CREATED, &view))
}

const TABLE: Table = Table {
    columns: &[
        "id",
        "name",
        "state",
        "starts_at",
        "ends_at",
        "time_zone",
        "currency",
        "rules_version",
        "rules_hash",
        "created_at",
    ],
    sorts: &["id", "name", "state", "starts_at", "ends_at", "rules_version", "created_at"],
};

// Both are seen to where the campaigns are read.
impl Narrow<CampaignView> for CampaignsAsk {
    fn narrows(&self) -> bool {
        false
    }
    fn keeps(&self, _: &CampaignView) -> bool {
        true
    }
}

/// What the list of campaigns can be narrowed by. Other parameters are left alone.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CampaignsAsk {
    /// Those in this state
    state: Option<String>,
    /// Those whose name holds this
    q: Option<String>,
}

impl CampaignsAsk {
    fn filter(&self) -> Result<CampaignFilter, Problem> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let state = given(&self.state).map(|word| serde_json::from_value(Value::String(word)));
        let state = state.transpose().map_err(|_| Problem::invalid_query("state", "`state` is a campaign's state"))?;
        let name = given(&self.q).map(|name| name.to_lowercase());
        list::text("q", name.as_deref(), validate::NAME_CHARS)?;
        Ok(CampaignFilter { state, name })
    }
}

/// Lists campaigns, newest first. A page may hold fewer rows than asked for while there are more. Sorted by `id`, `name`,
/// `state`, `starts_at`, `ends_at`, `rules_version` or `created_at`.
#[utoipa::path(get, path = "/api/v1/campaigns", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(CampaignsAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::Campaigns), schema::Problems))]
pub async fn list_campaigns(
    State(app): State<App>,
    _: Operator<Campaigns>,
    asked: Listed<CampaignsAsk>,
) -> Result<Response, Problem> {
    let filter = asked.own.filter()?;
    answer_here(&TABLE, &asked, |page| app.koi.campaigns(&filter, page)).await
}

/// Shows a campaign.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 200, description = "The campaign", body = schema::Campaign, headers(("ETag" = String))), schema::Problems))]
pub async fn get_campaign(
    State(app): State<App>,
    _: Operator<Campaigns>,
    Id(id): Id<CampaignId>,
) -> Result<Response, Problem> {
    let view = app.koi.campaign(id).await?;
    Ok(render(StatusCode::OK, &view))
}

/// Edits a campaign: a JSON merge patch (RFC 7396) of its definition. A draft takes any edit; a published campaign takes
/// what is in the shopper's favour, at once, as a new version of its rules.
#[utoipa::path(patch, path = "/api/v1/campaigns/{id}", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "The ETag that was read; where absent the last write wins")),
    request_body(content = Object, description = "Members of a campaign's definition"),
    responses((status = 200, description = "As edited", body = schema::Campaign, headers(("ETag" = String))),
        (status = 409, description = "`against_shopper`: a shopper may be worse off", body = schema::Problem, content_type = "application/problem+json"),
        (status = 412, description = "`stale`: edited meanwhile", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn edit_campaign(
    State(app): State<App>,
    who: Operator<CampaignDrafts>,
    Id(id): Id<CampaignId>,
    IfMatch(if_match): IfMatch,
    Json(patch): Json<Map<String, Value>, LARGE>,
) -> Result<Response, Problem> {
    // Whoever may write drafts may not thereby change what shoppers were shown.
    let is_draft = app.koi.campaign(id).await?.state == CampaignState::Draft;
    let act = if is_draft { Act::EditCampaign } else { Act::ChangeLive };
    let deed = Deed::of(act).on(Target::Campaign(id));
    let koi = app.koi.acting(&who.who.word());
    let view = app.koi.audited(&who, deed, koi.edit_campaign(id, &if_match, patch)).await?;
    Ok(render(StatusCode::OK, &view))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishCampaign {
    /// Codes of warnings that the operator has seen.
    #[serde(default)]
    acknowledge: Vec<String>,
}

impl PublishCampaign {
    /// The codes, within their bounds.
    pub fn checked(&self) -> Result<&[String], Problem> {
        if self.acknowledge.len() > ACKNOWLEDGE_MAX {
            return Err(Problem::invalid("acknowledge", format!("`acknowledge` has at most {ACKNOWLEDGE_MAX} codes")));
        }
        self.acknowledge.iter().try_for_each(|code| validate::text("acknowledge", code, validate::ID_CHARS))?;
        Ok(&self.acknowledge)
    }
}

/// Publishes a draft: from here on its rules are frozen and its odds shown. Inside its window it is live at once.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/publish", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    request_body = Option<PublishCampaign>,
    responses((status = 200, description = "Published, with `findings`", body = schema::Campaign),
        (status = 422, description = "`publish_blocked` with `findings`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn publish_campaign(
    State(app): State<App>,
    who: Operator<Campaigns>,
    Id(id): Id<CampaignId>,
    MaybeJson(body): MaybeJson<PublishCampaign>,
) -> Result<Response, Problem> {
    let acknowledge = body.checked()?;
    let deed = Deed::of(Act::PublishCampaign).on(Target::Campaign(id));
    let deed = deed.asking(serde_json::json!({"acknowledge": body.acknowledge}));
    let view = app.koi.audited(&who, deed, app.koi.acting(&who.who.word()).publish(id, acknowledge)).await?;
    Ok(render(StatusCode::OK, &view))
}

/// A body without members.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Pauses a live campaign; draws are refused when the answer arrives.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/pause", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 200, description = "Paused", body = schema::Campaign), schema::Problems))]
pub async fn pause_campaign(
    State(app): State<App>,
    who: Operator<Campaigns>,
    Id(id): Id<CampaignId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::PauseCampaign).on(Target::Campaign(id));
    let view = app.koi.audited(&who, deed, app.koi.pause(id)).await?;
    Ok(render(StatusCode::OK, &view))
}

/// Resumes a paused campaign.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/resume", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 200, description = "Goes on", body = schema::Campaign), schema::Problems))]
pub async fn resume_campaign(
    State(app): State<App>,
    who: Operator<Campaigns>,
    Id(id): Id<CampaignId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::ResumeCampaign).on(Target::Campaign(id));
    let view = app.koi.audited(&who, deed, app.koi.resume(id)).await?;
    Ok(render(StatusCode::OK, &view))
}

/// Ends a campaign for good and reveals its seed.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/end", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 200, description = "Ended", body = schema::Campaign), schema::Problems))]
pub async fn end_campaign(
    State(app): State<App>,
    who: Operator<CampaignEnds>,
    Id(id): Id<CampaignId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::EndCampaign).on(Target::Campaign(id));
    let view = app.koi.audited(&who, deed, app.koi.acting(&who.who.word()).end(id)).await?;
    Ok(render(StatusCode::OK, &view))
}

/// Puts away a campaign that is over, or a draft that nobody wants.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/archive", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 200, description = "Archived", body = schema::Campaign), schema::Problems))]
pub async fn archive_campaign(
    State(app): State<App>,
    who: Operator<CampaignEnds>,
    Id(id): Id<CampaignId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::ArchiveCampaign).on(Target::Campaign(id));
    let view = app.koi.audited(&who, deed, app.koi.archive(id)).await?;
    Ok(render(StatusCode::OK, &view))
}

/// Makes a draft with the same definition.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/copy", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 201, description = "The new draft", body = schema::Campaign), schema::Problems))]
pub async fn copy_campaign(
    State(app): State<App>,
    who: Operator<CampaignDrafts>,
    Id(id): Id<CampaignId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::CopyCampaign).asking(serde_json::json!({"of": id}));
    let made = |view: &CampaignView| Target::Campaign(view.id);
    let view = app.koi.audited_making(&who, deed, app.koi.acting(&who.who.word()).copy_campaign(id), made).await?;
    Ok(render(StatusCode::CREATED, &view))
}

/// Shows what a campaign has given out and how its odds were met. Lags by at most 2 s.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/report", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 200, description = "The report", body = schema::Report), schema::Problems))]
pub async fn get_report(
    State(app): State<App>,
    _: Operator<Reports>,
    Id(id): Id<CampaignId>,
) -> Result<Response, Problem> {
    let view = app.koi.report(id).await?;
    Ok(json(StatusCode::OK, &view))
}
