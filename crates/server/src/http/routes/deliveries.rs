//! Messages on their way, for operators.

use crate::http::body::MaybeJson;
use crate::http::extract::{Id, Operator, Paging, Webhooks};
use crate::http::paging::page;
use crate::http::problem::Problem;
use crate::http::reply::{json, no_content};
use crate::http::routes::campaigns::Nothing;
use crate::http::{App, schema};
use app::koi::{Deed, Target};
use app::ports::DeliveryState;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::DeliveryId;
use domain::operator::Act;

/// The state that a query asks for.
fn wanted(query: &str) -> Result<Option<DeliveryState>, Problem> {
    let Some(word) = query.split('&').filter_map(|pair| pair.strip_prefix("state=")).next_back() else {
        return Ok(None);
    };
    let problem = || {
        let detail = "`state` is pending, done or parked";
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_query", detail);
        Problem { field: Some("state".to_owned()), ..problem }
    };
    DeliveryState::parse(word).map(Some).ok_or_else(problem)
}

/// Lists deliveries, newest first.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "fulfilment", security(("api_key" = ["campaigns"])),
    params(("state" = Option<String>, Query, description = "`pending`, `done` or `parked`; all where absent"), ("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent"), ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = schema::Deliveries), schema::Problems))]
pub async fn list_deliveries(
    State(app): State<App>,
    _: Operator<Webhooks>,
    RawQuery(query): RawQuery,
    Paging(ask): Paging,
) -> Result<Response, Problem> {
    let state = wanted(query.as_deref().unwrap_or_default())?;
    let deliveries = app.koi.deliveries(state, ask).await?;
    Ok(json(StatusCode::OK, &page(deliveries)))
}

/// Sends a parked delivery, or one that waits, again now: its attempts are counted anew.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/replay", tag = "fulfilment", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 204, description = "It is attempted again"), schema::Problems))]
pub async fn replay_delivery(
    State(app): State<App>,
    who: Operator<Webhooks>,
    Id(id): Id<DeliveryId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::ReplayWebhook).on(Target::Other("delivery", id.to_string()));
    app.koi.audited(&who, deed, app.koi.replay_delivery(id)).await?;
    Ok(no_content())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_name_states() {
        for (query, want) in [
            ("", Ok(None)),
            ("limit=3", Ok(None)),
            ("state=parked&limit=3", Ok(Some(DeliveryState::Parked))),
            ("state=lost", Err("invalid_query")),
            ("state=", Err("invalid_query")),
        ] {
            assert_eq!(wanted(query).map_err(|p| p.code), want, "{query:?}");
        }
    }
}
