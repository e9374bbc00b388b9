//! The use cases. `Koi` is what a server holds: cheap to clone, safe to call from anywhere.

pub mod audit;
mod awards;
mod browse;
mod campaigns;
mod choice;
mod codes;
mod context;
mod drawings;
mod draws;
mod erasure;
mod exchange;
pub mod flow_tools;
mod flows;
mod insight;
mod keys;
mod lists;
mod live;
mod model;
mod operators;
mod orders;
mod person;
mod preheat;
mod referral;
mod rehearse;
mod sessions;
mod shoppers;
mod strategist;
mod webhooks;

pub use audit::{AuditCheck, AuditView, Deed, Target};
pub use browse::RowAsk;
pub(crate) use campaigns::tiers_met;
pub use campaigns::{CampaignFilter, CampaignPolicy};
pub use choice::{ADVISE_WITHIN, Adviser, ChoiceInput};
pub use codes::{CODES_MAX, CodesFrom};
pub use context::{Shown, stored_slots};
pub use exchange::{ITEMS_MAX, ItemEdit};
pub use insight::Step;
pub use keys::KeyView;
pub(crate) use lists::prize_view;
pub use operators::{BanView, NewOperator, OperatorEdit, OperatorView};
pub use orders::OrderInput;
pub use sessions::{Session, SessionToken, SessionView};
pub use strategist::{Strategist, Wishes, wishes};

use crate::command::{Command, Input, Reply, Who, Work};
use crate::desk::{Desk, Hasher, Policy, Throttle};
use crate::error::{Error, Result};
use crate::fulfil::Dispatch;
use crate::live::StrategyIds;
use crate::owner::Shared;
use crate::ports::{
    Accounts, Browse, Campaigns, Clock, Codes, Drawings, Escrow, ExchangeDesk, Heardings, Hints, LedgerReader, Lists,
    Notifier, Orders, PortError, Registry, Shelves, Timers,
};
use crate::runtime::Runtime;
use bytes::Bytes;
use context::StrategyCache;
use crossbeam_channel::{Sender, TrySendError};
use domain::campaign::State;
use domain::exchange::Item;
use domain::ids::{CampaignId, ItemId};
use model::Model;
use person::People;
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a caller waits for the owner. Beyond it the outcome is unknown to the caller and a retry finds it.
const DEADLINE: Duration = Duration::from_secs(10);

/// The longest wait for projection, and how often it is looked at meanwhile.
const CATCH_UP: Duration = Duration::from_secs(3);
const CATCH_UP_STEP: Duration = Duration::from_millis(10);

/// The answer to a command: its exact bytes.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// JSON.
    pub body: Bytes,
    /// The command had been done before under the same key.
    pub replayed: bool,
}

/// All use cases.
#[derive(Clone)]
pub struct Koi {
    inner: Arc<Inner>,
    /// Who acts: an operator or a key, by its id; empty where nobody said.
    by: Arc<str>,
    policy: CampaignPolicy,
}

/// What the use cases stand on.
pub struct Parts {
    pub inputs: Sender<Input>,
    pub shared: Arc<Shared>,
    pub reader: Arc<dyn LedgerReader>,
    pub accounts: Arc<dyn Accounts>,
    pub lists: Arc<dyn Lists>,
    pub orders: Arc<dyn Orders>,
    pub drawings: Arc<dyn Drawings>,
    pub timers: Arc<dyn Timers>,
    pub campaigns: Arc<dyn Campaigns>,
    pub codes: Arc<dyn Codes>,
    pub exchange: Arc<dyn ExchangeDesk>,
    /// Where stock lies that several logs share; nothing where one process owns all of it.
    pub escrow: Option<Arc<dyn Escrow>>,
    pub registry: Arc<dyn Registry>,
    pub shelves: Arc<dyn Shelves>,
    pub heardings: Arc<dyn Heardings>,
    pub browse: Arc<dyn Browse>,
    pub notifier: Arc<dyn Notifier>,
    pub hints: Arc<dyn Hints>,
    pub desk: Desk,
    pub clock: Arc<dyn Clock>,
    pub published: Vec<Arc<Runtime>>,
    /// Of the exchange shop.
    pub items: Vec<Arc<Item>>,
    /// The bound of unprojected records.
    pub tail: u64,
    /// Signs shoppers' tokens.
    pub secret: [u8; 32],
    pub wishes: Wishes,
    pub dispatch: Dispatch,
}

struct Inner {
    parts: Parts,
    published: RwLock<FxHashMap<CampaignId, Arc<Runtime>>>,
    items: RwLock<FxHashMap<ItemId, Arc<Item>>>,
    /// Campaign acts are made one at a time.
    acts: tokio::sync::Mutex<()>,
    /// A campaign act was stored but no owner has confirmed it yet.
    unconfirmed: AtomicBool,
    strategies: StrategyCache,
    strategy_ids: StrategyIds,
    people: People,
    model: Model,
    choosers: choice::Choosers,
    draining: AtomicBool,
    chain: audit::Chain,
    /// Edits of operators are made one at a time.
    desk_edits: tokio::sync::Mutex<()>,
    hasher: Hasher,
    throttle: Throttle,
    policy: std::sync::OnceLock<Policy>,
    /// Rehearsals that may run at a time.
    rehearsing: Arc<tokio::sync::Semaphore>,
}

impl From<PortError> for Error {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Unreachable(_) => Error::Unavailable("the records are out of reach"),
            PortError::Damaged(_) => Error::Unavailable("stored data cannot be read"),
            PortError::Stale(_) => Error::Stale,
        }
    }
}

