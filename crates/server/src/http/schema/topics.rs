//! The messages of the topics (docs/topics.md): `docs/schemas/*.json` are made from these, and a test compares them.
//!
//! Readers pass over members and types that they do not know; a form that means something else has a higher version.

use super::{AwardStateWord, Draw, Prize};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Every message about a shopper.
macro_rules! told {
    ($(#[$doc:meta])* $name:ident, $kind:ty, $data:ty) => {
        $(#[$doc])*
        #[derive(Serialize, ToSchema)]
        pub struct $name {
            #[schema(minimum = 1, maximum = 1)]
            pub version: u32,
            /// The same whenever it is told: a message may come twice.
            pub id: String,
            pub r#type: $kind,
            #[schema(format = DateTime)]
            pub at: String,
            /// The shop's id of the shopper; the message's key.
            pub shopper: String,
            pub data: $data,
        }
    };
}

told!(
    /// A draw, as its shopper was answered.
    DrawMessage,
    DrawMessageType,
    Draw
);
told!(
    /// An award that was made, or moved.
    AwardMessage,
    AwardMessageType,
    AwardTold
);
told!(
    /// Points that came or went.
    PointsMessage,
    PointsMessageType,
    PointsTold
);
told!(
    /// An order that was made, or moved.
    OrderMessage,
    OrderMessageType,
    OrderTold
);
told!(
    /// What else is to be known of a shopper. After `shopper.erased` delete what you keep of them.
    NoticeMessage,
    NoticeMessageType,
    NoticeTold
);

#[derive(Serialize, ToSchema)]
pub enum DrawMessageType {
    #[serde(rename = "draw.result")]
    Result,
}

#[derive(Serialize, ToSchema)]
pub enum AwardMessageType {
    #[serde(rename = "award.created")]
    Created,
    #[serde(rename = "award.updated")]
    Updated,
}

#[derive(Serialize, ToSchema)]
pub enum PointsMessageType {
    #[serde(rename = "points.changed")]
    Changed,
}

#[derive(Serialize, ToSchema)]
pub enum OrderMessageType {
    #[serde(rename = "order.created")]
    Created,
    #[serde(rename = "order.updated")]
    Updated,
}

#[derive(Serialize, ToSchema)]
pub enum NoticeMessageType {
    #[serde(rename = "shopper.registered")]
    Registered,
    #[serde(rename = "shopper.erased")]
    Erased,
    #[serde(rename = "shopper.signed_in")]
    SignedIn,
    #[serde(rename = "shopper.blocked")]
    Blocked,
    #[serde(rename = "shopper.unblocked")]
    Unblocked,
    #[serde(rename = "refund.due")]
    RefundDue,
}

#[derive(Serialize, ToSchema)]
pub struct AwardTold {
    pub id: String,
    pub state: AwardStateWord,
    /// From here on of `award.created`.
    pub campaign_id: Option<String>,
    pub draw_id: Option<String>,
    pub item_id: Option<String>,
    pub order_id: Option<String>,
    pub held: Option<bool>,
    pub prize: Option<Prize>,
    pub points: Option<u32>,
    #[schema(format = DateTime)]
    pub claim_by: Option<String>,
    #[schema(format = DateTime)]
    pub at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PointsTold {
    pub id: String,
    /// Signed.
    pub amount: i64,
    pub balance: i64,
    /// `issued`, `spent`, `expired` or `held`.
    pub contra: String,
    pub reason: String,
    pub business_key: String,
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct OrderTold {
    pub id: String,
    /// `pending_payment`, `effective`, `used`, `expired` or `closed`.
    pub state: String,
    /// From here on of `order.created`.
    pub campaign_id: Option<String>,
    /// `sign_in`, `paid`, `redeem`, `points`, `purchase`, `referral`, `grant` or `exchange`.
    pub kind: Option<String>,
    pub chances: Option<u32>,
    #[schema(format = DateTime)]
    pub created_at: Option<String>,
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    pub price_cents: Option<i64>,
    #[schema(format = DateTime)]
    pub pay_by: Option<String>,
    pub price_points: Option<i64>,
    pub points: Option<i64>,
    pub streak: Option<u32>,
    #[schema(format = DateTime)]
    pub pending_until: Option<String>,
    pub item_id: Option<String>,
    pub quantity: Option<u32>,
    pub reason: Option<String>,
}

/// Each type has some of these.
#[derive(Serialize, ToSchema)]
pub struct NoticeTold {
    #[schema(format = DateTime)]
    pub registered_at: Option<String>,
    pub campaign_id: Option<String>,
    /// `points_only` or `refuse`.
    pub mode: Option<String>,
    #[schema(format = DateTime)]
    pub until: Option<String>,
    pub order_id: Option<String>,
    pub amount_cents: Option<i64>,
}

/// What happened.
#[derive(Serialize, ToSchema)]
pub enum ConfigMessageType {
    #[serde(rename = "campaign.changed")]
    Campaign,
    #[serde(rename = "item.changed")]
    Item,
}

/// A campaign or an item of the exchange shop that was published or changed; the newest of each stays.
#[derive(Serialize, ToSchema)]
pub struct ConfigMessage {
    #[schema(minimum = 1, maximum = 1)]
    pub version: u32,
    pub id: String,
    pub r#type: ConfigMessageType,
    #[schema(format = DateTime)]
    pub at: String,
    pub data: ConfigTold,
}

#[derive(Serialize, ToSchema)]
pub struct ConfigTold {
    /// Of a campaign; the message's key.
    pub campaign_id: Option<String>,
    /// Of an item; the message's key.
    pub item_id: Option<String>,
    /// Grows with every change: a lower one than you know is passed over.
    pub version: u32,
    pub rules_version: Option<u32>,
    pub state: Option<String>,
    pub name: Option<String>,
    #[schema(format = DateTime)]
    pub starts_at: Option<String>,
    #[schema(format = DateTime)]
    pub ends_at: Option<String>,
    /// The rule chain in EL.
    pub flow: Option<String>,
    pub rules_hash: Option<String>,
}

/// What a shopper did.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BehaviourType {
    Purchase,
    Return,
    Review,
    Search,
    View,
    SignIn,
}

/// One act of one shopper, as `POST /events` takes it. `(shopper, id)` is unique, which makes a repeat harmless.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BehaviourMessage {
    /// 1 where absent.
    #[schema(minimum = 1, maximum = 1)]
    pub version: Option<u32>,
    #[schema(min_length = 1, max_length = 128)]
    pub id: String,
    pub r#type: BehaviourType,
    /// The shop's id of the shopper, who is made where unknown. Make it the message's key, so that acts stay in order.
    #[schema(min_length = 1, max_length = 128)]
    pub shopper: String,
    #[schema(format = DateTime)]
    pub at: String,
    /// Of a purchase or return.
    pub order_id: Option<String>,
    /// Of a purchase or return.
    pub items: Option<Vec<BehaviourItem>>,
    /// Of a review or view.
    pub sku: Option<String>,
    /// Of a review.
    #[schema(minimum = 1, maximum = 5)]
    pub rating: Option<u8>,
    /// Of a review.
    pub text: Option<String>,
    /// Of a search.
    pub query: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BehaviourItem {
    pub sku: String,
    pub name: Option<String>,
    pub category: Option<String>,
    /// Of one unit.
    #[schema(minimum = 0)]
    pub price_cents: Option<i64>,
    #[schema(minimum = 1)]
    pub quantity: Option<u32>,
}

/// A message that could not be taken; `koi topics replay` writes it back.
#[derive(Serialize, ToSchema)]
pub struct DeadLetter {
    #[schema(minimum = 1, maximum = 1)]
    pub version: u32,
    /// Topic, partition and offset of the message; the letter's key.
    pub id: String,
    #[schema(format = DateTime)]
    pub at: String,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// A stable word, like `version_newer`, `invalid`, `type_unknown`.
    pub code: String,
    pub detail: String,
    pub key: Option<String>,
    /// The message as it was, where it is text.
    pub value: Option<String>,
    /// Otherwise its bytes.
    pub value_base64: Option<String>,
}

/// A JSON Schema of its own, with what it refers to.
fn document<T: PartialSchema + ToSchema>() -> serde_json::Value {
    let mut parts: Vec<(String, RefOr<Schema>)> = Vec::new();
    T::schemas(&mut parts);
    let plain = |schema: &RefOr<Schema>| serde_json::to_value(schema).unwrap_or_default();
    let parts: BTreeMap<String, serde_json::Value> =
        parts.iter().map(|(name, part)| (name.clone(), plain(part))).collect();
    let mut whole = plain(&T::schema());
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    whole["title"] = T::name().into_owned().into();
    if !parts.is_empty() {
        whole["$defs"] = serde_json::to_value(parts).unwrap_or_default();
    }
    let text = whole.to_string().replace("#/components/schemas/", "#/$defs/");
    serde_json::from_str(&text).unwrap_or_default()
}

/// The schemas by the names of their files.
pub fn documents() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("behaviour", document::<BehaviourMessage>()),
        ("draws", document::<DrawMessage>()),
        ("awards", document::<AwardMessage>()),
        ("points", document::<PointsMessage>()),
        ("orders", document::<OrderMessage>()),
        ("notices", document::<NoticeMessage>()),
        ("config", document::<ConfigMessage>()),
        ("dead-letters", document::<DeadLetter>()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `KOI_WRITE_SCHEMAS=1 cargo test -p server schemas_are` writes them.
    #[test]
    fn the_schemas_are_those_of_the_code() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
        for (name, document) in documents() {
            let (path, text) = (folder.join(format!("{name}.json")), format!("{document:#}\n"));
            if std::env::var_os("KOI_WRITE_SCHEMAS").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, &text).unwrap();
            }
            let had = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(had, text, "{name}: KOI_WRITE_SCHEMAS=1 cargo test -p server schemas_are writes it");
        }
    }
}
