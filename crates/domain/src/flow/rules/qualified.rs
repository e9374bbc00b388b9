//! `qualified`: only shoppers who are what the campaign is for may draw.
//!
//! Example: `qualified.data('{"segments": ["vip"], "level": {"min": 3}, "registered_days": 30, "tags": ["app"]}')`: a
//! shopper of segment `vip`, of level 3 or more, registered for 30 days, with the tag `app`. What is left out does not
//! matter; without data everybody is qualified.

use super::{About, Stage};
use crate::campaign::Time;
use crate::draw::{Refusal, Run, Shelf, Step, Stop, Unmet};
use serde::Deserialize;

pub const ABOUT: About = About {
    name: "qualified",
    does: "refuses shoppers outside the segments, levels, tags and registration dates named",
    takes: r#"{"segments": ["vip"], "level": {"min": 1, "max": 9}, "registered_days": 30, "registered_after": "…", "registered_before": "…", "tags": ["any", "of"], "without_tags": ["none", "of"]}"#,
    stage: Stage::Before,
};

/// Both ends inclusive.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Levels {
    #[serde(default)]
    min: Option<i64>,
    #[serde(default)]
    max: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    segments: Vec<Box<str>>,
    level: Levels,
    /// Whole days since the registration, at least.
    registered_days: Option<u32>,
    registered_after: Option<Time>,
    registered_before: Option<Time>,
    /// Any of them.
    tags: Vec<Box<str>>,
    /// None of them.
    without_tags: Vec<Box<str>>,
}

impl Settings {
    pub(super) fn needs_person(&self) -> bool {
        let Settings { segments, level, tags, without_tags, .. } = self;
        !(segments.is_empty() && tags.is_empty() && without_tags.is_empty())
            || level.min.is_some()
            || level.max.is_some()
    }
}

/// Whole days from one moment to another, never below 0.
pub(crate) fn days_between(from_ms: i64, to_ms: i64) -> i64 {
    to_ms.saturating_sub(from_ms).max(0) / 86_400_000
}

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>, settings: &Settings) -> Result<(), Stop> {
    let (snapshot, person) = (run.snapshot, run.snapshot.person);
    let registered = snapshot.registered_at_ms;
    let within = |min: Option<i64>, max: Option<i64>, value: i64| {
        min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max)
    };
    let has = |tags: &[Box<str>]| tags.iter().any(|tag| person.tags.contains(tag));
    let days = settings.registered_days.map(i64::from);
    let fits = (settings.segments.is_empty() || settings.segments.iter().any(|s| **s == *person.segment))
        && within(settings.level.min, settings.level.max, person.level)
        && within(days, None, days_between(registered, snapshot.now_ms))
        && settings.registered_after.is_none_or(|after| registered >= after.as_ms())
        && settings.registered_before.is_none_or(|before| registered < before.as_ms())
        && (settings.tags.is_empty() || has(&settings.tags))
        && !has(&settings.without_tags);
    if !fits {
        return Err(Stop::Refuse(Refusal::NotQualified(Unmet::Shopper)));
    }
    run.path.push(Step::Qualified);
    Ok(())
}
