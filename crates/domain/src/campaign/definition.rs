//! The campaign as an operator writes it: the body of `POST /campaigns`, to the letter.

use super::{Composition, Time};
use crate::entry::TicketsBy;
use crate::flow;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A whole campaign as written. Nothing here is checked beyond its shape; [`Definition::check`] does that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignDefinition))]
pub struct Definition {
    pub name: String,
    /// First moment of the window, inclusive.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub starts_at: Time,
    /// End of the window, exclusive.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub ends_at: Time,
    /// ISO 4217, three uppercase letters.
    #[serde(default = "cny")]
    pub currency: String,
    /// IANA name; the zone of the campaign's days.
    #[serde(default = "shanghai")]
    pub time_zone: String,
    pub prizes: Vec<PrizeDef>,
    pub tiers: Vec<TierDef>,
    /// In order, the first whose condition is true is drawn from. Empty means one pool of all tiers.
    #[serde(default)]
    pub pools: Vec<PoolDef>,
    /// Other odds from a spend on, ascending; the highest threshold reached counts. The rule `weight` sees to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spend_weights: Vec<SpendWeightsDef>,
    /// The rule chain in EL.
    #[serde(default = "default_flow")]
    pub flow: String,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub chances: Chances,
    /// Whether warnings block publishing too.
    #[serde(default)]
    pub strict: bool,
    /// What shoppers are told about it, plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How and until when prizes are claimed, plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_terms: Option<String>,
    /// From when on shoppers see it; absent: from its publishing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub visible_from: Option<Time>,
    /// Until when shoppers see it, exclusive; absent: until it is archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub visible_until: Option<Time>,
    /// Draws that are expected in all: what stock and budget are checked against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_draws: Option<u64>,
    /// Days in which an award must be claimed once it is granted; absent means never too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_days: Option<u32>,
    /// A drawing among tickets that shoppers collect, once the campaign is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryDef>,
    /// How the draw is shown; it changes nothing else.
    #[serde(default, skip_serializing_if = "Skin::is_usual")]
    pub skin: Skin,
    /// How strategies are composed, and what they are measured against.
    #[serde(default, skip_serializing_if = "Composition::is_usual")]
    pub composition: Composition,
}

/// How a draw is shown to the shopper: always the same draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignSkin))]
pub enum Skin {
    /// Eight places around a button.
    #[default]
    NineGrid,
    Wheel,
    /// A scratch card.
    Scratch,
    Egg,
    /// A slot machine.
    Slots,
}

impl Skin {
    /// Whether it is what a campaign has that names none: then it is left out, and rules from before have their hash.
    fn is_usual(&self) -> bool {
        *self == Skin::default()
    }
}

/// A drawing among tickets, once a campaign is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignEntry))]
pub struct EntryDef {
    /// What makes a ticket.
    pub tickets: TicketsBy,
    /// Code of the prize that each winner gets; it is in no tier.
    pub prize: String,
    pub winners: u32,
    /// How many stand by for winners who do not claim in time.
    #[serde(default)]
    pub alternates: u32,
}

/// One prize as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignPrize))]
pub struct PrizeDef {
    pub code: String,
    pub name: String,
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<String>,
    /// What it is worth to the shopper, minor units; decides the tier bands it falls into.
    #[serde(default)]
    pub value_cents: i64,
    /// What one costs the shop, minor units; counts against `limits.budget_cents`.
    #[serde(default)]
    pub cost_cents: i64,
    /// Units to be won; absent means unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<u64>,
    /// So many units are won at secret times that are fixed beforehand, not by odds; such a prize is in no tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moments: Option<u32>,
    /// Amount credited, both ends inclusive; required for kind `points` and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<PointsRange>,
    /// Days in which one that was granted must be claimed; absent means the campaign's `claim_days`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_days: Option<u32>,
    /// A shopper wins it at most once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// Units opened over time, in order of `at`; empty opens all at once. Published in advance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub release: Vec<ReleaseDef>,
    /// Code of the prize that the rule `substitute` gives where this one is not to be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub substitute: Option<String>,
}

/// Units of a prize that can be won from a moment on, besides those released before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignRelease))]
pub struct ReleaseDef {
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Time,
    pub units: u64,
}

/// What a prize is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = PrizeKind))]
pub enum Kind {
    Points,
    Coupon,
    Goods,
    /// Money on the shopper's account with the shop: `value_cents` of it.
    Balance,
    Webhook,
    None,
}

impl Kind {
    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Points => "points",
            Kind::Coupon => "coupon",
            Kind::Goods => "goods",
            Kind::Balance => "balance",
            Kind::Webhook => "webhook",
            Kind::None => "none",
        }
    }
}

/// A range of points, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PointsRange {
    pub min: i64,
    pub max: i64,
}

/// A band of values in minor units: `min` inclusive, `max` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Band {
    pub min: i64,
    pub max: i64,
}

/// One tier as written. Its prizes are those its band takes in and those it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignTier))]
pub struct TierDef {
    pub code: String,
    /// Places on the wheel.
    pub slots: u32,
    /// Its share of the odds, beside the other tiers of a pool.
    pub weight: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_cents: Option<Band>,
    /// Codes of prizes that belong here whatever their value; such a prize is in no band.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prizes: Vec<String>,
    /// Opens from the draw after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlock_after: Option<u32>,
    /// After so many draws without a prize of this tier the next one is of it; the rule `guarantee` sees to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarantee_after: Option<u32>,
}

