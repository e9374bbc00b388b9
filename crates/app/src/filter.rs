//! Bloom filters that say "no" without asking records (Bloom 1970), sized by the share of wrong "maybe"s that they may
//! give, measured while they work, and grown before they are fuller than that allows.
//!
//! A filter is never ahead of what it stands beside: its "no" is about what its owner has folded, and an item goes in when
//! the record that makes it is folded.

use fastbloom::AtomicBloomFilter;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// The share of absent items for which a filter that is just full says "maybe".
pub const FALSE_POSITIVES: f64 = 0.01;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Whether an external id is registered.
    Registered,
    /// Whether a shopper has a personal strategy in a campaign.
    HasStrategy,
}

impl Asked {
    fn word(self) -> &'static str {
        match self {
            Asked::Registered => "registered",
            Asked::HasStrategy => "has_strategy",
        }
    }
}

/// What all filters of one kind in this process have answered: a node may have as many as it owns logs.
#[derive(Default)]
struct Told {
    no: AtomicU64,
    wrong: AtomicU64,
}

static TOLD: [Told; 2] = [const { Told { no: AtomicU64::new(0), wrong: AtomicU64::new(0) } }; 2];

#[derive(Debug)]
struct Bits {
    bloom: AtomicBloomFilter,
    /// Items up to which the share of false positives holds, and those that are in.
    room: usize,
    items: AtomicUsize,
}

impl Bits {
    fn new(room: usize) -> Self {
        let bloom = AtomicBloomFilter::with_false_pos(FALSE_POSITIVES).expected_items(room);
        Self { bloom, room, items: AtomicUsize::new(0) }
    }

    fn insert(&self, item: &(impl Hash + ?Sized)) {
        // What seems to be in already is not counted: as many as the false positives, and those add no bits either.
        if !self.bloom.insert(item) {
            self.items.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[derive(Debug)]
struct Pair {
    now: Bits,
    /// The larger one that is being filled.
    next: Option<Bits>,
}

/// See the module.
#[derive(Debug)]
pub struct Filter {
    asked: Asked,
    bits: RwLock<Pair>,
    /// Everything that exists is in; until then every answer is "maybe".
    complete: AtomicBool,
}

impl Filter {
    /// An empty one with room for so many items.
    pub fn new(asked: Asked, room: usize) -> Self {
        let pair = Pair { now: Bits::new(room.max(1)), next: None };
        Self { asked, bits: RwLock::new(pair), complete: AtomicBool::new(false) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Pair> {
        self.bits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an item in, into what is being filled too.
    pub fn insert(&self, item: &(impl Hash + ?Sized)) {
        let bits = self.read();
        bits.now.insert(item);
        if let Some(next) = &bits.next {
            next.insert(item);
        }
    }

    /// Whether the item is certainly not in.
    pub fn surely_without(&self, item: &(impl Hash + ?Sized)) -> bool {
        let surely = self.complete.load(Ordering::Acquire) && !self.read().now.bloom.contains(item);
        if surely {
            TOLD[self.asked as usize].no.fetch_add(1, Ordering::Relaxed);
        }
        surely
    }

    /// Notes that records did not have what this said "maybe" to.
    pub fn was_wrong(&self) {
        if self.complete.load(Ordering::Acquire) {
            TOLD[self.asked as usize].wrong.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// From here on it says "no". What was being filled, from everything that exists, takes over.
    pub fn complete(&self) {
        let mut bits = self.bits.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = bits.next.take() {
            bits.now = next;
        }
        self.complete.store(true, Ordering::Release);
    }

    /// Whether it was completed, and may say "no".
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Whether it is as full as it may be, and nothing is done about it yet.
    pub fn is_full(&self) -> bool {
        let bits = self.read();
        self.is_complete() && bits.next.is_none() && bits.now.items.load(Ordering::Relaxed) >= bits.now.room
    }

    /// Starts a larger one: from now on items go into both. Whoever calls this puts in all that exists, and then calls
    /// [`Filter::complete`].
    pub fn grow(&self) {
        let mut bits = self.bits.write().unwrap_or_else(PoisonError::into_inner);
        let room = bits.now.items.load(Ordering::Relaxed).max(bits.now.room).saturating_mul(2);
        bits.next.get_or_insert_with(|| Bits::new(room));
    }

    /// Whether a larger one is being filled.
    pub fn is_growing(&self) -> bool {
        self.read().next.is_some()
    }

    /// Shows on the metrics how full it is and how often its "maybe" was wrong.
    pub fn report(&self) {
        let (items, room) = {
            let bits = self.read();
            (bits.now.items.load(Ordering::Relaxed), bits.now.room)
        };
        let told = &TOLD[self.asked as usize];
        let (no, wrong) = (told.no.load(Ordering::Relaxed), told.wrong.load(Ordering::Relaxed));
        let filter = self.asked.word();
        metrics::gauge!("koi_filter_items", "filter" => filter).set(items as f64);
        metrics::gauge!("koi_filter_room", "filter" => filter).set(room as f64);
        metrics::counter!("koi_filter_no_total", "filter" => filter).absolute(no);
        metrics::counter!("koi_filter_wrong_total", "filter" => filter).absolute(wrong);
        if no + wrong > 0 {
            let rate = wrong as f64 / (no + wrong) as f64;
            metrics::gauge!("koi_filter_false_positive_rate", "filter" => filter).set(rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_one_never_says_no() {
        let filter = Filter::new(Asked::Registered, 10);
        filter.insert("ada");
        assert!(!filter.surely_without("bob"));
        filter.complete();
        assert!(filter.surely_without("bob") && !filter.surely_without("ada"));
    }

    #[test]
    fn it_grows_before_its_maybe_is_worth_nothing_and_loses_nobody() {
        let filter = Filter::new(Asked::HasStrategy, 100);
        filter.complete();
        let mut all: Vec<u64> = Vec::new();
        for item in 0..20_000_u64 {
            filter.insert(&item);
            all.push(item);
            if filter.is_full() {
                filter.grow();
                assert!(!filter.is_full(), "one at a time");
                // Made while it grows: from records alone it would be missing.
                filter.insert(&(item + 1_000_000));
                all.iter().for_each(|known| filter.insert(known));
                filter.complete();
                all.push(item + 1_000_000);
            }
        }
        assert!(all.iter().all(|item| !filter.surely_without(item)));
        let wrong = (2_000_000..2_020_000_u64).filter(|absent| !filter.surely_without(absent)).count();
        assert!(wrong < 20_000 / 50, "at most twice the share it was sized for: {wrong}");
    }
}
