//! Everything on embedded engines in one data directory: one process, one owner, SQLite underneath.

mod backup;
mod importer;
mod lock;

pub use backup::{BackupError, backup, restore};
pub use importer::{ImportError, ImportSummary, import};
pub use lock::Lock;

use crate::clock::SystemClock;
use crate::hints::{self, Options as Hints};
use crate::ledger::{self, LedgerError, SqliteLedger, SqliteLedgerReader};
use crate::notifier::{Crowd, InProcess};
use crate::records::{RecordsError, Store};
use crate::vault::{Vault, VaultError};
use crate::webhook::{NoTls, Webhooks};
use app::command::Act;
use app::desk::Desk;
use app::fulfil::Engine;
use app::koi::{Koi, Parts, Strategist, wishes};
use app::owner::{self, Limits, StartError};
use app::owners::{Owned, Owners};
use app::ports::{Accounts, Campaigns, Clock, ExchangeDesk, PortError};
use app::project::Projector;
use app::runtime::Runtime;
use domain::exchange::Item;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// Below it a single batch could fill the tail.
const TAIL_MIN: u64 = 1_024;

/// The `[embedded]` section of the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Requests waiting for the owner; beyond it 503.
    pub queue_max: usize,
    /// Records of one group commit.
    pub batch_max: usize,
    /// Records in the ledger that are not projected yet; at three quarters admission slows down, at the bound 503.
    pub tail_max: u64,
    /// Accounts in memory.
    pub accounts_max: usize,
    /// Projected batches older than this leave the ledger for files under `archive/`. 0 keeps all.
    pub ledger_retention_hours: u32,
    /// Open sockets in all, and of one shopper.
    pub sockets_max: u32,
    pub sockets_per_shopper: u32,
}

impl Default for Options {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            queue_max: limits.queue,
            batch_max: limits.batch,
            tail_max: limits.tail,
            accounts_max: limits.accounts,
            ledger_retention_hours: 24 * 7,
            sockets_max: Crowd::default().sockets_max,
            sockets_per_shopper: Crowd::default().sockets_per_shopper,
        }
    }
}

impl Options {
    /// Why these are no bounds.
    pub fn wrong(&self) -> Option<&'static str> {
        if self.queue_max == 0 || self.batch_max == 0 || self.accounts_max == 0 {
            Some("queue_max, batch_max and accounts_max are at least 1")
        } else if self.tail_max < TAIL_MIN {
            Some("tail_max is at least 1024")
        } else {
            None
        }
    }

    /// The owner's bounds.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            queue: self.queue_max.max(1),
            batch: self.batch_max.max(1),
            tail: self.tail_max.max(TAIL_MIN),
            accounts: self.accounts_max.max(1),
            ..Limits::default()
        }
    }

    pub(crate) fn crowd(&self) -> Crowd {
        Crowd { sockets_max: self.sockets_max, sockets_per_shopper: self.sockets_per_shopper }
    }
}

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the data directory {0} is in use by another koi process")]
    Locked(String),
    #[error("the data directory {path} cannot be used: {source}")]
    Directory { path: String, source: std::io::Error },
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Hints(#[from] hints::BadOptions),
    #[error("whoever was erased could not be erased in what was opened; nothing is served")]
    Erasure,
    #[error("campaign {0} was published under rules that this koi does not understand")]
    Campaign(domain::ids::CampaignId),
}

/// An opened data directory, at work.
pub struct Embedded {
    pub koi: Koi,
    store: Store,
    owner: JoinHandle<()>,
    projector: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    tasks: tokio::task::JoinSet<()>,
    inputs: crossbeam_channel::Sender<app::command::Input>,
    lock: Lock,
}

/// Opens a data directory for serving: takes its lock, migrates it, folds what was not projected, starts the owner.
/// Must be called within a tokio runtime.
///
/// # Errors
/// [`OpenError`]; the directory is untouched where it is locked or written by a newer version.
pub async fn open(data: &Path, options: &Options) -> Result<Embedded, OpenError> {
    open_with(data, options, &Hints::default()).await
}

