//! All routes. One module per resource; a handler extracts, calls one use case, renders.

pub mod advice;
pub mod api_keys;
pub mod audit;
pub mod awards;
pub mod blacklist;
pub mod campaigns;
pub mod choices;
pub mod codes;
pub mod coupons;
pub mod deliveries;
pub mod desk;
pub mod drafts;
pub mod drawings;
pub mod draws;
pub mod events;
pub mod exchange;
pub mod flow_tools;
pub mod flows;
pub mod grants;
pub mod insight;
pub mod live;
pub mod me;
pub mod models;
pub mod operations;
pub mod operators;
pub mod orders;
pub mod personas;
pub mod points;
pub mod profiles;
pub mod rehearsals;
pub mod rules;
pub mod segments;
pub mod session;
pub mod shoppers;
pub mod support;
pub mod templates;
pub mod tracker;
pub mod versions;
pub mod webhooks;

use super::App;
use super::extract::Seen;
use super::openapi;
use super::pages;
use super::problem::Problem;
use app::koi::Target;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use tower_http::set_header::SetResponseHeaderLayer;

/// Questions that come by POST and change nothing.
const ONLY_ASKED: [&str; 7] = [
    "/api/v1/choices",
    "/api/v1/shoppers/{external_id}/persona",
    "/api/v1/campaigns/draft",
    "/api/v1/flows/check",
    "/api/v1/campaigns/{id}/flow/trial",
    "/api/v1/campaigns/{id}/rehearse",
    "/api/v1/campaigns/{id}/live/tickets",
];

/// Characters of a path that an entry keeps.
const PATH_SHOWN: usize = 120;

/// Every route with its handlers.
pub fn router(app: App) -> Router {
    let api = Router::new()
        .route(
            "/shoppers/{external_id}",
            put(shoppers::put_shopper).get(support::get_shopper).delete(support::erase_shopper),
        )
        .route("/shoppers/{external_id}/tokens", post(shoppers::create_token))
        .route("/shoppers/{external_id}/profile", get(profiles::get_profile))
        .route("/shoppers/{external_id}/persona", post(personas::word_persona))
        .route("/shoppers/{external_id}/recommendations", get(profiles::list_recommendations))
        .route("/shoppers/{external_id}/points", post(points::add_points))
        .route(
            "/shoppers/{external_id}/blacklist",
            put(blacklist::put_blacklist).get(blacklist::get_blacklist).delete(blacklist::delete_blacklist),
        )
        .route("/shoppers/{external_id}/risk", put(flows::put_risk))
        .route("/choices", post(choices::create_choice))
        .route("/events", post(events::record_events))
        .route("/campaigns", post(campaigns::create_campaign).get(campaigns::list_campaigns))
        .route("/campaigns/templates", get(templates::list_templates))
        .route("/campaigns/draft", post(drafts::draft_campaign))
        .route("/campaigns/{id}", get(campaigns::get_campaign).patch(campaigns::edit_campaign))
        .route("/campaigns/{id}/publish", post(campaigns::publish_campaign))
        .route("/campaigns/{id}/pause", post(campaigns::pause_campaign))
        .route("/campaigns/{id}/resume", post(campaigns::resume_campaign))
        .route("/campaigns/{id}/end", post(campaigns::end_campaign))
        .route("/campaigns/{id}/archive", post(campaigns::archive_campaign))
        .route("/campaigns/{id}/copy", post(campaigns::copy_campaign))
        .route("/campaigns/{id}/versions", post(versions::draft_version).get(versions::list_versions))
        .route("/campaigns/{id}/versions/{version}", get(versions::get_version))
        .route("/campaigns/{id}/versions/{version}/diff", get(versions::get_version_diff))
        .route("/campaigns/{id}/versions/{version}/publish", post(versions::publish_version))
        .route("/campaigns/{id}/versions/{version}/withdraw", post(versions::withdraw_version))
        .route("/campaigns/{id}/flow", get(flows::get_flow).put(flows::put_flow))
        .route("/campaigns/{id}/grants", post(grants::create_grant))
        .route("/campaigns/{id}/draws", post(draws::create_draws).get(draws::list_draws))
        .route("/campaigns/{id}/orders", post(orders::create_order).get(orders::list_orders))
        .route("/orders/{id}", get(orders::get_order))
        .route("/orders/{id}/cancel", post(orders::cancel_order))
        .route("/orders/{id}/paid", post(orders::pay_order))
        .route("/shoppers/{external_id}/awards", get(awards::list_awards_of_shopper))
        .route("/campaigns/{id}/prizes/{code}/coupons", post(coupons::add_coupons).get(coupons::get_coupons))
        .route("/api-keys", post(api_keys::create_api_key).get(api_keys::list_api_keys))
        .route("/api-keys/{id}", delete(api_keys::revoke_api_key))
        .route("/api-keys/{id}/rotate", post(api_keys::rotate_api_key))
        .merge(foresight())
        .route("/advice/questions", get(advice::list_advice_questions))
        .route("/advice/answers", post(advice::give_advice).get(advice::list_advice_answers))
        .merge(looks())
        .merge(desk().merge(fulfilment()).merge(points_and_shop()))
        .layer(from_fn_with_state(app.clone(), note_the_unnamed));
    let operations = Router::new()
        .route("/healthz", get(operations::get_health))
        .route("/readyz", get(operations::get_readiness))
        .route("/metrics", get(operations::get_metrics));
    let no_sniff = HeaderValue::from_static("nosniff");
    Router::new()
        .nest("/api/v1", api)
        .nest("/v1", tracker())
        .merge(operations)
        .merge(pages::router())
        .with_state(app)
        .merge(openapi::docs())
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(SetResponseHeaderLayer::if_not_present(HeaderName::from_static("x-content-type-options"), no_sniff))
        .layer(from_fn(tell_route))
}

