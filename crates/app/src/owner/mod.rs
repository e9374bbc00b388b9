//! The owner of a log: a single-writer state machine on one thread (PROTOCOL R1 to R5). Embedded there is one log with
//! all partitions in it; in a cluster every partition has its own, and any number of their owners run on a node.
//!
//! It drains its queue, decides every command against the accounts it holds in memory, appends all records as one
//! batch, and only when the batch is durable folds them and answers. Nothing is folded before that and nothing is
//! answered before that, so a crash at any line loses only what nobody was told.
//!
//! One record at a time is in flight per shopper: a second draw is refused (`in_flight`), anything else waits for the
//! next batch, which is the next turn of the loop.
//!
//! Where others may write the log, nothing that was merely read is told before the log is known to be still this owner's
//! ([`Ledger::confirm`]): such answers are held until the batch is read back or, without one, a look at the log's end.

mod answer;
mod awards;
mod batch;
mod campaigns;
mod decide;
mod due;
mod entry;
mod escrow;
mod events;
mod exchange;
mod gather;
mod hear;
mod herald;
mod keeper;
mod load;
mod orders;
mod play;
mod points;
mod redeem;
mod review;
mod snapshot;
mod start;
mod velocity;
mod work;

pub use answer::with_award_state;
pub(crate) use escrow::bound_of;
pub use keeper::{Heard, Stores};
pub use load::{LoadAsk, Loaded, Loader};
pub(crate) use play::{Play, play};
pub use start::{Opened, Ports, StartError, open, records};

use crate::command::{Command, Input, Reply, Who, Work};
use crate::desk::Throttle;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::keys::KeySet;
use crate::ports::{AppendError, Clock, Ledger, Marker, Notifier, Share};
use crate::trace;
use batch::Batch;
use campaigns::CampaignSlot;
use crossbeam_channel::Receiver;
use domain::account::Account;
use domain::ids::{CampaignId, IdMaker, ItemId, ShopperId};
use domain::record::KeyHash;
use exchange::ItemSlot;
use herald::{Herald, Told};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use velocity::Velocity;

/// The owner's bounds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Inputs waiting in the queue; beyond it a caller gets 503 at once.
    pub queue: usize,
    /// Records of one batch.
    pub batch: usize,
    /// Bytes of one batch at which it is closed: a record of a thousand behaviours is a thousand times a draw's.
    pub batch_bytes: usize,
    /// Records not projected yet; at three quarters admission slows down, at the bound it stops.
    pub tail: u64,
    /// Accounts in memory; those without unprojected records make room.
    pub accounts: usize,
    /// Commands waiting for an account to be loaded, and again as many waiting for a busy one.
    pub parked: usize,
    /// Codes that there are not which one shopper may try within the window; then none for the rest of it.
    pub guesses: u32,
    pub guess_window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 8_192,
            batch: 4_096,
            batch_bytes: 32 << 20,
            tail: 1_048_576,
            accounts: 200_000,
            parked: 65_536,
            guesses: 20,
            guess_window: Duration::from_secs(600),
        }
    }
}

/// What the owner shares with the rest of the process.
#[derive(Debug)]
pub struct Shared {
    /// The offset after the last folded record.
    pub folded: AtomicU64,
    /// Every record below it is in records.
    pub projected: AtomicU64,
    /// External ids that exist.
    pub names: Filter,
    /// When it grows, the records below this offset must be projected before it can be filled from records.
    pub names_from: AtomicU64,
    /// The ledger is in doubt: nothing may be answered any more and the process exits.
    pub fatal: tokio::sync::watch::Sender<bool>,
    /// Spans of batches that wait to be projected.
    pub traced: trace::Batches,
    /// Offsets are those of a log whose batches are messages: see [`crate::ports::BATCH_BITS`].
    pub batched: bool,
}

impl Shared {
    /// Records that are not projected yet; of a log whose batches are messages, messages.
    pub fn lag(&self) -> u64 {
        self.between(self.projected.load(Ordering::Acquire), self.folded.load(Ordering::Acquire))
    }

