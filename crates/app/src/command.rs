//! What can be asked of a partition's owner, and what it answers.

use crate::error::Result;
use crate::ports::CodeUse;
use crate::precondition::IfMatch;
use crate::rows::OrderRow;
use crate::runtime::{Counters, Runtime};
use crate::timers::DueRow;
use crate::trace::Parent;
use bytes::Bytes;
use domain::account::Account;
use domain::award::{AwardEvent, AwardState};
use domain::behaviour::Behaviour;
use domain::draw::{BlacklistMode, Person};
use domain::exchange::Item;
use domain::ids::{AwardId, CampaignId, ItemId, OrderId, ShopperId};
use domain::record::{Fact, KeyHash};
use domain::strategy::Strategy;
use domain::tally::Watch;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Whom a command concerns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Who {
    Id(ShopperId),
    /// An external id. Registering makes a shopper who is not there yet; all else refuses one.
    Name(Box<str>),
}

/// A command's key and the hash of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Once {
    pub hash: KeyHash,
    pub request: u64,
}

/// One behaviour on its way in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventIn {
    pub hash: KeyHash,
    pub behaviour: Behaviour,
    /// The behaviour as JSON, sealed under the shopper's key: the ledger never holds it open.
    #[serde(with = "crate::owners::as_text")]
    pub sealed: Vec<u8>,
}

/// What a shopper asks an order for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderAsk {
    SignIn,
    Paid {
        quantity: u32,
    },
    Points {
        quantity: u32,
    },
    /// Came by the word of another one.
    Referral {
        by: ShopperId,
    },
    /// The codes that what was typed may mean.
    Redeem {
        codes: Vec<String>,
    },
}

/// What to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Work {
    Register {
        registered_at_ms: Option<i64>,
    },
    Draw {
        campaign: CampaignId,
        once: Once,
        client_seed: Box<str>,
        count: u8,
        #[serde(with = "crate::owners::behind_arc")]
        strategy: Arc<Strategy>,
        #[serde(with = "crate::owners::behind_arc")]
        person: Arc<Person>,
    },
    /// An order of a shopper's own.
    Order {
        campaign: CampaignId,
        once: Once,
        ask: OrderAsk,
    },
    /// The order of a code's use that was counted (R7) and whose record has not come.
    Redeem {
        used: CodeUse,
    },
    /// Buys in the exchange shop. The key is the caller's; the owner adds when it was used.
    Exchange {
        item: ItemId,
        once: Once,
        quantity: u32,
    },
    /// An order is given up that is not paid, or whose coupon has not come.
    Cancel {
        campaign: CampaignId,
        order: OrderId,
    },
    /// The shop was paid for an order, whose row is given as records or the ledger have it.
    Pay {
        once: Once,
        order: Box<OrderRow>,
        amount_cents: i64,
        payment: Box<str>,
    },
    Grant {
        campaign: CampaignId,
        once: Once,
        chances: u32,
        expires_at_ms: Option<i64>,
        reason: Box<str>,
    },
    /// The reward for another shopper who came.
    Reward {
        campaign: CampaignId,
        referred: ShopperId,
    },
    Points {
        once: Once,
        amount: i64,
        business_key: Box<str>,
        reason: Box<str>,
        expires_at_ms: Option<i64>,
    },
    /// A timer fired.
    Due {
        row: DueRow,
    },
    Events {
        events: Vec<EventIn>,
    },
    Ban {
        campaign: Option<CampaignId>,
        mode: BlacklistMode,
        until_ms: Option<i64>,
        reason: Box<str>,
        #[serde(default)]
        if_match: IfMatch,
    },
    Unban {
        campaign: Option<CampaignId>,
        #[serde(default)]
        if_match: IfMatch,
    },
    /// What the shop holds against the shopper.
    Watch {
        watch: Box<Watch>,
        #[serde(default)]
        if_match: IfMatch,
    },
    /// The account, and the odds that the next draw would roll.
    Preview {
        campaign: CampaignId,
        #[serde(with = "crate::owners::behind_arc")]
        strategy: Arc<Strategy>,
        #[serde(with = "crate::owners::behind_arc")]
        person: Arc<Person>,
    },
    /// One event of an award's life. The owner proves from the award's keys where it stands.
    MoveAward {
        award: AwardId,
        /// The state it was born in, from the record that made it.
        birth: AwardState,
        event: AwardEvent,
        /// Of a fulfilment: days to claim it. The deadline is set by the owner's clock.
        claim_days: Option<u32>,
        /// Of a claim or an expiry: the deadline that the ledger holds.
        claim_by_ms: Option<i64>,
    },
    /// A person's decision about an award that the risk rule held back; the facts of its row never change.
    ReviewAward {
        award: AwardId,
        campaign: CampaignId,
        prize: u16,
        points: u32,
        approve: bool,
    },
    /// The prize of a campaign's entry drawing, for a rank that the shopper holds. The use case names the holder by the
    /// drawing that is kept; the owner gives it once.
    WinEntry {
        campaign: CampaignId,
        rank: u32,
    },
    /// Nothing of the shopper is to be left.
    Erase,
    /// The account as it is now, and the offsets of its records that are not projected yet.
    Look,
}

