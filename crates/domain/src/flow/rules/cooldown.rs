//! `cooldown`: between two draws of one shopper some time must pass.
//!
//! Example: `cooldown.data('{"seconds": 60}')`: a second draw 59 s after the first is refused. Several draws of one
//! command come at the same moment, so a cooldown refuses them as a whole. Without data `limits.cooldown_seconds` counts.

use super::{About, Stage};
use crate::draw::{Limit, Refusal, Run, Shelf, Step, Stop};
use serde::Deserialize;

pub const ABOUT: About = About {
    name: "cooldown",
    does: "refuses a draw too soon after the one before",
    takes: r#"{"seconds": 60}"#,
    stage: Stage::Before,
};

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default)]
    pub seconds: u32,
}

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>, settings: &Settings) -> Result<(), Stop> {
    let seconds = settings.seconds.max(run.rules.limits.cooldown_seconds.unwrap_or(0));
    let wait_ms = i64::from(seconds) * 1_000;
    // Without a wait nothing is asked: a draw's time may lie a moment ahead of the clock.
    if wait_ms > 0
        && let Some(last) = run.snapshot.last_draw_ms
        && run.snapshot.now_ms < last.saturating_add(wait_ms)
    {
        let left_ms = last.saturating_add(wait_ms).saturating_sub(run.snapshot.now_ms);
        let left_s = u32::try_from(left_ms.unsigned_abs().div_ceil(1_000)).unwrap_or(u32::MAX);
        return Err(Stop::Refuse(Refusal::LimitReached { which: Limit::Cooldown { left_s } }));
    }
    run.path.push(Step::Cooldown);
    Ok(())
}
