//! Lists across shoppers, for the console: filtered, sorted and paged here, as JSON or CSV.

use crate::http::extract::{Operator, Reports, Shoppers};
use crate::http::list::{self, ListParams, Listed, answer};
use crate::http::problem::Problem;
use crate::http::{App, schema};
use crate::validate;
use app::koi::RowAsk;
use app::ports::{RowFilter, ShopperFilter};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::award::AwardState;
use domain::ids::CampaignId;
use domain::order::{OrderKind, OrderState};
use serde::Deserialize;
use utoipa::IntoParams;

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
    "item_id",
    "quantity",
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

/// What a list across shoppers can be narrowed by: whose rows and when, and what is the list's own. (Serde cannot share
/// the members by flattening them: it would no longer refuse those that it does not know.)
macro_rules! rows_ask {
    ($(#[$of:meta])* $name:ident { $($(#[$doc:meta])* $own:ident),+ $(,)? }) => {
        $(#[$of])*
        #[derive(Debug, Default, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields, default)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            campaign_id: Option<String>,
            /// The shop's own id
            shopper: Option<String>,
            /// RFC 3339, inclusive
            from: Option<String>,
            /// RFC 3339, exclusive
            until: Option<String>,
            $($(#[$doc])* $own: Option<String>),+
        }

        impl $name {
            /// What all these lists understand, checked.
            fn rows(&self, oldest_first: bool) -> Result<RowAsk, Problem> {
                list::text("shopper", self.shopper.as_deref(), validate::ID_CHARS)?;
                let no_id = |_| Problem::invalid_query("campaign_id", "`campaign_id` is a campaign's id");
                let campaign = self.campaign_id.as_deref().map(str::parse::<CampaignId>).transpose().map_err(no_id)?;
                let (from, until) = (self.from.as_deref(), self.until.as_deref());
                let (from_ms, until_ms) = (list::time("from", from)?, list::time("until", until)?);
                let filter = RowFilter { campaign, from_ms, until_ms, ..RowFilter::default() };
                Ok(RowAsk { filter, shopper: self.shopper.clone(), prize: None, oldest_first })
            }
        }
    };
}

rows_ask!(
    /// What draws can be narrowed by.
    DrawsAsk {
        /// `true`: those that won an award; `false`: those that did not
        won,
    }
);
rows_ask!(
    /// What awards can be narrowed by.
    AwardsAsk {
        /// `granting`, `granted`, `failed`, `claimed` or `expired`
        state,
        /// A code; needs `campaign_id`
        prize,
    }
);
rows_ask!(
    /// What orders can be narrowed by.
    OrdersAsk {
        /// `sign_in`, `paid`, `redeem`, `points`, `purchase`, `referral`, `grant` or `exchange`
        kind,
        /// `pending_payment`, `effective`, `used`, `expired` or `closed`
        state,
    }
);

/// Lists draws of all shoppers, newest first. A page may hold fewer rows than asked for while there are more behind it.
/// Sorted by `id`.
#[utoipa::path(get, path = "/api/v1/desk/draws", tag = "desk", security(("api_key" = ["shoppers"])), params(DrawsAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::DeskDraws), schema::Problems))]
pub async fn list_all_draws(
    State(app): State<App>,
    _: Operator<Shoppers>,
    asked: Listed<DrawsAsk>,
) -> Result<Response, Problem> {
    let mut ask = asked.own.rows(asked.oldest_first()?)?;
    ask.filter.won = truth("won", asked.own.won.as_deref())?;
    let (koi, ask) = (&app.koi, &ask);
    let fetch = |page| async move {
        let app::Page { data, next_cursor } = koi.all_draws(ask, page).await?;
        let data: Vec<_> = data.iter().map(app::DeskDrawView::merged).collect();
        Ok::<_, app::Error>(app::Page { data, next_cursor })
    };
    answer(DRAW_COLUMNS, &asked, fetch).await
}

/// Lists awards of all shoppers, newest first, without coupon codes. A page may hold fewer rows than asked for while there
/// are more behind it. Sorted by `id`.
#[utoipa::path(get, path = "/api/v1/desk/awards", tag = "desk", security(("api_key" = ["shoppers"])), params(AwardsAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::ShopAwards), schema::Problems))]
pub async fn list_all_awards(
    State(app): State<App>,
    _: Operator<Shoppers>,
    asked: Listed<AwardsAsk>,
) -> Result<Response, Problem> {
    let mut ask = asked.own.rows(asked.oldest_first()?)?;
    ask.filter.award_state = word("state", asked.own.state.as_deref(), AwardState::parse)?;
    list::text("prize", asked.own.prize.as_deref(), validate::ID_CHARS)?;
    ask.prize = asked.own.prize.clone();
    answer(AWARD_COLUMNS, &asked, |page| app.koi.all_awards(&ask, page)).await
}

/// Lists orders of all shoppers, newest first, those of the exchange shop included. A page may hold fewer rows than asked
/// for while there are more behind it. Sorted by `id`.
#[utoipa::path(get, path = "/api/v1/desk/orders", tag = "desk", security(("api_key" = ["shoppers"])), params(OrdersAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::DeskOrders), schema::Problems))]
pub async fn list_all_orders(
    State(app): State<App>,
    _: Operator<Shoppers>,
    asked: Listed<OrdersAsk>,
) -> Result<Response, Problem> {
    let mut ask = asked.own.rows(asked.oldest_first()?)?;
    ask.filter.order_state = word("state", asked.own.state.as_deref(), OrderState::parse)?;
    ask.filter.order_kind = word("kind", asked.own.kind.as_deref(), OrderKind::parse)?;
    answer(ORDER_COLUMNS, &asked, |page| app.koi.all_orders(&ask, page)).await
}

/// Which shoppers.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ShoppersAsk {
    /// What the shop's own id starts with
    q: Option<String>,
    /// `true`: only those on a blacklist
    blocked: Option<String>,
}

/// Lists shoppers, newest first: all, those whose id starts with a text, those on a blacklist. A page may hold fewer rows
/// than asked for while there are more behind it. Sorted by `id`.
#[utoipa::path(get, path = "/api/v1/shoppers", tag = "shoppers", security(("api_key" = ["shoppers"])), params(ShoppersAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::ShopperRows), schema::Problems))]
pub async fn list_shoppers(
    State(app): State<App>,
    _: Operator<Shoppers>,
    asked: Listed<ShoppersAsk>,
) -> Result<Response, Problem> {
    let prefix = asked.own.q.clone().filter(|q| !q.is_empty());
    list::text("q", prefix.as_deref(), validate::ID_CHARS)?;
    let blocked = truth("blocked", asked.own.blocked.as_deref())?.unwrap_or(false);
    let (filter, oldest_first) = (ShopperFilter { prefix, blocked }, asked.oldest_first()?);
    answer(SHOPPER_COLUMNS, &asked, |page| app.koi.shoppers(&filter, oldest_first, page)).await
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
        let ask = |json: serde_json::Value| serde_json::from_value::<DrawsAsk>(json).unwrap().rows(false);
        for (json, want) in [
            (serde_json::json!({}), Ok(())),
            (serde_json::json!({"campaign_id": "7", "won": "true", "from": "2026-01-01T00:00:00Z"}), Ok(())),
            (serde_json::json!({"campaign_id": "x"}), Err("campaign_id")),
            (serde_json::json!({"from": "yesterday"}), Err("from")),
            (serde_json::json!({"shopper": ""}), Err("shopper")),
        ] {
            let got = ask(json.clone()).map(|_| ()).map_err(|p| (p.code, p.field));
            assert_eq!(got, want.map_err(|field| ("invalid_query", Some(field.to_owned()))), "{json}");
        }
        for (given, want) in [(None, Ok(None)), (Some("true"), Ok(Some(true))), (Some("yes"), Err("invalid_query"))] {
            assert_eq!(truth("won", given).map_err(|p| p.code), want);
        }
    }
}
