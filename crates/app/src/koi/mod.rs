//! The use cases. `Koi` is what a server holds: cheap to clone, safe to call from anywhere.

pub mod audit;
mod awards;
mod browse;
mod campaigns;
mod choice;
mod codes;
mod composition;
mod context;
mod drafting;
mod drawings;
mod draws;
mod erasure;
mod exchange;
pub mod flow_tools;
mod flows;
pub mod gather;
mod heat;
mod insight;
mod keys;
mod label;
mod lists;
mod live;
mod model;
mod models;
mod operators;
mod orders;
mod person;
mod persona;
mod preheat;
mod referral;
mod rehearse;
mod rerank;
mod segments;
mod sessions;
mod shares;
mod shoppers;
mod strategist;
mod tracker;
mod webhooks;
mod wording;

pub use audit::{AuditCheck, AuditView, Deed, Target};
pub use browse::RowAsk;
pub(crate) use campaigns::tiers_met;
pub use campaigns::{CampaignFilter, CampaignPolicy};
pub use choice::{ADVISE_WITHIN, Advice, Adviser, ChoiceInput, Question};
pub use codes::{CODES_MAX, CodesFrom};
pub use context::{Shown, stored_slots};
pub use drafting::DraftAsk;
pub use exchange::{ITEMS_MAX, ItemEdit};
pub use insight::Step;
pub use keys::KeyView;
pub use label::{LabelAsk, LabelReport};
pub(crate) use lists::prize_view;
pub use operators::{BanView, NewOperator, OperatorEdit, OperatorView};
pub use orders::OrderInput;
pub use rerank::OrdersFrom;
pub use sessions::{Session, SessionToken, SessionView};
pub use strategist::{Strategist, Wishes, wishes};
pub use tracker::{Heard, WholeRefund};

use crate::advise::board::Board;
use crate::command::Reply;
use crate::desk::{Desk, Hasher, Policy, Throttle};
use crate::error::{Error, Result};
use crate::fulfil::Dispatch;
use crate::live::StrategyIds;
use crate::owners::{Owners, STRANGE};
use crate::ports::{
    Accounts, AdviceStore, Browse, Campaigns, Clock, Codes, Drawings, Escrow, ExchangeDesk, Heardings, Hints, Hot,
    LanguageModel, Lists, Notifier, Orders, PortError, Registry, Shelves, Timers,
};
use crate::runtime::Runtime;
use bytes::Bytes;
use context::StrategyCache;
use domain::campaign::State;
use domain::exchange::Item;
use domain::ids::{CampaignId, ItemId};
use heat::Heat;
use model::Model;
use person::People;
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The answer to a command: its exact bytes.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// JSON.
    pub body: Bytes,
    /// The command had been done before under the same key.
    pub replayed: bool,
}

