//! What the use cases need of the world. Each trait states what an adapter promises; `testkit` holds the suite that
//! every adapter of a port passes.

mod advice;
mod browse;
mod codes;
mod drawings;
mod escrow;
mod exchange;
mod fulfil;
mod hints;
mod live;
mod llm;
mod models;
mod peers;
mod segments;
mod topics;

pub use crate::timers::Timers;
pub use advice::*;
pub use browse::*;
pub use codes::*;
pub use drawings::*;
pub use escrow::*;
pub use exchange::*;
pub use fulfil::*;
pub use hints::*;
pub use live::*;
pub use llm::*;
pub use models::*;
pub use peers::*;
pub use segments::*;
pub use topics::*;

use crate::rows::{AwardRow, DrawRow, EntryRow, OrderRow, Projected, RefundRow};
use async_trait::async_trait;
use domain::account::Account;
use domain::award::AwardState;
use domain::ids::{AwardId, CampaignId, OrderId, ShopperId};
use domain::record::{Fact, KeyHash, Record};

/// Why an engine did not do what it was asked: without a driver's words, which go to the log where they arise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Nothing was done; asking again may work.
    #[error("{0} is out of reach")]
    Unreachable(&'static str),
    /// What is stored cannot be read; asking again will not help.
    #[error("{0} holds data that cannot be read")]
    Damaged(&'static str),
    /// Another edit was faster.
    #[error("{0} was edited meanwhile")]
    Stale(&'static str),
}

pub type PortResult<T> = Result<T, PortError>;

/// Why a batch is not known to be in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Surely rolled back, as on a full disk: nothing of it will ever be read.
    #[error("the batch was rolled back: {0}")]
    Nothing(&'static str),
    /// It may or may not be there (R5). Embedded, the process must stop answering and exit.
    #[error("the batch is in doubt: {0}")]
    InDoubt(&'static str),
    /// Another owner's marker stands above this one's: nothing of the batch counts and nothing more will (R2).
    #[error("another owner has taken the log over")]
    Deposed,
}

/// In a log whose batches are messages, an offset is the message's, shifted by so many bits, and the record's place in
/// it; there are at most 2^12 records in such a batch.
pub const BATCH_BITS: u32 = 12;

/// One batch of records as it lies in the ledger: `count` times a length (u32, little endian) and a record.
#[derive(Debug, Clone)]
pub struct StoredBatch {
    /// The offset of its first record; the others follow without holes.
    pub first: u64,
    pub count: u32,
    /// The offset at which the next batch begins.
    pub next: u64,
    pub data: Vec<u8>,
}

/// The writing end of one log of the ledger: embedded there is one log for all partitions, in a cluster one for each.
/// One owner has it.
pub trait Ledger: Send {
    /// Appends `count` framed records as one batch and returns the first one's offset. Returns only when the batch is
    /// durable (fsynced; acknowledged by all in-sync replicas) and was read back, in log order, as valid (R3).
    ///
    /// Where others may write the log, a batch in doubt is settled here (R5): a higher marker is appended, and until it
    /// was read back nothing else is; then the batch stood before it, or it is void for ever (`Nothing`).
    fn append(&mut self, data: &[u8], count: u32) -> Result<u64, AppendError>;

    /// The offset that the next record will get. Nothing above it has been read.
    fn end(&self) -> u64;

    /// Time for housekeeping between batches (a checkpoint of the log); must not lose or reorder anything.
    fn between_batches(&mut self);

    /// The marker under which records are written now, where others may write the log: this end has appended it itself
    /// and read it back, and every batch that it had to settle has raised it. Nothing where the process has the log to
    /// itself; its owner then appends a marker as its first record.
    fn claimed(&self) -> Option<Marker> {
        None
    }

    /// Returns only when the log was read up to an end that was asked for after this call began, and no higher marker
    /// stood there: whatever the owner knows now may be told (R3). At once where the process has the log to itself.
    ///
    /// # Errors
    /// `Deposed`; anything else means that the log is out of reach, and nothing may be told.
    fn confirm(&mut self) -> Result<(), AppendError> {
        Ok(())
    }
}

/// Whom a log belongs to from some offset on (R2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marker {
    /// Grows with every owner.
    pub epoch: u32,
    /// New at every start of a process: a restarted one does not take its earlier life's marker for its own.
    pub owner: u64,
}

impl Marker {
    /// R2's rule: judges the next record in log order. A marker counts if its epoch is higher, any other record if it
    /// carries the marker's; void ones change nothing.
    pub fn admits(&mut self, record: &Record<'_>) -> bool {
        if let Some(Fact::Owner { epoch, name }) = record.facts.first() {
            let higher = *epoch > self.epoch;
            if higher {
                (self.epoch, self.owner) = (*epoch, *name);
            }
            return higher;
        }
        record.epoch == self.epoch && record.owner == self.owner
    }
}

/// The reading end of one log, for projection, replays and lists. Sees everything whose append returned.
pub trait LedgerReader: Send + Sync {
    /// Batches from the one that holds `offset` on, about `max_bytes` of them, at least one where there is one.
    fn batches(&self, offset: u64, max_bytes: usize) -> PortResult<Vec<StoredBatch>>;

    /// One record's bytes; nothing where it was archived.
    fn record(&self, offset: u64) -> PortResult<Option<Vec<u8>>>;

    /// The exact bytes of one record's answer, also after it was archived: a key has one answer for as long as it lives.
    fn answer(&self, offset: u64) -> PortResult<Option<Vec<u8>>>;
}

/// An account as records hold it: with all records below `next` folded in.
#[derive(Debug, Clone)]
pub struct StoredAccount {
    pub account: Account,
    pub next: u64,
}

/// A key as records hold it.
#[derive(Debug, Clone, Copy)]
pub struct StoredKey {
    pub hash: KeyHash,
    pub request: u64,
    pub status: u16,
    /// The record that holds the answer.
    pub offset: u64,
}

/// How far records have come, and by whose hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// Every record below this offset is in records.
    pub next: u64,
    /// The marker valid at that offset.
    pub epoch: u32,
    pub owner: u64,
}

/// Where projection writes.
#[async_trait]
pub trait Projection: Send + Sync {
    /// The position of the last applied batch.
    async fn position(&self) -> PortResult<Position>;

    /// Keeps every owner of a lower epoch out (R8): from when this returns, none of their batches is applied, so the
    /// position stands still until the new owner moves it.
    ///
    /// # Errors
    /// `Stale` where a higher one has done so already.
    async fn fence(&self, epoch: u32) -> PortResult<()>;

    /// The counters of every campaign, as JSON, at that position.
    async fn counters(&self) -> PortResult<Vec<(CampaignId, String)>>;

    /// Writes all rows and the new position in one transaction: after a crash either all are there or none. Writing
    /// a batch again changes nothing, and so does a batch of an owner whom a fence keeps out.
    async fn apply(&self, batch: Projected) -> PortResult<()>;
}

/// What the owner loads when an account is cold.
#[async_trait]
pub trait Accounts: Send + Sync {
    async fn by_ids(&self, ids: &[ShopperId]) -> PortResult<Vec<StoredAccount>>;
    async fn by_name(&self, external_id: &str) -> PortResult<Option<StoredAccount>>;
    /// The newest `limit` keys of a shopper, newest first.
    async fn keys(&self, shopper: ShopperId, limit: u32) -> PortResult<Vec<StoredKey>>;
    /// One key, however old.
    async fn key(&self, shopper: ShopperId, hash: KeyHash) -> PortResult<Option<StoredKey>>;
    /// External ids with their ids above `after`, in id order.
    async fn names(&self, after: ShopperId, limit: u32) -> PortResult<Vec<(ShopperId, String)>>;
    /// How many there are.
    async fn names_count(&self) -> PortResult<u64>;
    /// The highest id of anything that records hold, 0 where they hold nothing.
    async fn newest_id(&self) -> PortResult<u64>;
}

/// The lists that a shopper sees, newest first, only rows below `before`.
#[async_trait]
pub trait Lists: Send + Sync {
    async fn draws(
        &self,
        shopper: ShopperId,
        campaign: CampaignId,
        before: u64,
        limit: u32,
    ) -> PortResult<Vec<DrawRow>>;
    async fn awards(&self, shopper: ShopperId, before: u64, limit: u32) -> PortResult<Vec<AwardRow>>;
    async fn award(&self, shopper: ShopperId, award: AwardId) -> PortResult<Option<AwardRow>>;
    async fn award_states(&self, shopper: ShopperId, awards: &[AwardId]) -> PortResult<Vec<(AwardId, AwardState)>>;
    async fn entries(&self, shopper: ShopperId, before: u64, limit: u32) -> PortResult<Vec<EntryRow>>;
}

/// Orders, and what the shop owes back for them.
#[async_trait]
pub trait Orders: Send + Sync {
    /// One order, whosever it is.
    async fn order(&self, order: OrderId) -> PortResult<Option<OrderRow>>;
    /// A shopper's orders in a campaign, newest first, only those below `before`.
    async fn orders(
        &self,
        shopper: ShopperId,
        campaign: CampaignId,
        before: u64,
        limit: u32,
    ) -> PortResult<Vec<OrderRow>>;
    /// Refunds due in a campaign, newest first, only those below `before`.
    async fn refunds(&self, campaign: CampaignId, before: u64, limit: u32) -> PortResult<Vec<RefundRow>>;
}

/// A campaign's row in the unsharded table. Its seed is sealed: neither a dump nor a log can show it.
#[derive(Debug, Clone)]
pub struct CampaignRow {
    pub id: CampaignId,
    /// Grows with every write; what ETags show and campaign acts carry.
    pub version: u32,
    /// The version of the rules in force: what draws and receipts name. 0 before the first publish; a pause or any other
    /// act that changes no rule leaves it alone.
    pub rules_version: u32,
    /// The state an operator brought it to; `Scheduled` and `Live` are one here and told apart by the window.
    pub state: domain::campaign::State,
    /// The definition as canonical JSON.
    pub definition: String,
    pub seed: domain::fairness::CampaignSeed,
    /// What points by chance are rolled from once the campaign's end stands and its seed may be public: secret until it is
    /// archived, from when on nothing is granted any more. Sealed as the seed is.
    pub late_seed: domain::fairness::CampaignSeed,
    pub created_at_ms: i64,
    pub published_at_ms: Option<i64>,
    /// When an act brought it to its end, by this server's clock; nothing where that is not known.
    pub ended_at_ms: Option<i64>,
    /// Who did; empty where nobody has or that is not known.
    pub ended_by: String,
    /// Who wrote the draft last; empty where unknown.
    pub author: String,
}

impl CampaignRow {
    /// The row in another state, as `by` brings it there at `now_ms`.
    #[must_use]
    pub fn moved(self, to: domain::campaign::State, by: &str, now_ms: i64) -> Self {
        let ends = to == domain::campaign::State::Ended && self.state != to;
        let (ended_at_ms, ended_by) =
            if ends { (Some(now_ms), by.to_owned()) } else { (self.ended_at_ms, self.ended_by) };
        Self { version: self.version + 1, state: to, ended_at_ms, ended_by, ..self }
    }
}

/// Where a version of a campaign's rules stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersionState {
    /// Being written beside the rules in force.
    Draft,
    /// Published: takes effect at its time.
    Announced,
    /// In force, now or in the past.
    Applied,
    /// Was never in force and never will be.
    Withdrawn,
}

