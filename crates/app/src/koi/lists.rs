//! What shoppers read: `me` and the lists. They see every acknowledged record at once: the unprojected ones are taken
//! from the ledger first, then records are asked, and where both know a row the ledger's wins (R8).

use super::Koi;
use super::drawings::tickets_of;
use crate::command::{Reply, Seen, Who, Work};
use crate::error::{Error, Result};
use crate::owner::with_award_state;
use crate::rows::{EntryRow, Projected, draw_in};
use crate::runtime::Runtime;
use crate::time::rfc3339;
use crate::views::{
    BalanceView, Chances, EntryView, GuaranteeView, MeView, Page, PageAsk, PrizeView, SlotView, StrategyView,
};
use domain::account::Enrolment;
use domain::award::AwardState;
use domain::campaign::{Guarantee, Prize, PrizeIx, State};
use domain::ids::{AwardId, CampaignId, ShopperId};
use rustc_hash::FxHashMap;
use serde_json::value::RawValue;

/// Unprojected records of one shopper that a list reads at most: the newest ones.
const TAIL_READ: usize = 4_096;

impl Koi {
    pub(crate) async fn look(&self, shopper: ShopperId) -> Result<Box<Seen>> {
        match self.ask(Who::Id(shopper), Work::Look).await? {
            Reply::Seen(seen) => Ok(seen),
            _ => Err(Error::Unavailable("the owner answered something else")),
        }
    }

    /// The account now, and the rows of its unprojected records.
    pub(super) async fn tail(&self, shopper: ShopperId) -> Result<(Box<Seen>, Projected)> {
        let seen = self.look(shopper).await?;
        let reader = self.owners().reader(shopper.partition());
        let offsets: Vec<u64> = seen.tail.iter().rev().take(TAIL_READ).rev().copied().collect();
        let read = tokio::task::spawn_blocking(move || {
            let mut rows = Projected::default();
            for offset in offsets {
                let bytes = reader.record(offset)?;
                let record = bytes.as_deref().map(domain::record::decode).transpose();
                let record = record.map_err(|_| crate::ports::PortError::Damaged("the ledger"))?;
                if let Some(record) = record {
                    rows.take(offset, &record);
                }
            }
            Ok::<_, crate::ports::PortError>(rows)
        });
        let rows = read.await.map_err(|_| Error::Unavailable("the ledger could not be read"))??;
        Ok((seen, rows))
    }

    /// What a shopper sees of a campaign.
    pub async fn me(&self, id: CampaignId, shopper: ShopperId) -> Result<MeView> {
        let runtime = self.known_campaign(id).await?;
        let (shown, person) = self.gather(&runtime, shopper).await?;
        let work = Work::Preview { campaign: id, strategy: shown.strategy.clone(), person };
        let Reply::Seen(seen) = self.ask(Who::Id(shopper), work).await? else {
            return Err(Error::Unavailable("the owner answered something else"));
        };
        let enrolment = seen.account.enrolment(id);
        let used = enrolment.map_or(0, |e| e.used);
        let n = u32::try_from(used).unwrap_or(u32::MAX).saturating_add(1);
        let rules = &runtime.rules;
        let pool = seen.odds.and_then(|p| rules.pools.get(usize::from(p)));
        let today = rules.local_day(seen.now_ms).number;
        let slots = shown.strategy.slots.iter().enumerate().map(|(i, slot)| SlotView {
            index: i as u8,
            prize: prize_view(&runtime, slot.prize),
            tier: rules.tiers[usize::from(slot.tier)].code.to_string(),
            probability: pool.map_or_else(|| "0.000000".to_owned(), |p| p.probabilities[i].to_string()),
            unlocked: rules.tiers[usize::from(slot.tier)].unlocked(n),
            unlocks_in: match rules.tiers[usize::from(slot.tier)].unlock_after {
                after if after >= n => Some(after - n + 1),
                _ => None,
            },
            reason: shown.reasons.get(i).cloned().flatten(),
        });
        Ok(MeView {
            campaign_id: id,
            state: runtime.state_at(seen.now_ms),
            chances: enrolment.map_or_else(Chances::default, |e| {
                let left = e.left_at(seen.now_ms);
                let expired = e.expired + e.left() - left;
                Chances { granted: e.granted, used, left, expired, taken_back: e.taken_back }
            }),
            points: seen.account.points,
            tickets: runtime.rules.entry.map(|entry| enrolment.map_or(0, |e| tickets_of(e, entry.tickets))),
            next_n: u64::from(n),
            next_seed_hash: hex::encode(runtime.seed.draw_seed(id, shopper, n).hash()),
            seed_hash: hex::encode(runtime.seed.commitment()),
            rules_hash: hex::encode(rules.hash),
            rules_version: rules.version,
            streak: enrolment.filter(|e| e.signed_in >= Some(today - 1)).map_or(0, |e| e.streak),
            referral_code: rules.chances.referral.map(|_| self.referral_code(id, shopper)),
            signed_in_today: enrolment.is_some_and(|e| e.signed_in == Some(today)),
            pool: pool.map_or_else(String::new, |p| p.code.to_string()),
            guarantees: guarantees(&runtime, enrolment),
            strategy: StrategyView { source: shown.strategy.source.word(), slots: slots.collect() },
        })
    }

