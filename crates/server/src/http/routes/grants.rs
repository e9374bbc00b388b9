//! Chances that a shop gives of its own accord.

use crate::http::body::Json;
use crate::http::extract::{Grants, Id, Operator};
use crate::http::problem::Problem;
use crate::http::reply::answer_routed;
use crate::http::{App, schema};
use crate::validate;
use app::koi::{Deed, Target};
use axum::extract::State;
use axum::response::Response;
use domain::ids::CampaignId;
use domain::operator::Act;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGrant {
    /// The shop's own id.
    shopper: String,
    #[schema(minimum = 1, maximum = 1_000_000)]
    chances: u32,
    /// The same key and content again changes nothing.
    business_key: String,
    reason: String,
    /// When they expire; the campaign's `chances.valid_days` where absent.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// Grants chances to a shopper.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/grants", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path)), request_body = CreateGrant,
    responses((status = 201, description = "The order it made", body = schema::Order), (status = 200, description = "Known already: the first answer", body = schema::Order), schema::Problems))]
pub async fn create_grant(
    State(app): State<App>,
    who: Operator<Grants>,
    Id(id): Id<CampaignId>,
    Json(body): Json<CreateGrant>,
) -> Result<Response, Problem> {
    validate::external_id("shopper", &body.shopper)?;
    validate::range("chances", &body.chances, &validate::CHANCES)?;
    validate::text("business_key", &body.business_key, validate::ID_CHARS)?;
    validate::text("reason", &body.reason, validate::REASON_CHARS)?;
    let expires = body.expires_at.as_deref().map(|at| validate::time("expires_at", at)).transpose()?;
    let asked = json!({"campaign": id, "chances": body.chances, "business_key": body.business_key});
    let deed = Deed::of(Act::CreateGrant).on(Target::Shopper(body.shopper.clone())).asking(asked);
    let work = app.koi.grant(id, &body.shopper, body.chances, &body.business_key, &body.reason, expires);
    let answer = app.koi.audited(&who, deed, work).await?;
    Ok(answer_routed(answer))
}
