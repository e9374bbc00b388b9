//! The owners that requests go to, and the way there.
//!
//! Embedded, one owner in this process has all partitions, and a request goes into its queue: one branch is all that this
//! module costs there. In a cluster every partition has a log and an owner of its own; those that live in this process are
//! asked the same way, the others are asked over the network, by whoever was last heard to own the log. Such a guess may be
//! wrong, since the log alone decides (R2): a node that does not own a log says so, and whoever asked looks again until
//! its deadline.

mod acts;
mod forward;
mod joined;
mod wire;

pub use acts::Installed;
pub use wire::{Call, Said};
pub(crate) use wire::{as_text, behind_arc, write_call};

use crate::command::{Act, Command, Input, Reply, Who, Work};
use crate::error::{Error, Result};
use crate::koi::Koi;
use crate::live::Afar;
use crate::owner::Shared;
use crate::ports::{LedgerReader, Peers, Route};
use crate::runtime::Counters;
use crate::trace::{self, Span, SpanKind};
use crossbeam_channel::{Sender, TrySendError};
use domain::ids::{CampaignId, ItemId, OrderId, PARTITIONS, ShopperId, partition_of};
use joined::Joined;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// How long a caller waits for the owner. Beyond it the outcome is unknown to the caller and a retry finds it.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest wait for projection, and how often it is looked at meanwhile.
const CATCH_UP: Duration = Duration::from_secs(3);
const CATCH_UP_STEP: Duration = Duration::from_millis(10);
/// The partition whose owner makes ids of things without a shopper, and whose node does what one node does for all.
const FIRST: u8 = 0;

pub(crate) const STRANGE: Error = Error::Unavailable("the owner answered something else");

/// An owner in this process.
#[derive(Clone)]
pub struct Owned {
    pub inputs: Sender<Input>,
    pub shared: Arc<Shared>,
    pub reader: Arc<dyn LedgerReader>,
    /// The bound of records that are not projected.
    pub tail: u64,
}

/// Why an owner in this process gave no answer.
#[derive(Debug)]
enum Missed {
    /// It is gone, or lost its log: another one knows what became of the request.
    Gone,
    Failed(Error),
}

impl From<Missed> for Error {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Gone => Error::Unavailable("the owner stopped; ask again with the same key"),
            Missed::Failed(error) => error,
        }
    }
}

impl Owned {
    /// Puts something into the owner's queue and waits for what it says, both within bounds.
    async fn asked<T>(&self, input: impl FnOnce(oneshot::Sender<T>) -> Input) -> std::result::Result<T, Missed> {
        let (reply, answer) = oneshot::channel();
        self.inputs.try_send(input(reply)).map_err(|error| match error {
            TrySendError::Full(_) => {
                metrics::counter!("koi_queue_full_total").increment(1);
                Missed::Failed(Error::Unavailable("too many requests are waiting"))
            }
            TrySendError::Disconnected(_) => Missed::Gone,
        })?;
        match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok(said)) => Ok(said),
            Ok(Err(_)) => Err(Missed::Gone),
            Err(_) => Err(Missed::Failed(Error::Unavailable("no answer in time; ask again with the same key"))),
        }
    }

    async fn command(&self, who: Who, work: Work) -> std::result::Result<Reply, Missed> {
        if self.shared.lag() >= self.tail {
            return Err(Missed::Failed(Error::Unavailable("the records lag too far behind the ledger")));
        }
        let span = trace::current().and_then(|parent| Span::open("owner", SpanKind::Internal, Some(parent), &[]));
        let trace = span.as_ref().map(Span::parent);
        let command = |reply| Input::Command(Command { who, work, proved_absent: Vec::new(), trace, reply });
        let said = self.asked(command).await?;
        said.map_err(Missed::Failed)
    }

    fn folded(&self) -> u64 {
        self.shared.folded.load(Ordering::Acquire)
    }

    /// Waits until records hold what is folded now; false where they do not within the bound.
    async fn projected(&self) -> bool {
        let (wanted, until) = (self.folded(), tokio::time::Instant::now() + CATCH_UP);
        loop {
            if self.shared.projected.load(Ordering::Acquire) >= wanted {
                return true;
            }
            if tokio::time::Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(CATCH_UP_STEP).await;
        }
    }
}

