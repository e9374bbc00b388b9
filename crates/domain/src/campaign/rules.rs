//! A campaign's published rules: immutable, compiled once per version, shared by every draw.

use super::definition::{PointsRange, PrizeDef, TierDef};
use super::odds::{self, Guarantee, Odds, Pool};
use super::{Chances, Composition, Definition, Finding, Kind, Limits, Severity};
use crate::draw::{Civil, Snapshot};
use crate::entry::Entry;
use crate::fairness;
use crate::flow::{Needs, Plan};
use crate::ids::{CampaignId, ShopperId, mix};
use crate::strategy::{SlotAssign, Source, Strategy};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::Range;

/// A prize's place in [`Rules::prizes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct PrizeIx(pub u16);

impl PrizeIx {
    /// As an index into [`Rules::prizes`].
    pub fn ix(self) -> usize {
        usize::from(self.0)
    }
}

/// A tier's place in [`Rules::tiers`].
pub type TierIx = u8;

/// What winning a prize means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrizeKind {
    /// Points between both ends inclusive, `min <= max`.
    Points {
        min: u32,
        max: u32,
    },
    Coupon,
    Goods,
    Balance,
    Webhook,
    None,
}

impl PrizeKind {
    /// The kind as written.
    pub fn kind(self) -> Kind {
        match self {
            PrizeKind::Points { .. } => Kind::Points,
            PrizeKind::Coupon => Kind::Coupon,
            PrizeKind::Goods => Kind::Goods,
            PrizeKind::Balance => Kind::Balance,
            PrizeKind::Webhook => Kind::Webhook,
            PrizeKind::None => Kind::None,
        }
    }

    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        self.kind().word()
    }
}

/// One prize.
#[derive(Debug, Clone)]
pub struct Prize {
    pub code: Box<str>,
    pub name: Box<str>,
    pub kind: PrizeKind,
    /// Empty where none was given.
    pub category: Box<str>,
    pub skus: Box<[Box<str>]>,
    pub value_cents: i64,
    pub cost_cents: i64,
    /// `None` is unlimited.
    pub stock: Option<u64>,
    /// Days in which an award of it must be claimed once it is granted; `None` is never too late.
    pub claim_days: Option<u32>,
    /// A shopper wins it at most once.
    pub once: bool,
    /// From when (Unix milliseconds) how many units in all are open, ascending; empty opens all at once.
    pub release: Box<[(i64, u64)]>,
    /// What the rule `substitute` gives instead.
    pub substitute: Option<PrizeIx>,
}

impl Prize {
    /// Units released so far; `None` where all are open from the start.
    pub fn released(&self, now_ms: i64) -> Option<u64> {
        self.release.last()?;
        Some(self.release.iter().rev().find(|(at, _)| *at <= now_ms).map_or(0, |(_, units)| *units))
    }
}

/// One tier.
#[derive(Debug, Clone)]
pub struct Tier {
    pub code: Box<str>,
    /// Slots, 1 to 64.
    pub slots: u8,
    /// Index of its first slot among all slots.
    pub first_slot: u8,
    pub weight: u32,
    /// Open from the draw after this one; 0 is always open.
    pub unlock_after: u32,
    /// The prizes that may fill its slots, ascending, never empty.
    pub candidates: Box<[PrizeIx]>,
    /// The tiers a fallback tries after this one, the most valuable first.
    pub lower: Box<[TierIx]>,
    /// What it is worth at most, minor units: the end of its band, else its most valuable prize.
    pub value_cents: i64,
}

impl Prize {
    /// Until when an award of it that is granted at `granted_ms` must be claimed.
    pub fn claim_by_ms(&self, granted_ms: i64) -> Option<i64> {
        self.claim_days.map(|days| granted_ms.saturating_add(i64::from(days) * DAY_MS))
    }
}

impl Tier {
    /// Its slots among all slots.
    pub fn slot_range(&self) -> Range<usize> {
        let first = usize::from(self.first_slot);
        first..first + usize::from(self.slots)
    }

    /// Whether it is open at draw `n` (1, 2, 3 ...).
    pub fn unlocked(&self, n: u32) -> bool {
        n > self.unlock_after
    }
}

