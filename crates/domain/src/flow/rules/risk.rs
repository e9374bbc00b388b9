//! `risk`: what the shop holds against a shopper, and how fast a device or an address draws.
//!
//! Example: the shop gave a score of 95, and `refuse_from` is 90: refused, with the reason `score`, which the shopper
//! can bring before the shop. From `points_only_from` on only points can be won; from `hold_from` on the award waits
//! until a person has looked at it. The flags `refuse`, `points_only` and `hold` do the same whatever the score, further
//! words are given a meaning by `flags`. Velocity counts draws of the last hour from one device or address, of all
//! shoppers together; `over` says what is done above it.

use super::{About, Stage};
use crate::draw::{Refusal, Run, Shelf, Snapshot, Step, Stop, Suspicion};
use serde::Deserialize;
use std::collections::BTreeMap;

pub const ABOUT: About = About {
    name: "risk",
    does: "refuses, limits to points or holds for review by score, flags and velocity",
    takes: r#"{"refuse_from": 90, "points_only_from": 70, "hold_from": 50, "flags": {"bot": "refuse"}, "device_per_hour": 60, "address_per_hour": 600, "over": "refuse"}"#,
    stage: Stage::Before,
};

/// What is done about a shopper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    Hold,
    PointsOnly,
    Refuse,
}

impl Measure {
    fn named(word: &str) -> Option<Measure> {
        match word {
            "hold" => Some(Measure::Hold),
            "points_only" => Some(Measure::PointsOnly),
            "refuse" => Some(Measure::Refuse),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    refuse_from: Option<u32>,
    points_only_from: Option<u32>,
    hold_from: Option<u32>,
    flags: BTreeMap<Box<str>, Measure>,
    device_per_hour: Option<u32>,
    address_per_hour: Option<u32>,
    over: Measure,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            refuse_from: Some(90),
            points_only_from: Some(70),
            hold_from: None,
            flags: BTreeMap::new(),
            device_per_hour: None,
            address_per_hour: None,
            over: Measure::Refuse,
        }
    }
}

impl Settings {
    pub(super) fn needs_velocity(&self) -> bool {
        self.device_per_hour.is_some() || self.address_per_hour.is_some()
    }

    /// Whether nothing is taken under these settings that was not taken under `was`, whatever speaks for it.
    pub(crate) fn at_most_as_strict_as(&self, was: &Settings) -> bool {
        let later = |was: Option<u32>, is: Option<u32>| is.is_none_or(|is| was.is_some_and(|was| is >= was));
        let of = |it: &Settings, flag: &str| it.flags.get(flag).copied().or_else(|| Measure::named(flag));
        later(was.refuse_from, self.refuse_from)
            && later(was.points_only_from, self.points_only_from)
            && later(was.hold_from, self.hold_from)
            && later(was.device_per_hour, self.device_per_hour)
            && later(was.address_per_hour, self.address_per_hour)
            && (self.over <= was.over || !self.needs_velocity())
            && was.flags.keys().chain(self.flags.keys()).all(|flag| of(self, flag) <= of(was, flag))
    }

    /// The strictest measure that anything speaks for.
    fn measure(&self, snapshot: &Snapshot<'_>) -> Option<(Measure, Suspicion)> {
        let risk = snapshot.risk;
        let above = |from: Option<u32>, value: u32| from.is_some_and(|from| value >= from);
        let over = |most: Option<u32>, draws: u32| most.is_some_and(|most| draws >= most);
        let flagged = |flag: &str| self.flags.get(flag).copied().or_else(|| Measure::named(flag));
        let candidates = [
            above(self.refuse_from, risk.score).then_some((Measure::Refuse, Suspicion::Score)),
            above(self.points_only_from, risk.score).then_some((Measure::PointsOnly, Suspicion::Score)),
            above(self.hold_from, risk.score).then_some((Measure::Hold, Suspicion::Score)),
            snapshot.flags.iter().filter_map(|flag| flagged(flag)).max().map(|measure| (measure, Suspicion::Flag)),
            over(self.device_per_hour, risk.device_draws).then_some((self.over, Suspicion::Device)),
            over(self.address_per_hour, risk.address_draws).then_some((self.over, Suspicion::Address)),
        ];
        candidates.into_iter().flatten().reduce(|best, next| if next.0 > best.0 { next } else { best })
    }
}

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>, settings: &Settings) -> Result<(), Stop> {
    match settings.measure(run.snapshot) {
        None => run.path.push(Step::Risk),
        Some((Measure::Refuse, why)) => return Err(Stop::Refuse(Refusal::Suspected(why))),
        Some((Measure::PointsOnly, _)) => {
            run.points_only = true;
            run.path.push(Step::RiskPointsOnly);
        }
        Some((Measure::Hold, _)) => {
            run.held = true;
            run.path.push(Step::RiskHold);
        }
    }
    Ok(())
}
