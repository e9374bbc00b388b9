//! `weight`: who bought for more inside the campaign's window draws by better odds, the same for all who did.
//!
//! Example: `spend_weights` says that from 100.00 on the tier `big` has weight 200 instead of 100. A shopper who spent
//! 99.99 rolls by the usual odds, one who spent 100.00 by the others. The highest threshold reached counts. All tables
//! are published with the rules, and `me` shows the probabilities of the one that the next draw rolls by.

use super::{About, Stage};
use crate::draw::{Run, Shelf, Step, Stop};

pub const ABOUT: About = About {
    name: "weight",
    does: "rolls by the odds of the highest spend threshold reached",
    takes: "",
    stage: Stage::Odds,
};

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    run.by_spend = run.rules.spend_step(run.snapshot.spend_cents);
    run.pool = run.rules.odds_of(run.chosen, run.by_spend);
    run.path.push(if run.by_spend == 0 { Step::Weight } else { Step::WeightBy(run.by_spend) });
    Ok(())
}