/// All owners that this process knows the way to.
#[expect(clippy::large_enum_variant, reason = "a process has one of it")]
pub enum Owners {
    /// One in this process, for all partitions.
    One(Owned),
    /// One for every partition, on any node.
    Many(Nodes),
}

/// A log that is owned in this process.
#[derive(Clone)]
struct Local {
    owned: Owned,
    installed: Arc<Installed>,
    /// Another number each time a log comes to be owned here.
    life: u64,
}

/// The logs owned here, and the way to the others.
pub struct Nodes {
    peers: Arc<dyn Peers>,
    afar: Arc<Afar>,
    local: RwLock<Vec<Option<Local>>>,
    joined: Joined,
    known: acts::Known,
    ready: AtomicBool,
    /// Says that nothing is fatal here, for as long as this lives.
    fatal: watch::Sender<bool>,
}

impl Nodes {
    /// No log is owned here yet.
    pub fn new(peers: Arc<dyn Peers>, afar: Arc<Afar>) -> Self {
        let local = RwLock::new((0..PARTITIONS).map(|_| None).collect());
        let (joined, known) = (Joined::default(), acts::Known::default());
        Self { peers, afar, local, joined, known, ready: AtomicBool::new(false), fatal: watch::channel(false).0 }
    }

    /// From here on requests of a partition go to this owner, which decides by these acts.
    pub fn take_in(&self, part: u8, owned: Owned, acts: &[Act]) {
        let (installed, life) = (Arc::new(Installed::of(acts)), crate::random::word() | 1);
        self.put(part, Some(Local { owned, installed, life }));
    }

    /// From here on they go to whoever is heard to own the log.
    pub fn let_go(&self, part: u8) {
        self.put(part, None);
    }

    fn put(&self, part: u8, local: Option<Local>) {
        if let Some(place) = self.local.write().unwrap_or_else(PoisonError::into_inner).get_mut(usize::from(part)) {
            *place = local;
        }
    }

    fn local(&self, part: u8) -> Option<Local> {
        self.local.read().unwrap_or_else(PoisonError::into_inner).get(usize::from(part)).cloned().flatten()
    }

    fn locals(&self) -> Vec<(u8, Local)> {
        let local = self.local.read().unwrap_or_else(PoisonError::into_inner);
        (0..PARTITIONS).zip(local.iter()).filter_map(|(part, local)| Some((part, local.clone()?))).collect()
    }

    /// Whether every log has had an owner that this node can reach. Once it was so it stays: while another node dies all
    /// others go on serving, and who belongs to the dead one waits for its successor.
    fn is_ready(&self) -> bool {
        let reached = |part| {
            let there = |route: Route| !route.here && self.peers.is_there(&route);
            self.local(part).is_some() || self.peers.route(part).is_some_and(there)
        };
        if !self.ready.load(Ordering::Acquire) && (0..PARTITIONS).all(reached) {
            self.ready.store(true, Ordering::Release);
        }
        self.ready.load(Ordering::Acquire)
    }
}

impl Owners {
    /// Reads the log of a partition, whoever owns it.
    pub fn reader(&self, part: u8) -> Arc<dyn LedgerReader> {
        match self {
            Owners::One(owned) => owned.reader.clone(),
            Owners::Many(nodes) => nodes.local(part).map_or_else(|| nodes.peers.reader(part), |l| l.owned.reader),
        }
    }

    /// Whether a partition's owner is in this process.
    pub fn are_here(&self, part: u8) -> bool {
        match self {
            Owners::One(_) => true,
            Owners::Many(nodes) => nodes.local(part).is_some(),
        }
    }

