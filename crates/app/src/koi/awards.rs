//! Awards: what shoppers see and claim, and what moves them from behind.

use super::Koi;
use super::lists::{merge, prize_view};
use crate::command::{Reply, Who, Work};
use crate::error::{Error, Result};
use crate::keys::review_key;
use crate::ports::Delivery;
use crate::rows::AwardRow;
use crate::seal::{open, seal};
use crate::time::rfc3339;
use crate::views::{AddressView, AwardView, Page, PageAsk, ShopAwardView};
use domain::award::{AwardEvent, AwardState};
use domain::campaign::{Prize, PrizeIx, PrizeKind};
use domain::ids::{AwardId, ItemId, ShopperId};
use rustc_hash::FxHashMap;

impl Koi {
    /// A shopper's awards, newest first, each with its coupon code where it has one.
    pub async fn awards(&self, shopper: ShopperId, page: PageAsk) -> Result<Page<AwardView>> {
        let (_, tail) = self.tail(shopper).await?;
        let before = page.before.unwrap_or(u64::MAX);
        let stored = self.parts().lists.awards(shopper, before.min(i64::MAX as u64), page.limit + 1).await?;
        let fresh = tail.awards.into_iter().filter(|a| a.id.0 < before);
        let (rows, next_cursor) = merge(fresh, stored, page.limit, |a| a.id.0);
        let rows: Vec<AwardRow> = rows.into_iter().map(|row| row.after(&tail.award_moves)).collect();
        Ok(Page { data: self.own_views(&rows).await?, next_cursor })
    }

    /// Awards as their own shopper sees them.
    async fn own_views(&self, rows: &[AwardRow]) -> Result<Vec<AwardView>> {
        let has_code = |row: &&AwardRow| {
            matches!(row.state, AwardState::Granted | AwardState::Claimed)
                && self.prize_of(row).is_some_and(|(_, prize)| prize.kind == PrizeKind::Coupon)
        };
        let with_codes: Vec<AwardId> = rows.iter().filter(has_code).map(|row| row.id).collect();
        let mut codes: FxHashMap<AwardId, String> = FxHashMap::default();
        if !with_codes.is_empty() {
            codes.extend(self.dispatch().coupons.of_awards(&with_codes).await?);
        }
        let view = |row: &AwardRow| {
            let mut view = self.award_view(row)?;
            view.coupon_code = codes.remove(&row.id);
            Some(view)
        };
        Ok(rows.iter().filter_map(view).collect())
    }

    /// An award as anybody may see it: without its coupon code.
    pub(crate) fn award_view(&self, row: &AwardRow) -> Option<AwardView> {
        let bought = row.order.map(|_| ItemId(row.campaign.0));
        let prize = match bought {
            Some(_) => self.prize_of(row).map(|(_, prize)| prize.into())?,
            None => prize_view(&*self.runtime(row.campaign)?, PrizeIx(row.prize)),
        };
        Some(AwardView {
            id: row.id,
            state: row.state,
            campaign_id: bought.is_none().then_some(row.campaign),
            draw_id: (row.draw.0 != 0).then_some(row.draw),
            item_id: bought,
            order_id: row.order,
            held: row.held && row.state.is_open(),
            prize,
            points: (row.points > 0).then_some(row.points),
            claim_by: row.claim_by_ms.map(rfc3339),
            coupon_code: None,
            at: rfc3339(row.at_ms),
        })
    }

    /// The prize of an award and its currency.
    pub(crate) fn prize_of(&self, row: &AwardRow) -> Option<(Box<str>, Prize)> {
        if row.order.is_some() {
            let item = self.item(ItemId(row.campaign.0))?;
            return Some((item.def.currency.as_str().into(), item.prize()?));
        }
        let runtime = self.runtime(row.campaign)?;
        let prize = runtime.rules.prizes.get(PrizeIx(row.prize).ix())?.clone();
        Some((runtime.rules.currency.clone(), prize))
    }

