//! The embedded engines put together by hand: real files, a clock that a test holds, and a projector that it moves.

use adapters::hints::Memory;
use adapters::ledger::{SqliteLedger, SqliteLedgerReader};
use adapters::notifier::{Crowd, InProcess};
use adapters::records::Store;
use adapters::vault::Vault;
use app::IfMatch;
use app::command::{Act, Input};
use app::desk::Desk;
use app::koi::{Koi, Parts, wishes};
use app::owner::{self, Limits, Stores};
use app::owners::{Owned, Owners};
use app::ports::{
    Accounts, AppendError, CampaignRow, Campaigns, ExchangeDesk, Ledger, LedgerReader, Marker, PortResult,
};
use app::project::Projector;
use app::runtime::Runtime;
use app::{Error, PageAsk, ShopperInput};
use domain::ids::{CampaignId, ShopperId};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use testkit::builders::{NOON_MS, definition};
use testkit::clock::FakeClock;

/// How long a condition is waited for.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// The first page of a list, long enough for all that a test makes.
pub const FIRST: PageAsk = PageAsk { limit: 200, before: None };

/// What goes wrong with the next appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// As on a full disk: nothing is written.
    Full,
    /// As where an fsync fails: nobody knows, and nothing was written.
    DoubtNothing,
    /// The same, and it was written.
    DoubtWritten,
}

/// A ledger that goes wrong when told to.
struct Faulty {
    real: Box<dyn Ledger>,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl Ledger for Faulty {
    fn append(&mut self, data: &[u8], count: u32) -> Result<u64, AppendError> {
        let fault = *self.fault.lock().unwrap();
        match fault {
            None => self.real.append(data, count),
            Some(Fault::Full) => Err(AppendError::Nothing("a test says so")),
            Some(Fault::DoubtNothing) => Err(AppendError::InDoubt("a test says so")),
            Some(Fault::DoubtWritten) => {
                self.real.append(data, count)?;
                Err(AppendError::InDoubt("a test says so"))
            }
        }
    }

    fn end(&self) -> u64 {
        self.real.end()
    }

    fn between_batches(&mut self) {
        self.real.between_batches();
    }

    fn claimed(&self) -> Option<Marker> {
        self.real.claimed()
    }

    fn confirm(&mut self) -> Result<(), AppendError> {
        self.real.confirm()
    }
}

/// An owner at work on a data directory; nothing is projected unless a test says so.
pub struct Rig {
    pub koi: Koi,
    pub clock: Arc<FakeClock>,
    pub data: PathBuf,
    fault: Arc<Mutex<Option<Fault>>>,
    store: Store,
    projector: Projector,
    inputs: crossbeam_channel::Sender<Input>,
    owner: JoinHandle<()>,
}

impl Rig {
    /// Opens a directory at noon.
    pub async fn open(data: &Path) -> Self {
        Self::open_with(data, Limits::default(), NOON_MS).await
    }

    /// Opens a directory under other bounds and at another time.
    pub async fn open_with(data: &Path, limits: Limits, now_ms: i64) -> Self {
        let store = Store::open(data, Vault::open(data).unwrap()).await.unwrap();
        let ledger = Box::new(SqliteLedger::open(data).unwrap());
        let reader = Arc::new(SqliteLedgerReader::new(data));
        Self::over(data, store, (ledger, reader), limits, Arc::new(FakeClock::at(now_ms))).await
    }

    /// An owner of a log on any engine.
    pub async fn over(
        data: &Path,
        store: Store,
        log: (Box<dyn Ledger>, Arc<dyn LedgerReader>),
        limits: Limits,
        clock: Arc<FakeClock>,
    ) -> Self {
        Self::sharing(data, store, log, limits, clock, None).await
    }

