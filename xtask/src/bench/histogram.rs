//! Latencies in buckets 1 % to 2 % wide, so that millions of them take a few kilobytes.

/// Buckets per doubling.
const PER_DOUBLING: u64 = 64;
/// Up to 2^36 microseconds, which no request takes.
const DOUBLINGS: u64 = 36;

/// Counts by microseconds, growing buckets.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; ((DOUBLINGS + 1) * PER_DOUBLING) as usize], total: 0 }
    }
}

impl Histogram {
    /// Counts one latency in microseconds.
    pub fn add(&mut self, us: u64) {
        let last = self.counts.len() - 1;
        self.counts[bucket(us).min(last)] += 1;
        self.total += 1;
    }

    /// The latency that such a part (0 to 1) of all stays at or below, in milliseconds; 0 of none.
    pub fn quantile_ms(&self, part: f64) -> f64 {
        let rank = (self.total as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return highest(index as u64) as f64 / 1_000.0;
            }
        }
        0.0
    }
}

fn bucket(us: u64) -> usize {
    if us < PER_DOUBLING {
        return us as usize;
    }
    let doubling = u64::from(us.ilog2()) - u64::from(PER_DOUBLING.ilog2());
    ((doubling + 1) * PER_DOUBLING + ((us >> doubling) - PER_DOUBLING)) as usize
}

/// The highest value of a bucket.
fn highest(index: u64) -> u64 {
    if index < PER_DOUBLING {
        return index;
    }
    let doubling = index / PER_DOUBLING - 1;
    (((index % PER_DOUBLING) + PER_DOUBLING + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_close() {
        let mut histogram = Histogram::default();
        (1..=100_000).for_each(|us| histogram.add(us));
        for (part, want) in [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.0, 0.001)] {
            let got = histogram.quantile_ms(part);
            assert!((got - want).abs() <= want * 0.02, "{part}: {got}, want {want}");
        }
        assert_eq!(Histogram::default().quantile_ms(0.5), 0.0);
    }

    #[test]
    fn every_value_is_within_its_bucket() {
        for us in (0..10_000).chain([1 << 20, (1 << 20) + 1, u64::from(u32::MAX)]) {
            let index = bucket(us) as u64;
            assert!(highest(index) >= us && (index == 0 || highest(index - 1) < us), "{us}");
        }
    }
}
