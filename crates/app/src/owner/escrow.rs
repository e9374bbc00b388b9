//! Units that the owner of one log among several takes from the common stock (R6).
//!
//! What a log may give lies in its own row: `taken` less `returned`. Free is that, less what its records won, less what is
//! in flight, so nothing is counted twice whoever dies when: a successor reads the row and folds the records. Units are
//! taken ahead of need while there is plenty, and near the end only for a roll that needs one; a roll waits for its unit,
//! its shopper held, and is decided again. What lies idle goes back. A stock is empty only where its row says so.
//!
//! The owner's thread asks nobody: a task does, one ask per share at a time, and its answers come through the queue.
//! Where one process owns all logs there is nothing of this, and `Owner::stores` is absent.

use super::campaigns::CampaignSlot;
use super::exchange::ItemSlot;
use super::keeper::{Ask, Heard};
use super::{Busy, Owner, refuse};
use crate::command::{Command, Who};
use crate::error::Error;
use crate::ports::{Good, PortError, PortResult, Share};
use crate::runtime::{Counters, Runtime};
use domain::campaign::PrizeIx;
use domain::draw::Unit;
use domain::exchange::Item;
use domain::ids::{CampaignId, ItemId, PARTITIONS, ShopperId};
use domain::record::Fact;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Units that are taken at a time where there is plenty.
const AHEAD: u64 = 32;
/// There is plenty while more are with nobody than so many times what all logs together take ahead.
pub(super) const PLENTY: u64 = 4 * PARTITIONS as u64;
/// How long a row that said it was empty is believed.
const EMPTY_FOR: Duration = Duration::from_secs(1);
/// How often the row of idle units is read again where there was plenty.
const AGAIN: Duration = Duration::from_secs(5);
/// Units that nobody asked about for so long go back, where there is no plenty.
const IDLE_MS: i64 = 10_000;

/// What a roll lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lack {
    pub campaign: CampaignId,
    pub good: Good,
    pub units: u64,
    /// No more than so many may be out in all.
    pub within: u64,
}

/// One share in memory.
pub(super) struct Units {
    share: Share,
    /// `taken - returned`: what the log's records may win in all.
    held: AtomicI64,
    /// What the row says, and whether that is known: not before it was read, nor where an answer was lost.
    taken: u64,
    known: bool,
    /// Given back, by the ledger: what was appended, and of that what is durable, and what the row says.
    returned: u64,
    returned_durably: u64,
    returned_in_row: u64,
    left: u64,
    empty_since: Option<Instant>,
    heard_at: Instant,
    /// Taken at a time where there is plenty: units, or cents.
    ahead: u64,
    used_ms: i64,
    asked: bool,
    /// Few are at hand and many with nobody.
    low: bool,
    want: u64,
    within: u64,
    waiting: Vec<(ShopperId, Command)>,
}

impl Units {
    fn new(share: Share, ahead: u64, counters: &Counters, now_ms: i64) -> Self {
        let returned = counters.returned(share.good);
        Self {
            share,
            held: AtomicI64::new(0),
            taken: 0,
            known: false,
            returned,
            returned_durably: returned,
            returned_in_row: 0,
            left: 0,
            empty_since: None,
            heard_at: Instant::now(),
            ahead,
            used_ms: now_ms,
            asked: false,
            low: false,
            want: 0,
            within: u64::MAX,
            waiting: Vec::new(),
        }
    }

    /// Units at hand when `gone` were won or are in flight.
    pub fn free(&self, gone: u64) -> u64 {
        let gone = i64::try_from(gone).unwrap_or(i64::MAX);
        u64::try_from(self.held.load(Ordering::Acquire).saturating_sub(gone)).unwrap_or(0)
    }

    /// Whether a unit is to be had.
    pub fn unit(&self, gone: u64) -> Unit {
        match self.free(gone) {
            0 if self.is_empty() => Unit::SoldOut,
            0 => Unit::Unknown,
            _ => Unit::Free,
        }
    }

    /// The row said so lately.
    pub fn is_empty(&self) -> bool {
        self.empty_since.is_some_and(|since| since.elapsed() < EMPTY_FOR)
    }

