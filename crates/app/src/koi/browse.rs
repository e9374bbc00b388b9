//! What operators look through: shoppers, and draws, awards and orders of all of them.

use super::Koi;
use super::context::parse;
use super::lists::prize_view;
use super::orders::shown_of;
use crate::error::{Error, Result};
use crate::ports::{RowFilter, Scanned, ShopperFilter, Span};
use crate::precondition::person_tag;
use crate::rows::draw_in;
use crate::time::rfc3339;
use crate::views::{
    AccountView, BlacklistView, Chances, DeskDrawView, DeskOrderView, EventView, Page, PageAsk, RiskView,
    ShopAwardView, ShopperRow, ShopperStrategyView, StandingView, StrategyRowView,
};
use domain::account::Account;
use domain::behaviour::Behaviour;
use domain::ids::{CampaignId, ShopperId};
use rustc_hash::FxHashMap;
use serde_json::value::RawValue;

const UNREADABLE: Error = Error::Unavailable("stored data cannot be read");

/// Which rows of all shoppers; prizes and shoppers as callers name them.
#[derive(Debug, Clone, Default)]
pub struct RowAsk {
    pub filter: RowFilter,
    pub shopper: Option<String>,
    /// A prize's code.
    pub prize: Option<String>,
    pub oldest_first: bool,
}

fn span(page: PageAsk, oldest_first: bool) -> Span {
    Span { behind: page.before, limit: page.limit, oldest_first }
}

fn page<T>(data: Vec<T>, behind: Option<u64>) -> Page<T> {
    Page { data, next_cursor: behind.map(|id| id.to_string()) }
}

fn blacklists(account: &Account) -> Vec<BlacklistView> {
    account.bans.iter().map(|ban| BlacklistView::of(&account.external_id, ban.campaign, Some(ban))).collect()
}

impl Koi {
    /// Shoppers, the newest first unless the oldest is to be.
    pub async fn shoppers(&self, filter: &ShopperFilter, oldest_first: bool, ask: PageAsk) -> Result<Page<ShopperRow>> {
        self.projected().await;
        let Scanned { rows, behind } = self.parts().browse.shoppers(filter, span(ask, oldest_first)).await?;
        let mut data = Vec::with_capacity(rows.len());
        for stored in rows {
            let account = stored.account;
            let person = self.parts().registry.person(account.id).await?;
            data.push(ShopperRow {
                id: account.id,
                name: person.and_then(|person| person.name),
                registered_at: rfc3339(account.registered_at_ms),
                points: account.points,
                draws: account.enrolments.iter().map(|e| e.used).sum(),
                risk_score: account.watch.score,
                blacklist: blacklists(&account),
                external_id: account.external_id,
            });
        }
        Ok(page(data, behind))
    }

    /// The id of a shopper that is known.
    pub async fn known_shopper(&self, external_id: &str) -> Result<ShopperId> {
        self.find_shopper(external_id).await?.ok_or_else(Error::no_shopper)
    }

    /// A shopper's account as it is now.
    pub async fn account(&self, external_id: &str) -> Result<AccountView> {
        let id = self.known_shopper(external_id).await?;
        let (seen, person) = tokio::join!(self.look(id), self.parts().registry.person(id));
        let (seen, person) = (seen?, person?.unwrap_or_default());
        let account = &seen.account;
        let standing = |e: &domain::account::Enrolment| {
            let runtime = self.runtime(e.campaign);
            let today = runtime.as_ref().map_or(i32::MIN, |r| r.rules.local_day(seen.now_ms).number);
            let left = e.left_at(seen.now_ms);
            StandingView {
                campaign_id: e.campaign,
                name: runtime.as_ref().map(|r| r.rules.name.to_string()),
                state: runtime.as_ref().map(|r| r.state_at(seen.now_ms)),
                chances: Chances {
                    granted: e.granted,
                    used: e.used,
                    left,
                    expired: e.expired + e.left() - left,
                    taken_back: e.taken_back,
                },
                drawn_today: e.drawn_on(today),
                spend_cents: e.tally.spend_cents,
                streak: if e.signed_in >= Some(today.saturating_sub(1)) { e.streak } else { 0 },
                referred: e.referred,
            }
        };
        Ok(AccountView {
            id,
            external_id: external_id.to_owned(),
            etag: person_tag(&person, account.registered_at_ms),
            name: person.name,
            registered_at: rfc3339(account.registered_at_ms),
            attributes: serde_json::from_str(&person.attributes).unwrap_or_default(),
            points: account.points,
            held: account.purse.held(),
            risk: RiskView::of(external_id, &account.watch),
            blacklist: blacklists(account),
            campaigns: account.enrolments.iter().map(standing).collect(),
        })
    }

