//! Draws: the one route that is hot.

use crate::http::body::{self, or_empty_object};
use crate::http::extract::{self, Id, Paging, Shopper};
use crate::http::paging::page;
use crate::http::problem::Problem;
use crate::http::reply::{answer_routed, json};
use crate::http::{App, schema};
use crate::validate;
use app::Answer;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use domain::ids::CampaignId;
use serde::Deserialize;
use std::borrow::Cow;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDraws<'a> {
    /// The shopper's own share of the roll: at most 64 printable characters.
    #[serde(borrow)]
    client_seed: Option<Cow<'a, str>>,
    /// Several draws at once, all or none.
    #[schema(minimum = 2, maximum = 10)]
    count: Option<u64>,
}

/// Draws once, or `count` times. A refusal uses no chance.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/draws", tag = "shopper", security(("shopper_token" = [])),
    params(("id" = String, Path), ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters, new for every draw")),
    request_body = Option<CreateDraws>,
    responses((status = 201, description = "Durable. A repeat of the key answers the same bytes with `Idempotency-Replayed: true`", body = schema::Drawn),
        (status = 409, description = "`no_chances`, `in_flight` (with Retry-After), `campaign_not_started`, `campaign_paused`", body = schema::Problem, content_type = "application/problem+json"),
        (status = 410, description = "`campaign_over`", body = schema::Problem, content_type = "application/problem+json"),
        (status = 429, description = "`limit_reached`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn create_draws(
    State(app): State<App>,
    id: Result<Id<CampaignId>, Problem>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, mut body) = request.into_parts();
    extract::shopper(&app, &parts.headers).await?;
    let Id(id) = id?;
    draw(&app, id, &parts.headers, &mut body).await.map(answer_routed)
}

/// The same without a router: verifies the token, reads the body, draws, and passes the stored bytes on.
pub async fn draw<B>(app: &App, campaign: CampaignId, headers: &HeaderMap, body: &mut B) -> Result<Answer, Problem>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let shopper = extract::shopper(app, headers).await?;
    let key = extract::idempotency_key(headers)?;
    let bytes = body::read(app, headers, body, body::SMALL).await?;
    let (client_seed, count) = parse(&bytes)?;
    Ok(app.koi.draw(campaign, shopper, key, client_seed, count).await?)
}

fn parse(bytes: &[u8]) -> Result<(Option<String>, Option<u8>), Problem> {
    let asked: CreateDraws = body::parse(or_empty_object(bytes))?;
    let count = match asked.count {
        None => None,
        Some(count) if validate::COUNT.contains(&count) => u8::try_from(count).ok(),
        Some(_) => return Err(Problem::invalid("count", "`count` is 2 to 10; leave it out for one draw")),
    };
    match asked.client_seed {
        Some(seed) if !validate::is_client_seed(&seed) => {
            Err(Problem::invalid("client_seed", "`client_seed` has at most 64 printable characters"))
        }
        seed => Ok((seed.map(Cow::into_owned), count)),
    }
}

/// Lists the shopper's draws of a campaign, newest first.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/draws", tag = "shopper", security(("shopper_token" = [])),
    params(("id" = String, Path), crate::http::paging::PageParams),
    responses((status = 200, description = "A page", body = schema::Draws), schema::Problems))]
pub async fn list_draws(
    State(app): State<App>,
    Shopper(shopper): Shopper,
    Id(id): Id<CampaignId>,
    Paging(ask): Paging,
) -> Result<Response, Problem> {
    let draws = app.koi.draws(id, shopper, ask).await?;
    Ok(json(StatusCode::OK, &page(draws)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_draws() {
        let long = format!("{{\"client_seed\": \"{}\"}}", "x".repeat(65));
        for (body, want) in [
            ("", Ok((None, None))),
            ("{}", Ok((None, None))),
            ("{\"client_seed\": \"x\"}", Ok((Some("x".to_owned()), None))),
            ("{\"client_seed\": \"\\u9526\"}", Ok((Some("锦".to_owned()), None))),
            ("{\"client_seed\": null, \"count\": null}", Ok((None, None))),
            ("{\"count\": 2}", Ok((None, Some(2)))),
            ("{\"count\": 10}", Ok((None, Some(10)))),
            ("{\"count\": 1}", Err((422, Some("count")))),
            ("{\"count\": 0}", Err((422, Some("count")))),
            ("{\"count\": 11}", Err((422, Some("count")))),
            ("{\"count\": 266}", Err((422, Some("count")))),
            ("{\"count\": -1}", Err((422, Some("count")))),
            ("{\"count\": 2.5}", Err((422, Some("count")))),
            ("{\"count\": \"2\"}", Err((422, Some("count")))),
            ("{\"client_seed\": 7}", Err((422, Some("client_seed")))),
            ("{\"client_seed\": \"a\\u0000\"}", Err((422, Some("client_seed")))),
            (&long, Err((422, Some("client_seed")))),
            ("{\"seed\": \"x\"}", Err((422, Some("seed")))),
            ("[]", Err((422, None))),
            ("{", Err((400, None))),
        ] {
            let got = parse(body.as_bytes()).map_err(|p| (p.status.as_u16(), p.field));
            let want = want.map_err(|(status, field): (u16, Option<&str>)| (status, field.map(str::to_owned)));
            assert_eq!(got, want, "{body}");
        }
    }
}