/// One day in a campaign's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalDay {
    /// Days since 1970-01-01 on the zone's calendar.
    pub number: i32,
    /// First moment, inclusive.
    pub starts_ms: i64,
    /// End, exclusive. A day may last 23 or 25 hours.
    pub ends_ms: i64,
}

/// A campaign's rules in one version. Cheap to share, never changed.
#[derive(Debug, Clone)]
pub struct Rules {
    pub campaign: CampaignId,
    /// Grows with every published change of a rule, and with nothing else.
    pub version: u32,
    /// SHA-256 of the canonical definition.
    pub hash: [u8; 32],
    pub name: Box<str>,
    pub currency: Box<str>,
    /// Window, inclusive start, Unix milliseconds.
    pub starts_at_ms: i64,
    /// Window, exclusive end, Unix milliseconds.
    pub ends_at_ms: i64,
    pub prizes: Vec<Prize>,
    pub tiers: Vec<Tier>,
    /// The pools as written first, then each of them under each spend threshold, then one per guarantee.
    pub pools: Vec<Pool>,
    /// How many pools are written: the first ones of `pools`.
    pub written_pools: usize,
    /// The spend that each threshold begins at, ascending, minor units.
    pub spend_steps: Box<[i64]>,
    /// Guaranteed tiers, the most valuable first.
    pub guarantees: Box<[Guarantee]>,
    /// What must be gathered before a draw.
    pub needs: Needs,
    pub plan: Plan,
    pub limits: Limits,
    pub composition: Composition,
    /// What the operator expects, for forecasts.
    pub expected_draws: Option<u64>,
    pub chances: Chances,
    pub time_zone: TimeZone,
    /// Points prizes in the order given: what a fallback tries before thanks.
    pub points_prizes: Vec<PrizeIx>,
    /// The drawing among tickets once the campaign is over.
    pub entry: Option<Entry>,
    slot_count: usize,
    /// The constant start of a receipt.
    pub(crate) receipt_head: Box<str>,
}

impl Rules {
    /// Compiles `definition`. Errors are all findings of severity error; a campaign with warnings compiles.
    pub fn compile(campaign: CampaignId, version: u32, definition: &Definition) -> Result<Rules, Vec<Finding>> {
        let mut findings = definition.check();
        findings.retain(|finding| finding.severity == Severity::Error);
        if !findings.is_empty() {
            return Err(findings);
        }
        let hash = definition.hash();
        let prizes: Vec<Prize> = definition.prizes.iter().map(|from| prize(definition, from)).collect();
        let tiers = compiled_tiers(definition);
        let slot_count = tiers.iter().map(|tier| usize::from(tier.slots)).sum();
        let is_points = |ix: &PrizeIx| matches!(prizes[ix.ix()].kind, PrizeKind::Points { .. });
        let points_prizes = (0..prizes.len() as u16).map(PrizeIx).filter(is_points).collect();
        let plan = Plan::compile(&definition.flow).expect("invariant: the check compiled this flow");
        let compiled = odds::compile(definition, &tiers);
        let asked = compiled.pools.iter().filter_map(|pool| pool.when.as_ref());
        let needs = asked.fold(plan.needs(), |needs, when| needs.with(when.needs()));
        Ok(Rules {
            campaign,
            version,
            hash,
            name: definition.name.as_str().into(),
            currency: definition.currency.as_str().into(),
            starts_at_ms: definition.starts_at.as_ms(),
            ends_at_ms: definition.ends_at.as_ms(),
            pools: compiled.pools,
            written_pools: compiled.written,
            spend_steps: definition.spend_weights.iter().map(|table| table.from_cents).collect(),
            guarantees: compiled.guarantees,
            needs,
            plan,
            limits: definition.limits,
            composition: definition.composition,
            expected_draws: definition.expected_draws,
            chances: definition.chances.clone(),
            time_zone: TimeZone::get(&definition.time_zone).expect("invariant: the check found this time zone"),
            points_prizes,
            entry: definition.entry.as_ref().and_then(|entry| Entry::of(entry, &prizes)),
            slot_count,
            receipt_head: fairness::receipt_head(campaign, version, &hash),
            prizes,
            tiers,
        })
    }

