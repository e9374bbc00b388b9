//! `when("…")`: refuses the draw as not qualified where an expression is not true.
//!
//! Example: `THEN(when("profile.orders >= 2"), pool, draw)`: only who bought twice may draw. Inside `IF`, `NOT`, `AND`
//! and `OR` it is a condition and refuses nothing.

use super::{About, Stage};
use crate::draw::{Refusal, Run, Shelf, Step, Stop, Unmet};
use crate::flow::expression::Test;

pub const ABOUT: About = About {
    name: "when",
    does: "refuses the draw where an expression over shopper, profile, campaign and now is not true",
    takes: "",
    stage: Stage::Before,
};

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>, test: &Test) -> Result<(), Stop> {
    if !test.holds(run.snapshot) {
        return Err(Stop::Refuse(Refusal::NotQualified(Unmet::Flow)));
    }
    run.path.push(Step::When);
    Ok(())
}
