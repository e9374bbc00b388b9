//! Everything a command can ask for besides draws and events.

use super::awards::AwardAsk;
use super::batch::{Draft, Saying};
use super::decide::DrawAsk;
use super::exchange::ExchangeAsk;
use super::orders::{GrantAsk, Payment};
use super::review::ReviewAsk;
use super::{LoadAsk, Owner, Slot, Step, answer, refuse, seen};
use crate::command::{Command, Once, Reply, Seen, Who, Work};
use crate::error::Error;
use crate::keys::{KeySet, Lookup};
use crate::precondition::{IfMatch, ban_tag, watch_tag};
use domain::account::Account;
use domain::campaign::{PrizeIx, State};
use domain::ids::{CampaignId, EntryId, OrderId, ShopperId};
use domain::points::Cause;
use domain::proposal::{Declined, Proposal};
use domain::record::{Fact, Keyed};
use smallvec::{SmallVec, smallvec};

/// What a key says before any work is done.
enum Gate {
    Open(Command),
    Shut(Step),
}

impl Owner {
    /// Does a command's work on an account that is in memory and not busy.
    pub(super) fn work(&mut self, id: ShopperId, mut command: Command) -> Step {
        let once = match &command.work {
            Work::Draw { once, .. }
            | Work::Order { once, .. }
            | Work::Pay { once, .. }
            | Work::Grant { once, .. }
            | Work::Points { once, .. } => Some(*once),
            _ => None,
        };
        if let Some(once) = once {
            match self.gate(id, command, once) {
                Gate::Open(open) => command = open,
                Gate::Shut(step) => return step,
            }
        }
        crate::failpoint::hit("after_check");
        match std::mem::replace(&mut command.work, Work::Look) {
            Work::Draw { campaign, once, client_seed, count, strategy, person } => {
                let ask =
                    DrawAsk { campaign, once, client_seed: &client_seed, count, strategy: &strategy, person: &person };
                match self.draw(id, command, &ask) {
                    Step::Lack(command, id, lack) => {
                        let work = Work::Draw { campaign, once, client_seed, count, strategy, person };
                        Step::Lack(Command { work, ..command }, id, lack)
                    }
                    done => done,
                }
            }
            Work::Order { campaign, once, ask } => self.order(id, command, campaign, once, ask),
            Work::Redeem { used } => self.redeem_late(id, command, used),
            Work::Exchange { item, once, quantity } => self.exchange(id, command, ExchangeAsk { item, once, quantity }),
            Work::Cancel { campaign, order } => self.cancel(id, command, campaign, order),
            Work::Pay { once, order, amount_cents, payment } => {
                self.pay(id, command, &Payment { once, order: &order, amount_cents, payment: &payment })
            }
            Work::Grant { campaign, once, chances, expires_at_ms, reason } => {
                self.grant(id, command, &GrantAsk { campaign, once, chances, expires_at_ms, reason: &reason })
            }
            Work::Reward { campaign, referred } => self.reward(id, command, campaign, referred),
            Work::Points { once, amount, business_key, reason, expires_at_ms } => {
                let cause = Cause::Shop { business_key: business_key.into(), reason: reason.into() };
                self.points(id, command, once, amount, cause, expires_at_ms)
            }
            Work::Due { row } => self.due(id, command, row),
            Work::Events { events } => self.events(id, command, events),
            Work::Ban { campaign, mode, until_ms, reason, if_match } => {
                let fact = Fact::Blacklisted { campaign, mode, until_ms, reason: reason.into() };
                self.change_ban(id, command, campaign, &if_match, fact)
            }
            Work::Erase if self.accounts.get(&id).is_some_and(|slot| slot.account.erased) => {
                answer(command, Ok(Reply::Changed))
            }
            Work::Erase => self.change(id, command, Fact::Erased),
            Work::Watch { watch, if_match } => self.change_watch(id, command, &if_match, Fact::Watched(watch)),
            Work::Preview { campaign, strategy, person } => self.preview(id, command, campaign, &strategy, &person),
            Work::Unban { campaign, if_match } => {
                self.change_ban(id, command, campaign, &if_match, Fact::Unblacklisted { campaign })
            }
            Work::MoveAward { award, birth, event, claim_days, claim_by_ms } => {
                self.move_award(id, command, AwardAsk { award, birth, event, claim_days, claim_by_ms })
            }
            Work::ReviewAward { award, campaign, prize, points, approve } => {
                self.review(id, command, ReviewAsk { award, campaign, prize: PrizeIx(prize), points, approve })
            }
            Work::WinEntry { campaign, rank } => self.win_entry(id, command, campaign, rank),
            Work::Register { .. } => self.registered(id, command),
            Work::Look => self.look(id, command),
        }
    }

    /// Replays a known key, asks records about a doubtful one, opens the way for a new one.
    fn gate(&mut self, id: ShopperId, command: Command, once: Once) -> Gate {
        let Some(slot) = self.accounts.get(&id) else { return Gate::Shut(refuse(command, Error::no_shopper())) };
        match seen(slot, &command, &once.hash) {
            Lookup::Absent => Gate::Open(command),
            Lookup::Maybe => Gate::Shut(Step::Park(command, LoadAsk::Keys(id, vec![once.hash]))),
            Lookup::Known(known) if known.request == once.request => {
                let stored = Reply::Stored { part: id.partition(), offset: known.offset, status: known.status };
                Gate::Shut(answer(command, Ok(stored)))
            }
            Lookup::Known(_) => {
                let error = match &command.work {
                    Work::Grant { .. } | Work::Points { .. } | Work::Pay { .. } => Error::BusinessKeyReused,
                    _ => Error::KeyReused,
                };
                Gate::Shut(refuse(command, error))
            }
        }
    }

