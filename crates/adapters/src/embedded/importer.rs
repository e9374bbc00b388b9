//! `koi import`: behaviour of the past, written to records directly. It grants nothing; a repeat changes nothing.

use super::{Lock, OpenError, Options, open_locked};
use crate::import::{Format, Group, OpenError as FileError, Ranges, ReadError, Reader, rejects_path};
use crate::ledger::SqliteLedgerReader;
use crate::records::{ImportBatch, Store};
use crate::vault::Vault;
use app::ports::{Accounts, LedgerReader, PortError, StoredAccount};
use app::rows::BehaviourRow;
use domain::account::Account;
use domain::behaviour::{Action, Behaviour};
use domain::ids::{IdMaker, ShopperId, partition_of};
use recommend::profile::Profile;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Lines of one transaction, about.
const LINES: usize = 20_000;
/// Profiles and ids kept between transactions.
const CACHED: usize = 50_000;
/// Names or orders of one look-up: below SQLite's bound of parameters.
const LOOKUP: usize = 500;

/// What an import did: `accepted + duplicates + rejected + skipped = rows`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ImportSummary {
    pub rows: u64,
    pub accepted: u64,
    /// Rows that were imported before.
    pub duplicates: u64,
    pub rejected: u64,
    /// Rows without a shopper.
    pub skipped: u64,
    pub seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject_file: Option<PathBuf>,
}

/// Why an import ended early; what was committed before stays, and a repeat goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error("stored data cannot be read: {0}")]
    Damaged(&'static str),
    #[error("{source}; {done} rows were imported before it")]
    Read { source: ReadError, done: u64 },
}

