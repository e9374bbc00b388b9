//! Hints: what routes or delays requests and lets sockets in, and what is kept near because it is asked for often.
//!
//! Nodes share them where an engine holds them for all; embedded they are the process's own. Losing all of them costs
//! speed and an attempt, never truth: whoever asks goes on without an answer as with one.

use super::{JobCursor, PortResult};
use async_trait::async_trait;
use domain::ids::{CampaignId, ShopperId};
use std::pin::Pin;

/// Done once awaited, in bounded time and whether it succeeded or not. What it stands for happens without being awaited
/// too, only nobody knows when.
pub type Noted = Pin<Box<dyn Future<Output = ()> + Send>>;

/// For whom a ticket opens a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketFor {
    /// A shopper's own messages.
    Shopper(ShopperId),
    /// The figures of a campaign, for who may read reports.
    Figures(CampaignId),
}

/// What is marked of a shopper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Signed in on a campaign's local day, in days since 1970-01-01.
    SignedIn { campaign: CampaignId, day: i32 },
    /// Was granted a chance in a campaign.
    Qualified { campaign: CampaignId },
}

/// What routes or delays requests and lets sockets in. No hint refuses a request that carries an Idempotency-Key, but for
/// [`Hints::begin_drawing`], whose refusal names a moment. An engine that is away, slow, emptied or set back to an older
/// state makes answers fewer, never false: no mark that was not set, no ticket that opens twice.
#[async_trait]
pub trait Hints: Send + Sync {
    /// Notes that a draw of this shopper begins. False where another one began less than two seconds ago and has not
    /// ended: the owner would refuse it anyway.
    async fn begin_drawing(&self, shopper: ShopperId) -> bool;

    /// Notes that it ended. A draw is answered after what this gives was awaited, so that the shopper's next draw is
    /// not held up wherever it arrives; nothing where there is nothing to wait for.
    fn end_drawing(&self, shopper: ShopperId) -> Option<Noted>;

    /// Marks a shopper.
    fn mark(&self, mark: Mark, shopper: ShopperId) -> Option<Noted>;

    /// Whether the shopper is known to be marked; false proves nothing.
    async fn is_marked(&self, mark: Mark, shopper: ShopperId) -> bool;

    /// Keeps a ticket by the SHA-256 of its text for [`crate::live::TICKET_LIFE`].
    ///
    /// # Errors
    /// Where it is not known to be kept.
    async fn put_ticket(&self, hash: [u8; 32], of: TicketFor) -> PortResult<()>;

    /// Takes a ticket: of two who ask at once one gets it, and nobody after its time.
    ///
    /// # Errors
    /// Where it cannot be asked; the ticket may be used up.
    async fn take_ticket(&self, hash: [u8; 32]) -> PortResult<Option<TicketFor>>;

    /// Counts one request against a bucket that refills at `per_second` up to `burst`. Milliseconds to wait where the
    /// bucket is empty, nothing where the request may go on or nobody can tell.
    async fn admit(&self, bucket: u64, per_second: u32, burst: u32) -> Option<u32>;
}

/// A personal strategy as nodes hand it to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotStrategy {
    /// As in [`super::StrategyRow`].
    pub slots: String,
    pub generation: u32,
    pub at_ms: i64,
}

/// What nodes keep near for each other because it is asked for often. It holds copies of what is in records; one that is
/// not newest goes by itself within [`HOT_LIFE`].
#[async_trait]
pub trait Hot: Send + Sync {
    /// A shopper's strategy, where a node has had it lately.
    async fn strategy(&self, shopper: ShopperId, campaign: CampaignId) -> Option<HotStrategy>;

    /// Keeps one, unless a newer one is kept.
    fn keep_strategy(&self, shopper: ShopperId, campaign: CampaignId, strategy: &HotStrategy) -> Option<Noted>;

    /// Forgets those that were replaced.
    fn forget_strategies(&self, shoppers: &[ShopperId], campaign: CampaignId) -> Option<Noted>;

    /// How far strategies of a campaign have come, in all or in one partition, by whichever node; nothing where nobody can
    /// tell.
    async fn cursor(&self, campaign: CampaignId, part: Option<u8>) -> Option<JobCursor>;

    /// Moves such a cursor on: of two, the further one of the later generation stands, of equals the later one.
    fn advance(&self, part: Option<u8>, cursor: JobCursor) -> Option<Noted>;
}

/// How long a hot strategy is kept after it was last kept: for so long a shopper may see one that was replaced while the
/// engine could not be told.
pub const HOT_LIFE: std::time::Duration = std::time::Duration::from_secs(60);
