//! What more a shopper's history says: where they stand, what they like and whether that changes, what they pay, in what
//! rhythm and when they buy, how they come to it; whether they buy again soon; and all of it in one paragraph.
//!
//! Read from the latest acts of one shopper when somebody asks, so nothing of it is stored.

mod text;

use std::collections::BTreeMap;

use domain::behaviour::{Action, Behaviour, Item};
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::fit::Fitted;
use crate::outlook::{Outlook, Past};
use crate::profile::Profile;
use crate::rfm::{Borders, Rfm, Standing};
use crate::signals::{Acts, Why};
use crate::text::Language;

/// Acts that are looked at, the latest ones: whoever has more has said enough with these.
pub const MAX_ACTS: usize = 2_000;

/// Entries of each list.
const SHOWN: usize = 8;

/// Days that count as lately where tastes are compared, and the days before them that they are compared with.
const LATELY_DAYS: i64 = 90;
const BEFORE_DAYS: i64 = 360;

/// By how much a category's share must move to be more than chance.
const MOVED: f64 = 0.1;

/// A line this far below an item's usual price was a bargain.
const BARGAIN: f64 = 0.95;

/// Fewer lines than this say nothing of prices.
const MIN_LINES: usize = 3;

/// How long before a purchase an act may have led to it.
const LED_MS: i64 = 86_400_000;

const DAY_MS: i64 = 86_400_000;

/// A category and what it is to the shopper.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Taste {
    pub category: String,
    /// Of all units of the last 450 days, from 0 to 1.
    pub share: f64,
    pub trend: Trend,
}

/// Whether a share has grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    Rising,
    Steady,
    Falling,
}

/// What the shopper pays for one unit of a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pays {
    pub category: String,
    pub lines: usize,
    /// Half of the lines cost no more.
    pub median_cents: i64,
    /// Nine of ten lines cost no more: what the shopper is willing to pay.
    pub high_cents: i64,
}

/// The rhythm in which an item is bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cycle {
    pub sku: String,
    pub name: String,
    pub orders: usize,
    /// Half of the gaps are no longer.
    pub days: i64,
    /// When it is due again.
    pub next_at: Option<String>,
}

/// When the shopper buys most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Times {
    /// The first of three hours in a row, 0 to 23.
    pub hour: u8,
    /// 1 is Monday.
    pub weekday: u8,
    pub time_zone: String,
}

/// How the shopper comes to buy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Search,
    Browse,
    SignIn,
    Direct,
}

/// The paragraph in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paragraph {
    pub zh: String,
    pub en: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Persona {
    /// `null` where nothing was bought.
    pub rfm: Option<Rfm>,
    pub tastes: Vec<Taste>,
    /// From 0 (pays the usual price) to 1 (buys bargains only); `null` where too few items have a usual price.
    pub price_sensitivity: Option<f64>,
    pub willingness_to_pay: Vec<Pays>,
    pub repeat_cycles: Vec<Cycle>,
    pub favourite_times: Option<Times>,
    pub channel: Option<Channel>,
    /// What was looked at, searched for or rated well lately.
    pub interests: Vec<Shown>,
    /// Probabilities as decimals of six places; `null` where the shop is too young to tell.
    pub buys_within_30_days: Option<String>,
    /// Of not buying within 90 days.
    pub churn_risk: Option<String>,
    pub persona: Paragraph,
}

/// A product that the shopper's acts point at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    pub sku: String,
    pub name: String,
    /// `viewed`, `searched` or `rated`.
    pub because: &'static str,
}

/// What a persona is read from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    pub profile: &'a Profile,
    /// The latest acts, in any order.
    pub acts: &'a [Behaviour],
    /// The model in service, where one is at hand.
    pub fitted: Option<&'a Fitted>,
    pub time_zone: &'a str,
    pub now_ms: i64,
}

/// A line that was bought.
struct Line<'a> {
    at_ms: i64,
    order: &'a str,
    item: &'a Item,
}

impl Persona {
    /// Reads a shopper's history.
    pub fn of(sources: Sources<'_>) -> Persona {
        let Sources { profile, acts, fitted, time_zone, now_ms } = sources;
        let lines = lines(acts);
        let (month, quarter) = fitted.map_or((None, None), |fitted| {
            let outlooks = fitted.outlooks();
            (outlooks.month.as_ref(), outlooks.quarter.as_ref())
        });
        let month = month.and_then(|outlook| buys(outlook, acts, now_ms));
        let quarter = quarter.and_then(|outlook| buys(outlook, acts, now_ms));
        let standing = profile.recency_days(now_ms).map(|recency_days| Standing {
            recency_days,
            orders: i64::from(profile.orders),
            spend_cents: profile.spend_cents,
        });
        let usual = Borders::default();
        let borders = fitted.map_or(&usual, Fitted::borders);
        let mut persona = Persona {
            rfm: standing.map(|standing| borders.place(standing)),
            tastes: tastes(&lines, now_ms),
            price_sensitivity: fitted.and_then(|fitted| sensitivity(&lines, fitted)),
            willingness_to_pay: pays(&lines),
            repeat_cycles: cycles(&lines),
            favourite_times: times(&lines, time_zone),
            channel: channel(&lines, acts),
            interests: fitted.map_or_else(Vec::new, |fitted| shown(fitted, acts, now_ms)),
            buys_within_30_days: month.map(decimal),
            churn_risk: quarter.map(|buys| decimal(1.0 - buys)),
            persona: Paragraph { zh: String::new(), en: String::new() },
        };
        persona.persona = Paragraph {
            zh: text::paragraph(&persona, profile, now_ms, Language::Zh),
            en: text::paragraph(&persona, profile, now_ms, Language::En),
        };
        persona
    }
}

