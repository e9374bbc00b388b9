//! `refuse`: refuses the draw as not qualified. It stands behind a condition.
//!
//! Example: `IF(AND(blacklisted, when("now.hour < 8")), refuse)`.

use super::{About, Stage};
use crate::draw::{Refusal, Stop, Unmet};

pub const ABOUT: About =
    About { name: "refuse", does: "refuses the draw as not qualified", takes: "", stage: Stage::Before };

pub(super) fn run() -> Result<(), Stop> {
    Err(Stop::Refuse(Refusal::NotQualified(Unmet::Flow)))
}
