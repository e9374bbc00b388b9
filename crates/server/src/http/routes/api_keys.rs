//! API keys, for an administrator.

use crate::auth::{hash_key, make_key};
use crate::http::body::{Json, MaybeJson};
use crate::http::extract::{KeyId, Keys, Operator};
use crate::http::list::{self, ListParams, Listed, Narrow, Table, answer_all};
use crate::http::problem::Problem;
use crate::http::reply::{json, no_content};
use crate::http::{App, schema};
use crate::validate;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::operator::Scope;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Seconds that a secret stays valid beside its successor: 30 days at most, a day where nothing is said.
const OVERLAP_SECONDS: std::ops::RangeInclusive<u64> = 0..=30 * 86_400;
const OVERLAP_DEFAULT: u64 = 86_400;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// For people: who uses it.
    name: String,
    /// `shoppers`, `events`, `campaigns`, `points`, `admin`.
    scopes: Vec<String>,
    /// Where absent, until it is revoked.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

fn new_key() -> Result<String, Problem> {
    make_key().map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        Problem::internal()
    })
}

/// Makes an API key.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "api-keys", security(("api_key" = ["admin"])), request_body = CreateApiKey,
    responses((status = 201, description = "The key, shown this once", body = schema::NewApiKey), schema::Problems))]
pub async fn create_api_key(
    State(app): State<App>,
    who: Operator<Keys>,
    Json(mut body): Json<CreateApiKey>,
) -> Result<Response, Problem> {
    validate::text("name", &body.name, validate::NAME_CHARS)?;
    body.scopes.sort_unstable();
    body.scopes.dedup();
    if body.scopes.is_empty() {
        return Err(Problem::invalid("scopes", "`scopes` names at least one scope"));
    }
    if let Some(unknown) = body.scopes.iter().find(|word| Scope::of_word(word).is_none()) {
        let known: Vec<&str> = Scope::ALL.iter().map(|scope| scope.word()).collect();
        let shown: String = unknown.chars().take(40).collect();
        let detail = format!("no scope is called {shown:?}; known are {}", known.join(", "));
        return Err(Problem::invalid("scopes", detail));
    }
    let expires_at_ms = body.expires_at.as_deref().map(|at| validate::time("expires_at", at)).transpose()?;
    let key = new_key()?;
    let view = app.koi.create_api_key(&who, &body.name, &body.scopes, expires_at_ms, hash_key(&key)).await?;
    Ok(json(StatusCode::CREATED, &schema::NewApiKey { key, shown: schema::ApiKey::of(view) }))
}

/// What keys can be narrowed by.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ApiKeysAsk {
    /// What the name holds
    q: Option<String>,
    /// Those with this scope
    scope: Option<String>,
}

impl Narrow<schema::ApiKey> for ApiKeysAsk {
    fn narrows(&self) -> bool {
        self.q.is_some() || self.scope.is_some()
    }
    fn keeps(&self, row: &schema::ApiKey) -> bool {
        list::holds(self.q.as_deref(), &[&row.name]) && self.scope.as_ref().is_none_or(|of| row.scopes.contains(of))
    }
}

const TABLE: Table = Table {
    columns: &["id", "name", "scopes", "created_at", "expires_at", "last_used_at", "previous_expires_at"],
    sorts: &["name", "created_at", "expires_at", "last_used_at"],
};

/// Lists the keys, without their secrets. Sorted by `name`, `created_at`, `expires_at` or `last_used_at`.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "api-keys", security(("api_key" = ["admin"])),
    params(ApiKeysAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::ApiKeys), schema::Problems))]
pub async fn list_api_keys(
    State(app): State<App>,
    who: Operator<Keys>,
    asked: Listed<ApiKeysAsk>,
) -> Result<Response, Problem> {
    let keys = app.koi.list_api_keys(&who).await?;
    answer_all(&TABLE, &asked, keys.into_iter().map(schema::ApiKey::of).collect())
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateApiKey {
    /// For how long the secret of now stays valid; a day where absent, at most 30 days.
    #[schema(minimum = 0, maximum = 2_592_000)]
    overlap_seconds: Option<u64>,
}

/// Gives a key another secret; the one of now stays valid for a while.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/rotate", tag = "api-keys", security(("api_key" = ["admin"])), params(("id" = String, Path)),
    request_body = Option<RotateApiKey>,
    responses((status = 201, description = "The key with its new secret, shown this once", body = schema::NewApiKey), schema::Problems))]
pub async fn rotate_api_key(
    State(app): State<App>,
    who: Operator<Keys>,
    KeyId(id): KeyId,
    MaybeJson(body): MaybeJson<RotateApiKey>,
) -> Result<Response, Problem> {
    let overlap_s = body.overlap_seconds.unwrap_or(OVERLAP_DEFAULT);
    validate::range("overlap_seconds", &overlap_s, &OVERLAP_SECONDS)?;
    let key = new_key()?;
    let view = app.koi.rotate_api_key(&who, &id, overlap_s.cast_signed() * 1_000, hash_key(&key)).await?;
    app.keys.forget();
    Ok(json(StatusCode::CREATED, &schema::NewApiKey { key, shown: schema::ApiKey::of(view) }))
}

/// Revokes a key.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "api-keys", security(("api_key" = ["admin"])), params(("id" = String, Path)),
    responses((status = 204, description = "Revoked; other processes may believe it for 30 s"), schema::Problems))]
pub async fn revoke_api_key(
    State(app): State<App>,
    who: Operator<Keys>,
    KeyId(id): KeyId,
) -> Result<Response, Problem> {
    app.koi.revoke_api_key(&who, &id).await?;
    app.keys.forget();
    Ok(no_content())
}
