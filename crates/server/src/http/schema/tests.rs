//! The documented answers have the members of the views.

use app::*;
use domain::award::AwardState;
use domain::campaign::State;
use domain::ids::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// All members that a schema says there are, those of what it is combined from included.
fn said(document: &Value, schema: &Value) -> BTreeSet<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return said(document, &document["components"]["schemas"][name]);
    }
    let own = schema["properties"].as_object().into_iter().flat_map(|all| all.keys().cloned());
    let parts = schema["allOf"].as_array().into_iter().flatten().flat_map(|part| said(document, part));
    own.chain(parts).collect()
}

/// The view has exactly the members of the schema; optional ones are filled in by the caller.
fn check(name: &str, view: &impl serde::Serialize) {
    let document = serde_json::to_value(crate::http::openapi::document()).unwrap();
    let shown: BTreeSet<String> = serde_json::to_value(view).unwrap().as_object().unwrap().keys().cloned().collect();
    assert_eq!(shown, said(&document, &json!({"$ref": name})), "{name}");
}

#[test]
fn what_shops_see_is_as_documented() {
    let text = String::new;
    let shopper = ShopperId(1);
    check(
        "Shopper",
        &ShopperView {
            id: shopper,
            external_id: text(),
            name: None,
            registered_at: text(),
            attributes: Default::default(),
        },
    );
    check("Events", &EventsView::default());
    check("EventRejection", &EventRejection::new(0, "x", text()));
    let mut profile = recommend::profile::Profile::default().view(0);
    profile["shopper"] = json!("ada");
    check("Profile", &profile);
    check("PriceBand", &profile["price_band"]);
    check("Recommendation", &RecommendationView { sku: text(), name: text(), score: 0.0, reason: text() });
    let blacklist = BlacklistView {
        shopper: text(),
        mode: None,
        campaign_id: Some(CampaignId(1)),
        until: Some(text()),
        reason: Some(text()),
    };
    check("Blacklist", &blacklist);
    check("Risk", &RiskView { shopper: text(), score: 0, flags: Vec::new() });
}

#[test]
fn what_operators_see_is_as_documented() {
    let text = String::new;
    let mut definition = json!({"name": "", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"});
    definition["prizes"] = json!([]);
    definition["tiers"] = json!([]);
    let campaign = CampaignView {
        id: CampaignId(1),
        state: State::Draft,
        version: 1,
        rules_hash: text(),
        seed_hash: None,
        campaign_seed: Some(text()),
        created_at: text(),
        definition: serde_json::from_value(definition).unwrap(),
        findings: Some(Vec::new()),
    };
    check("Campaign", &campaign);
    check("Flow", &FlowView { flow: text(), version: 1, rules_hash: text(), etag: 1 });
    check("PrizeReport", &PrizeReport { code: text(), stock: None, won: 0, left: None });
    check("TierReport", &TierReport { code: text(), promised: text(), met: text() });
    let report = ReportView {
        id: CampaignId(1),
        state: State::Live,
        draws: 0,
        cost_cents: 0,
        points_won: 0,
        prizes: Vec::new(),
        tiers: Vec::new(),
        chances: GrantedUsed { granted: 0, used: 0 },
        generation: GenerationView::default(),
    };
    check("Report", &report);
    check("GrantedUsed", &report.chances);
    check("Generation", &report.generation);
}

#[test]
fn what_shoppers_see_is_as_documented() {
    let text = String::new;
    let prize = || PrizeView { code: text(), name: text(), kind: text(), category: text(), value_cents: 0 };
    check("Prize", &prize());
    let slot =
        SlotView { index: 0, prize: prize(), tier: text(), probability: text(), unlocked: true, reason: Some(text()) };
    check("Slot", &slot);
    let me = MeView {
        campaign_id: CampaignId(1),
        state: State::Live,
        chances: Chances { granted: 0, used: 0, left: 0 },
        points: 0,
        next_n: 1,
        next_seed_hash: text(),
        seed_hash: text(),
        rules_hash: text(),
        rules_version: 1,
        signed_in_today: false,
        pool: text(),
        guarantees: vec![GuaranteeView { tier: text(), after: 1, draws_without: 0 }],
        strategy: StrategyView { source: "random", slots: vec![slot] },
    };
    check("Me", &me);
    check("Guarantee", &me.guarantees[0]);
    check("Chances", &me.chances);
    check("Strategy", &me.strategy);
    let award = AwardView {
        id: AwardId(1),
        state: AwardState::Granted,
        campaign_id: CampaignId(1),
        draw_id: DrawId(1),
        prize: prize(),
        points: Some(1),
        at: text(),
    };
    check("Award", &award);
    let entry = EntryView { id: EntryId(1), amount: 1, balance: 1, reason: text(), business_key: text(), at: text() };
    check("Entry", &entry);
    let order = OrderView {
        id: OrderId(1),
        campaign_id: CampaignId(1),
        kind: text(),
        state: text(),
        chances: 1,
        created_at: text(),
    };
    check("Order", &order);
}
