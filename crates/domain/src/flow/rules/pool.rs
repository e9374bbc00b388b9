//! `pool`: picks the pool that this draw rolls in, the first whose condition is true.
//!
//! Example: pools `all` when `n >= 20` and then `start`: the 19th draw rolls in `start`, the 20th in `all`. Where no
//! condition is true and no pool is without one, the draw is refused as not qualified.

use super::{About, Stage};
use crate::draw::{Refusal, Run, Shelf, Step, Stop, Unmet};

pub const ABOUT: About =
    About { name: "pool", does: "picks the first pool whose condition is true", takes: "", stage: Stage::Before };

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    let pool = run.rules.pool_for(run.snapshot).ok_or(Stop::Refuse(Refusal::NotQualified(Unmet::Pool)))?;
    (run.chosen, run.pool) = (pool as u8, pool as u8);
    run.path.push(Step::Pool);
    Ok(())
}
