//! Lists across shoppers, for the console: filtered, sorted and paged here, as JSON or CSV.

use crate::http::extract::{Asked, Operator, Paging, Reports, Shoppers};
use crate::http::problem::Problem;
use crate::http::{App, schema, table};
use crate::validate;
use app::koi::RowAsk;
use app::ports::{RowFilter, ShopperFilter};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::award::AwardState;
use domain::ids::CampaignId;
use domain::order::{OrderKind, OrderState};
use serde::Deserialize;

const SHOPPER_COLUMNS: &[&str] = &["id", "external_id", "name", "registered_at", "points", "draws", "risk_score"];
const DRAW_COLUMNS: &[&str] = &[
    "id",
    "shopper",
    "campaign_id",
    "n",
    "drawn_at",
    "pool",
    "slot",
    "prize/code",
    "prize/name",
    "prize/kind",
    "award/id",
    "award/state",
];
const AWARD_COLUMNS: &[&str] = &[
    "id",
    "shopper",
    "campaign_id",
    "draw_id",
    "state",
    "prize/code",
    "prize/name",
    "prize/kind",
    "prize/value_cents",
    "points",
    "claim_by",
    "at",
];
const ORDER_COLUMNS: &[&str] = &[
    "id",
    "shopper",
    "campaign_id",
    "kind",
    "state",
    "chances",
    "left",
    "price_cents",
    "price_points",
    "points",
    "reason",
    "created_at",
    "expires_at",
];

fn word<T>(field: &str, given: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    given.map(|word| parse(word).ok_or_else(|| Problem::invalid_query(field, "there is no such word"))).transpose()
}

fn truth(field: &str, given: Option<&str>) -> Result<Option<bool>, Problem> {
    word(field, given, |word| match word {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    })
}

/// What every list of rows can be asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RowsAsk {
    campaign_id: Option<String>,
    shopper: Option<String>,
    won: Option<String>,
    prize: Option<String>,
    state: Option<String>,
    kind: Option<String>,
    from: Option<String>,
    until: Option<String>,
    sort: Option<String>,
    format: Option<String>,
    // Read by `Paging`.
    #[serde(rename = "limit")]
    _limit: Option<String>,
    #[serde(rename = "cursor")]
    _cursor: Option<String>,
}

impl RowsAsk {
    fn checked(&self) -> Result<RowAsk, Problem> {
        let time = |field, given: Option<&str>| {
            let time = given.map(|at| validate::time(field, at)).transpose();
            time.map_err(|problem| Problem { code: "invalid_query", ..problem })
        };
        let campaign = self.campaign_id.as_deref().map(|id| {
            id.parse::<CampaignId>()
                .map_err(|_| Problem::invalid_query("campaign_id", "`campaign_id` is a campaign's id"))
        });
        let oldest_first = match self.sort.as_deref() {
            None | Some("-id") => false,
            Some("id") => true,
            Some(_) => return Err(Problem::invalid_query("sort", "`sort` is -id (newest first) or id")),
        };
        for (field, given) in [("shopper", &self.shopper), ("prize", &self.prize)] {
            if let Some(given) = given {
                validate::text(field, given, validate::ID_CHARS)
                    .map_err(|problem| Problem { code: "invalid_query", ..problem })?;
            }
        }
        Ok(RowAsk {
            filter: RowFilter {
                campaign: campaign.transpose()?,
                won: truth("won", self.won.as_deref())?,
                from_ms: time("from", self.from.as_deref())?,
                until_ms: time("until", self.until.as_deref())?,
                ..RowFilter::default()
            },
            shopper: self.shopper.clone(),
            prize: self.prize.clone(),
            oldest_first,
        })
    }
}