    fn plenty(&self) -> bool {
        self.left / PLENTY > self.ahead
    }

    fn ask(&mut self) -> Ask {
        self.asked = true;
        let (want, within) = (std::mem::take(&mut self.want), std::mem::replace(&mut self.within, u64::MAX));
        // What is merely read, since units lie idle or were given back, takes none.
        let ahead = if want > 0 || std::mem::take(&mut self.low) { self.ahead } else { 0 };
        let (taken, returned) = (self.known.then_some(self.taken), self.returned_durably);
        Ask { share: self.share, taken, returned, owed: self.returned_in_row < returned, want, ahead, within }
    }

    fn hear(&mut self, heard: &PortResult<Heard>) {
        (self.asked, self.heard_at) = (false, Instant::now());
        match heard {
            Ok(Heard { holding, left }) => {
                (self.taken, self.known) = (holding.taken, true);
                self.returned_in_row = holding.returned;
                self.left = *left;
                self.empty_since = (*left == 0).then(Instant::now);
                self.hold();
            }
            // The last attempt may have taken effect: the row says so before anything else is asked of it.
            Err(_) => self.known = false,
        }
    }

    fn hold(&self) {
        let held = self.taken.saturating_sub(self.returned.max(self.returned_in_row));
        self.held.store(i64::try_from(held).unwrap_or(i64::MAX), Ordering::Release);
    }

    /// Whether the task has something to do though no roll waits.
    fn owes(&self) -> bool {
        !self.asked && (!self.known || self.returned_in_row < self.returned_durably)
    }
}

/// A campaign's shares.
pub(super) struct Shelves {
    pub part: u8,
    /// By the prize's place; those without a bound have none.
    pub prizes: Vec<Option<Units>>,
    pub budget: Option<Units>,
    /// What the dearest prize costs.
    pub dearest: u64,
}

impl Shelves {
    fn new(part: u8, runtime: &Runtime, counters: &Counters, now_ms: i64, old: Option<Shelves>) -> Self {
        let share = |good| Share { campaign: runtime.id, good, part };
        let (mut old_prizes, old_budget) = old.map_or_else(Default::default, |old| (old.prizes, old.budget));
        old_prizes.resize_with(runtime.rules.prizes.len(), || None);
        let keep = |old: Option<Units>, good, ahead| {
            let mut units = old.unwrap_or_else(|| Units::new(share(good), ahead, counters, now_ms));
            // A new version may have more of it.
            (units.empty_since, units.ahead) = (None, ahead);
            units
        };
        let dearest = runtime.rules.prizes.iter().map(|prize| prize.cost_cents).max().unwrap_or(0);
        let dearest = u64::try_from(dearest).unwrap_or(0);
        let bounded = |ix: usize| bound_of(runtime, ix).is_some();
        let prizes = old_prizes
            .into_iter()
            .enumerate()
            .map(|(ix, old)| bounded(ix).then(|| keep(old, Good::Prize(u16::try_from(ix).unwrap_or(u16::MAX)), AHEAD)));
        let budget = runtime.rules.limits.budget_cents.filter(|_| dearest > 0);
        let budget = budget.map(|_| keep(old_budget, Good::Budget, AHEAD.saturating_mul(dearest)));
        Self { part, prizes: prizes.collect(), budget, dearest }
    }

    fn get_mut(&mut self, good: Good) -> Option<&mut Units> {
        match good {
            Good::Prize(place) => self.prizes.get_mut(usize::from(place))?.as_mut(),
            Good::Budget => self.budget.as_mut(),
            Good::Item => None,
        }
    }
}

/// How many units of a prize there are in all, where that is bounded by a stock or a release.
pub(crate) fn bound_of(runtime: &Runtime, prize: usize) -> Option<u64> {
    let prize = runtime.rules.prizes.get(prize)?;
    // A prize that is won by time has as many units as moments, and each partition has moments of its own.
    let last = prize.released(i64::MAX);
    prize.stock.or(last)
}

