//! `limits`: how often may be drawn: by one shopper in all, a day and a week, by all shoppers of the campaign, by one
//! shopper over all campaigns; and whether only new shoppers may.
//!
//! Example: `per_day` is 10 and the shopper has drawn 10 times since midnight in the campaign's zone: refused till then.
//! Limits stand in the campaign (`limits`), in the rule (`limits.data('{"per_week": 20, "new_shoppers": true}')`), or
//! both; the tighter one counts. The budget is no refusal: a prize that it no longer pays for counts as sold out.

use super::{About, Stage};
use crate::campaign::{Limits, Rules};
use crate::draw::{Limit, Refusal, Run, Shelf, Snapshot, Step, Stop, Unmet};
use serde::Deserialize;

pub const ABOUT: About = About {
    name: "limits",
    does: "refuses draws above the limits per shopper, day, week, campaign and over all campaigns",
    takes: r#"{"per_shopper": 100, "per_day": 10, "per_week": 20, "per_campaign": 100000, "global": 500, "global_per_day": 20, "new_shoppers": true}"#,
    stage: Stage::Before,
};

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub per_shopper: Option<u32>,
    pub per_day: Option<u32>,
    pub per_week: Option<u32>,
    pub per_campaign: Option<u64>,
    pub global: Option<u32>,
    pub global_per_day: Option<u32>,
    /// Only shoppers who registered since the campaign began.
    pub new_shoppers: bool,
}

impl From<&Limits> for Settings {
    fn from(limits: &Limits) -> Self {
        Settings {
            per_shopper: limits.per_shopper,
            per_day: limits.per_day,
            per_week: limits.per_week,
            per_campaign: limits.per_campaign,
            global: limits.global,
            global_per_day: limits.global_per_day,
            new_shoppers: limits.new_shoppers,
        }
    }
}

impl Settings {
    fn refuses(&self, rules: &Rules, snapshot: &Snapshot<'_>) -> Option<Refusal> {
        if self.new_shoppers && snapshot.registered_at_ms < rules.starts_at_ms {
            return Some(Refusal::NotQualified(Unmet::NewShopper));
        }
        let counts = [
            (self.per_shopper, snapshot.used, Limit::PerShopper),
            (self.per_day, snapshot.draws_today, Limit::PerDay),
            (self.per_week, snapshot.draws_week, Limit::PerWeek),
            (self.global, snapshot.draws_everywhere, Limit::Global),
            (self.global_per_day, snapshot.draws_everywhere_today, Limit::GlobalPerDay),
        ];
        let reached = counts.into_iter().find(|(limit, count, _)| limit.is_some_and(|limit| *count >= limit));
        let which = match reached {
            Some((_, _, which)) => which,
            None if self.per_campaign.is_some_and(|limit| snapshot.campaign_draws >= limit) => Limit::PerCampaign,
            None => return None,
        };
        Some(Refusal::LimitReached { which })
    }
}

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>, settings: &Settings) -> Result<(), Stop> {
    let whole = Settings::from(&run.rules.limits);
    if let Some(refusal) = whole.refuses(run.rules, run.snapshot).or_else(|| settings.refuses(run.rules, run.snapshot))
    {
        return Err(Stop::Refuse(refusal));
    }
    run.path.push(Step::Limits);
    Ok(())
}
