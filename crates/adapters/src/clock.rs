//! The machine's clock.

use app::ports::Clock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Wall time. It may jump; whoever stamps records never lets their time fall.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
    }
}
