//! `fallback`: finds another prize where the one hit is not to be had: within the tier, then in lower tiers, then
//! points, then thanks.
//!
//! Example: the cup is sold out; the shopper's other slots of the tier come first, then the tier's further prizes, then
//! the next lower tier likewise. A locked tier gives nothing, and a prize of kind `none` is no consolation: points are.

use super::{About, Stage};
use crate::campaign::{PrizeKind, TierIx};
use crate::draw::{Run, Shelf, Step, Stop};

pub const ABOUT: About = About {
    name: "fallback",
    does: "finds another prize: of the tier, of lower tiers, points, thanks",
    takes: "",
    stage: Stage::After,
};

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    let step = find(run)?;
    run.path.push(step);
    Ok(())
}

fn find<S: Shelf>(run: &mut Run<'_, S>) -> Result<Step, Stop> {
    if !run.sold_out() {
        return Ok(Step::FallbackIdle);
    }
    if !run.points_only {
        if from_tier(run, run.hit_tier)? {
            return Ok(Step::FallbackTier);
        }
        let rules = run.rules;
        for tier in &rules.tiers[usize::from(run.hit_tier)].lower {
            if from_tier(run, *tier)? {
                return Ok(Step::FallbackLower);
            }
        }
    }
    match run.some_points()? {
        Some(prize) => {
            run.give(prize, None);
            Ok(Step::FallbackPoints)
        }
        None => Ok(Step::FallbackThanks),
    }
}

/// Gives the first prize of `tier` to be had: those the shopper sees, then the others.
fn from_tier<S: Shelf>(run: &mut Run<'_, S>, tier: TierIx) -> Result<bool, Stop> {
    let (rules, strategy) = (run.rules, run.strategy);
    let shape = &rules.tiers[usize::from(tier)];
    if !shape.unlocked(run.n) {
        return Ok(false);
    }
    let shown = strategy.slots[shape.slot_range()].iter().map(|slot| slot.prize);
    for prize in shown.chain(shape.candidates.iter().copied()) {
        if rules.prize(prize).kind != PrizeKind::None && run.available(prize)? {
            run.give(prize, Some(tier));
            return Ok(true);
        }
    }
    Ok(false)
}
