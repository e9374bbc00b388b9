//! The odds used are the odds published.

use crate::fixture::{CAMPAIGN, Shelves, campaign_seed, rules, snapshot, spring};
use domain::campaign::Rules;
use domain::draw::{Decision, decide};
use domain::ids::ShopperId;

/// Chi-square at p = 0.001 for 8 degrees of freedom (nine slots).
const CRITICAL_8: f64 = 26.12;
const SEEDS: u8 = 5;
const DRAWS_PER_SEED: u64 = 200_000;

#[test]
fn odds() {
    let rules = rules(spring());
    let odds = rules.odds(0);
    for seed in 0..SEEDS {
        let hits = hits(&rules, seed);
        let expected = odds
            .iter()
            .map(|o| DRAWS_PER_SEED as f64 * f64::from(o.weight) / f64::from(o.weight_sum) / f64::from(o.slots));
        let chi: f64 = expected.zip(hits).map(|(want, got)| (got as f64 - want).powi(2) / want).sum();
        assert!(chi < CRITICAL_8, "seed {seed}: chi-square {chi:.1} over slots {hits:?}");
    }
}

/// Draws of many shoppers, each with a strategy of their own, in the pool of all tiers.
fn hits(rules: &Rules, seed: u8) -> [u64; 9] {
    let (seed, shelf) = (campaign_seed(seed), Shelves::default());
    let mut hits = [0; 9];
    for shopper in 0..DRAWS_PER_SEED / 20 {
        let strategy = rules.random_strategy(ShopperId(shopper));
        for used in 4..24 {
            let draw_seed = seed.draw_seed(CAMPAIGN, ShopperId(shopper), used + 1);
            match decide(rules, &strategy, &snapshot(used), &mut draw_seed.roll("koi"), &shelf) {
                Decision::Drawn(outcome) => hits[usize::from(outcome.hit_slot)] += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    hits
}

#[test]
fn published_probabilities_are_exact_and_add_up() {
    let rules = rules(spring());
    let small = "0.164835";
    let want = [small, small, small, small, "0.005495", "0.005495", "0.109890", "0.109890", "0.109890"];
    assert_eq!(rules.pools[0].probabilities.iter().map(|p| &**p).collect::<Vec<_>>(), want);
    assert_eq!(&*rules.pools[1].probabilities[4], "0.000000", "a tier outside the pool is never hit");
    for pool in &rules.pools {
        let sum: f64 = pool.probabilities.iter().map(|p| p.parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    }
}