    /// The prizes of every tier of a definition, as [`Tier::candidates`] will hold them.
    pub fn members(definition: &Definition) -> Vec<Vec<PrizeIx>> {
        let own = candidates(definition).into_iter().enumerate();
        own.map(|(i, own)| if own.is_empty() { stand_in(definition, i) } else { own }).collect()
    }

    /// Slots of all tiers.
    pub fn slot_count(&self) -> usize {
        self.slot_count
    }

    /// The prize at `ix`.
    pub fn prize(&self, ix: PrizeIx) -> &Prize {
        &self.prizes[ix.ix()]
    }

    /// The prize of that code.
    pub fn prize_by_code(&self, code: &str) -> Option<PrizeIx> {
        self.prizes.iter().position(|p| &*p.code == code).map(|ix| PrizeIx(ix as u16))
    }

    /// The pool that a draw picks from: the first whose condition is true.
    pub fn pool_for(&self, snapshot: &Snapshot<'_>) -> Option<usize> {
        let written = &self.pools[..self.written_pools];
        written.iter().position(|pool| pool.when.as_ref().is_none_or(|when| when.holds(snapshot)))
    }

    /// Whether draw `n` may have picked from that pool, as far as `n` alone tells.
    pub fn pool_possible(&self, pool: usize, n: u32) -> bool {
        let by_n = |pool: &Pool| pool.when.as_ref().map_or(Some(true), |when| when.by_n(n));
        let written = &self.pools[..self.written_pools];
        written.get(pool).is_some_and(|pool| by_n(pool) != Some(false))
            && written[..pool].iter().all(|earlier| by_n(earlier) != Some(true))
    }

    /// Whether anything here asks what a shopper bought within the window: only then it is counted.
    pub fn counts_spend(&self) -> bool {
        self.needs.spend || !self.spend_steps.is_empty()
    }

    /// The highest spend threshold that `spend_cents` reaches, from 1; 0 where it reaches none.
    pub fn spend_step(&self, spend_cents: i64) -> u8 {
        self.spend_steps.iter().take_while(|from| spend_cents >= **from).count() as u8
    }

    /// The odds of a written pool under a spend threshold, as a place in `pools`.
    pub(crate) fn odds_of(&self, pool: u8, step: u8) -> u8 {
        pool + step * self.written_pools as u8
    }

    /// Whether that pool holds the tier.
    pub(crate) fn pool_has(&self, pool: u8, tier: TierIx) -> bool {
        self.pools[usize::from(pool)].tiers.iter().any(|(member, _)| *member == tier)
    }

    /// The odds of every slot under `pool`, in slot order.
    pub fn odds(&self, pool: usize) -> Vec<Odds> {
        odds::of_slots(&self.pools[pool].tiers, &self.tiers)
    }

