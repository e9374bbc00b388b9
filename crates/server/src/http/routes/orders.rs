//! How a shopper obtains chances. Of the kinds, `sign_in` is served so far.

use crate::http::body::{self, RawJson, SMALL};
use crate::http::extract::{Id, IdempotencyKey, Shopper};
use crate::http::problem::Problem;
use crate::http::reply::{answer_routed, json};
use crate::http::{App, schema};
use crate::validate;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::{CampaignId, OrderId};
use domain::order::OrderKind;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Chances of one order.
const QUANTITY: std::ops::RangeInclusive<u32> = 1..=1_000;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOrder {
    /// `sign_in`; `redeem`, `points` and `paid` are refused as `kind_unsupported`.
    kind: String,
    /// Of kind `redeem`.
    code: Option<String>,
    /// Of kinds `points` and `paid`.
    quantity: Option<u32>,
}

impl CreateOrder {
    fn checked(&self) -> Result<OrderKind, Problem> {
        if let Some(code) = &self.code {
            validate::text("code", code, validate::ID_CHARS)?;
        }
        if let Some(quantity) = &self.quantity {
            validate::range("quantity", quantity, &QUANTITY)?;
        }
        match OrderKind::parse(&self.kind) {
            Some(OrderKind::SignIn) if self.code.is_some() => Err(Problem::invalid("code", "a sign-in has no code")),
            Some(OrderKind::SignIn) if self.quantity.is_some() => {
                Err(Problem::invalid("quantity", "a sign-in has no quantity"))
            }
            Some(OrderKind::SignIn) => Ok(OrderKind::SignIn),
            Some(OrderKind::Redeem | OrderKind::Points | OrderKind::Paid) => {
                let detail = format!("orders of kind `{}` are not served here yet", self.kind);
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "kind_unsupported", detail);
                Err(Problem { field: Some("kind".to_owned()), ..problem })
            }
            _ => Err(Problem::invalid("kind", "`kind` is sign_in, redeem, points or paid")),
        }
    }
}

/// Obtains chances: signs in for the campaign's local day.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/orders", tag = "shopper", security(("shopper_token" = [])),
    params(("id" = String, Path), ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters, new for every order")),
    request_body = CreateOrder,
    responses((status = 201, description = "The order", body = schema::Order),
        (status = 409, description = "`already_signed_in`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn create_order(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Id(id): Id<CampaignId>,
    IdempotencyKey(key): IdempotencyKey,
    RawJson(bytes): RawJson<SMALL>,
) -> Result<Response, Problem> {
    let kind = body::parse::<CreateOrder>(&bytes)?.checked()?;
    let whole: Value = body::parse(&bytes)?;
    let answer = app.koi.order(id, shopper, &key, kind, &whole).await?;
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
    Ok(json(StatusCode::OK, &view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_orders() {
        for (body, want) in [
            (r#"{"kind": "sign_in"}"#, Ok(OrderKind::SignIn)),
            (r#"{"kind": "sign_in", "code": "x"}"#, Err("invalid_body")),
            (r#"{"kind": "sign_in", "quantity": 2}"#, Err("invalid_body")),
            (r#"{"kind": "redeem", "code": "x"}"#, Err("kind_unsupported")),
            (r#"{"kind": "points", "quantity": 2}"#, Err("kind_unsupported")),
            (r#"{"kind": "points", "quantity": 0}"#, Err("invalid_body")),
            (r#"{"kind": "paid"}"#, Err("kind_unsupported")),
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
