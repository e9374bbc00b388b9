//! `window`: draws are made from `starts_at` until just before `ends_at`.
//!
//! Example: `ends_at` is 12:00:00; a draw at 11:59:59.999 is made, one at 12:00:00 is refused as over.

use super::{About, Stage};
use crate::campaign::Rules;
use crate::draw::{Refusal, Run, Shelf, Snapshot, Step, Stop};

pub const ABOUT: About =
    About { name: "window", does: "refuses draws outside the campaign's window", stage: Stage::Before };

pub(super) fn refuses(rules: &Rules, snapshot: &Snapshot) -> Option<Refusal> {
    if snapshot.now_ms < rules.starts_at_ms {
        return Some(Refusal::NotStarted);
    }
    (snapshot.now_ms >= rules.ends_at_ms).then_some(Refusal::Over)
}

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    if let Some(refusal) = refuses(run.rules, run.snapshot) {
        return Err(Stop::Refuse(refusal));
    }
    run.path.push(Step::Window);
    Ok(())
}
