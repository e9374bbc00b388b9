//! Redeem codes (R7): a code's count belongs to many shoppers, so it is moved before the shopper's own record and from
//! then on there is only forward. The owner holds the shopper while the use is counted elsewhere; whatever else comes for
//! the shopper waits. Where the record does not come (a crash, a full disk), the use's timer has it made later.

use super::orders::{bytes, plain};
use super::work::declined;
use super::{Busy, Limits, LoadAsk, Owner, Step, answer, refuse, seen};
use crate::command::{Command, Once, OrderAsk, Reply, Who, Work};
use crate::desk::Tries;
use crate::error::Error;
use crate::keys::{KeyKind, Lookup, hash};
use crate::ports::{Claim, ClaimAsk, CodeUse, PortResult};
use domain::code::Unusable;
use domain::ids::{CampaignId, CodeUseId, ShopperId};
use domain::order::OrderKind;
use domain::record::{Fact, KeyHash, Keyed};
use smallvec::{SmallVec, smallvec};

const UNKNOWN: Error = Error::NotFound { code: "code_unknown", detail: "this campaign has no such code" };

fn unusable(why: Unusable) -> Error {
    let code = match why {
        Unusable::NotStarted => "code_not_started",
        Unusable::Over => "code_expired",
        Unusable::UsedUp | Unusable::UsedByShopper => "code_used",
        Unusable::ShopperLimit => "code_limit_reached",
    };
    Error::Conflict { code, detail: why.to_string() }
}

/// What makes a counted use give one order, whoever asks for it.
fn use_key(used: &CodeUse) -> KeyHash {
    hash(KeyKind::Redeem, used.campaign, &used.id.0.to_le_bytes())
}

impl Owner {
    /// Every refusal that is this shopper's own comes here, before the use is counted. The shopper is held from now on.
    pub(super) fn claim(
        &mut self,
        id: ShopperId,
        command: Command,
        campaign: CampaignId,
        once: Once,
        codes: Vec<String>,
    ) -> Step {
        let guesses = self.limits.guesses;
        if let Err(after_ms) = self.guesses.check(Tries::Shopper(id), guesses, self.now_ms) {
            return refuse(command, Error::Guessing { after_ms });
        }
        if codes.is_empty() {
            return self.unknown(id, command);
        }
        const FULL: Error = Error::Unavailable("too many codes are being redeemed");
        let new_id = CodeUseId(self.ids.make(self.now_ms, id.partition()));
        let (key, request, now_ms) = (once.hash, once.request, self.now_ms);
        let ask = ClaimAsk { campaign, codes: codes.clone(), shopper: id, key, request, new_id, now_ms };
        if self.parked_count >= self.limits.parked
            || self.loader.try_send((Who::Id(id), LoadAsk::Claim(Box::new(ask)))).is_err()
        {
            return refuse(command, FULL);
        }
        if let Some(slot) = self.accounts.get_mut(&id) {
            slot.busy = Some(Busy::Claim);
        }
        self.parked_count += 1;
        let work = Work::Order { campaign, once, ask: OrderAsk::Redeem { codes } };
        self.claims.insert(id, Command { work, ..command });
        Step::Done
    }

    /// A code that there is not: a guess, and counted as one.
    fn unknown(&mut self, id: ShopperId, command: Command) -> Step {
        let Limits { guesses, guess_window, .. } = self.limits;
        metrics::counter!("koi_codes_unknown_total").increment(1);
        // Nobody else counts this shopper's guesses meanwhile, so there is room: it was looked at before.
        _ = self.guesses.admit(Tries::Shopper(id), guesses, guess_window, self.now_ms);
        refuse(command, UNKNOWN)
    }

    /// Lets a command wait until the use of a code by its shopper is counted.
    pub(super) fn wait_for_claim(&mut self, id: ShopperId, command: Command) -> Step {
        if self.parked_count >= self.limits.parked {
            return refuse(command, Error::Unavailable("too many requests of busy shoppers are waiting"));
        }
        self.parked_count += 1;
        self.parked.entry(Who::Id(id)).or_default().push(command);
        Step::Done
    }

    /// The use is counted, or not: the command goes on first, then whoever waited behind it.
    pub(super) fn claimed(&mut self, id: ShopperId, claim: PortResult<Claim>) {
        let Some(command) = self.claims.remove(&id) else { return };
        self.parked_count -= 1;
        if let Some(slot) = self.accounts.get_mut(&id) {
            slot.busy = None;
        }
        let step = match claim {
            Ok(Claim::Counted(used)) => {
                crate::failpoint::hit("code_counted");
                self.redeemed(id, command, &used, true)
            }
            Ok(Claim::Unusable(why)) => refuse(command, unusable(why)),
            Ok(Claim::Unknown) => self.unknown(id, command),
            Ok(Claim::KeyReused) => refuse(command, Error::KeyReused),
            Err(error) => {
                // It may have been counted all the same: a retry with the same key finds out, and so does its timer.
                tracing::warn!(%error, "it is not known whether a code was used");
                refuse(command, Error::Unavailable("the records are out of reach; ask again with the same key"))
            }
        };
        self.then(step);
        let waiting = self.waiting(&Who::Id(id));
        self.again(waiting, false);
    }

    /// The order of a counted use. Nothing refuses it any more. `keyed`: under the caller's key too.
    fn redeemed(&mut self, id: ShopperId, command: Command, used: &CodeUse, keyed: bool) -> Step {
        let Some(runtime) = self.campaigns.get(&used.campaign).map(|slot| slot.runtime.clone()) else {
            return refuse(command, Error::no_campaign());
        };
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        let order = self.order_id(id);
        let granted = plain(order, &runtime, OrderKind::Redeem, used.chances, self.now_ms);
        let told = Fact::Redeemed { used: used.id, order };
        if let Err(why) = proposal.grant(granted).and_then(|()| Ok(proposal.push(told)?)) {
            return refuse(command, declined(why));
        }
        let Some(row) = self.proposed(id, &proposal, order) else {
            return refuse(command, Error::Unavailable("the order was not made"));
        };
        let answer = bytes(&row.view(u64::from(row.chances), self.now_ms));
        let own = Keyed { hash: use_key(used), request: used.request, status: 201 };
        let caller = Keyed { hash: used.key, request: used.request, status: 201 };
        let keys: SmallVec<[Keyed; 1]> = if keyed { smallvec![caller, own] } else { smallvec![own] };
        self.append_proposal(id, proposal, keys, answer, command)
    }

    /// The sweeper's part: the order of a use that was counted long ago, unless it came meanwhile.
    pub(super) fn redeem_late(&mut self, id: ShopperId, command: Command, used: CodeUse) -> Step {
        let Some(slot) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        let keys = [use_key(&used), used.key];
        let found = keys.map(|key| seen(slot, &command, &key));
        if let Lookup::Known(_) = found[0] {
            return answer(command, Ok(Reply::Stale));
        }
        let doubtful: Vec<KeyHash> =
            keys.into_iter().zip(found).filter(|(_, found)| *found == Lookup::Maybe).map(|(key, _)| key).collect();
        if !doubtful.is_empty() {
            let command = Command { work: Work::Redeem { used }, ..command };
            return Step::Park(command, LoadAsk::Keys(id, doubtful));
        }
        metrics::counter!("koi_codes_swept_total").increment(1);
        // Whoever got no answer may have used the key for something else since.
        self.redeemed(id, command, &used, found[1] == Lookup::Absent)
    }
}
