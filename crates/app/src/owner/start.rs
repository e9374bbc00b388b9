//! Becoming the owner: records first, then the ledger's tail on top of them, then the marker, then work.

use super::{CampaignSlot, ItemSlot, Limits, LoadAsk, Owner, Shared, Slot, Stores};
use crate::command::{Act, Input, Who};
use crate::desk::Throttle;
use crate::filter::{Asked, Filter};
use crate::keys::KeySet;
use crate::ports::{
    Accounts, Clock, Codes, Ledger, LedgerReader, Marker, Notifier, PortError, Position, Projection, StoredBatch,
};
use crate::runtime::{Counted, Counters, counted_by};
use crossbeam_channel::Sender;
use domain::account::Account;
use domain::ids::{CampaignId, IdMaker, ShopperId};
use domain::record::{ALL_PARTITIONS, BadRecord, Fact, Record, decode};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::{SmallVec, smallvec};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use tokio::sync::{Semaphore, mpsc};

/// Bytes of ledger read at a time while folding the tail.
const CHUNK_BYTES: usize = 8 << 20;
/// Accounts asked of records at a time.
const CHUNK_ACCOUNTS: usize = 500;
/// Loads under way at once.
const LOADS: usize = 16;
/// Claims of codes under way at once: each is a transaction of its own, and records have one writer.
const CLAIMS: usize = 2;
/// External ids that the filter has room for at least, before it grows.
const NAMES_MIN: usize = 1_000_000;
/// How often the filter is looked at, and shown on the metrics.
const NAMES_LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// Why a process cannot become the owner.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the ledger's record {offset}: {source}")]
    Record { offset: u64, source: BadRecord },
    #[error(
        "the ledger ends at record {end} but records have come to {next}: the ledger's file was lost or replaced; restore a backup"
    )]
    Behind { end: u64, next: u64 },
    #[error("the ledger lacks the records from {from} to {to}, which are not in the records either; restore a backup")]
    Missing { from: u64, to: u64 },
    #[error("the log's marker of epoch {0} is not this owner's")]
    Deposed(u32),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error("the ledger refused the owner's marker: {0}")]
    Marker(#[from] crate::ports::AppendError),
    #[error("no thread for the owner: {0}")]
    Thread(std::io::Error),
}

/// What an owner needs.
pub struct Ports {
    pub ledger: Box<dyn Ledger>,
    pub reader: Arc<dyn LedgerReader>,
    pub projection: Arc<dyn Projection>,
    pub accounts: Arc<dyn Accounts>,
    pub codes: Arc<dyn Codes>,
    pub clock: Arc<dyn Clock>,
    pub notifier: Arc<dyn Notifier>,
    /// Where units of common stocks come from, where the log is one of several. Where it is the only one there is nobody to
    /// share them with.
    pub stores: Option<Stores>,
}

/// A running owner.
pub struct Opened {
    pub inputs: Sender<Input>,
    pub shared: Arc<Shared>,
    pub thread: std::thread::JoinHandle<()>,
    pub position: Position,
    pub counters: FxHashMap<CampaignId, Counters>,
}

/// The records of a batch with their offsets.
///
/// # Errors
/// Where a record cannot be read: the ledger is never guessed at.
pub fn records(batch: &StoredBatch) -> impl Iterator<Item = Result<(u64, Record<'_>), (u64, BadRecord)>> {
    let (mut rest, mut offset) = (&batch.data[..], batch.first);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = offset;
        offset += 1;
        let framed = rest
            .split_first_chunk::<4>()
            .and_then(|(length, tail)| tail.split_at_checked(u32::from_le_bytes(*length) as usize));
        match framed {
            Some((bytes, tail)) => {
                rest = tail;
                Some(decode(bytes).map(|record| (at, record)).map_err(|bad| (at, bad)))
            }
            None => {
                rest = &[];
                Some(Err((at, BadRecord::Damaged)))
            }
        }
    })
}

/// The fold of what records do not hold yet.
struct Tail {
    marker: Marker,
    ids: IdMaker,
    last_ms: i64,
    end: u64,
    accounts: FxHashMap<ShopperId, Slot>,
    counters: FxHashMap<CampaignId, Counters>,
    billed: super::orders::Billed,
}

