//! The OpenAPI document, made from the handlers, and a page that shows it without any network.

use super::routes::*;
use super::schema;
use crate::auth::COOKIE;
use crate::http::problem::Problem;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, get_service};
use tower::ServiceExt;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, OpenApiBuilder};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Bytes of the page that shows the document; its scripts are files of their own.
const PAGE_BYTES: usize = 256 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(title = "Koi", description = "A marketing prize-draw platform: purchases in, personal prize draws out.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    paths(
        shoppers::put_shopper, shoppers::create_token, profiles::get_profile, profiles::list_recommendations,
        choices::create_choice, choices::get_reliability, personas::word_persona, advice::list_advice_questions, advice::list_advice_answers, advice::give_advice, points::add_points, blacklist::put_blacklist, blacklist::get_blacklist, blacklist::delete_blacklist, events::record_events, tracker::track, tracker::batch, tracker::identify,
        campaigns::create_campaign, campaigns::list_campaigns, campaigns::get_campaign, campaigns::edit_campaign,
        campaigns::publish_campaign, campaigns::pause_campaign, campaigns::resume_campaign, campaigns::end_campaign,
        campaigns::archive_campaign, templates::list_templates, drafts::draft_campaign, rules::get_rules,
        versions::draft_version, versions::list_versions, versions::get_version, versions::get_version_diff,
        versions::publish_version, versions::withdraw_version,
        campaigns::copy_campaign, campaigns::get_report, rehearsals::check_campaign, rehearsals::rehearse_campaign, drawings::make_drawing,
        drawings::get_drawing, drawings::list_winners, drawings::get_proof, grants::create_grant, codes::create_codes, codes::list_code_batches,
        codes::get_code_batch, codes::export_codes, me::get_me, draws::create_draws,
        draws::list_draws, orders::create_order, orders::list_orders, orders::get_order,
        orders::cancel_order, orders::pay_order, orders::list_refunds, awards::list_awards, awards::claim_award,
        awards::get_award, awards::list_held_awards, awards::review_award, awards::get_address, awards::list_awards_of_shopper, coupons::add_coupons, coupons::get_coupons,
        models::list_models, models::activate_model, segments::list_segments, segments::put_segment, segments::delete_segment, webhooks::create_webhook, webhooks::list_webhooks, webhooks::get_webhook, webhooks::delete_webhook,
        webhooks::rotate_webhook, webhooks::retire_webhook_secret, deliveries::list_deliveries, deliveries::replay_delivery,
        flows::get_flow, flows::put_flow, flows::list_flow_rules, flows::put_risk,
        desk::list_shoppers, desk::list_all_draws, desk::list_all_awards, desk::list_all_orders, desk::list_engines,
        support::get_shopper, support::list_entries_of_shopper, support::list_events_of_shopper, support::get_strategy_of_shopper,
        support::list_strategies,
        support::export_shopper, support::erase_shopper,
        insight::get_series, insight::get_insight, insight::get_public_campaign, insight::list_big_wins, insight::get_sign_ins,
        flow_tools::check_flow_text, flow_tools::try_flow,
        live::create_ticket, live::open_live, live::create_figures_ticket,
        exchange::create_item, exchange::list_items, exchange::get_item, exchange::edit_item, exchange::retire_item,
        exchange::add_item_coupons, exchange::get_item_coupons, exchange::create_exchange_order,
        exchange::list_exchange_orders, points::get_points, points::list_entries, api_keys::create_api_key, api_keys::list_api_keys,
        api_keys::revoke_api_key, api_keys::rotate_api_key, session::open_session, session::get_session,
        session::close_session, session::reauthenticate, session::change_password, operators::create_operator,
        operators::list_operators, operators::get_operator, operators::edit_operator, operators::delete_operator,
        operators::set_password, operators::ban_operator, operators::unban_operator, operators::list_sessions,
        operators::end_sessions, operators::end_session, audit::list_audit, audit::check_audit, audit::export_audit,
        operations::get_health, operations::get_readiness, operations::get_metrics,
    ),
    components(schemas(schema::Problem, domain::flow::outline::Branch, schema::flows::FlowGraph)),
    tags(
        (name = "shoppers", description = "For the shop's server"),
        (name = "advice", description = "The topics of advice, for another program that is the analyst"),
        (name = "events", description = "Behaviour, from the shop's server"),
        (name = "campaigns", description = "For operators"),
        (name = "exchange", description = "The shop that takes points: stocked by operators, bought in by shoppers"),
        (name = "fulfilment", description = "Webhooks, deliveries and coupon pools, for operators"),
        (name = "models", description = "Versions of the recommendation model and named segments, for operators"),
        (name = "shopper", description = "For a shopper's own device"),
        (name = "api-keys", description = "For an administrator"),
        (name = "desk", description = "Lists across shoppers and the state of the engines, for operators"),
        (name = "operators", description = "People who work with the console, and their sessions"),
        (name = "audit", description = "What was done, for auditors"),
        (name = "operations", description = "For whoever runs the server"),
    ),
    modifiers(&Credentials),
)]
struct Koi;