    /// What a shopper did, newest first.
    pub async fn events_of(&self, external_id: &str, ask: PageAsk) -> Result<Page<EventView>> {
        let id = self.known_shopper(external_id).await?;
        self.projected().await;
        // The cursor counts: behaviours have no id of ours.
        let skip = ask.before.unwrap_or(0);
        let mut texts = self.parts().browse.behaviours(id, skip, ask.limit + 1).await?;
        let more = texts.len() > ask.limit as usize;
        texts.truncate(ask.limit as usize);
        let data = texts.iter().map(|text| event(text)).collect::<Result<Vec<_>>>()?;
        Ok(page(data, more.then(|| skip + u64::from(ask.limit))))
    }

    /// Which prizes a shopper sees in a campaign, and why.
    pub async fn strategy_of(&self, id: CampaignId, external_id: &str) -> Result<ShopperStrategyView> {
        let shopper = self.known_shopper(external_id).await?;
        let me = self.me(id, shopper).await?;
        let stored = match me.strategy.source {
            "personal" => self.parts().shelves.strategy(shopper, id).await?,
            _ => None,
        };
        Ok(ShopperStrategyView {
            campaign_id: id,
            shopper: external_id.to_owned(),
            source: me.strategy.source,
            generation: stored.as_ref().map_or(0, |row| row.generation),
            ready_at: stored.filter(|row| row.at_ms > 0).map(|row| rfc3339(row.at_ms)),
            next_n: me.next_n,
            pool: me.pool,
            slots: me.strategy.slots,
        })
    }

    /// The personal strategies of a campaign, in the order in which shoppers came.
    pub async fn personal_strategies(&self, id: CampaignId, ask: PageAsk) -> Result<Page<StrategyRowView>> {
        let runtime = self.known_campaign(id).await?;
        let (after, limit) = (ShopperId(ask.before.unwrap_or(0)), ask.limit as usize);
        let mut ids = self.parts().shelves.with_strategy(id, after, ask.limit + 1).await?;
        let more = ids.len() > limit;
        ids.truncate(limit);
        let names = self.names_of(ids.iter().copied()).await?;
        let mut data = Vec::with_capacity(ids.len());
        for shopper in &ids {
            // Erased meanwhile, or made for rules that are no longer in force.
            let Some(row) = self.parts().shelves.strategy(*shopper, id).await? else { continue };
            let Some(shown) = parse(&row.slots, row.generation) else { continue };
            let prizes = shown.strategy.slots.iter().map(|slot| prize_view(&runtime, slot.prize).name);
            data.push(StrategyRowView {
                shopper: name_in(&names, *shopper),
                generation: row.generation,
                ready_at: (row.at_ms > 0).then(|| rfc3339(row.at_ms)),
                prizes: prizes.collect(),
            });
        }
        Ok(page(data, ids.last().filter(|_| more).map(|last| last.0)))
    }

