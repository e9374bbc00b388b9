//! The logs that this node owns: each is claimed when the group suggests it, served by an owner and a projector of its own,
//! and closed when it is suggested to somebody else, or when its owner was deposed.

use crate::kafka::{ClaimError, Kafka, KafkaLedger, KafkaReader, Stopper, Suggested};
use crate::records::Store;
use app::command::{Act, Input};
use app::koi::Koi;
use app::owner::{self, Limits, Opened, Ports, StartError, Stores};
use app::owners::{Owned, Owners};
use app::ports::{Accounts, Clock, ExchangeDesk, Ledger, Notifier, Peers, PortError, Projection, Publisher};
use app::project::Projector;
use app::runtime::Runtime;
use app::topics::Outlet;
use domain::exchange::Item;
use domain::ids::{PARTITIONS, ShopperId};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// Logs that are opened at once.
const OPENING: usize = 16;
/// How often an owner is looked after.
const LOOK: Duration = Duration::from_millis(50);
/// The wait before a log that could not be opened, or was lost, is tried again. By then the group has noticed too.
const AGAIN: Duration = Duration::from_millis(700);
/// The same for a log with a record that cannot be read.
const UNREADABLE: Duration = Duration::from_secs(10);
/// How long an owner may take to answer what is in its queue when its log goes to somebody else.
const FINISH: Duration = Duration::from_secs(3);

/// Why a log is not owned here although it was suggested.
#[derive(Debug, thiserror::Error)]
enum NotOpened {
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the work broke off")]
    Broken,
}

/// What a new owner begins with, read from the records after its marker.
pub(super) struct Beginning {
    asked: Instant,
    newest_id: u64,
    pub published: Vec<Arc<Runtime>>,
    pub items: Vec<Arc<Item>>,
}

impl Beginning {
    pub async fn read(store: &Store) -> Result<Self, PortError> {
        let asked = Instant::now();
        let published = crate::embedded::published(store).await.map_err(|error| {
            tracing::warn!(%error, "what is published cannot be read");
            PortError::Unreachable("the records")
        })?;
        let items = ExchangeDesk::items(store).await?.into_iter().map(Arc::new).collect();
        Ok(Self { asked, newest_id: Accounts::newest_id(store).await?, published, items })
    }
}

/// A log at work.
struct Open {
    opened: Opened,
    epoch: u32,
    stopper: Stopper,
    reader: Arc<KafkaReader>,
    projector: JoinHandle<()>,
    stop_projector: Arc<AtomicBool>,
    acts: Vec<Act>,
}

/// What every log of this node is made of.
pub(super) struct Logs {
    pub kafka: Kafka,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub notifier: Arc<dyn Notifier>,
    pub peers: Arc<dyn Peers>,
    pub koi: Koi,
    /// Who tells other programs, where they are told.
    pub publisher: Option<Arc<dyn Publisher>>,
    pub limits: Limits,
    pub behaved: mpsc::Sender<ShopperId>,
    opening: Semaphore,
    beginning: Mutex<Option<Arc<Beginning>>>,
}

/// All that [`Logs`] are made of, from whoever composes.
pub(super) struct Makings {
    pub kafka: Kafka,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub notifier: Arc<dyn Notifier>,
    pub peers: Arc<dyn Peers>,
    pub koi: Koi,
    /// Who tells other programs, where they are told.
    pub publisher: Option<Arc<dyn Publisher>>,
    pub limits: Limits,
    pub behaved: mpsc::Sender<ShopperId>,
}

impl Logs {
    pub fn new(makings: Makings) -> Self {
        let Makings { kafka, store, clock, notifier, peers, koi, publisher, limits, behaved } = makings;
        let (opening, beginning) = (Semaphore::new(OPENING), Mutex::default());
        Self { kafka, store, clock, notifier, peers, koi, publisher, limits, behaved, opening, beginning }
    }

    /// Owns what is suggested, until nobody suggests any more and all is closed.
    pub async fn run(self: Arc<Self>, suggested: watch::Receiver<Suggested>) {
        let mut all = JoinSet::new();
        for part in 0..PARTITIONS {
            all.spawn(self.clone().keep(part, suggested.clone()));
        }
        while all.join_next().await.is_some() {}
    }

    async fn keep(self: Arc<Self>, part: u8, mut suggested: watch::Receiver<Suggested>) {
        let mut failed = false;
        while suggested.wait_for(|parts| parts.contains(&part)).await.is_ok() {
            let again = match self.open(part).await {
                Ok(open) => {
                    failed = false;
                    self.serve(part, open, &mut suggested).await;
                    AGAIN
                }
                Err(NotOpened::Claim(error @ ClaimError::Unreadable { .. })) => {
                    tracing::error!(%error, "a log is served by nobody until it can be read");
                    UNREADABLE
                }
                Err(error) => {
                    // Told once: while an engine is away, every log says the same every second.
                    if !std::mem::replace(&mut failed, true) {
                        tracing::warn!(%error, part, "a log waits to be owned");
                    }
                    AGAIN
                }
            };
            tokio::select! {
                () = tokio::time::sleep(again) => {}
                gone = suggested.wait_for(|parts| !parts.contains(&part)) => if gone.is_err() { return },
            }
        }
    }

