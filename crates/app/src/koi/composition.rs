//! What a campaign's strategies keep to besides what shoppers want: prizes that last until the end, costs within the
//! budget, a share of slots for the long tail; and which shoppers they are measured against.

use super::Koi;
use crate::error::Result;
use crate::runtime::{Counters, Runtime};
use domain::campaign::{Composition, PrizeIx, Rules};
use domain::ids::ShopperId;
use recommend::supply::{Arm, Arms, Policy, Supply};
use recommend::worth::{Outcome, Worth, worth};

/// Draws from which on the share of rolls says more of a tier than its weight in one pool.
const MET_DRAWS: u64 = 100;
/// How long a campaign must have run before its pace says how many draws are to come.
const PACE_MS: i64 = 3_600_000;
/// Shoppers whose outcomes are compared, the first ones by id: arms are dealt by a hash, so that these stand for all.
const OUTCOMES: u32 = 20_000;

/// A shopper's arm in a campaign.
pub(super) fn arm_of(rules: &Rules, shopper: ShopperId) -> Arm {
    let Composition { random_percent, popular_percent, .. } = rules.composition;
    if !rules.composition.has_arms() {
        return Arm::Personal;
    }
    let arms = Arms { random: f64::from(random_percent) / 100.0, popular: f64::from(popular_percent) / 100.0 };
    arms.of(shopper.0, rules.campaign.0)
}

/// Draws that are still to come: what the operator expects, else by the pace so far; nothing where neither tells.
fn to_come(rules: &Rules, counters: &Counters, now_ms: i64) -> Option<f64> {
    if let Some(expected) = rules.expected_draws {
        return Some(expected.saturating_sub(counters.draws) as f64);
    }
    let run_ms = now_ms.saturating_sub(rules.starts_at_ms);
    let left_ms = rules.ends_at_ms.saturating_sub(now_ms).max(0);
    (run_ms >= PACE_MS && counters.draws > 0).then(|| counters.draws as f64 / run_ms as f64 * left_ms as f64)
}

/// The share of draws that roll each tier.
fn tier_shares(rules: &Rules, counters: &Counters) -> Vec<f64> {
    if counters.draws >= MET_DRAWS {
        let hits = |tier: usize| counters.tiers.get(tier).copied().unwrap_or(0) as f64;
        return (0..rules.tiers.len()).map(|tier| hits(tier) / counters.draws as f64).collect();
    }
    // The last pool that is written is the one without a condition.
    let mut shares = vec![0.0; rules.tiers.len()];
    let Some(pool) = rules.written_pools.checked_sub(1) else { return shares };
    for (slot, odds) in rules.odds(pool).iter().enumerate() {
        let Some(tier) = rules.tiers.iter().position(|tier| tier.slot_range().contains(&slot)) else { continue };
        shares[tier] += f64::from(odds.weight) / f64::from(odds.weight_sum.max(1)) / f64::from(odds.slots.max(1));
    }
    shares
}

/// What composing keeps to by now.
pub(super) fn policy(rules: &Rules, counters: &Counters, now_ms: i64) -> Policy {
    let shares = tier_shares(rules, counters);
    let draws = to_come(rules, counters, now_ms);
    let supply = rules.prizes.iter().enumerate().map(|(place, prize)| {
        let of_tier = |(tier, share): (&domain::campaign::Tier, &f64)| {
            let is_here = tier.candidates.contains(&PrizeIx(place as u16));
            if is_here && tier.slots > 0 { share / f64::from(tier.slots) } else { 0.0 }
        };
        let per_draw: f64 = rules.tiers.iter().zip(&shares).map(of_tier).sum();
        Supply {
            left: prize.stock.map(|stock| stock.saturating_sub(counters.won(place))),
            wanted: draws.map_or(0.0, |draws| draws * per_draw),
            cost_cents: prize.cost_cents,
        }
    });
    let explore_share = f64::from(rules.composition.explore_percent) / 100.0;
    Policy { supply: supply.collect(), mean_cost_cents: mean_costs(rules, counters, &shares, draws), explore_share }
}

/// What each tier's slots may cost on average so that what is left of the budget lasts: all tiers are cut by the same
/// part of what they would cost with any of their prizes. Nothing is cut where that is affordable.
fn mean_costs(rules: &Rules, counters: &Counters, shares: &[f64], draws: Option<f64>) -> Vec<Option<i64>> {
    let (Some(budget), Some(draws)) = (rules.limits.budget_cents, draws.filter(|draws| *draws > 0.0)) else {
        return Vec::new();
    };
    let affordable = budget.saturating_sub(counters.cost_cents).max(0) as f64 / draws;
    let usual: Vec<f64> = rules
        .tiers
        .iter()
        .map(|tier| {
            let costs = tier.candidates.iter().map(|prize| rules.prizes[usize::from(prize.0)].cost_cents as f64);
            costs.sum::<f64>() / tier.candidates.len().max(1) as f64
        })
        .collect();
    let expected: f64 = usual.iter().zip(shares).map(|(cost, share)| cost * share).sum();
    if expected <= affordable {
        return Vec::new();
    }
    usual.into_iter().map(|cost| Some((cost * affordable / expected) as i64)).collect()
}

impl Koi {
    /// What composing for a campaign keeps to by now.
    pub(super) async fn supply_policy(&self, runtime: &Runtime) -> Result<Policy> {
        Ok(policy(&runtime.rules, &self.counters_of(runtime.id).await?, self.now_ms()))
    }

