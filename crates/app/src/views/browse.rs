//! What operators look through, and what anyone may see of a campaign before signing in.

use super::{AwardView, Chances, OrderView, SlotView};
use domain::campaign::{PointsRange, State};
use domain::ids::{CampaignId, ShopperId};
use serde::Serialize;
use serde_json::value::RawValue;

/// What the shop holds against a shopper.
#[derive(Debug, Clone, Serialize)]
pub struct RiskView {
    /// What `If-Match` may name; a header.
    #[serde(skip)]
    pub etag: String,
    pub shopper: String,
    /// 0 to 100.
    pub score: u8,
    pub flags: Vec<String>,
}

/// A shopper in a list.
#[derive(Debug, Clone, Serialize)]
pub struct ShopperRow {
    pub id: ShopperId,
    pub external_id: String,
    pub name: Option<String>,
    pub registered_at: String,
    pub points: i64,
    /// Draws in all campaigns.
    pub draws: u64,
    /// 0 to 100.
    pub risk_score: u8,
    pub blacklist: Vec<BlacklistView>,
}

/// A shopper's standing in one campaign.
#[derive(Debug, Clone, Serialize)]
pub struct StandingView {
    pub campaign_id: CampaignId,
    /// Null where the campaign is no longer known.
    pub name: Option<String>,
    pub state: Option<State>,
    pub chances: Chances,
    pub drawn_today: u32,
    /// What was bought for inside the campaign's window, minor units.
    pub spend_cents: i64,
    /// Days signed in in a row.
    pub streak: u32,
    pub referred: bool,
}

/// A shopper's account as support sees it.
#[derive(Debug, Clone, Serialize)]
pub struct AccountView {
    /// Of what the shop told of the shopper: what `If-Match` may name; a header.
    #[serde(skip)]
    pub etag: String,
    pub id: ShopperId,
    pub external_id: String,
    pub name: Option<String>,
    pub registered_at: String,
    pub attributes: serde_json::Map<String, serde_json::Value>,
    pub points: i64,
    /// Set aside beside the points.
    pub held: i64,
    pub risk: RiskView,
    pub blacklist: Vec<BlacklistView>,
    pub campaigns: Vec<StandingView>,
}

/// A draw and whose it is.
#[derive(Debug, Clone, Serialize)]
pub struct DeskDrawView {
    pub shopper: String,
    /// The draw's object.
    #[serde(skip)]
    pub draw: Box<RawValue>,
}

impl DeskDrawView {
    /// Both as one object.
    pub fn merged(&self) -> Box<RawValue> {
        let shopper = serde_json::Value::from(self.shopper.as_str());
        let rest = self.draw.get().strip_prefix('{').unwrap_or("}");
        let text = format!("{{\"shopper\":{shopper},{rest}");
        RawValue::from_string(text).unwrap_or_else(|_| self.draw.clone())
    }
}

/// An order and whose it is.
#[derive(Debug, Clone, Serialize)]
pub struct DeskOrderView {
    pub shopper: String,
    #[serde(flatten)]
    pub order: OrderView,
}

/// One behaviour.
#[derive(Debug, Clone, Serialize)]
pub struct EventView {
    pub id: String,
    pub at: String,
    #[serde(flatten)]
    pub action: domain::behaviour::Action,
}

/// A personal strategy in a list.
#[derive(Debug, Clone, Serialize)]
pub struct StrategyRowView {
    /// The shop's own id.
    pub shopper: String,
    pub generation: u32,
    pub ready_at: Option<String>,
    /// Names of the prizes in slot order.
    pub prizes: Vec<String>,
}

/// Which prizes a shopper sees, and why.
#[derive(Debug, Clone, Serialize)]
pub struct ShopperStrategyView {
    pub campaign_id: CampaignId,
    pub shopper: String,
    /// `random` or `personal`.
    pub source: &'static str,
    /// How often strategies were made anew; 0 for a random one.
    pub generation: u32,
    /// When the personal one was made.
    pub ready_at: Option<String>,
    /// Ordinal of the next draw, and the pool that it draws from.
    pub next_n: u64,
    pub pool: String,
    pub slots: Vec<SlotView>,
}

