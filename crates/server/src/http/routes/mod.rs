//! All routes. One module per resource; a handler extracts, calls one use case, renders.

pub mod api_keys;
pub mod awards;
pub mod blacklist;
pub mod campaigns;
pub mod draws;
pub mod events;
pub mod flows;
pub mod grants;
pub mod me;
pub mod operations;
pub mod orders;
pub mod points;
pub mod profiles;
pub mod shoppers;

use super::App;
use super::openapi;
use super::problem::Problem;
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use tower_http::set_header::SetResponseHeaderLayer;

/// Every route with its handlers.
pub fn router(app: App) -> Router {
    let api = Router::new()
        .route("/shoppers/{external_id}", put(shoppers::put_shopper))
        .route("/shoppers/{external_id}/tokens", post(shoppers::create_token))
        .route("/shoppers/{external_id}/profile", get(profiles::get_profile))
        .route("/shoppers/{external_id}/recommendations", get(profiles::list_recommendations))
        .route("/shoppers/{external_id}/points", post(points::add_points))
        .route("/shoppers/{external_id}/blacklist", put(blacklist::put_blacklist).delete(blacklist::delete_blacklist))
        .route("/shoppers/{external_id}/risk", put(flows::put_risk))
        .route("/events", post(events::record_events))
        .route("/campaigns", post(campaigns::create_campaign).get(campaigns::list_campaigns))
        .route("/campaigns/{id}", get(campaigns::get_campaign).patch(campaigns::edit_campaign))
        .route("/campaigns/{id}/publish", post(campaigns::publish_campaign))
        .route("/campaigns/{id}/pause", post(campaigns::pause_campaign))
        .route("/campaigns/{id}/resume", post(campaigns::resume_campaign))
        .route("/campaigns/{id}/end", post(campaigns::end_campaign))
        .route("/campaigns/{id}/copy", post(campaigns::copy_campaign))
        .route("/campaigns/{id}/flow", get(flows::get_flow).put(flows::put_flow))
        .route("/flow-rules", get(flows::list_flow_rules))
        .route("/campaigns/{id}/report", get(campaigns::get_report))
        .route("/campaigns/{id}/grants", post(grants::create_grant))
        .route("/campaigns/{id}/me", get(me::get_me))
        .route("/campaigns/{id}/draws", post(draws::create_draws).get(draws::list_draws))
        .route("/campaigns/{id}/orders", post(orders::create_order))
        .route("/orders/{id}", get(orders::get_order))
        .route("/awards", get(awards::list_awards))
        .route("/awards/{id}/claim", post(awards::claim_award))
        .route("/points", get(points::get_points))
        .route("/points/entries", get(points::list_entries))
        .route("/api-keys", post(api_keys::create_api_key).get(api_keys::list_api_keys))
        .route("/api-keys/{id}", delete(api_keys::revoke_api_key));
    let operations = Router::new()
        .route("/healthz", get(operations::get_health))
        .route("/readyz", get(operations::get_readiness))
        .route("/metrics", get(operations::get_metrics));
    let no_sniff = HeaderValue::from_static("nosniff");
    Router::new()
        .nest("/api/v1", api)
        .merge(operations)
        .with_state(app)
        .merge(openapi::docs())
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(SetResponseHeaderLayer::if_not_present(HeaderName::from_static("x-content-type-options"), no_sniff))
        .layer(from_fn(tell_route))
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
        let routes = router(Shared::new(embedded.koi.clone(), ApiKeys::new(None).unwrap(), metrics));
        let document = serde_json::to_value(openapi::document()).unwrap();
        let mut count = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            let concrete = path.replace("{id}", "7").replace("{external_id}", "ada");
            let ask = async |method: Method| {
                let request = Request::builder().method(method).uri(&concrete).body(Body::empty()).unwrap();
                routes.clone().oneshot(request).await.unwrap().status().as_u16()
            };
            for method in methods.as_object().unwrap().keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let want = if path.starts_with("/api/") { 401 } else { 200 };
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