    /// Whether requests can be answered: not after the ledger came into doubt, nor before every log's owner
    /// was found once.
    pub fn are_ready(&self) -> bool {
        match self {
            Owners::One(owned) => !*owned.shared.fatal.borrow(),
            Owners::Many(nodes) => nodes.is_ready(),
        }
    }

    /// Turns true when nothing may be answered any more; in a cluster never, there a log has a next owner.
    pub fn fatal(&self) -> watch::Receiver<bool> {
        match self {
            Owners::One(owned) => owned.shared.fatal.subscribe(),
            Owners::Many(nodes) => nodes.fatal.subscribe(),
        }
    }

    /// Records that are folded here; of several logs, batches.
    pub fn folded_here(&self) -> u64 {
        match self {
            Owners::One(owned) => owned.folded(),
            Owners::Many(nodes) => {
                nodes.locals().iter().map(|(_, l)| l.owned.folded() >> crate::ports::BATCH_BITS).sum()
            }
        }
    }

    /// The longest tail that is not projected, of the logs owned here.
    pub fn lag(&self) -> u64 {
        match self {
            Owners::One(owned) => owned.shared.lag(),
            Owners::Many(nodes) => nodes.locals().iter().map(|(_, l)| l.owned.shared.lag()).max().unwrap_or(0),
        }
    }

    /// The bound of records that are not projected.
    pub fn tail(&self) -> u64 {
        match self {
            Owners::One(owned) => owned.tail,
            Owners::Many(nodes) => nodes.locals().first().map_or(0, |(_, l)| l.owned.tail),
        }
    }

    /// The owner of all partitions, where there is one.
    pub fn one(&self) -> Option<&Owned> {
        match self {
            Owners::One(owned) => Some(owned),
            Owners::Many(_) => None,
        }
    }
}

/// The partition of whom a command concerns.
fn part_of(who: &Who) -> u8 {
    match who {
        Who::Id(id) => id.partition(),
        Who::Name(external_id) => partition_of(external_id),
    }
}

impl Koi {
    /// Whether this process does what one process does for all: timers, deliveries, the strategy job, ends of campaigns.
    pub fn leads(&self) -> bool {
        self.owners().are_here(FIRST)
    }

    /// Puts a command into its owner's queue, wherever that is, and waits for its answer, both within bounds.
    pub(crate) async fn ask(&self, who: Who, work: Work) -> Result<Reply> {
        match &self.parts().owners {
            Owners::One(owned) => Ok(owned.command(who, work).await?),
            Owners::Many(nodes) => {
                let part = part_of(&who);
                // Boxed, so that a command's future stays small where there is one owner.
                match Box::pin(self.find(nodes, part, Call::Command { who, work })).await? {
                    Said::Reply(reply) => Ok(reply),
                    _ => Err(STRANGE),
                }
            }
        }
    }

    /// An id for something without a shopper.
    pub(crate) async fn make_id(&self) -> Result<u64> {
        match &self.parts().owners {
            Owners::One(owned) => Ok(owned.asked(|reply| Input::MakeId { reply }).await?),
            Owners::Many(nodes) => match self.find(nodes, FIRST, Call::MakeId).await? {
                Said::Id(id) => Ok(id),
                _ => Err(STRANGE),
            },
        }
    }

    /// Whose order this is, where records may not know it yet.
    pub(crate) async fn whose_order(&self, order: OrderId) -> Result<Option<ShopperId>> {
        match &self.parts().owners {
            Owners::One(owned) => Ok(owned.asked(|reply| Input::WhoseOrder { order, reply }).await?),
            Owners::Many(nodes) => match self.find(nodes, order.partition(), Call::WhoseOrder { order }).await? {
                Said::Whose(shopper) => Ok(shopper),
                _ => Err(STRANGE),
            },
        }
    }

