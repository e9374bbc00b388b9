//! Times one decided draw under the full default flow: the shopper's snapshot, both HMACs of the roll, and the rule path,
//! on one thread; and counts what it allocates.
//!
//! `cargo run --release -p domain --example bench_decide` prints one JSON object; `checksum` depends on every outcome, so
//! that nothing can be left out.

use std::hint::black_box;
use std::time::Instant;

use domain::campaign::{Definition, PrizeIx, Rules};
use domain::draw::{Decision, Dry, Shelf, Snapshot, Unit, admit, decide};
use domain::fairness::CampaignSeed;
use domain::flow::DEFAULT_FLOW;
use domain::ids::{CampaignId, ShopperId, mix};
use serde_json::{Value, json};

const SHOPPERS: u64 = 10_000;
const DRAWS_PER_ROUND: u64 = 1_000_000;
const ROUNDS: usize = 5;

/// Nine slots in four tiers, every rule of the default flow with something to look at.
fn definition() -> Value {
    let goods = |count: u32, code: &str, value_cents: u32, stock: u32| {
        let code = code.to_owned();
        (0..count).map(move |i| {
            json!({"code": format!("{code}{i}"), "name": format!("Prize {code}{i}"), "kind": "goods", "category": format!("c{i}"),
                   "value_cents": value_cents + 10 * i, "cost_cents": value_cents / 2, "stock": stock, "once": value_cents >= 100_000,
                   "release": [{"at": "2026-01-01T00:00:00Z", "units": stock}]})
        })
    };
    let points = json!({"code": "pts", "name": "Points", "kind": "points", "points": {"min": 1, "max": 100}});
    let prizes: Vec<Value> = goods(12, "small", 1_000, 1_000_000_000)
        .chain(goods(8, "mid", 10_000, 100_000_000))
        .chain(goods(4, "big", 100_000, 5))
        .chain([points])
        .collect();
    json!({
        "name": "Bench", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z", "prizes": prizes,
        "tiers": [
            {"code": "small", "slots": 4, "weight": 6_000, "value_cents": {"min": 0, "max": 5_000}},
            {"code": "mid", "slots": 3, "weight": 900, "value_cents": {"min": 5_000, "max": 20_000}},
            {"code": "big", "slots": 1, "weight": 100, "value_cents": {"min": 20_000, "max": 200_000}, "unlock_after": 10, "guarantee_after": 200},
            {"code": "points", "slots": 1, "weight": 3_000, "prizes": ["pts"]},
        ],
        "pools": [{"code": "all", "when": "n >= 20", "tiers": ["small", "mid", "big", "points"]},
                  {"code": "start", "tiers": ["small", "points"]}],
        "flow": DEFAULT_FLOW,
        "spend_weights": [{"from_cents": 50_000, "weights": {"mid": 1_800}}, {"from_cents": 500_000, "weights": {"mid": 3_600}}],
        "limits": {"per_shopper": 100_000, "per_day": 1_000, "per_week": 5_000, "per_campaign": 1_000_000_000_000_u64,
                   "global": 1_000_000, "cooldown_seconds": 2, "budget_cents": 900_000_000_000_000_i64},
    })
}

/// Big prizes are gone for every third shopper's turn, so that the fallback has work.
struct Shelves {
    turn: u64,
}

impl Shelf for Shelves {
    fn unit(&self, prize: PrizeIx) -> Unit {
        if prize.0 >= 20 || (self.turn + u64::from(prize.0)).is_multiple_of(16) { Unit::SoldOut } else { Unit::Free }
    }

    fn unit_within(&self, prize: PrizeIx, _: u64) -> Unit {
        self.unit(prize)
    }
}

fn snapshot(turn: u64, shopper: ShopperId, won: &[PrizeIx]) -> Snapshot<'_> {
    let mut dry = Dry::default();
    dry.set(2, turn % 210);
    Snapshot {
        shopper,
        used: (turn % 50) as u32,
        left: 5,
        draws_today: (turn % 7) as u32,
        draws_week: (turn % 40) as u32,
        campaign_draws: turn,
        last_draw_ms: Some(1_780_000_000_000 + turn as i64 - 60_000),
        spend_cents: (mix(turn) % 800_000) as i64,
        budget_left_cents: Some(800_000_000_000_000),
        dry,
        won,
        ..Snapshot::blank(1_780_000_000_000 + turn as i64)
    }
}

fn main() {
    let definition: Definition = serde_json::from_value(definition()).expect("a definition");
    let rules = Rules::compile(CampaignId(7), 1, &definition).expect("rules without errors");
    let seed = CampaignSeed::new([7; 32]);
    let shoppers: Vec<ShopperId> = (0..SHOPPERS).map(|i| ShopperId(1_000_000_000_000 + i * 65_536)).collect();
    let strategies: Vec<_> = shoppers.iter().map(|shopper| rules.random_strategy(*shopper)).collect();
    let won = [PrizeIx(3), PrizeIx(20), PrizeIx(22)];
    let round = || {
        let mut checksum = 0;
        for turn in 0..DRAWS_PER_ROUND {
            // Shoppers come in no order, as they do in a shop.
            let who = (mix(turn) % SHOPPERS) as usize;
            let snapshot = snapshot(turn, shoppers[who], &won);
            let admitted = admit(&rules, &strategies[who], black_box(&snapshot), 1);
            assert!(admitted.is_ok(), "nothing is refused here: {admitted:?}");
            let mut roll = seed.draw_seed(rules.campaign, shoppers[who], snapshot.n()).roll("");
            let decision = decide(&rules, &strategies[who], black_box(&snapshot), &mut roll, &Shelves { turn });
            let Decision::Drawn(outcome) = decision else { panic!("nothing is refused here: {decision:?}") };
            let prize = outcome.prize.map_or(u64::MAX, |prize| u64::from(prize.0));
            checksum = mix(checksum ^ prize ^ (u64::from(outcome.hit_slot) << 32) ^ (u64::from(outcome.points) << 40));
        }
        checksum
    };
    let (mut best_ns, mut checksum) = (f64::MAX, 0);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        checksum = round();
        best_ns = best_ns.min(started.elapsed().as_nanos() as f64 / DRAWS_PER_ROUND as f64);
    }
    let allocated = allocation_counter::measure(|| _ = black_box(round())).count_total;
    println!(
        "{}",
        json!({"ns_per_draw": best_ns.round(), "allocations_per_draw": allocated as f64 / DRAWS_PER_ROUND as f64,
               "draws": DRAWS_PER_ROUND, "rounds": ROUNDS, "shoppers": SHOPPERS,
               "slots": rules.slot_count(), "rules": rules.plan.rule_count(), "checksum": format!("{checksum:016x}")})
    );
}