/// As [`open`], with hints that other processes share.
///
/// # Errors
/// As [`open`].
pub async fn open_with(data: &Path, options: &Options, hints: &Hints) -> Result<Embedded, OpenError> {
    let lock = Lock::take(data)?;
    open_locked(data, options, hints, lock).await
}

async fn open_locked(data: &Path, options: &Options, hints: &Hints, lock: Lock) -> Result<Embedded, OpenError> {
    let vault = Vault::open(data)?;
    let (ledger, secret) = (SqliteLedger::open(data)?, vault.derive("shopper tokens"));
    let (store, clock): (_, Arc<dyn Clock>) = (Store::open(data, vault).await?, Arc::new(SystemClock));
    let (published, items) = (published(&store).await?, items(&store).await?);
    let (reader, stop) = (Arc::new(SqliteLedgerReader::new(data)), Arc::new(AtomicBool::new(false)));
    let (shared_store, newest) = (Arc::new(store.clone()), store.newest_id().await?);
    let near = hints::open(hints, clock.clone()).await?;
    let (limits, notifier) = (options.limits(), InProcess::start(options.crowd(), clock.clone()));
    let ports = owner::Ports {
        ledger: Box::new(ledger),
        reader: reader.clone(),
        projection: shared_store.clone(),
        accounts: shared_store.clone(),
        codes: shared_store.clone(),
        clock: clock.clone(),
        notifier: notifier.clone(),
        stores: None,
    };
    let opened = owner::open(ports, limits, Act::all(&published, &items), newest).await?;
    let (wishes, strategist) = wishes();
    let projector = Projector {
        reader: reader.clone(),
        projection: shared_store.clone(),
        accounts: shared_store.clone(),
        shelves: shared_store.clone(),
        registry: shared_store.clone(),
        shared: opened.shared.clone(),
        position: opened.position,
        counters: opened.counters,
        cache: FxHashMap::default(),
        behaved: wishes.sender(),
        subscriptions: store.subscriptions(),
        outlet: None,
        commit_records: limits.tail / 8,
        peak_records: limits.tail / 2,
    };
    let projector = start_projector(projector, stop.clone())?;
    let owned = Owned { inputs: opened.inputs.clone(), shared: opened.shared, reader, tail: limits.tail };
    let koi = Koi::new(Parts {
        owners: Owners::One(owned),
        accounts: shared_store.clone(),
        lists: shared_store.clone(),
        orders: shared_store.clone(),
        drawings: shared_store.clone(),
        timers: shared_store.clone(),
        campaigns: shared_store.clone(),
        codes: shared_store.clone(),
        exchange: shared_store.clone(),
        escrow: None,
        registry: shared_store.clone(),
        shelves: shared_store.clone(),
        heardings: shared_store.clone(),
        browse: shared_store.clone(),
        notifier,
        hints: near.hints,
        hot: near.hot,
        desk: Desk::of(shared_store),
        dispatch: store.dispatch(),
        clock,
        published,
        items,
        secret,
        wishes,
    });
    erase_buried(&koi).await?;
    let mut tasks = tokio::task::JoinSet::new();
    keep_house(&mut tasks, strategist, (data, options), &koi, &store);
    Ok(Embedded { koi, store, owner: opened.thread, projector, stop, tasks, inputs: opened.inputs, lock })
}

/// Whoever was erased is erased in what was opened, however old it is.
async fn erase_buried(koi: &Koi) -> Result<(), OpenError> {
    let erased = koi.erase_all_buried().await.map_err(|_| OpenError::Erasure)?;
    if erased > 0 {
        tracing::info!(erased, "whoever was erased is erased in what was opened");
    }
    Ok(())
}

/// What goes on beside requests.
fn keep_house(
    tasks: &mut tokio::task::JoinSet<()>,
    strategist: Strategist,
    (data, options): (&Path, &Options),
    koi: &Koi,
    store: &Store,
) {
    tasks.spawn(strategist.run(koi.clone()));
    tasks.spawn(app::timers::scan(koi.clone()));
    tasks.spawn(forget_often(koi.clone(), store.clone()));
    if options.ledger_retention_hours > 0 {
        tasks.spawn(archive_often(data.to_owned(), options.ledger_retention_hours, koi.clone(), store.clone()));
    }
}

