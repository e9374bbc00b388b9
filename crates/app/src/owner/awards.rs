//! An award's events. The account holds no awards: where one stands follows from its birth and from the keys of the
//! records that moved it, and keys are what an owner can prove present or absent.

use super::batch::{Draft, Saying};
use super::{LoadAsk, Owner, Step, answer, refuse, seen};
use crate::command::{Command, Reply, Work};
use crate::error::Error;
use crate::keys::{KeyKind, Lookup, hash};
use domain::award::{AwardEvent, AwardState, Happened};
use domain::ids::{AwardId, CampaignId, ShopperId};
use domain::record::{Fact, KeyHash, Keyed};
use smallvec::{SmallVec, smallvec};

/// What is asked of an award.
#[derive(Debug, Clone, Copy)]
pub(super) struct AwardAsk {
    pub award: AwardId,
    pub birth: AwardState,
    pub event: AwardEvent,
    pub claim_days: Option<u32>,
    pub claim_by_ms: Option<i64>,
}

impl AwardAsk {
    fn work(self) -> Work {
        let Self { award, birth, event, claim_days, claim_by_ms } = self;
        Work::MoveAward { award, birth, event, claim_days, claim_by_ms }
    }

    fn key(&self, event: AwardEvent) -> KeyHash {
        let kind = match event {
            AwardEvent::Fulfil | AwardEvent::GiveBack => return fulfil_key(self.award),
            AwardEvent::Fail => KeyKind::AwardFailed,
            AwardEvent::Claim | AwardEvent::Expire => KeyKind::Claim,
        };
        hash(kind, CampaignId(0), &self.award.0.to_le_bytes())
    }
}

/// What tells a claim from an expiry under their one key.
const CLAIMED: u64 = 0;
const EXPIRED: u64 = 1;
const DAY_MS: i64 = 86_400_000;
/// What tells giving back from fulfilling under their one key.
pub(super) const FULFILLED: u64 = 0;
pub(super) const GIVEN_BACK: u64 = 1;

/// The key of whichever ends the wait for an award.
pub(super) fn fulfil_key(award: AwardId) -> KeyHash {
    hash(KeyKind::AwardFulfilled, CampaignId(0), &award.0.to_le_bytes())
}

impl Owner {
    /// Moves an award by one event, says that it stands there already, or refuses what the table does not know.
    pub(super) fn move_award(&mut self, id: ShopperId, command: Command, ask: AwardAsk) -> Step {
        let Some(slot) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        let mut happened = Happened::default();
        let mut doubtful = Vec::new();
        for event in [AwardEvent::Fail, AwardEvent::Fulfil, AwardEvent::Claim] {
            let key = ask.key(event);
            match (seen(slot, &command, &key), event) {
                (Lookup::Absent, _) => {}
                (Lookup::Maybe, _) => doubtful.push(key),
                (Lookup::Known(_), AwardEvent::Fail) => happened.failed = true,
                (Lookup::Known(known), AwardEvent::Fulfil) if known.request == GIVEN_BACK => {
                    happened.given_back = true;
                }
                (Lookup::Known(_), AwardEvent::Fulfil) => happened.fulfilled = true,
                (Lookup::Known(known), _) => {
                    let expired = known.request == EXPIRED;
                    happened.settled = Some(if expired { AwardEvent::Expire } else { AwardEvent::Claim });
                }
            }
        }
        if !doubtful.is_empty() {
            return Step::Park(Command { work: ask.work(), ..command }, LoadAsk::Keys(id, doubtful));
        }
        let state = ask.birth.since_birth(happened);
        let late = ask.claim_by_ms.is_some_and(|by| self.now_ms >= by);
        match (state.after(ask.event), ask.event) {
            (Some(_), AwardEvent::Claim) if late => refuse(command, Error::claim_over()),
            (Some(_), AwardEvent::Expire) if !late => {
                let detail = "the award may still be claimed".into();
                refuse(command, Error::Conflict { code: "award_not_due", detail })
            }
            (Some(to), _) => self.append_move(id, command, &ask, to),
            (None, _) if state == ask.event.goal() => {
                answer(command, Ok(Reply::Award { state, moved: false, at_ms: self.now_ms }))
            }
            (None, AwardEvent::Claim) => refuse(command, Error::not_claimable(state)),
            (None, event) => {
                let detail = format!("the award is {}; it cannot {} now", state.word(), event.word());
                refuse(command, Error::Conflict { code: "award_not_movable", detail })
            }
        }
    }

    fn append_move(&mut self, id: ShopperId, command: Command, ask: &AwardAsk, to: AwardState) -> Step {
        let award = ask.award;
        let mut facts: SmallVec<[Fact; 2]> = smallvec![Fact::AwardMoved { award, state: to }];
        if let (AwardState::Granted, Some(days)) = (to, ask.claim_days) {
            let at_ms = self.now_ms.saturating_add(i64::from(days) * DAY_MS);
            facts.push(Fact::AwardClaimBy { award, at_ms });
        }
        let request = match ask.event {
            AwardEvent::Expire => EXPIRED,
            AwardEvent::GiveBack => GIVEN_BACK,
            AwardEvent::Claim => CLAIMED,
            AwardEvent::Fulfil | AwardEvent::Fail => FULFILLED,
        };
        if to == AwardState::Granted {
            facts.extend(self.handed_over(id, award));
        }
        let draft = Draft {
            facts,
            keys: smallvec![Keyed { hash: ask.key(ask.event), request, status: 200 }],
            answer: Vec::new(),
            saying: Saying::Award { state: to },
        };
        self.append(id, draft, command.reply);
        Step::Done
    }
}
