//! Leaves an endpoint alone that fails: after so many failures in a row it is not asked for a while, then by one question
//! alone, whose outcome decides (circuit breaker; Nygard 2007).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest that an endpoint's own word (Retry-After) keeps it from being asked.
const LONGEST_WORD: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Nobody asks before.
    until: Option<Instant>,
    /// One question is finding out.
    probing: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Breaker {
    failures: u32,
    pause: Duration,
    state: Mutex<State>,
}

impl Breaker {
    pub fn new(failures: u32, pause: Duration) -> Self {
        Self { failures: failures.max(1), pause, state: Mutex::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets a question go, or not.
    pub fn pass(&self, now: Instant) -> Option<Pass<'_>> {
        let probing = self.with(|state| match state.until {
            Some(until) if now < until || state.probing => None,
            Some(_) => {
                state.probing = true;
                Some(true)
            }
            None => Some(false),
        })?;
        Some(Pass { breaker: self, probing })
    }
}

/// A question on its way. Dropped without a word, nothing was learned of the endpoint.
#[derive(Debug)]
pub struct Pass<'a> {
    breaker: &'a Breaker,
    probing: bool,
}

impl Pass<'_> {
    /// The endpoint answered.
    pub fn worked(mut self) {
        self.probing = false;
        self.breaker.with(|state| *state = State::default());
    }

    /// It did not, or not with an answer.
    pub fn failed(mut self, now: Instant) {
        let probed = std::mem::take(&mut self.probing);
        self.breaker.with(|state| {
            state.failures = state.failures.saturating_add(1);
            if probed || state.failures >= self.breaker.failures {
                state.until = Some(now + self.breaker.pause);
            }
            state.probing &= !probed;
        });
    }

    /// It said itself when to come again.
    pub fn told(mut self, now: Instant, wait: Duration) {
        let probed = std::mem::take(&mut self.probing);
        self.breaker.with(|state| {
            state.until = Some(now + wait.min(LONGEST_WORD));
            state.probing &= !probed;
        });
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probing {
            self.breaker.with(|state| state.probing = false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_and_probes_alone() {
        let (breaker, start) = (Breaker::new(3, Duration::from_secs(10)), Instant::now());
        let pass = |s: u64| breaker.pass(start + Duration::from_secs(s));
        let at = |s: u64| start + Duration::from_secs(s);
        for _ in 0..2 {
            pass(0).expect("closed").failed(start);
        }
        pass(0).expect("closed").worked();
        for _ in 0..3 {
            pass(0).expect("a success starts the count anew").failed(start);
        }
        assert!(pass(9).is_none(), "open");
        let probe = pass(10).expect("one probe");
        assert!(pass(10).is_none(), "and no second beside it");
        probe.failed(at(11));
        assert!(pass(20).is_none(), "the probe failed: open again");
        drop(pass(21).expect("a probe that is not sent after all"));
        pass(21).expect("another").worked();
        assert!(pass(21).is_some(), "closed");
        pass(30).expect("closed").told(at(30), Duration::from_secs(5));
        assert!(pass(34).is_none() && pass(35).is_some());
        pass(40).expect("a probe").told(at(40), Duration::from_secs(1 << 40));
        assert!(breaker.pass(at(40) + LONGEST_WORD).is_some(), "no word keeps it away for ever");
    }
}
