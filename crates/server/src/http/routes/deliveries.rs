//! Messages on their way, for operators.

use crate::http::body::MaybeJson;
use crate::http::extract::{Id, Operator, Webhooks};
use crate::http::list::{ListParams, Listed, Narrow, Table, answer_here, is, one_of};
use crate::http::problem::Problem;
use crate::http::reply::no_content;
use crate::http::routes::campaigns::Nothing;
use crate::http::{App, schema};
use app::DeliveryView;
use app::koi::{Deed, Target};
use app::ports::DeliveryState;
use axum::extract::State;
use axum::response::Response;
use domain::ids::DeliveryId;
use domain::operator::Act;
use serde::Deserialize;
use utoipa::IntoParams;

/// What deliveries can be narrowed by.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesAsk {
    /// `pending`, `done` or `parked`
    state: Option<String>,
    /// Like `award.fulfil`
    r#type: Option<String>,
    /// Those to this webhook
    webhook_id: Option<String>,
}

impl Narrow<DeliveryView> for DeliveriesAsk {
    fn check(&self) -> Result<(), Problem> {
        one_of("state", self.state.as_deref(), &DeliveryState::ALL.map(DeliveryState::word))
    }
    // The state is seen to beneath.
    fn narrows(&self) -> bool {
        self.r#type.is_some() || self.webhook_id.is_some()
    }
    fn keeps(&self, row: &DeliveryView) -> bool {
        let to = row.webhook_id.map(|id| id.to_string()).unwrap_or_default();
        is(self.r#type.as_deref(), row.r#type) && is(self.webhook_id.as_deref(), &to)
    }
}

const TABLE: Table = Table {
    columns: &["id", "at", "type", "state", "attempts", "problem", "next_at", "webhook_id", "message_id", "award_id"],
    sorts: &["id", "attempts", "next_at", "at"],
};

/// Lists deliveries, newest first. Sorted by `id`, `attempts`, `next_at` or `at`.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "fulfilment", security(("api_key" = ["campaigns"])),
    params(DeliveriesAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::Deliveries), schema::Problems))]
pub async fn list_deliveries(
    State(app): State<App>,
    _: Operator<Webhooks>,
    asked: Listed<DeliveriesAsk>,
) -> Result<Response, Problem> {
    asked.own.check()?;
    let state = asked.own.state.as_deref().and_then(DeliveryState::parse);
    answer_here(&TABLE, &asked, |page| app.koi.deliveries(state, page)).await
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
        for (state, want) in [
            (None, Ok(())),
            (Some("parked"), Ok(())),
            (Some("lost"), Err("invalid_query")),
            (Some(""), Err("invalid_query")),
        ] {
            let ask = DeliveriesAsk { state: state.map(str::to_owned), ..DeliveriesAsk::default() };
            assert_eq!(ask.check().map_err(|p| p.code), want, "{state:?}");
        }
    }
}
