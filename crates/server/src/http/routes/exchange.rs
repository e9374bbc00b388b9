//! The exchange shop: what points buy.

use super::coupons::read_codes;
use crate::http::body::{self, Json, MaybeJson, RawJson, SMALL};
use crate::http::extract::{Awards, Exchange, Id, IdempotencyKey, IfMatch, Operator, Paging, Shopper, Visitor, etag};
use crate::http::list::{ListParams, Listed, Narrow, Table, answer_here, holds, is, one_of};
use crate::http::paging::page;
use crate::http::problem::Problem;
use crate::http::reply::{self, answer_routed};
use crate::http::routes::campaigns::Nothing;
use crate::http::{App, schema};
use crate::validate;
use app::ItemView;
use app::koi::{Deed, ItemEdit, Target};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use domain::campaign::Time;
use domain::exchange::ItemDef;
use domain::ids::ItemId;
use domain::operator::Act;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// Units of one order.
const QUANTITY: std::ops::RangeInclusive<u32> = 1..=1_000;
/// Skus of one prize.
const SKUS_MAX: usize = 1_000;

/// A member that is there, be it null.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// What is not named stays; null lifts a bound. What an item gives cannot be changed: retire it and make another.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditItem {
    name: Option<String>,
    price_points: Option<i64>,
    /// Units to be had in all, those sold included.
    stock: Option<u64>,
    #[serde(default, deserialize_with = "there")]
    #[schema(value_type = Option<u32>)]
    per_shopper: Option<Option<u32>>,
    #[serde(default, deserialize_with = "there")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Option<Time>>,
    #[serde(default, deserialize_with = "there")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Option<Time>>,
    #[serde(default, deserialize_with = "there")]
    #[schema(value_type = Option<u32>)]
    hold_days: Option<Option<u32>>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateExchangeOrder {
    /// Units, 1 where absent. One at a time of what somebody else hands over, ten of goods.
    #[schema(minimum = 1, maximum = 1_000)]
    quantity: Option<u32>,
}

fn checked(def: &ItemDef) -> Result<(), Problem> {
    validate::text("name", &def.name, validate::NAME_CHARS)?;
    if let Some(prize) = &def.gives.prize {
        validate::text("gives.prize.code", &prize.code, 64)?;
        validate::optional_text("gives.prize.name", &prize.name, validate::NAME_CHARS)?;
        validate::optional_text("gives.prize.category", prize.category.as_deref().unwrap_or(""), validate::NAME_CHARS)?;
        if prize.skus.len() > SKUS_MAX {
            return Err(Problem::invalid("gives.prize.skus", format!("a prize has at most {SKUS_MAX} skus")));
        }
        prize.skus.iter().try_for_each(|sku| validate::text("gives.prize.skus", sku, validate::ID_CHARS))?;
    }
    Ok(())
}

fn shown(status: StatusCode, view: &ItemView) -> Response {
    let mut response = reply::json(status, view);
    response.headers_mut().insert(header::ETAG, etag(view.version));
    response
}

/// Puts an item into the shop: chances in a campaign, or a prize, for points.
#[utoipa::path(post, path = "/api/v1/exchange/items", tag = "exchange", security(("api_key" = ["campaigns"])),
    request_body = ItemDef,
    responses((status = 201, description = "The item, with an `ETag`", body = schema::ExchangeItem),
        (status = 422, description = "`invalid_body`, `campaign_unknown`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn create_item(
    State(app): State<App>,
    who: Operator<Exchange>,
    Json(def): Json<ItemDef>,
) -> Result<Response, Problem> {
    checked(&def)?;
    let deed = Deed::of(Act::CreateItem).asking(json!(def));
    let made = |view: &ItemView| Target::Other("exchange_item", view.id.to_string());
    let view = app.koi.audited_making(&who, deed, app.koi.create_item(def), made).await?;
    Ok(shown(StatusCode::CREATED, &view))
}

/// What items can be narrowed by. Other parameters are left alone: shoppers' pages ask as well.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ItemsAsk {
    /// What the name holds
    q: Option<String>,
    /// `active` or `retired`
    state: Option<String>,
}

