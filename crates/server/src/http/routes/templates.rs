//! Built-in templates of campaigns, for operators.

use crate::http::extract::{Campaigns, Operator, Paging};
use crate::http::paging::cut;
use crate::http::reply::json;
use crate::http::schema;
use axum::http::StatusCode;
use axum::response::Response;
use domain::campaign::templates;

/// Lists the built-in templates: each with a body for `POST /campaigns` that lacks a name and a window only.
#[utoipa::path(get, path = "/api/v1/campaigns/templates", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(crate::http::paging::PageParams),
    responses((status = 200, description = "A page", body = schema::Templates), schema::Problems))]
pub async fn list_templates(_: Operator<Campaigns>, Paging(ask): Paging) -> Response {
    let template = |it: templates::Template| schema::Template {
        code: it.code.to_owned(),
        name: schema::Names { zh: it.name[0].to_owned(), en: it.name[1].to_owned() },
        description: it.description.to_owned(),
        campaign: it.campaign,
    };
    let page = cut(templates::all().into_iter().map(template).collect(), ask);
    json(StatusCode::OK, &schema::Templates { data: page.data, next_cursor: page.next_cursor })
}
