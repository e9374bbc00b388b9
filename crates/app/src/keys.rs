//! The keys that an account's commands used up: they prove absence without asking records.

use domain::ids::CampaignId;
use domain::record::{KeyHash, Keyed};
use fastbloom::BloomFilter;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;

/// Keys kept exactly per account; the older ones go into a Bloom filter that decides whether records are asked.
pub const KEYS_EXACT: usize = 4_096;
/// How many older keys the filter is sized for. Beyond it more questions go to records; no answer becomes wrong.
const KEYS_FILTERED: usize = 65_536;
const FALSE_POSITIVES: f64 = 0.01;

/// The kinds of keys. An internal kind is never a caller's, so no caller can occupy it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    Draw,
    Order,
    Grant,
    Points,
    Event,
    /// One sign-in a campaign's local day, as order or event.
    SignIn,
    /// One rebate a purchase.
    Purchase,
    /// The claim of an award, or its expiry: whichever comes first.
    Claim,
    /// One payment of an order.
    Payment,
    /// One reward for each shopper who came by another one's word.
    Referral,
    AwardFulfilled,
    AwardFailed,
    /// One order for each counted use of a redeem code.
    Redeem,
    /// An order of the exchange shop, within a window of time.
    Exchange,
    /// One award for each rank of an entry drawing.
    Entry,
    /// One decision about an award that was held back.
    Review,
}

/// The hash of a key, within its shopper.
pub fn hash(kind: KeyKind, campaign: CampaignId, key: &[u8]) -> KeyHash {
    let mut sha = Sha256::new();
    sha.update([kind as u8]);
    sha.update(campaign.0.to_le_bytes());
    sha.update(key);
    let full: [u8; 32] = sha.finalize().into();
    full[..16].try_into().expect("invariant: 16 of 32 bytes")
}

/// The key of the one decision about an award that was held back.
pub fn review_key(award: domain::ids::AwardId) -> KeyHash {
    hash(KeyKind::Review, CampaignId(0), &award.0.to_le_bytes())
}

/// The hash of a request's content, for telling the same request from another one under the same key.
pub fn request_hash(parts: &[&[u8]]) -> u64 {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part);
    }
    let full: [u8; 32] = sha.finalize().into();
    u64::from_le_bytes(full[..8].try_into().expect("invariant: 8 of 32 bytes"))
}

/// Where the answer of a known key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    pub request: u64,
    pub offset: u64,
    pub status: u16,
}

/// What the set knows of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    Absent,
    Known(Known),
    /// Only records can tell.
    Maybe,
}

/// The keys of one account.
#[derive(Debug, Default)]
pub struct KeySet {
    exact: FxHashMap<KeyHash, Known>,
    order: VecDeque<KeyHash>,
    older: Option<Box<BloomFilter>>,
    /// Records hold keys that this set has never seen.
    incomplete: bool,
    /// None of the keys in records were read yet: reading the newest of them is worth one question.
    unread: bool,
}

impl KeySet {
    /// A set from the newest keys of records (newest first); `all` says whether there are no more.
    pub fn load(newest_first: &[crate::ports::StoredKey], all: bool) -> Self {
        let mut set = Self { incomplete: !all, ..Self::default() };
        for k in newest_first.iter().rev() {
            set.insert(&Keyed { hash: k.hash, request: k.request, status: k.status }, k.offset, u64::MAX);
        }
        set
    }

    /// A set that knows only what is folded into it from now on.
    pub fn unread() -> Self {
        Self { incomplete: true, unread: true, ..Self::default() }
    }

    /// Whether records should be asked for all keys rather than for one.
    pub fn is_unread(&self) -> bool {
        self.unread
    }

    /// Adds what records hold (newest first) to a set that was unread.
    pub fn read(&mut self, newest_first: &[crate::ports::StoredKey], all: bool) {
        let mut whole = Self::load(newest_first, all);
        // Keys that left for the filter may have come to records after they were read: those are asked again.
        whole.incomplete |= self.older.is_some();
        for hash in std::mem::take(&mut self.order) {
            if let Some(known) = self.exact.remove(&hash) {
                whole.insert(&Keyed { hash, request: known.request, status: known.status }, known.offset, 0);
            }
        }
        *self = whole;
    }