/// A command in the owner's queue.
#[derive(Debug)]
pub struct Command {
    pub who: Who,
    pub work: Work,
    /// Keys that records were asked about and do not hold.
    pub proved_absent: Vec<KeyHash>,
    /// The span that waits for it, where the request is traced.
    pub trace: Option<Parent>,
    pub reply: oneshot::Sender<Result<Reply>>,
}

/// What came of a command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Reply {
    /// Done now; the body is a slice of the ledger's batch.
    Done {
        status: u16,
        /// Between nodes it goes beside the rest, as it is.
        #[serde(skip)]
        body: Bytes,
    },
    /// Done before under this key; the answer is in that partition's log.
    Stored {
        part: u8,
        offset: u64,
        status: u16,
    },
    Registered {
        id: ShopperId,
        created: bool,
        registered_at_ms: i64,
    },
    Events {
        accepted: usize,
        duplicates: usize,
    },
    Changed,
    /// There was nothing to be changed, and never will be.
    Stale,
    /// There is something to be changed, but not now.
    NotYet,
    /// Where the award stands now; `moved` by this command or standing there already.
    Award {
        state: AwardState,
        moved: bool,
        at_ms: i64,
    },
    Seen(Box<Seen>),
}

/// An account and its unprojected records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seen {
    pub account: Account,
    /// Offsets of records that records may not hold yet, oldest first.
    pub tail: Vec<u64>,
    pub now_ms: i64,
    /// Where a campaign was asked about: the odds that the next draw would roll, a place in its rules' pools.
    pub odds: Option<u8>,
}

/// What every owner has to know (R9): from its read-back on, this version decides.
#[derive(Debug, Clone)]
pub enum Act {
    Campaign(Arc<Runtime>),
    Item(Arc<Item>),
}

impl Act {
    /// All that a starting owner has to know.
    pub fn all(campaigns: &[Arc<Runtime>], items: &[Arc<Item>]) -> Vec<Self> {
        let campaigns = campaigns.iter().cloned().map(Act::Campaign);
        campaigns.chain(items.iter().cloned().map(Act::Item)).collect()
    }

    /// What the ledger says of it.
    pub fn fact(&self) -> Fact {
        match self {
            Act::Campaign(runtime) => Fact::Campaign { campaign: runtime.id, version: runtime.version },
            Act::Item(item) => Fact::Item { item: item.id, version: item.version },
        }
    }
}

/// What else the owner's queue carries.
#[derive(Debug)]
pub enum Input {
    Command(Command),
    Loaded(crate::owner::Loaded),
    Act {
        act: Act,
        reply: oneshot::Sender<Result<()>>,
    },
    /// Units sold of every exchange item.
    Sold {
        reply: oneshot::Sender<Vec<(ItemId, u64)>>,
    },
    /// A new id of partition 0, for things without a shopper.
    MakeId {
        reply: oneshot::Sender<u64>,
    },
    /// Whose order this is, where records may not know it yet.
    WhoseOrder {
        order: OrderId,
        reply: oneshot::Sender<Option<ShopperId>>,
    },
    Counters {
        campaign: CampaignId,
        reply: oneshot::Sender<Option<Counters>>,
    },
    /// Time to look at what lies idle.
    Tick,
    /// Finish what is queued before this, then stop.
    Stop,
}
