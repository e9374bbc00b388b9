//! Drafts of campaigns for a segment, for the marketer.

use crate::http::body::{Json, SMALL};
use crate::http::extract::{CampaignDrafts, Operator};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use crate::validate::{self, NAME_CHARS};
use app::koi::DraftAsk;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use recommend::text::Language;
use serde::Deserialize;
use utoipa::ToSchema;

/// Characters of a segment's name.
const SEGMENT_CHARS: usize = 60;

/// What the marketer wishes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftCampaign {
    /// What the segment is called.
    #[schema(example = "Tea drinkers")]
    segment: String,
    /// Its shoppers are those who bought of this category; where absent, everybody.
    category: Option<String>,
    /// `zh` or `en`; where absent, that of the segment's name.
    language: Option<String>,
    /// Tomorrow where absent.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    /// Two weeks after it starts where absent.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
}

/// Writes a brief of a segment and a campaign for it, from what its shoppers buy and a template; a language model words it
/// where one is configured. It passes the checks of publishing. Nothing is stored: send it to `POST /campaigns`.
#[utoipa::path(post, path = "/api/v1/campaigns/draft", tag = "campaigns", security(("api_key" = ["campaigns"])), request_body = DraftCampaign,
    responses((status = 200, description = "The brief and the draft", body = schema::Draft), schema::Problems))]
pub async fn draft_campaign(
    State(app): State<App>,
    who: Operator<CampaignDrafts>,
    Json(body): Json<DraftCampaign, SMALL>,
) -> Result<Response, Problem> {
    who.changes_nothing();
    validate::text("segment", &body.segment, SEGMENT_CHARS)?;
    if let Some(category) = &body.category {
        validate::text("category", category, NAME_CHARS)?;
    }
    let language = match body.language.as_deref() {
        None => None,
        Some("zh") => Some(Language::Zh),
        Some("en") => Some(Language::En),
        Some(_) => return Err(Problem::invalid("language", "`language` is zh or en")),
    };
    let time = |field: &str, at: &Option<String>| at.as_deref().map(|at| validate::time(field, at)).transpose();
    let ask = DraftAsk {
        starts_at_ms: time("starts_at", &body.starts_at)?,
        ends_at_ms: time("ends_at", &body.ends_at)?,
        segment: body.segment,
        category: body.category,
        language,
    };
    Ok(json(StatusCode::OK, &app.koi.draft_campaign(ask).await?))
}