    /// Becomes a log's owner: claim, fence, then everything that depends on both (see `docs/cluster.md`).
    async fn open(&self, part: u8) -> Result<Open, NotOpened> {
        let _turn = self.opening.acquire().await.map_err(|_| NotOpened::Broken)?;
        let store = Arc::new(self.store.of_log(part));
        let position = store.position().await?;
        let (kafka, clock) = (self.kafka.clone(), self.clock.clone());
        let claim = move || KafkaLedger::claim(kafka, part, position, 0, clock);
        let ledger = tokio::task::spawn_blocking(claim).await.map_err(|_| NotOpened::Broken)??;
        let epoch = ledger.claimed().map_or(0, |marker| marker.epoch);
        store.fence(epoch).await?;
        let beginning = self.beginning_after(Instant::now()).await?;
        let acts = Act::all(&beginning.published, &beginning.items);
        let (stopper, reader) = (ledger.stopper(), Arc::new(ledger.reader()));
        let ports = Ports {
            ledger: Box::new(ledger),
            reader: reader.clone(),
            projection: store.clone(),
            accounts: store.clone(),
            codes: store.clone(),
            clock: self.clock.clone(),
            notifier: self.notifier.clone(),
            stores: Some(Stores { escrow: store.clone(), part }),
        };
        let (limits, newest, all) = (self.limits, beginning.newest_id, acts.clone());
        let handle = tokio::runtime::Handle::current();
        // It appends and reads the log, which blocks.
        let open = move || handle.block_on(owner::open(ports, limits, all, newest));
        let opened = tokio::task::spawn_blocking(open).await.map_err(|_| NotOpened::Broken)??;
        let stop_projector = Arc::new(AtomicBool::new(false));
        let projector = self.project(part, &store, &reader, &opened, stop_projector.clone())?;
        for runtime in &beginning.published {
            self.koi.show_campaign(runtime.clone());
        }
        for item in &beginning.items {
            self.koi.show_item(item.clone());
        }
        Ok(Open { opened, epoch, stopper, reader, projector, stop_projector, acts })
    }

    /// What is published, read after this moment: logs that are opened together share one look.
    async fn beginning_after(&self, moment: Instant) -> Result<Arc<Beginning>, PortError> {
        let mut last = self.beginning.lock().await;
        if let Some(known) = last.as_ref().filter(|known| known.asked >= moment) {
            return Ok(known.clone());
        }
        let read = Arc::new(Beginning::read(&self.store).await?);
        *last = Some(read.clone());
        Ok(read)
    }

    fn project(
        &self,
        part: u8,
        store: &Arc<Store>,
        reader: &Arc<KafkaReader>,
        opened: &Opened,
        stop: Arc<AtomicBool>,
    ) -> Result<JoinHandle<()>, NotOpened> {
        let projector = Projector {
            reader: reader.clone(),
            projection: store.clone(),
            accounts: store.clone(),
            shelves: store.clone(),
            registry: store.clone(),
            shared: opened.shared.clone(),
            position: opened.position,
            counters: opened.counters.clone(),
            cache: FxHashMap::default(),
            behaved: self.behaved.clone(),
            subscriptions: store.subscriptions(),
            outlet: self.publisher.clone().map(|publisher| Outlet { publisher, koi: self.koi.clone(), part }),
            commit_records: self.limits.tail / 4,
            peak_records: self.limits.tail / 4,
        };
        let handle = tokio::runtime::Handle::current();
        let work = move || {
            crate::background::give_way();
            projector.run(&handle, &stop);
        };
        let thread = std::thread::Builder::new().name("koi-projector".into()).spawn(work);
        Ok(thread.map_err(StartError::Thread)?)
    }

    async fn serve(&self, part: u8, open: Open, suggested: &mut watch::Receiver<Suggested>) {
        let Owners::Many(nodes) = self.koi.owners() else { return };
        let Open { opened, epoch, stopper, reader, projector, stop_projector, acts } = open;
        let Opened { inputs, shared, thread, .. } = opened;
        let owned = Owned { inputs: inputs.clone(), shared, reader, tail: self.limits.tail };
        nodes.take_in(part, owned, &acts);
        tracing::debug!(part, epoch, "owns a log");
        let mut told = false;
        loop {
            if !told {
                // Others find the way without it, a little later: they ask the owner before, who says that it is not.
                told = self.peers.announce(part, epoch).await.is_ok();
            }
            tokio::select! {
                gone = suggested.wait_for(|parts| !parts.contains(&part)) => {
                    _ = gone;
                    break;
                }
                () = tokio::time::sleep(LOOK) => if thread.is_finished() { break },
            }
        }
        nodes.let_go(part);
        let finish = move || {
            // A full queue's owner waits for Kafka: it is told by its ledger.
            _ = inputs.send_timeout(Input::Stop, FINISH);
            let until = Instant::now() + FINISH;
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(LOOK);
            }
            stopper.stop();
            let owner = thread.join();
            stop_projector.store(true, Ordering::Release);
            owner.is_ok() && projector.join().is_ok()
        };
        if !matches!(tokio::task::spawn_blocking(finish).await, Ok(true)) {
            tracing::error!(part, "a thread of a log ended badly");
        }
        tracing::debug!(part, epoch, "owns a log no more");
    }
}
