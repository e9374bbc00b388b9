//! Messages to open sockets.

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

    /// Marks that listeners of a shopper may have missed something: they read on from what is durable.
    fn miss(&self, shopper: ShopperId);

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