/// Imports a file into a data directory that no server uses. `progress` hears bytes read and bytes in all.
///
/// # Errors
/// [`ImportError`].
pub async fn import(
    data: &Path,
    format: Format,
    file: &Path,
    dry_run: bool,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<ImportSummary, ImportError> {
    let started = Instant::now();
    let mut reader = Reader::open(format, file)?;
    if dry_run && !["records.db", "ledger.db"].iter().any(|name| data.join(name).exists()) {
        // There is nothing to compare with, and a look makes no data directory.
        return count(reader, started, progress);
    }
    let lock = Lock::take(data)?;
    // What the ledger holds and records do not would be imported twice: it is projected first.
    let lock = open_locked(data, &Options::default(), &Default::default(), lock).await?.close_keeping_lock().await;
    if !dry_run {
        reader = reader.with_rejects(rejects_path(data, file));
    }
    let store = Store::open(data, Vault::open(data).map_err(OpenError::from)?).await.map_err(OpenError::from)?;
    let position = app::ports::Projection::position(&store).await?;
    if !LedgerReader::batches(&SqliteLedgerReader::new(data), position.next, 1)?.is_empty() {
        // A shopper whom only the ledger knows would be made a second time.
        return Err(ImportError::Damaged("the ledger was not projected to its end"));
    }
    let mut importer = Importer::new(store, format, dry_run).await?;
    let mut chunk: Vec<Group> = Vec::new();
    let mut lines = 0;
    while let Some(group) = reader.next_group() {
        lines += group.lines.len();
        chunk.push(group);
        if lines >= LINES {
            importer.take(std::mem::take(&mut chunk)).await?;
            lines = 0;
            let (read, all) = reader.progress();
            progress(read, all);
        }
    }
    importer.take(chunk).await?;
    let (read, all) = reader.progress();
    progress(read, all);
    if !dry_run {
        importer.store.sync().await?;
    }
    importer.store.close().await;
    drop(lock);
    let (counts, reject_file, error) = reader.finish();
    let summary = ImportSummary {
        rows: counts.rows,
        accepted: counts.accepted - importer.duplicates,
        duplicates: importer.duplicates,
        rejected: counts.rejected,
        skipped: counts.skipped,
        seconds: started.elapsed().as_secs_f64(),
        reject_file,
    };
    match error {
        None => Ok(summary),
        Some(source) => Err(ImportError::Read { source, done: summary.accepted }),
    }
}

/// Only counts: all that is accepted would be new.
fn count(
    mut reader: Reader,
    started: Instant,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<ImportSummary, ImportError> {
    let mut lines = 0;
    while let Some(group) = reader.next_group() {
        lines += group.lines.len();
        if lines >= LINES {
            lines = 0;
            let (read, all) = reader.progress();
            progress(read, all);
        }
    }
    let (counts, reject_file, error) = reader.finish();
    let summary = ImportSummary {
        rows: counts.rows,
        accepted: counts.accepted,
        rejected: counts.rejected,
        skipped: counts.skipped,
        seconds: started.elapsed().as_secs_f64(),
        reject_file,
        duplicates: 0,
    };
    match error {
        None => Ok(summary),
        Some(source) => Err(ImportError::Read { source, done: 0 }),
    }
}

struct Importer {
    store: Store,
    source: &'static str,
    dry_run: bool,
    ids: IdMaker,
    shoppers: FxHashMap<String, ShopperId>,
    profiles: FxHashMap<ShopperId, Profile>,
    duplicates: u64,
}

impl Importer {
    async fn new(store: Store, format: Format, dry_run: bool) -> Result<Self, ImportError> {
        let mut ids = IdMaker::default();
        ids.saw(app::end_of_millisecond(store.newest_id().await?));
        let (shoppers, profiles) = (FxHashMap::default(), FxHashMap::default());
        Ok(Self { store, source: format.word(), dry_run, ids, shoppers, profiles, duplicates: 0 })
    }

    /// Imports some groups in one transaction.
    async fn take(&mut self, groups: Vec<Group>) -> Result<(), ImportError> {
        let mut batch = ImportBatch { source: self.source, ..ImportBatch::default() };
        let mut known = self.known(&groups).await?;
        let mut changed: FxHashSet<String> = FxHashSet::default();
        let mut fresh = Vec::new();
        for mut group in groups {
            let ranges = known.entry(group.source_order.clone()).or_default();
            self.duplicates += group.drop_known(ranges);
            if group.lines.is_empty() {
                continue;
            }
            for line in &group.lines {
                ranges.insert(line.ordinal);
            }
            changed.insert(group.source_order.clone());
            fresh.push(group);
        }
        if self.dry_run || fresh.is_empty() {
            return Ok(());
        }
        self.find_shoppers(&fresh, &mut batch).await?;
        self.load_profiles(&fresh).await?;
        let mut touched: FxHashSet<ShopperId> = FxHashSet::default();
        for group in fresh {
            touched.insert(self.fold(group, &mut batch)?);
        }
        for shopper in touched {
            let profile = self.profiles.get(&shopper).map(serde_json::to_string);
            let json = profile.and_then(Result::ok).ok_or(ImportError::Damaged("a profile"))?;
            batch.profiles.push((shopper, json));
        }
        batch.ordinals = known
            .into_iter()
            .filter(|(order, _)| changed.contains(order))
            .map(|(order, r)| (order, r.to_string()))
            .collect();
        self.store.import(batch).await?;
        if self.shoppers.len() > CACHED {
            self.shoppers.clear();
        }
        if self.profiles.len() > CACHED {
            self.profiles.clear();
        }
        Ok(())
    }

    async fn known(&self, groups: &[Group]) -> Result<FxHashMap<String, Ranges>, ImportError> {
        let mut orders: Vec<String> = groups.iter().map(|g| g.source_order.clone()).collect();
        orders.sort_unstable();
        orders.dedup();
        let mut known = FxHashMap::default();
        for some in orders.chunks(LOOKUP) {
            for (order, text) in self.store.ordinals_of(self.source, some).await? {
                known.insert(
                    order,
                    text.parse().map_err(|_| ImportError::Damaged("the imported ordinals of an order"))?,
                );
            }
        }
        Ok(known)
    }

    /// Makes sure that every shopper of the groups has an internal id.
    async fn find_shoppers(&mut self, groups: &[Group], batch: &mut ImportBatch) -> Result<(), ImportError> {
        let mut names: Vec<String> =
            groups.iter().map(|g| g.shopper.clone()).filter(|n| !self.shoppers.contains_key(n)).collect();
        names.sort_unstable();
        names.dedup();
        for some in names.chunks(LOOKUP) {
            self.shoppers.extend(self.store.ids_of(some).await?);
        }
        let now_ms = app::ports::Clock::now_ms(&crate::clock::SystemClock);
        for group in groups {
            if self.shoppers.contains_key(&group.shopper) {
                continue;
            }
            let id = ShopperId(self.ids.make(now_ms, partition_of(&group.shopper)));
            self.shoppers.insert(group.shopper.clone(), id);
            let account =
                Account { external_id: group.shopper.clone(), registered_at_ms: group.at_ms, ..Account::new(id) };
            batch.accounts.push(StoredAccount { account, next: 0 });
        }
        Ok(())
    }

    async fn load_profiles(&mut self, groups: &[Group]) -> Result<(), ImportError> {
        let ids = groups.iter().filter_map(|g| self.shoppers.get(&g.shopper)).copied();
        let mut wanted: Vec<ShopperId> = ids.filter(|id| !self.profiles.contains_key(id)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        for some in wanted.chunks(LOOKUP) {
            for (shopper, json) in self.store.profiles_of(some).await? {
                let profile = serde_json::from_str(&json).map_err(|_| ImportError::Damaged("a profile"))?;
                self.profiles.insert(shopper, profile);
            }
        }
        Ok(())
    }

    /// Makes a group's behaviour and folds it into its shopper's profile.
    fn fold(&mut self, group: Group, batch: &mut ImportBatch) -> Result<ShopperId, ImportError> {
        let shopper = *self.shoppers.get(&group.shopper).ok_or(ImportError::Damaged("a shopper's id"))?;
        let first = group.lines.first().map_or(0, |l| l.ordinal);
        let id = format!("{}:{}:{first}", self.source, group.source_order);
        let items = group.lines.into_iter().map(|l| l.item).collect();
        let action = if group.is_return {
            Action::Return { order_id: group.source_order, items }
        } else {
            Action::Purchase { order_id: group.source_order, items }
        };
        let behaviour = Behaviour { id, at_ms: group.at_ms, action };
        self.profiles.entry(shopper).or_default().fold(&behaviour);
        let key = app::event_key(&behaviour.id);
        let payload = serde_json::to_vec(&behaviour).map_err(|_| ImportError::Damaged("a behaviour"))?;
        batch.behaviours.push(BehaviourRow { shopper, key, at_ms: behaviour.at_ms, payload });
        Ok(shopper)
    }
}
