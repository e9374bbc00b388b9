//! The strategist: the background job that gives every shopper a personal strategy (DESIGN section 6).
//!
//! It walks shoppers in id order in chunks; each chunk's strategies and the cursor behind it are one transaction, so a
//! killed job goes on where it was. Whoever shows up without a strategy, or behaves anew, is moved to the front.

use super::composition::arm_of;
use super::context::stored_slots;
use super::rerank::Orders;
use super::{Koi, model};
use crate::error::{Error, Result};
use crate::ports::{JobCursor, StrategyRow};
use crate::runtime::Runtime;
use crate::views::GenerationView;
use domain::campaign::Rules;
use domain::ids::{CampaignId, ShopperId, mix};
use recommend::Scratch;
use recommend::baskets::History;
use recommend::fit::{Fitted, Who};
use recommend::prizes::{Prize, PrizeIndex, Tier};
use recommend::supply::{Arm, Policy};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Shoppers of one chunk.
pub(super) const CHUNK: u32 = 1_000;
/// Shoppers waiting at the front; who finds no room there is found by the walk, or by being stale.
pub(super) const FRONT: usize = 4_096;
/// How long wishes are collected before they are granted, so that a burst of behaviour costs one composition.
const COLLECT: Duration = Duration::from_millis(500);
/// A fit may take one part in this of the time.
pub(super) const FIT_SHARE: u32 = 20;
/// How often campaigns past their window, unconfirmed acts and stale strategies are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// No shopper's id: the model knows nothing of who has it.
const NOBODY: ShopperId = ShopperId(0);

/// The shortest time between two walks from the start that look for who was left out.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// What others wish of the strategist. Never blocks and never fails: a wish without room is found later.
#[derive(Clone)]
pub struct Wishes {
    shoppers: mpsc::Sender<ShopperId>,
    campaign: Arc<Notify>,
}

impl Wishes {
    /// A shopper should get a personal strategy soon.
    pub fn shopper(&self, shopper: ShopperId) {
        _ = self.shoppers.try_send(shopper);
    }

    /// A campaign was published.
    pub fn campaign(&self) {
        self.campaign.notify_one();
    }

    /// The way in for those who only know of shoppers.
    pub fn sender(&self) -> mpsc::Sender<ShopperId> {
        self.shoppers.clone()
    }
}

/// The receiving end of wishes.
pub struct Strategist {
    shoppers: mpsc::Receiver<ShopperId>,
    campaign: Arc<Notify>,
}

/// Wishes and the strategist who hears them.
pub fn wishes() -> (Wishes, Strategist) {
    let (sender, shoppers) = mpsc::channel(FRONT);
    let campaign = Arc::new(Notify::new());
    (Wishes { shoppers: sender, campaign: campaign.clone() }, Strategist { shoppers, campaign })
}

impl Strategist {
    /// Works until the process ends.
    pub async fn run(mut self, koi: Koi) {
        koi.note_strategies().await;
        // Shoppers whose behaviour the model in service has not seen.
        let mut unseen: FxHashSet<ShopperId> = FxHashSet::default();
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if koi.leads()
                && let Err(error) = koi.finish_jobs().await
            {
                tracing::warn!(%error, "the strategy job waits");
            }
            if let Err(error) = koi.walk_shares().await {
                tracing::warn!(%error, "this node's share of the strategy job waits");
            }
            tokio::select! {
                () = self.campaign.notified() => {}
                first = self.shoppers.recv() => {
                    let Some(first) = first else { return };
                    tokio::time::sleep(COLLECT).await;
                    let mut wanted: FxHashSet<ShopperId> = FxHashSet::default();
                    wanted.insert(first);
                    while let Ok(next) = self.shoppers.try_recv() {
                        wanted.insert(next);
                    }
                    match koi.refresh(&wanted).await {
                        Ok(fresh) => unseen.extend(fresh.into_iter().take(FRONT.saturating_sub(unseen.len()))),
                        Err(error) => tracing::warn!(%error, "strategies could not be refreshed"),
                    }
                }
                _ = sweep.tick() => {
                    if koi.fit_is_wanted(unseen.len()) && koi.fit_is_due(FIT_SHARE) {
                        let wanted = std::mem::take(&mut unseen);
                        let refreshed = match koi.refit().await {
                            Ok(_) => koi.refresh(&wanted).await.map(|_| ()),
                            Err(error) => Err(error),
                        };
                        if let Err(error) = refreshed {
                            tracing::warn!(%error, "the model could not be fitted again");
                        }
                    }
                    if koi.starts_soon() {
                        // Beside the loop: it may take a while, and nothing here waits for it.
                        let koi = koi.clone();
                        tokio::spawn(async move {
                            if let Err(error) = koi.preheat().await {
                                tracing::warn!(%error, "a campaign that starts soon stays cold");
                            }
                        });
                    }
                    koi.inner.heat.report();
                    koi.strategies().filter().report();
                    if koi.strategies().filter().is_full() {
                        koi.strategies().filter().grow();
                        koi.note_strategies().await;
                    }
                    if koi.leads() {
                        koi.sweep().await;
                    }
                }
            }
        }
    }
}

