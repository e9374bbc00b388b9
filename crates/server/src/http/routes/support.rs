//! One shopper, as support sees them.

use crate::http::extract::{Erasure, ExternalId, Id, Operator, Shoppers};
use crate::http::list::{ListParams, Listed, Narrow, Table, answer, answer_here, holds, is, one_of};
use crate::http::problem::Problem;
use crate::http::reply::{json, no_content, tagged};
use crate::http::{App, schema};
use app::koi::{Deed, Target};
use app::{EntryView, EventView};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::CampaignId;
use domain::operator::Act;
use serde::Deserialize;
use utoipa::IntoParams;

/// Shows a shopper's account: points, chances in each campaign, blacklist and risk. The `ETag` is of what a PUT changes.
#[utoipa::path(get, path = "/api/v1/shoppers/{external_id}", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id")),
    responses((status = 200, description = "As of now", body = schema::Account, headers(("ETag" = String))), schema::Problems))]
pub async fn get_shopper(
    State(app): State<App>,
    _: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
) -> Result<Response, Problem> {
    let view = app.koi.account(&external_id).await?;
    Ok(tagged(json(StatusCode::OK, &view), &view.etag))
}

/// What entries can be narrowed by.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct EntriesAsk {
    /// What the reason or the business key holds
    q: Option<String>,
    /// `issued`, `spent`, `expired` or `held`
    contra: Option<String>,
}

impl Narrow<EntryView> for EntriesAsk {
    fn check(&self) -> Result<(), Problem> {
        one_of("contra", self.contra.as_deref(), &["issued", "spent", "expired", "held"])
    }
    fn narrows(&self) -> bool {
        self.q.is_some() || self.contra.is_some()
    }
    fn keeps(&self, row: &EntryView) -> bool {
        holds(self.q.as_deref(), &[&row.reason, &row.business_key]) && is(self.contra.as_deref(), row.contra)
    }
}

const ENTRIES: Table = Table {
    columns: &["id", "at", "amount", "balance", "contra", "reason", "business_key", "expires_at"],
    sorts: &["id", "at", "amount", "balance", "reason", "expires_at"],
};

/// What behaviour can be narrowed by.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct EventsAsk {
    /// `purchase`, `return`, `review`, `search`, `view` or `sign_in`
    r#type: Option<String>,
}

impl Narrow<EventView> for EventsAsk {
    fn check(&self) -> Result<(), Problem> {
        one_of("type", self.r#type.as_deref(), &["purchase", "return", "review", "search", "view", "sign_in"])
    }
    fn narrows(&self) -> bool {
        self.r#type.is_some()
    }
    fn keeps(&self, row: &EventView) -> bool {
        is(self.r#type.as_deref(), row.action.kind())
    }
}

const EVENTS: Table = Table {
    columns: &["id", "at", "type", "order_id", "sku", "rating", "text", "query", "items"],
    sorts: &["at", "type"],
};

/// Lists the entries of a shopper's points account, newest first. Sorted by `id`, `at`, `amount`, `balance`, `reason` or
/// `expires_at`.
#[utoipa::path(get, path = "/api/v1/shoppers/{external_id}/points/entries", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id"), EntriesAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::Entries), schema::Problems))]
pub async fn list_entries_of_shopper(
    State(app): State<App>,
    _: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
    asked: Listed<EntriesAsk>,
) -> Result<Response, Problem> {
    let shopper = app.koi.known_shopper(&external_id).await?;
    answer_here(&ENTRIES, &asked, |page| app.koi.point_entries(shopper, page)).await
}

/// Lists what a shopper did, newest first. Sorted by `at` or `type`.
#[utoipa::path(get, path = "/api/v1/shoppers/{external_id}/events", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id"), EventsAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::ShopperEvents), schema::Problems))]
pub async fn list_events_of_shopper(
    State(app): State<App>,
    _: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
    asked: Listed<EventsAsk>,
) -> Result<Response, Problem> {
    answer_here(&EVENTS, &asked, |page| app.koi.events_of(&external_id, page)).await
}

/// Lists the personal strategies of a campaign, in the order in which shoppers came. Who is not in it sees a random one.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/strategies", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("id" = String, Path), ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::StrategyRows), schema::Problems))]
pub async fn list_strategies(
    State(app): State<App>,
    _: Operator<Shoppers>,
    Id(id): Id<CampaignId>,
    asked: Listed,
) -> Result<Response, Problem> {
    asked.unsorted()?;
    answer(&["shopper", "generation", "ready_at", "prizes"], &asked, |page| app.koi.personal_strategies(id, page)).await
}

/// Shows which prizes a shopper sees in a campaign, and why.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/strategies/{external_id}", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("id" = String, Path), ("external_id" = String, Path, description = "The shop's own id")),
    responses((status = 200, description = "As of now", body = schema::ShopperStrategy), schema::Problems))]
pub async fn get_strategy_of_shopper(
    State(app): State<App>,
    _: Operator<Shoppers>,
    Id(id): Id<CampaignId>,
    ExternalId(external_id): ExternalId,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.strategy_of(id, &external_id).await?))
}

/// Takes out all that is kept of a shopper, addresses and coupon codes included.
#[utoipa::path(get, path = "/api/v1/shoppers/{external_id}/export", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id")),
    responses((status = 200, description = "As of now", body = schema::Export), schema::Problems))]
pub async fn export_shopper(
    State(app): State<App>,
    who: Operator<Erasure>,
    ExternalId(external_id): ExternalId,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::ExportShopper).on(Target::Shopper(external_id.clone()));
    let view = app.koi.audited(&who, deed, app.koi.export(&external_id)).await?;
    Ok(json(StatusCode::OK, &view))
}

/// Erases a shopper: rows, behaviour, name, addresses, and the key that opens the rest. Figures stay as they are. Whoever
/// comes back under the same id is somebody new.
#[utoipa::path(delete, path = "/api/v1/shoppers/{external_id}", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id")),
    responses((status = 204, description = "Nothing is left"), schema::Problems))]
pub async fn erase_shopper(
    State(app): State<App>,
    who: Operator<Erasure>,
    ExternalId(external_id): ExternalId,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::EraseShopper).on(Target::Shopper(external_id.clone()));
    app.koi.audited(&who, deed, app.koi.erase(&external_id)).await?;
    Ok(no_content())
}
