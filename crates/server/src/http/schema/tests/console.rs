//! The same for what the console, an editor of flows and open sockets are shown.

use super::*;

#[test]
fn what_the_console_looks_at_is_as_documented() {
    let text = String::new;
    check(
        "ShopperRow",
        &ShopperRow {
            id: ShopperId(1),
            external_id: text(),
            name: None,
            registered_at: text(),
            points: 0,
            draws: 0,
            risk_score: 0,
            blacklist: Vec::new(),
        },
    );
    let standing = StandingView {
        campaign_id: CampaignId(1),
        name: None,
        state: None,
        chances: Chances::default(),
        drawn_today: 0,
        spend_cents: 0,
        streak: 0,
        referred: false,
    };
    check("Standing", &standing);
    let account = AccountView {
        etag: text(),
        id: ShopperId(1),
        external_id: text(),
        name: None,
        registered_at: text(),
        attributes: Default::default(),
        points: 0,
        held: 0,
        risk: RiskView { etag: text(), shopper: text(), score: 0, flags: Vec::new() },
        blacklist: Vec::new(),
        campaigns: vec![standing],
    };
    check("Account", &account);
    let strategy = ShopperStrategyView {
        campaign_id: CampaignId(1),
        shopper: text(),
        source: "random",
        generation: 0,
        ready_at: None,
        next_n: 1,
        pool: text(),
        slots: Vec::new(),
    };
    check("ShopperStrategy", &strategy);
    let export = ExportView {
        exported_at: text(),
        account,
        profile: Value::Null,
        events: Vec::new(),
        points: Vec::new(),
        draws: Vec::new(),
        awards: Vec::new(),
        orders: Vec::new(),
        addresses: Vec::new(),
        truncated: false,
    };
    check("Export", &export);
}

#[test]
fn what_an_editor_of_flows_is_told_is_as_documented() {
    let text = String::new;
    let prize = || PrizeView { code: text(), name: text(), kind: text(), category: text(), value_cents: 0 };
    let trial = TrialView {
        outcome: "drawn",
        refusal: None,
        detail: None,
        pool: None,
        tier: None,
        slot: None,
        prize: Some(prize()),
        points: None,
        held: false,
        path: Vec::new(),
    };
    check("Trial", &trial);
    check("FlowCheck", &FlowCheckView::of(""));
    check("FlowProblem", &domain::flow::FlowError { line: 1, column: 1, message: text(), hint: text() });
    check("Engine", &EngineView { name: "ledger", kind: "sqlite", state: "up", figures: Default::default() });
}

#[test]
fn what_figures_and_messages_show_is_as_documented() {
    let text = String::new;
    let prize = || PrizeView { code: text(), name: text(), kind: text(), category: text(), value_cents: 0 };
    let step = SeriesStep { at: text(), draws: 0, wins: 0, cost_cents: 0, prizes: Default::default() };
    check("SeriesStep", &step);
    check("Series", &SeriesView { step: "minute", data: vec![step] });
    let funnel = FunnelView { behaved: 0, strategies: 0, drew: 0, bought_after: 0 };
    check("Funnel", &funnel);
    let stock = StockForecast { code: text(), stock: 0, left: 0, last_hour: 0, runs_out_at: None };
    check("StockForecast", &stock);
    let tier = TierFit { code: text(), promised: text(), met: text(), hits: 0, low: text(), high: text(), fits: true };
    check("TierFit", &tier);
    check("Insight", &InsightView { draws: 0, stock: vec![stock], tiers: vec![tier], funnel, personalisation: None });
    let outcome = |arm| recommend::worth::Outcome { arm, bought: true, spend_cents: 1 };
    let worth =
        recommend::worth::worth([recommend::supply::Arm::Random, recommend::supply::Arm::Personal].map(outcome));
    check("Personalisation", &worth);
    check("ArmReport", &worth.arms[0]);
    check("Lift", &worth.personal[0]);
    check("Estimate", &worth.arms[0].rate);
    let way = WayView {
        kind: "points",
        chances: Some(1),
        price_points: Some(1),
        price_cents: Some(1),
        per_cents: Some(1),
        points: Some(domain::campaign::PointsRange { min: 1, max: 2 }),
    };
    check("Way", &way);
    let public = PublicView {
        id: CampaignId(1),
        name: text(),
        description: None,
        state: State::Live,
        starts_at: text(),
        ends_at: text(),
        time_zone: text(),
        currency: text(),
        skin: Default::default(),
        rules_version: 1,
        rules_hash: text(),
        seed_hash: text(),
        slots: 9,
        ways: vec![way],
        now: text(),
    };
    check("PublicCampaign", &public);
    let sign_ins =
        SignInsView { signed_in_today: true, streak: 1, today: text(), days: Vec::new(), rewards: Vec::new() };
    check("SignIns", &sign_ins);
    check("BigWin", &BigWinView { campaign_id: CampaignId(1), shopper: text(), prize: prize(), at: text() });
    check("LivePoints", &LivePoints { balance: 0, amount: 0, reason: text(), entry_id: EntryId(1) });
    check("LiveStrategy", &LiveStrategy { campaign_id: CampaignId(1), generation: 1 });
    let figures = FiguresView {
        campaign_id: CampaignId(1),
        state: State::Live,
        draws: 0,
        draws_per_second: 0.0,
        wins: 0,
        cost_cents: 0,
        budget_cents: None,
        points_won: 0,
        chances: GrantedUsed { granted: 0, used: 0, expired: 1, taken_back: 1 },
        prizes: Vec::new(),
        generation: GenerationView::default(),
        at: text(),
    };
    check("Figures", &figures);
}

#[test]
fn what_a_model_is_worth_is_as_documented() {
    let bin = ReliabilityBin { n: 0, stated: 0.0, observed: 0.0 };
    check("ReliabilityBin", &bin);
    let view = ReliabilityView {
        fitted_at: String::new(),
        learned_from: 0,
        n: 0,
        hit_at_1: 0.0,
        log_loss: 0.0,
        ece: 0.0,
        brier: 0.0,
        bins: vec![bin],
    };
    check("Reliability", &view);
}