    /// What personalisation was worth so far; nothing where a campaign has no arms.
    pub(super) async fn worth(&self, runtime: &Runtime) -> Result<Option<Worth>> {
        if !runtime.rules.composition.has_arms() {
            return Ok(None);
        }
        let all = self.parts().shelves.outcomes(runtime.id, OUTCOMES).await?;
        let outcome = |row: crate::ports::OutcomeRow| Outcome {
            arm: arm_of(&runtime.rules, row.shopper),
            bought: row.bought,
            spend_cents: row.spend_cents,
        };
        Ok(Some(worth(all.into_iter().map(outcome))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::campaign::Definition;
    use domain::ids::CampaignId;
    use serde_json::json;

    /// A tier of two slots with three prizes in six of ten draws, a dear one in the others.
    fn rules(more: &serde_json::Value) -> Rules {
        let mut body = json!({
            "name": "n", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-11T00:00:00Z",
            "prizes": [
                {"code": "a", "name": "A", "kind": "goods", "value_cents": 100, "cost_cents": 100, "stock": 30},
                {"code": "b", "name": "B", "kind": "goods", "value_cents": 100, "cost_cents": 50},
                {"code": "c", "name": "C", "kind": "goods", "value_cents": 100, "cost_cents": 0},
                {"code": "d", "name": "D", "kind": "goods", "value_cents": 900, "cost_cents": 1_000, "stock": 1_000}
            ],
            "tiers": [
                {"code": "small", "slots": 2, "weight": 6, "value_cents": {"min": 0, "max": 500}},
                {"code": "big", "slots": 1, "weight": 4, "value_cents": {"min": 500, "max": 5_000}}
            ]
        });
        for (name, value) in more.as_object().expect("members") {
            body[name] = value.clone();
        }
        let definition: Definition = serde_json::from_value(body).expect("a definition");
        Rules::compile(CampaignId(7), 1, &definition).expect("it compiles")
    }

    const START_MS: i64 = 1_767_225_600_000;

    #[test]
    fn stock_is_forecast_by_what_is_expected_or_by_the_pace() {
        let none = Counters::default();
        for (more, counters, now_ms, want) in [
            (json!({"expected_draws": 1_000}), none.clone(), START_MS, [300.0, 300.0, 300.0, 400.0]),
            (json!({"expected_draws": 1_000}), Counters { draws: 1_000, ..none.clone() }, START_MS, [0.0; 4]),
            (json!({}), none.clone(), START_MS + PACE_MS, [0.0; 4]),
            (json!({}), Counters { draws: 50, ..none.clone() }, START_MS + 1_000, [0.0; 4]),
            // Fifty in the first of ten days: 450 more.
            (json!({}), Counters { draws: 50, ..none.clone() }, START_MS + 86_400_000, [135.0, 135.0, 135.0, 180.0]),
            (
                json!({"expected_draws": 1_200}),
                Counters { draws: 200, tiers: vec![100, 100], ..none.clone() },
                START_MS,
                [250.0, 250.0, 250.0, 500.0],
            ),
        ] {
            let got = policy(&rules(&more), &counters, now_ms);
            let wanted: Vec<f64> = got.supply.iter().map(|supply| supply.wanted.round()).collect();
            assert_eq!(wanted, want, "{more} {counters:?}");
        }
        let got = policy(&rules(&json!({"expected_draws": 1_000})), &Counters { won: vec![10], ..none }, START_MS);
        assert_eq!((got.supply[0].left, got.supply[1].left), (Some(20), None));
    }

    #[test]
    fn costs_are_cut_to_the_budget() {
        let costs = |budget: i64, spent: i64| {
            let rules = rules(&json!({"expected_draws": 1_000, "limits": {"budget_cents": budget}}));
            policy(&rules, &Counters { cost_cents: spent, ..Counters::default() }, START_MS).mean_cost_cents
        };
        // A draw costs 0.6 * 50 + 0.4 * 1000 = 430 with any of the prizes.
        assert!(costs(430_000, 0).is_empty(), "all are affordable");
        assert_eq!(costs(215_000, 0), [Some(25), Some(500)]);
        assert_eq!(costs(430_000, 215_000), [Some(25), Some(500)]);
        assert_eq!(costs(100, 200), [Some(0), Some(0)], "nothing is left");
        let without = rules(&json!({"limits": {"budget_cents": 1}}));
        let without = policy(&without, &Counters::default(), START_MS);
        assert!(without.mean_cost_cents.is_empty(), "nobody knows how many come");
    }

    #[test]
    fn arms_are_dealt_as_asked() {
        let rules = rules(&json!({"composition": {"random_percent": 20, "popular_percent": 10, "explore_percent": 5}}));
        let count = |arm| (0..10_000).filter(|n| arm_of(&rules, ShopperId(*n)) == arm).count();
        let (random, popular) = (count(Arm::Random), count(Arm::Popular));
        assert!(random.abs_diff(2_000) < 200 && popular.abs_diff(1_000) < 150, "{random} {popular}");
        assert_eq!(policy(&rules, &Counters::default(), START_MS).explore_share, 0.05);
        let usual = self::rules(&json!({}));
        assert!((0..100).all(|n| arm_of(&usual, ShopperId(n)) == Arm::Personal));
    }
}
