//! `pool`: picks the pool that this draw rolls in, the first whose condition is true.
//!
//! Example: pools `all` when `n >= 20` and then `start`: the 19th draw rolls in `start`, the 20th in `all`. Where no
//! condition is true and no pool is without one, the draw is refused as not qualified.

use super::{About, Stage};
use crate::campaign::Rules;
use crate::draw::{Refusal, Run, Shelf, Snapshot, Step, Stop};

pub const ABOUT: About =
    About { name: "pool", does: "picks the first pool whose condition is true", stage: Stage::Before };

pub(super) fn refuses(rules: &Rules, snapshot: &Snapshot) -> Option<Refusal> {
    rules.pool_for(snapshot.n()).is_none().then_some(Refusal::NotQualified)
}

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    let pool = run.rules.pool_for(run.n).ok_or(Stop::Refuse(Refusal::NotQualified))?;
    run.pool = pool as u8;
    run.path.push(Step::Pool);
    Ok(())
}