impl Koi {
    /// What one process does for all, every second.
    async fn sweep(&self) {
        let swept = [
            self.finish_acts().await,
            self.apply_due().await,
            self.end_overdue().await,
            self.continue_drawings().await,
            self.refresh_stale().await,
        ];
        for error in swept.into_iter().filter_map(|done| done.err()) {
            tracing::warn!(%error, "the sweep comes again in a second");
        }
    }
}

/// A campaign's prizes against a model's catalogue.
fn index(fitted: &Fitted, rules: &Rules) -> Result<PrizeIndex> {
    let skus: Vec<Vec<String>> =
        rules.prizes.iter().map(|p| p.skus.iter().map(ToString::to_string).collect()).collect();
    let prizes: Vec<Prize<'_>> =
        rules.prizes.iter().zip(&skus).map(|(p, skus)| Prize { name: &p.name, category: &p.category, skus }).collect();
    let candidates: Vec<Vec<u16>> = rules.tiers.iter().map(|t| t.candidates.iter().map(|c| c.0).collect()).collect();
    let tiers: Vec<Tier<'_>> = rules
        .tiers
        .iter()
        .zip(&candidates)
        .map(|(t, candidates)| Tier { slots: usize::from(t.slots), candidates })
        .collect();
    PrizeIndex::new(fitted, &prizes, &tiers).map_err(|error| {
        tracing::error!(%error, "a published campaign's slots cannot be filled");
        Error::Unavailable("the campaign's slots cannot be filled")
    })
}

/// Composes and formats one shopper's slots.
pub(super) struct Composer {
    fitted: Arc<Fitted>,
    index: PrizeIndex,
    runtime: Arc<Runtime>,
    scratch: Scratch,
    slots: Vec<recommend::compose::Slot>,
    /// The order in which somebody wants the prizes, where an adviser said so.
    orders: Option<Orders>,
}

impl Composer {
    pub(super) fn new(
        fitted: Arc<Fitted>,
        runtime: Arc<Runtime>,
        policy: Policy,
        orders: Option<Orders>,
    ) -> Result<Self> {
        let index = index(&fitted, &runtime.rules)?.with_policy(policy);
        Ok(Self { fitted, index, runtime, scratch: Scratch::default(), slots: Vec::new(), orders })
    }

    /// Whether anything is known of a shopper.
    pub(super) fn knows(&self, shopper: ShopperId) -> bool {
        self.fitted.knows(shopper)
    }

    pub(super) fn row(&mut self, shopper: ShopperId, who: Who<'_>, generation: u32) -> StrategyRow {
        let seed = mix(shopper.0) ^ self.runtime.id.0;
        let nobody = History::default();
        let arm = arm_of(&self.runtime.rules, shopper);
        // Somebody of whom nothing is known sees what most want. The random arm draws from its template whatever is
        // stored; its row says that its shopper was seen to.
        let who = if arm == Arm::Personal { who } else { Who::Newer(NOBODY, &nobody) };
        let orders = self.orders.as_ref().filter(|_| arm == Arm::Personal);
        let order = orders.and_then(|orders| orders.get(&(shopper, self.runtime.id)));
        let order = order.as_deref().unwrap_or_default();
        self.index.compose_in_order(&self.fitted, who, seed, order, &mut self.scratch, &mut self.slots);
        let tiers = self
            .runtime
            .rules
            .tiers
            .iter()
            .enumerate()
            .flat_map(|(i, t)| std::iter::repeat_n(i as u8, usize::from(t.slots)));
        let slots = stored_slots(tiers, &self.slots, self.fitted.catalogue());
        StrategyRow { shopper, campaign: self.runtime.id, slots, generation, message: 0, at_ms: 0 }
    }
}

