//! API keys, for an administrator.

use crate::auth::{ScopeSet, hash_key, make_key};
use crate::http::body::Json;
use crate::http::extract::{Admin, KeyId, Operator};
use crate::http::problem::Problem;
use crate::http::reply::{json, no_content};
use crate::http::{App, schema};
use crate::validate;
use app::ports::ApiKey;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// For people: who uses it.
    name: String,
    /// `shoppers`, `events`, `campaigns`, `points`, `admin`.
    scopes: Vec<String>,
}

/// Makes an API key.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "api-keys", security(("api_key" = ["admin"])), request_body = CreateApiKey,
    responses((status = 201, description = "The key, shown this once", body = schema::NewApiKey), schema::Problems))]
pub async fn create_api_key(
    State(app): State<App>,
    _: Operator<Admin>,
    Json(mut body): Json<CreateApiKey>,
) -> Result<Response, Problem> {
    validate::text("name", &body.name, validate::NAME_CHARS)?;
    body.scopes.sort_unstable();
    body.scopes.dedup();
    if body.scopes.is_empty() {
        return Err(Problem::invalid("scopes", "`scopes` names at least one scope"));
    }
    ScopeSet::parse(&body.scopes).map_err(|unknown| Problem::invalid("scopes", unknown.to_string()))?;
    let key = make_key().map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        Problem::internal()
    })?;
    let id = app.koi.create_api_key(&body.name, &body.scopes, hash_key(&key)).await?;
    Ok(json(StatusCode::CREATED, &schema::NewApiKey { id, name: body.name, scopes: body.scopes, key }))
}

/// Lists the keys, without their secrets.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "api-keys", security(("api_key" = ["admin"])),
    responses((status = 200, description = "All keys", body = schema::ApiKeys), schema::Problems))]
pub async fn list_api_keys(State(app): State<App>, _: Operator<Admin>) -> Result<Response, Problem> {
    let keys = app.koi.list_api_keys().await?;
    let view = |k: ApiKey| schema::ApiKey { id: k.id, name: k.name, scopes: k.scopes, created_at: k.created_at };
    let data = keys.into_iter().map(view).collect();
    Ok(json(StatusCode::OK, &schema::ApiKeys { data, next_cursor: None }))
}

/// Revokes a key.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "api-keys", security(("api_key" = ["admin"])), params(("id" = String, Path)),
    responses((status = 204, description = "Revoked; other processes may believe it for 30 s"), schema::Problems))]
pub async fn revoke_api_key(State(app): State<App>, _: Operator<Admin>, KeyId(id): KeyId) -> Result<Response, Problem> {
    if !app.koi.revoke_api_key(&id).await? {
        return Err(Problem::new(StatusCode::NOT_FOUND, "api_key_unknown", "no API key of that id"));
    }
    app.keys.forget();
    Ok(no_content())
}
