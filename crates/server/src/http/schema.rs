//! How answers look, for the OpenAPI document. The use cases' views are plain data that knows nothing of OpenAPI; what
//! stands here mirrors them, and a test compares the two by their members.

mod browse;
mod desk;
mod live;
mod orders;
mod persona;
mod rules;

pub use advice::PersonaWords;
pub use browse::*;
pub use desk::*;
pub use live::*;
pub use orders::*;
pub use persona::*;
pub use rules::*;
pub mod advice;
pub mod drawing;
pub mod flows;
pub mod rehearsal;
pub mod topics;

use domain::award::AwardState;
use domain::campaign::{Definition, Finding, State};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// An RFC 9457 problem.
#[derive(Serialize, ToSchema)]
pub struct Problem {
    /// `urn:koi:problem:` and the code.
    #[schema(example = "urn:koi:problem:no_chances")]
    pub r#type: String,
    /// The code in words.
    pub title: String,
    pub status: u16,
    /// What is wrong here.
    pub detail: String,
    /// Stable snake_case word.
    #[schema(example = "no_chances")]
    pub code: String,
    /// Which field of the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What blocks a publish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<Finding>>,
    pub request_id: String,
}

#[derive(Serialize, ToSchema)]
pub struct Shopper {
    /// A snowflake in decimal.
    #[schema(example = "187649984473770497")]
    pub id: String,
    /// The shop's own id.
    #[schema(example = "ada")]
    pub external_id: String,
    pub name: Option<String>,
    #[schema(format = DateTime)]
    pub registered_at: String,
    #[schema(value_type = Object)]
    pub attributes: Map<String, Value>,
}

