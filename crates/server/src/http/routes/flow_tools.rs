//! What an editor of flows asks. Nothing is changed by any of it.

use crate::http::body::{Json, LARGE};
use crate::http::extract::{CampaignDrafts, Id, Operator};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use crate::validate;
use app::koi::flow_tools::{TrialAsk, check_flow};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::flow::bounds::TEXT_BYTES;
use domain::flow::outline::Outline;
use domain::ids::CampaignId;
use serde::Deserialize;
use utoipa::ToSchema;

/// Codes or tags of one trial.
const WORDS_MAX: usize = 100;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckFlow {
    /// The text; or an outline instead, of which the text is made.
    flow: Option<String>,
    outline: Option<Outline>,
}

fn bounded(flow: &str) -> Result<(), Problem> {
    if flow.len() > TEXT_BYTES {
        return Err(Problem::invalid("flow", format!("`flow` has at most {TEXT_BYTES} bytes")));
    }
    Ok(())
}

/// Checks a flow given as text or as an outline: every error with its place, the usual form, the outline, the graph. 200
/// also where it has errors.
#[utoipa::path(post, path = "/api/v1/flows/check", tag = "campaigns", security(("api_key" = ["campaigns"])), request_body = CheckFlow,
    responses((status = 200, description = "What is wrong, and how it looks", body = schema::FlowCheck), schema::Problems))]
pub async fn check_flow_text(
    who: Operator<CampaignDrafts>,
    Json(body): Json<CheckFlow, LARGE>,
) -> Result<Response, Problem> {
    who.changes_nothing();
    let flow = match (body.flow, body.outline) {
        (Some(flow), None) => flow,
        (None, Some(outline)) => outline.to_string(),
        _ => return Err(Problem::invalid("flow", "send `flow` or `outline`, one of the two")),
    };
    bounded(&flow)?;
    Ok(json(StatusCode::OK, &check_flow(&flow)))
}

/// A shopper who is made up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TryFlow {
    /// Instead of the campaign's own.
    flow: Option<String>,
    /// The same seed rolls the same.
    seed: String,
    /// Draws made before.
    used: u32,
    /// Chances left.
    left: u32,
    draws_today: u32,
    /// What was bought for inside the campaign's window.
    spend_cents: i64,
    segment: String,
    level: i64,
    tags: Vec<String>,
    /// 0 to 100.
    risk_score: u32,
    /// Codes of prizes that are sold out.
    sold_out: Vec<String>,
    /// Codes of prizes that were won before.
    won: Vec<String>,
    /// RFC 3339; now where absent.
    #[schema(format = DateTime)]
    at: Option<String>,
}

impl Default for TryFlow {
    fn default() -> Self {
        TryFlow {
            flow: None,
            seed: "1".to_owned(),
            used: 0,
            left: 1,
            draws_today: 0,
            spend_cents: 0,
            segment: String::new(),
            level: 0,
            tags: Vec::new(),
            risk_score: 0,
            sold_out: Vec::new(),
            won: Vec::new(),
            at: None,
        }
    }
}

impl TryFlow {
    fn checked(self) -> Result<TrialAsk, Problem> {
        self.flow.as_deref().map_or(Ok(()), bounded)?;
        validate::optional_text("seed", &self.seed, validate::ID_CHARS)?;
        validate::optional_text("segment", &self.segment, validate::ID_CHARS)?;
        for (field, words) in [("tags", &self.tags), ("sold_out", &self.sold_out), ("won", &self.won)] {
            if words.len() > WORDS_MAX {
                return Err(Problem::invalid(field, format!("`{field}` has at most {WORDS_MAX} members")));
            }
            words.iter().try_for_each(|word| validate::text(field, word, validate::ID_CHARS))?;
        }
        validate::range("risk_score", &u64::from(self.risk_score), &(0..=100))?;
        Ok(TrialAsk {
            at_ms: self.at.as_deref().map(|at| validate::time("at", at)).transpose()?,
            flow: self.flow,
            seed: self.seed,
            used: self.used,
            left: self.left,
            draws_today: self.draws_today,
            spend_cents: self.spend_cents,
            segment: self.segment,
            level: self.level,
            tags: self.tags,
            risk_score: self.risk_score,
            sold_out: self.sold_out,
            won: self.won,
        })
    }
}

/// Draws once for a shopper who is made up, by the campaign's rules with another flow if one is given: what came of it, and
/// which way the draw took. The campaign, its stock and its seed are not touched.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/flow/trial", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    request_body = TryFlow,
    responses((status = 200, description = "What came of it", body = schema::Trial),
        (status = 422, description = "`flow_invalid` with line and column", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn try_flow(
    State(app): State<App>,
    who: Operator<CampaignDrafts>,
    Id(id): Id<CampaignId>,
    Json(body): Json<TryFlow, LARGE>,
) -> Result<Response, Problem> {
    who.changes_nothing();
    Ok(json(StatusCode::OK, &app.koi.try_flow(id, &body.checked()?).await?))
}
