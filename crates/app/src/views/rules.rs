//! Published rules and their versions, as operators and shoppers see them.

use domain::campaign::{Definition, Finding, State};
use domain::ids::CampaignId;
use serde::Serialize;

/// One version of a campaign's rules, as operators see it.
#[derive(Debug, Clone, Serialize)]
pub struct VersionView {
    pub campaign_id: CampaignId,
    pub version: u32,
    /// `draft`, `announced`, `in_force`, `past` or `withdrawn`.
    pub state: &'static str,
    pub rules_hash: String,
    /// From when on it decides; of a draft, when it is wished to.
    pub effective_at: String,
    pub created_at: String,
    /// When shoppers could first read it.
    pub announced_at: Option<String>,
    /// Who wrote and who published it; empty where unknown.
    pub author: String,
    pub publisher: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<Definition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<Finding>>,
}

/// What anyone may read of a published campaign's rules.
#[derive(Debug, Clone, Serialize)]
pub struct RulesView {
    pub campaign_id: CampaignId,
    pub name: String,
    pub description: Option<String>,
    pub state: State,
    pub rules_version: u32,
    /// SHA-256 of the definition in force, hex.
    pub rules_hash: String,
    /// SHA-256 of the campaign's seed, hex.
    pub seed_hash: String,
    /// The campaign's seed, hex: null until the campaign is over, then every draw can be recomputed from it.
    pub campaign_seed: Option<String>,
    /// SHA-256 of the seed of what is told after the campaign's end, hex.
    pub late_seed_hash: String,
    /// That seed, hex: null until the campaign is archived, from when on nothing is granted.
    pub late_seed: Option<String>,
    /// Instant-win moments; null where there are none.
    pub moments: Option<MomentsView>,
    /// The drawing among tickets once the campaign is over; null where there is none.
    pub entry: Option<domain::campaign::EntryDef>,
    /// How the draw is shown; it decides nothing.
    pub skin: domain::campaign::Skin,
    /// Since when this version decides.
    pub effective_at: String,
    pub starts_at: String,
    pub ends_at: String,
    pub time_zone: String,
    pub currency: String,
    pub prizes: Vec<RulePrize>,
    pub tiers: Vec<RuleTier>,
    pub pools: Vec<PoolOdds>,
    /// The pools under each spend threshold, ascending: the highest one reached counts.
    pub spend_odds: Vec<SpendOdds>,
    /// As written, without the budget.
    pub limits: serde_json::Map<String, serde_json::Value>,
    pub chances: serde_json::Map<String, serde_json::Value>,
    pub flow: String,
    pub claim_terms: Option<String>,
    /// Rules that are to follow these; null where none are.
    pub announced: Option<AnnouncedView>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RulePrize {
    pub code: String,
    pub name: String,
    pub kind: &'static str,
    pub value_cents: i64,
    /// Null is without bound.
    pub quantity: Option<u64>,
    /// Won at moments fixed beforehand, not by odds.
    pub by_time: bool,
    pub points: Option<domain::campaign::PointsRange>,
}

#[derive(Debug, Clone, Serialize)]
pub struct MomentsView {
    /// Commits to the times, hex.
    pub hash: String,
    pub count: usize,
    /// Null until the campaign is over.
    pub times: Option<Vec<MomentView>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct MomentView {
    pub at: String,
    /// Code of the prize.
    pub prize: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct RuleTier {
    pub code: String,
    pub slots: u32,
    /// Open from the draw after this one.
    pub unlock_after: u32,
    /// Codes of what can be won in it.
    pub prizes: Vec<String>,
}

/// The odds from a spend threshold on.
#[derive(Debug, Clone, Serialize)]
pub struct SpendOdds {
    /// What was bought within the window, less what was returned, in minor units: from here on.
    pub from_cents: i64,
    pub pools: Vec<PoolOdds>,
}

/// The odds of one pool.
#[derive(Debug, Clone, Serialize)]
pub struct PoolOdds {
    pub code: String,
    /// The first pool whose condition is true is drawn from; null is always true.
    pub when: Option<String>,
    pub odds: Vec<TierOdds>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TierOdds {
    pub tier: String,
    pub weight: u64,
    /// Decimal string rounded to 6 decimals.
    pub probability: String,
}

/// Rules that take effect at a stated time.
#[derive(Debug, Clone, Serialize)]
pub struct AnnouncedView {
    pub version: u32,
    pub rules_hash: String,
    pub effective_at: String,
    pub changes: Vec<domain::campaign::compare::Change>,
}

/// What publishing a campaign would say, and its rules as shoppers would read them.
#[derive(Debug, Clone, Serialize)]
pub struct CheckView {
    /// SHA-256 of the definition that was checked, hex.
    pub rules_hash: String,
    /// No error stands in the way. Warnings of a strict campaign still want to be acknowledged.
    pub publishable: bool,
    pub findings: Vec<Finding>,
    /// The worst of `changes`.
    pub effect: domain::campaign::compare::Effect,
    /// What would change of rules that are published; of a draft nothing was promised.
    pub changes: Vec<domain::campaign::compare::Change>,
    /// Null where an error makes odds of it impossible.
    pub rules: Option<RulesView>,
}

/// What changes from one version to another.
#[derive(Debug, Clone, Serialize)]
pub struct DiffView {
    /// Null where there were none before.
    pub from: Option<u32>,
    pub to: u32,
    /// The worst of all changes.
    pub effect: domain::campaign::compare::Effect,
    pub changes: Vec<domain::campaign::compare::Change>,
}
