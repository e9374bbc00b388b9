//! Where in Redis what is known of a shopper lies.
//!
//! Shoppers' ids are sparse, so each has a *place*: an ordinal in one of many buckets, given at first use and kept in the
//! bucket's directory, one packed entry a shopper. A bucket's bitmaps are indexed by place. All keys of a bucket share a
//! hash tag, so that one function can use them together on a cluster too.
//!
//! An id is mixed by a bijection of 64 bits. Its remainder by the number of buckets is the bucket, its quotient the
//! entry: together they are the id again, so no two shoppers are ever taken for each other.

use domain::ids::{ShopperId, mix};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes at the start of a directory and of a bitmap that say which life of the directory it is of.
pub(super) const LIFE_BYTES: usize = 4;
/// Bytes of a bitmap behind its life. With those, the length that Redis keeps before a text and the NUL behind it, 512
/// bytes: exactly one of the sizes that its allocator gives.
pub(super) const ROOM: usize = 512 - 6 - LIFE_BYTES;
/// Shoppers of a bucket, on average. Three standard deviations above, a directory of 7 bytes each still has room in an
/// allocation of 28 KiB, which it fills to more than nine tenths; two above, places have their bits in [`ROOM`]. The
/// bitmaps of the few buckets that are fuller are twice as large.
const PER_BUCKET: u64 = 3_890;
/// Shoppers whose places a node remembers, a power of two; 8 bytes each.
const GUESSES: usize = 1 << 20;
/// Bits of a remembered place.
const GUESS_BITS: u32 = 24;

/// The layout for so many shoppers, and the places that this node has seen.
pub(super) struct Layout {
    prefix: String,
    buckets: u64,
    /// Bytes of an entry.
    width: usize,
    /// The upper bits of a mixed id with its place in the lower ones. Guesses only, which the functions check: what is
    /// outdated or overwritten costs a search.
    guesses: Box<[AtomicU64]>,
}

/// A shopper's bucket and entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    mixed: u64,
    pub bucket: u64,
    entry: [u8; 8],
    width: usize,
}

impl Spot {
    /// The bytes that stand for the shopper in the directory.
    pub fn entry(&self) -> &[u8] {
        &self.entry[8 - self.width..]
    }
}

impl Layout {
    /// For `shoppers`; all keys start with `prefix`.
    pub fn new(prefix: &str, shoppers: u64) -> Self {
        let buckets = shoppers.div_ceil(PER_BUCKET).max(1);
        let quotients = u64::MAX / buckets;
        let width = (u64::BITS - quotients.leading_zeros()).div_ceil(8) as usize;
        // The layout is part of the names: places of another one mean nothing here.
        let prefix = format!("{prefix}:{buckets:x}");
        Self { prefix, buckets, width, guesses: std::iter::repeat_with(AtomicU64::default).take(GUESSES).collect() }
    }

    /// Where a shopper is.
    pub fn spot(&self, shopper: ShopperId) -> Spot {
        let mixed = mix(shopper.0);
        Spot { mixed, bucket: mixed % self.buckets, entry: (mixed / self.buckets).to_be_bytes(), width: self.width }
    }

    /// A key of a bucket.
    pub fn key(&self, bucket: u64, name: std::fmt::Arguments<'_>) -> String {
        format!("{}:{{{bucket:x}}}:{name}", self.prefix)
    }

    /// The place where the shopper was last seen; -1 where that is not known.
    pub fn guess(&self, spot: &Spot) -> i64 {
        let seen = self.slot(spot).load(Ordering::Relaxed);
        if seen != 0 && seen >> GUESS_BITS == spot.mixed >> GUESS_BITS {
            (seen & ((1 << GUESS_BITS) - 1)) as i64
        } else {
            -1
        }
    }

    /// Remembers a place.
    pub fn saw(&self, spot: &Spot, place: i64) {
        if (0..1 << GUESS_BITS).contains(&place) {
            let seen = spot.mixed >> GUESS_BITS << GUESS_BITS | place as u64;
            self.slot(spot).store(seen, Ordering::Relaxed);
        }
    }

    fn slot(&self, spot: &Spot) -> &AtomicU64 {
        &self.guesses[spot.mixed as usize & (GUESSES - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_shoppers_share_bucket_and_entry() {
        for shoppers in [1, 1_000, 1_000_000, 10_000_000_000] {
            let layout = Layout::new("t", shoppers);
            let ids = (0..50_000).chain((0..50_000).map(|i| i << 22)).chain(u64::MAX - 1_000..=u64::MAX);
            let (mut seen, mut all) = (HashSet::new(), HashSet::new());
            for id in ids {
                let spot = layout.spot(ShopperId(id));
                assert!(spot.bucket < layout.buckets);
                seen.insert((spot.bucket, spot.entry().to_vec()));
                all.insert(id);
            }
            assert_eq!(seen.len(), all.len(), "{shoppers} shoppers");
        }
    }

    #[test]
    fn entries_are_as_short_as_the_buckets_allow() {
        for (shoppers, width) in [(1, 8), (900_000, 8), (1_000_000, 7), (1_000_000_000, 6)] {
            assert_eq!(Layout::new("t", shoppers).width, width, "{shoppers}");
        }
    }

    #[test]
    fn places_are_remembered_for_their_shopper_alone() {
        let layout = Layout::new("t", 1_000_000);
        let (ada, bob) = (layout.spot(ShopperId(7)), layout.spot(ShopperId(8)));
        assert_eq!(layout.guess(&ada), -1);
        layout.saw(&ada, 12);
        layout.saw(&bob, -1);
        assert_eq!((layout.guess(&ada), layout.guess(&bob)), (12, -1));
        layout.saw(&ada, 1 << GUESS_BITS);
        assert_eq!(layout.guess(&ada), 12, "what does not fit is not remembered");
    }

    #[test]
    fn buckets_are_even_enough_for_their_room() {
        let layout = Layout::new("t", 1_000_000);
        let mut counts = vec![0_usize; layout.buckets as usize];
        for id in 0..1_000_000_u64 {
            counts[layout.spot(ShopperId(id << 16)).bucket as usize] += 1;
        }
        let fuller = counts.iter().filter(|count| **count > ROOM * 8).count();
        assert!(fuller * 20 < counts.len(), "{fuller} of {} buckets", counts.len());
    }
}