impl CampaignSlot {
    /// What `count` draws may need of the budget that this log does not hold and the row may have.
    pub(super) fn lacks_budget(&self, count: u8) -> Option<Lack> {
        let shelves = self.shelves.as_ref()?;
        let budget = shelves.budget.as_ref()?;
        let (free, need) = (budget.free(self.spent()), shelves.dearest.saturating_mul(u64::from(count)));
        if free >= need || budget.is_empty() {
            return None;
        }
        Some(Lack { campaign: self.runtime.id, good: Good::Budget, units: need - free, within: u64::MAX })
    }

    /// What a roll that needs a unit of `prize` lacks.
    pub(super) fn lacks(&self, prize: PrizeIx, now_ms: i64) -> Lack {
        let within = self.runtime.rules.prize(prize).released(now_ms).unwrap_or(u64::MAX);
        Lack { campaign: self.runtime.id, good: Good::Prize(prize.0), units: 1, within }
    }

    pub(super) fn spent(&self) -> u64 {
        u64::try_from(self.counters.cost_cents.saturating_add(self.cost_in_flight)).unwrap_or(0)
    }

    fn gone(&self, good: Good) -> u64 {
        match good {
            Good::Prize(place) => {
                self.counters.won(usize::from(place)) + self.in_flight.get(usize::from(place)).copied().unwrap_or(0)
            }
            Good::Budget => self.spent(),
            Good::Item => 0,
        }
    }

    /// A unit of a prize goes into the open batch. Where few are left at hand and many with nobody, more are to be fetched.
    pub(super) fn give(&mut self, prize: PrizeIx, cost_cents: i64, now_ms: i64) -> Option<Share> {
        self.in_flight[prize.ix()] += 1;
        self.cost_in_flight += cost_cents;
        self.shelves.as_ref()?;
        let gone = self.gone(Good::Prize(prize.0));
        let units = self.shelves.as_mut()?.get_mut(Good::Prize(prize.0))?;
        units.used_ms = now_ms;
        units.low = units.plenty() && !units.asked && units.free(gone) < units.ahead / 2;
        units.low.then_some(units.share)
    }
}

impl ItemSlot {
    pub(super) fn lacks(&self, quantity: u32) -> Option<Lack> {
        let units = self.units.as_ref()?;
        let free = units.free(self.counters.sold + self.in_flight);
        if free >= u64::from(quantity) || units.is_empty() {
            return None;
        }
        let (campaign, missing) = (CampaignId(self.item.id.0), u64::from(quantity) - free);
        Some(Lack { campaign, good: Good::Item, units: missing, within: u64::MAX })
    }
}

impl Owner {
    pub(super) fn shelves_of(
        &self,
        runtime: &Runtime,
        counters: &Counters,
        old: Option<Shelves>,
    ) -> Option<Box<Shelves>> {
        let part = self.stores?;
        Some(Box::new(Shelves::new(part, runtime, counters, self.now_ms, old)))
    }

    pub(super) fn units_of(&self, item: &Item, counters: &Counters, old: Option<Units>) -> Option<Units> {
        let part = self.stores?;
        let new = || Units::new(Share::of_item(item.id, part), AHEAD, counters, self.now_ms);
        let mut units = old.unwrap_or_else(new);
        units.empty_since = None;
        Some(units)
    }

    fn units(&mut self, campaign: CampaignId, good: Good) -> Option<(&mut Units, u64)> {
        if good == Good::Item {
            let slot = self.items.get_mut(&ItemId(campaign.0))?;
            let gone = slot.counters.sold + slot.in_flight;
            return slot.units.as_mut().map(|units| (units, gone));
        }
        let slot = self.campaigns.get_mut(&campaign)?;
        let gone = slot.gone(good);
        slot.shelves.as_mut()?.get_mut(good).map(|units| (units, gone))
    }

    /// Lets a command wait for units; its shopper is held, so that the roll it decided on stays the next one.
    pub(super) fn wait_for_units(&mut self, id: ShopperId, command: Command, lack: Lack) {
        const FULL: Error = Error::Unavailable("too many draws are waiting for stock");
        if self.parked_count >= self.limits.parked {
            let step = refuse(command, FULL);
            return self.then(step);
        }
        let now_ms = self.now_ms;
        let Some((units, _)) = self.units(lack.campaign, lack.good) else {
            let step = refuse(command, Error::Unavailable("the stock is not known"));
            return self.then(step);
        };
        units.waiting.push((id, command));
        units.want += lack.units;
        units.within = units.within.min(lack.within);
        units.used_ms = now_ms;
        let share = units.share;
        self.parked_count += 1;
        self.wanting.push(share);
        if let Some(slot) = self.accounts.get_mut(&id) {
            slot.busy = Some(Busy::Claim);
        }
    }