    pub fn lookup(&self, hash: &KeyHash) -> Lookup {
        match self.exact.get(hash) {
            Some(known) => Lookup::Known(*known),
            None if self.incomplete || self.older.as_ref().is_some_and(|f| f.contains(hash)) => Lookup::Maybe,
            None => Lookup::Absent,
        }
    }

    /// Adds a key of the record at `offset`. Only records can tell about a key that left the exact ones, so none leaves
    /// that is not below `projected`: the bound is exceeded by what is not projected yet, never by more.
    pub fn insert(&mut self, key: &Keyed, offset: u64, projected: u64) {
        let known = Known { request: key.request, offset, status: key.status };
        if self.exact.insert(key.hash, known).is_none() {
            self.order.push_back(key.hash);
        }
        while self.order.len() > KEYS_EXACT
            && let Some(oldest) = self.order.front().copied()
            && self.exact.get(&oldest).is_none_or(|k| k.offset < projected)
        {
            self.order.pop_front();
            self.exact.remove(&oldest);
            self.older
                .get_or_insert_with(|| {
                    Box::new(BloomFilter::with_false_pos(FALSE_POSITIVES).seed(&1).expected_items(KEYS_FILTERED))
                })
                .insert(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(i: u32) -> Keyed {
        Keyed { hash: hash(KeyKind::Draw, CampaignId(1), &i.to_le_bytes()), request: u64::from(i), status: 201 }
    }

    #[test]
    fn a_key_is_never_taken_for_absent() {
        let mut set = KeySet::default();
        for i in 0..10_000 {
            set.insert(&key(i), u64::from(i), u64::from(i));
        }
        for i in 0..10_000 {
            assert_ne!(set.lookup(&key(i).hash), Lookup::Absent, "key {i} was inserted");
        }
        assert!(matches!(set.lookup(&key(9_999).hash), Lookup::Known(Known { offset: 9_999, .. })));
        let unknown = (10_000..11_000).filter(|i| set.lookup(&key(*i).hash) == Lookup::Absent).count();
        assert!(unknown > 950, "the filter proves most absences: {unknown} of 1000");
        assert_eq!(set.exact.len(), KEYS_EXACT);
    }

    #[test]
    fn a_key_that_records_do_not_hold_yet_stays_exact() {
        let mut set = KeySet::default();
        for i in 0..10_000 {
            set.insert(&key(i), u64::from(i), 500);
        }
        assert_eq!(set.exact.len(), 9_500, "what is projected has left");
        assert!(matches!(set.lookup(&key(500).hash), Lookup::Known(_)), "the oldest unprojected key is known for sure");
        set.insert(&key(10_000), 10_000, 10_000);
        assert_eq!(set.exact.len(), KEYS_EXACT, "projection makes room");
    }

    #[test]
    fn an_unread_set_proves_nothing_until_it_is_read() {
        let mut set = KeySet::unread();
        set.insert(&key(3), 3, 0);
        assert_eq!(set.lookup(&key(1).hash), Lookup::Maybe);
        let stored = |i: u32| crate::ports::StoredKey {
            hash: key(i).hash,
            request: u64::from(i),
            status: 201,
            offset: u64::from(i),
        };
        set.read(&[stored(2), stored(1)], true);
        for (i, known) in [(1, true), (2, true), (3, true), (4, false)] {
            assert_eq!(
                matches!(set.lookup(&key(i).hash), Lookup::Known(k) if k.offset == u64::from(i)),
                known,
                "key {i}"
            );
        }
        assert_eq!(set.lookup(&key(4).hash), Lookup::Absent);
    }

    #[test]
    fn kinds_and_campaigns_do_not_collide() {
        let a = hash(KeyKind::Draw, CampaignId(1), b"k");
        assert_ne!(a, hash(KeyKind::Order, CampaignId(1), b"k"));
        assert_ne!(a, hash(KeyKind::Draw, CampaignId(2), b"k"));
        assert_ne!(request_hash(&[b"ab", b"c"]), request_hash(&[b"a", b"bc"]), "parts are delimited");
    }
}
