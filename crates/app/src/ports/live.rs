//! Messages to open sockets, and the hints that route, delay or let in.

use super::PortResult;
use crate::live::{BigWin, Heard, Listener};
use async_trait::async_trait;
use domain::ids::{CampaignId, ShopperId};
use std::sync::Arc;

/// Why nobody more may listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Crowded {
    /// This shopper has as many sockets as one may have.
    #[error("this shopper has too many open sockets")]
    Shopper,
    /// All sockets are taken.
    #[error("too many sockets are open")]
    All,
}

/// Brings what happened to shoppers' open sockets.
///
/// What is told is durable already (R3), and is told in log order per shopper. A listener hears every record of its
/// shopper that is told after [`Notifier::listen`] returned, in that order, or is marked as having missed some: then it
/// reads what it missed from the ledger. Nothing here blocks and nothing here is unbounded: a listener that does not
/// keep up misses records rather than keeping them in memory. A listener never hears another shopper's records.
pub trait Notifier: Send + Sync {
    /// Whether anybody may be listening for this shopper. Says no only where surely nobody is.
    fn is_heard(&self, shopper: ShopperId) -> bool;

    /// Tells a durable record to whoever listens for its shopper.
    fn tell(&self, heard: Heard);

    /// Tells everybody of a big win, who won it masked; so many a second, the rest is left out.
    fn shout(&self, win: BigWin);

    /// The big wins of a campaign that were told last, newest first; a few, and none from before the process started.
    fn recent(&self, campaign: CampaignId) -> Vec<BigWin>;

    /// A new listener for a shopper; it listens until it is dropped.
    ///
    /// # Errors
    /// [`Crowded`].
    fn listen(&self, shopper: ShopperId) -> Result<Listener, Crowded>;

    /// Holds back what listeners of these shoppers pass on until the hold is dropped: meanwhile something is committed
    /// whose message is to stand before theirs. Then they read on from the ledger and the records.
    fn hold(self: Arc<Self>, shoppers: Vec<ShopperId>) -> crate::live::Hold;

    /// The end of the process, or of a shopper: listeners hear that they are to go.
    fn dismiss(&self, whom: Option<ShopperId>);
}

/// For whom a ticket opens a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketFor {
    /// A shopper's own messages.
    Shopper(ShopperId),
    /// The figures of a campaign, for who may read reports.
    Figures(CampaignId),
}

/// What routes or delays requests and lets sockets in. Losing all of it costs speed and an attempt, never truth: no hint
/// refuses a request that carries an Idempotency-Key, but for [`Hints::begin_drawing`], whose refusal names a moment.
#[async_trait]
pub trait Hints: Send + Sync {
    /// Notes that a draw of this shopper begins. False where another one began less than two seconds ago and has not
    /// ended: the owner would refuse it anyway.
    async fn begin_drawing(&self, shopper: ShopperId) -> bool;

    /// Notes that it ended. Called before the draw is answered, and where its caller went away.
    fn end_drawing(&self, shopper: ShopperId);

    /// Notes that a shopper signed in on a campaign's local day (days since 1970-01-01).
    async fn mark_signed_in(&self, campaign: CampaignId, day: i32, shopper: ShopperId);

    /// Whether the shopper is known to have signed in that day; false proves nothing.
    async fn has_signed_in(&self, campaign: CampaignId, day: i32, shopper: ShopperId) -> bool;

    /// Keeps a ticket by the SHA-256 of its text for [`crate::live::TICKET_LIFE`].
    ///
    /// # Errors
    /// Where it cannot be kept.
    async fn put_ticket(&self, hash: [u8; 32], of: TicketFor) -> PortResult<()>;

    /// Takes a ticket: of two who ask at once one gets it, and nobody after its time.
    ///
    /// # Errors
    /// Where it cannot be asked.
    async fn take_ticket(&self, hash: [u8; 32]) -> PortResult<Option<TicketFor>>;

    /// Counts one request against a bucket that refills at `per_second` up to `burst`. Milliseconds to wait where the
    /// bucket is empty, nothing where the request may go on or nobody can tell.
    async fn admit(&self, bucket: u64, per_second: u32, burst: u32) -> Option<u32>;
}

/// Which records of a shopper had something to tell.
#[async_trait]
pub trait Heardings: Send + Sync {
    /// Offsets of projected records of a shopper from `from` on that were made since `since_ms`, ascending, at most
    /// `limit`: those that hold a draw, and those whose rows a message tells of.
    async fn offsets(&self, shopper: ShopperId, since_ms: i64, from: u64, limit: u32) -> PortResult<Vec<u64>>;

    /// Personal strategies of a shopper that became ready since `since_ms` with a message above `after`.
    async fn strategies(&self, shopper: ShopperId, since_ms: i64, after: u64) -> PortResult<Vec<Readied>>;
}

/// When a shopper's personal strategy became ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readied {
    pub campaign: CampaignId,
    pub generation: u32,
    /// The id of the message that tells of it.
    pub message: u64,
    pub at_ms: i64,
}
