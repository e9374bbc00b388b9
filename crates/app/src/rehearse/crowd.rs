//! Who comes, and when: a synthetic crowd, or one that was recorded.

use domain::campaign::Rules;
use domain::draw::{NOBODY, Person};
use domain::fairness::CampaignSeed;
use domain::ids::mix;

/// One shopper of a recorded crowd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub person: Person,
    /// Unix milliseconds; where absent, the first visit.
    pub registered_at_ms: Option<i64>,
}

/// One try to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visit {
    pub at_ms: i64,
    /// Place of the shopper in the crowd.
    pub member: u32,
    /// What they bought for just before, minor units.
    pub spend_cents: i64,
}

/// A crowd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Crowd {
    /// So many shoppers of whom nothing is known. All come equally often, at times that follow [`BUSY`]; a quarter of them
    /// registers while the campaign runs.
    Synthetic { shoppers: u32 },
    /// Shoppers as they came elsewhere. Their times are stretched or shrunk to the campaign's window. Where other than as
    /// many draws are asked for, each round takes visits at random, with replacement (the bootstrap, Efron 1979).
    Recorded { members: Vec<Member>, visits: Vec<Visit> },
}

/// How busy each hour of a campaign's day is: little at night, most in the evening, as shops see it.
pub const BUSY: [u32; 24] = [3, 2, 1, 1, 1, 1, 2, 4, 6, 8, 10, 11, 12, 11, 10, 10, 10, 10, 11, 13, 16, 16, 12, 6];
const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 1_440;
/// Shoppers of a synthetic crowd are registered for at most so long: a year.
const REGISTERED_MS: i64 = 365 * DAY_MINUTES * MINUTE_MS;

impl Crowd {
    /// How many shoppers there are.
    pub fn members(&self) -> u32 {
        match self {
            Crowd::Synthetic { shoppers } => *shoppers,
            Crowd::Recorded { members, .. } => u32::try_from(members.len()).unwrap_or(u32::MAX),
        }
    }

    /// What is known of a shopper.
    pub(crate) fn person(&self, member: u32) -> &Person {
        match self {
            Crowd::Synthetic { .. } => &NOBODY,
            Crowd::Recorded { members, .. } => &members[member as usize].person,
        }
    }

    /// Since when a shopper is registered who first comes at `first_ms`.
    pub(crate) fn registered_at_ms(&self, member: u32, first_ms: i64, rules: &Rules) -> i64 {
        match self {
            Crowd::Synthetic { .. } => {
                let chosen = mix(u64::from(member) ^ 0x7265_6769);
                if chosen.is_multiple_of(4) {
                    return first_ms;
                }
                rules.starts_at_ms - (chosen % REGISTERED_MS as u64) as i64
            }
            Crowd::Recorded { members, .. } => members[member as usize].registered_at_ms.unwrap_or(first_ms),
        }
    }

    /// The visits of one round, in order of time.
    pub(crate) fn visits(&self, rules: &Rules, draws: u32, dice: &mut Dice) -> Vec<Visit> {
        let mut visits = match self {
            Crowd::Synthetic { shoppers } => synthetic(*shoppers, rules, draws, dice),
            Crowd::Recorded { visits, .. } => recorded(visits, rules, draws, dice),
        };
        visits.sort_unstable();
        visits
    }
}

fn synthetic(shoppers: u32, rules: &Rules, draws: u32, dice: &mut Dice) -> Vec<Visit> {
    let window = rules.ends_at_ms - rules.starts_at_ms;
    let midnight = i64::from(rules.civil(rules.starts_at_ms).minute);
    let busiest = BUSY.iter().copied().max().unwrap_or(1);
    // Rejection (von Neumann 1951): a time is kept with the probability that its hour's share gives it. A change of the
    // clocks inside the window shifts the hours by one; no figure hangs on that.
    let mut moment = || loop {
        let after = dice.below(window.max(1) as u64) as i64;
        let hour = (midnight + after / MINUTE_MS) % DAY_MINUTES / 60;
        if dice.below(u64::from(busiest)) < u64::from(BUSY[hour as usize]) {
            return rules.starts_at_ms + after;
        }
    };
    // A window shorter than the day may lie in the quietest hours only; every hour has a share, so the loop ends.
    (0..draws).map(|i| Visit { at_ms: moment(), member: i % shoppers.max(1), spend_cents: 0 }).collect()
}

fn recorded(visits: &[Visit], rules: &Rules, draws: u32, dice: &mut Dice) -> Vec<Visit> {
    let first = visits.iter().map(|v| v.at_ms).min().unwrap_or_default();
    let last = visits.iter().map(|v| v.at_ms).max().unwrap_or_default();
    let span = i128::from(last - first).max(1);
    let window = i128::from(rules.ends_at_ms - rules.starts_at_ms - 1).max(0);
    let moved = |visit: &Visit| {
        let after = (i128::from(visit.at_ms - first) * window / span) as i64;
        Visit { at_ms: rules.starts_at_ms + after, ..*visit }
    };
    if draws as usize == visits.len() {
        return visits.iter().map(moved).collect();
    }
    (0..draws).map(|_| moved(&visits[dice.below(visits.len() as u64) as usize])).collect()
}

/// Random numbers of one round (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Those of round `number` under a seed.
    pub fn of(seed: u64, number: u64) -> Self {
        Dice(mix(seed ^ mix(number.wrapping_add(0x6b6f_6921))))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`, which is above 0; uniform to one part in 2^64 / `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// The campaign's seed in this round.
    pub fn seed(&mut self) -> CampaignSeed {
        let mut bytes = [0; 32];
        for part in bytes.chunks_exact_mut(8) {
            part.copy_from_slice(&self.next().to_le_bytes());
        }
        CampaignSeed::new(bytes)
    }
}
