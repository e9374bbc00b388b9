//! Use cases, the partition owner, and the ports through which both reach the world.

pub mod advise;
pub mod command;
pub mod desk;
mod error;
pub mod failpoint;
mod filter;
pub mod fulfil;
mod keys;
pub mod koi;
pub mod live;
pub mod owner;
pub mod owners;
pub mod ports;
pub mod precondition;
pub mod project;
pub mod random;
pub mod rehearse;
pub mod rows;
pub mod runtime;
pub mod seal;
pub mod strict;
pub mod time;
pub mod timers;
pub mod topics;
pub mod trace;
mod views;
mod worded;

pub use error::{Error, Result};
pub use koi::{Answer, ChoiceInput, Koi};
pub use precondition::IfMatch;
pub use views::*;
pub use worded::*;

/// The last id of the millisecond in which `id` was made: whoever saw it makes no id that may exist already, whatever
/// partition's id `id` is.
pub const fn end_of_millisecond(id: u64) -> u64 {
    const PARTITION_AND_SEQUENCE: u32 = 22;
    id | ((1 << PARTITION_AND_SEQUENCE) - 1)
}

/// The key of an order under a caller's Idempotency-Key, within its shopper.
pub fn order_key(campaign: domain::ids::CampaignId, key: &str) -> domain::record::KeyHash {
    keys::hash(keys::KeyKind::Order, campaign, key.as_bytes())
}

/// What tells one request body from another under the same key.
pub fn request_of(body: &serde_json::Value) -> u64 {
    keys::request_hash(&[body.to_string().as_bytes()])
}

/// The key that makes a behaviour unique within its shopper, from the shop's id of it.
pub fn event_key(id: &str) -> domain::record::KeyHash {
    keys::hash(keys::KeyKind::Event, domain::ids::CampaignId(0), id.as_bytes())
}
