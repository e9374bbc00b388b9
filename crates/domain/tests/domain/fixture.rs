//! A campaign to draw from, and shelves to draw with.

use domain::campaign::{Definition, PrizeIx, Rules};
use domain::draw::{Decision, Outcome, Shelf, Snapshot, Unit, decide};
use domain::fairness::{CampaignSeed, DrawSeed};
use domain::ids::{CampaignId, ShopperId};
use domain::strategy::{SlotAssign, Source, Strategy};
use serde_json::{Value, json};
use std::collections::HashMap;

pub const CAMPAIGN: CampaignId = CampaignId(7_000_000_000_001);
pub const SHOPPER: ShopperId = ShopperId(7_000_000_000_002);
/// 2026-03-10T04:00:00Z, inside the window.
pub const NOON_MS: i64 = 1_773_115_200_000;

/// Three tiers, nine slots, two pools.
pub fn spring() -> Value {
    let goods = |code: &str, value: i64, cost: i64| json!({"code": code, "name": code, "kind": "goods", "value_cents": value, "cost_cents": cost, "stock": 500});
    json!({
        "name": "Spring", "starts_at": "2026-03-01T00:00:00+08:00", "ends_at": "2026-04-01T00:00:00+08:00",
        "prizes": [
            goods("cup", 3900, 1500), goods("mug", 4500, 1600), goods("pen", 900, 300), goods("bag", 4900, 1900),
            goods("hat", 2500, 900), goods("kettle", 25_000, 12_000), goods("lamp", 30_000, 14_000),
            {"code": "pts", "name": "Points", "kind": "points", "points": {"min": 1, "max": 100}},
            {"code": "few", "name": "Few points", "kind": "points", "points": {"min": 5, "max": 5}},
        ],
        "tiers": [
            {"code": "small", "slots": 4, "weight": 6000, "value_cents": {"min": 0, "max": 5000}},
            {"code": "big", "slots": 2, "weight": 100, "value_cents": {"min": 20_000, "max": 200_000}, "unlock_after": 10},
            {"code": "points", "slots": 3, "weight": 3000, "prizes": ["pts", "few"]},
        ],
        "flow": "THEN(blacklist, window, limits, pool, draw, unlock, stock, IF(sold_out, fallback))",
        "pools": [
            {"code": "all", "when": "n >= 5", "tiers": ["small", "big", "points"]},
            {"code": "start", "tiers": ["small", "points"]},
        ],
    })
}

pub fn definition(value: Value) -> Definition {
    serde_json::from_value(value).unwrap_or_else(|e| panic!("{e}"))
}

pub fn rules(value: Value) -> Rules {
    Rules::compile(CAMPAIGN, 3, &definition(value)).unwrap_or_else(|findings| panic!("{findings:?}"))
}

pub fn snapshot(used: u32) -> Snapshot<'static> {
    Snapshot { shopper: SHOPPER, used, left: 10, ..Snapshot::blank(NOON_MS) }
}

/// A shelf on which everything is free but what is named.
#[derive(Default)]
pub struct Shelves(pub HashMap<PrizeIx, Unit>);

impl Shelves {
    pub fn of(rules: &Rules, named: &[(&str, Unit)]) -> Self {
        let ix = |code: &str| rules.prize_by_code(code).unwrap_or_else(|| panic!("no prize {code}"));
        Shelves(named.iter().map(|(code, unit)| (ix(code), *unit)).collect())
    }
}

impl Shelf for Shelves {
    fn unit(&self, prize: PrizeIx) -> Unit {
        self.0.get(&prize).copied().unwrap_or(Unit::Free)
    }

    fn unit_within(&self, prize: PrizeIx, _: u64) -> Unit {
        self.unit(prize)
    }
}

/// The slots of `spring` by prize codes: four small, two big, three points.
pub fn strategy(rules: &Rules, codes: &str) -> Strategy {
    let tiers = rules.tiers.iter().zip(0u8..).flat_map(|(tier, ix)| std::iter::repeat_n(ix, usize::from(tier.slots)));
    let prize = |code: &str| rules.prize_by_code(code).unwrap_or_else(|| panic!("no prize {code}"));
    let slots = codes.split(' ').zip(tiers).map(|(code, tier)| SlotAssign { tier, prize: prize(code) });
    let strategy = Strategy { source: Source::Personal, slots: slots.collect(), generation: 1 };
    assert!(strategy.fits(rules), "{codes}");
    strategy
}

pub const SHOWN: &str = "cup mug pen bag kettle lamp pts few pts";

pub fn campaign_seed(byte: u8) -> CampaignSeed {
    CampaignSeed::new([byte; 32])
}

/// A seed whose roll at draw `n` hits `slot` while everything is to be had.
pub fn seed_for(rules: &Rules, strategy: &Strategy, n: u32, slot: u8) -> DrawSeed {
    let seeds = (0..20_000).map(|i| campaign_seed(1).draw_seed(CAMPAIGN, ShopperId(i), n));
    let hits =
        |seed: &DrawSeed| match decide(rules, strategy, &snapshot(n - 1), &mut seed.roll(""), &Shelves::default()) {
            Decision::Drawn(outcome) => outcome.hit_slot == slot,
            other => panic!("{other:?}"),
        };
    seeds.into_iter().find(hits).unwrap_or_else(|| panic!("no seed in 20,000 hits slot {slot}"))
}

/// `prize[:points]/tier/slot path`, or the refusal's code, or what is needed.
pub fn describe(rules: &Rules, decision: &Decision) -> String {
    match decision {
        Decision::Refused(refusal) => refusal.code().to_owned(),
        Decision::Needs(prize) => format!("needs {}", rules.prize(*prize).code),
        Decision::Drawn(outcome) => describe_outcome(rules, outcome),
    }
}

fn describe_outcome(rules: &Rules, outcome: &Outcome) -> String {
    let prize = outcome.prize.map_or("thanks", |prize| &rules.prize(prize).code);
    let tier = outcome.tier.map_or("-", |tier| &rules.tiers[usize::from(tier)].code);
    let slot = outcome.slot.map_or("-".to_owned(), |slot| slot.to_string());
    let mut path = Vec::new();
    outcome.path.write_json(&mut path);
    let path = String::from_utf8(path).unwrap();
    let usual = "blacklist window limits pool draw ";
    format!("{prize}/{tier}/{slot} {}", path.trim_matches('"').replace(usual, ""))
}
