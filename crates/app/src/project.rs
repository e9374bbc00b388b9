//! Projection (R8): the ledger's records become rows, in order, each batch with its position in one transaction.
//!
//! It folds accounts and counters a second time, from what records hold, so that records at an offset are exactly the
//! fold of the ledger up to it, whatever the owner has done since.

use crate::fulfil::Subscriptions;
use crate::fulfil::outbox::{self, Seen};
use crate::owner::{Shared, records};
use crate::ports::{
    Accounts, LedgerReader, Marker, PortError, PortResult, Position, Projection, PublicMessage, Registry, Shelves,
    StoredAccount,
};
use crate::rows::{BehaviourRow, Projected};
use crate::runtime::{Counters, counted_by};
use crate::seal::{Key, open};
use crate::topics::Outlet;
use crate::trace::Span;
use domain::account::Account;
use domain::ids::{CampaignId, ShopperId};
use domain::record::{ALL_PARTITIONS, Fact, Record};
use metrics::{counter, histogram};
use recommend::profile::Profile;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// At most one commit in this time, so that rows of many records share it.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
/// The same where each partition has a log: 64 of them share the records.
const COMMIT_EVERY_SHARED: Duration = Duration::from_millis(400);
/// While much comes in the log takes the peak: for each record that came within [`COMMIT_EVERY`] a commit waits so much
/// longer. An account, or an index page that many rows of a commit touch, is then written once for all of them, and
/// what the rows cost is left to a moment with fewer callers.
const WAIT_PER_RECORD: Duration = Duration::from_millis(10);
/// The longest such wait.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Records within [`COMMIT_EVERY`] from which on much comes in.
const BUSY: u64 = 500;
/// Less than [`BUSY`] must have come for so long before a rush is over: a disk that stalls for a moment is no end of it.
const CALM: Duration = Duration::from_millis(500);
/// A rush's highest rate is forgotten by one part in so many each [`COMMIT_EVERY`].
const FORGOTTEN: u64 = 16;
/// The same two where each partition has a log: of a batch, which is a message there, and of one log's.
const WAIT_PER_BATCH: Duration = Duration::from_secs(1);
const BUSY_SHARED: u64 = 1;
/// Bytes of ledger read at a time: small enough for the allocator to hand out the same memory again.
const READ_BYTES: usize = 4 << 20;
/// Accounts kept between batches.
const ACCOUNTS: usize = 200_000;
/// Accounts asked of records at a time.
const CHUNK: usize = 500;
/// Messages for other programs that are held until they are told.
const TOLD: usize = 256;
/// The wait after an engine failed.
const AGAIN: Duration = Duration::from_millis(500);

/// The projector. It runs on a thread of its own; see [`Projector::run`].
pub struct Projector {
    pub reader: Arc<dyn LedgerReader>,
    pub projection: Arc<dyn Projection>,
    pub accounts: Arc<dyn Accounts>,
    pub shelves: Arc<dyn Shelves>,
    pub registry: Arc<dyn Registry>,
    pub shared: Arc<Shared>,
    pub position: Position,
    pub counters: FxHashMap<CampaignId, Counters>,
    /// The offset by which each account in `cache` is folded is the position's.
    pub cache: FxHashMap<ShopperId, Account>,
    /// Told when a batch is in records: who behaved, so that strategies may be refreshed.
    pub behaved: tokio::sync::mpsc::Sender<ShopperId>,
    /// Which endpoints of the shop take which messages.
    pub subscriptions: Subscriptions,
    /// Other programs are told before a commit, where there is anybody to tell.
    pub outlet: Option<Outlet>,
    /// Records of one commit at most.
    pub commit_records: u64,
    /// Records that may wait while much comes in: so far below the owner's bound on what is not projected that a commit
    /// under way does not slow it.
    pub peak_records: u64,
}

/// What one commit will write, while it is being gathered.
struct Commit {
    batch: Projected,
    counters: FxHashMap<CampaignId, Counters>,
    marker: Marker,
    touched: FxHashSet<ShopperId>,
    counted: FxHashSet<CampaignId>,
}

