//! Live messages: what shoppers' open sockets hear.
//!
//! A message's id is `offset of the record it tells of << 20 | its place among the record's messages`, so ids of one
//! shopper grow and any message can be made again from the ledger: nothing but what is durable is needed to resume.
//! A personal strategy is no record; its message stands behind the last record that was folded when it was made, in
//! places that records never use.

mod afar;
mod line;
mod message;
mod missed;

pub use afar::{Afar, Told};
pub use line::{Hold, Line, Listener, Next, line};
pub use message::{BigWin, Heard, Message, MessageKind, mask, tells};
pub use missed::{Missed, Since};

use std::time::Duration;

/// How long a ticket opens a socket.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);
/// How far back a socket resumes.
pub const RESUME_MS: i64 = 24 * 3_600_000;
/// Records that wait for one socket; further ones are read from the ledger when the socket comes to them.
pub const BUFFER: usize = 32;
/// Big wins kept of each campaign.
pub const RECENT: usize = 20;

/// Places of a record's messages.
const PLACE_BITS: u32 = 20;
/// Places from here on are those of strategies; a record has fewer messages.
const STRATEGIES_FROM: u64 = 1 << 19;
/// Places from here on are left to the big wins that a socket tells after the last own message: half a day of five a second.
const WINS_FROM: u64 = 3 << 18;

/// The id of a record's message.
pub fn message_id(offset: u64, place: u64) -> u64 {
    offset << PLACE_BITS | place.min(STRATEGIES_FROM - 1)
}

/// The offset of the record that a message's id names.
pub fn offset_of(message: u64) -> u64 {
    message >> PLACE_BITS
}

/// The last id that a record's messages or a strategy behind it can have.
pub fn last_of(offset: u64) -> u64 {
    offset << PLACE_BITS | (WINS_FROM - 1)
}

/// The last id that a big win told behind that record can have.
pub fn last_win_of(offset: u64) -> u64 {
    offset << PLACE_BITS | ((1 << PLACE_BITS) - 1)
}

/// The id of a big win on a socket that told `told` last and has come to `after`: behind both, and never a place that a
/// message to come may have, so that who resumes from it loses nothing.
pub fn win_id(told: u64, after: u64) -> u64 {
    let last = told.max(after);
    (last + 1).min(last_win_of(offset_of(last)))
}

/// Makes ids of strategies' messages.
#[derive(Debug, Default)]
pub struct StrategyIds(std::sync::atomic::AtomicU64);

impl StrategyIds {
    /// An id behind all records below `folded`; one id serves a whole chunk, since ids only grow per shopper.
    pub fn make(&self, folded: u64) -> u64 {
        use std::sync::atomic::Ordering;
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        // A quarter of a million chunks without a record between them: then ids repeat, and a repeat is only not resumed.
        let place = STRATEGIES_FROM + count % (WINS_FROM - STRATEGIES_FROM);
        folded.saturating_sub(1) << PLACE_BITS | place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_with_records_and_strategies_stand_behind_the_last_one() {
        let strategies = StrategyIds::default();
        let mut ids = vec![message_id(6, 0), message_id(6, 1), message_id(6, 999_999_999)];
        ids.extend([strategies.make(7), strategies.make(7)]);
        ids.extend([last_of(6), message_id(7, 0)]);
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        assert!(ids.iter().all(|id| (6..=7).contains(&offset_of(*id))));
    }

    #[test]
    fn ids_of_big_wins_grow_and_stay_below_the_next_record() {
        for (from, after) in [("a fresh socket", last_of(6)), ("an own message", message_id(6, 1)), ("nothing", 0)] {
            let mut ids = vec![after];
            for _ in 0..1_000 {
                ids.push(win_id(ids[ids.len() - 1], after));
            }
            assert!(ids.is_sorted_by(|a, b| a < b), "{from}");
            assert!(ids.iter().all(|id| *id < message_id(offset_of(after) + 1, 0)), "{from}");
        }
        assert_eq!(win_id(last_win_of(6), last_of(6)), last_win_of(6), "never into the next record");
    }
}