impl Koi {
    /// The use cases over opened parts.
    pub fn new(parts: Parts) -> Self {
        let published = parts.published.iter().map(|r| (r.id, r.clone())).collect();
        let items = parts.items.iter().map(|item| (item.id, item.clone())).collect();
        Self {
            by: Arc::default(),
            policy: CampaignPolicy::default(),
            inner: Arc::new(Inner {
                published: RwLock::new(published),
                items: RwLock::new(items),
                acts: tokio::sync::Mutex::new(()),
                unconfirmed: AtomicBool::new(false),
                strategies: StrategyCache::default(),
                strategy_ids: StrategyIds::default(),
                people: People::default(),
                model: Model::default(),
                choosers: choice::Choosers::default(),
                draining: AtomicBool::new(false),
                chain: audit::Chain::default(),
                desk_edits: tokio::sync::Mutex::new(()),
                hasher: Hasher::default(),
                throttle: Throttle::default(),
                policy: std::sync::OnceLock::new(),
                rehearsing: Arc::new(tokio::sync::Semaphore::new(1)),
                parts,
            }),
        }
    }

    /// The same use cases in the name of an operator or key.
    #[must_use]
    pub fn acting(&self, by: &str) -> Self {
        Self { by: by.into(), ..self.clone() }
    }

    /// The same use cases under another policy of publishing.
    #[must_use]
    pub fn with_policy(&self, policy: CampaignPolicy) -> Self {
        Self { policy, ..self.clone() }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    /// Whether requests can be answered: not while draining, not after the ledger came into doubt.
    pub fn is_ready(&self) -> bool {
        !self.inner.draining.load(Ordering::Acquire) && !*self.parts().shared.fatal.borrow()
    }

    /// From here on `is_ready` says no; what is in flight is still answered.
    pub fn drain(&self) {
        self.inner.draining.store(true, Ordering::Release);
        self.hang_up();
    }

    /// The key that signs shoppers' tokens; durable.
    pub fn token_secret(&self) -> &[u8; 32] {
        &self.parts().secret
    }

    /// What the owner shares.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.parts().shared
    }

    /// Unix milliseconds by the clock of the process.
    pub fn now_ms(&self) -> i64 {
        self.parts().clock.now_ms()
    }

    /// Puts a command into the owner's queue and waits for its answer, both within bounds.
    pub(crate) async fn ask(&self, who: Who, work: Work) -> Result<Reply> {
        let parts = self.parts();
        if parts.shared.lag() >= parts.tail {
            return Err(Error::Unavailable("the records lag too far behind the ledger"));
        }
        let (reply, answer) = oneshot::channel();
        let command = Command { who, work, proved_absent: Vec::new(), reply };
        self.send(Input::Command(command))?;
        match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Err(Error::Unavailable("the owner stopped; ask again with the same key")),
            Err(_) => Err(Error::Unavailable("no answer in time; ask again with the same key")),
        }
    }

    /// Waits until records hold everything that was durable when this was called, within a bound: lists that no
    /// shopper's tail can be merged into then show it. Beyond the bound they lag.
    pub(crate) async fn projected(&self) {
        let shared = &self.parts().shared;
        let (wanted, until) = (shared.folded.load(Ordering::Acquire), tokio::time::Instant::now() + CATCH_UP);
        while shared.projected.load(Ordering::Acquire) < wanted && tokio::time::Instant::now() < until {
            tokio::time::sleep(CATCH_UP_STEP).await;
        }
    }

    pub(crate) fn send(&self, input: Input) -> Result<()> {
        self.parts().inputs.try_send(input).map_err(|error| match error {
            TrySendError::Full(_) => {
                metrics::counter!("koi_queue_full_total").increment(1);
                Error::Unavailable("too many requests are waiting")
            }
            TrySendError::Disconnected(_) => Error::Unavailable("the owner stopped"),
        })
    }

    /// A published campaign, whatever its state.
    pub(crate) fn runtime(&self, id: CampaignId) -> Option<Arc<Runtime>> {
        self.inner.published.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// All campaigns that can be or will be drawn from.
    pub(crate) fn open_campaigns(&self) -> Vec<Arc<Runtime>> {
        let now_ms = self.now_ms();
        let published = self.inner.published.read().unwrap_or_else(PoisonError::into_inner);
        let mut open: Vec<_> = published
            .values()
            .filter(|r| matches!(r.state_at(now_ms), State::Live | State::Scheduled | State::Paused))
            .cloned()
            .collect();
        open.sort_unstable_by_key(|r| r.id);
        open
    }

    /// The bytes of an answer that was given before.
    pub(crate) async fn stored(&self, offset: u64) -> Result<Vec<u8>> {
        let mut answers = self.stored_answers(vec![offset]).await?;
        answers.pop().flatten().ok_or(Error::Unavailable("the stored answer cannot be found"))
    }

    /// The answers of records, in the order asked.
    pub(super) async fn stored_answers(&self, offsets: Vec<u64>) -> Result<Vec<Option<Vec<u8>>>> {
        let reader = self.parts().reader.clone();
        let read = move || {
            offsets.into_iter().map(|offset| reader.answer(offset)).collect::<crate::ports::PortResult<Vec<_>>>()
        };
        let read = tokio::task::spawn_blocking(read).await;
        Ok(read.map_err(|_| Error::Unavailable("the ledger could not be read"))??)
    }

    /// Turns a command's reply into its answer. `again` is the status of a replay.
    pub(crate) async fn answered(&self, reply: Reply, again: Option<u16>) -> Result<Answer> {
        match reply {
            Reply::Done { status, body } => Ok(Answer { status, body, replayed: false }),
            Reply::Stored { offset, status } => {
                let body = self.stored(offset).await?;
                Ok(Answer { status: again.unwrap_or(status), body: body.into(), replayed: true })
            }
            other => {
                tracing::error!(?other, "the owner answered something else");
                Err(Error::Unavailable("the owner answered something else"))
            }
        }
    }
}
