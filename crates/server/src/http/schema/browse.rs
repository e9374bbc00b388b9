//! What operators look through, and what anyone may see.

use super::flows::Risk;
use super::{Award, BigWin, Blacklist, Chances, Draw, Order, Prize, ShopAward, Slot};
use domain::campaign::{PointsRange, Skin, State, Streak};
use domain::flow::outline::Outline;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A shopper in a list.
#[derive(Serialize, ToSchema)]
pub struct ShopperRow {
    pub id: String,
    pub external_id: String,
    pub name: Option<String>,
    #[schema(format = DateTime)]
    pub registered_at: String,
    pub points: i64,
    /// Draws in all campaigns.
    pub draws: u64,
    /// 0 to 100.
    pub risk_score: u8,
    pub blacklist: Vec<Blacklist>,
}

#[derive(Serialize, ToSchema)]
pub struct ShopperRows {
    pub data: Vec<ShopperRow>,
    pub next_cursor: Option<String>,
}

/// A shopper's standing in one campaign.
#[derive(Serialize, ToSchema)]
pub struct Standing {
    pub campaign_id: String,
    /// Null where the campaign is no longer known.
    pub name: Option<String>,
    pub state: Option<State>,
    pub chances: Chances,
    pub drawn_today: u32,
    /// What was bought for inside the campaign's window.
    pub spend_cents: i64,
    /// Days signed in in a row.
    pub streak: u32,
    /// Whether they came by another shopper's word.
    pub referred: bool,
}

/// A shopper's account as support sees it.
#[derive(Serialize, ToSchema)]
pub struct Account {
    pub id: String,
    pub external_id: String,
    pub name: Option<String>,
    #[schema(format = DateTime)]
    pub registered_at: String,
    #[schema(value_type = Object)]
    pub attributes: serde_json::Map<String, serde_json::Value>,
    pub points: i64,
    /// Set aside beside the points.
    pub held: i64,
    pub risk: Risk,
    pub blacklist: Vec<Blacklist>,
    pub campaigns: Vec<Standing>,
}

/// A draw and whose it is.
#[derive(Serialize, ToSchema)]
pub struct DeskDraw {
    /// The shop's own id.
    pub shopper: String,
    #[serde(flatten)]
    pub draw: Draw,
}