impl VersionState {
    /// The word that storage uses.
    pub fn word(self) -> &'static str {
        match self {
            VersionState::Draft => "draft",
            VersionState::Announced => "announced",
            VersionState::Applied => "applied",
            VersionState::Withdrawn => "withdrawn",
        }
    }

    /// The state of that word.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Draft, Self::Announced, Self::Applied, Self::Withdrawn].into_iter().find(|state| state.word() == word)
    }
}

/// One version of a campaign's rules. Kept for ever once it was published, so that receipts of old draws can be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVersion {
    pub campaign: CampaignId,
    /// 1, 2, 3 … per campaign, never used twice.
    pub version: u32,
    pub state: VersionState,
    /// SHA-256 of `definition`.
    pub hash: [u8; 32],
    /// Canonical JSON.
    pub definition: String,
    /// From when on it decides; of a draft, when it is wished to.
    pub effective_at_ms: i64,
    pub created_at_ms: i64,
    /// When shoppers could first read it.
    pub announced_at_ms: Option<i64>,
    /// Who wrote it and who published it; empty where unknown.
    pub author: String,
    pub publisher: String,
}

/// Campaigns and the versions of their rules. Every write is durable when it returns (synchronous=FULL).
#[async_trait]
pub trait Campaigns: Send + Sync {
    async fn insert(&self, row: &CampaignRow) -> PortResult<()>;
    /// Replaces the row of version `row.version - 1`, else `Stale`. `rules`, where given, is inserted or takes the place
    /// of the same version in the same transaction: there is no row that names rules which are not there.
    async fn update(&self, row: &CampaignRow, rules: Option<&RuleVersion>) -> PortResult<()>;
    /// One version of a campaign's rules.
    async fn rules(&self, id: CampaignId, version: u32) -> PortResult<Option<RuleVersion>>;
    /// Versions below `before`, newest first.
    async fn versions(&self, id: CampaignId, before: u32, limit: u32) -> PortResult<Vec<RuleVersion>>;
    /// All announced versions of all campaigns, the one due first first.
    async fn announced(&self) -> PortResult<Vec<RuleVersion>>;
    async fn load(&self, id: CampaignId) -> PortResult<Option<CampaignRow>>;
    async fn list(&self, before: u64, limit: u32) -> PortResult<Vec<CampaignRow>>;
    /// All that were ever published, oldest first.
    async fn published(&self) -> PortResult<Vec<CampaignRow>>;
}