/// Odds for whoever bought for at least so much inside the campaign's window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignSpendWeights))]
pub struct SpendWeightsDef {
    /// Minor units.
    pub from_cents: i64,
    /// Weights by tier; a tier that is left out keeps its own.
    pub weights: BTreeMap<String, u64>,
}

/// One pool as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignPool))]
pub struct PoolDef {
    pub code: String,
    /// Comparisons of `n`, the draw's ordinal, `blacklisted`, `when("…")`, like `n >= 20 or n == 7`; absent means always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Codes of its tiers.
    pub tiers: Vec<String>,
}

/// What bounds the draws.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignLimits))]
pub struct Limits {
    /// Draws of one shopper in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_shopper: Option<u32>,
    /// Draws of one shopper on one of the campaign's local days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    /// Draws of one shopper in one of the campaign's weeks, Monday to Sunday.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_week: Option<u32>,
    /// Draws of all shoppers together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_campaign: Option<u64>,
    /// Draws of one shopper over all campaigns, in all and on the present day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_per_day: Option<u32>,
    /// Only shoppers who registered since the campaign began.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_shoppers: bool,
    /// Seconds between two draws of one shopper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown_seconds: Option<u32>,
    /// What all prizes together may cost, minor units; a prize that no longer fits counts as sold out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_cents: Option<i64>,
}

/// What a sign-in gives beside the usual when it is the `days`-th in a row. The calendar starts again after its longest
/// row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignStreak))]
pub struct Streak {
    pub days: u32,
    #[serde(default)]
    pub chances: u32,
    #[serde(default)]
    pub points: u32,
}

/// A range of points for purchases of an amount or more, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignSpendPoints))]
pub struct SpendPoints {
    pub from_cents: i64,
    pub min: i64,
    pub max: i64,
}

/// How chances are obtained, and what points come along.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignChances))]
pub struct Chances {
    /// Chances of a day's sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<u32>,
    /// One chance per full amount of a purchase's total, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_purchase_cents: Option<i64>,
    /// What a chance costs in points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_price: Option<i64>,
    /// What a chance costs in money, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_price_cents: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_on_sign_in: Option<PointsRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_on_purchase: Option<PointsRange>,
    /// In place of `points_on_purchase` for purchases that reach an amount; the highest amount reached counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points_by_spend: Vec<SpendPoints>,
    /// Extra for sign-ins on days in a row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streaks: Vec<Streak>,
    /// Chances of a shopper for each other one who comes by their word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<u32>,
    /// Chances of the one who comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referred: Option<u32>,
    /// Full local days that chances can be drawn after the day they were granted; absent, they never expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u32>,
    /// The same for points that the campaign gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_valid_days: Option<u32>,
    /// Seconds until an unpaid order is closed; absent, 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpaid_seconds: Option<u32>,
    /// Full local days after a purchase within which a return takes its unspent chances back, and within which its order
    /// shows `pending`; absent, a return takes them back whenever it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_window_days: Option<u32>,
}

/// Seconds until an unpaid order is closed, where a campaign does not say.
const UNPAID_SECONDS: u32 = 600;

impl Chances {
    /// The points range of a purchase of `cents`.
    pub fn points_for(&self, cents: i64) -> Option<PointsRange> {
        let reached = self.points_by_spend.iter().filter(|step| cents >= step.from_cents);
        let highest = reached.max_by_key(|step| step.from_cents);
        highest.map(|step| PointsRange { min: step.min, max: step.max }).or(self.points_on_purchase)
    }

    /// What the `streak`-th day in a row gives beside the usual.
    pub fn bonus(&self, streak: u32) -> Option<Streak> {
        let longest = self.streaks.iter().map(|s| s.days).max()?.max(1);
        let day = streak.saturating_sub(1) % longest + 1;
        self.streaks.iter().find(|s| s.days == day).copied()
    }

    /// Milliseconds until an unpaid order is closed.
    pub fn unpaid_ms(&self) -> i64 {
        i64::from(self.unpaid_seconds.unwrap_or(UNPAID_SECONDS)) * 1_000
    }
}

impl Definition {
    /// Whether a prize is that of the entry drawing.
    pub fn is_entry_prize(&self, prize: &PrizeDef) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.prize == prize.code)
    }

    /// How many units of a prize there are: its stock, its moments, or the winners of the entry drawing; `None` is without
    /// bound.
    pub fn units(&self, prize: &PrizeDef) -> Option<u64> {
        let entered = self.entry.as_ref().filter(|entry| entry.prize == prize.code).map(|entry| entry.winners);
        prize.stock.or(prize.moments.or(entered).map(u64::from))
    }

    /// The bytes that are hashed: JSON without spaces, fields in declared order, defaults filled in.
    pub fn canonical(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: a definition that was read can be written")
    }

    /// SHA-256 of [`Definition::canonical`]: what "published rules are frozen by hash" refers to.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.canonical()).into()
    }
}

fn cny() -> String {
    "CNY".to_owned()
}

fn shanghai() -> String {
    "Asia/Shanghai".to_owned()
}

fn default_flow() -> String {
    flow::DEFAULT_FLOW.to_owned()
}