impl Narrow<ItemView> for ItemsAsk {
    fn check(&self) -> Result<(), Problem> {
        one_of("state", self.state.as_deref(), &["active", "retired"])
    }
    fn narrows(&self) -> bool {
        self.q.is_some() || self.state.is_some()
    }
    fn keeps(&self, row: &ItemView) -> bool {
        holds(self.q.as_deref(), &[&row.definition.name]) && is(self.state.as_deref(), row.state)
    }
}

const TABLE: Table = Table {
    columns: &[
        "id",
        "name",
        "state",
        "price_points",
        "stock",
        "sold",
        "left",
        "per_shopper",
        "gives/chances",
        "gives/campaign_id",
        "gives/prize/kind",
        "starts_at",
        "ends_at",
        "created_at",
    ],
    sorts: &["id", "name", "state", "price_points", "stock", "sold", "left", "ends_at", "created_at"],
};

/// Lists the shop's items, newest first. Shoppers see those that can be or will be bought, operators all. Sorted by `id`,
/// `name`, `state`, `price_points`, `stock`, `sold`, `left`, `ends_at` or `created_at`.
#[utoipa::path(get, path = "/api/v1/exchange/items", tag = "exchange", security(("shopper_token" = []), ("api_key" = ["campaigns"])),
    params(ItemsAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::ExchangeItems), schema::Problems))]
pub async fn list_items(State(app): State<App>, who: Visitor, asked: Listed<ItemsAsk>) -> Result<Response, Problem> {
    let all = matches!(who, Visitor::Manager);
    answer_here(&TABLE, &asked, |page| app.koi.items(all, page)).await
}

/// Shows one item.
#[utoipa::path(get, path = "/api/v1/exchange/items/{id}", tag = "exchange", security(("shopper_token" = []), ("api_key" = ["campaigns"])),
    params(("id" = String, Path)),
    responses((status = 200, description = "The item, with an `ETag`", body = schema::ExchangeItem), schema::Problems))]
pub async fn get_item(State(app): State<App>, _: Visitor, Id(id): Id<ItemId>) -> Result<Response, Problem> {
    Ok(shown(StatusCode::OK, &app.koi.get_item(id).await?))
}

/// Changes an item's name, price, stock and bounds, at once. What was bought keeps its price.
#[utoipa::path(patch, path = "/api/v1/exchange/items/{id}", tag = "exchange", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "An `ETag`; 412 where the item was edited since")),
    request_body = EditItem,
    responses((status = 200, description = "The item, with an `ETag`", body = schema::ExchangeItem), schema::Problems))]
pub async fn edit_item(
    State(app): State<App>,
    who: Operator<Exchange>,
    Id(id): Id<ItemId>,
    IfMatch(if_match): IfMatch,
    RawJson(bytes): RawJson<SMALL>,
) -> Result<Response, Problem> {
    let body = body::parse::<EditItem>(&bytes)?;
    if let Some(name) = &body.name {
        validate::text("name", name, validate::NAME_CHARS)?;
    }
    let EditItem { name, price_points, stock, per_shopper, starts_at, ends_at, hold_days } = body;
    let edit = ItemEdit { name, price_points, stock, per_shopper, starts_at, ends_at, hold_days };
    let asked: Value = body::parse(&bytes)?;
    let deed = Deed::of(Act::EditItem).on(Target::Other("exchange_item", id.to_string())).asking(asked);
    let view = app.koi.audited(&who, deed, app.koi.edit_item(id, &if_match, edit)).await?;
    Ok(shown(StatusCode::OK, &view))
}

/// Takes an item out of the shop for good. Doing it again shows it retired.
#[utoipa::path(post, path = "/api/v1/exchange/items/{id}/retire", tag = "exchange", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "An `ETag`; 412 where the item was edited since")),
    responses((status = 200, description = "The item, with an `ETag`", body = schema::ExchangeItem), schema::Problems))]
pub async fn retire_item(
    State(app): State<App>,
    who: Operator<Exchange>,
    Id(id): Id<ItemId>,
    IfMatch(if_match): IfMatch,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let asked = json!({"retired": true});
    let deed = Deed::of(Act::EditItem).on(Target::Other("exchange_item", id.to_string())).asking(asked);
    let view = app.koi.audited(&who, deed, app.koi.retire_item(id, &if_match)).await?;
    Ok(shown(StatusCode::OK, &view))
}

