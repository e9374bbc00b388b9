//! The odds that draws roll by: every pool as written, under every spend threshold, and every guaranteed tier alone.
//!
//! All of them stand in one list, so that whatever a draw rolls by is one place in it: what was promised can be counted,
//! shown and verified without knowing why it was chosen.

use super::definition::PoolDef;
use super::{Definition, Tier, TierIx};
use crate::fairness;
use crate::flow::pool_condition::Condition;
use std::cmp::Reverse;

/// Why these odds are rolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddsOf {
    /// A pool as written.
    Pool,
    /// That written pool under a spend threshold, from 1.
    Spend { pool: u8, step: u8 },
    /// One tier alone.
    Guarantee(TierIx),
}

/// One pool: what one draw picks from.
#[derive(Debug, Clone)]
pub struct Pool {
    pub code: Box<str>,
    pub of: OddsOf,
    /// `None` is always true. Only pools as written have one.
    pub when: Option<Condition>,
    /// Its tiers with the running sum of weights; the last sum is `weight_sum`. A tier of weight 0 is never hit.
    pub tiers: Box<[(TierIx, u32)]>,
    /// Above 0.
    pub weight_sum: u32,
    /// Probability of every slot of the campaign under this pool, decimal text rounded to 6 decimals.
    pub probabilities: Box<[Box<str>]>,
    /// `"pool":"...","tiers":[...]` of a receipt, written once.
    pub(crate) receipt: Box<str>,
}

impl Pool {
    /// Its tiers with their own weights.
    pub fn weights(&self) -> impl Iterator<Item = (TierIx, u32)> {
        weights(&self.tiers)
    }
}

fn weights(tiers: &[(TierIx, u32)]) -> impl Iterator<Item = (TierIx, u32)> {
    let mut before = 0;
    tiers.iter().map(move |(tier, sum)| (*tier, sum - std::mem::replace(&mut before, *sum)))
}

/// The exact probability of one slot: `weight / (weight_sum * slots)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Odds {
    /// The tier's weight, 0 where the pool leaves the tier out.
    pub weight: u32,
    /// Sum of the pool's weights, above 0.
    pub weight_sum: u32,
    /// Slots of the tier, above 0.
    pub slots: u32,
}

impl Odds {
    /// The probability as decimal text, rounded to 6 decimals, half up.
    pub fn decimal(&self) -> String {
        let below = u128::from(self.weight_sum) * u128::from(self.slots);
        let micro = (u128::from(self.weight) * 2_000_000 + below) / (2 * below);
        format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
    }
}

/// A tier that comes after so many draws without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarantee {
    pub tier: TierIx,
    /// Draws without a prize of it; the next one is of it.
    pub after: u32,
    /// Its odds, a place in `Rules::pools`.
    pub odds: u8,
}

/// All odds of a campaign.
pub(super) struct Compiled {
    pub pools: Vec<Pool>,
    pub written: usize,
    pub guarantees: Box<[Guarantee]>,
}

/// The code of a guaranteed tier's odds.
pub(crate) fn guarantee_code(tier: &str) -> String {
    format!("guarantee-{tier}")
}

/// Works out all odds of a checked definition.
/// The pool of all tiers that a definition without pools means.
pub(super) fn default_pool(definition: &Definition) -> PoolDef {
    PoolDef {
        code: "all".to_owned(),
        when: None,
        tiers: definition.tiers.iter().map(|tier| tier.code.clone()).collect(),
    }
}

pub(super) fn compile(definition: &Definition, tiers: &[Tier]) -> Compiled {
    let usual: Vec<u32> = tiers.iter().map(|tier| tier.weight).collect();
    let all = default_pool(definition);
    let written = if definition.pools.is_empty() { std::slice::from_ref(&all) } else { &definition.pools[..] };
    let mut pools: Vec<Pool> = written.iter().map(|from| pool(from, OddsOf::Pool, &usual, tiers)).collect();
    for (table, step) in definition.spend_weights.iter().zip(1u8..) {
        // The check bounds weights to 10^9 and their sum to 32 bits.
        let weight = |tier: &Tier| table.weights.get(&*tier.code).map_or(tier.weight, |weight| *weight as u32);
        let weights: Vec<u32> = tiers.iter().map(weight).collect();
        pools.extend(
            written
                .iter()
                .zip(0u8..)
                .map(|(from, ix)| Pool { when: None, ..pool(from, OddsOf::Spend { pool: ix, step }, &weights, tiers) }),
        );
    }
    let mut promised: Vec<(TierIx, u32)> = definition
        .tiers
        .iter()
        .zip(0u8..)
        .filter_map(|(tier, ix)| tier.guarantee_after.map(|after| (ix, after)))
        .collect();
    promised.sort_by_key(|(ix, _)| Reverse(tiers[usize::from(*ix)].value_cents));
    let mut guarantees = Vec::with_capacity(promised.len());
    for (tier, after) in promised {
        guarantees.push(Guarantee { tier, after, odds: pools.len() as u8 });
        let code = &tiers[usize::from(tier)].code;
        let alone = PoolDef { code: guarantee_code(code), when: None, tiers: vec![code.to_string()] };
        let ones = vec![1; tiers.len()];
        pools.push(pool(&alone, OddsOf::Guarantee(tier), &ones, tiers));
    }
    Compiled { pools, written: written.len(), guarantees: guarantees.into() }
}

fn pool(from: &PoolDef, of: OddsOf, weights: &[u32], all: &[Tier]) -> Pool {
    let by_code = |code: &String| all.iter().position(|tier| *tier.code == **code);
    let when = from.when.as_deref().map(Condition::parse).transpose();
    let mut sum = 0;
    let running = from.tiers.iter().filter_map(by_code).map(|ix| {
        sum += weights[ix];
        (ix as TierIx, sum)
    });
    let tiers: Box<[(TierIx, u32)]> = running.collect();
    let probabilities = of_slots(&tiers, all).iter().map(|odds| odds.decimal().into()).collect();
    let receipt = fairness::pool_part(&from.code, self::weights(&tiers), all);
    Pool {
        code: from.code.as_str().into(),
        of,
        when: when.expect("invariant: the check read this condition"),
        weight_sum: sum,
        probabilities,
        receipt,
        tiers,
    }
}

/// The odds of every slot of the campaign, in slot order.
pub(super) fn of_slots(members: &[(TierIx, u32)], all: &[Tier]) -> Vec<Odds> {
    let weight_sum = members.last().map_or(0, |(_, sum)| *sum);
    let of_tier = |(tier, ix): (&Tier, u8)| {
        let weight = weights(members).find(|(member, _)| *member == ix).map_or(0, |(_, weight)| weight);
        let odds = Odds { weight, weight_sum, slots: u32::from(tier.slots) };
        std::iter::repeat_n(odds, usize::from(tier.slots))
    };
    all.iter().zip(0u8..).flat_map(of_tier).collect()
}
