//! `unlock`: a slot of a tier that is still locked gives nothing of its tier.
//!
//! Example: `unlock_after` is 10; the 10th draw hits the tier and goes to the fallback, the 11th wins.

use super::{About, Stage};
use crate::draw::{Run, Shelf, Step, Stop};

pub const ABOUT: About =
    About { name: "unlock", does: "takes back what a locked slot would give", takes: "", stage: Stage::After };

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    run.locked = !run.rules.tiers[usize::from(run.hit_tier)].unlocked(run.n);
    if run.locked {
        run.take_back();
    }
    run.path.push(if run.locked { Step::Locked } else { Step::Unlock });
    Ok(())
}