    /// A shopper's draws in a campaign, newest first, each with the present state of its award.
    pub async fn draws(&self, id: CampaignId, shopper: ShopperId, page: PageAsk) -> Result<Page<Box<RawValue>>> {
        self.known_campaign(id).await?;
        let (_, tail) = self.tail(shopper).await?;
        let before = page.before.unwrap_or(u64::MAX);
        let stored = self.parts().lists.draws(shopper, id, before.min(i64::MAX as u64), page.limit + 1).await?;
        let fresh = tail.draws.into_iter().filter(|d| d.campaign == id && d.id.0 < before);
        let (rows, next_cursor) = merge(fresh, stored, page.limit, |d| d.id.0);
        let awards: Vec<AwardId> = rows.iter().filter_map(|d| d.award).collect();
        let mut states: FxHashMap<AwardId, AwardState> =
            self.parts().lists.award_states(shopper, &awards).await?.into_iter().collect();
        states.extend(tail.award_moves.iter().map(|m| (m.award, m.state)));
        let answers = self.stored_answers(rows.iter().map(|d| (shopper.partition(), d.offset)).collect()).await?;
        let mut data = Vec::with_capacity(rows.len());
        for (row, answer) in rows.into_iter().zip(answers) {
            const LOST: Error = Error::Unavailable("the stored answer cannot be found");
            let answer = answer.ok_or(LOST)?;
            let body = draw_in(&answer, row.id).ok_or(LOST)?;
            let body = match row.award.and_then(|a| Some((a, *states.get(&a)?))) {
                Some((award, state)) => with_award_state(body, award, state),
                None => body.to_vec(),
            };
            let text = String::from_utf8(body).map_err(|_| Error::Unavailable("stored data cannot be read"))?;
            data.push(RawValue::from_string(text).map_err(|_| Error::Unavailable("stored data cannot be read"))?);
        }
        Ok(Page { data, next_cursor })
    }

    /// A shopper's balance.
    pub async fn points(&self, shopper: ShopperId) -> Result<BalanceView> {
        let account = self.look(shopper).await?.account;
        Ok(BalanceView { balance: account.points, held: account.purse.held() })
    }

    /// A shopper's statement, newest first.
    pub async fn point_entries(&self, shopper: ShopperId, page: PageAsk) -> Result<Page<EntryView>> {
        let (_, tail) = self.tail(shopper).await?;
        let before = page.before.unwrap_or(u64::MAX);
        let stored = self.parts().lists.entries(shopper, before.min(i64::MAX as u64), page.limit + 1).await?;
        let fresh = tail.entries.into_iter().filter(|e| e.id.0 < before);
        let (rows, next_cursor) = merge(fresh, stored, page.limit, |e| e.id.0);
        let view = |e: EntryRow| EntryView {
            id: e.id,
            amount: e.amount,
            balance: e.balance,
            contra: e.contra.word(),
            reason: e.reason,
            business_key: e.business_key,
            expires_at: e.expires_at_ms.map(rfc3339),
            receipt: e.receipt.and_then(|json| RawValue::from_string(json).ok()),
            at: rfc3339(e.at_ms),
        };
        Ok(Page { data: rows.into_iter().map(view).collect(), next_cursor })
    }

    /// Ends every campaign whose window is over, so that its seed can be shown. Returns how many.
    pub async fn end_overdue(&self) -> Result<usize> {
        let now_ms = self.now_ms();
        let overdue: Vec<CampaignId> = {
            let published = self.inner.published.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            let over = |r: &&std::sync::Arc<Runtime>| r.state_at(now_ms) == State::Ended && r.state != State::Ended;
            published.values().filter(over).map(|r| r.id).collect()
        };
        for id in &overdue {
            self.end(*id).await?;
        }
        Ok(overdue.len())
    }
}

/// Newest first, each id once; what the ledger says wins over records. Returns the cursor of the next page.
pub(super) fn merge<T>(
    fresh: impl IntoIterator<Item = T>,
    stored: Vec<T>,
    limit: u32,
    id: impl Fn(&T) -> u64,
) -> (Vec<T>, Option<String>) {
    let mut rows: Vec<T> = fresh.into_iter().chain(stored).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(id(row)));
    rows.dedup_by_key(|row| id(row));
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = if more { rows.last().map(|row| id(row).to_string()) } else { None };
    (rows, next)
}

pub(crate) fn prize_view(runtime: &Runtime, prize: PrizeIx) -> PrizeView {
    let Some(prize) = runtime.rules.prizes.get(prize.ix()) else {
        return PrizeView {
            code: "thanks".into(),
            name: "thanks".into(),
            kind: "none".into(),
            category: String::new(),
            value_cents: 0,
        };
    };
    prize.clone().into()
}

impl From<Prize> for PrizeView {
    fn from(prize: Prize) -> Self {
        PrizeView {
            code: prize.code.into(),
            name: prize.name.into(),
            kind: prize.kind.word().to_owned(),
            category: prize.category.into(),
            value_cents: prize.value_cents,
        }
    }
}

/// How far the shopper is from each guaranteed tier.
fn guarantees(runtime: &Runtime, enrolment: Option<&Enrolment>) -> Vec<GuaranteeView> {
    let dry = enrolment.map(|e| e.tally.dry(e.used)).unwrap_or_default();
    let one = |promise: &Guarantee| GuaranteeView {
        tier: runtime.rules.tiers[usize::from(promise.tier)].code.to_string(),
        after: promise.after,
        draws_without: dry.of(promise.tier),
    };
    runtime.rules.guarantees.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledgers_row_wins_and_pages_are_cut() {
        for (fresh, stored, limit, want, cursor) in [
            (
                vec![(9, 'f'), (8, 'f')],
                vec![(8, 's'), (7, 's'), (6, 's')],
                3,
                vec![(9, 'f'), (8, 'f'), (7, 's')],
                Some("7"),
            ),
            (vec![], vec![(7, 's')], 1, vec![(7, 's')], None),
            (vec![(9, 'f')], vec![], 5, vec![(9, 'f')], None),
        ] {
            let (rows, next) = merge(fresh, stored, limit, |r: &(u64, char)| r.0);
            assert_eq!(rows, want);
            assert_eq!(next.as_deref(), cursor);
        }
    }
}