    /// The same with stock that other logs share.
    pub async fn sharing(
        data: &Path,
        store: Store,
        (real, reader): (Box<dyn Ledger>, Arc<dyn LedgerReader>),
        limits: Limits,
        clock: Arc<FakeClock>,
        stores: Option<Stores>,
    ) -> Self {
        let fault = Arc::<Mutex<Option<Fault>>>::default();
        let ledger = Box::new(Faulty { real, fault: fault.clone() });
        let (shared_store, notifier) = (Arc::new(store.clone()), InProcess::start(Crowd::default(), clock.clone()));
        let ports = owner::Ports {
            ledger,
            reader: reader.clone(),
            projection: shared_store.clone(),
            accounts: shared_store.clone(),
            codes: shared_store.clone(),
            clock: clock.clone(),
            notifier: notifier.clone(),
            stores: stores.clone(),
        };
        let published = published(&store).await;
        let items: Vec<_> = ExchangeDesk::items(&store).await.unwrap().into_iter().map(Arc::new).collect();
        let (newest, acts) = (store.newest_id().await.unwrap(), Act::all(&published, &items));
        let opened = owner::open(ports, limits, acts, newest).await.unwrap();
        let wishes = wishes().0;
        let projector = projector(&opened, &reader, &shared_store, &limits, wishes.sender());
        let koi = Koi::new(Parts {
            owners: Owners::One(Owned {
                inputs: opened.inputs.clone(),
                shared: opened.shared,
                reader,
                tail: limits.tail,
            }),
            accounts: shared_store.clone(),
            lists: shared_store.clone(),
            orders: shared_store.clone(),
            drawings: shared_store.clone(),
            timers: shared_store.clone(),
            campaigns: shared_store.clone(),
            codes: shared_store.clone(),
            exchange: shared_store.clone(),
            escrow: stores.as_ref().map(|stores| stores.escrow.clone()),
            registry: shared_store.clone(),
            shelves: shared_store.clone(),
            heardings: shared_store.clone(),
            browse: shared_store.clone(),
            notifier,
            hints: Arc::new(Memory::new(clock.clone())),
            hot: Arc::new(Memory::new(clock.clone())),
            desk: Desk::of(shared_store),
            dispatch: store.dispatch(),
            clock: clock.clone(),
            published,
            items,
            secret: [1; 32],
            wishes,
        });
        Self { koi, clock, data: data.to_owned(), fault, store, projector, inputs: opened.inputs, owner: opened.thread }
    }

    /// Projects all that was folded.
    pub async fn project(&mut self) {
        while self.projector.step().await.unwrap() > 0 {}
        assert_eq!(self.koi.owners().lag(), 0, "all is projected");
    }

    /// Projects beside some work, as a server does, until it is done.
    pub async fn projecting<T: Send + 'static>(&mut self, work: impl Future<Output = T> + Send + 'static) -> T {
        let work = tokio::spawn(work);
        while !work.is_finished() {
            self.projector.step().await.unwrap();
            tokio::task::yield_now().await;
        }
        work.await.unwrap()
    }

    /// Moves the clock. The owner looks at it once a turn, and a turn ends with the records in it, so one is made.
    pub async fn set_time(&self, ms: i64) {
        self.clock.set(ms);
        self.koi.put_shopper("clock", ShopperInput::default()).await.unwrap();
        self.koi.delete_blacklist("clock", None, &IfMatch::Absent).await.unwrap();
    }

