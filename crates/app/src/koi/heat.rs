//! What is drawn from most: which campaigns, and which shoppers' strategies. A sample of the draws goes into a summary of
//! bounded size ("Space-Saving": Metwally, Agrawal and El Abbadi 2005), in which every key above a share of 1 in
//! [`KEYS`] surely is. It is shown on the metrics by rank, and by name in the log.

use domain::ids::{CampaignId, ShopperId};
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Keys counted at a time.
const KEYS: usize = 64;
/// One draw in so many is looked at.
const SAMPLED: u32 = 32;
/// Ranks shown.
const SHOWN: usize = 5;
/// Looks at the summary between two lines in the log; then counts are halved, so that old heat fades.
const LOOKS: u32 = 60;
/// The share from which on a strategy is named in the log: one shopper in ten draws is no ordinary one.
const NAMED: f64 = 0.1;
/// Draws in the sample below which shares say nothing.
const ENOUGH: u64 = 100;

const RANKS: [&str; SHOWN] = ["1", "2", "3", "4", "5"];

/// The heaviest keys of a stream.
#[derive(Debug)]
struct Heavy<K> {
    counts: Vec<(K, u64)>,
    total: u64,
}

impl<K: PartialEq + Copy> Heavy<K> {
    const fn new() -> Self {
        Self { counts: Vec::new(), total: 0 }
    }

    fn note(&mut self, key: K) {
        self.total += 1;
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| *known == key) {
            *count += 1;
        } else if self.counts.len() < KEYS {
            self.counts.push((key, 1));
        } else if let Some(least) = self.counts.iter_mut().min_by_key(|(_, count)| *count) {
            // The new one inherits what it drives out: its count is never too low.
            *least = (key, least.1 + 1);
        }
    }

    /// The heaviest ones with their shares, heaviest first.
    fn top(&self) -> Vec<(K, f64)> {
        let mut sorted = self.counts.clone();
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        sorted.truncate(SHOWN);
        sorted.into_iter().map(|(key, count)| (key, count as f64 / self.total.max(1) as f64)).collect()
    }

    fn fade(&mut self) {
        self.total /= 2;
        self.counts.iter_mut().for_each(|(_, count)| *count /= 2);
        self.counts.retain(|(_, count)| *count > 0);
    }
}

/// See the module.
pub(super) struct Heat {
    campaigns: Mutex<Heavy<CampaignId>>,
    strategies: Mutex<Heavy<(ShopperId, CampaignId)>>,
    looks: AtomicU32,
}

impl Default for Heat {
    fn default() -> Self {
        let (campaigns, strategies) = (Mutex::new(Heavy::new()), Mutex::new(Heavy::new()));
        Self { campaigns, strategies, looks: AtomicU32::new(0) }
    }
}

impl Heat {
    /// Notes a draw, or rather one in [`SAMPLED`] of this thread's. Nobody waits: a summary in use misses one.
    pub fn drew(&self, shopper: ShopperId, campaign: CampaignId) {
        thread_local! {
            static SKIPPED: Cell<u32> = const { Cell::new(0) };
        }
        let skipped = SKIPPED.get();
        SKIPPED.set((skipped + 1) % SAMPLED);
        if skipped != 0 {
            return;
        }
        if let Ok(mut campaigns) = self.campaigns.try_lock() {
            campaigns.note(campaign);
        }
        if let Ok(mut strategies) = self.strategies.try_lock() {
            strategies.note((shopper, campaign));
        }
    }

    /// Shows the hottest on the metrics; every minute also in the log.
    pub fn report(&self) {
        let minute = self.looks.fetch_add(1, Ordering::Relaxed) % LOOKS == LOOKS - 1;
        if let Ok(mut campaigns) = self.campaigns.try_lock() {
            show("campaign", campaigns.top().iter().map(|(_, share)| *share));
            if minute {
                campaigns.fade();
            }
        }
        if let Ok(mut strategies) = self.strategies.try_lock() {
            let top = strategies.top();
            show("strategy", top.iter().map(|(_, share)| *share));
            if minute && strategies.total >= ENOUGH {
                for ((shopper, campaign), share) in top.iter().filter(|(_, share)| *share >= NAMED) {
                    tracing::info!(%shopper, %campaign, share, "one shopper makes much of the draws");
                }
            }
            if minute {
                strategies.fade();
            }
        }
    }
}

fn show(kind: &'static str, shares: impl Iterator<Item = f64>) {
    for (rank, share) in RANKS.into_iter().zip(shares.chain(std::iter::repeat(0.0))) {
        metrics::gauge!("koi_hot_share", "kind" => kind, "rank" => rank).set(share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_are_found_among_many() {
        let mut heavy = Heavy::new();
        for i in 0..100_000_u64 {
            // One key in four, one in eight, and a crowd of a thousand others.
            heavy.note(match i % 8 {
                0 | 4 => 1,
                1 => 2,
                _ => 1_000 + i % 1_009,
            });
        }
        let top = heavy.top();
        assert_eq!((top[0].0, top[1].0), (1, 2));
        assert!((0.24..0.30).contains(&top[0].1) && (0.12..0.16).contains(&top[1].1), "{top:?}");
        assert!(heavy.counts.len() <= KEYS);
        heavy.fade();
        assert_eq!(heavy.top()[0].0, 1, "shares stay when counts fade");
    }
}