    /// The filter with the shopper and the prize found. Nothing where the shopper is unknown: no row is theirs.
    async fn found(&self, ask: &RowAsk) -> Result<Option<RowFilter>> {
        let mut filter = ask.filter.clone();
        if let Some(external_id) = &ask.shopper {
            match self.find_shopper(external_id).await? {
                Some(id) => filter.shopper = Some(id),
                None => return Ok(None),
            }
        }
        if let Some(code) = &ask.prize {
            let campaign = filter.campaign.ok_or_else(|| {
                Error::invalid("invalid_query", "prize", "`prize` is a code of a campaign; name its `campaign_id`")
            })?;
            let runtime = self.known_campaign(campaign).await?;
            filter.prizes = Some(runtime.rules.prize_by_code(code).map(|ix| ix.0).into_iter().collect());
        }
        self.projected().await;
        Ok(Some(filter))
    }

    /// The shop's own ids of shoppers.
    async fn names_of(&self, ids: impl Iterator<Item = ShopperId>) -> Result<FxHashMap<ShopperId, Account>> {
        let mut ids: Vec<ShopperId> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        let stored = self.parts().accounts.by_ids(&ids).await?;
        Ok(stored.into_iter().map(|stored| (stored.account.id, stored.account)).collect())
    }

    /// Draws of all shoppers.
    pub async fn all_draws(&self, ask: &RowAsk, page_ask: PageAsk) -> Result<Page<DeskDrawView>> {
        let Some(filter) = self.found(ask).await? else { return Ok(page(Vec::new(), None)) };
        let span = span(page_ask, ask.oldest_first);
        let Scanned { rows, behind } = self.parts().browse.all_draws(&filter, span).await?;
        let names = self.names_of(rows.iter().map(|row| row.shopper)).await?;
        let answers =
            self.stored_answers(rows.iter().map(|row| (row.shopper.partition(), row.offset)).collect()).await?;
        let mut data = Vec::with_capacity(rows.len());
        for (row, answer) in rows.iter().zip(answers) {
            let answer = answer.ok_or(UNREADABLE)?;
            let text = std::str::from_utf8(draw_in(&answer, row.id).ok_or(UNREADABLE)?).map_err(|_| UNREADABLE)?;
            let draw = RawValue::from_string(text.to_owned()).map_err(|_| UNREADABLE)?;
            data.push(DeskDrawView { shopper: name_in(&names, row.shopper), draw });
        }
        Ok(page(data, behind))
    }

    /// Awards of all shoppers, without coupon codes.
    pub async fn all_awards(&self, ask: &RowAsk, page_ask: PageAsk) -> Result<Page<ShopAwardView>> {
        let Some(filter) = self.found(ask).await? else { return Ok(page(Vec::new(), None)) };
        let span = span(page_ask, ask.oldest_first);
        let Scanned { rows, behind } = self.parts().browse.all_awards(&filter, span).await?;
        let names = self.names_of(rows.iter().map(|row| row.shopper)).await?;
        let view = |row| {
            let award = self.award_view(row)?;
            Some(ShopAwardView { shopper: name_in(&names, row.shopper), award })
        };
        Ok(page(rows.iter().filter_map(view).collect(), behind))
    }

    /// Orders of all shoppers.
    pub async fn all_orders(&self, ask: &RowAsk, page_ask: PageAsk) -> Result<Page<DeskOrderView>> {
        let Some(filter) = self.found(ask).await? else { return Ok(page(Vec::new(), None)) };
        let span = span(page_ask, ask.oldest_first);
        let Scanned { rows, behind } = self.parts().browse.all_orders(&filter, span).await?;
        let names = self.names_of(rows.iter().map(|row| row.shopper)).await?;
        let now_ms = self.now_ms();
        let data = rows.iter().filter_map(|row| {
            let account = names.get(&row.shopper)?;
            let order = shown_of(row, account, now_ms);
            Some(DeskOrderView { shopper: account.external_id.clone(), order })
        });
        Ok(page(data.collect(), behind))
    }
}

fn name_in(names: &FxHashMap<ShopperId, Account>, shopper: ShopperId) -> String {
    names.get(&shopper).map(|account| account.external_id.clone()).unwrap_or_default()
}

fn event(text: &str) -> Result<EventView> {
    let Behaviour { id, at_ms, action } = serde_json::from_str(text).map_err(|_| UNREADABLE)?;
    Ok(EventView { id, at: rfc3339(at_ms), action })
}
