//! What a campaign's figures say: over time, against what was promised, and what is to come.

use super::Koi;
use crate::error::{Error, Result};
use crate::live::{BigWin, RECENT, mask};
use crate::ports::{RowFilter, Span};
use crate::runtime::{Counters, Runtime};
use crate::time::rfc3339;
use crate::views::{
    BigWinView, EngineView, FunnelView, InsightView, PublicView, SeriesStep, SeriesView, SignInsView, StockForecast,
    TierFit, WayView,
};
use domain::campaign::{Chances, Definition};
use domain::ids::{CampaignId, ShopperId};
use domain::order::OrderKind;
use std::collections::BTreeMap;
use std::time::Instant;

/// Steps of one series.
const STEPS_MAX: i64 = 1_500;
/// Wins within this time say how fast a prize goes.
const PACE_MS: i64 = 3_600_000;
/// The normal quantile of a two-sided interval of 99 %.
const Z: f64 = 2.575_829;
/// Days of a sign-in calendar.
const CALENDAR_DAYS: usize = 62;
/// Records behind the ledger from which on projection lags.
const LAGGING: u64 = 10_000;

/// How fine a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Minute,
    Hour,
}

impl Step {
    fn ms(self) -> i64 {
        match self {
            Step::Minute => 60_000,
            Step::Hour => 3_600_000,
        }
    }

    /// The word of the API.
    pub fn word(self) -> &'static str {
        match self {
            Step::Minute => "minute",
            Step::Hour => "hour",
        }
    }
}

/// The interval around `hits` of `draws` after Wilson, "Probable inference, the law of succession, and statistical
/// inference" (1927): it holds for few draws and for odds near 0 and 1, where the usual one does not.
pub fn wilson(hits: u64, draws: u64) -> (f64, f64) {
    if draws == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (draws as f64, hits as f64 / draws as f64);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let middle = share + Z * Z / (2.0 * n);
    let scale = 1.0 + Z * Z / n;
    (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0))
}

impl Koi {
    /// Draws, wins and cost over time. Without bounds it is the last steps up to now, without `from_ms` those before
    /// `until_ms`.
    pub async fn series(
        &self,
        id: CampaignId,
        step: Step,
        from_ms: Option<i64>,
        until_ms: Option<i64>,
    ) -> Result<SeriesView> {
        let runtime = self.known_campaign(id).await?;
        let now_ms = self.now_ms();
        let until_ms = until_ms.unwrap_or(now_ms).min(now_ms);
        let usual = until_ms - 60 * step.ms();
        let first = from_ms.unwrap_or(usual.max(runtime.rules.starts_at_ms)).div_euclid(step.ms());
        let last = until_ms.div_euclid(step.ms());
        if last - first > STEPS_MAX {
            let detail = format!("at most {STEPS_MAX} steps; ask for less time or for hours");
            return Err(Error::invalid("invalid_query", "from", detail));
        }
        self.projected().await;
        let (from, until) = (first * step.ms(), (last + 1) * step.ms());
        let counted = self.parts().browse.steps(id, from, until, step.ms()).await?;
        let empty = |at: i64| SeriesStep {
            at: rfc3339(at * step.ms()),
            draws: 0,
            wins: 0,
            cost_cents: 0,
            prizes: BTreeMap::new(),
        };
        let mut steps: BTreeMap<i64, SeriesStep> = (first..=last).map(|at| (at, empty(at))).collect();
        for count in counted {
            let Some(one) = steps.get_mut(&count.at_ms.div_euclid(step.ms())) else { continue };
            match count.prize {
                None => one.draws += count.count,
                Some(prize) => {
                    one.wins += count.count;
                    if let Some(prize) = runtime.rules.prizes.get(usize::from(prize)) {
                        one.cost_cents += prize.cost_cents.saturating_mul(count.count as i64);
                        *one.prizes.entry(prize.code.to_string()).or_default() += count.count;
                    }
                }
            }
        }
        Ok(SeriesView { step: step.word(), data: steps.into_values().collect() })
    }

    /// What is promised against what is met, what runs out when, and how far shoppers came.
    pub async fn insight(&self, id: CampaignId) -> Result<InsightView> {
        let runtime = self.known_campaign(id).await?;
        let counters = self.counters_of(id).await?;
        self.projected().await;
        let funnel = self.parts().browse.funnel(id).await?;
        Ok(InsightView {
            draws: counters.draws,
            stock: self.forecasts(&runtime, &counters).await?,
            tiers: fits(&runtime, &counters),
            funnel: FunnelView {
                behaved: funnel.behaved,
                strategies: funnel.strategies,
                drew: funnel.drew,
                bought_after: funnel.bought_after,
            },
            personalisation: self.worth(&runtime).await?,
        })
    }

