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
    pub campaign_id: String,
    /// `sign_in`, `paid`, `redeem`, `points`, `purchase`, `referral` or `grant`.
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
    /// Of kind `points`.
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
    /// What the shop gave for a reason, or its own order's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the shop owes back, where a payment came too late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
}

#[derive(Serialize, ToSchema)]
pub struct Orders {
    pub data: Vec<Order>,
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