impl Commit {
    fn after(position: Position, counters: FxHashMap<CampaignId, Counters>) -> Self {
        Self {
            batch: Projected { position, ..Projected::default() },
            counters,
            marker: Marker { epoch: position.epoch, owner: position.owner },
            touched: FxHashSet::default(),
            counted: FxHashSet::default(),
        }
    }
}

/// A commit whose records are folded, not yet written.
struct Gathered {
    commit: Commit,
    /// The offset behind its last record.
    next: u64,
}

/// What is told once a batch is in records.
struct Notes {
    behaved: FxHashSet<ShopperId>,
    posted: bool,
}

impl Notes {
    fn of(batch: &Projected) -> Self {
        Notes { behaved: batch.behaviours.iter().map(|b| b.shopper).collect(), posted: !batch.deliveries.is_empty() }
    }
}

/// How fast records come.
struct Pace {
    seen: u64,
    at: Instant,
    /// When much came last, in a rush that is not over.
    busy: Option<Instant>,
    /// Records within [`COMMIT_EVERY`], the most of this rush.
    peak: u64,
}

impl Pace {
    fn from(folded: u64) -> Self {
        Self { seen: folded, at: Instant::now(), busy: None, peak: 0 }
    }

    /// Looks at how many records have come; nothing where the last look is too short ago.
    fn look(&mut self, shared: &Shared) {
        let (now, folded) = (Instant::now(), shared.folded.load(Ordering::Acquire));
        let passed = now.duration_since(self.at).as_millis() as u64;
        let every = COMMIT_EVERY.as_millis() as u64;
        if passed < every {
            return;
        }
        let came = shared.between(self.seen, folded).saturating_mul(every) / passed;
        (self.seen, self.at) = (folded, now);
        let busy = if shared.batched { BUSY_SHARED } else { BUSY };
        if came >= busy {
            self.busy = Some(now);
            self.peak = came.max(self.peak - self.peak / FORGOTTEN);
        } else if self.busy.is_some_and(|busy| now.duration_since(busy) >= CALM) {
            (self.busy, self.peak) = (None, 0);
        }
    }

    /// The longest that a commit waits for more.
    fn wait(&self, batched: bool) -> Duration {
        let per = if batched { WAIT_PER_BATCH } else { WAIT_PER_RECORD };
        per.saturating_mul(u32::try_from(self.peak).unwrap_or(u32::MAX)).min(WAIT_MAX)
    }
}

impl Projector {
    /// Projects until `stop` is set and nothing is left, or until a record cannot be read.
    pub fn run(mut self, runtime: &tokio::runtime::Handle, stop: &AtomicBool) {
        let mut failed = false;
        let mut pace = Pace::from(self.shared.folded.load(Ordering::Acquire));
        let mut ahead = None;
        loop {
            let started = Instant::now();
            let stopping = stop.load(Ordering::Acquire);
            match self.turn(runtime, ahead.take(), &mut pace) {
                Ok((0, _)) if stopping => return,
                Ok((count, gathered)) => {
                    failed = false;
                    if count > 0 {
                        histogram!("koi_projection_batch_seconds").record(started.elapsed().as_secs_f64());
                        counter!("koi_projection_records_total").increment(count);
                    }
                    ahead = gathered;
                    if !stopping && ahead.is_none() {
                        self.rest(started, &mut pace, stop);
                    }
                }
                Err(PortError::Damaged(what)) => {
                    tracing::error!(
                        what,
                        offset = self.position.next,
                        "projection stops: a record cannot be read; nothing is skipped"
                    );
                    counter!("koi_projection_stopped_total").increment(1);
                    return;
                }
                Err(error) => {
                    if !failed {
                        tracing::warn!(%error, "projection waits for the records");
                    }
                    failed = true;
                    if stopping {
                        return;
                    }
                    std::thread::sleep(AGAIN);
                    if let Err(error) = runtime.block_on(self.look_again()) {
                        tracing::debug!(%error, "the records are still out of reach");
                    }
                }
            }
        }
    }

