//! Versions of a published campaign's rules, for operators.

use crate::http::body::{Json, LARGE, MaybeJson};
use crate::http::extract::{CampaignDrafts, Campaigns, Id, Operator, VersionPath};
use crate::http::list::{ListParams, Listed, Narrow, Table, answer_here, is, one_of};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::routes::campaigns::{Nothing, PublishCampaign};
use crate::http::{App, schema};
use app::VersionView;
use app::koi::{Deed, Target};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::campaign::Time;
use domain::ids::CampaignId;
use domain::operator::Act;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// What a new version changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftVersion {
    /// A JSON merge patch (RFC 7396) of the rules in force.
    #[schema(value_type = Object)]
    changes: Map<String, Value>,
    /// When it is to take effect; absent: as soon as it is published.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_at: Option<Time>,
}

/// Writes a new version of a published campaign's rules, as a draft.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/versions", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)), request_body = DraftVersion,
    responses((status = 201, description = "The draft", body = schema::RulesVersion), schema::Problems))]
pub async fn draft_version(
    State(app): State<App>,
    who: Operator<CampaignDrafts>,
    Id(id): Id<CampaignId>,
    Json(body): Json<DraftVersion, LARGE>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::EditCampaign).on(Target::Campaign(id));
    let koi = app.koi.acting(&who.who.word());
    let drafted = koi.draft_version(id, body.changes, body.effective_at.map(Time::as_ms));
    let view = app.koi.audited(&who, deed, drafted).await?;
    Ok(json(StatusCode::CREATED, &view))
}

/// What versions can be narrowed by.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct VersionsAsk {
    /// `draft`, `announced`, `in_force`, `past` or `withdrawn`
    state: Option<String>,
}

impl Narrow<VersionView> for VersionsAsk {
    fn check(&self) -> Result<(), Problem> {
        one_of("state", self.state.as_deref(), &["draft", "announced", "in_force", "past", "withdrawn"])
    }
    fn narrows(&self) -> bool {
        self.state.is_some()
    }
    fn keeps(&self, row: &VersionView) -> bool {
        is(self.state.as_deref(), row.state)
    }
}

const TABLE: Table = Table {
    columns: &["version", "state", "effective_at", "announced_at", "created_at", "author", "publisher", "rules_hash"],
    sorts: &["version", "state", "effective_at", "created_at", "author"],
};

/// Lists every version of a campaign's rules, newest first. Sorted by `version`, `state`, `effective_at`, `created_at` or
/// `author`.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/versions", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), VersionsAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::RulesVersions), schema::Problems))]
pub async fn list_versions(
    State(app): State<App>,
    _: Operator<Campaigns>,
    Id(id): Id<CampaignId>,
    asked: Listed<VersionsAsk>,
) -> Result<Response, Problem> {
    answer_here(&TABLE, &asked, |page| app.koi.versions(id, page)).await
}

/// Shows one version with its whole definition.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/versions/{version}", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("version" = u32, Path)),
    responses((status = 200, description = "The version", body = schema::RulesVersion), schema::Problems))]
pub async fn get_version(
    State(app): State<App>,
    _: Operator<Campaigns>,
    VersionPath(id, version): VersionPath,
) -> Result<Response, Problem> {
    let view = app.koi.version(id, version).await?;
    Ok(json(StatusCode::OK, &view))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiffAsk {
    from: Option<u32>,
}

/// Shows what a version changes, and what each change means for shoppers.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/versions/{version}/diff", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("version" = u32, Path), ("from" = Option<u32>, Query, description = "Absent: the rules in force, or those before")),
    responses((status = 200, description = "The changes", body = schema::RulesDiff), schema::Problems))]
pub async fn get_version_diff(
    State(app): State<App>,
    _: Operator<Campaigns>,
    VersionPath(id, version): VersionPath,
    ask: Result<Query<DiffAsk>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(ask) = ask.map_err(|_| Problem::invalid("from", "`from` is the number of a version".to_owned()))?;
    let view = app.koi.diff_version(id, version, ask.from).await?;
    Ok(json(StatusCode::OK, &view))
}

/// Publishes a version: it is announced, and in force from its time on.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/versions/{version}/publish", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("version" = u32, Path)), request_body = Option<PublishCampaign>,
    responses((status = 200, description = "Announced or in force, with `findings`", body = schema::RulesVersion),
        (status = 409, description = "`second_person_needed`, `version_outdated`, `version_announced`, `version_withdrawn`", body = schema::Problem, content_type = "application/problem+json"),
        (status = 422, description = "`publish_blocked` with `findings`, `notice_short`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn publish_version(
    State(app): State<App>,
    who: Operator<Campaigns>,
    VersionPath(id, version): VersionPath,
    MaybeJson(body): MaybeJson<PublishCampaign>,
) -> Result<Response, Problem> {
    let acknowledge = body.checked()?;
    let deed = Deed::of(Act::ChangeLive).on(Target::Campaign(id)).asking(serde_json::json!({"publish": version}));
    let koi = app.koi.acting(&who.who.word());
    let view = app.koi.audited(&who, deed, koi.publish_version(id, version, acknowledge)).await?;
    Ok(json(StatusCode::OK, &view))
}

/// Takes back a version that is not in force yet.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/versions/{version}/withdraw", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("version" = u32, Path)),
    responses((status = 200, description = "Withdrawn", body = schema::RulesVersion), schema::Problems))]
pub async fn withdraw_version(
    State(app): State<App>,
    who: Operator<Campaigns>,
    VersionPath(id, version): VersionPath,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::ChangeLive).on(Target::Campaign(id)).asking(serde_json::json!({"withdraw": version}));
    let koi = app.koi.acting(&who.who.word());
    let view = app.koi.audited(&who, deed, koi.withdraw_version(id, version)).await?;
    Ok(json(StatusCode::OK, &view))
}
