//! `limits`: a shopper draws at most so often in all, and on one of the campaign's local days.
//!
//! Example: `per_day` is 10 and the shopper has drawn 10 times since midnight in the campaign's zone: refused till then.
//! The budget is no refusal: a prize that it no longer pays for counts as sold out.

use super::{About, Stage};
use crate::campaign::Rules;
use crate::draw::{Limit, Refusal, Run, Shelf, Snapshot, Step, Stop};

pub const ABOUT: About =
    About { name: "limits", does: "refuses draws above the limits per shopper and per day", stage: Stage::Before };

pub(super) fn refuses(rules: &Rules, snapshot: &Snapshot) -> Option<Refusal> {
    let reached = |limit: Option<u32>, count: u32| limit.is_some_and(|limit| count >= limit);
    if reached(rules.limits.per_shopper, snapshot.used) {
        return Some(Refusal::LimitReached { which: Limit::PerShopper });
    }
    reached(rules.limits.per_day, snapshot.draws_today).then_some(Refusal::LimitReached { which: Limit::PerDay })
}

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    if let Some(refusal) = refuses(run.rules, run.snapshot) {
        return Err(Stop::Refuse(refusal));
    }
    run.path.push(Step::Limits);
    Ok(())
}