impl Koi {
    /// Notes who has a personal strategy, then lets the filter say "no", or its larger one take over.
    async fn note_strategies(&self) {
        const PAGE: u32 = 10_000;
        for runtime in self.open_campaigns() {
            let mut after = ShopperId(0);
            loop {
                match self.parts().shelves.with_strategy(runtime.id, after, PAGE).await {
                    Ok(page) => {
                        let Some(last) = page.last() else { break };
                        after = *last;
                        page.iter().for_each(|shopper| self.strategies().note(*shopper, runtime.id));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the filter of strategies stays incomplete; records are asked instead");
                        return;
                    }
                }
            }
        }
        self.strategies().complete();
    }

    /// Runs the jobs of all open campaigns that are not finished, or that new shoppers have come behind.
    async fn finish_jobs(&self) -> Result<()> {
        for runtime in self.open_campaigns() {
            let cursor = self.parts().shelves.cursor(runtime.id).await?;
            if self.lead_shared(&runtime, cursor).await? {
                continue;
            }
            let next = match cursor {
                Some(done) if done.finished => self.left_behind(done).await?.map(Some),
                unfinished => Some(unfinished),
            };
            if let Some(from) = next {
                self.walk(&runtime, from, &|_, _| ()).await?;
            }
        }
        Ok(())
    }

    /// Where a finished job has to go on. Ids grow with time, so whoever came after the walk stands behind its cursor;
    /// but ids of one millisecond are ordered by partition, so somebody may also have come into records below it: then
    /// the count is short, and the walk starts over, which does no harm.
    pub(super) async fn left_behind(&self, done: JobCursor) -> Result<Option<JobCursor>> {
        let accounts = &self.parts().accounts;
        if !accounts.names(done.after, 1).await?.is_empty() {
            return Ok(Some(JobCursor { finished: false, ..done }));
        }
        if done.done >= accounts.names_count().await? || !self.inner.model.may_walk_again(LOOK_AGAIN) {
            return Ok(None);
        }
        Ok(Some(JobCursor { after: ShopperId(0), done: 0, finished: false, ..done }))
    }