/// Lists draws of all shoppers, newest first. A page may hold fewer rows than asked for while there are more behind it.
#[utoipa::path(get, path = "/api/v1/desk/draws", tag = "desk", security(("api_key" = ["shoppers"])),
    params(("campaign_id" = Option<String>, Query), ("shopper" = Option<String>, Query, description = "The shop's own id"),
        ("won" = Option<bool>, Query, description = "Whether it won an award"),
        ("from" = Option<String>, Query, description = "RFC 3339, inclusive"), ("until" = Option<String>, Query, description = "RFC 3339, exclusive"),
        ("sort" = Option<String>, Query, description = "`-id` newest first, `id` oldest first"), ("format" = Option<String>, Query, description = "`json` or `csv`"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent"), ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::DeskDraws), schema::Problems))]
pub async fn list_all_draws(
    State(app): State<App>,
    _: Operator<Shoppers>,
    Asked(asked): Asked<RowsAsk>,
    Paging(page): Paging,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (format, ask) = (table::wanted(asked.format.as_deref(), &headers)?, asked.checked()?);
    let (koi, ask) = (&app.koi, &ask);
    let fetch = |page| async move {
        let app::Page { data, next_cursor } = koi.all_draws(ask, page).await?;
        Ok::<_, app::Error>(app::Page { data: data.iter().map(app::DeskDrawView::merged).collect(), next_cursor })
    };
    table::answer(format, page, DRAW_COLUMNS, fetch).await
}

/// Lists awards of all shoppers, newest first, without coupon codes. A page may hold fewer rows than asked for while there
/// are more behind it.
#[utoipa::path(get, path = "/api/v1/desk/awards", tag = "desk", security(("api_key" = ["shoppers"])),
    params(("campaign_id" = Option<String>, Query), ("shopper" = Option<String>, Query, description = "The shop's own id"),
        ("state" = Option<schema::AwardStateWord>, Query), ("prize" = Option<String>, Query, description = "A code; needs `campaign_id`"),
        ("from" = Option<String>, Query, description = "RFC 3339, inclusive"), ("until" = Option<String>, Query, description = "RFC 3339, exclusive"),
        ("sort" = Option<String>, Query, description = "`-id` newest first, `id` oldest first"), ("format" = Option<String>, Query, description = "`json` or `csv`"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent"), ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::ShopAwards), schema::Problems))]
pub async fn list_all_awards(
    State(app): State<App>,
    _: Operator<Shoppers>,
    Asked(asked): Asked<RowsAsk>,
    Paging(page): Paging,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (format, mut ask) = (table::wanted(asked.format.as_deref(), &headers)?, asked.checked()?);
    ask.filter.award_state = word("state", asked.state.as_deref(), AwardState::parse)?;
    table::answer(format, page, AWARD_COLUMNS, |page| app.koi.all_awards(&ask, page)).await
}

/// Lists orders of all shoppers, newest first. A page may hold fewer rows than asked for while there are more behind it.
#[utoipa::path(get, path = "/api/v1/desk/orders", tag = "desk", security(("api_key" = ["shoppers"])),
    params(("campaign_id" = Option<String>, Query), ("shopper" = Option<String>, Query, description = "The shop's own id"),
        ("kind" = Option<String>, Query, description = "`sign_in`, `paid`, `redeem`, `points`, `purchase`, `referral` or `grant`"),
        ("state" = Option<String>, Query, description = "`pending_payment`, `effective`, `used`, `expired` or `closed`"),
        ("from" = Option<String>, Query, description = "RFC 3339, inclusive"), ("until" = Option<String>, Query, description = "RFC 3339, exclusive"),
        ("sort" = Option<String>, Query, description = "`-id` newest first, `id` oldest first"), ("format" = Option<String>, Query, description = "`json` or `csv`"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent"), ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::DeskOrders), schema::Problems))]
pub async fn list_all_orders(
    State(app): State<App>,
    _: Operator<Shoppers>,
    Asked(asked): Asked<RowsAsk>,
    Paging(page): Paging,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (format, mut ask) = (table::wanted(asked.format.as_deref(), &headers)?, asked.checked()?);
    ask.filter.order_state = word("state", asked.state.as_deref(), OrderState::parse)?;
    ask.filter.order_kind = word("kind", asked.kind.as_deref(), OrderKind::parse)?;
    table::answer(format, page, ORDER_COLUMNS, |page| app.koi.all_orders(&ask, page)).await
}

/// What the list of shoppers can be asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShoppersAsk {
    q: Option<String>,
    blocked: Option<String>,
    format: Option<String>,
    #[serde(rename = "limit")]
    _limit: Option<String>,
    #[serde(rename = "cursor")]
    _cursor: Option<String>,
}

/// Lists shoppers, newest first: all, those whose id starts with a text, those on a blacklist. A page may hold fewer rows
/// than asked for while there are more behind it.
#[utoipa::path(get, path = "/api/v1/shoppers", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("q" = Option<String>, Query, description = "What the shop's own id starts with"), ("blocked" = Option<bool>, Query, description = "`true`: only those on a blacklist"),
        ("format" = Option<String>, Query, description = "`json` or `csv`"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent"), ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::ShopperRows), schema::Problems))]
pub async fn list_shoppers(
    State(app): State<App>,
    _: Operator<Shoppers>,
    Asked(asked): Asked<ShoppersAsk>,
    Paging(page): Paging,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = table::wanted(asked.format.as_deref(), &headers)?;
    let prefix = asked.q.filter(|q| !q.is_empty());
    if let Some(prefix) = &prefix {
        validate::text("q", prefix, validate::ID_CHARS)
            .map_err(|problem| Problem { code: "invalid_query", ..problem })?;
    }
    let blocked = truth("blocked", asked.blocked.as_deref())?.unwrap_or(false);
    let filter = ShopperFilter { prefix, blocked };
    table::answer(format, page, SHOPPER_COLUMNS, |page| app.koi.shoppers(&filter, page)).await
}

/// Shows how the engines beneath do.
#[utoipa::path(get, path = "/api/v1/engines", tag = "desk", security(("api_key" = ["shoppers"])),
    responses((status = 200, description = "As of now", body = schema::Engines), schema::Problems))]
pub async fn list_engines(State(app): State<App>, _: Operator<Reports>) -> Result<Response, Problem> {
    let data = app.koi.engines().await;
    Ok(crate::http::reply::json(StatusCode::OK, &app::Page { data, next_cursor: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_checked_by_field() {
        let ask = |json: serde_json::Value| serde_json::from_value::<RowsAsk>(json).unwrap().checked();
        for (json, want) in [
            (serde_json::json!({}), Ok(())),
            (
                serde_json::json!({"campaign_id": "7", "won": "true", "sort": "id", "from": "2026-01-01T00:00:00Z"}),
                Ok(()),
            ),
            (serde_json::json!({"campaign_id": "x"}), Err("campaign_id")),
            (serde_json::json!({"won": "yes"}), Err("won")),
            (serde_json::json!({"sort": "name"}), Err("sort")),
            (serde_json::json!({"from": "yesterday"}), Err("from")),
            (serde_json::json!({"shopper": ""}), Err("shopper")),
        ] {
            let got = ask(json.clone()).map(|_| ()).map_err(|p| (p.code, p.field));
            assert_eq!(got, want.map_err(|field| ("invalid_query", Some(field.to_owned()))), "{json}");
        }
    }
}
