//! What the use cases show: plain data with the field names of the API. The server renders it as it is.

mod browse;
mod drawing;
mod live;
mod models;
mod rehearsal;
mod reliability;
mod rules;

pub use browse::*;
pub use drawing::*;
pub use live::*;
pub use models::*;
pub use rehearsal::*;
pub use reliability::*;
pub use rules::*;

use domain::campaign::{Definition, Finding, State};
use domain::exchange::ItemDef;
use domain::ids::{AwardId, BatchId, CampaignId, DeliveryId, DrawId, EndpointId, EntryId, ItemId, OrderId, ShopperId};
use serde::{Deserialize, Serialize};

/// One page of a list, newest first.
#[derive(Debug, Clone, Serialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    pub next_cursor: Option<String>,
}

/// Which page is asked for: at most `limit` (1 to 200) rows after `cursor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageAsk {
    pub limit: u32,
    /// Rows with an id below this one.
    pub before: Option<u64>,
}

/// A shopper as the shop's server sees them.
#[derive(Debug, Clone, Serialize)]
pub struct ShopperView {
    /// What `If-Match` may name; a header.
    #[serde(skip)]
    pub etag: String,
    pub id: ShopperId,
    pub external_id: String,
    pub name: Option<String>,
    pub registered_at: String,
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

/// What a shop tells of a shopper.
#[derive(Debug, Clone, Default)]
pub struct ShopperInput {
    pub name: Option<String>,
    pub registered_at_ms: Option<i64>,
    pub attributes: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Why one event of a request was not taken.
#[derive(Debug, Clone, Serialize)]
pub struct EventRejection {
    pub index: usize,
    pub code: &'static str,
    pub detail: String,
}

/// What became of the events of one request.
#[derive(Debug, Clone, Default, Serialize)]
pub struct EventsView {
    pub accepted: usize,
    pub duplicates: usize,
    pub rejected: Vec<EventRejection>,
}

/// A campaign as operators see it.
#[derive(Debug, Clone, Serialize)]
pub struct CampaignView {
    pub id: CampaignId,
    pub state: State,
    pub version: u32,
    /// Of the rules in force; 0 before the first publish.
    pub rules_version: u32,
    /// SHA-256 of the published definition, hex.
    pub rules_hash: String,
    /// SHA-256 of the campaign's seed, hex; published with the rules.
    pub seed_hash: Option<String>,
    /// The seed itself, hex; only once the campaign has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_seed: Option<String>,
    pub created_at: String,
    /// When an act brought it to its end, and who did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    #[serde(flatten)]
    pub definition: Definition,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<Finding>>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Chances {
    /// `granted - used - expired - taken_back = left`.
    pub granted: u64,
    pub used: u64,
    pub left: u64,
    #[serde(skip_serializing_if = "none")]
    pub expired: u64,
    #[serde(skip_serializing_if = "none")]
    pub taken_back: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn none(count: &u64) -> bool {
    *count == 0
}

/// One place on the wheel.
#[derive(Debug, Clone, Serialize)]
pub struct SlotView {
    pub index: u8,
    pub prize: PrizeView,
    pub tier: String,
    /// Decimal string rounded to 6 decimals: this slot's probability in the next draw's pool.
    pub probability: String,
    pub unlocked: bool,
    /// Draws until it is unlocked; absent where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlocks_in: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PrizeView {
    pub code: String,
    pub name: String,
    pub kind: String,
    pub category: String,
    pub value_cents: i64,
}

#[derive(Debug, Clone, Serialize)]
pub struct StrategyView {
    /// `random` or `personal`.
    pub source: &'static str,
    pub slots: Vec<SlotView>,
}

/// What a shopper sees of a campaign.
#[derive(Debug, Clone, Serialize)]
pub struct MeView {
    pub campaign_id: CampaignId,
    pub state: State,
    pub chances: Chances,
    pub points: i64,
    /// Where the campaign draws among tickets when it is over: the shopper's so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tickets: Option<u64>,
    pub next_n: u64,
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
    /// How far the shopper is from each guaranteed tier, the most valuable first.
    pub guarantees: Vec<GuaranteeView>,
    pub strategy: StrategyView,
}

/// A promise that counts draws.
#[derive(Debug, Clone, Serialize)]
pub struct GuaranteeView {
    pub tier: String,
    /// After so many draws without a prize of the tier the next one is of it.
    pub after: u32,
    /// Draws since the last prize of it.
    pub draws_without: u32,
}

/// A campaign's rule flow.
#[derive(Debug, Clone, Serialize)]
pub struct FlowView {
    pub flow: String,
    /// The version of the rules that it belongs to: what draws and receipts name. 0 for a draft.
    pub version: u32,
    /// SHA-256 of the rules, hex.
    pub rules_hash: String,
    /// The campaign's version, for the ETag.
    #[serde(skip)]
    pub etag: u32,
}

#[derive(Debug, Clone, Serialize)]
pub struct AwardView {
    pub id: AwardId,
    pub state: AwardState,
    /// Of what was won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw_id: Option<DrawId>,
    /// Of what points bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<ItemId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// A person looks at it before anything is given; the shopper can bring their case before the shop.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    pub prize: PrizeView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<u32>,
    /// Until when it must be claimed; absent where it never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_by: Option<String>,
    /// Only for the shopper who won it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_code: Option<String>,
    pub at: String,
}

/// An award as the shop's server sees it.
#[derive(Debug, Clone, Serialize)]
pub struct ShopAwardView {
    pub shopper: String,
    #[serde(flatten)]
    pub award: AwardView,
}

/// Where the shop is to send an award. Personal: never logged.
#[derive(Clone, Serialize)]
pub struct AddressView {
    pub award_id: AwardId,
    pub address: serde_json::Map<String, serde_json::Value>,
}

/// An endpoint of the shop.
#[derive(Clone, Serialize)]
pub struct WebhookView {
    pub id: EndpointId,
    pub url: String,
    pub types: Vec<&'static str>,
    /// How many secrets sign at present.
    pub secrets: usize,
    /// `whsec_…`, only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    pub created_at: String,
}

/// A message on its way to an endpoint.
#[derive(Debug, Clone, Serialize)]
pub struct DeliveryView {
    pub id: DeliveryId,
    /// `null` while it is not known who fulfils the award.
    pub webhook_id: Option<EndpointId>,
    pub message_id: String,
    pub r#type: &'static str,
    pub state: &'static str,
    pub attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub award_id: Option<AwardId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
    pub at: String,
}

/// What a pool of coupons holds.
#[derive(Debug, Clone, Serialize)]
pub struct CouponsView {
    pub added: u64,
    pub duplicates: u64,
    pub free: u64,
    pub assigned: u64,
}

pub use domain::award::AwardState;

#[derive(Debug, Clone, Serialize)]
pub struct EntryView {
    pub id: EntryId,
    pub amount: i64,
    pub balance: i64,
    /// The account it stands against: `issued`, `spent`, `expired` or `held`.
    pub contra: &'static str,
    pub reason: String,
    pub business_key: String,
    /// When what it gives expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// What `koi verify-receipt` recomputes the amount from, where chance decided it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Box<serde_json::value::RawValue>>,
    pub at: String,
}

/// A shopper's points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BalanceView {
    /// The sum of all entries.
    pub balance: i64,
    /// Set aside beside the balance.
    pub held: i64,
}

/// An order, as made and as it stands.
#[derive(Debug, Clone, Serialize)]
pub struct OrderView {
    pub id: OrderId,
    /// Absent where it gives no chances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    pub kind: &'static str,
    pub state: &'static str,
    pub chances: u32,
    /// Chances of it that can still be drawn.
    pub left: u64,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// What is to be paid, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_cents: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay_by: Option<String>,
    /// What it cost in points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_points: Option<i64>,
    /// Points that came along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<i64>,
    /// Days signed in in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streak: Option<u32>,
    /// Whether a return would still take its unspent chances back, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_until: Option<String>,
    /// Of an exchange order: what was bought, how much of it, and the awards of a prize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<ItemId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub awards: Vec<OrderAwardView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where a payment came too late: what the shop owes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund: Option<RefundView>,
}

/// An award that an order brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OrderAwardView {
    pub id: AwardId,
    pub state: AwardState,
}

/// An item of the exchange shop.
#[derive(Debug, Clone, Serialize)]
pub struct ItemView {
    pub id: ItemId,
    /// `active` or `retired`.
    pub state: &'static str,
    #[serde(flatten)]
    pub definition: ItemDef,
    pub sold: u64,
    pub left: u64,
    pub created_at: String,
    /// For the ETag.
    #[serde(skip)]
    pub version: u32,
}

/// A batch of redeem codes.
#[derive(Debug, Clone, Serialize)]
pub struct CodeBatchView {
    pub batch_id: BatchId,
    pub campaign_id: CampaignId,
    /// `generated` or `imported`.
    pub origin: &'static str,
    pub count: u64,
    pub chances: u32,
    pub uses: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_shopper: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// Uses of all codes together.
    pub used: u64,
    pub created_at: String,
    /// Only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes: Option<Vec<String>>,
}

/// Money that the shop owes back.
#[derive(Debug, Clone, Serialize)]
pub struct RefundView {
    pub id: EntryId,
    pub order_id: OrderId,
    pub campaign_id: CampaignId,
    /// The shop's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shopper: Option<String>,
    pub payment_id: String,
    pub amount_cents: i64,
    pub reason: String,
    pub at: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct PrizeReport {
    pub code: String,
    /// `null` is unlimited.
    pub stock: Option<u64>,
    pub won: u64,
    pub left: Option<u64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TierReport {
    pub code: String,
    /// Decimal strings: the share of draws that should hit the tier, over the pools that were used, and that did.
    pub promised: String,
    pub met: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct GrantedUsed {
    pub granted: u64,
    pub used: u64,
    #[serde(skip_serializing_if = "none")]
    pub expired: u64,
    #[serde(skip_serializing_if = "none")]
    pub taken_back: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GenerationView {
    pub total: u64,
    pub done: u64,
    pub stale: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct ReportView {
    pub id: CampaignId,
    pub state: State,
    pub draws: u64,
    pub cost_cents: i64,
    pub points_won: u64,
    pub prizes: Vec<PrizeReport>,
    pub tiers: Vec<TierReport>,
    pub chances: GrantedUsed,
    pub generation: GenerationView,
}

#[derive(Debug, Clone, Serialize)]
pub struct RecommendationView {
    pub sku: String,
    pub name: String,
    pub score: f32,
    pub reason: String,
}

/// Which group of products a shopper would rather buy.
#[derive(Debug, Clone, Serialize)]
pub struct ChoiceView {
    /// The option's id.
    pub choice: String,
    /// By the option's id, decimals of six places that add up to 1.
    pub probabilities: std::collections::BTreeMap<String, String>,
    /// `model` or `llm`.
    pub source: &'static str,
    pub explanation: String,
}

/// One event of a request: a shopper's external id and what they did, or why it is not taken.
pub type EventInput = Result<(String, domain::behaviour::Behaviour), EventRejection>;