    /// Sends what this turn found wanting, one ask per share.
    pub(super) fn fetch_units(&mut self) {
        for share in std::mem::take(&mut self.wanting) {
            let Some((units, _)) = self.units(share.campaign, share.good) else { continue };
            if units.asked {
                continue;
            }
            let ask = units.ask();
            if self.keeper.as_ref().is_none_or(|keeper| keeper.try_send(ask).is_err()) {
                self.heard(share, Err(PortError::Unreachable("the stock")));
            }
        }
    }

    /// The rows have answered: whoever waited for units goes on, and those that are left wanting ask again.
    pub(super) fn heard(&mut self, share: Share, answer: PortResult<Heard>) {
        let Some((units, _)) = self.units(share.campaign, share.good) else { return };
        units.hear(&answer);
        let waiting = std::mem::take(&mut units.waiting);
        // What those who came meanwhile want is asked for below, by themselves.
        units.want = 0;
        self.parked_count -= waiting.len();
        if let Err(error) = &answer {
            tracing::warn!(%error, "units of a stock could not be fetched");
        }
        for (id, command) in waiting {
            if let Some(slot) = self.accounts.get_mut(&id) {
                slot.busy = None;
            }
            // Nobody waits any more for what nobody will hear.
            if !command.reply.is_closed() {
                let step = match answer {
                    Ok(_) => self.step(command, false),
                    Err(_) => refuse(command, Error::Unavailable("the stock is out of reach")),
                };
                self.then(step);
            }
            let behind = self.waiting(&Who::Id(id));
            self.again(behind, false);
        }
    }

    /// Once a second: reads rows that were not read, repeats what is owed to them, gives back what lies idle.
    pub(super) fn tick(&mut self) {
        if self.stores.is_none() {
            return;
        }
        let now_ms = self.now_ms;
        let (mut owing, mut idle) = (Vec::new(), Vec::new());
        let mut look = |units: &Units, gone: u64| {
            let free = units.free(gone);
            let unused = now_ms - units.used_ms > IDLE_MS && !units.asked && units.waiting.is_empty();
            if units.owes() {
                owing.push(units.share);
            } else if free > 0 && unused && units.returned == units.returned_durably {
                if !units.plenty() {
                    idle.push((units.share, free));
                } else if units.heard_at.elapsed() > AGAIN {
                    // There was plenty when the row was last read; others may have taken it since.
                    owing.push(units.share);
                }
            }
        };
        for slot in self.campaigns.values() {
            for units in slot.shelves.iter().flat_map(|s| s.prizes.iter().flatten().chain(&s.budget)) {
                look(units, slot.gone(units.share.good));
            }
        }
        for slot in self.items.values() {
            slot.units.iter().for_each(|units| look(units, slot.counters.sold + slot.in_flight));
        }
        self.wanting.extend(owing);
        for (share, free) in idle {
            self.put_back(share, free);
        }
    }

    /// Appends that idle units are given back: they leave what is free now, and reach the row after the read-back.
    fn put_back(&mut self, share: Share, free: u64) {
        let Some((units, _)) = self.units(share.campaign, share.good) else { return };
        units.returned += free;
        units.hold();
        let (campaign, good, returned) = (share.campaign, share.good.number(), units.returned);
        crate::failpoint::hit("giving_units_back");
        self.append_return(Fact::Returned { campaign, good, units: returned }, share);
    }

    /// The record is durable, or surely not: then the units are this log's as before.
    pub(super) fn put_back_done(&mut self, share: Share, durable: bool) {
        let Some((units, _)) = self.units(share.campaign, share.good) else { return };
        if durable {
            units.returned_durably = units.returned;
            self.wanting.push(share);
        } else {
            units.returned = units.returned_durably;
            units.hold();
        }
    }
}
