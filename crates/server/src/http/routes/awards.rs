//! What a shopper has won, and what the shop's server sees of it.

use crate::http::body::{Json, MaybeJson};
use crate::http::extract::{Awards, ExternalId, Id, Operator, Paging, Shopper, Shoppers};
use crate::http::list::{ListParams, Listed, Narrow, Table, answer_here, holds, is};
use crate::http::paging::page;
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use crate::validate;
use app::ShopAwardView;
use app::koi::{Deed, Target};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::AwardId;
use domain::operator::Act;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Characters of one line of an address.
const LINE_CHARS: usize = 200;
/// Characters of a note to whoever delivers.
const NOTE_CHARS: usize = 500;

/// Lists the shopper's awards of all campaigns, newest first.
#[utoipa::path(get, path = "/api/v1/awards", tag = "shopper", security(("shopper_token" = [])),
    params(crate::http::paging::PageParams),
    responses((status = 200, description = "A page", body = schema::Awards), schema::Problems))]
pub async fn list_awards(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Paging(ask): Paging,
) -> Result<Response, Problem> {
    let awards = app.koi.awards(shopper, ask).await?;
    Ok(json(StatusCode::OK, &page(awards)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimAward {
    /// Where goods are to be sent; sealed before it is stored.
    address: Option<schema::Address>,
}

impl schema::Address {
    /// The address as it is stored, each line within its bound.
    fn checked(&self) -> Result<String, Problem> {
        for (field, line) in
            [("name", &self.name), ("phone", &self.phone), ("city", &self.city), ("street", &self.street)]
        {
            validate::text(&format!("address.{field}"), line, LINE_CHARS)?;
        }
        for (field, line, most) in [
            ("region", &self.region, LINE_CHARS),
            ("postal_code", &self.postal_code, LINE_CHARS),
            ("note", &self.note, NOTE_CHARS),
        ] {
            validate::optional_text(&format!("address.{field}"), line.as_deref().unwrap_or_default(), most)?;
        }
        if self.country.as_ref().is_some_and(|c| c.len() != 2 || !c.bytes().all(|b| b.is_ascii_uppercase())) {
            return Err(Problem::invalid("address.country", "`address.country` is two uppercase letters like CN"));
        }
        Ok(serde_json::to_string(self).expect("invariant: an address is a map of texts"))
    }
}

/// Claims an award. Claiming it again shows it claimed; the address that it was claimed with stands.
#[utoipa::path(post, path = "/api/v1/awards/{id}/claim", tag = "shopper", security(("shopper_token" = [])), params(("id" = String, Path)),
    request_body = Option<ClaimAward>,
    responses((status = 200, description = "Claimed", body = schema::Award),
        (status = 409, description = "`award_not_claimable`, `award_claimed`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn claim_award(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Id(id): Id<AwardId>,
    MaybeJson(body): MaybeJson<ClaimAward>,
) -> Result<Response, Problem> {
    let address = body.address.as_ref().map(schema::Address::checked).transpose()?;
    let view = app.koi.claim(shopper, id, address).await?;
    Ok(json(StatusCode::OK, &view))
}

/// Shows an award to the shop's server, whoever won it; without its coupon code.
#[utoipa::path(get, path = "/api/v1/awards/{id}", tag = "shoppers", security(("api_key" = ["shoppers"])), params(("id" = String, Path)),
    responses((status = 200, description = "The award", body = schema::ShopAward), schema::Problems))]
pub async fn get_award(
    State(app): State<App>,
    _: Operator<Shoppers>,
    Id(id): Id<AwardId>,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.shop_award(id).await?))
}

/// What held awards can be narrowed by.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct HeldAsk {
    campaign_id: Option<String>,
    /// The shop's own id
    shopper: Option<String>,
    /// What the prize's name holds
    q: Option<String>,
}

impl Narrow<ShopAwardView> for HeldAsk {
    fn narrows(&self) -> bool {
        self.campaign_id.is_some() || self.shopper.is_some() || self.q.is_some()
    }
    fn keeps(&self, row: &ShopAwardView) -> bool {
        let campaign = row.award.campaign_id.map(|id| id.to_string()).unwrap_or_default();
        is(self.campaign_id.as_deref(), &campaign)
            && is(self.shopper.as_deref(), &row.shopper)
            && holds(self.q.as_deref(), &[&row.award.prize.name])
    }
}

