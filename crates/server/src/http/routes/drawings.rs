//! Entry drawings: made by operators, recomputed by anyone.

use super::campaigns::Nothing;
use crate::http::body::MaybeJson;
use crate::http::extract::{CampaignEnds, Campaigns, Id, Operator};
use crate::http::list::{ListParams, Listed, Narrow, Table, answer_here, is, one_of};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use app::DrawingWinnerView;
use app::koi::{Deed, Target};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::award::AwardState;
use domain::ids::CampaignId;
use domain::operator::Act;
use serde::Deserialize;
use utoipa::IntoParams;

/// Draws the winners of a campaign that is over among its tickets, and gives them the prize. Again, it shows the drawing.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/drawing", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 201, description = "Drawn", body = schema::drawing::EntryDrawing),
        (status = 200, description = "It was drawn before", body = schema::drawing::EntryDrawing),
        (status = 409, description = "`campaign_not_over`, or `no_entry_drawing` where the rules have none", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn make_drawing(
    State(app): State<App>,
    who: Operator<CampaignEnds>,
    Id(id): Id<CampaignId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::DrawEntry).on(Target::Campaign(id));
    let (view, made) = app.koi.audited(&who, deed, app.koi.draw_entry(id)).await?;
    Ok(json(if made { StatusCode::CREATED } else { StatusCode::OK }, &view))
}

/// Shows a campaign's entry drawing.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/drawing", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 200, description = "The drawing", body = schema::drawing::EntryDrawing), schema::Problems))]
pub async fn get_drawing(
    State(app): State<App>,
    _: Operator<Campaigns>,
    Id(id): Id<CampaignId>,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.entry_drawing(id).await?))
}

/// What those who were called can be narrowed by.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct WinnersAsk {
    /// The shop's own id
    shopper: Option<String>,
    /// Of the award: `granting`, `granted`, `failed`, `claimed` or `expired`
    state: Option<String>,
}

impl Narrow<DrawingWinnerView> for WinnersAsk {
    fn check(&self) -> Result<(), Problem> {
        one_of("state", self.state.as_deref(), &AwardState::ALL.map(AwardState::word))
    }
    fn narrows(&self) -> bool {
        self.shopper.is_some() || self.state.is_some()
    }
    fn keeps(&self, row: &DrawingWinnerView) -> bool {
        is(self.shopper.as_deref(), &row.shopper) && is(self.state.as_deref(), row.state.word())
    }
}

const TABLE: Table = Table { columns: &["rank", "shopper", "award_id", "state"], sorts: &["rank", "shopper", "state"] };

/// Lists who was called, by rank. Sorted by `rank`, `shopper` or `state`.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/drawing/winners", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), WinnersAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::drawing::EntryWinners), schema::Problems))]
pub async fn list_winners(
    State(app): State<App>,
    _: Operator<Campaigns>,
    Id(id): Id<CampaignId>,
    asked: Listed<WinnersAsk>,
) -> Result<Response, Problem> {
    answer_here(&TABLE, &asked, |page| app.koi.drawing_winners(id, page)).await
}

/// Gives everything that is needed to recompute a drawing: the frozen list, the seed, the ranks. Needs no credentials.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/drawing/proof", tag = "shopper", params(("id" = String, Path)),
    responses((status = 200, description = "The proof, for `koi verify-receipt`", body = schema::drawing::EntryProof), schema::Problems))]
pub async fn get_proof(State(app): State<App>, Id(id): Id<CampaignId>) -> Result<Response, Problem> {
    let proof = app.koi.drawing_proof(id).await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], proof).into_response())
}