/// One way to get chances.
#[derive(Debug, Clone, Serialize)]
pub struct WayView {
    /// `sign_in`, `purchase`, `points`, `paid`, `referral`, `redeem`.
    pub kind: &'static str,
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
#[derive(Debug, Clone, Serialize)]
pub struct PublicView {
    pub id: CampaignId,
    pub name: String,
    pub description: Option<String>,
    pub state: State,
    pub starts_at: String,
    pub ends_at: String,
    pub time_zone: String,
    pub currency: String,
    /// How the draw is shown: `nine_grid`, `wheel`, `scratch`, `egg` or `slots`.
    pub skin: domain::campaign::Skin,
    pub rules_version: u32,
    pub rules_hash: String,
    pub seed_hash: String,
    /// Places on the wheel.
    pub slots: usize,
    pub ways: Vec<WayView>,
    /// By the server's clock.
    pub now: String,
}

/// A shopper's sign-ins in a campaign.
#[derive(Debug, Clone, Serialize)]
pub struct SignInsView {
    pub signed_in_today: bool,
    /// Days in a row, up to today or yesterday.
    pub streak: u32,
    /// The campaign's local today.
    pub today: String,
    /// Local days with a sign-in, newest first.
    pub days: Vec<String>,
    /// Extra for days in a row.
    pub rewards: Vec<domain::campaign::Streak>,
}

/// Draws and what they gave in one step of time.
#[derive(Debug, Clone, Serialize)]
pub struct SeriesStep {
    pub at: String,
    pub draws: u64,
    pub wins: u64,
    /// By what prizes cost now.
    pub cost_cents: i64,
    /// Units won of each prize, by its code.
    pub prizes: std::collections::BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SeriesView {
    /// `minute` or `hour`.
    pub step: &'static str,
    /// Steps without a draw are here too.
    pub data: Vec<SeriesStep>,
}

/// How many shoppers came how far.
#[derive(Debug, Clone, Serialize)]
pub struct FunnelView {
    /// With any behaviour.
    pub behaved: u64,
    /// With a personal strategy in this campaign.
    pub strategies: u64,
    /// Who drew.
    pub drew: u64,
    /// Who bought after they drew.
    pub bought_after: u64,
}

/// When a prize will be gone.
#[derive(Debug, Clone, Serialize)]
pub struct StockForecast {
    pub code: String,
    pub stock: u64,
    pub left: u64,
    /// Units won in the last hour.
    pub last_hour: u64,
    /// At that pace; null where none was won or it lasts beyond the campaign.
    pub runs_out_at: Option<String>,
}

/// How well a tier's odds were kept.
#[derive(Debug, Clone, Serialize)]
pub struct TierFit {
    pub code: String,
    pub promised: String,
    pub met: String,
    /// Draws that rolled the tier.
    pub hits: u64,
    /// The interval of Wilson (1927) around what was met, at 99 %; decimal strings.
    pub low: String,
    pub high: String,
    /// Whether what was promised lies in it.
    pub fits: bool,
}

/// What else there is to tell of a campaign.
#[derive(Debug, Clone, Serialize)]
pub struct InsightView {
    pub draws: u64,
    pub stock: Vec<StockForecast>,
    pub tiers: Vec<TierFit>,
    pub funnel: FunnelView,
    /// Where the campaign's composition deals arms.
    pub personalisation: Option<recommend::worth::Worth>,
}

/// An engine beneath.
#[derive(Debug, Clone, Serialize)]
pub struct EngineView {
    /// `ledger`, `records`, `projection`, `sockets`.
    pub name: &'static str,
    /// What it runs on.
    pub kind: &'static str,
    /// `up`, `lagging` or `down`.
    pub state: &'static str,
    /// What is known of it, by name.
    pub figures: std::collections::BTreeMap<&'static str, f64>,
}

/// All that is kept of one shopper.
#[derive(Clone, Serialize)]
pub struct ExportView {
    pub exported_at: String,
    pub account: AccountView,
    pub profile: serde_json::Value,
    pub events: Vec<EventView>,
    pub points: Vec<super::EntryView>,
    pub draws: Vec<Box<RawValue>>,
    pub awards: Vec<AwardView>,
    pub orders: Vec<OrderView>,
    pub addresses: Vec<super::AddressView>,
    /// Whether a list was longer than an export holds; the lists of the API have the rest.
    pub truncated: bool,
}

/// What is wrong with a flow, and how it looks.
#[derive(Debug, Clone, Serialize)]
pub struct FlowCheckView {
    pub valid: bool,
    /// The text that was checked.
    pub flow: String,
    pub errors: Vec<domain::flow::FlowError>,
    /// The same flow in the usual form; null where it cannot be read.
    pub canonical: Option<String>,
    pub outline: Option<domain::flow::outline::Outline>,
    /// Null where the flow has errors.
    pub graph: Option<domain::flow::Graph>,
    pub mermaid: Option<String>,
}

impl FlowCheckView {
    /// Of a text of which nothing is known yet.
    pub fn of(text: &str) -> Self {
        Self {
            valid: false,
            flow: text.to_owned(),
            errors: Vec::new(),
            canonical: None,
            outline: None,
            graph: None,
            mermaid: None,
        }
    }
}

/// What a draw that was only tried came to.
#[derive(Debug, Clone, Serialize)]
pub struct TrialView {
    /// `drawn` or `refused`.
    pub outcome: &'static str,
    /// The code that a draw would be refused with.
    pub refusal: Option<&'static str>,
    pub detail: Option<String>,
    pub pool: Option<String>,
    /// The tier that was rolled.
    pub tier: Option<String>,
    pub slot: Option<u8>,
    pub prize: Option<super::PrizeView>,
    pub points: Option<u32>,
    /// A person would look at it before it is given.
    pub held: bool,
    /// What each rule did, in order: the rule's word, and behind a colon what was unusual.
    pub path: Vec<&'static str>,
}

/// A bar on a shopper, in one campaign or in all.
#[derive(Debug, Clone, Serialize)]
pub struct BlacklistView {
    /// What `If-Match` may name; a header.
    #[serde(skip)]
    pub etag: String,
    pub shopper: String,
    pub mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<CampaignId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
