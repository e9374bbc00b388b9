//! Named segments, for operators.

use crate::http::body::{Json, MaybeJson};
use crate::http::extract::{CampaignDrafts, Code, IfMatch, Operator};
use crate::http::list::{self, ListParams, Listed, Narrow, Table, answer_all};
use crate::http::problem::Problem;
use crate::http::reply::{json, no_content, tagged};
use crate::http::routes::campaigns::Nothing;
use crate::http::{App, schema};
use app::SegmentView;
use app::koi::{Deed, Target};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::operator::Act;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutSegment {
    /// CEL over `profile` and `shopper`.
    #[schema(example = "profile.orders >= 3 && profile.churn_risk > 0.5")]
    expression: String,
    #[serde(default)]
    description: String,
}

/// What segments can be narrowed by.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SegmentsAsk {
    /// What the name, the expression or the description holds
    q: Option<String>,
}

impl Narrow<SegmentView> for SegmentsAsk {
    fn narrows(&self) -> bool {
        self.q.is_some()
    }
    fn keeps(&self, row: &SegmentView) -> bool {
        list::holds(self.q.as_deref(), &[&row.name, &row.expression, &row.description])
    }
}

const TABLE: Table =
    Table { columns: &["name", "expression", "description", "updated_at"], sorts: &["name", "updated_at"] };

/// Lists the segments by name. Which of them a shopper belongs to is in the profile. Sorted by `name` or `updated_at`.
#[utoipa::path(get, path = "/api/v1/segments", tag = "models", security(("api_key" = ["campaigns"])), params(SegmentsAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::Segments), schema::Problems))]
pub async fn list_segments(
    State(app): State<App>,
    _: Operator<CampaignDrafts>,
    asked: Listed<SegmentsAsk>,
) -> Result<Response, Problem> {
    answer_all(&TABLE, &asked, app.koi.segments().await?)
}

/// Adds a segment or changes it.
#[utoipa::path(put, path = "/api/v1/segments/{code}", tag = "models", security(("api_key" = ["campaigns"])),
    params(("code" = String, Path, description = "Its name: 1 to 64 of a to z, 0 to 9 and _"), ("If-Match" = Option<String>, Header, description = "The ETag that was read; where absent the last write wins")), request_body = PutSegment,
    responses((status = 201, description = "New", body = schema::Segment, headers(("ETag" = String))), (status = 200, description = "Changed", body = schema::Segment, headers(("ETag" = String))),
        (status = 412, description = "`stale`: edited meanwhile", body = schema::Problem, content_type = "application/problem+json"),
        (status = 422, description = "`segment_invalid` with what is wrong", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn put_segment(
    State(app): State<App>,
    who: Operator<CampaignDrafts>,
    Code(name): Code,
    IfMatch(if_match): IfMatch,
    Json(body): Json<PutSegment>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::EditSegment).on(Target::Other("segment", name.clone()));
    let work = app.koi.put_segment(&name, &body.expression, &body.description, &if_match);
    let (view, is_new) = app.koi.audited(&who, deed, work).await?;
    Ok(tagged(json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &view), &view.etag))
}

/// Deletes a segment.
#[utoipa::path(delete, path = "/api/v1/segments/{code}", tag = "models", security(("api_key" = ["campaigns"])),
    params(("code" = String, Path, description = "Its name")),
    responses((status = 204, description = "Gone"),
        (status = 404, description = "`segment_unknown`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn delete_segment(
    State(app): State<App>,
    who: Operator<CampaignDrafts>,
    Code(name): Code,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::DeleteSegment).on(Target::Other("segment", name.clone()));
    app.koi.audited(&who, deed, app.koi.delete_segment(&name)).await?;
    Ok(no_content())
}
