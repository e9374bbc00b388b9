//! How often a password may be tried: by account, known or not, and by address; and how often a shopper may try codes
//! that there are not. In memory and bounded; a restart forgets
//! it, which costs an attacker a restart of ours.

use domain::ids::ShopperId;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Accounts and addresses watched at once; of more, the one with the fewest tries is forgotten.
const WATCHED_MAX: usize = 16_384;

/// What is watched. The text itself is not kept.
#[derive(Debug, Clone, Copy)]
pub enum Tries<'a> {
    Account(&'a str),
    Address(&'a str),
    /// Of redeem codes.
    Shopper(ShopperId),
}

#[derive(Debug, Clone, Copy)]
struct Window {
    count: u32,
    ends_ms: i64,
}

/// Counts tries.
#[derive(Debug, Default)]
pub struct Throttle {
    windows: Mutex<FxHashMap<[u8; 16], Window>>,
}

fn key(what: Tries<'_>) -> [u8; 16] {
    let sha = match what {
        Tries::Account(login) => Sha256::new().chain_update(b"l").chain_update(login),
        Tries::Address(address) => Sha256::new().chain_update(b"a").chain_update(address),
        Tries::Shopper(id) => Sha256::new().chain_update(b"s").chain_update(id.0.to_le_bytes()),
    };
    let full: [u8; 32] = sha.finalize().into();
    full[..16].try_into().expect("invariant: 16 of 32 bytes")
}

impl Throttle {
    /// Counts one more try. It is counted before the password is looked at, so tries at the same time count too.
    ///
    /// # Errors
    /// Milliseconds until the next may be made, where `max` were made already.
    pub fn admit(&self, what: Tries<'_>, max: u32, window: Duration, now_ms: i64) -> Result<(), i64> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(what);
        if windows.len() >= WATCHED_MAX && !windows.contains_key(&key) {
            windows.retain(|_, w| w.ends_ms > now_ms);
            if windows.len() >= WATCHED_MAX
                && let Some(least) = windows.iter().min_by_key(|(_, w)| w.count).map(|(key, _)| *key)
            {
                windows.remove(&least);
            }
        }
        let ends_ms = now_ms.saturating_add(i64::try_from(window.as_millis()).unwrap_or(i64::MAX));
        let entry = windows.entry(key).or_insert(Window { count: 0, ends_ms });
        if entry.ends_ms <= now_ms {
            *entry = Window { count: 0, ends_ms };
        }
        if entry.count >= max {
            return Err(entry.ends_ms - now_ms);
        }
        entry.count += 1;
        Ok(())
    }

    /// Whether one more try may be made; counts none.
    ///
    /// # Errors
    /// Milliseconds until the next may be made.
    pub fn check(&self, what: Tries<'_>, max: u32, now_ms: i64) -> Result<(), i64> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        match windows.get(&key(what)).filter(|window| window.ends_ms > now_ms && window.count >= max) {
            Some(window) => Err(window.ends_ms - now_ms),
            None => Ok(()),
        }
    }

    /// The password was right: an account starts anew, an address gets this one try back.
    pub fn succeeded(&self, what: Tries<'_>) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        match what {
            Tries::Account(_) => {
                windows.remove(&key(what));
            }
            Tries::Address(_) | Tries::Shopper(_) => {
                if let Some(window) = windows.get_mut(&key(what)) {
                    window.count = window.count.saturating_sub(1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn tries_are_counted_by_window() {
        let throttle = Throttle::default();
        let ada = Tries::Account("ada");
        for (now_ms, want) in [
            (0, Ok(())),
            (1, Ok(())),
            (2, Ok(())),
            (3, Err(59_997)),
            (59_999, Err(1)),
            (60_000, Ok(())),
            (60_001, Ok(())),
        ] {
            assert_eq!(throttle.admit(ada, 3, MINUTE, now_ms), want, "at {now_ms}");
        }
        assert_eq!(throttle.admit(Tries::Address("ada"), 3, MINUTE, 3), Ok(()), "an address of that name is another");
    }

    #[test]
    fn success_frees_the_account_but_not_the_address() {
        let throttle = Throttle::default();
        let (account, address) = (Tries::Account("ada"), Tries::Address("10.0.0.1"));
        for what in [account, address] {
            throttle.admit(what, 2, MINUTE, 0).unwrap();
            throttle.admit(what, 2, MINUTE, 0).unwrap();
            throttle.succeeded(what);
        }
        assert_eq!([0; 3].map(|_| throttle.admit(account, 2, MINUTE, 1).is_ok()), [true, true, false]);
        assert_eq!([0; 2].map(|_| throttle.admit(address, 2, MINUTE, 1).is_ok()), [true, false]);
    }

    #[test]
    fn memory_is_bounded_and_the_busiest_stay() {
        let throttle = Throttle::default();
        let target = Tries::Account("target");
        for _ in 0..5 {
            throttle.admit(target, 5, MINUTE, 0).unwrap();
        }
        for i in 0..WATCHED_MAX + 100 {
            throttle.admit(Tries::Account(&i.to_string()), 5, MINUTE, 0).unwrap();
        }
        assert_eq!(throttle.windows.lock().unwrap().len(), WATCHED_MAX);
        assert!(throttle.admit(target, 5, MINUTE, 1).is_err(), "a flood of names does not free an account");
    }
}