/// Adds codes to the pool of an item that gives coupons. Codes that it has already are counted and change nothing.
#[utoipa::path(post, path = "/api/v1/exchange/items/{id}/coupons", tag = "exchange", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path)), request_body(content((super::coupons::AddCoupons = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "The pool", body = schema::Coupons),
        (status = 409, description = "`prize_not_coupon`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn add_item_coupons(
    State(app): State<App>,
    who: Operator<Awards>,
    Id(id): Id<ItemId>,
    request: Request,
) -> Result<Response, Problem> {
    let codes = read_codes(&app, request).await?;
    let asked = json!({"item": id, "count": codes.len()});
    let deed = Deed::of(Act::HandleAward).on(Target::Other("item_coupons", id.to_string())).asking(asked);
    let view = app.koi.audited(&who, deed, app.koi.add_item_coupons(id, codes)).await?;
    Ok(reply::json(StatusCode::OK, &view))
}

/// Shows how many codes the pool of an item holds.
#[utoipa::path(get, path = "/api/v1/exchange/items/{id}/coupons", tag = "exchange", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path)),
    responses((status = 200, description = "The pool", body = schema::Coupons), schema::Problems))]
pub async fn get_item_coupons(
    State(app): State<App>,
    _: Operator<Awards>,
    Id(id): Id<ItemId>,
) -> Result<Response, Problem> {
    Ok(reply::json(StatusCode::OK, &app.koi.item_coupons(id).await?))
}

/// Buys an item with points. What it gives is there at once, or its points are held until it is handed over.
#[utoipa::path(post, path = "/api/v1/exchange/items/{id}/orders", tag = "exchange", security(("shopper_token" = [])),
    params(("id" = String, Path), ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters, new for every order; kept for 30 days")),
    request_body = Option<CreateExchangeOrder>,
    responses((status = 201, description = "The order", body = schema::Order),
        (status = 409, description = "`points_short`, `sold_out`, `item_limit_reached`, `item_retired`, `item_not_started`, `item_over`", body = schema::Problem, content_type = "application/problem+json"),
        schema::Problems))]
pub async fn create_exchange_order(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Id(id): Id<ItemId>,
    IdempotencyKey(key): IdempotencyKey,
    RawJson(bytes): RawJson<SMALL>,
) -> Result<Response, Problem> {
    let bytes = body::or_empty_object(&bytes);
    let quantity = body::parse::<CreateExchangeOrder>(bytes)?.quantity.unwrap_or(1);
    validate::range("quantity", &quantity, &QUANTITY)?;
    let whole: Value = body::parse(bytes)?;
    let answer = app.koi.exchange(id, shopper, &key, quantity, &whole).await?;
    Ok(answer_routed(answer))
}

/// Lists the shopper's exchange orders, newest first.
#[utoipa::path(get, path = "/api/v1/exchange/orders", tag = "exchange", security(("shopper_token" = [])),
    params(crate::http::paging::PageParams),
    responses((status = 200, description = "A page", body = schema::Orders), schema::Problems))]
pub async fn list_exchange_orders(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Paging(ask): Paging,
) -> Result<Response, Problem> {
    let orders = app.koi.exchanges(shopper, ask).await?;
    Ok(reply::json(StatusCode::OK, &page(orders)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_tell_null_from_absent() {
        for (body, want) in [
            ("{}", Ok((None, None))),
            (r#"{"per_shopper": 3}"#, Ok((None, Some(Some(3))))),
            (r#"{"per_shopper": null, "stock": 5}"#, Ok((Some(5), Some(None)))),
            (r#"{"stock": -1}"#, Err("stock")),
            (r#"{"gives": {}}"#, Err("gives")),
            (r#"{"starts_at": "soon"}"#, Err("starts_at")),
        ] {
            let got = body::parse::<EditItem>(body.as_bytes()).map(|edit| (edit.stock, edit.per_shopper));
            assert_eq!(got.map_err(|p| p.field), want.map_err(|f: &str| Some(f.to_owned())), "{body}");
        }
    }
}
