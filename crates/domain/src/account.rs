//! An account: one shopper in one partition, the fold of the ledger's records about them.
//!
//! The fold reads no clock, asks nobody and decides nothing: two folds of the same records are equal.

use crate::chances::{EARLY_MAX, EarlyReturn, Lots, NEVER};
use crate::draw::BlacklistMode;
use crate::ids::{AwardId, CampaignId, EntryId, ItemId, OrderId, ShopperId};
use crate::order::{OrderEvent, OrderKind, OrderState, after};
use crate::points::{Entry, Purse};
use crate::record::{Billed, Drawn, ExchangeEnded, Exchanged, Fact, Granted, Moved};
use crate::tally::{Tally, Watch};
use serde::{Deserialize, Serialize};

/// Orders of one shopper that may wait for their payment at a time.
pub const UNPAID_MAX: usize = 32;

/// A shopper's standing in one campaign: `granted - used - expired - taken_back` is what its lots hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    pub campaign: CampaignId,
    pub granted: u64,
    /// Draws made; the next one's ordinal is `used + 1`.
    pub used: u64,
    /// Chances that were not drawn in time.
    #[serde(default)]
    pub expired: u64,
    /// Chances that returns took back.
    #[serde(default)]
    pub taken_back: u64,
    /// The local day that `drawn_today` counts.
    pub draw_day: i32,
    pub drawn_today: u32,
    /// The last local day the shopper signed in.
    #[serde(default)]
    pub signed_in: Option<i32>,
    /// Days in a row up to that one.
    #[serde(default)]
    pub streak: u32,
    /// Whether the shopper came by another one's word.
    #[serde(default)]
    pub referred: bool,
    #[serde(default)]
    pub lots: Lots,
    /// What the rules count besides.
    #[serde(default)]
    pub tally: Tally,
    /// Returns that wait for their purchase, at most [`EARLY_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub early: Vec<EarlyReturn>,
}

impl Enrolment {
    fn new(campaign: CampaignId) -> Self {
        Self {
            campaign,
            granted: 0,
            used: 0,
            expired: 0,
            taken_back: 0,
            draw_day: i32::MIN,
            drawn_today: 0,
            signed_in: None,
            streak: 0,
            referred: false,
            lots: Lots::default(),
            tally: Tally::default(),
            early: Vec::new(),
        }
    }

    /// Chances in lots, expired ones included that nobody has written off yet.
    pub fn left(&self) -> u64 {
        self.granted.saturating_sub(self.used + self.expired + self.taken_back)
    }

    /// Chances that can be drawn at `now_ms`.
    pub fn left_at(&self, now_ms: i64) -> u64 {
        self.left().saturating_sub(self.lots.due(now_ms).map(|lot| lot.left).sum())
    }

    /// Draws on the local day `day`.
    pub fn drawn_on(&self, day: i32) -> u32 {
        if self.draw_day == day { self.drawn_today } else { 0 }
    }

    /// Days in a row that a sign-in on `day` would make, this one included.
    pub fn streak_on(&self, day: i32) -> u32 {
        match self.signed_in {
            Some(last) if last >= day => self.streak,
            Some(last) if last + 1 == day => self.streak.saturating_add(1),
            _ => 1,
        }
    }
}

/// An order that waits for its payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpaid {
    pub order: OrderId,
    pub campaign: CampaignId,
    pub chances: u32,
    pub price_cents: i64,
    pub pay_by_ms: i64,
}

/// An exchange whose award somebody else has yet to hand over; there are as many holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    pub order: OrderId,
    pub item: ItemId,
    pub award: AwardId,
    pub hold: EntryId,
}

/// A bar that the shop put on a shopper, in one campaign or in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    pub campaign: Option<CampaignId>,
    pub mode: BlacklistMode,
    pub until_ms: Option<i64>,
    pub reason: String,
}

/// One shopper's rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Account {
    pub id: ShopperId,
    pub external_id: String,
    pub registered_at_ms: i64,
    pub points: i64,
    #[serde(default, skip_serializing_if = "Purse::is_empty")]
    pub purse: Purse,
    #[serde(default)]
    pub enrolments: Vec<Enrolment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpaid: Vec<Unpaid>,
    /// Units of each item of the exchange shop that this shopper has bought and not given back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bought: Vec<(ItemId, u64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaited: Vec<Awaited>,
    #[serde(default)]
    pub bans: Vec<Ban>,
    #[serde(default, skip_serializing_if = "Watch::is_empty")]
    pub watch: Watch,
    /// Nothing is left of it but its id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