    /// Writes one commit, `gathered` where that is done already; returns how many records it had. Where a rush has left
    /// more than it takes, the next one is folded while the engine writes this one, and is returned too.
    fn turn(
        &mut self,
        runtime: &tokio::runtime::Handle,
        gathered: Option<Gathered>,
        pace: &mut Pace,
    ) -> PortResult<(u64, Option<Gathered>)> {
        pace.look(&self.shared);
        let gathered = match gathered {
            Some(gathered) => gathered,
            None if pace.busy.is_some() || self.shared.lag() < self.commit_records.saturating_add(BUSY) => {
                return runtime.block_on(self.step()).map(|count| (count, None));
            }
            None => runtime.block_on(self.gather(self.position, self.counters.clone()))?,
        };
        let (mut batch, counters) = runtime.block_on(self.close(gathered))?;
        let left = self.shared.between(batch.position.next, self.shared.folded.load(Ordering::Acquire));
        if pace.busy.is_some() || left < BUSY || self.cache.len() > ACCOUNTS {
            return runtime.block_on(self.write(batch, counters)).map(|count| (count, None));
        }
        let (position, notes, span) = (batch.position, Notes::of(&batch), self.span(batch.position));
        // Before the next commit is gathered, which tells of what comes later.
        runtime.block_on(self.tell(&mut batch.told))?;
        let (projection, then) = (self.projection.clone(), counters.clone());
        let (written, next) = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("koi-projector".into());
            let writing = thread.spawn_scoped(scope, || runtime.block_on(projection.apply(batch)));
            let next = runtime.block_on(self.gather(position, then));
            (writing.map(|writing| writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))), next)
        });
        drop(span);
        written.map_err(|_| PortError::Unreachable("a thread to write records with"))??;
        let count = self.written(position, counters, notes);
        Ok((count, Some(next?).filter(|next| next.next > position.next)))
    }

    /// After a failure: what was written is read again, since a commit that failed may have taken effect, and the cache
    /// may be ahead of it.
    async fn look_again(&mut self) -> PortResult<()> {
        self.cache.clear();
        let position = self.projection.position().await?;
        let mut counters = FxHashMap::default();
        for (id, json) in self.projection.counters().await? {
            counters.insert(id, serde_json::from_str(&json).map_err(|_| PortError::Damaged("a campaign's counters"))?);
        }
        (self.position, self.counters) = (position, counters);
        self.shared.projected.store(position.next, Ordering::Release);
        Ok(())
    }

    /// Waits until the next commit is worth its cost: at once when a commit's worth has come or the rush is over.
    fn rest(&self, since: Instant, pace: &mut Pace, stop: &AtomicBool) {
        let every = if self.shared.batched { COMMIT_EVERY_SHARED } else { COMMIT_EVERY };
        std::thread::sleep(every.saturating_sub(since.elapsed()));
        while !stop.load(Ordering::Acquire) {
            pace.look(&self.shared);
            let waiting = self.shared.between(self.position.next, self.shared.folded.load(Ordering::Acquire));
            if pace.busy.is_none() || waiting >= self.peak_records || since.elapsed() >= pace.wait(self.shared.batched)
            {
                return;
            }
            std::thread::sleep(COMMIT_EVERY);
        }
    }

    /// Folds what is next behind `position`, a commit's worth at most. Reads nothing of records that a commit under way
    /// writes: accounts that it touches are in the cache.
    async fn gather(&mut self, position: Position, counters: FxHashMap<CampaignId, Counters>) -> PortResult<Gathered> {
        let end = self.shared.folded.load(Ordering::Acquire);
        let mut commit = Commit::after(position, counters);
        let mut next = position.next;
        while next < end && self.shared.between(position.next, next) < self.commit_records {
            let batches = self.reader.batches(next, READ_BYTES)?;
            let most = batches.iter().map(|batch| batch.count as usize).sum();
            let mut decoded: Vec<(u64, Record<'_>)> = Vec::with_capacity(most);
            for batch in &batches {
                for item in records(batch) {
                    let (offset, record) = item.map_err(|_| PortError::Damaged("the ledger"))?;
                    if offset >= next {
                        decoded.push((offset, record));
                    }
                }
            }
            let Some(read) = batches.last().map(|batch| batch.next).filter(|read| *read > next) else { break };
            next = read;
            self.fold(&decoded, &mut commit).await?;
        }
        Ok(Gathered { commit, next })
    }

    /// Projects what is next, a commit's worth at most, and returns how many records that was.
    pub async fn step(&mut self) -> PortResult<u64> {
        let gathered = self.gather(self.position, self.counters.clone()).await?;
        if gathered.next == self.position.next {
            return Ok(0);
        }
        let (batch, counters) = self.close(gathered).await?;
        self.write(batch, counters).await
    }

    /// Writes a batch and its position; nothing may be folded ahead of it.
    async fn write(&mut self, mut batch: Projected, counters: FxHashMap<CampaignId, Counters>) -> PortResult<u64> {
        let (position, notes, span) = (batch.position, Notes::of(&batch), self.span(batch.position));
        self.tell(&mut batch.told).await?;
        self.projection.apply(batch).await?;
        drop(span);
        if self.cache.len() > ACCOUNTS {
            self.cache.clear();
        }
        Ok(self.written(position, counters, notes))
    }

    fn span(&self, to: Position) -> Option<Span> {
        let mut span = self.shared.traced.projecting(to.next)?;
        span.note(("koi.records", self.shared.between(self.position.next, to.next) as i64));
        Some(span)
    }

    /// A batch is in records: moves on and tells whom it concerns. Returns how many records that was.
    fn written(&mut self, position: Position, counters: FxHashMap<CampaignId, Counters>, notes: Notes) -> u64 {
        let count = self.shared.between(self.position.next, position.next);
        if notes.posted {
            self.subscriptions.nudge();
        }
        (self.position, self.counters) = (position, counters);
        self.shared.projected.store(position.next, Ordering::Release);
        for shopper in notes.behaved {
            // A full queue only means that the job finds the shopper by itself.
            _ = self.behaved.try_send(shopper);
        }
        count
    }

    /// Folds records into accounts, counters and rows.
    async fn fold(&mut self, decoded: &[(u64, Record<'_>)], commit: &mut Commit) -> PortResult<()> {
        self.fill_cache(decoded).await?;
        let subscribed = self.subscriptions.now();
        for (offset, record) in decoded {
            if !commit.marker.admits(record) {
                continue;
            }
            // Erasing forgets the name, registering brings it.
            let mut name = self.named(record.shopper);
            if record.part == ALL_PARTITIONS {
                for fact in &record.facts {
                    if let Some(campaign) = counted_by(fact).map(|counted| counted.stored_as()) {
                        commit.counters.entry(campaign).or_default().fold(fact);
                        commit.counted.insert(campaign);
                    }
                }
            } else {
                let account = self.cache.entry(record.shopper).or_insert_with(|| Account::new(record.shopper));
                commit.touched.insert(record.shopper);
                for fact in &record.facts {
                    if account.fold(fact).is_err() {
                        continue;
                    }
                    if let Some(campaign) = counted_by(fact).map(|counted| counted.stored_as()) {
                        commit.counters.entry(campaign).or_default().fold(fact);
                        commit.counted.insert(campaign);
                    }
                }
            }
            let seen = Seen::of(&commit.batch);
            commit.batch.take(*offset, record);
            outbox::post(&mut commit.batch, seen, record.at_ms, &subscribed);
            if let Some(outlet) = &self.outlet {
                name = name.or_else(|| self.named(record.shopper));
                let told = outlet.messages(*offset, record, name.as_deref().unwrap_or_default()).await?;
                commit.batch.told.extend(told);
                if commit.batch.told.len() >= TOLD {
                    self.tell(&mut commit.batch.told).await?;
                }
            }
        }
        Ok(())
    }

    /// Other programs hear of records first, then they become rows (R8): whoever finds a row finds its message too, and what
    /// comes between the two tells it again.
    async fn tell(&self, told: &mut Vec<PublicMessage>) -> PortResult<()> {
        match &self.outlet {
            Some(outlet) if !told.is_empty() => outlet.publisher.publish(std::mem::take(told)).await,
            _ => Ok(()),
        }
    }

    /// The shop's id of a shopper, where anybody is told of it.
    fn named(&self, shopper: ShopperId) -> Option<String> {
        self.outlet.as_ref()?;
        self.cache.get(&shopper).map(|account| account.external_id.clone()).filter(|name| !name.is_empty())
    }

    /// Adds what is one row however many records moved it. What the last commit wrote is read here, so it must be in.
    async fn close(&self, gathered: Gathered) -> PortResult<(Projected, FxHashMap<CampaignId, Counters>)> {
        let Gathered { commit: Commit { mut batch, counters, touched, counted, .. }, next } = gathered;
        batch.position.next = next;
        batch.accounts = touched
            .iter()
            .filter_map(|id| self.cache.get(id))
            .map(|a| StoredAccount { account: a.clone(), next })
            .collect();
        batch.accounts.sort_unstable_by_key(|a| a.account.id);
        for id in counted {
            if let Some(json) = counters.get(&id).and_then(|c| serde_json::to_string(c).ok()) {
                batch.counters.push((id, json));
            }
        }
        self.open_behaviours(&mut batch).await?;
        self.profiles(&mut batch).await?;
        Ok((batch, counters))
    }

    /// Opens what shoppers did. Where a shopper's key is gone the shopper was erased, and so is what it sealed.
    async fn open_behaviours(&self, batch: &mut Projected) -> PortResult<()> {
        let mut shoppers: Vec<ShopperId> = batch.behaviours.iter().map(|b| b.shopper).collect();
        shoppers.sort_unstable();
        shoppers.dedup();
        let mut keys: FxHashMap<ShopperId, Key> = FxHashMap::default();
        for chunk in shoppers.chunks(CHUNK) {
            keys.extend(self.registry.opening_keys(chunk).await?);
        }
        let mut opened = Vec::with_capacity(batch.behaviours.len());
        for row in std::mem::take(&mut batch.behaviours) {
            let Some(key) = keys.get(&row.shopper) else { continue };
            let payload = open(key, &row.payload).ok_or(PortError::Damaged("a behaviour in the ledger"))?;
            opened.push(BehaviourRow { payload, ..row });
        }
        batch.behaviours = opened;
        Ok(())
    }

    /// Loads the accounts that the records concern and that are not in the cache.
    async fn fill_cache(&mut self, decoded: &[(u64, Record<'_>)]) -> PortResult<()> {
        let mut wanted: Vec<ShopperId> = decoded
            .iter()
            .filter(|(_, r)| r.part != ALL_PARTITIONS && !self.cache.contains_key(&r.shopper))
            .filter(|(_, r)| !matches!(r.facts.first(), Some(Fact::Registered { .. })))
            .map(|(_, r)| r.shopper)
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        for chunk in wanted.chunks(CHUNK) {
            for stored in self.accounts.by_ids(chunk).await? {
                self.cache.insert(stored.account.id, stored.account);
            }
        }
        Ok(())
    }

    /// Folds the batch's behaviours into the profiles of their shoppers.
    async fn profiles(&self, batch: &mut Projected) -> PortResult<()> {
        let mut profiles: FxHashMap<ShopperId, Profile> = FxHashMap::default();
        for row in &batch.behaviours {
            let Ok(behaviour) = serde_json::from_slice(&row.payload) else {
                return Err(PortError::Damaged("a behaviour in the ledger"));
            };
            if let std::collections::hash_map::Entry::Vacant(empty) = profiles.entry(row.shopper) {
                let stored = self.shelves.profile(row.shopper).await?;
                let profile =
                    stored.map(|json| serde_json::from_str(&json).map_err(|_| PortError::Damaged("a profile")));
                empty.insert(profile.transpose()?.unwrap_or_default());
            }
            if let Some(profile) = profiles.get_mut(&row.shopper) {
                profile.fold(&behaviour);
            }
        }
        for (shopper, profile) in profiles {
            let json = serde_json::to_string(&profile).map_err(|_| PortError::Damaged("a profile"))?;
            batch.profiles.push((shopper, json));
        }
        Ok(())
    }
}