fn decimal(p: f64) -> String {
    format!("{:.6}", p.clamp(0.0, 1.0))
}

fn lines(acts: &[Behaviour]) -> Vec<Line<'_>> {
    let mut all = Vec::new();
    for act in acts {
        if let Action::Purchase { order_id, items } = &act.action {
            all.extend(items.iter().map(|item| Line { at_ms: act.at_ms, order: order_id, item }));
        }
    }
    all.sort_by_key(|line| line.at_ms);
    all
}

fn buys(outlook: &Outlook, acts: &[Behaviour], now_ms: i64) -> Option<f64> {
    let seconds = |at_ms: i64| at_ms.div_euclid(1_000).clamp(0, i64::from(u32::MAX)) as u32;
    // Pieces of one order are one purchase.
    let mut orders: BTreeMap<&str, u32> = BTreeMap::new();
    for act in acts {
        if let Action::Purchase { order_id, .. } = &act.action {
            let first = orders.entry(order_id).or_insert(u32::MAX);
            *first = (*first).min(seconds(act.at_ms));
        }
    }
    let mut purchases: Vec<u32> = orders.into_values().collect();
    purchases.sort_unstable();
    let acts = Acts::of(acts).times();
    outlook.buys(Past { purchases_s: &purchases, acts_s: &acts }, now_ms)
}

fn shown(fitted: &Fitted, acts: &[Behaviour], now_ms: i64) -> Vec<Shown> {
    let catalogue = fitted.catalogue();
    let liked = fitted.interests(acts, now_ms).into_iter().filter(|one| one.weight > 0.0).take(SHOWN);
    liked
        .map(|one| Shown {
            sku: catalogue.sku(one.item).to_owned(),
            name: catalogue.name(one.item).to_owned(),
            because: match one.why {
                Why::Viewed => "viewed",
                Why::Searched => "searched",
                Why::Rated => "rated",
            },
        })
        .collect()
}

/// Shares of categories in what was bought, the largest first, and whether they grew lately.
fn tastes(lines: &[Line<'_>], now_ms: i64) -> Vec<Taste> {
    let mut units: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
    let mut sums = [0.0; 2];
    for line in lines.iter().filter(|line| !line.item.category.is_empty()) {
        let days = now_ms.saturating_sub(line.at_ms) / DAY_MS;
        if days > LATELY_DAYS + BEFORE_DAYS {
            continue;
        }
        let part = usize::from(days > LATELY_DAYS);
        let weight = f64::from(line.item.quantity).ln_1p();
        units.entry(&line.item.category).or_default()[part] += weight;
        sums[part] += weight;
    }
    let share = |part: f64, sum: f64| if sum > 0.0 { part / sum } else { 0.0 };
    let taste = |(category, [lately, before]): (&str, [f64; 2])| {
        let moved = share(lately, sums[0]) - share(before, sums[1]);
        let known = sums[0] > 0.0 && sums[1] > 0.0;
        let trend = match moved {
            moved if known && moved > MOVED => Trend::Rising,
            moved if known && moved < -MOVED => Trend::Falling,
            _ => Trend::Steady,
        };
        let share = share(lately + before, sums[0] + sums[1]);
        Taste { category: category.to_owned(), share: (share * 1e4).round() / 1e4, trend }
    };
    let mut all: Vec<Taste> = units.into_iter().map(taste).collect();
    all.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.category.cmp(&b.category)));
    all.truncate(SHOWN);
    all
}

/// The share of lines that were bargains, among those of items whose price in the shop varies.
fn sensitivity(lines: &[Line<'_>], fitted: &Fitted) -> Option<f64> {
    let catalogue = fitted.catalogue();
    let priced = lines.iter().filter(|line| line.item.price_cents > 0);
    let against = priced.filter_map(|line| {
        let usual = catalogue.price_cents(catalogue.item(&line.item.sku)?);
        (usual > 0).then(|| line.item.price_cents as f64 / usual as f64)
    });
    // At the very usual price nothing is said: the item may have no other.
    let varying: Vec<f64> = against.filter(|ratio| (ratio - 1.0).abs() > 1e-3).collect();
    let bargains = varying.iter().filter(|ratio| **ratio <= BARGAIN).count();
    (varying.len() >= MIN_LINES).then(|| (bargains as f64 / varying.len() as f64 * 1e4).round() / 1e4)
}

/// What is paid by category, those of most lines first.
fn pays(lines: &[Line<'_>]) -> Vec<Pays> {
    let mut prices: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.item.price_cents > 0 && !line.item.category.is_empty()) {
        prices.entry(&line.item.category).or_default().push(line.item.price_cents);
    }
    let mut all: Vec<Pays> = prices
        .into_iter()
        .filter(|(_, prices)| prices.len() >= MIN_LINES)
        .map(|(category, mut prices)| {
            prices.sort_unstable();
            let at = |part: f64| prices[((prices.len() - 1) as f64 * part).round() as usize];
            Pays { category: category.to_owned(), lines: prices.len(), median_cents: at(0.5), high_cents: at(0.9) }
        })
        .collect();
    all.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.category.cmp(&b.category)));
    all.truncate(SHOWN);
    all
}

