//! The prize of an entry drawing (R9): one idempotent command for each rank that wins, a retry finds it given.

use super::batch::{Draft, Saying};
use super::{LoadAsk, Owner, Step, answer, refuse, seen};
use crate::command::{Command, Reply, Work};
use crate::error::Error;
use crate::keys::{KeyKind, Lookup, hash};
use domain::award::AwardState;
use domain::campaign::State;
use domain::ids::{AwardId, CampaignId, ShopperId};
use domain::record::{EntryWon, Fact, Keyed};
use smallvec::{SmallVec, smallvec};

impl Owner {
    /// Gives a rank its award, once.
    pub(super) fn win_entry(&mut self, id: ShopperId, command: Command, campaign: CampaignId, rank: u32) -> Step {
        let Some(runtime) = self.campaigns.get(&campaign).map(|slot| slot.runtime.clone()) else {
            return refuse(command, Error::no_campaign());
        };
        let over = matches!(runtime.state, State::Ended | State::Archived);
        let Some(entry) = runtime.rules.entry.filter(|_| over) else {
            let detail = "the campaign is not over, or has no entry drawing".into();
            return refuse(command, Error::Conflict { code: "campaign_not_over", detail });
        };
        let Some(slot) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        let key = hash(KeyKind::Entry, campaign, &rank.to_le_bytes());
        match seen(slot, &command, &key) {
            Lookup::Known(_) => return answer(command, Ok(Reply::Stale)),
            Lookup::Maybe => {
                let command = Command { work: Work::WinEntry { campaign, rank }, ..command };
                return Step::Park(command, LoadAsk::Keys(id, vec![key]));
            }
            Lookup::Absent => {}
        }
        let prize = runtime.rules.prize(entry.prize);
        let (award, state) = (AwardId(self.ids.make(self.now_ms, id.partition())), AwardState::at_birth(&prize.kind));
        let won = EntryWon {
            campaign,
            rules: runtime.rules.version,
            prize: entry.prize.0,
            rank,
            award,
            state,
            cost_cents: prize.cost_cents,
        };
        let mut facts: SmallVec<[Fact; 2]> = smallvec![Fact::EntryWon(Box::new(won))];
        if let (AwardState::Granted, Some(at_ms)) = (state, prize.claim_by_ms(self.now_ms)) {
            facts.push(Fact::AwardClaimBy { award, at_ms });
        }
        let keys = smallvec![Keyed { hash: key, request: 0, status: 201 }];
        self.append(id, Draft { facts, keys, answer: Vec::new(), saying: Saying::Changed }, command.reply);
        crate::failpoint::hit("entry_won");
        Step::Done
    }
}