/// Segment's HTTP API, at the paths that trackers know.
fn tracker() -> Router<App> {
    Router::new()
        .route("/track", post(tracker::track))
        .route("/batch", post(tracker::batch))
        .route("/identify", post(tracker::identify))
}

/// Awards, and what the shop is told of them.
fn fulfilment() -> Router<App> {
    Router::new()
        .route("/awards", get(awards::list_awards))
        .route("/awards/{id}", get(awards::get_award))
        .route("/awards/held", get(awards::list_held_awards))
        .route("/awards/{id}/review", post(awards::review_award))
        .route("/awards/{id}/claim", post(awards::claim_award))
        .route("/awards/{id}/address", get(awards::get_address))
        .route("/webhooks", post(webhooks::create_webhook).get(webhooks::list_webhooks))
        .route("/webhooks/{id}", get(webhooks::get_webhook).delete(webhooks::delete_webhook))
        .route("/webhooks/{id}/rotate", post(webhooks::rotate_webhook))
        .route("/webhooks/{id}/old-secret", delete(webhooks::retire_webhook_secret))
        .route("/models", get(models::list_models))
        .route("/models/{version}/activate", post(models::activate_model))
        .route("/segments", get(segments::list_segments))
        .route("/segments/{code}", put(segments::put_segment).delete(segments::delete_segment))
        .route("/deliveries", get(deliveries::list_deliveries))
        .route("/deliveries/{id}/replay", post(deliveries::replay_delivery))
}

/// Points, redeem codes, and the exchange shop.
fn points_and_shop() -> Router<App> {
    Router::new()
        .route("/points", get(points::get_points))
        .route("/points/entries", get(points::list_entries))
        .route("/campaigns/{id}/codes", post(codes::create_codes).get(codes::list_code_batches))
        .route("/campaigns/{id}/codes/{batch}", get(codes::get_code_batch))
        .route("/campaigns/{id}/codes/{batch}/export", get(codes::export_codes))
        .route("/exchange/items", post(exchange::create_item).get(exchange::list_items))
        .route("/exchange/items/{id}", get(exchange::get_item).patch(exchange::edit_item))
        .route("/exchange/items/{id}/retire", post(exchange::retire_item))
        .route("/exchange/items/{id}/coupons", post(exchange::add_item_coupons).get(exchange::get_item_coupons))
        .route("/exchange/items/{id}/orders", post(exchange::create_exchange_order))
        .route("/exchange/orders", get(exchange::list_exchange_orders))
}

/// What a campaign may come to, what it came to, and the drawing when it is over.
fn foresight() -> Router<App> {
    Router::new()
        .route("/campaigns/{id}/check", post(rehearsals::check_campaign))
        .route("/campaigns/{id}/rehearse", post(rehearsals::rehearse_campaign))
        .route("/campaigns/{id}/report", get(campaigns::get_report))
        .route("/campaigns/{id}/drawing", post(drawings::make_drawing).get(drawings::get_drawing))
        .route("/campaigns/{id}/drawing/winners", get(drawings::list_winners))
        .route("/campaigns/{id}/drawing/proof", get(drawings::get_proof))
}

/// What is only looked at: lists of all shoppers, figures, tools of an editor.
fn looks() -> Router<App> {
    Router::new()
        .route("/shoppers/{external_id}/points/entries", get(support::list_entries_of_shopper))
        .route("/shoppers/{external_id}/events", get(support::list_events_of_shopper))
        .route("/shoppers/{external_id}/export", get(support::export_shopper))
        .route("/shoppers", get(desk::list_shoppers))
        .route("/live/tickets", post(live::create_ticket))
        .route("/live", get(live::open_live))
        .route("/campaigns/{id}/live/tickets", post(live::create_figures_ticket))
        .route("/flow-rules", get(flows::list_flow_rules))
        .route("/campaigns/{id}/me", get(me::get_me))
        .route("/campaigns/{id}/rules", get(rules::get_rules))
        .route("/campaigns/{id}/refunds", get(orders::list_refunds))
        .route("/desk/draws", get(desk::list_all_draws))
        .route("/desk/awards", get(desk::list_all_awards))
        .route("/desk/orders", get(desk::list_all_orders))
        .route("/engines", get(desk::list_engines))
        .route("/choices/reliability", get(choices::get_reliability))
        .route("/campaigns/{id}/strategies", get(support::list_strategies))
        .route("/campaigns/{id}/strategies/{external_id}", get(support::get_strategy_of_shopper))
        .route("/campaigns/{id}/report/series", get(insight::get_series))
        .route("/campaigns/{id}/report/insight", get(insight::get_insight))
        .route("/campaigns/{id}/public", get(insight::get_public_campaign))
        .route("/campaigns/{id}/big-wins", get(insight::list_big_wins))
        .route("/campaigns/{id}/sign-ins", get(insight::get_sign_ins))
        .route("/campaigns/{id}/flow/trial", post(flow_tools::try_flow))
        .route("/flows/check", post(flow_tools::check_flow_text))
}