    /// What lies between two offsets: records, or messages where batches are those.
    pub fn between(&self, from: u64, to: u64) -> u64 {
        let count = to.saturating_sub(from);
        if self.batched { count >> crate::ports::BATCH_BITS } else { count }
    }

    /// Whether the external id certainly does not exist in records.
    fn surely_new(&self, external_id: &str) -> bool {
        self.names.surely_without(external_id)
    }
}

/// What a shopper's record in flight is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    Draw,
    Other,
    /// Something is asked outside this thread: the use of a code is counted, or units of a stock are fetched.
    Claim,
}

/// One account in memory.
#[derive(Debug)]
struct Slot {
    account: Account,
    keys: KeySet,
    /// Offsets of records that may not be projected yet.
    tail: VecDeque<u64>,
    busy: Option<Busy>,
    /// Used since the eviction's hand last passed.
    touched: bool,
}

impl Slot {
    fn new(account: Account, keys: KeySet) -> Self {
        Self { account, keys, tail: VecDeque::new(), busy: None, touched: true }
    }

    fn forget_projected(&mut self, projected: u64) {
        while self.tail.front().is_some_and(|offset| *offset < projected) {
            self.tail.pop_front();
        }
    }
}

/// The owner. It lives on its own thread; see [`open`].
pub struct Owner {
    ledger: Box<dyn Ledger>,
    clock: Arc<dyn Clock>,
    queue: Receiver<Input>,
    loader: Loader,
    herald: Herald,
    notifier: Arc<dyn Notifier>,
    shared: Arc<Shared>,
    limits: Limits,
    marker: Marker,
    /// Others may write the log too.
    shares: bool,
    /// What was read, until the log is known to be still this owner's.
    held: Vec<Told>,
    ids: IdMaker,
    /// Time of the last record; the next one's is not below it.
    last_ms: i64,
    now_ms: i64,
    accounts: FxHashMap<ShopperId, Slot>,
    names: FxHashMap<Box<str>, ShopperId>,
    /// The order in which the eviction's hand visits accounts.
    hand: VecDeque<ShopperId>,
    campaigns: FxHashMap<CampaignId, CampaignSlot>,
    items: FxHashMap<ItemId, ItemSlot>,
    velocity: Velocity,
    /// External ids that the open batch registers.
    registering: FxHashSet<Box<str>>,
    parked: FxHashMap<Who, Vec<Command>>,
    parked_count: usize,
    /// Commands that wait until the use of a code is counted, one a shopper; they are among `parked_count`.
    claims: FxHashMap<ShopperId, Command>,
    /// Codes that shoppers tried and that there are not.
    guesses: Throttle,
    deferred: Vec<Command>,
    billed: orders::Billed,
    batch: Batch,
    /// The partition whose share of common stocks this owner holds; nothing where the stock is its own.
    stores: Option<u8>,
    keeper: Option<tokio::sync::mpsc::Sender<keeper::Ask>>,
    /// Shares of which this turn found too little at hand.
    wanting: Vec<Share>,
    /// Callers under way: those whom the last batch answered and those who waited meanwhile, or what is left of an earlier peak.
    under_way: usize,
    /// Told to stop: until when parked commands may still hear from records.
    stop_by: Option<Instant>,
}

/// What became of one command.
enum Step {
    /// Its record is in the batch.
    Done,
    /// It needs no record: this is its answer.
    Say(oneshot::Sender<Result<Reply>>, Result<Reply>),
    /// It must wait for the batch in which its shopper is busy.
    Defer(Command),
    /// It must wait for records.
    Park(Command, LoadAsk),
    /// It must wait for units of a stock that several logs share.
    Lack(Command, ShopperId, escrow::Lack),
}

/// How long a stopping owner waits for records to answer.
const STOP_WAIT: Duration = Duration::from_secs(5);
/// How far the slowest admission waits for projection, per batch.
const SLOWEST: Duration = Duration::from_millis(50);

impl Owner {
    /// Runs until told to stop, until every sender is gone, or until the ledger is in doubt.
    pub fn run(mut self) {
        while self.turn() {}
        self.shared.folded.store(self.ledger.end(), Ordering::Release);
        let Self { queue, ledger, .. } = self;
        drop(ledger);
        // A bounded channel keeps what nobody will receive: dropped here, it tells its callers at once that nobody does.
        while queue.try_recv().is_ok() {}
    }