    /// Lets the next appends go wrong, or right again.
    pub fn set_fault(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Projects the next records, if that is still this owner's to do.
    pub async fn project_some(&mut self) -> PortResult<u64> {
        self.projector.step().await
    }

    /// The records beneath.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stops the owner and leaves the tail as it is: on disk, what a kill behind the last commit leaves.
    pub async fn stop(self) -> PathBuf {
        let Self { koi, data, store, inputs, owner, .. } = self;
        // After a fault the owner may have stopped by itself.
        _ = inputs.send(Input::Stop);
        within(Duration::from_secs(10), "the owner to stop", async || owner.is_finished()).await;
        owner.join().unwrap();
        drop(koi);
        store.close().await;
        data
    }

    /// Stops and opens again at the same time of the clock.
    pub async fn reopen(self) -> Self {
        let now_ms = app::ports::Clock::now_ms(&*self.clock);
        let data = self.stop().await;
        Self::open_with(&data, Limits::default(), now_ms).await
    }

    /// A published campaign.
    pub async fn publish(&self, campaign: Value) -> CampaignId {
        publish(&self.koi, campaign).await
    }

    /// A registered shopper with chances.
    pub async fn shopper(&self, name: &str, campaign: CampaignId, chances: u32) -> ShopperId {
        shopper(&self.koi, name, campaign, chances).await
    }
}

async fn published(store: &Store) -> Vec<Arc<Runtime>> {
    let rows = Campaigns::published(store).await.unwrap();
    let compiled = |row: &CampaignRow| Runtime::new(row, &serde_json::from_str(&row.definition).unwrap()).unwrap();
    rows.iter().map(|row| Arc::new(compiled(row))).collect()
}

pub async fn publish(koi: &Koi, campaign: Value) -> CampaignId {
    let id = koi.create_campaign(definition(campaign)).await.unwrap().id;
    koi.publish(id, &[]).await.unwrap_or_else(|error| panic!("{error:?}"));
    id
}

pub async fn shopper(koi: &Koi, name: &str, campaign: CampaignId, chances: u32) -> ShopperId {
    let (view, _) = koi.put_shopper(name, ShopperInput::default()).await.unwrap();
    if chances > 0 {
        koi.grant(campaign, name, chances, "first", "gift", None).await.unwrap();
    }
    view.id
}

/// One draw's answer, read.
pub async fn draw(koi: &Koi, campaign: CampaignId, shopper: ShopperId, key: &str) -> Result<Value, Error> {
    let answer = koi.draw(campaign, shopper, key, None, None).await?;
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

/// The stable word of a refusal.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result {
        Ok(done) => panic!("not refused: {done:?}"),
        Err(error) => error.code(),
    }
}

/// The chances of a shopper: granted, used, left.
pub async fn chances(koi: &Koi, campaign: CampaignId, shopper: ShopperId) -> (u64, u64, u64) {
    let me = koi.me(campaign, shopper).await.unwrap();
    (me.chances.granted, me.chances.used, me.chances.left)
}

/// Waits for a condition.
pub async fn within(deadline: Duration, what: &str, condition: impl AsyncFn() -> bool) {
    let until = Instant::now() + deadline;
    while !condition().await {
        assert!(Instant::now() < until, "no {what} within {deadline:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Everything a shopper can see of themself, as one text: equal before and after whatever should change nothing.
pub async fn sight(koi: &Koi, campaign: CampaignId, shopper: ShopperId) -> String {
    let me = koi.me(campaign, shopper).await.unwrap();
    let draws = koi.draws(campaign, shopper, FIRST).await.unwrap();
    let awards = koi.awards(shopper, FIRST).await.unwrap();
    let entries = koi.point_entries(shopper, FIRST).await.unwrap();
    let points = koi.points(shopper).await.unwrap();
    let parts = [
        serde_json::to_string_pretty(&me).unwrap(),
        serde_json::to_string_pretty(&draws).unwrap(),
        serde_json::to_string_pretty(&awards).unwrap(),
        serde_json::to_string_pretty(&entries).unwrap(),
        serde_json::to_string(&points).unwrap(),
    ];
    parts.join("\n")
}

/// Compares two sights and shows the first line in which they differ.
pub fn assert_same_sight(got: &str, want: &str, when: &str) {
    let differs = got.lines().zip(want.lines()).position(|(a, b)| a != b);
    if got != want {
        let at = differs.unwrap_or(got.lines().count().min(want.lines().count()));
        let line = |text: &str| text.lines().nth(at).unwrap_or("the end").to_owned();
        panic!("{when}: line {at} was {:?} and is {:?}", line(want), line(got));
    }
}

/// What projects the log of an owner into the same store.
fn projector(
    opened: &owner::Opened,
    reader: &Arc<dyn LedgerReader>,
    store: &Arc<Store>,
    limits: &Limits,
    behaved: tokio::sync::mpsc::Sender<ShopperId>,
) -> Projector {
    Projector {
        reader: reader.clone(),
        projection: store.clone(),
        accounts: store.clone(),
        shelves: store.clone(),
        registry: store.clone(),
        shared: opened.shared.clone(),
        position: opened.position,
        counters: opened.counters.clone(),
        cache: Default::default(),
        behaved,
        subscriptions: store.subscriptions(),
        outlet: None,
        commit_records: limits.tail / 8,
        peak_records: limits.tail / 2,
    }
}