    /// What a campaign has come to, of all owners together.
    pub(crate) async fn counters_of(&self, campaign: CampaignId) -> Result<Counters> {
        match &self.parts().owners {
            Owners::One(owned) => {
                Ok(owned.asked(|reply| Input::Counters { campaign, reply }).await?.unwrap_or_default())
            }
            Owners::Many(nodes) => {
                let mut all = Counters::default();
                for said in self.find_all(nodes, &Call::Counters { campaign }).await? {
                    let Said::Counters(counters) = said else { return Err(STRANGE) };
                    all.add(&counters.unwrap_or_default());
                }
                Ok(all)
            }
        }
    }

    /// Units sold of every exchange item.
    pub(crate) async fn units_sold(&self) -> Result<rustc_hash::FxHashMap<ItemId, u64>> {
        let mut sold = rustc_hash::FxHashMap::default();
        match &self.parts().owners {
            Owners::One(owned) => sold.extend(owned.asked(|reply| Input::Sold { reply }).await?),
            Owners::Many(nodes) => {
                for said in self.find_all(nodes, &Call::Sold).await? {
                    let Said::Sold(units) = said else { return Err(STRANGE) };
                    for (item, count) in units {
                        *sold.entry(item).or_insert(0) += count;
                    }
                }
            }
        }
        Ok(sold)
    }

    /// The offset behind the last folded record of a partition's log.
    pub(crate) async fn folded(&self, part: u8) -> Result<u64> {
        match &self.parts().owners {
            Owners::One(owned) => Ok(owned.folded()),
            Owners::Many(nodes) => match self.find(nodes, part, Call::Folded).await? {
                Said::Folded(offset) => Ok(offset),
                _ => Err(STRANGE),
            },
        }
    }

    /// Makes sure that this process hears of a shopper, wherever its owner is, and gives the offset behind the last record
    /// that was folded then, and by what it hears of those that follow ([`Koi::feed`]). In a cluster it is called again and
    /// again for as long as somebody listens.
    pub async fn follow(&self, shopper: ShopperId) -> Result<(u64, u64)> {
        match &self.parts().owners {
            Owners::One(owned) => Ok((owned.folded(), 0)),
            Owners::Many(nodes) => {
                let call = Call::Listen { shopper, to: nodes.peers.address().to_owned() };
                match self.find(nodes, shopper.partition(), call).await? {
                    Said::Listening { folded, feed, told } => {
                        if let Some(told) = told {
                            nodes.afar.leased(shopper, feed, told);
                        }
                        Ok((folded, feed))
                    }
                    _ => Err(STRANGE),
                }
            }
        }
    }

    /// By what this process hears of a shopper: another number says that something may have been missed.
    pub fn feed(&self, shopper: ShopperId) -> u64 {
        match &self.parts().owners {
            Owners::One(_) => 0,
            Owners::Many(nodes) => {
                nodes.local(shopper.partition()).map_or_else(|| nodes.afar.stream(shopper), |local| local.life)
            }
        }
    }

    /// Waits until records hold everything that was durable when this was called, within a bound: lists that no
    /// shopper's tail can be merged into then show it. False where they lag beyond the bound, or an owner is out of reach.
    pub(crate) async fn projected(&self) -> bool {
        match &self.parts().owners {
            Owners::One(owned) => owned.projected().await,
            Owners::Many(nodes) => match self.find_all(nodes, &Call::Projected).await {
                Ok(all) => all.iter().all(|said| matches!(said, Said::Projected(true))),
                Err(_) => false,
            },
        }
    }

    /// Lets every owner know of an act and waits until all have read it back (R9).
    pub(crate) async fn tell_owners(&self, act: Act) -> Result<()> {
        match &self.parts().owners {
            Owners::One(owned) => owned.asked(|reply| Input::Act { act, reply }).await?,
            Owners::Many(nodes) => {
                let call = match &act {
                    Act::Campaign(runtime) => Call::Campaign { campaign: runtime.id, version: runtime.version },
                    Act::Item(item) => Call::Item { item: item.id, version: item.version },
                };
                self.find_all(nodes, &call).await.map(|_| ())
            }
        }
    }
}
