//! Hints in the memory of one process.

use app::live::TICKET_LIFE;
use app::ports::{Clock, Hints, Hot, HotStrategy, JobCursor, Mark, Noted, PortError, PortResult, TicketFor};
use async_trait::async_trait;
use domain::ids::{CampaignId, ShopperId, mix};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long a draw that was begun counts as running: whoever died meanwhile holds nobody up for longer.
const DRAWING_MS: i64 = 2_000;
/// Parts of what many draws touch at once, a power of two.
const PARTS: usize = 64;
/// Shoppers of one part that may be drawing; beyond it nobody is noted.
const DRAWING_MAX: usize = 4_096;
/// Tickets that were given and not taken.
const TICKETS_MAX: usize = 100_000;
/// Marks of which it is known whom they are on, and shoppers of one.
const MARKS_MAX: usize = 64;
const MARKED_MAX: usize = 1_000_000;
/// Buckets of one part; a full part forgets them all, which lets requests in rather than keeping them out.
const BUCKETS_MAX: usize = 16_384;

#[derive(Default)]
struct Tickets {
    by_hash: FxHashMap<[u8; 32], (TicketFor, i64)>,
    oldest: VecDeque<([u8; 32], i64)>,
}

#[derive(Default)]
struct Marks {
    on: FxHashMap<Mark, FxHashSet<ShopperId>>,
    oldest: VecDeque<Mark>,
}

/// How full a bucket is, in thousandths of a request, and as of when.
#[derive(Clone, Copy)]
struct Bucket {
    left: u64,
    at_ms: i64,
}

/// See the module.
pub struct Memory {
    clock: Arc<dyn Clock>,
    drawing: [Mutex<FxHashMap<ShopperId, i64>>; PARTS],
    tickets: Mutex<Tickets>,
    marks: Mutex<Marks>,
    buckets: [Mutex<FxHashMap<u64, Bucket>>; PARTS],
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn part(key: u64) -> usize {
    (mix(key) as usize) & (PARTS - 1)
}

impl Memory {
    /// Nothing known yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            drawing: std::array::from_fn(|_| Mutex::default()),
            tickets: Mutex::default(),
            marks: Mutex::default(),
            buckets: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

#[async_trait]
impl Hints for Memory {
    async fn begin_drawing(&self, shopper: ShopperId) -> bool {
        let now_ms = self.clock.now_ms();
        let mut drawing = lock(&self.drawing[part(shopper.0)]);
        if drawing.get(&shopper).is_some_and(|begun| (0..DRAWING_MS).contains(&(now_ms - begun))) {
            return false;
        }
        if drawing.len() >= DRAWING_MAX {
            drawing.retain(|_, begun| (0..DRAWING_MS).contains(&(now_ms - *begun)));
        }
        if drawing.len() < DRAWING_MAX {
            drawing.insert(shopper, now_ms);
        }
        true
    }

    fn end_drawing(&self, shopper: ShopperId) -> Option<Noted> {
        lock(&self.drawing[part(shopper.0)]).remove(&shopper);
        None
    }

    fn mark(&self, mark: Mark, shopper: ShopperId) -> Option<Noted> {
        let mut marks = lock(&self.marks);
        if !marks.on.contains_key(&mark) {
            if marks.oldest.len() >= MARKS_MAX
                && let Some(oldest) = marks.oldest.pop_front()
            {
                marks.on.remove(&oldest);
            }
            marks.oldest.push_back(mark);
        }
        let shoppers = marks.on.entry(mark).or_default();
        if shoppers.len() < MARKED_MAX {
            shoppers.insert(shopper);
        }
        None
    }

    async fn is_marked(&self, mark: Mark, shopper: ShopperId) -> bool {
        lock(&self.marks).on.get(&mark).is_some_and(|shoppers| shoppers.contains(&shopper))
    }

    async fn put_ticket(&self, hash: [u8; 32], of: TicketFor) -> PortResult<()> {
        let now_ms = self.clock.now_ms();
        let until_ms = now_ms + TICKET_LIFE.as_millis() as i64;
        let mut tickets = lock(&self.tickets);
        while let Some((old, _)) = tickets.oldest.front().copied().filter(|(_, until)| *until <= now_ms) {
            tickets.oldest.pop_front();
            tickets.by_hash.remove(&old);
        }
        if tickets.oldest.len() >= TICKETS_MAX {
            return Err(PortError::Unreachable("room for tickets"));
        }
        tickets.oldest.push_back((hash, until_ms));
        tickets.by_hash.insert(hash, (of, until_ms));
        Ok(())
    }

    async fn take_ticket(&self, hash: [u8; 32]) -> PortResult<Option<TicketFor>> {
        let taken = lock(&self.tickets).by_hash.remove(&hash);
        Ok(taken.filter(|(_, until_ms)| self.clock.now_ms() < *until_ms).map(|(of, _)| of))
    }

    async fn admit(&self, bucket: u64, per_second: u32, burst: u32) -> Option<u32> {
        let now_ms = self.clock.now_ms();
        let (rate, full) = (u64::from(per_second.max(1)), u64::from(burst.max(1)) * 1_000);
        let mut buckets = lock(&self.buckets[part(bucket)]);
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&bucket) {
            buckets.clear();
        }
        let one = buckets.entry(bucket).or_insert(Bucket { left: full, at_ms: now_ms });
        let passed = u64::try_from(now_ms - one.at_ms).unwrap_or(0);
        // A thousandth of a request a millisecond and request a second.
        one.left = one.left.saturating_add(passed.saturating_mul(rate)).min(full);
        one.at_ms = now_ms;
        if one.left >= 1_000 {
            one.left -= 1_000;
            return None;
        }
        Some(u32::try_from((1_000 - one.left).div_ceil(rate)).unwrap_or(u32::MAX))
    }
}

/// One process hands nothing to others, and its own cache is nearer than any engine.
#[async_trait]
impl Hot for Memory {
    async fn strategy(&self, _: ShopperId, _: CampaignId) -> Option<HotStrategy> {
        None
    }

    fn keep_strategy(&self, _: ShopperId, _: CampaignId, _: &HotStrategy) -> Option<Noted> {
        None
    }

    fn forget_strategies(&self, _: &[ShopperId], _: CampaignId) -> Option<Noted> {
        None
    }

    async fn cursor(&self, _: CampaignId, _: Option<u8>) -> Option<JobCursor> {
        None
    }

    fn advance(&self, _: Option<u8>, _: JobCursor) -> Option<Noted> {
        None
    }
}