    async fn forecasts(&self, runtime: &Runtime, counters: &Counters) -> Result<Vec<StockForecast>> {
        let now_ms = self.now_ms();
        let recent = self.parts().browse.steps(runtime.id, now_ms - PACE_MS, now_ms, PACE_MS).await?;
        let stocked = runtime.rules.prizes.iter().enumerate().filter_map(|(i, prize)| Some((i, prize, prize.stock?)));
        let forecast = |(i, prize, stock): (usize, &domain::campaign::Prize, u64)| {
            let left = stock.saturating_sub(counters.won(i));
            let of_prize = recent.iter().filter(|count| count.prize.map(usize::from) == Some(i));
            let last_hour: u64 = of_prize.map(|count| count.count).sum();
            let lasts_ms = (last_hour > 0).then(|| left.saturating_mul(PACE_MS as u64) / last_hour);
            let gone_ms = lasts_ms.and_then(|lasts| now_ms.checked_add(i64::try_from(lasts).ok()?));
            StockForecast {
                code: prize.code.to_string(),
                stock,
                left,
                last_hour,
                runs_out_at: gone_ms.filter(|gone| *gone < runtime.rules.ends_at_ms).map(rfc3339),
            }
        };
        Ok(stocked.map(forecast).collect())
    }

    /// The last big wins of a campaign, who won them masked.
    pub async fn big_wins(&self, id: CampaignId) -> Result<Vec<BigWinView>> {
        let runtime = self.known_campaign(id).await?;
        let mut wins = self.parts().notifier.recent(id);
        if let (true, Some(tier)) = (wins.len() < RECENT, runtime.top_tier()) {
            // From before the process started, by the prizes that only the top tier gives.
            let tiers = &runtime.rules.tiers;
            let elsewhere = |prize: &domain::campaign::PrizeIx| {
                let mut others = tiers.iter().enumerate().filter(|(i, _)| *i != usize::from(tier));
                others.any(|(_, other)| other.candidates.contains(prize))
            };
            let own = tiers[usize::from(tier)].candidates.iter().filter(|prize| !elsewhere(prize));
            let prizes = Some(own.map(|prize| prize.0).collect());
            let filter = RowFilter { campaign: Some(id), prizes, ..RowFilter::default() };
            let span = Span { behind: None, limit: RECENT as u32, oldest_first: false };
            let rows = self.parts().browse.all_awards(&filter, span).await?.rows;
            let ids: Vec<ShopperId> = rows.iter().map(|row| row.shopper).collect();
            let accounts = self.parts().accounts.by_ids(&ids).await?;
            for row in rows {
                let who = accounts.iter().find(|stored| stored.account.id == row.shopper);
                let shopper = who.map_or_else(String::new, |stored| mask(&stored.account.external_id));
                if !wins.iter().any(|win| win.award == row.id) {
                    wins.push(BigWin { campaign: id, award: row.id, prize: row.prize, shopper, at_ms: row.at_ms });
                }
            }
        }
        wins.sort_by_key(|win| std::cmp::Reverse(win.at_ms));
        wins.truncate(RECENT);
        Ok(wins.iter().filter_map(|win| self.big_win_view(win)).collect())
    }

    /// What anyone may see of a published campaign.
    pub async fn public_campaign(&self, id: CampaignId) -> Result<PublicView> {
        let rules = self.published_rules(id).await?;
        let definition: Definition = self.campaign(id).await?.definition;
        Ok(PublicView {
            id,
            name: rules.name,
            description: rules.description,
            state: rules.state,
            starts_at: rules.starts_at,
            ends_at: rules.ends_at,
            time_zone: rules.time_zone,
            currency: rules.currency,
            skin: definition.skin,
            rules_version: rules.rules_version,
            rules_hash: rules.rules_hash,
            seed_hash: rules.seed_hash,
            slots: definition.tiers.iter().map(|tier| tier.slots as usize).sum(),
            ways: ways(&definition.chances),
            now: rfc3339(self.now_ms()),
        })
    }

    /// A shopper's sign-ins in a campaign.
    pub async fn sign_ins(&self, id: CampaignId, shopper: ShopperId) -> Result<SignInsView> {
        let runtime = self.known_campaign(id).await?;
        let (seen, tail) = self.tail(shopper).await?;
        let span = Span { behind: None, limit: CALENDAR_DAYS as u32, oldest_first: false };
        let filter = RowFilter {
            campaign: Some(id),
            shopper: Some(shopper),
            order_kind: Some(OrderKind::SignIn),
            ..RowFilter::default()
        };
        let stored = self.parts().browse.all_orders(&filter, span).await?.rows;
        let rules = &runtime.rules;
        let fresh = tail.orders.iter().filter(|row| row.campaign == id && row.kind == OrderKind::SignIn);
        let mut days: Vec<i32> = fresh.chain(&stored).map(|row| rules.local_day(row.at_ms).number).collect();
        let enrolment = seen.account.enrolment(id);
        // A sign-in that gave points alone made no order; the account knows the last one.
        days.extend(enrolment.and_then(|e| e.signed_in));
        days.sort_unstable_by_key(|day| std::cmp::Reverse(*day));
        days.dedup();
        days.truncate(CALENDAR_DAYS);
        let today = rules.local_day(seen.now_ms).number;
        let date = |day: i32| rfc3339(i64::from(day) * 86_400_000)[..10].to_owned();
        Ok(SignInsView {
            signed_in_today: enrolment.is_some_and(|e| e.signed_in == Some(today)),
            streak: enrolment.filter(|e| e.signed_in >= Some(today - 1)).map_or(0, |e| e.streak),
            today: date(today),
            days: days.into_iter().map(date).collect(),
            rewards: rules.chances.streaks.clone(),
        })
    }