/// Becomes the owner of a log: folds the tail, appends its marker and the campaigns' acts, starts the thread. Where
/// others may write the log, the ledger has claimed it and the fence is up already (see [`Ledger::claimed`]).
///
/// # Errors
/// [`StartError`]; nothing is served then.
pub async fn open(ports: Ports, limits: Limits, acts: Vec<Act>, newest_id: u64) -> Result<Opened, StartError> {
    let Ports { ledger, reader, projection, accounts, codes, clock, notifier, stores } = ports;
    let position = projection.position().await?;
    if ledger.end() < position.next {
        return Err(StartError::Behind { end: ledger.end(), next: position.next });
    }
    let counters = read_counters(&*projection).await?;
    let tail = fold_tail(&*reader, &*accounts, position, counters.clone()).await?;
    let (claimed, fresh) = (ledger.claimed(), Marker { epoch: tail.marker.epoch + 1, owner: crate::random::word() });
    if let Some(marker) = claimed.filter(|claimed| *claimed != tail.marker) {
        return Err(StartError::Deposed(marker.epoch));
    }
    let marker = claimed.unwrap_or(fresh);
    let mut ids = tail.ids;
    ids.saw(crate::end_of_millisecond(newest_id));
    let last_ms = tail.last_ms.max(last_time(&*reader, ledger.end())?);
    let shared = Arc::new(share(&*accounts, position, tail.end, claimed.is_some()).await?);
    let (inputs, queue) = crossbeam_channel::bounded(limits.queue);
    let now_ms = clock.now_ms().max(last_ms);
    let mut owner = Owner {
        ledger,
        clock,
        queue,
        loader: start_loader(accounts.clone(), codes, inputs.clone(), limits.parked),
        herald: super::Herald::start(),
        notifier,
        shared: shared.clone(),
        limits,
        marker,
        shares: claimed.is_some(),
        held: Vec::new(),
        ids,
        last_ms,
        now_ms,
        names: names_of(&tail.accounts),
        hand: tail.accounts.keys().copied().collect(),
        accounts: tail.accounts,
        campaigns: FxHashMap::default(),
        items: FxHashMap::default(),
        velocity: super::Velocity::default(),
        registering: FxHashSet::default(),
        parked: FxHashMap::default(),
        parked_count: 0,
        claims: FxHashMap::default(),
        guesses: Throttle::default(),
        deferred: Vec::new(),
        billed: tail.billed,
        batch: super::Batch::default(),
        stores: stores.as_ref().map(|stores| stores.part),
        keeper: stores.map(|stores| super::keeper::start(stores, inputs.clone())),
        wanting: Vec::new(),
        under_way: 0,
        stop_by: None,
    };
    for name in owner.names.keys() {
        shared.names.insert(name.as_ref() as &str);
    }
    for (id, counters) in tail.counters {
        owner.count_from(id, counters, &acts);
    }
    owner.mark(acts)?;
    if claimed.is_none() {
        fill_names(accounts, Arc::downgrade(&shared));
    }
    let thread =
        std::thread::Builder::new().name("koi-owner".into()).spawn(move || owner.run()).map_err(StartError::Thread)?;
    Ok(Opened { inputs, shared, thread, position, counters })
}

async fn share(accounts: &dyn Accounts, position: Position, end: u64, batched: bool) -> Result<Shared, StartError> {
    // Of many logs none fills a filter of its own, so it never says no: who is new is asked of records, once.
    let expected = if batched { 1 } else { NAMES_MIN.max(2 * accounts.names_count().await? as usize) };
    let names = Filter::new(Asked::Registered, expected);
    Ok(Shared {
        folded: AtomicU64::new(end),
        projected: AtomicU64::new(position.next),
        names,
        names_from: AtomicU64::new(0),
        fatal: tokio::sync::watch::channel(false).0,
        traced: Default::default(),
        batched,
    })
}

/// By what external ids the accounts are known.
fn names_of(accounts: &FxHashMap<ShopperId, Slot>) -> FxHashMap<Box<str>, ShopperId> {
    let named = accounts.values().filter(|slot| !slot.account.erased);
    named.map(|slot| (slot.account.external_id.as_str().into(), slot.account.id)).collect()
}

impl Owner {
    /// Starts a larger filter of external ids where it is full. Between batches nothing is being folded, so whatever
    /// is not put into both lies below the log's present end.
    pub(super) fn grow_names(&self) {
        if self.shared.names.is_full() {
            self.shared.names_from.store(self.ledger.end(), Ordering::Release);
            self.shared.names.grow();
        }
    }

