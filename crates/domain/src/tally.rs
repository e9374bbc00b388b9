//! What an account counts for the rules: draws of the week, prizes won, draws since the last prize of a tier, spend; and
//! what the shop holds against a shopper.

use crate::campaign::{PrizeIx, TierIx};
use crate::draw::Dry;
use crate::record::Drawn;
use serde::{Deserialize, Serialize};

/// Counts of one shopper in one campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Tally {
    /// Draws in the week of the last draw, Monday to Sunday.
    pub drawn_in_week: u32,
    /// The local day of the last draw.
    pub last_day: i32,
    /// When it was, Unix milliseconds; 0 before the first.
    pub last_ms: i64,
    /// What was bought for inside the campaign's window, returns taken off, minor units.
    #[serde(skip_serializing_if = "is_zero")]
    pub spend_cents: i64,
    /// The ordinal of the last draw that gave a prize of each tier; tiers never won are not here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<(TierIx, u64)>,
    /// Prizes won, ascending, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prizes: Vec<PrizeIx>,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The week of a local day, Monday to Sunday. 1970-01-01 was a Thursday.
pub fn week_of(day: i32) -> i32 {
    day.saturating_add(3).div_euclid(7)
}

impl Tally {
    /// Counts a draw.
    pub fn draw(&mut self, drawn: &Drawn) {
        self.drawn_in_week = self.drawn_in_week_of(drawn.day).saturating_add(1);
        self.last_day = drawn.day;
        self.last_ms = drawn.draw.at_ms();
        if let Some(tier) = drawn.from {
            match self.tiers.iter_mut().find(|(known, _)| *known == tier) {
                Some((_, n)) => *n = drawn.n,
                None => self.tiers.push((tier, drawn.n)),
            }
        }
        if let Some(prize) = drawn.prize.map(PrizeIx)
            && let Err(place) = self.prizes.binary_search(&prize)
        {
            self.prizes.insert(place, prize);
        }
    }

    /// Counts what was bought for, or with a minus returned. Never below 0: a return of what was bought before the
    /// campaign takes nothing.
    pub fn spend(&mut self, cents: i64) {
        self.spend_cents = self.spend_cents.saturating_add(cents).max(0);
    }

    /// Draws in the week of `day`.
    pub fn drawn_in_week_of(&self, day: i32) -> u32 {
        if self.last_ms > 0 && week_of(self.last_day) == week_of(day) { self.drawn_in_week } else { 0 }
    }

    /// When the last draw was.
    pub fn last_draw_ms(&self) -> Option<i64> {
        (self.last_ms > 0).then_some(self.last_ms)
    }

    /// Draws since the last prize of each tier, `used` draws having been made.
    pub fn dry(&self, used: u64) -> Dry {
        let mut dry = Dry::all(used);
        for (tier, n) in &self.tiers {
            dry.set(*tier, used.saturating_sub(*n));
        }
        dry
    }
}

/// What the shop holds against a shopper, and by what device and address it knows one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Watch {
    /// 0 to 100.
    pub score: u8,
    pub flags: Vec<Box<str>>,
    /// Hashes; 0 is unknown.
    pub device: u64,
    pub address: u64,
}

impl Watch {
    /// Nothing is held against the shopper and nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Watch::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CampaignId, DrawId, IdMaker};

    fn drawn(n: u64, day: i32, prize: Option<u16>, from: Option<u8>) -> Drawn {
        let id = IdMaker::default().make(1_800_000_000_000 + i64::from(day), 0);
        Drawn { prize, from, ..Drawn::thanks(DrawId(id), CampaignId(1), n, day) }
    }

    #[test]
    fn draws_are_counted_by_week_tier_and_prize() {
        let mut tally = Tally::default();
        assert_eq!((tally.dry(0).of(1), tally.drawn_in_week_of(0), tally.last_draw_ms()), (0, 0, None));
        // 2026-03-09 is a Monday and day 20,521.
        for (n, day, prize, from, week) in [
            (1, 20_520, Some(7), Some(1), 1),
            (2, 20_521, None, None, 1),
            (3, 20_527, Some(3), None, 2),
            (4, 20_527, Some(7), Some(0), 3),
            (5, 20_528, Some(3), Some(0), 1),
        ] {
            tally.draw(&drawn(n, day, prize, from));
            assert_eq!(tally.drawn_in_week_of(day), week, "after draw {n}");
        }
        assert_eq!(tally.drawn_in_week_of(20_527), 0, "another week");
        assert_eq!([0, 1, 2].map(|tier| tally.dry(5).of(tier)), [0, 4, 5], "tier 2 was never won");
        assert_eq!(tally.prizes, [PrizeIx(3), PrizeIx(7)]);
        assert_eq!(tally.last_draw_ms(), Some(1_800_000_020_528));
        tally.spend(500);
        tally.spend(-800);
        assert_eq!(tally.spend_cents, 0, "a return takes nothing that was not bought here");
        let json = serde_json::to_string(&tally).expect("writes");
        assert_eq!(serde_json::from_str::<Tally>(&json).expect("reads"), tally);
    }
}
