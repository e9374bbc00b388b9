//! The documented answers have the members of the views.

mod console;

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

/// Of somebody who bought the same thing three times.
fn persona() -> recommend::persona::Persona {
    use domain::behaviour::{Action, Behaviour, Item};
    let item = Item { sku: "a".into(), name: "a".into(), category: "k".into(), price_cents: 1, quantity: 1 };
    let bought = |day: i64| {
        let action = Action::Purchase { order_id: day.to_string(), items: vec![item.clone()] };
        Behaviour { id: day.to_string(), at_ms: day * 86_400_000, action }
    };
    let acts = [bought(1), bought(2), bought(3)];
    let mut profile = recommend::profile::Profile::default();
    acts.iter().for_each(|act| profile.fold(act));
    let sources = recommend::persona::Sources {
        profile: &profile,
        acts: &acts,
        fitted: None,
        time_zone: "UTC",
        now_ms: 4 * 86_400_000,
    };
    recommend::persona::Persona::of(sources)
}

#[test]
fn what_shops_see_is_as_documented() {
    let text = String::new;
    let shopper = ShopperId(1);
    check(
        "Shopper",
        &ShopperView {
            etag: text(),
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
    let persona = serde_json::to_value(persona()).unwrap();
    profile.as_object_mut().unwrap().extend(persona.as_object().unwrap().clone());
    profile["segments"] = json!([]);
    check("Profile", &profile);
    for (name, part) in [
        ("Rfm", &persona["rfm"]),
        ("Taste", &persona["tastes"][0]),
        ("Pays", &persona["willingness_to_pay"][0]),
        ("RepeatCycle", &persona["repeat_cycles"][0]),
        ("FavouriteTimes", &persona["favourite_times"]),
        ("PersonaText", &persona["persona"]),
    ] {
        check(name, part);
    }
    check("PriceBand", &profile["price_band"]);
    check("Recommendation", &RecommendationView { sku: text(), name: text(), score: 0.0, reason: text() });
    check(
        "Choice",
        &ChoiceView { choice: text(), probabilities: Default::default(), source: "model", explanation: text() },
    );
    let blacklist = BlacklistView {
        etag: text(),
        shopper: text(),
        mode: None,
        campaign_id: Some(CampaignId(1)),
        until: Some(text()),
        reason: Some(text()),
    };
    check("Blacklist", &blacklist);
    check("Risk", &RiskView { etag: text(), shopper: text(), score: 0, flags: Vec::new() });
}

#[test]
fn what_operators_see_is_as_documented() {
    let text = String::new;
    let mut definition = json!({"name": "", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"});
    definition["prizes"] = json!([]);
    definition["tiers"] = json!([]);
    (definition["expected_draws"], definition["skin"]) = (json!(1), json!("wheel"));
    let at = "2026-01-01T00:00:00Z";
    for (name, value) in [("description", ""), ("claim_terms", ""), ("visible_from", at), ("visible_until", at)] {
        definition[name] = json!(value);
    }
    (definition["claim_days"], definition["composition"]) = (json!(7), json!({"random_percent": 5}));
    definition["entry"] = json!({"tickets": "draws", "prize": "", "winners": 1});
    definition["spend_weights"] = json!([{"from_cents": 1, "weights": {}}]);
    let campaign = CampaignView {
        id: CampaignId(1),
        state: State::Draft,
        version: 1,
        rules_version: 1,
        rules_hash: text(),
        seed_hash: None,
        campaign_seed: Some(text()),
        created_at: text(),
        ended_at: Some(text()),
        ended_by: Some(text()),
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
        chances: GrantedUsed { granted: 2, used: 0, expired: 1, taken_back: 1 },
        generation: GenerationView::default(),
    };
    check("Report", &report);
    check("GrantedUsed", &report.chances);
    check("Generation", &report.generation);
    let webhook = WebhookView {
        id: EndpointId(1),
        url: text(),
        types: Vec::new(),
        secrets: 1,
        secret: Some(text()),
        created_at: text(),
    };
    check("Webhook", &webhook);
    let delivery = DeliveryView {
        id: DeliveryId(1),
        webhook_id: None,
        message_id: text(),
        r#type: "draw.result",
        state: "pending",
        attempts: 0,
        award_id: Some(AwardId(1)),
        problem: Some(text()),
        next_at: Some(text()),
        at: text(),
    };
    check("Delivery", &delivery);
    check("Coupons", &CouponsView { added: 0, duplicates: 0, free: 0, assigned: 0 });
    check("ShippingAddress", &AddressView { award_id: AwardId(1), address: Default::default() });
}

#[test]
fn what_rehearsals_and_drawings_show_is_as_documented() {
    let text = String::new;
    let spread = app::rehearse::spread::Spread {
        mean: 0.0,
        interval_90: app::rehearse::spread::Interval { low: 0, high: 0 },
        interval_99: app::rehearse::spread::Interval { low: 0, high: 0 },
    };
    let sold_out = SoldOut { share: 1.0, at: text(), interval_90: TimeInterval { low: text(), high: text() } };
    check("SoldOut", &sold_out);
    check("RehearsedPrize", &RehearsedPrize { code: text(), stock: None, won: spread, sold_out: None });
    check("RefusalShare", &RefusalShare { rule: "", code: "", detail: text(), draws: spread });
    check("Spread", &spread);
    let rehearsal = RehearsalView {
        name: text(),
        rules_hash: text(),
        shoppers: 1,
        draws: 1,
        rounds: 4,
        seed: text(),
        made: spread,
        refused: spread,
        cost_cents: spread,
        points_won: spread,
        prizes: Vec::new(),
        tiers: Vec::new(),
        refusals: Vec::new(),
    };
    check("Rehearsal", &rehearsal);
    let drawing = DrawingView {
        campaign_id: CampaignId(1),
        state: "open",
        made_at: text(),
        prize: text(),
        tickets_by: domain::entry::TicketsBy::Draws,
        holders: 0,
        tickets: 0,
        winners: 1,
        alternates: 0,
        given: 0,
        left_over: 0,
        seed_hash: text(),
        list_hash: text(),
    };
    check("EntryDrawing", &drawing);
    let winner = DrawingWinnerView { rank: 0, shopper: text(), award_id: AwardId(1), state: AwardState::Granted };
    check("EntryWinner", &winner);
}

#[test]
fn models_and_segments_are_as_documented() {
    let text = String::new;
    let model = ModelView {
        version: 1,
        model: text(),
        state: "in_service",
        held: false,
        fitted_at: text(),
        shoppers: 0,
        baskets: 0,
        items: 0,
        comparison: None,
        drift: None,
    };
    check("Model", &model);
    let (etag, expression, description) = (text(), text(), text());
    check("Segment", &SegmentView { name: text(), etag, expression, description, updated_at: text() });
}

#[test]
fn what_auditors_see_is_as_documented() {
    let text = String::new;
    let change = app::desk::Change { path: text(), before: Value::Null, after: Value::Null };
    check("AuditChange", &change);
    let entry = app::koi::AuditView {
        id: text(),
        at: text(),
        who: text(),
        act: text(),
        target: None,
        asked: Value::Null,
        outcome: None,
        code: None,
        changes: vec![change],
        finished_at: None,
        request_id: None,
        hash: text(),
    };
    check("AuditEntry", &entry);
    check("AuditCheck", &app::koi::AuditCheck { whole: true, entries: 0, broken_at: None, head: text() });
}

#[test]
fn versions_of_rules_are_as_documented() {
    use app::{DiffView, VersionView};
    use domain::campaign::compare::Effect;
    let text = String::new;
    let version = VersionView {
        campaign_id: CampaignId(1),
        version: 1,
        state: "draft",
        rules_hash: text(),
        effective_at: text(),
        created_at: text(),
        announced_at: None,
        author: text(),
        publisher: text(),
        definition: Some(domain_definition()),
        findings: Some(Vec::new()),
    };
    check("RulesVersion", &version);
    check("RulesDiff", &DiffView { from: None, to: 1, effect: Effect::Neutral, changes: Vec::new() });
}

#[test]
fn rules_are_as_documented() {
    use app::{AnnouncedView, PoolOdds, RulePrize, RuleTier, RulesView, SpendOdds, TierOdds};
    use domain::campaign::compare::Effect;
    let text = String::new;
    let announced = AnnouncedView { version: 1, rules_hash: text(), effective_at: text(), changes: Vec::new() };
    check("AnnouncedRules", &announced);
    let odds = TierOdds { tier: text(), weight: 1, probability: text() };
    check("PublishedOdds", &odds);
    let pool = PoolOdds { code: text(), when: None, odds: vec![odds] };
    check("PublishedPool", &pool);
    let spend = SpendOdds { from_cents: 1, pools: Vec::new() };
    check("PublishedSpend", &spend);
    let tier = RuleTier { code: text(), slots: 1, unlock_after: 0, prizes: Vec::new() };
    check("PublishedTier", &tier);
    let prize = RulePrize {
        code: text(),
        name: text(),
        kind: "none",
        value_cents: 0,
        quantity: None,
        by_time: false,
        points: None,
    };
    check("PublishedPrize", &prize);
    let rules = RulesView {
        campaign_id: CampaignId(1),
        name: text(),
        description: None,
        state: State::Live,
        rules_version: 1,
        rules_hash: text(),
        seed_hash: text(),
        campaign_seed: Some(text()),
        late_seed_hash: text(),
        late_seed: None,
        moments: None,
        entry: None,
        skin: domain::campaign::Skin::Wheel,
        effective_at: text(),
        starts_at: text(),
        ends_at: text(),
        time_zone: text(),
        currency: text(),
        prizes: vec![prize],
        tiers: vec![tier],
        pools: vec![pool],
        spend_odds: vec![spend],
        limits: serde_json::Map::new(),
        chances: serde_json::Map::new(),
        flow: text(),
        claim_terms: None,
        announced: Some(announced),
    };
    check("PublishedRules", &rules);
    let checked = CheckView {
        rules_hash: text(),
        publishable: true,
        findings: Vec::new(),
        effect: Effect::Neutral,
        changes: Vec::new(),
        rules: Some(rules),
    };
    check("CampaignCheck", &checked);
}

fn domain_definition() -> domain::campaign::Definition {
    let body = json!({"name": "", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z", "prizes": [], "tiers": []});
    serde_json::from_value(body).unwrap()
}

#[test]
fn what_shoppers_see_is_as_documented() {
    let text = String::new;
    let prize = || PrizeView { code: text(), name: text(), kind: text(), category: text(), value_cents: 0 };
    check("Prize", &prize());
    let slot = SlotView {
        index: 0,
        prize: prize(),
        tier: text(),
        probability: text(),
        unlocked: false,
        unlocks_in: Some(1),
        reason: Some(text()),
    };
    check("Slot", &slot);
    let me = MeView {
        campaign_id: CampaignId(1),
        state: State::Live,
        chances: Chances { granted: 2, used: 0, left: 0, expired: 1, taken_back: 1 },
        points: 0,
        tickets: Some(1),
        next_n: 1,
        next_seed_hash: text(),
        seed_hash: text(),
        rules_hash: text(),
        rules_version: 1,
        signed_in_today: false,
        streak: 0,
        referral_code: Some(text()),
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
        campaign_id: Some(CampaignId(1)),
        draw_id: Some(DrawId(1)),
        item_id: Some(ItemId(1)),
        order_id: Some(OrderId(1)),
        held: true,
        prize: prize(),
        points: Some(1),
        claim_by: Some(text()),
        coupon_code: Some(text()),
        at: text(),
    };
    check("Award", &award);
    check("ShopAward", &ShopAwardView { shopper: text(), award });
}

#[test]
fn what_shoppers_see_of_orders_and_points_is_as_documented() {
    let text = String::new;
    let entry = EntryView {
        id: EntryId(1),
        amount: 1,
        balance: 1,
        contra: "issued",
        reason: text(),
        business_key: text(),
        expires_at: Some(text()),
        receipt: Some(serde_json::value::RawValue::from_string("{}".into()).unwrap()),
        at: text(),
    };
    check("Entry", &entry);
    check("Balance", &BalanceView { balance: 0, held: 0 });
    let refund = RefundView {
        id: EntryId(1),
        order_id: OrderId(1),
        campaign_id: CampaignId(1),
        shopper: Some(text()),
        payment_id: text(),
        amount_cents: 1,
        reason: text(),
        at: text(),
    };
    check("Refund", &refund);
    let order = OrderView {
        id: OrderId(1),
        campaign_id: Some(CampaignId(1)),
        kind: "paid",
        state: "effective",
        chances: 1,
        left: 1,
        created_at: text(),
        expires_at: Some(text()),
        price_cents: Some(1),
        pay_by: Some(text()),
        price_points: Some(1),
        points: Some(1),
        streak: Some(1),
        pending: Some(true),
        pending_until: Some(text()),
        item_id: Some(ItemId(1)),
        quantity: Some(1),
        awards: vec![OrderAwardView { id: AwardId(1), state: AwardState::Granted }],
        reason: Some(text()),
        refund: Some(refund),
    };
    check("OrderAward", &order.awards[0]);
    check("Order", &order);
}

#[test]
fn codes_and_items_are_as_documented() {
    let text = String::new;
    let batch = CodeBatchView {
        batch_id: BatchId(1),
        campaign_id: CampaignId(1),
        origin: "generated",
        count: 1,
        chances: 1,
        uses: 1,
        per_shopper: Some(1),
        starts_at: Some(text()),
        ends_at: Some(text()),
        used: 0,
        created_at: text(),
        codes: Some(Vec::new()),
    };
    check("CodeBatch", &batch);
    let definition = domain::exchange::ItemDef {
        name: text(),
        price_points: 1,
        stock: 1,
        gives: domain::exchange::Gives { chances: None, campaign_id: None, prize: None },
        per_shopper: Some(1),
        starts_at: domain::campaign::Time::parse("2026-01-01T00:00:00Z"),
        ends_at: domain::campaign::Time::parse("2026-01-02T00:00:00Z"),
        currency: text(),
        hold_days: Some(1),
    };
    let (id, created_at) = (ItemId(1), text());
    check("ExchangeItem", &ItemView { id, state: "active", definition, sold: 0, left: 1, created_at, version: 1 });
}
