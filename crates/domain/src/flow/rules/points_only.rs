//! `points_only`: the draw goes on, and nothing but points can be won. It stands behind a condition.
//!
//! Example: `CATCH(cooldown.data('{"seconds": 60}')).DO(points_only)`: who draws too fast wins points at most.

use super::{About, Stage};
use crate::draw::{Run, Shelf, Step, Stop};

pub const ABOUT: About =
    About { name: "points_only", does: "lets this draw win points only", takes: "", stage: Stage::Before };

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    run.points_only = true;
    run.path.push(Step::OnlyPoints);
    Ok(())
}
