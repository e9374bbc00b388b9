//! What a person decides about an award that the risk rule held back: it is given as if nothing had been the matter, or it
//! ends. One decision an award.

use super::awards::{FULFILLED, GIVEN_BACK, fulfil_key};
use super::batch::{Draft, Saying};
use super::work::declined;
use super::{LoadAsk, Owner, Step, answer, refuse, seen};
use crate::command::{Command, Reply, Work};
use crate::error::Error;
use crate::keys::{Lookup, review_key};
use domain::award::AwardState;
use domain::campaign::{PrizeIx, PrizeKind};
use domain::ids::{AwardId, CampaignId, ShopperId};
use domain::points::Cause;
use domain::record::{Fact, Keyed};
use smallvec::{SmallVec, smallvec};

/// The award as its row has it, and the decision.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReviewAsk {
    pub award: AwardId,
    pub campaign: CampaignId,
    pub prize: PrizeIx,
    pub points: u32,
    pub approve: bool,
}

impl Owner {
    /// Gives or ends a held award; the same decision again says where it stands.
    pub(super) fn review(&mut self, id: ShopperId, command: Command, ask: ReviewAsk) -> Step {
        let ReviewAsk { award, campaign, prize, points, approve } = ask;
        let Some(slot) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        let Some(runtime) = self.campaigns.get(&campaign).map(|slot| slot.runtime.clone()) else {
            return refuse(command, Error::no_campaign());
        };
        let what = runtime.rules.prize(prize);
        let given = match AwardState::at_birth(&what.kind) {
            _ if !approve => AwardState::Expired,
            born => born,
        };
        let key = review_key(award);
        match seen(slot, &command, &key) {
            Lookup::Known(known) if known.request == u64::from(approve) => {
                return answer(command, Ok(Reply::Award { state: given, moved: false, at_ms: self.now_ms }));
            }
            Lookup::Known(_) => {
                let detail = "the award was decided about otherwise already".into();
                return refuse(command, Error::Conflict { code: "award_reviewed", detail });
            }
            Lookup::Maybe => {
                let work = Work::ReviewAward { award, campaign, prize: prize.0, points, approve };
                return Step::Park(Command { work, ..command }, LoadAsk::Keys(id, vec![key]));
            }
            Lookup::Absent => {}
        }
        let mut keys: SmallVec<[Keyed; 1]> = smallvec![Keyed { hash: key, request: u64::from(approve), status: 200 }];
        let mut facts: SmallVec<[Fact; 2]> = smallvec![Fact::AwardReviewed { award, approved: approve }];
        // What somebody else fulfils goes on waiting for them; all else ends here.
        if given != AwardState::Granting {
            facts.push(Fact::AwardMoved { award, state: given });
            let request = if approve { FULFILLED } else { GIVEN_BACK };
            keys.push(Keyed { hash: fulfil_key(award), request, status: 200 });
        }
        if let (AwardState::Granted, Some(at_ms)) = (given, what.claim_by_ms(self.now_ms)) {
            facts.push(Fact::AwardClaimBy { award, at_ms });
        }
        if let (true, PrizeKind::Points { .. }) = (approve, what.kind) {
            let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
            self.expire_points(id, &mut proposal);
            let (entry, expires_at_ms) = (self.entry_id(id), runtime.rules.points_expire(self.now_ms));
            if let Err(why) = proposal.credit(entry, i64::from(points), Cause::Award { award }, expires_at_ms, None) {
                return refuse(command, declined(why));
            }
            facts.extend(proposal.facts);
        }
        self.append(
            id,
            Draft { facts, keys, answer: Vec::new(), saying: Saying::Award { state: given } },
            command.reply,
        );
        Step::Done
    }
}
