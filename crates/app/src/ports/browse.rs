//! Lists across shoppers, for those who work with the console.

use super::{PortResult, StoredAccount};
use crate::rows::{AwardRow, DrawRow, OrderRow};
use async_trait::async_trait;
use domain::award::AwardState;
use domain::ids::{CampaignId, ShopperId};
use domain::order::{OrderKind, OrderState};

/// Which rows; what is absent does not count.
#[derive(Debug, Clone, Default)]
pub struct RowFilter {
    pub campaign: Option<CampaignId>,
    pub shopper: Option<ShopperId>,
    /// Of draws: whether they won an award.
    pub won: Option<bool>,
    /// Of awards: places in the campaign's rules.
    pub prizes: Option<Vec<u16>>,
    pub award_state: Option<AwardState>,
    pub order_state: Option<OrderState>,
    pub order_kind: Option<OrderKind>,
    /// Made at this moment or later, and before that one; Unix milliseconds.
    pub from_ms: Option<i64>,
    pub until_ms: Option<i64>,
}

/// Which part of a list, by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Behind this id in the list's order; from its start where absent.
    pub behind: Option<u64>,
    pub limit: u32,
    pub oldest_first: bool,
}

/// Rows, and where to go on. There may be fewer than asked for though there are more behind: one question looks at so
/// many rows and no more.
#[derive(Debug, Clone)]
pub struct Scanned<T> {
    pub rows: Vec<T>,
    pub behind: Option<u64>,
}

/// Which shoppers.
#[derive(Debug, Clone, Default)]
pub struct ShopperFilter {
    /// What the external id starts with.
    pub prefix: Option<String>,
    /// Only those that the shop has put on a blacklist.
    pub blocked: bool,
}

/// Draws and wins of one step of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepCount {
    /// Unix milliseconds of its start.
    pub at_ms: i64,
    /// The prize, by its place in the rules; none is all draws.
    pub prize: Option<u16>,
    pub count: u64,
}

/// How many shoppers came how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FunnelCount {
    pub behaved: u64,
    pub strategies: u64,
    pub drew: u64,
    pub bought_after: u64,
}

/// What operators look through. All of it may lag behind the ledger.
#[async_trait]
pub trait Browse: Send + Sync {
    async fn shoppers(&self, filter: &ShopperFilter, span: Span) -> PortResult<Scanned<StoredAccount>>;
    async fn all_draws(&self, filter: &RowFilter, span: Span) -> PortResult<Scanned<DrawRow>>;
    async fn all_awards(&self, filter: &RowFilter, span: Span) -> PortResult<Scanned<AwardRow>>;
    async fn all_orders(&self, filter: &RowFilter, span: Span) -> PortResult<Scanned<OrderRow>>;
    /// A shopper's behaviours as JSON, newest first, after so many.
    async fn behaviours(&self, shopper: ShopperId, skip: u64, limit: u32) -> PortResult<Vec<String>>;
    /// Draws and wins of a campaign per step of time, in no order.
    async fn steps(
        &self,
        campaign: CampaignId,
        from_ms: i64,
        until_ms: i64,
        step_ms: i64,
    ) -> PortResult<Vec<StepCount>>;
    async fn funnel(&self, campaign: CampaignId) -> PortResult<FunnelCount>;
    /// Answers where the records can be read.
    async fn ping(&self) -> PortResult<()>;
    /// The kind of engine that they are kept in, in a word.
    fn engine(&self) -> &'static str;
}
