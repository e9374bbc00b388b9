//! How orders and points look.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Balance {
    /// The sum of all entries.
    pub balance: i64,
    /// Set aside beside the balance.
    pub held: i64,
}

#[derive(Serialize, ToSchema)]
pub struct PointsAdded {
    /// Of the entry.
    pub id: String,
    pub balance: i64,
}

#[derive(Serialize, ToSchema)]
pub struct Entry {
    pub id: String,
    /// Signed.
    pub amount: i64,
    /// After this entry.
    pub balance: i64,
    /// The account it stands against: `issued`, `spent`, `expired` or `held`.
    pub contra: String,
    pub reason: String,
    pub business_key: String,
    /// When what it gives expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// What `koi verify-receipt` recomputes the amount from, where chance decided it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub receipt: Option<Value>,
    #[schema(format = DateTime)]
    pub at: String,
}

#[derive(Serialize, ToSchema)]
pub struct Entries {
    pub data: Vec<Entry>,
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Order {
    pub id: String,
    /// Absent where it gives no chances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
    /// `sign_in`, `paid`, `redeem`, `points`, `purchase`, `referral`, `grant` or `exchange`.
    pub kind: String,
    /// `pending_payment`, `effective`, `used`, `expired` or `closed`.
    pub state: String,
    pub chances: u32,
    /// Chances of it that can still be drawn.
    pub left: u64,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When its chances expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// Of kind `paid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_cents: Option<i64>,
    /// Of kind `paid`: from then on it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub pay_by: Option<String>,
    /// Of kinds `points` and `exchange`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_points: Option<i64>,
    /// Points that came along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<i64>,
    /// Of kind `sign_in`: days in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streak: Option<u32>,
    /// Of kind `purchase`: whether a return would still take unspent chances back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub pending_until: Option<String>,
    /// Of kind `exchange`: the item, how many of it, and the awards of a prize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub awards: Vec<OrderAward>,
    /// What the shop gave for a reason, or its own order's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the shop owes back, where a payment came too late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
}

#[derive(Serialize, ToSchema)]
pub struct OrderAward {
    pub id: String,
    pub state: super::AwardStateWord,
}

/// An item of the exchange shop.
#[derive(Serialize, ToSchema)]
pub struct ExchangeItem {
    pub id: String,
    /// `active` or `retired`.
    pub state: String,
    #[serde(flatten)]
    pub definition: domain::exchange::ItemDef,
    /// Units bought and not given back.
    pub sold: u64,
    pub left: u64,
    #[schema(format = DateTime)]
    pub created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct ExchangeItems {
    pub data: Vec<ExchangeItem>,
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Orders {
    pub data: Vec<Order>,
    pub next_cursor: Option<String>,
}

/// A batch of redeem codes.
#[derive(Serialize, ToSchema)]
pub struct CodeBatch {
    pub batch_id: String,
    pub campaign_id: String,
    /// `generated` or `imported`.
    pub origin: String,
    /// Codes in it.
    pub count: u64,
    /// Chances of one use.
    pub chances: u32,
    /// How often each code can be used.
    pub uses: u32,
    /// How many uses of the batch one shopper has; absent, unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_shopper: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub starts_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub ends_at: Option<String>,
    /// Uses of all codes together.
    pub used: u64,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
pub struct CodeBatches {
    pub data: Vec<CodeBatch>,
    pub next_cursor: Option<String>,
}

/// Money that the shop owes back.
#[derive(Serialize, ToSchema)]
pub struct Refund {
    pub id: String,
    pub order_id: String,
    pub campaign_id: String,
    /// The shop's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shopper: Option<String>,
    /// Empty where the shop gave none.
    pub payment_id: String,
    pub amount_cents: i64,
    pub reason: String,
    #[schema(format = DateTime)]
    pub at: String,
}

#[derive(Serialize, ToSchema)]
pub struct Refunds {
    pub data: Vec<Refund>,
    pub next_cursor: Option<String>,
}
