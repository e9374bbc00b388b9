//! How fast a device or an address draws, all its shoppers together: what the rule `risk` asks.
//!
//! A sliding hour made of this hour's and the last one's count. It is kept in memory only: after a restart it begins
//! anew, which lets a fast drawer draw on for an hour at most.

use domain::tally::Watch;
use rustc_hash::FxHashMap;

const HOUR_MS: i64 = 3_600_000;
/// Devices and addresses remembered; beyond it those of past hours are forgotten first.
const REMEMBERED: usize = 200_000;

/// Draws of one hash.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    hour: i64,
    this: u32,
    last: u32,
}

impl Pace {
    fn at(self, hour: i64) -> Pace {
        match hour - self.hour {
            0 => self,
            1 => Pace { hour, this: 0, last: self.this },
            _ => Pace { hour, this: 0, last: 0 },
        }
    }
}

/// The counts of all devices and addresses.
#[derive(Debug, Default)]
pub(super) struct Velocity {
    paces: FxHashMap<(bool, u64), Pace>,
}

impl Velocity {
    /// Draws of the last hour from the shopper's device and address; 0 where one is not known.
    pub fn of(&self, watch: &Watch, now_ms: i64) -> (u32, u32) {
        (self.count(false, watch.device, now_ms), self.count(true, watch.address, now_ms))
    }

    fn count(&self, address: bool, hash: u64, now_ms: i64) -> u32 {
        let Some(pace) = self.paces.get(&(address, hash)).filter(|_| hash != 0) else { return 0 };
        let pace = pace.at(now_ms.div_euclid(HOUR_MS));
        // The part of the last hour that is still within sixty minutes, rounded up: in doubt it counts.
        let share = HOUR_MS - now_ms.rem_euclid(HOUR_MS);
        let before = (i64::from(pace.last) * share + HOUR_MS - 1) / HOUR_MS;
        pace.this.saturating_add(u32::try_from(before).unwrap_or(u32::MAX))
    }

    /// Counts draws that are made.
    pub fn drew(&mut self, watch: &Watch, count: u32, now_ms: i64) {
        let hour = now_ms.div_euclid(HOUR_MS);
        for (address, hash) in [(false, watch.device), (true, watch.address)] {
            if hash == 0 {
                continue;
            }
            if self.paces.len() >= REMEMBERED {
                self.paces.retain(|_, pace| pace.hour == hour);
                if self.paces.len() >= REMEMBERED {
                    self.paces.clear();
                }
            }
            let pace = self.paces.entry((address, hash)).or_default();
            *pace = pace.at(hour);
            pace.this = pace.this.saturating_add(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_slides() {
        let watch = Watch { device: 7, ..Watch::default() };
        let mut velocity = Velocity::default();
        velocity.drew(&watch, 10, 0);
        for (minute, want) in [(0, 10), (59, 10), (60, 10), (90, 5), (119, 1), (120, 0), (500, 0)] {
            assert_eq!(velocity.of(&watch, minute * 60_000), (want, 0), "after {minute} minutes");
        }
        velocity.drew(&watch, 2, 90 * 60_000);
        assert_eq!(velocity.of(&watch, 90 * 60_000).0, 7);
        assert_eq!(velocity.of(&Watch::default(), 0), (0, 0), "an unknown device has no pace");
    }
}
