//! Waiting a moment for callers, so that one commit serves more of them.

use super::Owner;
use std::time::{Duration, Instant};

/// Callers under way from which on a batch waits for them. Fewer, such as 128, are served sooner without: while a batch
/// commits, those who were just answered ask again, and batches of a third of them overlap with the reading of the rest.
const GATHER_FROM: usize = 144;
/// The longest such wait, and how often callers are counted meanwhile.
const GATHER_MAX: Duration = Duration::from_millis(3);
const GATHER_STEP: Duration = Duration::from_micros(200);
/// The same two of a log among many, which has few callers: without, two of them take turns for ever, each with a message
/// of its own, since the one comes back while the other's is on its way.
const GATHER_FROM_SHARED: usize = 2;
const GATHER_MAX_SHARED: Duration = Duration::from_millis(1);

impl Owner {
    /// Under load, waits a moment for those who are about to come back: whoever was just answered asks again soon, and a
    /// commit costs the machine the same with all of them as with a few. With few callers nobody waits.
    pub(super) fn gather(&self) {
        // Of many, half: while those are committed the other half is read and answered.
        let (from, expected, most) = match self.shares {
            true => (GATHER_FROM_SHARED, self.under_way, GATHER_MAX_SHARED),
            false => (GATHER_FROM, self.under_way / 2, GATHER_MAX),
        };
        if self.under_way < from || self.stop_by.is_some() {
            return;
        }
        let expected = expected.min(self.limits.batch);
        let until = Instant::now() + most;
        while self.batch.len() + self.queue.len() < expected && Instant::now() < until {
            std::thread::sleep(GATHER_STEP);
        }
    }
}
