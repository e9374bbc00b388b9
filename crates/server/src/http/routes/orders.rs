//! How a shopper obtains chances: orders, their payments, and what is owed back for those.

use crate::http::body::{self, MaybeJson, RawJson, SMALL};
use crate::http::extract::{Id, IdempotencyKey, Operator, Paging, Payments, Shopper};
use crate::http::list::{ListParams, Listed, Narrow, Table, answer_here, holds, is};
use crate::http::paging::page;
use crate::http::problem::Problem;
use crate::http::reply::{self, answer_routed};
use crate::http::routes::campaigns::Nothing;
use crate::http::{App, schema};
use crate::validate;
use app::RefundView;
use app::koi::{Deed, OrderInput, Target};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::{CampaignId, OrderId};
use domain::operator::Act;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// What one payment may come to, minor units.
const AMOUNT_CENTS: std::ops::RangeInclusive<i64> = 1..=1_000_000_000_000_000_000;
/// Chances of one order.
const QUANTITY: std::ops::RangeInclusive<u32> = 1..=1_000;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOrder {
    /// `sign_in`, `points`, `paid`, `redeem` or `referral`.
    kind: String,
    /// Of kind `redeem`, as typed; of kind `referral`, the other shopper's `referral_code` of `me`.
    code: Option<String>,
    /// Of kinds `points` and `paid`: chances, 1 where absent.
    #[schema(minimum = 1, maximum = 1_000)]
    quantity: Option<u32>,
}