    /// Makes personal strategies now, for one campaign or all that are open, from the start unless a job was
    /// interrupted. `progress` hears how many shoppers are done, of how many.
    pub async fn generate_strategies(
        &self,
        campaign: Option<CampaignId>,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<GenerationView> {
        let open = match campaign {
            Some(id) => vec![self.known_campaign(id).await?],
            None => self.open_campaigns(),
        };
        let mut sum = GenerationView::default();
        for runtime in open {
            let interrupted = self.parts().shelves.cursor(runtime.id).await?;
            let fresh = interrupted.filter(|c| c.finished).map(|c| JobCursor {
                after: ShopperId(0),
                done: 0,
                finished: false,
                ..c
            });
            let cursor = self.walk(&runtime, fresh.or(interrupted), progress).await?;
            sum.done += cursor.done;
            sum.total += cursor.total;
        }
        Ok(sum)
    }

    async fn walk(
        &self,
        runtime: &Arc<Runtime>,
        from: Option<JobCursor>,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<JobCursor> {
        let fitted = self.fitted().await?;
        let total = self.parts().accounts.names_count().await?;
        let mut cursor = match from {
            Some(from) => JobCursor { total, ..from },
            None => {
                JobCursor { campaign: runtime.id, after: ShopperId(0), done: 0, total, generation: 0, finished: false }
            }
        };
        if cursor.after.0 == 0 {
            cursor.generation += 1;
        }
        let activations = || self.inner.model.activations.load(Ordering::Acquire);
        let mut seen = activations();
        let mut composer =
            Composer::new(fitted, runtime.clone(), self.supply_policy(runtime).await?, self.orders_of_prizes())?;
        loop {
            if seen != activations() {
                // Another model was put into service: what was composed so far is by the one before.
                seen = activations();
                composer = Composer::new(
                    self.fitted().await?,
                    runtime.clone(),
                    self.supply_policy(runtime).await?,
                    self.orders_of_prizes(),
                )?;
                cursor = JobCursor { after: ShopperId(0), done: 0, finished: false, ..cursor };
            }
            if cursor.finished {
                return Ok(cursor);
            }
            let page = self.parts().accounts.names(cursor.after, CHUNK).await?;
            cursor.finished = page.len() < CHUNK as usize;
            cursor.done += page.len() as u64;
            cursor.total = cursor.total.max(cursor.done);
            cursor.after = page.last().map_or(cursor.after, |(id, _)| *id);
            let generation = cursor.generation;
            let work = tokio::task::spawn_blocking(move || {
                let mut rows = Vec::with_capacity(page.len());
                for (shopper, _) in page {
                    // Of whom nothing is known nothing personal can be said: they keep the random template.
                    if composer.fitted.knows(shopper) {
                        rows.push(composer.row(shopper, Who::Shopper(shopper), generation));
                    }
                }
                (composer, rows)
            });
            let (back, rows) = work.await.map_err(|_| Error::Unavailable("strategies could not be composed"))?;
            composer = back;
            self.store(rows, cursor).await?;
            metrics::gauge!("koi_generation_done").set(cursor.done as f64);
            metrics::gauge!("koi_generation_total").set(cursor.total as f64);
            progress(cursor.done, cursor.total);
        }
    }

    pub(super) async fn store(&self, mut rows: Vec<StrategyRow>, cursor: JobCursor) -> Result<()> {
        let made: Vec<ShopperId> = rows.iter().map(|r| r.shopper).collect();
        // Their sockets pass nothing on from before the message has its id until it is committed: else a shopper could
        // have seen a higher one, and never resume this.
        let _held = self.parts().notifier.clone().hold(made.clone());
        let (at_ms, one_log) = (self.now_ms(), self.owners().one().is_some());
        // Ids grow per shopper, so all shoppers of one log share one.
        let mut messages: FxHashMap<u8, u64> = FxHashMap::default();
        for row in &mut rows {
            let log = if one_log { 0 } else { row.shopper.partition() };
            row.message = match messages.get(&log) {
                Some(message) => *message,
                None => {
                    let message = self.inner.strategy_ids.make(self.folded(log).await?);
                    messages.insert(log, message);
                    message
                }
            };
            row.at_ms = at_ms;
        }
        metrics::counter!("koi_strategies_total").increment(made.len() as u64);
        self.parts().shelves.put_strategies(rows, cursor).await?;
        for shopper in &made {
            self.strategies().replaced(*shopper, cursor.campaign);
        }
        if let Some(noted) = self.parts().hot.forget_strategies(&made, cursor.campaign) {
            noted.await;
        }
        Ok(())
    }

    /// Composes anew for some of those whose behaviour is newer than their strategy: whom no wish was heard of, since
    /// the queue was full, the process ended, or the behaviour was imported. Returns how many there were.
    async fn refresh_stale(&self) -> Result<usize> {
        let mut stale = FxHashSet::default();
        for runtime in self.open_campaigns() {
            stale.extend(self.parts().shelves.stale(runtime.id, FRONT as u32).await?);
        }
        self.refresh(&stale).await?;
        Ok(stale.len())
    }

    /// Composes anew for shoppers who showed up or behaved, from what they have done by now. Returns those whose
    /// purchases the model in service has not seen all of.
    async fn refresh(&self, shoppers: &FxHashSet<ShopperId>) -> Result<Vec<ShopperId>> {
        let mut histories = Vec::new();
        for shopper in shoppers {
            let behaviours = self.history(*shopper).await?;
            if !behaviours.is_empty() {
                histories.push((*shopper, behaviours));
            }
        }
        if histories.is_empty() {
            return Ok(Vec::new());
        }
        let fitted = self.fitted().await?;
        let unseen = |(shopper, behaviours): &(ShopperId, Vec<_>)| {
            model::is_unseen(&fitted, *shopper, behaviours).then_some(*shopper)
        };
        let unseen: Vec<ShopperId> = histories.iter().filter_map(unseen).collect();
        let histories = Arc::new(histories);
        for runtime in self.open_campaigns() {
            let Some(cursor) = self.parts().shelves.cursor(runtime.id).await? else { continue };
            let policy = self.supply_policy(&runtime).await?;
            let mut composer = Composer::new(fitted.clone(), runtime.clone(), policy, self.orders_of_prizes())?;
            let (histories, now_ms) = (histories.clone(), self.now_ms());
            let asked = histories.clone();
            let work = tokio::task::spawn_blocking(move || {
                let compose = |(shopper, behaviours): &(ShopperId, Vec<_>)| {
                    let history = composer.fitted.history(behaviours, now_ms);
                    composer.row(*shopper, Who::Newer(*shopper, &history), cursor.generation)
                };
                histories.iter().map(compose).collect()
            });
            let rows = work.await.map_err(|_| Error::Unavailable("strategies could not be composed"))?;
            self.store(rows, cursor).await?;
            self.ask_for_orders(&runtime, &asked).await;
        }
        Ok(unseen)
    }
}
