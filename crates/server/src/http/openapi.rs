//! The OpenAPI document, made from the handlers, and a page that shows it without any network.

use super::routes::*;
use super::schema;
use axum::Router;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, OpenApiBuilder};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(OpenApi)]
#[openapi(
    info(title = "Koi", description = "A marketing prize-draw platform: purchases in, personal prize draws out.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    paths(
        shoppers::put_shopper, shoppers::create_token, profiles::get_profile, profiles::list_recommendations,
        points::add_points, blacklist::put_blacklist, blacklist::delete_blacklist, events::record_events,
        campaigns::create_campaign, campaigns::list_campaigns, campaigns::get_campaign, campaigns::edit_campaign,
        campaigns::publish_campaign, campaigns::pause_campaign, campaigns::resume_campaign, campaigns::end_campaign,
        campaigns::copy_campaign, campaigns::get_report, grants::create_grant, me::get_me, draws::create_draws,
        draws::list_draws, orders::create_order, orders::get_order, awards::list_awards, awards::claim_award,
        flows::get_flow, flows::put_flow, flows::list_flow_rules, flows::put_risk,
        points::get_points, points::list_entries, api_keys::create_api_key, api_keys::list_api_keys,
        api_keys::revoke_api_key, operations::get_health, operations::get_readiness, operations::get_metrics,
    ),
    components(schemas(schema::Problem, schema::flows::FlowGraph)),
    tags(
        (name = "shoppers", description = "For the shop's server"),
        (name = "events", description = "Behaviour, from the shop's server"),
        (name = "campaigns", description = "For operators"),
        (name = "shopper", description = "For a shopper's own device"),
        (name = "api-keys", description = "For an administrator"),
        (name = "operations", description = "For whoever runs the server"),
    ),
    modifiers(&Credentials),
)]
struct Koi;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let mut bearer = |name: &str, format: &str, description: &str| {
            let mut scheme = Http::new(HttpAuthScheme::Bearer);
            scheme.bearer_format = Some(format.to_owned());
            scheme.description = Some(description.to_owned());
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        };
        bearer("api_key", "koi_sk_…", "An API key of the shop's server, with scopes");
        bearer("shopper_token", "kst_…", "A shopper's token, made by the shop's server");
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

/// `/openapi.json` and `/docs`.
pub fn docs() -> Router {
    let config = Config::new(["/openapi.json"]).use_base_layout().try_it_out_enabled(true);
    SwaggerUi::new("/docs").url("/openapi.json", document()).config(config).into()
}