/// Why a record does not continue its account. It is void, and folding it is an alarm, since only a broken owner or a
/// damaged ledger makes one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record does not continue its account: {0}")]
pub struct Broken(pub &'static str);

impl Account {
    /// An account that has just been registered.
    pub fn new(id: ShopperId) -> Self {
        Self { id, ..Self::default() }
    }

    /// The standing in a campaign, where there is one yet.
    pub fn enrolment(&self, campaign: CampaignId) -> Option<&Enrolment> {
        self.enrolments.iter().find(|e| e.campaign == campaign)
    }

    fn enrol(&mut self, campaign: CampaignId) -> &mut Enrolment {
        let at = self.enrolments.iter().position(|e| e.campaign == campaign).unwrap_or_else(|| {
            self.enrolments.push(Enrolment::new(campaign));
            self.enrolments.len() - 1
        });
        &mut self.enrolments[at]
    }

    /// The bar that was put on a campaign, or on all of them.
    pub fn ban(&self, campaign: Option<CampaignId>) -> Option<&Ban> {
        self.bans.iter().find(|ban| ban.campaign == campaign)
    }

    /// The strictest bar in force for a campaign at `now_ms`.
    pub fn banned(&self, campaign: CampaignId, now_ms: i64) -> Option<BlacklistMode> {
        let mut found = None;
        for ban in &self.bans {
            let here = ban.campaign.is_none_or(|c| c == campaign);
            if here && ban.until_ms.is_none_or(|until| now_ms < until) {
                match ban.mode {
                    BlacklistMode::Refuse => return Some(BlacklistMode::Refuse),
                    BlacklistMode::PointsOnly => found = Some(BlacklistMode::PointsOnly),
                }
            }
        }
        found
    }

    /// Points that can be spent at `now_ms`.
    pub fn points_at(&self, now_ms: i64) -> i64 {
        self.points - self.purse.due(now_ms)
    }

    /// Units of an item that this shopper has bought.
    pub fn bought_of(&self, item: ItemId) -> u64 {
        self.bought.iter().find(|(id, _)| *id == item).map_or(0, |(_, units)| *units)
    }

    /// Where an order stands, as far as the account tells: one that is over is not in it any more.
    pub fn state_of(&self, campaign: CampaignId, order: OrderId) -> Option<OrderState> {
        if self.unpaid.iter().any(|u| u.order == order) {
            return Some(OrderState::PendingPayment);
        }
        self.enrolment(campaign)?.lots.get(order).map(|_| OrderState::Effective)
    }

    /// Folds one fact. Nothing changes where it does not continue the account.
    ///
    /// # Errors
    /// `Broken` for a draw whose ordinal is not the next, for one without a chance or with another one's, for an order
    /// that moves as the table does not allow, for points that do not add up.
    pub fn fold(&mut self, fact: &Fact) -> Result<(), Broken> {
        if self.erased && !matches!(fact, Fact::Erased) {
            return Err(Broken("nothing continues an erased account"));
        }
        match fact {
            Fact::Registered { external_id, registered_at_ms } => {
                self.external_id.clone_from(external_id);
                self.registered_at_ms = *registered_at_ms;
            }
            Fact::Granted(granted) => self.fold_grant(granted)?,
            Fact::Drawn(drawn) => self.fold_draw(drawn)?,
            Fact::Points(entry) => self.fold_points(entry)?,
            Fact::SignedIn { campaign, day } => {
                let enrolment = self.enrol(*campaign);
                enrolment.streak = enrolment.streak_on(*day);
                enrolment.signed_in = enrolment.signed_in.max(Some(*day));
            }
            Fact::Blacklisted { campaign, mode, until_ms, reason } => {
                self.bans.retain(|b| b.campaign != *campaign);
                self.bans.push(Ban { campaign: *campaign, mode: *mode, until_ms: *until_ms, reason: reason.clone() });
            }
            Fact::Unblacklisted { campaign } => self.bans.retain(|b| b.campaign != *campaign),
            Fact::Billed(billed) => self.fold_bill(billed)?,
            Fact::OrderMoved(moved) => self.fold_move(moved)?,
            Fact::HoldSettled { hold } => {
                self.purse.settle(*hold).ok_or(Broken("there is no such hold"))?;
            }
            Fact::Exchanged(exchanged) => self.fold_exchange(exchanged)?,
            Fact::ExchangeEnded(ended) => self.fold_exchange_end(ended)?,
            Fact::Spent { campaign, cents } => self.enrol(*campaign).tally.spend(*cents),
            Fact::Watched(watch) => self.watch.clone_from(watch),
            Fact::Referred { campaign, .. } => self.enrol(*campaign).referred = true,
            Fact::CameBackEarly { campaign, early } => {
                let waiting = &mut self.enrol(*campaign).early;
                if waiting.len() >= EARLY_MAX {
                    waiting.remove(0);
                }
                waiting.push(*early);
            }
            Fact::EarlyReturnsMet { campaign, source } => {
                self.enrol(*campaign).early.retain(|early| early.source != *source);
            }
            Fact::Erased => *self = Account { erased: true, ..Account::new(self.id) },
            Fact::AwardMoved { .. }
            | Fact::AwardClaimBy { .. }
            | Fact::Behaved { .. }
            | Fact::Owner { .. }
            | Fact::Campaign { .. }
            | Fact::Item { .. }
            | Fact::Returned { .. }
            | Fact::MomentWon { .. }
            | Fact::Redeemed { .. }
            | Fact::EntryWon(_)
            | Fact::AwardReviewed { .. }
            | Fact::RefundDue(_) => {}
        }
        Ok(())
    }

    fn fold_grant(&mut self, granted: &Granted) -> Result<(), Broken> {
        let waiting = self.unpaid.iter().position(|u| u.order == granted.order);
        match (granted.kind == OrderKind::Paid, waiting) {
            (true, Some(at)) => _ = self.unpaid.remove(at),
            (false, None) => {}
            _ => return Err(Broken("only a paid order waits for its payment, and each does")),
        }
        let enrolment = self.enrol(granted.campaign);
        enrolment.granted += u64::from(granted.chances);
        if granted.chances > 0 {
            let expires_at_ms = granted.expires_at_ms.unwrap_or(NEVER);
            enrolment.lots.add(granted.lot, granted.chances, expires_at_ms, granted.rebate);
        }
        Ok(())
    }

    fn fold_draw(&mut self, drawn: &Drawn) -> Result<(), Broken> {
        let Some(at) = self.enrolments.iter().position(|e| e.campaign == drawn.campaign) else {
            return Err(Broken("a draw has no chance"));
        };
        let enrolment = &mut self.enrolments[at];
        if drawn.n != enrolment.used + 1 {
            return Err(Broken("a draw's ordinal is not the next"));
        }
        let next = enrolment.lots.iter().next().ok_or(Broken("a draw has no chance"))?;
        if next.order != drawn.order || (next.left == 1) != drawn.last {
            return Err(Broken("a draw spends a chance out of turn"));
        }
        enrolment.lots.spend(drawn.order);
        enrolment.drawn_today = enrolment.drawn_on(drawn.day) + 1;
        enrolment.draw_day = drawn.day;
        enrolment.used += 1;
        enrolment.tally.draw(drawn);
        Ok(())
    }

    fn fold_points(&mut self, entry: &Entry) -> Result<(), Broken> {
        const NO: Broken = Broken("points do not add up");
        if crate::points::apply(self.points, entry.amount) != Some(entry.balance) {
            return Err(NO);
        }
        self.purse.fold(entry).ok_or(NO)?;
        self.points = entry.balance;
        Ok(())
    }

    fn fold_bill(&mut self, billed: &Billed) -> Result<(), Broken> {
        if self.unpaid.len() >= UNPAID_MAX || self.unpaid.iter().any(|u| u.order == billed.order) {
            return Err(Broken("an order waits twice, or too many do"));
        }
        let Billed { order, campaign, chances, price_cents, pay_by_ms } = *billed;
        self.unpaid.push(Unpaid { order, campaign, chances, price_cents, pay_by_ms });
        Ok(())
    }

    fn fold_exchange(&mut self, exchanged: &Exchanged) -> Result<(), Broken> {
        if let Some(hold) = exchanged.hold {
            let (Some((award, _)), Some(_)) = (exchanged.awards.first(), self.purse.hold(hold)) else {
                return Err(Broken("an exchange waits for no award, or holds no points"));
            };
            let (order, item, award) = (exchanged.order, exchanged.item, *award);
            self.awaited.push(Awaited { order, item, award, hold });
        }
        let units = u64::from(exchanged.quantity);
        match self.bought.iter_mut().find(|(item, _)| *item == exchanged.item) {
            Some((_, bought)) => *bought += units,
            None => self.bought.push((exchanged.item, units)),
        }
        Ok(())
    }

    fn fold_exchange_end(&mut self, ended: &ExchangeEnded) -> Result<(), Broken> {
        let at = self.awaited.iter().position(|a| a.order == ended.order && a.award == ended.award);
        let at = at.ok_or(Broken("the exchange waits for no award"))?;
        // Its hold was settled or released by the fact before.
        if self.purse.hold(self.awaited[at].hold).is_some() {
            return Err(Broken("an exchange ends while its points are held"));
        }
        self.awaited.remove(at);
        if !ended.given
            && let Some((_, bought)) = self.bought.iter_mut().find(|(item, _)| *item == ended.item)
        {
            *bought = bought.saturating_sub(1);
        }
        Ok(())
    }

    fn fold_move(&mut self, moved: &Moved) -> Result<(), Broken> {
        const NO: Broken = Broken("an order moves against the table");
        let from = self.state_of(moved.campaign, moved.order).ok_or(NO)?;
        let to = after(from, moved.event).map_err(|_| NO)?;
        if from == OrderState::PendingPayment {
            if to != OrderState::Closed {
                return Err(NO);
            }
            self.unpaid.retain(|u| u.order != moved.order);
            return Ok(());
        }
        let enrolment = self.enrol(moved.campaign);
        let left = enrolment.lots.get(moved.order).map_or(0, |lot| lot.left);
        let fits = match moved.event {
            OrderEvent::Expire | OrderEvent::TakeBack => moved.chances == left,
            OrderEvent::Reduce => moved.chances < left,
            _ => false,
        };
        if !fits {
            return Err(NO);
        }
        enrolment.lots.take(moved.order, moved.chances, moved.cents).ok_or(NO)?;
        if moved.event == OrderEvent::Expire {
            enrolment.expired += moved.chances;
        } else {
            enrolment.taken_back += moved.chances;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::DrawId;

    const C: CampaignId = CampaignId(1);

    fn grant(order: u64, chances: u32, expires_at_ms: Option<i64>) -> Fact {
        Fact::Granted(Box::new(Granted {
            order: OrderId(order),
            campaign: C,
            kind: OrderKind::Grant,
            chances,
            lot: OrderId(order),
            expires_at_ms,
            reason: String::new(),
            points: 0,
            streak: 0,
            rebate: None,
        }))
    }

    fn draw(n: u64, day: i32, order: u64, last: bool) -> Fact {
        Fact::Drawn(Box::new(Drawn { order: OrderId(order), last, ..Drawn::thanks(DrawId(n), C, n, day) }))
    }

    #[test]
    fn nothing_is_left_of_an_erased_account_and_nothing_continues_it() {
        let mut account = Account::new(ShopperId(9));
        let named = Fact::Registered { external_id: "ada".into(), registered_at_ms: 5 };
        for fact in [&named, &grant(1, 3, None), &Fact::Erased, &Fact::Erased] {
            account.fold(fact).expect("it continues");
        }
        assert_eq!(account, Account { erased: true, ..Account::new(ShopperId(9)) });
        assert!(account.fold(&named).is_err() && account.fold(&grant(2, 1, None)).is_err());
    }

    #[test]
    fn only_what_continues_the_account_is_folded() {
        let mut account = Account::new(ShopperId(1));
        for (fact, ok) in [
            (draw(1, 1, 1, false), false),
            (grant(1, 2, None), true),
            (draw(2, 1, 1, false), false),
            (draw(1, 1, 2, false), false),
            (draw(1, 1, 1, true), false),
            (draw(1, 1, 1, false), true),
            (draw(1, 1, 1, false), false),
            (draw(2, 2, 1, false), false),
            (draw(2, 2, 1, true), true),
            (draw(3, 2, 1, true), false),
            (grant(2, 1, None), true),
            (grant(3, 1, Some(9)), true),
            (draw(3, 2, 2, true), false),
            (draw(3, 2, 3, true), true),
        ] {
            let before = account.clone();
            assert_eq!(account.fold(&fact).is_ok(), ok, "{fact:?} on {before:?}");
            if !ok {
                assert_eq!(account, before, "a void fact changes nothing");
            }
        }
        let enrolment = account.enrolment(C).expect("enrolled");
        assert_eq!((enrolment.granted, enrolment.used, enrolment.drawn_on(2), enrolment.drawn_on(3)), (4, 3, 2, 0));
    }

    #[test]
    fn bans_end_and_the_strictest_counts() {
        let mut account = Account::new(ShopperId(1));
        let ban = |campaign, mode, until_ms| Fact::Blacklisted { campaign, mode, until_ms, reason: String::new() };
        account.fold(&ban(None, BlacklistMode::PointsOnly, Some(100))).expect("folds");
        account.fold(&ban(Some(C), BlacklistMode::Refuse, Some(50))).expect("folds");
        for (campaign, now, want) in [
            (C, 0, Some(BlacklistMode::Refuse)),
            (C, 50, Some(BlacklistMode::PointsOnly)),
            (CampaignId(2), 0, Some(BlacklistMode::PointsOnly)),
            (C, 100, None),
        ] {
            assert_eq!(account.banned(campaign, now), want, "{campaign} at {now}");
        }
        account.fold(&Fact::Unblacklisted { campaign: None }).expect("folds");
        assert_eq!(account.banned(CampaignId(2), 0), None);
    }
}
