//! `draw`: the roll. A tier by weight within the pool, then one of the tier's slots uniformly.
//!
//! Example: weights 6000, 100 and 3000, so a roll below 9100; 6050 falls on the second tier. A locked or sold-out tier
//! keeps its weight: published odds are the odds used. A shopper without chances is refused here, before the roll.

use super::{About, Stage};
use crate::draw::{Refusal, Run, Shelf, Step, Stop};

pub const ABOUT: About =
    About { name: "draw", does: "rolls a tier by weight, then one of its slots", takes: "", stage: Stage::Draw };

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    if run.snapshot.left == 0 {
        return Err(Stop::Refuse(Refusal::NoChances));
    }
    let Some(roll) = run.roll.as_deref_mut() else { return Err(Stop::Rolls) };
    let pool = &run.rules.pools[usize::from(run.pool)];
    let rolled = roll.below(pool.weight_sum);
    let &(tier, _) = pool.tiers.iter().find(|(_, sum)| rolled < *sum).expect("invariant: the last sum is weight_sum");
    let shape = &run.rules.tiers[usize::from(tier)];
    run.hit_tier = tier;
    run.hit_slot = shape.first_slot + roll.below(u32::from(shape.slots)) as u8;
    run.prize = Some(run.strategy.slots[usize::from(run.hit_slot)].prize);
    run.hit_prize = run.prize;
    run.tier = Some(tier);
    run.path.push(Step::Draw);
    Ok(())
}