#[derive(Serialize, ToSchema)]
pub struct Token {
    /// Sent by the shopper as `Authorization: Bearer …`.
    pub token: String,
    #[schema(format = DateTime)]
    pub expires_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct EventRejection {
    /// Place in the request, from 0.
    pub index: usize,
    pub code: String,
    pub detail: String,
}

#[derive(Serialize, ToSchema)]
pub struct Events {
    pub accepted: usize,
    /// Events whose (shopper, id) was known.
    pub duplicates: usize,
    pub rejected: Vec<EventRejection>,
}

#[derive(Serialize, ToSchema)]
pub struct CategoryCount {
    pub category: String,
    /// Units bought, net of returns.
    pub quantity: i64,
}

#[derive(Serialize, ToSchema)]
pub struct RepeatItem {
    pub sku: String,
    pub name: String,
    /// Orders with it.
    pub orders: u32,
    /// Units bought, net of returns.
    pub quantity: i64,
    #[schema(format = DateTime)]
    pub last_at: Option<String>,
}

/// What single units cost that the shopper bought; null where nothing had a price.
#[derive(Serialize, ToSchema)]
pub struct PriceBand {
    pub min_cents: Option<i64>,
    pub mean_cents: Option<i64>,
    pub max_cents: Option<i64>,
}

/// What behaviour says about a shopper.
#[derive(Serialize, ToSchema)]
pub struct Profile {
    pub shopper: String,
    /// The first act of any kind.
    #[schema(format = DateTime)]
    pub first_at: Option<String>,
    #[schema(format = DateTime)]
    pub last_at: Option<String>,
    #[schema(format = DateTime)]
    pub last_purchase_at: Option<String>,
    /// Days since the last purchase.
    pub recency_days: Option<i64>,
    pub orders: u32,
    pub returns: u32,
    /// Net of returns.
    pub spend_cents: i64,
    pub price_band: PriceBand,
    pub categories: Vec<CategoryCount>,
    /// Items bought in more than one order.
    pub repeat_items: Vec<RepeatItem>,
    pub reviews: u32,
    pub searches: u32,
    pub views: u32,
    pub sign_ins: u32,
    #[serde(flatten)]
    pub persona: Persona,
    /// Named segments (`GET /segments`) that the shopper belongs to.
    pub segments: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Recommendation {
    pub sku: String,
    pub name: String,
    pub score: f32,
    pub reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct Recommendations {
    pub data: Vec<Recommendation>,
}

#[derive(Serialize, ToSchema)]
pub struct Choice {
    /// The id of the most probable option, of equal ones the first.
    #[schema(example = "B")]
    pub choice: String,
    /// By id, decimals of six places that add up to 1.
    pub probabilities: std::collections::BTreeMap<String, String>,
    /// `model` or `llm`.
    #[schema(example = "model")]
    pub source: String,
    /// Why, in the language of the request: Chinese where a product's name is, else English.
    pub explanation: String,
}

/// A campaign for a segment; nothing is stored of it.
#[derive(Serialize, ToSchema)]
pub struct Draft {
    /// The segment in words.
    pub brief: String,
    /// The template that it was made from.
    #[schema(example = "wheel")]
    pub template: String,
    /// `model` or `llm`.
    pub source: String,
    /// A body for `POST /campaigns`.
    pub campaign: Definition,
    /// What publishing would find; no errors.
    pub findings: Vec<Finding>,
}

#[derive(Serialize, ToSchema)]
pub struct Blacklist {
    pub shopper: String,
    /// `points_only`, `refuse`, or null where the shopper is not listed.
    pub mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Campaign {
    pub id: String,
    pub state: State,
    /// What the ETag shows.
    pub version: u32,
    /// Of the rules in force, which draws and receipts name; 0 before the first publish.
    pub rules_version: u32,
    /// SHA-256 of the definition, hex.
    pub rules_hash: String,
    /// SHA-256 of the campaign's seed, hex.
    pub seed_hash: Option<String>,
    /// The seed itself, hex; only once the campaign has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_seed: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When an act brought it to its end, and who did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub ended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    #[serde(flatten)]
    pub definition: Definition,
    /// What publishing found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<Finding>>,
}

#[derive(Serialize, ToSchema)]
pub struct Campaigns {
    pub data: Vec<Campaign>,
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PrizeReport {
    pub code: String,
    /// Null is unlimited.
    pub stock: Option<u64>,
    pub won: u64,
    pub left: Option<u64>,
}

#[derive(Serialize, ToSchema)]
pub struct TierReport {
    pub code: String,
    /// The share of draws that should hit the tier, a decimal string.
    pub promised: String,
    /// The share that did.
    pub met: String,
}

#[derive(Serialize, ToSchema)]
pub struct GrantedUsed {
    pub granted: u64,
    pub used: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<u64>,
}

#[derive(Serialize, ToSchema)]
pub struct Generation {
    pub total: u64,
    pub done: u64,
    pub stale: u64,
}

#[derive(Serialize, ToSchema)]
pub struct Report {
    pub id: String,
    pub state: State,
    pub draws: u64,
    pub cost_cents: i64,
    pub points_won: u64,
    pub prizes: Vec<PrizeReport>,
    pub tiers: Vec<TierReport>,
    pub chances: GrantedUsed,
    pub generation: Generation,
}

#[derive(Serialize, ToSchema)]
pub struct Chances {
    /// `granted - used - expired - taken_back = left`.
    pub granted: u64,
    pub used: u64,
    pub left: u64,
    /// Not drawn in time; absent means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired: Option<u64>,
    /// Taken back by returns; absent means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<u64>,
}

#[derive(Serialize, ToSchema)]
pub struct Prize {
    pub code: String,
    pub name: String,
    /// `points`, `coupon`, `goods`, `balance`, `webhook` or `none`.
    pub kind: String,
    pub category: String,
    pub value_cents: i64,
}

#[derive(Serialize, ToSchema)]
pub struct Slot {
    pub index: u8,
    pub prize: Prize,
    pub tier: String,
    /// In the next draw's pool; a decimal string of 6 decimals.
    #[schema(example = "0.150000")]
    pub probability: String,
    pub unlocked: bool,
    /// Draws until it is unlocked; absent where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlocks_in: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Strategy {
    /// `random` or `personal`.
    pub source: String,
    pub slots: Vec<Slot>,
}

#[derive(Serialize, ToSchema)]
pub struct Me {
    pub campaign_id: String,
    pub state: State,
    pub chances: Chances,
    pub points: i64,
    /// Where the campaign draws among tickets when it is over: the shopper's so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tickets: Option<u64>,
    /// Ordinal of the next draw.
    pub next_n: u64,
    /// SHA-256 of the next draw's seed, hex: compare it with the receipt.
    pub next_seed_hash: String,
    pub seed_hash: String,
    pub rules_hash: String,
    pub rules_version: u32,
    pub signed_in_today: bool,
    /// Days signed in in a row, up to today or yesterday.
    pub streak: u32,
    /// What others give as `code` when they come by this shopper's word, where the campaign rewards that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referral_code: Option<String>,
    pub pool: String,
    /// How far the shopper is from each guaranteed tier.
    pub guarantees: Vec<flows::Guarantee>,
    pub strategy: Strategy,
}

#[derive(Serialize, ToSchema)]
pub struct DrawAward {
    pub id: String,
    pub state: AwardStateWord,
}

/// Where an award stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AwardStateWord {
    Granting,
    Granted,
    Failed,
    Claimed,
    Expired,
}

impl From<AwardState> for AwardStateWord {
    fn from(state: AwardState) -> Self {
        match state {
            AwardState::Granting => AwardStateWord::Granting,
            AwardState::Granted => AwardStateWord::Granted,
            AwardState::Failed => AwardStateWord::Failed,
            AwardState::Claimed => AwardStateWord::Claimed,
            AwardState::Expired => AwardStateWord::Expired,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Draw {
    pub id: String,
    pub campaign_id: String,
    /// 1, 2, 3 … per shopper and campaign.
    pub n: u64,
    pub slot: Option<u8>,
    pub pool: String,
    pub prize: Prize,
    /// Null for prizes of kind `none`.
    pub award: Option<DrawAward>,
    pub chances_left: u64,
    #[schema(format = DateTime)]
    pub drawn_at: String,
    /// What `koi verify-receipt` recomputes the draw from.
    #[schema(value_type = Object)]
    pub receipt: Value,
}

/// One draw, or with `count` all of them.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "only its shape is used, in the OpenAPI document")]
pub enum Drawn {
    One(Draw),
    Several { draws: Vec<Draw> },
}

#[derive(Serialize, ToSchema)]
pub struct Draws {
    pub data: Vec<Draw>,
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Award {
    pub id: String,
    pub state: AwardStateWord,
    /// Of what was won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw_id: Option<String>,
    /// Of what points bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// A person looks at it before anything is given: the shopper can bring their case before the shop. Absent: no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
    pub prize: Prize,
    /// Where the prize is points: how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<u32>,
    /// Until when it must be claimed; absent where it never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub claim_by: Option<String>,
    /// Of a coupon that is granted; only its own shopper sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_code: Option<String>,
    #[schema(format = DateTime)]
    pub at: String,
}

#[derive(Serialize, ToSchema)]
pub struct Awards {
    pub data: Vec<Award>,
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Health {
    pub status: &'static str,
}

/// What every route of the API may answer instead.
#[derive(utoipa::IntoResponses)]
pub enum Problems {
    #[response(
        status = "4XX",
        description = "The request was refused and nothing was changed; `code` says why",
        content_type = "application/problem+json"
    )]
    Refused(Problem),
    #[response(
        status = 503,
        description = "Nothing is known to have happened; ask again after `Retry-After` seconds",
        content_type = "application/problem+json"
    )]
    Unavailable(Problem),
}

mod fulfilment;

pub use fulfilment::*;

#[cfg(test)]
mod tests;
