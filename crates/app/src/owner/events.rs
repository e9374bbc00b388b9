//! Behaviour on its way into the ledger, and what it grants.

use super::batch::{Draft, Saying};
use super::work::{granted_in, uniform};
use super::{LoadAsk, Owner, Slot, Step, refuse, seen};
use crate::command::{Command, EventIn, Reply, Work};
use crate::error::Error;
use crate::keys::{KeyKind, Lookup, hash};
use crate::runtime::Runtime;
use domain::behaviour::{Action, Behaviour};
use domain::campaign::State;
use domain::ids::{OrderId, ShopperId};
use domain::order::OrderKind;
use domain::points::Cause;
use domain::record::{Fact, Granted, KeyHash, Keyed};
use smallvec::SmallVec;
use std::sync::Arc;

/// The keys under which a behaviour grants, one for each campaign that it may grant something in.
struct Grant {
    runtime: Arc<Runtime>,
    key: KeyHash,
    what: What,
}

enum What {
    SignIn { day: i32 },
    Purchase { chances: u32, order: String },
}

impl Owner {
    /// Takes one shopper's behaviours as one record: those that are new, and what they grant.
    pub(super) fn events(&mut self, id: ShopperId, command: Command, events: Vec<EventIn>) -> Step {
        let grants: Vec<Vec<Grant>> = events.iter().map(|e| self.grants_of(&e.behaviour)).collect();
        let Some(slot) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        let doubtful = doubtful(slot, &command, &events, &grants);
        if !doubtful.is_empty() {
            let command = Command { work: Work::Events { events }, ..command };
            return Step::Park(command, LoadAsk::Keys(id, doubtful));
        }
        let mut facts: SmallVec<[Fact; 2]> = SmallVec::new();
        let mut keys: SmallVec<[Keyed; 1]> = SmallVec::new();
        let (mut accepted, mut duplicates) = (0, 0);
        for (event, grants) in events.into_iter().zip(grants) {
            if self.used(id, &command, &keys, &event.hash) {
                duplicates += 1;
                continue;
            }
            accepted += 1;
            keys.push(Keyed { hash: event.hash, request: 0, status: 202 });
            facts.push(Fact::Behaved { key: event.hash, at_ms: event.behaviour.at_ms, sealed: event.sealed });
            for grant in grants {
                if !self.used(id, &command, &keys, &grant.key) {
                    keys.push(Keyed { hash: grant.key, request: 0, status: 202 });
                    self.give(id, grant, &mut facts);
                }
            }
        }
        if facts.is_empty() {
            _ = command.reply.send(Ok(Reply::Events { accepted, duplicates }));
            return Step::Done;
        }
        let draft = Draft { facts, keys, answer: Vec::new(), saying: Saying::Events { accepted, duplicates } };
        self.append(id, draft, command.reply);
        Step::Done
    }

    fn used(&self, id: ShopperId, command: &Command, mine: &[Keyed], key: &KeyHash) -> bool {
        let stored = self.accounts.get(&id).is_some_and(|slot| seen(slot, command, key) != Lookup::Absent);
        stored || mine.iter().any(|k| k.hash == *key)
    }

    /// What a behaviour grants in each campaign that was published before it arrived and whose window holds it.
    fn grants_of(&mut self, behaviour: &Behaviour) -> Vec<Grant> {
        let now_ms = self.now_ms;
        let mut grants = Vec::new();
        for slot in self.campaigns.values_mut() {
            let (runtime, at_ms) = (slot.runtime.clone(), behaviour.at_ms);
            let rules = &runtime.rules;
            let open = matches!(runtime.state_at(now_ms), State::Live | State::Paused);
            if !open || at_ms < rules.starts_at_ms || at_ms >= rules.ends_at_ms {
                continue;
            }
            match &behaviour.action {
                Action::SignIn {} if rules.chances.sign_in.is_some() || rules.chances.points_on_sign_in.is_some() => {
                    let day = rules.local_day(at_ms).number;
                    let key = hash(KeyKind::SignIn, runtime.id, &day.to_le_bytes());
                    grants.push(Grant { runtime, key, what: What::SignIn { day } });
                }
                Action::Purchase { order_id, .. } => {
                    let per = rules.chances.per_purchase_cents.filter(|per| *per > 0);
                    let chances = per.map_or(0, |per| {
                        u32::try_from(behaviour.action.total_cents() / per).unwrap_or(u32::MAX).min(CHANCES_A_PURCHASE)
                    });
                    if chances > 0 || rules.chances.points_on_purchase.is_some() {
                        let key = hash(KeyKind::Purchase, runtime.id, order_id.as_bytes());
                        grants.push(Grant { runtime, key, what: What::Purchase { chances, order: order_id.clone() } });
                    }
                }
                _ => {}
            }
        }
        // The map's order is not the ledger's business: a fixed one keeps answers the same wherever they are made.
        grants.sort_unstable_by_key(|g| g.runtime.id);
        grants
    }

    fn give(&mut self, id: ShopperId, grant: Grant, facts: &mut SmallVec<[Fact; 2]>) {
        let campaign = grant.runtime.id;
        match grant.what {
            What::SignIn { day } => _ = self.sign_in_facts(id, campaign, &grant.runtime, day, facts),
            What::Purchase { chances, order } => {
                if chances > 0 {
                    let first = self.granted_so_far(id, campaign) + granted_in(facts, campaign);
                    let id = OrderId(self.ids.make(self.now_ms, id.partition()));
                    facts.push(Fact::Granted(Granted {
                        order: id,
                        campaign,
                        kind: OrderKind::Purchase,
                        chances,
                        first,
                        reason: order.clone(),
                    }));
                }
                if let Some(range) = grant.runtime.rules.chances.points_on_purchase {
                    let points = uniform(&grant.runtime, id, &format!("purchase|{order}"), range);
                    if points > 0 {
                        self.points_fact(id, i64::from(points), Cause::Purchase { campaign, order }, facts);
                    }
                }
            }
        }
    }
}

/// Chances that one purchase grants at most: a misplaced decimal point shall not grant a billion.
const CHANCES_A_PURCHASE: u32 = 10_000;

/// Keys that only records can tell about.
fn doubtful(slot: &Slot, command: &Command, events: &[EventIn], grants: &[Vec<Grant>]) -> Vec<KeyHash> {
    let keys = events.iter().map(|e| e.hash).chain(grants.iter().flatten().map(|g| g.key));
    keys.filter(|hash| seen(slot, command, hash) == Lookup::Maybe).collect()
}
