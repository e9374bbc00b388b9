//! A shopper's persona in words.

use crate::http::body::MaybeJson;
use crate::http::extract::{Choices, ExternalId, Operator};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use recommend::text::Language;
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WordPersona {
    /// `zh` or `en`; `zh` where absent.
    language: Option<String>,
}

/// Describes what a shopper likes in one paragraph for the shop's staff: a language model's where one is configured, else
/// made of the same facts. The model learns nothing personal. Nothing is stored.
#[utoipa::path(post, path = "/api/v1/shoppers/{external_id}/persona", tag = "shoppers", security(("api_key" = ["shoppers"])),
    params(("external_id" = String, Path, description = "The shop's own id")), request_body = Option<WordPersona>,
    responses((status = 200, description = "The paragraph", body = schema::PersonaWords), schema::Problems))]
pub async fn word_persona(
    State(app): State<App>,
    _: Operator<Choices>,
    ExternalId(external_id): ExternalId,
    MaybeJson(body): MaybeJson<WordPersona>,
) -> Result<Response, Problem> {
    let language = match body.language.as_deref() {
        None | Some("zh") => Language::Zh,
        Some("en") => Language::En,
        Some(_) => return Err(Problem::invalid("language", "`language` is zh or en")),
    };
    Ok(json(StatusCode::OK, &app.koi.persona_in_words(&external_id, language).await?))
}
