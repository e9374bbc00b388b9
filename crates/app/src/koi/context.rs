//! What a draw needs besides the account, gathered concurrently: the shopper's strategy while the account is loaded.

use super::Koi;
use crate::command::{Who, Work};
use crate::error::Result;
use crate::runtime::Runtime;
use domain::campaign::PrizeIx;
use domain::ids::{CampaignId, ShopperId, mix};
use domain::strategy::{SlotAssign, Source, Strategy};
use fastbloom::AtomicBloomFilter;
use moka::sync::Cache;
use rustc_hash::{FxBuildHasher, FxHashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Strategies kept in memory, most frequently used ones first (TinyLFU admission).
const STRATEGIES: u64 = 200_000;
/// Shoppers with a personal strategy that the filter is sized for; beyond, it only asks records more often.
const FILTERED: usize = 2_000_000;

/// How old a strategy in memory may be where other processes replace it.
const FRESH: Duration = Duration::from_secs(2);

/// A strategy as it is shown and drawn from.
#[derive(Debug)]
pub struct Shown {
    pub strategy: Arc<Strategy>,
    /// Why each slot shows what it shows, where something speaks for it.
    pub reasons: Box<[Option<String>]>,
}

/// The strategies at hand.
pub(super) struct StrategyCache {
    shown: Cache<(ShopperId, CampaignId), Arc<Shown>, FxBuildHasher>,
    /// Who has a personal strategy; says "no" without asking records once `complete`.
    personal: AtomicBloomFilter,
    complete: AtomicBool,
    others_compose: bool,
    /// Campaigns that were warmed before their start, with the version of their rules; few, and never taken out.
    warmed: Mutex<FxHashSet<(CampaignId, u32)>>,
}

impl StrategyCache {
    /// `others_compose`: other processes replace strategies too, so that none is known to be the newest for long, and
    /// nobody is known to have none.
    pub fn new(others_compose: bool) -> Self {
        let shown = Cache::builder().max_capacity(STRATEGIES);
        let shown = if others_compose { shown.time_to_live(FRESH) } else { shown };
        Self {
            shown: shown.build_with_hasher(FxBuildHasher),
            others_compose,
            personal: AtomicBloomFilter::with_false_pos(0.01).expected_items(FILTERED),
            complete: AtomicBool::new(false),
            warmed: Mutex::default(),
        }
    }
}

fn pair(shopper: ShopperId, campaign: CampaignId) -> u64 {
    mix(shopper.0) ^ campaign.0
}

impl StrategyCache {
    /// Notes that a shopper has a new personal strategy: the next draw sees it, a running one keeps what it has.
    pub fn replaced(&self, shopper: ShopperId, campaign: CampaignId) {
        self.personal.insert(&pair(shopper, campaign));
        self.shown.invalidate(&(shopper, campaign));
    }

    /// Forgets a shopper's strategy.
    pub fn forget(&self, shopper: ShopperId, campaign: CampaignId) {
        self.shown.invalidate(&(shopper, campaign));
    }

    /// Notes who has one already; `complete` once all are noted.
    pub fn note(&self, shopper: ShopperId, campaign: CampaignId) {
        self.personal.insert(&pair(shopper, campaign));
    }

    /// Whether a campaign was not warmed before in this version; from now on it was.
    pub fn begin_warming(&self, campaign: CampaignId, rules: u32) -> bool {
        self.warmed.lock().unwrap_or_else(PoisonError::into_inner).insert((campaign, rules))
    }

    pub fn is_warm(&self, campaign: CampaignId, rules: u32) -> bool {
        self.warmed.lock().unwrap_or_else(PoisonError::into_inner).contains(&(campaign, rules))
    }

    pub fn complete(&self) {
        self.complete.store(true, Ordering::Release);
    }

    fn surely_none(&self, shopper: ShopperId, campaign: CampaignId) -> bool {
        !self.others_compose
            && self.complete.load(Ordering::Acquire)
            && !self.personal.contains(&pair(shopper, campaign))
    }
}

impl Koi {
    /// The shopper's strategy in a campaign. When it is not at hand, records are asked while the owner loads the
    /// account, so the slower of both decides and not their sum.
    pub(super) async fn context(&self, runtime: &Runtime, shopper: ShopperId) -> Result<Arc<Shown>> {
        let cache = &self.inner.strategies;
        let key = (shopper, runtime.id);
        if let Some(shown) = cache.shown.get(&key)
            && shown.strategy.fits(&runtime.rules)
        {
            return Ok(shown);
        }
        if cache.surely_none(shopper, runtime.id) {
            return Ok(self.template(runtime, shopper));
        }
        let stored = self.parts().shelves.strategy(shopper, runtime.id);
        let stored = if self.owners().are_here(shopper.partition()) {
            let (stored, _warm) = tokio::join!(stored, self.ask(Who::Id(shopper), Work::Look));
            stored?
        } else {
            stored.await?
        };
        let Some(row) = stored else { return Ok(self.template(runtime, shopper)) };
        let Some(shown) = parse(&row.slots, row.generation).filter(|s| s.strategy.fits(&runtime.rules)) else {
            return Ok(self.template(runtime, shopper));
        };
        let shown = Arc::new(shown);
        cache.shown.insert(key, shown.clone());
        Ok(shown)
    }

    /// The random template; whoever gets it is moved to the front of the job.
    fn template(&self, runtime: &Runtime, shopper: ShopperId) -> Arc<Shown> {
        self.parts().wishes.shopper(shopper);
        let strategy = Arc::new(runtime.rules.random_strategy(shopper));
        let shown = Arc::new(Shown { strategy, reasons: Box::new([]) });
        self.inner.strategies.shown.insert((shopper, runtime.id), shown.clone());
        shown
    }

    pub(super) fn strategies(&self) -> &StrategyCache {
        &self.inner.strategies
    }
}

/// The stored form of composed slots, whose tiers are given in the slots' order.
pub fn stored_slots(
    tiers: impl Iterator<Item = u8>,
    slots: &[recommend::compose::Slot],
    catalogue: &recommend::catalogue::Catalogue,
) -> String {
    let slots: Vec<_> =
        tiers.zip(slots).map(|(tier, slot)| (tier, slot.prize, slot.reason.map(|r| r.text(catalogue)))).collect();
    format(&slots)
}

/// The stored form of slots: `[[tier, prize, reason or null], …]`.
fn format(slots: &[(u8, u16, Option<String>)]) -> String {
    serde_json::to_string(slots).expect("invariant: numbers and texts can be written")
}

fn parse(text: &str, generation: u32) -> Option<Shown> {
    let slots: Vec<(u8, u16, Option<String>)> = serde_json::from_str(text).ok()?;
    let strategy = Strategy {
        source: Source::Personal,
        slots: slots.iter().map(|(tier, prize, _)| SlotAssign { tier: *tier, prize: PrizeIx(*prize) }).collect(),
        generation,
    };
    Some(Shown { strategy: Arc::new(strategy), reasons: slots.into_iter().map(|(_, _, reason)| reason).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_slots_are_read_back() {
        let slots = vec![(0, 3, Some("you bought it 2 times".to_owned())), (1, 0, None)];
        let shown = parse(&format(&slots), 4).expect("readable");
        assert_eq!(shown.strategy.generation, 4);
        assert_eq!(shown.strategy.slots[0], SlotAssign { tier: 0, prize: PrizeIx(3) });
        assert_eq!(shown.reasons[0].as_deref(), Some("you bought it 2 times"));
        assert!(parse("[[1]]", 0).is_none(), "damage is not a strategy");
    }
}
