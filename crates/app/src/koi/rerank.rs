//! Prizes in an adviser's order: asked for whoever shows up or behaves, taken into the strategy when the answer comes.
//!
//! The local strategy is there at once and stays where no answer comes. An order changes which prizes are shown within
//! their tiers, never the tiers' odds.

use super::Koi;
use super::strategist::Composer;
use crate::advise::board::{AnalystAnswer, NotTaken, PrizeTold, RankQuestion, Taken};
use crate::advise::{rank, redact};
use crate::error::{Error, Result};
use crate::runtime::Runtime;
use domain::behaviour::Behaviour;
use domain::campaign::PrizeKind;
use domain::ids::{CampaignId, ShopperId};
use moka::sync::Cache;
use recommend::fit::Who;
use recommend::text::Language;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Shoppers of one refresh who are asked about; the others keep what the local models say.
const SHOPPERS_MAX: usize = 64;
/// Prizes that are told; a campaign with more is left to the local models.
const PRIZES_MAX: usize = 24;
/// Orders that are remembered, so that a strategy made anew keeps them, and for how long.
const ORDERS_MAX: u64 = 100_000;
const ORDERS_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Questions to a language model under way at once, and how long one may take.
const AT_ONCE: usize = 2;
const WITHIN: Duration = Duration::from_secs(20);

/// Who is asked for orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrdersFrom {
    pub language_model: bool,
    /// Whoever reads the topic of questions.
    pub analyst: bool,
}

/// Orders by shopper and campaign: places of prizes, most wanted first.
pub(super) type Orders = Cache<(ShopperId, CampaignId), Arc<[u16]>>;

/// What is known of orders.
pub(super) struct Ranking {
    pub orders: Orders,
    turns: Arc<Semaphore>,
}

impl Default for Ranking {
    fn default() -> Self {
        let orders = Cache::builder().max_capacity(ORDERS_MAX).time_to_live(ORDERS_KEPT).build();
        Self { orders, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// A campaign's prizes as an adviser sees them: those that somebody may want for what they are.
fn told(runtime: &Runtime) -> Vec<PrizeTold> {
    let wanted = |prize: &&domain::campaign::Prize| !matches!(prize.kind, PrizeKind::Points { .. } | PrizeKind::None);
    let one = |prize: &domain::campaign::Prize| PrizeTold {
        code: prize.code.to_string(),
        name: redact::name(&prize.name),
        category: redact::name(&prize.category),
        price: redact::band(prize.value_cents).to_owned(),
    };
    runtime.rules.prizes.iter().filter(wanted).map(one).collect()
}

impl Koi {
    /// Asks for orders from now on; the first call counts.
    pub fn take_orders_from(&self, from: OrdersFrom) {
        _ = self.inner.orders_from.set(from);
    }

    /// Asks for the orders of some shoppers in a campaign, where anybody is asked at all. Waits for no answer.
    pub(super) async fn ask_for_orders(&self, runtime: &Arc<Runtime>, histories: &[(ShopperId, Vec<Behaviour>)]) {
        let from = self.inner.orders_from.get().copied().unwrap_or_default();
        let prizes = told(runtime);
        if from == OrdersFrom::default() || !(2..=PRIZES_MAX).contains(&prizes.len()) {
            return;
        }
        let language = Language::of(prizes.iter().map(|prize| prize.name.as_str()));
        let now_ms = self.now_ms();
        let questions: Vec<RankQuestion> = histories
            .iter()
            .take(SHOPPERS_MAX)
            .map(|(shopper, behaviours)| RankQuestion {
                shopper: *shopper,
                campaign: runtime.id,
                language,
                bought: redact::lines(behaviours, now_ms),
                prizes: prizes.clone(),
            })
            .filter(|question| !question.bought.is_empty())
            .collect();
        if let (true, Some(board)) = (from.analyst, self.board())
            && let Err(error) = board.ask_for_orders(&questions).await
        {
            tracing::warn!(%error, "no orders were asked for");
        }
        if from.language_model {
            questions.into_iter().for_each(|question| self.rank_meanwhile(question));
        }
    }

    /// Asks the language model beside everything else; where its turns are taken, the question is dropped.
    fn rank_meanwhile(&self, question: RankQuestion) {
        let Some(model) = self.language_model().cloned() else { return };
        let Ok(turn) = self.inner.ranking.turns.clone().try_acquire_owned() else { return };
        let koi = self.clone();
        tokio::spawn(async move {
            let _turn = turn;
            match rank::rank(&*model, &question, WITHIN).await {
                Ok(codes) => {
                    if let Err(error) = koi.take_order(question.shopper, question.campaign, &codes).await {
                        tracing::debug!(%error, "an order came for nothing");
                    }
                }
                Err(silence) => tracing::debug!(%silence, "the local strategy stays"),
            }
        });
    }

    /// Takes an analyst's answer: checked, kept, and brought to effect.
    pub async fn take_answer(&self, answer: &AnalystAnswer) -> Result<std::result::Result<Taken, NotTaken>> {
        let board = self.board().ok_or(Error::Unavailable("the topics of advice are not open"))?;
        let taken = board.take(answer).await?;
        if let Ok(Taken::Order { shopper, campaign, codes }) = &taken {
            match self.take_order(*shopper, *campaign, codes).await {
                // The campaign is over, or the shopper was erased: the answer is kept and comes to nothing.
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// Composes a shopper's strategy anew, its prizes in this order.
    async fn take_order(&self, shopper: ShopperId, campaign: CampaignId, codes: &[String]) -> Result<()> {
        let runtime = self.known_campaign(campaign).await?;
        let place = |code: &String| runtime.rules.prizes.iter().position(|prize| *prize.code == **code);
        let order: Arc<[u16]> = codes.iter().filter_map(|code| u16::try_from(place(code)?).ok()).collect();
        let known = self.parts().accounts.by_ids(&[shopper]).await?;
        if known.first().is_none_or(|stored| stored.account.erased) {
            return Err(Error::no_shopper());
        }
        self.inner.ranking.orders.insert((shopper, campaign), order);
        let behaviours = self.history(shopper).await?;
        let Some(cursor) = self.parts().shelves.cursor(campaign).await? else { return Err(Error::no_campaign()) };
        let (fitted, policy) = (self.fitted().await?, self.supply_policy(&runtime).await?);
        let now_ms = self.now_ms();
        let mut composer = Composer::new(fitted.clone(), runtime, policy, Some(self.inner.ranking.orders.clone()))?;
        let work = tokio::task::spawn_blocking(move || {
            let history = fitted.history(&behaviours, now_ms);
            composer.row(shopper, Who::Newer(shopper, &history), cursor.generation)
        });
        let row = work.await.map_err(|_| Error::Unavailable("the strategy could not be composed"))?;
        self.store(vec![row], cursor).await?;
        metrics::counter!("koi_orders_taken_total").increment(1);
        Ok(())
    }

    /// The orders that strategies follow, where any are asked for.
    pub(super) fn orders_of_prizes(&self) -> Option<Orders> {
        self.inner.orders_from.get().filter(|from| **from != OrdersFrom::default())?;
        Some(self.inner.ranking.orders.clone())
    }
}
