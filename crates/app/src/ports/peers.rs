//! The other nodes of a cluster: where each log's owner is, and the way there.

use super::{LedgerReader, PortResult};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::watch;

/// Where a log's owner is, as last heard. A guess: the log alone decides who owns it (R2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The epoch of its marker; a route of a lower one is never taken back.
    pub epoch: u32,
    /// `host:port` of its node's listener for other nodes.
    pub address: Arc<str>,
    /// It is this very process.
    pub here: bool,
}

/// A request on its way to another node.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub part: u8,
    /// The same at every attempt: whoever gets it twice does it once.
    pub request: u64,
    pub body: Bytes,
}

/// Why a parcel has no answer. It may have been read all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other node did not answer")]
pub struct Unanswered;

/// Guarantees: a route is the one of the highest epoch that was heard of; whatever was told before a process started is
/// known to it once it serves.
#[async_trait]
pub trait Peers: Send + Sync {
    /// Where the owner of a log is; nothing where none was ever heard of.
    fn route(&self, part: u8) -> Option<Route>;

    /// Where other nodes reach this one.
    fn address(&self) -> &str;

    /// Whether the node of a route answered when it was last looked after; those of the past may be told of for long.
    fn is_there(&self, route: &Route) -> bool;

    /// Changes with every route that changes.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Tells every node that this one owns a log since `epoch`.
    async fn announce(&self, part: u8, epoch: u32) -> PortResult<()>;

    /// Brings a parcel to a node and its answer back.
    ///
    /// # Errors
    /// [`Unanswered`]; bounded by the caller's own deadline.
    async fn send(&self, to: &Route, parcel: &Parcel) -> Result<Bytes, Unanswered>;

    /// Reads a log that is owned elsewhere.
    fn reader(&self, part: u8) -> Arc<dyn LedgerReader>;
}