/// Locks among which edits of people are spread.
const PERSON_LOCKS: usize = 256;

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
    pub owners: Owners,
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
    pub hot: Arc<dyn Hot>,
    pub desk: Desk,
    pub clock: Arc<dyn Clock>,
    pub published: Vec<Arc<Runtime>>,
    /// Of the exchange shop.
    pub items: Vec<Arc<Item>>,
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
    heat: Heat,
    strategy_ids: StrategyIds,
    people: People,
    model: Model,
    choosers: choice::Choosers,
    draining: AtomicBool,
    chain: audit::Chain,
    /// Edits of operators are made one at a time.
    desk_edits: tokio::sync::Mutex<()>,
    /// What a shop tells of one shopper is changed by one request at a time, so that `If-Match` holds: a lock for all whose
    /// external ids hash to it.
    person_edits: [tokio::sync::Mutex<()>; PERSON_LOCKS],
    hasher: Hasher,
    throttle: Throttle,
    policy: std::sync::OnceLock<Policy>,
    /// What advises beside the local models, where anything does.
    language_model: std::sync::OnceLock<Arc<dyn LanguageModel>>,
    board: std::sync::OnceLock<Arc<Board>>,
    orders_from: std::sync::OnceLock<OrdersFrom>,
    ranking: rerank::Ranking,
    shares: shares::Watch,
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
                strategies: StrategyCache::new(parts.owners.one().is_none()),
                heat: Heat::default(),
                strategy_ids: StrategyIds::default(),
                people: People::default(),
                model: Model::default(),
                choosers: choice::Choosers::default(),
                draining: AtomicBool::new(false),
                chain: audit::Chain::default(),
                desk_edits: tokio::sync::Mutex::new(()),
                person_edits: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
                hasher: Hasher::default(),
                throttle: Throttle::default(),
                policy: std::sync::OnceLock::new(),
                language_model: std::sync::OnceLock::new(),
                board: std::sync::OnceLock::new(),
                orders_from: std::sync::OnceLock::new(),
                ranking: rerank::Ranking::default(),
                shares: shares::Watch::default(),
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

    /// Lets use cases ask a language model from now on; the first one stays.
    pub fn take_language_model(&self, model: Arc<dyn LanguageModel>) {
        _ = self.inner.language_model.set(model);
    }

    /// Opens the topics of advice over a store; the first one stays.
    pub fn open_board(&self, store: Arc<dyn AdviceStore>) -> Arc<Board> {
        self.inner.board.get_or_init(|| Arc::new(Board::new(store, self.parts().clock.clone()))).clone()
    }

    /// The topics of advice, where they are open.
    pub fn board(&self) -> Option<&Arc<Board>> {
        self.inner.board.get()
    }

    /// The language model, where one is configured.
    pub fn language_model(&self) -> Option<&Arc<dyn LanguageModel>> {
        self.inner.language_model.get()
    }

    /// Whether requests can be answered: not while draining, not after the ledger came into doubt, not before all
    /// owners were found.
    pub fn is_ready(&self) -> bool {
        !self.inner.draining.load(Ordering::Acquire) && self.parts().owners.are_ready()
    }

    /// From here on `is_ready` says no; what is in flight is still answered.
    pub fn drain(&self) {
        self.inner.draining.store(true, Ordering::Release);
        self.hang_up();
    }

    /// Whether [`Koi::drain`] was called.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Acquire)
    }

    /// The key that signs shoppers' tokens; durable.
    pub fn token_secret(&self) -> &[u8; 32] {
        &self.parts().secret
    }

    /// The owners that requests go to.
    pub fn owners(&self) -> &Owners {
        &self.parts().owners
    }

    /// Unix milliseconds by the clock of the process.
    pub fn now_ms(&self) -> i64 {
        self.parts().clock.now_ms()
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

    /// From here on handlers go by this version of a campaign, unless they know a newer one.
    pub fn show_campaign(&self, runtime: Arc<Runtime>) {
        let mut published = self.inner.published.write().unwrap_or_else(PoisonError::into_inner);
        if published.get(&runtime.id).is_none_or(|shown| shown.version < runtime.version) {
            published.insert(runtime.id, runtime);
        }
    }

    /// The same of an item of the exchange shop.
    pub fn show_item(&self, item: Arc<Item>) {
        let mut items = self.inner.items.write().unwrap_or_else(PoisonError::into_inner);
        if items.get(&item.id).is_none_or(|shown| shown.version < item.version) {
            items.insert(item.id, item);
        }
    }

    /// The bytes of an answer that was given before, by its partition and its offset in that one's log.
    pub(crate) async fn stored(&self, part: u8, offset: u64) -> Result<Vec<u8>> {
        let mut answers = self.stored_answers(vec![(part, offset)]).await?;
        answers.pop().flatten().ok_or(Error::Unavailable("the stored answer cannot be found"))
    }

    /// The answers of records, in the order asked.
    pub(super) async fn stored_answers(&self, places: Vec<(u8, u64)>) -> Result<Vec<Option<Vec<u8>>>> {
        let koi = self.clone();
        let read = move || -> crate::ports::PortResult<Vec<Option<Vec<u8>>>> {
            let mut ascending: Vec<usize> = (0..places.len()).collect();
            // An engine that reads far back reads along what lies behind.
            ascending.sort_unstable_by_key(|at| places[*at]);
            let (mut answers, mut last) = (vec![None; places.len()], None);
            for at in ascending {
                let (part, offset) = places[at];
                let (_, reader) = match last.take() {
                    Some((of, reader)) if of == part => last.insert((of, reader)),
                    _ => last.insert((part, koi.parts().owners.reader(part))),
                };
                answers[at] = reader.answer(offset)?;
            }
            Ok(answers)
        };
        let read = tokio::task::spawn_blocking(read).await;
        Ok(read.map_err(|_| Error::Unavailable("the ledger could not be read"))??)
    }

    /// Turns a command's reply into its answer. `again` is the status of a replay.
    pub(crate) async fn answered(&self, reply: Reply, again: Option<u16>) -> Result<Answer> {
        match reply {
            Reply::Done { status, body } => Ok(Answer { status, body, replayed: false }),
            Reply::Stored { part, offset, status } => {
                let body = self.stored(part, offset).await?;
                Ok(Answer { status: again.unwrap_or(status), body: body.into(), replayed: true })
            }
            other => {
                tracing::error!(?other, "the owner answered something else");
                Err(STRANGE)
            }
        }
    }
}