    fn turn(&mut self) -> bool {
        self.now_ms = self.clock.now_ms().max(self.last_ms);
        if self.deferred.is_empty() {
            let input = match self.stop_by {
                None => self.queue.recv().ok(),
                Some(by) => self.queue.recv_deadline(by).ok(),
            };
            let Some(input) = input else { return false };
            self.now_ms = self.clock.now_ms().max(self.last_ms);
            self.take(input);
        } else {
            for command in std::mem::take(&mut self.deferred) {
                self.command(command);
            }
        }
        self.gather();
        // Inputs are counted, not only records: reads leave none, and a stream of them must not hold up a batch.
        for _ in 1..self.limits.batch {
            if self.stop_by.is_some()
                || self.batch.len() >= self.limits.batch
                || self.batch.data.len() >= self.limits.batch_bytes
            {
                break;
            }
            match self.queue.try_recv() {
                Ok(input) => self.take(input),
                Err(_) => break,
            }
        }
        self.fetch_units();
        let goes_on = if self.batch.is_empty() { self.confirm() } else { self.commit() };
        self.batch.parents.clear();
        if !goes_on {
            return false;
        }
        if self.stop_by.is_some() && self.deferred.is_empty() && self.parked_count == 0 {
            return false;
        }
        self.ledger.between_batches();
        self.tell_depths();
        self.make_room();
        self.grow_names();
        self.slow_down();
        true
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Command(command) => self.command(command),
            Input::Loaded(loaded) => self.loaded(loaded),
            Input::Act { act, reply } => self.append_act(act, reply),
            // Whoever took the log over sells too: one is told only while the log is this owner's.
            Input::Sold { reply } => {
                if self.ledger.confirm().is_ok() {
                    _ = reply.send(self.items.iter().map(|(id, slot)| (*id, slot.counters.sold)).collect());
                }
            }
            // Whoever took the log over makes ids too: one is told only while the log is this owner's.
            Input::MakeId { reply } => {
                if self.ledger.confirm().is_ok() {
                    _ = reply.send(self.ids.make(self.now_ms, 0));
                }
            }
            Input::WhoseOrder { order, reply } => _ = reply.send(self.billed.whose(order)),
            Input::Counters { campaign, reply } => {
                _ = reply.send(self.campaigns.get(&campaign).map(|c| c.counters.clone()))
            }
            Input::Tick => self.tick(),
            Input::Stop => self.stop_by = Some(Instant::now() + STOP_WAIT),
        }
    }

    fn command(&mut self, command: Command) {
        if let Some(parent) = command.trace
            && self.batch.parents.len() < trace::LINKS
        {
            self.batch.parents.push(parent);
        }
        let step = self.step(command, false);
        self.then(step);
    }

    fn then(&mut self, step: Step) {
        match step {
            Step::Done => {}
            Step::Say(reply, said) => self.say(reply, said),
            Step::Defer(command) => self.defer(command),
            Step::Park(command, ask) => self.park(command, ask),
            Step::Lack(command, id, lack) => self.wait_for_units(id, command, lack),
        }
    }

    /// Tells a caller what needed no record. What was done before is true for ever and what failed is no fact; anything
    /// else is true only as long as the log is this owner's.
    fn say(&mut self, reply: oneshot::Sender<Result<Reply>>, said: Result<Reply>) {
        if self.shares && !matches!(said, Ok(Reply::Stored { .. }) | Err(Error::Unavailable(_))) {
            self.held.push((reply, said));
        } else {
            _ = reply.send(said);
        }
    }

    /// Tells what is held once the log is known to be still this owner's. False when it is not.
    fn confirm(&mut self) -> bool {
        if self.held.is_empty() {
            return true;
        }
        let held = std::mem::take(&mut self.held);
        match self.ledger.confirm() {
            Ok(()) => {
                self.herald.tell(held);
                true
            }
            Err(error) => {
                tracing::warn!(%error, answers = held.len(), "what was read cannot be told");
                // Dropped callers ask whoever has the log now.
                if error == AppendError::Deposed {
                    return false;
                }
                for (reply, _) in held {
                    _ = reply.send(Err(Error::Unavailable("the ledger is out of reach")));
                }
                true
            }
        }
    }

    /// Lets a command wait for the next batch, within a bound.
    fn defer(&mut self, command: Command) {
        if self.deferred.len() < self.limits.parked {
            self.deferred.push(command);
        } else {
            _ = command.reply.send(Err(Error::Unavailable("too many requests of busy shoppers are waiting")));
        }
    }

    /// Finds the shopper and does the work. `known_absent`: records were asked and do not know the external id.
    fn step(&mut self, command: Command, known_absent: bool) -> Step {
        let id = match &command.who {
            Who::Id(id) => *id,
            Who::Name(external_id) => {
                if self.registering.contains(external_id) {
                    return Step::Defer(command);
                }
                match self.names.get(external_id) {
                    Some(id) => *id,
                    None if !known_absent && !self.shared.surely_new(external_id) => {
                        let ask = LoadAsk::Name(external_id.clone());
                        return Step::Park(command, ask);
                    }
                    None if !matches!(command.work, Work::Register { .. }) => {
                        return refuse(command, Error::no_shopper());
                    }
                    None => return self.register(command),
                }
            }
        };
        match self.accounts.get_mut(&id) {
            None => Step::Park(command, LoadAsk::Id(id)),
            Some(slot) => {
                slot.touched = true;
                slot.forget_projected(self.shared.projected.load(Ordering::Acquire));
                match (slot.busy, &command.work) {
                    // An erased shopper's token may outlive the shopper.
                    (None, work) if slot.account.erased && !matches!(work, Work::Erase) => {
                        refuse(command, Error::no_shopper())
                    }
                    (Some(Busy::Draw), Work::Draw { .. }) => refuse(command, Error::InFlight),
                    (Some(Busy::Claim), _) => self.wait_for_claim(id, command),
                    (Some(_), _) => Step::Defer(command),
                    (None, _) => self.work(id, command),
                }
            }
        }
    }

    /// Slows admission while projection lags: a short wait per batch that grows with the lag above three quarters.
    fn slow_down(&self) {
        let (lag, bound) = (self.shared.lag(), self.limits.tail);
        let soft = bound / 4 * 3;
        if lag > soft {
            let share = ((lag - soft) as f64 / (bound - soft).max(1) as f64).min(1.0);
            std::thread::sleep(SLOWEST.mul_f64(share));
        }
    }

    /// Evicts accounts above the bound, second chance first; never one with an unprojected record (R1).
    fn make_room(&mut self) {
        let projected = self.shared.projected.load(Ordering::Acquire);
        let mut steps = 64;
        while self.accounts.len() > self.limits.accounts && steps > 0 {
            steps -= 1;
            let Some(id) = self.hand.pop_front() else { return };
            let Some(slot) = self.accounts.get_mut(&id) else { continue };
            slot.forget_projected(projected);
            // A load under way may have read the account before its newest record: if it were gone when the load
            // arrives, the old state would come back for true.
            let name = Who::Name(slot.account.external_id.as_str().into());
            let loading = self.parked.contains_key(&Who::Id(id)) || self.parked.contains_key(&name);
            if slot.touched || loading || slot.busy.is_some() || !slot.tail.is_empty() {
                slot.touched = false;
                self.hand.push_back(id);
            } else if let Some(slot) = self.accounts.remove(&id) {
                self.names.remove(slot.account.external_id.as_str());
            }
        }
    }
}

/// Answers a command with an error.
fn refuse(command: Command, error: Error) -> Step {
    answer(command, Err(error))
}

/// Answers a command.
fn answer(command: Command, reply: Result<Reply>) -> Step {
    Step::Say(command.reply, reply)
}

/// Whether a key may have been used: known, or only records can tell.
fn seen(slot: &Slot, command: &Command, hash: &KeyHash) -> crate::keys::Lookup {
    use crate::keys::Lookup;
    match slot.keys.lookup(hash) {
        Lookup::Maybe if command.proved_absent.contains(hash) => Lookup::Absent,
        other => other,
    }
}
