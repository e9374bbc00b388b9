//! `guarantee`: after so many draws without a prize of a tier, the next one is of that tier.
//!
//! Example: the tier `big` says `guarantee_after: 50`. A shopper who drew 50 times without a prize of it rolls `big`
//! alone at the 51st. The counter is shown to the shopper. It waits, and goes on counting, while the draw's pool leaves
//! the tier out, the tier is locked, only points can be won, or no prize of it is to be had. Where several are due, the
//! most valuable tier comes first.

use super::{About, Stage};
use crate::draw::{Run, Shelf, Step, Stop};

pub const ABOUT: About = About {
    name: "guarantee",
    does: "rolls the tier alone that the shopper went without for long enough",
    takes: "",
    stage: Stage::Odds,
};

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    let rules = run.rules;
    let mut step = Step::Guarantee;
    if !run.points_only {
        for promise in &rules.guarantees {
            let due = run.snapshot.dry.of(promise.tier) >= promise.after
                && rules.tiers[usize::from(promise.tier)].unlocked(run.n)
                && rules.pool_has(run.chosen, promise.tier);
            if due && run.any_of(promise.tier)? {
                run.pool = promise.odds;
                step = Step::GuaranteeDue;
                break;
            }
            if due {
                step = Step::GuaranteeSoldOut;
            }
        }
    }
    run.path.push(step);
    Ok(())
}