impl CreateOrder {
    fn checked(self) -> Result<OrderInput, Problem> {
        if let Some(code) = &self.code {
            validate::text("code", code, validate::ID_CHARS)?;
        }
        if let Some(quantity) = &self.quantity {
            validate::range("quantity", quantity, &QUANTITY)?;
        }
        let with_code = matches!(&*self.kind, "redeem" | "referral");
        let with_quantity = matches!(&*self.kind, "points" | "paid");
        if self.code.is_some() && !with_code {
            return Err(Problem::invalid("code", "only orders of kind redeem or referral have a code"));
        }
        if self.quantity.is_some() && !with_quantity {
            return Err(Problem::invalid("quantity", "only orders of kind points or paid have a quantity"));
        }
        let quantity = self.quantity.unwrap_or(1);
        match (&*self.kind, self.code) {
            ("sign_in", _) => Ok(OrderInput::SignIn),
            ("points", _) => Ok(OrderInput::Points { quantity }),
            ("paid", _) => Ok(OrderInput::Paid { quantity }),
            ("referral" | "redeem", None) => Err(Problem::invalid("code", "this kind of order needs a `code`")),
            ("referral", Some(code)) => Ok(OrderInput::Referral { code }),
            ("redeem", Some(code)) => Ok(OrderInput::Redeem { code }),
            _ => Err(Problem::invalid("kind", "`kind` is sign_in, redeem, points, paid or referral")),
        }
    }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayOrder {
    /// The shop's own id of the payment: the same one again changes nothing.
    payment_id: Option<String>,
    /// What was paid; the order's price where absent.
    amount_cents: Option<i64>,
}

/// Obtains chances: by signing in for the campaign's local day, for points, for money, with a code, or by another
/// shopper's word.
///
/// Codes that do not exist count as guesses; after too many of them none is looked at for a while.
///
/// Orders of one shopper are made one after the other, never refused for it.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/orders", tag = "shopper", security(("shopper_token" = [])),
    params(("id" = String, Path), ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters, new for every order")),
    request_body = CreateOrder,
    responses((status = 201, description = "The order", body = schema::Order),
        (status = 404, description = "`code_unknown`, `campaign_unknown`", body = schema::Problem, content_type = "application/problem+json"),
        (status = 409, description = "`already_signed_in`, `not_offered`, `points_short`, `code_used`, `code_limit_reached`, `code_not_started`, `code_expired`, `already_referred`, `unpaid_too_many`", body = schema::Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_attempts`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn create_order(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Id(id): Id<CampaignId>,
    IdempotencyKey(key): IdempotencyKey,
    RawJson(bytes): RawJson<SMALL>,
) -> Result<Response, Problem> {
    let input = body::parse::<CreateOrder>(&bytes)?.checked()?;
    let whole: Value = body::parse(&bytes)?;
    let answer = app.koi.order(id, shopper, &key, input, &whole).await?;
    Ok(answer_routed(answer))
}

/// Shows one of the shopper's orders.
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "shopper", security(("shopper_token" = [])), params(("id" = String, Path)),
    responses((status = 200, description = "The order", body = schema::Order), schema::Problems))]
pub async fn get_order(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Id(id): Id<OrderId>,
) -> Result<Response, Problem> {
    let view = app.koi.get_order(shopper, id).await?;
    Ok(reply::json(StatusCode::OK, &view))
}

/// Lists the shopper's orders in a campaign, newest first.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/orders", tag = "shopper", security(("shopper_token" = [])),
    params(("id" = String, Path), crate::http::paging::PageParams),
    responses((status = 200, description = "A page", body = schema::Orders), schema::Problems))]
pub async fn list_orders(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Id(id): Id<CampaignId>,
    Paging(ask): Paging,
) -> Result<Response, Problem> {
    let orders = app.koi.orders(id, shopper, ask).await?;
    Ok(reply::json(StatusCode::OK, &page(orders)))
}

/// Gives up an order that waits for its payment. Doing it again shows it closed.
#[utoipa::path(post, path = "/api/v1/orders/{id}/cancel", tag = "shopper", security(("shopper_token" = [])), params(("id" = String, Path)),
    responses((status = 200, description = "The order, closed", body = schema::Order),
        (status = 409, description = "`order_not_cancellable`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn cancel_order(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Id(id): Id<OrderId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let view = app.koi.cancel_order(shopper, id).await?;
    Ok(reply::json(StatusCode::OK, &view))
}

/// Tells that the shop was paid for an order: in time its chances are granted. A payment that comes too late is recorded
/// as a refund due, never lost.
#[utoipa::path(post, path = "/api/v1/orders/{id}/paid", tag = "campaigns", security(("api_key" = ["shoppers"])), params(("id" = String, Path)),
    request_body = Option<PayOrder>,
    responses((status = 200, description = "The order; with `refund` where it takes no payment any more", body = schema::Order),
        (status = 409, description = "`order_not_payable`, `amount_mismatch`, `business_key_reused`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn pay_order(
    State(app): State<App>,
    who: Operator<Payments>,
    Id(id): Id<OrderId>,
    MaybeJson(body): MaybeJson<PayOrder>,
) -> Result<Response, Problem> {
    if let Some(payment) = &body.payment_id {
        validate::text("payment_id", payment, validate::ID_CHARS)?;
    }
    if let Some(amount) = &body.amount_cents {
        validate::range("amount_cents", amount, &AMOUNT_CENTS)?;
    }
    let asked = json!({"payment_id": body.payment_id, "amount_cents": body.amount_cents});
    let deed = Deed::of(Act::PayOrder).on(Target::Other("order", id.to_string())).asking(asked);
    let work = app.koi.pay_order(id, body.payment_id.as_deref(), body.amount_cents);
    let answer = app.koi.audited(&who, deed, work).await?;
    Ok(answer_routed(answer))
}

/// What refunds can be narrowed by.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct RefundsAsk {
    /// The shop's own id
    shopper: Option<String>,
    /// What the payment's id or the reason holds
    q: Option<String>,
}

impl Narrow<RefundView> for RefundsAsk {
    fn narrows(&self) -> bool {
        self.shopper.is_some() || self.q.is_some()
    }
    fn keeps(&self, row: &RefundView) -> bool {
        let shopper = row.shopper.as_deref().unwrap_or_default();
        is(self.shopper.as_deref(), shopper) && holds(self.q.as_deref(), &[&row.payment_id, &row.reason])
    }
}

const REFUNDS: Table = Table {
    columns: &["id", "at", "shopper", "order_id", "payment_id", "amount_cents", "reason"],
    sorts: &["id", "at", "shopper", "amount_cents"],
};

/// Lists what the shop owes back for payments that came too late, newest first. Sorted by `id`, `at`, `shopper` or
/// `amount_cents`.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/refunds", tag = "campaigns", security(("api_key" = ["shoppers"])),
    params(("id" = String, Path), RefundsAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::Refunds), schema::Problems))]
pub async fn list_refunds(
    State(app): State<App>,
    _: Operator<Payments>,
    Id(id): Id<CampaignId>,
    asked: Listed<RefundsAsk>,
) -> Result<Response, Problem> {
    answer_here(&REFUNDS, &asked, |page| app.koi.refunds(id, page)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_orders() {
        for (body, want) in [
            (r#"{"kind": "sign_in"}"#, Ok(OrderInput::SignIn)),
            (r#"{"kind": "sign_in", "code": "x"}"#, Err("invalid_body")),
            (r#"{"kind": "sign_in", "quantity": 2}"#, Err("invalid_body")),
            (r#"{"kind": "redeem", "code": "x"}"#, Ok(OrderInput::Redeem { code: "x".into() })),
            (r#"{"kind": "redeem"}"#, Err("invalid_body")),
            (r#"{"kind": "points", "quantity": 2}"#, Ok(OrderInput::Points { quantity: 2 })),
            (r#"{"kind": "points"}"#, Ok(OrderInput::Points { quantity: 1 })),
            (r#"{"kind": "points", "quantity": 0}"#, Err("invalid_body")),
            (r#"{"kind": "points", "quantity": 1001}"#, Err("invalid_body")),
            (r#"{"kind": "points", "code": "x"}"#, Err("invalid_body")),
            (r#"{"kind": "paid"}"#, Ok(OrderInput::Paid { quantity: 1 })),
            (r#"{"kind": "referral", "code": "x"}"#, Ok(OrderInput::Referral { code: "x".into() })),
            (r#"{"kind": "referral"}"#, Err("invalid_body")),
            (r#"{"kind": "referral", "code": "x", "quantity": 1}"#, Err("invalid_body")),
            (r#"{"kind": "grant"}"#, Err("invalid_body")),
            (r#"{"kind": "gift"}"#, Err("invalid_body")),
            (r#"{"kind": 1}"#, Err("invalid_body")),
            ("{}", Err("invalid_body")),
        ] {
            let got = body::parse::<CreateOrder>(body.as_bytes()).and_then(|order| order.checked());
            assert_eq!(got.map_err(|p| p.code), want, "{body}");
        }
    }
}