    /// The moment on the campaign's calendar. Costs a time-zone look-up.
    pub fn civil(&self, now_ms: i64) -> Civil {
        let Ok(moment) = Timestamp::from_millisecond(now_ms) else { return Civil::default() };
        let local = moment.to_zoned(self.time_zone.clone()).datetime();
        Civil {
            day: local.date().since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days()),
            weekday: local.weekday().to_monday_one_offset() as u8,
            minute: local.hour() as u16 * 60 + local.minute() as u16,
        }
    }

    /// The campaign's day at `now_ms`. Costs a time-zone look-up: keep the answer until `ends_ms`.
    pub fn local_day(&self, now_ms: i64) -> LocalDay {
        // Only a clock thousands of years away has no day in the calendar; it gets the day of UTC.
        let number = now_ms.div_euclid(DAY_MS);
        let utc = LocalDay {
            number: number.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32,
            starts_ms: number.saturating_mul(DAY_MS),
            ends_ms: number.saturating_add(1).saturating_mul(DAY_MS),
        };
        self.calendar_day(now_ms).unwrap_or(utc)
    }

    /// The end of the local day that is `days` days after the one that holds `now_ms`.
    pub fn end_of_day_after(&self, now_ms: i64, days: u32) -> i64 {
        self.local_day(now_ms.saturating_add(i64::from(days).saturating_mul(DAY_MS))).ends_ms
    }

    /// When chances that are granted at `now_ms` expire.
    pub fn chances_expire(&self, now_ms: i64) -> Option<i64> {
        self.chances.valid_days.map(|days| self.end_of_day_after(now_ms, days))
    }

    /// When points that are given at `now_ms` expire.
    pub fn points_expire(&self, now_ms: i64) -> Option<i64> {
        self.chances.points_valid_days.map(|days| self.end_of_day_after(now_ms, days))
    }

    fn calendar_day(&self, now_ms: i64) -> Option<LocalDay> {
        let date = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(self.time_zone.clone()).date();
        let start = |date: Date| Some(date.to_zoned(self.time_zone.clone()).ok()?.timestamp().as_millisecond());
        Some(LocalDay {
            number: date.since(Date::constant(1970, 1, 1)).ok()?.get_days(),
            starts_ms: start(date)?,
            ends_ms: start(date.tomorrow().ok()?)?,
        })
    }

    /// The template of one shopper: random within the tiers, from campaign and shopper alone, so that it is never
    /// stored. No prize comes twice where its tier has candidates enough.
    pub fn random_strategy(&self, shopper: ShopperId) -> Strategy {
        let mut state = mix(self.campaign.0 ^ mix(shopper.0 ^ TEMPLATE_SALT));
        // SplitMix64 (Steele, Lea, Flood 2014), scaled by its high bits: fair to 2^-48 for these small bounds.
        let mut below = |bound: usize| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            ((u128::from(mix(state)) * bound as u128) >> 64) as usize
        };
        let mut slots = Vec::with_capacity(self.slot_count);
        for (tier, ix) in self.tiers.iter().zip(0u8..) {
            let picked = sample(tier.candidates.len(), usize::from(tier.slots), &mut below);
            let filled = picked.iter().cycle().take(usize::from(tier.slots));
            slots.extend(filled.map(|candidate| SlotAssign { tier: ix, prize: tier.candidates[*candidate] }));
        }
        Strategy { source: Source::Random, slots: slots.into(), generation: 0 }
    }
}

/// Changing it would deal every shopper other templates in the middle of a campaign.
const TEMPLATE_SALT: u64 = 0x6b6f_6920_7465_6d70;
const DAY_MS: i64 = 86_400_000;

/// At most `count` different numbers below `all` in random order: Floyd's sampling (Bentley, Floyd 1987), shuffled.
fn sample(all: usize, count: usize, below: &mut impl FnMut(usize) -> usize) -> Vec<usize> {
    let count = count.min(all);
    let mut picked = Vec::with_capacity(count);
    for last in all - count..all {
        let one = below(last + 1);
        picked.push(if picked.contains(&one) { last } else { one });
    }
    for end in (1..picked.len()).rev() {
        picked.swap(end, below(end + 1));
    }
    picked
}

fn prize(definition: &Definition, from: &PrizeDef) -> Prize {
    let points = from.points.unwrap_or(PointsRange { min: 0, max: 0 });
    let mut open = 0u64;
    let release = from.release.iter().map(|step| {
        open = open.saturating_add(step.units);
        (step.at.as_ms(), open)
    });
    let place = |code: &String| definition.prizes.iter().position(|prize| prize.code == *code);
    Prize {
        code: from.code.as_str().into(),
        name: from.name.as_str().into(),
        kind: match from.kind {
            // The check bounds points far below 2^32.
            Kind::Points => PrizeKind::Points { min: points.min as u32, max: points.max as u32 },
            Kind::Coupon => PrizeKind::Coupon,
            Kind::Goods => PrizeKind::Goods,
            Kind::Balance => PrizeKind::Balance,
            Kind::Webhook => PrizeKind::Webhook,
            Kind::None => PrizeKind::None,
        },
        category: from.category.as_deref().unwrap_or_default().into(),
        skus: from.skus.iter().map(|sku| sku.as_str().into()).collect(),
        value_cents: from.value_cents,
        cost_cents: from.cost_cents,
        stock: from.stock,
        claim_days: from.claim_days.or(definition.claim_days),
        once: from.once,
        release: release.collect(),
        substitute: from.substitute.as_ref().and_then(place).map(|ix| PrizeIx(ix as u16)),
    }
}

