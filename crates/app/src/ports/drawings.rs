//! Entry drawings: one unsharded row a campaign, and the awards of its ranks (R9).

use super::PortResult;
use async_trait::async_trait;
use domain::award::AwardState;
use domain::ids::{AwardId, CampaignId, ShopperId};

/// A drawing as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawingRow {
    pub campaign: CampaignId,
    /// What came out, as JSON: the ranks, without the list that they were drawn from.
    pub outcome: String,
    pub made_at_ms: i64,
    /// Prizes may still have to be given, or to go to alternates.
    pub open: bool,
}

/// A rank that was given its award, and where that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryWin {
    pub rank: u32,
    pub shopper: ShopperId,
    pub award: AwardId,
    pub state: AwardState,
}

/// Entry drawings. Writes are durable when they return.
#[async_trait]
pub trait Drawings: Send + Sync {
    /// Keeps a drawing with its proof (`domain::entry::Drawing` as JSON) unless its campaign has one: the first stands for
    /// ever.
    async fn keep(&self, row: &DrawingRow, proof: &str) -> PortResult<()>;
    async fn proof(&self, campaign: CampaignId) -> PortResult<Option<String>>;
    async fn drawing(&self, campaign: CampaignId) -> PortResult<Option<DrawingRow>>;
    /// Campaigns whose drawing is open, oldest first.
    async fn open(&self, limit: u32) -> PortResult<Vec<CampaignId>>;
    /// Notes that every prize is settled.
    async fn close(&self, campaign: CampaignId) -> PortResult<()>;
    /// The ranks that were given an award, in order, as far as it is projected.
    async fn wins(&self, campaign: CampaignId) -> PortResult<Vec<EntryWin>>;
}
