//! An account: one shopper in one partition, the fold of the ledger's records about them.
//!
//! The fold reads no clock, asks nobody and decides nothing: two folds of the same records are equal.

use crate::draw::BlacklistMode;
use crate::ids::{CampaignId, ShopperId};
use crate::record::Fact;
use crate::tally::{Tally, Watch};
use serde::{Deserialize, Serialize};

/// A shopper's standing in one campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    pub campaign: CampaignId,
    pub granted: u64,
    /// Draws made; the next one's ordinal is `used + 1`.
    pub used: u64,
    /// The local day that `drawn_today` counts.
    pub draw_day: i32,
    pub drawn_today: u32,
    /// The last local day the shopper signed in.
    #[serde(default)]
    pub signed_in: Option<i32>,
    /// What the rules count besides.
    #[serde(default)]
    pub tally: Tally,
}

impl Enrolment {
    fn new(campaign: CampaignId) -> Self {
        Self { campaign, granted: 0, used: 0, draw_day: i32::MIN, drawn_today: 0, signed_in: None, tally: Tally::default() }
    }

    /// Chances that can still be drawn.
    pub fn left(&self) -> u64 {
        self.granted.saturating_sub(self.used)
    }

    /// Draws on the local day `day`.
    pub fn drawn_on(&self, day: i32) -> u32 {
        if self.draw_day == day { self.drawn_today } else { 0 }
    }
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
    #[serde(default)]
    pub enrolments: Vec<Enrolment>,
    #[serde(default)]
    pub bans: Vec<Ban>,
    #[serde(default, skip_serializing_if = "Watch::is_empty")]
    pub watch: Watch,
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

    /// Folds one fact. Nothing changes where it does not continue the account.
    ///
    /// # Errors
    /// `Broken` for a draw whose ordinal is not the next, for one without a chance, for points that do not add up.
    pub fn fold(&mut self, fact: &Fact) -> Result<(), Broken> {
        match fact {
            Fact::Registered { external_id, registered_at_ms } => {
                self.external_id.clone_from(external_id);
                self.registered_at_ms = *registered_at_ms;
            }
            Fact::Granted(granted) => {
                let enrolment = self.enrol(granted.campaign);
                if granted.first != enrolment.granted {
                    return Err(Broken("a grant skips chances"));
                }
                enrolment.granted += u64::from(granted.chances);
            }
            Fact::Drawn(drawn) => {
                let enrolment = self.enrol(drawn.campaign);
                if drawn.n != enrolment.used + 1 {
                    return Err(Broken("a draw's ordinal is not the next"));
                }
                if enrolment.left() == 0 {
                    return Err(Broken("a draw has no chance"));
                }
                enrolment.drawn_today = enrolment.drawn_on(drawn.day) + 1;
                enrolment.draw_day = drawn.day;
                enrolment.used += 1;
                enrolment.tally.draw(drawn);
            }
            Fact::Points(entry) => {
                if crate::points::apply(self.points, entry.amount) != Some(entry.balance) {
                    return Err(Broken("points do not add up"));
                }
                self.points = entry.balance;
            }
            Fact::SignedIn { campaign, day } => {
                let enrolment = self.enrol(*campaign);
                enrolment.signed_in = enrolment.signed_in.max(Some(*day));
            }
            Fact::Blacklisted { campaign, mode, until_ms, reason } => {
                self.bans.retain(|b| b.campaign != *campaign);
                self.bans.push(Ban { campaign: *campaign, mode: *mode, until_ms: *until_ms, reason: reason.clone() });
            }
            Fact::Unblacklisted { campaign } => self.bans.retain(|b| b.campaign != *campaign),
            Fact::Spent { campaign, cents } => self.enrol(*campaign).tally.spend(*cents),
            Fact::Watched(watch) => self.watch.clone_from(watch),
            Fact::AwardMoved { .. } | Fact::Behaved { .. } | Fact::Owner { .. } | Fact::Campaign { .. } => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{DrawId, OrderId};
    use crate::order::OrderKind;
    use crate::record::{Drawn, Granted};

    const C: CampaignId = CampaignId(1);

    fn grant(first: u64, chances: u32) -> Fact {
        Fact::Granted(Granted {
            order: OrderId(1),
            campaign: C,
            kind: OrderKind::Grant,
            chances,
            first,
            reason: String::new(),
        })
    }

    fn draw(n: u64, day: i32) -> Fact {
        Fact::Drawn(Box::new(Drawn::thanks(DrawId(n), C, n, day)))
    }

    #[test]
    fn only_what_continues_the_account_is_folded() {
        let mut account = Account::new(ShopperId(1));
        for (fact, ok) in [
            (draw(1, 1), false),
            (grant(1, 2), false),
            (grant(0, 2), true),
            (draw(2, 1), false),
            (draw(1, 1), true),
            (draw(1, 1), false),
            (draw(2, 2), true),
            (draw(3, 2), false),
            (grant(2, 1), true),
            (draw(3, 2), true),
        ] {
            let before = account.enrolment(C).map(|e| (e.granted, e.used));
            assert_eq!(account.fold(&fact).is_ok(), ok, "{fact:?} on {before:?}");
            if !ok {
                assert_eq!(
                    account.enrolment(C).map_or((0, 0), |e| (e.granted, e.used)),
                    before.unwrap_or((0, 0)),
                    "a void fact changes nothing"
                );
            }
        }
        let enrolment = account.enrolment(C).expect("enrolled");
        assert_eq!((enrolment.granted, enrolment.used, enrolment.drawn_on(2), enrolment.drawn_on(3)), (3, 3, 2, 0));
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