    /// What was counted so far, for what it counts.
    fn count_from(&mut self, id: CampaignId, counters: Counters, acts: &[Act]) {
        let act = acts.iter().find(|act| match act {
            Act::Campaign(runtime) => runtime.id == id,
            Act::Item(item) => Counted::Item(item.id).stored_as() == id,
        });
        match act {
            Some(Act::Campaign(runtime)) => {
                let shelves = self.shelves_of(runtime, &counters, None);
                let mut slot = CampaignSlot::new(runtime.clone(), counters, self.now_ms);
                slot.shelves = shelves;
                self.campaigns.insert(id, slot);
            }
            Some(Act::Item(item)) => {
                let units = self.units_of(item, &counters, None);
                self.items.insert(item.id, ItemSlot { item: item.clone(), counters, in_flight: 0, units });
            }
            None => {}
        }
    }

    /// Appends the marker, unless the ledger has done so, and the acts of everything published (R9's sweep).
    fn mark(&mut self, acts: Vec<Act>) -> Result<(), StartError> {
        let marker = (!self.shares).then_some(Fact::Owner { epoch: self.marker.epoch, name: self.marker.owner });
        let facts: Vec<Fact> = marker.into_iter().chain(acts.iter().map(Act::fact)).collect();
        let mut data = Vec::new();
        let count = facts.len() as u32;
        for fact in facts {
            let mut bytes = Vec::new();
            self.bare_record(fact).encode(&mut bytes);
            data.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            data.extend_from_slice(&bytes);
        }
        if count > 0 {
            self.ledger.append(&data, count)?;
        }
        self.last_ms = self.now_ms;
        self.shared.folded.store(self.ledger.end(), Ordering::Release);
        for act in acts {
            self.take_over(act);
        }
        Ok(())
    }
}

async fn read_counters(projection: &dyn Projection) -> Result<FxHashMap<CampaignId, Counters>, StartError> {
    let mut counters = FxHashMap::default();
    for (id, json) in projection.counters().await? {
        counters.insert(id, serde_json::from_str(&json).map_err(|_| PortError::Damaged("a campaign's counters"))?);
    }
    Ok(counters)
}

async fn fold_tail(
    reader: &dyn LedgerReader,
    accounts: &dyn Accounts,
    position: Position,
    counters: FxHashMap<CampaignId, Counters>,
) -> Result<Tail, StartError> {
    let mut tail = Tail {
        marker: Marker { epoch: position.epoch, owner: position.owner },
        ids: IdMaker::default(),
        last_ms: 0,
        end: position.next,
        accounts: FxHashMap::default(),
        counters,
        billed: super::orders::Billed::default(),
    };
    loop {
        let batches = reader.batches(tail.end, CHUNK_BYTES)?;
        if batches.is_empty() {
            return Ok(tail);
        }
        if let Some(to) = batches.first().map(|b| b.first).filter(|first| *first > tail.end) {
            return Err(StartError::Missing { from: tail.end, to });
        }
        load_bases(&batches, accounts, &mut tail).await?;
        for batch in &batches {
            for item in records(batch) {
                let (offset, record) = item.map_err(|(offset, source)| StartError::Record { offset, source })?;
                if offset >= tail.end {
                    tail.fold(offset, &record);
                }
            }
            tail.end = batch.next;
        }
    }
}

/// The time of the ledger's last record: a clock that was set back while nobody owned the ledger does not count.
fn last_time(reader: &dyn LedgerReader, end: u64) -> Result<i64, StartError> {
    let Some(offset) = end.checked_sub(1) else { return Ok(0) };
    let Some(bytes) = reader.record(offset)? else { return Ok(0) };
    decode(&bytes).map(|record| record.at_ms).map_err(|source| StartError::Record { offset, source })
}

async fn load_bases(batches: &[StoredBatch], accounts: &dyn Accounts, tail: &mut Tail) -> Result<(), StartError> {
    let mut wanted: FxHashSet<ShopperId> = FxHashSet::default();
    for batch in batches {
        for item in records(batch) {
            let (_, record) = item.map_err(|(offset, source)| StartError::Record { offset, source })?;
            if record.shopper.0 != 0 && !tail.accounts.contains_key(&record.shopper) {
                wanted.insert(record.shopper);
            }
        }
    }
    let wanted: Vec<ShopperId> = wanted.into_iter().collect();
    for chunk in wanted.chunks(CHUNK_ACCOUNTS) {
        for stored in accounts.by_ids(chunk).await? {
            tail.accounts.insert(stored.account.id, Slot::new(stored.account, KeySet::unread()));
        }
    }
    Ok(())
}