    /// An empty record on top of a shopper's account.
    pub(super) fn propose(&self, id: ShopperId) -> Option<Proposal> {
        self.accounts.get(&id).map(|slot| Proposal::new(&slot.account))
    }

    /// Appends what was proposed; `keys` make it happen once, the caller's first.
    pub(super) fn append_proposal(
        &mut self,
        id: ShopperId,
        proposal: Proposal,
        keys: SmallVec<[Keyed; 1]>,
        answer: Vec<u8>,
        command: Command,
    ) -> Step {
        let saying = keys.first().map_or(Saying::Changed, |key| Saying::Done { status: key.status });
        self.append(id, Draft { facts: proposal.facts, keys, answer, saying }, command.reply);
        Step::Done
    }

    pub(super) fn order_id(&mut self, shopper: ShopperId) -> OrderId {
        OrderId(self.ids.make(self.now_ms, shopper.partition()))
    }

    pub(super) fn entry_id(&mut self, shopper: ShopperId) -> EntryId {
        EntryId(self.ids.make(self.now_ms, shopper.partition()))
    }

    /// Writes off points whose time is over, ahead of whatever spends.
    pub(super) fn expire_points(&mut self, shopper: ShopperId, proposal: &mut Proposal) {
        let (now_ms, ids) = (self.now_ms, &mut self.ids);
        proposal.expire_points(now_ms, || EntryId(ids.make(now_ms, shopper.partition())));
    }

    fn look(&mut self, id: ShopperId, command: Command) -> Step {
        let Some(slot) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        let seen = Seen {
            account: slot.account.clone(),
            tail: slot.tail.iter().copied().collect(),
            now_ms: self.now_ms,
            odds: None,
        };
        answer(command, Ok(Reply::Seen(Box::new(seen))))
    }

    fn registered(&mut self, id: ShopperId, command: Command) -> Step {
        let registered_at_ms = self.accounts.get(&id).map_or(0, |s| s.account.registered_at_ms);
        answer(command, Ok(Reply::Registered { id, created: false, registered_at_ms }))
    }

    fn change_ban(
        &mut self,
        id: ShopperId,
        command: Command,
        campaign: Option<CampaignId>,
        if_match: &IfMatch,
        fact: Fact,
    ) -> Step {
        let tag = ban_tag(self.accounts.get(&id).and_then(|slot| slot.account.ban(campaign)));
        self.change_if(id, command, if_match, Some(&tag), fact)
    }

    fn change_watch(&mut self, id: ShopperId, command: Command, if_match: &IfMatch, fact: Fact) -> Step {
        let tag = self.accounts.get(&id).map(|slot| watch_tag(&slot.account.watch));
        self.change_if(id, command, if_match, tag.as_deref(), fact)
    }

    /// [`Owner::change`] where what it changes, whose tag is `tag`, is as the caller read it.
    fn change_if(
        &mut self,
        id: ShopperId,
        command: Command,
        if_match: &IfMatch,
        tag: Option<&str>,
        fact: Fact,
    ) -> Step {
        match if_match.check(tag) {
            Ok(()) => self.change(id, command, fact),
            Err(stale) => refuse(command, stale),
        }
    }

    /// A change that needs no key since doing it twice is the same: a ban, its end.
    fn change(&mut self, id: ShopperId, command: Command, fact: Fact) -> Step {
        let draft =
            Draft { facts: smallvec![fact], keys: SmallVec::new(), answer: Vec::new(), saying: Saying::Changed };
        self.append(id, draft, command.reply);
        Step::Done
    }

    /// Registers a shopper whom records do not know.
    pub(super) fn register(&mut self, command: Command) -> Step {
        let Who::Name(external_id) = command.who.clone() else { return refuse(command, Error::no_shopper()) };
        let part = domain::ids::partition_of(&external_id);
        let id = ShopperId(self.ids.make(self.now_ms, part));
        let registered_at_ms = match &command.work {
            Work::Register { registered_at_ms } => registered_at_ms.unwrap_or(self.now_ms),
            _ => return refuse(command, Error::no_shopper()),
        };
        let fact = Fact::Registered { external_id: external_id.to_string(), registered_at_ms };
        self.accounts.insert(id, Slot::new(Account::new(id), KeySet::default()));
        self.hand.push_back(id);
        self.registering.insert(external_id);
        let saying = Saying::Registered { created: true, registered_at_ms };
        self.append(
            id,
            Draft { facts: smallvec![fact], keys: SmallVec::new(), answer: Vec::new(), saying },
            command.reply,
        );
        Step::Done
    }
}

/// The refusal of a campaign that is not open.
pub(super) fn closed(state: State) -> Option<domain::draw::Refusal> {
    use domain::draw::Refusal;
    match state {
        State::Live => None,
        State::Draft => Some(Refusal::Draft),
        State::Scheduled => Some(Refusal::NotStarted),
        State::Paused => Some(Refusal::Paused),
        State::Ended | State::Archived => Some(Refusal::Over),
    }
}

/// A proposal that was declined, as what its caller is told.
pub(super) fn declined(why: Declined) -> Error {
    let code = match why {
        Declined::PointsShort => "points_short",
        Declined::PointsTooMany => "points_too_many",
        Declined::TooManyHolds => "holds_too_many",
        Declined::HeldAlready => "held_already",
        Declined::NoHold => "hold_unknown",
        Declined::TooManyUnpaid => "unpaid_too_many",
        Declined::Broken(what) => {
            tracing::error!(what, "a proposal does not continue its account");
            return Error::Unavailable("the account cannot take this");
        }
    };
    Error::Conflict { code, detail: why.to_string() }
}
