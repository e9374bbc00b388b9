//! One round of a rehearsal: visits through the owner's own snapshot, decision and fold, on accounts that nobody keeps.

use super::campaigns::CampaignSlot;
use super::decide::{DrawAsk, Halt, decide_all};
use super::snapshot::snapshot;
use super::velocity::Velocity;
use crate::command::Once;
use crate::rehearse::crowd::{Crowd, Visit};
use crate::rehearse::shopper_of;
use crate::runtime::{Counters, Runtime};
use domain::account::Account;
use domain::draw::Refusal;
use domain::ids::{DrawId, IdMaker, OrderId};
use domain::order::OrderKind;
use domain::record::{Fact, Granted};
use domain::strategy::Strategy;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Visits between two looks at whether to stop: some milliseconds.
const LOOK_EVERY: usize = 4_096;

/// What a round came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Play {
    pub counters: Counters,
    pub refused: FxHashMap<Refusal, u64>,
    /// When the last unit of a prize was won, by its place in the rules.
    pub sold_out_ms: Vec<Option<i64>>,
}

/// Plays visits, which are in order of time. Every shopper is granted as many chances as they come, when they first come:
/// what is rehearsed is what draws lead to, not how chances are obtained. Nothing where it was stopped.
pub(crate) fn play(
    runtime: Arc<Runtime>,
    crowd: &Crowd,
    strategies: &[Strategy],
    visits: &[Visit],
    stop: &AtomicBool,
) -> Option<Play> {
    let campaign = runtime.id;
    let mut refused = FxHashMap::default();
    let mut sold_out_ms = vec![None; runtime.rules.prizes.len()];
    let mut slot = CampaignSlot::new(runtime, Counters::default(), visits.first().map_or(0, |visit| visit.at_ms));
    let (mut ids, velocity) = (IdMaker::default(), Velocity::default());
    let mut coming = vec![0u32; strategies.len()];
    visits.iter().for_each(|visit| coming[visit.member as usize] += 1);
    let mut accounts: Vec<Option<Account>> = vec![None; strategies.len()];
    for (i, visit) in visits.iter().enumerate() {
        if i.is_multiple_of(LOOK_EVERY) && stop.load(Ordering::Relaxed) {
            return None;
        }
        let member = visit.member as usize;
        let account = accounts[member].get_or_insert_with(|| enter(&slot.runtime, crowd, visit, coming[member]));
        if visit.spend_cents != 0 {
            folded(account, &Fact::Spent { campaign, cents: visit.spend_cents });
        }
        let person = crowd.person(visit.member);
        let (start, day) = snapshot(&mut slot, account, person, &velocity, visit.at_ms);
        let once = Once { hash: [0; 16], request: 0 };
        let ask = DrawAsk { campaign, once, client_seed: "", count: 1, strategy: &strategies[member], person };
        let decided = match decide_all(&slot, account, start, &ask) {
            Ok(decided) => decided,
            Err(Halt::Refused(refusal)) => {
                *refused.entry(refusal.kind()).or_default() += 1;
                continue;
            }
            Err(Halt::Needs(_)) => unreachable!("invariant: a play shares no stock, so its shelf always knows"),
        };
        for one in &decided {
            let draw = DrawId(ids.make(visit.at_ms, 0));
            let drawn = one.fact(draw, None, &slot.runtime, day);
            slot.counters.draw(&drawn);
            slot.counters.moments += u64::from(one.moment);
            if let Some(ix) = drawn.prize.map(usize::from)
                && slot.runtime.rules.prizes[ix].stock == Some(slot.counters.won(ix))
            {
                sold_out_ms[ix] = Some(visit.at_ms);
            }
            folded(account, &Fact::Drawn(Box::new(drawn)));
        }
    }
    Some(Play { counters: slot.counters, refused, sold_out_ms })
}

/// A shopper who comes for the first time, with a chance for each visit.
fn enter(runtime: &Runtime, crowd: &Crowd, first: &Visit, chances: u32) -> Account {
    let mut account = Account::new(shopper_of(first.member));
    account.registered_at_ms = crowd.registered_at_ms(first.member, first.at_ms, &runtime.rules);
    let order = OrderId(u64::from(first.member) + 1);
    let granted = Granted {
        order,
        campaign: runtime.id,
        kind: OrderKind::Grant,
        chances,
        lot: order,
        expires_at_ms: None,
        reason: String::new(),
        points: 0,
        streak: 0,
        rebate: None,
    };
    folded(&mut account, &Fact::Granted(Box::new(granted)));
    account
}

fn folded(account: &mut Account, fact: &Fact) {
    account.fold(fact).expect("invariant: what was decided on an account continues it");
}
