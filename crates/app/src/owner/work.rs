//! Everything a command can ask for besides draws and events.

use super::batch::{Draft, Saying};
use super::decide::DrawAsk;
use super::{LoadAsk, Owner, Slot, Step, answer, refuse, seen};
use crate::command::{Command, Once, Reply, Seen, Who, Work};
use crate::error::Error;
use crate::keys::{KeyKind, KeySet, Lookup, hash};
use crate::time::rfc3339;
use domain::account::Account;
use domain::award::AwardState;
use domain::campaign::{PointsRange, State};
use domain::ids::{AwardId, CampaignId, EntryId, OrderId, ShopperId};
use domain::order::OrderKind;
use domain::points::{Cause, Entry, apply};
use domain::record::{Fact, Granted, Keyed};
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
            | Work::SignIn { once, .. }
            | Work::Grant { once, .. }
            | Work::Points { once, .. }
            | Work::Claim { once, .. } => Some(*once),
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
                self.draw(id, command, &ask)
            }
            Work::SignIn { campaign, once } => self.sign_in(id, command, campaign, once),
            Work::Grant { campaign, once, chances, reason } => {
                self.grant(id, command, campaign, once, chances, &reason)
            }
            Work::Points { once, amount, business_key, reason } => {
                self.points(id, command, once, amount, &business_key, &reason)
            }
            Work::Events { events } => self.events(id, command, events),
            Work::Ban { campaign, mode, until_ms, reason } => {
                self.change(id, command, Fact::Blacklisted { campaign, mode, until_ms, reason: reason.into() })
            }
            Work::Watch { watch } => self.change(id, command, Fact::Watched(watch)),
            Work::Preview { campaign, strategy, person } => self.preview(id, command, campaign, &strategy, &person),
            Work::Unban { campaign } => self.change(id, command, Fact::Unblacklisted { campaign }),
            Work::Claim { once, award } => self.claim(id, command, once, award),
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
                let stored = Reply::Stored { offset: known.offset, status: known.status };
                Gate::Shut(answer(command, Ok(stored)))
            }
            Lookup::Known(_) => {
                let error = match &command.work {
                    Work::Grant { .. } | Work::Points { .. } => Error::BusinessKeyReused,
                    _ => Error::KeyReused,
                };
                Gate::Shut(refuse(command, error))
            }
        }
    }

    fn look(&mut self, id: ShopperId, command: Command) -> Step {
        let Some(slot) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        let seen =
            Seen { account: slot.account.clone(), tail: slot.tail.iter().copied().collect(), now_ms: self.now_ms, odds: None };
        answer(command, Ok(Reply::Seen(Box::new(seen))))
    }

    fn registered(&mut self, id: ShopperId, command: Command) -> Step {
        let registered_at_ms = self.accounts.get(&id).map_or(0, |s| s.account.registered_at_ms);
        answer(command, Ok(Reply::Registered { id, created: false, registered_at_ms }))
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

    fn grant(
        &mut self,
        id: ShopperId,
        command: Command,
        campaign: CampaignId,
        once: Once,
        chances: u32,
        reason: &str,
    ) -> Step {
        let Some(slot) = self.campaigns.get(&campaign) else { return refuse(command, Error::no_campaign()) };
        if matches!(slot.runtime.state_at(self.now_ms), State::Ended | State::Archived) {
            return refuse(
                command,
                Error::Conflict { code: "campaign_over", detail: "the campaign is over; it grants no chances".into() },
            );
        }
        let first = self.granted_so_far(id, campaign);
        let order = OrderId(self.ids.make(self.now_ms, id.partition()));
        let body = order_body(order, campaign, OrderKind::Grant, chances, None, Some(reason), self.now_ms);
        let granted = Granted { order, campaign, kind: OrderKind::Grant, chances, first, reason: reason.to_owned() };
        let draft = Draft {
            facts: smallvec![Fact::Granted(granted)],
            keys: smallvec![Keyed { hash: once.hash, request: once.request, status: 201 }],
            answer: body,
            saying: Saying::Done { status: 201 },
        };
        self.append(id, draft, command.reply);
        Step::Done
    }

    pub(super) fn granted_so_far(&self, id: ShopperId, campaign: CampaignId) -> u64 {
        self.accounts.get(&id).and_then(|s| s.account.enrolment(campaign)).map_or(0, |e| e.granted)
    }

    fn points(
        &mut self,
        id: ShopperId,
        command: Command,
        once: Once,
        amount: i64,
        business_key: &str,
        reason: &str,
    ) -> Step {
        let Some(slot) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        let Some(balance) = apply(slot.account.points, amount) else {
            return refuse(
                command,
                Error::Conflict { code: "points_short", detail: "the balance would fall below zero".into() },
            );
        };
        let entry = EntryId(self.ids.make(self.now_ms, id.partition()));
        let cause = Cause::Shop { business_key: business_key.to_owned(), reason: reason.to_owned() };
        let draft = Draft {
            facts: smallvec![Fact::Points(Entry { id: entry, amount, balance, cause })],
            keys: smallvec![Keyed { hash: once.hash, request: once.request, status: 201 }],
            answer: format!("{{\"id\":\"{entry}\",\"balance\":{balance}}}").into_bytes(),
            saying: Saying::Done { status: 201 },
        };
        self.append(id, draft, command.reply);
        Step::Done
    }

    fn claim(&mut self, id: ShopperId, command: Command, once: Once, award: AwardId) -> Step {
        let draft = Draft {
            facts: smallvec![Fact::AwardMoved { award, state: AwardState::Claimed }],
            keys: smallvec![Keyed { hash: once.hash, request: once.request, status: 200 }],
            answer: Vec::new(),
            saying: Saying::Done { status: 200 },
        };
        self.append(id, draft, command.reply);
        Step::Done
    }

    /// A sign-in as an order: once a local day, whether it came as an order or as an event.
    fn sign_in(&mut self, id: ShopperId, command: Command, campaign: CampaignId, once: Once) -> Step {
        let Some(slot) = self.campaigns.get_mut(&campaign) else { return refuse(command, Error::no_campaign()) };
        if let Some(refusal) = closed(slot.runtime.state_at(self.now_ms)) {
            return refuse(command, Error::Refused(refusal));
        }
        let offered = slot.runtime.rules.chances;
        if offered.sign_in.is_none() && offered.points_on_sign_in.is_none() {
            return refuse(
                command,
                Error::Conflict { code: "not_offered", detail: "this campaign gives nothing for signing in".into() },
            );
        }
        let runtime = slot.runtime.clone();
        let day = slot.day.day(&runtime.rules, self.now_ms);
        let act = hash(KeyKind::SignIn, campaign, &day.to_le_bytes());
        let Some(account) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        match seen(account, &command, &act) {
            Lookup::Known(_) => {
                let detail = "this shopper has signed in on the campaign's present day".into();
                return refuse(command, Error::Conflict { code: "already_signed_in", detail });
            }
            Lookup::Maybe => {
                let command = Command { work: Work::SignIn { campaign, once }, ..command };
                return Step::Park(command, LoadAsk::Keys(id, vec![act]));
            }
            Lookup::Absent => {}
        }
        let mut facts = SmallVec::new();
        let (order, points) = self.sign_in_facts(id, campaign, &runtime, day, &mut facts);
        let chances = offered.sign_in.unwrap_or(0);
        let body = order_body(order, campaign, OrderKind::SignIn, chances, points, None, self.now_ms);
        let keys = smallvec![
            Keyed { hash: once.hash, request: once.request, status: 201 },
            Keyed { hash: act, request: 0, status: 201 }
        ];
        self.append(id, Draft { facts, keys, answer: body, saying: Saying::Done { status: 201 } }, command.reply);
        Step::Done
    }

    /// What a sign-in gives. Earlier facts of the same record count for balance and order of chances.
    pub(super) fn sign_in_facts(
        &mut self,
        id: ShopperId,
        campaign: CampaignId,
        runtime: &crate::runtime::Runtime,
        day: i32,
        facts: &mut SmallVec<[Fact; 2]>,
    ) -> (OrderId, Option<u32>) {
        let order = OrderId(self.ids.make(self.now_ms, id.partition()));
        facts.push(Fact::SignedIn { campaign, day });
        let chances = runtime.rules.chances.sign_in.unwrap_or(0);
        let first = self.granted_so_far(id, campaign) + granted_in(facts, campaign);
        facts.push(Fact::Granted(Granted {
            order,
            campaign,
            kind: OrderKind::SignIn,
            chances,
            first,
            reason: String::new(),
        }));
        let label = format!("sign_in|{day}");
        let points = runtime.rules.chances.points_on_sign_in.map(|range| uniform(runtime, id, &label, range));
        if let Some(points) = points.filter(|p| *p > 0) {
            self.points_fact(id, i64::from(points), Cause::SignIn { campaign, day }, facts);
        }
        (order, points)
    }

    /// Adds an entry on top of the account's balance and of the entries already in the record.
    pub(super) fn points_fact(&mut self, id: ShopperId, amount: i64, cause: Cause, facts: &mut SmallVec<[Fact; 2]>) {
        let stored = self.accounts.get(&id).map_or(0, |s| s.account.points);
        let before = facts
            .iter()
            .rev()
            .find_map(|f| if let Fact::Points(e) = f { Some(e.balance) } else { None })
            .unwrap_or(stored);
        if let Some(balance) = apply(before, amount) {
            let entry = EntryId(self.ids.make(self.now_ms, id.partition()));
            facts.push(Fact::Points(Entry { id: entry, amount, balance, cause }));
        }
    }
}

