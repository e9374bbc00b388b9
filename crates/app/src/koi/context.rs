//! Shoppers' strategies: at hand in memory, else from a node that had them lately, else from records.

use super::Koi;
use super::composition::arm_of;
use crate::error::Result;
use crate::filter::{Asked, Filter};
use crate::ports::HotStrategy;
use crate::runtime::Runtime;
use domain::campaign::PrizeIx;
use domain::ids::{CampaignId, ShopperId, mix};
use domain::strategy::{SlotAssign, Source, Strategy};
use moka::sync::Cache;
use recommend::supply::Arm;
use rustc_hash::{FxBuildHasher, FxHashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Strategies kept in memory, most frequently used ones first (TinyLFU admission).
const STRATEGIES: u64 = 200_000;
/// Shoppers with a personal strategy that the filter has room for at first.
const FILTERED: usize = 2_000_000;

/// How old a strategy in memory may be where other processes replace it and could not say so; else it is forgotten at once.
/// Two seconds, as it was, made nearly every draw of a crowd ask the records.
const FRESH: Duration = Duration::from_secs(30);

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
    /// Who has a personal strategy.
    personal: Filter,
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
            personal: Filter::new(Asked::HasStrategy, FILTERED),
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

    /// All are noted: from here on the filter says "no".
    pub fn complete(&self) {
        self.personal.complete();
    }

    /// The filter of who has one.
    pub fn filter(&self) -> &Filter {
        &self.personal
    }

    fn surely_none(&self, shopper: ShopperId, campaign: CampaignId) -> bool {
        !self.others_compose && self.personal.surely_without(&pair(shopper, campaign))
    }
}

impl Koi {
    /// The shopper's strategy in a campaign as far as it is at hand.
    pub(super) fn shown_at_hand(&self, runtime: &Runtime, shopper: ShopperId) -> Option<Arc<Shown>> {
        let cache = &self.inner.strategies;
        let shown = cache.shown.get(&(shopper, runtime.id)).filter(|shown| shown.strategy.fits(&runtime.rules));
        if shown.is_none() && arm_of(&runtime.rules, shopper) == Arm::Random {
            // Whatever is stored from before there were arms.
            return Some(self.random(runtime, shopper));
        }
        if shown.is_none() && cache.surely_none(shopper, runtime.id) {
            return Some(self.template(runtime, shopper));
        }
        shown
    }

    /// The shopper's strategy in a campaign: from a node that had it lately, else from records.
    pub(super) async fn fetch_shown(&self, runtime: &Runtime, shopper: ShopperId) -> Result<Arc<Shown>> {
        let (hot, fits) = (&self.parts().hot, |shown: &Shown| shown.strategy.fits(&runtime.rules));
        let near = hot.strategy(shopper, runtime.id).await;
        let near = near.and_then(|near| parse(&near.slots, near.generation)).filter(fits);
        let shown = match near {
            Some(shown) => shown,
            None => {
                let stored = self.parts().shelves.strategy(shopper, runtime.id).await?;
                let Some(row) = stored else {
                    self.inner.strategies.personal.was_wrong();
                    return Ok(self.template(runtime, shopper));
                };
                let Some(shown) = parse(&row.slots, row.generation).filter(fits) else {
                    return Ok(self.template(runtime, shopper));
                };
                let (slots, generation, at_ms) = (row.slots, row.generation, row.at_ms);
                drop(hot.keep_strategy(shopper, runtime.id, &HotStrategy { slots, generation, at_ms }));
                shown
            }
        };
        let shown = Arc::new(shown);
        self.inner.strategies.shown.insert((shopper, runtime.id), shown.clone());
        Ok(shown)
    }

    /// The random template; whoever gets it is moved to the front of the job.
    fn template(&self, runtime: &Runtime, shopper: ShopperId) -> Arc<Shown> {
        self.parts().wishes.shopper(shopper);
        self.random(runtime, shopper)
    }

    fn random(&self, runtime: &Runtime, shopper: ShopperId) -> Arc<Shown> {
        let strategy = Arc::new(runtime.rules.random_strategy(shopper));
        let shown = Arc::new(Shown { strategy, reasons: Box::new([]) });
        self.inner.strategies.shown.insert((shopper, runtime.id), shown.clone());
        shown
    }

    /// Another node has composed strategies of these shoppers: those at hand are old ones.
    pub(crate) fn forget_composed<'a>(&self, shoppers: impl Iterator<Item = &'a ShopperId>) {
        let open = self.open_campaigns();
        for shopper in shoppers {
            open.iter().for_each(|runtime| self.inner.strategies.forget(*shopper, runtime.id));
        }
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

/// Reads the stored form back.
pub(super) fn parse(text: &str, generation: u32) -> Option<Shown> {
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
