//! A node of a cluster: the ledger in Kafka, records that nodes share, owners that come and go, and a way to those on other
//! nodes. What an owner does is the same as on one machine; only the engines differ.

mod listener;
mod logs;
mod options;
mod peers;

pub use options::{ClusterOptions, Engines, LedgerKind, LedgerOptions, RecordsOptions};

use crate::clock::SystemClock;
use crate::embedded::Lock;
use crate::hints::{self, Opened};
use crate::kafka::{Apart, BATCH_BYTES, Control, Inbox, Inflow, Kafka, KafkaError, Suggested, Suggestions, Topics};
use crate::notifier::InProcess;
use crate::records::{RecordsError, Store};
use crate::vault::{Vault, VaultError};
use crate::webhook::{NoTls, Webhooks};
use app::desk::Desk;
use app::fulfil::Engine;
use app::koi::{Koi, Parts, Strategist, wishes};
use app::live::Afar;
use app::owner::Limits;
use app::owners::{Nodes, Owners};
use app::ports::{BATCH_BITS, Clock, Notifier, Peers, PortError, Publisher};
use domain::ids::PARTITIONS;
use logs::{Beginning, Logs, Makings};
use peers::HttpPeers;
use rustc_hash::FxHashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How often an engine that is missing at the start is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// How often a node compares its logs with the tables of what is published (R9's sweep), and reads the endpoints.
const SWEEP: Duration = Duration::from_secs(2);

/// How often a node looks for shoppers whom another one erased.
const FORGET: Duration = Duration::from_secs(10);

/// Why a node cannot start. A missing engine is none of these: it is waited for.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error(transparent)]
    Directory(#[from] crate::embedded::OpenError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Apart(#[from] Apart),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Hints(#[from] hints::BadOptions),
    #[error("cannot listen for other nodes on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
}

/// A node at work.
pub struct Node {
    pub koi: Koi,
    /// What other programs read and write.
    pub topics: Arc<Topics>,
    store: Store,
    inboxes: Vec<Inbox>,
    suggestions: Suggestions,
    /// What this node's logs go by: the group's word, until it stops.
    suggested: watch::Sender<Suggested>,
    logs: JoinHandle<()>,
    tasks: JoinSet<()>,
    _lock: Lock,
}

/// Starts a node; returns when it has joined the others. Engines that are missing are waited for, with a sentence in the
/// log that says which.
///
/// # Errors
/// [`NodeError`]: what waiting does not mend.
pub async fn open(data: &Path, engines: &Engines) -> Result<Node, NodeError> {
    let lock = Lock::take(data)?;
    let vault = Vault::open(data)?;
    let secret = secret(&engines.cluster, &vault);
    let tokens = vault.derive("shopper tokens");
    let wanted = engines.cluster.listen;
    let listening = TcpListener::bind(wanted).await.and_then(|bound| bound.local_addr().map(|at| (bound, at)));
    let (listener, at) = listening.map_err(|source| NodeError::Listen { address: wanted, source })?;
    let advertised = &engines.cluster.advertise;
    let address = if advertised.is_empty() { at.to_string() } else { advertised.clone() };

    let store = records(data, engines, &vault).await?;
    let options = engines.ledger.kafka();
    let kafka = until_there(async || Kafka::connect(options.clone()).await, hopeless).await?;
    let control = until_there(async || Control::join(&kafka).await, hopeless).await?;
    let topics = Arc::new(until_there(async || Topics::open(&options, &engines.topics).await, hopeless).await?);
    let beginning = until_there(async || Beginning::read(&store).await, |_| false).await?;
    let http = Arc::new(HttpPeers::new(kafka.clone(), control, address, secret.clone()));
    until_there(async || http.agree().await, |apart| matches!(apart, Apart::Ahead { .. })).await?;
    let peers: Arc<dyn Peers> = http.clone();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let afar = Afar::new(InProcess::start(engines.bounds.crowd(), clock.clone()), peers.clone());
    let notifier: Arc<dyn Notifier> = afar.clone();
    let (wishes, strategist) = wishes();
    let behaved = wishes.sender();
    let owners = Owners::Many(Nodes::new(peers.clone(), afar));
    let near = hints::open(&engines.hints, clock.clone()).await?;
    let parts = parts(&store, owners, (clock.clone(), notifier.clone()), near, beginning, (tokens, wishes));
    let koi = Koi::new(parts);
    let limits = limits(&engines.bounds);
    let makings = Makings {
        kafka: kafka.clone(),
        store: store.clone(),
        clock,
        notifier,
        peers,
        koi: koi.clone(),
        publisher: engines.topics.facts.then(|| topics.clone() as Arc<dyn Publisher>),
        limits,
        behaved,
    };
    let (suggested, of_logs) = watch::channel(Suggested::new());
    let logs = tokio::spawn(Arc::new(Logs::new(makings)).run(of_logs));
    let mut tasks = JoinSet::new();
    tasks.spawn(http.look_after());
    tasks.spawn(listener::serve(listener, koi.clone(), secret));
    keep_house(&mut tasks, strategist, &koi, &store);
    let suggestions = until_there(async || Suggestions::join(&kafka).await, hopeless).await?;
    tasks.spawn(pass_on(suggestions.watch(), suggested.clone()));
    Ok(Node { koi, topics, store, inboxes: Vec::new(), suggestions, suggested, logs, tasks, _lock: lock })
}

