//! Tickets and the sockets they open.

use crate::http::body::MaybeJson;
use crate::http::extract::{Id, Operator, Reports, Shopper};
use crate::http::live::{self, ShopperSocket};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::routes::campaigns::Nothing;
use crate::http::{App, schema};
use app::ports::{Crowded, TicketFor};
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::CampaignId;
use serde::Deserialize;

/// Makes a ticket that opens one socket within 30 seconds.
#[utoipa::path(post, path = "/api/v1/live/tickets", tag = "shopper", security(("shopper_token" = [])),
    responses((status = 201, description = "One use, 30 seconds", body = schema::Ticket), schema::Problems))]
pub async fn create_ticket(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    let ticket = app.koi.make_ticket(TicketFor::Shopper(shopper)).await?;
    Ok(json(StatusCode::CREATED, &schema::Ticket { ticket }))
}

/// Makes a ticket for a socket of a campaign's figures: one `campaign.figures` message a second.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/live/tickets", tag = "campaigns", security(("api_key" = ["campaigns"])), params(("id" = String, Path)),
    responses((status = 201, description = "One use, 30 seconds", body = schema::Ticket), schema::Problems))]
pub async fn create_figures_ticket(
    State(app): State<App>,
    who: Operator<Reports>,
    Id(id): Id<CampaignId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    who.changes_nothing();
    let ticket = app.koi.make_ticket(TicketFor::Figures(id)).await?;
    Ok(json(StatusCode::CREATED, &schema::Ticket { ticket }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveAsk {
    #[serde(default)]
    ticket: String,
    after: Option<String>,
}

impl LiveAsk {
    fn after(&self) -> Result<Option<u64>, Problem> {
        let bad = || Problem::invalid_query("after", "`after` is the id of a message");
        match self.after.as_deref() {
            None | Some("") => Ok(None),
            Some(text) if text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit()) => {
                text.parse().map(Some).map_err(|_| bad())
            }
            Some(_) => Err(bad()),
        }
    }
}

/// Opens a WebSocket. Each text frame is one message `{id, type, at, data}`. Ids grow per shopper; `after` resumes the
/// shopper's own messages of the last 24 hours behind the one of that id. Nothing is to be sent; pings are to be answered.
#[utoipa::path(get, path = "/api/v1/live", tag = "shopper",
    params(("ticket" = String, Query, description = "Of `POST /live/tickets`; used up by this"), ("after" = Option<String>, Query, description = "The id of the last message that was seen")),
    responses((status = 101, description = "A WebSocket of such messages", body = schema::LiveMessage),
        (status = 426, description = "`upgrade_required`: not a WebSocket handshake", body = schema::Problem, content_type = "application/problem+json"),
        (status = 429, description = "`sockets_too_many` of this shopper", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn open_live(
    State(app): State<App>,
    ask: Result<Query<LiveAsk>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let Query(ask) =
        ask.map_err(|_| Problem::invalid_query("ticket", "`ticket` and `after` are all there is to say"))?;
    if ask.ticket.is_empty() {
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "ticket_invalid",
            "name a `ticket` of `POST /live/tickets`",
        ));
    }
    let after = ask.after()?;
    // The ticket is used up last: a request that cannot become a socket leaves it as it is.
    let upgrade = upgrade.map_err(|_| {
        Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "this path is a WebSocket; send its handshake")
    })?;
    let upgrade = live::bounded(upgrade);
    match app.koi.take_ticket(&ask.ticket).await? {
        TicketFor::Shopper(shopper) => {
            app.koi.check_there(shopper).await?;
            let listener = app.koi.listen(shopper)?;
            let (since, feed) = app.koi.listen_from(shopper, after).await?;
            let koi = app.koi.clone();
            let socket = ShopperSocket { koi, shopper, listener, since, resumes: after.is_some(), feed };
            Ok(upgrade.on_upgrade(|opened| socket.run(opened)))
        }
        TicketFor::Figures(campaign) => {
            let koi = app.koi.clone();
            Ok(upgrade.on_upgrade(move |opened| live::figures(koi, campaign, opened)))
        }
    }
}

impl From<Crowded> for Problem {
    fn from(crowded: Crowded) -> Self {
        let (status, code) = match crowded {
            Crowded::Shopper => (StatusCode::TOO_MANY_REQUESTS, "sockets_too_many"),
            Crowded::All => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        Problem { after_s: Some(5), ..Problem::new(status, code, crowded.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_message_is_named_by_its_id() {
        for (after, want) in [
            (None, Ok(None)),
            (Some(""), Ok(None)),
            (Some("0"), Ok(Some(0))),
            (Some("7340032"), Ok(Some(7_340_032))),
            (Some("-1"), Err(())),
            (Some("x"), Err(())),
            (Some("99999999999999999999"), Err(())),
        ] {
            let ask = LiveAsk { ticket: String::new(), after: after.map(str::to_owned) };
            assert_eq!(ask.after().map_err(|_| ()), want, "{after:?}");
        }
    }
}
