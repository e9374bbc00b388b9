//! Where the shop takes messages.

use crate::http::body::{Json, MaybeJson};
use crate::http::extract::{Id, Operator, Webhooks};
use crate::http::list::{self, ListParams, Listed, Narrow, Table, answer_all};
use crate::http::problem::Problem;
use crate::http::reply::{json, no_content};
use crate::http::routes::campaigns::Nothing;
use crate::http::{App, schema};
use app::WebhookView;
use app::koi::{Deed, Target};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::EndpointId;
use domain::operator::Act;
use serde::Deserialize;
use serde_json::json as object;
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// `http` or `https`.
    #[schema(example = "https://shop.example/koi")]
    url: String,
    /// `draw.result`, `award.updated`, `order.updated`, `strategy.ready`, `award.fulfil`.
    types: Vec<String>,
}

fn target(id: EndpointId) -> Target {
    Target::Other("webhook", id.to_string())
}

/// Registers an endpoint. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "fulfilment", security(("api_key" = ["campaigns"])), request_body = CreateWebhook,
    responses((status = 201, description = "The webhook with its secret", body = schema::Webhook),
        (status = 422, description = "`url_refused`, `type_unknown`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn create_webhook(
    State(app): State<App>,
    who: Operator<Webhooks>,
    Json(body): Json<CreateWebhook>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::CreateWebhook).asking(object!({"types": body.types}));
    let work = app.koi.create_webhook(&body.url, &body.types);
    let made = |view: &WebhookView| target(view.id);
    let view = app.koi.audited_making(&who, deed, work, made).await?;
    Ok(json(StatusCode::CREATED, &view))
}

/// What webhooks can be narrowed by.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct WebhooksAsk {
    /// What the address holds
    q: Option<String>,
    /// Those that take messages of this type
    r#type: Option<String>,
}

impl Narrow<WebhookView> for WebhooksAsk {
    fn narrows(&self) -> bool {
        self.q.is_some() || self.r#type.is_some()
    }
    fn keeps(&self, row: &WebhookView) -> bool {
        let takes = |wanted: &String| row.types.contains(&wanted.as_str());
        list::holds(self.q.as_deref(), &[&row.url]) && self.r#type.as_ref().is_none_or(takes)
    }
}

const TABLE: Table =
    Table { columns: &["id", "url", "types", "secrets", "created_at"], sorts: &["id", "url", "created_at"] };

/// Lists the webhooks, newest first, without their secrets. Sorted by `id`, `url` or `created_at`.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "fulfilment", security(("api_key" = ["campaigns"])),
    params(WebhooksAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::Webhooks), schema::Problems))]
pub async fn list_webhooks(
    State(app): State<App>,
    _: Operator<Webhooks>,
    asked: Listed<WebhooksAsk>,
) -> Result<Response, Problem> {
    answer_all(&TABLE, &asked, app.koi.webhooks())
}

/// Shows a webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "fulfilment", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 200, description = "The webhook", body = schema::Webhook), schema::Problems))]
pub async fn get_webhook(
    State(app): State<App>,
    _: Operator<Webhooks>,
    Id(id): Id<EndpointId>,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.webhook(id)?))
}

/// Removes a webhook and its messages; awards that it was to fulfil go to another one.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "fulfilment", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 204, description = "Removed"), schema::Problems))]
pub async fn delete_webhook(
    State(app): State<App>,
    who: Operator<Webhooks>,
    Id(id): Id<EndpointId>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::DeleteWebhook).on(target(id));
    app.koi.audited(&who, deed, app.koi.delete_webhook(id)).await?;
    Ok(no_content())
}

/// Makes a new secret. The one before goes on signing beside it until the next rotation or until it is retired.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate", tag = "fulfilment", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 200, description = "The webhook with its new secret", body = schema::Webhook), schema::Problems))]
pub async fn rotate_webhook(
    State(app): State<App>,
    who: Operator<Webhooks>,
    Id(id): Id<EndpointId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::EditWebhook).on(target(id)).asking(object!({"rotate": true}));
    Ok(json(StatusCode::OK, &app.koi.audited(&who, deed, app.koi.rotate_webhook(id)).await?))
}

/// Lets only the newest secret sign.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}/old-secret", tag = "fulfilment", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 200, description = "The webhook", body = schema::Webhook), schema::Problems))]
pub async fn retire_webhook_secret(
    State(app): State<App>,
    who: Operator<Webhooks>,
    Id(id): Id<EndpointId>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::EditWebhook).on(target(id)).asking(object!({"retire_old": true}));
    Ok(json(StatusCode::OK, &app.koi.audited(&who, deed, app.koi.retire_webhook_secret(id)).await?))
}
