//! Requests of other nodes that were heard a moment ago: a second attempt at one is given the first one's answer, so that
//! it is neither done twice nor taken for a caller's own retry.

use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// For how long an answer is kept: longer than any node goes on asking.
const KEEP: Duration = Duration::from_secs(15);
/// Answers kept at most; of an older one a second attempt is a new request, which its key makes harmless.
const KEPT: usize = 65_536;

/// An answer on its way.
type Answer = watch::Receiver<Option<Bytes>>;

#[derive(Default)]
struct Table {
    answers: FxHashMap<u64, Answer>,
    /// In the order in which they were heard.
    order: VecDeque<(u64, Instant)>,
}

/// What was heard lately.
#[derive(Default)]
pub(super) struct Joined(Mutex<Table>);

/// An attempt.
pub(super) enum Attempt {
    /// The first one: whoever has it answers for all.
    First(watch::Sender<Option<Bytes>>),
    Again(Answer),
}

impl Joined {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an attempt at a request.
    pub fn begin(&self, request: u64) -> Attempt {
        let (mut table, now) = (self.table(), Instant::now());
        while let Some((old, at)) = table.order.front().copied()
            && (now - at > KEEP || table.order.len() >= KEPT)
        {
            table.order.pop_front();
            table.answers.remove(&old);
        }
        if let Some(answer) = table.answers.get(&request) {
            return Attempt::Again(answer.clone());
        }
        let (answer, heard) = watch::channel(None);
        table.answers.insert(request, heard);
        table.order.push_back((request, now));
        Attempt::First(answer)
    }

    /// Nothing came of a request: the next attempt at it is a first one.
    pub fn forget(&self, request: u64) {
        self.table().answers.remove(&request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_attempt_has_the_first_ones_answer() {
        let joined = Joined::default();
        let Attempt::First(answer) = joined.begin(1) else { panic!("the first") };
        let Attempt::Again(heard) = joined.begin(1) else { panic!("the second") };
        assert!(matches!(joined.begin(2), Attempt::First(_)), "another request");
        answer.send_replace(Some(Bytes::from_static(b"said")));
        assert_eq!(heard.borrow().as_deref(), Some(&b"said"[..]));
        joined.forget(1);
        assert!(matches!(joined.begin(1), Attempt::First(_)), "nothing had come of it");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let joined = Joined::default();
        for request in 0..(KEPT as u64 + 10) {
            _ = joined.begin(request);
        }
        assert!(joined.table().answers.len() <= KEPT);
        assert!(matches!(joined.begin(0), Attempt::First(_)), "the oldest one went");
    }
}