const HELD: Table = Table {
    columns: &["id", "at", "shopper", "campaign_id", "prize/code", "prize/name", "prize/kind", "prize/value_cents"],
    sorts: &["id", "at", "shopper", "prize/name", "prize/value_cents"],
};

/// Lists the awards that the risk rule holds back until a person has looked at them, newest first. Sorted by `id`, `at`,
/// `shopper`, `prize_name` or `prize_value_cents`.
#[utoipa::path(get, path = "/api/v1/awards/held", tag = "fulfilment", security(("api_key" = ["campaigns"])),
    params(HeldAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::HeldAwards), schema::Problems))]
pub async fn list_held_awards(
    State(app): State<App>,
    _: Operator<Awards>,
    asked: Listed<HeldAsk>,
) -> Result<Response, Problem> {
    answer_here(&HELD, &asked, |page| app.koi.held_awards(page)).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewAward {
    /// Give it, or end it.
    approve: bool,
    /// For the audit.
    reason: String,
}

/// Decides about an award that is held back. The same decision again changes nothing.
#[utoipa::path(post, path = "/api/v1/awards/{id}/review", tag = "fulfilment", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    request_body = ReviewAward,
    responses((status = 200, description = "Decided", body = schema::ShopAward),
        (status = 409, description = "`award_not_held`, or `award_reviewed` where it was decided otherwise", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn review_award(
    State(app): State<App>,
    who: Operator<Awards>,
    Id(id): Id<AwardId>,
    Json(body): Json<ReviewAward>,
) -> Result<Response, Problem> {
    validate::text("reason", &body.reason, validate::REASON_CHARS)?;
    let asked = serde_json::json!({"approve": body.approve, "reason": body.reason});
    let deed = Deed::of(Act::HandleAward).on(Target::Other("award", id.to_string())).asking(asked);
    Ok(json(StatusCode::OK, &app.koi.audited(&who, deed, app.koi.review_award(id, body.approve)).await?))
}

/// Shows the shop's server where an award is to be sent.
#[utoipa::path(get, path = "/api/v1/awards/{id}/address", tag = "shoppers", security(("api_key" = ["shoppers"])), params(("id" = String, Path)),
    responses((status = 200, description = "The address", body = schema::ShippingAddress),
        (status = 404, description = "`award_unknown`, `address_unknown`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn get_address(
    State(app): State<App>,
    _: Operator<Shoppers>,
    Id(id): Id<AwardId>,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.address(id).await?))
}

/// Lists a shopper's awards for the shop's server, newest first; without coupon codes.
#[utoipa::path(get, path = "/api/v1/shoppers/{external_id}/awards", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id"), crate::http::paging::PageParams),
    responses((status = 200, description = "A page", body = schema::Awards), schema::Problems))]
pub async fn list_awards_of_shopper(
    State(app): State<App>,
    _: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
    Paging(ask): Paging,
) -> Result<Response, Problem> {
    let awards = app.koi.shop_awards(&external_id, ask).await?;
    Ok(json(StatusCode::OK, &page(awards)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::parse;

    #[test]
    fn addresses_are_whole_and_bounded() {
        let long =
            format!(r#"{{"name": "Ada", "phone": "1", "city": "x", "street": "{}"}}"#, "x".repeat(LINE_CHARS + 1));
        for (body, want) in [
            (r#"{"name": "Ada", "phone": "+86 1", "city": "上海", "street": "1 Rd", "country": "CN"}"#, Ok(())),
            (r#"{"name": "", "phone": "1", "city": "x", "street": "y"}"#, Err(Some("address.name"))),
            (r#"{"name": "Ada", "phone": "1", "city": "x"}"#, Err(Some("street"))),
            (
                r#"{"name": "Ada", "phone": "1", "city": "x", "street": "y", "country": "China"}"#,
                Err(Some("address.country")),
            ),
            (r#"{"name": "Ada", "phone": "1", "city": "x", "street": "y", "planet": "Mars"}"#, Err(Some("planet"))),
            (long.as_str(), Err(Some("address.street"))),
        ] {
            let got = parse::<schema::Address>(body.as_bytes()).and_then(|a| a.checked().map(|_| ()));
            assert_eq!(got.map_err(|p| p.field), want.map_err(|f| f.map(str::to_owned)), "{body}");
        }
    }
}
