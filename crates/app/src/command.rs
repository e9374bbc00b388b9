//! What can be asked of a partition's owner, and what it answers.

use crate::error::Result;
use crate::runtime::{Counters, Runtime};
use bytes::Bytes;
use domain::account::Account;
use domain::behaviour::Behaviour;
use domain::draw::{BlacklistMode, Person};
use domain::ids::{AwardId, CampaignId, ShopperId};
use domain::record::KeyHash;
use domain::strategy::Strategy;
use domain::tally::Watch;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Whom a command concerns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    Id(ShopperId),
    /// An external id. Registering makes a shopper who is not there yet; all else refuses one.
    Name(Box<str>),
}

/// A command's key and the hash of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once {
    pub hash: KeyHash,
    pub request: u64,
}

/// One behaviour on its way in.
#[derive(Debug, Clone)]
pub struct EventIn {
    pub hash: KeyHash,
    pub behaviour: Behaviour,
    /// The behaviour as JSON, sealed under the shopper's key: the ledger never holds it open.
    pub sealed: Vec<u8>,
}

/// What to do.
#[derive(Debug)]
pub enum Work {
    Register {
        registered_at_ms: Option<i64>,
    },
    Draw {
        campaign: CampaignId,
        once: Once,
        client_seed: Box<str>,
        count: u8,
        strategy: Arc<Strategy>,
        person: Arc<Person>,
    },
    SignIn {
        campaign: CampaignId,
        once: Once,
    },
    Grant {
        campaign: CampaignId,
        once: Once,
        chances: u32,
        reason: Box<str>,
    },
    Points {
        once: Once,
        amount: i64,
        business_key: Box<str>,
        reason: Box<str>,
    },
    Events {
        events: Vec<EventIn>,
    },
    Ban {
        campaign: Option<CampaignId>,
        mode: BlacklistMode,
        until_ms: Option<i64>,
        reason: Box<str>,
    },
    Unban {
        campaign: Option<CampaignId>,
    },
    /// What the shop holds against the shopper.
    Watch {
        watch: Box<Watch>,
    },
    /// The account, and the odds that the next draw would roll.
    Preview {
        campaign: CampaignId,
        strategy: Arc<Strategy>,
        person: Arc<Person>,
    },
    Claim {
        once: Once,
        award: AwardId,
    },
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
    pub reply: oneshot::Sender<Result<Reply>>,
}

/// What came of a command.
#[derive(Debug)]
pub enum Reply {
    /// Done now; the body is a slice of the ledger's batch.
    Done {
        status: u16,
        body: Bytes,
    },
    /// Done before under this key; the answer is in the ledger or in records.
    Stored {
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
    Seen(Box<Seen>),
}

/// An account and its unprojected records.
#[derive(Debug, Clone)]
pub struct Seen {
    pub account: Account,
    /// Offsets of records that records may not hold yet, oldest first.
    pub tail: Vec<u64>,
    pub now_ms: i64,
    /// Where a campaign was asked about: the odds that the next draw would roll, a place in its rules' pools.
    pub odds: Option<u8>,
}

/// What else the owner's queue carries.
#[derive(Debug)]
pub enum Input {
    Command(Command),
    Loaded(crate::owner::Loaded),
    /// A campaign act: from its read-back on, this version decides.
    Act {
        runtime: Arc<Runtime>,
        reply: oneshot::Sender<Result<()>>,
    },
    /// A new id of partition 0, for things without a shopper.
    MakeId {
        reply: oneshot::Sender<u64>,
    },
    Counters {
        campaign: CampaignId,
        reply: oneshot::Sender<Option<Counters>>,
    },
    /// Finish what is queued before this, then stop.
    Stop,
}
