//! The campaigns that the owner decides by: rules, counters, stock in flight.

use super::Owner;
use super::escrow::Shelves;
use crate::command::Act;
use crate::runtime::{Counters, DayCache, Runtime};
use domain::campaign::PrizeIx;
use domain::draw::{Civil, Shelf, Unit};
use domain::ids::PARTITIONS;
use std::sync::Arc;

/// One campaign in memory.
pub(super) struct CampaignSlot {
    pub runtime: Arc<Runtime>,
    pub counters: Counters,
    pub day: DayCache,
    /// Units and cost that the open batch has taken but that are not durable yet.
    pub in_flight: Vec<u64>,
    pub cost_in_flight: i64,
    /// Moments that the open batch has won.
    pub moments_in_flight: u64,
    pub draws_in_flight: u64,
    /// What this log holds of stocks that several share; absent where they are all its own.
    pub shelves: Option<Box<Shelves>>,
    /// The minute that the calendar was last asked about, and what it said.
    civil: Option<(i64, Civil)>,
}

impl CampaignSlot {
    pub fn new(runtime: Arc<Runtime>, counters: Counters, now_ms: i64) -> Self {
        let day = DayCache::new(&runtime.rules, now_ms);
        let in_flight = vec![0; runtime.rules.prizes.len()];
        Self {
            runtime,
            counters,
            day,
            in_flight,
            cost_in_flight: 0,
            moments_in_flight: 0,
            draws_in_flight: 0,
            shelves: None,
            civil: None,
        }
    }

    /// The prize of the moment that a draw at `now_ms` wins, after `taken` others of the same command.
    pub fn moment(&self, now_ms: i64, taken: u64) -> Option<PrizeIx> {
        let mut won = self.counters.moments + self.moments_in_flight + taken;
        if let Some(shelves) = &self.shelves {
            // Every sixty-fourth is this partition's: the others are won elsewhere, and none twice.
            won = won.saturating_mul(u64::from(PARTITIONS)).saturating_add(u64::from(shelves.part));
        }
        self.runtime.moments.due(now_ms, won).map(|moment| PrizeIx(moment.prize))
    }

    /// Draws of all shoppers, those of the open batch included.
    pub fn draws_so_far(&self) -> u64 {
        self.counters.draws + self.draws_in_flight
    }

    /// The moment on the campaign's calendar, looked up once a minute: zones change at full minutes.
    pub fn civil(&mut self, now_ms: i64) -> Civil {
        let minute = now_ms.div_euclid(60_000);
        match self.civil {
            Some((known, civil)) if known == minute => civil,
            _ => {
                let civil = self.runtime.rules.civil(now_ms);
                self.civil = Some((minute, civil));
                civil
            }
        }
    }

    /// What the budget still allows, where there is one.
    pub fn budget_left(&self) -> Option<i64> {
        let spent = self.counters.cost_cents.saturating_add(self.cost_in_flight);
        if let Some(budget) = self.shelves.as_ref().and_then(|shelves| shelves.budget.as_ref()) {
            return Some(i64::try_from(budget.free(self.spent())).unwrap_or(i64::MAX));
        }
        self.runtime.rules.limits.budget_cents.map(|budget| budget.saturating_sub(spent))
    }
}

/// Free = total - won - in flight (R6, embedded: one process sees all, so there is no escrow and nothing is unknown). In a
/// log among several, what it holds of the total stands in the total's place.
pub(super) struct Stock<'a> {
    pub slot: &'a CampaignSlot,
    /// Units that earlier draws of the same command took.
    pub taken: &'a [(PrizeIx, u64)],
}

impl Shelf for Stock<'_> {
    fn unit(&self, prize: PrizeIx) -> Unit {
        let Some(total) = self.slot.runtime.rules.prize(prize).stock else { return Unit::Free };
        self.left_of(prize, total)
    }

    fn unit_within(&self, prize: PrizeIx, released: u64) -> Unit {
        self.left_of(prize, released)
    }
}

impl Stock<'_> {
    fn left_of(&self, prize: PrizeIx, total: u64) -> Unit {
        let taken: u64 = self.taken.iter().filter(|(p, _)| *p == prize).map(|(_, n)| n).sum();
        let gone = self.slot.counters.won(prize.ix()) + self.slot.in_flight[prize.ix()] + taken;
        if let Some(shelves) = &self.slot.shelves {
            // What was taken was within what is released; a prize without a bound has no units and is never asked about.
            return shelves.prizes.get(prize.ix()).and_then(Option::as_ref).map_or(Unit::Free, |u| u.unit(gone));
        }
        if gone < total { Unit::Free } else { Unit::SoldOut }
    }
}

impl Owner {
    /// An act is durable: what it says counts.
    pub(super) fn take_over(&mut self, act: Act) {
        match act {
            Act::Campaign(runtime) => self.install(runtime),
            Act::Item(item) => self.install_item(item),
        }
    }

    /// From here on this version decides.
    pub(super) fn install(&mut self, runtime: Arc<Runtime>) {
        let (counters, old) = match self.campaigns.remove(&runtime.id) {
            Some(old) => (old.counters, old.shelves.map(|shelves| *shelves)),
            None => Default::default(),
        };
        let shelves = self.shelves_of(&runtime, &counters, old);
        let mut slot = CampaignSlot::new(runtime, counters, self.now_ms);
        slot.shelves = shelves;
        self.campaigns.insert(slot.runtime.id, slot);
    }

    /// Nothing is in flight any more: the batch is folded or discarded.
    pub(super) fn release(&mut self) {
        for slot in self.campaigns.values_mut() {
            slot.in_flight.fill(0);
            slot.cost_in_flight = 0;
            slot.moments_in_flight = 0;
            slot.draws_in_flight = 0;
        }
        for slot in self.items.values_mut() {
            slot.in_flight = 0;
        }
    }
}
