//! Instant-win moments: prizes that are won by time, not by odds. A prize with `moments: 3` has three secret times inside the
//! campaign's window, fixed before the campaign starts; the first draw that may win it after such a time does.
//!
//! ```text
//! seed(code, i) = HMAC(campaign_seed, "moment|" campaign_id "|" code "|" i)          i = 0, 1 ... below the count
//! time          = starts_at + 1000 * below(whole seconds of the window) + below(1000), by the roll of that seed
//! salt          = HMAC(campaign_seed, "moments|" campaign_id)
//! commitment    = SHA-256(hex(salt) "\n", then for each moment in order of time: time " " code "\n")
//! ```
//! The commitment is published with the rules. Without the salt nobody finds the times by trying them; with the seed,
//! which is published when the campaign is over, everyone can recompute both.

use crate::fairness::{CampaignSeed, hex};
use crate::ids::CampaignId;
use sha2::{Digest, Sha256};

/// Named bounds.
pub mod bounds {
    /// Moments of one campaign.
    pub const MOMENTS: u32 = 10_000;
}

/// One moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Unix milliseconds; from then on the first draw wins.
    pub at_ms: i64,
    /// The prize by its place in the rules.
    pub prize: u16,
}

/// A campaign's moments in the order in which they are won.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Moments {
    all: Vec<Moment>,
    commitment: [u8; 32],
}

impl std::fmt::Debug for Moments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Moments({} secret)", self.all.len())
    }
}

/// A prize that is won at moments: its place in the rules, its code, and how many there are.
pub type Timed<'a> = (u16, &'a str, u32);

impl Moments {
    /// The moments of a campaign whose window is `starts_at_ms` to `ends_at_ms`, exclusive. The same arguments give the same
    /// moments.
    pub fn derive(
        seed: &CampaignSeed,
        campaign: CampaignId,
        starts_at_ms: i64,
        ends_at_ms: i64,
        prizes: &[Timed<'_>],
    ) -> Self {
        let seconds = ends_at_ms.saturating_sub(starts_at_ms).max(0) / 1_000;
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        let mut named: Vec<(i64, &str, u16)> = Vec::new();
        for (prize, code, count) in prizes {
            for i in 0..(*count).min(bounds::MOMENTS) {
                let mut roll = seed.labelled(&format!("moment|{campaign}|{code}|{i}")).roll("");
                let second = i64::from(roll.below(seconds));
                let at_ms = starts_at_ms + second * 1_000 + i64::from(roll.below(1_000));
                named.push((at_ms, code, *prize));
            }
        }
        // Of two moments of one time the code decides, so that the order is the same for whoever recomputes it.
        named.sort_unstable();
        let salt = seed.labelled(&format!("moments|{campaign}"));
        let mut text = Sha256::new();
        text.update(format!("{}\n", hex(salt.reveal())));
        for (at_ms, code, _) in &named {
            text.update(format!("{at_ms} {code}\n"));
        }
        let all = named.into_iter().map(|(at_ms, _, prize)| Moment { at_ms, prize }).collect();
        Moments { all, commitment: text.finalize().into() }
    }

    /// What is published with the rules; tells nothing about the times.
    pub fn commitment(&self) -> &[u8; 32] {
        &self.commitment
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The moment that a draw at `now_ms` wins, `taken` having been won before it.
    pub fn due(&self, now_ms: i64, taken: u64) -> Option<Moment> {
        let next = self.all.get(usize::try_from(taken).ok()?)?;
        (next.at_ms <= now_ms).then_some(*next)
    }

    /// All of them: only for when the campaign is over.
    pub fn reveal(&self) -> &[Moment] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn derive(seed: u8, prizes: &[Timed<'_>]) -> Moments {
        Moments::derive(&CampaignSeed::new([seed; 32]), CampaignId(7), DAY_MS, 31 * DAY_MS, prizes)
    }

    #[test]
    fn moments_are_in_the_window_in_order_and_reproducible() {
        let prizes = [(3, "car", 2), (1, "phone", 500)];
        let moments = derive(1, &prizes);
        assert_eq!(moments.len(), 502);
        assert!(moments.reveal().iter().all(|m| (DAY_MS..31 * DAY_MS).contains(&m.at_ms)));
        assert!(moments.reveal().is_sorted());
        assert_eq!(moments.reveal().iter().filter(|m| m.prize == 3).count(), 2);
        assert_eq!(derive(1, &prizes), moments, "the same seed");
        for other in [derive(2, &prizes), derive(1, &[(3, "car", 2), (1, "phone", 499)]), derive(1, &[])] {
            assert_ne!(other.commitment(), moments.commitment(), "another seed or other prizes");
        }
        // A 30-day window in ten parts: each holds 50 of 500 on average; 6 sigma is 40.
        let mut parts = [0i32; 10];
        moments.reveal().iter().for_each(|m| parts[((m.at_ms - DAY_MS) / (3 * DAY_MS)) as usize] += 1);
        assert!(parts.iter().all(|count| (count - 50).abs() < 40), "{parts:?}");
    }

    #[test]
    fn the_first_draw_after_a_moment_wins_it_and_nobody_else() {
        let moments = derive(1, &[(3, "car", 2)]);
        let [first, second] = [moments.reveal()[0], moments.reveal()[1]];
        for (now_ms, taken, want) in [
            (first.at_ms - 1, 0, None),
            (first.at_ms, 0, Some(first)),
            (first.at_ms, 1, None),
            (second.at_ms, 0, Some(first)),
            (second.at_ms, 1, Some(second)),
            (i64::MAX, 2, None),
            (i64::MAX, u64::MAX, None),
        ] {
            assert_eq!(moments.due(now_ms, taken), want, "at {now_ms}, {taken} taken");
        }
    }

    #[test]
    fn nothing_prints_a_time() {
        let moments = derive(1, &[(3, "car", 1)]);
        let text = format!("{moments:?}");
        assert!(!text.contains(&moments.reveal()[0].at_ms.to_string()), "{text}");
    }
}