/// What a shop told of a person. Kept outside the ledger, so that erasing it here erases it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    pub name: Option<String>,
    /// A JSON object.
    pub attributes: String,
}

/// Facts of shoppers that are acknowledged outside the ledger: people, sealing keys. Durable when the call returns.
#[async_trait]
pub trait Registry: Send + Sync {
    async fn put_person(&self, shopper: ShopperId, person: &Person) -> PortResult<()>;
    async fn person(&self, shopper: ShopperId) -> PortResult<Option<Person>>;
    /// The sealing keys of shoppers, in the order asked, made where there is none yet.
    async fn sealing_keys(&self, shoppers: &[ShopperId]) -> PortResult<Vec<crate::seal::Key>>;
    /// The sealing keys that there are: an erased shopper has none.
    async fn opening_keys(&self, shoppers: &[ShopperId]) -> PortResult<Vec<(ShopperId, crate::seal::Key)>>;
    /// Notes that a shopper is to be erased, where no backup reaches it: a restore finds it and erases again.
    async fn bury(&self, shopper: ShopperId) -> PortResult<()>;
    /// All who were noted.
    async fn buried(&self) -> PortResult<Vec<ShopperId>>;
    /// Deletes what somebody who did not know better has written of an erased shopper since.
    async fn scrub(&self, shopper: ShopperId) -> PortResult<()>;
}