/// Signing in, operators, the audit.
fn desk() -> Router<App> {
    Router::new()
        .route("/session", post(session::open_session).get(session::get_session).delete(session::close_session))
        .route("/session/reauthenticate", post(session::reauthenticate))
        .route("/session/password", put(session::change_password))
        .route("/operators", post(operators::create_operator).get(operators::list_operators))
        .route(
            "/operators/{id}",
            get(operators::get_operator).patch(operators::edit_operator).delete(operators::delete_operator),
        )
        .route("/operators/{id}/password", put(operators::set_password))
        .route("/operators/{id}/ban", put(operators::ban_operator).delete(operators::unban_operator))
        .route("/operators/{id}/sessions", get(operators::list_sessions).delete(operators::end_sessions))
        .route("/operators/{id}/sessions/{session}", delete(operators::end_session))
        .route("/audit", get(audit::list_audit))
        .route("/audit/check", get(audit::check_audit))
        .route("/audit/export", get(audit::export_audit))
}

/// Sees to it that whatever somebody changes for the shop is in the audit, though its route did not go through
/// `Koi::audited`: then there is one entry, after the fact and before the answer, by method and path.
async fn note_the_unnamed(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    if request.method().is_safe() || path.is_some_and(|path| ONLY_ASKED.contains(&path.as_str())) {
        return next.run(request).await;
    }
    let seen = Seen::default();
    request.extensions_mut().insert(seen.clone());
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let act = format!("{} {}", request.method(), matched.unwrap_or_default());
    let path: String = request.uri().path().chars().take(PATH_SHOWN).collect();
    let response = next.run(request).await;
    let Some(caller) = seen.0.get().filter(|caller| response.status().is_success() && !caller.is_recorded()) else {
        return response;
    };
    tracing::warn!(act, "a route changes something without an act of its own in the audit");
    match app.koi.note(caller, &act, Target::Other("path", path), serde_json::Value::Null).await {
        Ok(()) => response,
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn no_route() -> Problem {
    Problem::no_route()
}

async fn wrong_method() -> Problem {
    let detail = "this path has no such method; `Allow` lists those it has";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

impl Problem {
    /// 404 for a path that names nothing.
    pub fn no_route() -> Self {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
    }
}

/// Hands the matched pattern to the front, which times requests by it.
async fn tell_route(matched: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(matched) = matched {
        response.extensions_mut().insert(matched);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ApiKeys;
    use crate::http::Shared;
    use axum::body::Body;
    use axum::http::Method;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt;

    /// What is documented is served, wants credentials, and does not know other methods. That nothing more is served
    /// cannot be asked of a router; the document names its handlers in the same order as this file.
    #[tokio::test(flavor = "multi_thread")]
    async fn every_documented_route_is_served() {
        let data = tempfile::tempdir().unwrap();
        let embedded = adapters::embedded::open(data.path(), &Default::default()).await.unwrap();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let routes =
            router(Shared::new(embedded.koi.clone(), ApiKeys::new(None).unwrap(), metrics, Default::default()));
        let document = serde_json::to_value(openapi::document()).unwrap();
        let mut count = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            let concrete = path
                .replace("{version}", "1")
                .replace("{id}", "7")
                .replace("{batch}", "7")
                .replace("{external_id}", "ada")
                .replace("{session}", "s")
                .replace("{code}", "cup");
            let ask = async |method: Method| {
                let request = Request::builder().method(method).uri(&concrete).body(Body::empty()).unwrap();
                routes.clone().oneshot(request).await.unwrap().status().as_u16()
            };
            for method in methods.as_object().unwrap().keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let want = match (path.as_str(), &method) {
                    // Whoever signs in has nothing to show yet, and an empty body is no JSON.
                    ("/api/v1/session", &Method::POST) => 400,
                    // The published rules and proofs are for everyone; this campaign is not there.
                    (
                        "/api/v1/campaigns/{id}/rules"
                        | "/api/v1/campaigns/{id}/drawing/proof"
                        | "/api/v1/campaigns/{id}/public"
                        | "/api/v1/campaigns/{id}/big-wins",
                        _,
                    ) => 404,
                    _ if path.starts_with("/api/") || path.starts_with("/v1/") => 401,
                    _ => 200,
                };
                assert_eq!(ask(method.clone()).await, want, "{method} {path}");
                count += 1;
            }
            assert_eq!(ask(Method::TRACE).await, 405, "TRACE {path}");
        }
        assert!(count > 30, "{count} operations");
        drop(routes);
        embedded.close().await;
    }
}
