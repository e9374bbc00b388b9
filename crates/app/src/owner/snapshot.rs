//! What the owner knows before a draw, as the rules read it.

use super::campaigns::{CampaignSlot, Stock};
use super::velocity::Velocity;
use super::{Owner, Step, answer, refuse};
use crate::command::{Command, Reply, Seen};
use crate::error::Error;
use domain::account::Account;
use domain::draw::{Person, Risk, Snapshot, forecast};
use domain::ids::{CampaignId, ShopperId};
use domain::strategy::Strategy;

/// The snapshot of a shopper's next draw, and the local day that it counts for.
pub(super) fn snapshot<'a>(
    slot: &mut CampaignSlot,
    account: &'a Account,
    person: &'a Person,
    velocity: &Velocity,
    now_ms: i64,
) -> (Snapshot<'a>, i32) {
    let day = slot.day.day(&slot.runtime.rules, now_ms);
    let needs = slot.runtime.rules.needs;
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let enrolment = account.enrolment(slot.runtime.id);
    let (device_draws, address_draws) = if needs.velocity { velocity.of(&account.watch, now_ms) } else { (0, 0) };
    let mut snapshot = Snapshot {
        shopper: account.id,
        draws_everywhere: small(account.enrolments.iter().map(|e| e.used).sum()),
        draws_everywhere_today: account.enrolments.iter().fold(0, |sum, e| sum.saturating_add(e.drawn_on(day))),
        campaign_draws: slot.draws_so_far(),
        registered_at_ms: account.registered_at_ms,
        blacklist: account.banned(slot.runtime.id, now_ms),
        state: slot.runtime.state_at(now_ms),
        budget_left_cents: slot.budget_left(),
        risk: Risk { score: u32::from(account.watch.score), device_draws, address_draws },
        flags: &account.watch.flags,
        person,
        ..Snapshot::blank(now_ms)
    };
    if needs.calendar {
        snapshot.civil = slot.civil(now_ms);
    }
    if let Some(enrolment) = enrolment {
        let tally = &enrolment.tally;
        snapshot.used = small(enrolment.used);
        snapshot.left = small(enrolment.left_at(now_ms));
        snapshot.draws_today = enrolment.drawn_on(day);
        snapshot.draws_week = tally.drawn_in_week_of(day);
        snapshot.last_draw_ms = tally.last_draw_ms();
        snapshot.spend_cents = tally.spend_cents;
        snapshot.dry = tally.dry(enrolment.used);
        snapshot.won = &tally.prizes;
    }
    (snapshot, day)
}

impl Owner {
    /// The account, and the odds that the shopper's next draw in a campaign would roll.
    pub(super) fn preview(
        &mut self,
        id: ShopperId,
        command: Command,
        campaign: CampaignId,
        strategy: &Strategy,
        person: &Person,
    ) -> Step {
        let now_ms = self.now_ms;
        let Some(account) = self.accounts.get(&id) else { return refuse(command, Error::no_shopper()) };
        let odds = self.campaigns.get_mut(&campaign).and_then(|slot| {
            let (snapshot, _) = snapshot(slot, &account.account, person, &self.velocity, now_ms);
            let stock = Stock { slot, taken: &[] };
            forecast(&slot.runtime.rules, strategy, &snapshot, &stock)
        });
        let tail = account.tail.iter().copied().collect();
        let seen = Seen { account: account.account.clone(), tail, now_ms, odds };
        answer(command, Ok(Reply::Seen(Box::new(seen))))
    }
}
