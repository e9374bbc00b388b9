//! Time that a test holds in its hands.

use app::ports::Clock;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that stands still until it is moved; it may be moved backwards too.
#[derive(Debug)]
pub struct FakeClock(AtomicI64);

impl FakeClock {
    /// A clock at `ms` (Unix milliseconds).
    pub const fn at(ms: i64) -> Self {
        Self(AtomicI64::new(ms))
    }

    /// Sets the time.
    pub fn set(&self, ms: i64) {
        self.0.store(ms, Ordering::Release);
    }

    /// Moves the time by `ms`, which may be negative.
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::AcqRel);
    }
}

impl Clock for FakeClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }
}
