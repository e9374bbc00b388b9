//! Versions of a campaign's rules, their publication, and templates.

use domain::campaign::compare::{Change, Effect};
use domain::campaign::{Definition, Finding, PointsRange, State};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// One version of a campaign's rules.
#[derive(Serialize, ToSchema)]
pub struct RulesVersion {
    pub campaign_id: String,
    pub version: u32,
    /// `draft`, `announced`, `in_force`, `past` or `withdrawn`.
    pub state: String,
    /// SHA-256 of the definition, hex.
    pub rules_hash: String,
    /// From when on it decides; of a draft, when it is wished to.
    #[schema(format = DateTime)]
    pub effective_at: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When shoppers could first read it.
    #[schema(format = DateTime)]
    pub announced_at: Option<String>,
    /// Who wrote it and who published it; empty where unknown.
    pub author: String,
    pub publisher: String,
    /// Left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<Definition>,
    /// What publishing found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<Finding>>,
}

#[derive(Serialize, ToSchema)]
pub struct RulesVersions {
    pub data: Vec<RulesVersion>,
    pub next_cursor: Option<String>,
}

/// What changes from one version to another.
#[derive(Serialize, ToSchema)]
pub struct RulesDiff {
    /// Null where there were none before.
    pub from: Option<u32>,
    pub to: u32,
    /// The worst of all changes.
    pub effect: Effect,
    pub changes: Vec<Change>,
}

/// What publishing a campaign would say, and its rules as shoppers would read them.
#[derive(Serialize, ToSchema)]
pub struct CampaignCheck {
    /// SHA-256 of the definition that was checked, hex.
    pub rules_hash: String,
    /// No error stands in the way. Warnings of a strict campaign still want to be acknowledged.
    pub publishable: bool,
    pub findings: Vec<Finding>,
    /// The worst of `changes`.
    pub effect: Effect,
    /// What would change of rules that are published; of a draft nothing was promised.
    pub changes: Vec<Change>,
    /// Null where an error makes odds of it impossible.
    pub rules: Option<PublishedRules>,
}

/// What anyone may read of a campaign's rules: no costs, and the seed only when all is over.
#[derive(Serialize, ToSchema)]
pub struct PublishedRules {
    pub campaign_id: String,
    pub name: String,
    pub description: Option<String>,
    pub state: State,
    pub rules_version: u32,
    /// SHA-256 of the definition in force, hex.
    pub rules_hash: String,
    /// SHA-256 of the campaign's seed, hex.
    pub seed_hash: String,
    /// Hex; null until the campaign is over.
    pub campaign_seed: Option<String>,
    /// SHA-256 of the seed of what is told after the campaign's end, hex.
    pub late_seed_hash: String,
    /// Hex; null until the campaign is archived.
    pub late_seed: Option<String>,
    /// Instant-win moments; null where there are none.
    pub moments: Option<PublishedMoments>,
    /// The drawing among tickets once the campaign is over; null where there is none.
    pub entry: Option<domain::campaign::EntryDef>,
    /// How the draw is shown; it decides nothing.
    pub skin: domain::campaign::Skin,
    /// Since when this version decides.
    #[schema(format = DateTime)]
    pub effective_at: String,
    #[schema(format = DateTime)]
    pub starts_at: String,
    #[schema(format = DateTime)]
    pub ends_at: String,
    pub time_zone: String,
    pub currency: String,
    pub prizes: Vec<PublishedPrize>,
    pub tiers: Vec<PublishedTier>,
    pub pools: Vec<PublishedPool>,
    /// The pools under each spend threshold, ascending: the highest one reached counts.
    pub spend_odds: Vec<PublishedSpend>,
    /// As written, without the budget.
    #[schema(value_type = Object)]
    pub limits: Map<String, Value>,
    #[schema(value_type = Object)]
    pub chances: Map<String, Value>,
    pub flow: String,
    pub claim_terms: Option<String>,
    /// Rules that are to follow these; null where none are.
    pub announced: Option<AnnouncedRules>,
}

#[derive(Serialize, ToSchema)]
pub struct PublishedPrize {
    pub code: String,
    pub name: String,
    pub kind: String,
    pub value_cents: i64,
    /// Null is without bound.
    pub quantity: Option<u64>,
    /// Won at moments fixed beforehand, not by odds.
    pub by_time: bool,
    pub points: Option<PointsRange>,
}

#[derive(Serialize, ToSchema)]
pub struct PublishedMoments {
    /// Commits to the times, hex.
    pub hash: String,
    pub count: usize,
    /// Null until the campaign is over.
    pub times: Option<Vec<PublishedMoment>>,
}

#[derive(Serialize, ToSchema)]
pub struct PublishedMoment {
    #[schema(format = DateTime)]
    pub at: String,
    /// Code of the prize.
    pub prize: String,
}

#[derive(Serialize, ToSchema)]
pub struct PublishedTier {
    pub code: String,
    pub slots: u32,
    /// Open from the draw after this one.
    pub unlock_after: u32,
    /// Codes of what can be won in it.
    pub prizes: Vec<String>,
}

/// The odds from a spend threshold on.
#[derive(Serialize, ToSchema)]
pub struct PublishedSpend {
    /// What was bought within the window, less what was returned, in minor units: from here on.
    pub from_cents: i64,
    pub pools: Vec<PublishedPool>,
}

#[derive(Serialize, ToSchema)]
pub struct PublishedPool {
    pub code: String,
    /// The first pool whose condition is true is drawn from; null is always true.
    pub when: Option<String>,
    pub odds: Vec<PublishedOdds>,
}

#[derive(Serialize, ToSchema)]
pub struct PublishedOdds {
    pub tier: String,
    pub weight: u64,
    /// Decimal string rounded to 6 decimals.
    #[schema(example = "0.010989")]
    pub probability: String,
}

/// Rules that take effect at a stated time.
#[derive(Serialize, ToSchema)]
pub struct AnnouncedRules {
    pub version: u32,
    pub rules_hash: String,
    #[schema(format = DateTime)]
    pub effective_at: String,
    pub changes: Vec<Change>,
}

/// Built-in templates.
#[derive(Serialize, ToSchema)]
pub struct Templates {
    pub data: Vec<Template>,
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Template {
    /// Stable word.
    pub code: String,
    pub name: Names,
    pub description: String,
    /// A body for `POST /campaigns` that lacks `name`, `starts_at` and `ends_at`.
    #[schema(value_type = Object)]
    pub campaign: Value,
}

/// A name in every language.
#[derive(Serialize, ToSchema)]
pub struct Names {
    pub zh: String,
    pub en: String,
}
