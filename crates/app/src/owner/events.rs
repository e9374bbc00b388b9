//! Behaviour on its way into the ledger, and what it grants.

use super::batch::{Draft, Saying};
use super::orders::{plain, roll};
use super::{LoadAsk, Owner, Slot, Step, refuse, seen};
use crate::command::{Command, EventIn, Reply, Work};
use crate::error::Error;
use crate::keys::{KeyKind, Lookup, hash};
use crate::runtime::Runtime;
use domain::behaviour::{Action, Behaviour};
use domain::campaign::{Chances, PointsRange, State};
use domain::chances::{EarlyReturn, NEVER, Rebate};
use domain::entry::TicketsBy;
use domain::ids::ShopperId;
use domain::order::OrderKind;
use domain::points::{Cause, Rolled};
use domain::proposal::Proposal;
use domain::record::{Fact, Granted, KeyHash, Keyed};
use smallvec::SmallVec;
use std::sync::Arc;

/// The keys under which a behaviour grants, one for each campaign that it may grant something in.
struct Grant {
    runtime: Arc<Runtime>,
    /// What makes it happen once; a return has none, its behaviour's own suffices.
    key: Option<KeyHash>,
    what: What,
}

impl Grant {
    /// The keys that decide what it comes to.
    fn asks(&self) -> impl Iterator<Item = KeyHash> {
        let purchase = match &self.what {
            What::Return { purchase, .. } => Some(*purchase),
            _ => None,
        };
        self.key.into_iter().chain(purchase)
    }
}

enum What {
    SignIn {
        day: i32,
    },
    Purchase {
        bought: Bought,
    },
    /// `purchase` is the key of what it undoes.
    Return {
        back: EarlyReturn,
        purchase: KeyHash,
        /// Whether that purchase was told and counted.
        told: bool,
    },
}

/// One purchase in one campaign.
struct Bought {
    order: String,
    source: u64,
    cents: i64,
    at_ms: i64,
}

/// What a purchase and its return know each other by.
fn source_of(key: &KeyHash) -> u64 {
    u64::from_le_bytes(key[..8].try_into().expect("invariant: 8 of 16 bytes"))
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
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        let mut keys: SmallVec<[Keyed; 1]> = SmallVec::new();
        let (mut accepted, mut duplicates) = (0, 0);
        for (event, grants) in events.into_iter().zip(grants) {
            if self.used(id, &command, &keys, &event.hash) {
                duplicates += 1;
                continue;
            }
            accepted += 1;
            keys.push(Keyed { hash: event.hash, request: 0, status: 202 });
            // Behaviour changes no account.
            let (key, at_ms, sealed) = (event.hash, event.behaviour.at_ms, event.sealed);
            proposal.facts.push(Fact::Behaved { key, at_ms, sealed });
            for mut grant in grants {
                if let What::Return { purchase, told, .. } = &mut grant.what {
                    *told = self.used(id, &command, &keys, purchase);
                }
                if let Some(key) = grant.key {
                    if self.used(id, &command, &keys, &key) {
                        continue;
                    }
                    keys.push(Keyed { hash: key, request: 0, status: 202 });
                }
                self.give(id, grant, &mut proposal);
            }
        }
        if proposal.facts.is_empty() {
            self.say(command.reply, Ok(Reply::Events { accepted, duplicates }));
            return Step::Done;
        }
        let saying = Saying::Events { accepted, duplicates };
        self.append(id, Draft { facts: proposal.facts, keys, answer: Vec::new(), saying }, command.reply);
        Step::Done
    }

    fn used(&self, id: ShopperId, command: &Command, mine: &[Keyed], key: &KeyHash) -> bool {
        let stored = self.accounts.get(&id).is_some_and(|slot| seen(slot, command, key) != Lookup::Absent);
        stored || mine.iter().any(|k| k.hash == *key)
    }

    /// What a behaviour grants in each campaign that was published before it arrived and that holds its time, and what a
    /// return takes back. A campaign that is over is asked as well, until it is archived and its keys may go: what was
    /// bought within it counts however late it is told.
    fn grants_of(&mut self, behaviour: &Behaviour) -> Vec<Grant> {
        let now_ms = self.now_ms;
        let mut grants = Vec::new();
        for slot in self.campaigns.values_mut() {
            let (runtime, at_ms) = (slot.runtime.clone(), behaviour.at_ms);
            let (rules, id) = (&runtime.rules, runtime.id);
            if !matches!(runtime.state, State::Scheduled | State::Live | State::Paused | State::Ended) {
                continue;
            }
            let open = matches!(runtime.state_at(now_ms), State::Live | State::Paused);
            let counts_spend = rules.counts_spend();
            let inside = runtime.holds(at_ms);
            let offered = &rules.chances;
            let grant = match &behaviour.action {
                Action::SignIn {} if open && inside && offers_sign_in(offered) => {
                    let day = rules.local_day(at_ms).number;
                    Some((Some(hash(KeyKind::SignIn, id, &day.to_le_bytes())), What::SignIn { day }))
                }
                Action::Purchase { order_id, .. } if inside => {
                    let (cents, order) = (behaviour.action.total_cents(), order_id.clone());
                    let key = hash(KeyKind::Purchase, id, order_id.as_bytes());
                    let bought = Bought { order, source: source_of(&key), cents, at_ms };
                    let gives = chances_of(&runtime, cents) > 0 || offered.points_for(cents).is_some() || counts_spend;
                    gives.then_some((Some(key), What::Purchase { bought }))
                }
                Action::Return { order_id, .. } if offered.per_purchase_cents.is_some() || counts_spend => {
                    let key = hash(KeyKind::Purchase, id, order_id.as_bytes());
                    let back = EarlyReturn { source: source_of(&key), cents: behaviour.action.total_cents(), at_ms };
                    Some((None, What::Return { back, purchase: key, told: false }))
                }
                _ => None,
            };
            grants.extend(grant.map(|(key, what)| Grant { runtime, key, what }));
        }
        // The map's order is not the ledger's business: a fixed one keeps answers the same wherever they are made.
        grants.sort_unstable_by_key(|g| g.runtime.id);
        grants
    }

    fn give(&mut self, id: ShopperId, grant: Grant, proposal: &mut Proposal) {
        match grant.what {
            What::SignIn { day } => _ = self.sign_in_facts(id, proposal, &grant.runtime, day),
            What::Purchase { bought } => self.rebate(id, &grant.runtime, bought, proposal),
            What::Return { back, told: false, .. } => proposal.keep_return(grant.runtime.id, back),
            What::Return { back, .. } => {
                let campaign = grant.runtime.id;
                // What is over is written off as that, not as taken back.
                proposal.expire_chances(campaign, self.now_ms);
                _ = proposal.take_back(campaign, back.source, back.cents, back.at_ms);
                if grant.runtime.rules.counts_spend() && back.cents > 0 {
                    proposal.count_spend(campaign, -back.cents);
                }
            }
        }
    }

    /// What a purchase gives.
    fn rebate(&mut self, id: ShopperId, runtime: &Runtime, bought: Bought, proposal: &mut Proposal) {
        let Bought { order: bought, source, cents, at_ms } = bought;
        let (campaign, offered) = (runtime.id, &runtime.rules.chances);
        let (now_ms, chances) = (self.now_ms, chances_of(runtime, cents));
        let rolled = offered.points_for(cents).map(|range| roll_purchase(runtime, id, &bought, range));
        let points = rolled.as_ref().map_or(0, |(points, _)| *points);
        if runtime.rules.counts_spend() && cents > 0 {
            proposal.count_spend(campaign, cents);
        }
        if chances == CHANCES_A_PURCHASE {
            tracing::warn!(campaign = campaign.0, chances, "a purchase reached what one grants at most");
        }
        if chances > 0 {
            let window = offered.return_window_days.map(|days| runtime.rules.end_of_day_after(at_ms, days));
            let rebate = Rebate {
                source,
                cents,
                per_cents: offered.per_purchase_cents.unwrap_or(1),
                granted: chances,
                until_ms: window.unwrap_or(NEVER),
            };
            let plain = plain(self.order_id(id), runtime, OrderKind::Purchase, chances, now_ms);
            let (reason, rebate) = (bought.clone(), Some(rebate));
            _ = proposal.grant(Granted { reason, points: i64::from(points), rebate, ..plain });
        }
        if let Some((points, rolled)) = rolled.filter(|(points, _)| *points > 0) {
            let (entry, expires) = (self.entry_id(id), runtime.rules.points_expire(now_ms));
            let cause = Cause::Purchase { campaign, order: bought };
            _ = proposal.credit(entry, i64::from(points), cause, expires, Some(rolled));
        }
        proposal.meet_returns(campaign, source, runtime.rules.counts_spend());
    }
}

