//! When a failed attempt is made again: exponential backoff with full jitter (Brooker 2015, "Exponential Backoff And
//! Jitter"), so that many messages of a receiver that comes back do not all arrive at once.

use domain::ids::{DeliveryId, mix};

/// How fast waits grow.
const FACTOR: u32 = 3;

/// The waits between attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Attempts before a delivery is parked.
    pub attempts: u32,
    /// The longest first wait.
    pub first_ms: u64,
    /// No wait is longer.
    pub longest_ms: u64,
    /// What jitter is made of: the same seed makes the same waits.
    pub seed: u64,
}

impl Schedule {
    /// The wait after the `failed`-th failure (1, 2, 3 …), uniform from zero to `first_ms` × 3ⁿ⁻¹; nothing once the
    /// attempts are used up.
    pub fn wait_ms(&self, delivery: DeliveryId, failed: u32) -> Option<u64> {
        (failed < self.attempts).then(|| self.unlimited_wait_ms(delivery, failed))
    }

    /// The same for what is never given up: a pool that waits for codes.
    pub fn unlimited_wait_ms(&self, delivery: DeliveryId, failed: u32) -> u64 {
        let growth = u64::from(FACTOR).saturating_pow(failed.saturating_sub(1));
        let most = self.first_ms.saturating_mul(growth).min(self.longest_ms);
        let roll = mix(self.seed ^ mix(delivery.0 ^ u64::from(failed).rotate_left(48)));
        roll % most.saturating_add(1).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURS: u64 = 3_600_000;

    #[test]
    fn waits_grow_are_jittered_and_end() {
        let schedule = Schedule { attempts: 12, first_ms: 5_000, longest_ms: 6 * HOURS, seed: 7 };
        for (failed, most) in [(1, 5_000), (2, 15_000), (5, 405_000), (8, 10_935_000), (9, 6 * HOURS), (11, 6 * HOURS)]
        {
            let waits: Vec<u64> =
                (0..1_000).map(|id| schedule.wait_ms(DeliveryId(id), failed).expect("more attempts")).collect();
            assert!(waits.iter().all(|wait| *wait <= most), "after {failed}: {:?} > {most}", waits.iter().max());
            let mean = waits.iter().sum::<u64>() / 1_000;
            assert!(
                (most * 45 / 100..most * 55 / 100).contains(&mean),
                "after {failed}: uniform up to {most}, mean {mean}"
            );
            let again: Vec<u64> = (0..1_000).map(|id| schedule.unlimited_wait_ms(DeliveryId(id), failed)).collect();
            assert_eq!(waits, again, "a seed makes the same waits");
        }
        assert_eq!(schedule.wait_ms(DeliveryId(1), 12), None, "the twelfth failure parks it");
        let whole: u64 = (1..12).filter_map(|failed| schedule.wait_ms(DeliveryId(3), failed)).sum();
        assert!(whole > HOURS, "retried over hours, not minutes: {whole} ms");
        let other = Schedule { seed: 8, ..schedule };
        assert_ne!(schedule.wait_ms(DeliveryId(1), 5), other.wait_ms(DeliveryId(1), 5));
    }

    #[test]
    fn nothing_overflows() {
        let schedule = Schedule { attempts: u32::MAX, first_ms: u64::MAX, longest_ms: u64::MAX, seed: 0 };
        for failed in [0, 1, 100, u32::MAX - 1] {
            assert!(schedule.wait_ms(DeliveryId(u64::MAX), failed).is_some());
        }
        let zero = Schedule { attempts: 3, first_ms: 0, longest_ms: 0, seed: 1 };
        assert_eq!(zero.wait_ms(DeliveryId(1), 1), Some(0));
    }
}
