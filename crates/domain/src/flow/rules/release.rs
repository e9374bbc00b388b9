//! `release`: takes back a prize of which all units released so far are gone.
//!
//! Example: the kettle says `release: [{"at": "2026-03-01T00:00:00Z", "units": 10}, {"at": "2026-03-08T00:00:00Z", "units":
//! 10}]`: before March 8th the eleventh is not to be had, from then on it is. The schedule is published with the rules.
//! What replaces a prize is held to its own schedule too, whether the flow names this rule or not.

use super::{About, Stage};
use crate::draw::{Run, Shelf, Step, Stop};

pub const ABOUT: About = About {
    name: "release",
    does: "takes back a prize whose released units are gone until more are released",
    takes: "",
    stage: Stage::After,
};

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    let mut step = Step::Release;
    if let Some(prize) = run.prize
        && run.rules.prize(prize).released(run.snapshot.now_ms).is_some()
        && !run.available(prize)?
    {
        run.take_back();
        step = Step::Unreleased;
    }
    run.path.push(step);
    Ok(())
}
