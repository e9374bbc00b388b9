//! What fulfilment needs of the world: where messages wait, where they go, pools of coupons, and shipping addresses.

use super::PortResult;
use crate::fulfil::MessageType;
use crate::rows::AwardRow;
use async_trait::async_trait;
use domain::ids::{AwardId, CampaignId, DeliveryId, EndpointId, ShopperId};
use std::fmt;

/// A key that signs messages. Its bytes are shown once, to whoever made the endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

/// Where the shop takes messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub id: EndpointId,
    pub url: String,
    pub types: Vec<MessageType>,
    /// The newest first; each signs every message. One, or two while they are being rotated.
    pub secrets: Vec<Secret>,
    pub created_at_ms: i64,
}

/// The shop's endpoints. Durable when a call returns.
#[async_trait]
pub trait Endpoints: Send + Sync {
    async fn insert(&self, endpoint: &Endpoint) -> PortResult<()>;
    /// All of them, oldest first.
    async fn all(&self) -> PortResult<Vec<Endpoint>>;
    /// Replaces the secrets; false where there is no such endpoint.
    async fn set_secrets(&self, id: EndpointId, secrets: &[Secret]) -> PortResult<bool>;
    /// Removes an endpoint with its messages; what fulfils an award goes back to be sent elsewhere. One transaction.
    async fn delete(&self, id: EndpointId) -> PortResult<bool>;
}

/// A message as it is written beside the rows that it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Nothing for an award that somebody must fulfil: who, is found out later.
    pub endpoint: Option<EndpointId>,
    /// `webhook-id`: the same for every attempt; unique within its endpoint.
    pub message: String,
    pub kind: MessageType,
    pub campaign: CampaignId,
    pub shopper: ShopperId,
    pub award: Option<AwardId>,
    /// A JSON object: what happened.
    pub data: String,
    /// When it happened.
    pub at_ms: i64,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be attempted when it is due.
    Pending,
    Done,
    /// Given up until somebody replays it.
    Parked,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [DeliveryState; 3] = [DeliveryState::Pending, DeliveryState::Done, DeliveryState::Parked];

    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            DeliveryState::Pending => "pending",
            DeliveryState::Done => "done",
            DeliveryState::Parked => "parked",
        }
    }

    /// The state behind a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub new: NewDelivery,
    pub state: DeliveryState,
    /// Attempts that failed.
    pub attempts: u32,
    pub due_ms: i64,
    /// Why the last attempt failed: a stable word.
    pub problem: Option<String>,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub id: DeliveryId,
    pub state: DeliveryState,
    pub attempts: u32,
    pub due_ms: i64,
    pub problem: Option<String>,
    pub endpoint: Option<EndpointId>,
}

/// Which deliveries should be attempted now, though they are not due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hurry {
    /// One that is parked or pending.
    One(DeliveryId),
    /// Awards of a campaign that wait for coupons.
    Pool(CampaignId),
    /// Awards that wait for coupons, of all campaigns that have free ones.
    Pools,
    /// Awards that wait for an endpoint.
    Receivers,
}

/// How many deliveries and awards are not where they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    pub pending: u64,
    pub parked: u64,
    /// Awards that wait for coupons.
    pub pool_empty: u64,
    /// When the oldest award was won that nobody has fulfilled yet.
    pub oldest_open_ms: Option<i64>,
}

/// Messages on their way. A delivery that was written is never lost; writing one again changes nothing.
#[async_trait]
pub trait Deliveries: Send + Sync {
    async fn put(&self, rows: Vec<NewDelivery>) -> PortResult<()>;
    /// Pending ones of a lane that are due at `now_ms`, the longest due first. No endpoint: awards to be routed.
    async fn due(&self, lane: Option<EndpointId>, now_ms: i64, limit: u32) -> PortResult<Vec<Delivery>>;
    /// When the lane's next one is due.
    async fn next_due(&self, lane: Option<EndpointId>) -> PortResult<Option<i64>>;
    async fn settle(&self, settled: &Settled) -> PortResult<()>;
    /// Newest first, below `before`.
    async fn list(&self, state: Option<DeliveryState>, before: u64, limit: u32) -> PortResult<Vec<Delivery>>;
    /// Makes deliveries due at `now_ms` and pending; how many.
    async fn hurry(&self, which: Hurry, now_ms: i64) -> PortResult<u64>;
    /// Forgets messages that were delivered before `done_ms` or have been parked since before `parked_ms`, at most
    /// `limit` of them; never one that fulfils an award which is still open.
    async fn forget(&self, done_ms: i64, parked_ms: i64, limit: u32) -> PortResult<u64>;
    async fn backlog(&self) -> PortResult<Backlog>;
}

/// Pools of coupon codes, one per prize of a campaign. Durable when a call returns.
#[async_trait]
pub trait CouponPools: Send + Sync {
    /// Adds codes; how many were new to the pool.
    async fn add(&self, campaign: CampaignId, prize: &str, codes: &[String]) -> PortResult<u64>;
    /// Assigns one free code to the award, in one transaction keyed by the award: asked again, it keeps the one that it
    /// has. False where the pool is empty.
    async fn assign(&self, campaign: CampaignId, prize: &str, award: AwardId) -> PortResult<bool>;
    /// The codes of awards that have one.
    async fn of_awards(&self, awards: &[AwardId]) -> PortResult<Vec<(AwardId, String)>>;
    /// Free and assigned codes of a pool.
    async fn count(&self, campaign: CampaignId, prize: &str) -> PortResult<(u64, u64)>;
}

/// Awards as operators and the compensating scan see them.
#[async_trait]
pub trait AwardDesk: Send + Sync {
    /// An award, whoever won it.
    async fn find(&self, award: AwardId) -> PortResult<Option<AwardRow>>;
    /// Open awards above `after` without a delivery that will fulfil them, in id order.
    async fn forgotten(&self, after: AwardId, limit: u32) -> PortResult<Vec<AwardRow>>;
    /// Awards below `before` that the risk rule holds back, newest first.
    async fn held(&self, before: u64, limit: u32) -> PortResult<Vec<AwardRow>>;
    /// Granted awards whose deadline has passed, in the order of their deadlines.
    async fn overdue(&self, now_ms: i64, limit: u32) -> PortResult<Vec<AwardRow>>;
    /// Stores where an award is to be sent, sealed by the caller; a later one replaces it. Durable when it returns.
    async fn put_address(&self, award: AwardId, shopper: ShopperId, sealed: &[u8]) -> PortResult<()>;
    async fn address(&self, award: AwardId) -> PortResult<Option<Vec<u8>>>;
}

/// One attempt's content.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    pub url: &'a str,
    pub secrets: &'a [Secret],
    pub id: &'a str,
    /// The time of the attempt, Unix seconds.
    pub at_s: i64,
    pub body: &'a [u8],
}

/// Why a receiver does not have a message, as a stable word without anybody's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undelivered(pub String);

/// Who carries messages to the shop.
#[async_trait]
pub trait Fulfilment: Send + Sync {
    /// One attempt, within the carrier's own deadline. `Ok` only where the receiver answered 2xx; an error may hide that
    /// it has the message all the same, which is why every attempt carries the same id.
    async fn hand_over(&self, letter: Letter<'_>) -> Result<(), Undelivered>;

    /// Whether messages may go there at all; else why not, a lowercase fragment.
    fn check_url(&self, url: &str) -> Result<(), &'static str>;
}