#[derive(Serialize, ToSchema)]
pub struct DeskDraws {
    pub data: Vec<DeskDraw>,
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ShopAwards {
    pub data: Vec<ShopAward>,
    pub next_cursor: Option<String>,
}

/// An order and whose it is.
#[derive(Serialize, ToSchema)]
pub struct DeskOrder {
    /// The shop's own id.
    pub shopper: String,
    #[serde(flatten)]
    pub order: Order,
}

#[derive(Serialize, ToSchema)]
pub struct DeskOrders {
    pub data: Vec<DeskOrder>,
    pub next_cursor: Option<String>,
}

/// What a shopper bought or gave back.
#[derive(Serialize, ToSchema)]
pub struct EventItem {
    pub sku: String,
    pub name: String,
    pub category: String,
    pub price_cents: i64,
    pub quantity: u32,
}

/// One behaviour. Which members it has beside `id`, `at` and `type` depends on the type.
#[derive(Serialize, ToSchema)]
pub struct ShopperEvent {
    /// The shop's own id of it.
    pub id: String,
    #[schema(format = DateTime)]
    pub at: String,
    /// `purchase`, `return`, `review`, `search`, `view` or `sign_in`.
    pub r#type: String,
    /// Of a purchase or a return.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<EventItem>>,
    /// Of a review or a view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Of a review, 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Of a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ShopperEvents {
    pub data: Vec<ShopperEvent>,
    pub next_cursor: Option<String>,
}

/// A personal strategy in a list.
#[derive(Serialize, ToSchema)]
pub struct StrategyRow {
    /// The shop's own id.
    pub shopper: String,
    /// How often strategies were made anew.
    pub generation: u32,
    #[schema(format = DateTime)]
    pub ready_at: Option<String>,
    /// Names of the prizes in slot order.
    pub prizes: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct StrategyRows {
    pub data: Vec<StrategyRow>,
    pub next_cursor: Option<String>,
}

/// Which prizes a shopper sees, and why.
#[derive(Serialize, ToSchema)]
pub struct ShopperStrategy {
    pub campaign_id: String,
    pub shopper: String,
    /// `random` or `personal`.
    pub source: String,
    /// How often strategies were made anew; 0 for a random one.
    pub generation: u32,
    /// When the personal one was made.
    #[schema(format = DateTime)]
    pub ready_at: Option<String>,
    /// Ordinal of the next draw.
    pub next_n: u64,
    /// The pool that it draws from.
    pub pool: String,
    pub slots: Vec<Slot>,
}

/// One way to get chances.
#[derive(Serialize, ToSchema)]
pub struct Way {
    /// `sign_in`, `purchase`, `points`, `paid`, `referral` or `redeem`.
    pub kind: String,
    /// Chances that it gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chances: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_points: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_cents: Option<i64>,
    /// Of a purchase: one chance per full amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_cents: Option<i64>,
    /// Points that come along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<PointsRange>,
}

/// What anyone may see of a published campaign.
#[derive(Serialize, ToSchema)]
pub struct PublicCampaign {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub state: State,
    #[schema(format = DateTime)]
    pub starts_at: String,
    #[schema(format = DateTime)]
    pub ends_at: String,
    pub time_zone: String,
    pub currency: String,
    pub skin: Skin,
    pub rules_version: u32,
    pub rules_hash: String,
    pub seed_hash: String,
    /// Places on the wheel.
    pub slots: usize,
    pub ways: Vec<Way>,
    /// By the server's clock.
    #[schema(format = DateTime)]
    pub now: String,
}

/// A shopper's sign-ins in a campaign. Days are the campaign's local ones.
#[derive(Serialize, ToSchema)]
pub struct SignIns {
    pub signed_in_today: bool,
    /// Days in a row, up to today or yesterday.
    pub streak: u32,
    #[schema(format = Date)]
    pub today: String,
    /// With a sign-in, newest first, at most 62.
    #[schema(example = json!(["2026-11-28", "2026-11-27"]))]
    pub days: Vec<String>,
    /// Extra for days in a row.
    pub rewards: Vec<Streak>,
}

#[derive(Serialize, ToSchema)]
pub struct BigWins {
    pub data: Vec<BigWin>,
    /// Always null: there are few.
    pub next_cursor: Option<String>,
}

/// Draws and what they gave in one step of time.
#[derive(Serialize, ToSchema)]
pub struct SeriesStep {
    #[schema(format = DateTime)]
    pub at: String,
    pub draws: u64,
    pub wins: u64,
    /// By what prizes cost now.
    pub cost_cents: i64,
    /// Units won of each prize, by its code.
    pub prizes: BTreeMap<String, u64>,
}

#[derive(Serialize, ToSchema)]
pub struct Series {
    /// `minute` or `hour`.
    pub step: String,
    pub data: Vec<SeriesStep>,
}

/// How many shoppers came how far.
#[derive(Serialize, ToSchema)]
pub struct Funnel {
    /// With any behaviour.
    pub behaved: u64,
    /// With a personal strategy in this campaign.
    pub strategies: u64,
    pub drew: u64,
    /// Who bought after they drew.
    pub bought_after: u64,
}

/// When a prize will be gone.
#[derive(Serialize, ToSchema)]
pub struct StockForecast {
    pub code: String,
    pub stock: u64,
    pub left: u64,
    /// Units won in the last hour.
    pub last_hour: u64,
    /// At that pace; null where none was won or it lasts beyond the campaign.
    #[schema(format = DateTime)]
    pub runs_out_at: Option<String>,
}

/// How well a tier's odds were kept.
#[derive(Serialize, ToSchema)]
pub struct TierFit {
    pub code: String,
    pub promised: String,
    pub met: String,
    /// Draws that rolled the tier.
    pub hits: u64,
    /// The interval of Wilson (1927) around what was met, at 99 %.
    pub low: String,
    pub high: String,
    /// Whether what was promised lies in it.
    pub fits: bool,
}

/// What else there is to tell of a campaign.
#[derive(Serialize, ToSchema)]
pub struct Insight {
    pub draws: u64,
    pub stock: Vec<StockForecast>,
    pub tiers: Vec<TierFit>,
    pub funnel: Funnel,
    /// Null where the campaign's `composition` deals no arms.
    pub personalisation: Option<super::Personalisation>,
}

/// An engine beneath.
#[derive(Serialize, ToSchema)]
pub struct Engine {
    /// `ledger`, `records`, `projection`.
    pub name: String,
    /// What it runs on.
    pub kind: String,
    /// `up`, `lagging` or `down`.
    pub state: String,
    /// What is known of it, by name.
    pub figures: BTreeMap<String, f64>,
}

#[derive(Serialize, ToSchema)]
pub struct Engines {
    pub data: Vec<Engine>,
    /// Always null: there are few.
    pub next_cursor: Option<String>,
}

/// What is wrong with a flow at one place.
#[derive(Serialize, ToSchema)]
pub struct FlowProblem {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

/// What is wrong with a flow, and how it looks.
#[derive(Serialize, ToSchema)]
pub struct FlowCheck {
    pub valid: bool,
    /// The text that was checked.
    pub flow: String,
    pub errors: Vec<FlowProblem>,
    /// The same flow in the usual form; null where it cannot be read.
    pub canonical: Option<String>,
    pub outline: Option<Outline>,
    /// Null where the flow has errors.
    pub graph: Option<super::flows::FlowGraph>,
    pub mermaid: Option<String>,
}

/// What a draw that was only tried came to.
#[derive(Serialize, ToSchema)]
pub struct Trial {
    /// `drawn` or `refused`.
    pub outcome: String,
    /// The code that a draw would be refused with.
    pub refusal: Option<String>,
    pub detail: Option<String>,
    pub pool: Option<String>,
    /// The tier that was rolled.
    pub tier: Option<String>,
    pub slot: Option<u8>,
    pub prize: Option<Prize>,
    pub points: Option<u32>,
    /// A person would look at it before it is given.
    pub held: bool,
    /// What each rule did, in order: the rule's word, and behind a colon what was unusual.
    #[schema(example = json!(["blacklist", "window", "limits", "pool", "draw", "stock:sold_out", "fallback:tier"]))]
    pub path: Vec<String>,
}

/// All that is kept of one shopper.
#[derive(Serialize, ToSchema)]
pub struct Export {
    #[schema(format = DateTime)]
    pub exported_at: String,
    pub account: Account,
    pub profile: super::Profile,
    pub events: Vec<ShopperEvent>,
    pub points: Vec<super::Entry>,
    pub draws: Vec<Draw>,
    pub awards: Vec<Award>,
    pub orders: Vec<Order>,
    pub addresses: Vec<super::ShippingAddress>,
    /// Whether a list was longer than an export holds; the lists of the API have the rest.
    pub truncated: bool,
}