/// Chances of a campaign that earlier facts of the same record grant.
pub(super) fn granted_in(facts: &[Fact], campaign: CampaignId) -> u64 {
    facts
        .iter()
        .map(|f| {
            if let Fact::Granted(g) = f
                && g.campaign == campaign
            {
                u64::from(g.chances)
            } else {
                0
            }
        })
        .sum()
}

/// A uniform number of points from the campaign's seed: draw 0 is never drawn, so nothing about a draw is revealed.
pub(super) fn uniform(runtime: &crate::runtime::Runtime, id: ShopperId, label: &str, range: PointsRange) -> u32 {
    let width = u32::try_from(range.max.saturating_sub(range.min)).unwrap_or(0).saturating_add(1);
    let mut roll = runtime.seed.draw_seed(runtime.id, id, 0).roll(label);
    u32::try_from(range.min).unwrap_or(0).saturating_add(roll.below(width))
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

fn order_body(
    order: OrderId,
    campaign: CampaignId,
    kind: OrderKind,
    chances: u32,
    points: Option<u32>,
    reason: Option<&str>,
    now_ms: i64,
) -> Vec<u8> {
    let mut body = serde_json::json!({
        "id": order,
        "campaign_id": campaign,
        "kind": kind.word(),
        "state": domain::order::state_word(0, chances, 0),
        "chances": chances,
        "created_at": rfc3339(now_ms),
    });
    if let Some(points) = points {
        body["points"] = points.into();
    }
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    body.to_string().into_bytes()
}