    /// A shopper's award as it stands in the ledger, unprojected records included.
    pub(crate) async fn award(&self, shopper: ShopperId, award: AwardId) -> Result<AwardRow> {
        let (_, tail) = self.tail(shopper).await?;
        let fresh = tail.awards.iter().find(|a| a.id == award).cloned();
        let row = match fresh {
            Some(row) => row,
            None => self.parts().lists.award(shopper, award).await?.ok_or(Error::no_award())?,
        };
        Ok(row.after(&tail.award_moves))
    }

    /// Claims an award; claiming it again shows it claimed. An address (JSON) is stored, sealed, before the claim is.
    pub async fn claim(&self, shopper: ShopperId, award: AwardId, address: Option<String>) -> Result<AwardView> {
        let row = self.award(shopper, award).await?;
        if let Some(address) = &address {
            let goods = self.prize_of(&row).is_some_and(|(_, prize)| prize.kind == PrizeKind::Goods);
            if !goods {
                return Err(Error::invalid("address_misplaced", "address", "only goods are sent to an address"));
            }
            self.store_address(&row, address).await?;
        }
        let state = match row.state {
            AwardState::Granted => self.move_award(&row, AwardEvent::Claim).await?,
            AwardState::Claimed => row.state,
            other => return Err(Error::not_claimable(other)),
        };
        let views = self.own_views(&[AwardRow { state, ..row }]).await?;
        views.into_iter().next().ok_or(Error::no_award())
    }

    async fn store_address(&self, row: &AwardRow, address: &str) -> Result<()> {
        let stored = self.address_text(row.id, row.shopper).await?;
        match (row.state, stored) {
            (_, Some(stored)) if stored == address => return Ok(()),
            (AwardState::Granted, _) | (AwardState::Claimed, None) => {}
            (AwardState::Claimed, Some(_)) => {
                let detail = "the award is claimed; the address that it was claimed with stands".into();
                return Err(Error::Conflict { code: "award_claimed", detail });
            }
            (other, _) => return Err(Error::not_claimable(other)),
        }
        let keys = self.parts().registry.sealing_keys(&[row.shopper]).await?;
        let key = keys.first().ok_or(Error::Unavailable("the shopper's key cannot be read"))?;
        Ok(self.dispatch().awards.put_address(row.id, row.shopper, &seal(key, address.as_bytes())).await?)
    }

    async fn address_text(&self, award: AwardId, shopper: ShopperId) -> Result<Option<String>> {
        let Some(sealed) = self.dispatch().awards.address(award).await? else { return Ok(None) };
        // Without the shopper's key the shopper was erased, and the address with it.
        let keys = self.parts().registry.opening_keys(&[shopper]).await?;
        let Some((_, key)) = keys.first() else { return Ok(None) };
        let text = open(key, &sealed).and_then(|bytes| String::from_utf8(bytes).ok());
        text.map(Some).ok_or(Error::Unavailable("stored data cannot be read"))
    }

    /// An award as the shop's server sees it, whoever won it.
    pub async fn shop_award(&self, award: AwardId) -> Result<ShopAwardView> {
        let row = self.dispatch().awards.find(award).await?.ok_or(Error::no_award())?;
        let row = self.award(row.shopper, award).await?;
        let accounts = self.parts().accounts.by_ids(&[row.shopper]).await?;
        let shopper = accounts.first().map(|a| a.account.external_id.clone()).unwrap_or_default();
        Ok(ShopAwardView { shopper, award: self.award_view(&row).ok_or(Error::no_award())? })
    }

    /// A shopper's awards as the shop's server sees them: without coupon codes.
    pub async fn shop_awards(&self, external_id: &str, page: PageAsk) -> Result<Page<AwardView>> {
        let shopper = self.find_shopper(external_id).await?.ok_or_else(Error::no_shopper)?;
        let mut page = self.awards(shopper, page).await?;
        page.data.iter_mut().for_each(|view| view.coupon_code = None);
        Ok(page)
    }