/// A personal strategy as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyRow {
    pub shopper: ShopperId,
    pub campaign: CampaignId,
    /// JSON: `[[tier, prize, reason?], …]` in slot order.
    pub slots: String,
    pub generation: u32,
    /// The live message that tells its shopper of it, and when it was made.
    pub message: u64,
    pub at_ms: i64,
}

/// One shopper's behaviours, oldest first, as JSON texts.
pub type History = (ShopperId, Vec<String>);

/// Behaviour and what is made of it.
#[async_trait]
pub trait Shelves: Send + Sync {
    async fn profile(&self, shopper: ShopperId) -> PortResult<Option<String>>;
    /// Behaviours of shoppers above `after`, in shopper order, whole shoppers only, about `limit` of them; of one with
    /// hundreds of thousands the latest.
    async fn histories(&self, after: ShopperId, limit: u32) -> PortResult<Vec<History>>;
    async fn strategy(&self, shopper: ShopperId, campaign: CampaignId) -> PortResult<Option<StrategyRow>>;
    /// Writes strategies and the job's cursor in one transaction.
    async fn put_strategies(&self, rows: Vec<StrategyRow>, cursor: JobCursor) -> PortResult<()>;
    async fn cursor(&self, campaign: CampaignId) -> PortResult<Option<JobCursor>>;
    /// Shoppers with a strategy of the campaign, above `after`, for the filter of who has one.
    async fn with_strategy(&self, campaign: CampaignId, after: ShopperId, limit: u32) -> PortResult<Vec<ShopperId>>;
    /// Shoppers whose behaviour is newer than their strategy of the campaign.
    async fn stale(&self, campaign: CampaignId, limit: u32) -> PortResult<Vec<ShopperId>>;
    /// What the first `limit` shoppers by id who drew in a campaign bought after their first draw.
    async fn outcomes(&self, campaign: CampaignId, limit: u32) -> PortResult<Vec<OutcomeRow>>;
}

/// What a shopper did after the first draw in a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeRow {
    pub shopper: ShopperId,
    pub bought: bool,
    /// Minor units, returns not taken off.
    pub spend_cents: i64,
}

/// How far the strategy job of a campaign has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobCursor {
    pub campaign: CampaignId,
    /// All shoppers up to this id are done.
    pub after: ShopperId,
    pub done: u64,
    pub total: u64,
    pub generation: u32,
    pub finished: bool,
}

/// Time, so that tests hold it in their hands.
pub trait Clock: Send + Sync {
    /// Unix milliseconds.
    fn now_ms(&self) -> i64;
}
