//! `substitute`: gives the prize that the one hit names as its substitute, where the one hit is not to be had.
//!
//! Example: the red cup says `substitute: "blue-cup"`; the last red one is gone and a blue one is given. A locked slot
//! has no substitute. Where the substitute is gone too, its own substitute is tried, four of them at most.

use super::{About, Stage};
use crate::draw::{Run, Shelf, Step, Stop};

pub const ABOUT: About = About {
    name: "substitute",
    does: "gives the substitute of a prize that is not to be had",
    takes: "",
    stage: Stage::After,
};

/// Substitutes of substitutes that are tried.
const CHAIN: usize = 4;

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    let step = find(run)?;
    run.path.push(step);
    Ok(())
}

fn find<S: Shelf>(run: &mut Run<'_, S>) -> Result<Step, Stop> {
    if !run.sold_out() || run.locked {
        return Ok(Step::SubstituteIdle);
    }
    let mut next = run.hit_prize;
    for _ in 0..CHAIN {
        next = next.and_then(|prize| run.rules.prize(prize).substitute);
        let Some(prize) = next else { break };
        if run.available(prize)? {
            run.give(prize, Some(run.hit_tier));
            return Ok(Step::Substitute);
        }
    }
    Ok(Step::SubstituteNone)
}
