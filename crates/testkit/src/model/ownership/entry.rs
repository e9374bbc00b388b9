//! The ledger's entries, and bounded sequences of them.

use std::fmt;
use std::hash::{Hash, Hasher};

/// Room for the ledger and for the appends on the way.
const CAPACITY: usize = 9;

/// An entry of the ledger: a marker if `key` is 0, else a draw of key number `key - 1`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub(super) epoch: u8,
    /// Node and life: `life * 2 + node`.
    pub(super) name: u8,
    pub(super) key: u8,
    pub(super) n: u8,
    pub(super) win: bool,
}

/// A bounded sequence of entries.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Entries {
    pub(super) len: u8,
    pub(super) at: [Entry; CAPACITY],
}

impl Entry {
    pub(super) fn marker(epoch: u8, name: u8) -> Entry {
        Entry { epoch, name, ..Entry::default() }
    }
    pub(super) fn is_marker(&self) -> bool {
        self.key == 0
    }
    pub(super) fn key(&self) -> usize {
        usize::from(self.key) - 1
    }
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.at[..self.len()].iter()
    }
    pub(super) fn push(&mut self, entry: Entry) {
        self.at[self.len()] = entry;
        self.len += 1;
    }
    pub(super) fn insert(&mut self, entry: Entry) {
        self.push(entry);
        let len = self.len();
        self.at[..len].sort_unstable();
    }
    pub(super) fn remove(&mut self, i: usize) -> Entry {
        let (entry, len) = (self.at[i], self.len());
        self.at.copy_within(i + 1..len, i);
        self.at[len - 1] = Entry::default();
        self.len -= 1;
        entry
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (node, life) = (self.name % 2, self.name / 2);
        if self.is_marker() {
            return write!(f, "Owner(epoch {}, node {node} life {life})", self.epoch);
        }
        let (key, what) = (char::from(b'a' + self.key - 1), if self.win { "wins" } else { "no win" });
        write!(f, "Draw(epoch {}, node {node} life {life}, key {key}, n {}, {what})", self.epoch, self.n)
    }
}

impl Hash for Entries {
    fn hash<H: Hasher>(&self, h: &mut H) {
        for pair in self.at[..self.len()].chunks(4) {
            let pack = |word: u64, e: &Entry| word << 16 | e.pack();
            h.write_u64(pair.iter().fold(1, pack));
        }
        h.write_u8(self.len);
    }
}

impl Entry {
    fn pack(&self) -> u64 {
        let Entry { epoch, name, key, n, win } = *self;
        [(epoch, 3), (name, 4), (key, 2), (n, 3), (u8::from(win), 1)]
            .iter()
            .fold(0, |word, (field, bits)| word << bits | u64::from(*field))
    }
}