    /// How the engines beneath do.
    pub async fn engines(&self) -> Vec<EngineView> {
        let owners = self.owners();
        let (folded, lag, shared_log) = (owners.folded_here(), owners.lag(), owners.one().is_none());
        let asked = Instant::now();
        let records = self.parts().browse.ping().await.is_ok();
        let answered_ms = asked.elapsed().as_secs_f64() * 1_000.0;
        let one = |name, kind, state, figures: &[(&'static str, f64)]| EngineView {
            name,
            kind,
            state,
            figures: figures.iter().copied().collect(),
        };
        let up = |is: bool| if is { "up" } else { "down" };
        let lagging = if lag >= LAGGING { "lagging" } else { "up" };
        vec![
            one(
                "ledger",
                if shared_log { "kafka" } else { "sqlite" },
                up(owners.are_ready()),
                &[("records", folded as f64)],
            ),
            one("records", self.parts().browse.engine(), up(records), &[("answered_ms", answered_ms)]),
            one("projection", "thread", lagging, &[("lag_records", lag as f64), ("tail_max", owners.tail() as f64)]),
        ]
    }
}

/// Promised against met, with the interval in which what is promised should lie.
fn fits(runtime: &Runtime, counters: &Counters) -> Vec<TierFit> {
    let fit = |(i, tier): (usize, crate::views::TierReport)| {
        let hits = counters.tiers.get(i).copied().unwrap_or(0);
        let (low, high) = wilson(hits, counters.draws);
        let promised: f64 = tier.promised.parse().unwrap_or(0.0);
        TierFit {
            hits,
            low: format!("{low:.6}"),
            high: format!("{high:.6}"),
            fits: counters.draws == 0 || (low - 1e-6..=high + 1e-6).contains(&promised),
            code: tier.code,
            promised: tier.promised,
            met: tier.met,
        }
    };
    super::tiers_met(&runtime.rules, counters).into_iter().enumerate().map(fit).collect()
}

/// The ways to get chances that a campaign offers.
fn ways(chances: &Chances) -> Vec<WayView> {
    let way =
        |kind| WayView { kind, chances: None, price_points: None, price_cents: None, per_cents: None, points: None };
    let mut ways = Vec::new();
    if chances.sign_in.is_some() || chances.points_on_sign_in.is_some() || !chances.streaks.is_empty() {
        ways.push(WayView { chances: chances.sign_in, points: chances.points_on_sign_in, ..way("sign_in") });
    }
    if chances.per_purchase_cents.is_some() || chances.points_on_purchase.is_some() {
        let points = chances.points_on_purchase;
        let given = chances.per_purchase_cents.map(|_| 1);
        ways.push(WayView { chances: given, per_cents: chances.per_purchase_cents, points, ..way("purchase") });
    }
    if chances.points_price.is_some() {
        ways.push(WayView { chances: Some(1), price_points: chances.points_price, ..way("points") });
    }
    if chances.paid_price_cents.is_some() {
        ways.push(WayView { chances: Some(1), price_cents: chances.paid_price_cents, ..way("paid") });
    }
    if chances.referral.is_some() || chances.referred.is_some() {
        ways.push(WayView { chances: chances.referral, ..way("referral") });
    }
    // Codes are handed out beside the rules, to any campaign.
    ways.push(way("redeem"));
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference values from the closed form at 99 %, worked out by hand for the edges.
    #[test]
    fn intervals_hold_at_the_edges() {
        assert_eq!(wilson(0, 0), (0.0, 1.0), "nothing is known yet");
        for (hits, draws) in [(0, 10), (10, 10), (5, 10), (1, 1_000_000)] {
            let (low, high) = wilson(hits, draws);
            let met = hits as f64 / draws as f64;
            assert!((0.0..=1.0).contains(&low) && low <= met && met <= high && high <= 1.0, "{hits} of {draws}");
        }
        let (low, high) = wilson(0, 10);
        assert!(low < 1e-9 && (high - Z * Z / (10.0 + Z * Z)).abs() < 1e-9, "{high}");
        let (low, high) = wilson(500, 1_000);
        assert!((low + high - 1.0).abs() < 1e-9 && high - low < 0.09, "{low} {high}");
    }
}