/// What nodes know each other by.
fn secret(options: &ClusterOptions, vault: &Vault) -> String {
    if options.secret.is_empty() { hex::encode(vault.derive("between nodes")) } else { options.secret.clone() }
}

/// A node's logs divide its bounds, since it may own all of them.
fn limits(bounds: &crate::embedded::Options) -> Limits {
    let all = bounds.limits();
    let share = usize::from(PARTITIONS);
    Limits {
        queue: (all.queue / 8).max(64),
        // A batch is one message.
        batch: all.batch.min(1 << BATCH_BITS),
        batch_bytes: BATCH_BYTES,
        tail: (all.tail / u64::from(PARTITIONS)).max(1_024),
        accounts: (all.accounts / share).max(256),
        parked: (all.parked / 8).max(64),
        ..all
    }
}

/// Tries until an engine is there, and says once what is missing. What waiting does not mend ends it.
async fn until_there<T, E: std::fmt::Display>(
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
    hopeless: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let mut told = String::new();
    loop {
        match attempt().await {
            Ok(there) => {
                if !told.is_empty() {
                    tracing::info!("it is there; koi goes on");
                }
                return Ok(there);
            }
            Err(error) if hopeless(&error) => return Err(error),
            Err(error) => {
                let why = error.to_string();
                if why != told {
                    tracing::warn!("{why}; koi waits and tries again every {} s", AGAIN.as_secs());
                    told = why;
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

async fn records(data: &Path, engines: &Engines, vault: &Vault) -> Result<Store, RecordsError> {
    let url = &engines.records.url;
    if url.is_empty() {
        return Store::open(data, vault.clone()).await;
    }
    let hopeless = |error: &RecordsError| !matches!(error, RecordsError::Open { .. });
    until_there(async || Store::connect(url, vault.clone()).await, hopeless).await
}

fn hopeless(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Partitions { .. })
}

/// What the group says, said to the logs.
async fn pass_on(mut from: watch::Receiver<Suggested>, to: watch::Sender<Suggested>) {
    loop {
        let now = from.borrow_and_update().clone();
        tracing::info!(logs = now.len(), "the group suggests to own so many logs here");
        to.send_replace(now);
        if from.changed().await.is_err() {
            return;
        }
    }
}

fn parts(
    store: &Store,
    owners: Owners,
    (clock, notifier): (Arc<dyn Clock>, Arc<dyn Notifier>),
    near: Opened,
    beginning: Beginning,
    (secret, wishes): ([u8; 32], app::koi::Wishes),
) -> Parts {
    let shared = Arc::new(store.clone());
    Parts {
        owners,
        accounts: shared.clone(),
        lists: shared.clone(),
        orders: shared.clone(),
        drawings: shared.clone(),
        timers: shared.clone(),
        campaigns: shared.clone(),
        codes: shared.clone(),
        exchange: shared.clone(),
        escrow: Some(shared.clone()),
        registry: shared.clone(),
        shelves: shared.clone(),
        heardings: shared.clone(),
        browse: shared.clone(),
        notifier,
        hints: near.hints,
        hot: near.hot,
        desk: Desk::of(shared),
        dispatch: store.dispatch(),
        clock,
        published: beginning.published,
        items: beginning.items,
        secret,
        wishes,
    }
}

/// What goes on beside requests.
fn keep_house(tasks: &mut JoinSet<()>, strategist: Strategist, koi: &Koi, store: &Store) {
    tasks.spawn(strategist.run(koi.clone()));
    tasks.spawn(app::timers::scan(koi.clone()));
    tasks.spawn(sweep(koi.clone(), store.clone()));
    tasks.spawn(erase_buried(koi.clone()));
    tasks.spawn(forget_buried(koi.clone()));
    tasks.spawn(crate::embedded::forget_often(koi.clone(), store.clone()));
}

async fn sweep(koi: Koi, store: Store) {
    loop {
        tokio::time::sleep(SWEEP).await;
        match koi.catch_up_acts().await {
            Ok(0) => {}
            Ok(missing) => tracing::info!(missing, "acts of other nodes, or of before, are known to the logs here"),
            Err(error) => tracing::debug!(%error, "acts are compared again"),
        }
        if let Err(error) = store.refresh_endpoints().await {
            tracing::debug!(%error, "endpoints are read again");
        }
    }
}

/// Whoever was to be erased when a node died is erased now.
async fn erase_buried(koi: Koi) {
    loop {
        match koi.erase_all_buried().await {
            Ok(0) => return,
            Ok(erased) => return tracing::info!(erased, "whoever was to be erased is erased"),
            Err(error) => tracing::debug!(%error, "erasing waits"),
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// What a node keeps for itself, its book of advice, forgets whom another node erased.
async fn forget_buried(koi: Koi) {
    let mut done = FxHashSet::default();
    loop {
        match koi.forget_buried(&mut done).await {
            Ok(0) => {}
            Ok(erased) => tracing::info!(erased, "whom another node erased is forgotten here"),
            Err(error) => tracing::debug!(%error, "forgetting waits"),
        }
        tokio::time::sleep(FORGET).await;
    }
}

impl Node {
    /// Starts to deliver awards and messages; until then they wait.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn start_fulfilment(&mut self, options: &app::fulfil::Options) -> Result<(), NoTls> {
        let carrier = Arc::new(Webhooks::new(options.timeout(), options.private_addresses)?);
        self.tasks.spawn(Engine::new(self.koi.clone(), carrier, options).run());
        Ok(())
    }

    /// Reads topics of other programs from now on, sharing each with whoever is in its group.
    ///
    /// # Errors
    /// [`NodeError::Kafka`]: a client cannot be set up.
    pub fn read(&mut self, inflows: Vec<Inflow>) -> Result<(), NodeError> {
        for inflow in inflows {
            self.inboxes.push(Inbox::open(self.topics.clone(), inflow, Arc::new(SystemClock))?);
        }
        Ok(())
    }

    /// Goes on beside requests until the node closes.
    pub fn keep(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Never turns true: a log that is lost here has a next owner.
    pub fn fatal(&self) -> watch::Receiver<bool> {
        self.koi.owners().fatal()
    }

    /// Leaves the others, lets its owners finish, projects what they have, closes everything.
    pub async fn close(self) {
        let Self { koi, topics: _topics, store, inboxes, suggestions, suggested, logs, mut tasks, _lock } = self;
        koi.drain();
        // While there are owners here to take what is under way.
        if tokio::task::spawn_blocking(move || drop(inboxes)).await.is_err() {
            tracing::error!("a topic's group was not left in good order");
        }
        // At once, so that others take the logs over while these owners finish.
        if tokio::task::spawn_blocking(move || drop(suggestions)).await.is_err() {
            tracing::error!("the group was not left in good order");
        }
        tasks.shutdown().await;
        suggested.send_replace(Suggested::new());
        drop(suggested);
        if logs.await.is_err() {
            tracing::error!("a log was not closed in good order");
        }
        store.close().await;
    }
}