impl Tail {
    fn fold(&mut self, offset: u64, record: &Record<'_>) {
        if !self.marker.admits(record) {
            tracing::error!(offset, "a void record: written under a marker that is not valid");
            return;
        }
        self.last_ms = self.last_ms.max(record.at_ms);
        if record.part == ALL_PARTITIONS {
            for fact in &record.facts {
                if let Some(campaign) = counted_by(fact).map(|counted| counted.stored_as()) {
                    self.counters.entry(campaign).or_default().fold(fact);
                }
            }
            return;
        }
        self.ids.saw(record.shopper.0);
        let new = || {
            let keys = if matches!(record.facts.first(), Some(Fact::Registered { .. })) {
                KeySet::default()
            } else {
                KeySet::unread()
            };
            Slot::new(Account::new(record.shopper), keys)
        };
        let slot = self.accounts.entry(record.shopper).or_insert_with(new);
        slot.tail.push_back(offset);
        for key in &record.keys {
            slot.keys.insert(key, offset, 0);
        }
        for fact in &record.facts {
            if let Err(broken) = slot.account.fold(fact) {
                tracing::error!(offset, %broken, "a durable record does not continue its account; it is void");
            } else if let Some(campaign) = counted_by(fact).map(|counted| counted.stored_as()) {
                self.counters.entry(campaign).or_default().fold(fact);
            }
            self.billed.note(fact, record.shopper, offset, 0);
            for id in ids_of(fact) {
                self.ids.saw(id);
            }
        }
    }
}

/// The ids that a fact uses up.
fn ids_of(fact: &Fact) -> SmallVec<[u64; 2]> {
    match fact {
        Fact::Drawn(d) => [Some(d.draw.0), d.award.map(|(id, _)| id.0)].into_iter().flatten().collect(),
        Fact::Granted(g) => smallvec![g.order.0],
        Fact::Points(e) => smallvec![e.id.0],
        Fact::EntryWon(won) => smallvec![won.award.0],
        Fact::Billed(b) => smallvec![b.order.0],
        Fact::RefundDue(r) => smallvec![r.id.0],
        Fact::Redeemed { used, .. } => smallvec![used.0],
        Fact::Exchanged(e) => e.awards.iter().map(|(id, _)| id.0).chain([e.order.0]).collect(),
        _ => SmallVec::new(),
    }
}

fn start_loader(
    accounts: Arc<dyn Accounts>,
    codes: Arc<dyn Codes>,
    inputs: Sender<Input>,
    bound: usize,
) -> mpsc::Sender<(Who, LoadAsk)> {
    let (asks, mut queue) = mpsc::channel::<(Who, LoadAsk)>(bound.max(1));
    let (loads, claims) = (Arc::new(Semaphore::new(LOADS)), Arc::new(Semaphore::new(CLAIMS)));
    tokio::spawn(async move {
        while let Some((who, ask)) = queue.recv().await {
            // Claims wait for a disk; nobody else waits for them. What is asked is bounded where it is parked.
            let room = if matches!(ask, LoadAsk::Claim(_)) { claims.clone() } else { loads.clone() };
            let (accounts, codes, inputs) = (accounts.clone(), codes.clone(), inputs.clone());
            tokio::spawn(async move {
                let Ok(permit) = room.acquire_owned().await else { return };
                let loaded = super::load::load(&accounts, &codes, who, ask).await;
                drop(permit);
                // The queue may be full of callers; the owner drains it, so this waits for a turn at most.
                _ = tokio::task::spawn_blocking(move || inputs.send(Input::Loaded(loaded)).is_ok()).await;
            });
        }
    });
    asks
}

/// Fills the filter of external ids in the background, and a larger one whenever it is full; ends with its owner.
fn fill_names(accounts: Arc<dyn Accounts>, shared: Weak<Shared>) {
    tokio::spawn(async move {
        loop {
            match fill_once(&*accounts, &shared).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "the filter of external ids is filled again in a second"),
            }
            loop {
                tokio::time::sleep(NAMES_LOOK).await;
                let Some(shared) = shared.upgrade() else { return };
                shared.names.report();
                // Whoever was registered before it began to grow must be in records before those are read.
                let read = || shared.projected.load(Ordering::Acquire) >= shared.names_from.load(Ordering::Acquire);
                if !shared.names.is_complete() || (shared.names.is_growing() && read()) {
                    break;
                }
            }
        }
    });
}

/// Puts all external ids of records in. False where whom the filter was for is closed.
async fn fill_once(accounts: &dyn Accounts, shared: &Weak<Shared>) -> Result<bool, PortError> {
    const PAGE: u32 = 10_000;
    let mut after = ShopperId(0);
    loop {
        let page = accounts.names(after, PAGE).await?;
        let Some(shared) = shared.upgrade() else { return Ok(false) };
        let Some((last, _)) = page.last() else {
            shared.names.complete();
            return Ok(true);
        };
        after = *last;
        for (_, name) in &page {
            shared.names.insert(name.as_str());
        }
    }
}