/// The rhythm of items that were bought on three days or more, those bought most often first.
fn cycles(lines: &[Line<'_>]) -> Vec<Cycle> {
    let mut of_item: BTreeMap<&str, (Vec<i64>, &str)> = BTreeMap::new();
    for line in lines {
        let (times, name) = of_item.entry(&line.item.sku).or_default();
        // Lines are in the order of time; those of one day are one purchase.
        if times.last().is_none_or(|last: &i64| line.at_ms.saturating_sub(*last) >= DAY_MS) {
            times.push(line.at_ms);
        }
        if !line.item.name.is_empty() {
            *name = &line.item.name;
        }
    }
    let mut all: Vec<Cycle> = of_item
        .into_iter()
        .filter(|(_, (times, _))| times.len() >= 3)
        .map(|(sku, (times, name))| {
            let mut gaps: Vec<i64> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
            gaps.sort_unstable();
            let gap = gaps[gaps.len() / 2];
            let next_at = times.last().and_then(|last| crate::profile::rfc3339(last.saturating_add(gap)));
            let days = gap.saturating_add(DAY_MS / 2) / DAY_MS;
            Cycle { sku: sku.to_owned(), name: name.to_owned(), orders: times.len(), days, next_at }
        })
        .collect();
    all.sort_by(|a, b| b.orders.cmp(&a.orders).then_with(|| a.sku.cmp(&b.sku)));
    all.truncate(SHOWN);
    all
}

/// When orders come: the three hours in a row and the day of the week that have most of them.
fn times(lines: &[Line<'_>], time_zone: &str) -> Option<Times> {
    let zone = TimeZone::get(time_zone).ok()?;
    let mut orders: BTreeMap<&str, i64> = BTreeMap::new();
    for line in lines {
        orders.entry(line.order).or_insert(line.at_ms);
    }
    if orders.len() < MIN_LINES {
        return None;
    }
    let (mut hours, mut weekdays) = ([0u32; 24], [0u32; 7]);
    for at_ms in orders.into_values() {
        let Ok(at) = jiff::Timestamp::from_millisecond(at_ms) else { continue };
        let local = at.to_zoned(zone.clone());
        hours[local.hour() as usize] += 1;
        weekdays[local.weekday().to_monday_zero_offset() as usize] += 1;
    }
    let three = |first: usize| (0..3).map(|hour| hours[(first + hour) % 24]).sum::<u32>();
    // Of equal ones the earliest.
    let hour = (0..24).max_by_key(|first| (three(*first), std::cmp::Reverse(*first)))?;
    let weekday = (0..7).max_by_key(|day| (weekdays[*day], std::cmp::Reverse(*day)))?;
    Some(Times { hour: hour as u8, weekday: weekday as u8 + 1, time_zone: time_zone.to_owned() })
}

/// What most often went before a purchase within a day; nothing is `direct`.
fn channel(lines: &[Line<'_>], acts: &[Behaviour]) -> Option<Channel> {
    let mut others: Vec<(i64, Channel)> = acts
        .iter()
        .filter_map(|act| match act.action {
            Action::Search { .. } => Some((act.at_ms, Channel::Search)),
            Action::View { .. } => Some((act.at_ms, Channel::Browse)),
            Action::SignIn {} => Some((act.at_ms, Channel::SignIn)),
            _ => None,
        })
        .collect();
    others.sort_unstable();
    let mut orders: BTreeMap<&str, i64> = BTreeMap::new();
    for line in lines {
        orders.entry(line.order).or_insert(line.at_ms);
    }
    let mut counts: BTreeMap<Channel, u32> = BTreeMap::new();
    for at_ms in orders.into_values() {
        let before = &others[..others.partition_point(|(at, _)| *at <= at_ms)];
        // A search says more than the views that it leads to, a view more than having signed in.
        let recent =
            before.iter().rev().take_while(|(at, _)| at_ms.saturating_sub(*at) <= LED_MS).map(|(_, channel)| *channel);
        *counts.entry(recent.min().unwrap_or(Channel::Direct)).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(channel, count)| (*count, std::cmp::Reverse(*channel))).map(|(channel, _)| channel)
}

#[cfg(test)]
mod tests;
