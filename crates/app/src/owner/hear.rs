//! Telling open sockets of what is durable. Behind the commit and off the way of answers: with nobody listening a record
//! costs one question.

use super::Owner;
use crate::live::{BigWin, Heard, mask, tells};
use bytes::Bytes;
use domain::ids::ShopperId;
use domain::record::{Drawn, Fact};
use smallvec::SmallVec;

impl Owner {
    /// Tells a durable, folded record to its shopper's sockets, and everybody of a big win.
    pub(super) fn tell(&self, shopper: ShopperId, offset: u64, facts: SmallVec<[Fact; 2]>, answer: &[u8]) {
        for fact in &facts {
            if let Fact::Drawn(drawn) = fact {
                self.shout(shopper, drawn);
            }
        }
        if self.notifier.is_heard(shopper) && tells(&facts) {
            let answer = Bytes::copy_from_slice(answer);
            self.notifier.tell(Heard { shopper, offset, at_ms: self.now_ms, facts, answer });
        }
    }

    fn shout(&self, shopper: ShopperId, drawn: &Drawn) {
        let (Some((award, _)), Some(prize), Some(tier)) = (drawn.award, drawn.prize, drawn.from) else { return };
        let Some(campaign) = self.campaigns.get(&drawn.campaign) else { return };
        if campaign.runtime.top_tier() != Some(tier) {
            return;
        }
        let Some(slot) = self.accounts.get(&shopper) else { return };
        let shopper = mask(&slot.account.external_id);
        self.notifier.shout(BigWin { campaign: drawn.campaign, award, prize, shopper, at_ms: self.now_ms });
    }
}
