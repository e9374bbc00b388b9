//! `blacklist`: a shopper on the blacklist is refused, or goes on and can win nothing but points.
//!
//! Example: mode `points_only`, the roll hits a cup: the prize is not to be had and the fallback finds points.

use super::{About, Stage};
use crate::draw::{BlacklistMode, Refusal, Run, Shelf, Step, Stop};

pub const ABOUT: About = About {
    name: "blacklist",
    does: "refuses blacklisted shoppers, or lets them win points only",
    takes: "",
    stage: Stage::Before,
};

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    match run.snapshot.blacklist {
        Some(BlacklistMode::Refuse) => return Err(Stop::Refuse(Refusal::Blocked)),
        Some(BlacklistMode::PointsOnly) => {
            run.points_only = true;
            run.path.push(Step::PointsOnly);
        }
        None => run.path.push(Step::Blacklist),
    }
    Ok(())
}
