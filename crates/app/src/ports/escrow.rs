//! What several logs share (R6): how much there is lies in one row, what each log holds of it in a row of its own.

use super::PortResult;
use async_trait::async_trait;
use domain::ids::{CampaignId, ItemId};

/// Of what there is only so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Good {
    /// Units of a prize, by its place in the rules.
    Prize(u16),
    /// What a campaign may spend, minor units.
    Budget,
    /// Units of an item of the exchange shop, which stands in the campaign's place.
    Item,
}

impl Good {
    /// The number that storage uses: a prize's own, others above all of them.
    pub fn number(self) -> u32 {
        const OTHERS: u32 = 1 << 16;
        match self {
            Good::Prize(place) => u32::from(place),
            Good::Budget => OTHERS,
            Good::Item => OTHERS + 1,
        }
    }
}

/// One log's part of one good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share {
    /// An item's id where the good is one.
    pub campaign: CampaignId,
    pub good: Good,
    /// The log's partition.
    pub part: u8,
}

impl Share {
    /// An item's.
    pub fn of_item(item: ItemId, part: u8) -> Self {
        Self { campaign: CampaignId(item.0), good: Good::Item, part }
    }
}

/// Units that a log has ever taken, and of those given back. Neither ever falls: what it has to give is `taken` less
/// `returned`, less what its records won, less what is in flight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holding {
    pub taken: u64,
    pub returned: u64,
}

/// What came of an attempt to take units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// The log's row says so much now.
    Taken { taken: u64 },
    /// There are not so many left; so many are, with nobody.
    Short { left: u64 },
    /// The log's row says another number than the caller believed: an attempt whose answer was lost, or another owner.
    Moved { holding: Holding },
}

/// Every write happens at once and is durable when the call returns. A process that is paused or dies in the middle of a
/// call holds nobody up. A call that fails may have taken effect, or still take it: the caller asks [`Escrow::holding`]
/// before anything else; what takes effect later is found by the next call, which then believes too little.
#[async_trait]
pub trait Escrow: Send + Sync {
    /// Sets how many units of a good there are in all. False, and nothing changed, where more are out already.
    async fn stock(&self, campaign: CampaignId, good: Good, total: u64) -> PortResult<bool>;

    /// Takes `units` for a log whose row says `taken`, so that no more than `within` are out in all, whatever the total.
    /// All of them or none: never are more out than there are, however many logs and processes take at once.
    async fn take(&self, share: Share, taken: u64, units: u64, within: u64) -> PortResult<Take>;

    /// What a log holds.
    async fn holding(&self, share: Share) -> PortResult<Holding>;

    /// Raises what a log has given back to `returned`, an absolute number that stands in its ledger, and frees the
    /// difference. Again, or a lower number, changes nothing. More than was taken is refused as `Damaged`.
    async fn give_back(&self, share: Share, returned: u64) -> PortResult<()>;

    /// Units that nobody holds; none where the good's total was never set.
    async fn left(&self, campaign: CampaignId, good: Good) -> PortResult<Option<u64>>;
}
