//! `blacklist`: a shopper on the blacklist is refused, or goes on and can win nothing but points.
//!
//! Example: mode `points_only`, the roll hits a cup: the prize is not to be had and the fallback finds points.

use super::{About, Stage};
use crate::draw::{BlacklistMode, Refusal, Run, Shelf, Snapshot, Step, Stop};

pub const ABOUT: About = About {
    name: "blacklist",
    does: "refuses blacklisted shoppers, or lets them win points only",
    stage: Stage::Before,
};

pub(super) fn refuses(snapshot: &Snapshot) -> Option<Refusal> {
    (snapshot.blacklist == Some(BlacklistMode::Refuse)).then_some(Refusal::Blocked)
}

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    if let Some(refusal) = refuses(run.snapshot) {
        return Err(Stop::Refuse(refusal));
    }
    run.points_only = run.snapshot.blacklist == Some(BlacklistMode::PointsOnly);
    run.path.push(if run.points_only { Step::PointsOnly } else { Step::Blacklist });
    Ok(())
}
