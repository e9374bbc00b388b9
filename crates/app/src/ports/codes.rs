//! What redeem codes need of the world: batches of them, and uses that are counted before their order is made (R7).

use super::PortResult;
use async_trait::async_trait;
use domain::code::{Terms, Unusable};
use domain::ids::{BatchId, CampaignId, CodeUseId, OrderId, ShopperId};
use domain::record::KeyHash;

/// A batch of codes on the same terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeBatch {
    pub id: BatchId,
    pub campaign: CampaignId,
    /// The shop brought its codes along; else they were made here.
    pub imported: bool,
    pub terms: Terms,
    /// Codes in it.
    pub count: u64,
    /// Uses of all of them together.
    pub used: u64,
    pub created_at_ms: i64,
}

/// What became of a batch that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    All,
    /// Nothing was stored: the campaign has these already, by their places in the batch; the first few of them.
    Known(Vec<usize>),
}

/// A shopper who wants to use a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimAsk {
    pub campaign: CampaignId,
    /// The codes that what was typed may mean.
    pub codes: Vec<String>,
    pub shopper: ShopperId,
    /// Of the request's Idempotency-Key, and of its content: a retry finds its own use.
    pub key: KeyHash,
    pub request: u64,
    /// What the use is called where it is a new one.
    pub new_id: CodeUseId,
    pub now_ms: i64,
}

/// A counted use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CodeUse {
    pub id: CodeUseId,
    pub campaign: CampaignId,
    pub shopper: ShopperId,
    pub chances: u32,
    pub key: KeyHash,
    pub request: u64,
    /// The order that it gave, once projection has told.
    pub order: Option<OrderId>,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Counted now, or by an earlier attempt of the same request.
    Counted(CodeUse),
    Unusable(Unusable),
    /// The campaign has no such code.
    Unknown,
    /// The same key counted a use with another body.
    KeyReused,
}

/// Codes of campaigns. Durable when a call returns.
#[async_trait]
pub trait Codes: Send + Sync {
    /// Adds a batch with its codes, all or nothing.
    async fn add(&self, batch: &CodeBatch, codes: &[String]) -> PortResult<Added>;
    /// Batches of a campaign, newest first, only those below `before`.
    async fn batches(&self, campaign: CampaignId, before: u64, limit: u32) -> PortResult<Vec<CodeBatch>>;
    async fn batch(&self, id: BatchId) -> PortResult<Option<CodeBatch>>;
    /// Codes of a batch above `after` with their uses, in the order in which they were added; the first of each is its
    /// place.
    async fn codes(&self, batch: BatchId, after: u64, limit: u32) -> PortResult<Vec<(u64, String, u64)>>;
    /// Counts a use in one transaction, keyed by code, shopper and key, and sets the timer that completes it where its
    /// record does not come. However many ask at once, a code is used as often as its terms allow and no more.
    async fn claim(&self, ask: &ClaimAsk) -> PortResult<Claim>;
    /// One use.
    async fn code_use(&self, id: CodeUseId) -> PortResult<Option<CodeUse>>;
}
