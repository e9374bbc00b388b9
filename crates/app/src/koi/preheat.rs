//! Warming a campaign shortly before it starts, so that its first shoppers do not pay for everyone's cold caches: personal
//! strategies come into the cache and accounts into the owner's memory. Losing it costs speed, never truth.

use super::Koi;
use crate::error::Result;
use crate::runtime::Runtime;
use domain::campaign::State;
use domain::ids::ShopperId;
use std::sync::Arc;

/// How long before its start a campaign is warmed.
const AHEAD_MS: i64 = 5 * 60_000;
/// Shoppers warmed per campaign: a tenth of the cache, so that running campaigns keep theirs.
const SHOPPERS: usize = 20_000;
/// Shoppers asked of records at a time.
const PAGE: u32 = 1_000;

impl Koi {
    fn starting(&self) -> Vec<Arc<Runtime>> {
        let now_ms = self.now_ms();
        let soon = |runtime: &Arc<Runtime>| {
            runtime.state_at(now_ms) == State::Scheduled
                && runtime.rules.starts_at_ms.saturating_sub(now_ms) <= AHEAD_MS
        };
        self.open_campaigns().into_iter().filter(soon).collect()
    }

    /// Whether a campaign starts soon that was not warmed in its present version.
    pub(super) fn starts_soon(&self) -> bool {
        self.starting().iter().any(|runtime| !self.strategies().is_warm(runtime.id, runtime.rules.version))
    }

    /// Warms what starts soon. Returns for how many shoppers, once per version of a campaign's rules.
    pub async fn preheat(&self) -> Result<usize> {
        let mut warmed = 0;
        for runtime in self.starting() {
            if !self.strategies().begin_warming(runtime.id, runtime.rules.version) {
                continue;
            }
            let shoppers = self.warm(&runtime).await?;
            tracing::info!(campaign = %runtime.id, shoppers, "a campaign that starts soon is warm");
            warmed += shoppers;
        }
        Ok(warmed)
    }

    async fn warm(&self, runtime: &Runtime) -> Result<usize> {
        let (mut after, mut warmed) = (ShopperId(0), 0);
        while warmed < SHOPPERS {
            let page = self.parts().shelves.with_strategy(runtime.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = *last;
            for shopper in page {
                // Loads strategy, profile and account at once, as a draw would.
                self.gather(runtime, shopper).await?;
                warmed += 1;
            }
        }
        Ok(warmed)
    }
}