    /// Where the shop is to send an award.
    pub async fn address(&self, award: AwardId) -> Result<AddressView> {
        const NONE: Error = Error::NotFound { code: "address_unknown", detail: "the award has no address" };
        let row = self.dispatch().awards.find(award).await?.ok_or(Error::no_award())?;
        let text = self.address_text(award, row.shopper).await?.ok_or(NONE)?;
        let address = serde_json::from_str(&text).map_err(|_| Error::Unavailable("stored data cannot be read"))?;
        Ok(AddressView { award_id: award, address })
    }

    /// Awards that the risk rule holds back, newest first.
    pub async fn held_awards(&self, page: PageAsk) -> Result<Page<ShopAwardView>> {
        self.projected().await;
        let before = page.before.unwrap_or(u64::MAX).min(i64::MAX as u64);
        let rows = self.dispatch().awards.held(before, page.limit + 1).await?;
        let (rows, next_cursor) = merge(Vec::new(), rows, page.limit, |row| row.id.0);
        let shoppers: Vec<ShopperId> = rows.iter().map(|row| row.shopper).collect();
        let names = self.parts().accounts.by_ids(&shoppers).await?;
        let view = |row: &AwardRow| {
            let found = names.iter().find(|stored| stored.account.id == row.shopper);
            let shopper = found.map(|stored| stored.account.external_id.clone()).unwrap_or_default();
            Some(ShopAwardView { shopper, award: self.award_view(row)? })
        };
        Ok(Page { data: rows.iter().filter_map(view).collect(), next_cursor })
    }

    /// Decides about an award that the risk rule held back: it is given, or it ends. Deciding so again changes nothing.
    pub async fn review_award(&self, award: AwardId, approve: bool) -> Result<ShopAwardView> {
        let found = match self.dispatch().awards.find(award).await? {
            Some(row) => Some(row),
            None => {
                self.projected().await;
                self.dispatch().awards.find(award).await?
            }
        };
        let row = found.ok_or(Error::no_award())?;
        if row.birth != AwardState::Granting || row.order.is_some() {
            return Err(Error::Conflict { code: "award_not_held", detail: "nothing holds this award back".into() });
        }
        if !row.held {
            // Decided before, or never held: its key tells which, where it was.
            let reviewed = self.parts().accounts.key(row.shopper, review_key(award)).await?;
            if reviewed.is_none() {
                return Err(Error::Conflict { code: "award_not_held", detail: "nothing holds this award back".into() });
            }
        }
        let (campaign, prize, points) = (row.campaign, row.prize, row.points);
        self.ask(Who::Id(row.shopper), Work::ReviewAward { award, campaign, prize, points, approve }).await?;
        self.projected().await;
        self.dispatch().subscriptions.nudge();
        self.shop_award(award).await
    }

    /// Lets the owner move an award; gives where it stands then.
    pub(crate) async fn move_award(&self, row: &AwardRow, event: AwardEvent) -> Result<AwardState> {
        let claim_days = self.prize_of(row).and_then(|(_, prize)| prize.claim_days);
        let (award, birth, claim_by_ms) = (row.id, row.birth, row.claim_by_ms);
        let work = Work::MoveAward { award, birth, event, claim_days, claim_by_ms };
        match self.ask(Who::Id(row.shopper), work).await? {
            Reply::Award { state, moved, .. } => {
                if moved {
                    metrics::counter!("koi_awards_moved_total", "to" => state.word()).increment(1);
                }
                Ok(state)
            }
            _ => Err(Error::Unavailable("the owner answered something else")),
        }
    }

    /// The same for the award that a delivery is to fulfil.
    pub(crate) async fn move_open_award(&self, delivery: &Delivery, event: AwardEvent) -> Result<AwardState> {
        let award = delivery.new.award.ok_or(Error::no_award())?;
        let row = self.award(delivery.new.shopper, award).await?;
        self.move_award(&row, event).await
    }
}