/// A purchase's points. Once the campaign's end was read back its seed may be public, so that whoever tells of a purchase
/// could choose an order's id by what it rolls: from then on the other seed decides, which is secret until nothing is
/// granted any more, and the label says so.
fn roll_purchase(runtime: &Runtime, shopper: ShopperId, order: &str, range: PointsRange) -> (u32, Rolled) {
    if runtime.state == State::Ended {
        return roll(&runtime.late_seed, runtime.id, shopper, format!("late_purchase|{order}"), range);
    }
    roll(&runtime.seed, runtime.id, shopper, format!("purchase|{order}"), range)
}

/// Chances of a purchase of `cents`. Where each chance is a ticket of an entry drawing, the list was closed with the
/// campaign, and what is told later gives none.
fn chances_of(runtime: &Runtime, cents: i64) -> u32 {
    let tickets = runtime.rules.entry.map(|entry| entry.tickets);
    if runtime.state == State::Ended && tickets == Some(TicketsBy::Chances) {
        return 0;
    }
    chances_for(&runtime.rules.chances, cents)
}

fn offers_sign_in(offered: &Chances) -> bool {
    offered.sign_in.is_some() || offered.points_on_sign_in.is_some() || !offered.streaks.is_empty()
}

/// Chances of a purchase of `cents`.
fn chances_for(offered: &Chances, cents: i64) -> u32 {
    let per = offered.per_purchase_cents.filter(|per| *per > 0);
    per.map_or(0, |per| u32::try_from(cents / per).unwrap_or(u32::MAX).min(CHANCES_A_PURCHASE))
}

/// Chances that one purchase grants at most: a misplaced decimal point shall not grant a billion.
const CHANCES_A_PURCHASE: u32 = 10_000;

/// Keys that only records can tell about.
fn doubtful(slot: &Slot, command: &Command, events: &[EventIn], grants: &[Vec<Grant>]) -> Vec<KeyHash> {
    let keys = events.iter().map(|e| e.hash).chain(grants.iter().flatten().flat_map(Grant::asks));
    keys.filter(|hash| seen(slot, command, hash) == Lookup::Maybe).collect()
}