/// The prizes that may fill each tier's slots, ascending: those it names, and those of its band that no tier names.
pub(super) fn candidates(definition: &Definition) -> Vec<Vec<PrizeIx>> {
    let named: HashSet<&str> = definition.tiers.iter().flat_map(|tier| &tier.prizes).map(String::as_str).collect();
    let belongs = |tier: &TierDef, own: &HashSet<&str>, prize: &PrizeDef| {
        let value = prize.value_cents;
        let by_odds = prize.moments.is_none() && !definition.is_entry_prize(prize);
        let in_band = by_odds && tier.value_cents.is_some_and(|band| band.min <= value && value < band.max);
        own.contains(prize.code.as_str()) || (in_band && !named.contains(prize.code.as_str()))
    };
    let of_tier = |tier: &TierDef| {
        let own = tier.prizes.iter().map(String::as_str).collect();
        let fitting = definition.prizes.iter().zip(0u16..).filter(|(prize, _)| belongs(tier, &own, prize));
        fitting.map(|(_, ix)| PrizeIx(ix)).collect()
    };
    definition.tiers.iter().map(of_tier).collect()
}

/// What the tier at `at` shows and gives where no prize fits it: what its fallback would, that is the prizes of the next
/// lower tier that has some, else points. Empty where there is neither.
pub(super) fn stand_in(definition: &Definition, at: usize) -> Vec<PrizeIx> {
    let own = candidates(definition);
    let rank = |tier: usize| {
        let value = |ix: &PrizeIx| definition.prizes[ix.ix()].value_cents;
        let dearest = own[tier].iter().map(value).max().unwrap_or(0);
        let tier = &definition.tiers[tier];
        (Reverse(tier.value_cents.map_or(dearest, |band| band.max)), tier.weight)
    };
    let below = (0..own.len()).filter(|other| rank(*other) > rank(at) && !own[*other].is_empty());
    below.min_by_key(|other| rank(*other)).map_or_else(
        || {
            let points = definition.prizes.iter().zip(0u16..).filter(|(prize, _)| prize.kind == Kind::Points);
            points.map(|(_, ix)| PrizeIx(ix)).collect()
        },
        |lower| own[lower].clone(),
    )
}

/// The tiers of a checked definition.
pub(super) fn compiled_tiers(definition: &Definition) -> Vec<Tier> {
    let mut first_slot = 0;
    let mut tiers: Vec<Tier> = Vec::with_capacity(definition.tiers.len());
    for (from, candidates) in definition.tiers.iter().zip(Rules::members(definition)) {
        let dearest = candidates.iter().map(|ix| definition.prizes[ix.ix()].value_cents).max().unwrap_or(0);
        // The check bounds slots to 100 in all and weights to 10^9.
        let slots = from.slots as u8;
        tiers.push(Tier {
            code: from.code.as_str().into(),
            slots,
            first_slot,
            weight: from.weight as u32,
            unlock_after: from.unlock_after.unwrap_or(0),
            candidates: candidates.into(),
            lower: Box::default(),
            value_cents: from.value_cents.map_or(dearest, |band| band.max),
        });
        first_slot += slots;
    }
    let lower: Vec<Box<[TierIx]>> = tiers.iter().map(|tier| lower(tier, &tiers)).collect();
    for (tier, lower) in tiers.iter_mut().zip(lower) {
        tier.lower = lower;
    }
    tiers
}

/// The tiers below `tier`, the most valuable first. Of two tiers of one value the more probable one is the lower.
fn lower(tier: &Tier, all: &[Tier]) -> Box<[TierIx]> {
    let rank = |tier: &Tier| (Reverse(tier.value_cents), tier.weight);
    let mut below: Vec<(TierIx, &Tier)> = (0u8..).zip(all).filter(|(_, other)| rank(other) > rank(tier)).collect();
    below.sort_by_key(|(_, other)| rank(other));
    below.into_iter().map(|(ix, _)| ix).collect()
}
