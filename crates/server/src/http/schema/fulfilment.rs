//! Answers of fulfilment: awards as the shop sees them, webhooks, deliveries, coupon pools.

use super::Award;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An award as the shop's server sees it.
#[derive(Serialize, ToSchema)]
pub struct ShopAward {
    /// The shop's own id of who won it.
    pub shopper: String,
    #[serde(flatten)]
    pub award: Award,
}

#[derive(Serialize, ToSchema)]
pub struct HeldAwards {
    pub data: Vec<ShopAward>,
    pub next_cursor: Option<String>,
}

/// Where goods are sent.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    pub name: String,
    pub phone: String,
    /// ISO 3166-1, two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    pub city: String,
    /// Street, house and whatever else leads to the door.
    pub street: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ShippingAddress {
    pub award_id: String,
    pub address: Address,
}

#[derive(Serialize, ToSchema)]
pub struct Webhook {
    pub id: String,
    pub url: String,
    pub types: Vec<String>,
    /// How many secrets sign: two while they are being rotated.
    pub secrets: usize,
    /// Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct Webhooks {
    pub data: Vec<Webhook>,
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Delivery {
    pub id: String,
    /// Null while it is not known who fulfils the award.
    pub webhook_id: Option<String>,
    /// `webhook-id` of every attempt.
    #[schema(example = "award_187649984473770497")]
    pub message_id: String,
    pub r#type: String,
    /// `pending`, `done` or `parked`.
    pub state: String,
    /// Attempts that failed.
    pub attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub award_id: Option<String>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "status_500")]
    pub problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub next_at: Option<String>,
    /// When what it tells of happened.
    #[schema(format = DateTime)]
    pub at: String,
}

#[derive(Serialize, ToSchema)]
pub struct Deliveries {
    pub data: Vec<Delivery>,
    pub next_cursor: Option<String>,
}

/// A version of the recommendation model.
#[derive(Serialize, ToSchema)]
pub struct Model {
    pub version: u32,
    #[schema(example = "tifu-knn")]
    pub model: String,
    /// `in_service`, `retired` or `refused`: it did worse than the one in service.
    pub state: String,
    /// An operator put it into service and no newer version replaces it by itself.
    pub held: bool,
    pub fitted_at: String,
    pub shoppers: u64,
    pub baskets: u64,
    pub items: u64,
    /// On baskets that the version then in service had not seen; null where there were too few.
    pub comparison: Option<ModelComparison>,
    /// How far what is bought moved since that version was fitted: the population stability index, 0.25 is much.
    pub drift: Option<f64>,
}

#[derive(Serialize, ToSchema)]
pub struct ModelComparison {
    pub shoppers: usize,
    pub old_recall: f64,
    pub old_ndcg: f64,
    pub new_recall: f64,
    pub new_ndcg: f64,
}

#[derive(Serialize, ToSchema)]
pub struct Models {
    pub data: Vec<Model>,
    pub next_cursor: Option<String>,
}

/// A pool of coupon codes.
#[derive(Serialize, ToSchema)]
pub struct Coupons {
    /// Codes of this upload that the pool did not have.
    pub added: u64,
    pub duplicates: u64,
    /// Codes that no award has yet.
    pub free: u64,
    pub assigned: u64,
}