struct Credentials;

/// Whatever a key may call, a person with the right may call too.
fn let_sessions_in(document: &mut Document) {
    let is = |way: &SecurityRequirement, name: &str| {
        serde_json::to_value(way).is_ok_and(|way| way.as_object().is_some_and(|members| members.contains_key(name)))
    };
    for item in document.paths.paths.values_mut() {
        let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for ways in all.into_iter().flatten().filter_map(|operation| operation.security.as_mut()) {
            if ways.iter().any(|way| is(way, "api_key")) && !ways.iter().any(|way| is(way, "session")) {
                ways.push(SecurityRequirement::new("session", Vec::<String>::new()));
            }
        }
    }
}

impl Modify for Credentials {
    fn modify(&self, document: &mut Document) {
        let_sessions_in(document);
        let components = document.components.get_or_insert_default();
        let mut bearer = |name: &str, format: &str, description: &str| {
            let mut scheme = Http::new(HttpAuthScheme::Bearer);
            scheme.bearer_format = Some(format.to_owned());
            scheme.description = Some(description.to_owned());
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        };
        bearer("api_key", "koi_sk_…", "An API key of the shop's server, with scopes");
        bearer("shopper_token", "kst_…", "A shopper's token, made by the shop's server, or a JWT of the shop's own");
        let mut basic = Http::new(HttpAuthScheme::Basic);
        basic.description =
            Some("A tracker's write key: an API key with the scope `events` as user, no password".to_owned());
        components.add_security_scheme("write_key", SecurityScheme::Http(basic));
        let cookie = ApiKeyValue::with_description(COOKIE, "An operator's session; changes send `X-CSRF-Token` too");
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// The document.
pub fn document() -> Document {
    let mut document: Document = OpenApiBuilder::from(Koi::openapi()).build();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document
}

/// The document as it is served, pretty.
pub fn text() -> String {
    document().to_pretty_json().expect("invariant: the document is made of strings and maps")
}

/// `/openapi.json` and `/docs`, which is the same page with and without a slash.
pub fn docs() -> Router {
    let config = Config::new(["/openapi.json"]).use_base_layout().try_it_out_enabled(true);
    let pages: Router = SwaggerUi::new("/docs").url("/openapi.json", document()).config(config).into();
    let (index, files) = (pages.clone(), pages.clone());
    Router::new()
        .route("/docs", get(move || docs_page(index.clone())))
        .route("/docs/", get_service(pages.clone()))
        .route("/docs/{*rest}", get(move |request: Request<Body>| docs_file(files.clone(), request)))
        .route("/openapi.json", get_service(pages))
}

/// A file of the page. It is asked for anew: the part of the path that was matched here would be one too many there.
async fn docs_file(pages: Router, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    let mut plain = Request::new(Body::empty());
    (*plain.method_mut(), *plain.uri_mut(), *plain.headers_mut()) = (parts.method, parts.uri, parts.headers);
    let Ok(response) = pages.oneshot(plain).await;
    response
}

/// The page of `/docs/` at `/docs`: there its parts would be looked for beside it rather than below, so it says where.
async fn docs_page(pages: Router) -> Response {
    let request = Request::get("/docs/").body(Body::empty()).expect("invariant: a fixed path is one");
    let Ok(response) = pages.oneshot(request).await;
    let (mut parts, body) = response.into_parts();
    let Ok(page) = to_bytes(body, PAGE_BYTES).await else { return Problem::internal().into_response() };
    let page = String::from_utf8_lossy(&page).replacen("<head>", "<head><base href=\"/docs/\">", 1);
    parts.headers.remove(CONTENT_LENGTH);
    (parts, page).into_response()
}
