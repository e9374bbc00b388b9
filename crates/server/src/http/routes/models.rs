//! Versions of the recommendation model, for operators.

use crate::http::body::MaybeJson;
use crate::http::extract::{Campaigns, ModelVersion, Operator, Paging};
use crate::http::paging::page;
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::routes::campaigns::Nothing;
use crate::http::{App, schema};
use app::koi::{Deed, Target};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::operator::Act;

/// Lists the versions of the model, newest first, each with how it compared with the one it was to replace.
#[utoipa::path(get, path = "/api/v1/models", tag = "models", security(("api_key" = ["campaigns"])),
    params(("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent"), ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = schema::Models), schema::Problems))]
pub async fn list_models(
    State(app): State<App>,
    _: Operator<Campaigns>,
    Paging(ask): Paging,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &page(app.koi.models(ask).await?)))
}

/// Puts a version into service. An older one stays until another is activated; after the newest, newer ones replace it by
/// themselves again.
#[utoipa::path(post, path = "/api/v1/models/{version}/activate", tag = "models", security(("api_key" = ["campaigns"])), params(("version" = u32, Path)),
    responses((status = 200, description = "The version", body = schema::Model),
        (status = 404, description = "`model_unknown`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn activate_model(
    State(app): State<App>,
    who: Operator<Campaigns>,
    ModelVersion(version): ModelVersion,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::ActivateModel).on(Target::Other("model", version.to_string()));
    let view = app.koi.audited(&who, deed, app.koi.activate_model(version)).await?;
    Ok(json(StatusCode::OK, &view))
}
