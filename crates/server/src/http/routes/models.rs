//! Versions of the recommendation model, for operators.

use crate::http::body::MaybeJson;
use crate::http::extract::{Campaigns, ModelVersion, Operator};
use crate::http::list::{ListParams, Listed, Table, answer_here};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::routes::campaigns::Nothing;
use crate::http::{App, schema};
use app::koi::{Deed, Target};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::operator::Act;

const TABLE: Table = Table {
    columns: &["version", "model", "state", "held", "fitted_at", "shoppers", "baskets", "items", "drift"],
    sorts: &["version", "state", "fitted_at", "drift"],
};

/// Lists the versions of the model, newest first, each with how it compared with the one it was to replace. Sorted by
/// `version`, `state`, `fitted_at` or `drift`.
#[utoipa::path(get, path = "/api/v1/models", tag = "models", security(("api_key" = ["campaigns"])),
    params(ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::Models), schema::Problems))]
pub async fn list_models(State(app): State<App>, _: Operator<Campaigns>, asked: Listed) -> Result<Response, Problem> {
    answer_here(&TABLE, &asked, |page| app.koi.models(page)).await
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
