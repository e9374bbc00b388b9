//! Shoppers and their tokens, for a shop's server.

use crate::clock;
use crate::http::body::{Json, MaybeJson};
use crate::http::extract::{ExternalId, IfMatch, Operator, Registration};
use crate::http::problem::Problem;
use crate::http::reply::{json, tagged};
use crate::http::{App, schema};
use crate::validate;
use app::{Error, ShopperInput};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Seconds that a token lives where nothing is asked for.
const TTL_DEFAULT: u64 = 3_600;

/// What a shop tells of a shopper. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutShopper {
    name: Option<String>,
    #[schema(format = DateTime)]
    registered_at: Option<String>,
    #[schema(value_type = Option<Object>)]
    attributes: Option<Map<String, Value>>,
}

impl PutShopper {
    fn checked(self) -> Result<ShopperInput, Problem> {
        validate::optional_text("name", self.name.as_deref().unwrap_or_default(), validate::NAME_CHARS)?;
        let registered_at_ms =
            self.registered_at.as_deref().map(|at| validate::time("registered_at", at)).transpose()?;
        let size = self.attributes.as_ref().map_or(0, |all| crate::http::reply::json_bytes(all).len());
        if size > validate::ATTRIBUTES_BYTES {
            return Err(Problem::invalid(
                "attributes",
                format!("`attributes` has at most {} bytes", validate::ATTRIBUTES_BYTES),
            ));
        }
        Ok(ShopperInput { name: self.name, registered_at_ms, attributes: self.attributes })
    }
}

/// Registers a shopper, or changes what is known.
#[utoipa::path(put, path = "/api/v1/shoppers/{external_id}", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id, 1 to 128 characters"), ("If-Match" = Option<String>, Header, description = "The ETag that was read; where absent the last write wins")), request_body = PutShopper,
    responses((status = 201, description = "New", body = schema::Shopper, headers(("ETag" = String))), (status = 200, description = "Changed", body = schema::Shopper, headers(("ETag" = String))),
        (status = 412, description = "`stale`: edited meanwhile", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn put_shopper(
    State(app): State<App>,
    _: Operator<Registration>,
    ExternalId(external_id): ExternalId,
    IfMatch(if_match): IfMatch,
    Json(body): Json<PutShopper>,
) -> Result<Response, Problem> {
    let (view, created) = app.koi.put_shopper_if(&external_id, body.checked()?, &if_match).await?;
    Ok(tagged(json(if created { StatusCode::CREATED } else { StatusCode::OK }, &view), &view.etag))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// 1 second to 30 days, an hour where absent.
    #[schema(minimum = 1, maximum = 2_592_000)]
    ttl_seconds: Option<u64>,
}

/// Makes a token with which the shopper's own device may call.
#[utoipa::path(post, path = "/api/v1/shoppers/{external_id}/tokens", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id")), request_body = Option<CreateToken>,
    responses((status = 201, description = "Valid until `expires_at`, across restarts", body = schema::Token), schema::Problems))]
pub async fn create_token(
    State(app): State<App>,
    _: Operator<Registration>,
    ExternalId(external_id): ExternalId,
    MaybeJson(body): MaybeJson<CreateToken>,
) -> Result<Response, Problem> {
    let ttl_s = body.ttl_seconds.unwrap_or(TTL_DEFAULT);
    validate::range("ttl_seconds", &ttl_s, &validate::TTL_SECONDS)?;
    let shopper = app.koi.find_shopper(&external_id).await?.ok_or_else(Error::no_shopper)?;
    let expires_s = clock::now_s().saturating_add(ttl_s);
    let expires_at =
        i64::try_from(expires_s).ok().and_then(|s| Timestamp::from_second(s).ok()).unwrap_or(Timestamp::MAX);
    let token = app.tokens.issue(shopper, expires_s);
    Ok(json(StatusCode::CREATED, &schema::Token { token, expires_at: expires_at.to_string() }))
}
