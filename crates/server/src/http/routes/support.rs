//! One shopper, as support sees them.

use crate::http::extract::{Erasure, ExternalId, Id, Operator, Paging, Shoppers};
use crate::http::paging::page;
use crate::http::problem::Problem;
use crate::http::reply::{json, no_content};
use crate::http::{App, schema};
use app::koi::{Deed, Target};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::CampaignId;
use domain::operator::Act;

/// Shows a shopper's account: points, chances in each campaign, blacklist and risk.
#[utoipa::path(get, path = "/api/v1/shoppers/{external_id}", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id")),
    responses((status = 200, description = "As of now", body = schema::Account), schema::Problems))]
pub async fn get_shopper(
    State(app): State<App>,
    _: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.account(&external_id).await?))
}

/// Lists the entries of a shopper's points account, newest first.
#[utoipa::path(get, path = "/api/v1/shoppers/{external_id}/points/entries", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id"), ("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent"), ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = schema::Entries), schema::Problems))]
pub async fn list_entries_of_shopper(
    State(app): State<App>,
    _: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
    Paging(ask): Paging,
) -> Result<Response, Problem> {
    let shopper = app.koi.known_shopper(&external_id).await?;
    Ok(json(StatusCode::OK, &page(app.koi.point_entries(shopper, ask).await?)))
}

/// Lists what a shopper did, newest first.
#[utoipa::path(get, path = "/api/v1/shoppers/{external_id}/events", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id"), ("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent"), ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = schema::ShopperEvents), schema::Problems))]
pub async fn list_events_of_shopper(
    State(app): State<App>,
    _: Operator<Shoppers>,
    ExternalId(external_id): ExternalId,
    Paging(ask): Paging,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &page(app.koi.events_of(&external_id, ask).await?)))
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