async fn items(store: &Store) -> Result<Vec<Arc<Item>>, OpenError> {
    Ok(ExchangeDesk::items(store).await?.into_iter().map(Arc::new).collect())
}

pub(crate) async fn published(store: &Store) -> Result<Vec<Arc<Runtime>>, OpenError> {
    let mut published = Vec::new();
    for row in Campaigns::published(store).await? {
        let definition = serde_json::from_str(&row.definition).map_err(|_| OpenError::Campaign(row.id))?;
        published.push(Arc::new(Runtime::new(&row, &definition).map_err(|_| OpenError::Campaign(row.id))?));
    }
    Ok(published)
}

fn start_projector(projector: Projector, stop: Arc<AtomicBool>) -> Result<JoinHandle<()>, OpenError> {
    let handle = tokio::runtime::Handle::current();
    let thread = std::thread::Builder::new().name("koi-projector".into());
    let work = move || {
        crate::background::give_way();
        projector.run(&handle, &stop);
    };
    Ok(thread.spawn(work).map_err(StartError::Thread)?)
}

/// Forgets what no socket resumes any more, every hour.
pub(crate) async fn forget_often(koi: Koi, store: Store) {
    const EVERY: Duration = Duration::from_secs(3600);
    loop {
        if let Err(error) = store.forget_notices(koi.now_ms() - app::live::RESUME_MS).await {
            tracing::warn!(%error, "old notices stay for another hour");
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn projected(koi: &Koi) -> u64 {
    koi.owners().one().map_or(0, |owned| owned.shared.projected.load(Ordering::Acquire))
}

/// Moves old batches out of the ledger, every hour.
async fn archive_often(data: PathBuf, retention_hours: u32, koi: Koi, store: Store) {
    const EVERY: Duration = Duration::from_secs(3600);
    loop {
        tokio::time::sleep(EVERY).await;
        let before_ms = koi.now_ms() - i64::from(retention_hours) * 3_600_000;
        let (data, projected) = (data.clone(), projected(&koi));
        // Records are written with synchronous=NORMAL: what the ledger is to forget must be durable there first.
        if let Err(error) = store.sync().await {
            tracing::warn!(%error, "the ledger is not archived while records are not durable; again in an hour");
            continue;
        }
        match tokio::task::spawn_blocking(move || ledger::archive(&data, before_ms, projected)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(batches)) => tracing::info!(batches, "old batches left the ledger for the archive"),
            Ok(Err(error)) => tracing::warn!(%error, "the ledger could not be archived; again in an hour"),
            Err(error) => tracing::error!(%error, "archiving failed"),
        }
    }
}

impl Embedded {
    /// Starts to deliver awards and messages; until then they wait.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn start_fulfilment(&mut self, options: &app::fulfil::Options) -> Result<(), NoTls> {
        let carrier = Arc::new(Webhooks::new(options.timeout(), options.private_addresses)?);
        self.tasks.spawn(Engine::new(self.koi.clone(), carrier, options).run());
        Ok(())
    }

    /// Turns true when the ledger is in doubt: nothing may be answered any more and the process must exit with 1.
    pub fn fatal(&self) -> watch::Receiver<bool> {
        self.koi.owners().fatal()
    }

    /// Lets the owner finish its queue, projects everything, closes the files.
    pub async fn close(self) {
        self.close_keeping_lock().await;
    }

    async fn close_keeping_lock(self) -> Lock {
        let Self { koi, store, owner, projector, stop, mut tasks, inputs, lock } = self;
        koi.drain();
        tasks.shutdown().await;
        let threads = tokio::task::spawn_blocking(move || {
            _ = inputs.send(app::command::Input::Stop);
            let owner = owner.join();
            stop.store(true, Ordering::Release);
            (owner.is_ok(), projector.join().is_ok())
        });
        if !matches!(threads.await, Ok((true, true))) {
            tracing::error!("a thread ended badly");
        }
        store.close().await;
        lock
    }
}
