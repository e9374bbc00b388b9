//! All that is kept of one shopper: taken out as a whole, or deleted.
//!
//! Erasing is a record of the ledger: its projection deletes the rows and then the key that opens what the ledger holds
//! sealed. A tombstone is written before, where no backup reaches it, so that a restored backup is erased again before it
//! is served. Counters and stock stay as they are: they name nobody.

use super::Koi;
use crate::command::{Who, Work};
use crate::error::{Error, Result};
use crate::time::rfc3339;
use crate::views::{AddressView, ExportView, Page, PageAsk};
use domain::ids::ShopperId;
use rustc_hash::FxHashSet;

/// Rows of each list in an export.
const ROWS_MAX: usize = 100_000;
/// Rows of one page of it.
const PAGE: u32 = 200;

/// All pages of a list, up to the bound; true where there are more.
async fn all<T, F: Future<Output = Result<Page<T>>>>(fetch: impl Fn(PageAsk) -> F) -> Result<(Vec<T>, bool)> {
    let (mut rows, mut before) = (Vec::new(), None);
    loop {
        let Page { data, next_cursor } = fetch(PageAsk { limit: PAGE, before }).await?;
        rows.extend(data);
        let Some(next) = next_cursor.and_then(|id| id.parse().ok()) else { return Ok((rows, false)) };
        if rows.len() >= ROWS_MAX {
            return Ok((rows, true));
        }
        before = Some(next);
    }
}

impl Koi {
    /// All that is kept of a shopper.
    pub async fn export(&self, external_id: &str) -> Result<ExportView> {
        let shopper = self.known_shopper(external_id).await?;
        let account = self.account(external_id).await?;
        let (events, more_events) = all(|page| self.events_of(external_id, page)).await?;
        let (points, more_points) = all(|page| self.point_entries(shopper, page)).await?;
        let (awards, more_awards) = all(|page| self.awards(shopper, page)).await?;
        let mut truncated = more_events || more_points || more_awards;
        let (mut draws, mut orders, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        for standing in account.campaigns.iter().filter(|standing| standing.name.is_some()) {
            let id = standing.campaign_id;
            let (of_campaign, more) = all(|page| self.draws(id, shopper, page)).await?;
            draws.extend(of_campaign);
            let (made, more_orders) = all(|page| self.orders(id, shopper, page)).await?;
            orders.extend(made);
            truncated |= more || more_orders;
        }
        for award in &awards {
            match self.address(award.id).await {
                Ok(AddressView { award_id, address }) => addresses.push(AddressView { award_id, address }),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let profile = self.profile(external_id).await?;
        let exported_at = rfc3339(self.now_ms());
        Ok(ExportView { exported_at, account, profile, events, points, draws, awards, orders, addresses, truncated })
    }

    /// Deletes all that is kept of a shopper. When this returns it is durable, and no answer shows them any more.
    pub async fn erase(&self, external_id: &str) -> Result<()> {
        let shopper = self.known_shopper(external_id).await?;
        self.parts().registry.bury(shopper).await?;
        self.erase_buried(shopper).await
    }

    /// Erases whoever has a tombstone: all of them where a backup was restored, else those whose erasure was cut short.
    pub async fn erase_all_buried(&self) -> Result<usize> {
        let mut erased = 0;
        for shopper in self.parts().registry.buried().await? {
            let stored = self.parts().accounts.by_ids(&[shopper]).await?;
            if stored.first().is_some_and(|stored| stored.account.erased) {
                continue;
            }
            match self.erase_buried(shopper).await {
                Ok(()) => erased += 1,
                // From before the backup that was restored knew of them.
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(erased)
    }

    /// Deletes what this process keeps for itself of shoppers whom another one erased. `done` holds those that were seen to;
    /// returns how many were new.
    pub async fn forget_buried(&self, done: &mut FxHashSet<ShopperId>) -> Result<usize> {
        let Some(board) = self.board() else { return Ok(0) };
        let buried = self.parts().registry.buried().await?;
        let fresh: Vec<ShopperId> = buried.into_iter().filter(|shopper| !done.contains(shopper)).collect();
        for shopper in &fresh {
            board.store().forget(*shopper).await?;
            self.inner.people.forget(*shopper);
            done.insert(*shopper);
        }
        Ok(fresh.len())
    }

    async fn erase_buried(&self, shopper: ShopperId) -> Result<()> {
        self.ask(Who::Id(shopper), Work::Erase).await?;
        self.parts().notifier.dismiss(Some(shopper));
        self.inner.people.forget(shopper);
        self.forget_in_models();
        for runtime in self.open_campaigns() {
            self.strategies().forget(shopper, runtime.id);
            if let Some(noted) = self.parts().hot.forget_strategies(&[shopper], runtime.id) {
                noted.await;
            }
        }
        self.projected().await;
        if let Some(board) = self.board() {
            board.store().forget(shopper).await?;
        }
        // What the strategist had under way when it did not know yet is deleted too.
        self.parts().registry.scrub(shopper).await?;
        Ok(())
    }
}
